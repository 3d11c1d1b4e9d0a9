"""Creates botocore's clients and keeps one for each service and region, and the rate limits of an account."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from contextlib import suppress
from dataclasses import field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit
from weakref import WeakValueDictionary

from sqlprov.aws.transport.limiter import Limiter
from sqlprov.aws.transport.reply_cache import ReplyCache
from sqlprov.catalog.regions import DEFAULT_PARTITION, find_partition, list_regions
from sqlprov.errors import (
    AccessDenied,
    CredentialsError,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    RegionError,
    suggest,
)
from sqlprov.records import dataclass
from sqlprov.version import VERSION

if TYPE_CHECKING:
    from sqlprov.aws.transport.run import Run
    from sqlprov.catalog.table import Table

log = logging.getLogger("sqlprov")

MOST_CONNECTIONS = 256
DEFAULT_HOME = "us-east-1"
"""The region of STS where none is configured: the first call's may be one that the account has not enabled."""
AWS = "AWS"
ENDPOINT_URL = "AWS_ENDPOINT_URL"
MAX_ATTEMPTS = 5
REGION_NAME = re.compile(r"[a-z0-9-]+")
# Endpoint, account, service and region -> limiter, as long as a connection uses it.
_limiters: WeakValueDictionary[tuple[Any, ...], Limiter] = WeakValueDictionary()
_limiters_lock = threading.Lock()


@dataclass
class Cloud:
    """The account of a connection; shared by all its cursors.

    Attributes:
        profile: AWS profile; `None` for botocore's own choice.
        endpoint_url: URL of any server that speaks the API; `None` for botocore's own choice.
        credentials: (access key id, secret access key) to use instead of botocore's; for the local AWS.
        fallback_region: the default region where none is configured; for the local AWS.
        account_id: set by the first call that returns it.
        region_statuses: region -> its status in the account, such as ENABLED; set by the first call that returns it.
        account_lock: held by the thread that reads the account.
        regions_lock: held by the thread that reads the regions.
        read_only: refuse every operation that is not in `reads`, inside botocore; it cannot be unset.
        has_accepted: whether a service has accepted the credentials since the last statement began.
        reads: botocore's service name and operation of each read that a table declares.
        replies: the replies that `sqlprov_cache` keeps.
    """

    profile: str | None = None
    endpoint_url: str | None = None
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    fallback_region: str | None = None
    account_id: str | None = None
    region_statuses: dict[str, str] | None = None
    read_only: bool = False
    has_accepted: bool = False
    reads: set[tuple[str, str]] = field(
        default_factory=lambda: {
            ("sts", "GetCallerIdentity"),
            ("iam", "SimulatePrincipalPolicy"),
            ("account", "ListRegions"),
            ("ec2", "DescribeRegions"),
        }
    )
    replies: ReplyCache = field(default_factory=ReplyCache)
    _clients: dict[tuple[str, str, float], Any] = field(default_factory=dict)
    _limiters: dict[tuple[Any, str, str], Limiter] = field(default_factory=dict)
    account_lock: threading.Lock = field(default_factory=threading.Lock)
    regions_lock: threading.Lock = field(default_factory=threading.Lock)
    _session: Any = None
    _failure: CredentialsError | None = None
    _is_refused: bool = False
    _since: float = 0.0
    _code: str = field(default="", repr=False)
    _old_clients: list[Any] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def get_session(self) -> Any:
        """The botocore session of the clients, created on first use.

        Raises:
            CredentialsError: the profile does not exist, or a configuration file cannot be parsed.
        """
        # Imported on first use: botocore takes 100 ms, and a statement without a live table does not need it.
        from sqlprov.aws.transport import credentials

        with self._lock:
            if self._session is None:
                keys = self.credentials
                self._session = (
                    credentials.open_local_session(keys) if keys else credentials.open_session(self.profile)
                )
            return self._session

    def get_credentials(self, region: str | None = None) -> Any:
        """The botocore credentials of the session, valid for now; `None` if there are none.

        Args:
            region: the region of the call that needs them.

        Raises:
            CredentialsError: they cannot be got. Until `renew`, it is raised again without another try.
        """
        from sqlprov.aws.transport.credentials import read_credentials

        with self._lock:
            session = self.get_session()
            if self.credentials:
                return session.get_credentials()
            if self._failure is None:
                home = self.find_region() or (
                    DEFAULT_HOME if region and find_partition(region) == DEFAULT_PARTITION else region
                )
                try:
                    return read_credentials(session, self._since, home, self._take_code)
                except CredentialsError as failure:
                    self._failure = failure
            raise type(self._failure)(str(self._failure), mfa_serial=self._failure.mfa_serial)

    def _take_code(self, serial: str) -> str:
        from sqlprov.aws.transport.credentials import MfaCodeNeeded

        code, self._code = self._code, ""
        if not code:
            raise MfaCodeNeeded(serial)
        return code

    def enter_mfa_code(self, code: str) -> None:
        """Get the credentials of a role with a code of its MFA device.

        Raises:
            CredentialsError: they cannot be got.
        """
        with self._lock:
            self.renew()
            self._code = code
            self.get_credentials()

    def note_failure(self, error: OperationalError) -> None:
        """Take credentials out of an error's text; if the service refused them, the next statement reads them again."""
        from sqlprov.aws.transport.credentials import hide
        from sqlprov.aws.transport.errors import CLOSED

        text = hide(str(error))
        if isinstance(error, CredentialsError | AccessDenied) and not self.endpoint_url:
            where = self.describe()
            text += f" ({where})" if where != AWS else ""
        error.args = (text,)
        if isinstance(error, CredentialsError):
            # Those that another region accepts are not the reason.
            self._is_refused |= error.code not in CLOSED or not self.has_accepted

    def renew(self) -> None:
        """Forget credentials that could not be got or were refused, and whose they were.

        Every statement begins with it.
        """
        with self._lock:
            if self._failure is None and not self._is_refused:
                return
            if self._is_refused:
                self._since = time.time()
            self._failure = self._session = None
            self._is_refused = self.has_accepted = False
            # Another statement may use them.
            self._old_clients += self._clients.values()
            self._clients = {}
            self.account_id = self.region_statuses = None
            self.replies.clear()

    def find_max_attempts(self, run: Run) -> int:
        """Attempts for one call: the setting's, AWS_MAX_ATTEMPTS, the profile's `max_attempts`, or 5.

        Raises:
            InterfaceError: the configured value is not a number.
        """
        if run.settings.max_attempts is not None:
            return run.settings.max_attempts
        try:
            configured = self.get_session().get_config_variable("max_attempts")
        except ValueError as error:
            raise InterfaceError(f"AWS_MAX_ATTEMPTS, or max_attempts in the profile: {error}.") from None
        return MAX_ATTEMPTS if configured is None else max(int(configured), 1)

    def find_region(self) -> str | None:
        """The default region: AWS_REGION, AWS_DEFAULT_REGION, the profile's, then the spare one.

        Raises:
            RegionError: it is not the name of a region.
            CredentialsError: as `get_session`.
        """
        # botocore reads only AWS_DEFAULT_REGION; the AWS command line and the other SDKs read both.
        region: str | None = os.environ.get("AWS_REGION") or self.get_session().get_config_variable("region")
        if region and not REGION_NAME.fullmatch(region):
            names = [name for name in ("AWS_REGION", "AWS_DEFAULT_REGION") if os.environ.get(name)]
            source = names[0] if names else "region in the AWS config file"
            known = [each.region for each in list_regions()]
            raise RegionError(f"{source} = {region!r} is not a region.{suggest(region, known)}")
        return region or self.fallback_region

    def list_endpoints(self) -> dict[str, str]:
        """Service as configured, or "" for every other -> URL that calls go to instead of AWS.

        Raises:
            CredentialsError: as `get_session`.
        """
        if self.endpoint_url:
            return {"": self.endpoint_url}
        session = self.get_session()
        if session.get_config_variable("ignore_configured_endpoint_urls"):
            return {}
        profile = session.get_scoped_config()
        section = session.full_config.get("services", {}).get(profile.get("services"), {})
        urls = {"": profile.get("endpoint_url")}
        urls |= {name: each.get("endpoint_url") for name, each in section.items() if isinstance(each, dict)}
        if url := os.environ.get(ENDPOINT_URL):
            urls = {"": url}
        urls |= {
            name.removeprefix(f"{ENDPOINT_URL}_").lower(): url
            for name, url in os.environ.items()
            if name.startswith(f"{ENDPOINT_URL}_")
        }
        return {name: url for name, url in urls.items() if url}

    def describe(self) -> str:
        """The endpoints and the profile in force, in words.

        Raises:
            CredentialsError: as `get_session`.
        """
        urls = self.list_endpoints()
        profile = None if self.credentials else self.get_session().get_config_variable("profile")
        parts = [urls.pop("", AWS), *(f"{name} at {url}" for name, url in sorted(urls.items()))]
        return ", ".join([*parts, *([f"profile {profile}"] if profile else [])])

    def find_access_key(self) -> str | None:
        """The access key id of the current credentials; `None` if there are none, which the next call reports."""
        with suppress(CredentialsError):
            credentials = self.get_credentials()
            return str(credentials.get_frozen_credentials().access_key) if credentials else None
        return None

    def get_client(self, service: str, region: str, timeout: float) -> Any:
        """The client of botocore's `service` in `region` that waits `timeout` seconds for a reply.

        Raises:
            CredentialsError: as `get_credentials`.
            InterfaceError, RegionError: the endpoint or the region cannot be one.
        """
        with self._lock:
            key = service, region, timeout
            self.get_credentials(region)
            if key not in self._clients:
                self._clients[key] = self._create_client(*key)
            return self._clients[key]

    def get_limiter(self, service: str, region: str) -> Limiter:
        """The rate limit of botocore's `service` in `region`, shared by all connections to the account.

        Until the account is known, each profile counts as an account.
        """
        profile = (self.profile, self.credentials)
        account = self.account_id or profile
        limiter = self._limiters.get((account, service, region))
        if limiter is None:
            # A rate measured before the account was known is still right.
            earlier = self._limiters.get((profile, service, region)) or Limiter()
            with _limiters_lock:
                limiter = _limiters.setdefault((self.endpoint_url, account, service, region), earlier)
            self._limiters[account, service, region] = limiter
        return limiter

    def _create_client(self, service: str, region: str, timeout: float) -> Any:
        import botocore.config
        from botocore.exceptions import InvalidRegionError
        from botocore.useragent import sanitize_user_agent_string_component

        from sqlprov.aws.transport.cancellable_connections import make_cancellable
        from sqlprov.aws.transport.replies import decode

        session = self.get_session()
        app_id = sanitize_user_agent_string_component(
            session.get_config_variable("user_agent_appid") or "", allow_hash=False
        )
        config = botocore.config.Config(
            # sqlprov retries: botocore would not notice a truncated reply, nor stop when the statement is cancelled.
            retries={"total_max_attempts": 1, "mode": "standard"},
            read_timeout=timeout,
            connect_timeout=min(timeout, 10.0),
            max_pool_connections=MOST_CONNECTIONS,
            # botocore would build its own twice per call, which takes a fifth of the call's CPU.
            user_agent=f"sqlprov/{VERSION}{f' app/{app_id}' if app_id else ''}",
            # A proxy cannot reach the local AWS, and `api.127.0.0.1` is not a host.
            proxies={} if self.credentials else None,
            inject_host_prefix=not self.credentials,
        )
        try:
            # boto3's clients are these, with methods for files in S3, and take 0.03 s more to import.
            client = session.create_client(
                service, region_name=region or None, endpoint_url=self.endpoint_url, config=config
            )
        except InvalidRegionError:
            known = [each.region for each in list_regions()]
            raise RegionError(f"{region!r} is not a region.{suggest(region, known)}") from None
        except ValueError as error:
            url = self.endpoint_url
            setting = f"endpoint_url = {url!r}" if url else _find_endpoint(service)
            raise InterfaceError(
                f"{setting}: {error}; expected a URL such as http://127.0.0.1:8123."
            ) from None
        name = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register(f"before-call.{name}", self._block_writes)
        client.meta.events.register(f"before-parse.{name}", decode)
        if service == "s3":
            _unregister_slow_handler(client)
        if service == "route53":
            client.meta.events.register("before-parameter-build.route-53.ListTagsForResource", _strip_path)
        if self.credentials:
            client.meta.events.register(f"before-sign.{name}", self._stay_local)
            client.meta.events.register(f"choose-signer.{name}", _sign_with_keys)
        make_cancellable(client)
        return client

    def _stay_local(self, request: Any, **_: Any) -> None:
        """Send a request to the local server: a `before-sign` handler of botocore.

        S3 Control puts the account before the server's address, and Sign-In ignores `endpoint_url`.
        """
        own, parts = urlsplit(self.endpoint_url or ""), urlsplit(request.url)
        if own.netloc and parts.netloc != own.netloc:
            request.url = urlunsplit((own.scheme, own.netloc, *parts[2:]))

    def _block_writes(self, model: Any, **_: Any) -> None:
        """Refuse writes in a read-only session: a `before-call` handler of botocore."""
        if self.read_only and (model.service_model.service_name, model.name) not in self.reads:
            raise NotSupportedError(
                f"The session is read-only (sqlprov_read_only); {model.name} was not called."
            )

    def allow_reads(self, table: Table) -> None:
        """Add the operations that read `table` to `reads`."""
        calls = [table.list, table.describe, table.tags, *table.extras.values()]
        self.reads |= {(table.client, call.call) for call in calls if call}

    def close(self) -> None:
        """Close the connections."""
        from sqlprov.aws.transport.cancellable_connections import close_client

        with self._lock:
            clients, self._clients = [*self._old_clients, *self._clients.values()], {}
            self._old_clients = []
        for client in clients:
            close_client(client)


def _sign_with_keys(signature_version: str, **_: Any) -> str | None:
    """Sign for the local AWS with a region instead of a token: a `choose-signer` handler of botocore."""
    return "v4" if signature_version in ("bearer", "v2") else None


def _find_endpoint(service: str) -> str:
    """The source and value of an endpoint that botocore found in the environment or the configuration."""
    from sqlprov.catalog.service_model import load_model

    suffix = load_model(service).service_id.hyphenize().replace("-", "_").upper()
    for name in (f"{ENDPOINT_URL}_{suffix}", ENDPOINT_URL):
        if url := os.environ.get(name):
            return f"{name} = {url!r}"
    return "endpoint_url in the AWS config file"


def _unregister_slow_handler(client: Any) -> None:
    """Remove botocore's handler of S3's errors with status 200, a private part of it.

    It parses the whole of each reply to see whether it is an error, which `decode` sees, too. If it stays, replies
    only take longer.
    """
    try:
        from botocore.handlers import _handle_200_error

        client.meta.events.unregister("before-parse.s3.*", _handle_200_error)
    except Exception:
        log.info("S3's replies are parsed twice with this version of botocore", exc_info=True)


def _strip_path(params: dict[str, Any], **_: Any) -> None:
    """Remove `/hostedzone/` from an id, as botocore does for Route 53's other calls."""
    if "ResourceId" in params:
        params["ResourceId"] = params["ResourceId"].rpartition("/")[2]

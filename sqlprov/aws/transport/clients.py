"""Creates botocore's clients and keeps one for each service and region, and the rate limits of an account."""

from __future__ import annotations

import logging
import os
import threading
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit
from weakref import WeakValueDictionary

from sqlprov.aws.transport.limiter import Limiter
from sqlprov.aws.transport.login import ENDPOINT_URL, Login, hide_user
from sqlprov.aws.transport.reply_cache import ReplyCache
from sqlprov.aws.transport.shared_clients import sign_by_thread, sign_with
from sqlprov.catalog.regions import list_regions
from sqlprov.errors import (
    CredentialsError,
    InterfaceError,
    NotSupportedError,
    RegionError,
    suggest,
)
from sqlprov.records import dataclass
from sqlprov.version import VERSION

if TYPE_CHECKING:
    from sqlprov.catalog.table import Table

log = logging.getLogger("sqlprov")

MOST_CONNECTIONS = 256
_OWN_CREDENTIALS = nullcontext()
"""Of a client that has its account's credentials."""
# Endpoint, account, service and region -> limiter, as long as a connection uses it.
_limiters: WeakValueDictionary[tuple[Any, ...], Limiter] = WeakValueDictionary()
_limiters_lock = threading.Lock()


@dataclass
class Guard:
    """The operations that a session allows.

    Attributes:
        read_only: refuse every operation that is not in `reads`, inside botocore; it cannot be unset.
        reads: botocore's service name and operation of each read that a table declares.
    """

    read_only: bool = False
    reads: set[tuple[str, str]] = field(
        default_factory=lambda: {
            ("sts", "GetCallerIdentity"),
            ("sts", "AssumeRole"),
            ("organizations", "ListAccounts"),
            ("organizations", "ListAccountsForParent"),
            ("organizations", "ListOrganizationalUnitsForParent"),
            ("iam", "SimulatePrincipalPolicy"),
            ("account", "ListRegions"),
            ("ec2", "DescribeRegions"),
        }
    )

    def allow_reads(self, table: Table) -> None:
        """Add the operations that read `table` to `reads`."""
        calls = [table.list, table.describe, table.tags, *table.extras.values()]
        self.reads |= {(table.client, call.call) for call in calls if call}

    def block_writes(self, model: Any, **_: Any) -> None:
        """Refuse writes in a read-only session: a `before-call` handler of botocore."""
        if self.read_only and (model.service_model.service_name, model.name) not in self.reads:
            raise NotSupportedError(
                f"The session is read-only (sqlprov_read_only); {model.name} was not called."
            )


@dataclass
class Cloud(Login):
    """The account of a connection, and its clients; shared by all its cursors.

    Attributes:
        account_id: set by the first call that returns it.
        id_key: the access key id with which it was read, if a program makes the credentials.
        region_statuses: region -> its status in the account, such as ENABLED; set by the first call that returns it.
        account_lock: held by the thread that reads the account.
        regions_lock: held by the thread that reads the regions.
        guard: the operations that it allows.
        replies: the replies that `sqlprov_cache` keeps.
    """

    account_id: str | None = None
    id_key: str = ""
    region_statuses: dict[str, str] | None = None
    guard: Guard = field(default_factory=Guard)
    replies: ReplyCache = field(default_factory=ReplyCache)
    _clients: dict[tuple[str, str, float], Any] = field(default_factory=dict)
    _limiters: dict[tuple[Any, str, str], Limiter] = field(default_factory=dict)
    account_lock: threading.Lock = field(default_factory=threading.Lock)
    regions_lock: threading.Lock = field(default_factory=threading.Lock)
    _old_clients: list[Any] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def renew(self) -> bool:
        if not super().renew():
            if not (self.id_key and self._has_other_keys()):
                return False
            self._forget_account()
            return True
        with self._lock:
            # Another statement may use them.
            self._old_clients += self._clients.values()
            self._clients = {}
        self._forget_account()
        self.replies.clear()
        return True

    def _has_other_keys(self) -> bool:
        """Whether a program has made other credentials than those with which the account was read."""
        with suppress(CredentialsError):  # the next call reports it
            keys = self.freeze()
            return keys is None or keys.access_key != self.id_key
        return True

    def _forget_account(self) -> None:
        self.account_id = self.region_statuses = None
        self.id_key = ""

    def get_client(self, service: str, region: str, timeout: float) -> Any:
        """The client of botocore's `service` in `region` that waits `timeout` seconds for a reply.

        Raises:
            CredentialsError: as `get_credentials`.
            InterfaceError, RegionError: the endpoint or the region cannot be one.
        """
        self.get_credentials(region)
        with self._lock:
            key = service, region, timeout
            if key not in self._clients:
                self._clients[key] = self._create_client(*key)
            return self._clients[key]

    def sign(self, keys: Any) -> AbstractContextManager[None]:
        """Within the block, this thread's requests are signed for the account, with `keys` if they are given."""
        return _OWN_CREDENTIALS if keys is None else sign_with(keys)

    def forget_limiters(self) -> None:
        """Forget the services that have not throttled: an organization has tens of thousands of places."""
        if any(limiter.rate is None for limiter in list(self._limiters.values())):
            self._limiters = {
                key: each for key, each in list(self._limiters.items()) if each.rate is not None
            }

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

    def list_rates(self, service: str) -> dict[str, float]:
        """Region -> the calls a second that a service accepts there, where it has throttled."""
        known = list(self._limiters.items())
        return {region: each.rate for (_, name, region), each in known if name == service and each.rate}

    def _create_client(self, service: str, region: str, timeout: float, *, is_shared: bool = False) -> Any:
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
            # An endpoint of an account serves no other.
            account_id_endpoint_mode="disabled" if is_shared else None,
        )
        try:
            # boto3's clients are these, with methods for files in S3, and take 0.03 s more to import.
            client = session.create_client(
                service, region_name=region or None, endpoint_url=self.endpoint_url, config=config
            )
            _check_url(client.meta.endpoint_url)  # botocore does so only when it sends
        except InvalidRegionError:
            known = [each.region for each in list_regions()]
            raise RegionError(f"{region!r} is not a region.{suggest(region, known)}") from None
        except ValueError as error:
            url = self.endpoint_url
            setting = f"endpoint_url = {url!r}" if url else _find_endpoint(service)
            raise InterfaceError(
                hide_user(f"{setting}: {error}; expected a URL such as http://127.0.0.1:8123.")
            ) from None
        name = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register(f"before-call.{name}", self.guard.block_writes)
        client.meta.events.register(f"before-parse.{name}", decode)
        if service == "s3":
            _unregister_slow_handler(client)
        if service == "route53":
            client.meta.events.register("before-parameter-build.route-53.ListTagsForResource", _strip_path)
        if self.credentials:
            client.meta.events.register(f"before-sign.{name}", self._stay_local)
            client.meta.events.register(f"choose-signer.{name}", _sign_with_keys)
        if not is_shared and self.freeze() is not None:
            sign_by_thread(client)
        make_cancellable(client)
        return client

    def _stay_local(self, request: Any, **_: Any) -> None:
        """Send a request to the local server: a `before-sign` handler of botocore.

        S3 Control puts the account before the server's address, and Sign-In ignores `endpoint_url`.
        """
        own, parts = urlsplit(self.endpoint_url or ""), urlsplit(request.url)
        if own.netloc and parts.netloc != own.netloc:
            request.url = urlunsplit((own.scheme, own.netloc, *parts[2:]))

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


def _check_url(url: str) -> None:
    """Raise ValueError for a URL to which no request can be sent."""
    parts = urlsplit(url)
    parts.port  # noqa: B018  # raises
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"it begins with {parts.scheme}://")
    if "@" in parts.netloc:
        raise ValueError("AWS takes keys, not a user name and password")


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

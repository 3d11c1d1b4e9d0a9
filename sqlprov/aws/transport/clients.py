"""Profile, endpoint and region in, boto3 clients out; one session, one client for each service and region."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from sqlprov.aws.transport.limiter import Limiter
from sqlprov.errors import CredentialsError, InterfaceError, NotSupportedError
from sqlprov.version import VERSION

if TYPE_CHECKING:
    from sqlprov.catalog.table import Table

MOST_CONNECTIONS = 256
# Endpoint, account, service and region -> their pace, as long as a connection holds it.
_shared: WeakValueDictionary[tuple[Any, ...], Limiter] = WeakValueDictionary()
_sharing = threading.Lock()


@dataclass
class Cloud:
    """The account that a connection works in; shared by all its cursors.

    Attributes:
        profile: AWS profile; `None` for boto3's own choice.
        endpoint_url: URL of any server that speaks the API; `None` for boto3's own choice.
        credentials: (access key id, secret access key) to use instead of boto3's; for the local emulator.
        account_id: known once it was asked for.
        read_only: refuse every operation that is not in `reads`, in botocore itself; it cannot be unset.
        reads: operations that tables declare as reads.
    """

    profile: str | None = None
    endpoint_url: str | None = None
    credentials: tuple[str, str] | None = None
    account_id: str | None = None
    read_only: bool = False
    reads: set[str] = field(default_factory=lambda: {"GetCallerIdentity", "SimulatePrincipalPolicy"})
    # Table and region -> pages of a whole list, remembered to weigh look-ups by key against it. Never changed
    # but replaced: other threads may be going through it.
    pages: dict[tuple[str, str], int] = field(default_factory=dict)
    _clients: dict[tuple[str, str, float], Any] = field(default_factory=dict)
    _limiters: dict[tuple[Any, str, str], Limiter] = field(default_factory=dict)
    asking_account: threading.Lock = field(default_factory=threading.Lock)
    _session: Any = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def session(self) -> Any:
        """The boto3 session.

        Raises:
            CredentialsError: the profile does not exist.
        """
        # Here, not above: boto3 takes 150 ms, which a statement without a live table need not pay.
        import boto3
        import botocore.exceptions
        import botocore.session

        from sqlprov.catalog.service_model import get_loader

        with self._lock:
            if self._session is None:
                key, secret = self.credentials or (None, None)
                try:
                    # With credentials of its own it is nobody's profile, whatever AWS_PROFILE says.
                    own = {"profile": (None, None, None, None)} if self.credentials else None
                    core = botocore.session.Session(session_vars=own, profile=self.profile)
                    if core.get_config_variable("data_path") is None:
                        # The catalog has read the service's model already, which takes 150 ms.
                        core.register_component("data_loader", get_loader())
                    self._session = boto3.Session(
                        aws_access_key_id=key, aws_secret_access_key=secret, botocore_session=core
                    )
                except botocore.exceptions.ProfileNotFound as error:
                    raise CredentialsError(
                        f"{error}. `aws configure list-profiles` shows those there are."
                    ) from None
            return self._session

    def region(self) -> str | None:
        """The region boto3 finds: AWS_REGION, AWS_DEFAULT_REGION, then the profile's."""
        # botocore itself reads AWS_DEFAULT_REGION only; the AWS command line and the other SDKs read both.
        found: str | None = os.environ.get("AWS_REGION") or self.session().region_name
        return found

    def client(self, service: str, region: str, timeout: float) -> Any:
        """The client of botocore's `service` in `region`; a reply is waited for `timeout` seconds."""
        with self._lock:
            known = self._clients.get((service, region, timeout))
            if known is None:
                known = self._clients[service, region, timeout] = self._new(service, region, timeout)
            return known

    def limiter(self, service: str, region: str) -> Limiter:
        """The pace of botocore's `service` in `region`; one for all threads, and all connections to the account.

        As long as an account is not known, each profile is taken for one of its own.
        """
        profile = (self.profile, self.credentials)
        account = self.account_id or profile
        known = self._limiters.get((account, service, region))
        if known is None:
            # What was learned before the account was known holds for it.
            before = self._limiters.get((profile, service, region)) or Limiter()
            with _sharing:
                known = _shared.setdefault((self.endpoint_url, account, service, region), before)
            self._limiters[account, service, region] = known
        return known

    def _new(self, service: str, region: str, timeout: float) -> Any:
        import botocore.config

        from sqlprov.aws.transport.cancellable_connections import make_cancellable
        from sqlprov.aws.transport.replies import decode

        config = botocore.config.Config(
            # We retry ourselves: botocore would not see a reply that is cut off, nor stop when we are cancelled.
            retries={"total_max_attempts": 1, "mode": "standard"},
            read_timeout=timeout,
            connect_timeout=min(timeout, 10.0),
            max_pool_connections=MOST_CONNECTIONS,
            # botocore would put its own together twice for each call, which takes a fifth of the call's CPU.
            user_agent=f"sqlprov/{VERSION}{self._app()}",
            # The local SageMaker is on this machine: no proxy knows it.
            proxies={} if self.credentials else None,
        )
        try:
            client = self.session().client(
                service, region_name=region or None, endpoint_url=self.endpoint_url, config=config
            )
        except ValueError as error:
            given = (
                f"endpoint_url = {self.endpoint_url!r}" if self.endpoint_url else _endpoint_written(service)
            )
            raise InterfaceError(f"{given}: {error}; expected one such as http://127.0.0.1:8123.") from None
        name = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register(f"before-call.{name}", self._guard)
        client.meta.events.register(f"before-parse.{name}", decode)
        make_cancellable(client)
        return client

    def _app(self) -> str:
        """What the user has AWS told of the application, as botocore would."""
        name = self.session()._session.get_config_variable("user_agent_appid")
        return f" app/{name}" if name else ""

    def _guard(self, model: Any, **_: Any) -> None:
        """botocore's `before-call` handler: the last door that a write has to pass."""
        if self.read_only and model.name not in self.reads:
            raise NotSupportedError(
                f"The session is read-only (sqlprov_read_only): {model.name} was not called."
            )

    def allow_reads(self, table: Table) -> None:
        """Add the operations that read `table` to `reads`."""
        self.reads |= {method.call for method in table.methods if method.verb == "SELECT"}
        self.reads |= {call.call for call in (table.tags,) if call}

    def close(self) -> None:
        """Close the connections."""
        from sqlprov.aws.transport.cancellable_connections import close_client

        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            close_client(client)


def _endpoint_written(service: str) -> str:
    """The endpoint that no argument gave, as it was written, and where botocore found it."""
    from sqlprov.catalog.service_model import load_model

    own = load_model(service).service_id.hyphenize().replace("-", "_").upper()
    for name in (f"AWS_ENDPOINT_URL_{own}", "AWS_ENDPOINT_URL"):
        if found := os.environ.get(name):
            return f"{name} = {found!r}"
    return "endpoint_url in the AWS config file"

"""The accounts beside the session's own: those of other profiles, and those whose role its own identity assumes."""

from __future__ import annotations

import os
import time
from collections.abc import Hashable
from contextlib import AbstractContextManager
from dataclasses import field
from typing import Any

from sqlprov.aws.transport.calls import call
from sqlprov.aws.transport.cancellation import hold
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.run import Run
from sqlprov.aws.transport.shared_clients import SharedClients, sign_with
from sqlprov.catalog.table import IamActions
from sqlprov.catalog.texts import to_epoch_seconds
from sqlprov.errors import CredentialsError, OperationalError
from sqlprov.records import dataclass

EARLY = 0.25
"""Part of the life of a role's credentials after which new ones are got in time: up to EARLY_SECONDS."""
EARLY_SECONDS = 300.0
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException"})
_CREDENTIAL_WORDS = ("aws_", "sso_", "role_", "cli_", "login_", "mfa_", "web_identity_", "credential_")
_CREDENTIAL_NAMES = frozenset({"region", "output", "source_profile", "external_id", "duration_seconds"})


@dataclass
class OtherCloud(Cloud):
    """An account beside the session's own.

    Attributes:
        own: the session's own account.
        shared: the clients of all such accounts.
    """

    own: Cloud = field(default_factory=Cloud)
    shared: SharedClients = field(default_factory=SharedClients)
    _configuration: Hashable = None

    def get_client(self, service: str, region: str, timeout: float) -> Any:
        self.get_credentials(region)
        key = self._find_configuration(), service, region, timeout
        return self.shared.get(key, lambda: self._create_client(service, region, timeout, is_shared=True))

    def sign(self, keys: Any) -> AbstractContextManager[None]:
        return sign_with(keys or self.get_credentials())

    def _find_configuration(self) -> Hashable:
        """What makes its clients differ from those of other accounts."""
        if self._configuration is None:
            profile = self.get_session().get_scoped_config()
            self._configuration = tuple(
                sorted(
                    (name, repr(value))
                    for name, value in profile.items()
                    if not name.startswith(_CREDENTIAL_WORDS) and name not in _CREDENTIAL_NAMES
                )
            )
        return self._configuration


@dataclass
class ProfileCloud(OtherCloud):
    """The account of another profile.

    Its session is closed once it has read keys that never change: it takes 50 kB.
    """

    _keys: Any = None

    def get_credentials(self, region: str | None = None) -> Any:
        from botocore.credentials import Credentials

        keys = self._keys or super().get_credentials(region)
        if self._keys is None and type(keys) is Credentials:  # not one of its subclasses, which get new ones
            self._find_configuration()
            self._keys, self._session = keys, None
        return keys

    def renew(self) -> bool:
        is_new = super().renew()
        if is_new:
            self._keys = self._configuration = None
        elif self._keys is not None:
            self._session = None  # a client or an error has opened it again
        return is_new

    def get_session(self) -> Any:
        from sqlprov.aws.transport.credentials import open_session

        with self._session_lock:
            if self._session is None:
                self._session = open_session(self.profile, self.own.get_session())
            return self._session

    def _read_region(self) -> str | None:
        profiles = self.own.get_session().full_config["profiles"]
        own = profiles.get(self.profile, {}).get("region")
        return os.environ.get("AWS_DEFAULT_REGION") or own or self.own.find_region()


@dataclass
class NamedCloud(OtherCloud):
    """The session's own account, under the name that the organization gives it."""

    def get_session(self) -> Any:
        return self.own.get_session()

    def get_credentials(self, region: str | None = None) -> Any:
        return self.own.get_credentials(region)

    def freeze(self) -> Any:
        return self.own.freeze()

    def find_identity(self) -> str | None:
        return self.own.find_identity()

    def note_failure(self, error: OperationalError) -> None:
        super().note_failure(error)
        self.own._is_refused |= self._is_refused


@dataclass
class RoleCloud(OtherCloud):
    """An account whose role the session's own identity assumes.

    Attributes:
        role: its ARN.
        options: parameters of AssumeRole beside it.
    """

    role: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    _assumed: Any = None
    _renew_at: float = 0.0

    def get_session(self) -> Any:
        return self.own.get_session()

    def get_credentials(self, region: str | None = None) -> Any:
        return self._assumed

    def find_identity(self) -> str | None:
        return self.role

    def renew(self) -> bool:
        self.has_accepted = False
        if self._failure is None and not self._is_refused:
            return False
        with self._login_lock:
            self._assumed = self._failure = None
            self._is_refused = False
        return True

    @property
    def needs_login(self) -> bool:
        return self._assumed is None or time.time() >= self._renew_at

    def log_in(self, run: Run, region: str) -> None:
        if not self.needs_login:
            return
        with hold(self._login_lock):
            if self._failure is not None:
                raise CredentialsError(str(self._failure), **_describe_call(self._failure))
            if self.needs_login:
                self._assume(run, region)

    def replace_expired(self, error: OperationalError) -> bool:
        if error.code not in EXPIRED:
            return False
        self._renew_at = 0.0
        return True

    def _assume(self, run: Run, region: str) -> None:
        from botocore.credentials import Credentials

        from sqlprov.aws.transport.credentials import hide_later

        parameters = {"RoleArn": self.role, **self.options}
        names = "sts", IamActions("sts"), "AssumeRole", self.own.find_sts_region(region) or region
        began = time.time()
        try:
            reply = call(run, self.own, *names, parameters, ("Credentials",), is_login=True)["Credentials"]
            expiration = to_epoch_seconds(reply["Expiration"])
        except OperationalError as error:
            text = f"no usable credentials for the account {self.name!r}: {str(error).rstrip('.')}. "
            text += f"Check that {self.role} trusts the session's identity (sqlprov_role)."
            self._failure = CredentialsError(text, **_describe_call(error))
            raise self._failure from None
        except (KeyError, TypeError, ValueError) as error:
            text = f"no usable credentials for the account {self.name!r}: AssumeRole's reply lacks {error}."
            raise CredentialsError(text) from None
        keys = reply["AccessKeyId"], reply["SecretAccessKey"], reply["SessionToken"]
        hide_later(*keys)
        self._assumed = Credentials(*keys, method="assume-role", account_id=self.account_id)
        self._renew_at = expiration - min(EARLY_SECONDS, EARLY * (expiration - began))


def _describe_call(error: OperationalError) -> dict[str, str]:
    """The call that failed, as arguments of an error."""
    names = ("operation", "region", "code", "request_id", "permission")
    return {name: getattr(error, name) for name in names}

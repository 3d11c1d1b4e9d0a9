"""The configuration and the credentials of an account."""

from __future__ import annotations

import os
import re
import threading
import time
from contextlib import suppress
from dataclasses import field
from typing import TYPE_CHECKING, Any

from sqlprov.catalog.regions import DEFAULT_PARTITION, find_partition, list_regions
from sqlprov.errors import (
    AccessDenied,
    CredentialsError,
    InterfaceError,
    OperationalError,
    RegionError,
    suggest,
)
from sqlprov.records import dataclass

if TYPE_CHECKING:
    from sqlprov.aws.transport.run import Run

DEFAULT_HOME = "us-east-1"
PROCESS = "custom-process"
"""botocore's name of the source of credentials that a program makes, which may be another account's each time. Every
other source has those of one account for as long as a session lasts."""
AWS = "AWS"
ENDPOINT_URL = "AWS_ENDPOINT_URL"
PROFILE_VARIABLES = ("AWS_DEFAULT_PROFILE", "AWS_PROFILE")
"""Variables that choose the profile, in botocore's order."""
DEFAULT_NAME, LOCAL_NAME = "default", "local"
MAX_ATTEMPTS = 5
REGION_NAME = re.compile(r"[a-z0-9-]+")


def hide_user(text: str) -> str:
    """`text` without the user name and password of the URLs in it."""
    return re.sub(r"//[^/\s]*@", "//(hidden)@", text)


@dataclass
class Login:
    """The configuration and the credentials of an account.

    Attributes:
        profile: AWS profile; `None` for botocore's own choice.
        endpoint_url: URL of any server that speaks the API; `None` for botocore's own choice.
        credentials: (access key id, secret access key) to use instead of botocore's; for the local AWS.
        fallback_region: the default region where none is configured; for the local AWS.
        name: of the account; if empty, the profile's, `default`, or `local` with `credentials`.
        has_accepted: whether a service has accepted the credentials since the last statement began.
        is_one_of_several: whether statements have read other accounts, too, so that errors name this one.
    """

    profile: str | None = None
    endpoint_url: str | None = None
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    fallback_region: str | None = None
    name: str = ""
    has_accepted: bool = False
    is_one_of_several: bool = False
    _session: Any = None
    _session_lock: threading.Lock = field(default_factory=threading.Lock)
    _failure: CredentialsError | None = None
    _is_refused: bool = False
    _has_none: bool = False
    _since: float = 0.0
    _code: str = field(default="", repr=False)
    _login_lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        if not self.name:
            profile = next(
                filter(None, (self.profile, *map(os.environ.get, PROFILE_VARIABLES))), DEFAULT_NAME
            )
            self.name = LOCAL_NAME if self.credentials else profile

    def get_session(self) -> Any:
        """The botocore session of the clients, created on first use.

        Raises:
            CredentialsError: the profile does not exist, or a configuration file cannot be parsed.
        """
        # Imported on first use: botocore takes 100 ms, and a statement without a live table does not need it.
        from sqlprov.aws.transport import credentials

        with self._session_lock:
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
        from sqlprov.aws.transport.credentials import prepare_sources, read_credentials

        with self._login_lock:
            session = self.get_session()
            if self.credentials:
                return session.get_credentials()
            if self._failure is None and not self._has_none:
                try:
                    if not session.has_sources:
                        prepare_sources(session, self._since, self.find_sts_region(region), self._take_code)
                    credentials = read_credentials(session)
                    self._has_none = credentials is None
                    return credentials
                except CredentialsError as failure:
                    self._failure = failure
            if self._failure is None:
                return None
            raise type(self._failure)(str(self._failure), mfa_serial=self._failure.mfa_serial)

    def find_sts_region(self, region: str | None) -> str | None:
        """The configured region; otherwise one that every account has, which the first call's need not be."""
        is_usual = region is None or find_partition(region) == DEFAULT_PARTITION
        return self.find_region() or (DEFAULT_HOME if is_usual else region)

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
        with self._login_lock:
            self.renew()
            self._code = code
            self.get_credentials()

    def name_account(self, error: OperationalError) -> None:
        """Note in an error that it is one of this account."""
        if not error.account and self.is_one_of_several:
            error.args = (f"{self.name}: {error}",)
        error.account = self.name

    def note_failure(self, error: OperationalError) -> None:
        """Take credentials out of an error's text; if the service refused them, the next statement reads them again."""
        from sqlprov.aws.transport.credentials import hide
        from sqlprov.aws.transport.errors import CLOSED

        text = hide(str(error))
        if isinstance(error, CredentialsError | AccessDenied) and not self.endpoint_url:
            where = self.describe()
            text += f" ({where})" if where != AWS else ""
        error.args = (text,)
        error.code, error.request_id = hide(error.code), hide(error.request_id)
        self.name_account(error)
        if isinstance(error, CredentialsError):
            # Those that another region accepts are not the reason.
            self._is_refused |= error.code not in CLOSED or not self.has_accepted

    def renew(self) -> bool:
        """Forget credentials that could not be got or were refused; return whether there were some.

        Every statement begins with it.
        """
        self.has_accepted = False
        if self._failure is None and not self._is_refused and not self._has_none:
            return False  # without waiting for a thread that gets credentials
        with self._login_lock:
            if self._is_refused:
                self._since = time.time()
            self._failure = self._session = None
            self._is_refused = self._has_none = False
        return True

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
            written = str(error).rpartition(": ")[2]
            raise InterfaceError(
                f"AWS_MAX_ATTEMPTS, or max_attempts in the profile, is {written}; expected a number."
            ) from None
        return MAX_ATTEMPTS if configured is None else max(int(configured), 1)

    def find_region(self) -> str | None:
        """The default region: AWS_REGION, AWS_DEFAULT_REGION, the profile's, then the spare one.

        Raises:
            RegionError: it is not the name of a region.
            CredentialsError: as `get_session`.
        """
        # botocore reads only AWS_DEFAULT_REGION; the AWS command line and the other SDKs read both.
        region = os.environ.get("AWS_REGION") or self._read_region()
        if region and not REGION_NAME.fullmatch(region):
            names = [name for name in ("AWS_REGION", "AWS_DEFAULT_REGION") if os.environ.get(name)]
            source = names[0] if names else "region in the AWS config file"
            near = suggest(region, [each.region for each in list_regions()])
            if "," in region:
                near = " It names one; pass --region for each, or SET sqlprov_regions."
            raise RegionError(f"{source} = {region!r} is not a region.{near}")
        return region or self.fallback_region

    def _read_region(self) -> str | None:
        """The region of AWS_DEFAULT_REGION or the profile."""
        region: str | None = self.get_session().get_config_variable("region")
        return region

    def list_endpoints(self) -> dict[str, str]:
        """Service as configured, or "" for every other -> URL that calls go to instead of AWS.

        Raises:
            CredentialsError: as `get_session`.
        """
        if self.endpoint_url:
            return {"": hide_user(self.endpoint_url)}
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
        return {name: hide_user(url) for name, url in urls.items() if url}

    def describe(self) -> str:
        """The endpoints and the profile in force, in words.

        Raises:
            CredentialsError: as `get_session`.
        """
        urls = self.list_endpoints()
        profile = None if self.credentials else self.get_session().get_config_variable("profile")
        parts = [urls.pop("", AWS), *(f"{name} at {url}" for name, url in sorted(urls.items()))]
        return ", ".join([*parts, *([f"profile {profile}"] if profile else [])])

    @property
    def needs_login(self) -> bool:
        """Whether `log_in` makes a call."""
        return False

    def log_in(self, run: Run, region: str) -> None:
        """Get the credentials for a call in `region`, if a call of sqlprov gets them.

        Raises:
            CredentialsError: it failed. Until `renew`, it is raised again without another try.
        """

    def freeze(self) -> Any:
        """The credentials for the next call if a program makes them, and again when they expire; otherwise `None`.

        Raises:
            CredentialsError: as `get_credentials`.
        """
        credentials = self.get_credentials()
        if getattr(credentials, "method", "") != PROCESS or not hasattr(credentials, "refresh_needed"):
            return None
        from botocore.credentials import Credentials

        keys = credentials.get_frozen_credentials()
        return Credentials(keys.access_key, keys.secret_key, keys.token, PROCESS)

    def replace_expired(self, error: OperationalError) -> bool:
        """Whether the credentials have expired before their time, and another attempt gets new ones."""
        return False

    def find_identity(self) -> str | None:
        """The access key id of the current credentials, or the role that is assumed; `None` if there are none, which
        the next call reports."""
        with suppress(CredentialsError):
            credentials = self.get_credentials()
            return str(credentials.get_frozen_credentials().access_key) if credentials else None
        return None

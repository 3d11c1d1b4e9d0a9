"""Gets credentials where the AWS CLI finds them, and says why there are none without repeating a secret."""

from __future__ import annotations

import configparser
import logging
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
from botocore import exceptions as aws
from botocore.config import Config
from botocore.credentials import CredentialResolver, ProcessProvider, create_credential_resolver
from botocore.hooks import HierarchicalEmitter
from botocore.parsers import ResponseParserError
from botocore.session import Session
from botocore.utils import JSONFileCache, parse_timestamp

from sqlprov.catalog.service_model import get_loader
from sqlprov.errors import CredentialsError, suggest
from sqlprov.private_files import make_private_folder

log = logging.getLogger("sqlprov")

PATIENCE = 60
"""Seconds that a credential_process may take; it may ask its user something."""
SHORTEST_KEY = 16
"""Characters of the shortest key of AWS; shorter ones, such as `test`, may be words of a message."""
HIDDEN = "(hidden)"
ROLE_CACHE = "~/.aws/cli/cache"
"""Folder in which the AWS CLI keeps the credentials of assumed roles, too."""
_UNUSABLE = re.compile(r"""[^!-~]|^["'](?=.*["']$)""")
"""Characters that no key or token has; a header with a line end is not sent, and the error would show the token.
Quotation marks belong to a shell, and not to its variable or the file."""
_ANSWER = '{"Version": 1, "AccessKeyId": "", "SecretAccessKey": ""}'
_VARIABLES = {
    "access_key": "AWS_ACCESS_KEY_ID",
    "secret_key": "AWS_SECRET_ACCESS_KEY",
    "token": "AWS_SESSION_TOKEN",
}
_LOGGED_SECRET = r"""(?ix)
    ((?:SecretAccessKey|SessionToken|Security-Token|(?:access|refresh|WebIdentity|bearer_)?(?<!Next)Token|TokenCode)
    ["']?\s*[:=>]\s*b?["']?)[^\s"'<>&,}]+"""
_REFUSED_CODE = "invalid MFA one time pass code|parameter TokenCode"
_PROMPT = r"Enter MFA code for (.*): "


ReadCode = Callable[[str], str]
"""Returns a code of the MFA device with this serial number."""


class AwsSession(Session):  # type: ignore[misc]
    """botocore's session.

    Args:
        reader: the session that has read the configuration files, whose handlers serve this one, too: they take
            90 kB. `None` for this one.
        more: arguments of botocore's.

    Attributes:
        has_sources: whether the sources of credentials are ours.
    """

    has_sources = False

    def __init__(self, reader: AwsSession | None = None, **more: Any) -> None:
        self.reader = reader
        self.hooks: Any = reader.hooks if reader else HierarchicalEmitter()
        super().__init__(event_hooks=self.hooks, include_builtin_handlers=reader is None, **more)

    @property
    def full_config(self) -> Any:
        """The configuration files: for a thousand profiles, botocore would read them a thousand times."""
        return super().full_config if self.reader is None else self.reader.full_config


class HelperFailed(Exception):
    """A credential_process failed; the text has its name and never what it printed."""


class MfaCodeNeeded(Exception):
    """A role needs a code of the MFA device that the text names."""


class RoleCache(JSONFileCache):  # type: ignore[misc]
    """The AWS CLI's cache of assumed roles; a folder that cannot be written is not an error.

    Args:
        since: entries before this time, in epoch seconds, count as missing: the service has refused them.
    """

    def __init__(self, since: float) -> None:
        self._folder = Path(ROLE_CACHE).expanduser()
        self._since = since
        super().__init__(str(self._folder))

    def __contains__(self, key: object) -> bool:
        with suppress(OSError):
            return (self._folder / f"{key}.json").stat().st_mtime >= self._since
        return False

    def __setitem__(self, key: str, value: Any) -> None:
        with suppress(OSError):
            make_private_folder(self._folder)
            super().__setitem__(key, value)


class _Helper(subprocess.Popen[bytes]):
    """A credential_process that ends in time and whose output stays out of errors."""

    def __init__(self, args: list[str], **options: Any) -> None:
        if not args:
            raise HelperFailed("credential_process is empty")
        super().__init__(args, **options)

    def communicate(self, input: bytes | None = None, timeout: float | None = None) -> tuple[bytes, bytes]:
        name = Path(str(self.args[0])).name  # type: ignore[index]
        try:
            out, _ = super().communicate(input, PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            super().communicate()
            raise HelperFailed(f"credential_process {name!r} took more than {PATIENCE} s") from None
        if self.returncode:
            raise HelperFailed(f"credential_process {name!r} ended with exit status {self.returncode}")
        if not _is_answer(out):
            raise HelperFailed(
                f"credential_process {name!r} did not print JSON such as {_ANSWER} with its values"
            )
        return out, b""


_known: set[str] = set()
"""The keys and tokens that this process has used or may use."""


def _is_answer(printed: bytes) -> bool:
    """Whether a credential_process printed credentials."""
    try:
        answer = orjson.loads(printed)
        if expiration := answer.get("Expiration"):
            parse_timestamp(expiration)
        return bool(answer["Version"] == 1 and answer["AccessKeyId"] + "" and answer["SecretAccessKey"] + "")
    except (ValueError, TypeError, KeyError, AttributeError):
        return False


def hide(text: str) -> str:
    """`text` without the keys and tokens that this process has used."""
    for value in tuple(_known):
        text = text.replace(value, HIDDEN)
    return text


def hide_later(*values: str) -> None:
    """Leave these keys and tokens out of what `hide` returns."""
    _known.update(value for value in values if len(value) >= SHORTEST_KEY)


def _hide_logged(text: str) -> str:
    """`text` of a log without those, and without those that a reply has just brought."""
    return hide(re.sub(_LOGGED_SECRET, rf"\1{HIDDEN}", text))


class _HideSecrets(logging.Filter):
    """Takes credentials out of what botocore logs at level DEBUG, and of the errors in it."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _hide_logged(record.getMessage()), ()
        if record.exc_info:
            record.exc_text = _hide_logged(logging.Formatter().formatException(record.exc_info))
        return True


_hide_secrets = _HideSecrets()
for _name in ("auth", "credentials", "endpoint", "parsers", "tokens", "utils"):
    logging.getLogger(f"botocore.{_name}").addFilter(_hide_secrets)


def open_session(profile: str | None, reader: AwsSession | None = None) -> AwsSession:
    """A botocore session that reads the environment and the configuration files, unless `reader` has read them.

    Raises:
        CredentialsError: the profile does not exist, or a file cannot be parsed.
    """
    session = AwsSession(reader, profile=profile)
    for name in ("config_file", "credentials_file"):
        # botocore reads a folder as if nothing were there.
        if Path(path := session.get_config_variable(name)).expanduser().is_dir():
            raise CredentialsError(f"{path} is a folder; expected the file of the AWS CLI's settings.")
    try:
        session.get_scoped_config()
    except aws.BotoCoreError as error:
        failure = _explain(error, session)
    else:
        if session.get_config_variable("data_path") is None:
            # The catalog has already loaded the service's model, which takes 150 ms.
            session.register_component("data_loader", get_loader())
        if reader is None:
            _hide_sources(session)
        # For the calls that get credentials.
        session.set_default_client_config(Config(connect_timeout=10, read_timeout=30))
        return session
    raise failure  # outside of the handler: the other error may quote a line of the file


def _hide_sources(session: AwsSession) -> None:
    """Leave what roles may start from out of what `hide` returns: STS may repeat it, too."""
    variables = (os.environ.get(name, "") for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"))
    hide_later(*variables)
    for profile in session.full_config["profiles"].values():
        values = (profile.get(name) for name in ("aws_secret_access_key", "aws_session_token"))
        hide_later(*(value for value in values if isinstance(value, str)))


def open_local_session(keys: tuple[str, str]) -> AwsSession:
    """A botocore session with these keys, which reads no file and only the region's variable."""
    variables: dict[str, Any] = {
        name: (None, None, default, convert)
        for name, (_, _, default, convert) in Session.SESSION_VARIABLES.items()
    }
    variables["config_file"] = variables["credentials_file"] = (None, None, os.devnull, None)
    variables["region"] = (None, "AWS_DEFAULT_REGION", None, None)
    session = AwsSession(session_vars=variables)
    session.register_component("data_loader", get_loader())
    session.set_credentials(*keys)
    return session


def prepare_sources(session: AwsSession, since: float, region: str | None, read_code: ReadCode) -> None:
    """Let a session find credentials as the AWS CLI does.

    Args:
        session: as `open_session` returns it.
        since: see `RoleCache`.
        region: the region of STS.
        read_code: returns a code of the MFA device that it is given, or raises MfaCodeNeeded.

    Raises:
        CredentialsError: a variable is not a number.
    """
    try:
        resolver = create_credential_resolver(session, RoleCache(since), region)
    except (aws.BotoCoreError, ValueError) as error:
        raise _explain(error, session) from None
    _adapt(resolver, session, read_code)
    session.register_component("credential_provider", resolver)
    session.has_sources = True


def read_credentials(session: AwsSession) -> Any:
    """The session's credentials, valid for now; `None` if no source has any.

    Raises:
        CredentialsError: they are missing, broken, or cannot be got; its `mfa_serial` names the device to ask.
    """
    try:
        credentials = session.get_credentials()
        if credentials is None:
            # botocore would ask every source again for each client, and a machine's server can take seconds.
            session.register_component("credential_provider", CredentialResolver([]))
        values = credentials.get_frozen_credentials() if credentials else None
    except Exception as error:  # a provider may raise anything
        failure = _explain(error, session)
    else:
        for name, variable in _VARIABLES.items() if values else ():
            if bad := _UNUSABLE.search(getattr(values, name) or ""):
                is_variable = credentials.method == "env"
                where = variable if is_variable else f"the {name.replace('_', ' ')} of {credentials.method}"
                raise _build_error(session, f"{where} has the character {bad[0]!r}", "Remove it.")
            hide_later(getattr(values, name) or "")
        return credentials
    raise failure


def _adapt(resolver: Any, session: AwsSession, read_code: ReadCode) -> None:
    """Let sources use `_Helper` and `read_code`; private parts of botocore.

    Without them, a helper's output is only left out of the error, and botocore asks for the code itself.
    """

    def create_process_provider(profile_name: str) -> ProcessProvider:
        return ProcessProvider(profile_name, lambda: session.full_config, popen=_Helper)

    try:
        resolver.get_provider("custom-process")._popen = _Helper
        assume_role = resolver.get_provider("assume-role")
        assume_role._prompter = lambda prompt: read_code(re.sub(_PROMPT, r"\1", prompt))
        assume_role._profile_provider_builder._create_process_provider = create_process_provider
    except Exception:
        log.info("credential helpers are not watched with this version of botocore", exc_info=True)


# Errors


def _explain(error: Exception, session: AwsSession) -> CredentialsError:
    """The error for what getting credentials raised."""
    name = session.get_config_variable("profile")
    option = f" --profile {shlex.quote(name)}" if name else ""
    remedy = "Set AWS_PROFILE or AWS_ACCESS_KEY_ID, or log in."
    if not isinstance(error, aws.ProfileNotFound | aws.ConfigParseError) and _uses_sso(session):
        remedy = f"Log in: `aws sso login{option}`."
    match error:
        case MfaCodeNeeded():
            text = f"the role needs a code of the MFA device {error}"
            remedy = (
                f"Use the shell, which asks for it, or log in with `aws sts get-caller-identity{option}`, "
                f"whose session is kept in {ROLE_CACHE}."
            )
            return _build_error(session, text, remedy, str(error))
        case aws.ClientError() | aws.ParamValidationError() if re.search(_REFUSED_CODE, str(error)):
            text = "the code of the MFA device was not accepted"
            remedy = "It was mistyped or used already: a code works once. Wait for the next one."
            return _build_error(session, text, remedy, _find_mfa_serial(session))
        case aws.ProfileNotFound():
            return CredentialsError(_describe_missing_profile(str(error), str(name), session))
        case aws.ConfigParseError():
            return CredentialsError(_describe_bad_file(error))
        case aws.SSOError() | aws.TokenRetrievalError():
            text = str(error)
        case aws.LoginError():
            text, remedy = str(error), f"Log in: `aws login{option}`."
        case aws.CredentialRetrievalError() if error.kwargs.get("provider") == ProcessProvider.METHOD:
            text = "the credential_process failed"
        case aws.CredentialRetrievalError():
            # The text goes on with what a container's endpoint answered.
            text = re.sub(r"(non 200 response[^:]*):.*", r"\1", str(error), flags=re.DOTALL)
        case aws.HTTPClientError():
            text = str(error).partition(" b'")[0]  # a header that cannot be sent may be the token
        case OSError() if error.filename:
            text = f"{error.filename}: {error.strerror}"
        case aws.ClientError():
            code, message = (error.response["Error"].get(name, "") for name in ("Code", "Message"))
            # Without a readable reply, botocore takes the HTTP status for the code and the reply for the message.
            text = f"{error.operation_name} failed with {code}{'' if code.isdecimal() else f': {message}'}"
            remedy = "Check the profile's role and the credentials that it starts with."
        case ResponseParserError():
            text = "the reply of STS or SSO is not readable"
        case aws.InvalidConfigError() | aws.PartialCredentialsError() | aws.ParamValidationError():
            text, remedy = str(error), "Correct the profile or the variables."
        case aws.EndpointConnectionError() | aws.ConnectTimeoutError() | aws.ReadTimeoutError():
            text, remedy = str(error), "Check the network, HTTPS_PROXY and AWS_ENDPOINT_URL."
        case aws.BotoCoreError() | HelperFailed():
            text = str(error)
        case ValueError() if "int()" in str(error):
            text = f"AWS_METADATA_SERVICE_TIMEOUT or AWS_METADATA_SERVICE_NUM_ATTEMPTS: {error}"
        case KeyError():
            text = f"{error} is missing in the answer, or in the token that is kept"
        case ValueError() | RuntimeError():  # of a command that cannot be split, and of expired credentials
            text = str(error)
        case _:
            text = f"{type(error).__name__}: {error}"
    return _build_error(session, text, remedy)


def _find_mfa_serial(session: AwsSession) -> str:
    """The MFA device of the profile, or of one that it starts from."""
    profile, profiles = session.get_scoped_config(), session.full_config["profiles"]
    for _ in profiles:
        if "mfa_serial" not in profile:
            profile = profiles.get(profile.get("source_profile"), {})
    return str(profile.get("mfa_serial", ""))


def _uses_sso(session: AwsSession) -> bool:
    return any(name.startswith("sso_") for name in session.get_scoped_config())


def _build_error(session: AwsSession, text: str, remedy: str, mfa_serial: str = "") -> CredentialsError:
    profile = session.get_config_variable("profile")
    where = f" for profile {profile!r}" if profile else ""
    return CredentialsError(
        f"no usable credentials{where}: {text.rstrip('.')}. {remedy}", mfa_serial=mfa_serial
    )


def _describe_missing_profile(text: str, name: str, session: AwsSession) -> str:
    config = session.full_config
    if not name.strip():
        text = "The name of the profile is empty"
    near = suggest(name, config["profiles"])
    if name in config:
        near = f" Its section is [{name}]; it must be [profile {name}]."
    return f"{text}.{near} `aws configure list-profiles` lists the profiles."


def _describe_bad_file(error: aws.ConfigParseError) -> str:
    """What is wrong with a configuration file, and where; its lines may hold secrets and are not quoted."""
    path, cause = error.kwargs["path"], error.kwargs["error"]
    line = getattr(cause, "lineno", None)
    match cause:
        case configparser.DuplicateOptionError():
            text = f"{cause.option} occurs twice in [{cause.section}]; remove one"
        case configparser.DuplicateSectionError():
            text = f"the section [{cause.section}] occurs twice; join them"
        case configparser.MissingSectionHeaderError() if cause.line.startswith(("\ufeff", "\xef\xbb\xbf")):
            text = "the file begins with a byte order mark; save it as UTF-8 without one"
        case configparser.MissingSectionHeaderError():
            text = "expected a section such as [default] or [profile name]"
        case configparser.ParsingError():
            line, text = cause.errors[0][0], "expected a line such as region = us-east-1"
        case UnicodeDecodeError():
            text = "the file is not UTF-8"
        case _:
            text = "expected indented lines such as endpoint_url = http://127.0.0.1:8123"
    return f"{path}{f':{line}' if line else ''}: {text}."

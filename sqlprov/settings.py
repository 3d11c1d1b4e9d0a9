"""Defines and documents every setting; SET, SHOW SETTINGS, `--set`, connect(…) and the docs use these definitions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field, fields, replace
from datetime import timedelta
from typing import Any

from sqlprov.errors import DataError, UnknownName, suggest
from sqlprov.records import dataclass

PREFIX = "sqlprov_"
OFF = timedelta(0)
_UNITS = {"s": 1, "m": 60, "h": 3600}
"""Unit of a duration -> seconds."""
_STAYS = "it cannot be turned off again in this session. Open another session, without read_only."
ORGANIZATION = "organization"
UNIT = re.compile(r"ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32}")
"""The id of an organizational unit, or of the organization's root."""
ACCOUNT_NUMBER = re.compile(r"\d{12}")
"""The id of an account."""
AUTO = "auto"
"""The value of a number that sqlprov chooses itself."""


def _make_setting(default: Any, about: str, *, has_case: bool = False) -> Any:
    return field(default=default, metadata={"about": about, "has_case": has_case})


@dataclass(frozen=True)
class Settings:
    """The settings of one connection; `SET sqlprov_<name> = <value>` gives the connection a changed copy."""

    regions: str = _make_setting(
        "",
        "Regions for statements that name none: a comma-separated list, or 'all' for every region of the "
        "account. If empty, boto3's default region (AWS_REGION, profile).",
    )
    accounts: str = _make_setting(
        "",
        "Accounts for statements that name none: a comma-separated list of profiles and account ids; 'organization' "
        "for every active account of the organization, 'organization:prod-*' for those with such a name, and "
        "'organization:ou-…' for those of a unit. If empty, the session's own account.",
        has_case=True,
    )
    role: str = _make_setting(
        "OrganizationAccountAccessRole",
        "Name of the role that is assumed in the organization's accounts and in those that are given by id.",
        has_case=True,
    )
    role_external_id: str = _make_setting("", "External id that the role requires.", has_case=True)
    role_session_name: str = _make_setting(
        "sqlprov", "Name of the role's session, which CloudTrail shows.", has_case=True
    )
    role_duration: timedelta = _make_setting(
        timedelta(hours=1),
        "Life of the role's credentials, such as '15m'; 15 minutes to 12 hours. New ones are got before they expire.",
    )
    pushdown: bool = _make_setting(
        True, "Use conditions to reduce the calls. If off, list everything; the rows are the same."
    )
    concurrency: int | None = _make_setting(
        None,
        "Maximum calls in flight for one statement: 1 to 256, or auto, which starts at 16 and rises to 64 while no "
        "call is throttled.",
    )
    split: bool = _make_setting(
        True,
        "Split a long list into time windows that are read in parallel. If off, read page after page; the rows "
        "are the same.",
    )
    prefetch: bool = _make_setting(
        True,
        "Start the calls for all tables of a statement at once. If off, start them when DuckDB reaches the table; "
        "the rows are the same.",
    )
    sideways: bool = _make_setting(
        True,
        "Read of a joined table only the keys that the other table has, if they are few. Needs prefetch. If off, "
        "list both tables; the rows are the same.",
    )
    bulk_tags: bool = _make_setting(
        True,
        "Read the tags of 20 or more rows through the Resource Groups Tagging API, of up to 100 in one call. Its "
        "answer may be some seconds old. Rows that it does not return, and all writes, use the service's own call. If "
        "off, every row does.",
    )
    on_error: str = _make_setting(
        "fail",
        "'fail': the statement fails if a region or row cannot be read. 'warn': it returns the other rows, "
        "Result.complete is false, and sqlprov.errors lists what is missing. 'stop': like 'fail', and a write "
        "starts no further rows after one that is not ok.",
    )
    fan_out: int = _make_setting(
        1000,
        "Maximum calls of a list that one scan may make because it needs one for each row of a parent table, such as "
        "one for each bucket; 1 to 1000000.",
    )
    max_calls: int = _make_setting(
        0,
        "Maximum calls that one statement may make; one that needs more fails, whatever sqlprov_on_error says: before "
        "its first call if that is certain. Writes have sqlprov_max_writes instead. 0: no limit. A shell in a terminal "
        "begins with 2000, and asks.",
    )
    cache: timedelta = _make_setting(
        OFF,
        "Use replies of earlier reads of this connection and its cursors up to this age, such as '60s' or '5m'; up to "
        "1 hour, or off. Writes never use them, and drop them. A long list is then read page after page.",
    )
    max_attempts: int | None = _make_setting(
        None,
        "Attempts for one call, including the first, if it is throttled or the reply is broken: 1 to 100, or auto: "
        "AWS_MAX_ATTEMPTS, the profile's max_attempts, or 5.",
    )
    timeout: float = _make_setting(60.0, "Seconds to wait for one reply; 0.1 to 3600.")
    await_: bool = _make_setting(
        False,
        "Make every write wait for the state that the table's file names under `until`, like /*+ AWAIT */.",
    )
    await_timeout: float = _make_setting(
        900.0, "Seconds that a write waits for a row, including between its calls; 0 to 86400."
    )
    max_writes: int = _make_setting(
        0,
        "Maximum rows that one statement may write. 0: 100 for INSERT or with a condition on the key, otherwise 10.",
    )
    settle: float = _make_setting(
        30.0,
        "Seconds to look for a new row before retrying a create whose reply was lost, and before waiting for the "
        "row or returning it; 0 to 600.",
    )
    request_tag: bool = _make_setting(
        False,
        "Make INSERT add the tag sqlprov:request. If the reply to a create is lost, the tag shows whether the row "
        "is yours.",
    )
    show_sensitive: bool = _make_setting(
        False,
        "Show passwords, tokens, environment variables, signed URLs and the like. If off, their text is '(sensitive)'.",
    )
    read_only: bool = _make_setting(
        False, "Refuse every write to the cloud and to files. It cannot be turned off again in the session."
    )

    def with_value(self, name: str, text: str) -> Settings:
        """These settings with `name` (with or without `sqlprov_`) set to the value of `text`.

        Raises:
            UnknownName: no such setting.
            DataError: the value does not fit; the message says what was expected.
        """
        short = self._find(name)
        has_case = next(each for each in fields(self) if each.name == short).metadata["has_case"]
        text = text.strip() if has_case else text.strip().lower()
        value = _parse(PREFIX + short.rstrip("_"), getattr(type(self), short), text)
        if short == "read_only" and self.read_only and not value:
            raise DataError(f"sqlprov_read_only = off: {_STAYS}")
        return replace(self, **{short: value})._validate()

    def with_values(self, values: Mapping[str, str]) -> Settings:
        """These settings with several values, as `with_value` sets each."""
        settings = self
        for name, value in values.items():
            settings = settings.with_value(name, str(value))
        return settings

    def reset(self, name: str, initial: Settings) -> Settings:
        """These settings with `name` as it is in `initial`.

        Raises:
            UnknownName: no such setting.
            DataError: it cannot be turned off again.
        """
        short = self._find(name)
        if short == "read_only" and self.read_only:
            raise DataError(f"RESET sqlprov_read_only: {_STAYS}")
        return replace(self, **{short: getattr(initial, short)})

    def _find(self, name: str) -> str:
        short = name.lower().removeprefix(PREFIX)
        # `await` is a keyword of Python; its field ends in `_`.
        names = {setting.name.rstrip("_"): setting.name for setting in fields(self)}
        if short not in names:
            # With the common prefix, any two names would look similar.
            near = suggest(short, names).replace("mean '", f"mean '{PREFIX}")
            raise UnknownName(f"Unknown setting {name!r}.{near} SHOW SETTINGS lists them.")
        return names[short]

    def _validate(self) -> Settings:
        for name, limit in (("concurrency", 256), ("max_attempts", 100)):
            if (value := getattr(self, name)) is not None:
                _check_range(name, value, 1, limit)
        _check_range("fan_out", self.fan_out, 1, 1_000_000)
        _check_range("max_calls", self.max_calls, 0, 1_000_000_000)
        _check_range("cache", self.cache.total_seconds(), 0, 3600)
        _check_range("role_duration", self.role_duration.total_seconds(), 900, 43200)
        _check_range("timeout", self.timeout, 0.1, 3600)
        _check_range("await_timeout", self.await_timeout, 0, 86400)
        _check_range("max_writes", self.max_writes, 0, 1_000_000)
        _check_range("settle", self.settle, 0, 600)
        if self.on_error not in ("fail", "warn", "stop"):
            raise DataError(f"sqlprov_on_error = {self.on_error!r}: expected 'fail', 'warn' or 'stop'.")
        return self

    def account_words(self) -> tuple[str, ...]:
        """The parts of `accounts`; empty if it is unset."""
        return tuple(dict.fromkeys(part.strip() for part in self.accounts.split(",") if part.strip()))

    def role_options(self) -> dict[str, Any]:
        """The role, and the parameters of AssumeRole beside it."""
        options = {
            "Role": self.role,
            "RoleSessionName": self.role_session_name,
            "DurationSeconds": int(self.role_duration.total_seconds()),
        }
        return options | ({"ExternalId": self.role_external_id} if self.role_external_id else {})

    def region_names(self) -> tuple[str, ...]:
        """`regions` as a tuple: empty if unset, ("all",) for all."""
        return tuple(dict.fromkeys(part.strip().lower() for part in self.regions.split(",") if part.strip()))

    def values(self) -> dict[str, str]:
        """SQL name -> value as SET takes it."""
        return {
            PREFIX + setting.name.rstrip("_"): format_value(getattr(self, setting.name))
            for setting in fields(self)
        }

    @classmethod
    def describe(cls) -> Mapping[str, tuple[str, str]]:
        """SQL name -> (default as text, about), in the documented order."""
        return {
            PREFIX + setting.name.rstrip("_"): (format_value(setting.default), setting.metadata["about"])
            for setting in fields(cls)
        }


def is_organization(word: str) -> bool:
    """Whether a word of `sqlprov_accounts` means accounts of the organization."""
    return word.partition(":")[0] == ORGANIZATION


def format_value(value: Any) -> str:
    """A setting's value as SET takes it."""
    if value is None:
        return AUTO
    if isinstance(value, timedelta) and value:
        return f"{value.total_seconds():g}s"
    return ("on" if value else "off") if isinstance(value, bool | timedelta) else str(value)


def _parse(name: str, default: Any, text: str) -> Any:
    if isinstance(default, bool):
        words = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}
        if text.lower() not in words:
            raise DataError(f"{name} = {text!r}: expected on or off.")
        return words[text.lower()]
    if isinstance(default, str):
        return text
    if isinstance(default, timedelta):
        return _parse_duration(name, text)
    if default is None and text.lower() == AUTO:
        return None
    try:
        return float(text) if isinstance(default, float) else int(text)
    except ValueError:
        kind = "a number of seconds" if isinstance(default, float) else "a whole number"
        kind += " or auto" if default is None else ""
        raise DataError(f"{name} = {text!r}: expected {kind}.") from None


def _parse_duration(name: str, text: str) -> timedelta:
    if text == "off":
        return OFF
    unit = _UNITS.get(text[-1:])
    try:
        return timedelta(seconds=float(text[:-1] if unit else text) * (unit or 1))
    except (ValueError, OverflowError):
        raise DataError(f"{name} = {text!r}: expected a duration such as '60s' or '5m', or off.") from None


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise DataError(f"{PREFIX}{name} = {value:g}: expected {low:g} to {high:g}.")

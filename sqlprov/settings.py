"""Every setting of a session, documented once; SET, SHOW SETTINGS, `--set`, connect(…) and the docs read it here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from sqlprov.errors import DataError, UnknownName, suggest

PREFIX = "sqlprov_"
AUTO = "auto"
"""How SET writes a number that is left to sqlprov."""


def _setting(default: Any, about: str) -> Any:
    return field(default=default, metadata={"about": about})


@dataclass(frozen=True)
class Settings:
    """The settings of one connection; `SET sqlprov_<name> = <value>` gives the connection a changed copy."""

    regions: str = _setting(
        "",
        "Regions of a statement that names none: a comma-separated list, or 'all' for every region of the "
        "partition. Empty: the region that boto3 finds (AWS_REGION, profile).",
    )
    pushdown: bool = _setting(
        True, "Let predicates narrow the calls. Off: list everything; the rows are the same."
    )
    concurrency: int | None = _setting(
        None,
        "Calls in flight at most, for one statement: 1 to 256, or auto: 16 at first, more while nothing is "
        "throttled, 64 at most.",
    )
    split: bool = _setting(
        True,
        "Cut a long list into windows of time that are fetched side by side. Off: page after page; the rows are "
        "the same.",
    )
    prefetch: bool = _setting(
        True,
        "Start the calls of every table of a statement together. Off: when DuckDB asks for the table; the rows are "
        "the same.",
    )
    on_error: str = _setting(
        "fail",
        "'fail': a region or row that cannot be read fails the statement. 'warn': the other rows come back, "
        "Result.complete is false and sqlprov.errors tells what is missing. 'stop': as 'fail', and a statement "
        "that writes several rows begins no further row after one that is not ok.",
    )
    max_attempts: int = _setting(
        5, "Attempts for one call, the first included, when it is throttled or broken; 1 to 100."
    )
    timeout: float = _setting(60.0, "Seconds to wait for one reply; 0.1 to 3600.")
    await_: bool = _setting(
        False, "A write waits for the state that the table's file names under `until`, as with /*+ AWAIT */."
    )
    await_timeout: float = _setting(
        900.0, "Seconds that a row of a write is waited for, also between its calls; 0 to 86400."
    )
    max_writes: int = _setting(
        0, "Rows that one statement may write. 0: 100 with INSERT or a condition on the key, else 10."
    )
    settle: float = _setting(
        30.0,
        "Seconds that a new row is looked for: before a create with a lost answer is tried again, "
        "or if it is to be waited for or returned; 0 to 600.",
    )
    request_tag: bool = _setting(
        False,
        "INSERT adds a tag sqlprov:request, which tells for certain whether a create with a lost answer is ours.",
    )
    read_only: bool = _setting(
        False, "Refuse every write to the cloud. It cannot be turned off again in the session."
    )

    def with_value(self, name: str, text: str) -> Settings:
        """These settings with `name` (with or without `sqlprov_`) set to the value that `text` spells.

        Raises:
            UnknownName: no such setting.
            DataError: the value does not fit; the message says what is expected.
        """
        short = self._find(name)
        value = _parse(PREFIX + short.rstrip("_"), getattr(type(self), short), text.strip())
        if short == "read_only" and self.read_only and not value:
            raise DataError("sqlprov_read_only = off: it cannot be turned off again in this session.")
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
        """
        short = self._find(name)
        return self if short == "read_only" else replace(self, **{short: getattr(initial, short)})

    def _find(self, name: str) -> str:
        short = name.lower().removeprefix(PREFIX)
        # `await` is a word of Python, so that its field ends in `_`.
        names = {setting.name.rstrip("_"): setting.name for setting in fields(self)}
        if short not in names:
            # The beginning that all share would make any word look near.
            near = suggest(short, names).replace("mean '", f"mean '{PREFIX}")
            raise UnknownName(f"Unknown setting {name!r}.{near} SHOW SETTINGS lists them.")
        return names[short]

    def _validate(self) -> Settings:
        if self.concurrency is not None:
            _check_range("concurrency", self.concurrency, 1, 256)
        _check_range("max_attempts", self.max_attempts, 1, 100)
        _check_range("timeout", self.timeout, 0.1, 3600)
        _check_range("await_timeout", self.await_timeout, 0, 86400)
        _check_range("max_writes", self.max_writes, 0, 1_000_000)
        _check_range("settle", self.settle, 0, 600)
        if self.on_error not in ("fail", "warn", "stop"):
            raise DataError(f"sqlprov_on_error = {self.on_error!r}: expected 'fail', 'warn' or 'stop'.")
        return self

    def region_names(self) -> tuple[str, ...]:
        """`regions` as a tuple: empty if unset, ("all",) for all."""
        return tuple(dict.fromkeys(part.strip().lower() for part in self.regions.split(",") if part.strip()))

    def values(self) -> dict[str, str]:
        """SQL name -> value as SET would write it."""
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


def format_value(value: Any) -> str:
    """A setting's value as SET would write it."""
    if value is None:
        return AUTO
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _parse(name: str, default: Any, text: str) -> Any:
    if isinstance(default, bool):
        words = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}
        if text.lower() not in words:
            raise DataError(f"{name} = {text!r}: expected on or off.")
        return words[text.lower()]
    if isinstance(default, str):
        return text.lower()
    if default is None and text.lower() == AUTO:
        return None
    try:
        return float(text) if isinstance(default, float) else int(text)
    except ValueError:
        kind = "a number of seconds" if isinstance(default, float) else "a whole number"
        kind += " or auto" if default is None else ""
        raise DataError(f"{name} = {text!r}: expected {kind}.") from None


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise DataError(f"{PREFIX}{name} = {value:g}: expected {low:g} to {high:g}.")

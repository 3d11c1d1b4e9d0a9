"""Every knob of a session, documented once; SET, SHOW SETTINGS, `--set`, connect(…) and the docs read it here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from sqlprov.errors import DataError, UnknownName, nearest

PREFIX = "sqlprov_"


def _knob(default: Any, about: str) -> Any:
    return field(default=default, metadata={"about": about})


@dataclass(frozen=True)
class Settings:
    """The settings of one connection; `SET sqlprov_<name> = <value>` gives the connection a changed copy."""

    regions: str = _knob(
        "",
        "Regions of a statement that names none: a comma-separated list, or 'all' for every region of the "
        "partition. Empty: the region that boto3 finds (AWS_REGION, profile).",
    )
    pushdown: bool = _knob(
        True, "Let predicates narrow the calls. Off: list everything; the rows are the same."
    )
    concurrency: int = _knob(16, "Calls in flight at most, for one statement; 1 to 256.")
    on_error: str = _knob(
        "fail",
        "'fail': a region or row that cannot be read fails the statement. 'warn': the other rows come back, "
        "Result.complete is false and sqlprov.errors tells what is missing.",
    )
    max_attempts: int = _knob(
        5, "Attempts for one call, the first included, when it is throttled or broken; 1 to 100."
    )
    timeout: float = _knob(60.0, "Seconds to wait for one reply; 0.1 to 3600.")

    def changed(self, name: str, text: str) -> Settings:
        """These settings with `name` (with or without `sqlprov_`) set to the value that `text` spells.

        Raises:
            UnknownName: no such setting.
            DataError: the value does not fit; the message says what is expected.
        """
        short = self._known(name)
        default = getattr(type(self), short)
        return replace(self, **{short: _parsed(PREFIX + short, default, text.strip())})._checked()

    def reset(self, name: str, initial: Settings) -> Settings:
        """These settings with `name` as it is in `initial`.

        Raises:
            UnknownName: no such setting.
        """
        short = self._known(name)
        return replace(self, **{short: getattr(initial, short)})

    def _known(self, name: str) -> str:
        short = name.lower().removeprefix(PREFIX)
        names = [knob.name for knob in fields(self)]
        if short not in names:
            near = nearest(PREFIX + short, (PREFIX + known for known in names))
            raise UnknownName(f"Unknown setting {name!r}.{near} SHOW SETTINGS lists them.")
        return short

    def _checked(self) -> Settings:
        _within("concurrency", self.concurrency, 1, 256)
        _within("max_attempts", self.max_attempts, 1, 100)
        _within("timeout", self.timeout, 0.1, 3600)
        if self.on_error not in ("fail", "warn"):
            raise DataError(f"sqlprov_on_error = {self.on_error!r}: expected 'fail' or 'warn'.")
        return self

    def region_names(self) -> tuple[str, ...]:
        """`regions` as a tuple: empty if unset, ("all",) for all."""
        return tuple(dict.fromkeys(part.strip().lower() for part in self.regions.split(",") if part.strip()))

    @classmethod
    def described(cls) -> Mapping[str, tuple[str, str]]:
        """SQL name -> (default as text, about), in the documented order."""
        return {PREFIX + knob.name: (written(knob.default), knob.metadata["about"]) for knob in fields(cls)}


def written(value: Any) -> str:
    """A setting's value as SET would write it."""
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _parsed(name: str, default: Any, text: str) -> Any:
    if isinstance(default, bool):
        words = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}
        if text.lower() not in words:
            raise DataError(f"{name} = {text!r}: expected on or off.")
        return words[text.lower()]
    if isinstance(default, str):
        return text.lower()
    try:
        return type(default)(text)
    except ValueError:
        kind = "a whole number" if isinstance(default, int) else "a number of seconds"
        raise DataError(f"{name} = {text!r}: expected {kind}.") from None


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise DataError(f"{PREFIX}{name} = {value:g}: expected {low:g} to {high:g}.")

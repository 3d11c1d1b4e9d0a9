"""Coerces scalars to boto3's types."""

from __future__ import annotations

import base64
import math
import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlprov.catalog.shapes import Shape
from sqlprov.errors import format_count
from sqlprov.plan.write.values_json import InvalidValue

_BITS = {"integer": 32, "long": 64}
_INTEGER = re.compile(r"-?[0-9]{1,40}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
# The date must be complete: botocore takes '20250101' and '2025' for seconds since 1970.
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?)?|\d{8}T\d{4}(\d\d([.,]\d+)?)?)"
    r"(?P<zone>Z|[+-]\d\d(:?\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = "a date and time in ISO 8601, such as 2025-01-31T09:00:00Z"


def coerce_scalar(value: Any, shape: Shape, *, from_json: bool, zone: str) -> Any:
    """`value` as boto3 takes it for a shape without members.

    Args:
        value: from a DuckDB column, or from JSON text.
        shape: the shape.
        from_json: whether the value comes from JSON text.
        zone: time zone of times without one.

    Raises:
        InvalidValue: it does not fit.
    """
    if shape.per_second and (isinstance(value, date) or (shape.kind != "string" and _is_iso(value))):
        moment = _coerce_timestamp(value, from_json, zone)
        value = _format_time(moment) if shape.kind == "string" else _count_units(moment, shape.per_second)
    match shape.kind:
        case "string":
            return _coerce_text(value, shape)
        case "integer" | "long":
            return _check_limits(_coerce_integer(value), shape, "an integer")
        case "float" | "double":
            return _check_limits(_coerce_float(value), shape, "a number")
        case "boolean":
            return _coerce_boolean(value)
        case "timestamp":
            return _coerce_timestamp(value, from_json, zone)
        case "blob":
            return _check_limits(_coerce_blob(value), shape, "a value", "byte")
    raise InvalidValue(f"a {shape.kind}")


def _is_iso(value: Any) -> bool:
    return isinstance(value, str) and _ISO.fullmatch(value) is not None


def _format_time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds").replace(
        "+00:00", "Z"
    )


def _count_units(moment: datetime, per_second: int) -> int:
    return (moment - _EPOCH) // timedelta(seconds=1) * per_second + moment.microsecond * per_second // 10**6


def format_limits(low: float | None, high: float | None, unit: str = "") -> str:
    """` of 1 to 5 items`, ` of exactly 1 item`, ` of at least 1 item`, ` of at most 5 items`; empty without limits.

    Without a unit they limit a number: ` from 1 to 5`.
    """

    def format_bound(bound: float) -> str:
        return format_count(bound, unit) if unit else str(bound)

    if low is not None and low == high:
        return f" of exactly {format_bound(low)}"
    if low is not None and high is not None:
        return f" of {low:,} to {format_bound(high)}" if unit else f" from {low} to {high}"
    if high is not None:
        return f" of at most {format_bound(high)}"
    return "" if low is None else f" of at least {format_bound(low)}"


def _check_limits(value: Any, shape: Shape, what: str, unit: str = "") -> Any:
    low, high = shape.low, shape.high
    if shape.kind in _BITS:
        half: int = 1 << (_BITS[shape.kind] - 1)
        if not -half <= value < half:
            low, high = (-half if low is None else low), (half - 1 if high is None else high)
    size = len(value) if unit else value
    if (low is not None and size < low) or (high is not None and size > high):
        if unit:
            raise InvalidValue(f"{what}{format_limits(low, high, unit)} (not {size:,})")
        raise InvalidValue(what + format_limits(low, high))
    return value


def _coerce_text(value: Any, shape: Shape) -> str:
    match value:
        case str():
            text = value
        case bool():
            text = str(value).lower()
        case Decimal():  # all digits, as DuckDB writes them, unless there are too many
            text = f"{value:f}" if abs(value.adjusted()) < 50 else str(value)
        case int() | float() | UUID() | date() | time():
            text = str(value)
        case bytes():
            raise InvalidValue("text, not a BLOB")
        case _:
            raise InvalidValue("text (cast it to VARCHAR to send it as written)")
    rule, problems = shape.constraint, []
    if (rule.min is not None and len(text) < rule.min) or (rule.max is not None and len(text) > rule.max):
        problems.append(f"text{format_limits(rule.min, rule.max, 'character')} (not {len(text):,})")
    if not rule.matches(text):
        problems.append(f"text that matches {rule.pattern}")
    if not problems and not _is_encodable(text):
        problems.append("text without halves of surrogate pairs")
    if problems:
        raise InvalidValue(" and ".join(problems))
    return text


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _coerce_integer(value: Any) -> int:
    match value:
        case bool():
            pass
        case int():
            return value
        case float() if value.is_integer():
            return int(value)
        case Decimal() if value.adjusted() < 40 and value == value.to_integral_value():
            return int(value)
        case str() if _INTEGER.fullmatch(value):
            return int(value)
    raise InvalidValue("an integer")


def _coerce_float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise InvalidValue("a number")
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise InvalidValue("a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidValue("a finite number")
    return number


def _coerce_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise InvalidValue("true or false")


def _coerce_blob(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        if isinstance(value, str):
            return base64.b64decode(value, validate=True)
    except ValueError:
        pass
    raise InvalidValue("a BLOB or base64 text")


def _coerce_timestamp(value: Any, from_json: bool, zone: str) -> datetime:
    try:
        match value:
            case str() if match := _ISO.fullmatch(value):
                return _add_zone(datetime.fromisoformat(match.group().upper()), zone)
            case datetime():
                # pandas' subclass has nanoseconds; boto3 gets a plain datetime.
                fields = (value.year, value.month, value.day, value.hour, value.minute, value.second)
                return _add_zone(datetime(*fields, value.microsecond, value.tzinfo, fold=value.fold), zone)
            case date():
                return _add_zone(datetime.combine(value, time()), zone)
            case int() | Decimal() if from_json and not isinstance(value, bool):
                return _from_epoch(Decimal(value))
    except (ValueError, ArithmeticError):  # the day does not exist, or the year is beyond 9999
        pass
    raise InvalidValue(_TIME + (", or a number of seconds since 1970" if from_json else ""))


def _from_epoch(seconds: Decimal) -> datetime:
    if abs(seconds) >= 10**12:  # before it expands to a billion digits
        raise OverflowError
    return _EPOCH + timedelta(microseconds=round(seconds.scaleb(6)))


def _add_zone(moment: datetime, zone: str) -> datetime:
    if moment.tzinfo is None:
        try:
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise InvalidValue(f"{_TIME} (the session's TimeZone {zone!r} is unknown here)") from None
    return moment.astimezone(UTC)

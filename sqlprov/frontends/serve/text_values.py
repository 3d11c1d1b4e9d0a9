"""Columns of Arrow as PostgreSQL writes them in text."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from sqlprov.errors import DataError
from sqlprov.frontends.serve.types import ARRAYS, JSON
from sqlprov.output.values import to_text

SECONDS_TO_2000 = 946_684_800
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_CYCLE = 146_097 * 86_400
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # the years 1 to 9999

Array = Any
"""Arrow's arrays and scalars."""


def encode_text(column: Array, oid: int) -> Array:
    """A column as PostgreSQL writes it."""
    kind = column.type
    if types.is_dictionary(kind):
        return encode_text(column.dictionary_decode(), oid)
    if oid == JSON:
        return column if types.is_string(kind) else to_text(column)
    if oid in ARRAYS:
        return encode_arrays(column, oid, encode_text, _write_array)
    if types.is_boolean(kind):
        return pc.if_else(column, "t", "f")
    if types.is_floating(kind):
        text = pc.cast(column, pa.string())
        if pc.all(pc.is_finite(column)).as_py() in (True, None):
            return text
        return pc.replace_substring(pc.replace_substring(text, "inf", "Infinity"), "nan", "NaN")
    if types.is_date(kind) or types.is_timestamp(kind):
        return _format_dates(column)
    if types.is_time(kind):  # PostgreSQL has no nanoseconds
        return _trim(pc.cast(pc.cast(column, pa.time64("us"), safe=False), pa.string()))
    if types.is_interval(kind):
        return map_values(lambda value: _format_interval(*value), column, pa.string())
    if types.is_binary(kind):
        return map_values(lambda value: f"\\x{value.hex()}", column, pa.string())
    if isinstance(kind, pa.BaseExtensionType):
        raise DataError(f"A column of type {kind} cannot be sent. CAST it AS VARCHAR.")
    return pc.cast(column, pa.string())


def encode_arrays(
    column: Array, oid: int, encode: Callable[[Array, int], Array], write: Callable[[list[Any], int], Any]
) -> Array:
    """A column of arrays: all elements are encoded at once, and put together for each row."""
    column = pc.cast(column, pa.list_(column.type.value_type))
    items = encode(column.values, ARRAYS[oid]).to_pylist()
    offsets = column.offsets.to_pylist()
    pairs = zip(offsets[:-1], offsets[1:], column.is_valid().to_pylist(), strict=True)
    return pa.array([write(items[start:end], ARRAYS[oid]) if valid else None for start, end, valid in pairs])


def _write_array(items: list[str | None], element: int) -> str:
    return "{" + ",".join("NULL" if item is None else _quote_item(item) for item in items) + "}"


def _quote_item(item: str) -> str:
    if re.fullmatch(r"[^\s{}\",\\]+", item) and item.upper() != "NULL":
        return item
    return '"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"'


def map_values(convert: Callable[[Any], Any], column: Array, kind: pa.DataType) -> Array:
    """A column of a rare type, value by value."""
    return pa.array([None if value is None else convert(value) for value in column.to_pylist()], kind)


def _trim(text: Array) -> Array:
    """Times without the zeros at the end of their fraction."""
    return pc.ascii_rtrim(pc.ascii_rtrim(text, "0"), ".")


def _format_dates(column: Array) -> Array:
    kind = column.type
    is_date = types.is_date(kind)
    unit = "D" if is_date else kind.unit
    ticks = pc.cast(column, pa.int32() if is_date else pa.int64())
    per_day = 1 if is_date else 86_400 * PER_SECOND[unit]
    bounds = pc.min_max(ticks).as_py()
    if bounds["min"] is None:
        return pa.nulls(len(column), pa.string())
    if bounds["min"] < _FIRST_DAY * per_day or bounds["max"] >= (_LAST_DAY + 1) * per_day:
        suffix = "+00" if not is_date and kind.tz else ""
        return map_values(lambda value: _format_far_date(value, unit, suffix), ticks, pa.string())
    if is_date:
        return pc.cast(column, pa.string())
    if unit == "ns":  # PostgreSQL has no nanoseconds
        column = pc.cast(column, pa.timestamp("us", kind.tz), safe=False)
    local = pc.local_timestamp(column) if kind.tz else column
    text = pc.cast(local, pa.string())
    text = text if unit == "s" else _trim(text)
    return pc.binary_join_element_wise(text, _format_offsets(column, local), "") if kind.tz else text


def _format_offsets(column: Array, local: Array) -> Array | str:
    """The hours between local time and UTC, such as +01 or +05:30."""
    shift = pc.subtract(pc.cast(local, pa.int64()), pc.cast(column, pa.int64()))
    shift = pc.divide(shift, PER_SECOND[column.type.unit])
    names = {seconds: _format_offset(seconds) for seconds in pc.unique(pc.drop_null(shift)).to_pylist()}
    if len(names) == 1:
        return next(iter(names.values()))
    return map_values(names.__getitem__, shift, pa.string())


def _format_offset(seconds: int) -> str:
    hours, minutes = divmod(abs(seconds) // 60, 60)
    return f"{'-' if seconds < 0 else '+'}{hours:02}" + (f":{minutes:02}" if minutes else "")


def _format_far_date(ticks: int, unit: str, suffix: str) -> str:
    """A date before the year 1 or after 9999, or DuckDB's infinity."""
    end = 2**31 - 1 if unit == "D" else 2**63 - 1
    if abs(ticks) == end:
        return "infinity" if ticks > 0 else "-infinity"
    per_second = PER_SECOND.get(unit, 1)
    seconds, fraction = (ticks * 86_400, 0) if unit == "D" else divmod(ticks, per_second)
    cycles, rest = divmod(seconds, _CYCLE)  # the calendar repeats after 400 years
    near = dt.datetime(2000, 1, 1) + dt.timedelta(seconds=rest - SECONDS_TO_2000)
    year = near.year + 400 * cycles
    text = f"{year if year > 0 else 1 - year:04}-{near:%m-%d}"
    if unit != "D":
        text += (
            f" {near:%H:%M:%S}"
            + (f".{fraction * 10**6 // per_second:06}".rstrip("0") if fraction else "")
            + suffix
        )
    return text if year > 0 else f"{text} BC"


def _format_interval(months: int, days: int, nanoseconds: int) -> str:
    """An interval in PostgreSQL's style, such as `1 year 2 mons 3 days 04:05:06`."""
    sign = -1 if months < 0 else 1
    years, months = sign * (abs(months) // 12), sign * (abs(months) % 12)
    words = [
        f"{count} {unit}{'' if count == 1 else 's'}"
        for count, unit in ((years, "year"), (months, "mon"), (days, "day"))
        if count
    ]
    if nanoseconds or not words:
        seconds, fraction = divmod(abs(nanoseconds) // 1000, 10**6)
        clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        tail = f".{fraction:06}".rstrip("0") if fraction else ""
        words.append(f"{'-' if nanoseconds < 0 else ''}{clock}{tail}")
    return " ".join(words)

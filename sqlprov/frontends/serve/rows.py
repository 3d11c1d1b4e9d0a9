"""Encodes Arrow batches as the rows of PostgreSQL's protocol, column by column, without a loop over the rows."""

from __future__ import annotations

import datetime as dt
import re
import struct
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from sqlprov.errors import DataError
from sqlprov.frontends.serve.types import (
    ARRAYS,
    BOOL,
    BYTEA,
    DATE,
    FLOAT4,
    FLOAT8,
    INT2,
    INT4,
    INT8,
    INTERVAL,
    JSON,
    NUMERIC,
    OID,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    TIMETZ,
    UUID_,
    VARBIT,
)
from sqlprov.output.values import to_text

MAX_BYTES = 1 << 26
"""Bytes of a batch that are encoded at once; a larger one is cut."""
_DAYS_TO_2000, _SECONDS_TO_2000 = 10_957, 946_684_800
_CYCLE = 146_097 * 86_400
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # the years 1 to 9999
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}

Array = Any
"""Arrow's arrays and scalars."""


def encode_rows(batch: pa.RecordBatch, oids: Sequence[int], formats: Sequence[int]) -> Iterator[memoryview]:
    """The DataRow messages of a batch.

    Args:
        batch: the rows.
        oids: PostgreSQL's types of the columns.
        formats: 0 for text, 1 for binary, of each column.
    """
    for piece in _cut(batch):
        yield _build_messages(b"D", encode_values(piece, oids, formats))


def encode_copy_rows(batch: pa.RecordBatch, oids: Sequence[int]) -> Iterator[memoryview]:
    """The CopyData messages of a batch in COPY's binary format."""
    for piece in _cut(batch):
        yield _build_messages(b"d", encode_values(piece, oids, [1] * len(oids)))


def encode_copy_lines(lines: Array) -> memoryview:
    """The CopyData messages of texts, one for each line."""
    return _join(b"d", _pack(pc.add(pc.binary_length(lines), _make_int32(4))), lines.cast(pa.binary()))


def encode_values(batch: pa.RecordBatch, oids: Sequence[int], formats: Sequence[int]) -> list[Array]:
    """The values of each column as binary; NULL stays NULL."""
    encoders = ((encode_binary if binary else encode_text) for binary in formats)
    columns = zip(batch.columns, oids, encoders, strict=True)
    return [encode(column, oid).cast(pa.binary()) for column, oid, encode in columns]


def _cut(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    pieces = max(1, min(batch.num_rows, -(-batch.nbytes // MAX_BYTES)))
    rows = -(-batch.num_rows // pieces)
    return (batch.slice(at, rows) for at in range(0, batch.num_rows, rows or 1))


def _build_messages(kind: bytes, values: list[Array]) -> memoryview:
    """A message for each row: its type, size, number of columns, and each value after its size, -1 for NULL."""
    size: Any = _make_int32(6)
    fields: list[Any] = []
    for value in values:
        length = pc.binary_length(value)
        if value.null_count:
            fields += [_pack(pc.fill_null(length, _make_int32(-1))), pc.fill_null(value, b"")]
            length = pc.fill_null(length, _make_int32(0))
        else:
            fields += [_pack(length), value]
        size = pc.add(pc.add(size, length), _make_int32(4))
    return _join(kind, _pack(size), struct.pack("!h", len(values)), *fields)


def _make_int32(number: int) -> pa.Scalar:
    return pa.scalar(number, pa.int32())


def _join(*parts: Any) -> memoryview:
    """The values of the first row, of the second, and so on, without gaps."""
    rows = pc.binary_join_element_wise(*parts, b"")
    offsets = memoryview(rows.buffers()[1]).cast("i")
    return memoryview(rows.buffers()[2])[offsets[rows.offset] : offsets[rows.offset + len(rows)]]


def _pack(numbers: Array) -> Array:
    """Numbers as binary values of the same width, the highest byte first; NULL stays NULL."""
    width = numbers.type.bit_width // 8
    items = array("bhiq"[(1, 2, 4, 8).index(width)])
    start = numbers.offset * width
    items.frombytes(memoryview(numbers.buffers()[1])[start : start + len(numbers) * width])
    if sys.byteorder == "little":
        items.byteswap()
    packed = pa.Array.from_buffers(pa.binary(width), len(numbers), [None, pa.py_buffer(items)]).cast(
        pa.binary()
    )
    return pc.if_else(numbers.is_valid(), packed, None) if numbers.null_count else packed


# Text


def encode_text(column: Array, oid: int) -> Array:
    """A column as PostgreSQL writes it."""
    kind = column.type
    if types.is_dictionary(kind):
        return encode_text(column.dictionary_decode(), oid)
    if oid == JSON:
        return column if types.is_string(kind) else to_text(column)
    if oid in ARRAYS:
        return _encode_arrays(column, oid, encode_text, _write_array)
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
        return _map(lambda value: _format_interval(*value), column, pa.string())
    if types.is_binary(kind):
        return _map(lambda value: f"\\x{value.hex()}", column, pa.string())
    if isinstance(kind, pa.BaseExtensionType):
        raise DataError(f"A column of type {kind} cannot be sent. CAST it AS VARCHAR.")
    return pc.cast(column, pa.string())


def _encode_arrays(
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


def _pack_array(items: list[bytes | None], element: int) -> bytes:
    head = struct.pack("!iii", 1 if items else 0, int(None in items), element)
    if not items:
        return head
    values = (b"\xff\xff\xff\xff" if item is None else struct.pack("!i", len(item)) + item for item in items)
    return head + struct.pack("!ii", len(items), 1) + b"".join(values)


def _map(convert: Callable[[Any], Any], column: Array, kind: pa.DataType) -> Array:
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
    per_day = 1 if is_date else 86_400 * _PER_SECOND[unit]
    bounds = pc.min_max(ticks).as_py()
    if bounds["min"] is None:
        return pa.nulls(len(column), pa.string())
    if bounds["min"] < _FIRST_DAY * per_day or bounds["max"] >= (_LAST_DAY + 1) * per_day:
        suffix = "+00" if not is_date and kind.tz else ""
        return _map(lambda value: _format_far_date(value, unit, suffix), ticks, pa.string())
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
    shift = pc.divide(shift, _PER_SECOND[column.type.unit])
    names = {seconds: _format_offset(seconds) for seconds in pc.unique(pc.drop_null(shift)).to_pylist()}
    if len(names) == 1:
        return next(iter(names.values()))
    return _map(names.__getitem__, shift, pa.string())


def _format_offset(seconds: int) -> str:
    hours, minutes = divmod(abs(seconds) // 60, 60)
    return f"{'-' if seconds < 0 else '+'}{hours:02}" + (f":{minutes:02}" if minutes else "")


def _format_far_date(ticks: int, unit: str, suffix: str) -> str:
    """A date before the year 1 or after 9999, or DuckDB's infinity."""
    end = 2**31 - 1 if unit == "D" else 2**63 - 1
    if abs(ticks) == end:
        return "infinity" if ticks > 0 else "-infinity"
    per_second = _PER_SECOND.get(unit, 1)
    seconds, fraction = (ticks * 86_400, 0) if unit == "D" else divmod(ticks, per_second)
    cycles, rest = divmod(seconds, _CYCLE)  # the calendar repeats after 400 years
    near = dt.datetime(2000, 1, 1) + dt.timedelta(seconds=rest - _SECONDS_TO_2000)
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


# Binary


def _encode_items(column: Array, oid: int) -> Array:
    return encode_binary(column, oid).cast(pa.binary())


_NUMBERS = {
    BOOL: pa.uint8(),
    INT2: pa.int16(),
    INT4: pa.int32(),
    INT8: pa.int64(),
    OID: pa.uint32(),
    FLOAT4: pa.float32(),
    FLOAT8: pa.float64(),
}
"""Type -> what has the same bytes in Arrow."""


def encode_binary(column: Array, oid: int) -> Array:
    """A column in PostgreSQL's binary format; texts and JSON have the same bytes as in the text format.

    Raises:
        DataError: there is no binary format for it here.
    """
    if types.is_null(column.type):
        return column
    if oid in ARRAYS:
        return _encode_arrays(column, oid, _encode_items, _pack_array)
    if oid in _NUMBERS:
        return _pack(pc.cast(column, _NUMBERS[oid]))
    if oid in (DATE, TIMESTAMP, TIMESTAMPTZ, TIME):
        return _encode_ticks(column, oid)
    if oid == BYTEA:
        return column
    if oid == NUMERIC:
        return _map(_pack_numeric, pc.cast(column, pa.string()), pa.binary())
    if oid == UUID_:
        return _map(lambda text: UUID(text).bytes, column, pa.binary())
    if oid == INTERVAL:
        return _map(_pack_interval, column, pa.binary())
    if oid == VARBIT:
        return _map(_pack_bits, column, pa.binary())
    if oid == TIMETZ:
        return _map(_pack_zoned_time, column, pa.binary())
    return encode_text(column, oid)


def _encode_ticks(column: Array, oid: int) -> Array:
    """Days or microseconds since 2000, or since midnight."""
    if oid == DATE:
        ticks, end, shift = pc.cast(column, pa.int32()), 2**31 - 1, _DAYS_TO_2000
        moved = pc.subtract(ticks, pa.scalar(shift, pa.int32()))
    else:
        ticks, end, unit = pc.cast(column, pa.int64()), 2**63 - 1, _PER_SECOND[column.type.unit]
        scaled = pc.divide(ticks, 1000) if unit == 10**9 else pc.multiply(ticks, 10**6 // unit)
        moved = pc.subtract(scaled, 0 if oid == TIME else _SECONDS_TO_2000 * 10**6)
    kind = moved.type
    moved = pc.if_else(pc.equal(ticks, pa.scalar(end, kind)), pa.scalar(end, kind), moved)
    return _pack(pc.if_else(pc.equal(ticks, pa.scalar(-end, kind)), pa.scalar(-end - 1, kind), moved))


def _pack_numeric(text: str) -> bytes:
    value = Decimal(text)
    if not value.is_finite():
        return struct.pack("!hhHh", 0, 0, 0xC000 if value.is_nan() else 0xD000 if value > 0 else 0xF000, 0)
    whole, _, fraction = format(value.copy_abs(), "f").partition(".")
    whole = whole.zfill(-(-len(whole) // 4) * 4)
    padded = whole + fraction.ljust(-(-len(fraction) // 4) * 4, "0")
    digits = [int(padded[at : at + 4]) for at in range(0, len(padded), 4)]
    weight = len(whole) // 4 - 1
    while digits and digits[0] == 0:
        digits, weight = digits[1:], weight - 1
    while digits and digits[-1] == 0:
        digits.pop()
    sign = 0x4000 if value < 0 else 0
    return struct.pack(
        f"!hhHh{len(digits)}h", len(digits), weight if digits else 0, sign, len(fraction), *digits
    )


def _pack_interval(value: Any) -> bytes:
    months, days, nanoseconds = value
    return struct.pack("!qii", nanoseconds // 1000, days, months)


def _pack_bits(text: str) -> bytes:
    padded = text.ljust(-(-len(text) // 8) * 8, "0")
    return struct.pack("!i", len(text)) + bytes(
        int(padded[at : at + 8], 2) for at in range(0, len(padded), 8)
    )


def _pack_zoned_time(text: str) -> bytes:
    """Microseconds since midnight, and the seconds west of UTC, of a text such as 01:02:03.5+02."""
    at = max(text.rfind("+"), text.rfind("-"))
    clock, zone = text[:at].split(":"), [int(part) for part in text[at + 1 :].split(":")]
    ticks = (int(clock[0]) * 3600 + int(clock[1]) * 60) * 10**6 + round(Decimal(clock[2]) * 10**6)
    seconds = sum(part * unit for part, unit in zip(zone, (3600, 60, 1), strict=False))
    return struct.pack("!qi", ticks, -seconds if text[at] == "+" else seconds)

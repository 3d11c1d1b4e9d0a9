"""Columns of Arrow in PostgreSQL's binary format."""

from __future__ import annotations

import struct
import sys
from array import array
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from sqlprov.frontends.serve.text_values import (
    PER_SECOND,
    SECONDS_TO_2000,
    Array,
    encode_arrays,
    encode_text,
    map_values,
)
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
    NUMERIC,
    OID,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    TIMETZ,
    UUID_,
    VARBIT,
)

_DAYS_TO_2000 = 10_957


def pack_numbers(numbers: Array) -> Array:
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


def _encode_items(column: Array, oid: int) -> Array:
    return encode_binary(column, oid).cast(pa.binary())


def encode_binary(column: Array, oid: int) -> Array:
    """A column in PostgreSQL's binary format; texts and JSON have the same bytes as in the text format.

    Raises:
        DataError: there is no binary format for it here.
    """
    if types.is_null(column.type):
        return column
    if oid in ARRAYS:
        return encode_arrays(column, oid, _encode_items, _pack_array)
    if oid in _NUMBERS:
        return pack_numbers(pc.cast(column, _NUMBERS[oid]))
    if oid in (DATE, TIMESTAMP, TIMESTAMPTZ, TIME):
        return _encode_ticks(column, oid)
    if oid == BYTEA:
        return column
    if oid == NUMERIC:
        return map_values(_pack_numeric, pc.cast(column, pa.string()), pa.binary())
    if oid == UUID_:
        return map_values(lambda text: UUID(text).bytes, column, pa.binary())
    if oid == INTERVAL:
        return map_values(_pack_interval, column, pa.binary())
    if oid == VARBIT:
        return map_values(_pack_bits, column, pa.binary())
    if oid == TIMETZ:
        return map_values(_pack_zoned_time, column, pa.binary())
    return encode_text(column, oid)


def _encode_ticks(column: Array, oid: int) -> Array:
    """Days or microseconds since 2000, or since midnight."""
    if oid == DATE:
        ticks, end, shift = pc.cast(column, pa.int32()), 2**31 - 1, _DAYS_TO_2000
        moved = pc.subtract(ticks, pa.scalar(shift, pa.int32()))
    else:
        ticks, end, unit = pc.cast(column, pa.int64()), 2**63 - 1, PER_SECOND[column.type.unit]
        scaled = pc.divide(ticks, 1000) if unit == 10**9 else pc.multiply(ticks, 10**6 // unit)
        moved = pc.subtract(scaled, 0 if oid == TIME else SECONDS_TO_2000 * 10**6)
    kind = moved.type
    moved = pc.if_else(pc.equal(ticks, pa.scalar(end, kind)), pa.scalar(end, kind), moved)
    return pack_numbers(pc.if_else(pc.equal(ticks, pa.scalar(-end, kind)), pa.scalar(-end - 1, kind), moved))


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


def _pack_array(items: list[bytes | None], element: int) -> bytes:
    head = struct.pack("!iii", 1 if items else 0, int(None in items), element)
    if not items:
        return head
    values = (b"\xff\xff\xff\xff" if item is None else struct.pack("!i", len(item)) + item for item in items)
    return head + struct.pack("!ii", len(items), 1) + b"".join(values)

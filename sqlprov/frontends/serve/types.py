"""DuckDB's types as PostgreSQL's, and the values of parameters."""

from __future__ import annotations

import datetime as dt
import re
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import pyarrow as pa
from pyarrow import types

from sqlprov.errors import DataError

BOOL, BYTEA, INT8, INT2, INT4, TEXT, OID, JSON, FLOAT4, FLOAT8 = 16, 17, 20, 21, 23, 25, 26, 114, 700, 701
DATE, TIME, TIMESTAMP, TIMESTAMPTZ, INTERVAL, TIMETZ = 1082, 1083, 1114, 1184, 1186, 1266
VARBIT, NUMERIC, UUID_, UNKNOWN, VARCHAR, NAME, BPCHAR = 1562, 1700, 2950, 705, 1043, 19, 1042
SIZES = {BOOL: 1, INT2: 2, INT4: 4, INT8: 8, OID: 4, FLOAT4: 4, FLOAT8: 8, DATE: 4, TIME: 8, TIMETZ: 12}
SIZES |= {TIMESTAMP: 8, TIMESTAMPTZ: 8, INTERVAL: 16, UUID_: 16}
"""Bytes of a value of a type whose values all have the same size."""
TEXT_ARRAY = 1009
ARRAYS = {
    1000: BOOL,
    1001: BYTEA,
    1005: INT2,
    1007: INT4,
    1016: INT8,
    TEXT_ARRAY: TEXT,
    1015: VARCHAR,
    1021: FLOAT4,
}
ARRAYS |= {1022: FLOAT8, 1182: DATE, 1183: TIME, 1115: TIMESTAMP, 1185: TIMESTAMPTZ, 1231: NUMERIC}
ARRAYS |= {2951: UUID_, 199: JSON, 1028: OID, 1003: NAME, 1014: BPCHAR, 1187: INTERVAL}
"""Type of an array -> type of its elements."""
EPOCH = dt.date(2000, 1, 1)
"""The day that PostgreSQL counts from."""
TYPE_NAMES = {
    "BOOLEAN": BOOL,
    "TINYINT": INT2,
    "SMALLINT": INT2,
    "UTINYINT": INT2,
    "INTEGER": INT4,
    "USMALLINT": INT4,
    "BIGINT": INT8,
    "UINTEGER": INT8,
    "UBIGINT": NUMERIC,
    "HUGEINT": NUMERIC,
    "UHUGEINT": NUMERIC,
    "BIGNUM": NUMERIC,
    "DECIMAL": NUMERIC,
    "FLOAT": FLOAT4,
    "DOUBLE": FLOAT8,
    "VARCHAR": TEXT,
    "JSON": JSON,
    "BLOB": BYTEA,
    "DATE": DATE,
    "TIME": TIME,
    "TIME_NS": TIME,
    "TIME WITH TIME ZONE": TIMETZ,
    "TIMESTAMP": TIMESTAMP,
    "TIMESTAMP_S": TIMESTAMP,
    "TIMESTAMP_MS": TIMESTAMP,
    "TIMESTAMP_NS": TIMESTAMP,
    "TIMESTAMP WITH TIME ZONE": TIMESTAMPTZ,
    "INTERVAL": INTERVAL,
    "BIT": VARBIT,
    "UUID": UUID_,
    "VARIANT": JSON,
}
"""DuckDB's types -> PostgreSQL's; nested types are JSON, and others text."""
_NESTED = re.compile(r"(STRUCT|MAP|UNION|TUPLE)\b|.*\[\d*\]$", re.DOTALL)


class ColumnType(NamedTuple):
    """A type with its modifier, such as the digits of a number; -1 for none."""

    oid: int
    modifier: int = -1


def find_type(name: str) -> ColumnType:
    """PostgreSQL's type for the name of one of DuckDB's; nested types are sent as JSON, others as text.

    >>> find_type("DECIMAL(10,3)").oid, find_type("INTEGER[]").oid, find_type("ENUM('a')").oid
    (1700, 114, 25)
    """
    if _NESTED.match(name):
        return ColumnType(JSON)
    digits = re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", name)
    if digits:
        return ColumnType(NUMERIC, (int(digits[1]) << 16 | int(digits[2])) + 4)
    return ColumnType(TYPE_NAMES.get(name, TEXT))


def find_catalog_type(name: str) -> ColumnType:
    """As `find_type`, for PostgreSQL's catalogs: UINTEGER is the type of an OID, and lists are arrays.

    >>> find_catalog_type("UINTEGER").oid, find_catalog_type("VARCHAR[]").oid
    (26, 1009)
    """
    if name.endswith("[]") and not _NESTED.match(name[:-2]):
        element = find_catalog_type(name[:-2]).oid
        return ColumnType(next((array for array, each in ARRAYS.items() if each == element), JSON))
    return ColumnType(OID) if name == "UINTEGER" else find_type(name)


def name_type(arrow: pa.DataType) -> str:
    """DuckDB's name for Arrow's type, of a result that comes from the catalog."""
    if types.is_nested(arrow):
        return "STRUCT"
    names = {"bool": "BOOLEAN", "int32": "INTEGER", "int64": "BIGINT", "double": "DOUBLE"}
    return names.get(str(arrow), "VARCHAR")


# Parameters


def decode_parameter(value: bytes | None, oid: int, is_binary: bool) -> Any:
    """The Python value of a parameter; a text whose type the client left open stays text, which DuckDB adapts.

    Raises:
        DataError: the value does not fit its type, or the type is not supported.
    """
    if value is None:
        return None
    try:
        if oid in ARRAYS:
            element = ARRAYS[oid]
            if is_binary:
                return _decode_binary_array(value, element)
            return _decode_text_array(value.decode(), element)
        return _decode_binary(value, oid) if is_binary else _decode_text(value.decode(), oid)
    except (ValueError, LookupError, ArithmeticError, struct.error) as error:
        raise DataError(f"A parameter of type {oid} has a wrong value: {error}.") from None


def _decode_text(text: str, oid: int) -> Any:
    if oid == BOOL:
        word = text.strip().lower()
        if word not in _BOOLEANS:
            raise ValueError(f"{text!r} is not a boolean")
        return _BOOLEANS[word]
    if oid == BYTEA:
        return bytes.fromhex(text[2:]) if text.startswith("\\x") else text.encode()
    return _FROM_TEXT[oid](text) if oid in _FROM_TEXT else text


_BOOLEANS = dict.fromkeys(("t", "true", "1", "y", "yes", "on"), True)
_BOOLEANS |= dict.fromkeys(("f", "false", "0", "n", "no", "off"), False)


def _parse_date(text: str) -> dt.date | str:
    return text if "infinity" in text or "BC" in text else dt.date.fromisoformat(text)


def _parse_timestamp(text: str) -> dt.datetime | str:
    return text if "infinity" in text or "BC" in text else dt.datetime.fromisoformat(text)


_FROM_TEXT: dict[int, Callable[[str], Any]] = {
    INT2: int,
    INT4: int,
    INT8: int,
    OID: int,
    FLOAT4: float,
    FLOAT8: float,
    NUMERIC: Decimal,
    DATE: _parse_date,
    TIME: dt.time.fromisoformat,
    TIMESTAMP: _parse_timestamp,
    TIMESTAMPTZ: _parse_timestamp,
    UUID_: UUID,
}


def _decode_binary(value: bytes, oid: int) -> Any:
    match oid:
        case 0 | 19 | 25 | 114 | 705 | 1042 | 1043:  # texts
            return value.decode()
        case 16:
            return value != b"\0"
        case 17:
            return value
        case 20 | 21 | 23 | 26:
            return struct.unpack({INT2: "!h", INT4: "!i", INT8: "!q", OID: "!I"}[oid], value)[0]
        case 700 | 701:
            return struct.unpack("!f" if oid == FLOAT4 else "!d", value)[0]
        case 1082:
            return EPOCH + dt.timedelta(days=struct.unpack("!i", value)[0])
        case 1083:
            (ticks,) = struct.unpack("!q", value)
            return (dt.datetime.combine(EPOCH, dt.time()) + dt.timedelta(microseconds=ticks)).time()
        case 1114 | 1184:
            zone = dt.UTC if oid == TIMESTAMPTZ else None
            ticks = dt.timedelta(microseconds=struct.unpack("!q", value)[0])
            return dt.datetime.combine(EPOCH, dt.time(), zone) + ticks
        case 1186:
            ticks, days, months = struct.unpack("!qii", value)
            return f"{months} months {days} days {ticks} microseconds"
        case 1700:
            return _decode_numeric(value)
        case 2950:
            return UUID(bytes=value)
        case 3802:  # jsonb: a version, then the text
            return value[1:].decode()
    raise DataError(f"A parameter of type {oid} is not supported in binary. Send it as text.")


def _decode_numeric(value: bytes) -> Decimal:
    count, weight, sign, scale = struct.unpack_from("!hhHh", value)
    digits = struct.unpack_from(f"!{count}h", value, 8)
    if sign & 0xC000 == 0xC000:
        return Decimal({0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}[sign])
    text, exponent = "".join(f"{digit:04}" for digit in digits) or "0", 4 * (weight - count + 1)
    if (
        excess := -exponent - scale
    ) > 0:  # zeros that fill the last group of four, with which 38 digits may be 40
        text, exponent = text[:-excess] or "0", exponent + excess
    # From a text, for arithmetic would round to 28 digits.
    return Decimal(f"{'-' if sign else ''}{text}{'0' * exponent}E{min(exponent, 0)}")


def _decode_binary_array(value: bytes, element: int) -> list[Any]:
    dimensions, _, oid = struct.unpack_from("!iiI", value)
    if dimensions == 0:
        return []
    if dimensions > 1:
        raise ValueError("arrays of several dimensions are not supported")
    (count, _), at = struct.unpack_from("!ii", value, 12), 20
    items: list[Any] = []
    for _ in range(count):
        (size,) = struct.unpack_from("!i", value, at)
        at += 4 + max(size, 0)
        items.append(None if size < 0 else _decode_binary(value[at - size : at], oid or element))
    return items


_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^",{}\s][^",{}]*))\s*(,|$)', re.DOTALL)


def _decode_text_array(text: str, element: int) -> list[Any]:
    """The values of `{a,"b c",NULL}`."""
    if not (text.startswith("{") and text.endswith("}")):
        raise ValueError(f"{text!r} is not an array")
    inner, at = text[1:-1], 0
    items: list[Any] = []
    while at < len(inner):
        match = _ITEM.match(inner, at)
        if match is None:
            raise ValueError(f"{text!r} is not an array of one dimension")
        quoted, plain, _ = match.groups()
        if quoted is None:
            plain = plain.strip()
            items.append(None if plain.upper() == "NULL" else _decode_text(plain, element))
        else:
            items.append(_decode_text(re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL), element))
        at = match.end()
    return items

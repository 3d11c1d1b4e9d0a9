"""Arrow's values as the Python values of DuckDB's own `fetchall()`: a MAP as dict, a HUGEINT as int, a UUID as UUID."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa

from sqlprov.errors import DataError

Converter = Callable[[Any], Any]
_CONVERTED = r"HUGEINT|UUID|INTERVAL|_NS|BIT|BIGNUM|TIME WITH|VARIANT|MAP|TUPLE|\[\d"
"""Each type that has a converter has one of these in its name; to go through all types of a table takes longer."""


def find_converters(types: Iterable[Any]) -> tuple[Converter | None, ...]:
    """For each of DuckDB's types, what turns pyarrow's Python values into DuckDB's; `None` if they are the same."""
    return tuple(_find_converter(kind) if re.search(_CONVERTED, str(kind)) else None for kind in types)


def to_python(column: pa.Array, convert: Converter | None) -> list[Any]:
    """The values of a column as DuckDB's `fetchall()` returns them.

    Raises:
        DataError: a value that neither Arrow nor Python can represent.
    """
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        column, convert = column.cast(pa.timestamp("us", column.type.tz), safe=False), None
    try:
        values: list[Any] = column.to_pylist()
    except (OverflowError, ValueError) as error:  # such as infinity, or a time after the year 9999
        if convert is not None:
            raise DataError(f"Python cannot represent a value of the rows: {error}. Use arrow().") from error
        with duckdb.connect() as own:
            own.execute("SET TimeZone = 'UTC'")
            return [value for (value,) in own.from_arrow(pa.table([column], ["value"])).fetchall()]
    return values if convert is None else list(map(convert, values))


def name_type(arrow: pa.DataType, kind: Any) -> str:
    """The type of a column in PEP 249's `description`: Arrow's name, or DuckDB's if `to_python` converts the values.

    A nested type is only called so: polars takes every name that mentions a string for a string.
    """
    if kind is not None and kind.id in _SIMPLE:
        return str(kind.id)
    return "nested" if pa.types.is_nested(arrow) else str(arrow)


def _find_converter(kind: Any) -> Converter | None:
    match kind.id:
        case "list":
            convert = _convert_list(dict(kind.children)["child"])
        case "array":
            convert = _convert_array(dict(kind.children)["child"])
        case "struct":
            convert = _convert_struct(kind.children)
        case "tuple":
            convert = _convert_tuple(kind.children)
        case "map":
            convert = _convert_map(*(child for _, child in kind.children))
        case "time with time zone" | "variant":
            convert = _refuse(str(kind))
        case other:
            convert = _SIMPLE.get(other)
    return convert and (lambda value: None if value is None else convert(value))


def _same(value: Any) -> Any:
    return value


def _convert_list(kind: Any) -> Converter | None:
    convert = _find_converter(kind)
    return convert and (lambda values: list(map(convert, values)))


def _convert_array(kind: Any) -> Converter:
    convert = _find_converter(kind) or _same
    return lambda values: tuple(map(convert, values))


def _convert_struct(fields: Iterable[tuple[str, Any]]) -> Converter | None:
    converters = {name: convert for name, kind in fields if (convert := _find_converter(kind))}
    if not converters:
        return None
    return lambda value: {name: converters.get(name, _same)(item) for name, item in value.items()}


def _convert_tuple(fields: Iterable[tuple[str, Any]]) -> Converter:
    converters = [_find_converter(kind) or _same for _, kind in fields]
    return lambda value: tuple(
        convert(item) for convert, item in zip(converters, value.values(), strict=True)
    )


def _convert_map(key: Any, value: Any) -> Converter:
    convert_key, convert_value = _find_converter(key) or _same, _find_converter(value) or _same
    is_nested = key.id in (
        "list",
        "array",
        "struct",
        "tuple",
        "map",
    )  # a dict cannot have some of these as keys

    def convert(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
        keys, values = [convert_key(key) for key, _ in pairs], [convert_value(value) for _, value in pairs]
        return {"key": keys, "value": values} if is_nested else dict(zip(keys, values, strict=True))

    return convert


def _refuse(kind: str) -> Converter:
    def convert(value: Any) -> Any:
        raise DataError(f"Arrow, in which rows arrive, loses a part of a {kind}. CAST it AS VARCHAR.")

    return convert


def _read_bits(value: bytes) -> str:
    """The bits after the padding, whose length is the first byte."""
    return "".join(f"{byte:08b}" for byte in value[1:])[value[0] :]


def _read_bignum(value: bytes) -> str:
    """A sign and a length in three bytes, then the digits; all inverted if it is negative."""
    is_negative = value[0] < 128
    digits = bytes(255 - byte for byte in value[3:]) if is_negative else value[3:]
    return f"{'-' if is_negative else ''}{int.from_bytes(digits)}"


_SIMPLE: dict[str, Converter] = {
    "hugeint": int,
    "uhugeint": lambda value: int(value) % 2**128,  # Arrow's decimal has a sign
    "uuid": UUID,
    "interval": lambda value: timedelta(value.days + 30 * value.months, 0, value.nanoseconds // 1000),
    "timestamp_ns": lambda value: getattr(value, "to_pydatetime", lambda **_: value)(warn=False),
    "bit": _read_bits,
    "bignum": _read_bignum,
}

"""Converts Arrow arrays to text, and to the values that orjson writes."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
from pyarrow import types

from sqlprov.arrow_functions import cast, compute, replace_text
from sqlprov.errors import DataError

if TYPE_CHECKING:
    from sqlprov.output import RowStream

_SLICE_ROWS = 2048  # for this many rows, nested values may take megabytes of text
_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_FIRST, _LAST = -62_135_596_800, 253_402_300_799  # the years 1 to 9999, in seconds
_EXACT_DIGITS = 15  # a double holds any decimal number with this many digits


def start(rows: RowStream) -> Iterator[pa.RecordBatch]:
    """Fetch the first batch now, because its error must come before any output; then iterate over all batches."""
    batches = iter(rows.to_batches() if isinstance(rows, pa.Table) else rows.batches())
    first = next(batches, None)
    return iter(()) if first is None else chain([first], batches)


def start_slices(rows: RowStream) -> Iterator[pa.RecordBatch]:
    """As `start`, in small batches."""
    batches = start(rows)
    return (batch.slice(at, _SLICE_ROWS) for batch in batches for at in range(0, batch.num_rows, _SLICE_ROWS))


def start_json_rows(rows: RowStream) -> Iterator[list[bytes]]:
    """As `start_slices`, in lists of rows as JSON objects; no list is empty."""
    slices = start_slices(rows)
    names = make_unique(rows.schema.names)
    for batch in slices:
        values = zip(*map(to_json_values, batch.columns), strict=True)
        yield [orjson.dumps(dict(zip(names, row, strict=True))) for row in values]


def make_unique(names: Iterable[str]) -> list[str]:
    """Number equal names as DuckDB does, which ignores case; the first of them, and every other name, stays."""
    names = list(names)
    unique: list[str] = []
    taken, seen = {name.lower() for name in names}, set[str]()
    for name in names:
        free, number = name, 0
        while free.lower() in (taken if number else seen):
            number += 1
            free = f"{name}_{number}"
        taken.add(free.lower())
        seen.add(free.lower())
        unique.append(free)
    return unique


def mark_null(text: str | None) -> str:
    """The text of a value in a table; the text `NULL`, which is not NULL, gets quotes."""
    return "NULL" if text is None else f"'{text}'" if text.strip("'") == "NULL" else text


def read_text_columns(rows: RowStream) -> tuple[list[str], list[list[str | None]]]:
    """All rows as text: the column names, and the values column by column."""
    names = list(rows.schema.names)
    columns: list[list[str | None]] = [[] for _ in names]
    for batch in start_slices(rows):
        for column, array in zip(columns, batch.columns, strict=True):
            if types.is_integer(array.type):
                column.extend(value if value is None else str(value) for value in array.to_pylist())
            else:
                text = array if types.is_string(array.type) else to_text(array)
                column.extend(text.to_pylist())
    return names, columns


def to_text(array: pa.Array) -> pa.Array:
    """`array` as strings; NULL stays NULL."""
    kind = array.type
    if types.is_dictionary(kind):
        return to_text(array.dictionary_decode())
    if types.is_floating(kind):
        # A whole double keeps its point, so that readers detect a column of doubles.
        return replace_text(cast(array, pa.string()), r"^(-?\d+)$", r"\1.0", is_pattern=True)
    if types.is_timestamp(kind) or types.is_date(kind):
        return _format_dates(array)
    if _is_plain(kind):
        return cast(array, pa.string())
    values = (
        value if value is None or isinstance(value, str) else orjson.dumps(value).decode()
        for value in to_json_values(array)
    )
    return pa.array(values, pa.string())


def to_json_values(array: pa.Array) -> list[Any]:
    """`array` as a list of values that orjson writes; NULL becomes None."""
    kind = array.type
    values: list[Any] = []
    if types.is_dictionary(kind):
        return to_json_values(array.dictionary_decode())
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_null(kind):
        values = array.to_pylist()
    elif types.is_floating(kind):
        values = [_convert_double(text) for text in cast(array, pa.string()).to_pylist()]
    elif types.is_decimal(kind):
        values = [value if value is None else _convert_decimal(value) for value in array.to_pylist()]
    elif types.is_struct(kind):
        values = _convert_structs(array)
    elif types.is_map(kind) or types.is_list(kind) or types.is_large_list(kind):
        values = _convert_lists(array)
    elif types.is_fixed_size_list(kind):
        values = _convert_lists(cast(array, pa.list_(kind.value_field)))
    elif types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        values = [value if value is None else base64.b64encode(value).decode() for value in array.to_pylist()]
    elif types.is_interval(kind):
        values = [value if value is None else _format_interval(*value) for value in array.to_pylist()]
    elif types.is_union(kind):
        for value in array:
            member = value.type.field(value.type_code).type
            values += to_json_values(pa.array([value.as_py()], member))
    elif isinstance(kind, pa.BaseExtensionType) or not (_is_plain(kind) or types.is_temporal(kind)):
        raise DataError(f"A column of type {kind} cannot be written as text. CAST it AS VARCHAR.")
    else:
        values = to_text(array).to_pylist()
    return values


def _is_plain(kind: pa.DataType) -> bool:
    """Whether to write a value as Arrow's own text."""
    text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    number = types.is_integer(kind) or types.is_decimal(kind)
    return bool(text or number or types.is_boolean(kind) or types.is_null(kind) or types.is_time(kind))


def _format_dates(array: pa.Array) -> pa.Array:
    """Dates and timestamps in ISO 8601; a timestamp with a zone ends in `Z` or its offset. A fraction has no
    zeros at its end, as in the JSON of DuckDB's functions.

    A timestamp without a zone has a space for the `T`, because DuckDB's JSON reader would read a `T` as text.
    """
    is_date = types.is_date(array.type)
    size, per_second = (32, 1 / 86_400) if is_date else (64, _TICKS[array.type.unit])
    ticks = cast(array, pa.int32() if is_date else pa.int64())
    end = 2 ** (size - 1) - 1  # DuckDB's infinity
    is_finite = compute("and", compute("less", ticks, end), compute("greater", ticks, -end))
    finite = compute("if_else", is_finite, ticks, None)
    bounds = compute("min_max", finite).as_py()
    if bounds["min"] is not None and not (
        _FIRST * per_second <= bounds["min"] and bounds["max"] < (_LAST + 1) * per_second
    ):
        raise DataError("A date outside the years 1 to 9999 cannot be written as text. CAST it AS VARCHAR.")
    text = cast(cast(finite, array.type), pa.string())
    if not is_date:
        if array.type.tz:
            text = replace_text(text, " ", "T")
            text = replace_text(text, r"([+-]\d\d)(\d\d)$", r"\1:\2", is_pattern=True)
        text = replace_text(text, r"(\.\d*?)0+(Z|[+-]\d\d:\d\d|)$", r"\1\2", is_pattern=True)
        text = replace_text(text, r"\.(Z|[+-]\d\d:\d\d|)$", r"\1", is_pattern=True)
    infinite = compute("if_else", compute("greater", ticks, 0), "infinity", "-infinity")
    return compute("if_else", is_finite, text, infinite)


def _convert_double(text: str | None) -> float | str | None:
    """A double, or a word that DuckDB casts to one: JSON has no NaN and no infinity."""
    words = {None: None, "nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    return words[text] if text is None or text in words else float(text)


def _convert_decimal(value: Decimal) -> int | str | orjson.Fragment:
    """A number if common JSON readers keep all its digits, otherwise text."""
    is_whole = value == value.to_integral_value() and value.as_tuple().exponent == 0
    if is_whole and -(2**63) <= value < 2**64:
        return int(value)
    text = format(value, "f")
    return orjson.Fragment(text) if len(value.as_tuple().digits) <= _EXACT_DIGITS else text


def _convert_structs(array: pa.Array) -> list[Any]:
    """Structures as objects, without the members that are NULL: AWS sends none."""
    names = [field.name for field in array.type]
    members = [to_json_values(member) for member in array.flatten()]
    rows = zip(*members, strict=True) if members else [()] * len(array)
    return [
        {name: value for name, value in zip(names, row, strict=True) if value is not None}
        if is_valid
        else None
        for row, is_valid in zip(rows, compute("is_valid", array).to_pylist(), strict=True)
    ]


def _convert_lists(array: pa.Array) -> list[Any]:
    """Lists as lists, and maps as objects with text as keys."""
    offsets = array.offsets.to_pylist()
    first, length = offsets[0], offsets[-1] - offsets[0]
    build: Any = list
    if types.is_map(array.type):
        keys = to_text(array.keys.slice(first, length)).to_pylist()
        items = list(zip(keys, to_json_values(array.items.slice(first, length)), strict=True))
        build = dict
    else:
        items = to_json_values(array.values.slice(first, length))
    return [
        build(items[begin - first : end - first]) if is_valid else None
        for begin, end, is_valid in zip(
            offsets[:-1], offsets[1:], compute("is_valid", array).to_pylist(), strict=True
        )
    ]


def _format_interval(months: int, days: int, nanoseconds: int) -> str:
    """An interval in DuckDB's own format, which it casts back."""
    sign = -1 if months < 0 else 1
    years, months = sign * (abs(months) // 12), sign * (abs(months) % 12)
    words = [
        f"{count} {unit}{'' if abs(count) == 1 else 's'}"
        for count, unit in ((years, "year"), (months, "month"), (days, "day"))
        if count
    ]
    if nanoseconds or not words:
        seconds, fraction = divmod(abs(nanoseconds) // 1000, 10**6)
        clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        tail = f".{fraction:06}".rstrip("0") if fraction else ""
        words.append(f"{'-' if nanoseconds < 0 else ''}{clock}{tail}")
    return " ".join(words)

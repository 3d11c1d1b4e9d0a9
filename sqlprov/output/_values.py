"""Arrow arrays in, their values as text, or as JSON takes them, out."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa

from sqlprov.errors import DataError

if TYPE_CHECKING:
    from sqlprov.output import Result

_ROWS = 2048  # of nested values, this many may already be megabytes of text
_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_FIRST, _LAST = -62_135_596_800, 253_402_300_799  # the years 1 to 9999, which every reader knows, in seconds
_EXACT_DIGITS = 15  # a double holds any decimal number of so many digits


def pieces(result: Result) -> Iterator[pa.RecordBatch]:
    """The result in small batches. The first is fetched at once: if that fails, nothing has been written yet."""
    return _sliced(begun(result))


def begun(result: Result) -> Iterator[pa.RecordBatch]:
    """The result's batches, of which the first is fetched at once."""
    batches = iter(result.batches())
    first = next(batches, None)
    return iter(()) if first is None else chain([first], batches)


def _sliced(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, _ROWS):
            yield batch.slice(start, _ROWS)


def distinct(names: Iterable[str]) -> list[str]:
    """`names` as DuckDB would rename them on reading, which tells columns apart without regard to case."""
    taken: set[str] = set()
    found = []
    for name in names:
        free, number = name, 0
        while free.lower() in taken:
            number += 1
            free = f"{name}_{number}"
        taken.add(free.lower())
        found.append(free)
    return found


def cells(result: Result) -> tuple[list[str], list[list[str | None]]]:
    """All of the result as text: the column names and, column by column, the values."""
    names = list(result.schema.names)
    columns: list[list[str | None]] = [[] for _ in names]
    for batch in pieces(result):
        for column, array in zip(columns, batch.columns, strict=True):
            column.extend(_cells(array))
    return names, columns


def _cells(array: pa.Array) -> list[str | None]:
    """`array` as text; texts and whole numbers without pyarrow.compute, which takes 25 ms to load."""
    if pa.types.is_string(array.type):
        return _listed(array)
    if pa.types.is_integer(array.type):
        return [value if value is None else str(value) for value in _listed(array)]
    return _listed(texts(array))


def texts(array: pa.Array) -> pa.Array:
    """`array` as an array of strings; NULL stays NULL."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return texts(array.dictionary_decode())
    if pa.types.is_floating(kind):
        import pyarrow.compute as pc

        # A whole double keeps its point, so that the column is read back as doubles.
        return pc.replace_substring_regex(array.cast(pa.string()), r"^(-?\d+)$", r"\1.0")
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _moments(array)
    if _plain(kind):
        return array.cast(pa.string())
    return pa.array([_text(value) for value in values(array)], pa.string())


def values(array: pa.Array) -> list[Any]:
    """`array` as a list of what orjson writes; NULL becomes None."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return values(array.dictionary_decode())
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind):
        return _listed(array)
    if pa.types.is_floating(kind):
        return [_double(text) for text in _listed(array.cast(pa.string()))]
    if pa.types.is_decimal(kind):
        return [value if value is None else _exact(value) for value in _listed(array)]
    if pa.types.is_struct(kind):
        return _objects(array)
    if pa.types.is_map(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _lists(array)
    if pa.types.is_fixed_size_list(kind):
        return _lists(array.cast(pa.list_(kind.value_field)))
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return [value if value is None else base64.b64encode(value).decode() for value in _listed(array)]
    if pa.types.is_interval(kind):
        return [value if value is None else _interval(*value) for value in _listed(array)]
    if pa.types.is_union(kind):
        return [
            values(pa.array([value.as_py()], value.type.field(value.type_code).type))[0] for value in array
        ]
    if isinstance(kind, pa.BaseExtensionType) or not (_plain(kind) or pa.types.is_temporal(kind)):
        raise DataError(f"A column of type {kind} has no text here: CAST it AS VARCHAR in the statement.")
    return _listed(texts(array))


def _plain(kind: pa.DataType) -> bool:
    """Whether Arrow's own text of such a value is the one to print."""
    is_a = pa.types
    text = is_a.is_string(kind) or is_a.is_large_string(kind) or is_a.is_string_view(kind)
    number = is_a.is_integer(kind) or is_a.is_decimal(kind)
    return bool(text or number or is_a.is_boolean(kind) or is_a.is_null(kind) or is_a.is_time(kind))


def _listed(array: pa.Array) -> list[Any]:
    found: list[Any] = array.to_pylist()
    return found


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


def _moments(array: pa.Array) -> pa.Array:
    """Dates and timestamps in ISO 8601; a timestamp with a zone ends in `Z` or its offset.

    One without has a space for the `T`: else DuckDB's JSON reader would take it for text.
    """
    import pyarrow.compute as pc

    is_date = pa.types.is_date(array.type)
    size, per_second = (32, 1 / 86_400) if is_date else (64, _TICKS[array.type.unit])
    ticks = array.cast(pa.int32() if is_date else pa.int64())
    end = 2 ** (size - 1) - 1  # DuckDB's infinity
    finite = pc.and_(pc.less(ticks, end), pc.greater(ticks, -end))
    known = pc.if_else(finite, ticks, None)
    bounds = pc.min_max(known).as_py()
    if bounds["min"] is not None and not (
        _FIRST * per_second <= bounds["min"] and bounds["max"] < (_LAST + 1) * per_second
    ):
        raise DataError(
            "A date outside the years 1 to 9999 has no text here: CAST it AS VARCHAR in the statement."
        )
    text = known.cast(array.type).cast(pa.string())
    if not is_date:
        if array.type.tz:
            text = pc.replace_substring(text, " ", "T")
            text = pc.replace_substring_regex(text, r"([+-]\d\d)(\d\d)$", r"\1:\2")
        text = pc.replace_substring_regex(text, r"\.0+(Z|[+-]\d\d:\d\d|)$", r"\1")
    endless = pc.if_else(pc.greater(ticks, 0), "infinity", "-infinity")
    return pc.if_else(finite, text, endless)


def _double(text: str | None) -> float | str | None:
    """A double; JSON has no NaN and no infinity, and DuckDB casts these words to them."""
    words = {None: None, "nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    return words[text] if text is None or text in words else float(text)


def _exact(value: Decimal) -> int | str | orjson.Fragment:
    """A number in JSON if the usual readers keep all of its digits, else text."""
    whole = value == value.to_integral_value() and value.as_tuple().exponent == 0
    if whole and -(2**63) <= value < 2**64:
        return int(value)
    text = format(value, "f")
    return orjson.Fragment(text) if len(value.as_tuple().digits) <= _EXACT_DIGITS else text


def _objects(array: pa.Array) -> list[Any]:
    names = [field.name for field in array.type]
    rows = zip(*(values(child) for child in array.flatten()), strict=True)
    return [
        dict(zip(names, row, strict=True)) if valid else None
        for row, valid in zip(rows, _listed(array.is_valid()), strict=True)
    ]


def _lists(array: pa.Array) -> list[Any]:
    """Lists as lists, maps as objects whose keys are text."""
    offsets = _listed(array.offsets)
    first, length = offsets[0], offsets[-1] - offsets[0]
    build: Any = list
    if pa.types.is_map(array.type):
        keys = _listed(texts(array.keys.slice(first, length)))
        items = list(zip(keys, values(array.items.slice(first, length)), strict=True))
        build = dict
    else:
        items = values(array.values.slice(first, length))
    starts, ends = offsets[:-1], offsets[1:]
    return [
        build(items[start - first : end - first]) if valid else None
        for start, end, valid in zip(starts, ends, _listed(array.is_valid()), strict=True)
    ]


def _interval(months: int, days: int, nanoseconds: int) -> str:
    """In DuckDB's own spelling, which it casts back."""
    sign = -1 if months < 0 else 1
    years, months = sign * (abs(months) // 12), sign * (abs(months) % 12)
    words = [
        f"{count} {name}{'' if abs(count) == 1 else 's'}"
        for count, name in ((years, "year"), (months, "month"), (days, "day"))
        if count
    ]
    if nanoseconds or not words:
        seconds, fraction = divmod(abs(nanoseconds) // 1000, 10**6)
        clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        tail = f".{fraction:06}".rstrip("0") if fraction else ""
        words.append(f"{'-' if nanoseconds < 0 else ''}{clock}{tail}")
    return " ".join(words)

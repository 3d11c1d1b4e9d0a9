"""Decodes JSON values of replies into Arrow arrays of the columns' types."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson
import pyarrow as pa

from sqlprov.arrow_functions import cast, compute
from sqlprov.aws.read.redaction import Warn, hide
from sqlprov.aws.transport.errors import MalformedReply
from sqlprov.catalog.column import Column, ColumnSource, TagSpelling, get_path
from sqlprov.catalog.texts import to_epoch_seconds, to_json_text

MEMORY_POOL = pa.system_memory_pool()
"""This pool returns memory. Arrow's own takes megabytes for the first byte, and keeps some for each thread."""
WRONG_VALUE = (pa.ArrowException, ValueError, TypeError, AttributeError, OverflowError)
"""Errors of Arrow and Python for a value that does not fit its type."""
TAG_KEYS, TAG_VALUES = ("Key", "key", "TagKey", "tagKey"), ("Value", "value", "TagValue", "tagValue")
"""How services spell the members of a tag."""
_BOOLEANS = {"true": True, "false": False}
_FIRST, _LAST = datetime(1, 1, 1, tzinfo=UTC).timestamp(), datetime(9999, 12, 31, tzinfo=UTC).timestamp()
_MICROSECONDS = pa.scalar(1e6)


def build_array(column: Column, values: Iterable[Any], warn: Warn | None = None) -> pa.Array:
    """`values`, as in the service's JSON, as an array of `column.type`.

    Args:
        warn: takes a warning about a text that is not of the type which the catalog gives the column: it becomes NULL.

    Raises:
        MalformedReply: a value does not fit the type in the model or, without `warn`, in the catalog.
    """
    items = list(values)
    json_type = column.json_type
    if column.tags or column.source is ColumnSource.TAGS:
        items, json_type = [to_tags(item, column.tags) for item in items], column.type
    elif column.is_time_as_number:
        try:
            return _to_times(pa.array(items, type=json_type, memory_pool=MEMORY_POOL), column)
        except WRONG_VALUE:
            items, json_type = _parse_items(items, column, warn), pa.float64()
    elif column.has_other_type:
        items = _parse_items(items, column, warn)
        json_type = pa.float64() if pa.types.is_timestamp(column.type) else column.type
    try:
        spell = _find_speller(column.type)
        return _build(list(map(spell, items)) if spell else items, json_type, column.type)
    except WRONG_VALUE:
        pass  # value by value, it may work, or the error names the problem
    try:
        return _build([_to_json_value(item, column.type) for item in items], json_type, column.type)
    except WRONG_VALUE as error:
        raise MalformedReply(f"the reply's {column.name} is not {column.type} ({error})") from None


def _build(items: list[Any], json_type: pa.DataType, type_: pa.DataType) -> pa.Array:
    return _convert(pa.array(items, type=json_type, memory_pool=MEMORY_POOL), type_)


def _to_times(numbers: pa.Array, column: Column) -> pa.Array:
    """Times from an array of numbers; raises ValueError if one is out of range."""
    seconds = cast(numbers, pa.float64())
    seconds = compute("divide", seconds, float(column.per_second), memory_pool=MEMORY_POOL)
    bounds = compute("min_max", seconds)
    for bound in ("min", "max"):
        if bounds[bound].is_valid:
            _check_year(bounds[bound].as_py())
    return _convert(seconds, column.type)


def _parse_items(items: Iterable[Any], column: Column, warn: Warn | None) -> list[Any]:
    """The values in the form that Arrow reads; NULL, with a warning, for those that cannot be read."""
    parsed = []
    for item in items:
        try:
            parsed.append(None if item is None else parse_text(item, column))
        except MalformedReply as error:
            if warn is None:
                raise
            warn(f"{error}; it is NULL here.")
            parsed.append(None)
    return parsed


class Decoder:
    """Decodes `columns` of listed rows; all at once if Arrow can, which is several times faster.

    Args:
        columns: the columns.
        warn: takes a warning about sensitive text, and about values that cannot be read; without it, the latter are
            errors.
    """

    def __init__(self, columns: Sequence[Column], warn: Warn | None = None) -> None:
        self._columns, self._warn = columns, warn
        direct = [c for c in columns if len(c.path) == 1 and not _is_unlike_json(c.type) and not c.sensitive]
        direct = [c for c in direct if not c.has_other_type and (not c.tags or c.json_type == c.type)]
        members = {column.path[0]: column.json_type for column in direct}
        self._struct = pa.struct(members)
        positions = {member: at for at, member in enumerate(members)}
        # Compared once, because comparing types takes longer than building a page's array.
        self._unchanged = [(c.name, positions[c.path[0]]) for c in direct if c.json_type == c.type]
        self._converted = [(c, positions[c.path[0]]) for c in direct if c.json_type != c.type]

    def read_rows(self, items: Sequence[Mapping[str, Any]]) -> pa.StructArray | None:
        """Listed rows as an array, before conversion; `None` if Arrow cannot read every column."""
        if len(self._unchanged) + len(self._converted) < len(self._columns):
            return None
        try:
            return pa.array(items, type=self._struct, memory_pool=MEMORY_POOL)
        except WRONG_VALUE:
            return None

    def convert(self, rows: pa.StructArray) -> dict[str, pa.Array]:
        """Column -> its values in the result of `read_rows`.

        Raises:
            MalformedReply: a value does not fit the type in the model.
        """
        try:
            return self._split_members(rows)
        except WRONG_VALUE:
            return self._add_missing({}, rows.to_pylist())

    def build_arrays(self, items: Sequence[Mapping[str, Any]]) -> dict[str, pa.Array]:
        """Column -> its values in `items`, rows of the list.

        Raises:
            MalformedReply: a value does not fit the type in the model.
        """
        try:
            arrays = self._split_members(pa.array(items, type=self._struct, memory_pool=MEMORY_POOL))
        except WRONG_VALUE:
            arrays = {}
        return self._add_missing(arrays, items)

    def _split_members(self, rows: pa.StructArray) -> dict[str, pa.Array]:
        members = rows.flatten(memory_pool=MEMORY_POOL)
        arrays = {name: members[at] for name, at in self._unchanged}
        return arrays | {c.name: _convert_column(members[at], c) for c, at in self._converted}

    def _add_missing(
        self, arrays: dict[str, pa.Array], items: Sequence[Mapping[str, Any]]
    ) -> dict[str, pa.Array]:
        for column in self._columns:
            if column.name not in arrays:
                values = hide(column, (get_path(item, column.path) for item in items), self._warn)
                arrays[column.name] = build_array(column, values, self._warn)
        return arrays


def concat_rows(rows: Sequence[pa.StructArray]) -> pa.StructArray:
    """Results of `Decoder.read_rows` for several pages, as one array."""
    return pa.concat_arrays(rows, memory_pool=MEMORY_POOL) if len(rows) > 1 else rows[0]


def _convert_column(array: pa.Array, column: Column) -> pa.Array:
    return _to_times(array, column) if column.is_time_as_number else _convert(array, column.type)


def _convert(array: pa.Array, type_: pa.DataType) -> pa.Array:
    """An array as replies have it in the type beside it: floats of seconds become timestamps."""
    if array.type == type_:
        return array
    if pa.types.is_timestamp(type_):
        microseconds = compute("multiply", array, _MICROSECONDS, memory_pool=MEMORY_POOL)
        rounded = compute("round", microseconds, memory_pool=MEMORY_POOL)
        return cast(rounded, pa.int64(), MEMORY_POOL).view(type_)
    if pa.types.is_binary(type_):
        texts = array.to_pylist()
        values = [None if text is None else base64.b64decode(text, validate=True) for text in texts]
        return pa.array(values, type_, memory_pool=MEMORY_POOL)
    if pa.types.is_struct(type_):
        members = [_convert(array.field(at), type_.field(at).type) for at in range(type_.num_fields)]
        return pa.StructArray.from_arrays(
            members, fields=list(type_), mask=_make_null_mask(array), memory_pool=MEMORY_POOL
        )
    if pa.types.is_list(type_):
        values = _convert(array.values, type_.value_type)
        return pa.ListArray.from_arrays(
            array.offsets, values, type=type_, mask=_make_null_mask(array), pool=MEMORY_POOL
        )
    if pa.types.is_map(type_):
        items = _convert(array.items, type_.item_type)
        maps = pa.MapArray.from_arrays(array.offsets, array.keys, items, type=type_, pool=MEMORY_POOL)
        absent = _make_null_mask(array)
        return compute("if_else", absent, pa.scalar(None, type_), maps, memory_pool=MEMORY_POOL)
    return cast(array, type_, MEMORY_POOL)


def _make_null_mask(array: pa.Array) -> pa.Array:
    return compute("is_null", array, memory_pool=MEMORY_POOL)


@cache
def _find_speller(type_: pa.DataType) -> Callable[[Any], Any] | None:
    """What spells the maps and blobs in a value as Arrow reads them, and leaves the rest; `None` if there are none."""
    if not _is_unlike_json(type_):
        return None
    if pa.types.is_struct(type_):
        members = [(field.name, spell) for field in type_ if (spell := _find_speller(field.type))]
        return lambda value: value and {**value, **{name: spell(value.get(name)) for name, spell in members}}
    if pa.types.is_list(type_) and (spell_item := _find_speller(type_.value_type)):
        return lambda value: value and [spell_item(item) for item in value]
    return lambda value: _to_json_value(value, type_)


@cache
def _is_unlike_json(type_: pa.DataType) -> bool:
    """Whether Arrow cannot read values of this type as botocore returns them: maps and blobs.

    botocore's parser decodes blobs, and Arrow would take the bytes for the base64 text in JSON.
    """
    if pa.types.is_map(type_) or pa.types.is_binary(type_):
        return True
    return any(_is_unlike_json(type_.field(at).type) for at in range(type_.num_fields))


def _to_json_value(value: Any, type_: pa.DataType) -> Any:
    """One value in the form that Arrow reads."""
    if value is None:
        return None
    if pa.types.is_struct(type_):
        return {field.name: _to_json_value(value.get(field.name), field.type) for field in type_}
    if pa.types.is_list(type_):
        if not isinstance(value, list):
            raise TypeError(f"{value!r} is not a list")
        return [_to_json_value(item, type_.value_type) for item in value]
    if pa.types.is_map(type_):
        return [(str(key), _to_json_value(item, type_.item_type)) for key, item in dict(value).items()]
    if pa.types.is_timestamp(type_):
        return to_epoch_seconds(value)
    if pa.types.is_binary(type_):
        return base64.b64encode(value).decode() if isinstance(value, bytes) else value
    if pa.types.is_string(type_) and not isinstance(value, str):
        return orjson.dumps(value).decode()
    return value


def to_tags(value: Any, spelling: TagSpelling | None = None) -> Any:
    """Tags in the service's spelling, a list or a map, as a list of {Key, Value}.

    Raises:
        MalformedReply: `value` is neither.
    """
    if value is None:
        return None
    if isinstance(value, Mapping):
        return [{"Key": key, "Value": text} for key, text in value.items()]
    if not isinstance(value, list) or not set(map(type, value)) <= {dict}:
        raise MalformedReply("the reply's tags are neither a list of structures nor a map")
    names = spelling or TagSpelling()
    keys, values = (names.key, *TAG_KEYS), (names.value, *TAG_VALUES)
    return [{"Key": _get_first(tag, keys), "Value": _get_first(tag, values)} for tag in value]


def _get_first(members: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((members[name] for name in names if name in members), None)


def parse_text(text: Any, column: Column) -> Any:
    """The value of a column from a string, such as SQS and SNS have for everything, or from a number that is a time.

    An empty text is no value.

    Raises:
        MalformedReply: the text does not fit the column's type.
    """
    if text == "":
        return None
    try:
        if column.is_json:
            return to_json_text(text)
        if pa.types.is_timestamp(column.type):
            return _check_year(to_epoch_seconds(text, column.per_second))
        if not isinstance(text, str):
            return text
        if pa.types.is_boolean(column.type):
            return _BOOLEANS[text.lower()]
        if pa.types.is_integer(column.type):
            return int(text)
        return float(text) if pa.types.is_floating(column.type) else orjson.loads(text)
    except (*WRONG_VALUE, KeyError):
        raise MalformedReply(f"the reply's {column.name} is not {column.type}: {text!r:.80}") from None


def _check_year(seconds: float) -> float:
    """`seconds`, if the year has four digits: others cannot be shown, and mean another unit."""
    if not _FIRST <= seconds <= _LAST:
        raise ValueError
    return seconds

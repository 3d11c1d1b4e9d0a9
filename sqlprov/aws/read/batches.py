"""Decoded rows in, Arrow arrays out: JSON values become the column's type, epoch seconds become timestamps."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from sqlprov.aws.transport.errors import MalformedReply
from sqlprov.catalog.table import Column

UNFIT = (pa.ArrowException, ValueError, TypeError, AttributeError, OverflowError)
"""What Arrow and Python raise for a value that is not of the kind its type says."""

_MICROS = pa.scalar(1e6)
_MOMENT = pa.timestamp("us", "UTC")


@cache
def memory_pool() -> pa.MemoryPool:
    """Memory that is given back: of Arrow's own pool the first byte takes megabytes, and it keeps some a thread."""
    return pa.system_memory_pool()


def get_path(row: Any, path: Sequence[str]) -> Any:
    """The value at `path` in nested members; `None` where a member is absent."""
    for member in path:
        if not isinstance(row, Mapping):
            return None
        row = row.get(member)
    return row


def build_array(column: Column, values: Iterable[Any]) -> pa.Array:
    """`values`, as the service's JSON has them, as an array of `column.type`.

    Raises:
        MalformedReply: a value is not of the kind that the model says.
    """
    items = list(values)
    if not _is_unlike_json(column.type):
        try:
            return _convert_all(
                [(pa.array(items, type=column.json_type, memory_pool=memory_pool()), column.type)]
            )[0]
        except UNFIT:
            pass  # the slow way tells or mends it
    try:
        plain = [_to_json_value(item, column.type) for item in items]
        return _convert_all(
            [(pa.array(plain, type=column.json_type, memory_pool=memory_pool()), column.type)]
        )[0]
    except UNFIT as error:
        raise MalformedReply(f"the reply's {column.name} is no {column.type} ({error})") from None


class Decoder:
    """Makes arrays of `columns` of a list's rows; all at once where Arrow can, which is several times faster."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        direct = [column for column in columns if len(column.path) == 1 and not _is_unlike_json(column.type)]
        members = {column.path[0]: column.json_type for column in direct}
        self._rows = pa.struct(members)
        places = {member: at for at, member in enumerate(members)}
        # Settled here, because comparing types takes longer than a page's array.
        self._as_they_are = [(c.name, places[c.path[0]]) for c in direct if c.json_type == c.type]
        self._converted = [(c.name, places[c.path[0]], c.type) for c in direct if c.json_type != c.type]

    def rows(self, items: Sequence[Mapping[str, Any]]) -> pa.StructArray | None:
        """Decoded rows of the list as Arrow reads them; `None` if it cannot read every column of them."""
        if len(self._as_they_are) + len(self._converted) < len(self._columns):
            return None
        try:
            return pa.array(items, type=self._rows, memory_pool=memory_pool())
        except UNFIT:
            return None

    def convert(self, rows: pa.StructArray) -> dict[str, pa.Array]:
        """Column -> its values in what `rows` gave.

        Raises:
            MalformedReply: a value is not of the kind that the model says.
        """
        try:
            return self._split_members(rows)
        except UNFIT:
            return self._build_missing(rows.to_pylist(), {})

    def build_arrays(self, items: Sequence[Mapping[str, Any]]) -> dict[str, pa.Array]:
        """Column -> its values in `items`, decoded rows of the list.

        Raises:
            MalformedReply: a value is not of the kind that the model says.
        """
        try:
            found = self._split_members(pa.array(items, type=self._rows, memory_pool=memory_pool()))
        except UNFIT:
            found = {}  # some value is of another kind: column by column, then, which tells or mends it
        return self._build_missing(items, found)

    def _split_members(self, rows: pa.StructArray) -> dict[str, pa.Array]:
        members = rows.flatten(memory_pool=memory_pool())
        made = _convert_all([(members[at], wanted) for _, at, wanted in self._converted])
        found = {name: members[at] for name, at in self._as_they_are}
        return found | {name: each for (name, _, _), each in zip(self._converted, made, strict=True)}

    def _build_missing(
        self, items: Sequence[Mapping[str, Any]], found: dict[str, pa.Array]
    ) -> dict[str, pa.Array]:
        for column in self._columns:
            if column.name not in found:
                found[column.name] = build_array(column, (get_path(item, column.path) for item in items))
        return found


def concat_rows(rows: Sequence[pa.StructArray]) -> pa.StructArray:
    """What `Decoder.rows` gave of several pages, as one."""
    return pa.concat_arrays(rows, memory_pool=memory_pool()) if len(rows) > 1 else rows[0]


def _convert_all(pairs: Sequence[tuple[pa.Array, pa.DataType]]) -> list[pa.Array]:
    """Each array with every float of seconds inside it made a timestamp, as the type beside it says."""
    moments = _to_timestamps(
        [floats for found, wanted in pairs for floats in _find_epoch_arrays(found, wanted)]
    )
    return [_convert(found, wanted, moments) for found, wanted in pairs]


def _find_epoch_arrays(found: pa.Array, wanted: pa.DataType) -> Iterator[pa.Array]:
    """The arrays of seconds inside `found`, in the order in which `_convert` takes the timestamps."""
    if found.type == wanted:
        return
    if pa.types.is_timestamp(wanted):
        yield found
    elif pa.types.is_struct(wanted):
        for at in range(wanted.num_fields):
            yield from _find_epoch_arrays(found.field(at), wanted.field(at).type)
    elif pa.types.is_list(wanted):
        yield from _find_epoch_arrays(found.values, wanted.value_type)
    elif pa.types.is_map(wanted):
        yield from _find_epoch_arrays(found.items, wanted.item_type)


def _to_timestamps(floats: Sequence[pa.Array]) -> Iterator[pa.Array]:
    """Timestamps for arrays of seconds: all at once, because a page's arrays are short and each step is not."""
    if not floats:
        return
    together = pa.concat_arrays(floats, memory_pool=memory_pool())
    micros = pc.round(pc.multiply(together, _MICROS, memory_pool=memory_pool()), memory_pool=memory_pool())
    moments = micros.cast(pa.int64(), memory_pool=memory_pool()).view(_MOMENT)
    at = 0
    for each in floats:
        yield moments.slice(at, len(each))
        at += len(each)


def _convert(found: pa.Array, wanted: pa.DataType, moments: Iterator[pa.Array]) -> pa.Array:
    if found.type == wanted:
        return found
    if pa.types.is_timestamp(wanted):
        moment = next(moments)
        return moment if wanted == _MOMENT else moment.cast(wanted, safe=False, memory_pool=memory_pool())
    if pa.types.is_binary(wanted):
        return pa.array(
            [None if text is None else base64.b64decode(text, validate=True) for text in found.to_pylist()],
            wanted,
            memory_pool=memory_pool(),
        )
    if pa.types.is_struct(wanted):
        parts = [_convert(found.field(at), wanted.field(at).type, moments) for at in range(wanted.num_fields)]
        return pa.StructArray.from_arrays(
            parts, fields=list(wanted), mask=_null_mask(found), memory_pool=memory_pool()
        )
    if pa.types.is_list(wanted):
        values = _convert(found.values, wanted.value_type, moments)
        return pa.ListArray.from_arrays(
            found.offsets, values, type=wanted, mask=_null_mask(found), pool=memory_pool()
        )
    if pa.types.is_map(wanted):
        items = _convert(found.items, wanted.item_type, moments)
        made = pa.MapArray.from_arrays(found.offsets, found.keys, items, type=wanted, pool=memory_pool())
        return pc.if_else(_null_mask(found), pa.scalar(None, wanted), made, memory_pool=memory_pool())
    return found.cast(wanted, memory_pool=memory_pool())


def _null_mask(found: pa.Array) -> pa.Array:
    return pc.is_null(found, memory_pool=memory_pool())


@cache
def _is_unlike_json(wanted: pa.DataType) -> bool:
    """Whether Arrow does not read, or misreads, a value of this type: a map, or a blob.

    Of a blob botocore's parser gives the bytes, which Arrow would take for the base64 that JSON has.
    """
    if pa.types.is_map(wanted) or pa.types.is_binary(wanted):
        return True
    return any(_is_unlike_json(wanted.field(at).type) for at in range(wanted.num_fields))


def _to_json_value(value: Any, wanted: pa.DataType) -> Any:
    """One value as Arrow reads it; the slow way, for what the fast one cannot."""
    if value is None:
        return None
    if pa.types.is_struct(wanted):
        members = {field.name: field.type for field in wanted}
        return {name: _to_json_value(value.get(name), kind) for name, kind in members.items()}
    if pa.types.is_list(wanted):
        if not isinstance(value, list):
            raise TypeError(f"{value!r} is no list")
        return [_to_json_value(item, wanted.value_type) for item in value]
    if pa.types.is_map(wanted):
        return [(key, _to_json_value(item, wanted.item_type)) for key, item in dict(value).items()]
    if pa.types.is_timestamp(wanted):
        return to_epoch_seconds(value)
    if pa.types.is_binary(wanted):
        return base64.b64encode(value).decode() if isinstance(value, bytes) else value
    if pa.types.is_string(wanted) and not isinstance(value, str):
        return orjson.dumps(value).decode()
    return value


def to_epoch_seconds(value: Any) -> float:
    """Seconds since the epoch of a time as a reply has it.

    Raises:
        TypeError, ValueError: it is none.
    """
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return float(value)

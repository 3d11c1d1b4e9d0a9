"""A Result in, a Parquet file out; intervals and unions, which Parquet lacks, become text.

A Parquet file ends in its footer, which is written only after the last row: one without it is unreadable.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from sqlprov.output._values import begun, distinct, texts

if TYPE_CHECKING:
    from sqlprov.output import Result

# A row group is held in memory until it is full.
_GROUP_ROWS, _GROUP_BYTES = 100_000, 32 * 2**20


def write(result: Result, stream: BinaryIO, width: int | None = None) -> int:
    batches = begun(result)
    schema = pa.schema(
        field.with_name(name).with_type(pa.string() if _lacking(field.type) else field.type)
        for name, field in zip(distinct(result.schema.names), result.schema, strict=True)
    )
    sink = _Sink(stream)
    rows = 0
    writer = pq.ParquetWriter(sink, schema)
    try:
        for group in _groups(batches):
            writer.write_table(_stored(group, schema))
            rows += group.num_rows
    except BaseException:
        sink.shut = True
        raise
    writer.close()
    return rows


class _Sink(io.RawIOBase):
    """The stream, until it is shut: pyarrow's writer adds the footer even when it is merely dropped."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.shut = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data) if self.shut else self.stream.write(data)


def _groups(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        held.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= _GROUP_ROWS or size >= _GROUP_BYTES:
            yield pa.Table.from_batches(held)
            held, rows, size = [], 0, 0
    if held:
        yield pa.Table.from_batches(held)


def _lacking(kind: pa.DataType) -> bool:
    children = [kind.field(at).type for at in range(kind.num_fields)]
    return pa.types.is_interval(kind) or pa.types.is_union(kind) or any(map(_lacking, children))


def _stored(group: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        pa.chunked_array([texts(chunk) for chunk in column.chunks], pa.string())
        if _lacking(column.type)
        else column
        for column in group.columns
    ]
    return pa.Table.from_arrays(columns, schema=schema)

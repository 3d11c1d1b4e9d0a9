"""Writes a Parquet file; intervals and unions, which Parquet lacks, become text.

The footer is written only after the last row. A file without it is unreadable.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from sqlprov.output.values import make_unique, start, to_text

if TYPE_CHECKING:
    from sqlprov.output import RowStream

# A row group is held in memory until it is full.
_GROUP_ROWS, _GROUP_BYTES = 100_000, 32 * 2**20


def write(rows: RowStream, stream: BinaryIO, width: int | None = None) -> int:
    batches = start(rows)
    schema = pa.schema(
        field.with_name(name).with_type(pa.string() if _is_unsupported(field.type) else field.type)
        for name, field in zip(make_unique(rows.schema.names), rows.schema, strict=True)
    )
    sink = _Sink(stream)
    count = 0
    writer = pq.ParquetWriter(sink, schema)
    try:
        for group in _group(batches):
            writer.write_table(_convert(group, schema))
            count += group.num_rows
    except BaseException:
        sink.is_closed = True
        raise
    writer.close()
    return count


class _Sink(io.RawIOBase):
    """The stream, until an error: pyarrow's writer writes the footer even when it is garbage-collected."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.is_closed = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data) if self.is_closed else self.stream.write(data)


def _group(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
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


def _is_unsupported(kind: pa.DataType) -> bool:
    children = [kind.field(at).type for at in range(kind.num_fields)]
    return pa.types.is_interval(kind) or pa.types.is_union(kind) or any(map(_is_unsupported, children))


def _convert(group: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        pa.chunked_array([to_text(chunk) for chunk in column.chunks], pa.string())
        if _is_unsupported(column.type)
        else column
        for column in group.columns
    ]
    return pa.Table.from_arrays(columns, schema=schema)

"""Encodes Arrow batches as the rows of PostgreSQL's protocol, column by column, without a loop over the rows."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sqlprov.frontends.serve.binary_values import encode_binary, pack_numbers
from sqlprov.frontends.serve.text_values import Array, encode_text

MAX_BYTES = 1 << 26
"""Bytes of a batch that are encoded at once; a larger one is cut."""


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
    return _join(b"d", pack_numbers(pc.add(pc.binary_length(lines), _make_int32(4))), lines.cast(pa.binary()))


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
            fields += [pack_numbers(pc.fill_null(length, _make_int32(-1))), pc.fill_null(value, b"")]
            length = pc.fill_null(length, _make_int32(0))
        else:
            fields += [pack_numbers(length), value]
        size = pc.add(pc.add(size, length), _make_int32(4))
    return _join(kind, pack_numbers(size), struct.pack("!h", len(values)), *fields)


def _make_int32(number: int) -> pa.Scalar:
    return pa.scalar(number, pa.int32())


def _join(*parts: Any) -> memoryview:
    """The values of the first row, of the second, and so on, without gaps."""
    rows = pc.binary_join_element_wise(*parts, b"")
    offsets = memoryview(rows.buffers()[1]).cast("i")
    return memoryview(rows.buffers()[2])[offsets[rows.offset] : offsets[rows.offset + len(rows)]]

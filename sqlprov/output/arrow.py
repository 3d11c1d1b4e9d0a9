"""Writes an Arrow IPC stream with the schema of the rows."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from sqlprov.output.values import start

if TYPE_CHECKING:
    from sqlprov.output import RowStream

# A stream may end after any batch, so an incomplete one ends in the marker of another message.
BROKEN = b"\xff\xff\xff\xff"


def write(rows: RowStream, stream: BinaryIO, width: int | None = None) -> int:
    batches = start(rows)
    count = 0
    # Without `with`, which writes the end-of-stream marker even after an exception.
    writer = pa.ipc.new_stream(stream, rows.schema)
    try:
        for batch in batches:
            writer.write_batch(batch)
            count += batch.num_rows
    except BaseException:
        with contextlib.suppress(OSError):
            stream.write(BROKEN)
        raise
    writer.close()
    return count

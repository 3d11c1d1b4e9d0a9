"""A Result in, an Arrow IPC stream out, with the result's own schema."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from sqlprov.output._values import begun

if TYPE_CHECKING:
    from sqlprov.output import Result

# The format lets a stream end after any batch. So an incomplete one ends in the mark that a message follows.
BROKEN = b"\xff\xff\xff\xff"


def write(result: Result, stream: BinaryIO, width: int | None = None) -> int:
    batches = begun(result)
    rows = 0
    # Not `with`: leaving it by an exception would write the end-of-stream mark.
    writer = pa.ipc.new_stream(stream, result.schema)
    try:
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    except BaseException:
        with contextlib.suppress(OSError):
            stream.write(BROKEN)
        raise
    writer.close()
    return rows

"""A Result in, one JSON object a line out.

The brace that closes a batch is written together with what follows it: wherever the output stops, it stops
within an object, and no reader takes it for fewer rows. A reader of the stream has all rows but a batch's last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from sqlprov.output._objects import objects

if TYPE_CHECKING:
    from sqlprov.output import Result


def write(result: Result, stream: BinaryIO, width: int | None = None) -> int:
    rows = 0
    for lines in objects(result):
        stream.write(b"}\n" if rows else b"")
        stream.write(b"\n".join(lines)[:-1])
        stream.flush()  # who reads along need not wait for the last page
        rows += len(lines)
    stream.write(b"}\n" if rows else b"")
    return rows

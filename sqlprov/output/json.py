"""A Result in, one JSON array of objects out, a row a line.

The brace that closes an object is written together with what follows it: wherever the output stops, it stops
within an object, and no reader takes it for a shorter array.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from sqlprov.output._objects import objects

if TYPE_CHECKING:
    from sqlprov.output import Result


def write(result: Result, stream: BinaryIO, width: int | None = None) -> int:
    rows = 0
    for lines in objects(result):
        stream.write(b"},\n" if rows else b"[\n")
        stream.write(b",\n".join(lines)[:-1])
        rows += len(lines)
    stream.write(b"}\n]\n" if rows else b"[]\n")
    return rows

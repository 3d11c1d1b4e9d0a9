"""Writes one JSON array of objects, one per line.

The brace that closes an object is written with the text after it. Incomplete output thus ends within an
object, and no reader takes it for a shorter array.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from sqlprov.output.values import start_json_rows

if TYPE_CHECKING:
    from sqlprov.output import RowStream


def write(rows: RowStream, stream: BinaryIO, width: int | None = None) -> int:
    count = 0
    for lines in start_json_rows(rows):
        stream.write(b"},\n" if count else b"[\n")
        stream.write(b",\n".join(lines)[:-1])
        count += len(lines)
    stream.write(b"}\n]\n" if count else b"[]\n")
    return count

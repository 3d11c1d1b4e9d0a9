"""Writes one JSON object per line.

The brace that closes a batch is written with the text after it. Incomplete output thus ends within an object,
and no reader takes it for fewer rows. Until the next batch, a reader of the stream lacks the last row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from sqlprov.output.values import start_json_rows

if TYPE_CHECKING:
    from sqlprov.output import RowStream


def write(rows: RowStream, stream: BinaryIO, width: int | None = None) -> int:
    count = 0
    for lines in start_json_rows(rows):
        stream.write(b"}\n" if count else b"")
        stream.write(b"\n".join(lines)[:-1])
        stream.flush()  # a reader need not wait for the last page
        count += len(lines)
    stream.write(b"}\n" if count else b"")
    return count

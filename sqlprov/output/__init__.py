"""A Result in, bytes in the named format out; each format is the module of that name beside this one."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Protocol

from sqlprov.errors import UnknownName, suggest

if TYPE_CHECKING:
    import pyarrow as pa

# The modules are imported when used: naming the formats, as --help does, needs no pyarrow.
FORMATS = {
    "table": "columns for people; wide values fold, a narrow terminal gets one block for each row",
    "json": "one array of objects",
    "jsonl": "one object a line",
    "csv": 'a header, then one row a line; NULL is empty, the empty text is ""',
    "markdown": "a table to paste into a document",
    "arrow": "an Arrow IPC stream",
    "parquet": "a Parquet file",
}


class Result(Protocol):
    """What a format needs to know of a statement's result."""

    @property
    def schema(self) -> pa.Schema: ...

    def batches(self) -> Iterator[pa.RecordBatch]: ...


def write(result: Result, format: str, stream: BinaryIO, *, width: int | None = None) -> int:
    """Write `result` to `stream` and return the number of rows.

    Nothing is written before the first batch has arrived. If `batches()` raises later, the error passes
    through and what stands in the stream is no readable document: `json` and `jsonl` end within an object,
    `csv` in an open quote and a byte that is not UTF-8, `arrow` in a broken message, `parquet` without its
    footer; `table` and `markdown` write nothing until the last row is there.

    Args:
        format: one of FORMATS.
        stream: open for writing bytes; it need not be seekable.
        width: characters a line of `table`; without it, the terminal's if `stream` is one, else as many as
            the values need.

    Raises:
        UnknownName: no such format.
        DataError: a value that the format cannot hold.
    """
    if format not in FORMATS:
        raise UnknownName(
            f"Unknown format {format!r}.{suggest(format, FORMATS)} There are {', '.join(FORMATS)}."
        )
    module = importlib.import_module(f"{__name__}.{format}")
    rows: int = module.write(result, stream, width)
    return rows

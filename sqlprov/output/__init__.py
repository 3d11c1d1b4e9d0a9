"""Writes a result in one of the formats; each format is a module of this package."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Protocol

from sqlprov.errors import UnknownName, suggest

if TYPE_CHECKING:
    import pyarrow as pa

# A format's module is imported at its first use, because --help needs no pyarrow.
FORMATS = {
    "table": "aligned columns; in a narrow terminal, a block for each row",
    "json": "one array of objects",
    "jsonl": "one object per line",
    "csv": 'a header, then one row per line; NULL is empty, empty text is ""',
    "markdown": "a table to paste into a document",
    "arrow": "an Arrow IPC stream",
    "parquet": "a Parquet file",
}


class RowStream(Protocol):
    """A schema and batches, such as `sqlprov.Result`."""

    @property
    def schema(self) -> pa.Schema: ...

    def batches(self) -> Iterator[pa.RecordBatch]: ...


def write(rows: RowStream | pa.Table, format: str, stream: BinaryIO, *, width: int | None = None) -> int:
    """Write `rows` to `stream` and return their number.

    The first batch is read before anything is written. An error of a later batch propagates and leaves an
    unreadable document: `json` and `jsonl` end within an object, `csv` in an open quote and a byte that is
        not UTF-8, `arrow` in a broken message, `parquet` without its footer. `table` and `markdown` write
        nothing before the last row is read.

    Args:
        rows: a result, or an Arrow table.
        format: one of FORMATS.
        stream: open for writing bytes; it need not be seekable.
        width: characters per line of `table`; by default, the width of the terminal if `stream` is one, otherwise no
            limit.

    Raises:
        UnknownName: the format does not exist.
        DataError: the format cannot hold a value.
    """
    if format not in FORMATS:
        raise UnknownName(
            f"Unknown format {format!r}.{suggest(format, FORMATS)} The formats are {', '.join(FORMATS)}."
        )
    module = importlib.import_module(f"{__name__}.{format}")
    count: int = module.write(rows, stream, width)
    return count

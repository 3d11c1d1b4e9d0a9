"""Writes a result in one of the formats; each format is a module of this package."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from sqlprov.errors import DataError, UnknownName, suggest

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
_FORMATS_BY_SUFFIX = {
    ".txt": "table",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".md": "markdown",
    ".arrow": "arrow",
    ".parquet": "parquet",
}
_INSTEAD = {
    ".xlsx": "Excel opens .csv; DuckDB writes .xlsx: INSTALL excel; LOAD excel; COPY (…) TO '{}' (FORMAT xlsx).",
    ".tsv": "DuckDB writes tabs: COPY (…) TO '{}' (FORMAT csv, DELIMITER '\\t').",
    ".gz": "DuckDB compresses: COPY (…) TO '{}'.",
}
"""Suffix -> what else writes such a file, of whose name `{}` is the place."""


class RowStream(Protocol):
    """A schema and batches, such as `sqlprov.Result`."""

    @property
    def schema(self) -> pa.Schema: ...

    def batches(self) -> Iterator[pa.RecordBatch]: ...


def find_format(path: Path, chosen: str | None = None) -> str:
    """The format of a file: that of its suffix, or the one `chosen`; `table` if it has neither.

    Raises:
        DataError: the suffix means another format than the chosen one, or none.
    """
    suffix = path.suffix.lower()
    by_suffix = _FORMATS_BY_SUFFIX.get(suffix)
    if chosen and by_suffix in (None, chosen):
        return chosen
    if chosen:
        raise DataError(
            f"{path} would be {by_suffix} by its name, not {chosen}. Rename it, or leave {chosen} out."
        )
    if by_suffix or not suffix:
        return by_suffix or "table"
    instead = _INSTEAD.get(suffix, "").format(path)
    raise DataError(
        f"{path}: {suffix} is not the suffix of a format.{suggest(suffix, _FORMATS_BY_SUFFIX)} "
        f"The suffixes are {', '.join(_FORMATS_BY_SUFFIX)}. {instead}".rstrip()
    )


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

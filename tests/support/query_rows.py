"""Rows of a DuckDB query for `sqlprov.output`; reading them can fail on purpose."""

from __future__ import annotations

import io
from collections.abc import Iterator

import duckdb
import pyarrow as pa

from sqlprov.output import write


class ReadFailure(Exception):
    pass


class QueryRows:
    def __init__(self, sql: str, *, size: int = 1000, fails_at: int | None = None) -> None:
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            self.table = connection.sql(sql).to_arrow_table()
        self.size = size
        self.fails_at = fails_at

    @property
    def schema(self) -> pa.Schema:
        return self.table.schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        for number, batch in enumerate(self.table.to_batches(self.size), start=1):
            if number == self.fails_at:
                raise ReadFailure
            yield batch


def write_bytes(rows: str | QueryRows, format: str, *, width: int | None = None, size: int = 1000) -> bytes:
    """What `write` writes for `rows`, or for a query."""
    stream = io.BytesIO()
    rows = QueryRows(rows, size=size) if isinstance(rows, str) else rows
    assert write(rows, format, stream, width=width) == rows.table.num_rows
    return stream.getvalue()


def write_text(sql: str, format: str, *, width: int | None = None) -> str:
    return write_bytes(sql, format, width=width).decode()

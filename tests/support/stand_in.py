"""A query of plain DuckDB in, a result as `sqlprov.output` wants it out; it fails in mid-stream if asked to."""

from __future__ import annotations

import io
from collections.abc import Iterator

import duckdb
import pyarrow as pa

from sqlprov.output import write


class Failed(Exception):
    pass


class Rows:
    def __init__(self, sql: str, *, size: int = 1000, fails_at: int | None = None) -> None:
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            self.table = connection.sql(sql).to_arrow_table()
        self.schema: pa.Schema = self.table.schema
        self.size = size
        self.fails_at = fails_at

    def batches(self) -> Iterator[pa.RecordBatch]:
        for number, batch in enumerate(self.table.to_batches(self.size), start=1):
            if number == self.fails_at:
                raise Failed
            yield batch


def written(sql: str, format: str, *, width: int | None = None, size: int = 1000) -> bytes:
    stream = io.BytesIO()
    rows = Rows(sql, size=size)
    assert write(rows, format, stream, width=width) == rows.table.num_rows
    return stream.getvalue()


def text(sql: str, format: str, *, width: int | None = None) -> str:
    return written(sql, format, width=width).decode()

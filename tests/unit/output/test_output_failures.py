"""After an error, no reader accepts the output as complete."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from query_rows import QueryRows, ReadFailure, write_bytes

from sqlprov.errors import DataError, UnknownName
from sqlprov.output import FORMATS, write

SQL = "SELECT i, 'name-' || i AS name FROM range({}) AS r(i)"


def write_incomplete(format: str, sql: str, *, size: int = 100, fails_at: int = 3) -> bytes:
    stream = io.BytesIO()
    with pytest.raises(ReadFailure):
        write(QueryRows(sql, size=size, fails_at=fails_at), format, stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("format", "fails_at"), [*((each, 1) for each in FORMATS), ("table", 3), ("markdown", 3)]
)
def test_no_format_begins_before_the_first_batch_and_no_table_before_the_last(
    format: str, fails_at: int
) -> None:
    assert write_incomplete(format, SQL.format(1000), fails_at=fails_at) == b""


READERS: dict[str, Callable[[Path], object]] = {
    "json": lambda file: json.loads(file.read_bytes()),
    "jsonl": lambda file: [json.loads(line) for line in file.read_text().splitlines()],
    "csv": lambda file: file.read_text(encoding="utf-8"),
    "arrow": lambda file: pa.ipc.open_stream(file.read_bytes()).read_all(),
    "parquet": pq.read_table,
}


@pytest.mark.parametrize("format", READERS)
def test_a_reader_refuses_an_incomplete_document(format: str, tmp_path: Path) -> None:
    file = tmp_path / "rows"
    file.write_bytes(write_bytes(SQL.format(1000), format, size=100))
    READERS[format](file)
    file.write_bytes(write_incomplete(format, SQL.format(250_000), size=100_000))
    assert file.stat().st_size > 0
    with pytest.raises((ValueError, pa.ArrowInvalid, OSError)):
        READERS[format](file)


@pytest.mark.parametrize("columns", ["i", "name", "i, name"])
@pytest.mark.parametrize(
    ("format", "reader"),
    [("json", "read_json"), ("jsonl", "read_json"), ("csv", "read_csv"), ("parquet", "read_parquet")],
)
def test_duckdb_refuses_an_incomplete_document(
    format: str, reader: str, columns: str, tmp_path: Path
) -> None:
    file = tmp_path / "rows"
    file.write_bytes(write_incomplete(format, f"SELECT {columns} FROM ({SQL.format(250)})"))
    with duckdb.connect() as connection, pytest.raises(duckdb.Error):
        connection.sql(f"FROM {reader}('{file}')").fetchall()


def test_truncated_json_is_never_valid() -> None:
    whole = write_bytes(SQL.format(5), "json", size=2).rstrip()
    for length in range(1, len(whole)):
        with pytest.raises(json.JSONDecodeError):
            json.loads(whole[:length])


@pytest.mark.parametrize("format", ["json", "jsonl", "csv", "arrow"])
def test_a_batch_is_written_before_the_next_one_is_read(format: str) -> None:
    stream = io.BytesIO()
    sizes = []

    class WatchedRows(QueryRows):
        def batches(self) -> Iterator[pa.RecordBatch]:
            for batch in super().batches():
                sizes.append(len(stream.getvalue()))
                yield batch

    write(WatchedRows(SQL.format(500), size=100), format, stream)
    assert sizes[0] == 0
    assert sizes == sorted(set(sizes))


def test_a_value_that_cannot_be_written_suggests_a_cast() -> None:
    with pytest.raises(DataError, match="CAST it AS VARCHAR"):
        write_bytes("SELECT 12345678901234567890123456789::BIGNUM AS b", "csv")
    with pytest.raises(DataError, match="years 1 to 9999"):
        write_bytes("SELECT DATE '12000-01-01' AS d", "json")
    with pytest.raises(DataError, match="years 1 to 9999"):
        write_bytes("SELECT TIMESTAMP '0044-03-15 (BC) 12:00:00' AS t", "csv")


def test_an_unknown_format_suggests_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'jsonl'"):
        write_bytes("SELECT 1", "jsonll")

"""Rows are encoded in vectors: row by row, a million would take half a minute."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from postgres_server import RawClient, pack, serve

import sqlprov
from sqlprov.frontends.serve.server import Server

ROWS = 1_000_000
SECONDS = 2.0
"""CPU seconds of the whole process, for DuckDB, the server and this client: 0.5 million rows a second."""
QUERY = f"""
    SELECT range AS id, 'name-' || range AS name, range % 7 = 0 AS flag, range * 1.5::DOUBLE AS price,
        TIMESTAMP '2020-01-01' + INTERVAL (range) SECOND AS at,
        'arn:aws:sagemaker:us-east-1:1234:m/' || range AS arn,
        CASE WHEN range % 10 = 0 THEN NULL ELSE 'us-east-1' END AS region
    FROM range({ROWS})
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with sqlprov.connect() as base, serve(base) as running:
        yield running


def test_a_million_rows_of_seven_columns_take_two_seconds_of_cpu(server: Server) -> None:
    with RawClient(server) as raw:
        raw.start(database="memory")
        raw.ask(pack(b"Q", f"CREATE OR REPLACE TABLE rows AS {QUERY}".encode() + b"\0"))
        began, clock = time.process_time(), time.perf_counter()
        raw.send(pack(b"Q", b"SELECT * FROM rows\0"))
        size = raw.skip_until(f"SELECT {ROWS}\0Z\0\0\0\x05I".encode())
        spent, passed = time.process_time() - began, time.perf_counter() - clock
    print(f"{ROWS / spent:,.0f} rows a CPU second, {ROWS / passed:,.0f} a second, {size:,} bytes")
    assert spent < SECONDS

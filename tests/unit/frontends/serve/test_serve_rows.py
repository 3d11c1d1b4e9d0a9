from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pyarrow as pa
import pytest
from postgres_server import RawClient, connect, pack

from sqlprov.frontends.serve.rows import encode_rows
from sqlprov.frontends.serve.server import Server

UTC = dt.UTC
TYPES: dict[str, tuple[int, Any]] = {
    "true": (16, True),
    "(-1)::TINYINT": (21, -1),
    "255::UTINYINT": (21, 255),
    "(-32768)::SMALLINT": (21, -32768),
    "65535::USMALLINT": (23, 65535),
    "(-2147483648)::INTEGER": (23, -(2**31)),
    "4294967295::UINTEGER": (20, 2**32 - 1),
    "(-9223372036854775808)::BIGINT": (20, -(2**63)),
    "18446744073709551615::UBIGINT": (1700, Decimal(2**64 - 1)),
    "170141183460469231731687303715884105727::HUGEINT": (1700, Decimal(2**127 - 1)),
    "12::UHUGEINT": (1700, Decimal(12)),
    "(-123456789012345678901234567890123456789012345)::BIGNUM": (
        1700,
        Decimal("-123456789012345678901234567890123456789012345"),
    ),
    "1.5::FLOAT": (700, 1.5),
    "1e300::DOUBLE": (701, 1e300),
    "'-inf'::DOUBLE": (701, float("-inf")),
    "(-12345.345)::DECIMAL(10, 3)": (1700, Decimal("-12345.345")),
    "0.0001::DECIMAL(8, 4)": (1700, Decimal("0.0001")),
    "0::DECIMAL(4, 1)": (1700, Decimal("0.0")),
    "10000::DECIMAL(9, 2)": (1700, Decimal("10000.00")),
    "'häl''lo'": (25, "häl'lo"),
    "''": (25, ""),
    r"'\xAA\x00'::BLOB": (17, b"\xaa\x00"),
    "DATE '2020-01-02'": (1082, dt.date(2020, 1, 2)),
    "DATE '0001-01-01'": (1082, dt.date(1, 1, 1)),
    "TIME '01:02:03.5'": (1083, dt.time(1, 2, 3, 500_000)),
    "'01:02:03.123456789'::TIME_NS": (1083, dt.time(1, 2, 3, 123_456)),
    "'01:02:03+02'::TIMETZ": (1266, dt.time(1, 2, 3, tzinfo=dt.timezone(dt.timedelta(hours=2)))),
    "TIMESTAMP '2020-01-02 03:04:05.25'": (1114, dt.datetime(2020, 1, 2, 3, 4, 5, 250_000)),
    "TIMESTAMP '2020-01-02 03:04:00'": (1114, dt.datetime(2020, 1, 2, 3, 4)),
    "'1999-01-02 03:04:05'::TIMESTAMP_S": (1114, dt.datetime(1999, 1, 2, 3, 4, 5)),
    "'2020-01-02 03:04:05.123'::TIMESTAMP_MS": (1114, dt.datetime(2020, 1, 2, 3, 4, 5, 123_000)),
    "'2020-01-02 03:04:05.123456789'::TIMESTAMP_NS": (1114, dt.datetime(2020, 1, 2, 3, 4, 5, 123_456)),
    "TIMESTAMPTZ '2020-01-02 03:04:05.5+01'": (1184, dt.datetime(2020, 1, 2, 2, 4, 5, 500_000, UTC)),
    "INTERVAL '1 day 03:00:00.25'": (1186, dt.timedelta(days=1, hours=3, microseconds=250_000)),
    "INTERVAL '-2 hours'": (1186, dt.timedelta(hours=-2)),
    "'6b1ec1b0-5c3c-4b8a-9d0d-000000000001'::UUID": (2950, UUID("6b1ec1b0-5c3c-4b8a-9d0d-000000000001")),
    "'a'::ENUM('a', 'b')": (25, "a"),
    "[1, NULL]": (114, [1, None]),
    "{'a': 1, 'b': 'x'}": (114, {"a": 1, "b": "x"}),
    "MAP {'k': [1]}": (114, {"k": [1]}),
    "[1, 2]::INTEGER[2]": (114, [1, 2]),
    "union_value(n := 1)": (114, 1),
    """'{"a": 1}'::JSON""": (114, {"a": 1}),
    "{'a': 1}::VARIANT": (114, {"a": 1}),
}
"""An expression -> the type and the value that a client gets."""


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
@pytest.mark.parametrize("expression", TYPES)
def test_a_client_gets_the_value_of_each_type_and_null(
    pg: psycopg.Connection[Any], expression: str, binary: bool
) -> None:
    oid, value = TYPES[expression]
    with pg.cursor(binary=binary) as cursor:
        cursor.execute(f"SELECT {expression} AS x UNION ALL SELECT NULL ORDER BY x NULLS LAST")
        assert cursor.description is not None
        assert cursor.description[0].type_code == oid
        assert cursor.fetchall() == [(value,), (None,)]


def test_bits_are_sent_as_text_and_in_binary(pg: psycopg.Connection[Any]) -> None:
    assert pg.execute("SELECT '10101'::BIT").fetchall() == [("10101",)]
    with pg.cursor(binary=True) as cursor:
        assert cursor.execute("SELECT '10101'::BIT").fetchall() == [(b"\0\0\0\x05\xa8",)]


def test_a_nan_is_sent_as_text_and_in_binary(pg: psycopg.Connection[Any]) -> None:
    for binary in (False, True):
        ((value,),) = pg.cursor(binary=binary).execute("SELECT 'nan'::DOUBLE").fetchall()
        assert value != value


FAR = {
    "DATE '0044-03-15 (BC)'": "0044-03-15 BC",
    "DATE '12345-06-07'": "12345-06-07",
    "'infinity'::DATE": "infinity",
    "'-infinity'::DATE": "-infinity",
    "TIMESTAMP '12345-06-07 08:09:10.5'": "12345-06-07 08:09:10.5",
    "TIMESTAMP '0044-03-15 (BC) 01:02:03'": "0044-03-15 01:02:03 BC",
    "'infinity'::TIMESTAMPTZ": "infinity",
    "'-infinity'::TIMESTAMP": "-infinity",
    "INTERVAL '14 months 3 days 04:05:06'": "1 year 2 mons 3 days 04:05:06",
    "INTERVAL '0 seconds'": "00:00:00",
    "INTERVAL '-1 month'": "-1 mons",
}


@pytest.fixture(scope="module")
def texts(server: Server) -> Iterator[psycopg.Connection[Any]]:
    with connect(server) as connection:
        for name in ("date", "timestamp", "timestamptz", "interval"):
            connection.adapters.register_loader(name, psycopg.types.string.TextLoader)
        yield connection


@pytest.mark.parametrize("expression", FAR)
def test_a_time_that_python_cannot_hold_is_sent_as_postgresql_writes_it(
    texts: psycopg.Connection[Any], expression: str
) -> None:
    assert texts.execute(f"SELECT {expression}").fetchall() == [(FAR[expression],)]


def test_times_have_the_offset_of_the_zone_that_the_client_sets(texts: psycopg.Connection[Any]) -> None:
    texts.execute("SET TIME ZONE 'Europe/Berlin'")
    query = (
        "SELECT * FROM (VALUES (TIMESTAMPTZ '2020-01-01 00:00+00'), ('2020-07-01 00:00:00.5+00')) ORDER BY 1"
    )
    assert texts.execute(query).fetchall() == [
        ("2020-01-01 01:00:00+01",),
        ("2020-07-01 02:00:00.5+02",),
    ]
    texts.execute("RESET TimeZone")


def test_a_batch_that_does_not_begin_at_its_buffers_start_is_sent_as_it_is() -> None:
    batch = pa.record_batch({"n": pa.array([1, None, 3], pa.int32()), "s": ["a", "bb", None]}).slice(1)
    texts = b"".join(encode_rows(batch, [23, 25], [0, 0]))
    row = b"D\0\0\0\x10\0\x02\xff\xff\xff\xff\0\0\0\x02bb"
    assert texts == row + b"D\0\0\0\x0f\0\x02\0\0\0\x013\xff\xff\xff\xff"
    numbers = b"".join(encode_rows(batch, [23, 25], [1, 1]))
    assert numbers == row + b"D\0\0\0\x12\0\x02\0\0\0\x04\0\0\0\x03\xff\xff\xff\xff"


def test_a_large_batch_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = pa.record_batch({"s": ["x" * 100] * 10})
    whole = b"".join(encode_rows(batch, [25], [0]))
    monkeypatch.setattr("sqlprov.frontends.serve.rows.MAX_BYTES", 300)
    pieces = list(encode_rows(batch, [25], [0]))
    assert len(pieces) == 4
    assert b"".join(pieces) == whole


def test_a_query_without_rows_is_answered(raw: RawClient) -> None:
    raw.start()
    kinds = [kind for kind, _ in raw.ask(pack(b"Q", b"SELECT 1 AS n WHERE false\0"))]
    assert kinds == [b"T", b"C", b"Z"]

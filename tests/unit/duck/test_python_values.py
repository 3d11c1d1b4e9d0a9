from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

import sqlprov
from sqlprov import Connection, errors

VALUES = r"""
NULL
true
1::UTINYINT
1::BIGINT
1::UBIGINT
sum(1)
(-5)::HUGEINT
170141183460469231731687303715884105727::HUGEINT
md5_number('a')
340282366920938463463374607431768211455::UHUGEINT
(-12345678901234567890)::BIGNUM
12345678901234567890::BIGNUM
1.5::FLOAT
'inf'::DOUBLE
1.50::DECIMAL(4, 2)
5::DECIMAL(38, 0)
''
'\xAA'::BLOB
'101'::BIT
'1010101010'::BIT
'x'::ENUM('x', 'y')
'2020-01-02'::DATE
'infinity'::DATE
'10000-01-01'::DATE
'10:11:12.123456'::TIME
'10:11:12.123456789'::TIME_NS
'2020-01-02 10:11:12.123456'::TIMESTAMP
'2020-01-02 10:11:12'::TIMESTAMP_S
'2020-01-02 10:11:12.123'::TIMESTAMP_MS
'2020-01-02 10:11:12.123456789'::TIMESTAMP_NS
'-infinity'::TIMESTAMP
'10000-01-01'::TIMESTAMP
'2020-01-02 10:11:12+02'::TIMESTAMPTZ
'infinity'::TIMESTAMPTZ
INTERVAL '1 day 2 hours 3.5 seconds'
INTERVAL '-14 months'
'6f3b6c0e-3f5b-4a57-9a3f-0d8b6c5f0f11'::UUID
'{"a": 1}'::JSON
[1, NULL]
[[1], []]
[1, 2]::INTEGER[2]
[sum(1)]::HUGEINT[1]
{'a': 1, 'b': 'x'}
{'sum': sum(1), 'none': NULL::UUID}
row(1, sum(1))
MAP {'a': 1, 'b': NULL}
MAP {}
MAP {[1]: 2}
MAP {(1, 2): 2}
MAP {[1, 2]::INTEGER[2]: 1}
MAP {UUID '6f3b6c0e-3f5b-4a57-9a3f-0d8b6c5f0f11': sum(1)}
MAP {'a': MAP {'b': sum(1)}}
[MAP {'a': INTERVAL 1 DAY}]
{'a': {'b': [{'c': MAP {'k': [1.5::DECIMAL(3, 1)]}}]}}
1::UNION(a INTEGER, b VARCHAR)
['x'::UNION(a INTEGER, b VARCHAR)]
['101'::BIT, NULL]
['2020-01-02 10:11:12.123456789'::TIMESTAMP_NS]
[TIMESTAMPTZ '2020-01-02 10:11:12+02']
[['x'::ENUM('x', 'y')]]
""".strip().splitlines()


@pytest.fixture(scope="module")
def con() -> Iterator[Connection]:
    with sqlprov.connect() as con:
        yield con


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        yield con


@pytest.mark.parametrize("value", VALUES)
def test_fetchall_returns_the_values_of_duckdbs_own(
    con: Connection, duck: duckdb.DuckDBPyConnection, value: str
) -> None:
    query = f"SELECT {value} AS v UNION ALL SELECT NULL"
    expected = duck.execute(query).fetchall()
    con.execute(query)
    assert repr([con.fetchone(), *con.fetchmany(5)]) == repr(expected)
    created = f"CREATE OR REPLACE TEMP TABLE t AS {query}; INSERT INTO t FROM t RETURNING v"  # not streamed
    assert repr(con.sql(created).fetchall()) == repr(expected)


@pytest.mark.parametrize("value", ["TIMETZ '10:11:12+02'", "{'a': 1}::VARIANT", "[TIMETZ '10:11:12+02']"])
def test_fetchall_refuses_what_arrow_loses(con: Connection, value: str) -> None:
    with pytest.raises(errors.DataError, match="CAST it AS VARCHAR"):
        con.sql(f"SELECT {value}").fetchall()

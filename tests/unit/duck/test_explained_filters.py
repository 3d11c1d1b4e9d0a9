"""The conditions in DuckDB's plan are read as those that DuckDB passes to the scan."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from sqlprov.duck.explain_plan import CARRIED, parse_conditions
from sqlprov.duck.live_table import FilterProbe
from sqlprov.plan.read.domain import drop_column, list_conjuncts
from sqlprov.plan.read.predicate import And, Opaque, Predicate

SCHEMA = pa.schema(
    [
        ("name", pa.string()),
        ("__ctx_t", pa.string()),
        ("n", pa.int64()),
        ("i", pa.int32()),
        ("f", pa.float64()),
        ("b", pa.bool_()),
        ("created", pa.timestamp("us", "UTC")),
        ("region", pa.string()),
        ('odd "q"', pa.string()),
        ("from", pa.string()),
        ("s", pa.struct([("X", pa.int64()), ("In", pa.struct([("y", pa.string())]))])),
        ("l", pa.list_(pa.string())),
    ]
)


@pytest.fixture(scope="module")
def live() -> FilterProbe:
    return FilterProbe(SCHEMA)


@pytest.fixture(scope="module")
def connection(live: FilterProbe) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'Asia/Kolkata'")
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in SCHEMA.names if name != "__ctx_t")
        visible = connection.from_arrow(live).filter("__ctx_t = coalesce(getvariable('sqlprov_ctx'), '')")
        visible.project(names).create_view("t")
        connection.execute("SET VARIABLE sqlprov_ctx = 'x'")
        yield connection


def list_conditions(connection: duckdb.DuckDBPyConnection, condition: str) -> list[str]:
    """The conditions in the plan of a query, without the one that names the statement."""
    row: Any = connection.execute(f"EXPLAIN (FORMAT json) SELECT name FROM t WHERE {condition}").fetchone()
    (node,) = json.loads(row[1])
    while node["children"]:
        (node,) = node["children"]
    filters = node["extra_info"]["Filters"]
    return [text for text in ([filters] if isinstance(filters, str) else filters) if not CARRIED.match(text)]


def read_passed(connection: duckdb.DuckDBPyConnection, live: FilterProbe, condition: str) -> Predicate:
    """What DuckDB passes to the scan."""
    connection.execute(f"SELECT name FROM t WHERE {condition}").fetchall()
    return drop_column(live.where, "__ctx_t")


CONDITIONS = [
    "name = 'a'",
    "name = 'O''Brien'",
    "name = 'x\"y'",
    "name = '日本😀'",
    "name = ''",
    "name = 'NULL'",
    r"name = e'a\nb'",
    r"name = e'a)\n(b' AND n = 1",
    "name <> 'a'",
    "name < 'b' AND name >= 'A'",
    "name IN ('a', 'b')",
    r"name IN (e'a\nb', 'c')",
    "name NOT IN ('a', 'b')",
    "name BETWEEN 'a' AND 'b'",
    "name NOT BETWEEN 'a' AND 'b'",
    "name IS NULL",
    "name IS NOT NULL",
    "NOT (name IS NULL)",
    "name LIKE 'a'",
    "name = upper('a')",
    "list_contains(['a', 'b'], name)",
    "n = 1",
    "n = '1'",
    "n + 1 = 2",
    "n >= -1",
    "n > 1 AND n > 2",
    "n < 5 AND n > -5",
    "n <> 3",
    "NOT (n > 3)",
    "n IN (1, 2, 12)",
    "NOT (n IN (1, 2))",
    "n = 9223372036854775807",
    "n = -9223372036854775808",
    "n BETWEEN 1 AND 5 OR n BETWEEN 10 AND 20",
    "n IS NULL OR n = 3",
    "n IS NOT DISTINCT FROM NULL",
    "i = 3",
    "i IN (1, 2)",
    "b = true",
    "b = false",
    "b <> true",
    "b IN (true)",
    "b IS NULL",
    "created > '2024-01-01'",
    "created = TIMESTAMP '2024-01-01'",
    "created >= TIMESTAMPTZ '2024-01-01 02:30:00.5+02:30'",
    "created BETWEEN '2023-01-01' AND '2024-01-01'",
    "created IN ('2024-01-01', '2024-01-01 01:00:00')",
    "created < TIMESTAMPTZ '2024-01-01' + INTERVAL 1 hour",
    "date_trunc('day', created) = '2024-01-01'",
    "region = 'us-east-1' AND name = 'a'",
    "region = 'us-east-1' OR region = 'eu-west-1' AND name = 'a'",
    "name = 'a' OR n = 1",
    "NOT (name = 'a' OR n = 1)",
    "NOT (name = 'a' AND n = 1)",
    "(name = 'a' AND n = 1) OR (name = 'b' AND n = 2)",
    "name < 'a' OR name > 'b' OR name IS NULL",
    "region IN ('us-east-1', 'eu-west-1') AND n > 1 AND name IS NOT NULL AND f <> 1",
    '"odd ""q""" = \'x\'',
    "\"from\" IN ('x', 'y')",
]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_printed_condition_means_what_duckdb_passes(
    connection: duckdb.DuckDBPyConnection, live: FilterProbe, condition: str
) -> None:
    printed = list_conditions(connection, condition)
    assert printed
    parsed = drop_column(parse_conditions(connection, SCHEMA, printed), "__ctx_t")
    assert parsed == read_passed(connection, live, condition)
    assert not isinstance(parsed, Opaque)


@pytest.mark.parametrize(
    "condition",
    [
        "name LIKE 'a%'",
        "lower(name) = 'a'",
        "name = 'x' COLLATE nocase",
        "n % 2 = 0",
        "n = 1.5",
        "n IN (1, NULL)",
        "name > region",
        "NOT b",
        "f > 2.5",
        "f = 0.1",
        "f IN (1.5, 2)",
        "NOT f < 1",
        "created < 'infinity'",
        "l[1] = 'a'",
        "true",
    ],
)
def test_what_duckdb_does_not_pass_is_not_printed(
    connection: duckdb.DuckDBPyConnection, live: FilterProbe, condition: str
) -> None:
    assert list_conditions(connection, condition) == []
    assert parse_conditions(connection, SCHEMA, []) == read_passed(connection, live, condition) == And(())


@pytest.mark.parametrize(
    "condition", ["s.X = 1", "s.In.y = 'a'", "s.X IN (1, 2)", "s.In.y IS NULL", "s.X > 1 AND s.X < 5"]
)
def test_a_condition_on_a_nested_field_is_opaque(
    connection: duckdb.DuckDBPyConnection, condition: str
) -> None:
    parsed = parse_conditions(connection, SCHEMA, list_conditions(connection, condition))
    assert all(isinstance(part, Opaque) and part.columns == {"s"} for part in list_conjuncts(parsed))


def test_many_alternatives_are_read(connection: duckdb.DuckDBPyConnection) -> None:
    condition = " OR ".join(f"(n = {k} AND region = 'r{k}')" for k in range(9))
    parsed = parse_conditions(connection, SCHEMA, list_conditions(connection, condition))
    assert "Opaque" not in repr(parsed)


def test_what_duckdb_prints_and_does_not_read_narrows_nothing(connection: duckdb.DuckDBPyConnection) -> None:
    assert parse_conditions(connection, SCHEMA, ['optional: ("n" > 1)']) == Opaque(frozenset(SCHEMA.names))

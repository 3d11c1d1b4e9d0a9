"""A table that applies conditions itself has the rows that DuckDB would select."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest

import sqlprov
from sqlprov.aws.read.matching import find_matches, select_matches
from sqlprov.duck.table_source import TableSource
from sqlprov.plan.read.domain import list_conjuncts
from sqlprov.plan.read.predicate import TRUE, And, Compare, Or, Predicate

DUCK = duckdb.connect()
DUCK.execute("SET TimeZone = 'UTC'")
ROWS: pa.Table = DUCK.sql(
    """
    SELECT name, n, created, f, CASE WHEN n = 1 THEN NULL ELSE {'X': n, 'In': {'y': name}} END AS s, [name] AS l
    FROM unnest([NULL, 'a', 'b', 'O''Brien']) AS names(name), unnest([NULL, -1, 1, 4]) AS numbers(n),
         unnest([NULL, TIMESTAMPTZ '2024-01-01', '2024-01-01 00:00:00.000001+00']) AS times(created),
         unnest([NULL, 0.5::DOUBLE, 'NaN']) AS floats(f)
    """
).to_arrow_table()


class Source(TableSource):
    """ROWS, with the conditions that DuckDB passed."""

    where: Predicate = TRUE

    def scan(self, names: tuple[str, ...], where: Predicate) -> Iterator[pa.RecordBatch]:
        self.where = where
        for batch in ROWS.to_batches():
            assert select_matches(batch, where).num_rows == len(find_matches(batch, where))
            yield select_matches(batch, where).select(names)


SOURCE = Source(ROWS.schema)
DUCK.register("plain", ROWS)
DUCK.from_arrow(SOURCE).create_view("source")


@pytest.mark.parametrize(
    "condition",
    [
        "name = 'a'",
        "name <> 'O''Brien'",
        "name IN ('a', 'b')",
        "name NOT IN ('a', 'b')",
        "NOT (name IN ('a', 'b') AND n = 1)",
        "name IS NULL OR n > 1",
        "name IS NOT NULL AND n BETWEEN -1 AND 1",
        "NOT (name < 'b' OR n IS NULL)",
        "created <= '2024-01-01'",
        "created > '2024-01-01' AND created < 'infinity'",
        "created IN ('2024-01-01')",
        "s.X = 4",
        "s.X IS NULL",
        "s.In.y <> 'a' OR s.X IN (-1, 1)",
        "s IS NOT NULL AND n = 1",
        "l IS NOT NULL",
        "f > 0.6",
        "f <> 0.5 AND n = 1",
        "NOT f < 0.6",
        "l[1] = 'a' AND n = 4",
        "name LIKE 'O%' AND n = 4",
    ],
)
def test_a_condition_selects_the_same_rows_as_in_duckdb(condition: str) -> None:
    def read(table: str) -> list[str]:
        return DUCK.sql(f"SELECT * FROM {table} WHERE {condition}").to_arrow_table().to_pylist()

    def sort(rows: list[str]) -> list[str]:
        return sorted(map(repr, rows))

    assert sort(read("source")) == sort(read("plain"))


def test_a_thousand_alternatives_reach_the_table() -> None:
    condition = " OR ".join(
        f"(n = {number} AND name = '{number if number != 4 else 'a'}')" for number in range(1000)
    )
    assert DUCK.sql(f"SELECT count(*) FROM source WHERE {condition}").fetchall() == [(9,)]
    chain = next(part for part in list_conjuncts(SOURCE.where) if isinstance(part, Or))
    assert chain.parts[999] == And((Compare("n", "=", 999), Compare("name", "=", "999")))
    assert len(chain.parts) == 1000


def test_a_condition_that_a_predicate_cannot_say_is_left_to_duckdb() -> None:
    assert DUCK.sql("SELECT n FROM source WHERE f = 0.5 AND n = 4 LIMIT 1").fetchall() == [(4,)]
    assert SOURCE.where == And((Compare("n", "=", 4),))


def test_a_statement_may_have_many_alternatives() -> None:
    names = "SELECT model_name FROM aws.sagemaker.models"
    with sqlprov.connect(local=True, region="us-east-1") as con:
        every = [name for (name,) in con.sql(f"{names} ORDER BY 1").fetchall()]
        chosen = [(name, "us-east-1") for name in every[:3]] + [
            (f"m{number}", "eu-west-1") for number in range(40)
        ]
        condition = " OR ".join(f"model_name = '{name}' AND region = '{region}'" for name, region in chosen)
        assert con.sql(f"{names} WHERE {condition} ORDER BY 1").fetchall() == [(name,) for name in every[:3]]

"""PIVOT without IN, which DuckDB cannot explain without reading."""

from __future__ import annotations

import duckdb
import pytest

from sqlprov.duck.query_runner import reads_to_bind
from sqlprov.sql import Query


@pytest.mark.parametrize(
    ("text", "lacks_in"),
    [
        ("pivot t on y using sum(x) group by z", True),
        ("pivot t on y in (1, 2) using sum(x)", False),
        ("pivot t on y in ('a'), z using sum(x)", True),
        ("pivot t on y in (select z from u) using sum(x)", True),
        ("from (pivot t on y using sum(x))", True),
        ("with a as (from t) pivot_wider a on f(y, 'in') using sum(x)", True),
        ("pivot (select 1 as y) on y in (1)", False),
        ("pivot a join b on a.x in (1) on y", True),
        ("from t pivot (sum(x) for y in (1, 2)) p join u on p.k = u.k", False),
        ("unpivot t on a, b", False),
        ("select 'pivot t on y'", False),
        ("pivot t on", False),
    ],
)
def test_a_pivot_without_in_takes_its_columns_from_the_data(text: str, lacks_in: bool) -> None:
    with duckdb.connect() as duck:
        assert reads_to_bind(duck, Query(text, 0)) is lacks_in

"""What is put beside a table, what is left to DuckDB, and where a view becomes its query."""

from __future__ import annotations

import pytest
from regions_lab import analysed, question, spliced

from sqlprov.sql.regions_views import definition


def test_a_table_with_a_condition_wherever_it_is_read_is_relied_on() -> None:
    assert analysed("FROM aws.s.e JOIN aws.s.p USING (name) WHERE e.region = 'a'").relied == {"e"}
    assert analysed("FROM aws.s.E WHERE region LIKE 'e%'").relied == {"e"}
    assert analysed("FROM all_e WHERE region = 'a'").relied == {"e"}
    assert not analysed("FROM aws.s.e").relied


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("FROM aws.s.e JOIN aws.s.e b USING (name) WHERE e.region = 'a'", "region = 'a'"),
        ("FROM aws.s.e, unnest(e.tags) WHERE e.region IN ('a', 'b')", "region IN ('a', 'b')"),
        ("FROM aws.s.e, LATERAL (SELECT e.name) WHERE 'a' = e.region", "'a' = region"),
        ("FROM aws.s.e, unnest(e.tags) WHERE e.name = ? AND e.region = ?", "region = $2"),
        ("FROM aws.s.e JOIN aws.s.p USING (region) WHERE e.region = 'no-region'", "region = 'no-region'"),
    ],
)
def test_where_duckdb_is_not_relied_on_the_users_regions_stand_beside_the_table(
    text: str, where: str
) -> None:
    analysis = analysed(text)
    assert (analysis.questions, analysis.unresolved) == ((), None)
    assert f"WHERE {where})" in analysis.splice([])


def test_a_parameter_has_a_number_in_the_questions_and_in_the_splice() -> None:
    text = "SELECT '?' FROM aws.s.e WHERE name = ? AND region LIKE ?"
    assert "region LIKE $2" in question(text)
    assert "name = $1 AND region LIKE $2" in spliced(text)
    assert "region LIKE $x" in question("FROM aws.s.e WHERE region LIKE $x")
    assert "region LIKE $1" in question("FROM aws.s.e WHERE region LIKE ?1")
    plain = "FROM aws.s.e WHERE name = ? AND region = ?"
    assert analysed(plain).splice([]) == plain


def test_a_view_is_replaced_by_its_query_where_a_condition_is_spliced() -> None:
    assert (
        spliced("FROM european_e")
        == "FROM (SELECT * FROM (SELECT * FROM aws.s.e WHERE region IN ('eu-west-1')) AS e "
        "WHERE region LIKE 'eu-%') AS european_e"
    )
    assert spliced("FROM memory.main.all_e x WHERE region LIKE 'e%'").startswith(
        "FROM (SELECT * FROM (SELECT"
    )
    assert (
        spliced("FROM deep_e WHERE region LIKE 'e%'").count("(SELECT * FROM aws.s.e WHERE region IN (") == 1
    )


@pytest.mark.parametrize(
    "text",
    [
        "WITH all_e AS (FROM aws.s.p) FROM all_e WHERE region LIKE 'e%'",
        "SELECT main.all_e.name FROM main.all_e WHERE region LIKE 'e%'",
        "SUMMARIZE european_e",
    ],
)
def test_a_view_is_not_replaced_where_its_name_may_mean_something_else(text: str) -> None:
    assert "aws.s.e" not in analysed(text).splice([["a"]])


@pytest.mark.parametrize(
    ("create", "columns", "query"),
    [
        ("CREATE VIEW v AS SELECT 1;", "", "SELECT 1"),
        ('CREATE TEMP VIEW a."v (2" (a, "B) c") AS FROM x;', '(a, "B) c")', "FROM x"),
    ],
)
def test_a_view_has_columns_and_a_query(create: str, columns: str, query: str) -> None:
    assert definition(create) == (columns, query)

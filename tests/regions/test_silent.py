"""Which statements need no analysis of their regions; and of each, that the analysis finds nothing either."""

from __future__ import annotations

import random

import pytest
from regions_lab import LIVE, analysed

from sqlprov.statements.query import Query
from sqlprov.statements.regions import Analysis

SILENT = [
    "SELECT name FROM aws.s.e",
    "FROM aws.s.e",
    "SELECT count(*) AS number FROM aws.s.e AS x WHERE x.n > 1 AND name LIKE 'a%' OR status IN ('a', ?)",
    "SELECT x.* EXCLUDE (tags) REPLACE (upper(name) AS name) FROM aws.s.e x ORDER BY ALL DESC LIMIT 3 OFFSET 1",
    "SELECT status, count(*) FILTER (WHERE n > 1) FROM aws.s.e GROUP BY ALL HAVING count(*) > 1",
    "SELECT DISTINCT ON (name) status FROM aws.s.e QUALIFY row_number() OVER (PARTITION BY name ORDER BY n) = 1",
    'SELECT DISTINCT * FROM "aws".s."e" "x y" WHERE "x y".n BETWEEN 1 AND 2',
]
NOT_SILENT = [
    "SELECT region FROM aws.s.e",
    "SELECT name FROM aws.s.e WHERE \"REGION\" = 'eu-west-1'",
    "SELECT name FROM aws.s.e WHERE status = 'region'",
    "SELECT a FROM aws.s.e AS x(a, b, c, d) WHERE d LIKE 'eu-%'",
    "SELECT name FROM aws.s.e WHERE COLUMNS('re.*') LIKE 'eu-%'",
    "SELECT COLUMNS(*) FROM aws.s.e",
    "SELECT name FROM aws.s.e WHERE concat(*COLUMNS('re')) LIKE '%eu-%'",
    "SELECT name FROM aws.s.e AS x WHERE x::VARCHAR LIKE '%eu-%'",
    "SELECT name FROM aws.s.e WHERE hash(e) = 1",
    'SELECT name FROM aws.s.e AS x WHERE hash("X") = 1',
    "SELECT extract(year FROM e) FROM aws.s.e",
    "SELECT name FROM x: aws.s.e",
    'SELECT name FROM aws.s.e "x"(a, b)',
    "SELECT name FROM aws.s.e TABLESAMPLE 10%",
    "SELECT name FROM aws.s.e AT (VERSION => 1)",
    "SELECT name FROM aws.s.e POSITIONAL JOIN local",
    "SELECT name FROM aws.s.e UNION FROM aws.s.p",
    "SELECT * LIKE 're%' FROM aws.s.e WHERE * = 'a'",
    "SELECT name FROM query('FROM aws.s.e')",
    "SELECT #1 FROM aws.s.e",
    "SELECT 1",
    "SELECT name FROM",
    "FROM aws.s.",
    "SELECT name FROM aws.s.e WHERE hash(s.e) = 1",
    "SELECT name FROM aws.s.e WHERE (*) IS NULL",
    "SELECT name FROM aws.s.e NATURAL JOIN 'places.csv'",
    "SELECT name FROM aws.s.e, aws.s.p",
    "SELECT name FROM aws.s.e EXCEPT SELECT name FROM aws.s.p",
    "SELECT name FROM aws.s.e WHERE name IN (SELECT name FROM aws.s.p)",
    "SELECT value FROM (UNPIVOT aws.s.e ON COLUMNS(*)) WHERE value LIKE 'eu-%'",
    "PIVOT aws.s.e ON name IN ('x')",
    "WITH x(a, b, c, d) AS (FROM aws.s.e) SELECT a FROM x WHERE d LIKE 'eu-%'",
    "SELECT name FROM european_e",
    "SELECT name FROM local",
    "DELETE FROM aws.s.e WHERE name = 'x'",
]
ITEMS = (
    "name",
    "*",
    "x.*",
    "count(*)",
    "max(n) AS n",
    "x",
    "COLUMNS(*)",
    "#1",
    "tags[1]",
    "(SELECT 1)",
    "unnest(tags)",
)
ALIASES = ("", " x", " AS x", " AS x(a, b, c, d)")
CONDITIONS = (
    *("n > 1", "x.name LIKE 'a%'", "status = ?", "x IS NULL", "d = 'eu-west-1'", "list_contains(tags, name)"),
    *(
        "EXISTS (FROM aws.s.p)",
        "n IN (SELECT n FROM local)",
        "COLUMNS(*) = 'a'",
        "european(name)",
        "CAST(x AS VARCHAR) > 'a'",
    ),
)
ENDS = (
    "",
    " GROUP BY ALL",
    " ORDER BY n LIMIT 2",
    " QUALIFY count(*) OVER () > 1",
    " UNION ALL FROM aws.s.p",
    " TABLESAMPLE 5%",
)


def silent(text: str) -> bool:
    return Query(text, 0).lone_table[-1:] in {(name,) for name in LIVE}


@pytest.mark.parametrize("text", SILENT)
def test_a_select_of_one_table_that_names_no_region_is_silent(text: str) -> None:
    assert Query(text, 0).lone_table == ("aws", "s", "e")
    assert analysed(text) == Analysis(text)


@pytest.mark.parametrize("text", NOT_SILENT)
def test_what_may_mean_regions_without_their_name_is_not_silent(text: str) -> None:
    assert not silent(text)


def test_the_analysis_finds_nothing_in_any_silent_statement() -> None:
    choice = random.Random(26)
    found = 0
    for _ in range(3000):
        items = ", ".join(choice.sample(ITEMS, choice.choice((1, 1, 2))))
        where = " AND ".join(choice.sample(CONDITIONS, choice.choice((0, 1, 2))))
        text = f"SELECT {items} FROM aws.s.e{choice.choice(ALIASES)} WHERE {where or 'true'}{choice.choice(ENDS)}"
        if silent(text):
            found += 1
            assert analysed(text) == Analysis(text), text
    assert 200 < found < 2000

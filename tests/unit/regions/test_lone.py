"""Which statements need no analysis of their regions; and of each, that the analysis finds nothing else either."""

from __future__ import annotations

import random

import pytest
from regions_lab import LIVE, analysed

from sqlprov.sql.lone import Lone
from sqlprov.sql.query import Query
from sqlprov.sql.regions import Analysis

SILENT = [
    "SELECT name FROM aws.s.e",
    "FROM aws.s.e",
    "SELECT count(*) AS number FROM aws.s.e AS x WHERE x.n > 1 AND name LIKE 'a%' OR status IN ('a', ?)",
    "SELECT x.* EXCLUDE (tags) REPLACE (upper(name) AS name) FROM aws.s.e x ORDER BY ALL DESC LIMIT 3 OFFSET 1",
    "SELECT status, count(*) FILTER (WHERE n > 1) FROM aws.s.e GROUP BY ALL HAVING count(*) > 1",
    "SELECT DISTINCT ON (name) status FROM aws.s.e QUALIFY row_number() OVER (PARTITION BY name ORDER BY n) = 1",
    'SELECT DISTINCT * FROM "aws".s."e" "x y" WHERE "x y".n BETWEEN 1 AND 2',
    "SELECT region, name FROM aws.s.e /* of each region */ ORDER BY region DESC, name",
    'SELECT DISTINCT x."Region" FROM aws.s.e x',
    "SELECT region, count(*) AS n FROM aws.s.e GROUP BY region HAVING count(*) > 1",
]
LIMITED = [
    "SELECT name FROM aws.s.e WHERE region = 'eu-west-1'",
    "SELECT * FROM aws.s.e x WHERE name LIKE 'a%' AND x.region = $1 LIMIT 3",
    "FROM aws.s.e WHERE \"REGION\" IN ('eu-west-1', ?) AND NOT (n > 1) ORDER BY region",
    "SELECT region FROM aws.s.e WHERE e.region IN ('us-west-2') AND region = 'us-west-2' GROUP BY region",
]
NOT_SILENT = [
    "SELECT region AS r FROM aws.s.e WHERE r LIKE 'eu-%'",
    "SELECT r: region FROM aws.s.e WHERE r LIKE 'eu-%'",
    "SELECT region r FROM aws.s.e WHERE r LIKE 'eu-%'",
    "SELECT upper(region) FROM aws.s.e",
    "SELECT * EXCLUDE (region) FROM aws.s.e",
    "SELECT * REPLACE (name AS region) FROM aws.s.e WHERE region = 'x'",
    "SELECT name AS region FROM aws.s.e WHERE region = 'x'",
    "SELECT count(*) FILTER (region = 'eu-west-1') FROM aws.s.e",
    "SELECT name FROM aws.s.e WHERE region = 'eu-west-1' OR name = 'x'",
    "SELECT name FROM aws.s.e WHERE NOT region = 'eu-west-1'",
    "SELECT name FROM aws.s.e WHERE name = 'x' = region = 'eu-west-1'",
    "SELECT name FROM aws.s.e WHERE region = 'eu-west-1' = true",
    "SELECT name FROM aws.s.e WHERE region = 'eu-' || 'west-1'",
    "SELECT name FROM aws.s.e WHERE region = name",
    "SELECT name FROM aws.s.e WHERE region <> 'eu-west-1'",
    "SELECT name FROM aws.s.e WHERE region IN ('eu-west-1', name)",
    "SELECT name FROM aws.s.e WHERE region IN ('eu-west-1') IS NULL",
    "SELECT name FROM aws.s.e WHERE region NOT IN ('eu-west-1')",
    "SELECT name FROM aws.s.e WHERE region LIKE 'eu-%'",
    "SELECT name FROM aws.s.e WHERE n BETWEEN 1 AND region = 'eu-west-1'",
    "SELECT name FROM aws.s.e WHERE CASE WHEN n > 1 AND region = 'eu-west-1' THEN true END",
    "SELECT name FROM aws.s.e WHERE (region = 'eu-west-1')",
    "SELECT name FROM aws.s.e WHERE other.region = 'eu-west-1'",
    "SELECT name FROM aws.s.e QUALIFY region = 'eu-west-1'",
    "SELECT name FROM aws.s.e GROUP BY ALL HAVING region = 'eu-west-1'",
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
    "SELECT name FROM aws.s.e WHERE e.to_json() LIKE '%eu-%'",
    "SELECT name FROM aws.s.e WHERE {'order': true}.order AND region LIKE 'eu-%'",
    "SELECT name FROM aws.s.e WHERE {'group': 1}.group = 1 OR region IS NOT NULL",
    "SELECT {'from': 1}.from e FROM aws.s.e WHERE region LIKE 'eu-%'",
    "SELECT name FROM aws.s.e WHERE region = E'eu-west-1'",
    "SELECT name FROM aws.s.e WHERE region IN ($$eu-west-1$$)",
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
    *(
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
    ),
    *("region", "x.region", "region AS d", "upper(region)", "name AS region"),
)
ALIASES = ("", " x", " AS x", " AS x(a, b, c, d)")
CONDITIONS = (
    *("n > 1", "x.name LIKE 'a%'", "status = ?", "x IS NULL", "d = 'eu-west-1'", "list_contains(tags, name)"),
    *("EXISTS (FROM aws.s.p)", "n IN (SELECT n FROM local)", "COLUMNS(*) = 'a'", "european(name)"),
    *(
        "CAST(x AS VARCHAR) > 'a'",
        "region = 'eu-west-1'",
        "region IN ('eu-west-1', 'us-west-2')",
        "x.region = ?",
    ),
    *(
        "region LIKE 'eu-%'",
        "region = 'a' OR n > 1",
        "n BETWEEN 1 AND 2",
        "NOT region = 'a'",
        "region IS NOT NULL",
    ),
    *("region = name", "region IN ('a') = true", "(region = 'a')", "upper(region) = 'A'", "d LIKE 'eu-%'"),
)
ENDS = (
    *("", " GROUP BY ALL", " ORDER BY n LIMIT 2", " QUALIFY count(*) OVER () > 1", " UNION ALL FROM aws.s.p"),
    *(
        " TABLESAMPLE 5%",
        " GROUP BY region",
        " ORDER BY region",
        " QUALIFY region = 'a'",
        " HAVING region = 'a'",
    ),
)


def silent(text: str) -> Lone | None:
    found = Query(text, 0).lone
    return found if found and found.table[-1] in LIVE else None


def wanted(text: str, found: Lone) -> Analysis:
    return Analysis(text, relied=frozenset({"e"} if found.limited else ()))


@pytest.mark.parametrize("text", SILENT)
def test_a_select_of_one_table_that_names_no_region_is_silent(text: str) -> None:
    assert silent(text) == Lone(("aws", "s", "e"), limited=False)
    assert analysed(text) == Analysis(text)


@pytest.mark.parametrize("text", LIMITED)
def test_regions_that_duckdb_hands_on_by_itself_need_no_analysis(text: str) -> None:
    assert silent(text) == Lone(("aws", "s", "e"), limited=True)
    assert analysed(text) == Analysis(text, relied=frozenset({"e"}))


@pytest.mark.parametrize("text", NOT_SILENT)
def test_what_may_mean_regions_otherwise_is_not_silent(text: str) -> None:
    assert not silent(text)


def test_the_analysis_finds_nothing_else_in_any_silent_statement() -> None:
    choice = random.Random(26)
    found = limited = 0
    for _ in range(6000):
        items = ", ".join(choice.sample(ITEMS, choice.choice((1, 1, 2))))
        where = " AND ".join(choice.sample(CONDITIONS, choice.choice((0, 1, 2))))
        text = f"SELECT {items} FROM aws.s.e{choice.choice(ALIASES)} WHERE {where or 'true'}{choice.choice(ENDS)}"
        if (lone := silent(text)) is not None:
            found += 1
            limited += lone.limited
            assert analysed(text) == wanted(text, lone), text
    assert 200 < found < 4000
    assert limited > 50

from __future__ import annotations

import logging

import pytest

from sqlprov.sql.column_use import ColumnUse, find_use

SHOWN = [
    "SELECT * FROM aws.s.m",
    "SELECT region, count(*) FROM aws.s.m GROUP BY region ORDER BY region",
    "SELECT region AS r, count(*) FROM aws.s.m GROUP BY r ORDER BY r",
    "SELECT a.region FROM aws.s.m a JOIN aws.s.p b ON a.region=b.region AND a.n=b.n",
    "SELECT 1 FROM aws.s.m a JOIN aws.s.p b USING (region)",
    "SELECT 1 FROM aws.s.m a JOIN aws.s.p b ON a.region=b.region JOIN regs r ON r.n=a.n",
    "SELECT count(*) FROM aws.s.p b WHERE EXISTS (SELECT * FROM aws.s.m a WHERE a.region=b.region)",
    "SELECT to_json(t), t, hash(t) FROM aws.s.m t",
    "SELECT COLUMNS(*) FROM aws.s.m",
    "SELECT * FROM aws.s.m, unnest(tags) u(t)",
    "SELECT region, count(*) FROM (SELECT region FROM aws.s.m UNION ALL SELECT region FROM aws.s.p) GROUP BY 1",
    "SELECT region, name FROM aws.s.m UNION SELECT region, name FROM aws.s.p ORDER BY 1",
    "CREATE TABLE x AS SELECT * FROM aws.s.m",
    "INSERT INTO snap(region,n) SELECT region, n FROM aws.s.m",
    "COPY (SELECT * FROM aws.s.m) TO 'x.csv'",
    "SUMMARIZE aws.s.m",
    "SUMMARIZE SELECT * FROM aws.s.m",
    "DESCRIBE SELECT * FROM aws.s.m",
    "SELECT * EXCLUDE (region) FROM aws.s.m",
    "FROM aws.s.m SELECT region",
    "SELECT DISTINCT region FROM aws.s.m",
    "WITH c AS (SELECT region FROM aws.s.m GROUP BY 1) SELECT c.region FROM c JOIN aws.s.p p ON c.region = p.region",
    "SELECT name, (SELECT count(*) FROM aws.s.p p WHERE p.region = m.region) FROM aws.s.m m",
    "(SELECT * FROM aws.s.m)",
    "SELECT count(m) FROM aws.s.m m",
    "SELECT * FROM (SELECT * FROM aws.s.m ORDER BY region LIMIT 5)",
    "SELECT m.* FROM aws.s.m m",
    'SELECT "Region" FROM aws.s.m',
    "TABLE aws.s.m",
    "INSERT INTO snap SELECT * FROM aws.s.m",
    "SELECT * FROM aws.s.m ORDER BY region LIMIT 3",
    "SELECT a.* FROM aws.s.m a, aws.s.p b WHERE a.region = b.region AND a.n <> b.n",
    "WITH c AS (SELECT * FROM aws.s.m) SELECT region, count(*) FROM c GROUP BY ALL",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT 1 FROM r JOIN aws.s.m USING (n)",
    "WITH c(a) AS (SELECT name FROM aws.s.m) SELECT a FROM c WHERE a LIKE 'e%'",
    "SELECT a FROM (SELECT name FROM aws.s.m) AS t(a) WHERE a LIKE 'e%'",
    "SELECT region, name FROM aws.s.m EXCEPT SELECT region, name FROM aws.s.p",
    "SELECT name, region FROM aws.s.m INTERSECT "
    "(SELECT name, region FROM aws.s.p EXCEPT SELECT name, region FROM aws.s.m)",
    "SELECT count(*) FROM (SELECT region FROM aws.s.m EXCEPT SELECT region FROM aws.s.p)",
    "SELECT * FROM aws.s.m EXCEPT SELECT * FROM aws.s.m",
    "SELECT count(*) FROM (FROM aws.s.m UNION ALL FROM aws.s.m)",
]
DECIDES = [
    "SELECT upper(region) FROM aws.s.m",
    "SELECT region AS r FROM aws.s.m WHERE r LIKE 'e%'",
    "SELECT 1 FROM aws.s.m a JOIN regs b USING (region)",
    "SELECT 1 FROM aws.s.m a JOIN regs b ON a.region=b.region",
    "SELECT count(*) FROM regs WHERE r IN (SELECT region FROM aws.s.m)",
    "SELECT count(*) FROM regs WHERE r IN (SELECT * FROM aws.s.m)",
    "SELECT count(*) FROM regs WHERE (r,n) IN (FROM aws.s.m)",
    "SELECT 1 FROM aws.s.m t WHERE t::VARCHAR LIKE '%x%'",
    "SELECT 1 FROM aws.s.m t WHERE t.to_json() LIKE '%x%'",
    "SELECT 1 FROM aws.s.m WHERE COLUMNS(*) = 'x'",
    "SELECT * FROM aws.s.m t(a,b)",
    "SELECT a FROM (SELECT name, region FROM aws.s.m) AS t(a, b) WHERE b LIKE 'e%'",
    "SELECT a FROM (FROM aws.s.m) AS t(a, b) WHERE b LIKE 'e%'",
    "SELECT a FROM (TABLE aws.s.m) AS t(a, b) WHERE b LIKE 'e%'",
    "SELECT a FROM (SELECT COLUMNS(*) FROM aws.s.m) AS t(a, b) WHERE b LIKE 'e%'",
    "WITH c(a, b) AS (SELECT m.* FROM aws.s.m m) SELECT a FROM c WHERE b LIKE 'e%'",
    "WITH c AS (SELECT name, region FROM aws.s.m), d(a, b) AS (FROM c) SELECT a FROM d WHERE b LIKE 'e%'",
    "SELECT a FROM (SELECT m FROM aws.s.m m) AS t(a) WHERE a.region LIKE 'e%'",
    "SELECT a FROM (SELECT m FROM aws.s.m m) AS t(a) WHERE to_json(a) LIKE '%e%'",
    "SELECT * FROM (SELECT 'a' AS a, 'b' AS b UNION ALL SELECT name, region FROM aws.s.m) WHERE b LIKE 'e%'",
    "SELECT region FROM aws.s.m EXCEPT SELECT region FROM snap",
    "SELECT region FROM snap EXCEPT SELECT region FROM aws.s.m",
    "SELECT region, name FROM aws.s.m EXCEPT SELECT name, region FROM aws.s.p",
    "SELECT region FROM aws.s.m WHERE region = 'x' EXCEPT SELECT region FROM aws.s.m",
    "SELECT 'x' AS region EXCEPT SELECT region FROM aws.s.m",
    "WITH c(region) AS (SELECT 'x') SELECT region FROM c EXCEPT SELECT region FROM aws.s.m",
    "SELECT region FROM (VALUES ('x')) v(region) EXCEPT SELECT region FROM aws.s.m",
    "SELECT * FROM aws.s.m EXCEPT SELECT * FROM aws.s.p",
    "SELECT 1 FROM aws.s.m NATURAL JOIN aws.s.p",
    "SELECT #1 FROM aws.s.m",
    "SELECT x->>'region' FROM (SELECT to_json(t) x FROM aws.s.m t)",
    "SELECT x FROM (SELECT to_json(t) x FROM aws.s.m t)",
    "SELECT * FROM query('FROM aws.s.m')",
    "SELECT region.upper() FROM aws.s.m",
    "SELECT count(DISTINCT region) FROM aws.s.m",
    "SELECT row_number() OVER (PARTITION BY region) FROM aws.s.m",
    "WITH c AS (SELECT region AS place FROM aws.s.m) SELECT * FROM c WHERE place LIKE 'e%'",
    "SELECT m.region, (SELECT max(region) FROM aws.s.p) FROM aws.s.m m",
    "SELECT array_agg(n ORDER BY region) FROM aws.s.m",
    "SET VARIABLE x = (SELECT max(region) FROM aws.s.m)",
    "SELECT * FROM aws.s.m m WHERE m IN (FROM aws.s.m)",
    "SELECT region = 'x' FROM aws.s.m",
    "SELECT [region] FROM aws.s.m",
    "SELECT region || 'x' FROM aws.s.m",
    "SELECT 1 FROM aws.s.m m, LATERAL (SELECT split_part(m.region,'-',1) AS area) a WHERE a.area='eu'",
    "SELECT struct_pack(a := region) FROM aws.s.m",
    "SELECT 1 FROM aws.s.m WHERE tags.list_filter(x -> x = region).len() > 0",
    "PIVOT aws.s.m ON status USING count(*)",
    "SELECT * REPLACE (upper(region) AS region) FROM aws.s.m",
    "SELECT DISTINCT ON (region) * FROM aws.s.m",
    "SELECT * FROM aws.s.m AS t(a, b) WHERE b LIKE 'e%'",
    "SELECT * FROM aws.s.m WHERE (region = 'x'",
    "EXECUTE p('x')",
    "SELECT * FROM aws.s.m ASOF JOIN aws.s.p USING (region, n)",
    "SELECT max(region) FROM aws.s.m",
    "SELECT CASE WHEN region = 'x' THEN 1 END FROM aws.s.m",
    "SELECT name FROM aws.s.m WHERE [region].list_contains('x')",
    "SELECT a.region FROM aws.s.m a WHERE EXISTS (SELECT region FROM aws.s.p)",
    "SELECT region.starts_with('eu-') FROM aws.s.m",
    "SELECT 1 FROM aws.s.m JOIN (SELECT region AS r FROM aws.s.p) USING (n)",
    "CREATE VIEW v(place) AS SELECT region FROM aws.s.m",
    "SELECT 1 FROM aws.s.m WHERE name = 'region'",
    "SELECT 1 FROM aws.s.m a JOIN aws.s.p b ON NOT (a.region = b.region)",
    "SELECT a.region = b.region FROM aws.s.m a, aws.s.p b",
    "SELECT 1 FROM regs m JOIN aws.s.p p ON m.region = p.region WHERE p.n IN (SELECT m.n FROM aws.s.m m)",
    "SELECT 1 FROM (FROM regs) m JOIN aws.s.p p ON m.region = p.region WHERE p.n IN (SELECT n FROM aws.s.m)",
    "WITH regs AS (FROM regs) SELECT 1 FROM regs JOIN aws.s.m USING (region)",
    "WITH a AS (FROM b), b AS (SELECT 1) SELECT 1 FROM a JOIN aws.s.m USING (region)",
    "SELECT 1 FROM one JOIN aws.s.m USING (region) WHERE EXISTS (WITH one AS (SELECT 1) FROM one)",
    "SELECT 1 FROM (SELECT unnest($1)) JOIN aws.s.m USING (region)",
    "SELECT 1 FROM (SELECT * FROM aws.s.m) WHERE unnamed_subquery::VARCHAR LIKE '%x%'",
    "SELECT max(t) FROM aws.s.m t",
]


def is_live(parts: tuple[str, ...]) -> bool:
    return parts in (("aws", "s", "m"), ("aws", "s", "p"))


def use(*texts: str) -> ColumnUse:
    return find_use(texts, "region", is_live)


@pytest.mark.parametrize("text", SHOWN)
def test_a_column_that_is_only_shown_grouped_or_sorted_decides_nothing(text: str) -> None:
    assert not use(text).decides


@pytest.mark.parametrize("text", DECIDES)
def test_a_column_whose_use_is_not_clearly_showing_decides(text: str) -> None:
    assert use(text).decides


def test_the_texts_of_views_and_macros_count() -> None:
    view = "CREATE VIEW v AS SELECT * FROM aws.s.m"
    assert not use("SELECT * FROM v", view).decides
    assert not use("SELECT region FROM v", view).decides
    assert use("SELECT * FROM v", "CREATE VIEW v AS SELECT region AS place FROM aws.s.m").decides
    assert use("SELECT * FROM v", "CREATE VIEW v(place) AS SELECT region FROM aws.s.m").decides
    assert use("SELECT * FROM f()", "SELECT * FROM aws.s.m WHERE region LIKE 'e%'").decides
    assert use("SELECT european(name) FROM aws.s.m", "SELECT (region ~~ 'eu-%')").decides


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM aws.s.m a JOIN aws.s.p b ON a.region = b.region WHERE a.region IN ('x', 'y')",
        "SELECT * FROM aws.s.m JOIN aws.s.p USING (region) WHERE region LIKE 'x%'",
        "SELECT region AS place FROM aws.s.m WHERE region = 'x'",
        "SELECT m.region FROM aws.s.m, unnest(tags) AS u(t) WHERE m.region = 'x'",
        "SELECT region, name, count(*) FROM aws.s.m WHERE region LIKE 'x%' AND name > 'a' GROUP BY region, name",
        "WITH a AS (SELECT region FROM aws.s.m), b AS (FROM a) SELECT 1 FROM b JOIN aws.s.p USING (region)",
    ],
)
def test_a_column_is_clean_where_nothing_takes_its_name(text: str) -> None:
    assert not use(text).renamed


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM (SELECT name AS region FROM aws.s.m) WHERE region = 'x'",
        "SELECT * FROM (SELECT * REPLACE (name AS region) FROM aws.s.m)",
        "SELECT * FROM (SELECT * RENAME (name AS region) FROM aws.s.m)",
        "SELECT * FROM aws.s.m JOIN (VALUES ('x')) v(region) USING (region)",
        "SELECT * FROM aws.s.m, unnest(['x']) AS u(region)",
        "SELECT region FROM (SELECT config.region FROM aws.s.m)",
        "SELECT name FROM aws.s.p UNION ALL SELECT region FROM aws.s.m EXCEPT SELECT 'x'",
        "SELECT s.region FROM (SELECT {'region': name} AS s FROM aws.s.m)",
        "SELECT * FROM (SELECT unnest(s) FROM x) JOIN aws.s.m USING (region)",
        "SELECT * FROM (SELECT s.* FROM x) JOIN aws.s.m USING (region)",
        "SELECT * FROM aws.s.p p WHERE EXISTS (FROM aws.s.m m WHERE m.name = p.region)",
        "SELECT * FROM aws.s.m a JOIN aws.s.p b ON a.region IS NOT DISTINCT FROM b.region",
    ],
)
def test_a_column_is_not_clean_where_something_else_may_have_its_name(text: str) -> None:
    assert use(text).renamed


def test_sqlglot_logs_nothing_about_statements_it_cannot_parse(caplog: pytest.LogCaptureFixture) -> None:
    use("SHOW TABLES")
    assert not caplog.records
    assert logging.getLogger("sqlglot").isEnabledFor(logging.WARNING)

"""Statements over live tables give what DuckDB gives over every region's rows, or an error: never fewer rows."""

from __future__ import annotations

import random
from collections.abc import Iterator

import duckdb
import pytest
from regions_lab import LIVE, REGIONS, SECOND, Lab
from regions_random import statement


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    lab = Lab()
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def same() -> Iterator[Lab]:
    lab = Lab(same=True)
    yield lab
    lab.close()


# The statement and the tables that mean the default region in it.
RESOLVED = [
    ("FROM aws.s.e", "e"),
    ("FROM aws.s.e WHERE region = 'eu-west-1'", ""),
    ("FROM aws.s.e WHERE region LIKE 'eu-%'", ""),
    ("FROM aws.s.e WHERE region LIKE 'zz%'", ""),
    ("VALUES ((SELECT count(*) FROM aws.s.e))", "e"),
    ("VALUES ((SELECT count(*) FROM aws.s.e WHERE region LIKE 'eu-%'), (SELECT count(*) FROM aws.s.p))", "p"),
    ("FROM aws.s.e WHERE NOT (region LIKE 'us%' OR region LIKE 'ap%')", ""),
    ("FROM aws.s.e WHERE region[1:2] = 'eu' AND status = 'a'", ""),
    ("FROM aws.s.e WHERE (SELECT rank FROM places WHERE places.region = e.region) = 1", ""),
    ("FROM aws.s.e WHERE region = ANY (SELECT region FROM places)", ""),
    ("FROM aws.s.e JOIN aws.s.p ON e.name = p.name WHERE e.region = 'us-west-2'", "p"),
    ("FROM aws.s.e JOIN aws.s.p USING (region) WHERE e.region IN ('us-west-2', 'eu-west-1')", ""),
    ("FROM aws.s.e JOIN aws.s.p USING (region, name) WHERE region LIKE 'eu-%'", ""),
    ("FROM aws.s.e, aws.s.p, aws.s.q WHERE e.region = p.region AND p.region = q.region AND q.region > 'f'", ""),
    ("FROM aws.s.e LEFT JOIN aws.s.p USING (region, name) WHERE e.region LIKE 'eu-%'", ""),
    ("FROM aws.s.e LEFT JOIN aws.s.p ON e.region = p.region AND p.region LIKE 'us-%'", "e"),
    ("FROM aws.s.e LEFT JOIN aws.s.p ON e.region = p.region WHERE p.region LIKE 'us-w%'", ""),
    ("FROM aws.s.e LEFT JOIN aws.s.p USING (region, name) WHERE p.name IS NULL AND e.region LIKE 'eu%'", ""),
    ("FROM aws.s.e RIGHT JOIN aws.s.p USING (region, name) WHERE region LIKE 'eu-%'", ""),
    ("FROM aws.s.e FULL JOIN aws.s.p USING (region, name)", "ep"),
    ("FROM aws.s.e FULL JOIN aws.s.p ON e.name = p.name WHERE e.region = 'us-west-2'", "p"),
    ("FROM aws.s.e FULL JOIN aws.s.p USING (region) WHERE e.region LIKE 'eu%' AND p.region LIKE 'eu%'", ""),
    ("FROM aws.s.e SEMI JOIN aws.s.p USING (region, name) WHERE e.region LIKE 'eu-%'", ""),
    ("FROM aws.s.e ANTI JOIN aws.s.p USING (region, name) WHERE e.region LIKE 'us-w%'", ""),
    ("FROM aws.s.e ASOF JOIN aws.s.p ON e.region = p.region AND e.n >= p.n WHERE e.region LIKE 'eu-%'", ""),
    ("FROM aws.s.e NATURAL JOIN aws.s.p WHERE region LIKE 'eu-%'", ""),
    ("FROM (aws.s.e JOIN aws.s.p USING (region)) JOIN aws.s.q USING (region) WHERE region LIKE 'us-w%'", ""),
    ("FROM aws.s.e JOIN aws.regions r ON e.region = r.region WHERE r.region LIKE 'eu-%'", ""),
    ("FROM aws.s.e LEFT JOIN aws.regions r ON e.region = r.region", "e"),
    ("FROM aws.s.e LEFT JOIN aws.regions r ON e.region = r.region WHERE r.partition = 'aws'", ""),
    ("FROM aws.s.e RIGHT JOIN aws.regions r ON e.region = r.region", ""),
    ("FROM aws.regions r LEFT JOIN aws.s.e USING (region)", ""),
    ("FROM aws.s.e JOIN (VALUES ('eu-west-1'), ('us-west-2')) v(reg) ON e.region = v.reg AND v.reg > 'f'", ""),
    ("FROM aws.s.e JOIN unnest(['eu-west-1', 'us-west-2']) u(reg) ON e.region = reg", ""),
    ("FROM aws.s.e JOIN local ON local.reg = e.region AND local.label = e.name", ""),
    ("FROM aws.s.e WHERE region IN (SELECT region FROM places)", ""),
    ("FROM aws.s.e WHERE region IN (SELECT region FROM aws.s.p)", "ep"),
    ("FROM aws.s.e WHERE region IN (SELECT region FROM aws.s.p WHERE region LIKE 'eu-%')", ""),
    ("FROM aws.s.e WHERE region LIKE 'eu-%' AND (region, name) NOT IN (SELECT region, name FROM aws.s.p)", ""),
    ("FROM aws.s.e WHERE region LIKE 'eu-%' AND EXISTS (FROM aws.s.p WHERE p.region = e.region)", ""),
    ("FROM aws.s.e WHERE region LIKE 'eu-%' AND n > (SELECT min(n) FROM aws.s.p WHERE p.region = e.region)", ""),
    ("SELECT name, (SELECT count(*) FROM aws.s.p WHERE p.region = e.region) FROM aws.s.e WHERE region > 'f'", ""),
    ("FROM aws.s.e, LATERAL (SELECT max(n) FROM aws.s.p WHERE p.region = e.region) WHERE e.region LIKE 'eu%'", ""),
    ("WITH c AS (FROM aws.s.e WHERE region LIKE 'eu-%') FROM c JOIN aws.s.p ON c.region = p.region", ""),
    ("WITH c AS (FROM aws.s.e) FROM c WHERE region LIKE 'eu-%'", ""),
    ("WITH c AS (FROM aws.s.e WHERE region LIKE 'eu%') SELECT * FROM c a JOIN c b USING (name)", ""),
    ("WITH f AS (FROM aws.regions), g AS (FROM f WHERE partition = 'aws') FROM aws.s.e JOIN g USING (region)", ""),
    ("FROM (SELECT *, row_number() OVER (PARTITION BY region ORDER BY name, n) AS rn FROM aws.s.e) "
     "WHERE rn = 1 AND region LIKE 'eu-%'", ""),
    ("FROM (SELECT region, name FROM aws.s.e UNION ALL SELECT region, name FROM aws.s.p) WHERE region > 'f'", ""),
    ("SELECT n FROM aws.s.e WHERE region LIKE 'eu-%' UNION ALL SELECT n FROM aws.s.p", "p"),
    ("SELECT region, count(*) FROM aws.s.e GROUP BY region HAVING region LIKE 'eu-%'", ""),
    ("FROM aws.s.e QUALIFY row_number() OVER (PARTITION BY region ORDER BY name, n) = 1", "e"),
    ("SELECT a.name FROM aws.s.e a JOIN aws.s.p b ON a.name = b.name AND a.region <> b.region "
     "WHERE a.region = 'us-west-2' AND b.region LIKE 'eu-%'", ""),
    ("FROM west_e JOIN aws.s.p USING (region)", ""),
    ("FROM european_e", ""),
    ("FROM main.deep_e WHERE region LIKE 'ap%'", ""),
    ("FROM memory.tagged_e WHERE region = 'eu-west-1'", ""),
    ("FROM named_e WHERE place LIKE 'eu-%'", ""),
    ("FROM query('FROM aws.s.e WHERE region = ''eu-west-1''')", ""),
    ("FROM query_table('aws.s.e') WHERE region = 'eu-west-1'", ""),
    ("FROM aws.s.e, unnest(e.tags) t(tag) WHERE e.region = 'eu-west-1'", ""),
    ("FROM aws.s.e, LATERAL (SELECT unnest(e.tags)) t(tag) WHERE e.region LIKE 'eu-%'", ""),
    ("FROM aws.s.p JOIN aws.s.e JOIN places r ON e.region = r.region ON e.name = p.name", "p"),
    ("FROM aws.s.e WHERE european(region)", ""),
    ("SUMMARIZE FROM aws.s.e WHERE region LIKE 'eu-%'", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "defaults"), RESOLVED)
def test_a_resolved_statement_gives_the_rows_of_every_region_it_means(
    lab: Lab, text: str, defaults: str
) -> None:
    assert lab.run(text) == lab.expected(text, set(defaults))


@pytest.mark.parametrize(
    ("text", "parameters", "defaults"),
    [
        ("FROM aws.s.e WHERE region = ?", ["eu-west-1"], ""),
        ("FROM aws.s.e JOIN aws.s.p USING (region) WHERE e.region = ?", ["eu-west-1"], ""),
        ("FROM aws.s.e JOIN aws.s.p USING (name) WHERE e.region IN (?, ?)", ["us-west-2", "eu-west-1"], "p"),
        ("FROM aws.s.e WHERE name <> ? AND region LIKE ?", ["n1", "eu-%"], ""),
        ("FROM aws.s.e, unnest(e.tags) WHERE name <> ? AND region = ?", ["n1", "eu-west-1"], ""),
        ("FROM aws.s.e WHERE region LIKE 'eu-%' AND region <> ? AND name = ?", ["eu-west-1", "n1"], ""),
    ],
)
def test_parameters_reach_the_scan_through_duckdb(
    lab: Lab, text: str, parameters: list[str], defaults: str
) -> None:
    assert lab.run(text, parameters) == lab.expected(text, set(defaults), parameters)


@pytest.mark.parametrize(
    "text",
    [
        "FROM aws.s.e WHERE region LIKE 'eu%' AND name = 'n1' OR region = 'us-west-2' AND random() < 2",
        "FROM aws.s.e JOIN aws.s.p ON e.name = p.name AND e.region <> p.region",
        "FROM (FROM aws.s.e ORDER BY region, name LIMIT 9) WHERE region = 'eu-west-1'",
        "FROM aws.s.e POSITIONAL JOIN aws.s.p WHERE e.region = 'eu-west-1'",
        "FROM aws.s.e WHERE split_part(region, '-', 2)::INT > 1",
        "WITH c AS (FROM aws.s.e) SELECT * FROM c a JOIN c b USING (name) WHERE a.region = 'eu-west-1'",
        "SELECT name FROM aws.s.e GROUP BY name HAVING count(DISTINCT region) > 1",
        "FROM query('FROM aws.s.e WHERE region LIKE ''eu-%''')",
        "FROM query_table('aws.s.e') WHERE region LIKE 'eu-%'",
        "FROM (PIVOT aws.s.e ON region IN ('eu-west-1') USING count(*) GROUP BY status)",
        "WITH RECURSIVE r AS (FROM aws.s.e UNION FROM r WHERE region LIKE 'eu%') SELECT count(*) FROM r",
        "FROM aws.s.e WHERE EXISTS (FROM aws.s.p WHERE p.region = e.region AND p.region LIKE 'eu-%')",
        "FROM aws.s.e LEFT JOIN aws.regions r ON e.region = r.region WHERE r.region IS NULL",
    ],
)
def test_a_statement_that_cannot_be_resolved_raises(lab: Lab, text: str) -> None:
    assert lab.run(text) is None


@pytest.mark.parametrize("seed", range(8))
def test_a_random_statement_is_right_or_raises(lab: Lab, same: Lab, seed: int) -> None:
    choice = random.Random(seed)
    resolved = sum(right_or_raises(lab, same, statement(choice)) for _ in range(50))
    assert resolved >= 15


def right_or_raises(lab: Lab, same: Lab, text: str) -> bool:
    """Whether it was answered."""
    try:
        found = lab.run(text)
    except duckdb.Error as error:
        with pytest.raises(type(error)):
            lab.expected(text, set())
        return False
    if found is None:
        return False
    # A scan without a condition on region may have taken the default region for what it means …
    defaults = {name for name in LIVE if "default" in lab.scopes.get(name, ())}
    if SECOND in text and "e" in defaults:
        defaults |= {"e2"}
        defaults -= {"e"} if "filtered" in lab.scopes["e"] else set()
    assert found == lab.expected(text, defaults), text
    # … only if the statement does not choose among regions: it finds as many rows in any other one.
    counts = set()
    for region in REGIONS[:3] if defaults else ():
        same.default = region
        rows = same.run(text)
        assert rows is not None, text
        counts.add(sum(rows.values()))
    assert len(counts) <= 1, text
    return True

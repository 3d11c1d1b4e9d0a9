"""Statements over live tables give what DuckDB gives over every region's rows, or an error: never fewer rows."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from regions_lab import LIVE, REGIONS, Lab


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
        "FROM european_e",
        "FROM aws.s.e WHERE EXISTS (FROM aws.s.p WHERE p.region = e.region AND p.region LIKE 'eu-%')",
        "FROM aws.s.e LEFT JOIN aws.regions r ON e.region = r.region WHERE r.region IS NULL",
    ],
)
def test_a_statement_that_cannot_be_resolved_raises(lab: Lab, text: str) -> None:
    assert lab.run(text) is None


def _of(choice: random.Random, *options: str) -> str:
    return choice.choice(options)


SOURCES = (
    *["aws.s.e"] * 8,
    "(SELECT * FROM aws.s.e)",
    "(SELECT region, name, max(status) AS status FROM aws.s.e GROUP BY ALL)",
    "(SELECT * FROM aws.s.e ORDER BY region, name, n LIMIT 7)",
    "(SELECT region, name, status FROM aws.s.e UNION ALL SELECT region, name, status FROM aws.s.q)",
    "(SELECT *, row_number() OVER (PARTITION BY region ORDER BY name, n) AS rn FROM aws.s.e)",
    "(SELECT *, row_number() OVER (ORDER BY region, name, n) AS rn FROM aws.s.e)",
    "(SELECT DISTINCT ON (name) * FROM aws.s.e ORDER BY name, region, n)",
    "(SELECT e.region, e.name, q.status FROM aws.s.e LEFT JOIN aws.s.q USING (region, name))",
    "(SELECT q.region, e.name, q.status FROM aws.s.e LEFT JOIN aws.s.q USING (region, name))",
    "(SELECT e.*, r.partition FROM aws.s.e LEFT JOIN aws.regions r USING (region))",
    "(SELECT e.* FROM aws.s.e JOIN local ON reg = region)",
    "(SELECT upper(region) AS region, name, status FROM aws.s.e)",
    "(SELECT * REPLACE (lower(region) AS region) FROM aws.s.e)",
    "(SELECT a AS region, b AS name, c AS status FROM (SELECT region, name, status FROM aws.s.e) t(a, b, c))",
    "(SELECT region, name, status FROM aws.s.e EXCEPT SELECT region, name, status FROM aws.s.q)",
    "(SELECT region, name, (SELECT min(status) FROM aws.s.q WHERE q.region = e.region) AS status FROM aws.s.e)",
    "all_e",
    "west_e",
    "european_e",
    "some_e",
)
JOINS = (
    "",
    " JOIN aws.s.p ON p.region = x.region",
    " JOIN aws.s.p USING (region, name)",
    " JOIN aws.s.p ON p.name = x.name",
    " JOIN aws.s.p ON p.name = x.name AND p.region <> x.region",
    " LEFT JOIN aws.s.p ON p.region = x.region AND p.name = x.name",
    " RIGHT JOIN aws.s.p ON p.region = x.region AND p.name = x.name",
    " FULL JOIN aws.s.p ON p.region = x.region AND p.name = x.name",
    " LEFT JOIN aws.s.p ON p.region = x.region LEFT JOIN aws.regions r ON r.region = p.region",
    " SEMI JOIN aws.s.p ON p.region = x.region",
    " ANTI JOIN aws.s.p ON p.region = x.region AND p.status = 'b'",
    " JOIN places ON places.region = x.region",
    " LEFT JOIN places USING (region)",
    ", LATERAL (SELECT count(*) AS k FROM aws.s.p WHERE p.region = x.region) l",
)
CONDITIONS = (
    "x.region = 'us-west-2'",
    "x.region LIKE 'eu-%'",
    "x.region IN ('us-west-2', 'ap-south-1')",
    "x.region <> 'us-east-1'",
    "x.region IS NULL",
    "x.region IS NOT NULL",
    "x.status = 'a'",
    "x.status IS NULL",
    "(x.region LIKE 'eu-%' OR x.name = 'n1')",
    "coalesce(x.region, 'x') = 'x'",
    "NOT (x.region = 'us-east-1' AND x.name = 'n1')",
    "european(x.region)",
    "x.region IN (SELECT region FROM places)",
    "x.region IN (SELECT region FROM aws.s.m)",
    "x.region IN (SELECT region FROM aws.s.m WHERE region LIKE 'eu-%')",
    "(x.region, x.name) NOT IN (SELECT region, name FROM aws.s.m)",
    "x.region NOT IN (SELECT m.region FROM aws.s.m WHERE m.region < 'eu-x')",
    "EXISTS (FROM aws.s.m WHERE m.region = x.region AND m.name = x.name)",
    "NOT EXISTS (FROM aws.s.m WHERE m.region = x.region AND m.region > 'eu')",
    "x.region > (SELECT min(region) FROM aws.s.m)",
)
PARTNERS = (
    "p.region = 'us-west-2'",
    "p.region LIKE 'us-%'",
    "p.status = 'a'",
    "p.name IS NULL",
    "p.region IS NULL",
)


def _statement(choice: random.Random) -> str:
    source, join = choice.choice(SOURCES), choice.choice(JOINS)
    conditions = choice.sample(CONDITIONS, choice.choice([0, 1, 1, 1, 2]))
    conditions = [c for at, c in enumerate(conditions) if "aws.s.m" not in "".join(conditions[:at])]
    if " JOIN aws.s.p" in join and "SEMI" not in join and "ANTI" not in join and choice.random() < 0.4:
        conditions.append(choice.choice(PARTNERS))
    shown = _of(
        choice, "x.name, x.region", "count(*)", "x.region, count(*)", "count(*) FILTER (x.region > 'f')"
    )
    text = f"SELECT {shown} FROM {source} x{join}"
    if source.startswith("(SELECT") and choice.random() < 0.4:
        text = f"WITH x AS {_of(choice, '', 'MATERIALIZED ')}{source} SELECT {shown} FROM x{join}"
    if conditions:
        text += " WHERE " + " AND ".join(conditions)
    if shown == "x.region, count(*)":
        text += " GROUP BY x.region" + _of(choice, "", " HAVING x.region LIKE 'us%'", " HAVING count(*) > 1")
    return text


@pytest.mark.parametrize("seed", range(8))
def test_a_random_statement_is_right_or_raises(lab: Lab, same: Lab, seed: int) -> None:
    choice = random.Random(seed)
    resolved = 0
    for _ in range(40):
        text = _statement(choice)
        found = lab.run(text)
        if found is None:
            continue
        resolved += 1
        # A scan without a condition on region may have taken the default region for what it means …
        defaults = {name for name in LIVE if "default" in lab.scopes.get(name, ())}
        assert found == lab.expected(text, defaults), text
        # … only if the statement does not choose among regions: it finds as many rows in any other one.
        counts = set()
        for region in REGIONS[:3] if defaults else ():
            same.default = region
            rows = same.run(text)
            assert rows is not None, text
            counts.add(sum(rows.values()))
        assert len(counts) <= 1, text
    assert resolved >= 15

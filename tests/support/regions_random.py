"""A random number generator in, a statement about live tables out."""

from __future__ import annotations

import random

from regions_lab import SECOND


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
    "(SELECT e.*, tag FROM aws.s.e e, unnest(e.tags) t(tag))",
    "(SELECT *, unnest(tags) AS tag FROM aws.s.e)",
    "(FROM aws.s.e e CROSS JOIN LATERAL (SELECT unnest(e.tags) AS tag) l)",
    "(SELECT * FROM aws.s.e TABLESAMPLE 100%)",
    "(SELECT * FROM aws.s.e USING SAMPLE 100%)",
    "(SELECT region, name, status, count(*) FILTER (n > 1) AS c FROM aws.s.e GROUP BY GROUPING SETS ((1, 2, 3), (2)))",
    "(SELECT region, name, min(status) AS status FROM aws.s.e GROUP BY ROLLUP (region, name))",
    "(FROM aws.s.e QUALIFY row_number() OVER (PARTITION BY region, name ORDER BY n) = 1)",
    "(FROM aws.s.e QUALIFY row_number() OVER (PARTITION BY name ORDER BY region, n) = 1)",
    "(SELECT * FROM (FROM aws.s.e UNPIVOT (value FOR field IN (name, status))) u(n, region, tags, name, status))",
    "(SELECT region, name, value AS status FROM (UNPIVOT aws.s.e ON status))",
    "(SELECT region, a AS name, b AS status FROM (PIVOT aws.s.e ON status IN ('a', 'b') USING sum(n) GROUP BY region))",
    "(SELECT name, region, status FROM aws.s.e ORDER BY name, region, n LIMIT 9 OFFSET 2)",
    "(SELECT name, region, status FROM aws.s.e UNION "
    "SELECT name, region, status FROM aws.s.q ORDER BY 1, 2, 3 LIMIT 5)",
    "(SELECT name, region, status FROM aws.s.e INTERSECT ALL SELECT name, region, status FROM aws.s.q)",
    "(SELECT name, region, status FROM aws.s.e UNION ALL BY NAME SELECT region, status, name FROM aws.s.q)",
    "(SELECT e.name, e.region, q.status FROM aws.s.e POSITIONAL JOIN aws.s.q)",
    "(SELECT e.* FROM aws.s.e SEMI JOIN aws.s.q USING (region, name))",
    "(SELECT e.* FROM aws.s.e ANTI JOIN aws.s.q USING (region, name))",
    "(SELECT e.name, q.region, e.status FROM aws.s.e ASOF JOIN aws.s.q ON e.region = q.region AND e.n >= q.n)",
    "(WITH y AS (FROM aws.s.e), z AS (SELECT * FROM y WHERE n > 0) FROM z)",
    "(WITH y AS (FROM aws.s.e), z AS (FROM y WHERE region LIKE '%-1') FROM z)",
    "(WITH RECURSIVE r AS (SELECT name, region, status, 1 AS k FROM aws.s.e UNION ALL "
    "SELECT name, region, status, k + 1 FROM r WHERE k < 3) FROM r)",
    "(WITH RECURSIVE r AS (SELECT name, region, status, 1 AS k FROM aws.s.e UNION ALL "
    "SELECT name, region, status, k + 1 FROM r WHERE k < 3 AND region > 'f') FROM r)",
    "(WITH RECURSIVE r AS (SELECT name, region, status, 1 AS k FROM aws.s.e UNION "
    "SELECT q.name, q.region, q.status, k + 1 FROM r JOIN aws.s.q ON q.name = r.name WHERE k < 2) FROM r)",
    "(SELECT q.* FROM aws.s.e JOIN aws.s.q JOIN places r ON q.region = r.region ON e.name = q.name)",
    "query('SELECT * FROM aws.s.e')",
    "query('SELECT * FROM aws.s.e WHERE region LIKE ''eu-%''')",
    "query_table('aws.s.e')",
    "query_table(['aws.s.e', 'aws.s.q'])",
    "all_e",
    "memory.all_e",
    "main.all_e",
    "memory.main.all_e",
    "west_e",
    "european_e",
    "memory.european_e",
    "some_e",
    "deep_e",
    "main.deep_e",
    "tagged_e",
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
    ", unnest([x.name, x.region]) u(item)",
    " CROSS JOIN unnest(['k', x.region]) u(item)",
    " LEFT JOIN LATERAL (SELECT unnest([x.status]) AS item) u ON true",
    ", (SELECT x.name AS other) o",
    " POSITIONAL JOIN aws.s.p",
    " ASOF JOIN aws.s.p ON p.region = x.region AND p.name <= x.name",
    " SEMI JOIN aws.s.p USING (region, name)",
    " SEMI JOIN places USING (region)",
    " NATURAL JOIN places",
    " JOIN aws.s.p JOIN places ON places.region = p.region ON p.name = x.name",
    f" JOIN {SECOND} y ON y.name = x.name",
    f" LEFT JOIN {SECOND} y ON y.name = x.name AND y.status = 'a'",
    f", {SECOND} y, unnest(y.tags) u(item)",
    " JOIN (FROM aws.s.p WHERE region LIKE 'eu-%') p ON p.name = x.name",
    " TABLESAMPLE 100%",
)
CONDITIONS = (
    "x.region = 'us-west-2'",
    "x.region LIKE 'eu-%'",
    "x.region.starts_with('eu-')",
    "region.upper().lower() LIKE 'eu-%'",
    "x.tags.list_contains(x.region)",
    "[x.region].list_contains('eu-west-1')",
    "x.to_json() LIKE '%eu-%'",
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
    "x.region BETWEEN 'eu' AND 'f'",
    "NOT x.region BETWEEN 'eu' AND 'f'",
    "(x.region = 'us-west-2' OR x.region > 'us-x' OR x.region = 'eu-west-1')",
    "x.region NOT IN ('us-east-1', 'eu-west-1')",
    "x.region IN (VALUES ('eu-west-1'), ('us-west-2'))",
    "x.name || x.region LIKE '%eu%'",
    "x.region = x.name",
    "region = 'eu-west-1'",
    "split_part(region, '-', 1) = 'eu'",
    "(SELECT count(*) FROM aws.s.m WHERE m.region = x.region AND m.region LIKE 'eu-%') > 0",
    "x.name IN (SELECT name FROM aws.s.m WHERE m.region = 'eu-west-1')",
    "(x.region = 'eu-west-1' AND x.status = 'a' OR x.region = 'us-west-2' AND x.status = 'b')",
)
PARTNERS = (
    "p.region = 'us-west-2'",
    "p.region LIKE 'us-%'",
    "p.status = 'a'",
    "p.name IS NULL",
    "p.region IS NULL",
)


SHOWN = (
    "x.name, x.region",
    "count(*)",
    "x.region, count(*)",
    "count(*) FILTER (x.region > 'f')",
    "x.name, (SELECT count(*) FROM aws.s.m WHERE m.region = x.region)",
    "x.name, (SELECT max(m.region) FROM aws.s.m)",
    "x.name, EXISTS (FROM aws.s.m WHERE m.region LIKE 'eu-%' AND m.name = x.name)",
    "x.region, row_number() OVER (PARTITION BY x.region ORDER BY x.name, x.status)",
)


def statement(choice: random.Random) -> str:
    source, join = choice.choice(SOURCES), choice.choice(JOINS)
    if "POSITIONAL" in join:  # over another join the order is open
        source = _of(choice, "aws.s.e", "(SELECT * FROM aws.s.e)", "all_e", "west_e", "memory.deep_e")
    conditions = choice.sample(CONDITIONS, choice.choice([0, 1, 1, 1, 2]))
    shown = choice.choice(SHOWN)
    parts = [shown, *conditions]
    conditions = [
        c
        for at, c in enumerate(conditions)
        if "aws.s.m" not in c or "aws.s.m" not in "".join(parts[: at + 1])
    ]
    if " JOIN aws.s.p" in join and "SEMI" not in join and "ANTI" not in join and choice.random() < 0.4:
        conditions.append(choice.choice(PARTNERS))
    text = f"SELECT {shown} FROM {source} x{join}"
    if source.startswith("(SELECT") and choice.random() < 0.4:
        text = f"WITH x AS {_of(choice, '', 'MATERIALIZED ')}{source} SELECT {shown} FROM x{join}"
    if conditions:
        text += " WHERE " + " AND ".join(conditions)
    if shown == "x.region, count(*)":
        text += " GROUP BY x.region" + _of(choice, "", " HAVING x.region LIKE 'us%'", " HAVING count(*) > 1")
    elif "count(*)" not in shown:
        text += _of(
            choice, "", "", " QUALIFY count(*) OVER (PARTITION BY x.region) > 1", " ORDER BY x.region"
        )
    return _around(choice, text)


def _around(choice: random.Random, text: str) -> str:
    """The statement, or one around it."""
    form = choice.random()
    if form < 0.8 or text.startswith("WITH"):
        return text
    if form < 0.85:
        return f"({text}) UNION ALL ({text})"
    if form < 0.9:
        return f"WITH outermost AS ({text}) SELECT count(*), (SELECT count(*) FROM outermost) FROM outermost"
    if form < 0.95:
        return f"SELECT * FROM ({text}) AS t, (SELECT 1)"
    return f"SELECT (SELECT count(*) FROM ({text}))"

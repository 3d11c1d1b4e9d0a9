"""Conditions on `region` of every shape, against plain DuckDB over the rows that the rule of regions names.

Each shape says which tables are read in the session's region; the others hold the rows of every region.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from slices import take_slice

import sqlprov
from sqlprov.emulator import Emulator

OPEN = {"us-east-1", "us-west-2", "eu-west-1", "eu-central-1"}
"""Regions that the account has enabled; the last one has no rows."""
TABLES = {"M": "models", "P": "endpoints", "C": "endpoint_configs"}
LOCAL = (
    "CREATE TABLE one AS SELECT 'eu-west-1' AS region; "
    "CREATE TABLE regs AS SELECT * FROM (VALUES ('us-east-1', 1), ('eu-west-1', 2)) AS t(region, n); "
    "CREATE TABLE names AS SELECT 'search' AS endpoint_name, 'eu-west-1' AS place; "
    "CREATE TABLE structs AS SELECT {'region': 'us-west-2'} AS s"
)
# A statement, with M, P and C for the tables -> the tables that are read in the session's region.
SHAPES = {
    # Comparisons, which DuckDB passes
    "SELECT count(*) FROM M WHERE region = 'eu-west-1'": "",
    "SELECT count(*) FROM M WHERE 'eu-west-1' = region": "",
    "SELECT count(*) FROM M WHERE region <> 'us-east-1'": "",
    "SELECT count(*) FROM M WHERE region IN ('us-east-1', 'eu-west-1')": "",
    "SELECT count(*) FROM M WHERE region NOT IN ('us-east-1', 'eu-west-1')": "",
    "SELECT count(*) FROM M WHERE region IN ('eu-west-1')": "",
    "SELECT count(*) FROM M WHERE region IN ('eu-west-1', NULL)": "",
    "SELECT count(*) FROM M WHERE region NOT IN ('eu-west-1', NULL)": "",
    "SELECT count(*) FROM M WHERE region BETWEEN 'eu' AND 'ev'": "",
    "SELECT count(*) FROM M WHERE region NOT BETWEEN 'eu' AND 'ev'": "",
    "SELECT count(*) FROM M WHERE region > 'us-east-1'": "",
    "SELECT count(*) FROM M WHERE region = 'eu-west-1' OR region = 'us-west-2'": "",
    "SELECT count(*) FROM M WHERE region = 'eu-west-1' OR model_name LIKE 's%'": "",
    "SELECT count(*) FROM M WHERE region = 'eu-west-1' AND region = 'us-west-2'": "",
    "SELECT count(*) FROM M WHERE NOT (region = 'eu-west-1' OR region > 'us-w')": "",
    "SELECT count(*) FROM M WHERE region IS NULL": "",
    "SELECT count(*) FROM M WHERE region IS NOT NULL": "M",
    "SELECT count(*) FROM M WHERE NOT (region IS NULL)": "M",
    "SELECT count(*) FROM M WHERE region = NULL": "",
    "SELECT count(*) FROM M WHERE region IS DISTINCT FROM 'us-east-1'": "",
    "SELECT count(*) FROM M WHERE region IS NOT DISTINCT FROM 'eu-west-1'": "",
    "SELECT count(*) FROM M WHERE region = 'eu-west-1' IS NOT TRUE": "",
    "SELECT count(*) FROM M WHERE (region = 'eu-west-1') = false": "",
    "SELECT count(*) FROM M WHERE region == 'eu-' || 'west-1'": "",
    "SELECT count(*) FROM M WHERE 'eu-west-1' IN (region, model_name)": "",
    "SELECT count(*) FROM M WHERE (region, model_name) IN (('eu-west-1', 'search-v1'), ('us-west-2', 'churn-v1'))": "",
    "SELECT count(*) FROM M WHERE (region, 1) = ('eu-west-1', 1)": "",
    "SELECT count(*) FROM M WHERE region IN (('eu-west-1'), lower('US-WEST-2'))": "",
    "SELECT count(*) FROM M WHERE CASE WHEN region = 'eu-west-1' THEN true ELSE model_name LIKE 's%' END": "",
    "SELECT count(*) FROM M WHERE if(region = 'eu-west-1', 1, 2) = 2": "",
    "SELECT count(*) FROM M WHERE coalesce(nullif(region, 'us-east-1'), 'x') <> 'x'": "",
    "SELECT count(*) FROM M WHERE region = ANY (['eu-west-1', 'us-west-2'])": "",
    "SELECT count(*) FROM M WHERE region = ANY (SELECT region FROM one)": "",
    "SELECT count(*) FROM M WHERE region <> ALL (SELECT region FROM regs)": "",
    "SELECT count(*) FROM M WHERE region >= ALL (SELECT region FROM regs)": "",
    "SELECT count(*) FROM M WHERE region COLLATE NOCASE = 'EU-WEST-1'": "",
    "SELECT count(*) FROM M WHERE \"Region\" = 'eu-west-1'": "",
    # Patterns, functions and methods
    "SELECT count(*) FROM M WHERE region LIKE 'eu-%'": "",
    "SELECT count(*) FROM M WHERE region NOT LIKE 'us-%'": "",
    "SELECT count(*) FROM M WHERE region ILIKE 'EU-%'": "",
    "SELECT count(*) FROM M WHERE region LIKE 'eu!-%' ESCAPE '!'": "",
    "SELECT count(*) FROM M WHERE region LIKE '%west%' AND region NOT LIKE 'us%'": "",
    "SELECT count(*) FROM M WHERE region LIKE 'eu%' OR model_name LIKE 'churn%'": "",
    "SELECT count(*) FROM M WHERE region GLOB 'eu-*'": "",
    "SELECT count(*) FROM M WHERE region SIMILAR TO '(eu|ap)-.*'": "",
    "SELECT count(*) FROM M WHERE region ~ 'eu.*'": "",
    "SELECT count(*) FROM M WHERE region ^@ 'eu'": "",
    "SELECT count(*) FROM M WHERE upper(region) = 'EU-WEST-1'": "",
    "SELECT count(*) FROM M WHERE region.upper() = 'EU-WEST-1'": "",
    "SELECT count(*) FROM M WHERE region.split_part('-', 1).upper() = 'EU'": "",
    "SELECT count(*) FROM M WHERE region[1:2] = 'eu'": "",
    "SELECT count(*) FROM M WHERE region || model_name LIKE 'eu-west-1s%'": "",
    "SELECT count(*) FROM M WHERE length(region) > length(model_name)": "",
    "SELECT count(*) FROM M WHERE region < model_name": "",
    "SELECT count(*) FROM M WHERE list_contains(['eu-west-1'], region)": "",
    "SELECT count(*) FROM M WHERE region::BLOB = 'eu-west-1'::BLOB": "",
    "SELECT count(*) FROM M WHERE try_cast(region[-1:] AS INTEGER) = 2": "",
    "SELECT count(*) FROM M WHERE hash(region) = hash('eu-west-1')": "",
    "SELECT count(*) FROM M WHERE list_filter([region], lambda x: x LIKE 'eu%') <> []": "",
    "SELECT count(*) FROM M WHERE [x FOR x IN [region] IF x LIKE 'eu%'] <> []": "",
    "SELECT count(*) FROM M WHERE struct_pack(r := region).r = 'eu-west-1'": "",
    "SELECT count(*) FROM M WHERE {'r': region} = {'r': 'eu-west-1'}": "",
    "SELECT count(*) FROM M AS t WHERE to_json(t)->>'region' LIKE 'eu%'": "",
    "SELECT count(*) FROM M AS t WHERE t::VARCHAR LIKE '%eu-west-1%'": "",
    "SELECT count(*) FROM M AS t WHERE contains(concat(t.region, '!'), 'eu')": "",
    "SELECT count(*) FROM M WHERE COLUMNS('region') LIKE 'eu%'": "",
    "SELECT count(*) FROM M WHERE COLUMNS(lambda c: c = 'region') = 'eu-west-1'": "",
    # Sub-queries
    "SELECT count(*) FROM M WHERE region IN (SELECT region FROM regs)": "",
    "SELECT count(*) FROM M WHERE region NOT IN (SELECT region FROM one)": "",
    "SELECT count(*) FROM M WHERE (region, model_name) IN (SELECT place, endpoint_name || '-v1' FROM names)": "",
    "SELECT count(*) FROM M WHERE region = (SELECT region FROM one)": "",
    "SELECT count(*) FROM M WHERE region <> (SELECT min(region) FROM regs)": "",
    "SELECT count(*) FROM M m WHERE EXISTS (SELECT 1 FROM one o WHERE o.region = m.region)": "",
    "SELECT count(*) FROM M m WHERE NOT EXISTS (SELECT 1 FROM one o WHERE o.region = m.region)": "",
    "SELECT count(*) FROM M m WHERE EXISTS (SELECT 1 FROM one WHERE region LIKE m.region[1:2] || '%')": "",
    "SELECT count(*) FROM M m WHERE (SELECT n FROM regs r WHERE r.region = m.region) = 2": "",
    "SELECT count(*) FROM M m WHERE (SELECT count(*) FROM P p WHERE p.region = m.region) > 3": "MP",
    "SELECT count(*) FROM M m WHERE (SELECT count(*) FROM P p WHERE p.region > m.region) > 3": "",
    "SELECT count(*) FROM M m WHERE EXISTS (SELECT 1 FROM P p WHERE p.region = m.region AND p.region LIKE 'eu%')": "",
    "SELECT count(*) FROM M m WHERE NOT EXISTS (SELECT 1 FROM P p WHERE p.region = m.region AND "
    "p.region LIKE 'eu%')": "",
    "SELECT count(*) FROM M m WHERE m.region = 'eu-west-1' AND NOT EXISTS "
    "(SELECT 1 FROM unnest(m.tags) AS u(t) WHERE t.Key = 'owner')": "",
    "SELECT count(*) FROM M WHERE model_name IN (SELECT endpoint_name || '-v1' FROM P WHERE region = 'eu-west-1')": "M",
    "SELECT count(*) FROM M WHERE model_name IN (SELECT endpoint_name || '-v1' FROM P WHERE region LIKE 'eu%')": "M",
    "SELECT (SELECT count(*) FROM M WHERE region = 'eu-west-1'), (SELECT count(*) FROM P)": "P",
    "SELECT (SELECT max(region) FROM M)": "",
    "SELECT o.region, (SELECT count(*) FROM M m WHERE m.region = o.region) FROM one o": "",
    "SELECT ARRAY (SELECT region FROM M ORDER BY model_name, region)": "",
    "SELECT region IN (SELECT region FROM one), count(*) FROM M GROUP BY ALL": "",
    # Joins
    "SELECT count(*) FROM M m JOIN one o ON m.region = o.region": "",
    "SELECT count(*) FROM M m JOIN one o USING (region)": "",
    "SELECT count(*) FROM M NATURAL JOIN one": "",
    "SELECT count(*) FROM one NATURAL LEFT JOIN M": "",
    "SELECT count(*) FROM M m, one o WHERE m.region = o.region": "",
    "SELECT count(*) FROM M m JOIN regs r ON m.region = r.region AND r.n = 2": "",
    "SELECT count(*) FROM M m LEFT JOIN regs r ON m.region = r.region WHERE r.n IS NULL": "",
    "SELECT count(*) FROM regs r LEFT JOIN M m ON m.region = r.region": "",
    "SELECT count(*) FROM M m RIGHT JOIN one o USING (region)": "",
    "SELECT count(*) FROM M m FULL JOIN one o USING (region)": "",
    "SELECT count(*) FROM M m SEMI JOIN one o USING (region)": "",
    "SELECT count(*) FROM M m ANTI JOIN one o USING (region)": "",
    "SELECT count(*) FROM one o SEMI JOIN M m ON m.region = 'us-east-1' WHERE region LIKE 'eu%'": "",
    "SELECT count(*) FROM regs r ANTI JOIN P e ON e.region = r.region AND e.region LIKE 'us%' JOIN "
    "M m USING (region)": "",
    "SELECT count(*) FROM one x, P a RIGHT JOIN M b ON a.region = b.region AND b.region LIKE 'eu%' "
    "WHERE x.region = 'eu-west-1'": "",
    "SELECT count(*) FROM (SELECT s.*, m.* FROM one s JOIN M m ON m.model_name <> s.region) WHERE "
    "region = 'eu-west-1'": "M",
    "SELECT count(*) FROM M a JOIN P b ON a.region = b.region": "MP",
    "SELECT count(*) FROM M a JOIN P b USING (region)": "MP",
    "SELECT count(*) FROM M a JOIN P b ON a.region = b.region WHERE a.region = 'eu-west-1'": "",
    "SELECT count(*) FROM M a JOIN P b USING (region) WHERE region IN ('us-west-2', 'eu-west-1')": "",
    "SELECT count(*) FROM M a JOIN P b USING (region) WHERE b.region LIKE 'eu%'": "",
    "SELECT count(*) FROM M a JOIN P b USING (region) JOIN C c USING (region) WHERE c.region LIKE '%west%'": "",
    "SELECT count(*) FROM M a LEFT JOIN P b USING (region) WHERE a.region IN ('us-west-2', 'eu-west-1')": "",
    "SELECT count(*) FROM M a LEFT JOIN P b ON a.region = b.region AND b.region LIKE 'eu%'": "",
    "SELECT count(*) FROM M a LEFT JOIN P b ON a.region = b.region AND a.region IN ('us-west-2', 'eu-west-1')": "",
    "SELECT count(*) FROM P a RIGHT JOIN M b ON a.region = b.region AND a.region IN ('us-west-2', 'eu-west-1')": "",
    "SELECT count(*) FROM P a FULL JOIN M b ON a.region = b.region AND a.region IN ('us-west-2', 'eu-west-1')": "",
    "SELECT count(*) FROM M a FULL JOIN P b USING (region) WHERE coalesce(a.region, b.region) LIKE 'eu%'": "",
    "SELECT count(*) FROM M a SEMI JOIN P b ON a.region = b.region AND b.region IN ('us-west-2', 'eu-west-1')": "",
    "SELECT count(*) FROM M a ANTI JOIN P b ON a.region = b.region AND b.region IN ('us-west-2', 'eu-west-1')": "",
    "SELECT count(*) FROM M a JOIN P b ON a.region <> b.region": "",
    "SELECT count(*) FROM M a JOIN P b ON a.region > b.region": "",
    "SELECT count(*) FROM M a JOIN P b ON NOT (a.region = b.region)": "",
    "SELECT a.region = b.region FROM M a, P b": "",
    "SELECT count(*) FROM M a, P b WHERE (a.region = b.region) IS NOT TRUE": "",
    "SELECT count(*) FROM M a JOIN P b ON a.region = b.region AND NOT (a.region = b.endpoint_name)": "",
    "SELECT count(*) FROM M a JOIN P b ON a.region = b.region OR a.model_name = b.endpoint_name": "",
    "SELECT count(*) FROM M a JOIN P b ON upper(a.region) = upper(b.region)": "",
    "SELECT count(*) FROM M a JOIN P b ON (a.region, 1) = (b.region, 1)": "",
    "SELECT count(*) FROM M a JOIN P b ON a.region = b.region AND a.model_name = b.endpoint_name || '-v1'": "MP",
    "SELECT count(*) FROM M a LEFT JOIN P b ON a.model_name = b.endpoint_name || '-v1' WHERE "
    "a.region = 'eu-west-1'": "P",
    "SELECT count(*) FROM M a, P b WHERE a.region = b.endpoint_name": "P",
    "SELECT count(*) FROM (SELECT model_name AS region, region AS r FROM M) a JOIN P b ON a.r = b.region "
    "WHERE b.region LIKE 'eu%'": "",
    "SELECT count(*) FROM regs r ASOF JOIN M m ON r.region >= m.region": "",
    "SELECT m.region FROM (SELECT region FROM M ORDER BY region, model_name) m POSITIONAL JOIN one o": "",
    "SELECT count(*) FROM M m CROSS JOIN one o WHERE m.region LIKE o.region[1:2] || '%'": "",
    # LATERAL and unnest
    "SELECT count(*) FROM M m, LATERAL (SELECT split_part(m.region, '-', 1) AS area) a WHERE a.area = 'eu'": "",
    "SELECT count(*) FROM one o, LATERAL (SELECT * FROM M m WHERE m.region = o.region) x": "",
    "SELECT count(*) FROM M m, LATERAL (SELECT count(*) AS n FROM P p WHERE p.region = m.region) x WHERE x.n = 3": "MP",
    "SELECT count(*) FROM M m, unnest([m.region]) AS u(r) WHERE u.r LIKE 'eu%'": "",
    "SELECT count(*) FROM M m, unnest(['eu-west-1']) AS u(region) WHERE u.region = m.region": "",
    "SELECT count(*) FROM (SELECT unnest(['a', 'b']), region FROM M) WHERE region = 'eu-west-1'": "",
    "SELECT count(*) FROM (SELECT unnest(['us-west-2', region]) AS region, model_name FROM M) WHERE "
    "region LIKE 'us%'": "",
    # CTEs
    "WITH t AS (SELECT * FROM M) SELECT count(*) FROM t WHERE region = 'eu-west-1'": "",
    "WITH t AS (SELECT * FROM M) SELECT (SELECT count(*) FROM t WHERE region = 'eu-west-1'), "
    "(SELECT count(*) FROM t WHERE region LIKE 'us%')": "",
    "WITH t AS MATERIALIZED (SELECT * FROM M) SELECT count(*) FROM t a JOIN t b USING (region) "
    "WHERE a.region LIKE 'eu%'": "",
    "WITH t AS MATERIALIZED (SELECT * FROM M) SELECT count(*) FROM t WHERE region LIKE 'eu%' "
    "UNION ALL SELECT count(*) FROM t": "",
    "WITH t AS NOT MATERIALIZED (SELECT region AS r FROM M) SELECT count(*) FROM t WHERE r LIKE 'eu%'": "",
    "WITH t(a, b) AS (SELECT region, model_name FROM M) SELECT count(*) FROM t WHERE a = 'eu-west-1'": "",
    "WITH t(a, b) AS (SELECT region, model_name FROM M) SELECT count(*) FROM t WHERE a LIKE b[1:1] || '%'": "",
    "WITH t AS (SELECT region FROM M), u AS (SELECT * FROM t JOIN regs USING (region)) SELECT "
    "sum(n)::BIGINT FROM u": "",
    "WITH RECURSIVE w(r, n) AS (SELECT 'eu-west-1', 1 UNION ALL SELECT m.region, n + 1 FROM w "
    "JOIN (SELECT DISTINCT region FROM M) m ON m.region > w.r WHERE n < 5) SELECT r, n FROM w": "",
    "WITH RECURSIVE w(r, n) AS (SELECT region, 1 FROM M UNION SELECT r, n + 1 FROM w WHERE n < 3 AND r LIKE 'eu%') "
    "SELECT r, n FROM w": "",
    # Groups and windows
    "SELECT region, count(*) FROM M GROUP BY region": "M",
    "SELECT region AS place, count(*) FROM M GROUP BY place ORDER BY place": "M",
    "SELECT region, count(*) FROM M GROUP BY ALL ORDER BY ALL": "M",
    "SELECT region, count(*) FROM M GROUP BY 1 ORDER BY 1": "M",
    "SELECT region, count(*) FROM M GROUP BY region HAVING region LIKE 'eu%'": "",
    "SELECT region, count(*) FROM M GROUP BY region HAVING region = 'eu-west-1'": "",
    "SELECT region, count(*) FROM M GROUP BY region HAVING max(region) > 'eu'": "",
    "SELECT region, count(*) FROM M GROUP BY region HAVING count(*) > 6": "M",
    "SELECT count(*) FILTER (WHERE region = 'eu-west-1') FROM M": "",
    "SELECT count(DISTINCT region), min(region), max(region) FROM M": "",
    "SELECT string_agg(region, ',' ORDER BY region) FROM M": "",
    "SELECT arg_max(model_name, region || model_name) FROM M": "",
    "SELECT list_sort(list(region)) FROM P": "",
    "SELECT region, model_name, count(*) FROM M GROUP BY GROUPING SETS ((region), (model_name), ())": "",
    "SELECT region, count(*) FROM M GROUP BY ROLLUP (region)": "",
    "SELECT region, count(*) FROM M GROUP BY CUBE (region)": "",
    "SELECT DISTINCT region FROM M": "M",
    "SELECT DISTINCT ON (region) region, model_name FROM M ORDER BY region, model_name": "",
    "SELECT DISTINCT ON (model_name) region, model_name FROM M ORDER BY model_name, region": "M",
    "SELECT region, row_number() OVER (PARTITION BY region ORDER BY model_name) FROM M": "",
    "SELECT model_name, rank() OVER (ORDER BY region) FROM M": "",
    "SELECT region, model_name FROM M QUALIFY row_number() OVER (PARTITION BY region ORDER BY model_name) = 1": "",
    "SELECT region, model_name FROM M QUALIFY region LIKE 'eu%' AND row_number() OVER (ORDER BY "
    "model_name, region) < 9": "",
    "SELECT model_name FROM M QUALIFY count(*) OVER (PARTITION BY model_name) = 1": "M",
    "SELECT count(*) FROM (SELECT region, row_number() OVER (ORDER BY region, model_name) AS n FROM M) "
    "WHERE region LIKE 'us%' AND n < 9": "",
    "SELECT count(*) FROM (SELECT region, row_number() OVER (PARTITION BY region ORDER BY model_name) AS n FROM M) "
    "WHERE region LIKE 'us%' AND n < 3": "",
    "SELECT lag(region) OVER w FROM M WINDOW w AS (ORDER BY region, model_name)": "",
    "SELECT region FROM M ORDER BY region LIMIT 3": "M",
    "SELECT region, model_name FROM M ORDER BY region DESC, model_name LIMIT 3": "M",
    "SELECT model_name FROM M ORDER BY region || model_name LIMIT 3": "",
    "SELECT model_name FROM M ORDER BY region = 'us-east-1', model_name, region LIMIT 3": "",
    "SELECT count(*) FROM (SELECT region FROM M ORDER BY region DESC, model_name LIMIT 7) WHERE "
    "region LIKE 'us-e%'": "",
    "SELECT count(*) FROM (SELECT DISTINCT ON (model_name) * FROM M ORDER BY model_name, region) "
    "WHERE region LIKE 'us%'": "",
    # PIVOT and UNPIVOT
    "PIVOT (SELECT region, model_name FROM M) ON region USING count(*)": "",
    "PIVOT (SELECT region, endpoint_status FROM P) ON endpoint_status IN ('InService') USING count(*)": "",
    "PIVOT (SELECT region, 1 AS x FROM M) ON region IN ('eu-west-1', 'us-west-2') USING count(*) GROUP BY x": "",
    "SELECT * FROM (SELECT region, 1 AS x FROM M) PIVOT (count(*) FOR region IN ('eu-west-1'))": "",
    "UNPIVOT (SELECT region, model_name FROM M) ON region, model_name INTO NAME k VALUE v": "",
    "SELECT count(*) FROM (SELECT region, model_name FROM M) UNPIVOT (v FOR k IN (region)) WHERE v LIKE 'eu%'": "",
    # Set operations
    "SELECT region FROM M UNION SELECT region FROM P": "MP",
    "SELECT region, model_name FROM M UNION ALL SELECT region, endpoint_name FROM P": "MP",
    "SELECT region, model_name AS name FROM M UNION ALL BY NAME SELECT endpoint_name AS name, region FROM P": "MP",
    "SELECT count(*) FROM (SELECT region FROM M UNION ALL SELECT region FROM P) WHERE region LIKE 'eu%'": "",
    "SELECT count(*) FROM (SELECT region FROM M UNION ALL SELECT region FROM P) WHERE region = 'eu-west-1'": "",
    "SELECT count(*) FROM (SELECT region, model_name AS n FROM M UNION ALL SELECT endpoint_name, region FROM P) "
    "WHERE region LIKE 'eu%'": "P",
    "SELECT region FROM M EXCEPT SELECT region FROM one": "",
    "SELECT region FROM regs EXCEPT SELECT region FROM M": "",
    "SELECT region FROM M INTERSECT SELECT region FROM regs": "",
    "SELECT region FROM M INTERSECT ALL SELECT region FROM P": "",
    "SELECT region, model_name FROM M EXCEPT ALL SELECT place, endpoint_name FROM names": "",
    "(SELECT region FROM M WHERE region LIKE 'eu%') UNION ALL (SELECT region FROM P WHERE region = 'us-west-2')": "",
    "SELECT count(*) FROM (SELECT region FROM M UNION ALL SELECT 'x' FROM P)": "P",
    # Whole rows and columns by other means than their names
    "SELECT * FROM M": "M",
    "FROM M": "M",
    "FROM M WHERE region = 'eu-west-1'": "",
    "FROM M SELECT model_name WHERE region LIKE 'eu%'": "",
    "FROM M SELECT region, model_name": "M",
    "SELECT t FROM M AS t": "M",
    "SELECT t.* FROM M AS t": "M",
    "SELECT COLUMNS(*) FROM M": "M",
    "SELECT COLUMNS('regi.*') FROM M": "M",
    "SELECT max(COLUMNS('region')) FROM M": "",
    "SELECT * EXCLUDE (region) FROM M": "M",
    "SELECT * REPLACE (upper(region) AS region) FROM M": "",
    "SELECT * RENAME (region AS place) FROM M": "",
    "SELECT count(*) FROM (SELECT * RENAME (region AS place) FROM M) WHERE place LIKE 'eu%'": "",
    "SELECT count(*) FROM (SELECT * RENAME (region AS place, model_name AS region) FROM M) WHERE region LIKE 's%'": "M",
    "SELECT count(*) FROM (SELECT * REPLACE ('eu' AS region) FROM M) WHERE region LIKE 'eu%'": "M",
    "SELECT count(*) FROM (SELECT t FROM M AS t) WHERE t.region = 'eu-west-1'": "",
    "SELECT count(*) FROM (SELECT t FROM M AS t) WHERE (t).region LIKE 'eu%'": "",
    "SELECT count(*) FROM (SELECT {'region': model_name} AS s, region FROM M) WHERE s.region LIKE "
    "'s%' AND region LIKE 'eu%'": "",
    "SELECT count(DISTINCT t) FROM (SELECT region FROM M) AS t": "",
    "SELECT count(*) FROM M AS t(a, b, c, d, e, f, g, h, i, j, k, l, m) WHERE m = 'eu-west-1'": "",
    "SELECT count(*) FROM M AS t(a, b, c, d, e, f, g, h, i, j, k, l, m) WHERE m LIKE 'eu%'": "",
    "SELECT count(*) FROM (SELECT region AS r FROM M) WHERE r IN (SELECT region FROM one)": "",
    "SELECT count(*) FROM (SELECT region, model_name FROM M) AS t(model_name, region) WHERE region LIKE 's%'": "M",
    "SELECT #1 FROM (SELECT region FROM M) WHERE #1 LIKE 'eu%'": "",
    "SELECT count(*) FROM query('SELECT region FROM M') WHERE region LIKE 'eu%'": "",
    "SELECT count(*) FROM query('SELECT 1 FROM M WHERE region LIKE ''eu%''')": "",
    "TABLE M": "M",
    "SUMMARIZE SELECT region FROM M": "M",
    "SELECT region: region, n: model_name FROM M": "",
    "SELECT alias: upper(region) FROM M": "",
    "SELECT upper(region) AS r FROM M WHERE r LIKE 'EU%'": "",
    "SELECT region AS r FROM M WHERE r LIKE 'EU%'": "",
    "SELECT region AS r FROM M WHERE r = 'eu-west-1'": "",
    "SELECT region AS r FROM M ORDER BY upper(r) LIMIT 3": "",
    "SELECT region AS r, r || '!' FROM M": "",
    "SELECT model_name AS region, region AS x FROM M ORDER BY region": "",
    "SELECT region = 'eu-west-1', model_name FROM M": "",
    "SELECT CASE region WHEN 'eu-west-1' THEN 1 ELSE 0 END, count(*) FROM M GROUP BY 1": "",
    "SELECT region[1:2], count(*) FROM M GROUP BY 1": "",
    "SELECT region COLLATE NOCASE, count(*) FROM M GROUP BY 1": "",
    "SELECT any_value(region) IS NULL, model_arn FROM M GROUP BY ALL": "",
    # Views, macros and prepared statements
    "CREATE VIEW v AS SELECT * FROM M; SELECT count(*) FROM v WHERE region = 'eu-west-1'": "",
    "CREATE VIEW v AS SELECT * FROM M; SELECT count(*) FROM v WHERE region LIKE 'eu%'": "",
    "CREATE VIEW v AS SELECT * FROM M; SELECT count(*) FROM v": "M",
    "CREATE VIEW v AS SELECT * FROM M WHERE region LIKE 'eu%'; SELECT count(*) FROM v": "",
    "CREATE VIEW v(a, b) AS SELECT region, model_name FROM M; SELECT count(*) FROM v WHERE a LIKE 'eu%'": "",
    "CREATE VIEW v AS SELECT region AS place FROM M; SELECT count(*) FROM v WHERE place LIKE 'eu%'": "",
    "CREATE VIEW v AS SELECT region AS place FROM M; SELECT count(*) FROM v JOIN one ON place = region": "",
    "CREATE VIEW v AS SELECT region AS place FROM M; CREATE VIEW w AS FROM v; SELECT count(*) FROM "
    "w WHERE place[1] = 'e'": "",
    "CREATE VIEW v AS SELECT model_name AS region, region AS r FROM M; "
    "SELECT count(*) FROM v JOIN P p ON v.region = p.endpoint_name || '-v1' WHERE v.region LIKE 's%'": "MP",
    "CREATE MACRO area(x) AS split_part(x, '-', 1); SELECT count(*) FROM M WHERE area(region) = 'eu'": "",
    "CREATE MACRO m(x) AS TABLE SELECT * FROM M WHERE region = x; SELECT count(*) FROM m('eu-west-1')": "",
    "CREATE MACRO m(x) AS TABLE SELECT * FROM M WHERE region LIKE x; SELECT count(*) FROM m('eu%')": "",
    "CREATE MACRO m() AS TABLE SELECT region AS r FROM M; SELECT count(*) FROM m() WHERE r LIKE 'eu%'": "",
    "CREATE MACRO upper(x) AS x; SELECT count(*) FROM M WHERE upper(region) = 'eu-west-1'": "",
    "CREATE MACRO n() AS (SELECT count(*) FROM M WHERE region LIKE 'eu%'); SELECT n()": "",
    "CREATE TEMP VIEW v AS SELECT region AS r, * EXCLUDE (region) FROM M; SELECT r FROM v ORDER BY r LIMIT 4": "",
    "PREPARE p AS SELECT count(*) FROM M WHERE region = ?; EXECUTE p('eu-west-1')": "",
    "PREPARE p AS SELECT count(*) FROM M WHERE region LIKE $1 || '%'; EXECUTE p('eu')": "",
    "PREPARE p AS SELECT count(*) FROM M WHERE region IN (SELECT region FROM one); "
    "INSERT INTO one VALUES ('us-west-2'); EXECUTE p; DELETE FROM one WHERE region = 'us-west-2'; EXECUTE p": "",
    "PREPARE p AS SELECT region, $1 FROM M; EXECUTE p('eu-west-1')": "M",
    "SET VARIABLE r = 'eu-west-1'; SELECT count(*) FROM M WHERE region = getvariable('r')": "",
    "SET VARIABLE r = ['eu-west-1', 'us-west-2']; SELECT count(*) FROM M WHERE region IN getvariable('r')": "",
    "USE aws.sagemaker; CREATE TEMP TABLE models AS SELECT 'mars-1' AS region; "
    "SELECT count(*) FROM models WHERE region LIKE 'mars%'": "",
    "USE aws.sagemaker; SELECT count(*) FROM models WHERE region LIKE 'eu%'": "",
    "USE aws.sagemaker; FROM models SELECT region": "M",
    # Local tables made from live ones
    "CREATE TABLE s AS SELECT * FROM M; SELECT count(*) FROM s WHERE region LIKE 'eu%'": "M",
    "CREATE TABLE s AS SELECT * FROM M WHERE region LIKE 'eu%'; SELECT count(*) FROM s": "",
    "CREATE TABLE s AS SELECT region, model_name FROM M WHERE region <> 'us-east-1'; FROM s": "",
    "CREATE TABLE s AS SELECT upper(region) AS region FROM M; FROM s": "",
    "CREATE TABLE s(region VARCHAR, n BIGINT); INSERT INTO s SELECT region, count(*) FROM M GROUP BY 1; FROM s": "M",
    "CREATE TABLE s(n BIGINT, region VARCHAR); INSERT INTO s (region, n) SELECT region, 1 FROM M; FROM s": "M",
    "CREATE TABLE s(region VARCHAR, n BIGINT); INSERT INTO s BY NAME SELECT 1 AS n, region FROM M; FROM s": "M",
    "CREATE TABLE s(region VARCHAR PRIMARY KEY, n BIGINT); "
    "INSERT INTO s SELECT region, count(*) FROM M WHERE region LIKE '%west%' GROUP BY 1; FROM s": "",
    "CREATE TABLE s(region VARCHAR, n BIGINT); INSERT INTO s VALUES ('eu-west-1', 0); MERGE INTO s USING "
    "(SELECT region, count(*) AS n FROM M GROUP BY 1) AS t ON s.region = t.region "
    "WHEN MATCHED THEN UPDATE SET n = t.n WHEN NOT MATCHED THEN INSERT VALUES (t.region, t.n); FROM s": "",
    "CREATE TABLE s AS FROM regs; DELETE FROM s WHERE region IN (SELECT region FROM M WHERE region "
    "LIKE 'eu%'); FROM s": "",
    "CREATE TABLE s AS FROM regs; UPDATE s SET n = (SELECT count(*) FROM M m WHERE m.region = s.region); FROM s": "",
    "CREATE TABLE s AS FROM regs; DELETE FROM s USING M m WHERE m.region = s.region AND s.n = 2; FROM s": "",
    "CREATE TABLE s AS FROM regs; UPDATE s SET n = 9 FROM M m WHERE m.region = s.region AND "
    "m.region LIKE 'eu%'; FROM s": "",
    "CREATE TABLE s AS FROM regs; INSERT INTO s SELECT region, 5 FROM M RETURNING region LIKE 'eu%'": "",
    # Names that mean one thing here and another there
    "SELECT count(*) FROM one m JOIN P p ON m.region = p.region WHERE p.endpoint_name NOT IN "
    "(SELECT m.model_name FROM M m)": "M",
    "SELECT count(*) FROM (SELECT region FROM one) models JOIN P p ON models.region = p.region "
    "WHERE p.endpoint_name NOT IN (SELECT model_name FROM M)": "M",
    "WITH regs AS (SELECT region FROM regs WHERE n = 2) SELECT count(*) FROM regs JOIN M USING (region)": "",
    "WITH a AS (FROM one), one AS (SELECT 1 AS region) SELECT count(*) FROM a JOIN M USING (region)": "",
    "SELECT count(*) FROM one JOIN M USING (region) WHERE EXISTS (WITH one AS (SELECT 1) FROM one)": "",
    "SELECT count(*) FROM (SELECT region, model_name FROM M) WHERE unnamed_subquery::VARCHAR LIKE '%eu-west%'": "",
    "SELECT max(t) FROM (SELECT region, model_name FROM M) AS t": "",
    "SELECT count(*) FROM (SELECT unnest(s) FROM structs) x CROSS JOIN M a JOIN P b ON b.region = x.region "
    "WHERE a.region LIKE 'eu%'": "",
    "SELECT count(*) FROM (SELECT s.* FROM structs) x CROSS JOIN M a JOIN P b ON b.region = x.region "
    "WHERE a.region LIKE 'eu%'": "",
    "SET VARIABLE s = {'region': 'eu-west-1'}; WITH t AS (SELECT unnest(getvariable('s'))) "
    "SELECT count(*) FROM t JOIN M USING (region)": "",
    # Joins that DuckDB makes of correlated sub-queries, with the name of another column; and NULL beside a region
    "SELECT p.region, x.region FROM P p, LATERAL (SELECT m.region FROM M m WHERE m.model_name = p.region) x "
    "WHERE p.region LIKE 'us%'": "",
    "SELECT p.region FROM P p WHERE region BETWEEN 'a' AND 'f' AND EXISTS "
    "(SELECT * FROM M m WHERE m.model_name = p.region AND m.region ILIKE 'US%')": "",
    "SELECT count(*) FROM (M a LEFT JOIN P b ON a.region = b.region AND b.endpoint_name = 'zz') "
    "JOIN (regs r LEFT JOIN C c "
    "ON c.endpoint_config_name = 'zz' AND c.region LIKE 'eu%') ON b.region IS NOT DISTINCT FROM c.region": "",
    # Variables and parameters
    "SELECT count(*) FROM M JOIN frame USING (region)": "",
    "SELECT count(*) FROM M WHERE region IN (SELECT region FROM frame)": "",
    "SELECT count(*) FROM M WHERE region IN (FROM frame)": "",
    "SELECT count(*) FROM M WHERE region = $region": "",
    "SELECT count(*) FROM M WHERE region LIKE $area || '%'": "",
    "SELECT count(*) FROM M WHERE list_contains($regions, region)": "",
    "SELECT region, $area FROM M": "M",
}
PARAMETERS = {"region": "eu-west-1", "area": "eu", "regions": ["eu-west-1", "us-west-2"]}
VARIANTS = {
    "default": {},
    "no prefetch": {"prefetch": "off"},
    "no push-down": {"pushdown": "off"},
}
DEFINING = ("CREATE", "PREPARE", "USE", "SET")


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with pytest.MonkeyPatch.context() as patch, Emulator() as service:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("AWS_ACCESS_KEY_ID", "a")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "b")
        service.seed_local()
        for region, name in {"us-west-2": "eu-west-1", "eu-west-1": "us-west-2"}.items():
            service.add("Model", region, {"ModelName": name})
        with connect(service) as con:
            known = {name for (name,) in con.sql("SELECT region FROM aws.regions").fetchall()}
        service.options.closed_regions = known - OPEN
        yield service


@pytest.fixture(scope="module")
def databases(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Tables that are read in the session's region -> a database with its rows of these, and with all of the others."""
    with connect(emulator, regions=f"'{','.join(OPEN)}'") as con:
        rows = {table: con.sql(f"SELECT * FROM aws.sagemaker.{table}").arrow() for table in TABLES.values()}
    folder = tmp_path_factory.mktemp("databases")
    files = {}
    for own in set(SHAPES.values()):
        files[own] = folder / f"every{own}.duckdb"
        with duckdb.connect(files[own]) as plain:
            plain.execute("CREATE SCHEMA sagemaker")
            for letter, table in TABLES.items():
                read = rows[table].filter(pc.field("region") == "us-east-1") if letter in own else rows[table]
                plain.register("read", read).execute(f"CREATE TABLE sagemaker.{table} AS FROM read")
    return files


@pytest.fixture(scope="module")
def shared(emulator: Emulator) -> Iterator[Mapping[str, sqlprov.Connection]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(connect(emulator, **value)) for name, value in VARIANTS.items()}


def connect(service: Emulator, **settings: str) -> sqlprov.Connection:
    con = sqlprov.connect(endpoint_url=service.url, region="us-east-1")
    con.sql(LOCAL)
    for name, value in settings.items():
        con.sql(f"SET sqlprov_{name} = {value}")
    return con


def write_sql(shape: str) -> str:
    for letter, table in TABLES.items():
        shape = re.sub(rf"\b{letter}\b", f"aws.sagemaker.{table}", shape)
    return shape


@pytest.mark.parametrize("shape", take_slice(SHAPES, 3))
def test_the_rows_are_those_of_plain_duckdb_over_the_regions_of_the_rule(
    shape: str,
    emulator: Emulator,
    databases: Mapping[str, Path],
    shared: Mapping[str, sqlprov.Connection],
) -> None:
    sql = write_sql(shape)
    parameters = {name: value for name, value in PARAMETERS.items() if re.search(rf"\${name}\b", sql)} or None
    frame = pa.table({"region": ["eu-west-1"]})
    with duckdb.connect() as plain:
        plain.execute(
            f"SET TimeZone = 'UTC'; ATTACH '{databases[SHAPES[shape]]}' AS aws (READ_ONLY); {LOCAL}"
        )
        expected = list_rows(plain.sql(sql, params=parameters))
    assert frame.num_rows  # both connections read it by its name
    if shape.startswith(DEFINING):
        with connect(emulator) as con:
            assert list_rows(con.sql(sql, parameters)) == expected
        return
    for name, con in shared.items():
        if name != "no prefetch" or sql.count("aws.") > 1:
            assert list_rows(con.sql(sql, parameters)) == expected, name


def list_rows(result: sqlprov.Result | duckdb.DuckDBPyRelation) -> list[str]:
    table = result.arrow() if isinstance(result, sqlprov.Result) else result.to_arrow_table()
    return sorted(map(repr, zip(*(column.to_pylist() for column in table.columns), strict=True)))


def test_a_delete_takes_the_rows_that_plain_duckdb_would(emulator: Emulator) -> None:
    # Joins of joins on region decide, below a NOT IN, which models of one region are deleted.
    where = write_sql(
        "m.region = 'us-east-1' AND m.model_name NOT IN (SELECT c.model_name FROM (M a JOIN C b USING (region)) "
        "JOIN (M c JOIN P d USING (region)) ON a.model_name = c.model_name "
        "WHERE a.region IN ('eu-west-1', 'us-west-2') AND c.region = 'us-east-1')"
    )
    with Emulator() as own, connect(own) as con:
        own.seed_local()
        own.options.closed_regions = emulator.options.closed_regions
        for table in TABLES.values():
            con.sql(f"CREATE TABLE {table} AS FROM aws.sagemaker.{table} WHERE region IN {tuple(OPEN)}")
        expected = con.sql(f"FROM models AS m WHERE {where.replace('aws.sagemaker.', '')}").fetchall()
        con.sql(f"DELETE FROM aws.sagemaker.models AS m WHERE {where}")
        assert len(con.outcomes) == len(expected) == 8
        left = con.sql(f"SELECT count(*) FROM aws.sagemaker.models WHERE region IN {tuple(OPEN)}").fetchall()
        assert left == [(22 - 8,)]

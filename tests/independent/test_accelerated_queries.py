"""Compares random queries, with every acceleration on, with plain DuckDB over the rows that boto3 reads."""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from botocore import xform_name
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from local_sagemaker import connection, plain_client
from local_sagemaker import text as quote
from slices import SWEEP

import sqlprov
from sqlprov.aws.read import list_windows, scan
from sqlprov.emulator import Emulator, Options

EXAMPLES = 1000 if SWEEP else 30
TABLES = {
    "e": "aws.sagemaker.inference_experiments",
    "m": "aws.sagemaker.models",
    "p": "aws.sagemaker.endpoints",
    "l": "names",
}
BEGAN = datetime.datetime(2024, 3, 1, 12, 0, 0, tzinfo=datetime.UTC)
# Three seconds in which most rows were created, and a few moments far from them: ties everywhere.
MOMENTS = (0, 0, 0, 0.001, 0.5, 1, 1, 1.999, 2, 60, 61, 3600, 86400.25, 2e6)
WORDS = ("fraud", "churn", "Search", "a")
TIME = pa.timestamp("us", "UTC")
COLUMNS = {
    "e": ("name", "status", "description", "creation_time", "last_modified_time", "endpoint_name", "arn"),
    "m": ("model_name", "model_arn", "creation_time"),
    "p": ("endpoint_name", "endpoint_status", "endpoint_config_name", "creation_time"),
}
LOCAL = (
    "CREATE TABLE names AS FROM "
    "(VALUES ('p-1', 'fraud-1-b'), ('p-1', NULL), (NULL, 'a-2-b'), ('p-7', 'fraud-1-b')) AS t(k, n)"
)
KEYS = {"e": "name", "m": "model_name"}
STATES = ("Created", "Running", "Completed")
DESCRIPTIONS = ("", "x", "it's 100%", "a_b", "a\\b", "über")


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    dice = random.Random(11)

    def moment() -> datetime.datetime:
        return BEGAN + datetime.timedelta(seconds=dice.choice(MOMENTS))

    with Emulator(state=None) as em:
        for number in range(45):
            created = moment()
            row: dict[str, Any] = {
                "Name": f"{dice.choice(WORDS)}-{number % 23}{'-' * (number // 23)}b",
                "Status": dice.choice(STATES),
                "CreationTime": created,
                "LastModifiedTime": created + datetime.timedelta(seconds=dice.choice([0, 30, 90000])),
                "EndpointName": f"p-{dice.randrange(4)}",
            }
            if dice.random() < 0.7:
                row["Description"] = dice.choice(DESCRIPTIONS)
            em.add("InferenceExperiment", "us-east-1", row)
        for number in range(12):
            name = f"{dice.choice(WORDS)}-{number}-b"
            em.add("Model", "us-east-1", {"ModelName": name, "CreationTime": moment()})
        for name in ("p-0", "p-1", "p-3", "p-8", "fraud-1-b"):
            config = dice.choice(["fraud-1-b", "fraud-2-b", "gone"])
            row = {"EndpointName": name, "EndpointConfigName": config, "CreationTime": moment()}
            em.add("Endpoint", "us-east-1", row)
        yield em


@pytest.fixture(scope="module")
def truth(emulator: Emulator) -> Iterator[duckdb.DuckDBPyConnection]:
    client = plain_client(emulator.url)
    pages = client.get_paginator("list_inference_experiments").paginate()
    names = [row["Name"] for page in pages for row in page["InferenceExperiments"]]
    replies = {
        "e": [client.describe_inference_experiment(Name=name) for name in names],
        "m": [row for page in client.get_paginator("list_models").paginate() for row in page["Models"]],
        "p": [
            client.describe_endpoint(EndpointName=row["EndpointName"])
            for row in client.list_endpoints()["Endpoints"]
        ],
    }
    client.close()
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for table, columns in COLUMNS.items():
            rows = [{xform_name(name): value for name, value in reply.items()} for reply in replies[table]]
            for row in rows if table == "e" else ():
                row["endpoint_name"] = row["endpoint_metadata"]["EndpointName"]
            kinds = {name: TIME if name.endswith("_time") else pa.string() for name in columns}
            connection.register(table, pa.Table.from_pylist(rows, pa.schema(kinds)))
        connection.sql(LOCAL)
        yield connection


@pytest.fixture(scope="module")
def live(emulator: Emulator) -> Iterator[sqlprov.Connection]:
    with pytest.MonkeyPatch.context() as patch:
        # A list is long after one page of a few rows, and worth splitting.
        patch.setattr(scan, "LONG", 1)
        patch.setattr(scan, "LONG_LIMITED", 1)
        patch.setattr(list_windows, "WINDOW_PAGES", 0.25)
        patch.setattr(list_windows.WindowSplitter, "useful_calls", 8)
        with connection(emulator.url) as live:
            live.sql(LOCAL)
            yield live


TEXTS = (
    *WORDS,
    "fraud-1",
    "-b",
    "--b",
    "RAUD",
    "ompl",
    "unn",
    "'",
    "%",
    "_",
    "\\",
    "x",
    "no-such",
    "p-1",
    "",
)
PATTERNS = (*(f"%{text}%" for text in TEXTS), "fraud-_-b", "a%b", "%-1_--b", "_hurn%", "Running", "it's 100%")
TIMES = [
    f"TIMESTAMPTZ '{(BEGAN + datetime.timedelta(seconds=at)).isoformat()}'"
    for at in (-1, 0, 0.001, 0.5, 1, 1.5, 2, 3, 60, 61, 3601, 86400.25, 1e6, 3e6)
]
OPERATORS = ("=", "<>", "<", "<=", ">", ">=")


def draw_match(draw: st.DrawFn, column: str) -> str:
    """A condition with LIKE or a relative of it."""
    text, pattern = quote(draw(st.sampled_from(TEXTS))), quote(draw(st.sampled_from(PATTERNS)))
    forms = (
        f"{column} LIKE {pattern}",
        f"{column} LIKE {pattern}",
        f"{column} NOT LIKE {pattern}",
        f"{column} ILIKE {pattern}",
        f"{column} ~~ {pattern}",
        f"{column} !~~ {pattern}",
        f"{column} LIKE {pattern} ESCAPE 'a'",
        f"{column} LIKE {pattern} IS NOT TRUE",
        f"({column} LIKE {pattern}) = (status LIKE {text})" if "." not in column else f"{column} > {text}",
        f"contains({column}, {text})",
        f"starts_with({column}, {text})",
        f"{column}.contains({text}) = false" if "." not in column else f"NOT contains({column}, {text})",
        f"CASE WHEN {column} LIKE {pattern} THEN false ELSE true END",
        f"coalesce({column} LIKE {pattern}, true)",
    )
    return draw(st.sampled_from(forms))


@st.composite
def conditions(draw: st.DrawFn, table: str = "e", alias: str = "", depth: int = 2) -> str:
    kind = draw(st.integers(0, 12 if depth else 6))
    if kind >= 7:
        inner = conditions(table, alias, depth - 1)
        left, right = draw(inner), draw(inner)
        joined = f"({left} {'OR' if kind in (10, 11) else 'AND'} {right})"
        return f"NOT {joined}" if kind == 12 else joined
    dot = f"{alias}." if alias else ""
    texts = [name for name in COLUMNS[table] if not name.endswith("_time")]
    if table == "m" and kind == 3:
        kind = 2
    if kind <= 2:
        column = dot + draw(st.sampled_from([KEYS[table], *texts]))
        form = draw_match(draw, column)
        return form if table == "e" or "status" not in form else f"{column} IS NOT NULL"
    if kind == 3:
        return f"{dot}status {draw(st.sampled_from(['=', '<>']))} {quote(draw(st.sampled_from(STATES)))}"
    if kind == 4:
        return f"{dot}{draw(st.sampled_from(texts))} IS {draw(st.sampled_from(['', 'NOT ']))}NULL"
    low, high = draw(st.sampled_from(TIMES)), draw(st.sampled_from(TIMES))
    if kind == 5:
        return f"{dot}creation_time BETWEEN {low} AND {high}"
    return f"{dot}creation_time {draw(st.sampled_from(OPERATORS))} {low}"


DIRECTIONS = st.sampled_from(["", "DESC", "ASC NULLS FIRST", "DESC NULLS LAST"])
LIMITS = st.sampled_from(["", *(f"LIMIT {n}" for n in (0, 1, 2, 5, 20, 99)), "LIMIT 3 OFFSET 4", "OFFSET 40"])


def draw_where(draw: st.DrawFn, *of: tuple[str, str]) -> str:
    parts = [draw(conditions(table, alias)) for table, alias in of if draw(st.integers(0, 3))]
    return f"WHERE {' AND '.join(parts)}" if parts else ""


def draw_source(draw: st.DrawFn) -> str:
    """The experiments, under names that may mislead the planner."""
    return draw(
        st.sampled_from(
            [
                "{e}",
                "{e}",
                "{e} AS x",
                "(SELECT * FROM {e}) AS x",
                "(SELECT *, status AS s, name AS other FROM {e}) AS x",
                "(SELECT * REPLACE (reverse(name) AS name) FROM {e}) AS x",
                "(SELECT * REPLACE (last_modified_time AS creation_time) FROM {e}) AS x",
                "(SELECT *, count(*) OVER (PARTITION BY status) AS n FROM {e}) AS x",
                "(SELECT * FROM {e} ORDER BY creation_time DESC, name LIMIT 9) AS x",
            ]
        )
    )


def draw_ordered(draw: st.DrawFn) -> str:
    chosen = draw(
        st.sampled_from(
            [
                "name, creation_time",
                "name, status AS s, arn",
                "name, last_modified_time AS creation_time",
                "name, creation_time::DATE AS creation_time",
                "creation_time AS at, name, description",
                "name, count(*) OVER (PARTITION BY status) AS n",
                "name, COLUMNS('last_modified(_time)') AS \"creation\\1\"",
            ]
        )
    )
    order = draw(st.sampled_from(["creation_time", "creation_time", "last_modified_time", "name"]))
    source, condition = draw_source(draw), draw_where(draw, ("e", ""))
    return (
        f"SELECT {chosen} FROM {source} {condition} ORDER BY {order} {draw(DIRECTIONS)}, name {draw(LIMITS)}"
    )


def draw_join(draw: st.DrawFn) -> str:
    other = draw(st.sampled_from("em"))
    kind = draw(st.sampled_from(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "SEMI JOIN", "ANTI JOIN"]))
    one_sided = kind in ("SEMI JOIN", "ANTI JOIN")
    key = KEYS[other]
    on = f"a.name = b.{key}" if draw(st.booleans()) else f"left(a.name, 3) = left(b.{key}, 3)"
    if draw(st.booleans()):
        on += f" AND {draw(conditions(other, 'b', 1))}"
    condition = draw_where(draw, ("e", "a"), *([] if one_sided else [(other, "b")]))
    columns = "a.name, a.status" if one_sided else f"a.name, a.status, b.{key} AS other, b.creation_time"
    source = f"{{{other}}}" if draw(st.booleans()) else f"(FROM {{{other}}} {draw_where(draw, (other, ''))})"
    return f"SELECT {columns} FROM {{e}} AS a {kind} {source} AS b ON {on} {condition} ORDER BY ALL {draw(LIMITS)}"


def draw_nested(draw: st.DrawFn) -> str:
    other = draw(st.sampled_from("em"))
    inner, outer = draw(conditions(other, "i", 1)), draw(conditions("e", "o", 1))
    key, negation = KEYS[other], draw(st.sampled_from(["", "NOT "]))
    shapes = (
        f"SELECT name FROM {{e}} o WHERE {negation}EXISTS (SELECT 1 FROM {{{other}}} i "
        f"WHERE left(i.{key}, 3) = left(o.name, 3) AND i.{key} <> o.name AND {inner}) AND {outer}",
        f"SELECT name FROM {{e}} o WHERE o.name {negation}IN (SELECT i.{key} FROM {{{other}}} i WHERE {inner})",
        f"SELECT name, (SELECT count(*) FROM {{{other}}} i WHERE i.creation_time < o.creation_time AND {inner}) "
        f"FROM {{e}} o WHERE {outer}",
        f"WITH c AS (FROM {{e}} o WHERE {outer}) SELECT a.name, (SELECT count(*) FROM c) FROM c a "
        f"WHERE {draw(conditions('e', 'a', 1))}",
        f"SELECT name FROM {{e}} o WHERE {outer} UNION ALL SELECT {key} FROM {{{other}}} i WHERE {inner}",
        f"SELECT name FROM {{e}} o WHERE {outer} EXCEPT SELECT {key} FROM {{{other}}} i WHERE {inner}",
        f"SELECT o.name, l.k FROM {{e}} o, LATERAL (SELECT max(i.{key}) AS k FROM {{{other}}} i "
        f"WHERE i.creation_time <= o.creation_time AND {inner}) l WHERE {outer}",
        f"SELECT status AS name, count(*) FROM {{e}} o WHERE {outer} GROUP BY ALL HAVING max(name) LIKE '%a%'",
        f"SELECT status, name FROM {{e}} o WHERE {outer} QUALIFY row_number() OVER (PARTITION BY status "
        "ORDER BY creation_time, name) <= 2",
    )
    return f"{draw(st.sampled_from(shapes))} ORDER BY ALL {draw(LIMITS)}"


RELATIONS = {
    "e": ("name", "endpoint_name", "description"),
    "m": ("model_name",),
    "p": ("endpoint_name", "endpoint_config_name"),
    "l": ("k", "n"),
}
JOINS = ("JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "SEMI JOIN", "ANTI JOIN")


@st.composite
def relations(draw: st.DrawFn, table: str) -> str:
    """A relation with the columns of `table`, under names that may mislead the planner."""
    first, *others = RELATIONS[table]
    columns = ", ".join(RELATIONS[table])
    swapped = ", ".join(map("{} AS {}".format, RELATIONS[table], [*others, first]))
    grouped = f"SELECT {columns} FROM {{{table}}} WHERE length({first}) > 3 GROUP BY ALL"
    forms = (
        f"{{{table}}}",
        f"{{{table}}}",
        f"(SELECT {swapped} FROM {{{table}}})",
        f"(SELECT * REPLACE (lower({first}) AS {first}) FROM {{{table}}})",
        f"(SELECT * REPLACE (nullif({first}, 'p-1') AS {first}) FROM {{{table}}})",
        f"({grouped})",
        f"(SELECT *, count(*) OVER () AS all_rows FROM {{{table}}})",
        f"(SELECT {columns} FROM {{{table}}} UNION ALL SELECT {columns} FROM {{{table}}} WHERE {first} > 'm')",
        f"(SELECT {columns} FROM {{{table}}} WHERE {first} NOT IN (SELECT k FROM {{l}} WHERE k > 'p-3'))",
    )
    return draw(st.sampled_from(forms))


def draw_joins(draw: st.DrawFn) -> str:
    """Several relations whose keys are joined with columns of others."""
    tables = draw(st.lists(st.sampled_from("eempppl"), min_size=2, max_size=4))
    text = f"SELECT count(*), min(t0.{RELATIONS[tables[0]][0]}) FROM {draw(relations(tables[0]))} AS t0"
    visible = [0]
    for at, table in enumerate(tables[1:], 1):
        kind, before = draw(st.sampled_from(JOINS)), draw(st.sampled_from(visible))
        column = f"t{at}.{draw(st.sampled_from(RELATIONS[table]))}"
        other = f"t{before}.{draw(st.sampled_from(RELATIONS[tables[before]]))}"
        equals = draw(st.sampled_from(["=", "=", "=", "IS NOT DISTINCT FROM", "<", "= 'p-' || "]))
        more = draw(st.sampled_from(["", "", f" AND {column} <> 'p-0'", f" OR {other} IS NULL"]))
        text += f" {kind} {draw(relations(table))} AS t{at} ON {other} {equals} {column}{more}"
        if kind not in ("SEMI JOIN", "ANTI JOIN"):
            visible.append(at)
    first, table = RELATIONS[tables[0]][0], draw(st.sampled_from("empl"))
    inner = f"SELECT {draw(st.sampled_from(RELATIONS[table]))} FROM {draw(relations(table))}"
    conditions = (
        "",
        f" WHERE t0.{first} IN ({inner})",
        f" WHERE t0.{first} NOT IN ({inner})",
        f" WHERE t0.{first} IN ({inner}) OR t0.{first} LIKE '%1%'",
        f" WHERE EXISTS (FROM ({inner}) AS i(v) WHERE i.v = t0.{first} AND i.v <> 'p-3')",
        f" WHERE t0.{first} = (SELECT max(v) FROM ({inner}) AS i(v) WHERE i.v <= t0.{first})",
        f" WHERE t0.{first} > 'f'",
    )
    return text + draw(st.sampled_from(conditions))


@st.composite
def queries(draw: st.DrawFn) -> str:
    return draw(st.sampled_from([draw_ordered, draw_join, draw_joins, draw_nested]))(draw)


@st.composite
def services(draw: st.DrawFn) -> Options:
    """What AWS does not document, one way or the other."""
    return Options(
        largest_page=draw(st.integers(2, 5)),
        inclusive_bounds=draw(st.booleans()),
        truncate_bounds_to_seconds=draw(st.booleans()),
        sparse_pages=draw(st.booleans()),
        name_contains_ignore_case=draw(st.booleans()),
    )


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    query=queries(),
    options=services(),
    off=st.sampled_from(["", "", "", "", "split", "prefetch", "pushdown", "sideways"]),
)
def test_no_acceleration_changes_an_answer(
    query: str,
    options: Options,
    off: str,
    emulator: Emulator,
    live: sqlprov.Connection,
    truth: duckdb.DuckDBPyConnection,
) -> None:
    expected = truth.sql(query.format(e="e", m="m", p="p", l="names")).fetchall()
    emulator.options = options
    for name in ("split", "prefetch", "pushdown", "sideways"):
        live.sql(f"SET sqlprov_{name} = {'off' if name == off else 'on'}")
    result = live.sql(query.format_map(TABLES))
    assert result.fetchall() == expected
    assert result.complete

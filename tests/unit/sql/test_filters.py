import json
import operator
from datetime import UTC, datetime, timedelta
from functools import reduce

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest

from sqlprov.plan.read.predicate import FALSE, TRUE, And, Compare, In, IsNull, Not, Opaque, Or
from sqlprov.sql.filters import parse_filter

SCHEMA = pa.schema(
    [
        ("name", pa.string()),
        ("__ctx_t", pa.string()),
        ("n", pa.int64()),
        ("i", pa.int32()),
        ("f", pa.float64()),
        ("b", pa.bool_()),
        ("created", pa.timestamp("us", "UTC")),
        ("region", pa.string()),
        ('odd "q"', pa.string()),
        ("from", pa.string()),
        ("s", pa.struct([("X", pa.int64()), ("In", pa.struct([("y", pa.string())]))])),
        ("l", pa.list_(pa.string())),
    ]
)


class Live(ds.Dataset):
    """Keeps the filter that DuckDB pushes."""

    def __init__(self):
        self.pushed = None

    @property
    def schema(self):
        return SCHEMA

    def scanner(self, columns, filter=None, **options):
        self.pushed = filter
        return ds.Scanner.from_batches([], schema=SCHEMA, columns=columns)


@pytest.fixture(scope="module")
def live():
    return Live()


@pytest.fixture(scope="module")
def connection(live):
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in SCHEMA.names if name != "__ctx_t")
        visible = connection.from_arrow(live).filter("__ctx_t = coalesce(getvariable('sqlprov_ctx'), '')")
        visible.project(names).create_view("t")
        connection.execute("SET VARIABLE sqlprov_ctx = 'x'")
        yield connection


def read_filters(connection, condition):
    """The parts of "Filters" in the plan of a query with this condition."""
    query = f"EXPLAIN (FORMAT json) SELECT name FROM t WHERE {condition}"
    (node,) = json.loads(connection.execute(query).fetchone()[1])
    while node["children"]:
        (node,) = node["children"]
    filters = node["extra_info"]["Filters"]
    return [filters] if isinstance(filters, str) else filters


def to_arrow(parsed):
    """A predicate as DuckDB writes it for pyarrow."""
    match parsed:
        case Compare(column, op, value):
            ops = {"=": "eq", "<>": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
            return getattr(operator, ops[op])(pc.field(column), pa.scalar(value, SCHEMA.field(column).type))
        case In(column, values):
            is_in = pc.field(column).isin(pa.array(values, SCHEMA.field(column).type))
            return pc.if_else(pc.field(column).is_valid(), is_in, pa.scalar(None, pa.bool_()))
        case IsNull(column):
            return pc.field(column).is_null()
        case Not(IsNull(column)):
            return pc.field(column).is_valid()
        case And(parts):
            return reduce(operator.and_, map(to_arrow, parts))
        case Or(parts):
            return reduce(operator.or_, map(to_arrow, parts))
        case Not(part):
            return ~to_arrow(part)


ROWS = pa.Table.from_pylist(
    [
        {
            "name": ["a", "b", "c", "A", "O'Brien", 'x"y', "日本😀", "", "a\nb", "NULL", None][k % 11],
            "__ctx_t": "x",
            "n": [None, -5, 0, 1, 2, 3, 5, 12, 2**63 - 1, -(2**63)][k % 10],
            "i": [None, 1, 2, 3][k % 4],
            "f": [None, 0.1, 0.0, 1.5, 2.0, 1e20, 123456789.123456789][k % 7],
            "b": [None, True, False][k % 3],
            "created": [
                None,
                *(datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=h) for h in (-1, 0, 1, 9000)),
            ][k % 5],
            "region": ["us-east-1", "eu-west-1", None][(k // 2) % 3],
            'odd "q"': ["x", None][k % 2],
            "from": ["x", "y", None][k % 3],
            "s": None,
            "l": None,
        }
        for k in range(2310)
    ],
    SCHEMA,
)

CONDITIONS = [
    "name = 'a'",
    "name = 'O''Brien'",
    "name = 'x\"y'",
    "name = '日本😀'",
    "name = ''",
    "name = 'NULL'",
    r"name = e'a\nb'",
    "name <> 'a'",
    "name < 'b' AND name >= 'A'",
    "name IN ('a', 'b')",
    r"name IN (e'a\nb', 'c')",
    "name NOT IN ('a', 'b')",
    "name BETWEEN 'a' AND 'b'",
    "name NOT BETWEEN 'a' AND 'b'",
    "name IS NULL",
    "name IS NOT NULL",
    "NOT (name IS NULL)",
    "name LIKE 'a'",
    "name = upper('a')",
    "list_contains(['a', 'b'], name)",
    "n = 1",
    "n = '1'",
    "n + 1 = 2",
    "n >= -1",
    "n > 1 AND n > 2",
    "n < 5 AND n > -5",
    "n <> 3",
    "NOT (n > 3)",
    "n IN (1, 2, 12)",
    "NOT (n IN (1, 2))",
    "n = 9223372036854775807",
    "n = -9223372036854775808",
    "n BETWEEN 1 AND 5 OR n BETWEEN 10 AND 20",
    "n IS NULL OR n = 3",
    "n IS NOT DISTINCT FROM NULL",
    "i = 3",
    "i IN (1, 2)",
    "f = 0.1",
    "f = 1e20",
    "f = 2",
    "f = -0.0",
    "f IN (1.5, 2)",
    "f = 123456789.123456789",
    "b = true",
    "b = false",
    "b <> true",
    "b IN (true)",
    "b IS NULL",
    "created > '2024-01-01'",
    "created = TIMESTAMP '2024-01-01'",
    "created >= TIMESTAMPTZ '2024-01-01 02:30:00.5+02:30'",
    "created BETWEEN '2023-01-01' AND '2024-01-01'",
    "created IN ('2024-01-01', '2024-01-01 01:00:00')",
    "created < TIMESTAMPTZ '2024-01-01' + INTERVAL 1 hour",
    "date_trunc('day', created) = '2024-01-01'",
    "region = 'us-east-1' AND name = 'a'",
    "region = 'us-east-1' OR region = 'eu-west-1' AND name = 'a'",
    "name = 'a' OR n = 1",
    "NOT (name = 'a' OR n = 1)",
    "NOT (name = 'a' AND n = 1)",
    "(name = 'a' AND n = 1) OR (name = 'b' AND n = 2)",
    "name < 'a' OR name > 'b' OR name IS NULL",
    "region IN ('us-east-1', 'eu-west-1') AND n > 1 AND name IS NOT NULL AND f <> 1",
    '"odd ""q""" = \'x\'',
    "\"from\" IN ('x', 'y')",
]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_printed_filter_means_what_duckdb_pushes(connection, live, condition):
    parsed = parse_filter("\n".join(read_filters(connection, condition)))
    connection.execute(f"SELECT name FROM t WHERE {condition}").fetchall()
    assert len(parsed.parts) > 1  # beside the one that names the statement
    assert ROWS.filter(to_arrow(parsed)).equals(ROWS.filter(live.pushed))


@pytest.mark.parametrize(
    "condition",
    [
        "name LIKE 'a%'",
        "lower(name) = 'a'",
        "name = 'x' COLLATE nocase",
        "n % 2 = 0",
        "n = 1.5",
        "n IN (1, NULL)",
        "name IN (NULL)",
        "name > region",
        "b",
        "NOT b",
        "f > 2.5",
        "created < 'infinity'",
        "l[1] = 'a'",
        "true",
    ],
)
def test_what_duckdb_does_not_push_is_not_printed(connection, live, condition):
    assert parse_filter("\n".join(read_filters(connection, condition))) == Compare("__ctx_t", "=", "x")
    connection.execute(f"SELECT name FROM t WHERE {condition}").fetchall()
    assert str(live.pushed) == '(__ctx_t == "x")'


@pytest.mark.parametrize(
    "condition", ["s.X = 1", "s.In.y = 'a'", "s.X IN (1, 2)", "s.In.y IS NULL", "s.X > 1 AND s.X < 5"]
)
def test_a_condition_on_a_nested_field_is_opaque(connection, condition):
    *parts, context = parse_filter("\n".join(read_filters(connection, condition))).parts
    assert set(parts) == {Opaque(frozenset({"s"}))}
    assert context == Compare("__ctx_t", "=", "x")


def test_a_thousand_nested_alternatives_are_read(connection):
    condition = " OR ".join(f"(n = {k} AND region = 'r{k}')" for k in range(300))
    alternatives = parse_filter("\n".join(read_filters(connection, condition))).parts[0].parts
    assert len(alternatives) == 300
    assert alternatives[7] == And((Compare("n", "=", 7), Compare("region", "=", "r7")))
    assert parse_filter("(" * 5000 + '"n" = 1' + ")" * 5000) == Compare("n", "=", 1)


MOMENT = datetime(2023, 12, 31, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("printed", "meaning"),
    [
        ("", TRUE),
        ("TRUE", TRUE),
        ("(FALSE)", FALSE),
        ('"b"', Compare("b", "=", True)),
        ('(NOT "b")', Not(Compare("b", "=", True))),
        ('(1 < "n")', Compare("n", ">", 1)),
        ('("n" == 1)', Compare("n", "=", 1)),
        ('("n" BETWEEN 1 AND 2)', And((Compare("n", ">=", 1), Compare("n", "<=", 2)))),
        ('("n" NOT IN (1, 2))', Not(In("n", (1, 2)))),
        ('("n" = -1::BIGINT)', Compare("n", "=", -1)),
        ("(\"created\" > TIMESTAMPTZ '2024-01-01 00:00:00+05:30')", Compare("created", ">", MOMENT)),
        ("(\"created\" > '2023-12-31 18:30:00+00'::TIMESTAMPTZ)", Compare("created", ">", MOMENT)),
        (
            'NOT "b" OR "n" = 1 AND "i" = 2',
            Or((Not(Compare("b", "=", True)), And((Compare("n", "=", 1), Compare("i", "=", 2))))),
        ),
        ('("n"::DOUBLE > 2.5)', Opaque(frozenset({"n"}))),
        ('(CAST("n" AS DOUBLE) > 2.5)', Opaque(frozenset({"n"}))),
        ('("f" = 1.5::DECIMAL(18,3))', Opaque(frozenset({"f"}))),
        ("(\"created\" > TIMESTAMP '2024-01-01 00:00:00')", Opaque(frozenset({"created"}))),
        ("(\"created\" > TIMESTAMPTZ 'infinity')", Opaque(frozenset({"created"}))),
        ("(\"d\" = '2024-01-01'::DATE)", Opaque(frozenset({"d"}))),
        ("(\"name\" LIKE 'a%')", Opaque(frozenset({"name"}))),
        ('("n" IN (1, NULL))', Opaque(frozenset({"n"}))),
        ('("n" = NULL)', Opaque(frozenset({"n"}))),
        ('("n" - 1 = 0)', Opaque(frozenset({"n"}))),
        ('("name" > "region")', Opaque(frozenset({"name", "region"}))),
        ("(lower(\"name\") = 'a')", Opaque(frozenset({"name"}))),
        ("(struct_extract(\"s\", 'X') = 1)", Opaque(frozenset({"s"}))),
        ('(f("name") AND ("region" = \'x\'))', And((Opaque(frozenset({"name"})), Compare("region", "=", "x")))),
        ('(NOT f("name"))', Not(Opaque(frozenset({"name"})))),
        ('optional: ("n" > 1)', Opaque(frozenset({"optional", "n"}))),
        ('((("n" = 1)', Opaque(frozenset({"n"}))),
    ],
)  # fmt: skip
def test_other_forms_are_read_or_opaque(printed, meaning):
    assert parse_filter(printed) == meaning

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy import Column, Connection, Engine, MetaData, Table, func, select
from sqlalchemy.dialects import postgresql

from sqlprov.frontends.sqlalchemy import Dialect, Map, Struct

Live = Callable[[str], Table]

T = Table(
    "Order items",
    MetaData(),
    Column("id", sa.Integer),
    Column("select", sa.String),
    Column("Price %", sa.Float),
    Column("list", sa.ARRAY(sa.Integer)),
    Column("pair", Struct({"Left": sa.Integer(), "it's": Struct({"deep": sa.String()})})),
    Column("map", Map(sa.String(), sa.Integer())),
    Column("doc", sa.JSON),
)
ROWS = [
    {
        "id": n,
        "select": name,
        "Price %": n * 1.5,
        "list": [n, n + 1, n + 2],
        "pair": {"Left": n, "it's": {"deep": name.upper()}},
        "map": {"n": n},
        "doc": {"a": [{"b": n}], "t": name},
    }
    for n, name in enumerate(["zero", "One", "two_2", "100%"])
]
C = T.c
ODD = C.id % 2
NOON, HOUR = datetime(2025, 6, 1, 12), timedelta(hours=1)
ID = UUID("6f3b6c0e-3f5b-4a57-9a3f-0d8b6c5f0f11")


def compile_id(parameter: Any) -> str | None:
    """The id of a test."""
    return None if isinstance(parameter, list) else str(parameter.compile(dialect=Dialect()))


@pytest.fixture(scope="module")
def filled_connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        T.drop(connection, checkfirst=True)
        T.create(connection)
        connection.execute(T.insert(), ROWS)
        yield connection
        T.drop(connection)


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        (C.id.in_([1, 3]), [1, 3]),
        (C.id.in_([]), []),
        (C.id.not_in([]), [0, 1, 2, 3]),
        (C.id.not_in([0, 1]), [2, 3]),
        (C.select.in_([]), []),
        (sa.tuple_(C.id, C.select).in_([(1, "One"), (2, "no")]), [1]),
        (sa.tuple_(C.id, C.select).in_([]), []),
        (C.select.like("%o%"), [0, 2]),
        (C.select.ilike("%O%"), [0, 1, 2]),
        (C.select.not_ilike("%O%"), [3]),
        (C.select.contains("_", autoescape=True), [2]),
        (C.select.icontains("ONE"), [1]),
        (C.select.startswith("100%", autoescape=True), [3]),
        (C.select.ilike("ONE/%", escape="/"), []),
        (C.select.regexp_match("^[a-z]+$"), [0]),
        (C.select.regexp_match("^[a-z]+$", flags="i"), [0, 1]),
        (~C.select.regexp_match("^[a-z]"), [1, 3]),
        (C.select.regexp_replace("O", "o") == "one", [1]),
        (C.select.regexp_replace("[ZO]", "_", flags="gi") == "_er_", [0]),
        (C.map["n"] == 2, [2]),
        (C.map["none"].is_(None), [0, 1, 2, 3]),
        (C.id.bitwise_xor(3) == 2, [1]),
        (sa.try_cast(C.select, sa.Integer).is_not(None), []),
        (sa.literal(NOON) + HOUR == NOON + HOUR, [0, 1, 2, 3]),
        (sa.literal(NOON) - sa.literal(NOON - HOUR) == HOUR, [0, 1, 2, 3]),
        (sa.literal(HOUR, literal_execute=True) == HOUR, [0, 1, 2, 3]),
        (C.id.between(1, 2), [1, 2]),
        (C.id % 2 == 1, [1, 3]),
        (C.id / 2 == 0.5, [1]),
        (C.id // 2 == 1, [2, 3]),
        (C["Price %"] > 2, [2, 3]),
        (C.select.is_distinct_from("One"), [0, 2, 3]),
        (C.select.is_not_distinct_from(sa.null()), []),
        (C.list[1] == 3, [3]),
        (C.list[1:2] == [2, 3], [2]),
        (sa.literal(5) == sa.any_(C.list), [3]),
        (C.pair["Left"] == 2, [2]),
        (C.pair["left"] == 2, [2]),
        (C.pair["it's"]["deep"] == "ONE", [1]),
        (C.doc["t"].as_string() == "One", [1]),
        (C.doc[("a", 0, "b")].as_integer() > 1, [2, 3]),
        (C.doc["a"][0]["b"].as_integer() == 0, [0]),
        (sa.cast(C.id, sa.String) + "x" == "2x", [2]),
        (sa.extract("year", sa.func.make_date(2020 + C.id, 1, 1)) == 2021, [1]),
        (sa.exists(select(1).where(C.id == 2)), [0, 1, 2, 3]),
        (C.id == select(func.max(C.id)).scalar_subquery(), [3]),
        (sa.literal(True), [0, 1, 2, 3]),
        (sa.true() & sa.not_(sa.false()), [0, 1, 2, 3]),
        (C.id == sa.bindparam("n", 2), [2]),
    ],
    ids=compile_id,
)
def test_a_condition_selects_its_rows(filled_connection: Connection, condition: Any, ids: list[int]) -> None:
    assert filled_connection.execute(select(C.id).where(condition).order_by(C.id)).scalars().all() == ids


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (select(C.id).order_by(C.id).limit(2), [(0,), (1,)]),
        (select(C.id).order_by(C.id).offset(2), [(2,), (3,)]),
        (select(C.id).order_by(C.id.desc()).limit(1).offset(1), [(2,)]),
        (select(func.count(), func.max(C["Price %"])).select_from(T), [(4, 4.5)]),
        (select(ODD, func.count()).group_by(ODD).having(func.sum(C.id) > 2), [(1, 2)]),
        (select(func.aggregate_strings(C.select, "/")).where(C.id < 2), [("zero/One",)]),
        (select(func.row_number().over(order_by=C.id.desc())).where(C.id < 1), [(1,)]),
        (select(ODD, C.id).ext(postgresql.distinct_on(ODD)).order_by(ODD, C.id), [(0, 0), (1, 1)]),
        (select(sa.literal(HOUR), sa.cast("6f3b6c0e-3f5b-4a57-9a3f-0d8b6c5f0f11", sa.Uuid)), [(HOUR, ID)]),
        (select(C.id % 2).distinct().order_by(sa.text("1")), [(0,), (1,)]),
        (sa.union_all(select(C.id).where(C.id == 1), select(sa.literal(9))), [(1,), (9,)]),
        (select(sa.case((C.id > 1, "many"), else_="few")).where(C.id == 2), [("many",)]),
        (select(C.map).where(C.id == 2), [({"n": 2},)]),
        (select(C.pair, C.doc["t"]).where(C.id == 1), [({"Left": 1, "it's": {"deep": "ONE"}}, "One")]),
        (select(sa.cast("1.25", sa.Numeric(5, 1))), [(Decimal("1.3"),)]),
        (select(sa.cast("0.1", sa.Float)), [(0.1,)]),
        (select(sa.literal("?"), sa.text("'?'")), [("?", "?")]),
        (select(select(C.id).where(C.id == 3).cte("c")), [(3,)]),
        (sa.values(Column("n", sa.Integer), name="v").data([(1,), (2,)]).select(), [(1,), (2,)]),
    ],
    ids=compile_id,
)
def test_a_query_has_its_rows(filled_connection: Connection, query: Any, rows: list[tuple[Any, ...]]) -> None:
    assert [tuple(row) for row in filled_connection.execute(query)] == rows


def test_what_duckdb_has_not_is_refused_with_advice() -> None:
    with pytest.raises(sa.exc.CompileError, match="leave out with_for_update"):
        select(T).with_for_update().compile(dialect=Dialect())


def test_an_unknown_struct_field_is_an_error_before_the_query() -> None:
    with pytest.raises(KeyError, match="The fields are Left, it's"):
        C.pair["Right"]


def test_every_keyword_of_duckdb_can_be_a_name(con: Connection) -> None:
    words = con.execute(sa.text("SELECT DISTINCT keyword_name FROM duckdb_keywords()")).scalars().all()
    table = Table("select", MetaData(), *(Column(word, sa.Integer) for word in words), prefixes=["TEMP"])
    table.create(con)
    assert con.execute(select(table).where(*(column == 1 for column in table.c))).keys() == words


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (None, "t"),
        ("main", "main.t"),
        ("aws.sagemaker", "aws.sagemaker.t"),
        ('"my.file".main', '"my.file".main.t'),
        ("Big.order", '"Big"."order".t'),
    ],
)
def test_a_schema_can_include_a_database(schema: str | None, expected: str) -> None:
    table = Table("t", MetaData(), Column("n", sa.Integer), schema=schema)
    assert str(select(table).compile(dialect=Dialect())) == f"SELECT {expected}.n \nFROM {expected}"


def test_a_query_of_a_live_table_makes_only_the_calls_it_needs(em: Any, con: Connection, live: Live) -> None:
    models = live("models")
    em.calls.clear()
    query = (
        select(models.c.model_name)
        .where(models.c.region.in_(["us-east-1", "us-west-2"]), models.c.model_name.like("fraud%"))
        .order_by(models.c.model_name)
        .limit(2)
    )
    assert len(con.execute(query).all()) == 2
    assert {(call.operation, call.region) for call in em.calls} == {
        ("ListModels", "us-east-1"),
        ("ListModels", "us-west-2"),
    }


def test_a_sequence_numbers_the_rows_of_a_local_table(engine: Engine) -> None:
    metadata = MetaData()
    numbered = Table(
        "numbered",
        metadata,
        Column("id", sa.Integer, sa.Sequence("numbers"), primary_key=True),
        Column("name", sa.String),
    )
    metadata.create_all(engine)
    with engine.begin() as con:
        assert con.execute(numbered.insert().values(name="a")).inserted_primary_key == (1,)
        con.execute(numbered.insert(), [{"name": "b"}, {"name": "c"}])
        assert con.execute(select(numbered).order_by(numbered.c.id)).all() == [(1, "a"), (2, "b"), (3, "c")]
        assert con.execute(numbered.update().where(numbered.c.id > 1).values(name="z")).rowcount == 2
        assert con.execute(numbered.delete().returning(numbered.c.name)).all() == [("a",), ("z",), ("z",)]
    metadata.drop_all(engine)

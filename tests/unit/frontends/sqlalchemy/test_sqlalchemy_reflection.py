from __future__ import annotations

import pytest
from sqlalchemy import ARRAY, Column, Engine, Enum, Inspector, MetaData, Table, exc, inspect, text
from sqlalchemy.types import NullType

import sqlprov
from sqlprov.emulator import Emulator
from sqlprov.frontends.sqlalchemy import Dialect, Map, Struct
from sqlprov.frontends.sqlalchemy.types import parse_type

LIVE = "aws.sagemaker"
TABLES = ["endpoint_configs", "endpoints", "inference_experiments", "models"]


@pytest.fixture
def inspector(own_engine: Engine) -> Inspector:
    with own_engine.begin() as con:
        for statement in (
            "CREATE TABLE parent (a INTEGER, b VARCHAR, PRIMARY KEY (a, b))",
            """CREATE TABLE child (
                id INTEGER PRIMARY KEY, x INTEGER DEFAULT 7, y VARCHAR NOT NULL, z DECIMAL(9, 2) UNIQUE,
                "Mixed.Case" TIMESTAMPTZ, FOREIGN KEY (x, y) REFERENCES parent (a, b), CHECK (x > 0))""",
            "CREATE INDEX by_y ON child (y, x)",
            "CREATE INDEX by_sum ON child ((x + 1))",
            "COMMENT ON TABLE child IS 'Of a parent.'",
            "COMMENT ON COLUMN child.y IS 'Why.'",
            "CREATE VIEW seen AS SELECT id FROM child",
            "CREATE SCHEMA extra",
            "CREATE TABLE extra.child (other INTEGER)",
            """ATTACH ':memory:' AS "my.file" """,
            """CREATE TABLE "my.file".main.far (n INTEGER)""",
        ):
            con.execute(text(statement))
    return inspect(own_engine)


# Live tables


def test_schemas_include_those_of_other_databases(inspector: Inspector) -> None:
    names = inspector.get_schema_names()
    assert [name for name in names if not name.startswith("aws.")] == ["extra", "main", '"my.file".main']
    assert {"aws.main", LIVE, "aws.iam"} <= set(names)
    assert inspector.default_schema_name == "main"


def test_live_tables_are_tables(inspector: Inspector) -> None:
    assert set(TABLES) <= set(inspector.get_table_names(schema=LIVE))
    assert inspector.get_view_names(schema=LIVE) == []
    for schema in ("aws", "aws.main"):
        assert inspector.get_view_names(schema=schema) == ["accounts", "regions"]
    assert inspector.has_table("models", schema=LIVE)
    assert not inspector.has_table("model", schema=LIVE)
    assert not inspector.has_table("models")


@pytest.mark.parametrize("name", TABLES)
def test_a_live_table_has_the_columns_and_comments_of_the_catalog_without_a_call(
    em: Emulator, engine: Engine, name: str
) -> None:
    before = len(em.calls)
    columns = inspect(engine).get_columns(name, schema=LIVE)
    comment = inspect(engine).get_table_comment(name, schema=LIVE)["text"]
    assert len(em.calls) == before
    with sqlprov.connect() as con:
        described = con.sql(f"DESCRIBE {LIVE}.{name}").fetchall()
    assert [(column["name"], column["comment"]) for column in columns] == [
        (row[0], row[2]) for row in described
    ]
    compiler = engine.dialect.type_compiler_instance
    kinds = [compiler.process(column["type"]).replace('"', "") for column in columns]
    assert kinds == [row[1].replace('"', "") for row in described]
    assert comment
    assert comment.endswith(".")


def test_a_live_table_is_reflected_with_region_and_key_as_its_primary_key(engine: Engine) -> None:
    models = Table("models", MetaData(), schema=LIVE, autoload_with=engine)
    assert [column.name for column in models.primary_key] == ["region", "model_name"]
    assert models.comment == "Containers and artifacts that an endpoint can serve."
    vpc, tags, made = models.c.vpc_config.type, models.c.tags.type, models.c.creation_time.type
    assert isinstance(vpc, Struct)
    assert vpc.names == ["SecurityGroupIds", "Subnets"]
    assert isinstance(tags, ARRAY)
    assert isinstance(tags.item_type, Struct)
    assert made.timezone


def test_an_unknown_live_table_is_an_error(inspector: Inspector) -> None:
    for inspect_table in (inspector.get_columns, inspector.get_pk_constraint, inspector.get_table_comment):
        with pytest.raises(exc.NoSuchTableError):
            inspect_table("modles", schema=LIVE)


# Local tables


def test_tables_and_views_of_each_schema(inspector: Inspector) -> None:
    assert inspector.get_table_names() == inspector.get_table_names(schema="main") == ["child", "parent"]
    assert inspector.get_view_names() == ["seen"]
    assert inspector.get_table_names(schema="extra") == ["child"]
    assert inspector.get_table_names(schema='"my.file".main') == ["far"]
    assert inspector.has_table("seen")
    assert inspector.get_view_definition("seen").startswith("CREATE VIEW seen AS SELECT id FROM child")
    with pytest.raises(exc.NoSuchTableError):
        inspector.get_view_definition("child")


def test_the_columns_of_a_table(inspector: Inspector) -> None:
    columns = [
        (column["name"], repr(column["type"]), column["nullable"], column["default"], column["comment"])
        for column in inspector.get_columns("child")
    ]
    assert columns == [
        ("id", "INTEGER()", False, None, None),
        ("x", "INTEGER()", True, "7", None),
        ("y", "VARCHAR()", False, None, "Why."),
        ("z", "DECIMAL(precision=9, scale=2)", True, None, None),
        ("Mixed.Case", "TIMESTAMP(timezone=True)", True, None, None),
    ]
    assert [column["name"] for column in inspector.get_columns("seen")] == ["id"]
    assert [column["name"] for column in inspector.get_columns("child", schema="extra")] == ["other"]
    assert inspector.get_table_comment("child") == {"text": "Of a parent."}


def test_the_constraints_of_a_table(inspector: Inspector) -> None:
    assert inspector.get_pk_constraint("parent")["constrained_columns"] == ["a", "b"]
    assert inspector.get_pk_constraint("seen")["constrained_columns"] == []
    (key,) = inspector.get_foreign_keys("child")
    assert (key["constrained_columns"], key["referred_table"], key["referred_columns"]) == (
        ["x", "y"],
        "parent",
        ["a", "b"],
    )
    assert [each["column_names"] for each in inspector.get_unique_constraints("child")] == [["z"]]
    assert [each["sqltext"] for each in inspector.get_check_constraints("child")] == ["(x > 0)"]
    assert [(each["name"], each["column_names"]) for each in inspector.get_indexes("child")] == [
        ("by_y", ["y", "x"])
    ]


def test_temporary_tables_are_those_of_the_connection(own_engine: Engine) -> None:
    with own_engine.connect() as con:
        con.execute(text("CREATE TEMP TABLE scratch AS SELECT 1 AS n"))
        con.execute(text("CREATE TEMP VIEW glance AS FROM scratch"))
        mine = inspect(con)
        assert (mine.get_temp_table_names(), mine.get_temp_view_names()) == (["scratch"], ["glance"])
        assert mine.get_table_names() == []
        assert [column["name"] for column in mine.get_columns("scratch")] == ["n"]


def test_use_chooses_the_default_schema(engine: Engine) -> None:
    with engine.connect() as con:
        con.execute(text("USE aws.sagemaker"))
        assert set(TABLES) <= set(inspect(con).get_table_names())
        assert inspect(con).has_table("models")


# Types


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("BOOLEAN", "BOOLEAN()"),
        ("TINYINT", "SMALLINT()"),
        ("UBIGINT", "NUMERIC(precision=20, scale=0)"),
        ("HUGEINT", "NUMERIC(precision=38, scale=0)"),
        ("FLOAT", "REAL()"),
        ("DOUBLE", "DOUBLE()"),
        ("DECIMAL(18,3)", "DECIMAL(precision=18, scale=3)"),
        ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP(timezone=True)"),
        ("TIMESTAMP_NS", "TIMESTAMP()"),
        ("TIME WITH TIME ZONE", "TIME(timezone=True)"),
        ("INTERVAL", "INTERVAL()"),
        ("UUID", "UUID()"),
        ("INTEGER[]", "ARRAY(INTEGER(), dimensions=1)"),
        ("INTEGER[3][]", "ARRAY(INTEGER(), dimensions=2)"),
        ("BIT", "NullType()"),
        ("UNION(a INTEGER, b VARCHAR)", "NullType()"),
    ],
)
def test_a_duckdb_type_maps_to_a_sqlalchemy_type(name: str, kind: str) -> None:
    assert repr(parse_type(name)) == kind


def test_nested_types_are_read_from_duckdbs_text() -> None:
    kind = parse_type(
        'STRUCT("a ""b""" MAP(VARCHAR, DECIMAL(4,1)[]), ' + "e ENUM('it''s', 'b'), u UNION(x INTEGER))[]"
    )
    assert isinstance(kind, ARRAY)
    assert isinstance(kind.item_type, Struct)
    fields = dict(kind.item_type.fields)
    assert list(fields) == ['a "b"', "e", "u"]
    assert isinstance(fields['a "b"'], Map)
    assert repr(fields['a "b"'].value) == "ARRAY(DECIMAL(precision=4, scale=1), dimensions=1)"
    assert isinstance(fields["e"], Enum)
    assert fields["e"].enums == ["it's", "b"]
    assert isinstance(fields["u"], NullType)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("BOOLEAN", "true"),
        ("UTINYINT", "255"),
        ("HUGEINT", "12345678901234567890123456789"),
        ("DECIMAL(18,3)", "1.250"),
        ("DOUBLE", "0.1"),
        ("FLOAT", "0.5"),
        ("VARCHAR", "'ä?%s:x'"),
        ("BLOB", r"'\x00\xFF'::BLOB"),
        ("UUID", "'6f3b6c0e-3f5b-4a57-9a3f-0d8b6c5f0f11'"),
        ("DATE", "'2025-06-01'"),
        ("TIME", "'10:11:12.5'"),
        ("TIMESTAMP", "'2025-06-01 10:11:12.123456'"),
        ("TIMESTAMP WITH TIME ZONE", "'2025-06-01 10:11:12.123456+02'"),
        ("ENUM('a', 'b')", "'b'"),
        ("INTEGER[]", "[1, NULL, 3]"),
        ("STRUCT(a INTEGER, b VARCHAR[])", "{'a': 1, 'b': ['x']}"),
        ("MAP(VARCHAR, INTEGER)", "MAP {'x': 1, 'y': 2}"),
        ("JSON", """'{"a": [1, 2]}'"""),
    ],
)
def test_a_value_of_a_reflected_column_is_read_and_written_back(
    own_engine: Engine, kind: str, value: str
) -> None:
    with own_engine.begin() as con:
        con.execute(text(f"CREATE TABLE t (id INTEGER, v {kind})"))
        con.exec_driver_sql(f"INSERT INTO t VALUES (1, {value}), (2, NULL)")
        table = Table("t", MetaData(), autoload_with=con)
        read = con.execute(table.select().order_by(table.c.id)).all()
        assert read[1].v is None
        con.execute(table.insert().values(id=3, v=read[0].v))
        assert con.execute(table.select().where(table.c.id == 3)).one().v == read[0].v
        same = text("SELECT count(*) FROM t AS a, t AS b WHERE a.id = 1 AND b.id = 3 AND a.v = b.v")
        assert con.execute(same).scalar() == 1


def test_a_table_created_by_sqlalchemy_is_reflected_unchanged(own_engine: Engine) -> None:
    compiler = Dialect().type_compiler_instance
    kinds = ["DOUBLE", "TIMESTAMP WITH TIME ZONE", "VARCHAR[][]", "MAP(VARCHAR, INTEGER)", "UUID", "JSON"]
    kinds.append('STRUCT("a b" DECIMAL(5,2), "c" BLOB)')
    made = Table("made", MetaData(), *[Column(f"c{at}", parse_type(kind)) for at, kind in enumerate(kinds)])
    made.create(own_engine)
    again = Table("made", MetaData(), autoload_with=own_engine)
    reflected = [compiler.process(column.type) for column in again.columns]
    assert [kind.replace(", ", ",") for kind in reflected] == [kind.replace(", ", ",") for kind in kinds]

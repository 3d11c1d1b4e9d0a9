from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from postgres_server import connect, serve

import sqlprov
from sqlprov.catalog import Catalog
from sqlprov.frontends.serve.pg_catalog.contents import CatalogContents
from sqlprov.frontends.serve.pg_catalog.definitions import read_relations
from sqlprov.frontends.serve.server import Server


@pytest.fixture(scope="module")
def catalogs() -> Iterator[Server]:
    """A server whose catalogs are read once for all these tests."""
    with sqlprov.connect(local=True) as base, serve(base) as server:
        yield server


@pytest.fixture
def aws(catalogs: Server) -> Iterator[psycopg.Connection[Any]]:
    with connect(catalogs) as connection:
        yield connection


@pytest.fixture
def memory(catalogs: Server) -> Iterator[psycopg.Connection[Any]]:
    with connect(catalogs, dbname="memory") as connection:
        connection.execute(
            "CREATE OR REPLACE TABLE kept (n INTEGER NOT NULL, price DECIMAL(10, 2), tags VARCHAR[])"
        )
        connection.execute("COMMENT ON TABLE kept IS 'What was kept'")
        connection.execute("CREATE OR REPLACE VIEW shown AS SELECT n FROM kept")
        yield connection


@pytest.mark.parametrize("name", read_relations())
def test_every_relation_can_be_read(
    aws: psycopg.Connection[Any], memory: psycopg.Connection[Any], name: str
) -> None:
    relation = read_relations()[name]
    for connection in (aws, memory):
        cursor = connection.execute(f'SELECT * FROM {relation.schema}."{name}"')
        assert cursor.description is not None
        assert [column.name for column in cursor.description] == [column for column, _, _ in relation.columns]
        cursor.fetchall()


def test_services_are_schemas_and_their_tables_are_tables(aws: psycopg.Connection[Any]) -> None:
    query = """
        SELECT n.nspname, c.relname, c.relkind, pg_catalog.obj_description(c.oid, 'pg_class')
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = %s AND c.relname = %s
    """
    about = "Containers and artifacts that an endpoint can serve."
    assert aws.execute(query, ["sagemaker", "models"]).fetchall() == [("sagemaker", "models", "r", about)]
    schemas = "SELECT count(*) > 300 FROM information_schema.schemata"
    assert aws.execute(schemas).fetchall() == [(True,)]


def test_columns_have_their_types_comments_and_keys(aws: psycopg.Connection[Any]) -> None:
    query = """
        SELECT attname, pg_catalog.format_type(atttypid, atttypmod), col_description(attrelid, attnum) IS NOT NULL
        FROM pg_attribute WHERE attrelid = 'sagemaker.models'::regclass AND attnum > 0 ORDER BY attnum
    """
    columns = aws.execute(query).fetchall()
    assert columns[0] == ("model_name", "text", True)
    assert ("creation_time", "timestamp with time zone", True) in columns
    assert ("tag_map", "json", True) in columns
    with aws.cursor() as cursor:
        cursor.execute("SELECT * FROM sagemaker.models LIMIT 0")
        assert cursor.description is not None
        assert [column.name for column in cursor.description] == [name for name, _, _ in columns]
    key = """
        SELECT column_name FROM information_schema.key_column_usage
        WHERE table_schema = 'sagemaker' AND table_name = 'models' ORDER BY ordinal_position
    """
    assert aws.execute(key).fetchall() == [("region",), ("model_name",)]
    constraint = "SELECT conkey, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass"
    ((numbers, text),) = aws.execute(constraint, ["sagemaker.models"]).fetchall()
    assert (len(numbers), text) == (2, "PRIMARY KEY (region, model_name)")


def test_local_tables_and_views_are_listed_as_they_are_now(memory: psycopg.Connection[Any]) -> None:
    tables = "SELECT table_schema, table_name, table_type FROM information_schema.tables WHERE table_schema = 'main'"
    assert memory.execute(f"{tables} AND table_name IN ('kept', 'shown') ORDER BY 2").fetchall() == [
        ("main", "kept", "BASE TABLE"),
        ("main", "shown", "VIEW"),
    ]
    columns = """
        SELECT column_name, data_type, is_nullable, numeric_precision, numeric_scale FROM information_schema.columns
        WHERE table_name = 'kept' ORDER BY ordinal_position
    """
    assert memory.execute(columns).fetchall() == [
        ("n", "integer", "NO", 32, 0),
        ("price", "numeric", "YES", 10, 2),
        ("tags", "json", "YES", None, None),
    ]
    assert memory.execute("SELECT obj_description('kept'::regclass)").fetchall() == [("What was kept",)]
    memory.execute("DROP VIEW shown")
    assert memory.execute(f"{tables} AND table_name = 'shown'").fetchall() == []


def test_a_session_describes_itself(aws: psycopg.Connection[Any]) -> None:
    query = (
        "SELECT version(), current_user, current_database(), pg_catalog.current_setting('server_version_num')"
    )
    ((version, user, database, number),) = aws.execute(query).fetchall()
    assert version.startswith("PostgreSQL 15.18 (sqlprov ")
    assert (user, database, number) == ("ada", "aws", "150018")


def test_an_oid_and_an_array_have_postgresqls_types(aws: psycopg.Connection[Any]) -> None:
    for binary in (False, True):
        with aws.cursor(binary=binary) as cursor:
            arrays = "ARRAY['a b', NULL, 'c\"d'], ARRAY[]::text[]"
            query = f"SELECT oid, {arrays} FROM pg_namespace WHERE nspname = 'pg_catalog'"
            assert cursor.execute(query).fetchall() == [(11, ["a b", None, 'c"d'], [])]
            assert cursor.description is not None
            assert [column.type_code for column in cursor.description] == [26, 1009, 1009]


def test_reading_the_catalogs_makes_no_call(catalogs: Server, aws: psycopg.Connection[Any]) -> None:
    aws.execute("SELECT count(*) FROM information_schema.columns").fetchall()
    notices: list[object] = []
    aws.add_notice_handler(notices.append)
    aws.execute("SELECT count(*) FROM pg_class").fetchall()
    assert notices == []


def test_a_provider_that_has_to_be_named_has_columns(catalogs: Server) -> None:
    query = """
        SELECT data_type FROM information_schema.columns
        WHERE (table_schema, table_name, column_name) = ('s3', 'buckets', 'bucket_name')
    """
    with connect(catalogs, dbname="awscc") as connection:
        assert connection.execute(query).fetchall() == [("text",)]


def test_columns_that_cannot_be_read_are_an_error_and_are_read_again_and_kept_for_the_next_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "resources" / "aws").mkdir(parents=True)
    (tmp_path / "resources" / "aws" / "sqs.yaml").write_text(
        "title: SQS\ntables:\n  queues: {list: ListQueues, key: queue_url}\n"
    )
    catalog = Catalog([tmp_path / "resources"])
    contents = CatalogContents(catalog)
    text = contents.qualify("FROM _columns", "aws")
    with monkeypatch.context() as patch:
        patch.setattr("sys.executable", "/bin/false")
        with pytest.raises(sqlprov.InternalError, match="The columns of aws could not be read"):
            contents.list_variables(text)
    (table,) = contents.list_variables(text).values()
    assert "queue_url" in table["name"].to_pylist()
    (file,) = tmp_path.glob("sqlprov/columns/aws-*.arrow")
    assert file.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr("sys.executable", "/bin/false")
    (kept,) = CatalogContents(catalog).list_variables(text).values()
    assert kept.equals(table)

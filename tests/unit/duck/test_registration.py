from __future__ import annotations

from collections.abc import Callable

import pytest

from sqlprov.api.connection import Connection
from sqlprov.catalog import Catalog
from sqlprov.catalog.table import Table
from sqlprov.errors import ResourceFileError, UnknownName

Connect = Callable[..., Connection]
MODELS, ENDPOINTS = ("aws", "sagemaker", "models"), ("aws", "sagemaker", "endpoints")
LISTS_ALL = "SHOW TABLES IN aws and FROM sqlprov.tables list all"


@pytest.fixture
def con(connect: Connect) -> Connection:
    return connect(regions="eu-west-1")


@pytest.fixture
def loaded_files(monkeypatch: pytest.MonkeyPatch, catalog: Catalog) -> list[str]:
    """The tables that have been loaded; `models` cannot be."""
    names: list[str] = []
    get_table = catalog.get_table

    def load(provider: str, service: str, name: str) -> Table:
        names.append(name)
        if name == "models":
            raise ResourceFileError("models.yaml:1: wrong")
        return get_table(provider, service, name)

    monkeypatch.setattr(catalog, "get_table", load)
    return names


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "BEGIN; ROLLBACK",
        "CREATE TABLE models (id INTEGER); INSERT INTO models VALUES (1); FROM models",
        "SELECT models, 'sagemaker' FROM (SELECT 1 AS models)",
        "WITH models AS (SELECT 1 AS sagemaker) SELECT models.sagemaker FROM models",
        "FROM information_schema.tables",
        "FROM duckdb_views()",
        "SHOW ALL TABLES",
        "SHOW TABLES IN aws",
        "USE aws.sagemaker; SHOW TABLES",
        "FROM sqlprov.tables",
    ],
)
def test_a_statement_that_reads_no_live_table_loads_none(
    con: Connection, loaded_files: list[str], text: str
) -> None:
    con.sql(text).fetchall()
    assert loaded_files == []
    assert con._session.registered == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "FROM aws.sagemaker.endpoints",
        'FROM "AWS"."SageMaker" . endpoints',
        "FROM query('FROM aws.sagemaker.endpoints')",
        "FROM query('FROM aws.sagemaker.' || 'endpoints')",
        "USE aws; FROM sagemaker.endpoints",
        "USE aws.sagemaker; FROM endpoints",
        "USE aws; USE sagemaker; FROM endpoints",
        "SET search_path = 'memory.main,aws.sagemaker'; FROM endpoints",
        "CREATE VIEW v AS FROM aws.sagemaker.endpoints; FROM v",
        "EXPLAIN FROM aws.sagemaker.endpoints",
    ],
)
def test_the_table_that_a_statement_names_is_registered_alone(
    con: Connection, loaded_files: list[str], text: str
) -> None:
    assert con.sql(text).fetchall()
    assert con._session.registered == {ENDPOINTS}


def test_a_view_in_a_file_registers_the_tables_that_it_reads(
    connect: Connect, loaded_files: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = str(tmp_path_factory.mktemp("own") / "own.duckdb")
    con = connect(file, regions="eu-west-1")
    con.sql("CREATE VIEW v AS FROM aws.sagemaker.endpoints")
    con.close()
    con = connect(file, regions="eu-west-1")
    assert con._session.registered == frozenset()
    # The schema exists then, and DuckDB's message names only the table.
    con.sql("EXPLAIN FROM aws.sagemaker.inference_experiments")
    assert len(con.sql("FROM v").fetchall()) == 3


def test_a_resource_file_that_is_wrong_fails_only_the_statement_that_reads_its_table(
    con: Connection, loaded_files: list[str]
) -> None:
    con.sql("USE aws.sagemaker")
    assert con.sql("SELECT 'models' FROM endpoints").fetchall() == [("models",)] * 3
    assert "models" in loaded_files
    with pytest.raises(ResourceFileError, match=r"^models.yaml:1: wrong"):
        con.sql("FROM models")
    con.sql("USE memory")
    with pytest.raises(ResourceFileError):
        con.sql("SELECT * FROM aws.sagemaker.endpoints, aws.sagemaker.models")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT table_name FROM information_schema.tables WHERE table_catalog = 'aws'",
        "SELECT view_name FROM duckdb_views() WHERE database_name = 'aws'",
        "SELECT name FROM (SHOW ALL TABLES) WHERE database = 'aws'",
    ],
)
def test_duckdb_lists_what_the_session_has_named_and_says_what_lists_all(con: Connection, text: str) -> None:
    con.sql("EXPLAIN FROM aws.sagemaker.endpoints")
    result = con.sql(text)
    assert set(result.fetchall()) == {("accounts",), ("endpoints",), ("regions",)}
    assert [LISTS_ALL in warning for warning in result.warnings] == [True]


@pytest.mark.parametrize(
    "text", ["SHOW TABLES", "DESCRIBE", "SHOW SCHEMAS", "SHOW ALL TABLES", "PRAGMA show_tables"]
)
def test_every_listing_of_duckdb_says_what_lists_all(con: Connection, text: str) -> None:
    assert LISTS_ALL in con.sql(text).warnings[0]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 AS columns",
        "SHOW TABLES FROM memory",
        "FROM sqlprov.tables",
        "DESCRIBE aws.sagemaker.endpoints",
    ],
)
def test_other_statements_have_no_such_warning(con: Connection, text: str) -> None:
    assert con.sql(text).warnings == []


def test_show_tables_in_a_service_that_use_chose_lists_its_tables_and_temporary_ones(con: Connection) -> None:
    con.sql("USE aws.sagemaker; CREATE TEMP TABLE mine (i INTEGER)")
    result = con.sql("SHOW TABLES")
    assert {("endpoints",), ("models",), ("mine",)} <= set(result.fetchall())
    assert result.warnings == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FROM models", "Table with name models does not exist. Did you mean 'aws."),
        ("FROM sagemaker.modles", "Unknown table 'modles' in aws.sagemaker"),
        ("FROM aws.sagemaker.modles", "Did you mean 'models'?"),
        ("FROM aws.sagemakr.models", "Unknown service 'sagemakr' in aws"),
    ],
)
def test_a_name_without_its_service_or_with_a_typo_is_suggested_in_full(
    con: Connection, loaded_files: list[str], text: str, words: str
) -> None:
    with pytest.raises(UnknownName) as error:
        con.sql(text)
    assert words in str(error.value)
    assert loaded_files == []

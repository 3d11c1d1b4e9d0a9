"""Names of services and tables that are keywords of DuckDB."""

from __future__ import annotations

import duckdb
import pytest

from sqlprov.catalog import Catalog
from sqlprov.sql import Query, parse
from sqlprov.sql.names import find_mentions
from sqlprov.sql.query import parse_tree

CATALOG = Catalog()
STATEMENTS = (
    "SELECT {1}.region FROM aws.{0}.{1}",
    "SELECT aws.{0}.{1}.region FROM aws.{0}.{1} AS x JOIN aws.{0}.{1} USING (region)",
    "INSERT INTO aws.{0}.{1} (a) VALUES (1)",
    "UPDATE aws.{0}.{1} SET a = 1 WHERE b",
    "DELETE FROM aws.{0}.{1} WHERE a",
    "USE aws.{0}",
    "DESCRIBE aws.{0}.{1}",
)
OURS = ("DESCRIBE EXTENDED aws.{0}.{1}", "SHOW METHODS IN aws.{0}.{1}", "EXEC aws.{0}.{1}.start @a = 1")
ALONE = {"references"}
"""Tables whose names are reserved: alone, in front of a column, they need quotes."""


def list_keywords() -> list[tuple[str, str]]:
    with duckdb.connect() as duck:
        words = {row[0] for row in duck.execute("SELECT keyword_name FROM duckdb_keywords()").fetchall()}
    services = CATALOG.list_services("aws")
    tables = [(service, table) for service in services for table in CATALOG.list_tables("aws", service)]
    return [name for name in tables if not words.isdisjoint(name)] + [("lambda", "functions")]


@pytest.fixture(scope="module")
def duck() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def test_a_full_name_needs_no_quotes_in_any_statement(duck: duckdb.DuckDBPyConnection) -> None:
    names = list_keywords()
    assert len(names) > 1
    for service, table in names:
        for form in STATEMENTS[table in ALONE :]:
            text = form.format(service, table)
            assert duck.extract_statements(text), text
            assert parse_tree(text) is not None, text
        for form in OURS:
            assert not isinstance(parse(form.format(service, table))[0], Query), form


def test_it_names_its_table() -> None:
    for service, table in list_keywords():
        if table in CATALOG.list_tables("aws", service):
            query = Query(f"FROM aws.{service}.{table}", 0)
            assert ("aws", service, table) in find_mentions(CATALOG, query, [])

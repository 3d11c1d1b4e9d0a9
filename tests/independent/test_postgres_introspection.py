"""What tools ask about a database before a user sees anything, as facts about these tools, one file each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from postgres_server import connect, serve

import sqlprov
from sqlprov.frontends.serve.session import split

FILES = sorted((Path(__file__).parent / "introspection").glob("*.sql"))
QUERIES = [
    pytest.param(query, id=f"{file.stem}-{number}")
    for file in FILES
    for number, (query, _) in enumerate(split(file.read_text()), start=1)
]
WITH_ROWS = {  # what of each tool
    "dbeaver-11": "(a table's columns)",
    "datagrip-7": "(the tables of a schema)",
    "metabase-2": "(all tables)",
    "metabase-3": "(the columns of a schema)",
    "grafana-4": "(the columns of a table)",
    "tableau-1": "(the columns of a table)",
    "power_bi-2": "(the types)",
    "power_bi-6": "(the columns of a table)",
    "power_bi-8": "(the key of a table)",
}


@pytest.fixture(scope="module")
def aws() -> Iterator[psycopg.Connection[Any]]:
    with sqlprov.connect(local=True) as base, serve(base) as server, connect(server) as connection:
        yield connection


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_of_a_tool_is_answered(
    aws: psycopg.Connection[Any], request: pytest.FixtureRequest, query: str
) -> None:
    rows = aws.execute(query.encode()).fetchall()
    if request.node.callspec.id in WITH_ROWS:
        assert rows


def test_every_tool_has_queries() -> None:
    assert {file.stem for file in FILES} >= {
        "dbeaver",
        "datagrip",
        "grafana",
        "metabase",
        "power_bi",
        "tableau",
    }

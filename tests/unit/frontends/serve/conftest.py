from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from postgres_server import RawClient, connect, serve

import sqlprov
from sqlprov.frontends.serve.server import Server


@pytest.fixture(scope="module")
def base() -> Iterator[sqlprov.Connection]:
    with sqlprov.connect(local=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def server(base: sqlprov.Connection) -> Iterator[Server]:
    with serve(base) as running:
        yield running


@pytest.fixture
def pg(server: Server) -> Iterator[psycopg.Connection[Any]]:
    with connect(server) as connection:
        yield connection


@pytest.fixture
def raw(server: Server) -> Iterator[RawClient]:
    """A client that has not logged in."""
    with RawClient(server) as client:
        yield client

from __future__ import annotations

from collections.abc import Iterator

import pytest

import sqlprov


@pytest.fixture(scope="module")
def session() -> Iterator[sqlprov.Connection]:
    """A connection to the local SageMaker."""
    with sqlprov.connect(local=True) as connection:
        yield connection


@pytest.fixture
def con(session: sqlprov.Connection) -> Iterator[sqlprov.Connection]:
    """A connection of the test's own to the same tables."""
    with session.cursor() as connection:
        yield connection

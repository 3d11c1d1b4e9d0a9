"""Every table of the catalog can be read from the local AWS: rows or none, the same ones twice, and never an error."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confirmations import CATALOG, find_left_out
from slices import take_slice

import sqlprov
from sqlprov.errors import Error


@pytest.fixture(scope="module")
def local() -> Iterator[sqlprov.Connection]:
    with sqlprov.connect(local=True) as connection:
        yield connection


@pytest.mark.parametrize("service", take_slice(CATALOG.list_services("aws"), 20))
def test_every_table_of_a_service_can_be_read(service: str, local: sqlprov.Connection) -> None:
    changing, wrong = find_left_out(service), []
    for name in CATALOG.list_tables("aws", service):
        query = f"SELECT * EXCLUDE ({', '.join(changing[name])})" if changing.get(name) else ""
        try:
            first, second = (
                sorted(map(repr, local.sql(f"{query} FROM aws.{service}.{name}").fetchall()))
                for _ in range(2)
            )
        except Error as error:
            wrong.append(f"{name}: {type(error).__name__}: {error}")
            continue
        if first != second:
            wrong.append(f"{name} differs: {first[:1]} {second[:1]}")
    assert not wrong, "\n".join(wrong)

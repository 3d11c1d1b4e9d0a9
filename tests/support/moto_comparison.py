"""Compares the tables of a service with what boto3 reads from a moto that has resources of every kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import boto3
from boto_tables import BotoTables, Row, Unserved, find_difference, normalize
from example_server import find_client
from moto.backend_index import backend_url_patterns
from moto_seeder import Seeder
from moto_server import skip_states, start_moto
from request_values import REGION
from table_sweep import write_filter

from sqlprov.api.connection import Connection
from sqlprov.aws.transport.accounts import AccountFinder
from sqlprov.aws.transport.clients import Cloud
from sqlprov.catalog import Catalog
from sqlprov.catalog.table import Table
from sqlprov.duck.database import open_database
from sqlprov.duck.session import Session
from sqlprov.errors import Error
from sqlprov.settings import Settings

CATALOG = Catalog()
MOST_ROWS = 300
"""Rows of a table whose filters are compared."""


class Verdict(Enum):
    """What became of a table."""

    EQUAL = "equal"
    UNSERVED = "moto does not have its list"
    EMPTY = "moto lists nothing"
    BROKEN = "boto3 fails"
    DIFFERENT = "it differs"


class NotUnique(Exception):
    """The key does not identify a row."""


@dataclass(frozen=True)
class Comparison:
    """A table of sqlprov beside the same table of boto3.

    Attributes:
        text: what differs, or which call fails.
        missing_calls: that fill some of its columns and that moto does not have; these columns are not compared.
        empty_in_list: columns that the list leaves empty in some row, and the describe does not.
        wrong_filters: filters with which rows differ from those that the same condition leaves of the whole list.
    """

    verdict: Verdict
    text: str = ""
    missing_calls: frozenset[str] = frozenset()
    empty_in_list: frozenset[str] = frozenset()
    wrong_filters: frozenset[str] = frozenset()


def is_on_moto(service: str) -> bool:
    """Whether moto has a backend for the address of a service."""
    client = boto3.client(find_client(CATALOG, service), region_name=REGION)
    url = client.meta.endpoint_url
    client.close()
    backends = {name for name, pattern in backend_url_patterns if pattern.match(url)}
    return bool(backends - {"s3"}) or service == "s3"  # S3's pattern fits the addresses of other services


def compare_service(service: str, left_out: Mapping[str, Collection[str]]) -> dict[str, Comparison]:
    """Every table of a service, on a moto of its own; none if moto does not have the service.

    Args:
        left_out: table -> columns that are not compared.
    """
    if not is_on_moto(service):
        return {}
    with skip_states(), start_moto() as url:
        Seeder(url, find_client(CATALOG, service)).seed()
        cloud = Cloud(endpoint_url=url, credentials=("testing", "testing"))
        boto = BotoTables(url)
        try:
            # A failure of moto is not a matter of chance, so it is not called again.
            settings = Settings(regions=REGION, max_attempts=1, show_sensitive=True)
            with Connection(Session(CATALOG, AccountFinder(cloud), open_database()), settings) as connection:
                tables = (
                    CATALOG.get_table("aws", service, name) for name in CATALOG.list_tables("aws", service)
                )
                return {
                    table.name: _compare(connection, boto, table, left_out.get(table.name, ()))
                    for table in tables
                }
        finally:
            boto.close()


def _compare(connection: Connection, boto: BotoTables, table: Table, left_out: Collection[str]) -> Comparison:
    try:
        expected = boto.read(table, left_out)
    except Unserved as error:
        return Comparison(Verdict.UNSERVED, str(error))
    except Exception as error:  # moto's replies make botocore fail in many ways
        return Comparison(Verdict.BROKEN, f"{type(error).__name__}: {error}")
    if not expected:
        return Comparison(Verdict.EMPTY)
    missing, sparse = boto.missing_calls[table.full_name], boto.empty_in_list[table.full_name]
    names = [name for name in expected[0] if all(name in row for row in expected) and name not in left_out]
    try:
        text = find_difference(_read_rows(connection, table, names), _select(expected, names))
    except (Error, NotUnique) as error:
        text = f"{type(error).__name__}: {error}"
    verdict = Verdict.DIFFERENT if text else Verdict.EQUAL
    wrong = frozenset(_find_wrong_filters(connection, table))
    return Comparison(verdict, text, frozenset(missing), frozenset(sparse - set(left_out)), wrong)


def _find_wrong_filters(connection: Connection, table: Table) -> Iterator[str]:
    """The filters that return other rows for a value of the table than the whole list has, or fail."""
    names = {each.column for each in table.list.filters}
    columns = ", ".join(f'"{name}"' for name in sorted({*table.key, *names}))
    with connection.cursor() as whole:
        whole.sql("SET sqlprov_pushdown = off")
        rows = _read(whole, f"SELECT {columns} FROM {table.full_name}") if names else []
        for each in table.list.filters if rows and len(rows) <= MOST_ROWS else ():
            values = sorted({row[each.column] for row in rows or () if row[each.column] is not None})
            for value in dict.fromkeys([*values[:1], *values[-1:]]):
                condition, parameters, _ = write_filter(each, value)
                query = f"SELECT {columns} FROM {table.full_name} WHERE {condition}"
                if _read(connection, query, parameters) != _read(whole, query, parameters):
                    yield each.name or each.parameter
                    break


def _read(connection: Connection, query: str, parameters: list[Any] | None = None) -> list[Row] | None:
    """The rows in a fixed order; `None` if moto fails."""
    try:
        rows = connection.sql(query, parameters or None).arrow().to_pylist()
    except Error:
        return None
    return sorted(rows, key=repr)


def _read_rows(connection: Connection, table: Table, names: list[str]) -> list[Row]:
    columns = ", ".join(f'"{name}"' for name in (*names, "account_id", "data__Identifier"))
    result = connection.sql(f"SELECT {columns} FROM {table.full_name}")
    rows = [dict(zip(result.columns, row, strict=True)) for row in result.fetchall()]
    keys = Counter(row["data__Identifier"] for row in rows)
    if repeated := [key for key, count in keys.items() if count > 1]:
        raise NotUnique(f"several rows have the key {repeated[0]}")
    return _select(rows, names)


def _select(rows: list[Row], names: list[str]) -> list[Row]:
    return [{name: normalize(row[name]) for name in names} for row in rows]

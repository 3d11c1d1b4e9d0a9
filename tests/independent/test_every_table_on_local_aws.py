"""Every table of the catalog can be read from the local AWS: no error, the same rows twice, each with key and place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from confirmations import CATALOG, find_left_out, select_reasons
from slices import take_slice

import sqlprov
from sqlprov.catalog.table import Table
from sqlprov.emulator.moto_seeds import read_calls
from sqlprov.emulator.options import ACCOUNT
from sqlprov.errors import Error
from sqlprov.local import LOCAL_REGION

CHANGING = {
    "ram.resource_share_permissions",  # made up for made-up shares, in the order in which they are read
    "ses.send_statistics",  # moto's only point in time is that of the call
}
"""Tables of which two reads differ."""


@pytest.fixture(scope="module")
def local() -> Iterator[sqlprov.Connection]:
    with sqlprov.connect(local=True) as connection:
        yield connection


def find_faults(table: Table, rows: list[dict[str, Any]], is_made_up: bool) -> Iterator[str]:
    """What is wrong with the rows of a table."""
    if is_made_up and not rows and not table.list.parents:  # a parent may be one of moto's
        yield "no row is made up"
    places = {(row["account_id"], table.region_column or row["region"]) for row in rows}
    if places - {(ACCOUNT, table.region_column or table.home or LOCAL_REGION)}:
        yield f"rows are in {places}"
    if table.name not in select_reasons("tables", table.service):  # moto's rows are those of AWS
        keys = [(row["region"], row["data__Identifier"]) for row in rows]
        yield from (f"a row has no key: {row}" for row in rows[:1] if not all(map(all, keys)))
        if len(set(keys)) < len(keys):
            yield f"{len(keys)} rows have {len(set(keys))} keys"


@pytest.mark.parametrize("service", take_slice(CATALOG.list_services("aws"), 20))
def test_every_table_of_a_service_can_be_read(service: str, local: sqlprov.Connection) -> None:
    changing, wrong, seeded = find_left_out(service), list[str](), False
    for name in CATALOG.list_tables("aws", service):
        table = CATALOG.get_table("aws", service, name)
        query = f"SELECT * EXCLUDE ({', '.join(changing[name])})" if changing.get(name) else ""
        try:
            result = local.sql(f"{query} FROM aws.{service}.{name}")
            first = sorted(result.arrow().to_pylist(), key=repr)
            again = local.sql(f"{query} FROM aws.{service}.{name}").arrow()
        except Error as error:
            wrong.append(f"{name}: {type(error).__name__}: {error}")
            continue
        second = sorted(again.to_pylist(), key=repr)
        made_up = [text for text in result.warnings if "are made up" in text]
        seeded |= bool(first) and not made_up
        faults = find_faults(table, first, any(f":{table.list.call} " in text for text in made_up))
        wrong += [f"{name}: {fault}" for fault in faults]
        if first != second and f"{service}.{name}" not in CHANGING:
            wrong.append(f"{name} differs: {first[:1]} {second[:1]}")
    assert not wrong, "\n".join(wrong)
    assert seeded or service.replace("_", "-") not in read_calls()

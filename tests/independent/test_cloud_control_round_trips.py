"""Every type of CloudFormation on the local Cloud Control: all properties are written, read, changed and deleted.

`make test` takes a slice, `make sweep` all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from slices import take_slice

import sqlprov
from sqlprov.catalog import Catalog
from sqlprov.catalog.method import Method
from sqlprov.catalog.shapes import Shape
from sqlprov.catalog.table import Table
from sqlprov.emulator import Emulator

CATALOG = Catalog()
CATALOG.reveal("awscc")
OWN = ("sagemaker.inference_experiments",)
"""Tables whose values the local AWS checks; a test of its own writes them."""
TABLES = [
    name
    for service in CATALOG.list_services("awscc")
    for name in take_slice((f"{service}.{table}" for table in CATALOG.list_tables("awscc", service)), 60)
    if name not in OWN
]
VALUES: dict[str, list[Any]] = {
    "string": ["a", "b"],
    "long": [1, 2],
    "double": [1.5, 2.5],
    "boolean": [True, False],
    "document": [{"A": ["x", 1]}, ["y"]],
    "list": [[{"Key": "a", "Value": "1"}], [{"Key": "b", "Value": "2"}, {"Key": "c", "Value": ""}]],
    "map": [{"a": "1"}, {"b": "2", "c": ""}],
}
"""Kind of a property -> its first value, and another."""


@pytest.fixture(scope="module")
def con() -> Iterator[sqlprov.Connection]:
    with pytest.MonkeyPatch.context() as patch, Emulator() as em:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        with sqlprov.connect(endpoint_url=em.url, region="us-east-1") as con:
            con.sql("SET sqlprov_show_sensitive = on")
            yield con


def choose_values(method: Method, number: int, names: Iterable[str]) -> dict[str, Any]:
    """A value for each of the properties."""
    shapes = method.input_shape.members
    return {name: VALUES[shapes[name].kind][number] for name in names}


def name_columns(method: Method, names: Iterable[str]) -> list[str]:
    """What a statement calls the properties: `Region` is `resource_region`."""
    columns = {part.name: part.column for part in method.parameters}
    return [columns[name] or name for name in names]


def format_values(values: dict[str, Any]) -> list[str]:
    texts = (value if isinstance(value, str) else json.dumps(value) for value in values.values())
    return ["'" + text.replace("'", "''") + "'" for text in texts]


def expect_values(
    con: sqlprov.Connection, table: Table, key: str, method: Method, sent: dict[str, Any]
) -> None:
    """The columns of the properties have the values that were sent."""
    columns = {part.name: part.column for part in method.parameters if part.column and part.name in sent}
    names = ", ".join(f'"{column}"' for column in (*columns.values(), "region"))
    row = (
        con.sql(f"SELECT {names} FROM {table.full_name} WHERE data__Identifier = '{key}'")
        .arrow()
        .to_pylist()[0]
    )
    for name, column in columns.items():
        assert parse(row[column], method.input_shape.members[name]) == sent[name], name


def parse(value: Any, shape: Shape) -> Any:
    """A value of a column as the property has it."""
    if shape.kind == "document":
        return json.loads(value)
    if shape.kind == "map":
        return dict(tag if isinstance(tag, tuple) else tag.values() for tag in value)
    return value


@pytest.mark.parametrize("name", TABLES)
def test_a_type_is_written_and_read(con: sqlprov.Connection, name: str) -> None:
    table = CATALOG.get_table("awscc", *name.split("."))
    create, update = table.by_method["create_resource"], table.by_method.get("update_resource")
    # A Region that no read returns has no name beside the row's.
    names = [part.name for part in create.parameters if part.name != "Region" or part.column]
    sent = choose_values(create, 0, names)
    columns = ", ".join(f'"{each}"' for each in (*name_columns(create, sent), "region"))
    values = ", ".join([*format_values(sent), f"'{table.home or 'us-east-1'}'"])
    con.sql(f"INSERT INTO {table.full_name} ({columns}) VALUES ({values})")
    (outcome,) = con.outcomes
    key, where = outcome.key, f"WHERE data__Identifier = '{outcome.key}' AND region = '{outcome.region}'"
    expect_values(con, table, key, create, sent)
    if update and (names := [part.name for part in update.parameters if part.column not in table.key]):
        changed = choose_values(update, 1, names)
        pairs = zip(name_columns(update, changed), format_values(changed), strict=True)
        assignments = ", ".join(f'"{name}" = {text}' for name, text in pairs)
        con.sql(f"UPDATE {table.full_name} SET {assignments} {where}")
        assert con.outcomes[0].operations == ("UpdateResource",)
        expect_values(con, table, key, update, sent | changed)
    con.sql(f"DELETE FROM {table.full_name} {where}")
    assert con.outcomes[0].operations == ("DeleteResource",)
    assert con.sql(f"SELECT data__Identifier FROM {table.full_name} {where}").fetchall() == []

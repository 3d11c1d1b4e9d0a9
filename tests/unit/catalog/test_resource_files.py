"""Checks shipped tables against botocore's models, without the catalog's code."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pyarrow as pa
import pytest
import yaml
from botocore import xform_name

from sqlprov.catalog import Catalog
from sqlprov.catalog.column import ColumnSource
from sqlprov.catalog.filter_lists import FILTER_TYPES
from sqlprov.catalog.read_calls import FilterOperator
from sqlprov.catalog.table import Table

CATALOG = Catalog()
WRITABLE = ("endpoint_configs", "endpoints", "inference_experiments", "models")
SLICE = [
    (service, name)
    for service in CATALOG.list_services("aws")
    for name in CATALOG.list_tables("aws", service)
    if zlib.crc32(f"{service}.{name}".encode()) % 100 == 0 or (service == "sagemaker" and name in WRITABLE)
]
"""One table of a hundred, and those that write; `make sweep` takes all."""
every_table = pytest.mark.parametrize("table", SLICE, ids=".".join, indirect=True)
writable = pytest.mark.parametrize(
    "table", [("sagemaker", name) for name in WRITABLE], ids=WRITABLE, indirect=True
)
COMMON = ("region", "account_id", "data__Identifier")


@pytest.fixture
def table(request: pytest.FixtureRequest) -> Table:
    return CATALOG.get_table("aws", *request.param)


@cache
def load_model(client: str) -> Any:
    return botocore.session.get_session().get_service_model(client)


def find_operation(table: Table, call: str) -> Any:
    return load_model(table.client).operation_model(call)


def find_shape(shape: Any, path: Iterable[str]) -> Any:
    """The shape at a path, which passes through lists."""
    for member in path:
        shape = shape.members[member] if shape.type_name == "structure" else shape.value
        shape = shape.member if shape.type_name == "list" else shape
    return shape


def find_inputs(table: Table, call: str) -> dict[str, Any]:
    shape = find_operation(table, call).input_shape
    return dict(shape.members) if shape else {}


def list_required(table: Table, call: str) -> set[str]:
    shape = find_operation(table, call).input_shape
    return set(shape.required_members) if shape else set()


def find_row(table: Table) -> Any:
    return find_shape(find_operation(table, table.list.call).output_shape, table.list.rows)


def find_resource(table: Table) -> Any:
    assert table.describe
    return find_shape(find_operation(table, table.describe.call).output_shape, table.describe.item)


def list_members(table: Table) -> Iterator[str]:
    """The members that both calls return, but for the reply's own status."""
    shapes = [find_row(table), *([find_resource(table)] if table.describe else [])]
    for shape in shapes:
        for name, member in shape.members.items() if shape.type_name == "structure" else ():
            if member.serialization.get("location") != "statusCode":
                yield name


@every_table
def test_every_member_is_a_column_of_its_name(table: Table) -> None:
    shown = {column.path for column in table.columns}
    shown |= set(table.describe.paths.values()) if table.describe else set()
    names = {xform_name(path[0]) for path in shown if path}
    assert {xform_name(member) for member in list_members(table)} <= names


@every_table
def test_every_column_leads_to_the_shape_that_it_names(table: Table) -> None:
    assert tuple(column.name for column in table.columns if column.name in COMMON) == COMMON
    for column in table.columns:
        assert not set("<>\n") & set(column.description.replace("<>", "")), column.name
        if column.source is ColumnSource.LIST and not table.list.scalar:
            shape = find_row(table)
        elif column.source is ColumnSource.DESCRIBE:
            shape = find_resource(table)
        else:
            continue
        for member in column.path:
            shape = shape.members[member] if shape.type_name == "structure" else shape.value
        assert shape.name == column.shape
        assert column.constraint.enum == tuple(shape.metadata.get("enum", ()))


@every_table
def test_every_call_gets_its_required_parameters(table: Table) -> None:
    listing, describe = table.list, table.describe
    sent = {*listing.send, *(parent.parameter for parent in listing.parents), listing.page_size_parameter}
    assert list_required(table, listing.call) <= sent
    assert {token.parameter for token in listing.tokens} <= set(find_inputs(table, listing.call))
    if describe:
        assert list_required(table, describe.call) <= {*describe.arguments, *describe.send}
        assert set(describe.arguments) <= set(find_inputs(table, describe.call))
    if table.tags:
        assert list_required(table, table.tags.call) == {table.tags.argument}


@every_table
def test_every_filter_is_a_parameter_of_the_columns_own_type(table: Table) -> None:
    for filter in table.list.filters:
        column, parameter = (
            table.by_name[filter.column],
            find_inputs(table, table.list.call)[filter.parameter],
        )
        assert column.source is ColumnSource.LIST
        if filter.op in (FilterOperator.AFTER, FilterOperator.BEFORE):
            types = {"timestamp": pa.timestamp("us", "UTC"), "long": pa.int64()}
            assert column.type == types[parameter.type_name]
        elif filter.name:
            assert set(filter.members) == set(parameter.member.members)
            assert column.type in FILTER_TYPES
        else:
            shape = parameter.member if filter.most else parameter
            assert shape.type_name == "string"
            assert list(filter.constraint.enum) == shape.metadata.get("enum", [])


@every_table
def test_states_and_methods_are_those_of_the_model(table: Table) -> None:
    states = set(table.by_name[table.state.column].constraint.enum) if table.state.column else set()
    assert set(table.state.busy) <= states
    for method in table.methods:
        assert set(method.until) <= states - set(table.state.busy) | {"missing"}
        if not (method.nesting or method.send or method.tokens or method.tag_type):
            tags = {"Tags", "tags"} if method.verb == "UPDATE" else set()  # other calls write them
            inputs = [name for name in find_inputs(table, method.call) if name not in tags]
            assert [p.name for p in method.parameters] == inputs
            assert {p.name for p in method.parameters if p.required} == list_required(table, method.call)
        assert method.required[-1] == "region"
        assert method.permissions[0] == table.iam.find(method.call)


@writable
def test_every_input_of_the_first_lists_narrows_sorts_or_pages(table: Table) -> None:
    listing = table.list
    assert listing.sort
    used = {filter.parameter for filter in listing.filters}
    used |= {*(token.parameter for token in listing.tokens), listing.page_size_parameter}
    inputs = find_inputs(table, listing.call)
    assert used | {listing.sort.by, listing.sort.direction} == set(inputs)
    assert set(listing.sort.columns.values()) <= set(inputs[listing.sort.by].enum)
    assert [listing.sort.ascending, listing.sort.descending] == inputs[listing.sort.direction].enum


@writable
def test_keys_have_the_constraints_of_describe(table: Table) -> None:
    assert table.describe
    ((parameter, name),) = table.describe.arguments.items()
    limits = find_inputs(table, table.describe.call)[parameter].metadata
    constraint = table.by_name[name].constraint
    assert (constraint.min, constraint.max, constraint.pattern) == tuple(
        limits[each] for each in ("min", "max", "pattern")
    )
    assert not constraint.accepts("O'Brien")
    assert constraint.accepts("shadow-1")
    assert table.by_name["data__Identifier"].constraint == constraint


@writable
def test_key_arn_and_about_are_those_of_the_file(table: Table) -> None:
    written = yaml.safe_load(Path(table.file).read_text())
    assert (table.key, table.arn, table.about) == ((written["key"],), written["arn"], written["about"])

"""Checks every shipped resource file against botocore's model, without the catalog's code."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pyarrow as pa
import pytest
import yaml
from botocore import xform_name

from sqlprov.catalog import Catalog
from sqlprov.catalog.table import ColumnSource, FilterOperator, Table

CATALOG = Catalog()
RESOURCES = Path(__file__).parents[3] / "resources"
TABLES = [
    CATALOG.get_table("aws", "sagemaker", name)
    for name in ("endpoint_configs", "endpoints", "inference_experiments", "models")
]
every_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)


@cache
def load_model(client: str) -> Any:
    return botocore.session.get_session().get_service_model(client)


def find_shape(shape: Any, path: Iterable[str]) -> Any:
    for member in path:
        shape = shape.members[member]
    return shape


def find_list_item(table: Table) -> Any:
    operation = load_model(table.client).operation_model(table.list.call)
    (rows,) = table.list.rows
    return operation.output_shape.members[rows].member


def find_describe_item(table: Table) -> Any:
    assert table.describe
    operation = load_model(table.client).operation_model(table.describe.call)
    return find_shape(operation.output_shape, table.describe.item)


@every_table
def test_every_column_path_leads_to_the_shape_it_names(table: Table) -> None:
    for column in table.columns:
        if column.source is ColumnSource.LIST:
            assert find_shape(find_list_item(table), column.path).name == column.shape
        elif column.source is ColumnSource.DESCRIBE:
            assert find_shape(find_describe_item(table), column.path).name == column.shape
        else:
            assert column.path == ()


@every_table
def test_describe_returns_every_column_that_list_returns(table: Table) -> None:
    assert table.describe
    expected = {c.name for c in table.columns if c.source in (ColumnSource.LIST, ColumnSource.DESCRIBE)}
    assert set(table.describe.paths) == expected
    for name, path in table.describe.paths.items():
        assert find_shape(find_describe_item(table), path).name == table.by_name[name].shape


@every_table
def test_every_member_that_list_and_describe_return_is_a_column(table: Table) -> None:
    paths = {column.path for column in table.columns}
    for member in (*find_list_item(table).members, *find_describe_item(table).members):
        assert (member,) in paths, member


@every_table
def test_columns_are_named_after_their_member_and_described(table: Table) -> None:
    for column in table.columns:
        assert column.description, column.name
        assert not set("<>\n") & set(column.description)
        if len(column.path) == 1 and column.name != "desired_state":
            assert column.name == xform_name(column.path[0])


@every_table
def test_no_column_that_list_returns_costs_a_describe(table: Table) -> None:
    for column in table.columns:
        if column.source is ColumnSource.DESCRIBE:
            assert column.path[0] not in find_list_item(table).members


@every_table
def test_every_table_ends_with_the_key_under_its_cloud_control_name(table: Table) -> None:
    assert table.columns[-1].name == "data__Identifier"
    assert {"region", "account_id"} <= set(table.by_name)
    assert all(key in table.by_name for key in table.key)
    assert table.by_name[table.arn].path[-1].lower().endswith("arn")


@every_table
def test_the_list_is_paged_by_what_the_operation_has(table: Table) -> None:
    operation = load_model(table.client).operation_model(table.list.call)
    (token,) = table.list.tokens
    assert token.parameter in operation.input_shape.members
    assert token.expression in operation.output_shape.members
    size = operation.input_shape.members[table.list.page_size_parameter]
    assert table.list.page_size == size.metadata["max"] == 100
    assert not operation.input_shape.required_members


@every_table
def test_every_filter_is_a_parameter_of_the_columns_own_type(table: Table) -> None:
    inputs = load_model(table.client).operation_model(table.list.call).input_shape.members
    for filter in table.list.filters:
        column, parameter = table.by_name[filter.column], inputs[filter.parameter]
        assert column.source is ColumnSource.LIST
        if filter.op in (FilterOperator.AFTER, FilterOperator.BEFORE):
            assert parameter.type_name == "timestamp"
            assert column.type == pa.timestamp("us", "UTC")
        else:
            assert parameter.type_name == "string"
            assert list(filter.constraint.enum) == parameter.metadata.get("enum", [])
            assert filter.constraint.max == parameter.metadata.get("max")


@pytest.mark.parametrize("name", ["endpoint_configs", "endpoints", "inference_experiments", "models"])
def test_every_input_of_list_is_a_filter_or_used_for_paging_in_the_first_four_tables(name: str) -> None:
    # Of others some inputs narrow what no column holds, such as one name among a list of them.
    table = Catalog().get_table("aws", "sagemaker", name)
    assert table.list.sort
    used = {filter.parameter for filter in table.list.filters}
    used |= {
        *(token.parameter for token in table.list.tokens),
        table.list.page_size_parameter,
        table.list.sort.by,
        table.list.sort.direction,
    }
    assert used == set(load_model(table.client).operation_model(table.list.call).input_shape.members)


@every_table
def test_sorting_uses_values_of_the_model(table: Table) -> None:
    inputs = load_model(table.client).operation_model(table.list.call).input_shape.members
    sort = table.list.sort
    if sort is None:
        return
    assert sort.columns
    assert set(sort.columns.values()) <= set(inputs[sort.by].enum)
    assert [sort.ascending, sort.descending] == inputs[sort.direction].enum == ["Ascending", "Descending"]


@every_table
def test_describe_and_tags_get_all_their_required_arguments(table: Table) -> None:
    assert table.describe
    assert table.tags
    described = load_model(table.client).operation_model(table.describe.call)
    assert set(described.input_shape.required_members) == set(table.describe.arguments)
    assert tuple(table.describe.arguments.values()) == table.key
    tagged = load_model(table.client).operation_model(table.tags.call)
    assert tagged.input_shape.required_members == [table.tags.argument]
    assert tagged.output_shape.members[table.tags.items].member.members.keys() == {"Key", "Value"}
    added = load_model(table.client).operation_model(table.tags.add).input_shape
    assert set(added.required_members) == {table.tags.argument, table.tags.items}
    removed = load_model(table.client).operation_model(table.tags.remove).input_shape
    assert set(removed.required_members) == {table.tags.argument, table.tags.keys}


@every_table
def test_keys_have_the_constraints_of_describe(table: Table) -> None:
    assert table.describe
    inputs = load_model(table.client).operation_model(table.describe.call).input_shape.members
    for parameter, name in table.describe.arguments.items():
        constraint, limits = table.by_name[name].constraint, inputs[parameter].metadata
        assert (constraint.min, constraint.max) == (limits["min"], limits["max"])
        assert constraint.pattern == limits["pattern"]
        assert not constraint.accepts("O'Brien")
        assert not constraint.accepts("x" * 200)
        assert constraint.accepts("shadow-1")
    assert table.by_name["data__Identifier"].constraint == table.by_name[table.key[0]].constraint


@every_table
def test_states_to_wait_for_are_states_of_the_model(table: Table) -> None:
    states = set(table.by_name[table.state.column].constraint.enum) if table.state.column else set()
    assert set(table.state.busy) <= states
    for method in table.methods:
        assert set(method.until) <= states | {"missing"}
        assert not set(method.until) & set(table.state.busy)


@every_table
def test_every_method_has_the_parameters_of_its_operation(table: Table) -> None:
    for method in table.methods:
        operation = load_model(table.client).operation_model(method.call)
        assert [p.name for p in method.parameters] == list(operation.input_shape.members)
        assert {p.name for p in method.parameters if p.required} == set(
            operation.input_shape.required_members
        )
        assert method.required[-1] == "region"
        assert method.permissions[0] == f"sagemaker:{method.call}"
        for action in method.permissions:
            prefix, _, call = action.partition(":")
            assert action == "iam:PassRole" or (
                prefix == "sagemaker" and call in load_model(table.client).operation_names
            )


@every_table
def test_key_arn_and_about_are_those_of_the_file(table: Table) -> None:
    written = yaml.safe_load(Path(table.file).read_text())
    assert table.key == (written["key"],)
    assert table.arn == written["arn"]
    assert table.about == written["about"]

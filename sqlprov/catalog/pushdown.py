"""The `filters:` and `sort:` of a list in, what may be pushed down out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from .service_model import TIMESTAMP, get_members, read_constraint, to_arrow_type, to_snake_case
from .table import Column, FilterOperator, ListFilter, Sort
from .yaml_nodes import Node

_CONDITION = re.compile(r"(\w+)\s*(?:\s(LIKE)\s+'%\?%'|(=|>|<)\s*\?)", re.IGNORECASE)
# AWS's own rule of naming; a parameter with another ending is not checked by its name.
_ENDINGS = {
    "Contains": FilterOperator.CONTAINS,
    "Equals": FilterOperator.EQUAL,
    "After": FilterOperator.AFTER,
    "Before": FilterOperator.BEFORE,
}


def parse_filters(
    node: Node | None, operation: Any, item: Any, columns: Mapping[str, Column]
) -> tuple[ListFilter, ...]:
    inputs = get_members(operation.input_shape)
    filters = []
    for parameter, value in (node.pairs() if node else {}).items():
        if parameter not in inputs:
            raise value.unknown(f"parameter of {operation.name}", parameter, inputs)
        match = _CONDITION.fullmatch(value.text().strip())
        if match is None:
            raise value.fail(
                f"cannot read the condition {value.text()!r} of {parameter}; expected "
                "`column = ?`, `column > ?`, `column < ?` or `column LIKE '%?%'`"
            )
        name, op = match[1], FilterOperator((match[2] or match[3]).lower())
        if name not in columns:
            raise value.unknown("column", name, columns)
        _check_fit(value, parameter, inputs[parameter], op, columns[name], item)
        filters.append(ListFilter(parameter, name, op, read_constraint(inputs[parameter])))
    return tuple(filters)


def _check_fit(node: Node, parameter: str, shape: Any, op: FilterOperator, column: Column, item: Any) -> None:
    """Refuses a parameter that narrows another column, another way, or by another type than written."""
    expected = TIMESTAMP if op in (FilterOperator.AFTER, FilterOperator.BEFORE) else column.type
    if op is FilterOperator.CONTAINS:
        expected = pa.string()
    if to_arrow_type(shape) != expected or column.type != expected:
        raise node.fail(
            f"{parameter} takes {to_arrow_type(shape)} and {column.name!r} is {column.type}; "
            f"expected {expected} for both"
        )
    for ending, right in _ENDINGS.items():
        if not parameter.endswith(ending):
            continue
        if op is not right:
            raise node.fail(f"{parameter} is written with {op.value!r}; expected {right.value!r}")
        subject = parameter.removesuffix(ending)
        narrowed = [member for member in get_members(item) if member.endswith(subject)]
        if narrowed and column.path[-1] not in narrowed:
            columns = " or ".join(repr(to_snake_case(member)) for member in narrowed)
            raise node.fail(f"{parameter} narrows {columns}, not {column.name!r}")


def parse_sort(node: Node | None, operation: Any, item: Any, columns: Mapping[str, Column]) -> Sort | None:
    if node is None:
        return None
    inputs = get_members(operation.input_shape)
    pairs = node.pairs()
    for parameter, value in pairs.items():
        if parameter not in inputs:
            raise value.unknown(f"parameter of {operation.name}", parameter, inputs)
    if len(pairs) != 2:
        raise node.fail("expected two parameters, `SortBy: {column: Value}` and `SortOrder: [up, down]`")
    (by, order), (direction, both) = pairs.items()
    directions = both.texts()
    if len(directions) != 2:
        raise both.fail(f"expected the ascending and the descending value, found {', '.join(directions)}")
    for name, value in order.pairs().items():
        if name not in columns:
            raise value.unknown("column", name, columns)
        if columns[name].type == pa.string():
            raise value.fail(
                f"{name!r} is text, and the service's collation is unknown; expected a number or a time"
            )
        _check_enum(value, value.text(), inputs[by])
    for text in directions:
        _check_enum(both, text, inputs[direction])
    names = {name: value.text() for name, value in order.pairs().items()}
    always = frozenset(name for name in names if columns[name].path[0] in item.required_members)
    return Sort(by, names, direction, *directions, always)


def _check_enum(node: Node, written: str, shape: Any) -> None:
    """Refuses a value that the shape's enum does not hold; a shape without one accepts all."""
    known = shape.metadata.get("enum", ())
    if known and written not in known:
        raise node.unknown(f"value of {shape.name}", written, known)

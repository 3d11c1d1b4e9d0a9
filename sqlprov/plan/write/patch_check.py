"""A JSON Patch in, what is wrong with it in whatever row out: its form, and the values that it brings."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from sqlprov.catalog.shapes import Shape
from sqlprov.catalog.table import Table
from sqlprov.errors import DataError
from sqlprov.plan.write.patch import check_operation, list_properties, parse_operations, parse_pointer
from sqlprov.plan.write.transitions import check_desired_state, get_reason_shape
from sqlprov.plan.write.values import coerce, find_member


def check_patch(table: Table, document: str) -> tuple[list[str], list[str]]:
    """(faults, warnings) of a patch document; what depends on the row is told when the row is known."""
    faults: list[str] = []
    warnings: list[str] = []
    properties = list_properties(table)
    try:
        operations = parse_operations(document)
    except DataError as error:
        return [str(error)], []
    for place, operation in operations:
        try:
            check_operation(operation, properties, place)
        except DataError as error:
            faults.append(str(error))
            continue
        steps = parse_pointer(operation["path"])
        if operation["op"] not in ("add", "replace") or operation.get("value") is None or not steps:
            continue
        column, desired = properties[steps[0]].column.name, table.write.desired
        if desired and column == desired.column and isinstance(operation["value"], str):
            told = check_desired_state(table, operation["value"])
            faults += [f"{place}: {told}"] if told else []
        own = get_reason_shape(table) if desired and column == desired.reason else properties[steps[0]].shape
        shape = _shape_at(own, steps[1:])
        if shape is not None:
            path = operation["path"].removeprefix("/")
            misfits, unlisted = _misfits(operation["value"], shape, path)
            faults += [f"{place}: {told}" for told in misfits]
            warnings += [f"{place}: {told}" for told in unlisted]
    return faults, warnings


def _shape_at(shape: Shape | None, steps: list[str]) -> Shape | None:
    """The shape that the rest of a pointer leads to; `None` if it leads nowhere, which the row's document tells."""
    for step in steps:
        if shape is None:
            return None
        member = find_member(step, shape) if shape.kind == "structure" else None
        shape = shape.members[member] if member else shape.item or shape.value
    return shape


def _misfits(value: Any, shape: Shape, path: str) -> tuple[list[str], list[str]]:
    """A later operation may add what the value still lacks."""
    _, faults, warnings = coerce(
        json.dumps(value), pa.string(), True, shape, row=0, column=path, zone="UTC", partial=True
    )
    told = [f"{fault.path}: {fault.value!r}; expected {fault.expected}" for fault in faults]
    return told, [f"{one.path}: {one.value!r}; expected {one.expected}" for one in warnings]

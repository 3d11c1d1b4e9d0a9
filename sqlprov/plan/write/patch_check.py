"""Checks a JSON Patch before any row is known: its form, and the values it contains."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from sqlprov.catalog.shapes import Shape
from sqlprov.catalog.table import Table
from sqlprov.errors import DataError
from sqlprov.plan.write.patch import (
    check_operation,
    is_applied_by_service,
    list_properties,
    parse_operations,
    parse_pointer,
)
from sqlprov.plan.write.transitions import check_desired_state, get_reason_shape
from sqlprov.plan.write.values import coerce, find_member


def check_patch(table: Table, document: str) -> tuple[list[str], list[str]]:
    """(errors, warnings) of a patch document; problems that depend on the row are reported later."""
    errors: list[str] = []
    warnings: list[str] = []
    properties = None if is_applied_by_service(table) else list_properties(table)
    try:
        operations = parse_operations(document)
    except DataError as error:
        return [str(error)], []
    for place, operation in operations:
        try:
            check_operation(operation, properties, place)
        except DataError as error:
            errors.append(str(error))
            continue
        if properties is None:
            continue  # the service knows its properties
        steps = parse_pointer(operation["path"])
        value = operation.get("value")
        if operation["op"] not in ("add", "replace") or value is None or not steps:
            continue
        column, desired = properties[steps[0]].column.name, table.write.desired
        if desired and column == desired.column and isinstance(value, str):
            problem = check_desired_state(table, value)
            errors += [f"{place}: {problem}"] if problem else []
        is_reason = desired and column == desired.reason
        shape = _find_shape(get_reason_shape(table) if is_reason else properties[steps[0]].shape, steps[1:])
        if shape is not None:
            misfits, unlisted = _check_value(value, shape, operation["path"].removeprefix("/"))
            errors += [f"{place}: {problem}" for problem in misfits]
            warnings += [f"{place}: {problem}" for problem in unlisted]
    return errors, warnings


def _find_shape(shape: Shape | None, steps: list[str]) -> Shape | None:
    """The shape at the rest of a pointer; `None` if there is none, which is reported once the row is known."""
    for step in steps:
        if shape is None:
            return None
        member = find_member(step, shape) if shape.kind == "structure" else None
        shape = shape.members[member] if member else shape.item or shape.value
    return shape


def _check_value(value: Any, shape: Shape, path: str) -> tuple[list[str], list[str]]:
    """(errors, warnings) of a value; it may lack members that a later operation adds."""
    _, errors, warnings = coerce(
        json.dumps(value), pa.string(), True, shape, row=0, column=path, zone="UTC", partial=True
    )
    return [each.detail for each in errors], [each.detail for each in warnings]

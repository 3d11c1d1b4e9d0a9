"""Hides the parameters of a call that must not be shown, such as the text of a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlprov.catalog.packing import PATCH_DOCUMENT
from sqlprov.catalog.sensitive import HIDDEN, is_credential, is_environment
from sqlprov.catalog.shapes import Shape
from sqlprov.plan.write.steps import Request, RowWrite, find_method


def hide_parameters(write: RowWrite, request: Request) -> Request:
    """The request as logs and EXPLAIN show it.

    Everything that the model marks is hidden: parameters are not asked for, as columns are. Environment variables are
    hidden, too, and properties of Cloud Control that the catalog does not know.
    """
    method = find_method(write, request)
    if method is None:
        return request
    shape, given = method.input_shape, request.parameters
    if method.packing:
        unknown = dict.fromkeys(given.keys() - shape.members.keys(), HIDDEN)
        operations = [_hide_operation(each, shape) for each in given.get(PATCH_DOCUMENT, ())]
        given = {**given, **unknown, **({PATCH_DOCUMENT: operations} if operations else {})}
    return replace(request, parameters=_hide(given, shape, ""))


def _hide_operation(operation: Mapping[str, Any], shape: Shape) -> Mapping[str, Any]:
    """An operation of a patch document with its value as the property shows it."""
    if "value" not in operation:
        return operation
    steps: list[Any] = [
        0 if step.isdecimal() or step == "-" else step for step in operation["path"].lstrip("/").split("/")
    ]
    value = operation["value"]
    for step in reversed(steps):
        value = [value] if step == 0 else {step: value}
    value = _hide(value, shape, "") if steps[0] in shape.members else HIDDEN
    for step in steps:
        value = value if value == HIDDEN else value[step]
    return {**operation, "value": value}


def _hide(value: Any, shape: Shape, name: str, container: str = "") -> Any:
    in_environment = name in ("Value", "value") and is_environment(container)
    is_text = shape.kind == "string" or (shape.kind == "document" and isinstance(value, str))
    if shape.sensitive or (is_text and (is_credential(name) or in_environment)):
        return HIDDEN
    if isinstance(value, Mapping) and shape.kind in ("map", "document") and is_environment(name):
        return dict.fromkeys(value, HIDDEN)
    inner_shape = shape if shape.kind == "document" else shape.value
    if isinstance(value, Mapping):
        members = {part: shape.members.get(part) or inner_shape for part in value}
        return {
            part: _hide(inner, member, part, name) if (member := members[part]) else inner
            for part, inner in value.items()
        }
    item = shape if shape.kind == "document" else shape.item
    if item and isinstance(value, list):
        return [_hide(part, item, name, container) for part in value]
    return value

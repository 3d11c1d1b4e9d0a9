"""Hides the parameters of a call that must not be shown, such as the text of a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlprov.catalog.sensitive import HIDDEN, is_credential, is_environment
from sqlprov.catalog.shapes import Shape
from sqlprov.plan.write.steps import Request, RowWrite, find_method


def hide_parameters(write: RowWrite, request: Request) -> Request:
    """The request as logs and EXPLAIN show it.

    Everything that the model marks is hidden: parameters are not asked for, as columns are. Environment variables are
    hidden, too.
    """
    method = find_method(write, request)
    if method is None:
        return request
    return replace(request, parameters=_hide(request.parameters, method.input_shape, ""))


def _hide(value: Any, shape: Shape, name: str, container: str = "") -> Any:
    in_environment = name in ("Value", "value") and is_environment(container)
    if shape.sensitive or (shape.kind == "string" and (is_credential(name) or in_environment)):
        return HIDDEN
    if isinstance(value, Mapping) and shape.kind == "map" and is_environment(name):
        return dict.fromkeys(value, HIDDEN)
    if isinstance(value, Mapping):
        members = {part: shape.members.get(part) or shape.value for part in value}
        return {
            part: _hide(inner, member, part, name) if (member := members[part]) else inner
            for part, inner in value.items()
        }
    if shape.item and isinstance(value, list):
        return [_hide(part, shape.item, name, container) for part in value]
    return value

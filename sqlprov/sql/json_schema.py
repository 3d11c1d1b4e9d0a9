"""Writes the model of a value as JSON Schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlprov.catalog.shapes import Shape

_TYPES = {
    "structure": "object",
    "map": "object",
    "document": "object",
    "list": "array",
    "integer": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
    "boolean": "boolean",
}
# The keywords for the minimum and the maximum, by type.
_LIMITS = {
    "object": ("minProperties", "maxProperties"),
    "array": ("minItems", "maxItems"),
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
}


def build_json_schema(shape: Shape, within: tuple[str, ...] = ()) -> dict[str, Any]:
    """The schema of a value; a shape that contains itself is not expanded again.

    Args:
        shape: its model.
        within: names of the enclosing shapes.
    """
    schema: dict[str, Any] = {"type": _TYPES.get(shape.kind, "string")}
    within = (*within, shape.name)
    if shape.members and shape.name not in within[:-1]:
        schema["properties"] = {name: build_json_schema(each, within) for name, each in shape.members.items()}
        if shape.required:
            schema["required"] = list(shape.required)
    if shape.item:
        schema["items"] = build_json_schema(shape.item, within)
    if shape.value:
        schema["additionalProperties"] = build_json_schema(shape.value, within)
    limits = _list_limits(shape, schema["type"])
    return schema | {name: value for name, value in limits if value is not None and value != ()}


def _list_limits(shape: Shape, json_type: str) -> list[tuple[str, Any]]:
    constraint = shape.constraint
    minimum, maximum = _LIMITS.get(json_type, ("", ""))
    return [
        ("enum", constraint.enum and list(constraint.enum)),
        ("pattern", constraint.pattern),
        ("minLength", constraint.min),
        ("maxLength", constraint.max),
        *([(minimum, shape.low), (maximum, shape.high)] if minimum else []),
    ]

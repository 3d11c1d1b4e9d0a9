"""Converts the constants of a resource file (`send:`) to the types of parameters."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .method import RowText
from .read_calls import PLACEHOLDER
from .service_model import get_members
from .yaml_nodes import Node


def parse_constants(node: Node | None, operation: Any, columns: Collection[str] = ()) -> dict[str, Any]:
    """Parameter -> value, as botocore takes it; a text may hold `{column}` for each of `columns`."""
    inputs = get_members(operation.input_shape)
    return {
        name: to_value(value, inputs[value.check(f"parameter of {operation.name}", name, inputs)], columns)
        for name, value in (node.read_pairs() if node else {}).items()
    }


def to_value(node: Node, shape: Any, columns: Collection[str] = ()) -> Any:
    """The value of `node` in the type of `shape`; a single value stands for a list of one."""
    match shape.type_name:
        case "list":
            items = (node,) if isinstance(node.value, Mapping) else node.items()
            return [to_value(item, shape.member, columns) for item in items]
        case "structure":
            members = get_members(shape)
            return {
                name: to_value(value, members[value.check(f"member of {shape.name}", name, members)], columns)
                for name, value in node.read_pairs().items()
            }
        case "map":
            return {name: to_value(value, shape.value, columns) for name, value in node.read_pairs().items()}
        case "boolean":
            return node.choose("boolean", ("true", "false")) == "true"
        case "integer" | "long":
            return node.read_number()
        case "float" | "double":
            return float(node.read_number())
    known = shape.metadata.get("enum", ())
    if columns and (names := PLACEHOLDER.findall(node.read_text())):
        for name in names:
            node.check("column", name, columns)
        return RowText(node.read_text(), tuple(known))
    return node.choose(f"value of {shape.name}", known) if known else node.read_text()

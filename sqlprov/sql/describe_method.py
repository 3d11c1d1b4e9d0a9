"""DESCRIBE METHOD: the parameters and the result of a method, without a call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sqlprov.records import dataclass
from sqlprov.settings import Settings
from sqlprov.sql import names
from sqlprov.sql.parser import Name, Parser
from sqlprov.sql.statement import CatalogStatement, Keywords
from sqlprov.sql.text_table import build_table

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog
    from sqlprov.catalog.method import Method
    from sqlprov.catalog.shapes import Shape
    from sqlprov.catalog.table import Table

_METHOD = "a method, such as aws.sagemaker.models.create_resource"
# Parameters of statements that no call has.
_DESCRIPTIONS = {
    "region": "AWS region.",
    "data__Identifier": "The key; parts of a compound key are joined by |.",
    "data__PatchDocument": "What to change, as a JSON Patch (RFC 6902) of the properties.",
}
_COLUMNS = ("name", "type", "param_type", "shape", "description")
_JSON_TYPES = {
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


@dataclass(frozen=True)
class DescribeMethod(CatalogStatement):
    """`DESCRIBE METHOD [EXTENDED] table.method`, with StackQL's columns; EXTENDED adds the descriptions."""

    name: Name
    extended: bool

    @classmethod
    def parse(cls, parser: Parser) -> DescribeMethod | None:
        if not parser.accept("DESCRIBE", "DESC"):
            return None
        extended = parser.accept("EXTENDED") is not None
        # Alone or before a dot it is a name: DESCRIBE method.
        if not parser.accept("METHOD") or parser.next is None or parser.is_at("."):
            return None
        extended = parser.accept("EXTENDED") is not None or extended
        name = parser.parse_name(_METHOD)
        if len(name.parts) < 2:
            parser.index -= 1
            parser.fail(_METHOD)
        parser.expect_end("the end of the statement")
        return cls(parser.text, parser.offset, name, extended)

    def answer(
        self, catalog: Catalog, settings: Settings, path: tuple[str, ...], keywords: Keywords
    ) -> pa.Table:
        table, method = names.resolve_method(self, self.name, catalog, path)
        rows = [*_describe_inputs(table, method), *_describe_outputs(table, method)]
        schema = pa.schema([(name, pa.string()) for name in _COLUMNS])
        described = build_table(rows, schema)
        return described if self.extended else described.drop_columns("description")


def _describe_inputs(table: Table, method: Method) -> Iterator[dict[str, str]]:
    """The required parameters, then the others, without those that sqlprov sets (key, page, order)."""
    from sqlprov.catalog.shapes import Shape

    required = dict.fromkeys((*method.required[:-1], *method.input_shape.required, "region"))
    ours: set[str] = set()
    if "data__Identifier" in required:
        ours = {part.name for part in method.parameters if part.column in table.key}
    if method.call == table.list.call:
        sort = table.list.sort
        ours = {*(token.parameter for token in table.list.tokens), table.list.page_size_parameter}
        ours |= {sort.by, sort.direction} if sort else set()
    for name in required:
        if name not in ours:
            shape = method.input_shape.members.get(name) or Shape("", "string")
            yield _build_row(name, shape, "input_required", _DESCRIPTIONS.get(name, shape.documentation))
    for name, shape in method.input_shape.members.items():
        if name not in required and name not in ours:
            yield _build_row(name, shape, "input_optional", shape.documentation)


def _describe_outputs(table: Table, method: Method) -> Iterator[dict[str, str]]:
    """The members of the reply; for a SELECT, those of one row."""
    from sqlprov.catalog.service_model import build_shape, load_model

    shape = load_model(table.client).operation_model(method.call).output_shape
    if shape is None:
        return
    reply: Shape | None = build_shape(shape)
    if method.call == table.list.call:
        for member in table.list.rows:
            reply = reply.members[member] if reply else None
            reply = reply.item or reply if reply else None
    elif table.describe and method.call == table.describe.call:
        for member in table.describe.item:
            reply = reply.members[member] if reply else None
    for name, each in reply.members.items() if reply else ():
        yield _build_row(name, each, "output", each.documentation)


def _build_row(name: str, shape: Shape, kind: str, description: str) -> dict[str, str]:
    schema = _build_json_schema(shape)
    text = json.dumps(schema, ensure_ascii=False) if schema["type"] in ("object", "array") else ""
    return {
        "name": name,
        "type": schema["type"],
        "param_type": kind,
        "shape": text,
        "description": description,
    }


def _build_json_schema(shape: Shape, within: tuple[str, ...] = ()) -> dict[str, Any]:
    """A value's model as JSON Schema; a shape that contains itself is not expanded again.

    Args:
        shape: its model.
        within: names of the enclosing shapes.
    """
    schema: dict[str, Any] = {"type": _JSON_TYPES.get(shape.kind, "string")}
    within = (*within, shape.name)
    if shape.members and shape.name not in within[:-1]:
        schema["properties"] = {
            name: _build_json_schema(each, within) for name, each in shape.members.items()
        }
        if shape.required:
            schema["required"] = list(shape.required)
    if shape.item:
        schema["items"] = _build_json_schema(shape.item, within)
    if shape.value:
        schema["additionalProperties"] = _build_json_schema(shape.value, within)
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

"""The JSON Schema of a table's rows."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from sqlprov.catalog.table import Table

_TYPES = (
    (pa.types.is_boolean, {"type": "boolean"}),
    (pa.types.is_integer, {"type": "integer"}),
    (pa.types.is_floating, {"type": "number"}),
    (pa.types.is_timestamp, {"type": "string", "format": "date-time"}),
    (pa.types.is_binary, {"type": "string", "contentEncoding": "base64"}),
)


def build_row_schema(table: Table) -> dict[str, Any]:
    """The JSON Schema of a row as the tools return it; any column may be null."""
    columns = {}
    for column in table.visible_columns:
        schema = {"description": "A JSON document, as text."} if column.is_json else {}
        schema = {"description": column.description, **schema} if column.description else schema
        columns[column.name] = _make_nullable(build_type_schema(column.type)) | schema
    return {"type": "object", "properties": columns}


def build_type_schema(kind: pa.DataType) -> dict[str, Any]:
    """The JSON Schema of an Arrow type. A member of a structure that AWS does not send is absent."""
    if pa.types.is_struct(kind):
        return {"type": "object", "properties": {field.name: build_type_schema(field.type) for field in kind}}
    if pa.types.is_map(kind):
        return {"type": "object", "additionalProperties": build_type_schema(kind.item_type)}
    if pa.types.is_list(kind):
        return {"type": "array", "items": build_type_schema(kind.value_type)}
    return next((dict(schema) for is_kind, schema in _TYPES if is_kind(kind)), {"type": "string"})


def _make_nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return schema | {"type": [schema["type"], "null"]}

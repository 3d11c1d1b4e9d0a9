"""Writes the folder of a new stack, with a value that the service accepts for each required property."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlprov.catalog import Catalog
from sqlprov.catalog.shapes import Shape
from sqlprov.catalog.table import Table
from sqlprov.errors import NotSupportedError, ProgrammingError
from sqlprov.frontends.deploy.deployable import normalize_name
from sqlprov.frontends.deploy.manifest import MANIFEST

_ACCOUNT = "123456789012"
_NAME = "{{ stack_name }}-{{ stack_env }}"
_TEXTS = (
    "example",
    "arn:aws:iam::{0}:role/example",
    "s3://example/path",
    "example.com",
    "10.0.0.0/16",
    "1",
    _ACCOUNT,
)
"""Texts to try, in order, until one fits the model's pattern."""


def write_stack(folder: Path, tables: Sequence[str], catalog: Catalog) -> Iterator[str]:
    """Write a manifest with a resource for each table; return the files.

    Raises:
        ProgrammingError: there is a manifest already, or a name is not one of a table.
        NotSupportedError: a table cannot be written.
    """
    file = folder / MANIFEST
    if file.exists():
        raise ProgrammingError(f"{file} exists already; choose another name.")
    resources = [_list_lines(_get_table(name, catalog)) for name in tables]
    lines = [
        "version: 1",
        f"name: {folder.name}",
        "description: The values are examples; change them.",
        "providers: [aws]",
        "globals:",
        '  - {name: region, value: "{{ AWS_REGION }}"}',
        "resources:",
        *(line for resource in resources for line in resource),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", "utf-8")
    yield f"{file}"
    yield f"Build it with: sqlprov deploy build {folder} dev --local --var AWS_REGION=us-east-1"


def _get_table(name: str, catalog: Catalog) -> Table:
    parts = name.split(".")
    if len(parts) != 3:
        raise ProgrammingError(f"--table {name}: expected a name such as aws.sagemaker.models.")
    catalog.reveal(name)
    table = catalog.get_table(*parts)
    if not {"create_resource", "delete_resource"} <= table.by_method.keys():
        raise NotSupportedError(f"{name} does not support INSERT and DELETE.")
    return table


def _list_lines(table: Table) -> Iterator[str]:
    create = table.by_method["create_resource"]
    keys = {part.name for part in create.parameters if part.column in table.key}
    named = keys or {table.write.insert.name}
    values = _fill(create.input_shape, (*create.required, *sorted(keys - {*create.required})), named)
    yield f"  - name: {table.name}"
    yield f"    table: {table.full_name}"
    yield "    props:"
    for name, value in values.items():
        yield f"      - name: {name}"
        yield f"        value: {json.dumps(value, ensure_ascii=False)}"
    if not keys:
        # The service makes the key.
        columns = {normalize_name(column.name): column.name for column in table.columns}
        by_column = {columns.get(normalize_name(name), ""): value for name, value in values.items()}
        found = {column: value for column, value in by_column.items() if column}
        yield (
            f"    find: {json.dumps(found)}"
            if found
            else "    # find: {column: value}, which identifies the row"
        )


def _fill(shape: Shape, names: Sequence[str], keys: set[str]) -> dict[str, Any]:
    return {
        name: _NAME if name in keys else _choose(shape.members[name], name)
        for name in names
        if name in shape.members
    }


def _choose(shape: Shape, name: str) -> Any:
    """A value that the model allows."""
    match shape.kind:
        case "structure":
            names = shape.required or (tuple(shape.members)[:1] if shape.union else ())
            return _fill(shape, names, set())
        case "list":
            assert shape.item is not None
            return [_choose(shape.item, name.removesuffix("s"))] * max(int(shape.low or 1), 1)
        case "map":
            return {}
        case "boolean":
            return False
        case "timestamp":
            return (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT00:00:00Z")
        case "string":
            return _choose_text(shape, name)
        case _:
            return max(int(shape.low or 1), 1)


def _choose_text(shape: Shape, name: str) -> str:
    if shape.is_json:
        return "{}"
    if shape.constraint.enum:
        return shape.constraint.enum[0]
    texts: Mapping[bool, Sequence[str]] = {True: _TEXTS[1:2], False: _TEXTS}
    for text in (*texts[name.lower().endswith("arn")], *_TEXTS):
        if shape.constraint.accepts(filled := text.format(_ACCOUNT)):
            return filled
    return _TEXTS[0]

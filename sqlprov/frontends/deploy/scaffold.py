"""Writes the folder of a new stack, with a value that the service accepts for each property that it needs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlprov.catalog import Catalog
from sqlprov.catalog.method import TAG_SPECIFICATIONS
from sqlprov.catalog.nouns import list_nouns, strip_noun
from sqlprov.catalog.service_model import to_snake_case
from sqlprov.catalog.shapes import Shape
from sqlprov.catalog.table import Table
from sqlprov.errors import NotSupportedError, ProgrammingError
from sqlprov.frontends.deploy.manifest import MANIFEST

_ACCOUNT = "123456789012"
_NAMES = tuple(f"{{{{ stack_name }}}}{between}{{{{ stack_env }}}}" for between in ("-", "_", ""))
_TEXTS = (
    "example",
    "arn:aws:iam::{0}:role/example",
    "s3://example/path",
    "example.com",
    "10.0.0.0/16",
    "1",
    _ACCOUNT,
    "{0}.dkr.ecr.us-east-1.amazonaws.com/example:1",
    *(f"{kind}-0123456789abcdef0" for kind in ("vpc", "subnet", "sg", "fs")),
)
"""Texts to try, in order, until one fits the model's pattern."""
FIND = "{column: value}, of columns that identify the row: the service makes its key"
_BLOB = "ZXhhbXBsZQ=="


def write_stack(folder: Path, tables: Sequence[str], catalog: Catalog) -> Iterator[str]:
    """Write a manifest with a resource for each table, and for what they need; return the files.

    Raises:
        ProgrammingError: there is a manifest already, or a name is not one of a table.
        NotSupportedError: a table cannot be written.
    """
    file = folder / MANIFEST
    if file.exists():
        raise ProgrammingError(f"{file} exists already; choose another name.")
    scaffold = _Scaffold(folder.name, [_get_table(name, catalog) for name in tables], catalog)
    lines = [
        "version: 1",
        f"name: {folder.name}",
        "description: The values are examples; change them.",
        f"providers: [{', '.join(sorted({name.split('.')[0] for name in tables}))}]",
        "globals:",
        '  - {name: region, value: "{{ AWS_REGION }}"}',
        "resources:",
        *scaffold.list_lines(),
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
    if not _is_writable(table):
        raise NotSupportedError(f"{name} does not support INSERT and DELETE.")
    return table


def _is_writable(table: Table) -> bool:
    return {"create_resource", "delete_resource"} <= table.by_method.keys()


class _Scaffold:
    """The resources of a new stack.

    Args:
        name: the stack's.
        tables: those that the stack has to have.
        catalog: the tables that they may need.
    """

    def __init__(self, name: str, tables: Sequence[Table], catalog: Catalog) -> None:
        self.name, self.tables, self.catalog = name, tables, catalog
        self._written: dict[str, list[str]] = {}  # full name of a table -> its lines
        self._open: list[str] = []  # those whose lines are being written
        self._keys: dict[str, dict[str, Table]] = {}

    def list_lines(self) -> Iterator[str]:
        """The lines of all resources, those first that others need."""
        for table in self.tables:
            self._add(table)
        for lines in self._written.values():
            yield from lines

    def _add(self, table: Table) -> None:
        if table.full_name not in self._written:
            self._open.append(table.full_name)
            self._written[table.full_name] = _NewResource(self, table).list_lines()
            self._open.remove(table.full_name)

    def refer(self, table: Table, parent: Table, column: str) -> str:
        """The variable with a column of the parent's row, which becomes a resource before that of the table."""
        self._add(parent)
        variable = column if column.startswith(parent.name[:3]) else f"{parent.name}_{column}"
        lines = self._written[parent.full_name]
        if not lines[-1].startswith("    exports:"):
            lines.append("    exports: []")
        export = f"{{{column}: {variable}}}" if variable != column else column
        names = [each for each in lines[-1].removeprefix("    exports: [")[:-1].split(", ") if each]
        lines[-1] = f"    exports: [{', '.join(dict.fromkeys([*names, export]))}]"
        return f"{{{{ {variable} }}}}"

    def find_parent(self, table: Table, column: str) -> Table | None:
        """The table of the same service whose key is a column; `None` if there is none, or it needs this one."""
        if table.service not in self._keys:
            names = self.catalog.list_tables(table.provider, table.service)
            every = [self.catalog.get_table(table.provider, table.service, name) for name in names]
            self._keys[table.service] = {
                each.key[0]: each for each in every if len(each.key) == 1 and _is_writable(each)
            }
        parent = self._keys[table.service].get(column)
        return parent if parent and self.may_add(parent) else None

    def may_add(self, table: Table) -> bool:
        """Whether a table can come first: it does not itself need the one whose lines are being written."""
        return table.full_name not in self._open and _is_writable(table)

    def choose_name(self, table: Table) -> str:
        """The name of a table's resource."""
        others = [name for name in (*self._written, *self._open) if name != table.full_name]
        is_taken = any(name.endswith(f".{table.name}") for name in others)
        return f"{table.service}_{table.name}" if is_taken else table.name


class _NewResource:
    """One resource.

    Args:
        scaffold: the stack.
        table: its table.
    """

    def __init__(self, scaffold: _Scaffold, table: Table) -> None:
        self.scaffold, self.table = scaffold, table
        self.create = table.by_method["create_resource"]
        self.columns = {part.name: part.column for part in self.create.parameters}
        self.example = scaffold.catalog.read_example(table)

    def list_lines(self) -> list[str]:
        """Its lines in the manifest."""
        values = {name: self._choose_parameter(name) for name in self._list_names()}
        name = self.scaffold.choose_name(self.table)
        lines = [f"  - name: {name}", f"    table: {self.table.full_name}", "    props:"]
        for parameter, value in values.items():
            lines += [f"      - name: {parameter}", f"        value: {json.dumps(value, ensure_ascii=False)}"]
        needless = {*values, *self.create.tokens, TAG_SPECIFICATIONS, "DryRun"}
        if others := [name for name in self.create.input_shape.members if name not in needless]:
            shown = ", ".join(others[:6]) + (", …" if len(others) > 6 else "")
            lines.insert(2, f"    # The service may need more: {shown}")
        if not {*self.table.key} <= {*self.columns.values()}:
            find = self._write_find(values)
            lines.append(f"    find: {json.dumps(find)}" if find else f"    # find: {FIND}")
        return lines

    @cached_property
    def name(self) -> tuple[str, str]:
        """The parameter that names the row, if the service makes its key, and its column, empty if only the key has
        it; both are empty if there is none."""
        known = self.table.write.insert
        if known.name:
            return known.name, known.column
        nouns = list_nouns(self.table.name)
        for part in self.create.parameters:
            word = strip_noun(part.name, nouns)
            column = part.column or (word if word in self.table.by_name else "")
            if word in ("name", "alias") and column and column not in self.table.key:
                return part.name, column
        return "", ""

    def _list_names(self) -> list[str]:
        keys = [name for name, column in self.columns.items() if column in self.table.key]
        names = [*self.create.required, *keys]
        if not {*self.table.key} <= {*self.columns.values()}:
            names.append(self.name[0] or self.table.tags_parameter)
        members = self.create.input_shape.members
        return [name for name in dict.fromkeys([*names, *self.example]) if name in members]

    def _choose_parameter(self, name: str) -> Any:
        table, column, shape = self.table, self.columns.get(name, ""), self.create.input_shape.members[name]
        if name in self.example:
            return self.example[name]
        for parent in table.list.parents:
            if parent.column == column and parent.load and self.scaffold.may_add(above := parent.load()):
                return self.scaffold.refer(table, above, parent.table_column)
            if parent.column == column and (parent.values or parent.is_account):
                return _ACCOUNT if parent.is_account else parent.values[0]
        if name == table.tags_parameter and column not in table.key:
            pair = {"Name": _NAMES[0]}
            spelling = table.tag_spelling
            if spelling is None or not spelling.key:
                return pair
            return [{spelling.key: key, spelling.value: value} for key, value in pair.items()]
        is_name = column in table.key or name == self.name[0]
        return self._choose_name(shape) if is_name and shape.kind == "string" else self._choose(shape, name)

    def _choose_name(self, shape: Shape) -> str:
        if shape.name == "DNSName":  # Route 53 ends what it stores with a dot
            return f"{_NAMES[0]}.internal."
        for name in _NAMES:
            if shape.constraint.accepts(_fill_name(name, self.scaffold.name)):
                return name
        return self._choose_text(shape, "")

    def _write_find(self, values: Mapping[str, Any]) -> Any:
        """What identifies the row: its name, its tag, or its other texts."""
        name, column = self.name
        if name:
            # The key is an ARN or a URL that ends with the name; another row's name may end with it, too.
            at_end = f"regexp_matches({self.table.key[-1]}, '[/:]{values[name]}$')"
            return {column: values[name]} if column else at_end
        if self.table.tags_parameter:
            return f"tag_map['Name'] = '{_NAMES[0]}'"
        texts = {self.columns[name]: value for name, value in values.items() if isinstance(value, str)}
        return {column: value for column, value in texts.items() if column}

    def _fill(self, shape: Shape, names: Sequence[str]) -> dict[str, Any]:
        return {name: self._choose(shape.members[name], name) for name in names if name in shape.members}

    def _choose(self, shape: Shape, name: str) -> Any:
        """A value that the model allows."""
        match shape.kind:
            case "structure":
                return self._fill(shape, shape.required or (tuple(shape.members)[:1] if shape.union else ()))
            case "list":
                assert shape.item is not None
                return [self._choose(shape.item, name.removesuffix("s"))] * max(int(shape.low or 1), 1)
            case "map" | "document":
                return {}
            case "boolean":
                return False
            case "timestamp":
                return (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT00:00:00Z")
            case "blob":
                return _BLOB
            case "string":
                return self._choose_text(shape, name)
            case _:
                return max(int(shape.low or 1), 1)

    def _choose_text(self, shape: Shape, name: str) -> str:
        column = to_snake_case(name)
        if parent := self.scaffold.find_parent(self.table, column):
            return self.scaffold.refer(self.table, parent, column)
        if shape.is_json:
            return "{}"
        if shape.constraint.enum:
            return shape.constraint.enum[0]
        texts: Mapping[bool, Sequence[str]] = {True: _TEXTS[1:2], False: _TEXTS}
        for text in (*texts[name.lower().endswith("arn")], *_TEXTS):
            if shape.constraint.accepts(filled := text.format(_ACCOUNT)):
                return filled
        return _TEXTS[0].ljust(shape.constraint.min or 0, "e")


def _fill_name(template: str, stack: str) -> str:
    """A name in the environment `dev`."""
    return re.sub(r"\{\{ (\w+) \}\}", lambda name: stack if name[1] == "stack_name" else "dev", template)

"""A row that a statement writes, and the check that it has not changed since it was read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import Any

import orjson
import pyarrow as pa

from sqlprov.aws.read.decoder import build_array
from sqlprov.aws.write.row_watcher import RowFailed
from sqlprov.catalog.column import ColumnSource
from sqlprov.catalog.columns import TAGS
from sqlprov.catalog.shapes import Shape
from sqlprov.catalog.table import Table
from sqlprov.plan.write.diff import diff_values, parse_tags
from sqlprov.plan.write.patch import apply_patch
from sqlprov.plan.write.steps import RowWrite, Snapshot, WriteKind
from sqlprov.records import dataclass


@dataclass
class TargetRow:
    """One row to be written.

    Attributes:
        write: the write; for a patch document, without its changes.
        document: patch document, which is applied to the described row.
        values: the row as read, by column.
        confirmed: the confirmed operations; no others are called. `None` if no confirmation was needed.
    """

    write: RowWrite
    document: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    confirmed: frozenset[str] | None = None

    @property
    def checks_tags(self) -> bool:
        """Whether `check` compares tags, including those that a patch document may change."""
        columns = self.write.table.by_name
        return self.document is not None or any(
            columns[name].source is ColumnSource.TAGS for name in self.values
        )

    def check(self, snapshot: Snapshot | None) -> None:
        """Raise RowFailed if the described row differs from the row that the statement read."""
        table = self.write.table
        if snapshot is None:
            if self.write.kind is WriteKind.DELETE:
                return
            raise RowFailed(f"{self.write.label} no longer exists")
        for name, value in self.values.items():
            if name == TAGS and snapshot.tags is not None:
                now, is_changed = snapshot.tags, parse_tags(value) != snapshot.tags
            else:
                now = snapshot.get_column(table, name)
                is_changed = _is_changed(table, name, value, now)
            if is_changed:
                marked = any(shape.sensitive for shape in _list_shapes(table, name))
                is_hidden = marked or table.by_name[name].sensitive
                change = "" if is_hidden else f" is {now!r}, was {value!r}"
                raise RowFailed(f"{self.write.label} has changed since it was read: {name}{change}")

    def complete(self, snapshot: Snapshot | None) -> RowWrite:
        """The write with the changes of its patch document, which depend on the described row."""
        if self.document is None or snapshot is None:
            return self.write
        return apply_patch(self.write, snapshot, self.document)


def _is_changed(table: Table, name: str, value: Any, now: Any) -> bool:
    """Whether a value has changed; members that no call takes, such as a variant's Status, do not count."""
    for shape in _list_shapes(table, name):
        if shape.kind == "document" and value is not None:  # the column holds JSON text
            value = orjson.loads(value)
        else:
            value = _join_maps(value, table.by_name[name].type)
        return any(diff_values(value, now, shape, name))
    return bool(build_array(table.by_name[name], [now]).to_pylist()[0] != value)


def _join_maps(value: Any, type: pa.DataType) -> Any:
    """A value with dictionaries for its maps, which Arrow returns as lists of pairs."""
    if value is None:
        return None
    if pa.types.is_map(type):
        return {key: _join_maps(part, type.item_type) for key, part in value}
    if pa.types.is_list(type):
        return [_join_maps(part, type.value_type) for part in value]
    if pa.types.is_struct(type):
        return {member.name: _join_maps(value.get(member.name), member.type) for member in type}
    return value


def _list_shapes(table: Table, name: str) -> Iterator[Shape]:
    """The shapes of the parameters that take a column; none if they take its values as text, as SQS does."""
    nesting = [method.nesting for method in table.methods if method.nesting]
    is_text = any(not each.is_whole for each in nesting) and pa.types.is_primitive(table.by_name[name].type)
    for method in (table.by_method.get("create_resource"), table.by_method.get("update_resource")):
        for part in method.parameters if method else ():
            if part.column == name and method and not is_text:
                yield method.input_shape.members[part.name]

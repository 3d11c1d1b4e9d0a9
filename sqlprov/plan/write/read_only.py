"""The rows as a statement gives them in; out without what only the service fills in, such as a variant's Status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from sqlprov.catalog.shapes import Shape
from sqlprov.catalog.table import Table
from sqlprov.plan.write.input_rows import InputRows
from sqlprov.plan.write.values import find_member
from sqlprov.plan.write.values_json import InvalidValue, JsonObject, format_json, parse_json


def drop_read_only(
    table: Table, given: InputRows, members: Sequence[str], columns: Sequence[str], shape: Shape
) -> tuple[InputRows, list[str]]:
    """The rows without members that Describe returns and the call does not take; and the paths of those left out.

    Args:
        table: the table.
        given: the rows.
        members: parameter of the call that each column of the rows means.
        columns: column of the table that each of them means; empty if there is none.
        shape: the call's input.
    """
    left_out: dict[str, None] = {}
    passes: list[tuple[int, Shape, pa.DataType]] = []
    for at, (member, column) in enumerate(zip(members, columns, strict=True)):
        if member in shape.members and column:
            wanted, described = shape.members[member], table.by_name[column].type
            if _returns_more(wanted, described):
                passes.append((at, wanted, described))
    if not passes:
        return given, []

    def row(values: tuple[Any, ...]) -> tuple[Any, ...]:
        kept = list(values)
        for at, wanted, described in passes:
            kept[at] = _column(kept[at], wanted, described, members[at], left_out)
        return tuple(kept)

    return replace(given, rows=tuple(map(row, given.rows))), list(left_out)


def _column(value: Any, wanted: Shape, described: pa.DataType, path: str, left_out: dict[str, None]) -> Any:
    if not isinstance(value, str):
        return _part(value, wanted, described, path, left_out)
    try:
        read = parse_json(value, "")
    except InvalidValue:
        return value  # what is wrong with it is told with the other faults
    before = len(left_out)
    kept = _part(read, wanted, described, path, left_out)
    return format_json(kept) if len(left_out) > before or kept != read else value


def _part(value: Any, wanted: Shape, described: pa.DataType, path: str, left_out: dict[str, None]) -> Any:
    if pa.types.is_struct(described) and isinstance(value, dict | JsonObject):
        types = {part.name.lower(): part.type for part in described}
        kept = []
        for name, part in value.items() if isinstance(value, dict) else value:
            member = find_member(name, wanted)
            if member is not None:
                known = types.get(member.lower())
                whole = known is None or part is None
                inner = wanted.members[member]
                kept.append(
                    (name, part if whole else _part(part, inner, known, f"{path}.{member}", left_out))
                )
            elif name.lower() not in types:
                kept.append((name, part))  # unknown to both: a fault
            elif part is not None:
                left_out[f"{path}.{name}"] = None
        return dict(kept) if isinstance(value, dict) else JsonObject(kept)
    if (
        pa.types.is_list(described)
        and wanted.item
        and isinstance(value, list)
        and not isinstance(value, JsonObject)
    ):
        item = wanted.item
        return [_part(part, item, described.value_type, path, left_out) for part in value]
    return value


def _returns_more(wanted: Shape, described: pa.DataType) -> bool:
    """Whether the service returns members of a structure that the call does not take."""
    if pa.types.is_list(described) and wanted.item:
        return _returns_more(wanted.item, described.value_type)
    if not pa.types.is_struct(described) or wanted.kind != "structure":
        return False
    return any(
        part.name not in wanted.members or _returns_more(wanted.members[part.name], part.type)
        for part in described
    )

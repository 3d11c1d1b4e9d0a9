"""Removes members from input rows that only the service sets, such as a variant's Status."""

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
    table: Table, rows: InputRows, members: Sequence[str], columns: Sequence[str], shape: Shape
) -> tuple[InputRows, list[str]]:
    """The rows without the members that Describe returns but the call does not take, and the paths of these.

    Args:
        table: the table.
        rows: the rows.
        members: parameter of the call for each column of the rows.
        columns: column of the table for each of them; empty if there is none.
        shape: the call's input.
    """
    left_out: dict[str, None] = {}
    affected: list[tuple[int, Shape, pa.DataType]] = []
    for at, (member, column) in enumerate(zip(members, columns, strict=True)):
        if member in shape.members and column:
            wanted, described = shape.members[member], table.by_name[column].type
            if _has_read_only(wanted, described):
                affected.append((at, wanted, described))
    if not affected:
        return rows, []

    def drop(values: tuple[Any, ...]) -> tuple[Any, ...]:
        kept = list(values)
        for at, wanted, described in affected:
            kept[at] = _drop_from_column(kept[at], wanted, described, members[at], left_out)
        return tuple(kept)

    return replace(rows, rows=tuple(map(drop, rows.rows))), list(left_out)


def _drop_from_column(
    value: Any, wanted: Shape, described: pa.DataType, path: str, left_out: dict[str, None]
) -> Any:
    if not isinstance(value, str):
        return _drop_from_value(value, wanted, described, path, left_out)
    try:
        parsed = parse_json(value, "")
    except InvalidValue:
        return value  # reported with the other problems of the rows
    before = len(left_out)
    kept = _drop_from_value(parsed, wanted, described, path, left_out)
    return format_json(kept) if len(left_out) > before or kept != parsed else value


def _drop_from_value(
    value: Any, wanted: Shape, described: pa.DataType, path: str, left_out: dict[str, None]
) -> Any:
    if pa.types.is_struct(described) and isinstance(value, dict | JsonObject):
        types = {part.name.lower(): part.type for part in described}
        kept = []
        for name, part in value.items() if isinstance(value, dict) else value:
            member = find_member(name, wanted)
            if member is not None:
                inner, type = wanted.members[member], types.get(member.lower())
                if type is not None and part is not None:
                    part = _drop_from_value(part, inner, type, f"{path}.{member}", left_out)
                kept.append((name, part))
            elif name.lower() not in types:
                kept.append((name, part))  # unknown to both, which is reported as a problem
            elif part is not None:
                left_out[f"{path}.{name}"] = None
        return dict(kept) if isinstance(value, dict) else JsonObject(kept)
    item = wanted.item
    if pa.types.is_list(described) and item and isinstance(value, list) and not isinstance(value, JsonObject):
        return [_drop_from_value(part, item, described.value_type, path, left_out) for part in value]
    return value


def _has_read_only(wanted: Shape, described: pa.DataType) -> bool:
    """Whether the service returns members of a structure that the call does not take."""
    if pa.types.is_list(described) and wanted.item:
        return _has_read_only(wanted.item, described.value_type)
    if not pa.types.is_struct(described) or wanted.kind != "structure":
        return False
    return any(
        part.name not in wanted.members or _has_read_only(wanted.members[part.name], part.type)
        for part in described
    )

"""The rows that a statement's query gave, and a Table, in; one Write for each row out, or every fault at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from sqlprov.catalog.shapes import Shape
from sqlprov.catalog.table import Method, Table
from sqlprov.errors import DataError, NotSupportedError, UnknownName, nearest
from sqlprov.plan.changes import tag_map
from sqlprov.plan.steps import Kind, Write
from sqlprov.plan.values import coerced, column_member, missing

REGION = "region"
PATCH = "data__PatchDocument"


@dataclass(frozen=True)
class Given:
    """Values as DuckDB gave them.

    Attributes:
        names: columns as the statement writes them.
        types: Arrow type of each.
        json: whether each is of DuckDB's type JSON.
        rows: their values.
        zone: time zone of times that name none.
    """

    names: tuple[str, ...]
    types: tuple[pa.DataType, ...]
    json: tuple[bool, ...]
    rows: tuple[tuple[Any, ...], ...]
    zone: str


@dataclass
class Drafts:
    """What became of the rows: writes, and what is to be told of them.

    Attributes:
        writes: one for each row.
        warnings: values that are sent though the model does not list them.
        faults: values that do not fit; none of the rows is written if there is any.
    """

    writes: list[Write] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def checked(self) -> Drafts:
        """These, if nothing is at fault.

        Raises:
            DataError: with every fault, a line each.
        """
        if self.faults:
            listed = "\n".join(f"  {fault}" for fault in self.faults)
            raise DataError(f"Nothing was written: {len(self.faults)} values do not fit.\n{listed}")
        return self


def inserts(table: Table, given: Given, listed: bool, region: str | None) -> Drafts:
    """INSERT: a create for each row.

    Args:
        table: the table.
        given: the rows.
        listed: whether the statement lists its columns; else those that cannot be inserted are left out.
        region: region of a row that names none; `None` if there is no such.

    Raises:
        UnknownName, NotSupportedError: a column that does not exist, or that cannot be inserted.
        DataError: required columns that are missing, named together; or values that do not fit.
    """
    method = _method(table, "create_resource", "INSERT")
    members, left_out = _insertable(table, method, given.names, listed)
    present = [member for member in members if member]
    lacking = list(missing(method.input, present))
    if not region and REGION not in present:
        lacking.append(REGION)
    if lacking:
        raise DataError(f"INSERT INTO {table.full_name} lacks {', '.join(lacking)}.")
    drafts = Drafts()
    first: dict[tuple[str, tuple[str, ...]], int] = {}
    if not listed:
        given, inside = _insertable_inside(given, members, method.input)
        left_out += inside
    for number, row in enumerate(given.rows, start=1):
        values = _row(drafts, given, members, method.input, number, row)
        own = values.pop(REGION, None) or region
        absent = [name for name in method.input.required if values.get(name) is None]
        absent += [] if own else [REGION]
        known = {fault.partition(",")[0] for fault in drafts.faults}
        if absent and f"row {number}" not in known:
            drafts.faults.append(f"row {number} lacks {', '.join(absent)}: NULL")
        notes = (f"{', '.join(left_out)}: read-only, left out",) if left_out else ()
        key = tuple(str(values.get(part.name, "")) for part in _key_parts(table, method))
        if not absent and first.setdefault((str(own), key), number) != number:
            # Were the answer of one create lost, the other would pass for it.
            drafts.faults.append(
                f"row {number}: {'|'.join(key)!r} in {own} is that of row {first[str(own), key]}"
            )
        sent = {name: value for name, value in values.items() if value is not None}
        drafts.writes.append(Write(table, Kind.INSERT, str(own), key, sent, notes=notes))
    return drafts.checked()


def _insertable(
    table: Table, method: Method, names: Sequence[str], listed: bool
) -> tuple[list[str], list[str]]:
    """(what each column means, or empty if it is left out; the names of those left out)."""
    ignored = {column: name for name, column in table.write.insert.ignored.items()}
    members: list[str] = []
    left_out: list[str] = []
    for name in names:
        column = _column_name(table, name)
        member = REGION if name.lower() == REGION else column_member(name, method.input)
        if member is None and listed and column in ignored:
            member = ignored[column]
        if member is None and not listed and column:
            member = ""
            left_out.append(name)
        if member is None and column:
            raise NotSupportedError(f"Column {name} of {table.full_name} is read-only: INSERT cannot set it.")
        if member is None:
            raise _unknown(table, name, method.input)
        if member and member in members:
            raise DataError(f"INSERT INTO {table.full_name} sets {member} twice.")
        members.append(member)
    return members, left_out


def _insertable_inside(given: Given, members: Sequence[str], shape: Shape) -> tuple[Given, list[str]]:
    """The rows without what a structure holds and the call does not take, such as a variant's Status."""
    left_out: dict[str, None] = {}

    def taken(value: Any, wanted: Shape, path: str) -> Any:
        if wanted.kind == "structure" and isinstance(value, dict):
            for name in value.keys() - set(wanted.members):
                left_out[f"{path}.{name}"] = None
            return {
                name: taken(inner, wanted.members[name], f"{path}.{name}")
                for name, inner in value.items()
                if name in wanted.members
            }
        if wanted.item is not None and isinstance(value, list):
            return [taken(inner, wanted.item, path) for inner in value]
        return value

    def row(values: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(
            taken(value, shape.members[member], member) if member in shape.members else value
            for value, member in zip(values, members, strict=True)
        )

    return replace(given, rows=tuple(map(row, given.rows))), list(left_out)


def check_assigned(table: Table, assigned: Sequence[str]) -> None:
    """That UPDATE may set these columns, before anything is read.

    Raises:
        UnknownName, NotSupportedError: a column that does not exist, or that UPDATE cannot change.
        DataError: a column twice.
    """
    names = [_updatable(table, _update(table), name) for name in assigned]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"UPDATE {table.full_name} sets {name} twice.")


def updates(
    table: Table, assigned: Sequence[str], given: Given, keys: Iterable[tuple[str, tuple[str, ...]]]
) -> Drafts:
    """UPDATE without a patch document: a Write for each row that `given` holds new values of.

    Args:
        table: the table.
        assigned: columns as SET writes them; their values are `given.rows`.
        given: the new values.
        keys: region and key of each row.

    Raises:
        UnknownName, NotSupportedError: a column that does not exist, or that UPDATE cannot change.
        DataError: values that do not fit, or a row with two different values.
    """
    method = _update(table)
    desired = table.write.desired
    names = [_updatable(table, method, name) for name in assigned]
    drafts = Drafts()
    found: dict[tuple[str, tuple[str, ...]], Write] = {}
    for number, ((region, key), row) in enumerate(zip(keys, given.rows, strict=True), start=1):
        values = _row(drafts, given, names, _with_tags(table, method), number, row)
        tags = values.pop("tags", None) if "tags" in names else None
        write = Write(
            table,
            Kind.UPDATE,
            region,
            key,
            {name: values.get(name) for name in names if name in method.input.members},
            tags=None if "tags" not in names else tag_map(tags or []),
            desired=values.get(desired.column) if desired else None,
            reason=values.get(desired.reason) if desired and desired.reason else None,
        )
        before = found.setdefault((region, key), write)
        if before != write:
            raise DataError(
                f"{write.shown} is matched twice, with different values: nothing was written. "
                "Let each row be matched once."
            )
    drafts.writes.extend(found.values())
    return drafts.checked()


def _with_tags(table: Table, method: Method) -> Shape:
    """The update's input, with the columns that are written by other calls."""
    texts = Shape("", "string")
    members = dict(method.input.members)
    if table.tags:
        members["tags"] = _create(table).input.members[table.tags.items]
    if desired := table.write.desired:
        members |= {name: texts for name in (desired.column, desired.reason) if name}
    return Shape("", "structure", members=members)


def _updatable(table: Table, method: Method, name: str) -> str:
    """What a column of SET means: a member of the update, or the column of the tags or of the desired state."""
    column, desired = _column_name(table, name), table.write.desired
    if column == "tags" and table.tags:
        return "tags"
    if desired and column and column in (desired.column, desired.reason):
        return column
    member = column_member(name, method.input)
    if member and member not in {part.name for part in _key_parts(table, method)}:
        return member
    create = table.by_method.get("create_resource")
    if create and column_member(name, create.input):
        raise NotSupportedError(
            f"Column {name} of {table.full_name} is fixed when the row is created: UPDATE cannot change it."
        )
    if column:
        raise NotSupportedError(f"Column {name} of {table.full_name} is read-only: UPDATE cannot set it.")
    raise _unknown(table, name, method.input)


def execution(table: Table, method: Method, given: Given, region: str | None) -> Drafts:
    """EXEC: one call with the parameters as written.

    Raises:
        UnknownName: a parameter that the method does not take.
        DataError: parameters that are missing, named together; or values that do not fit.
    """
    drafts = Drafts()
    members = []
    for name in given.names:
        member = REGION if name.lower() == REGION else column_member(name, method.input)
        if member is None:
            words = (*method.input.members, REGION)
            raise UnknownName(f"{method.name} has no parameter @{name}.{nearest(name, words)}")
        members.append(member)
    values = _row(drafts, given, members, method.input, 1, given.rows[0])
    own = values.pop(REGION, None) or region
    lacking = [name for name in method.input.required if values.get(name) is None]
    lacking += [] if own else [REGION]
    if lacking and not drafts.faults:
        raise DataError(
            f"EXEC {table.full_name}.{method.name} lacks {', '.join('@' + name for name in lacking)}."
        )
    key = tuple(str(values.get(part.name, "")) for part in _key_parts(table, method))
    sent = {name: value for name, value in values.items() if value is not None}
    drafts.writes.append(Write(table, Kind.EXEC, str(own), key, sent, method=method.name))
    return drafts.checked()


def _row(
    drafts: Drafts, given: Given, members: Sequence[str], shape: Shape, number: int, row: Sequence[Any]
) -> dict[str, Any]:
    """The values of one row by what their columns mean; what does not fit is noted in `drafts`."""
    values: dict[str, Any] = {}
    texts = Shape("", "string")
    for at, member in enumerate(members):
        if not member:
            continue
        wanted = shape.members.get(member, texts)
        value, faults, warnings = coerced(
            row[at],
            given.types[at],
            given.json[at],
            wanted,
            row=number,
            column=given.names[at],
            zone=given.zone,
        )
        values[member] = value
        drafts.faults += [str(fault) for fault in faults]
        drafts.warnings += [str(warning) for warning in warnings]
    return values


def _update(table: Table) -> Method:
    """The update; tags are written by calls of their own, also where the table has none."""
    none = Shape("", "structure")
    return table.by_method.get("update_resource") or replace(_create(table), input=none, inputs=())


def _create(table: Table) -> Method:
    return _method(table, "create_resource", "INSERT")


def _method(table: Table, name: str, verb: str) -> Method:
    if name not in table.by_method:
        raise NotSupportedError(f"{table.full_name} takes no {verb}: the service has no call for it.")
    return table.by_method[name]


def _key_parts(table: Table, method: Method) -> list[Any]:
    """The call's parameters that the key fills, in the key's order."""
    by_column = {part.column: part for part in method.inputs}
    return [by_column[column] for column in table.key if column in by_column]


def _column_name(table: Table, written: str) -> str | None:
    """The column of the table that a name means: `Name`, `name`, `data__Name`."""
    spelled = {name.lower(): name for name in table.by_name}
    squeezed = {name.replace("_", "").lower(): name for name in table.by_name}
    lower = written.lower()
    return spelled.get(lower) or squeezed.get(lower.removeprefix("data__").replace("_", ""))


def _unknown(table: Table, name: str, shape: Shape) -> UnknownName:
    words = (*table.by_name, *shape.members)
    return UnknownName(f"{table.full_name} has no column {name}.{nearest(name, words)}")

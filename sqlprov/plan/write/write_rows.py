"""The rows that a statement's query gave, and a Table, in; one Write for each row out, or every fault at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlprov.catalog.shapes import Shape
from sqlprov.catalog.table import Method, Table
from sqlprov.errors import DatabaseError, DataError, NotSupportedError, UnknownName, format_count, suggest
from sqlprov.plan.write.diff import parse_tags
from sqlprov.plan.write.input_rows import InputRows
from sqlprov.plan.write.read_only import drop_read_only
from sqlprov.plan.write.steps import RowWrite, WriteKind
from sqlprov.plan.write.transitions import check_desired_state, get_reason_shape
from sqlprov.plan.write.values import coerce, find_member

REGION = "region"
PATCH = "data__PatchDocument"
IDENTIFIER = "identifier"


@dataclass
class WritePlan:
    """What became of the rows: writes, and what is to be told of them.

    Attributes:
        writes: one for each row.
        warnings: values that are sent though the model does not list them.
        faults: values that do not fit; none of the rows is written if there is any.
    """

    writes: list[RowWrite] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def checked(self, wrong: Sequence[DatabaseError] = ()) -> WritePlan:
        """These, if nothing is at fault.

        Args:
            wrong: what is wrong with the columns.

        Raises:
            DatabaseError: of the kind of the first in `wrong`, else DataError; with every fault, a line each.
        """
        told = [str(error) for error in wrong]
        if self.faults:
            fit = "does not fit" if len(self.faults) == 1 else "do not fit"
            told.append(f"Nothing was written: {format_count(len(self.faults), 'value')} {fit}.")
            told += [f"  {fault}" for fault in self.faults]
        if told:
            raise (type(wrong[0]) if wrong else DataError)("\n".join(told))
        return self


def check_assignments(table: Table, assigned: Sequence[str]) -> None:
    """That UPDATE may set these columns, before anything is read.

    Raises:
        UnknownName, NotSupportedError: a column that does not exist, or that UPDATE cannot change.
        DataError: a column twice.
    """
    names: list[str] = []
    wrong: list[DatabaseError] = []
    for written in assigned:
        try:
            name = _updatable(table, _update(table), written)
        except (UnknownName, NotSupportedError) as error:
            wrong.append(error)
            continue
        if name in names:
            wrong.append(DataError(f"UPDATE {table.full_name} sets {name} twice."))
        names.append(name)
    WritePlan().checked(wrong)


def plan_updates(
    table: Table, assigned: Sequence[str], given: InputRows, keys: Iterable[tuple[str, tuple[str, ...]]]
) -> WritePlan:
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
    columns = [find_column(table, name) or "" for name in names]
    given, left_out = drop_read_only(table, given, names, columns, method.input_shape)
    notes = (f"{', '.join(left_out)}: read-only, left out",) if left_out else ()
    drafts = WritePlan()
    found: dict[tuple[str, tuple[str, ...]], RowWrite] = {}
    for number, ((region, key), row) in enumerate(zip(keys, given.rows, strict=True), start=1):
        values, _ = coerce_row(drafts, given, names, _with_tags(table, method), number, row)
        tags = values.pop("tags", None) if "tags" in names else None
        wanted = values.get(desired.column) if desired else None
        if desired and wanted is not None and (told := check_desired_state(table, wanted)):
            drafts.faults.append(f"row {number}, {desired.column}: {told}")
        write = RowWrite(
            table,
            WriteKind.UPDATE,
            region,
            key,
            {name: values.get(name) for name in names if name in method.input_shape.members},
            tags=None if "tags" not in names else parse_tags(tags or []),
            desired=wanted,
            reason=values.get(desired.reason) if desired and desired.reason else None,
            notes=notes,
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
    members = dict(method.input_shape.members)
    if table.tags:
        members["tags"] = _create(table).input_shape.members[table.tags.items]
    if desired := table.write.desired:
        members[desired.column] = texts
        if desired.reason:
            members[desired.reason] = get_reason_shape(table)
    return Shape("", "structure", members=members)


def _updatable(table: Table, method: Method, name: str) -> str:
    """What a column of SET means: a member of the update, or the column of the tags or of the desired state."""
    column, desired = find_column(table, name), table.write.desired
    if column == "tags" and table.tags:
        return "tags"
    if desired and column and column in (desired.column, desired.reason):
        return column
    member = find_member(name, method.input_shape)
    if member and member not in {part.name for part in list_key_inputs(table, method)}:
        return member
    create = table.by_method.get("create_resource")
    if create and find_member(name, create.input_shape):
        raise NotSupportedError(
            f"Column {name} of {table.full_name} is fixed when the row is created: UPDATE cannot change it."
        )
    if column:
        raise NotSupportedError(f"Column {name} of {table.full_name} is read-only: UPDATE cannot set it.")
    raise unknown_column_error(table, name, method.input_shape)


def plan_exec(table: Table, method: Method, given: InputRows, region: str | None) -> WritePlan:
    """EXEC: one call with the parameters as written.

    Raises:
        UnknownName: a parameter that the method does not take.
        DataError: parameters that are missing, named together; or values that do not fit.
    """
    drafts = WritePlan()
    members: list[str] = []
    wrong: list[DatabaseError] = []
    parts = list_key_inputs(table, method)
    for name in given.names:
        member = REGION if name.lower() == REGION else find_member(name, method.input_shape)
        if member is None and name.lower().removeprefix("data__") == IDENTIFIER and len(parts) == 1:
            member = parts[0].name
        if member and member in members:
            wrong.append(DataError(f"EXEC {table.full_name}.{method.name} gives @{member} twice."))
        if member is None:
            words = (*method.input_shape.members, REGION)
            wrong.append(UnknownName(f"{method.name} has no parameter @{name}.{suggest(name, words)}"))
        members.append(member or "")
    values, faulty = coerce_row(drafts, given, members, method.input_shape, 1, given.rows[0])
    own_region = values.pop(REGION, region)
    needed = (*method.input_shape.required, *([] if own_region is not None else [REGION]))
    if lacking := [f"@{name}" for name in needed if name not in (*values, *faulty)]:
        wrong.append(DataError(f"EXEC {table.full_name}.{method.name} lacks {', '.join(lacking)}."))
    key = tuple(str(values.get(part.name, "")) for part in parts)
    drafts.writes.append(RowWrite(table, WriteKind.EXEC, str(own_region), key, values, method=method.name))
    return drafts.checked(wrong)


def coerce_row(
    drafts: WritePlan, given: InputRows, members: Sequence[str], shape: Shape, number: int, row: Sequence[Any]
) -> tuple[dict[str, Any], set[str]]:
    """The values of one row by what their columns mean, without NULLs; and which do not fit, noted in `drafts`."""
    values: dict[str, Any] = {}
    faulty: set[str] = set()
    texts = Shape("", "string")
    for at, member in enumerate(members):
        if not member:
            continue
        wanted = shape.members.get(member, texts)
        value, faults, warnings = coerce(
            row[at],
            given.types[at],
            given.json[at],
            wanted,
            row=number,
            column=given.names[at],
            zone=given.zone,
        )
        if value is not None:
            values[member] = value
        if faults:
            faulty.add(member)
        drafts.faults += [str(fault) for fault in faults]
        drafts.warnings += [str(warning) for warning in warnings]
    return values, faulty


def _update(table: Table) -> Method:
    """The update; tags are written by calls of their own, also where the table has none."""
    none = Shape("", "structure")
    return table.by_method.get("update_resource") or replace(_create(table), input_shape=none, parameters=())


def _create(table: Table) -> Method:
    return require_method(table, "create_resource", "INSERT")


def require_method(table: Table, name: str, verb: str) -> Method:
    if name not in table.by_method:
        raise NotSupportedError(f"{table.full_name} takes no {verb}: the service has no call for it.")
    return table.by_method[name]


def list_key_inputs(table: Table, method: Method) -> list[Any]:
    """The call's parameters that the key fills, in the key's order."""
    by_column = {part.column: part for part in method.parameters}
    return [by_column[column] for column in table.key if column in by_column]


def find_column(table: Table, written: str) -> str | None:
    """The column of the table that a name means: `Name`, `name`, `data__Name`."""
    spelled = {name.lower(): name for name in table.by_name}
    squeezed = {name.replace("_", "").lower(): name for name in table.by_name}
    lower = written.lower()
    return spelled.get(lower) or squeezed.get(lower.removeprefix("data__").replace("_", ""))


def unknown_column_error(table: Table, name: str, shape: Shape) -> UnknownName:
    words = (*table.by_name, *shape.members)
    return UnknownName(f"{table.full_name} has no column {name}.{suggest(name, words)}")

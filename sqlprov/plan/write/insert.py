"""The rows of an INSERT in, a create for each out, or every fault at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlprov.catalog.table import Method, Table
from sqlprov.errors import DatabaseError, DataError, NotSupportedError
from sqlprov.plan.write.diff import is_reserved
from sqlprov.plan.write.input_rows import InputRows
from sqlprov.plan.write.read_only import drop_read_only
from sqlprov.plan.write.steps import RowWrite, WriteKind
from sqlprov.plan.write.values import find_member, find_missing
from sqlprov.plan.write.write_rows import (
    REGION,
    WritePlan,
    coerce_row,
    find_column,
    list_key_inputs,
    require_method,
    unknown_column_error,
)


def plan_inserts(table: Table, given: InputRows, listed: bool, region: str | None) -> WritePlan:
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
    method = require_method(table, "create_resource", "INSERT")
    wrong: list[DatabaseError] = []
    members, left_out = _insertable(table, method, given.names, listed, wrong)
    present = [member for member in members if member]
    lacking = list(find_missing(method.input_shape, present))
    if not region and REGION not in present:
        lacking.append(REGION)
    if lacking:
        wrong.append(DataError(f"INSERT INTO {table.full_name} lacks {', '.join(lacking)}."))
    drafts = WritePlan()
    first: dict[tuple[str, tuple[str, ...]], int] = {}
    columns = [find_column(table, member) or "" for member in members]
    given, inside = drop_read_only(table, given, members, columns, method.input_shape)
    left_out += inside
    for number, row in enumerate(given.rows, start=1):
        values, faulty = coerce_row(drafts, given, members, method.input_shape, number, row)
        own_region = values.pop(REGION, region)
        needed = (*method.input_shape.required, *([] if own_region is not None else [REGION]))
        absent = [name for name in needed if name not in (*values, *lacking, *faulty)]
        if absent:
            drafts.faults.append(f"row {number} lacks {', '.join(absent)}: NULL")
        notes = [f"{', '.join(left_out)}: read-only, left out"] if left_out else []
        notes += _without_reserved(drafts, table, values, listed, number)
        key = tuple(str(values.get(part.name, "")) for part in list_key_inputs(table, method))
        if all(key) and first.setdefault((str(own_region), key), number) != number:
            # Were the answer of one create lost, the other would pass for it.
            drafts.faults.append(
                f"row {number}: {'|'.join(key)!r} in {own_region} is that of row {first[str(own_region), key]}"
            )
        drafts.writes.append(
            RowWrite(table, WriteKind.INSERT, str(own_region), key, values, notes=tuple(notes))
        )
    return drafts.checked(wrong)


def _without_reserved(
    drafts: WritePlan, table: Table, values: dict[str, Any], listed: bool, number: int
) -> list[str]:
    """Takes the tags that only AWS can set out of a row: noted, or a fault if the statement lists its columns."""
    name = table.tags.items if table.tags else ""
    tags = values.get(name) or []
    keys = [(at, tag["Key"]) for at, tag in enumerate(tags) if is_reserved(tag["Key"])]
    if not keys:
        return []
    if listed:
        drafts.faults += [
            f"row {number}, {name}[{at}].Key: {key!r}; expected a key that does not begin with `aws:`, which is AWS's"
            for at, key in keys
        ]
        return []
    values[name] = [tag for tag in tags if not is_reserved(tag["Key"])]
    return [f"{', '.join(key for _, key in keys)}: AWS's own tags, left out"]


def _insertable(
    table: Table, method: Method, names: Sequence[str], listed: bool, wrong: list[DatabaseError]
) -> tuple[list[str], list[str]]:
    """(what each column means, or empty if it is left out; the names of those left out); adds to `wrong`."""
    ignored = {column: name for name, column in table.write.insert.ignored.items()}
    members: list[str] = []
    left_out: list[str] = []
    unnamed = False
    for name in names:
        column = find_column(table, name)
        member = REGION if name.lower() == REGION else find_member(name, method.input_shape)
        if member is None and listed and column in ignored:
            member = ignored[column]
        if member is None and not listed and column:
            member = ""
            left_out.append(name)
        if member is None and column:
            text = f"Column {name} of {table.full_name} is read-only: INSERT cannot set it."
            wrong.append(NotSupportedError(text))
        elif member is None:
            wrong.append(unknown_column_error(table, name, method.input_shape))
            unnamed |= not listed
        elif member and member in members:
            wrong.append(DataError(f"INSERT INTO {table.full_name} sets {member} twice."))
            member = ""
        members.append(member or "")
    if unnamed:
        wrong.append(
            DataError(
                f"Without a list of columns each value goes to the column of its name: write INSERT INTO "
                f"{table.full_name} ({', '.join(method.input_shape.required)}, …)."
            )
        )
    return members, left_out

"""Plans UPDATE and EXEC: one write per row, or all errors at once. INSERT shares the helpers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import Any

from sqlprov.catalog.column import TAG_MAP
from sqlprov.catalog.columns import TAGS
from sqlprov.catalog.method import Method, Parameter
from sqlprov.catalog.service_model import to_snake_case
from sqlprov.catalog.shapes import Shape
from sqlprov.catalog.table import Table
from sqlprov.errors import (
    DatabaseError,
    DataError,
    NotSupportedError,
    UnknownName,
    find_nearest,
    format_count,
    suggest,
)
from sqlprov.plan.read.steps import ACCOUNT, ACCOUNT_ID, REGION
from sqlprov.plan.write.diff import parse_tags
from sqlprov.plan.write.input_rows import InputRows
from sqlprov.plan.write.read_only import drop_read_only
from sqlprov.plan.write.steps import RowKey, RowWrite, WriteKind
from sqlprov.plan.write.transitions import check_desired_state, get_reason_shape
from sqlprov.plan.write.values import coerce, find_member
from sqlprov.records import dataclass

PATCH = "data__PatchDocument"
IDENTIFIER = "identifier"
TEXT = Shape("", "string")
_ROW = re.compile(r"^row \d+, ")


@dataclass
class WritePlan:
    """The writes of a statement and the problems of its values.

    Attributes:
        writes: one for each row.
        warnings: values that are sent although the model does not list them.
        errors: values that do not fit; if there are any, no row is written.
    """

    writes: list[RowWrite] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def raise_errors(self, column_errors: Sequence[DatabaseError] = ()) -> None:
        """Raise one error for all problems, a line each.

        Raises:
            DatabaseError: of the class of the first column error, otherwise DataError.
        """
        lines = [str(error) for error in column_errors]
        if self.errors:
            fit = "does not fit" if len(self.errors) == 1 else "do not fit"
            lines.append(f"Nothing was written: {format_count(len(self.errors), 'value')} {fit}.")
            lines += [f"  {error}" for error in self._list_errors()]
        if lines:
            raise (type(column_errors[0]) if column_errors else DataError)("\n".join(lines))

    def _list_errors(self) -> list[str]:
        """The errors; one that every row has, as for a literal in SET, only once."""
        details = [_ROW.sub("", error) for error in self.errors]
        rows, counts = len(self.writes), Counter(details)
        shared = {detail for detail, count in counts.items() if count == rows > 1}
        texts = (
            f"{detail} ({rows} rows)" if detail in shared else error
            for error, detail in zip(self.errors, details, strict=True)
        )
        return list(dict.fromkeys(texts))


def check_assignments(table: Table, assigned: Sequence[str]) -> None:
    """Check that UPDATE may set these columns, before anything is read.

    Raises:
        UnknownName, NotSupportedError: a column that does not exist, or that UPDATE cannot change.
        DataError: a column that is set twice.
    """
    names: list[str] = []
    errors: list[DatabaseError] = []
    for column in assigned:
        try:
            name = _resolve_assigned(table, _get_update(table), column)
        except (UnknownName, NotSupportedError) as error:
            errors.append(error)
            continue
        if name in names:
            errors.append(DataError(f"UPDATE {table.full_name} sets {name} twice."))
        names.append(name)
    WritePlan().raise_errors(errors)


def plan_updates(table: Table, assigned: Sequence[str], rows: InputRows, keys: Iterable[RowKey]) -> WritePlan:
    """UPDATE without a patch document: a write for each row.

    Args:
        table: the table.
        assigned: columns as SET writes them.
        rows: their new values.
        keys: of each row.

    Raises:
        UnknownName, NotSupportedError: a column that does not exist, or that UPDATE cannot change.
        DataError: values that do not fit, or a row with two different values.
    """
    method = _get_update(table)
    desired = table.write.desired
    names = [_resolve_assigned(table, method, name) for name in assigned]
    columns = [find_column(table, name) or "" for name in assigned]
    rows, left_out = drop_read_only(table, rows, names, columns, method.input_shape)
    notes = (f"{', '.join(left_out)}: read-only, left out",) if left_out else ()
    has_tags = table.tagging is not None and "tags" in names  # their own calls write them
    members = [
        name for name in names if name in method.input_shape.members and not (has_tags and name == "tags")
    ]
    plan = WritePlan()
    writes: dict[RowKey, RowWrite] = {}
    for number, (row_key, row) in enumerate(zip(keys, rows.rows, strict=True), start=1):
        values, _ = coerce_row(plan, rows, names, _build_update_shape(table, method), number, row)
        tags = values.pop("tags", None) if has_tags else None
        state = values.get(desired.column) if desired else None
        if desired and state is not None and (problem := check_desired_state(table, state)):
            plan.errors.append(f"row {number}, {desired.column}: {problem}")
        account, region, key = row_key
        write = RowWrite(
            table,
            WriteKind.UPDATE,
            region,
            key,
            {name: values.get(name) for name in members},
            account=account,
            tags=parse_tags(tags or [], table.tagging.spelling) if has_tags and table.tagging else None,
            desired=state,
            reason=values.get(desired.reason) if desired and desired.reason else None,
            notes=notes,
        )
        if writes.setdefault(row_key, write) != write:
            raise DataError(
                f"{write.label} is matched twice, with different values; nothing was written. "
                "Match each row only once."
            )
    plan.writes.extend(writes.values())
    plan.raise_errors()
    return plan


def _build_update_shape(table: Table, method: Method) -> Shape:
    """The update's input, with the columns that other calls write."""
    members = dict(method.input_shape.members)
    if table.tagging and table.tagging.shape:
        members["tags"] = table.tagging.shape
    if desired := table.write.desired:
        members[desired.column] = TEXT
        if desired.reason:
            members[desired.reason] = get_reason_shape(table)
    return Shape("", "structure", members=members)


def _resolve_assigned(table: Table, method: Method, name: str) -> str:
    """The member of the update that SET assigns; for tags and desired state, the column."""
    column, desired = find_column(table, name), table.write.desired
    if column == "tags" and table.tagging:
        return "tags"
    if desired and column and column in (desired.column, desired.reason):
        return column
    member = find_parameter(table, method, name)
    if member and member not in {part.name for part in list_key_inputs(table, method)}:
        return member
    create = table.by_method.get("create_resource")
    if create and find_parameter(table, create, name):
        raise NotSupportedError(
            f"Column {name} of {table.full_name} is fixed when the row is created; UPDATE cannot change it."
        )
    if column:
        raise NotSupportedError(f"Column {name} of {table.full_name} is read-only; UPDATE cannot set it.")
    raise make_unknown_column_error(table, name, method.input_shape)


def find_place_word(name: str) -> str:
    """The part of the place that a written name gives: `region`, `account`, or neither, as empty text."""
    return {REGION: REGION, ACCOUNT: ACCOUNT, ACCOUNT_ID: ACCOUNT}.get(name.lower(), "")


def plan_exec(
    table: Table, method: Method, rows: InputRows, region: str | None, account: str | None
) -> WritePlan:
    """EXEC: one call with the parameters as written.

    Args:
        table, method, rows: the call.
        region, account: where it is made unless @region and @account say it; `None` if they must.

    Raises:
        UnknownName: a parameter that the method does not take.
        DataError: missing parameters, named together; or values that do not fit.
    """
    plan = WritePlan()
    members: list[str] = []
    errors: list[DatabaseError] = []
    key_inputs = list_key_inputs(table, method)
    for name in rows.names:
        word, own = find_place_word(name), find_member(name, method.input_shape)
        member = (own or word) if word == ACCOUNT else (word or own)  # the call may take an account
        if member is None and name.lower().removeprefix("data__") == IDENTIFIER and len(key_inputs) == 1:
            member = key_inputs[0].name
        if member and member in members:
            errors.append(DataError(f"EXEC {table.full_name}.{method.name} sets @{member} twice."))
        if member is None:
            words = (*method.input_shape.members, REGION, ACCOUNT)
            errors.append(UnknownName(f"{method.name} has no parameter @{name}.{suggest(name, words)}"))
        members.append(member or "")
    values, invalid = coerce_row(plan, rows, members, method.input_shape, 1, rows.rows[0])
    place = {REGION: values.pop(REGION, region), ACCOUNT: values.pop(ACCOUNT, account)}
    needed = (*list_required(table, method), *(name for name in place if place[name] is None))
    if lacking := [f"@{name}" for name in needed if name not in (*values, *invalid)]:
        errors.append(DataError(f"EXEC {table.full_name}.{method.name} lacks {', '.join(lacking)}."))
    key = tuple(_spell_key(values.get(part.name, "")) for part in key_inputs)
    where = str(place[REGION]), str(place[ACCOUNT])
    plan.writes.append(
        RowWrite(table, WriteKind.EXEC, where[0], key, values, method=method.name, account=where[1])
    )
    plan.raise_errors(errors)
    return plan


def _spell_key(value: Any) -> str:
    return "|".join(map(str, value)) if isinstance(value, list) else str(value)


def coerce_row(
    plan: WritePlan, rows: InputRows, members: Sequence[str], shape: Shape, number: int, row: Sequence[Any]
) -> tuple[dict[str, Any], set[str]]:
    """(values of a row by member, without NULLs; members that do not fit); adds the problems to `plan`."""
    values: dict[str, Any] = {}
    invalid: set[str] = set()
    for at, member in enumerate(members):
        if not member:
            continue
        value, errors, warnings = coerce(
            row[at],
            rows.types[at],
            rows.json[at],
            shape.members.get(member, TEXT),
            row=number,
            column=rows.names[at],
            zone=rows.zone,
        )
        if value is not None:
            values[member] = value
        if errors:
            invalid.add(member)
        plan.errors += map(str, errors)
        plan.warnings += map(str, warnings)
    return values, invalid


def _get_update(table: Table) -> Method:
    """The update; a table without one has only tags to update, which other calls write."""
    if "update_resource" in table.by_method:
        return table.by_method["update_resource"]
    if not (table.tagging or table.write.desired) or all(method.verb == "SELECT" for method in table.methods):
        return require_method(table, "update_resource", "UPDATE")
    return Method("", "UPDATE", "", (), input_shape=Shape("", "structure"))


def require_method(table: Table, name: str, statement: str) -> Method:
    """A method of the table; raises NotSupportedError if it has none for the statement."""
    if name not in table.by_method:
        raise NotSupportedError(
            f"{table.full_name} does not support {statement}: its resource file declares no call for it."
        )
    return table.by_method[name]


def list_required(table: Table, method: Method) -> list[str]:
    """The parameters that a statement must give: those of the API, and those of the key that cannot be NULL, unless
    the service then sets them."""
    inputs = list_key_inputs(table, method)
    key = (p.name for p in inputs if table.needs_key(p.column) and p.column not in method.returns)
    return list(dict.fromkeys((*method.input_shape.required, *key)))


def list_key_inputs(table: Table, method: Method) -> list[Parameter]:
    """The call's parameters that take the key, in the key's order."""
    by_column = {part.column: part for part in method.parameters}
    return [by_column[column] for column in table.key if column in by_column]


def find_parameter(table: Table, method: Method, name: str) -> str | None:
    """The parameter for a written name: its own, or that of the column that it fills."""
    if member := find_member(name, method.input_shape):
        return member
    column = find_column(table, name)
    return next((part.name for part in method.parameters if part.column == column), None) if column else None


def find_column(table: Table, name: str) -> str | None:
    """The column that a written name sets; `tag_map` sets the tags."""
    return table.find_column(TAGS if name.lower() == TAG_MAP else name)


def list_columns(table: Table, method: Method, members: Iterable[str]) -> list[str]:
    """The parameters as SELECT calls them, if it has a column for them."""
    columns = {part.name: part.column for part in method.parameters}
    return [columns.get(member) or find_column(table, member) or member for member in members]


def make_unknown_column_error(table: Table, name: str, shape: Shape) -> UnknownName:
    """The error for a name that is neither a column nor a parameter."""
    noun, _, last = to_snake_case(name.removeprefix("data__")).rpartition("_")
    is_own = noun and last in table.key  # BucketName of buckets, whose key is `name`
    nearest = last if is_own else find_nearest(name, (*table.by_name, *shape.members))
    suggestion = f" Did you mean {(find_column(table, nearest) or nearest)!r}?" if nearest else ""
    return UnknownName(f"{table.full_name} has no column {name}.{suggestion}")

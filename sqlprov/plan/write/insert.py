"""Plans an INSERT: one create per row, or all errors at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlprov.catalog.column import TAG_MAP
from sqlprov.catalog.method import Method
from sqlprov.catalog.table import Table
from sqlprov.errors import DatabaseError, DataError, NotSupportedError
from sqlprov.plan.read.steps import ACCOUNT, ACCOUNT_ID, REGION
from sqlprov.plan.write.diff import drop_reserved, is_reserved, parse_tags, spell_tags
from sqlprov.plan.write.input_rows import InputRows
from sqlprov.plan.write.read_only import drop_read_only
from sqlprov.plan.write.steps import RowKey, RowWrite, WriteKind
from sqlprov.plan.write.values import find_member, find_missing
from sqlprov.plan.write.values_json import abbreviate
from sqlprov.plan.write.write_rows import (
    WritePlan,
    coerce_row,
    find_column,
    find_parameter,
    find_place_word,
    list_columns,
    list_key_inputs,
    list_required,
    make_unknown_column_error,
    require_method,
)


def plan_inserts(
    table: Table, rows: InputRows, has_columns: bool, region: str | None, account: str | None
) -> WritePlan:
    """A create for each row.

    Args:
        table: the table.
        rows: the rows.
        has_columns: whether the statement lists its columns; if not, read-only columns are left out.
        region: default region; `None` if there is none.
        account: the only account of the session, as rows without a column list go to it whatever they say; `None` if
            there are several.

    Raises:
        UnknownName, NotSupportedError: a column that does not exist, or that cannot be inserted.
        DataError: missing required columns, named together; or values that do not fit.
    """
    method = require_method(table, "create_resource", "INSERT")
    errors: list[DatabaseError] = []
    members, left_out = _resolve_columns(table, method, rows.names, has_columns, account is None, errors)
    present = [member for member in members if member]
    inputs = {part.column: part.name for part in list_key_inputs(table, method)}
    if has_document := method.document in present:
        required, lacking = [method.document], list[str]()
        errors += _check_alone(table, method, present)
    else:
        required, lacking = list_required(table, method), list(find_missing(method.input_shape, present))
        lacking += [name for name in required if name not in (*present, *lacking)]
    lacking += [
        name
        for name, known in ((REGION, region or None), (ACCOUNT, account))
        if known is None and name not in present
    ]
    if lacking:
        text = f"INSERT INTO {table.full_name} needs {', '.join(list_columns(table, method, lacking))}."
        if ACCOUNT in lacking:
            text += " The session has several accounts; FROM aws.accounts lists them."
        errors.append(DataError(text))
    plan = WritePlan()
    first_rows: dict[RowKey, int] = {}
    columns = [find_column(table, name) or "" for name in rows.names]
    rows, inner = drop_read_only(table, rows, members, columns, method.input_shape)
    left_out += inner
    for number, row in enumerate(rows.rows, start=1):
        values, invalid = coerce_row(plan, rows, members, method.input_shape, number, row)
        place = {REGION: values.pop(REGION, region), ACCOUNT: values.pop(ACCOUNT, account)}
        needed = (*required, *(name for name in place if place[name] is None))
        absent = [name for name in needed if name not in (*values, *lacking, *invalid)]
        if absent:
            plan.errors.append(
                f"row {number} has NULL for the required {', '.join(list_columns(table, method, absent))}"
            )
        if has_document:
            values = _open_document(plan, values.get(method.document), method.document, number)
        notes = [f"{', '.join(left_out)}: read-only, left out"] if left_out else []
        notes += _drop_reserved_tags(plan, table, values, has_columns, number)
        key = tuple(str(values.get(inputs.get(column, ""), "")) for column in table.key)
        row_region, row_account = str(place[REGION]), str(place[ACCOUNT])
        first = first_rows.setdefault((row_account, row_region, key), number)
        if all(key) and first != number:
            # If the response to one create were lost, the other row could be mistaken for its result.
            plan.errors.append(
                f"row {number}: {'|'.join(key)!r} in {row_region} is also the key of row {first}"
            )
        plan.writes.append(
            RowWrite(
                table, WriteKind.INSERT, row_region, key, values, notes=tuple(notes), account=row_account
            )
        )
    plan.raise_errors(errors)
    return plan


def _check_alone(table: Table, method: Method, present: Sequence[str]) -> list[DatabaseError]:
    """An error if there are other columns than the document and the place."""
    others = [name for name in present if name not in (method.document, REGION, ACCOUNT)]
    if not others:
        return []
    text = f"data__{method.document} holds all properties of {table.full_name}"
    return [DataError(f"{text}; expected it without {', '.join(list_columns(table, method, others))}.")]


def _open_document(plan: WritePlan, document: Any, name: str, number: int) -> dict[str, Any]:
    """The parameters in the document of a row; adds to the plan's errors if it is not an object."""
    if isinstance(document, dict):
        return document
    if document is not None:
        plan.errors.append(
            f"row {number}, {name}: {abbreviate(document)!r}; expected a JSON object of properties"
        )
    return {}


def _drop_reserved_tags(
    plan: WritePlan, table: Table, values: dict[str, Any], has_columns: bool, number: int
) -> list[str]:
    """Remove tags that only AWS can set, and return notes on them; an error if the statement lists its columns."""
    name = table.tags_parameter
    tags = parse_tags(values.get(name), table.tag_spelling)
    reserved = [(at, key) for at, key in enumerate(tags) if is_reserved(key)]
    if not reserved:
        return []
    if has_columns:
        member = table.tag_spelling.key if table.tag_spelling else "Key"
        plan.errors += [
            f"row {number}, {name}{f'[{at}].{member}' if member else ''}: {key!r}; expected a key that does not "
            "begin with `aws:`, which is reserved for AWS"
            for at, key in reserved
        ]
        return []
    values[name] = spell_tags(drop_reserved(tags), table.tag_spelling)
    return [f"{', '.join(key for _, key in reserved)}: AWS's own tags, left out"]


def _resolve_columns(
    table: Table,
    method: Method,
    names: Sequence[str],
    has_columns: bool,
    has_accounts: bool,
    errors: list[DatabaseError],
) -> tuple[list[str], list[str]]:
    """(the parameter of each column, empty if it is left out; the names left out); adds to `errors`."""
    ignored = {column: name for name, column in table.write.insert.ignored.items()}
    members: list[str] = []
    left_out: list[str] = []
    has_unknown = False
    words = {name: find_place_word(name) for name in names}
    if ACCOUNT in map(str.lower, names) and not has_columns:
        # SELECT * REPLACE ('stage' AS account) has the old account's id beside it.
        words |= {name: "" for name in names if name.lower() == ACCOUNT_ID}
    if not (has_columns or has_accounts):
        words = {name: "" if word == ACCOUNT else word for name, word in words.items()}
    written = {find_member(name, method.input_shape) for name in names if not words[name]}
    for name in names:
        column = find_column(table, name)
        member = words[name] or (None if find_place_word(name) else find_member(name, method.input_shape))
        if member is None and (parameter := find_parameter(table, method, name)) not in written:
            member = parameter
        if member is None and has_columns and column in ignored:
            member = ignored[column]
        if member is None and not has_columns and column:
            member = ""
            left_out += [name] if name != TAG_MAP else []  # the tags are given beside it
        if member is None and column:
            text = f"Column {name} of {table.full_name} is read-only; INSERT cannot set it."
            errors.append(NotSupportedError(text))
        elif member is None:
            errors.append(make_unknown_column_error(table, name, method.input_shape))
            has_unknown |= not has_columns
        elif member and member in members:
            errors.append(DataError(f"INSERT INTO {table.full_name} sets {member} twice."))
            member = ""
        members.append(member or "")
    if has_unknown:
        errors.append(
            DataError(
                f"Without a column list, each value goes to the column of its name. Write INSERT INTO "
                f"{table.full_name} ({', '.join(list_columns(table, method, method.input_shape.required))}, …)."
            )
        )
    return members, left_out

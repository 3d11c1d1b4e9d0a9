"""Compares the row that somebody wants with the row that exists, as an INSERT and an UPDATE of its values would."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from sqlprov.catalog.columns import TAGS
from sqlprov.catalog.method import Method, Parameter
from sqlprov.catalog.table import Table
from sqlprov.catalog.texts import parse_json
from sqlprov.plan.write.diff import diff_parameters, parse_tags, select_readable
from sqlprov.plan.write.input_rows import InputRows
from sqlprov.plan.write.insert import plan_inserts
from sqlprov.plan.write.redaction import hide_parameters
from sqlprov.plan.write.steps import Request, RowWrite, Snapshot
from sqlprov.records import dataclass


@dataclass(frozen=True)
class Difference:
    """A value of a row that differs from the wanted one.

    Attributes:
        path: parameter of the create, or members in it, such as `Schedule.EndTime`.
        old, new: the values; `None` if absent.
        is_fixed: whether no update can change it.
    """

    path: str
    old: Any
    new: Any
    is_fixed: bool

    @property
    def parameter(self) -> str:
        """The parameter that holds it."""
        return self.path.partition(".")[0]


def compare_row(
    table: Table,
    values: Mapping[str, str | None],
    region: str | None,
    row: Mapping[str, Any] | None,
    unordered: Collection[str] = (),
) -> tuple[Difference, ...]:
    """What differs between `values` and `row`.

    Args:
        table: the table.
        values: column, or parameter of the create, -> text as an INSERT takes it; JSON for structures.
        region: the row's region, if `values` does not have it.
        row: the existing row by column, as the table returns it; `None` if there is none.
        unordered: parameters of the create, each a list of text in which the order does not count.

    Raises:
        DatabaseError: an INSERT of `values` would be refused, for each reason in one message.
    """
    names = tuple(values)
    inputs = InputRows(
        names, (pa.string(),) * len(names), (False,) * len(names), (tuple(values.values()),), "UTC"
    )
    (write,) = plan_inserts(table, inputs, True, region, account="").writes
    if row is None:
        return ()
    create = _add_attributes(table, table.by_method["create_resource"])
    columns = {part.name: table.by_name.get(part.column) for part in create.parameters}
    sent = {
        name: select_readable(value, column.type)
        if (column := columns.get(name)) and column.name != TAGS
        else value
        for name, value in write.values.items()
    }
    texts = {
        part.column for part in create.parameters if create.input_shape.members[part.name].kind == "string"
    }
    shapes = create.input_shape.members
    documents = {part.column: part.name for part in create.parameters if shapes[part.name].kind == "document"}
    described: dict[str, Any] = {}
    for name, path in table.paths.items():
        if row.get(name) is not None:
            value = _to_plain(row[name], table.by_name[name].type)
            # The API sends it as text; the table has a number or a truth value.
            is_text = name in texts and isinstance(value, bool | int | float)
            if name in documents:
                value = _keep_given(sent.get(documents[name]), parse_json(value))
            _put(described, path, json.dumps(value) if is_text else value)
    for name in unordered:
        column = columns.get(name)
        if name in sent and column and column.name in table.paths:
            _put(described, table.paths[column.name], _order_like(sent[name], row.get(column.name)))
    snapshot = Snapshot(described, parse_tags(row.get(TAGS)) if TAGS in table.by_name else None)
    for name in [name for name, value in sent.items() if value is False]:
        if (column := columns.get(name)) and snapshot.get_column(table, column.name) is None:
            del sent[name]  # many services leave out what is false
    if (when := table.write.update.when) and (state := snapshot.get_state(table)) and state not in when:
        # A sensitive text that cannot be updated may be ciphertext, as the value of a SecureString.
        sent = {name: value for name, value in sent.items() if not create.input_shape.members[name].sensitive}
    paths = diff_parameters(table, create, sent, snapshot)
    return tuple(_describe(write, create, sent, snapshot, paths))


def _add_attributes(table: Table, create: Method) -> Method:
    """The create with the parameters that calls after it set, if a column holds them."""
    columns = {name: table.find_column(name) for name in create.attributes}
    added = (Parameter(name, "", False, column) for name, column in columns.items() if column)
    return replace(create, parameters=(*create.parameters, *added))


def _describe(
    write: RowWrite, create: Method, sent: Mapping[str, Any], snapshot: Snapshot, paths: tuple[str, ...]
) -> Iterator[Difference]:
    table = write.table
    columns = {part.name: part.column for part in create.parameters}
    old = {name: snapshot.get_column(table, column) for name, column in columns.items() if column}
    shown = [
        hide_parameters(write, Request(create.call, write.region, values, "create")).parameters
        for values in (old, sent)
    ]
    for path in paths:
        name, *members = path.split(".")
        is_fixed = name in table.create_only or name in create.attributes
        if columns[name] == TAGS:
            yield Difference(path, snapshot.tags, parse_tags(sent[name], table.tag_spelling), is_fixed)
        else:
            # Not those shown: two hidden values look the same.
            if not (is_fixed and _is_same_name(*(_get(values.get(name), members) for values in (old, sent)))):
                before, after = (_get(values.get(name), members) for values in shown)
                yield Difference(path, before, after, is_fixed)


def _is_same_name(old: Any, new: Any) -> bool:
    """Whether a service may have written `old` for `new`: a name of DNS ends with a dot, a URL lost its scheme, an enum
    has another case, a number is text. In paths, images and ARNs the case and the last slash count. Only of what an
    update cannot change: a replacement deletes the row."""
    return bool(_normalize(old) == _normalize(new))


def _normalize(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        value = json.dumps(value)
    if isinstance(value, list | tuple):
        return [_normalize(item) for item in value]
    if not isinstance(value, str):
        return value
    address = value.removeprefix("https://")
    if address != value:
        return address.rstrip("/")
    return value if {*"/:"} & {*value} else value.casefold().rstrip(".")


def _get(value: Any, members: list[str]) -> Any:
    """The value at a path; of a list, those of its items."""
    if not members:
        return value
    if isinstance(value, list | tuple):
        return [_get(item, members) for item in value]
    return _get(value.get(members[0]), members[1:]) if isinstance(value, Mapping) else None


def _keep_given(given: Any, value: Any) -> Any:
    """JSON without the members that were not given: the service may have added them."""
    if isinstance(given, Mapping) and isinstance(value, Mapping):
        return {name: _keep_given(given[name], member) for name, member in value.items() if name in given}
    if isinstance(given, list) and isinstance(value, list) and len(given) == len(value):
        return [_keep_given(*pair) for pair in zip(given, value, strict=True)]
    return value


def _order_like(sent: Sequence[str], items: Sequence[str] | None) -> Sequence[str] | None:
    """The items in the order of those sent, if they are the same."""
    return sent if items and sorted(sent) == sorted(items) else items


def _put(described: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for member in path[:-1]:
        described = described.setdefault(member, {})
    described[path[-1]] = value


def _to_plain(value: Any, type_: pa.DataType) -> Any:
    """A value as botocore returns it: a map is a mapping, and absent members are absent."""
    if value is None:
        return None
    if pa.types.is_map(type_):
        return {key: _to_plain(item, type_.item_type) for key, item in value}
    if pa.types.is_struct(type_):
        members = {member.name: _to_plain(value[member.name], member.type) for member in type_}
        return {name: member for name, member in members.items() if member is not None}
    if pa.types.is_list(type_):
        return [_to_plain(item, type_.value_type) for item in value]
    return value

"""The write of one row, snapshots of the row, and the steps of a write."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

import pyarrow as pa

from sqlprov.catalog.method import TAG_SPECIFICATIONS, Method, RowText
from sqlprov.catalog.table import Table
from sqlprov.catalog.texts import parse_time
from sqlprov.plan.read.steps import ACCOUNT, REGION, Place
from sqlprov.records import dataclass


class WriteKind(Enum):
    """The statement that writes the row."""

    INSERT = "INSERT"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    EXEC = "EXEC"


RowKey = tuple[str, str, tuple[str, ...]]
"""Account, region and key of a row."""


@dataclass(frozen=True)
class RowWrite:
    """The requested write of one row.

    Attributes:
        table, kind, region: the table, the kind of statement, and the region.
        key: values of the key columns, in their order; empty for one that the service sets.
        values: INSERT and EXEC: API parameters as boto3 takes them. UPDATE: member of the update -> new value;
            `None` unsets it, also inside a structure. Members that a structure leaves out stay as they are.
        tags: UPDATE: the final tags; `None` leaves them alone.
        desired, reason: UPDATE: the state to reach and the reason to give; `None` if not set.
        method: EXEC: name of the method.
        notes: remarks for the outcome.
        skips_existing: INSERT: whether a row that exists is left as it is.
        account: the name of its account.
    """

    table: Table
    kind: WriteKind
    region: str
    key: tuple[str, ...]
    values: Mapping[str, Any]
    tags: Mapping[str, str] | None = None
    desired: str | None = None
    reason: str | None = None
    method: str = ""
    notes: tuple[str, ...] = ()
    skips_existing: bool = False
    account: str = ""

    @property
    def row_key(self) -> RowKey:
        """Account, region and key."""
        return self.account, self.region, self.key

    @property
    def place(self) -> Place:
        """The account and the region."""
        return {ACCOUNT: self.account, REGION: self.region}

    @property
    def api_method(self) -> Method | None:
        """The method that the statement calls; `None` if the table does not have it."""
        names = {
            WriteKind.INSERT: "create_resource",
            WriteKind.UPDATE: "update_resource",
            WriteKind.DELETE: "delete_resource",
        }
        return self.table.by_method.get(names.get(self.kind, self.method))

    @property
    def lacking(self) -> str:
        """The part of the key that the service sets and that is not known; empty if all are."""
        create = self.table.by_method.get("create_resource")
        parts = zip(self.table.key, self.key, strict=True)
        return next((name for name, part in parts if not part and create and name in create.returns), "")

    @property
    def typed_key(self) -> tuple[str | int, ...]:
        """The key as calls take it: a version is a number."""
        types = [self.table.by_name[name].type for name in self.table.key]
        parts = zip(self.key, types, strict=True)
        return tuple(int(part) if part and pa.types.is_integer(type) else part for part, type in parts)

    def get_key(self, column: str) -> str | None:
        """The value of a key column; `None` if it is another column."""
        return self.key[self.table.key.index(column)] if column in self.table.key else None

    @property
    def label(self) -> str:
        """The row's name in messages: its key, or its name if the service sets the key."""
        name = self.values.get(self.table.write.insert.name, "") if self.lacking else "|".join(self.key)
        return f"{self.table.full_name} {name!r} in {self.region}"


@dataclass(frozen=True)
class Snapshot:
    """A row as Describe and the tag call returned it.

    Attributes:
        described: JSON values under API names, at `Table.paths`; times as epoch seconds or datetime.
        tags: `None` if they were not read.
        tagged: what the tag calls take, such as an ARN; `None` if they take a column.
    """

    described: Mapping[str, Any]
    tags: Mapping[str, str] | None
    tagged: str | None = None

    def get(self, path: tuple[str, ...]) -> Any:
        """The value at `path`; `None` if it is absent."""
        value: Any = self.described
        for member in path:
            value = value.get(member) if isinstance(value, Mapping) else None
        return value

    def get_column(self, table: Table, column: str) -> Any:
        """The value of a column; `None` if it is absent, or the row was read without it."""
        path = table.paths.get(column)
        return self.get(path) if path else None

    def get_created(self, table: Table) -> datetime | None:
        """The time when the row was created; `None` if it is unknown."""
        value = self.get_column(table, table.created)
        return parse_time(value, table.by_name[table.created].per_second) if value is not None else None

    def get_state(self, table: Table) -> str:
        """The state as the model spells it, which may be in another case; empty if the table has no states."""
        state = str(self.get_column(table, table.state.column) or "")
        known = table.by_name[table.state.column].constraint.enum if state else ()
        return next((each for each in known if each.lower() == state.lower()), state)


@dataclass(frozen=True)
class Request:
    """A call to make.

    Attributes:
        operation, region, parameters: the call.
        purpose: create, attribute, update, tag, untag, delete, exec, or the name of the method that an UPDATE or DELETE
            calls to reach a state, such as `stop`.
    """

    operation: str
    region: str
    parameters: Mapping[str, Any]
    purpose: str


@dataclass(frozen=True)
class Wait:
    """Describe the row until it is in none of `states`, then decide again."""

    states: tuple[str, ...]


@dataclass(frozen=True)
class Refusal:
    """The write cannot be done; `reason` says why and what to write instead."""

    reason: str


@dataclass(frozen=True)
class Success:
    """Nothing is left to do; `note` is a remark for the outcome."""

    note: str = ""


Step = Request | Wait | Refusal | Success


def find_method(write: RowWrite, request: Request) -> Method | None:
    """The method that makes a call; `None` for tag calls."""
    if write.api_method and request.purpose in ("create", "update", "delete", "exec"):
        return write.api_method
    return write.table.by_method.get(request.purpose)


def build_key_parameters(write: RowWrite, method: Method) -> dict[str, Any]:
    """The parameters of a call that name the row."""
    values = dict(zip(write.table.key, write.typed_key, strict=True))
    return {
        part.name: [values[part.column]]
        if method.input_shape.members[part.name].item
        else values[part.column]
        for part in method.parameters
        if values.get(part.column)
    }


def build_parameters(write: RowWrite, request: Request) -> dict[str, Any]:
    """The parameters of a request as its call takes them: in their place, and with the constants of the method."""
    method = find_method(write, request)
    if method is None or request.purpose == "exec":
        return dict(request.parameters)
    if method.packing:
        return method.packing.pack(request.parameters)
    values = method.nesting.nest(request.parameters) if method.nesting else dict(request.parameters)
    if method.tag_type and "Tags" in values:
        own = {"ResourceType": method.tag_type, "Tags": values.pop("Tags")}
        values[TAG_SPECIFICATIONS] = [*values.get(TAG_SPECIFICATIONS, ()), own]
    row = {"region": write.region, **dict(zip(write.table.key, write.key, strict=True))}
    return _join(values, method.send, row)


def _join(values: Mapping[str, Any], send: Mapping[str, Any], row: Mapping[str, str]) -> dict[str, Any]:
    """`values` with the constants, at any depth; a list of constants has one element."""
    joined = dict(values)
    for name, value in send.items():
        if isinstance(value, Mapping):
            value = _join(values.get(name) or {}, value, row) or None
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            value = [_join((values.get(name) or [{}])[0], value[0], row)]
        elif isinstance(value, RowText):
            value = value.fill(row)
        if value is not None:
            joined[name] = value
    return joined

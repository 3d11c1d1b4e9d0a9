"""What is to happen to one row, how it was described, and the steps that lead there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlprov.catalog.table import Method, Table


class WriteKind(Enum):
    """The statement that writes the row."""

    INSERT = "INSERT"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    EXEC = "EXEC"


@dataclass(frozen=True)
class RowWrite:
    """What one statement asks of one row.

    Attributes:
        table, kind, region: where and what.
        key: the values of the key's columns, in their order.
        values: INSERT and EXEC: API parameters as boto3 takes them. UPDATE: member of the update -> new value;
            `None` unsets it, also inside a structure. What a structure leaves out stays as it is.
        tags: UPDATE: the tags to end with; `None` leaves them alone.
        desired, reason: UPDATE: the state to reach and the reason to give; `None` if it does not say.
        method: EXEC: name of the method.
        notes: what to tell beside the outcome.
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

    @property
    def called(self) -> Method | None:
        """The method that the statement is named after; `None` if the table has none."""
        names = {
            WriteKind.INSERT: "create_resource",
            WriteKind.UPDATE: "update_resource",
            WriteKind.DELETE: "delete_resource",
        }
        return self.table.by_method.get(names.get(self.kind, self.method))

    @property
    def shown(self) -> str:
        """The row as messages name it."""
        return f"{self.table.full_name} {'|'.join(self.key)!r} in {self.region}"


@dataclass(frozen=True)
class Snapshot:
    """A row as Describe and the tag call returned it.

    Attributes:
        described: JSON values under API names; times as epoch seconds or datetime.
        tags: `None` if they were not read.
    """

    described: Mapping[str, Any]
    tags: Mapping[str, str] | None

    def at(self, path: tuple[str, ...]) -> Any:
        """The value at `path`; `None` if there is none."""
        value: Any = self.described
        for member in path:
            value = value.get(member) if isinstance(value, Mapping) else None
        return value

    def value(self, table: Table, column: str) -> Any:
        """The value of a column that Describe fills; `None` if it does not."""
        return self.at(table.by_name[column].path) if column and table.by_name[column].path else None

    def state(self, table: Table) -> str:
        """The state; empty for a table without."""
        return str(self.value(table, table.state.column) or "")


@dataclass(frozen=True)
class Request:
    """A call to make.

    Attributes:
        operation, region, parameters: the call.
        purpose: create, update, tag, untag, delete, exec, or the name of the method that an UPDATE or DELETE
            calls to reach a state, such as `stop`.
    """

    operation: str
    region: str
    parameters: Mapping[str, Any]
    purpose: str


@dataclass(frozen=True)
class Wait:
    """Describe until the row is in none of `states`, then decide again."""

    states: tuple[str, ...]


@dataclass(frozen=True)
class Refusal:
    """What was asked cannot be done; `reason` says why and what to write instead."""

    reason: str


@dataclass(frozen=True)
class Success:
    """Nothing is left to do; `note` tells what is worth telling."""

    note: str = ""


Step = Request | Wait | Refusal | Success


def build_key_parameters(write: RowWrite, method: Method) -> dict[str, Any]:
    """The parameters of a call that the key fills."""
    values = dict(zip(write.table.key, write.key, strict=True))
    return {part.name: values[part.column] for part in method.parameters if part.column in values}

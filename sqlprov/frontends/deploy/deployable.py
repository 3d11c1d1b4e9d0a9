"""What a build, a test and a teardown need of a resource, whether SQL or a table describes it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

from sqlprov.errors import OperationalError, ProgrammingError, format_count
from sqlprov.frontends.deploy.manifest import StackResource
from sqlprov.frontends.deploy.runner import Row, Runner

if TYPE_CHECKING:
    from sqlprov.api.connection import Difference, Outcome

DELETE_TRIES, DELETE_DELAY = 10, 5
"""How often a teardown checks whether a row is gone, and the seconds between two checks."""
BUSY_TRIES, BUSY_DELAY = 180, 5
"""How often a build checks whether a row is still busy that an earlier build left so, and the seconds between two."""


class State(Enum):
    """Of a resource before its build."""

    ABSENT = "absent"
    WRONG = "differs"
    RIGHT = "right"
    UNCHECKED = "unchecked"  # it is created or updated in any case


class Deployable(ABC):
    """A resource with its variables.

    Attributes:
        made_rows: the rows that this build made, or may have made.
    """

    def __init__(self, resource: StackResource, context: Mapping[str, Any], runner: Runner) -> None:
        self.resource, self.context, self.runner = resource, context, runner
        self.made_rows: Sequence[Outcome] = ()

    @abstractmethod
    def find_state(self) -> State:
        """The state before the build; raises Error."""

    @abstractmethod
    def create(self) -> None: ...

    @abstractmethod
    def update(self) -> None: ...

    @abstractmethod
    def is_right(self) -> bool:
        """Whether the resource is as it should be, after its build or in a test."""

    @abstractmethod
    def exists(self) -> bool | None:
        """Whether there is something to delete; `None` if no block can tell: a row that differs is there, too."""

    def take_back(self) -> tuple[str, str]:
        """Delete what the build made; return what `delete` does, and why."""
        if not self.finds_made():
            return "absent", "it was not found; its outcome above says what was written"
        event = self.delete()
        return event, "it stays: there is no block `delete`" if event == "kept" else ""

    def finds_made(self) -> bool:
        """Whether what the build made is found, and `delete` would delete it."""
        return self.exists() is not False

    @abstractmethod
    def delete(self) -> str:
        """Delete it and wait until it is gone.

        Returns:
            `deleted`; `absent`, if there was nothing; or `kept`, if there is no statement to delete it.
        """

    @abstractmethod
    def read_exports(self) -> list[Row]:
        """The rows that hold the exports."""

    @abstractmethod
    def list_queries(self) -> Mapping[str, str]:
        """QueryBlock -> SQL, for a dry run."""

    def settle(self) -> None:
        """Wait while it is busy, if that is known; raises OperationalError if it stays so."""
        return

    def wait_until(self, is_settled: Callable[[], bool], place: str) -> None:
        """Wait while the row is busy; raises OperationalError if it stays so."""
        if not self.runner.retry(self.resource, is_settled, BUSY_TRIES, BUSY_DELAY):
            raise OperationalError(f"{place}: {self.resource.name} is still busy; build again.")

    def list_differences(self) -> tuple[Difference, ...]:
        """What an update would change, if it is known."""
        return ()

    def list_uncompared(self) -> list[str]:
        """The properties that no read returns, so that a change of them is not noticed."""
        return []

    def explain(self) -> str:
        """Why it is not as it should be, as the end of a sentence; empty if that is not known."""
        return ""

    def plan_calls(self, action: str) -> list[Row]:
        """The calls of `create`, `update` or `replace`, as EXPLAIN shows them."""
        return []


def normalize_name(name: str) -> str:
    """A column's name without what differs between the API's spelling and the table's."""
    return name.lower().replace("_", "")


def select_exports(resource: StackResource, rows: list[Row], place: str) -> dict[str, Any]:
    """Name of the variable -> value, of a row with the exports.

    Raises:
        ProgrammingError: there is not one row, or it lacks a column.
    """
    if len(rows) != 1:
        raise ProgrammingError(
            f"{place}: the exports of {resource.name} returned {format_count(len(rows), 'row')}; expected one."
        )
    # A column in the API's spelling has the table's in the result.
    columns = {normalize_name(column): value for column, value in rows[0].items()}
    values = {}
    for column, name in resource.exports:
        if normalize_name(column) not in columns:
            raise ProgrammingError(
                f"{place}: {resource.name} exports {column!r}, and its row has {', '.join(rows[0])}."
            )
        value = columns[normalize_name(column)]
        values[name] = "" if value is None else value
    return values

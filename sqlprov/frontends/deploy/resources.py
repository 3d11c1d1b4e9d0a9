"""The resources of a stack: their statements are in an `.iql` file, or follow from a table and properties."""

from __future__ import annotations

import io
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Any

from sqlprov.errors import Error, OperationalError, ProgrammingError, WriteError, format_count
from sqlprov.frontends.cli.sql_source import SqlSource
from sqlprov.frontends.deploy.events import Reporter
from sqlprov.frontends.deploy.manifest import StackResource
from sqlprov.frontends.deploy.queries import QueryBlock
from sqlprov.frontends.deploy.rendering import render_block, to_json
from sqlprov.frontends.messages import format_outcomes, format_warnings
from sqlprov.output import write
from sqlprov.records import dataclass
from sqlprov.sql.lexer import quote_identifier, quote_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlprov
    from sqlprov.api.connection import Difference

Row = Mapping[str, Any]
DELETE_TRIES, DELETE_DELAY = 10, 5
"""How often a teardown checks whether a row is gone, and the seconds between two checks."""
BUSY_TRIES, BUSY_DELAY = 180, 5
"""The same for a row that an earlier build left busy and that a later resource uses."""
_SURE = ("ok", "failed")
"""Outcomes after which a build may go on."""


class State(Enum):
    """Of a resource before its build."""

    ABSENT = "absent"
    WRONG = "differs"
    RIGHT = "right"
    UNCHECKED = "unchecked"  # it is created or updated in any case


@dataclass
class Runner:
    """Runs statements and reports them.

    Attributes:
        shows_queries: whether each statement is reported.
        is_dry: whether calls that write are shown instead of made.
        sleep: waits for some seconds.
        took_effect: whether a statement of the last `run` changed something, or may have.
    """

    connection: sqlprov.Connection
    reporter: Reporter
    shows_queries: bool = False
    is_dry: bool = False
    sleep: Callable[[float], None] = time.sleep
    took_effect: bool = False

    def run(
        self, resource: StackResource, source: SqlSource, parameters: Any = None, dry_run: bool = False
    ) -> list[Row]:
        """The rows of the last statement of `source`, with values as in JSON.

        Raises:
            Error: a statement failed, rows are missing, or a row was not written; file and line are in the message.
        """
        if self.shows_queries:
            self.reporter.report("query", resource.name, f"\n{source.text.strip()}")
        rows: list[Row] = []
        self.took_effect = False
        try:
            for result in self.connection.run(source.text, parameters, dry_run=dry_run or self.is_dry):
                self._report_outcomes(resource, result.outcomes)
                if result.has_rows:
                    text = io.BytesIO()
                    write(result, "json", text)
                    rows = json.loads(text.getvalue())
                for warning in format_warnings(result):
                    self.reporter.report("warning", resource.name, warning.removeprefix("Warning: "))
                if not result.complete:
                    raise OperationalError("Rows are missing; the warnings above say which.")
        except KeyboardInterrupt:
            self._report_outcomes(resource, self.connection.outcomes)
            raise
        except Error as error:
            if isinstance(error, WriteError):  # its message has the rows without effect
                self._report_outcomes(resource, [each for each in error.outcomes if each.operations])
                self.took_effect |= not is_sure(error)
            raise source.locate(error) from None
        return rows

    def _report_outcomes(self, resource: StackResource, outcomes: Sequence[Any]) -> None:
        for line in format_outcomes(outcomes):
            self.reporter.report("outcome", resource.name, line)
        self.took_effect |= any(each.operations or each.status.value not in _SURE for each in outcomes)

    def write(
        self, resource: StackResource, source: SqlSource, tries: int, delay: float, **options: Any
    ) -> None:
        """Run statements that write; after a failure that had no effect, again, at most `tries` times in all."""
        for left in reversed(range(tries)):
            try:
                self.run(resource, source, **options)
                return
            except Error as error:
                if not left or self.took_effect:
                    raise
                self.reporter.report("retry", resource.name, f"{error} Trying again in {delay:g} s.")
                self.sleep(delay)

    def retry(self, resource: StackResource, check: Callable[[], bool], tries: int, delay: float) -> bool:
        """Whether `check` holds at one of `tries` times, with a pause between two."""
        for left in reversed(range(max(tries, 1))):
            if check():
                return True
            if left:
                self.reporter.report("waiting", resource.name, f"{format_count(left, 'check')} left")
                self.sleep(delay)
        return False

    @contextmanager
    def awaiting(self, is_on: bool) -> Iterator[None]:
        """Whether the writes within wait for the state to which they lead."""
        before = self.connection.settings
        if is_on:
            self.connection.settings = before.with_value("await", "on")
        try:
            yield
        finally:
            self.connection.settings = before


def is_sure(error: Error) -> bool:
    """Whether it is known what a failed statement did."""
    return not isinstance(error, WriteError) or all(each.status.value in _SURE for each in error.outcomes)


class Deployable(ABC):
    """A resource with its variables."""

    def __init__(self, resource: StackResource, context: Mapping[str, Any], runner: Runner) -> None:
        self.resource, self.context, self.runner = resource, context, runner

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

    def list_differences(self) -> tuple[Difference, ...]:
        """What an update would change, if it is known."""
        return ()

    def explain(self) -> str:
        """Why it is not as it should be, as the end of a sentence; empty if that is not known."""
        return ""

    def plan_calls(self, action: str) -> list[Row]:
        """The calls of `create`, `update` or `replace`, as EXPLAIN shows them."""
        return []


class SqlResource(Deployable):
    """A resource whose statements are the blocks of an `.iql` file."""

    def __init__(
        self,
        resource: StackResource,
        context: Mapping[str, Any],
        runner: Runner,
        blocks: Mapping[str, QueryBlock],
    ) -> None:
        super().__init__(resource, context, runner)
        self.blocks = blocks
        self._exports: list[Row] | None = None

    def find_state(self) -> State:
        if "createorupdate" in self.blocks:
            return State.UNCHECKED
        if "statecheck" in self.blocks:
            if "exists" not in self.blocks:
                return State.RIGHT if self._check("statecheck") else State.ABSENT
            if not self._check("exists"):
                return State.ABSENT
            is_right = self.resource.skips_validation or self._check("statecheck")
            return State.RIGHT if is_right else State.WRONG
        if "exports" in self.blocks:
            if self._find_exports():
                return State.RIGHT
            return State.WRONG if "exists" in self.blocks and self._check("exists") else State.ABSENT
        if not self._check("exists"):
            return State.ABSENT
        return State.WRONG if "update" in self.blocks else State.RIGHT

    def create(self) -> None:
        self._write("createorupdate" if "createorupdate" in self.blocks else "create")

    def update(self) -> None:
        if "update" not in self.blocks:
            file, line = next((block.file, block.line) for block in self.blocks.values())
            raise ProgrammingError(
                f"{file}:{line}: {self.resource.name} exists and is not as it should be, and there is no block "
                "`update` to change it."
            )
        self._write("update")

    def is_right(self) -> bool:
        self._exports = None
        if "statecheck" in self.blocks:
            return self._retry("statecheck", lambda: self._count("statecheck"))
        if "exports" in self.blocks:
            return self._retry("exports", self._find_exports)
        return "exists" not in self.blocks or self._retry("exists", lambda: self._count("exists"))

    def exists(self) -> bool | None:
        if "exists" in self.blocks:
            return self._check("exists")
        if "statecheck" in self.blocks:
            return self._check("statecheck") or None
        return ("exports" in self.blocks and self._find_exports()) or None

    def delete(self) -> str:
        if "delete" not in self.blocks:
            return "kept"
        self._write("delete")
        event = "deleted" if self.runner.took_effect else "absent"
        name = next((each for each in ("exists", "statecheck") if each in self.blocks), None)
        if name:
            options = self.blocks[name].options
            is_gone = self.runner.retry(
                self.resource,
                lambda: not self._count(name),
                options.get("postdelete_retries", DELETE_TRIES),
                options.get("postdelete_retry_delay", DELETE_DELAY),
            )
            if not is_gone:
                raise OperationalError(f"{self.resource.name} was deleted and is still there.")
        return event

    def read_exports(self) -> list[Row]:
        if self._exports is None:
            self._retry("exports", self._find_exports)
        return self._exports or []

    def run_command(self) -> None:
        """Run the block `command`."""
        self._write("command")

    def list_queries(self) -> Mapping[str, str]:
        return {name: self._render(name).text.strip() for name in self.blocks}

    def plan_calls(self, action: str) -> list[Row]:
        return (
            self.runner.run(self.resource, self._render(action), dry_run=True)
            if action in self.blocks
            else []
        )

    def _find_exports(self) -> bool:
        self._exports = self._run("exports")
        return bool(self._exports)

    def _check(self, name: str) -> bool:
        return self._retry(name, lambda: self._count(name))

    def _retry(self, name: str, check: Callable[[], bool]) -> bool:
        options = self.blocks[name].options
        return self.runner.retry(
            self.resource, check, options.get("retries", 1), options.get("retry_delay", 0)
        )

    def _count(self, name: str) -> bool:
        """Whether the block counts one row; none is 0."""
        rows = self._run(name)
        if not rows:
            return False
        block = self.blocks[name]
        counts = [value for column, value in rows[0].items() if column.lower() == "count"]
        if not counts:
            raise ProgrammingError(
                f"{block.file}:{block.line}: the block `{name}` returned the columns {', '.join(rows[0])}; expected "
                "one called count."
            )
        try:
            count = int(counts[0] or 0)
        except (TypeError, ValueError):  # not a number
            count = -1
        if count not in (0, 1):
            raise ProgrammingError(
                f"{block.file}:{block.line}: the block `{name}` counted {counts[0]!r} rows; expected 0 or 1."
            )
        return count == 1

    def _run(self, name: str) -> list[Row]:
        return self.runner.run(self.resource, self._render(name))

    def _write(self, name: str) -> None:
        options = self.blocks[name].options
        tries, delay = 1 + options.get("retries", 0), options.get("retry_delay", 0)
        self.runner.write(self.resource, self._render(name), tries, delay)

    def _render(self, name: str) -> SqlSource:
        block = self.blocks[name]
        try:
            rendered = render_block(block, self.context)
        except Error as error:
            source = SqlSource(
                block.text, lambda at: (block.file, block.line + block.text.count("\n", 0, at))
            )
            raise source.locate(error) from None
        return SqlSource(rendered.text, lambda offset: (block.file, block.line - 1 + rendered.line(offset)))


class TableResource(Deployable):
    """A resource whose properties are the values of one row of a live table."""

    def __init__(
        self,
        resource: StackResource,
        context: Mapping[str, Any],
        runner: Runner,
        values: Mapping[str, Any],
        find: Mapping[str, Any],
        where: str,
        place: str,
    ) -> None:
        super().__init__(resource, context, runner)
        self.place = place
        self.table = quote_path(*resource.table.split("."))
        self.region = str(values.get("region") or context.get("region") or "") or None
        self.values = {name: _to_text(value) for name, value in values.items() if name != "region"}
        self.condition = where
        self.identity = {name: _to_text(value) for name, value in find.items()}
        if not (where or find):
            self.identity = self._find_key()
        self.is_there = False
        self.differences: tuple[Difference, ...] = ()

    def check(self) -> None:
        """Raise the errors of an INSERT of the properties, without a call."""
        self._compare(None)

    def find_state(self) -> State:
        row = self._read()
        self.is_there, self.differences = row is not None, self._compare(row)
        if row is None:
            return State.ABSENT
        return State.WRONG if self.differences and not self.resource.skips_validation else State.RIGHT

    def _compare(self, row: Row | None) -> tuple[Difference, ...]:
        with self._located():
            return self.runner.connection.compare(self.resource.table, self.values, row, self.region)

    def settle(self) -> None:
        state = self.runner.connection.catalog.get_table(*self.resource.table.split(".")).state
        if not state.busy:
            return
        sql = f"SELECT {quote_identifier(state.column)} AS state FROM {self.table} {self._where}"

        def is_settled() -> bool:
            return not any(row["state"] in state.busy for row in self._run(sql, self._parameters))

        if not self.runner.retry(self.resource, is_settled, BUSY_TRIES, BUSY_DELAY):
            raise OperationalError(f"{self.place}: {self.resource.name} is still busy; build again.")

    def list_differences(self) -> tuple[Difference, ...]:
        return self.differences

    def explain(self) -> str:
        if self.is_there:
            return f": {', '.join(each.path for each in self.differences)}"
        key = " and ".join(f"{name} = {value!r}" for name, value in self.identity.items()) or self.condition
        return f": no row of {self.resource.table} has {key} (a service may write a value in its own way)"

    def create(self) -> None:
        self._run(*self._build_insert())

    def update(self) -> None:
        fixed = [each.path for each in self.differences if each.is_fixed]
        if fixed and not self.resource.may_replace:
            raise ProgrammingError(
                f"{self.place}: {', '.join(fixed)} of {self.resource.name} cannot be updated. With `replace: true` "
                "the resource is deleted and made again."
            )
        if fixed:
            self.delete()
            self.create()
        else:
            self._run(*self._build_update())

    def is_right(self) -> bool:
        return self.find_state() is State.RIGHT

    def exists(self) -> bool | None:
        return self._read() is not None

    def delete(self) -> str:
        with self.runner.awaiting(True):
            self._run(*self._build_delete())
        if not self.runner.retry(self.resource, lambda: self._read() is None, DELETE_TRIES, DELETE_DELAY):
            raise OperationalError(f"{self.resource.name} was deleted and is still there.")
        return "deleted"

    def read_exports(self) -> list[Row]:
        columns = ", ".join(quote_identifier(column) for column, _ in self.resource.exports)
        return self._run(f"SELECT {columns or '1'} FROM {self.table} {self._where}", self._parameters)

    def list_queries(self) -> Mapping[str, str]:
        return {
            "exists": f"SELECT count(*) AS count FROM {self.table} {self._where}",
            "create": self._build_insert()[0],
            "delete": f"DELETE FROM {self.table} {self._where}",
        }

    def plan_calls(self, action: str) -> list[Row]:
        replace = self._build_delete, self._build_insert
        builds = {"create": (self._build_insert,), "update": (self._build_update,), "replace": replace}[
            action
        ]
        return [row for build in builds for row in self._run(*build(), dry_run=True)]

    def _build_insert(self) -> tuple[str, list[Any]]:
        values = {**self.values, **({"region": self.region} if self.region else {})}
        columns = ", ".join(map(quote_identifier, values))
        return f"INSERT INTO {self.table} ({columns}) VALUES ({', '.join('?' * len(values))})", [
            *values.values()
        ]

    def _build_update(self) -> tuple[str, list[Any]]:
        changed = {normalize_name(each.parameter) for each in self.differences}
        values = {name: value for name, value in self.values.items() if normalize_name(name) in changed}
        sets = ", ".join(f"{quote_identifier(name)} = ?" for name in values)
        return f"UPDATE {self.table} SET {sets} {self._where}", [*values.values(), *self._parameters]

    def _build_delete(self) -> tuple[str, list[Any]]:
        return f"DELETE FROM {self.table} {self._where}", self._parameters

    def _find_key(self) -> dict[str, str | None]:
        """The key's columns with the values of the properties for them."""
        table = self.runner.connection.catalog.get_table(*self.resource.table.split("."))
        create = table.by_method.get("create_resource")
        names = {part.column: part.name for part in create.parameters} if create else {}
        given = {normalize_name(name): value for name, value in self.values.items()}
        key: dict[str, str | None] = {}
        for column in table.key:
            for name in (column, names.get(column, "")):
                value = given.get(normalize_name(name))
                if value is not None:
                    key[column] = value.lower() if table.is_lowercase else value
        if missing := [column for column in table.key if column not in key]:
            raise ProgrammingError(
                f"{self.place}: no property of {self.resource.name} is {' or '.join(missing)}, the key of "
                f"{self.resource.table}. If the service makes it, name the columns that identify the row under "
                "`find`, such as `find: {cidr_block: 10.0.0.0/16}`, or a condition."
            )
        return key

    def _list_columns(self) -> tuple[str, ...]:
        """The key, and the columns that hold the properties: others may need calls of their own."""
        table = self.runner.connection.catalog.get_table(*self.resource.table.split("."))
        create = table.by_method.get("create_resource")
        columns = {normalize_name(column.name): column.name for column in table.columns}
        columns |= {
            normalize_name(p.name): p.column for p in (create.parameters if create else ()) if p.column
        }
        named = (columns.get(normalize_name(name), "") for name in self.values)
        return tuple(dict.fromkeys([*table.key, *filter(table.by_name.get, named)]))

    @property
    def _where(self) -> str:
        conditions = [f"{quote_identifier(name)} = ?" for name in self.identity]
        conditions += [f"({self.condition})"] if self.condition else []
        conditions += self._exclude_deleted()
        return f"WHERE {' AND '.join([*conditions, *(['region = ?'] if self.region else [])])}"

    def _exclude_deleted(self) -> Iterator[str]:
        """Conditions without the rows that a service keeps after their delete."""
        table = self.runner.connection.catalog.get_table(*self.resource.table.split("."))
        if table.write.delete.marks:
            yield f"{quote_identifier(table.write.delete.marks)} IS NULL"
        delete = table.by_method.get("delete_resource")
        if states := [state for state in (delete.until if delete else ()) if state != "missing"]:
            column = quote_identifier(table.state.column)
            yield f"({column} IS NULL OR {column} NOT IN ({', '.join(map(repr, states))}))"

    @property
    def _parameters(self) -> list[Any]:
        return [*self.identity.values(), *([self.region] if self.region else [])]

    def _read(self) -> Row | None:
        """The row's values of the properties, as Python has them; `None` if there is no row."""
        connection = self.runner.connection
        before = connection.settings
        connection.settings = before.with_value("show_sensitive", "on")
        try:
            with self._located():
                columns = ", ".join(map(quote_identifier, self._list_columns()))
                rows = connection.sql(
                    f"SELECT {columns} FROM {self.table} {self._where}", self._parameters
                ).arrow()
        finally:
            connection.settings = before
        if rows.num_rows > 1:
            raise ProgrammingError(
                f"{self.place}: {self.resource.name} is found {rows.num_rows} times in {self.resource.table}; name "
                "columns under `find` that identify one row."
            )
        return rows.to_pylist()[0] if rows.num_rows else None

    def _run(self, sql: str, parameters: list[Any], dry_run: bool = False) -> list[Row]:
        source = SqlSource(sql, lambda _: (None, 1))
        with self._located():
            return self.runner.run(self.resource, source, parameters, dry_run)

    @contextmanager
    def _located(self) -> Iterator[None]:
        try:
            yield
        except Error as error:
            if not str(error).startswith(self.place):
                error.args = (f"{self.place}: {self.resource.name}: {error}", *error.args[1:])
            raise


def normalize_name(name: str) -> str:
    """A column's name without what differs between the API's spelling and the table's."""
    return name.lower().replace("_", "")


def _to_text(value: Any) -> str | None:
    """A property as an INSERT takes it."""
    if value is None or isinstance(value, str):
        return value
    return to_json(value)


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

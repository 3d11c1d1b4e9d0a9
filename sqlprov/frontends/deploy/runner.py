"""Runs the statements of a stack's resources, and reports what they do."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field
from typing import TYPE_CHECKING, Any

from sqlprov.errors import Error, OperationalError, WriteError, format_count
from sqlprov.frontends.cli.sql_source import SqlSource
from sqlprov.frontends.deploy.events import Reporter
from sqlprov.frontends.deploy.manifest import StackResource
from sqlprov.frontends.messages import format_outcomes, format_warnings
from sqlprov.output import write
from sqlprov.records import dataclass
from sqlprov.sql.insert import Insert
from sqlprov.sql.lexer import quote_text, replace_parameters

if TYPE_CHECKING:
    import sqlprov
    from sqlprov.api.connection import Outcome
    from sqlprov.sql import Statement

Row = Mapping[str, Any]
_SURE = ("ok", "failed")
"""Outcomes after which a build may go on."""


@dataclass
class Runner:
    """Runs statements and reports them.

    Attributes:
        shows_queries: whether each statement is reported.
        made: the outcomes of the INSERTs that took effect, or may have.
        is_dry: whether calls that write are shown instead of made.
        sleep: waits for some seconds.
        effects: the kinds of statements of the last `run` that changed something, or may have.
    """

    connection: sqlprov.Connection
    reporter: Reporter
    shows_queries: bool = False
    is_dry: bool = False
    sleep: Callable[[float], None] = time.sleep
    effects: set[type[Statement]] = field(default_factory=set)
    made: list[Outcome] = field(default_factory=list)

    def run(
        self, resource: StackResource, source: SqlSource, parameters: Any = None, dry_run: bool = False
    ) -> list[Row]:
        """The rows of the last statement of `source`, with values as in JSON.

        Raises:
            Error: a statement failed, rows are missing, or a row was not written; file and line are in the message.
        """
        self.show(resource, source.text, parameters or ())
        rows: list[Row] = []
        statements: list[Statement] = []
        done = 0
        self.effects = set()
        try:
            statements = self.connection.check(source.text)
            for result in self.connection.run(source.text, parameters, dry_run=dry_run or self.is_dry):
                self._report_outcomes(resource, statements[done], result.outcomes)
                done += 1
                if result.has_rows:
                    text = io.BytesIO()
                    write(result, "json", text)
                    rows = json.loads(text.getvalue())
                for warning in format_warnings(result):
                    self.reporter.report("warning", resource.name, warning.removeprefix("Warning: "))
                if not result.complete:
                    raise OperationalError("Rows are missing; the warnings above say which.")
        except KeyboardInterrupt:
            for statement in statements[done : done + 1]:
                self._report_outcomes(resource, statement, self.connection.outcomes)
            raise
        except Error as error:
            if isinstance(error, WriteError):
                self._report_outcomes(resource, statements[done], error.outcomes, has_message=True)
            raise source.locate(error) from None
        return rows

    def show(self, resource: StackResource, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Report a statement, if statements are reported."""
        if self.shows_queries:
            self.reporter.report("query", resource.name, f"\n{fill_parameters(sql, parameters).strip()}")

    def _report_outcomes(
        self,
        resource: StackResource,
        statement: Statement,
        outcomes: Sequence[Any],
        has_message: bool = False,
    ) -> None:
        """Report the rows of a statement; of an error, whose message has the others, those with calls that took
        effect."""
        self._protect_keys(resource, outcomes)
        for line in format_outcomes([each for each in outcomes if each.operations or not has_message]):
            self.reporter.report("outcome", resource.name, line)
        if changed := [each for each in outcomes if each.operations or each.status.value not in _SURE]:
            self.effects.add(type(statement))
            self.made += changed if isinstance(statement, Insert) else []

    def _protect_keys(self, resource: StackResource, outcomes: Sequence[Any]) -> None:
        """Hide what outcomes show of protected exports: a key that the service has just made."""
        names = [column for column, name in resource.exports if name in resource.protected]
        for each in outcomes if names else ():
            table = self.connection.catalog.get_table(*each.table.split("."))
            hidden = {table.find_column(name) for name in names}
            for column, value in zip(table.key, each.key.split("|"), strict=False):
                if column in hidden:
                    self.reporter.protect(value)

    def write(
        self, resource: StackResource, source: SqlSource, tries: int, delay: float, **options: Any
    ) -> None:
        """Run statements that write; after a failure that had no effect, again, at most `tries` times in all."""
        for left in reversed(range(tries)):
            try:
                self.run(resource, source, **options)
                return
            except Error as error:
                if not left or self.effects:
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


def fill_parameters(sql: str, parameters: Sequence[Any]) -> str:
    """SQL with the values of its parameters in place of each `?`, to be read."""
    values = ("NULL" if value is None else quote_text(str(value)) for value in parameters)
    return replace_parameters(sql, values) if parameters else sql


def is_sure(error: Error) -> bool:
    """Whether it is known what a failed statement did."""
    return not isinstance(error, WriteError) or all(each.status.value in _SURE for each in error.outcomes)

"""Runs one statement after another on one DuckDB connection: queries, and writes to the cloud.

Everything here runs on the cursor's one thread (`api.worker.Worker`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from sqlprov.duck.binder import Binder, Bindings
from sqlprov.duck.errors import move_place
from sqlprov.duck.foreign_functions import TABLE_MACROS
from sqlprov.duck.query_runner import Answer, QueryRunner
from sqlprov.duck.session import Session
from sqlprov.errors import (
    DataError,
    NotSupportedError,
    UnknownName,
    WriteError,
    format_count,
    show_caret,
)
from sqlprov.records import dataclass
from sqlprov.sql import (
    Delete,
    Exec,
    Explain,
    Insert,
    Query,
    Statement,
    Update,
    WriteStatement,
    find_refusal,
    parse,
)
from sqlprov.sql.lexer import number_parameters

if TYPE_CHECKING:
    from sqlprov.aws.transport.run import Run
    from sqlprov.catalog.table import Table
    from sqlprov.duck.dry_run import Confirm, WritePreview
    from sqlprov.duck.target_reader import QueryResult
    from sqlprov.plan.read import Places

_TEMPORARY = (
    "SELECT 1 FROM duckdb_tables() WHERE temporary AND lower(table_name) = lower(?) "
    "UNION ALL SELECT 1 FROM duckdb_views() WHERE temporary AND NOT internal AND lower(view_name) = lower(?)"
)
_OTHERS = (
    "SELECT 1 FROM duckdb_columns() WHERE lower(column_name) = ? AND lower(table_name) IN ? "
    "AND data_type NOT LIKE '%[]' AND data_type NOT LIKE 'STRUCT%'"
)
"""Whether one of these tables has a column of that name that is neither a list nor a structure."""


@dataclass(frozen=True)
class Asking:
    """What confirms an UPDATE, DELETE or EXEC of the cloud, and whether it also confirms an INSERT."""

    confirm: Confirm
    inserts: bool


@dataclass(frozen=True)
class Pending:
    """A write that waits for confirmation: its preview, and the function that makes it."""

    preview: WritePreview
    write: Callable[[], Answer]


class Cursor:
    """One cursor of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.binder = Binder(session)
        self.queries = QueryRunner(session, self.binder)

    def answer(
        self,
        statement: Statement,
        bindings: Bindings,
        run: Run,
        *,
        dry_run: bool = False,
        asking: Asking | None = None,
    ) -> Answer | Pending:
        """Run a statement that the catalog alone does not answer.

        A write that `asking` is to confirm stops before its first writing call.

        Raises:
            Error: it is refused, or a call failed.
            duckdb.Error: DuckDB's error.
        """
        # Not earlier: until now the scans belonged to a previous, abandoned statement.
        self._session.scans.runs[self.binder.id] = run
        run.is_write = self._is_write(statement) and not dry_run
        if reason := find_refusal(statement, self._session.catalog, self.binder.read_path):
            raise NotSupportedError(reason)
        inner = statement.inner if isinstance(statement, Explain) else statement
        if isinstance(inner, Query):
            self._check_members(inner)
        if self._is_write(inner):
            # What a write reads must not be older than the resource.
            run.settings = replace(run.settings, bulk_tags=False)
            is_dry = dry_run or inner is not statement
            try:
                return self._write(inner, bindings, run, dry_run=is_dry, asking=asking)
            except (duckdb.Error, UnknownName, NotSupportedError) as error:
                # Of a query made of the statement's parts.
                raise move_place(error, inner.text) from None
        assert isinstance(inner, Query), "every other kind is handled above"
        if isinstance(statement, Explain):
            return self.queries.explain(inner, bindings, run, as_json=statement.as_json)
        return self.queries.run(inner, bindings, run)

    def split(self, query: Query, run: Run) -> tuple[pa.Schema, list[Places]]:
        """As `QueryRunner.split`."""
        self._session.scans.runs[self.binder.id] = run
        if reason := find_refusal(query, self._session.catalog, self.binder.read_path):
            raise NotSupportedError(reason)
        bindings = Bindings(None, None)
        self._check_members(query)
        return self.queries.split(query, bindings, run)

    def _check_members(self, query: Query) -> None:
        """Refuse members of live tables that are NULL in every row, such as `tags->>'team'`: tags are a list."""
        try:
            bodies = self.binder.definitions.reach(query.text)
        except duckdb.Error:  # an aborted transaction
            return
        texts = [query.text, *bodies]
        if not any(re.search(r"(?i)->|json|\[\s*'", text) for text in texts):
            return
        tables = self.binder.find_tables(query)
        if not tables:
            return
        from sqlprov.duck.column_hints import find_null_member

        member = find_null_member(query.tokens, tables)
        if (
            member
            and not self.binder.duck.execute(_OTHERS, [member[0].value.lower(), list(query.words)]).fetchall()
        ):
            name, problem = member
            raise NotSupportedError(f"{problem}\n{show_caret(query.text, name.start)}")
        if query.words & TABLE_MACROS.keys() and query.tree:
            from sqlprov.sql.whole_rows import find_whole_row  # imported here: sqlglot takes 60 ms

            if reason := find_whole_row(query.tree, query.text, TABLE_MACROS):
                raise NotSupportedError(reason)

    def stop_profiling(self) -> None:
        """Have DuckDB write no profile, which may be a file; a setting of each cursor.

        Raises:
            NotSupportedError: the cursor has rows that are not read yet, whose profile would still be written.
        """
        try:
            self.binder.duck.execute("PRAGMA disable_profiling")
        except duckdb.Error as error:
            if "open result" in str(error):
                raise NotSupportedError(
                    "A cursor has rows that are not read, so the session cannot become read-only: DuckDB may write "
                    "their profile to a file. Read the rows, or close their result."
                ) from None
            # Otherwise an aborted transaction, or locked settings.

    # Writes

    def _is_write(self, statement: Statement) -> bool:
        """Whether a statement writes a live table; DuckDB handles writes to other tables."""
        if isinstance(statement, Exec):
            return True
        path = self.binder.read_path
        if not isinstance(statement, WriteStatement) or not statement.is_ours(self._session.catalog, path()):
            return False
        return len(statement.target) > 1 or not self._is_temporary(statement.target[0])

    def _is_temporary(self, name: str) -> bool:
        """Whether a temporary table or view has this name; in DuckDB it takes precedence."""
        return bool(self.binder.duck.execute(_TEMPORARY, [name, name]).fetchall())

    def _write(
        self, statement: Statement, bindings: Bindings, run: Run, *, dry_run: bool, asking: Asking | None
    ) -> Answer | Pending:
        # Imported here: only a write needs botocore's exceptions before it has a client.
        from sqlprov.duck.dry_run import build_preview, list_calls
        from sqlprov.duck.target_reader import TargetReader
        from sqlprov.duck.writes import project_rows, read_back, write_targets

        assert isinstance(statement, Insert | Update | Delete | Exec), "only these write"
        if not dry_run:
            self._check_may_write(run)
        if not isinstance(statement, Exec):
            # DuckDB reports errors in the statement as a whole; its separate parts might pass.
            self.binder.duck.extract_statements(statement.text)
        written = statement.text
        if bindings.parameters and not isinstance(bindings.parameters, Mapping):
            # By number, each query of the write takes its own.
            (numbered,) = parse(number_parameters(written))
            assert isinstance(numbered, Insert | Update | Delete | Exec), "only its parameters changed"
            statement = replace(numbered, wait=statement.wait)
            bindings = replace(bindings, parameters=bindings.named)
        session, path = self._session, self.binder.read_path()
        accounts = session.accounts.choose(run)
        zone, shows_sensitive = self.binder.read_time_zone(), run.settings.show_sensitive
        reader = TargetReader(
            session,
            statement,
            path,
            lambda text: self._read(text, bindings, run),
            run,
            zone,
            bindings.parameters,
        )
        targets = reader.read()
        table = reader.table.revealed if shows_sensitive else reader.table
        returning = None
        if not isinstance(statement, Exec) and statement.returning is not None:
            none = read_back(table, [])
            returning = statement.build_returning_query(project_rows(table, none))
            # First bound to no rows, so an error in it is raised before anything is written.
            self._return(returning, none, table, bindings, run)
        if dry_run:
            return Answer(list_calls(targets, run, accounts))

        def write() -> Answer:
            outcomes = write_targets(statement, targets, run, accounts)
            skips = isinstance(statement, Insert) and statement.skips_existing
            rowcount = sum(bool(outcome.operations) or not skips for outcome in outcomes)
            if returning is None:
                return Answer(rowcount=rowcount)
            answer = self._return(returning, read_back(table, outcomes, run.warn), table, bindings, run)
            return replace(answer, rowcount=rowcount)

        if asking and targets and (asking.inserts or not isinstance(statement, Insert)):
            return Pending(build_preview(written, targets, reader.names_rows(targets), run, accounts), write)
        return write()

    def _read(self, text: str, bindings: Bindings, run: Run) -> QueryResult:
        """All rows of a query of a write."""
        from sqlprov.duck.target_reader import QueryResult

        # Without it, the strings of JSON inside a STRUCT keep their quotes. Other cursors must not see it.
        self.binder.duck.execute("SET SESSION arrow_lossless_conversion = true")
        try:
            relation = self.queries.run_whole(text, bindings, run)
            if relation is None:
                raise DataError("The statement for the rows returns no result.")
            return QueryResult(relation.to_arrow_table(), tuple(str(kind) for kind in relation.types))
        finally:
            self.binder.duck.execute("RESET SESSION arrow_lossless_conversion")

    def _return(self, query: str, rows: pa.Table, table: Table, bindings: Bindings, run: Run) -> Answer:
        from sqlprov.duck.writes import RETURNING_ROWS

        self.binder.duck.register(RETURNING_ROWS, rows)
        try:
            relation = self.queries.run_whole(query, bindings, run, [table])
            assert relation is not None, "a SELECT has rows"
            return Answer(relation.to_arrow_table(), types=tuple(relation.types))
        except UnknownName as error:  # before the first call
            advice = "RETURNING has the row's columns; FROM sqlprov.outcomes shows what its calls came to."
            raise error if "Did you mean" in str(error) else UnknownName(f"{error}\n{advice}") from None
        except duckdb.Error as error:
            if not run.outcomes:
                raise
            written = f"{format_count(len(run.outcomes), 'row')} written, but RETURNING failed"
            raise WriteError(f"{written}: {str(error).splitlines()[0]}", run.outcomes, run.warnings) from None
        finally:
            self.binder.duck.unregister(RETURNING_ROWS)

    def _check_may_write(self, run: Run) -> None:
        if run.settings.read_only or self._session.accounts.guard.read_only:
            raise NotSupportedError("The session is read-only (sqlprov_read_only). Nothing was written.")
        if self.queries.in_transaction:
            raise NotSupportedError(
                "A write to the cloud cannot be rolled back, so it is refused within BEGIN … COMMIT."
            )

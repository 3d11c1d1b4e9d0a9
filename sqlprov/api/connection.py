"""The connection that callers and front ends run statements on."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import weakref
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sqlprov.api.arguments import check_argument, check_parameters
from sqlprov.api.pep249_cursor import PEP249Cursor
from sqlprov.api.result import NO_ROWS, Result
from sqlprov.api.statement_runner import StatementRunner, locate_errors
from sqlprov.api.tracebacks import cut_traceback, cut_tracebacks
from sqlprov.api.worker import INTERRUPT_GRACE
from sqlprov.aws.transport.run import Run
from sqlprov.catalog import Catalog
from sqlprov.duck.binder import Bindings, Parameters
from sqlprov.duck.cursor import Asking
from sqlprov.duck.query_runner import BEGINS, WRITES
from sqlprov.duck.region_finder import warn_unknown
from sqlprov.duck.session import OWN, Session
from sqlprov.duck.syntax_check import check_syntax
from sqlprov.errors import (
    CredentialsError,
    DataError,
    Error,
    InterfaceError,
    NotSupportedError,
    ProgrammingError,
    RegionError,
    suggest,
)
from sqlprov.settings import OFF, Settings
from sqlprov.sql import Exec, Explain, Query, SetSetting, Statement, find_placeholder_refusal, parse
from sqlprov.sql.lexer import list_parameters

if TYPE_CHECKING:
    from sqlprov.aws.diagnostics import Check
    from sqlprov.aws.transport.call_log import CallRecord, Progress
    from sqlprov.aws.transport.call_log import MissingRows as MissingRows
    from sqlprov.aws.transport.engine import ScanEngine as ScanEngine
    from sqlprov.aws.transport.engine import TaskReport as TaskReport
    from sqlprov.aws.write.outcome import Outcome as Outcome
    from sqlprov.duck.dry_run import Confirm
    from sqlprov.duck.dry_run import WritePreview as WritePreview
    from sqlprov.duck.vocabulary import Vocabulary as Vocabulary
    from sqlprov.emulator import Emulator
    from sqlprov.plan.read.scan_task import Pairs as Pairs
    from sqlprov.plan.read.scan_task import ScanTask as ScanTask
    from sqlprov.plan.write.desired import Difference as Difference

_open: weakref.WeakSet[Connection] = weakref.WeakSet()
_closing: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    # DuckDB prints errors on stderr for connections that outlive the interpreter.
    for connection in list(_open):
        connection.close()
    for thread in list(_closing):
        thread.join(timeout=INTERRUPT_GRACE)


def _abandon() -> None:
    """In the child of a fork, which has none of DuckDB's threads, and would crash if it ended such a connection."""
    import ctypes

    for connection in list(_open):
        connection._closed = connection._is_forked = True
        connection._session.users = 0
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))  # keeps DuckDB's objects to the end
    _open.clear()


os.register_at_fork(after_in_child=_abandon)


class Connection(PEP249Cursor):
    """Runs statements one after another; made by `connect`, or by `cursor` for another thread.

    One thread at a time may use it; `cursor` and `cancel` may be called from any thread. It is both a PEP 249
    connection and a PEP 249 cursor: `cursor` returns a connection with its own transactions.

    Attributes:
        settings: of the next statement.
    """

    def __init__(
        self,
        session: Session,
        settings: Settings,
        emulator: Emulator | None = None,
        *,
        parent: Connection | None = None,
    ) -> None:
        self.settings = self._initial_settings = settings
        if settings.read_only:
            session.make_read_only()
        self._session, self._emulator, self._parent = session, emulator, parent
        self._runner = StatementRunner(session)
        self._closed = self._is_forked = False
        self._cursors: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._lock = threading.Lock()
        _open.add(self)

    # Statements

    @cut_traceback
    def sql(self, text: str, parameters: Parameters = None, *, engine: ScanEngine | None = None) -> Result:
        """Run every statement of `text`; return the result of the last.

        A table that DuckDB does not know may be one of the caller's variables: a DataFrame or an Arrow table.

        Args:
            text: one or more statements, separated by `;`.
            parameters: a sequence for `?`, or a mapping for `$name`.
            engine: runs the scans of live tables, such as `sqlprov.spark.Engine(spark)`; DuckDB does the rest here.
                The statements must not write.

        Raises:
            Error: a statement failed; the subclass says why.

        >>> import sqlprov
        >>> sqlprov.connect().sql("SELECT $n * 2 AS twice", {"n": 21}).fetchall()
        [(42,)]
        """
        variables = _list_variables(sys._getframe(2))
        results = list(self._run_script(text, parameters, variables, engine=engine))
        if not results:
            raise ProgrammingError("There is no statement in the text.")
        return results[-1]

    execute = sql

    @cut_traceback
    def executemany(self, text: str, rows: Iterable[Parameters]) -> Result:
        """Run the statement `text` for each of `rows`, one after another.

        Args:
            text: usually one INSERT, UPDATE or DELETE.
            rows: the parameters of each run, as for `sql`.

        Returns:
            The result of the last run, with the rows and the `rowcount` of all.

        Raises:
            Error: a run failed. The runs before it took effect; a note says how many.

        >>> import sqlprov
        >>> con = sqlprov.connect()
        >>> con.execute("CREATE TABLE watched (name VARCHAR)").rowcount
        -1
        >>> con.executemany("INSERT INTO watched VALUES (?)", [["a"], ["b"]]).rowcount
        2
        """
        check_argument("rows", rows, Iterable, "the parameters of each run, as in [['a'], ['b']]")
        if not self.check(text):
            raise ProgrammingError("There is no statement in the text.")
        variables = _list_variables(sys._getframe(2))
        done = changed = 0
        returned: list[pa.Table] = []
        result = Result.of(NO_ROWS.empty_table(), Run(self.settings))
        try:
            for row in rows:
                for result in self._run_script(text, row, variables):
                    changed = changed + result.rowcount if min(changed, result.rowcount) >= 0 else -1
                if result.has_rows:
                    returned.append(result.arrow())
                done += 1
        except Error as error:
            error.add_note(f"This was run {done + 1} of executemany; the {done} before it took effect.")
            raise
        if returned:
            try:
                rows_of_all = pa.concat_tables(returned, promote_options="permissive")
            except pa.ArrowException as error:
                raise DataError(
                    f"Every run took effect, but their rows have different types: {error}"
                ) from None
            result = self._result = Result.of(rows_of_all, result._run, types=result._types)
            result._connection = self
        result.rowcount = changed
        return result

    def run(
        self,
        script: str,
        parameters: Parameters = None,
        *,
        dry_run: bool = False,
        confirm: Confirm | None = None,
        confirm_inserts: bool = False,
        variables: Mapping[str, Any] | None = None,
        on_error: Callable[[Error], None] | None = None,
    ) -> Iterator[Result]:
        """Run the statements of `script` one by one; each runs once the previous result has been consumed.

        Args:
            script: statements, separated by `;`.
            parameters: as for `sql`.
            dry_run: show the calls of a write to the cloud instead of making them, as EXPLAIN does; every other
                statement runs.
            confirm: called in the caller's thread before an UPDATE, DELETE or EXEC makes its first writing call,
                with a `WritePreview` of the changes; returns whether to make them. Each row is read first.
            confirm_inserts: call `confirm` before an INSERT, too.
            variables: DataFrames and Arrow tables by name, for tables that DuckDB does not know.
            on_error: called with the error of a statement that fails before it returns rows; unless it raises, the
                next statement runs.

        Raises:
            Cancelled: a write was not confirmed; nothing was written.
            Error: a statement failed; those after it do not run.

        >>> import sqlprov
        >>> [result.fetchall() for result in sqlprov.connect().run("SELECT 1; SELECT $n", {"n": 2})]
        [[(1,)], [(2,)]]
        """
        asking = Asking(confirm, confirm_inserts) if confirm else None
        return cut_tracebacks(self._run_script(script, parameters, variables, dry_run, asking, on_error))

    def check(self, script: str) -> list[Statement]:
        """Parse a script before any of it runs: a typing error in the last statement must not leave half a change.

        Raises:
            MalformedSQL: a statement cannot be parsed; of a script with one statement, its run says so.
            NotSupportedError: StackQL's statement that sqlprov does not support, or a template's placeholder.
            InterfaceError: the script is not a str.
        """
        self._check_open()
        check_argument("SQL", script, str, "a str, as in sql('SELECT 1')")
        statements = parse(script)
        if reason := find_placeholder_refusal(statements, script, self.catalog):
            raise NotSupportedError(reason)
        if len(statements) > 1:
            self._runner.call(lambda: check_syntax(self._runner.cursor.binder.duck, statements))
        return statements

    def _run_script(
        self,
        text: str,
        parameters: Parameters,
        variables: Mapping[str, Any] | None,
        dry_run: bool = False,
        asking: Asking | None = None,
        on_error: Callable[[Error], None] | None = None,
        engine: ScanEngine | None = None,
    ) -> Iterator[Result]:
        statements = self.check(text)
        if engine is not None:
            self._check_engine(engine, statements)
        if parameters is not None:
            check_parameters(parameters)
        if isinstance(parameters, Mapping):
            _check_parameters(text, parameters)
        for number, statement in enumerate(statements, start=1):
            self._check_open()
            self._close_result()
            is_begin = isinstance(statement, Query) and statement.verb in BEGINS
            bindings = Bindings(parameters, variables, statements[number:] if is_begin else ())
            try:
                with locate_errors(statement):
                    self._result = self._run_statement(statement, bindings, dry_run, asking, engine)
            except Error as error:
                if on_error is None:
                    raise
                on_error(error)
                continue
            self._result._connection = (
                self  # open as long as rows can be read, as in connect().sql(…).fetchall()
            )
            yield self._result

    def _check_engine(self, engine: ScanEngine, statements: Sequence[Statement]) -> None:
        """Check that statements can run on an engine, before any of them does.

        Raises:
            InterfaceError: it is not an engine.
            NotSupportedError: one writes, or the connection is to a local AWS.
        """
        from sqlprov.aws.transport.engine import ScanEngine

        check_argument(
            "engine", engine, ScanEngine, "what runs the scans, such as sqlprov.spark.Engine(spark)"
        )
        if self.connection._emulator is not None:
            raise NotSupportedError(
                "The workers of an engine do not know the local AWS of this process. Run `sqlprov local`, and give its "
                "URL to connect(endpoint_url=…)."
            )
        for statement in statements:
            inner = statement.inner if isinstance(statement, Explain) else statement
            verbs = ["EXEC"] if isinstance(inner, Exec) else []
            if isinstance(inner, Query):
                changes = filter(None, (inner.mutation, *inner.nested_mutations))
                verbs += [verb for each in changes if (verb := each.verb.text.upper()) in WRITES]
            if verbs:
                raise NotSupportedError(
                    f"An engine only reads. Run {verbs[0]} without engine=; nothing was run."
                )

    def _run_statement(
        self,
        statement: Statement,
        bindings: Bindings,
        dry_run: bool,
        asking: Asking | None,
        engine: ScanEngine | None,
    ) -> Result:
        if isinstance(statement, SetSetting):
            self._set(statement)
        result = self._runner.run(statement, self.settings, bindings, dry_run, asking, engine)
        if isinstance(statement, SetSetting):
            warn_unknown(self.settings.region_names(), result._run)
        return result

    def _set(self, statement: SetSetting) -> None:
        if statement.value is None:
            settings = self.settings.reset(statement.name, self._initial_settings)
        else:
            settings = self.settings.with_value(statement.name, statement.value)
        free = replace(self.settings, regions=settings.regions, read_only=settings.read_only)
        if self.is_sandboxed and settings != free:
            raise NotSupportedError(
                f"SET {statement.name}: a sandbox fixes every setting but sqlprov_regions and sqlprov_read_only. "
                "Give it to connect(settings=…) or --set."
            )
        if settings.accounts != self.settings.accounts:
            self._session.accounts.check(settings)
        if settings.read_only and not self.settings.read_only:
            for each in (self.connection, *self.connection.cursors):
                each._runner.call(each._runner.cursor.stop_profiling)
            self._session.make_read_only()
        self.settings = settings

    @property
    def is_sandboxed(self) -> bool:
        """Whether SQL can use no files but those that `connect` named, no network and no extensions."""
        return self._session.is_sandboxed

    @property
    def progress(self) -> Progress | None:
        """How far the current statement is; `None` if there is none. Any thread may read it."""
        run = self._runner.current
        return run.log.progress if run else None

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcome of each row that the last statement with calls wrote; empty if it wrote none."""
        run = self._runner.latest_with_calls
        return tuple(run.outcomes) if run else ()

    @property
    def calls(self) -> list[CallRecord]:
        """The API calls of the last statement, even if it failed or was cancelled."""
        run = self._runner.latest
        return list(run.log.calls) if run else []

    def cancel(self) -> None:
        """End the current statement and its calls, from any thread; the statement then raises Cancelled."""
        self._runner.cancel()

    # The catalog and the account

    @property
    def catalog(self) -> Catalog:
        """The providers, services, tables and regions."""
        return self._session.catalog

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions for statements that name none; empty if there are none."""
        return self._session.planner.regions.find_default(Run(self.settings), may_call=False)

    def list_places(
        self, table: str, on_missing: Callable[[MissingRows], None] | None = None
    ) -> list[Mapping[str, str]]:
        """Where a statement that names none reads a table: {"account": …, "region": …} each.

        An account is asked for its regions if the session's are all of them.

        Args:
            table: full name of the table.
            on_missing: called for each account that could not be asked, instead of raising its error.

        Raises:
            UnknownName: there is no such table.
            ProgrammingError: the table cannot be listed as a whole.
            RegionError: the session has no region.
            OperationalError: an account could not be asked.
        """
        from sqlprov.plan.read import TRUE, check_required

        self._check_open()
        found = self.catalog.get_table(*table.split("."))
        run = Run(self.settings.with_value("on_error", "warn" if on_missing else "fail"))
        try:
            plan = self._session.planner.plan(found, found.key, TRUE, run)
            check_required(plan)
            for missing in run.log.missing:
                if on_missing:
                    on_missing(missing)
            return list(plan.steps.places)
        finally:
            run.finish()

    def split(self, sql: str, most: int) -> tuple[pa.Schema, list[Pairs]]:
        """The columns of a query, and at most so many parts of the (account, region) pairs that it reads.

        The rows that `within` reads of the parts, some here and some there, are together those of the query.

        Raises:
            NotSupportedError: the query needs the rows of several places together, as an aggregate does.
            Error: as `sql`.
        """
        (statement,) = self.check(sql)
        if not isinstance(statement, Query):
            raise NotSupportedError(f"{sql.split()[0]} cannot be read in parts; expected a SELECT.")
        from sqlprov.plan.read.scan_task import split_evenly

        schema, pairs = self._runner.split(statement, self.settings)
        return schema, split_evenly(pairs, most)

    def scan(self, task: ScanTask) -> Iterator[pa.RecordBatch | TaskReport]:
        """The rows of a scan that another process planned, and at the end a report; for the workers of an engine.

        An error of a call is in the report.

        Raises:
            ResourceFileError, UnknownName: this process has another catalog.
        """
        self._check_open()
        self.catalog.reveal(task.table)
        table = self.catalog.get_table(*task.table.split("."))
        self._session.accounts.renew()
        return self._session.scans.read_task(table, task)

    def within(self, places: Iterable[tuple[str, str]]) -> Connection:
        """A cursor whose statements read only these (account, region) pairs, as if there were no others."""
        cursor = self.cursor()
        cursor._runner.within = frozenset(places)
        return cursor

    @property
    def target(self) -> str:
        """The endpoints and the profile that calls use, in words: `AWS, profile prod`.

        Raises:
            CredentialsError: the profile does not exist, or a configuration file cannot be parsed.
        """
        text = self._session.accounts.own.describe()
        return f"the local AWS at {text}" if self.connection._emulator else text

    def enter_mfa_code(self, code: str) -> None:
        """Log in to the profile's role with a code of its MFA device.

        The role's credentials are kept in ~/.aws/cli/cache, as the AWS CLI keeps them.

        Args:
            code: the digits that the device shows. A CredentialsError names the device in `mfa_serial`.

        Raises:
            CredentialsError: the code is refused, or the credentials cannot be got for another reason.
        """
        self._check_open()
        self._session.accounts.own.enter_mfa_code(code.strip())

    def vocabulary(self) -> Vocabulary:
        """DuckDB's words and its own tables, for completion. Closes the last result."""
        from sqlprov.duck.vocabulary import read_vocabulary

        self._check_open()
        self._close_result()
        cursor, live = self._runner.cursor, (*self.catalog.list_providers(), OWN)
        accounts = self._session.accounts.list_known(self.settings)
        return self._runner.call(
            lambda: read_vocabulary(cursor.binder.duck, cursor.binder.read_path(), live, accounts)
        )

    def diagnose(self, like: str | None = None) -> Iterator[Check]:
        """Check credentials, region, endpoint, identity, clock, each account, and permissions to read and write.

        Args:
            like: SQL pattern for the full names of the tables to check; without a %, a part of them. `None`: no table.

        Raises:
            ResourceFileError: the resource file of a table is wrong.
        """
        from sqlprov.aws.diagnostics import diagnose
        from sqlprov.sql.names import LEVELS, list_names
        from sqlprov.sql.show import is_like

        self._check_open()
        names: list[str] = []
        if like is not None:
            pattern = like if "%" in like else f"%{like}%"
            names = [name for name in list_names(self.catalog, len(LEVELS)) if is_like(name, pattern)]
        parts = (name.split(".") for name in sorted(names))
        tables = [self.catalog.get_table(*name) for name in parts if len(name) == len(LEVELS)]
        run = Run(replace(self.settings, cache=OFF))
        self._session.accounts.renew()
        problem, region = "none", None
        try:
            region = next(iter(self.regions), None)
        except CredentialsError:
            pass  # the first check reports it
        except RegionError as error:
            problem = str(error)
        try:
            yield from diagnose(run, self._session.accounts, region, tables, problem)
        finally:
            run.finish()

    def compare(
        self,
        table: str,
        values: Mapping[str, str | None],
        row: Mapping[str, Any] | None,
        region: str | None = None,
    ) -> tuple[Difference, ...]:
        """What an UPDATE would change to give a row these values, without a call.

        Args:
            table: full name of the table.
            values: column, or parameter of the create, -> text as an INSERT takes it; JSON for structures.
            row: the row by column, as SELECT returns it with sqlprov_show_sensitive; `None` if there is none.
            region: of the row, if `values` does not have it.

        Returns:
            The differences, in the order of the parameters; none without a row.

        Raises:
            Error: an INSERT of the values would be refused.
        """
        from sqlprov.plan.write.desired import compare_row

        self.catalog.reveal(table)
        resource = self.catalog.get_table(*table.split("."))
        return compare_row(resource, values, region, row, self.catalog.list_unordered(resource))

    # Transactions

    @property
    def in_transaction(self) -> bool:
        """Whether this cursor has an open transaction."""
        return self._runner.cursor.queries.in_transaction

    def commit(self) -> None:
        """Commit the transactions that BEGIN started, here and on the cursors of this connection, if there are any.

        Only DuckDB's own tables take part: within BEGIN a write to the cloud is refused.

        Raises:
            Error: the transaction met an error earlier; roll it back.

        >>> import sqlprov
        >>> con = sqlprov.connect()
        >>> con.execute("BEGIN; CREATE TABLE kept AS SELECT 1 AS n").rowcount
        1
        >>> con.commit()
        >>> con.cursor().execute("SELECT n FROM kept").fetchall()
        [(1,)]
        """
        self._end_transactions("COMMIT")

    def rollback(self) -> None:
        """Roll back the transactions that BEGIN started, here and on the cursors of this connection, if there
        are any."""
        self._end_transactions("ROLLBACK")

    def _end_transactions(self, verb: str) -> None:
        self._check_open()
        if self.in_transaction:
            self.sql(verb)
        for cursor in self.cursors:
            cursor._end_transactions(verb)

    # Cursors, and the end

    @property
    def connection(self) -> Connection:
        """The connection that made this cursor; itself, if `connect` made it."""
        return self._parent or self

    def cursor(self) -> Connection:
        """Return another connection to the same tables and database, with the same settings, for another thread.

        >>> import sqlprov
        >>> with sqlprov.connect() as con, con.cursor() as cursor:
        ...     cursor.execute("SELECT 42 AS n").columns
        ['n']
        """
        self._check_open()
        _serve_polars()
        cursor = Connection(self._session, self.settings, parent=self)
        with self._lock:
            self._cursors.add(cursor)
        return cursor

    @property
    def cursors(self) -> list[Connection]:
        """The open cursors that `cursor` has made. Any thread may read it."""
        with self._lock:
            return [cursor for cursor in self._cursors if not cursor._closed]

    def close(self) -> None:
        """End the current statement and the cursors, and the session if `connect` made this. Harmless if repeated."""
        with self._lock:  # a connection and its cursor may be closed by two threads when both are collected
            if self._closed:
                return
            self._closed = True
        for cursor in self.cursors:
            cursor.close()
        self.cancel()
        self._close_result()
        self._runner.close()
        if self._parent is None and self._session.close() and self._emulator is not None:
            self._emulator.stop()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            # `close` may wait for the thread that collects it, or for a lock which that thread holds.
            thread = threading.Thread(target=self.close, name="sqlprov-close", daemon=True)
            with suppress(RuntimeError):  # the interpreter is shutting down
                thread.start()
                _closing.add(thread)

    def _close_result(self) -> None:
        result, self._result = self._result, None
        if result is not None:
            result.close()

    def _check_open(self) -> None:
        if self._closed:
            reason = (
                ": it was made before the process forked. Connect in each process" if self._is_forked else ""
            )
            raise InterfaceError(f"The connection is closed{reason}.")

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _check_parameters(script: str, parameters: Mapping[str, Any]) -> None:
    used = list_parameters(script)
    for name in parameters:
        if name not in used:
            expected = f" There is {', '.join(f'${each}' for each in sorted(used))}." if used else ""
            raise ProgrammingError(f"No statement has a parameter ${name}.{suggest(name, used) or expected}")


def _list_variables(frame: FrameType) -> Mapping[str, Any]:
    """The variables that are visible in `frame`."""
    return ChainMap(frame.f_locals, frame.f_globals)


def _serve_polars() -> None:
    """Have `polars.read_database` read Arrow from a cursor, as from DuckDB's.

    Its registry of such drivers is private. Without it, polars guesses the types of nested columns from the first rows.
    """
    if "polars" in sys.modules:
        with suppress(Exception):
            from polars.io.database._arrow_registry import ARROW_DRIVER_REGISTRY

            properties: Any = {"fetch_all": "arrow", "fetch_batches": "batches", "repeat_batch_calls": False}
            properties |= {"exact_batch_size": False, "minimum_version": None}
            ARROW_DRIVER_REGISTRY.setdefault("sqlprov", [properties])

"""SQL text in, Results out: the line that every front end rides."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import weakref
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from sqlprov.api.pep249_cursor import PEP249Cursor
from sqlprov.api.result import NO_ROWS, Result, read_all_batches
from sqlprov.api.worker import INTERRUPT_GRACE, Worker
from sqlprov.aws.run import LET_END, Run
from sqlprov.aws.transport.clients import Cloud
from sqlprov.catalog import Catalog
from sqlprov.catalog.regions import EVERYWHERE
from sqlprov.duck.cursor import Answer, Bindings, Cursor, Parameters, Pending
from sqlprov.duck.errors import restore_type, translate
from sqlprov.duck.session import OWN, Session
from sqlprov.errors import (
    Cancelled,
    CredentialsError,
    Error,
    InterfaceError,
    NotSupportedError,
    ProgrammingError,
    suggest,
)
from sqlprov.settings import Settings
from sqlprov.sql import CatalogStatement, Query, SetSetting, Statement, find_placeholder_refusal, parse

if TYPE_CHECKING:
    from sqlprov.aws.diagnostics import Finding
    from sqlprov.aws.run import CallRecord, Progress
    from sqlprov.aws.write.writing import Outcome
    from sqlprov.duck.vocabulary import Vocabulary as Vocabulary
    from sqlprov.duck.writes import Confirm
    from sqlprov.duck.writes import Proposal as Proposal
    from sqlprov.emulator import Emulator

_open: weakref.WeakSet[Connection] = weakref.WeakSet()
_closing: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    # DuckDB complains on stderr about connections that outlive the interpreter.
    for connection in list(_open):
        connection.close()
    for closing in list(_closing):
        closing.join(timeout=INTERRUPT_GRACE)


@contextmanager
def _offset_told(statement: Statement) -> Iterator[None]:
    try:
        yield
    except Error as error:
        error.offset = statement.offset
        raise


def connect(
    database: str = ":memory:",
    *,
    local: bool = False,
    endpoint_url: str | None = None,
    region: str | Sequence[str] | None = None,
    profile: str | None = None,
    read_only: bool = False,
    settings: Mapping[str, str] | None = None,
) -> Connection:
    """A connection to the cloud's tables and to DuckDB's `database`.

    Args:
        database: ":memory:" or the path of a DuckDB file.
        local: read the local SageMaker that comes with sqlprov, without an account.
        endpoint_url: URL of another server that speaks the API; boto3's AWS_ENDPOINT_URL works too.
        region: region or regions of statements that name none; as `SET sqlprov_regions`.
        profile: AWS profile; boto3's AWS_PROFILE works too.
        read_only: refuse every write to the cloud, and open the file read-only.
        settings: further settings, by name with or without `sqlprov_`, as SET writes them.

    Raises:
        ProgrammingError: the database cannot be opened.
        CredentialsError: the profile does not exist.
        UnknownName, DataError: a setting that does not exist or does not fit.

    >>> with connect(local=True) as con:
    ...     con.sql("SELECT endpoint_status FROM aws.sagemaker.endpoints WHERE region = 'eu-west-1' LIMIT 1").fetchone()
    ('InService',)
    """
    chosen = Settings()
    if region is not None:
        chosen = chosen.with_value("regions", region if isinstance(region, str) else ",".join(region))
    for name, value in (settings or {}).items():
        chosen = chosen.with_value(name, str(value))
    cloud, emulator = account(local, endpoint_url, profile)
    try:
        if read_only:
            chosen = chosen.with_value("read_only", "on")
        # DuckDB has no read-only database in memory.
        session = Session(Catalog(), cloud, database, read_only and database != ":memory:")
    except BaseException:
        if emulator:
            emulator.stop()
        raise
    return Connection(session, chosen, emulator, owner=True)


def account(local: bool, endpoint_url: str | None, profile: str | None) -> tuple[Cloud, Emulator | None]:
    """What to read, and the local SageMaker to stop after use if it is that.

    Raises:
        InterfaceError: `local` with one of the others.
    """
    if not local:
        return Cloud(profile=profile, endpoint_url=endpoint_url), None
    if endpoint_url or profile:
        raise InterfaceError("local=True takes neither endpoint_url nor profile.")
    from sqlprov.local import CREDENTIALS, start_emulator

    emulator = start_emulator()
    return Cloud(endpoint_url=emulator.url, credentials=CREDENTIALS), emulator


class Connection(PEP249Cursor):
    """Runs statements one after another; made by `connect`, or by `cursor` for another thread.

    It serves one thread at a time; `cursor` and `cancel` may be called from any. It is a PEP 249 connection, and a
    cursor at once: what `cursor` makes is a connection of its own, with transactions of its own.
    """

    def __init__(
        self,
        session: Session,
        settings: Settings,
        emulator: Emulator | None = None,
        *,
        owner: bool = False,
        parent: Connection | None = None,
    ) -> None:
        self.settings = self._initial = settings
        session.cloud.read_only |= settings.read_only
        self._session, self._emulator, self._owner, self._parent = session, emulator, owner, parent
        self._cursor = Cursor(session)
        self._worker = Worker()
        self._run: Run | None = None
        self._last: Run | None = None
        self._latest: Run | None = None
        self._closed = False
        self._cursors: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._changing = threading.Lock()
        _open.add(self)

    # Statements

    def sql(self, text: str, parameters: Parameters = None) -> Result:
        """Run every statement of `text`; the result of the last.

        Tables that DuckDB does not know are looked for among the caller's variables: DataFrames and Arrow tables.

        Args:
            text: one or more statements, separated by `;`.
            parameters: a sequence for `?`, or a mapping for `$name`.

        Raises:
            Error: what the statement met; its subclass says what.

        >>> connect().sql("SELECT $n * 2 AS twice", {"n": 21}).fetchall()
        [(42,)]
        """
        results = list(self._results(text, parameters, _variables(sys._getframe(1))))
        if not results:
            raise ProgrammingError("There is no statement in the text.")
        return results[-1]

    execute = sql

    def executemany(self, text: str, rows: Iterable[Parameters]) -> Result:
        """Run the statement `text` for each of `rows`, one after another.

        Args:
            text: usually one INSERT, UPDATE or DELETE.
            rows: the parameters of each run, as for `sql`.

        Returns:
            The result of the last run, with the `rowcount` of all.

        Raises:
            Error: what a run met; the runs before it stand, and a note says how many.

        >>> con = connect()
        >>> con.execute("CREATE TABLE watched (name VARCHAR)").rowcount
        -1
        >>> con.executemany("INSERT INTO watched VALUES (?)", [["a"], ["b"]]).rowcount
        2
        """
        variables = _variables(sys._getframe(1))
        done = changed = 0
        result = Result.of(NO_ROWS.empty_table(), Run(self.settings))
        try:
            for row in rows:
                for result in self._results(text, row, variables):
                    changed = changed + result.rowcount if min(changed, result.rowcount) >= 0 else -1
                done += 1
        except Error as error:
            error.add_note(f"This was run {done + 1} of executemany; the {done} before it stand.")
            raise
        result.rowcount = changed
        return result

    def run(
        self,
        script: str,
        parameters: Parameters = None,
        *,
        dry_run: bool = False,
        confirm: Confirm | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> Iterator[Result]:
        """The result of each statement of `script`, each run when the one before has been taken.

        Args:
            script: statements, separated by `;`.
            parameters: as for `sql`.
            dry_run: show the calls of a write to the cloud instead of making them, as EXPLAIN does; every other
                statement runs.
            confirm: is called, in the caller's thread, before the first writing call of an UPDATE, DELETE or EXEC
                of the cloud with what would be done, a `Proposal`; whether it is done. It costs a look at each row.
            variables: DataFrames and Arrow tables by name, for tables that DuckDB does not know.

        Raises:
            Cancelled: a write was not confirmed; nothing was written.
            Error: what a statement met; those after it are not run.

        >>> [result.fetchall() for result in connect().run("SELECT 1; SELECT $n", {"n": 2})]
        [[(1,)], [(2,)]]
        """
        return self._results(script, parameters, variables, dry_run, confirm)

    def parameter_names(self, script: str) -> frozenset[str]:
        """The names of the parameters `$name` in `script`.

        Raises:
            MalformedSQL: it cannot be parsed.
        """
        return frozenset().union(
            *(self._cursor.parameter_names(statement.text) for statement in parse(script))
        )

    def _results(
        self,
        text: str,
        parameters: Parameters,
        variables: Mapping[str, Any] | None,
        dry_run: bool = False,
        confirm: Confirm | None = None,
    ) -> Iterator[Result]:
        self._check()
        statements = parse(text)
        if reason := find_placeholder_refusal(statements, text, self._session.catalog):
            raise NotSupportedError(reason)
        self._check_parameters(statements, parameters)
        for statement in statements:
            self._check()
            with _offset_told(statement):
                self._result = self._answer(statement, Bindings(parameters, variables), dry_run, confirm)
            yield self._result

    def _answer(
        self, statement: Statement, bindings: Bindings, dry_run: bool, confirm: Confirm | None
    ) -> Result:
        self._close_result()
        run = self._latest = Run(self.settings, id=self._cursor.id, before=self._last)
        if isinstance(statement, SetSetting):
            self._set(statement)
            run.finish()
            return Result.of(NO_ROWS.empty_table(), run)
        if isinstance(statement, CatalogStatement):
            path = self._worker.call(self._cursor.path, lambda: None)
            if path[:1] and path[0] not in self._session.catalog.list_providers():
                path = ()  # USE chose a database of DuckDB's own: no provider is meant
            if statement.is_ours(self._session.catalog, path):
                from sqlprov.duck.vocabulary import read_keywords

                found = statement.answer(self._session.catalog, self.settings, path, read_keywords)
                run.finish()
                return Result.of(found, run)
            statement = Query(statement.text, statement.offset)
        self._run = run
        try:
            answer = self._do(
                lambda: self._cursor.answer(
                    statement, bindings, run, dry_run=dry_run, asking=confirm is not None
                ),
                run,
                statement.text,
            )
            if isinstance(answer, Pending) and confirm:
                self._confirm(answer, confirm, run)
                answer = self._do(answer.write, run, statement.text)
        except BaseException:
            self._finish(run)
            raise
        return self._told(answer, statement, run)

    def _confirm(self, pending: Pending, confirm: Confirm, run: Run) -> None:
        asked = time.monotonic()
        if not confirm(pending.proposal):
            raise Cancelled("It was not confirmed: nothing was written.")
        run.began += time.monotonic() - asked  # who reads and thinks is not what took the time

    def _told(self, answer: Answer, statement: Statement, run: Run) -> Result:
        if isinstance(answer.rows, pa.RecordBatchReader):
            return self._stream(answer.rows, statement, run)
        self._finish(run)
        rows = NO_ROWS.empty_table() if answer.rows is None else answer.rows
        result = Result.of(rows, run, answer.planned)
        result.rowcount = answer.rowcount
        return result

    def _set(self, statement: SetSetting) -> None:
        if statement.value is None:
            self.settings = self.settings.reset(statement.name, self._initial)
        else:
            self.settings = self.settings.with_value(statement.name, statement.value)
        self._session.cloud.read_only |= self.settings.read_only

    def _stream(self, reader: pa.RecordBatchReader, statement: Statement, run: Run) -> Result:
        def drawn(work: Callable[[], Any]) -> Any:
            try:
                with _offset_told(statement):
                    return self._do(work, run, statement.text)
            except BaseException:
                self._finish(run)  # nobody may read on, so that calls in back-off have no more use
                raise

        def pull() -> pa.RecordBatch | None:
            found: pa.RecordBatch | None = drawn(lambda: next(reader, None))
            return found

        def pull_all() -> pa.Table:
            return drawn(lambda: read_all_batches(reader))

        def end() -> None:
            run.cancel()
            self._worker.call(reader.close, lambda: None)
            self._finish(run)

        return Result(reader.schema, pull, pull_all, end, run)

    @property
    def progress(self) -> Progress | None:
        """How far the statement under way is; `None` while there is none. May be asked by any thread."""
        run = self._run
        return run.progress if run else None

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What became of each row of the last statement that made calls or was to write; empty if it wrote none."""
        return tuple(self._last.outcomes) if self._last else ()

    @property
    def calls(self) -> list[CallRecord]:
        """The API calls of the last statement, also of one that failed or was cancelled."""
        return list(self._latest.calls) if self._latest else []

    # What may be written

    def checkup(self, like: str = "%") -> Iterator[Finding]:
        """Checks of credentials, region, endpoint, identity, clock, and what may be read and written.

        Args:
            like: SQL pattern for the full names of the tables to check; without a %, a part of them.
        """
        from sqlprov.aws.diagnostics import checkup
        from sqlprov.local import LOCAL_REGION
        from sqlprov.sql.show import is_like

        self._check()
        wild = like if "%" in like else f"%{like}%"
        names = [
            (*place, name) for name, places in self.catalog.services_by_table.items() for place in places
        ]
        tables = [self.catalog.get_table(*name) for name in sorted(names) if is_like(".".join(name), wild)]
        cloud = self._session.cloud
        endpoint = cloud.endpoint_url or os.environ.get("AWS_ENDPOINT_URL") or "AWS"
        run = Run(self.settings)
        try:
            region = next(iter(self.regions), None)
        except CredentialsError:
            region = None  # there is no such profile, which the first check tells
        try:
            yield from checkup(run, cloud, region, tables, endpoint, LOCAL_REGION if self._emulator else None)
        finally:
            run.finish()

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions of a statement that names none; empty if there is none."""
        return self._session.regions(EVERYWHERE, Run(self.settings)).default

    @property
    def catalog(self) -> Catalog:
        """The providers, services, tables and regions."""
        return self._session.catalog

    def vocabulary(self) -> Vocabulary:
        """The words that may be written: DuckDB's, and its own tables; not while a statement is under way."""
        from sqlprov.duck.vocabulary import read_vocabulary

        self._check()
        self._close_result()
        live = (*self.catalog.list_providers(), OWN)
        return self._worker.call(
            lambda: read_vocabulary(self._cursor.duck, self._cursor.path(), live), self._cursor.duck.interrupt
        )

    # Running and ending

    def _do(self, work: Callable[[], Any], run: Run, text: str) -> Any:
        """`work` on the driver's thread, with its error as the one it really was."""
        try:
            return self._worker.call(
                work, lambda: self._interrupt(run), lambda: LET_END if run.writing else INTERRUPT_GRACE
            )
        except KeyboardInterrupt:
            self._finish(run)
            raise
        except Error:
            raise
        except Exception as error:
            if run.cancelled.is_set():
                raise Cancelled("The statement was cancelled.") from None
            if run.error is not None:
                raise run.error from None
            if isinstance(error, OSError | pa.ArrowException):
                error = restore_type(error)
            if isinstance(error, duckdb.Error):
                raise translate(error, text) from None
            raise

    def _interrupt(self, run: Run) -> None:
        run.cancel()
        with suppress(duckdb.ConnectionException):  # closed meanwhile, with the connection that made this one
            self._cursor.duck.interrupt()

    def cancel(self) -> None:
        """End the statement under way, and its calls; from any thread. It then raises Cancelled."""
        if run := self._run:
            self._interrupt(run)

    def _finish(self, run: Run) -> None:
        run.finish()
        if self._session.runs.get(run.id) is run:
            del self._session.runs[run.id]
        self._cursor.release(run)
        if (
            run.calls or run.writes
        ):  # else the outcomes of an earlier write would pass for those of a refused one
            run.before, self._last = None, run
        if self._run is run:
            self._run = None

    def _close_result(self) -> None:
        result, self._result = self._result, None
        if result is not None:
            result.close()

    # Parameters

    def _check_parameters(self, statements: list[Statement], parameters: Parameters) -> None:
        if isinstance(parameters, Mapping):
            used = {name for statement in statements for name in self._cursor.parameter_names(statement.text)}
            for name in parameters:
                if name not in used:
                    there = f" There is {', '.join(f'${each}' for each in sorted(used))}." if used else ""
                    raise ProgrammingError(
                        f"No statement has a parameter ${name}.{suggest(name, used) or there}"
                    )

    # Transactions

    @property
    def in_transaction(self) -> bool:
        """Whether a BEGIN of this cursor waits for its COMMIT or ROLLBACK."""
        return self._cursor.in_transaction

    def commit(self) -> None:
        """Commit what was begun with BEGIN, here and on the cursors of this connection; without it nothing is done.

        Only tables of DuckDB take part: a write to the cloud is refused within BEGIN.

        Raises:
            Error: a transaction met an error before, or another one; it is to be rolled back.

        >>> con = connect()
        >>> con.execute("BEGIN; CREATE TABLE kept AS SELECT 1 AS n").rowcount
        1
        >>> con.commit()
        >>> con.cursor().execute("SELECT n FROM kept").fetchall()
        [(1,)]
        """
        self._end("COMMIT")

    def rollback(self) -> None:
        """Undo what was begun with BEGIN, here and on the cursors of this connection; without it nothing is done."""
        self._end("ROLLBACK")

    def _end(self, verb: str) -> None:
        self._check()
        for each in (self, *self._its_cursors()):
            if each is not self:
                each._end(verb)
            elif self._cursor.in_transaction:
                self.sql(verb)

    # Cursors and the end

    @property
    def connection(self) -> Connection:
        """The connection that made this cursor; itself, if `connect` made it."""
        return self._parent or self

    def cursor(self) -> Connection:
        """Another connection to the same tables and database, with these settings; for another thread.

        >>> with connect() as con, con.cursor() as cursor:
        ...     cursor.execute("SELECT 42 AS n").columns
        ['n']
        """
        self._check()
        made = Connection(self._session, self.settings, parent=self)
        with self._changing:
            self._cursors.add(made)
        return made

    def _its_cursors(self) -> list[Connection]:
        with self._changing:
            return [cursor for cursor in self._cursors if not cursor._closed]

    def close(self) -> None:
        """End the statement under way and its cursors; the one that `connect` made ends all. Twice is harmless."""
        with self._changing:  # of a connection and its cursor that nobody holds each is closed by a thread
            if self._closed:
                return
            self._closed = True
        for cursor in self._its_cursors():
            cursor.close()
        self.cancel()
        self._close_result()
        self._worker.close()
        self._cursor.duck.close()
        if self._owner:
            self._session.close()
            if self._emulator is not None:
                self._emulator.stop()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            # Whoever frees it may be one of the threads that `close` waits for, or hold a lock that it takes.
            closing = threading.Thread(target=self.close, name="sqlprov-close", daemon=True)
            with suppress(RuntimeError):  # the interpreter is at its end already
                closing.start()
                _closing.add(closing)

    def _check(self) -> None:
        if self._closed:
            raise InterfaceError("The connection is closed.")

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _variables(frame: FrameType) -> Mapping[str, Any]:
    """What can be named where `frame` is."""
    return ChainMap(frame.f_locals, frame.f_globals)

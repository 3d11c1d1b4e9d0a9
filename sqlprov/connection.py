"""SQL text in, Results out: the line that every front end rides."""

from __future__ import annotations

import atexit
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from sqlprov.catalog import Catalog
from sqlprov.cloud.clients import Cloud
from sqlprov.cloud.run import Run
from sqlprov.engine import scoping
from sqlprov.engine.driver import Driver
from sqlprov.engine.explain import explained, scans
from sqlprov.engine.faults import missing_words, missing_relation, translated, unknown_live
from sqlprov.engine.guard import refuse
from sqlprov.engine.result import NO_ROWS, Result
from sqlprov.engine.session import VARIABLE, Session
from sqlprov.errors import Cancelled, Error, InterfaceError, NotSupportedError, ProgrammingError, nearest
from sqlprov.settings import Settings
from sqlprov.statements import Answered, Explain, Query, SetSetting, Statement, parse

if TYPE_CHECKING:
    from sqlprov.emulator import Emulator

BATCH = 2048
"""Rows that DuckDB hands on at a time while a result is read bit by bit."""
LOCAL_CREDENTIALS = ("local", "local")
"""The local SageMaker accepts any; these keep boto3 from looking for real ones."""
WITHOUT_ROWS = frozenset(
    {"INSERT", "UPDATE", "DELETE", "CREATE", "COPY", "DROP", "ALTER", "EXPORT", "IMPORT", "MERGE", "TRUNCATE"}
)
"""Verbs whose single column `Count` tells how many rows were changed."""

READS = frozenset(
    {"SELECT", "FROM", "VALUES", "PIVOT", "UNPIVOT", "SUMMARIZE", "DESCRIBE", "SHOW", "SET", "USE"}
)
"""Verbs that make and drop nothing."""

NO_READING = frozenset({"BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SET", "RESET", "USE", "DETACH"})
"""Verbs that read no table; in an aborted transaction nothing but these may be run."""

_open: weakref.WeakSet[Connection] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    # DuckDB complains on stderr about connections that outlive the interpreter.
    for connection in list(_open):
        connection.close()


Parameters = Mapping[str, Any] | Sequence[Any] | None


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
        read_only: open the file read-only.
        settings: further settings, by name with or without `sqlprov_`, as SET writes them.

    Raises:
        ProgrammingError: the database cannot be opened.
        CredentialsError: the profile does not exist.
        UnknownName, DataError: a setting that does not exist or does not fit.
    """
    chosen = Settings()
    if region is not None:
        chosen = chosen.changed("regions", region if isinstance(region, str) else ",".join(region))
    for name, value in (settings or {}).items():
        chosen = chosen.changed(name, str(value))
    emulator = None
    cloud = Cloud(profile=profile, endpoint_url=endpoint_url)
    if local:
        if endpoint_url or profile:
            raise InterfaceError("local=True takes neither endpoint_url nor profile.")
        from sqlprov.local import local_endpoint

        emulator = local_endpoint()
        cloud = Cloud(endpoint_url=emulator.url, credentials=LOCAL_CREDENTIALS)
    try:
        session = Session(Catalog(), cloud, database, read_only)
    except BaseException:
        if emulator:
            emulator.stop()
        raise
    return Connection(session, chosen, emulator, owner=True)


class Connection:
    """Runs statements one after another; made by `connect`, or by `cursor` for another thread.

    A connection serves one thread at a time; `cancel` may be called from any.
    """

    def __init__(
        self, session: Session, settings: Settings, emulator: Emulator | None = None, *, owner: bool = False
    ) -> None:
        self.settings = self._initial = settings
        self._session, self._emulator, self._owner = session, emulator, owner
        self._duck = session.cursor()
        self._definitions = scoping.Definitions(session, self._duck)
        self._driver = Driver()
        self._result: Result | None = None
        self._run: Run | None = None
        self._last: Run | None = None
        # Name of a prepared statement -> why its demands have no scope without a region condition.
        self._prepared: dict[str, str | None] = {}
        self._closed = False
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
        """
        caller = sys._getframe(1)
        result = None
        for result in self._results(text, parameters, caller):
            pass
        if result is None:
            raise ProgrammingError("There is no statement in the text.")
        return result

    execute = sql

    def run(self, script: str, parameters: Parameters = None) -> Iterator[Result]:
        """The result of each statement of `script`, each run when the one before has been taken.

        Raises:
            Error: what a statement met; those after it are not run.
        """
        return self._results(script, parameters, None)

    def _results(self, text: str, parameters: Parameters, caller: FrameType | None) -> Iterator[Result]:
        self._check()
        statements = parse(text)
        self._check_parameters(statements, parameters)
        for statement in statements:
            self._check()
            yield self._answer(statement, parameters, caller)

    def _answer(self, statement: Statement, parameters: Parameters, caller: FrameType | None) -> Result:
        self._close_result()
        run = Run(self.settings, before=self._last)
        if isinstance(statement, SetSetting):
            return self._set(statement, run)
        if isinstance(statement, Answered):
            path = self._driver.do(self._path, lambda: None)
            if statement.applies(self._session.catalog, path):
                return Result.of(statement.answer(self._session.catalog, self.settings, path), run)
            statement = Query(statement.text, statement.offset)
        work: Callable[[], Result]
        if isinstance(statement, Explain):
            inner = statement.inner
            work = lambda: self._explain(inner, parameters, caller, run)  # noqa: E731
        else:
            assert isinstance(statement, Query), "every other kind is handled above"
            query = statement
            work = lambda: self._query(query, parameters, caller, run)  # noqa: E731
        self._run = run
        self._session.runs[run.id] = run
        try:
            self._result = self._do(work, run, statement.text)
        except BaseException:
            self._finish(run)
            raise
        return self._result

    def _set(self, statement: SetSetting, run: Run) -> Result:
        if statement.value is None:
            self.settings = self.settings.reset(statement.name, self._initial)
        else:
            self.settings = self.settings.changed(statement.name, statement.value)
        return Result.of(NO_ROWS.empty_table(), run)

    # On the driver's thread

    def _query(self, query: Query, parameters: Parameters, caller: FrameType | None, run: Run) -> Result:
        refuse(query, self._session.catalog, self._path)
        if query.verb in ("BEGIN", "START"):
            self._session.register_all(services=True)
        text = self._prepare(query, run)
        try:
            relation = self._bound(text, parameters, caller, run)
        finally:
            self._session.changes += query.verb not in READS
        if relation is None or relation.columns == ["Success"]:
            self._finish(run)
            return Result.of(NO_ROWS.empty_table(), run)
        reader = relation.to_arrow_reader(BATCH)
        if relation.columns == ["Count"] and query.verb in WITHOUT_ROWS:
            changed = reader.read_all()
            self._finish(run)
            result = Result.of(NO_ROWS.empty_table(), run)
            result.rowcount = changed.column(0)[0].as_py() if changed.num_rows else -1
            return result
        return self._stream(reader, query.text, run)

    def _explain(self, query: Query, parameters: Parameters, caller: FrameType | None, run: Run) -> Result:
        if query.pivot_without_in:
            raise NotSupportedError(
                "EXPLAIN of a PIVOT without IN would read the table to learn its columns: "
                "name them, as in PIVOT t ON status IN ('Running', 'Completed')."
            )
        refuse(query, self._session.catalog, self._path)
        text = self._prepare(query, run)
        relation = self._bound(f"EXPLAIN (FORMAT json) {text}", parameters, caller, run)
        plan = relation.fetchall()[0][1] if relation is not None else "[]"
        plans = list(scans(self._session, plan, run))
        relation = self._bound(f"EXPLAIN {text}", parameters, caller, run)
        duck_plan = relation.fetchall()[0][1] if relation is not None else ""
        self._finish(run)
        planned = tuple(call for each, _ in plans for call in each.calls())
        return Result.of(explained(plans, duck_plan), run, planned)

    def _prepare(self, query: Query, run: Run) -> str:
        """Make the live tables of a query exist; its text, with the regions that only we can tell."""
        self._session.register(query.words)
        if "information_schema" in query.words or any(word.startswith("duckdb_") for word in query.words):
            self._session.register_all()
        if query.verb in NO_READING:
            return query.text
        asked, before = query.prepared
        if query.verb == "EXECUTE" and asked in self._prepared:
            run.unresolved = self._prepared[asked]
            return query.text
        text, run.unresolved = scoping.scoped(
            query.text[before:], self._session, self._definitions, self._path, run
        )
        if query.verb == "PREPARE":
            self._prepared[asked] = run.unresolved
        return query.text[:before] + text

    def _bound(
        self, text: str, parameters: Parameters, caller: FrameType | None, run: Run
    ) -> duckdb.DuckDBPyRelation | None:
        """Have DuckDB bind `text`, and bring what it misses: live tables, and variables of the caller."""
        try:
            self._duck.execute(f"SET VARIABLE {VARIABLE} = '{run.id}'")
        except duckdb.TransactionException:
            pass  # aborted: the statement itself will say so, unless it is the ROLLBACK
        bound = self._parameters(text, parameters)
        while True:
            try:
                return self._duck.sql(text, params=bound)
            except duckdb.Error as error:
                if self._session.register(missing_words(error)) or self._adopt(error, caller, run):
                    continue
                known = self._session.catalog
                raise unknown_live(error, text, known, self._path_or_none) or error from None

    def _adopt(self, error: duckdb.Error, caller: FrameType | None, run: Run) -> bool:
        """Make a variable of the caller a relation for this statement, if that is what was missing."""
        name = missing_relation(error)
        if not name or caller is None or name in run.adopted:
            return False
        found = caller.f_locals.get(name, caller.f_globals.get(name))
        if found is None:
            return False
        try:
            self._duck.register(name, found)
        except (duckdb.Error, TypeError):
            return False
        run.adopted.append(name)
        return True

    def _stream(self, reader: pa.RecordBatchReader, text: str, run: Run) -> Result:
        def pull() -> pa.RecordBatch | None:
            return self._do(lambda: next(reader, None), run, text)

        def pull_all() -> pa.Table:
            return self._do(reader.read_all, run, text)

        def end() -> None:
            run.cancel()
            self._driver.do(reader.close, lambda: None)
            self._finish(run)

        return Result(reader.schema, pull, pull_all, end, run)

    def _path(self) -> tuple[str, ...]:
        """What USE chose: catalog and schema."""
        found = self._duck.execute("SELECT current_database(), current_schema()").fetchone()
        return tuple(found or ())

    def _path_or_none(self) -> tuple[str, ...]:
        try:
            return self._path()
        except duckdb.Error:  # an aborted transaction answers nothing
            return ()

    # Running and ending

    def _do(self, work: Callable[[], Any], run: Run, text: str) -> Any:
        """`work` on the driver's thread, with its error as the one it really was."""
        try:
            return self._driver.do(work, lambda: self._interrupt(run))
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
            if isinstance(error, duckdb.Error):
                raise translated(error, text) from None
            raise

    def _interrupt(self, run: Run) -> None:
        run.cancel()
        self._duck.interrupt()

    def cancel(self) -> None:
        """End the statement under way, and its calls; from any thread. It then raises Cancelled."""
        if run := self._run:
            self._interrupt(run)

    def _finish(self, run: Run) -> None:
        run.finish()
        self._session.runs.pop(run.id, None)
        for name in run.adopted:
            self._duck.unregister(name)
        run.adopted.clear()
        if run.calls:
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
            used = {name for statement in statements for name in self._names(statement.text)}
            for name in parameters:
                if name not in used:
                    raise ProgrammingError(f"No statement has a parameter ${name}.{nearest(name, used)}")

    def _parameters(self, text: str, parameters: Parameters) -> Any:
        if not isinstance(parameters, Mapping):
            return list(parameters) if parameters else None
        names = self._names(text)
        return {name: value for name, value in parameters.items() if name in names} or None

    def _names(self, text: str) -> frozenset[str]:
        try:
            statements = self._duck.extract_statements(text)
        except duckdb.Error:
            return frozenset()
        return frozenset(name for statement in statements for name in statement.named_parameters)

    # Cursors and the end

    def cursor(self) -> Connection:
        """Another connection to the same tables and database, with these settings; for another thread."""
        self._check()
        return Connection(self._session, self.settings)

    def close(self) -> None:
        """End the statement under way; on the connection that `connect` made, end all. Twice is harmless."""
        if self._closed:
            return
        self._close_result()
        self._closed = True
        self._driver.close()
        self._duck.close()
        if self._owner:
            self._session.close()
            if self._emulator is not None:
                self._emulator.stop()

    def _check(self) -> None:
        if self._closed:
            raise InterfaceError("The connection is closed.")

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

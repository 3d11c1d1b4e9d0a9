"""Runs statements on a worker thread, streams their rows, and stops them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from sqlprov.api.result import NO_ROWS, Result
from sqlprov.api.worker import INTERRUPT_GRACE, Worker
from sqlprov.aws.transport.run import LET_END, Run
from sqlprov.duck.binder import Bindings
from sqlprov.duck.cursor import Asking, Cursor, Pending
from sqlprov.duck.errors import translate
from sqlprov.duck.interrupts import interrupt
from sqlprov.errors import Cancelled, Error, InternalError
from sqlprov.sql import CatalogStatement, Query, SetSetting, Show, Statement

if TYPE_CHECKING:
    from sqlprov.aws.transport.engine import ScanEngine
    from sqlprov.duck.session import Session
    from sqlprov.plan.read.scan_task import Pairs
    from sqlprov.settings import Settings

T = TypeVar("T")
CHUNK_ROWS = 4096
"""Rows in one chunk of a table, at least. While batches are combined they take three times their memory."""


@contextmanager
def locate_errors(statement: Statement) -> Iterator[None]:
    """Set an error's offset to that of the statement in its script."""
    try:
        yield
    except Error as error:
        error.offset = statement.offset
        raise


class StatementRunner:
    """Runs a connection's statements one after another.

    Attributes:
        cursor: the DuckDB connection that they run on.
        current: the run that is not finished; `None` between statements.
        latest: the last run; `None` before the first.
        latest_with_calls: the last run that made calls or would have written, for sqlprov.errors and sqlprov.outcomes.
        within: (account, region) of the only places that its statements read; `None` for no limit.
    """

    within: frozenset[tuple[str, str]] | None = None

    def __init__(self, session: Session) -> None:
        self.cursor = Cursor(session)
        self.current: Run | None = None
        self.latest: Run | None = None
        self.latest_with_calls: Run | None = None
        self._session = session
        self._worker = Worker()

    def run(
        self,
        statement: Statement,
        settings: Settings,
        bindings: Bindings,
        dry_run: bool,
        asking: Asking | None,
        engine: ScanEngine | None = None,
    ) -> Result:
        """Run a statement until its first rows can be read; SetSetting needs no run.

        Raises:
            Cancelled: the write was not confirmed; nothing was written.
            Error: the statement failed.
        """
        self._session.reveal(statement.text)
        self._session.accounts.renew()
        run = self.latest = Run(
            settings,
            id=self.cursor.binder.id,
            previous=self.latest_with_calls,
            within=self.within,
            engine=engine,
        )
        if (rows := self._answer_from_catalog(statement, settings, bindings)) is not None:
            run.finish()
            return Result.of(rows, run)
        if isinstance(statement, CatalogStatement):
            statement = Query(statement.text, statement.offset)
        self.current = run
        try:
            answer = self._call_interruptibly(
                lambda: self.cursor.answer(statement, bindings, run, dry_run=dry_run, asking=asking),
                run,
                statement,
            )
            if isinstance(answer, Pending):
                assert asking is not None, "only then a write waits"
                began = time.monotonic()
                if not asking.confirm(answer.preview):
                    raise Cancelled("Not confirmed; nothing was written.")
                # The time that the user takes to answer does not count.
                run.log.start_time += time.monotonic() - began
                answer = self._call_interruptibly(answer.write, run, statement)
        except BaseException:
            self._finish(run)
            raise
        if isinstance(answer.rows, pa.RecordBatchReader):
            return self._stream(answer.rows, answer.types, statement, run)
        self._finish(run)
        rows = NO_ROWS.empty_table() if answer.rows is None else answer.rows
        result = Result.of(rows, run, answer.planned, answer.types)
        result.rowcount = answer.rowcount
        return result

    def split(self, query: Query, settings: Settings) -> tuple[pa.Schema, Pairs]:
        """The columns of a query, and the (account, region) pairs that it reads.

        Raises:
            NotSupportedError: the query needs the rows of several places together.
            Error: as `run`.
        """
        self._session.reveal(query.text)
        self._session.accounts.renew()
        run = self.current = self.latest = Run(settings, id=self.cursor.binder.id)
        try:
            schema, places = self._call_interruptibly(lambda: self.cursor.split(query, run), run, query)
        finally:
            self._finish(run)
        pairs = ((str(place["account"]), str(place["region"])) for each in places for place in each)
        return schema, tuple(dict.fromkeys(pairs))

    def _answer_from_catalog(
        self, statement: Statement, settings: Settings, bindings: Bindings
    ) -> pa.Table | None:
        """The rows of a statement that needs neither DuckDB nor a call; `None` for others."""
        if isinstance(statement, SetSetting):
            return NO_ROWS.empty_table()
        if not isinstance(statement, CatalogStatement):
            return None
        catalog = self._session.catalog
        path = self.call(self.cursor.binder.read_path)
        if path[:1] and path[0] not in catalog.list_providers():
            path = ()  # USE chose one of DuckDB's own databases
        if not statement.is_ours(catalog, path):
            return None
        from sqlprov.duck.vocabulary import read_keywords

        rows = statement.answer(catalog, settings, path, read_keywords)
        if isinstance(statement, Show) and statement.rest:
            kind, text, rest = statement.kind, statement.text, statement.rest
            return self.call(lambda: self.cursor.binder.select_from(rows, kind, text, rest, bindings))
        return rows

    def _stream(
        self, reader: pa.RecordBatchReader, types: tuple[Any, ...], statement: Statement, run: Run
    ) -> Result:
        def read(work: Callable[[], T]) -> T:
            try:
                with locate_errors(statement):
                    return self._call_interruptibly(work, run, statement)
            except BaseException:
                self._finish(run)  # nobody can read further rows, and waiting retries would be useless
                raise

        def end() -> None:
            run.cancel()
            self.call(reader.close)
            self._finish(run)

        return Result(
            reader.schema,
            lambda: read(lambda: next(reader, None)),
            lambda: read(lambda: read_all_batches(reader)),
            end,
            run,
            types=types,
        )

    def call(self, work: Callable[[], T]) -> T:
        """Run `work` on the worker thread and return its result; everything that uses `cursor` has to run there."""
        return self._worker.call(work)

    def _call_interruptibly(self, work: Callable[[], T], run: Run, statement: Statement) -> T:
        """As `call`, for a statement that can be interrupted; an error is raised as it was before DuckDB wrapped it."""

        def interrupt() -> float:
            self._interrupt(run)
            return LET_END if run.cancellation.is_writing else INTERRUPT_GRACE

        try:
            return self._worker.call(work, interrupt)
        except KeyboardInterrupt:
            self._finish(run)
            raise
        except Exception as error:
            first: BaseException = error
            if not isinstance(error, Error):
                if run.cancellation.is_cancelled:
                    raise Cancelled("The statement was cancelled.") from None
                text, binder = statement.text, self.cursor.binder
                first = run.error or translate(
                    error, text, lambda: self.call(lambda: binder.find_tables(Query(text, 0)))
                )
            # The way through our threads helps only to find a bug.
            raise (first if isinstance(first, InternalError) else first.with_traceback(None)) from None

    def _interrupt(self, run: Run) -> None:
        run.cancel()
        interrupt(self.cursor.binder.duck)

    def cancel(self) -> None:
        """Stop the current statement and its calls, from any thread."""
        if run := self.current:
            self._interrupt(run)

    def close(self) -> None:
        """End the worker thread and the DuckDB connection."""
        self._worker.close()
        self.cursor.binder.duck.close()

    def _finish(self, run: Run) -> None:
        run.finish()
        if self._session.scans.runs.get(run.id) is run:
            del self._session.scans.runs[run.id]
        self.cursor.binder.release(run)
        if (
            run.log.calls or run.is_write
        ):  # including a refused write: it must not show an earlier one's outcomes
            run.previous, self.latest_with_calls = None, run
        if self.current is run:
            self.current = None


def read_all_batches(reader: pa.RecordBatchReader) -> pa.Table:
    """Read a stream to its end; small batches, whose buffers take twice the memory, are combined on the way."""
    # Arrow's own pool keeps freed memory, a fifth more for the process.
    pool = pa.system_memory_pool()
    chunks: list[pa.Table] = []
    batches: list[pa.RecordBatch] = []
    rows = 0
    for batch in reader:
        batches.append(batch)
        rows += batch.num_rows
        if rows >= CHUNK_ROWS:
            chunks.append(pa.Table.from_batches(batches, reader.schema).combine_chunks(pool))
            batches, rows = [], 0
    chunks.append(pa.Table.from_batches(batches, reader.schema).combine_chunks(pool))
    return pa.concat_tables(chunks)

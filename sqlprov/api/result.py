"""The result of a statement: its rows as Arrow, Python, pandas or polars, and the calls behind them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import islice, repeat
from operator import index
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar

import pyarrow as pa

from sqlprov.api.arguments import check_argument
from sqlprov.api.tracebacks import cut_traceback
from sqlprov.aws.transport.call_log import CallRecord, MissingRows, Progress
from sqlprov.aws.transport.run import Run
from sqlprov.duck.python_values import find_converters, name_type, to_python
from sqlprov.errors import DataError, InterfaceError, NotSupportedError, format_count

if TYPE_CHECKING:
    from sqlprov.plan.read import PlannedCall

T = TypeVar("T")
NO_ROWS = pa.schema([])


class Result:
    """The rows of one statement. They can be read once, as they arrive; after `keep`, any number of times.

    Rows are fetched while they are read: any method that reads can raise the error of a call.
    A notebook shows the result as a table, without consuming its rows.
    The next statement on the same cursor closes the result.

    Attributes:
        schema: names and Arrow types of the columns; empty if the statement returns no rows.
        planned: the calls that EXPLAIN predicts; empty for other statements.
        rowcount: rows that INSERT, UPDATE, DELETE, CREATE TABLE AS or COPY changed; -1 for other statements.
        rows_read: rows read so far.
    """

    def __init__(
        self,
        schema: pa.Schema,
        pull: Callable[[], pa.RecordBatch | None],
        pull_all: Callable[[], pa.Table],
        end: Callable[[], None],
        run: Run,
        planned: tuple[PlannedCall, ...] = (),
        types: tuple[Any, ...] = (),
    ) -> None:
        self.schema = schema
        self.planned = planned
        self.rowcount = -1
        self.rows_read = 0
        self._pull, self._pull_all, self._end, self._run = pull, pull_all, end, run
        self._types = types
        self._rows: Iterator[tuple[Any, ...]] | None = None
        # Read, but not consumed yet.
        self._unread: deque[pa.RecordBatch] = deque()
        self._kept: pa.Table | None = None
        # The batch that `fetchone` reads, and how many of its rows it has returned.
        self._current: pa.RecordBatch | None = None
        self._position = 0
        self._connection: object = None
        self._closed = False
        self._exhausted = False
        self._error: Exception | None = None  # that ended the rows; every later read raises it again

    @classmethod
    def of(
        cls,
        table: pa.Table,
        run: Run,
        planned: tuple[PlannedCall, ...] = (),
        types: tuple[Any, ...] = (),
    ) -> Result:
        """A result whose rows are in memory."""
        batches = iter(table.to_batches())
        return cls(
            table.schema,
            lambda: next(batches, None),
            lambda: pa.Table.from_batches(batches, schema=table.schema),
            lambda: None,
            run,
            planned,
            types,
        )

    # The work

    @property
    def has_rows(self) -> bool:
        """Whether the statement returns rows; SET, CREATE TABLE and the like do not."""
        return len(self.schema) > 0

    @property
    def calls(self) -> list[CallRecord]:
        """The API calls made so far, in the order they ended."""
        return list(self._run.log.calls)

    @property
    def errors(self) -> list[MissingRows]:
        """The reads that failed so far, under `sqlprov_on_error = 'warn'`."""
        return list(self._run.log.missing)

    @property
    def outcomes(self) -> list[Any]:
        """The outcome of each row that the statement wrote."""
        return list(self._run.outcomes)

    @property
    def warnings(self) -> list[str]:
        """Warnings that did not stop the statement, such as a value that botocore's model does not list."""
        return list(self._run.warnings)

    @property
    def complete(self) -> bool:
        """Whether every read so far succeeded."""
        return not self._run.log.missing

    @property
    def age(self) -> float | None:
        """Seconds since the oldest reply was read that `sqlprov_cache` kept; `None` if none was used so far."""
        return self._run.log.age

    @property
    def progress(self) -> Progress:
        """The calls and rows so far. Any thread may read it."""
        return self._run.log.progress

    @property
    def summary(self) -> str:
        """One line: rows, calls and seconds; age, throttles, unread and missing rows if there are any."""
        done = self._run.log.progress
        rows = f"{format_count(self.rowcount, 'row')} changed" if self.rowcount >= 0 else ""
        if self.has_rows and not rows:
            rows = format_count(self.rows_read, "row")
        ending = "not read to the end" if self.has_rows and not self._exhausted else ""
        if self._run.log.missing:
            ending = f"incomplete: {format_count(len(self._run.log.missing), 'read')} failed"
        parts = (
            rows,
            format_count(done.calls, "call"),
            f"{done.seconds:.2f} s",
            "" if self.age is None else f"up to {self.age:.0f} s old",
            format_count(done.throttles, "throttle") if done.throttles else "",
            ending,
        )
        return ", ".join(part for part in parts if part)

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.schema.names)

    @property
    def types(self) -> list[str]:
        """DuckDB's names of the columns' types, such as `DECIMAL(10,3)`; empty if the rows are not DuckDB's."""
        return list(map(str, self._types))

    @property
    def description(self) -> list[tuple[Any, ...]] | None:
        """PEP 249: (name, type, None, None, None, None, None) for each column; `None` without rows."""
        if not self.has_rows:
            return None
        types = map(name_type, self.schema.types, self._types or repeat(None))
        return [
            (name, kind, None, None, None, None, None)
            for name, kind in zip(self.schema.names, types, strict=True)
        ]

    # Rows

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The remaining rows, batch by batch, as they arrive.

        Raises:
            InterfaceError: the result is closed.
            Error: the statement failed.
        """
        if self._kept is not None:
            yield from self._kept.to_batches()
            return
        self._put_back()
        while True:
            if not self._exhausted:
                self._check_open()
            batch = self._unread.popleft() if self._unread else self._pull_batch()
            if batch is None:
                return
            yield batch

    def _put_back(self) -> None:
        """Put back the rows of the current batch that `fetchone` did not return."""
        if self._current is not None:
            rest, self._current, self._rows = self._current.slice(self._position), None, None
            if rest.num_rows:
                self._unread.appendleft(rest)

    def _pull_batch(self) -> pa.RecordBatch | None:
        """The next batch with rows; `None` after the last."""
        while not self._exhausted:
            batch = self._read(self._pull)
            if batch is None:
                self._exhausted = True
                self._end()
            elif batch.num_rows:
                self.rows_read += batch.num_rows
                return batch
        return None

    def _read(self, pull: Callable[[], T]) -> T:
        if self._error is not None:
            raise self._error
        try:
            return pull()
        except Exception as error:
            self._error = error
            raise

    def peek(self, rows: int) -> pa.Table:
        """The next `rows` rows, or fewer at the end, without consuming them.

        Raises:
            Error: the statement failed.
        """
        if self._kept is not None:
            return self._kept.slice(0, rows)
        self._put_back()
        while not self._closed and sum(batch.num_rows for batch in self._unread) < rows:
            batch = self._pull_batch()
            if batch is None:
                break
            self._unread.append(batch)
        return pa.Table.from_batches(self._unread, schema=self.schema).slice(0, rows)

    def keep(self) -> Result:
        """Read the remaining rows into memory, where they can be read any number of times; return the result.

        Raises:
            InterfaceError: the result is closed.
            Error: the statement failed.
        """
        self._kept = self.arrow()
        return self

    def reader(self) -> pa.RecordBatchReader:
        """The remaining rows as an Arrow stream.

        >>> import sqlprov
        >>> with sqlprov.connect().sql("SELECT * FROM range(5000)").reader() as reader:
        ...     sum(batch.num_rows for batch in reader)
        5000
        """
        return pa.RecordBatchReader.from_batches(self.schema, self.batches())

    @cut_traceback
    def arrow(self) -> pa.Table:
        """The remaining rows as an Arrow table.

        >>> import sqlprov
        >>> sqlprov.connect().sql("SELECT 42 AS n").arrow().to_pylist()
        [{'n': 42}]
        """
        if self._kept is not None:
            return self._kept
        self._put_back()
        rest = self.schema.empty_table()
        if not self._exhausted:
            self._check_open()
            rest = self._read(self._pull_all)
            self.rows_read += rest.num_rows
            self._exhausted = True
            self._end()
        if not self._unread:
            return rest
        first = pa.Table.from_batches(self._unread, schema=self.schema)
        self._unread.clear()
        return pa.concat_tables([first, rest])

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """The Arrow PyCapsule interface, which pandas, polars, DuckDB and others read without a copy.

        >>> import polars, sqlprov
        >>> polars.DataFrame(sqlprov.connect().sql("SELECT 42 AS n"))["n"].to_list()
        [42]
        """
        return self.reader().__arrow_c_stream__(requested_schema)

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row; `None` after the last."""
        self._rows = self._rows or self._convert_rows()
        try:
            return next(self._rows, None)
        except Exception:
            self._rows = None
            raise

    @cut_traceback
    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        """The next `size` rows, or fewer at the end; an InterfaceError if it is not a number from 0 on."""
        check_argument("size", size, SupportsIndex, "a number of rows")
        if index(size) < 0:
            raise InterfaceError(f"size is a number of rows, not {size}.")
        return list(islice(iter(self.fetchone, None), size))

    @cut_traceback
    def fetchall(self) -> list[tuple[Any, ...]]:
        """The remaining rows, with the values of DuckDB's own `fetchall()`: a STRUCT or MAP as dict, a HUGEINT as int.

        >>> import sqlprov
        >>> sqlprov.connect().sql("SELECT {'a': [1, 2]} AS s").fetchall()
        [({'a': [1, 2]},)]
        """
        return list(self)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self._convert_rows() if self._kept is not None else iter(self.fetchone, None)

    @cut_traceback
    def df(self) -> Any:
        """The remaining rows as a pandas DataFrame; a NotSupportedError if pandas is not installed.

        >>> import sqlprov
        >>> sqlprov.connect().sql("SELECT 42 AS n").df().to_dict("records")
        [{'n': 42}]
        """
        _import("pandas", "'.[notebook]'")
        return self.arrow().to_pandas()

    @cut_traceback
    def pl(self) -> Any:
        """The remaining rows as a polars DataFrame, with equal names numbered; a NotSupportedError without polars.

        >>> import sqlprov
        >>> sqlprov.connect().sql("SELECT 42 AS n").pl().rows()
        [(42,)]
        """
        polars, rows = _import("polars", "polars"), self.arrow()
        from sqlprov.output.values import make_unique

        return polars.from_arrow(rows.rename_columns(make_unique(rows.column_names)))

    def _convert_rows(self) -> Iterator[tuple[Any, ...]]:
        converters = find_converters(self._types) or repeat(None)
        for batch in self.batches():
            try:
                columns = list(map(to_python, batch.columns, converters))
            except DataError:
                if self._kept is None:
                    self._unread.appendleft(batch)
                raise
            if self._kept is None:
                self._current = batch
            for self._position, row in enumerate(zip(*columns, strict=True), start=1):
                yield row
            self._current = None

    def __repr__(self) -> str:
        of = f" of {', '.join(self.columns)}" if self.has_rows else ""
        return f"<Result{of}: {self.summary}>"

    def _repr_html_(self) -> str:
        """A notebook's view: the first rows with nested values folded, the summary, outcomes and calls."""
        from sqlprov.output import html

        rows = self.peek(html.ROWS + 1) if self.has_rows else None
        outcomes = [
            {name: getattr(outcome, name) for name in ("row", "region", "key")}
            | {"status": outcome.status.value, "operations": ", ".join(outcome.operations)}
            | {"reason": outcome.reason}
            for outcome in self.outcomes
        ]
        place = ["account", "region"] if len({call.account for call in self.calls}) > 1 else ["region"]
        columns = ("operation", *place, "parameters", "rows", "attempts", "error")
        calls = [{name: getattr(call, name) for name in columns} for call in self.calls]
        missing = [str(gap.error) for gap in self.errors]
        details = {"outcome": outcomes, "call": calls}
        return html.render(rows, self.summary, warnings=self.warnings, missing=missing, details=details)

    # End

    def close(self) -> None:
        """Stop the statement and its calls; unread rows are lost. Harmless if repeated."""
        if not self._closed:
            self._closed = True
            if not self._exhausted:
                self._end()

    def _check_open(self) -> None:
        if self._closed:
            raise InterfaceError("The result is closed. The next statement on its cursor closes a result.")

    def __enter__(self) -> Result:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _import(library: str, package: str) -> Any:
    try:
        return import_module(library)
    except ImportError:
        raise NotSupportedError(f"{library} is not installed. Run: pip install {package}") from None

"""Starts scans before DuckDB requests them, to read the tables of a statement at the same time.

A scan whose keys a join limits to the values of other tables waits for their rows. They come from threads of their own,
which wait for DuckDB only if their buffer is full. In this case, if there are too many values, or if a table is not
read to its end, the scan reads all keys. If few values are unlikely, it requests its first page in the meantime.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sqlprov.aws.transport.accounts import Accounts
from sqlprov.aws.transport.run import Run

if TYPE_CHECKING:
    from sqlprov.aws.read.fan_out import ReadShared
    from sqlprov.aws.read.scan import TableScan
    from sqlprov.plan.read import ReadPlan
    from sqlprov.plan.read.hints import JoinKey

BUFFER = 16_000_000
"""Bytes of batches that may wait for DuckDB before the scan pauses."""


class Prefetches:
    """The prefetches of every statement of a session."""

    def __init__(self) -> None:
        self._begun: list[Prefetch] = []
        self._lock = threading.Lock()

    def begin(self, plans: Sequence[ReadPlan], run: Run, accounts: Accounts) -> None:
        """Start reading `plans`, until the statement ends; a parent that is one of them is read once.

        Raises:
            BudgetExceeded: the statement may not make as many calls as they need at least together; it makes none.
        """
        prefetches: list[Prefetch] = []

        def read_shared(plan: ReadPlan) -> Iterator[pa.RecordBatch] | None:
            keepers = (each for each in prefetches if each.keeps and each.plan.serves(plan))
            shared = next(keepers, None)
            return shared.read_kept() if shared else None

        from sqlprov.plan.read import count_least_calls
        from sqlprov.plan.read.sharing import share_parents

        def limit(plan: ReadPlan) -> ReadPlan:
            return self.limit(plan, run)

        keys = run.hints.join_keys if run.hints else ()
        sources = {source for key in keys for source in key.sources}
        early = {key.table for key in keys if key.is_unlikely}
        wider, shared = share_parents(plans)
        if not run.settings.cache:
            limited = {key.table for key in keys}
            certain = (plan for plan in wider if plan.table.full_name not in limited)
            run.check_budget(sum(count_least_calls(plan, is_limited=False) for plan in certain))
        for at, plan in enumerate(wider):
            name = plan.table.full_name
            noted = [column for table, column in sources if table == name and column in plan.columns]
            keeps = at in shared
            is_early = (
                name in early and len(plan.steps) == 1 and not plan.lacking
            )  # else several pages may be requested in vain
            prefetches.append(
                Prefetch(plan, run, accounts, read_shared, limit, noted, keeps=keeps, is_early=is_early)
            )
        with self._lock:
            self._begun += prefetches
        run.cancellation.on_cancel(lambda: self._discard(run))
        for prefetch in prefetches:
            prefetch.begin()

    def take(self, plan: ReadPlan, run: Run) -> Prefetch | None:
        """Take the statement's prefetch that serves a scan with this plan; each serves one scan."""
        with self._lock:
            serving = [
                each
                for each in self._begun
                if each.run is run and not each.is_taken and each.plan.serves(plan)
            ]
            # Another scan of the table may need the columns of a wider one.
            prefetch = min(serving, key=lambda each: len(each.plan.columns), default=None)
            if prefetch is not None:
                prefetch.is_taken = True
            return prefetch

    def limit(self, plan: ReadPlan, run: Run) -> ReadPlan:
        """`plan`, limited to the keys in tables that its own is joined with, once their rows are known."""
        from sqlprov.plan.read import FALSE, count_useful_values, limit_plan
        from sqlprov.plan.read.predicate import And, In

        conditions = []
        most = count_useful_values(plan, run.settings.fan_out)
        for key in run.hints.join_keys if run.hints and most else ():
            if key.table == plan.table.full_name:
                values = self._wait_for_values(key, run, most)
                if values is not None:
                    conditions.append(In(key.column, tuple(sorted(values))) if values else FALSE)
        if not conditions:
            return plan
        condition = FALSE if FALSE in conditions else And(tuple(conditions))
        return limit_plan(plan, condition)

    def _wait_for_values(self, key: JoinKey, run: Run, most: int) -> set[Any] | None:
        """The values of the columns that a key is joined with; `None` if they are more than `most`, or not known."""
        values = set[Any]()
        with self._lock:
            of_run = [prefetch for prefetch in self._begun if prefetch.run is run]
        for table, column in key.sources:
            of_table = [prefetch for prefetch in of_run if prefetch.plan.table.full_name == table]
            # A scan that does not ask for the column is another one of the same table.
            scans = [prefetch for prefetch in of_table if column in prefetch.plan.columns]
            if of_table and not scans:
                return None
            for scan in scans:
                some = scan.wait_for_values(column, most)
                if some is None:
                    return None
                values |= some
        return values if len(values) <= most else None

    def _discard(self, run: Run) -> None:
        with self._lock:
            self._begun = [prefetch for prefetch in self._begun if prefetch.run is not run]


class Prefetch:
    """A scan in its own thread, for a plan that DuckDB will read completely.

    Args:
        plan: the calls.
        run: the statement; the scan ends with it.
        accounts: the accounts.
        read_shared: reads a parent that another prefetch reads; returns `None` if none does.
        limit: limits a plan to the keys in other tables, and waits for them.
        noted: columns whose values limit others.
        keeps: whether another prefetch needs its rows, all of them.
        is_early: whether to request the first page before other tables limit the plan.

    Attributes:
        is_taken: whether a scan of DuckDB reads it.
    """

    def __init__(
        self,
        plan: ReadPlan,
        run: Run,
        accounts: Accounts,
        read_shared: ReadShared,
        limit: Callable[[ReadPlan], ReadPlan],
        noted: Collection[str],
        *,
        keeps: bool,
        is_early: bool,
    ) -> None:
        self.plan, self.run, self.keeps, self.is_taken = plan, run, keeps, False
        self._accounts, self._read_shared, self._limit, self._is_early = (
            accounts,
            read_shared,
            limit,
            is_early,
        )
        self._values: dict[str, set[Any]] = {column: set() for column in noted}
        self._kept: list[pa.RecordBatch] = []
        self._changed = threading.Condition()
        self._batches: deque[pa.RecordBatch] = deque()
        self._size = 0
        self._started = self._ended = self._is_complete = self._closed = False
        self._error: BaseException | None = None
        run.cancellation.on_cancel(self._wake)

    def begin(self) -> None:
        """Start reading."""
        threading.Thread(target=self._read, name="sqlprov-prefetch", daemon=True).start()

    def read_kept(self) -> Iterator[pa.RecordBatch]:
        """All its rows, once it has ended, whether DuckDB has read them or not."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self.run.cancellation.is_cancelled)
        self.run.cancellation.check()
        if self._error is not None:
            raise self._error
        yield from self._kept

    def wait_for_values(self, column: str, most: int) -> set[Any] | None:
        """The values of a noted column; `None` if there are more than `most`, or not all rows will be read first."""
        values = self._values[column]

        def is_decided() -> bool:
            is_paused = self._size >= BUFFER and not self.keeps
            return self._ended or is_paused or len(values) > most or self.run.cancellation.is_cancelled

        with self._changed:
            self._changed.wait_for(is_decided)
            return set(values) if self._is_complete and len(values) <= most else None

    def start(self) -> None:
        """Wait for the first reply, and raise its error."""
        with self._changed:
            self._changed.wait_for(lambda: self._started or self._ended or self.run.cancellation.is_cancelled)
        self.run.cancellation.check()
        if self._error is not None and not self._batches:
            raise self._error

    def read_batches(self) -> Iterator[pa.RecordBatch]:
        """As `TableScan.read_batches`."""
        try:
            while (batch := self._next()) is not None:
                yield batch
        finally:
            self._closed = True
            self._wake()

    def _next(self) -> pa.RecordBatch | None:
        with self._changed:
            self._changed.wait_for(lambda: self._batches or self._ended or self.run.cancellation.is_cancelled)
            self.run.cancellation.check()
            if self._batches:
                batch = self._batches.popleft()
                self._size -= batch.nbytes
                self._changed.notify_all()
                return batch
            if self._error is not None:
                raise self._error
            return None

    def _open(self) -> TableScan:
        """The scan after its first reply, limited if its keys are known and few."""
        # Imported on first use: only a statement with a live table needs it.
        from sqlprov.aws.read.scan import TableScan

        scan = TableScan(self.plan, self.run, self._accounts, read_shared=self._read_shared)
        if self.keeps or self._is_early:
            scan.start()
            if self.keeps or not scan.windows:
                return scan  # other scans need all rows, or all have been read
        plan = self._limit(self.plan)
        if plan is not self.plan:
            scan.abandon()
            scan = TableScan(plan, self.run, self._accounts, read_shared=self._read_shared)
        elif self._is_early:
            return scan
        scan.start()
        return scan

    def _read(self) -> None:
        try:
            scan = self._open()
            with self._changed:
                self._started = True
                self._changed.notify_all()
            for batch in scan.read_batches():
                with self._changed:
                    self._note_values(batch)
                    self._batches.append(batch)
                    self._size += batch.nbytes
                    self._changed.notify_all()
                    if self.keeps:
                        # No pause: DuckDB may read it only after the child, which waits for it.
                        self._kept.append(batch)
                    else:
                        self._changed.wait_for(lambda: self._size < BUFFER or self._is_over())
                if self._is_over():
                    return
            self._is_complete = True
        except BaseException as error:
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _note_values(self, batch: pa.RecordBatch) -> None:
        if self._values:
            # Imported on first use: most statements join nothing.
            from sqlprov.aws.read.rows import select_rows

            rows = select_rows(batch, self.plan.request.where)
            for column, values in self._values.items():
                if len(values) <= self.run.settings.fan_out:  # more are useful to no scan
                    values.update(rows.column(column).unique().drop_null().to_pylist())

    def _is_over(self) -> bool:
        return (self._closed and not self.keeps) or self.run.cancellation.is_cancelled

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

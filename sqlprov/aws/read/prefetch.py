"""Starts scans before DuckDB requests them, to read the tables of a statement at the same time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.run import Run

if TYPE_CHECKING:
    from sqlprov.aws.read.fan_out import ReadShared
    from sqlprov.plan.read import ReadPlan

BUFFER = 16_000_000
"""Bytes of batches that may wait for DuckDB before the scan pauses."""


class Prefetches:
    """The prefetches that no scan has taken yet, of every statement of a session."""

    def __init__(self) -> None:
        self._waiting: list[Prefetch] = []
        self._lock = threading.Lock()

    def begin(self, plans: Sequence[ReadPlan], run: Run, cloud: Cloud) -> None:
        """Start reading `plans`, until the statement ends; a parent that is one of them is read once."""
        prefetches: list[Prefetch] = []

        def read_shared(plan: ReadPlan) -> Iterator[pa.RecordBatch] | None:
            keepers = (each for each in prefetches if each.keeps and each.plan.serves(plan))
            shared = next(keepers, None)
            return shared.read_kept() if shared else None

        from sqlprov.plan.read.sharing import share_parents

        wider, shared = share_parents(plans)
        for at, plan in enumerate(wider):
            prefetches.append(Prefetch(plan, run, cloud, read_shared, keeps=at in shared))
        with self._lock:
            self._waiting += prefetches
        run.cancellation.on_cancel(lambda: self._discard(run))
        for prefetch in prefetches:
            prefetch.begin()

    def take(self, plan: ReadPlan, run: Run) -> Prefetch | None:
        """Take the statement's prefetch that serves a scan with this plan; each serves one scan."""
        with self._lock:
            for at, prefetch in enumerate(self._waiting):
                if prefetch.run is run and prefetch.plan.serves(plan):
                    return self._waiting.pop(at)
        return None

    def _discard(self, run: Run) -> None:
        with self._lock:
            self._waiting = [prefetch for prefetch in self._waiting if prefetch.run is not run]


class Prefetch:
    """A scan in its own thread, for a plan that DuckDB will read completely.

    Args:
        plan: the calls.
        run: the statement; the scan ends with it.
        cloud: the clients.
        read_shared: reads a parent that another prefetch reads; returns `None` if none does.
        keeps: whether another prefetch needs its rows, all of them.
    """

    def __init__(
        self, plan: ReadPlan, run: Run, cloud: Cloud, read_shared: ReadShared, *, keeps: bool = False
    ) -> None:
        # Imported on first use: only a statement with a live table needs it.
        from sqlprov.aws.read.scan import TableScan

        self.plan, self.run, self.keeps = plan, run, keeps
        self._scan = TableScan(plan, run, cloud, read_shared=read_shared)
        self._kept: list[pa.RecordBatch] = []
        self._changed = threading.Condition()
        self._batches: deque[pa.RecordBatch] = deque()
        self._size = 0
        self._started = self._ended = self._closed = False
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

    def _read(self) -> None:
        try:
            self._scan.start()
            with self._changed:
                self._started = True
                self._changed.notify_all()
            for batch in self._scan.read_batches():
                with self._changed:
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
        except BaseException as error:
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _is_over(self) -> bool:
        return (self._closed and not self.keeps) or self.run.cancellation.is_cancelled

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

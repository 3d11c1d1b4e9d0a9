"""A ReadPlan that DuckDB is expected to demand in, its batches out when it does: begun before it was asked for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from sqlprov.aws.run import Run
from sqlprov.aws.transport.clients import Cloud

if TYPE_CHECKING:
    from sqlprov.plan.read import ReadPlan

MOST = 16_000_000
"""Bytes of batches that wait for DuckDB before the reading does."""


class Prefetches:
    """The prefetches that no scan has taken yet, of every statement of a session."""

    def __init__(self) -> None:
        self._waiting: list[Prefetch] = []
        self._lock = threading.Lock()

    def begin(self, plan: ReadPlan, run: Run, cloud: Cloud) -> None:
        """Start to read `plan`; forgotten when the statement ends."""
        prefetch = Prefetch(plan, run, cloud)
        with self._lock:
            self._waiting.append(prefetch)
        run.on_cancel(lambda: self._discard(run))

    def take(self, plan: ReadPlan, run: Run) -> Prefetch | None:
        """A prefetch of the statement that serves a scan with this plan; each serves one scan."""
        with self._lock:
            for at, prefetch in enumerate(self._waiting):
                if prefetch.run is run and prefetch.plan.serves(plan):
                    return self._waiting.pop(at)
        return None

    def _discard(self, run: Run) -> None:
        with self._lock:
            self._waiting = [prefetch for prefetch in self._waiting if prefetch.run is not run]


class Prefetch:
    """One reading on a thread of its own, which DuckDB will read to its end.

    Args:
        plan: what is read.
        run: the statement; when it ends, so does the reading.
        cloud: the clients.
    """

    def __init__(self, plan: ReadPlan, run: Run, cloud: Cloud) -> None:
        # Here, not above: a statement without a live table loads nothing that reads.
        from sqlprov.aws.read.scan import TableScan

        self.plan, self.run = plan, run
        self._reading = TableScan(plan, run, cloud)
        self._changed = threading.Condition()
        self._batches: deque[pa.RecordBatch] = deque()
        self._held = 0
        self._started = self._ended = self._closed = False
        self._error: BaseException | None = None
        run.on_cancel(self._wake)
        threading.Thread(target=self._read, name="sqlprov-prefetch", daemon=True).start()

    def start(self) -> None:
        """Wait for the first answer, so that its error is told at once."""
        with self._changed:
            self._changed.wait_for(lambda: self._started or self._ended or self.run.cancelled.is_set())
        self.run.check()
        if self._error is not None and not self._batches:
            raise self._error

    def batches(self) -> Iterator[pa.RecordBatch]:
        """As `TableScan.batches`."""
        try:
            while (batch := self._next()) is not None:
                yield batch
        finally:
            self._closed = True
            self._wake()

    def _next(self) -> pa.RecordBatch | None:
        with self._changed:
            self._changed.wait_for(lambda: self._batches or self._ended or self.run.cancelled.is_set())
            self.run.check()
            if self._batches:
                batch = self._batches.popleft()
                self._held -= batch.nbytes
                self._changed.notify_all()
                return batch
            if self._error is not None:
                raise self._error
            return None

    def _read(self) -> None:
        try:
            self._reading.start()
            with self._changed:
                self._started = True
                self._changed.notify_all()
            for batch in self._reading.batches():
                with self._changed:
                    self._batches.append(batch)
                    self._held += batch.nbytes
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: self._held < MOST or self._over())
                if self._over():
                    return
        except BaseException as error:
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _over(self) -> bool:
        return self._closed or self.run.cancelled.is_set()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

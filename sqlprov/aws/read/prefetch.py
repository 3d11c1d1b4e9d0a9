"""Starts scans before DuckDB requests them, to read the tables of a statement at the same time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.run import Run

if TYPE_CHECKING:
    from sqlprov.plan.read import ReadPlan

BUFFER = 16_000_000
"""Bytes of batches that may wait for DuckDB before the scan pauses."""


class Prefetches:
    """The prefetches that no scan has taken yet, of every statement of a session."""

    def __init__(self) -> None:
        self._waiting: list[Prefetch] = []
        self._lock = threading.Lock()

    def begin(self, plan: ReadPlan, run: Run, cloud: Cloud) -> None:
        """Start reading `plan`, until the statement ends."""
        prefetch = Prefetch(plan, run, cloud)
        with self._lock:
            self._waiting.append(prefetch)
        run.cancellation.on_cancel(lambda: self._discard(run))

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
    """

    def __init__(self, plan: ReadPlan, run: Run, cloud: Cloud) -> None:
        # Imported on first use: only a statement with a live table needs it.
        from sqlprov.aws.read.scan import TableScan

        self.plan, self.run = plan, run
        self._scan = TableScan(plan, run, cloud)
        self._changed = threading.Condition()
        self._batches: deque[pa.RecordBatch] = deque()
        self._size = 0
        self._started = self._ended = self._closed = False
        self._error: BaseException | None = None
        run.cancellation.on_cancel(self._wake)
        threading.Thread(target=self._read, name="sqlprov-prefetch", daemon=True).start()

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
        return self._closed or self.run.cancellation.is_cancelled

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

"""What runs the scans of a statement elsewhere, and what its workers report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

import pyarrow as pa

from sqlprov.aws.transport.call_log import CallRecord, MissingRows
from sqlprov.errors import Error
from sqlprov.plan.read.scan_task import Pairs, ScanTask
from sqlprov.records import dataclass


@dataclass(frozen=True)
class TaskReport:
    """How a task ended.

    Attributes:
        pairs: its places.
        rows: how many it returned.
        calls: its calls.
        counted: those that `sqlprov_max_calls` counts.
        missing: rows that could not be read, under `sqlprov_on_error = 'warn'`.
        warnings: doubts that did not stop it.
        error: what ended it before it had read all rows; `None` if nothing did.
    """

    pairs: Pairs
    rows: int
    calls: tuple[CallRecord, ...] = ()
    counted: int = 0
    missing: tuple[MissingRows, ...] = ()
    warnings: tuple[str, ...] = ()
    error: Error | None = None


@runtime_checkable
class ScanEngine(Protocol):
    """Runs scans on workers."""

    def scan(
        self, task: ScanTask, on_cancel: Callable[[Callable[[], None]], None]
    ) -> Iterator[pa.RecordBatch | TaskReport]:
        """Split a scan, run its tasks, and return their rows, and a report of each.

        A task that is repeated, because its worker died, has the rows and the report of one of its runs.

        Args:
            task: the whole scan.
            on_cancel: takes what is to be called when the statement is cancelled, or has ended.

        Raises:
            OperationalError: the engine could not run a task.
        """
        ...

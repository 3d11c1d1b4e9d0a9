"""Runs work in the statement's pool, and its reports in the thread that reads the scan."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from sqlprov.aws.transport.run import Run

MOST_PAGES = 8
"""Pages fetched by one task, at most: each report costs as much CPU as a page."""

Report = Callable[[], None]
"""Work for the reading thread once a call has ended."""


class ReportQueue:
    """The tasks of one scan.

    Attributes:
        in_flight: tasks whose report has not been handled.
        pages_per_task: pages that a task should fetch: more while the reading thread waits, fewer while it is busy.
        closed: whether the scan has ended; tasks that have not started are dropped.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._reports: queue.SimpleQueue[Report | BaseException | None] = queue.SimpleQueue()
        self.in_flight = 0
        self.pages_per_task = 1
        self.closed = False
        run.cancellation.on_cancel(lambda: self._reports.put(None))

    def submit(self, work: Callable[[], Report]) -> None:
        """Run `work` in the pool, and its report in the reading thread."""
        self.in_flight += 1

        def run_work() -> None:
            if self.closed:
                return  # DuckDB has enough rows, or another call has failed
            report: Report | BaseException
            try:
                report = work()
            except BaseException as error:
                report = error
            self._reports.put(report)

        self._run.submit(run_work)

    def handle(self) -> None:
        """Wait for one report and run it.

        Raises:
            Cancelled: the statement was cancelled.
            Error: the work failed.
        """
        was_empty = self._reports.empty()
        report = self._reports.get()
        self._run.cancellation.check()
        if report is None:
            return
        self.in_flight -= 1
        doubled, halved = min(self.pages_per_task * 2, MOST_PAGES), max(self.pages_per_task // 2, 1)
        self.pages_per_task = doubled if was_empty else halved
        if isinstance(report, BaseException):
            raise report
        report()


def run_all(run: Run, tasks: Iterable[Callable[[], Any]]) -> None:
    """Run tasks in the statement's pool, and wait for them.

    Raises:
        Cancelled: the statement was cancelled.
        Error: a task failed.
    """
    reports = ReportQueue(run)

    def work(task: Callable[[], Any]) -> Report:
        task()
        return lambda: None

    try:
        for task in tasks:
            reports.submit(partial(work, task))
        while reports.in_flight:
            reports.handle()
    finally:
        reports.closed = True

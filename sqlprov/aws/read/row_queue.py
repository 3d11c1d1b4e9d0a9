"""Makes the calls of single rows, a few at first; rows come in batches that start small and double."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

from sqlprov.aws.read.details import DetailReader
from sqlprov.aws.read.partial_row import PartialRow
from sqlprov.aws.read.report_queue import Report
from sqlprov.aws.transport.pool import WIDTH
from sqlprov.aws.transport.run import Run
from sqlprov.errors import OperationalError
from sqlprov.plan.read.steps import Place

FIRST_CALLS, MOST_FIRST_ROWS = 4, 20
"""Calls made for the first batch of a list, and the most rows that they read if a LIMIT asks for more."""


class RowQueue:
    """The rows of one scan that need calls of their own.

    Args:
        details: makes the calls.
        run: the statement.
        submit: runs work in the pool, and its report in the reading thread.
        note_missing: handles an error of a place.
        note_gone: handles listed rows that do not exist any more.

    Attributes:
        pending: rows whose calls have not started.
        read: whole rows that have not been taken.
        in_flight: calls that have not ended.
    """

    def __init__(
        self,
        details: DetailReader,
        run: Run,
        submit: Callable[[Callable[[], Report]], None],
        note_missing: Callable[[Place, OperationalError], None],
        note_gone: Callable[[list[PartialRow]], None],
    ) -> None:
        self._details, self._run, self._submit = details, run, submit
        self._note_missing, self._note_gone = note_missing, note_gone
        self.pending: deque[PartialRow] = deque()
        self.read: list[PartialRow] = []
        self.in_flight = 0
        # Rows that a LIMIT asks for and that were not taken.
        self._wanted = run.hints.first_rows if run.hints else 0
        largest = details.largest_batch
        first = min(self._wanted, MOST_FIRST_ROWS) or FIRST_CALLS * largest
        self._batch_rows = self._budget = max(first, largest)

    def add(self, rows: list[PartialRow]) -> None:
        """Add rows."""
        self.pending.extend(rows)
        for row in rows:
            self._run.log.note_region(row.account, row.region, 1)

    def add_keys(self, rows: list[PartialRow]) -> None:
        """Add rows that are looked up by key: all are wanted at once."""
        self.add(rows)
        self._budget = self._batch_rows = max(self._batch_rows, len(self.pending))

    def send(self) -> None:
        """Start the calls of pending rows."""
        while self.pending and self._budget > 0 and self.in_flight < self._run.pool.width:
            if together := self._details.count_tagged_together(self.pending):
                # One call for many rows costs less than the calls of the first of them.
                self._budget -= 1
                self.in_flight += 1
                rows = [self.pending.popleft() for _ in range(together)]
                self._submit(partial(self._read, rows, tags_alone=True))
                continue
            rows = [self.pending.popleft()]
            while self.pending and self._details.can_join(rows[0], self.pending[0], len(rows)):
                rows.append(self.pending.popleft())
            self._budget -= len(rows)
            self.in_flight += 1
            self._submit(partial(self._read, rows))

    @property
    def is_ready(self) -> bool:
        """Whether rows whose calls have ended should be taken now."""
        if self.in_flight and len(self.read) < self.width:
            return False
        return bool(self.read) and not (self.pending and self._budget > 0 and not self.in_flight)

    @property
    def width(self) -> int:
        """Rows that may be in flight at once: many calls read several."""
        return self._run.pool.width * self._details.largest_batch

    def take(self) -> list[PartialRow]:
        """The whole rows."""
        rows, self.read = self.read, []
        self._wanted -= len(rows)
        return rows

    def raise_budget(self) -> None:
        """Allow calls for twice as many rows before the next batch."""
        largest = max(2 * self.width, 4 * WIDTH, self._batch_rows)
        self._batch_rows = min(self._batch_rows * 2, largest)
        self._budget = min(self._batch_rows, self._wanted) if self._wanted > 0 else self._batch_rows

    def _read(self, rows: list[PartialRow], *, tags_alone: bool = False) -> Report:
        """Make the calls of `rows`; runs in the pool."""
        make_calls = self._details.read_tags_together if tags_alone else self._details.read
        try:
            return partial(self._finish, rows, make_calls(rows), None, budget=1 if tags_alone else None)
        except OperationalError as error:
            return partial(self._finish, rows, [], error)

    def _finish(
        self,
        rows: list[PartialRow],
        read: list[PartialRow],
        error: OperationalError | None,
        budget: int | None = None,
    ) -> None:
        self.in_flight -= 1
        for row in rows:
            self._run.log.note_region(row.account, row.region, -1)
        if error:
            self._note_missing(rows[0].place, error)
            return
        whole = [row for row in read if self._details.is_whole(row)]
        self.read += whole
        self._run.log.note_read(rows=len(whole))
        rest = [row for row in read if not self._details.is_whole(row)]
        self._budget += len(rest) if budget is None else budget  # they have been paid for
        self.pending.extendleft(reversed(rest))
        for row in rest:
            self._run.log.note_region(row.account, row.region, 1)
        kept = {id(row.listed) for row in read}
        if gone := [row for row in rows if row.listed is not None and id(row.listed) not in kept]:
            self._note_gone(gone)

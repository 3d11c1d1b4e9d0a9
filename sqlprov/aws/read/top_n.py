"""Keeps the first N rows of ORDER BY … LIMIT N, and decides how far to read each list."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable

from sqlprov.aws.read.list_windows import SLACK, ListWindow
from sqlprov.aws.read.partial_row import PartialRow
from sqlprov.plan.read.hints import Top

TIE = 0.001
"""Seconds within which two times may be equal: services return milliseconds."""


class TopN:
    """The first rows of all lists of one scan. For descending order, times are negated.

    Attributes:
        top: the column, its order and N.
        stopped: the lists that were not read to their end.
    """

    def __init__(self, top: Top) -> None:
        self.top = top
        self.stopped: list[ListWindow] = []
        self._rows: list[tuple[float, int, PartialRow]] = []
        self._taken = 0

    def add(self, rows: Iterable[PartialRow], times: Iterable[float]) -> None:
        """Add rows that pass the scan's filter."""
        for row, at in zip(rows, times, strict=True):
            insort(self._rows, (at, len(self._rows), row))

    def is_done_with(self, window: ListWindow) -> bool:
        """Whether no later row of `window` can be among the first."""
        if len(self._rows) < self.top.rows or not window.in_order or window.last is None:
            return False
        return window.last > self._rows[self.top.rows - 1][0] + 2 * SLACK

    def take_first(self) -> list[PartialRow]:
        """The first rows, and those that tie with the last of them; each row once."""
        if self._taken:
            return []
        self._taken = len(self._rows)
        if 0 < self.top.rows < len(self._rows):
            last = self._rows[self.top.rows - 1][0] + TIE
            self._taken = next((n for n, (at, _, _) in enumerate(self._rows) if at > last), self._taken)
        return [row for _, _, row in self._rows[: self._taken]]

    def take_rest(self) -> list[PartialRow]:
        """The rows that `take_first` did not return."""
        return [row for _, _, row in self._rows[self._taken :]]

"""Keeps the first N rows of ORDER BY … LIMIT N, and decides how far to read each list."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from operator import itemgetter
from typing import Any

from sqlprov.aws.read.list_windows import SLACK, ListWindow
from sqlprov.aws.read.partial_row import PartialRow
from sqlprov.plan.read.hints import Top

TIE = 0.001
"""Seconds within which two times may be equal: services return milliseconds."""


class TopN:
    """The first rows of all lists of one scan. If the lists come in a descending order, their times are negated.

    Attributes:
        top: the column, its order and N.
        stopped: the lists that were not read to their end.
    """

    def __init__(self, top: Top) -> None:
        self.top = top
        self.stopped: list[ListWindow] = []
        self._rows: list[tuple[Any, int, PartialRow]] = []
        self._taken = 0

    def add(self, rows: Iterable[PartialRow], values: Iterable[Any]) -> None:
        """Add rows that pass the scan's filter, and the values that order them."""
        for row, value in zip(rows, values, strict=True):
            if self.top.ends:
                insort(self._rows, (value, len(self._rows), row))
            else:
                self._rows.append((value, len(self._rows), row))

    def is_done_with(self, window: ListWindow) -> bool:
        """Whether no later row of `window` can be among the first."""
        if not self.top.ends or len(self._rows) < self.top.rows or not window.in_order or window.last is None:
            return False
        return bool(window.last > self._rows[self.top.rows - 1][0] + 2 * SLACK)

    def take_first(self) -> list[PartialRow]:
        """The first rows, and those that tie with the last of them; each row once."""
        if self._taken:
            return []
        self._taken = len(self._rows)
        if not self.top.ends:
            self._rows.sort(key=itemgetter(0), reverse=self.top.descending)
        if 0 < self.top.rows < len(self._rows):
            last = self._rows[self.top.rows - 1][0]
            rest = enumerate(self._rows[self.top.rows :], self.top.rows)
            self._taken = next((n for n, (at, _, _) in rest if not self._ties(at, last)), self._taken)
        return [row for _, _, row in self._rows[: self._taken]]

    def _ties(self, value: Any, last: Any) -> bool:
        return bool(value <= last + TIE if self.top.ends else value == last)

    def take_rest(self) -> list[PartialRow]:
        """The rows that `take_first` did not return."""
        return [row for _, _, row in self._rows[self._taken :]]

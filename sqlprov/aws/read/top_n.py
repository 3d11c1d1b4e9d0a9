"""Listed rows in, the first N of them out: how far each list has to be read for ORDER BY … LIMIT N."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable

from sqlprov.aws.read.list_windows import SLACK, ListWindow
from sqlprov.aws.read.rows import PartialRow
from sqlprov.plan.read.hints import Top

SAME = 0.001
"""Seconds within which two times may be equal once they are read: the service tells them to the millisecond."""


class TopN:
    """The first rows of all lists of one demand. A time is negated where the last ones are wanted.

    Attributes:
        top: what is wanted.
        stopped: the lists that were left before their end.
    """

    def __init__(self, top: Top) -> None:
        self.top = top
        self.stopped: list[ListWindow] = []
        self._held: list[tuple[float, int, PartialRow]] = []
        self._given = 0

    @property
    def column(self) -> str:
        """The column that they are ordered by."""
        return self.top.column

    def add(self, rows: Iterable[PartialRow], times: Iterable[float]) -> None:
        """Take in rows that meet the demand's filter."""
        for row, at in zip(rows, times, strict=True):
            insort(self._held, (at, len(self._held), row))

    def settled(self, chain: ListWindow) -> bool:
        """Whether no row that `chain` may still bring is among the first."""
        if len(self._held) < self.top.rows or not chain.in_order or chain.last is None:
            return False
        return chain.last > self._held[self.top.rows - 1][0] + 2 * SLACK

    def chosen(self) -> list[PartialRow]:
        """The first rows and what ties with the last of them; each row once."""
        if self._given:
            return []
        self._given = len(self._held)
        if 0 < self.top.rows < len(self._held):
            last = self._held[self.top.rows - 1][0] + SAME
            self._given = next((at for at, held in enumerate(self._held) if held[0] > last), self._given)
        return [row for _, _, row in self._held[: self._given]]

    def rest(self) -> list[PartialRow]:
        """The rows that were not chosen."""
        return [row for _, _, row in self._held[self._given :]]

"""The pages of a list in, what to fetch next out: how far a chain has come, and where a long one is cut in pieces.

A chain is sorted by a time that never changes. A piece asks the service for its window of that time, a second wider
on both sides, because whether a bound is inclusive and how it is rounded is not documented; of what comes back it
keeps the rows whose time lies within, so that each row is in one piece and only one. Nobody else's clock matters,
and rows that are created or deleted meanwhile appear as they would in one chain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlprov.plan.read import ListRead
from sqlprov.plan.read.plan import Windows

SLACK = 1.0
"""Seconds by which a service may cut or round a time, in a bound as in an order."""
LONG, LONG_LIMITED = 20, 60
"""Pages after which a list has proved long; the second where a LIMIT may end it."""
WORTH = 8
"""Pages that a piece should have, by the estimate."""
WHOLE = (-math.inf, math.inf)


@dataclass(eq=False)
class ListWindow:
    """One list, page after page.

    Attributes:
        read: region and parameters.
        low, high: its rows are those with low <= time < high, in seconds since the epoch.
        token: leads to the next page; `None` before the first.
        seen: every token so far.
        pages: read so far.
        waiting: whether the next page can be fetched and is not.
        first, last: the time of the first row and the latest one so far; `None` before the first row.
        in_order: whether the rows have come in the order that was asked for.
    """

    read: ListRead
    low: float = -math.inf
    high: float = math.inf
    token: str | None = None
    seen: set[str] = field(default_factory=set)
    pages: int = 0
    waiting: bool = False
    first: float | None = None
    last: float | None = None
    in_order: bool = True

    def note(self, times: Sequence[float] | None) -> None:
        """See the times of a page's rows, in their order; `None` if they cannot be read."""
        self.in_order = self.in_order and times is not None
        if not times:
            return
        if self.last is None:
            self.first = self.last = times[0]
        for at in times if times != sorted(times) else (times[0], times[-1]):
            if at < self.last:
                self.in_order = self.in_order and at >= self.last - SLACK
            else:
                self.last = at

    def keeps(self, at: float) -> bool:
        """Whether a row of that time is one of its own."""
        return self.low <= at < self.high

    @property
    def passed(self) -> bool:
        """Whether all that follows lies beyond its end."""
        return self.in_order and self.last is not None and self.last > self.high + 2 * SLACK


class WindowSplitter:
    """Decides when and where the chains of one demand are cut.

    Args:
        windows: how the service is told.
        long: pages after which a chain has proved long.
    """

    def __init__(self, windows: Windows, long: int) -> None:
        self.windows, self._long = windows, long
        # Region -> time of its newest row; `None` while it is being asked.
        self.newest: dict[str, float | None] = {}
        self._busy = self._waited = 0.0

    def note_cost(self, busy: float, waited: float) -> None:
        """A page took so many seconds of this process's work, and so many in all."""
        self._busy += busy
        self._waited += waited

    @property
    def useful(self) -> int:
        """Pages in flight beyond which nothing comes faster: the work here would be what is waited for."""
        return max(1, int(self._waited / self._busy)) if self._busy > 0 else 1

    def longest(self, chains: Sequence[ListWindow]) -> ListWindow | None:
        """The chain that has the most pages left, if a piece of it is worth its calls."""
        best = max((chain for chain in chains if self._proved(chain)), key=self.left, default=None)
        return best if best is not None and self.left(best) >= 2 * WORTH else None

    def unknown(self, chains: Sequence[ListWindow]) -> ListWindow | None:
        """A long chain whose end is not known, and is not being asked for; `None` if cutting would not help."""
        if self.useful <= len(chains):
            return None
        open_ended = (c for c in chains if self._proved(c) and c.high == math.inf)
        return next((c for c in open_ended if c.read.region not in self.newest), None)

    def _proved(self, chain: ListWindow) -> bool:
        return chain.pages >= self._long and chain.in_order and chain.last is not None

    def left(self, chain: ListWindow) -> float:
        """About how many pages are to come, if rows were created as often as those so far."""
        end = self._end(chain)
        if end is None or chain.first is None or chain.last is None or end <= chain.last:
            return 0.0
        return chain.pages * (end - chain.last) / max(chain.last - chain.first, SLACK)

    def _end(self, chain: ListWindow) -> float | None:
        if chain.high < math.inf:
            return chain.high
        newest, before = self.newest.get(chain.read.region), chain.read.parameters.get(self.windows.before)
        # A piece behind what is asked for would be a call that a service may refuse.
        return newest if newest is None or before is None else min(newest, before.timestamp())

    def cut(self, chain: ListWindow, most: int) -> list[ListWindow]:
        """Shorten `chain`; the pieces, `most` at most, that take over the rest. It reads on to its new end."""
        end = self._end(chain)
        assert end is not None and chain.last is not None, "only a long chain with a known end is cut"
        count = min(most, int(self.left(chain) / WORTH))
        begin = chain.last + 2 * SLACK
        steps = (begin + (end - begin) * at / (count + 1) for at in range(1, count + 1))
        bounds = sorted({float(math.ceil(step)) for step in steps if begin < math.ceil(step) < end})
        if not bounds:
            return []
        ends = [*bounds[1:], chain.high]
        chain.high = bounds[0]
        return [self._piece(chain, low, high) for low, high in zip(bounds, ends, strict=True)]

    def _piece(self, chain: ListWindow, low: float, high: float) -> ListWindow:
        given = dict(chain.read.parameters)
        after, before = self.windows.after, self.windows.before
        given[after] = max(_moment(low - SLACK), given.get(after, _moment(0)))
        if high < math.inf:
            given[before] = min(_moment(high + SLACK), given.get(before, _moment(high + SLACK)))
        return ListWindow(ListRead(chain.read.region, given), low, high)

    def newest_first(self, chain: ListWindow, page_size: str) -> Mapping[str, Any]:
        """Parameters of a call that tells the time of the newest row."""
        turned = {**chain.read.parameters, self.windows.direction: self.windows.descending}
        return {**turned, page_size: 1} if page_size else turned


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

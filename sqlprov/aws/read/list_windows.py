"""Splits long lists into windows of time that are read in parallel.

A list is sorted by a time that never changes. Each window requests its span, one second wider on both sides,
because bounds may be inclusive or not and may be rounded. It keeps only the rows inside the span. Each row is
in exactly one window, and only the service's clock matters. Rows created or deleted during the read appear
as in a list read page by page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from typing import Any

from sqlprov.aws.transport.reply_cache import ListingReader
from sqlprov.plan.read import ListRead
from sqlprov.plan.read.read_plan import Windows
from sqlprov.records import dataclass

SLACK = 1.0
"""Seconds by which a service may truncate or round a time, in a bound or in an order."""
LONG, LONG_LIMITED = 20, 60
"""Pages after which a list counts as long: without a LIMIT, and with one that may end it."""
WINDOW_PAGES = 8
"""Pages that a new window should have, by the estimate."""


@dataclass(eq=False)
class ListWindow:
    """A list, or a window of it, read page after page.

    Attributes:
        read: region and parameters.
        low, high: its rows have a time t with low <= t < high, in seconds since the epoch.
        token: parameters that request the next page; `None` before the first.
        seen: every token so far.
        reader: its progress in the pages that `sqlprov_cache` keeps.
        pages: number of pages so far.
        waiting: whether the next page can be fetched but has not been requested.
        first, last: the time of the first row, and the latest time so far; `None` before the first row.
        in_order: whether the rows have come in the requested order.
    """

    read: ListRead
    low: float = -math.inf
    high: float = math.inf
    token: dict[str, Any] | None = None
    seen: set[str] = field(default_factory=set)
    reader: ListingReader = field(default_factory=ListingReader)
    pages: int = 0
    waiting: bool = False
    first: float | None = None
    last: float | None = None
    in_order: bool = True

    def note_times(self, times: Sequence[float] | None) -> None:
        """Record the times of a page's rows, in their order; `None` if they cannot be read."""
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

    @property
    def is_whole_list(self) -> bool:
        """Whether it has no bounds."""
        return (self.low, self.high) == (-math.inf, math.inf)

    @property
    def is_past_end(self) -> bool:
        """Whether all later rows are beyond its end."""
        return self.in_order and self.last is not None and self.last > self.high + 2 * SLACK

    def has_time(self, at: float) -> bool:
        """Whether it contains a row with this time."""
        return self.low <= at < self.high


class WindowSplitter:
    """Decides when and where to split the lists of one scan.

    Args:
        windows: how a call requests a window.
        long: pages after which a list counts as long.
    """

    def __init__(self, windows: Windows, long: int) -> None:
        self._parameters, self._long = windows, long
        # Account and region -> time of the newest row; `None` while a call for it is in flight.
        self.newest: dict[tuple[str, str], float | None] = {}
        self._busy = self._waited = 0.0

    def note_cost(self, busy: float, waited: float) -> None:
        """Record the seconds that a page took: CPU time of this process, and total."""
        self._busy += busy
        self._waited += waited

    @property
    def useful_calls(self) -> int:
        """The most calls in flight that are useful; beyond it, this process's CPU is the limit."""
        return max(1, int(self._waited / self._busy)) if self._busy > 0 else 1

    def find_longest(self, windows: Sequence[ListWindow]) -> ListWindow | None:
        """The window with the most pages left; `None` if splitting it is not worth the calls."""
        longest = max((w for w in windows if self._is_long(w)), key=self.estimate_pages_left, default=None)
        return longest if longest and self.estimate_pages_left(longest) >= 2 * WINDOW_PAGES else None

    def find_unbounded(self, windows: Sequence[ListWindow]) -> ListWindow | None:
        """A long window whose end is neither known nor requested; `None` if splitting would not help."""
        if self.useful_calls <= len(windows):
            return None
        unbounded = (w for w in windows if self._is_long(w) and w.high == math.inf)
        return next((w for w in unbounded if w.read.account_region not in self.newest), None)

    def _is_long(self, window: ListWindow) -> bool:
        return window.pages >= self._long and window.in_order and window.last is not None

    def estimate_pages_left(self, window: ListWindow) -> float:
        """The number of pages left, if the rate at which rows were created stays the same."""
        end = self._find_end(window)
        if end is None or window.first is None or window.last is None or end <= window.last:
            return 0.0
        return window.pages * (end - window.last) / max(window.last - window.first, SLACK)

    def _find_end(self, window: ListWindow) -> float | None:
        if window.high < math.inf:
            return window.high
        newest = self.newest.get(window.read.account_region)
        before = window.read.parameters.get(self._parameters.before)
        # A service may refuse a window after the end that the statement requests.
        return newest if newest is None or before is None else min(newest, before.timestamp())

    def split(self, window: ListWindow, most: int) -> list[ListWindow]:
        """Shorten `window`, and return up to `most` windows for the rest."""
        end = self._find_end(window)
        assert end is not None and window.last is not None, "only a long window with a known end is split"
        count = min(most, int(self.estimate_pages_left(window) / WINDOW_PAGES))
        begin = window.last + 2 * SLACK
        steps = (begin + (end - begin) * at / (count + 1) for at in range(1, count + 1))
        bounds = sorted({float(math.ceil(step)) for step in steps if begin < math.ceil(step) < end})
        if not bounds:
            return []
        ends = [*bounds[1:], window.high]
        window.high = bounds[0]
        return [self._build_window(window.read, *span) for span in zip(bounds, ends, strict=True)]

    def _build_window(self, read: ListRead, low: float, high: float) -> ListWindow:
        parameters = dict(read.parameters)
        after, before = self._parameters.after, self._parameters.before
        parameters[after] = _to_datetime(low - SLACK)
        if high < math.inf:
            bound = _to_datetime(high + SLACK)
            parameters[before] = min(bound, parameters.get(before, bound))
        return ListWindow(ListRead(read.place, parameters), low, high)

    def make_newest_row_parameters(self, window: ListWindow, page_size: str) -> Mapping[str, Any]:
        """Parameters of a call that returns the newest row first."""
        descending = {self._parameters.direction: self._parameters.descending}
        return {**window.read.parameters, **descending, **({page_size: 1} if page_size else {})}


def _to_datetime(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

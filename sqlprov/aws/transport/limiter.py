"""Calls that succeed and calls that are throttled in, the moment at which the next may start out."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

WINDOW = 1.0
"""Seconds over which the rate that the service lets through is measured."""
ABOVE = 1.1
"""How far above the measured rate calls are paced: a service that is asked too little is time lost."""
SLOWEST = 2.0
"""Calls a second, at least."""
SEVERAL = 2
"""Throttles within the window that set a pace; a single one may be chance."""
FREE = 500.0
"""Calls a second from which on there is no pace any more."""
GROWTH = 0.05
"""By how much the rate grows in the first second without a throttle; in the n-th it is n times as much."""


class Limiter:
    """The pace of one service in one region, for all threads; without one until the service throttles.

    A service that throttles lets a certain number of calls through each second and refuses the others. That number is
    measured, and calls are started a little faster than it, in the order in which they ask.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._passed: deque[float] = deque()
        self._refused: deque[float] = deque()
        self._rate: float | None = None
        self._next = 0.0
        self._throttled_at = self._grown_at = -math.inf

    @property
    def rate(self) -> float | None:
        """Calls a second that may start; `None` for any number."""
        return self._rate

    def reserve(self) -> float:
        """Take the next place in the queue; seconds until it comes."""
        if self._rate is None:
            return 0.0
        with self._lock:
            if self._rate is None:
                return 0.0
            now = self._clock()
            at = max(now, self._next)
            self._next = at + 1 / self._rate
            return at - now

    def note_accepted(self) -> None:
        """A call was let through, whatever it was answered."""
        now = self._clock()
        with self._lock:
            self._passed.append(now)
            self._forget(now)
            if self._rate is not None:
                self._grow(self._rate, now)

    def note_throttled(self) -> None:
        """A call was refused."""
        now = self._clock()
        with self._lock:
            self._refused.append(now)
            self._forget(now)
            self._throttled_at = self._grown_at = now
            if len(self._refused) < SEVERAL and self._rate is None:
                return
            pace = max(len(self._passed) / WINDOW, SLOWEST) * ABOVE
            if self._rate is None:
                self._next = now + 1 / pace
            self._rate = pace if self._rate is None else min(self._rate, pace)

    def _grow(self, rate: float, now: float) -> None:
        faster = rate * (1 + GROWTH * (1 + now - self._throttled_at) * (now - self._grown_at))
        self._grown_at = now
        self._rate = faster if faster < FREE else None

    def _forget(self, now: float) -> None:
        for times in (self._passed, self._refused):
            while times and times[0] < now - WINDOW:
                times.popleft()

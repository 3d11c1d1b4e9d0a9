"""Paces the calls to a service that throttles, at the rate it accepts."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

WINDOW = 1.0
"""Seconds over which the accepted rate is measured."""
MARGIN = 1.1
"""The rate of calls, as a multiple of the accepted rate: a lower rate wastes time."""
LOWEST_RATE = 2.0
"""Calls a second, at least."""
THROTTLES_TO_LIMIT = 2
"""Throttles within the window that set a limit; a single one may be chance."""
UNLIMITED_RATE = 500.0
"""Calls a second above which the limit is dropped."""
GROWTH = 0.05
"""Growth of the rate in the first second without a throttle; in the n-th second it grows n times as much."""


class Limiter:
    """The rate limit of one service in one region, shared by all threads; none until the service throttles.

    A service that throttles accepts some number of calls each second and refuses the others. The limiter
    measures that number and starts calls a little faster than that, first come, first served.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._accepted: deque[float] = deque()
        self._refused: deque[float] = deque()
        self._rate: float | None = None
        self._next = 0.0
        self._throttled_at = self._grown_at = -math.inf

    @property
    def rate(self) -> float | None:
        """Calls a second that may start; `None` without a limit."""
        return self._rate

    def reserve(self) -> float:
        """Reserve the next start time; the seconds until then."""
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
        """Record that the service accepted a call, even if the call failed."""
        now = self._clock()
        with self._lock:
            self._accepted.append(now)
            self._forget(now)
            if self._rate is not None:
                self._grow(self._rate, now)

    def note_throttled(self) -> None:
        """Record that the service refused a call."""
        now = self._clock()
        with self._lock:
            self._refused.append(now)
            self._forget(now)
            self._throttled_at = self._grown_at = now
            if len(self._refused) < THROTTLES_TO_LIMIT and self._rate is None:
                return
            rate = max(len(self._accepted) / WINDOW, LOWEST_RATE) * MARGIN
            if self._rate is None:
                self._next = now + 1 / rate
            self._rate = rate if self._rate is None else min(self._rate, rate)

    def _grow(self, rate: float, now: float) -> None:
        faster = rate * (1 + GROWTH * (1 + now - self._throttled_at) * (now - self._grown_at))
        self._grown_at = now
        self._rate = faster if faster < UNLIMITED_RATE else None

    def _forget(self, now: float) -> None:
        for times in (self._accepted, self._refused):
            while times and times[0] < now - WINDOW:
                times.popleft()

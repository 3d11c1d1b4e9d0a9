"""A pool of daemon threads for calls: unlike the standard library's, a call that hangs does not delay the exit."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from sqlprov.aws.transport.garbage import collect_rarely

WIDTH, WIDEST = 16, 64
"""Calls in flight at once under `sqlprov_concurrency = auto`: at first, and at most."""


class Pool:
    """Runs tasks in order, and starts threads as needed.

    Args:
        concurrency: tasks at once; `None` to adapt it as calls succeed or are throttled.
    """

    def __init__(self, concurrency: int | None) -> None:
        self._concurrency, self._width = concurrency, WIDTH
        self._tasks: deque[Callable[[], None]] = deque()
        self._ready = threading.Condition()
        self._threads = 0
        self._idle = 0
        self._closed = False

    @property
    def width(self) -> int:
        """Tasks that may run at once now."""
        return self._concurrency or self._width

    def allow(self, calls: int) -> None:
        """Allow this many calls at once, one per region, because each region has its own rate limit."""
        self._width = max(self._width, min(calls, WIDEST))

    def widen(self) -> None:
        """Allow one more task at once: a call succeeded."""
        self._width = min(self._width + 1, WIDEST)

    def narrow(self) -> None:
        """Return to the first width: a call was throttled."""
        self._width = WIDTH

    def submit(self, task: Callable[[], None]) -> None:
        """Run `task`, which must not raise, in a thread; after `close()`, drop it."""
        with self._ready:
            if self._closed:
                return
            self._tasks.append(task)
            if self._idle >= len(self._tasks):
                self._ready.notify()
            elif self._threads < self.width:
                self._threads += 1
                threading.Thread(target=self._work, name="sqlprov-call", daemon=True).start()

    def close(self) -> None:
        """Drop the waiting tasks and end each thread after its current task."""
        with self._ready:
            self._closed = True
            self._tasks.clear()
            self._ready.notify_all()

    @collect_rarely()
    def _work(self) -> None:
        while True:
            with self._ready:
                self._idle += 1
                while not self._tasks and not self._closed:
                    self._ready.wait()
                self._idle -= 1
                if not self._tasks:
                    return
                task = self._tasks.popleft()
            task()

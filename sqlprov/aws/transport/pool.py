"""A pool of daemon threads for calls: unlike the standard library's, a call that hangs does not delay the exit."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable


class Pool:
    """Runs up to `size()` tasks at once, first come first served, and starts threads as they are needed."""

    def __init__(self, size: Callable[[], int]) -> None:
        self._size = size
        self._tasks: deque[Callable[[], None]] = deque()
        self._ready = threading.Condition()
        self._threads = 0
        self._idle = 0
        self._closed = False

    def submit(self, task: Callable[[], None]) -> None:
        """Run `task`, which must not raise, in a thread; after `close()`, drop it."""
        with self._ready:
            if self._closed:
                return
            self._tasks.append(task)
            if self._idle >= len(self._tasks):
                self._ready.notify()
            elif self._threads < self._size():
                self._threads += 1
                threading.Thread(target=self._work, name="sqlprov-call", daemon=True).start()

    def close(self) -> None:
        """Drop the waiting tasks; each thread ends after its current task."""
        with self._ready:
            self._closed = True
            self._tasks.clear()
            self._ready.notify_all()

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

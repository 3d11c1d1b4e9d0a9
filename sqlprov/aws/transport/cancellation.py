"""Cancels a statement: wakes the threads that wait for it, and cuts off its calls in flight."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlprov.aws.transport.cancellable_connections import CancellableCall
from sqlprov.errors import Cancelled

CANCELLED = "The statement was cancelled."
LONGEST_WAIT = 10.0
"""Seconds to wait for another thread's call before making it, too."""


@contextmanager
def hold(lock: threading.Lock | threading.RLock, seconds: float = LONGEST_WAIT) -> Iterator[None]:
    """Hold a lock within the block, or go on without it after some seconds.

    The call of the thread that holds it may hang, even if its statement was cancelled long ago.
    """
    is_locked = lock.acquire(timeout=seconds)
    try:
        yield
    finally:
        if is_locked:
            lock.release()


class Cancellation:
    """The cancellation of one statement; any thread may use it.

    Attributes:
        is_writing: calls in flight may write. They are not cut off, because their outcome must be known.
    """

    def __init__(self) -> None:
        self.is_writing = False
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self._in_flight: set[CancellableCall] = set()

    @property
    def is_cancelled(self) -> bool:
        """Whether no further call may start: the statement was cancelled, or has ended."""
        return self._event.is_set()

    def check(self) -> None:
        """Raises Cancelled if the statement was cancelled, or has ended."""
        if self.is_cancelled:
            raise Cancelled(CANCELLED)

    def sleep(self, seconds: float) -> bool:
        """Sleep for `seconds`, or until cancelled; return whether it is cancelled."""
        return self._event.wait(seconds) if seconds > 0 else self.is_cancelled

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Call `callback` on cancellation and at the end of the statement; at once if either has happened."""
        with self._lock:
            self._callbacks.append(callback)
        if self.is_cancelled:
            callback()

    @contextmanager
    def track_call(self) -> Iterator[CancellableCall]:
        """Cancellation cuts off requests that the block sends."""
        call = CancellableCall()
        with self._lock:
            self._in_flight.add(call)
        try:
            with call.activate():
                yield call
        finally:
            with self._lock:
                self._in_flight.discard(call)

    def cancel(self) -> None:
        """Start no further call, cut off those in flight unless they write, and run the callbacks."""
        self._event.set()
        with self._lock:
            calls = [] if self.is_writing else list(self._in_flight)
        for call in calls:
            call.cancel()
        self.finish()

    def finish(self) -> None:
        """Start no further call, and run the callbacks: the statement has ended."""
        self._event.set()
        with self._lock:
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

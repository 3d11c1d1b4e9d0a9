"""Does a connection's work in DuckDB on its own thread, where a caller can interrupt it at once."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from sqlprov.errors import InterfaceError

T = TypeVar("T")
INTERRUPT_GRACE = 0.4
"""Seconds that a caller waits for interrupted work to end."""


class Worker:
    """A daemon thread that runs one call after another; the first call starts it."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def call(self, work: Callable[[], T], interrupt: Callable[[], float] = lambda: INTERRUPT_GRACE) -> T:
        """Run `work`; return its result or raise its error.

        Args:
            work: runs on the thread.
            interrupt: called if a KeyboardInterrupt arrives while `work` runs. It should end the work, and returns
                how many seconds to wait for that before the KeyboardInterrupt is raised again.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name="sqlprov-duckdb", daemon=True)
            self._thread.start()
        elif not self._thread.is_alive():
            raise InterfaceError(
                "The connection was made before the process forked. Connect in each process."
            )
        done: Future[T] = Future()
        self._calls.put((work, done))
        try:
            return done.result()
        except KeyboardInterrupt:
            with suppress(TimeoutError):
                done.exception(timeout=interrupt())
            raise

    def close(self) -> None:
        """End the thread after its current call."""
        if self._thread is not None:
            self._calls.put(None)
            if self._thread is not threading.current_thread():
                self._thread.join(timeout=INTERRUPT_GRACE)
            self._thread = None

    def _loop(self) -> None:
        while (item := self._calls.get()) is not None:
            work, done = item
            try:
                done.set_result(work())
            except BaseException as error:
                done.set_exception(error)
            # The last call must not be kept alive while the thread waits for the next.
            del item, work, done
        while not self._calls.empty():
            # Another thread closed the connection, and this call's caller would wait forever.
            if (item := self._calls.get()) is not None:
                item[1].set_exception(InterfaceError("The connection is closed."))

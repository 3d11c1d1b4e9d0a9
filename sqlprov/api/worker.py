"""DuckDB's work on a thread of its own, so that whoever waits for it can be interrupted at once."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from sqlprov.errors import InterfaceError

T = TypeVar("T")
INTERRUPT_GRACE = 0.4
"""Seconds that an interrupted piece of work gets to come to its end before its caller goes on."""


class Worker:
    """Runs one piece of work after another on one daemon thread, which is started by the first."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def call(
        self,
        work: Callable[[], T],
        interrupt: Callable[[], None],
        grace: Callable[[], float] = lambda: INTERRUPT_GRACE,
    ) -> T:
        """What `work` returns or raises.

        A KeyboardInterrupt while waiting calls `interrupt`, which should end the work, gives it `grace()` seconds
        for that, and is raised again.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name="sqlprov-duckdb", daemon=True)
            self._thread.start()
        done: Future[T] = Future()
        self._work.put((work, done))
        try:
            return done.result()
        except KeyboardInterrupt:
            interrupt()
            self._wait(done, grace())
            raise

    @staticmethod
    def _wait(done: Future[Any], seconds: float) -> None:
        try:
            done.exception(timeout=seconds)
        except TimeoutError:
            return

    def close(self) -> None:
        """End the thread after what it is at."""
        if self._thread is not None:
            self._work.put(None)
            if self._thread is not threading.current_thread():
                self._thread.join(timeout=INTERRUPT_GRACE)
            self._thread = None

    def _loop(self) -> None:
        while (item := self._work.get()) is not None:
            work, done = item
            try:
                done.set_result(work())
            except BaseException as error:
                done.set_exception(error)
            # Nothing of the last piece may be kept alive while waiting for the next.
            del item, work, done
        while not self._work.empty():
            # Handed in while another thread closed the connection: who waits for it would wait for ever.
            if (item := self._work.get()) is not None:
                item[1].set_exception(InterfaceError("The connection is closed."))

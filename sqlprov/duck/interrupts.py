"""Stops what is under way: a query of DuckDB, and on Ctrl-C the calls that the main thread waits for in C."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import threading
from collections.abc import Callable

import duckdb

_END = b"\0"
"""What ends the thread; no signal has this number."""
# Where Python writes the number of each signal as it comes; `None` before the first use.
_written: int | None = None


def interrupt(duck: duckdb.DuckDBPyConnection) -> None:
    """End the query under way on a connection, which may be closed."""
    with contextlib.suppress(duckdb.ConnectionException):
        duck.interrupt()


def on_interrupt(stop: Callable[[], None]) -> None:
    """Have `stop` called, on a thread of its own, when SIGINT comes; beside what Python does by itself.

    Signals are left to an event loop that listens to them already, and where this is not the main thread, which alone
    may say who listens. The first `stop` is kept for good; a further call only makes sure that somebody listens.
    """
    global _written
    if threading.current_thread() is not threading.main_thread():
        return
    if _written is None:
        read, _written = os.pipe()
        os.set_blocking(_written, False)
        thread = threading.Thread(target=_listen, args=(read, stop), name="sqlprov-signals", daemon=True)
        thread.start()
        atexit.register(_end, _written, thread)
        os.register_at_fork(after_in_child=_forget)
    others = signal.set_wakeup_fd(_written, warn_on_full_buffer=False)
    if others not in (-1, _written):
        signal.set_wakeup_fd(others)


def _listen(read: int, stop: Callable[[], None]) -> None:
    while _END not in (signals := os.read(read, 64)):
        if signal.SIGINT in signals:
            stop()


def _end(written: int, thread: threading.Thread) -> None:
    # DuckDB complains on stderr if a thread that knows of it outlives the interpreter.
    os.write(written, _END)
    thread.join()


def _forget() -> None:
    # Signals of a child are none of its parent's, which reads what is written.
    atexit.unregister(_end)
    with contextlib.suppress(ValueError):
        others = signal.set_wakeup_fd(-1)
        if others != _written:
            signal.set_wakeup_fd(others)

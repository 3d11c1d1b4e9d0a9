"""Stops running work: a DuckDB query, and on Ctrl-C the calls that the main thread waits for in C."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import threading
from collections.abc import Callable

import duckdb

_END = b"\0"
"""Ends the thread; no signal has this number."""
_signals: int | None = None
"""The pipe that Python writes the number of each signal to; `None` before the first use."""


def interrupt(duck: duckdb.DuckDBPyConnection) -> None:
    """Stop the running query of a connection, which may be closed."""
    with contextlib.suppress(duckdb.ConnectionException):
        duck.interrupt()


def on_interrupt(stop: Callable[[], None]) -> None:
    """Call `stop`, on another thread, when SIGINT arrives; Python's own handler runs as well.

    It does nothing if an event loop reads the signals already, or outside the main thread, where Python does not allow
    it. Only the first `stop` counts; later calls make sure that the signals are still read.
    """
    global _signals
    if threading.current_thread() is not threading.main_thread():
        return
    if _signals is None:
        read, _signals = os.pipe()
        os.set_blocking(_signals, False)
        thread = threading.Thread(target=_listen, args=(read, stop), name="sqlprov-signals", daemon=True)
        thread.start()
        atexit.register(_end, _signals, thread)
        os.register_at_fork(after_in_child=_forget)
    other = signal.set_wakeup_fd(_signals, warn_on_full_buffer=False)
    if other not in (-1, _signals):
        signal.set_wakeup_fd(other)


def _listen(read: int, stop: Callable[[], None]) -> None:
    while _END not in (signals := os.read(read, 64)):
        if signal.SIGINT in signals:
            stop()


def _end(signals: int, thread: threading.Thread) -> None:
    # DuckDB prints errors on stderr if a thread that uses it outlives the interpreter.
    os.write(signals, _END)
    thread.join()


def _forget() -> None:
    # A forked child must not write its signals to the parent's pipe.
    atexit.unregister(_end)
    with contextlib.suppress(ValueError):
        other = signal.set_wakeup_fd(-1)
        if other != _signals:
            signal.set_wakeup_fd(other)

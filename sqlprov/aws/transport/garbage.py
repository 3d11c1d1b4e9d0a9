"""Lets Python search for garbage more rarely while replies are read."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

RARELY = 100_000
"""Objects that are made before Python searches them for garbage; usually 700."""
_lock = threading.Lock()
_threads = 0
_usual = gc.get_threshold()


@contextmanager
def collect_rarely() -> Iterator[None]:
    """Raise the threshold of Python's garbage collector until the last thread has left the block.

    A page becomes tens of thousands of objects that live for milliseconds. Python would go through them again and
    again, and each time through every other object of the process: 40 % of the CPU of a long list in XML.
    """
    global _threads, _usual
    with _lock:
        _threads += 1
        if _threads == 1:
            _usual = gc.get_threshold()
            if 0 < _usual[0] < RARELY:  # 0 turns it off
                gc.set_threshold(RARELY, *_usual[1:])
    try:
        yield
    finally:
        with _lock:
            _threads -= 1
            if _threads == 0 and gc.get_threshold()[0] == RARELY:  # otherwise the program has set it since
                gc.set_threshold(*_usual)

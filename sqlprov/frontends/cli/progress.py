"""Prints what a statement waits for, on stderr: the rows of a write, and the start of the local AWS."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import sqlprov

POLL, REPEAT = 0.25, 10.0
"""Seconds between two checks of the progress, and until a line is repeated without a change."""


@contextmanager
def print_waits(connection: sqlprov.Connection) -> Iterator[None]:
    """While the block runs, print what is started, the rows that a write of the connection or of one of its cursors
    waits for, and each change of state."""
    starting, handler = logging.getLogger("sqlprov.starting"), logging.StreamHandler(sys.stderr)
    if not starting.isEnabledFor(logging.INFO):  # --verbose prints it, too
        starting.addHandler(handler)
        starting.setLevel(logging.INFO)
    done = threading.Event()
    thread = threading.Thread(target=_print_until, args=(done, connection), daemon=True)
    thread.start()
    try:
        yield
    finally:
        starting.setLevel(logging.NOTSET)
        starting.removeHandler(handler)
        done.set()
        thread.join()


def _print_until(done: threading.Event, connection: sqlprov.Connection) -> None:
    printed: tuple[str, ...] = ()
    repeat_at = 0.0
    while not done.wait(POLL):
        every = [each.progress for each in (connection, *connection.cursors)]
        waits = [progress for progress in every if progress and progress.waiting]
        states = tuple(str(row) for progress in waits for row in progress.waiting)
        if states and (states != printed or time.monotonic() >= repeat_at):
            click.echo(f"waiting: {'; '.join(progress.waiting_text for progress in waits)}", err=True)
            repeat_at = time.monotonic() + REPEAT
        printed = states

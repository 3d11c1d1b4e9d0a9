"""A connection in, lines on stderr out: the rows that its statement waits for, while it waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import sqlprov

LOOK, REPEAT = 0.25, 10.0
"""Seconds between two looks at the progress, and after which a line is repeated though no state has changed."""


@contextmanager
def telling(connection: sqlprov.Connection) -> Iterator[None]:
    """Tells on stderr, while the block runs, which rows are waited for and each change of their states."""
    over = threading.Event()
    thread = threading.Thread(target=_tell, args=(connection, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _tell(connection: sqlprov.Connection, over: threading.Event) -> None:
    told: tuple[str, ...] = ()
    again = 0.0
    while not over.wait(LOOK):
        progress = connection.progress
        states = tuple(map(str, progress.waiting)) if progress else ()
        if progress and states and (states != told or time.monotonic() >= again):
            click.echo(f"waiting: {progress.waited}", err=True)
            again = time.monotonic() + REPEAT
        told = states

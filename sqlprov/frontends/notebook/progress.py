"""Work on a connection in, its result out; meanwhile the reader sees how far it is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeVar

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import HTML, display

from sqlprov.api.connection import Connection

T = TypeVar("T")
QUIET = 0.5
"""Seconds before anything is shown."""
EVERY = 0.2
"""Seconds between two looks."""


def watched(shell: InteractiveShell, connection: Connection, work: Callable[[], T]) -> T:
    """What `work` returns or raises, with the progress of `connection` on display until then.

    An interruption ends the statement; what that makes of it is raised.
    """
    with ThreadPoolExecutor(1, "sqlprov-cell") as pool:
        done = pool.submit(work)
        show = _on_page() if hasattr(shell, "kernel") else _on_terminal()
        try:
            wait([done], QUIET)
            while not wait([done], EVERY).done:
                if (progress := connection.progress) is not None:
                    show(str(progress))
        except KeyboardInterrupt:
            connection.cancel()
        finally:
            show("")
        return done.result()


def _on_page() -> Callable[[str], None]:
    handle: list[Any] = []

    def show(text: str) -> None:
        if handle:
            handle[0].update(HTML(text))
        elif text:
            handle.append(display(HTML(text), display_id=True))

    return show


def _on_terminal() -> Callable[[str], None]:
    shown = False

    def show(text: str) -> None:
        nonlocal shown
        if (shown or text) and sys.stderr.isatty():
            shown = True
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    return show

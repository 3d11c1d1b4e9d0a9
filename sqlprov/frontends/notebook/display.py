"""Shows the progress of a statement, and shows results as text if a shell cannot show HTML."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from shutil import get_terminal_size
from typing import Any, TypeVar

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import HTML, display

from sqlprov.api.connection import Connection
from sqlprov.api.result import Result
from sqlprov.output import write
from sqlprov.output.html import ROWS

T = TypeVar("T")
QUIET_SECONDS = 0.5
"""Seconds before progress is shown."""
INTERVAL_SECONDS = 0.2


def run_with_progress(shell: InteractiveShell, connection: Connection, work: Callable[[], T]) -> T:
    """Return or raise what `work` does, and show the progress of `connection` until then.

    An interrupt cancels the statement; `work` then raises the error.
    """
    with ThreadPoolExecutor(1, "sqlprov-cell") as pool:
        future = pool.submit(work)
        show = _make_html_writer() if hasattr(shell, "kernel") else _make_terminal_writer()
        try:
            wait([future], QUIET_SECONDS)
            while not wait([future], INTERVAL_SECONDS).done:
                if (progress := connection.progress) is not None:
                    show(str(progress))
        except KeyboardInterrupt:
            connection.cancel()
        finally:
            show("")
        return future.result()


def _make_html_writer() -> Callable[[str], None]:
    handle: Any = None

    def show(text: str) -> None:
        nonlocal handle
        if handle:
            handle.update(HTML(text))
        elif text:
            handle = display(HTML(text), display_id=True)

    return show


def _make_terminal_writer() -> Callable[[str], None]:
    is_shown = False

    def show(text: str) -> None:
        nonlocal is_shown
        if (is_shown or text) and sys.stderr.isatty():
            is_shown = True
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    return show


def add_text(shell: InteractiveShell) -> None:
    """Show results as text in `shell`."""
    formatter = shell.display_formatter.formatters["text/plain"]
    formatter.for_type(Result, lambda result, printer, cycle: printer.text(format_text(result)))


def format_text(result: Result) -> str:
    """The first rows of `result`, which can still be read afterwards, and its summary."""
    lines = []
    if result.has_rows:
        rows = result.peek(ROWS + 1)
        stream = io.BytesIO()
        write(rows.slice(0, ROWS), "table", stream, width=get_terminal_size().columns)
        lines.append(stream.getvalue().decode())
        if rows.num_rows > ROWS:
            lines.append(f"The first {ROWS} rows are shown.\n")
    lines += [f"Warning: {warning}\n" for warning in result.warnings]
    lines += [f"Missing: {gap.error}\n" for gap in result.errors]
    return "".join([*lines, result.summary])

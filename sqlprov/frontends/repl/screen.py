"""Prints rows and messages on the terminal, or writes rows to a file."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pyarrow as pa
from rich.console import Console

from sqlprov.errors import Error
from sqlprov.frontends.repl.colors import SCHEMES, find_scheme
from sqlprov.output import find_format, write
from sqlprov.output.table import TextLayout, sanitize

if TYPE_CHECKING:
    import sqlprov

PAGER_WIDTH = 60
"""Widest column in the pager, in cells; the pager scrolls sideways."""


def fetch_first(result: sqlprov.Result, limit: int) -> tuple[pa.Table, bool]:
    """The first rows of a result, with the limit 0 all of them; and whether there are more, which are then lost."""
    if not limit:
        return result.arrow(), False
    rows = result.peek(limit + 1)
    if rows.num_rows > limit:
        result.close()
    return rows.slice(0, limit), rows.num_rows > limit


class Screen:
    """The terminal, or the stream that replaces it.

    Attributes:
        expanded: `on`: one column per line; `off`: columns side by side, in a pager if they are too wide;
            `auto`: if they are too wide, one column per line where that fits the screen, otherwise cut values and
            fewer columns.
        is_interactive: whether stdin and stdout are a terminal that can move its cursor.
        scheme: one of SCHEMES, or `off`.
        uses_pager: whether rows that do not fit go to a pager.
    """

    def __init__(self) -> None:
        has_cursor = os.environ.get("TERM", "dumb") not in ("dumb", "unknown")
        self.is_interactive = sys.stdin.isatty() and sys.stdout.isatty() and has_cursor
        self.console = Console(highlight=False, soft_wrap=True, emoji=False, markup=False)
        self.messages = Console(
            stderr=not self.is_interactive, highlight=False, soft_wrap=True, emoji=False, markup=False
        )
        self.expanded = "auto"
        self.scheme = find_scheme()
        self.uses_pager = self.is_interactive

    def show(self, rows: pa.Table) -> None:
        """Print rows; in the pager if they do not fit. A file gets them whole, side by side."""
        width, height = shutil.get_terminal_size()
        is_auto, note = self.expanded == "auto" and sys.stdout.isatty(), ""
        layout = TextLayout(rows, elide=True)
        bold = self.is_interactive and self.scheme != "off"
        lines = None
        if self.expanded != "on":
            lines = layout.render_grid(width if sys.stdout.isatty() else None, is_low=is_auto, bold=bold)
            if lines is None and self.expanded == "off" and self.uses_pager:
                lines = layout.render_grid(None, widest=PAGER_WIDTH, bold=bold)
                assert lines is not None, "without a width any grid fits"
                self._page(lines)
                return
        if lines is None:
            lines = layout.render_blocks(width, pretty=True, bold=bold)
            if is_auto and rows.num_rows > 1 and len(lines) > height - 3:
                lines, shown = layout.render_cut_grid(width, bold=bold)
                cut = (
                    f"{rows.num_columns} columns, {shown} shown"
                    if shown < rows.num_columns
                    else "Values are cut"
                )
                note = f"{cut}; \\x on shows all."
        if self.uses_pager and len(lines) > height - 3:
            self._page(lines)
        else:
            sys.stdout.write("\n".join([*lines, ""]))
            sys.stdout.flush()
        if note:
            self.info(note)

    def _page(self, lines: list[str]) -> None:
        os.environ.setdefault("LESS", "-SRX")
        click.echo_via_pager("\n".join([*lines, ""]), color=self.scheme != "off")

    def info(self, text: str) -> None:
        """Print a message."""
        self._print(text, "faint")

    def warn(self, text: str) -> None:
        """Print a warning."""
        self._print(text, "warning")

    def error(self, text: str) -> None:
        """Print an error."""
        self._print(f"Error: {text}", "error")

    def _print(self, text: str, role: str) -> None:
        self.messages.print(sanitize(text), style=SCHEMES.get(self.scheme, {}).get(role, ""))


class OutputFile:
    """A file that receives the rows instead of the screen."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.format = find_format(path)
        self._stream = path.open("wb")
        self._results = 0

    def write(self, result: sqlprov.Result) -> int:
        """Write all rows of a result and return their number.

        Raises:
            Error: the file has a result, and its format holds only one.
        """
        if self._results and self.format in ("parquet", "arrow"):
            raise Error(
                f"{self.path} already has a result, and {self.format} holds only one: \\o another file."
            )
        if self._results and self.format in ("table", "csv", "markdown"):
            self._stream.write(b"\n")
        rows = write(result, self.format, self._stream)
        self._results += 1
        self._stream.flush()
        return rows

    def close(self) -> None:
        self._stream.close()

"""Rows in, a screen out: folded, paged, or one column a line."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pyarrow as pa
from rich.console import Console

from sqlprov.errors import Error
from sqlprov.output import write
from sqlprov.output.table import TextLayout, is_color_enabled, sanitize

if TYPE_CHECKING:
    import sqlprov

WIDEST = 60
"""Cells of a column in the pager, which moves sideways."""
FORMAT_OF = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".md": "markdown",
    ".arrow": "arrow",
    ".parquet": "parquet",
}
"""Ending of a file -> format of what is written into it; of any other, `table`."""


@dataclass(frozen=True)
class Rows:
    """Rows that were read: a result for whoever lays them out."""

    schema: pa.Schema
    held: tuple[pa.RecordBatch, ...]
    more: bool = False

    def batches(self) -> Iterator[pa.RecordBatch]:
        return iter(self.held)

    @property
    def count(self) -> int:
        return sum(batch.num_rows for batch in self.held)

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, object]], schema: pa.Schema) -> Rows:
        return cls(schema, tuple(pa.Table.from_pylist(list(rows), schema=schema).to_batches()))


def first(result: sqlprov.Result, most: int) -> Rows:
    """The first rows of a result, which is closed then; all of them if `most` is 0."""
    held: list[pa.RecordBatch] = []
    left = most
    for batch in result.batches():
        if most and batch.num_rows > left:
            held.append(batch.slice(0, left))
            result.close()
            return Rows(result.schema, tuple(held), True)
        held.append(batch)
        left -= batch.num_rows
    return Rows(result.schema, tuple(held))


class Screen:
    """The terminal, or what stands in for one.

    Attributes:
        expanded: `on`: one column a line; `off`: columns side by side, in a pager if they are too wide; `auto`: one
            column a line if they are too wide.
        is_full: whether both ends are a terminal on which the cursor can be moved.
        paged: whether what does not fit goes to a pager.
    """

    def __init__(self) -> None:
        able = os.environ.get("TERM", "dumb") not in ("dumb", "unknown")
        self.is_full = sys.stdin.isatty() and sys.stdout.isatty() and able
        self.console = Console(highlight=False, soft_wrap=True, emoji=False, markup=False)
        self.aside = Console(
            stderr=not self.is_full, highlight=False, soft_wrap=True, emoji=False, markup=False
        )
        self.expanded = "off"
        self.paged = self.is_full

    def show(self, rows: Rows) -> None:
        """Lay out rows; through the pager if they do not fit."""
        width, height = shutil.get_terminal_size()
        layout = TextLayout(rows)
        bold = self.is_full and is_color_enabled()
        lines = None
        if self.expanded != "on":
            lines = layout.grid(width, bold=bold)
            if lines is None and self.expanded == "off" and self.paged:
                lines = layout.grid(None, widest=WIDEST, bold=bold)
                assert lines is not None, "without a width any grid fits"
                self._page(lines)
                return
        if lines is None:
            lines = layout.blocks(width, pretty=True, bold=bold)
        if self.paged and len(lines) > height - 3:
            self._page(lines)
        else:
            sys.stdout.write("\n".join([*lines, ""]))
            sys.stdout.flush()

    def _page(self, lines: list[str]) -> None:
        os.environ.setdefault("LESS", "-SRX")
        click.echo_via_pager("\n".join([*lines, ""]), color=is_color_enabled())

    def tell(self, text: str) -> None:
        """What stands beside the rows."""
        self.aside.print(sanitize(text), style="dim")

    def warn(self, text: str) -> None:
        """What needs a second look."""
        self.aside.print(sanitize(text), style="yellow")

    def fail(self, text: str) -> None:
        """What went wrong."""
        self.aside.print(f"Error: {sanitize(text)}", style="red")


class Sink:
    """A file that takes the rows instead of the screen."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.format = FORMAT_OF.get(path.suffix.lower(), "table")
        self._stream = path.open("wb")
        self._results = 0

    def take(self, result: sqlprov.Result) -> int:
        """Write all rows of a result; their number.

        Raises:
            Error: the file holds a result, and its format takes no second.
        """
        if self._results and self.format in ("parquet", "arrow"):
            raise Error(f"{self.path} holds a result already, and {self.format} takes one: \\o another file.")
        if self._results and self.format in ("table", "csv", "markdown"):
            self._stream.write(b"\n")
        rows = write(result, self.format, self._stream)
        self._results += 1
        self._stream.flush()
        return rows

    def close(self) -> None:
        self._stream.close()

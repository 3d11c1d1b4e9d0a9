"""A Result in, its first rows as text out, where a shell cannot show HTML."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from shutil import get_terminal_size
from typing import Any

import pyarrow as pa
from IPython.core.interactiveshell import InteractiveShell

from sqlprov.api.result import Result
from sqlprov.output import write
from sqlprov.output.html import ROWS


@dataclass(frozen=True)
class _Rows:
    table: pa.Table

    @property
    def schema(self) -> pa.Schema:
        return self.table.schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        return iter(self.table.to_batches())


def add_text(shell: InteractiveShell) -> None:
    """Have `shell` show a Result as text."""
    shell.display_formatter.formatters["text/plain"].for_type(Result, _show)


def _show(result: Result, printer: Any, cycle: bool) -> None:
    printer.text(as_text(result))


def as_text(result: Result) -> str:
    """The first rows of `result`, which stay to be read, and what it took."""
    lines = []
    if result.has_rows:
        found = result.peek(ROWS + 1)
        printed = io.BytesIO()
        write(_Rows(found.slice(0, ROWS)), "table", printed, width=get_terminal_size().columns)
        lines.append(printed.getvalue().decode())
        if found.num_rows > ROWS:
            lines.append(f"The first {ROWS} rows are shown.\n")
    lines += [f"Warning: {warning}\n" for warning in result.warnings]
    lines += [f"Missing: {gap.error}\n" for gap in result.errors]
    return "".join([*lines, result.summary])

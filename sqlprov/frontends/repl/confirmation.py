"""Shows the calls of a write, and asks before making them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from sqlprov.errors import BudgetExceeded
from sqlprov.frontends.repl.input import read_line
from sqlprov.frontends.repl.screen import Screen

if TYPE_CHECKING:
    from sqlprov.api.connection import WritePreview

COLUMNS = ("key", "account", "region", "operation", "states", "note")


def needs_confirmation(preview: WritePreview) -> bool:
    """Whether a write deletes, stops a running resource, or changes another row than one named by its key."""
    if all(operation is None for operation in preview.calls["operation"].to_pylist()):
        return False  # every row is refused, or needs no change
    return preview.verb == "DELETE" or preview.rows > 1 or preview.stopped > 0 or not preview.is_keyed


def confirm(preview: WritePreview, screen: Screen) -> bool:
    """Show the rows and calls, and ask; no answer means no."""
    names = [name for name in COLUMNS if name in preview.calls.column_names]
    calls = preview.calls.select(names)
    kept = [name for name in names if calls[name].null_count < calls.num_rows]
    screen.show(calls.select(kept))
    try:
        return _ask(format_question(preview))
    except KeyboardInterrupt:
        screen.warn("Not confirmed; nothing was written.")
        raise


def ask_to_continue(error: BudgetExceeded) -> bool:
    """Ask whether a statement that needs many calls is to make them; no answer means no."""
    return _ask(f"{error.args[0].partition('.')[0]}. Make them?")


def _ask(question: str) -> bool:
    """Ask for y or n; the end of the input means no."""
    try:
        answer = read_line(f"{question} [y/N] ")
    except (EOFError, KeyboardInterrupt) as end:
        print(file=sys.stderr)  # the question does not end with a newline
        if isinstance(end, KeyboardInterrupt):
            raise
        return False
    return answer.strip().lower() in ("y", "yes")


def format_question(preview: WritePreview) -> str:
    """`DELETE 3 rows of aws.sagemaker.models. Continue?`"""
    rows = "1 row" if preview.rows == 1 else f"{preview.rows:,} rows"
    stopped = ""
    if preview.stopped:
        which = "it" if preview.rows == 1 else f"{preview.stopped:,} of them"
        stopped = f" This stops {which}."
    return f"{preview.verb} {rows} of {preview.table}.{stopped} Continue?"

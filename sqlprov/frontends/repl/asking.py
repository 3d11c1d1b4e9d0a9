"""A write about to be made in, whether it is to be made out: what it does is shown, and the user asked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pyarrow as pa

from sqlprov.frontends.repl.display import Rows, Screen
from sqlprov.frontends.repl.lines import line

if TYPE_CHECKING:
    from sqlprov.api.connection import WritePreview

SHOWN = ("key", "region", "operation", "states", "note")


def needs_asking(preview: WritePreview) -> bool:
    """Whether a write changes more than one row, or stops what runs."""
    if all(operation is None for operation in preview.calls["operation"].to_pylist()):
        return False  # every row is refused, or is as asked already
    return preview.rows > 1 or preview.stopped > 0


def asked(preview: WritePreview, screen: Screen) -> bool:
    """Show the rows and calls, and ask; no answer is a no."""
    calls = preview.calls.select(SHOWN)
    kept = [name for name in SHOWN if calls[name].null_count < calls.num_rows]
    shown: pa.Table = calls.select(kept)
    screen.show(Rows(shown.schema, tuple(shown.to_batches())))
    try:
        answer = line(f"{question(preview)} [y/N] ")
    except (EOFError, KeyboardInterrupt) as end:
        print(file=sys.stderr)  # the question's line has none
        if isinstance(end, KeyboardInterrupt):
            raise
        return False
    return answer.strip().lower() in ("y", "yes")


def question(preview: WritePreview) -> str:
    """`DELETE 3 rows of aws.sagemaker.models?`"""
    rows = "1 row" if preview.rows == 1 else f"{preview.rows:,} rows"
    stopped = ""
    if preview.stopped:
        which = "it" if preview.rows == 1 else f"{preview.stopped:,} of them"
        stopped = f" This stops {which}."
    return f"{preview.verb} {rows} of {preview.table}.{stopped} Go on?"

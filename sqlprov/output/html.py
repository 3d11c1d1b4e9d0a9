"""A Result in, HTML for a notebook out: its first rows, what is missing, what became of its writes, its calls."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any

import orjson
import pyarrow as pa

from sqlprov.errors import counted

ROWS = 50
"""Rows, outcomes and calls that are shown at most."""
LONGEST, LONGEST_OF_LINES = 160, 4_000
"""Characters of a value that are shown before it is unfolded: of one line, and of several, such as a plan."""
_STYLE = (
    "<style>.sqlprov th, .sqlprov td { text-align: left !important; vertical-align: top } "
    ".sqlprov td { white-space: pre-wrap } .sqlprov pre { margin: 0 }</style>"
)
_NESTED = (pa.types.is_struct, pa.types.is_list, pa.types.is_large_list, pa.types.is_map)


def page(result: Any) -> str:
    """What `_repr_html_` shows; reads no more rows than that."""
    parts = []
    if result.has_rows:
        found = result.peek(ROWS + 1)
        parts.append(_table(found.column_names, zip(*map(_cells, found.slice(0, ROWS).columns), strict=True)))
        if found.num_rows > ROWS:
            parts.append(f"<p>The first {ROWS} rows are shown.</p>")
    parts.append(f"<p>{escape(result.summary)}</p>")
    parts += [f"<p><b>Warning:</b> {escape(warning)}</p>" for warning in result.warnings]
    parts += [f"<p><b>Missing:</b> {escape(str(gap.error))}</p>" for gap in result.errors]
    if result.outcomes:
        parts.append(_outcomes(result.outcomes))
    if result.calls:
        parts.append(_calls(result))
    return f'{_STYLE}<div class="sqlprov">{"".join(parts)}</div>'


def _outcomes(outcomes: Sequence[Any]) -> str:
    rows = (
        (each.row, each.region, each.key, each.status.value, ", ".join(each.operations), each.reason)
        for each in outcomes
    )
    return _listed("outcome", ("row", "region", "key", "status", "operations", "reason"), rows, len(outcomes))


def _calls(result: Any) -> str:
    rows = (
        (call.operation, call.region, dict(call.parameters), call.rows, call.attempts, call.error)
        for call in result.calls
    )
    heads = ("operation", "region", "parameters", "rows", "attempts", "error")
    return _listed("call", heads, rows, len(result.calls))


def _listed(name: str, heads: Sequence[str], rows: Iterable[Sequence[Any]], count: int) -> str:
    shown = ([_folded(_text(value)) for value in row] for row, _ in zip(rows, range(ROWS), strict=False))
    cut = f", the first {ROWS}" if count > ROWS else ""
    return f"<details><summary>{counted(count, name)}{cut}</summary>{_table(heads, shown)}</details>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cells(column: pa.ChunkedArray) -> list[str]:
    if any(is_nested(column.type) for is_nested in _NESTED):
        return [_NULL if value is None else _nested(value) for value in column.to_pylist()]
    return [_NULL if text is None else _folded(text) for text in _texts(column)]


def _texts(column: pa.ChunkedArray) -> Iterator[str | None]:
    try:
        texts = column.cast(pa.string()).to_pylist()
    except pa.ArrowException:  # such as bytes, and intervals
        texts = [str(value) if value.is_valid else None for value in column]
    if not pa.types.is_timestamp(column.type):
        return iter(texts)
    return (text and re.sub(r"\.?0+(?=Z?$)", "", text.replace(" ", "T"), count=1) for text in texts)


def _nested(value: Any) -> str:
    if value in ({}, []):
        return escape(_text(value))
    head = ", ".join(value) if isinstance(value, dict) else counted(len(value), "item")
    whole = orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()
    return f"<details><summary>{escape(head[:LONGEST])}</summary><pre>{escape(whole)}</pre></details>"


def _folded(text: str) -> str:
    has_lines = "\n" in text
    whole = f"<pre>{escape(text)}</pre>" if has_lines else escape(text)
    if len(text) <= (LONGEST_OF_LINES if has_lines else LONGEST):
        return whole
    return f"<details><summary>{escape(text[:LONGEST])}…</summary>{whole}</details>"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


_NULL = "<i>NULL</i>"

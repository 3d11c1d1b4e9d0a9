"""Renders a result as HTML for a notebook: its first rows, warnings, missing rows, outcomes and calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

import orjson
import pyarrow as pa

from sqlprov.errors import format_count
from sqlprov.output.values import to_json_values, to_text

ROWS = 50
"""Most rows, outcomes or calls to show."""
LONGEST, LONGEST_OF_LINES = 160, 4_000
"""Characters above which a value is folded: on one line, and on several, as in a plan."""
_STYLE = (
    "<style>.sqlprov th, .sqlprov td { text-align: left !important; vertical-align: top } "
    ".sqlprov th.number, .sqlprov td.number { text-align: right !important; font-variant-numeric: tabular-nums } "
    ".sqlprov td { white-space: pre-wrap } "
    ".sqlprov pre { margin: 0; white-space: pre; font-family: monospace; line-height: 1.2 }</style>"
)
_NUMBERS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
_NESTED = (pa.types.is_struct, pa.types.is_list, pa.types.is_large_list, pa.types.is_map)


def render(
    rows: pa.Table | None,
    summary: str,
    *,
    warnings: Sequence[str],
    missing: Sequence[str],
    details: Mapping[str, Sequence[Mapping[str, Any]]],
) -> str:
    """A table of at most ROWS rows, lines below it, and a folded table for each of `details` that is not empty.

    Args:
        rows: more than ROWS if there are more; `None` if the statement has no rows.
        details: such as `{"call": [{"operation": "ListModels", "rows": 3}]}`; equal keys in each row.
    """
    parts = []
    if rows is not None:
        parts.append(
            _format_table(
                rows.column_names,
                [any(is_number(kind) for is_number in _NUMBERS) for kind in rows.schema.types],
                zip(*map(_format_cells, rows.slice(0, ROWS).columns), strict=True),
            )
        )
        if rows.num_rows > ROWS:
            parts.append(f"<p>The first {ROWS} rows are shown.</p>")
    parts.append(f"<p>{escape(summary)}</p>")
    parts += [f"<p><b>Warning:</b> {escape(warning)}</p>" for warning in warnings]
    parts += [f"<p><b>Missing:</b> {escape(error)}</p>" for error in missing]
    parts += [_format_details(thing, values) for thing, values in details.items() if values]
    return f'{_STYLE}<div class="sqlprov">{"".join(parts)}</div>'


def _format_details(thing: str, values: Sequence[Mapping[str, Any]]) -> str:
    rows = ([_fold(_format_text(value)) for value in row.values()] for row in values[:ROWS])
    cut = f", the first {ROWS}" if len(values) > ROWS else ""
    table = _format_table(
        list(values[0]), [isinstance(value, int | float) for value in values[0].values()], rows
    )
    return f"<details><summary>{format_count(len(values), thing)}{cut}</summary>{table}</details>"


def _format_table(names: Sequence[str], numeric: Sequence[bool], rows: Iterable[Sequence[str]]) -> str:
    marks = [' class="number"' if each else "" for each in numeric]
    head = "".join(f"<th{mark}>{escape(name)}</th>" for name, mark in zip(names, marks, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{mark}>{cell}</td>" for cell, mark in zip(row, marks, strict=True)) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _format_cells(column: pa.ChunkedArray) -> list[str]:
    if any(is_nested(column.type) for is_nested in _NESTED):
        values = (value for chunk in column.chunks for value in to_json_values(chunk))
        return [_NULL if value is None else _fold_nested(value) for value in values]
    return [_NULL if text is None else _fold(text) for text in _read_texts(column)]


def _read_texts(column: pa.ChunkedArray) -> Iterator[str | None]:
    if pa.types.is_timestamp(column.type):
        return (text for chunk in column.chunks for text in to_text(chunk).to_pylist())
    try:
        return iter(column.cast(pa.string()).to_pylist())
    except pa.ArrowException:  # such as bytes, and intervals
        return (str(value) if value.is_valid else None for value in column)


def _fold_nested(value: Any) -> str:
    if value in ({}, []):
        return escape(_format_text(value))
    head = ", ".join(value) if isinstance(value, dict) else format_count(len(value), "item")
    whole = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return f"<details><summary>{escape(head[:LONGEST])}</summary><pre>{escape(whole)}</pre></details>"


def _fold(text: str) -> str:
    has_lines = "\n" in text
    whole = f"<pre>{escape(text)}</pre>" if has_lines else escape(text)
    if len(text) <= (LONGEST_OF_LINES if has_lines else LONGEST):
        return whole
    return f"<details><summary>{escape(text[:LONGEST])}…</summary>{whole}</details>"


def _format_text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


_NULL = "<i>NULL</i>"

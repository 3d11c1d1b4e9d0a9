"""Writes a GitHub Markdown table; nothing before the last row is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from sqlprov.output.values import mark_null, read_text_columns

if TYPE_CHECKING:
    from sqlprov.output import RowStream

# Characters that end a cell or start HTML.
_ESCAPES = str.maketrans(
    {"\\": "\\\\", "|": "\\|", "&": "&amp;", "<": "&lt;", "\r": "", "\n": "<br>", "\0": "\ufffd"}
)


def write(rows: RowStream, stream: BinaryIO, width: int | None = None) -> int:
    names, columns = read_text_columns(rows)
    heads = [name.translate(_ESCAPES) for name in names]
    bodies = [[mark_null(text).translate(_ESCAPES) for text in column] for column in columns]
    widths = [max(3, len(head), *map(len, body)) for head, body in zip(heads, bodies, strict=True)]
    lines = [_format_line(heads, widths), _format_line(["-" * size for size in widths], widths)]
    lines.extend(_format_line(row, widths) for row in zip(*bodies, strict=True))
    stream.write("\n".join([*lines, ""]).encode())
    return len(lines) - 2


def _format_line(row: list[str] | tuple[str, ...], widths: list[int]) -> str:
    return "| " + " | ".join(text.ljust(size) for text, size in zip(row, widths, strict=True)) + " |"

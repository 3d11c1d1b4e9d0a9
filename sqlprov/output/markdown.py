"""A Result in, a Markdown table (GitHub's) out; complete or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from sqlprov.output._values import cells

if TYPE_CHECKING:
    from sqlprov.output import Result

# What would end the cell or be taken for HTML.
_ESCAPES = str.maketrans(
    {"\\": "\\\\", "|": "\\|", "&": "&amp;", "<": "&lt;", "\r": "", "\n": "<br>", "\0": "\ufffd"}
)


def write(result: Result, stream: BinaryIO, width: int | None = None) -> int:
    names, columns = cells(result)
    heads = [name.translate(_ESCAPES) for name in names]
    bodies = [["NULL" if text is None else text.translate(_ESCAPES) for text in column] for column in columns]
    widths = [max(3, len(head), *map(len, body)) for head, body in zip(heads, bodies, strict=True)]
    lines = [_line(heads, widths), _line(["-" * size for size in widths], widths)]
    lines.extend(_line(row, widths) for row in zip(*bodies, strict=True))
    stream.write("\n".join([*lines, ""]).encode())
    return len(lines) - 2


def _line(row: list[str] | tuple[str, ...], widths: list[int]) -> str:
    return "| " + " | ".join(text.ljust(size) for text, size in zip(row, widths, strict=True)) + " |"

"""A Result in, columns for people out; complete or not at all, and never a value cut short.

Values wider than their share of the line fold; where the shares are too narrow to read, each row becomes a
block with one column a line. The layout is our own because rich's takes a minute for 100,000 rows.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

import orjson
import pyarrow as pa

from sqlprov.output._values import cells

if TYPE_CHECKING:
    from sqlprov.output import Result

_GAP = "  "
_READABLE = 12  # a column folded to less is not read but deciphered
_MARGIN = 20  # the least that a block leaves for a value

# A cloud's text is not ours: a terminal would obey its control characters.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code != ord("\n")}


def write(result: Result, stream: BinaryIO, width: int | None = None) -> int:
    terminal = stream.isatty()
    if width is None and terminal:
        width = shutil.get_terminal_size().columns
    sheet = Sheet(result)
    lines = sheet.grid(width, bold=terminal and coloured()) or sheet.blocks(width or 0)
    stream.write("\n".join([*lines, ""]).encode())
    return sheet.rows


class Sheet:
    """The rows of a result as text, to be laid out for a terminal.

    Raises:
        Error: what reading the rows meets.
    """

    def __init__(self, result: Result) -> None:
        names, columns = cells(result)
        self._heads = [shown(name).replace("\n", " ") for name in names]
        self._bodies = [[shown(text) for text in column] for column in columns]
        self._kinds = list(result.schema.types)
        self.rows = len(columns[0]) if columns else 0

    def grid(self, width: int | None, *, widest: int | None = None, bold: bool = False) -> list[str] | None:
        """Lines of at most `width` cells, or as wide as the values with `None`; `None` if they were unreadable.

        No column is wider than `widest`.
        """
        sizes = [_size([head, *body]) for head, body in zip(self._heads, self._bodies, strict=True)]
        sizes = [min(size, widest) if widest else size for size in sizes]
        widths = _shares(sizes, width - len(_GAP) * (len(sizes) - 1)) if width else sizes
        if widths is None and not self.rows:
            widths = sizes
        if widths is None:
            return None
        numeric = [
            pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
            for kind in self._kinds
        ]
        return _grid(self._heads, self._bodies, widths, numeric, bold=bold)

    def blocks(self, width: int, *, pretty: bool = False, bold: bool = False) -> list[str]:
        """Each row as a block with one column a line; `pretty` spreads nested values over several."""
        bodies = self._bodies
        if pretty:
            bodies = [
                [_spread(text) for text in body] if pa.types.is_nested(kind) else body
                for kind, body in zip(self._kinds, bodies, strict=True)
            ]
        return _blocks(self._heads, bodies, width, bold=bold)


def _spread(text: str) -> str:
    """JSON with one member a line."""
    try:
        return orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:  # NULL, or a union
        return text


def coloured() -> bool:
    """Whether a terminal is to be given more than plain text."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


def shown(text: str | None) -> str:
    """A text of the cloud's, with nothing in it that a terminal would obey."""
    return "NULL" if text is None else text.replace("\r\n", "\n").translate(_CONTROLS)


def _width(text: str) -> int:
    """Cells that one line takes on a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _size(texts: Sequence[str]) -> int:
    return max(_width(line) for text in texts for line in text.split("\n"))


def _shares(sizes: list[int], room: int) -> list[int] | None:
    """Widths that fit into `room`: narrow columns keep theirs, the wide ones share the rest; None if unreadable."""
    widths = dict(enumerate(sizes))
    wide = set(widths)
    while sum(widths.values()) > room:
        share = (room - sum(widths[at] for at in widths if at not in wide)) // len(wide)
        narrow = {at for at in wide if sizes[at] <= share}
        if not narrow:
            if share < _READABLE:
                return None
            widths.update(dict.fromkeys(wide, share))
            break
        wide -= narrow
    return list(widths.values())


def _grid(
    heads: list[str], bodies: list[list[str]], widths: list[int], numeric: list[bool], *, bold: bool
) -> list[str]:
    lines = _row(heads, widths, numeric)
    if bold:
        lines = [f"\x1b[1m{line}\x1b[0m" for line in lines]
    lines.append(_GAP.join("-" * width for width in widths))
    for row in zip(*bodies, strict=True):
        lines.extend(_row(row, widths, numeric))
    return lines


def _row(texts: Sequence[str], widths: list[int], numeric: list[bool]) -> list[str]:
    folded = [_folded(text, width) for text, width in zip(texts, widths, strict=True)]
    lines = []
    for at in range(max(map(len, folded))):
        parts = []
        for part, width, right in zip(folded, widths, numeric, strict=True):
            text = part[at] if at < len(part) else ""
            padding = " " * (width - _width(text))
            parts.append(padding + text if right else text + padding)
        lines.append(_GAP.join(parts).rstrip())
    return lines


def _folded(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` cells."""
    if "\n" not in text and _width(text) <= width:
        return [text]
    from rich.cells import chop_cells

    return [part for line in text.split("\n") for part in (chop_cells(line, width) or [""])]


def _blocks(heads: list[str], bodies: list[list[str]], width: int, *, bold: bool) -> list[str]:
    """Each row as a numbered block, its columns one below the other."""
    margin = min(_size(heads), max(width - len(_GAP) - _MARGIN, _READABLE))
    room = max(width - margin - len(_GAP), _READABLE)
    lines = []
    for number, row in enumerate(zip(*bodies, strict=True), start=1):
        line = f"-- row {number} ".ljust(margin + len(_GAP) + min(room, _MARGIN), "-")
        lines.append(f"\x1b[1m{line}\x1b[0m" if bold else line)
        for head, text in zip(heads, row, strict=True):
            lines.extend(_row((head, text), [margin, room], [False, False]))
    return lines

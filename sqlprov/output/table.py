"""Writes aligned columns; nothing before the last row is read.

No value is truncated unless the shell asks for rows of one line; a terminal cuts the types of DESCRIBE, some of which
fill pages. Values wider than their share of the line fold between words, and JSON between its tokens. If the shares are
too narrow to read, each row becomes a block with one column per line. The layout is our own because rich takes a minute
for 100,000 rows.
"""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, BinaryIO

import orjson
import pyarrow as pa

from sqlprov.output.values import mark_null, read_text_columns

if TYPE_CHECKING:
    from sqlprov.output import RowStream

_GAP = "  "
_MIN_WIDTH = 12  # a narrower column is unreadable
_MIN_VALUE = 20  # in a block, or in a row of one line
_CUT, _NARROWEST = 27, 16
"""Widest cell of a row of one line if not all columns fit, which a time fills; and the narrowest of a cut value."""
_LONGEST_WORD, _SAMPLE = 32, 1000
_STRING = r'"(?:[^"\\]|\\.)*"'
_TOKENS = (  # of text to fold, the coarsest first: JSON's members, words, characters
    re.compile(
        r'"(?:[^"\\]|\\.)*"(?:: ?"(?:[^"\\]|\\.)*"|: ?[^\s",{}\[\]]+)?[\]},:]*|[^\s",:/;&=]+[\s,:/;&=]*|.',
        re.DOTALL,
    ),
    re.compile(r"[^\s,:/;&=._-]+[\s,:/;&=._-]*|.", re.DOTALL),
    re.compile(".", re.DOTALL),
)
_ELIDED = 60
"""Characters that a terminal shows of a value in a column with ELIDE."""
ELIDE = b"elide"
"""Key in the metadata of a field whose values may be cut on a terminal."""

# Text from the cloud is untrusted, and terminals obey control characters.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code != ord("\n")}


def write(rows: RowStream, stream: BinaryIO, width: int | None = None) -> int:
    terminal = stream.isatty()
    if width is None and terminal:
        width = shutil.get_terminal_size().columns
    layout = TextLayout(rows, elide=terminal)
    lines = layout.render_grid(width, bold=terminal and is_color_enabled()) or layout.render_blocks(
        width or 0
    )
    stream.write("\n".join([*lines, ""]).encode())
    return layout.count


class TextLayout:
    """Rows as text, laid out for a terminal; all rows are read at once.

    Args:
        rows: the rows.
        elide: whether values may be cut in the columns that allow it.
    """

    def __init__(self, rows: RowStream | pa.Table, *, elide: bool) -> None:
        names, columns = read_text_columns(rows)
        self._headers = [sanitize(name).replace("\n", " ") for name in names]
        self._bodies = [[sanitize(mark_null(text)) for text in column] for column in columns]
        for field, body in zip(rows.schema, self._bodies, strict=True):
            if elide and ELIDE in (field.metadata or {}):
                body[:] = [text if len(text) <= _ELIDED else f"{text[: _ELIDED - 1]}…" for text in body]
        self._kinds = list(rows.schema.types)
        self.count = len(columns[0]) if columns else 0

    def render_grid(
        self, width: int | None, *, widest: int | None = None, is_low: bool = False, bold: bool = False
    ) -> list[str] | None:
        """Lines of at most `width` cells, or of any width; `None` if columns would be too narrow to read.

        Args:
            widest: cells of the widest column.
            is_low: also `None` if a row would take more than three lines for each of its own.
        """
        sizes = [min(size, widest) if widest else size for size in self._measure()]
        widths: list[int] | None = sizes
        if width and sum(sizes) > (room := width - len(_GAP) * (len(sizes) - 1)):
            # Names keep their width where sentences can give way.
            words = [
                min(size, _find_widest_word(body)) for size, body in zip(sizes, self._bodies, strict=True)
            ]
            widths = _share_width(sizes, room, words) or _share_width(sizes, room, [0] * len(sizes))
        if widths is None and not self.count:
            widths = sizes
        if widths is None:
            return None
        if is_low and any(
            len(_fold(text, size)) > 3 * (text.count("\n") + 1)
            for size, body in zip(widths, self._bodies, strict=True)
            for text in body
        ):
            return None
        return _format_grid(self._headers, self._bodies, widths, self._find_numeric(), bold=bold)

    def render_cut_grid(self, width: int, *, bold: bool = False) -> tuple[list[str], int]:
        """One line for each row, of at most `width` cells, and the number of columns shown.

        Values are cut. If there are too many columns, those before the last are left out, as DuckDB's shell leaves out
        some in the middle.
        """
        sizes = self._measure()
        last = len(sizes) - 1
        shown = list(range(len(sizes)))
        widths = _share_width(sizes, width - len(_GAP) * last, [_MIN_VALUE] * len(sizes))
        if widths is None:
            widths = [min(size, _CUT) for size in sizes]
            ends = (
                [] if self._bodies[last] in self._bodies[:last] else [last]
            )  # a column that repeats another says nothing
            room, shown = width - 1 - sum(len(_GAP) + widths[n] for n in ends), []  # 1 for the ellipsis
            for n in range(last):
                room -= len(_GAP)
                if widths[n] > room < _NARROWEST:
                    break
                widths[n] = min(widths[n], room)
                room -= widths[n]
                shown.append(n)
            shown += ends
        columns = [[_cut(text, widths[n]) for text in (self._headers[n], *self._bodies[n])] for n in shown]
        sizes = [widths[n] for n in shown]
        numeric = [self._find_numeric()[n] for n in shown]
        if len(shown) <= last:
            at = len(shown) - (last in shown)
            columns.insert(at, ["…"] * (self.count + 1))
            sizes.insert(at, 1)
            numeric.insert(at, False)
        heads, bodies = [column[0] for column in columns], [column[1:] for column in columns]
        return _format_grid(heads, bodies, sizes, numeric, bold=bold), len(shown)

    def _measure(self) -> list[int]:
        return [
            _find_max_width([header, *body]) for header, body in zip(self._headers, self._bodies, strict=True)
        ]

    def _find_numeric(self) -> list[bool]:
        return [
            pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
            for kind in self._kinds
        ]

    def render_blocks(self, width: int, *, pretty: bool = False, bold: bool = False) -> list[str]:
        """Each row as a block with one column per line; `pretty` puts each member of a nested value on a line."""
        bodies = self._bodies
        if pretty:
            bodies = [
                [_indent_json(text) for text in body] if pa.types.is_nested(kind) else body
                for kind, body in zip(self._kinds, bodies, strict=True)
            ]
        return _format_blocks(self._headers, bodies, width, bold=bold)


def _indent_json(text: str) -> str:
    """JSON with one member per line."""
    try:
        return orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:  # NULL, or a union
        return text


def is_color_enabled() -> bool:
    """Whether a terminal supports more than plain text."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


def sanitize(text: str) -> str:
    """Escape the control characters in text from the cloud."""
    return text.replace("\r\n", "\n").translate(_CONTROLS)


def _measure_width(text: str) -> int:
    """Terminal cells of a line."""
    return len(text) if text.isascii() else sum(map(_count_cells, text))


@cache
def _count_cells(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):  # marks that combine, joiners
        return 0
    return 2 if unicodedata.east_asian_width(char) in "FW" else 1


def _find_max_width(texts: Sequence[str]) -> int:
    return max(_measure_width(line) for text in texts for line in text.split("\n"))


def _find_widest_word(texts: Sequence[str]) -> int:
    """Cells of the widest token of the first rows; 0 if it is too wide to keep on a line."""
    widest = max((len(token) for text in texts[:_SAMPLE] for token in _TOKENS[0].findall(text)), default=0)
    return widest if widest <= _LONGEST_WORD else 0


def _share_width(sizes: list[int], room: int, least: list[int]) -> list[int] | None:
    """Column widths that fit into `room`: narrow columns keep theirs, and wide ones share the rest.

    A column gets no less than its `least`. `None` if that does not fit, or a share is too narrow to read.
    """
    widths = dict(enumerate(sizes))
    wide = set(widths)
    while sum(widths.values()) > room:
        if not wide:
            return None
        share = (room - sum(widths[at] for at in widths if at not in wide)) // len(wide)
        settled = {at for at in wide if sizes[at] <= share}
        if not settled:
            settled = {at for at in wide if least[at] > share}
            widths.update({at: min(sizes[at], least[at]) for at in settled})
        if not settled:
            if share < _MIN_WIDTH:
                return None
            widths.update(dict.fromkeys(wide, share))
            break
        wide -= settled
    return list(widths.values())


def _format_grid(
    headers: list[str], bodies: list[list[str]], widths: list[int], numeric: list[bool], *, bold: bool
) -> list[str]:
    lines = _format_row(headers, widths, numeric)
    if bold:
        lines = [f"\x1b[1m{line}\x1b[0m" for line in lines]
    lines.append(_GAP.join("-" * width for width in widths))
    for row in zip(*bodies, strict=True):
        lines.extend(_format_row(row, widths, numeric))
    return lines


def _format_row(texts: Sequence[str], widths: list[int], numeric: list[bool]) -> list[str]:
    columns = [_fold(text, width) for text, width in zip(texts, widths, strict=True)]
    lines = []
    for at in range(max(map(len, columns))):
        parts = []
        for part, width, right in zip(columns, widths, numeric, strict=True):
            text = part[at] if at < len(part) else ""
            padding = " " * (width - _measure_width(text))
            parts.append(padding + text if right else text + padding)
        lines.append(_GAP.join(parts).rstrip())
    return lines


def _fold(text: str, width: int) -> list[str]:
    """Split `text` into lines of at most `width` cells."""
    if "\n" not in text and _measure_width(text) <= width:
        return [text]
    return [part for line in text.split("\n") for part in _chop(line, width)]


def _chop(line: str, width: int) -> list[str]:
    parts, left = [""], width
    for token in _split(line, width):
        left -= _measure_width(token)
        if left < 0:
            parts.append("")
            left = width - _measure_width(token)
        parts[-1] += token
    return parts


def _split(text: str, width: int, level: int = 0) -> Iterator[str]:
    """The largest tokens that are not wider than `width`."""
    for token in _TOKENS[level].findall(text):
        if _measure_width(token) > width and level + 1 < len(_TOKENS):
            yield from _split(token, width, level + 1)
        else:
            yield token


def _cut(text: str, width: int) -> str:
    """One line of at most `width` cells."""
    if "\n" not in text and _measure_width(text) <= width:
        return text
    line = text.split("\n")[0]
    if line.startswith("arn:"):  # its end is what differs
        return f"…{line[1 - width :]}"
    return f"{_chop(line, max(width - 1, 1))[0].rstrip()}…"


def _format_blocks(headers: list[str], bodies: list[list[str]], width: int, *, bold: bool) -> list[str]:
    """Each row as a numbered block, with one column per line."""
    margin = min(_find_max_width(headers), max(width - len(_GAP) - _MIN_VALUE, _MIN_WIDTH))
    room = max(width - margin - len(_GAP), _MIN_WIDTH)
    lines = []
    for number, row in enumerate(zip(*bodies, strict=True), start=1):
        line = f"-- row {number} ".ljust(margin + len(_GAP) + min(room, _MIN_VALUE), "-")
        lines.append(f"\x1b[1m{line}\x1b[0m" if bold else line)
        for header, text in zip(headers, row, strict=True):
            lines.extend(_format_row((header, text), [margin, room], [False, False]))
    return lines

"""The SQL of `sqlprov exec`, and the file and line of its errors."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from sqlprov.errors import Error, ProgrammingError, suggest
from sqlprov.records import dataclass

_BETWEEN = "\n;\n"  # ends a statement, and a comment of its last line
_CARET = r"(?m)^LINE (\d+): (.*\n)( *)\^"


@dataclass(frozen=True)
class SqlSource:
    """SQL to run.

    Attributes:
        text: the SQL.
        place: offset in `text` -> the file, `None` for SQL of the command line, and the line, from 1, in the file or
            template.
    """

    text: str
    place: Callable[[int], tuple[str | None, int]]

    def locate(self, error: Error) -> Error:
        """The same error, with file and line in its message."""
        from sqlprov.sql.lexer import tokenize

        message, first = str(error), error.offset or 0
        caret = re.search(_CARET, message)
        file, line = None, 0
        if caret:
            lines = self.text[first:].split("\n")[: int(caret[1]) - 1]
            start = first + sum(len(each) + 1 for each in lines)
            column = max(len(caret[3]) - len(f"LINE {caret[1]}: "), 0)
            end = self.text.find("\n", start)
            file, line = self.place(min(start + column, len(self.text) if end < 0 else end))
            shift = " " * (len(str(line)) - len(caret[1]))
            located = f"LINE {line}: {caret[2]}{shift}{caret[3]}^"
            message = message[: caret.start()] + located + message[caret.end() :]
        elif error.offset is not None:
            file, line = self.place(first + tokenize(self.text[first:])[0].start)
        if file:
            message = f"{file}:{line}: {message}"
        error.args = (message, *error.args[1:])
        return error


def use_sql(text: str, file: str | None) -> SqlSource:
    """Use SQL as it is."""
    return SqlSource(text, lambda offset: (file, text.count("\n", 0, offset) + 1))


def render_sql(
    scripts: Iterable[tuple[str, str | None]], variables: Mapping[str, Any], required: Iterable[str]
) -> list[SqlSource]:
    """Render templates, each with its file, which together must use each `required` variable.

    Raises:
        Error: as `templates.render`, or no template uses a variable.
    """
    from sqlprov.frontends.templates import render

    sources: list[SqlSource] = []
    names: set[str] = set()
    for text, file in scripts:
        try:
            rendered = render(text, variables)
        except Error as error:
            raise use_sql(text, file).locate(error) from None
        sources.append(SqlSource(rendered.text, _locate_in(file, rendered.line)))
        names |= rendered.names
    for name in required:
        if name not in names:
            raise ProgrammingError(f"The template has no variable {name!r}.{suggest(name, names)}")
    return sources


def _locate_in(file: str | None, line: Callable[[int], int]) -> Callable[[int], tuple[str | None, int]]:
    return lambda offset: (file, line(offset))


def join_sources(sources: Sequence[SqlSource]) -> SqlSource:
    """One script of all sources.

    Raises:
        Error: a source has a literal or comment that is not closed.
    """
    if len(sources) > 1:
        from sqlprov.sql.lexer import tokenize

        for source in sources:
            try:
                tokenize(source.text)
            except Error as error:
                raise source.locate(error) from None
    starts = list(accumulate((len(source.text) + len(_BETWEEN) for source in sources), initial=0))[:-1]

    def place(offset: int) -> tuple[str | None, int]:
        index = bisect_right(starts, offset) - 1
        return sources[index].place(offset - starts[index])

    return SqlSource(_BETWEEN.join(source.text for source in sources), place)

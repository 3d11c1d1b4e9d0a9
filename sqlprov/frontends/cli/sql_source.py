"""The SQL of `sqlprov exec`, and the file and line of its errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlprov.errors import Error, ProgrammingError, suggest
from sqlprov.records import dataclass

_CARET = re.compile(r"^LINE (\d+): (.*\n)( *)\^", re.MULTILINE)


@dataclass(frozen=True)
class SqlSource:
    """SQL to run.

    Attributes:
        text: the SQL.
        file: its file; `None` if the SQL is from the command line.
        line: offset in `text` -> line, from 1, of the file or template.
    """

    text: str
    file: str | None
    line: Callable[[int], int]

    def locate(self, error: Error) -> Error:
        """The same error, with file and line in its message."""
        from sqlprov.sql.lexer import tokenize

        message, first = str(error), error.offset or 0
        caret = _CARET.search(message)
        line = None
        if caret:
            lines = self.text[first:].split("\n")[: int(caret[1]) - 1]
            start = first + sum(len(each) + 1 for each in lines)
            column = max(len(caret[3]) - len(f"LINE {caret[1]}: "), 0)
            end = self.text.find("\n", start)
            line = self.line(min(start + column, len(self.text) if end < 0 else end))
            shift = " " * (len(str(line)) - len(caret[1]))
            located = f"LINE {line}: {caret[2]}{shift}{caret[3]}^"
            message = message[: caret.start()] + located + message[caret.end() :]
        elif error.offset is not None:
            line = self.line(first + tokenize(self.text[first:])[0].start)
        if self.file and line:
            message = f"{self.file}:{line}: {message}"
        error.args = (message, *error.args[1:])
        return error


def use_sql(text: str, file: str | None) -> SqlSource:
    """Use SQL as it is."""
    return SqlSource(text, file, lambda offset: text.count("\n", 0, offset) + 1)


def render_sql(
    text: str, file: str | None, variables: Mapping[str, Any], required: Iterable[str]
) -> SqlSource:
    """Render a template, which must use each `required` variable.

    Raises:
        Error: as `templates.render`, or the template does not use a variable.
    """
    from sqlprov.frontends.templates import render

    try:
        rendered = render(text, variables)
    except Error as error:
        raise use_sql(text, file).locate(error) from None
    for name in required:
        if name not in rendered.names:
            raise ProgrammingError(f"The template has no variable {name!r}.{suggest(name, rendered.names)}")
    return SqlSource(rendered.text, file, rendered.line)

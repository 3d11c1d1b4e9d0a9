"""Where SQL comes from, and variables, in; the SQL to be run, and how errors tell its places, out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlprov.errors import Error, ProgrammingError, suggest

_PLACE = re.compile(r"^LINE (\d+): (.*\n)( *)\^", re.MULTILINE)


@dataclass(frozen=True)
class Source:
    """SQL to be run.

    Attributes:
        text: the SQL.
        file: its name; `None` if the SQL stood on the command line.
        line: gives the line, from 1, of the file or template behind a place of `text`.
    """

    text: str
    file: str | None
    line: Callable[[int], int]

    def located(self, error: Error) -> Error:
        """The same error, its message with the file and its lines."""
        from sqlprov.sql.lexer import tokenize

        message, first = str(error), error.offset or 0
        place = _PLACE.search(message)
        line = None
        if place:
            lines = self.text[first:].split("\n")[: int(place[1]) - 1]
            start = first + sum(len(each) + 1 for each in lines)
            column = max(len(place[3]) - len(f"LINE {place[1]}: "), 0)
            end = self.text.find("\n", start)
            line = self.line(min(start + column, len(self.text) if end < 0 else end))
            shift = " " * (len(str(line)) - len(place[1]))
            told = f"LINE {line}: {place[2]}{shift}{place[3]}^"
            message = message[: place.start()] + told + message[place.end() :]
        elif error.offset is not None:
            line = self.line(first + tokenize(self.text[first:])[0].start)
        if self.file and line:
            message = f"{self.file}:{line}: {message}"
        error.args = (message, *error.args[1:])
        return error


def written(text: str, file: str | None) -> Source:
    """SQL that is run as it is written."""
    return Source(text, file, lambda offset: text.count("\n", 0, offset) + 1)


def rendered(text: str, file: str | None, variables: Mapping[str, Any], needed: Mapping[str, Any]) -> Source:
    """SQL that a template makes of `variables`, each `needed` one of which it must use.

    Raises:
        Error: as `templates.render` does, or a variable that the template does not use.
    """
    from sqlprov.frontends.templates import render

    try:
        found = render(text, variables)
    except Error as error:
        raise written(text, file).located(error) from None
    for name in needed:
        if name not in found.names:
            raise ProgrammingError(f"The template uses no variable {name!r}.{suggest(name, found.names)}")
    return Source(found.text, file, found.line)

"""Errors as PostgreSQL reports them: SQLSTATE, message, detail, hint and position."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlprov import errors

Fields = list[tuple[str, str]]
"""Letters and texts of an ErrorResponse; S is the severity, C the SQLSTATE, M the message, P the position."""


class ServerError(errors.Error):
    """An error of the server itself, with a code and a hint of its own."""

    def __init__(self, sqlstate: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.sqlstate, self.hint = sqlstate, hint


_FOREIGN = {errors.Unreachable.sqlstate: "HV00N", errors.BrokenReply.sqlstate: "HV000"}
"""Codes of class 08 -> those for errors of a foreign server: pools close a connection that reports one of class 08."""
_BY_MESSAGE: tuple[tuple[str, str], ...] = (
    (r"session is read-only|attached in read-only mode", "25006"),
    (r"refused within BEGIN", "25001"),
    (r"Unknown (provider|service)|because schema|Schema with name .* does not exist", "3F000"),
    (r"[Cc]olumn .*(not found|does not have)|does not have a column", "42703"),
    (r"Function with name|macro|No function matches|Could not choose a best candidate", "42883"),
    (r"Table with name|Unknown table", "42P01"),
    (r"unrecognized configuration parameter", "42704"),
    (r"Ambiguous reference", "42702"),
    (r"must appear in the GROUP BY", "42803"),
    (r"already exists", "42P07"),
    (r"[Dd]ivision by zero", "22012"),
    (r"out of range|Overflow", "22003"),
    (r"Conversion Error", "22P02"),
    (r"[Dd]uplicate key|PRIMARY KEY or UNIQUE", "23505"),
    (r"NOT NULL constraint", "23502"),
    (r"FOREIGN KEY|foreign key", "23503"),
    (r"CHECK constraint", "23514"),
    (r"Expected .* parameters|Values were not provided|prepared statement parameters", "08P01"),
)
"""Part of a message -> the SQLSTATE that says more than the class of the error."""
_VAGUE = (errors.ProgrammingError, errors.DataError, errors.IntegrityError, errors.NotSupportedError)
_CARET = re.compile(r"\n*^LINE (\d+): (.*)\n( *)\^.*$", re.MULTILINE)
_HINT = re.compile(r"(?:^|[ \n])(Did you mean .*|Candidate bindings: .*|Candidate functions:(?:.|\n)*)$")


def describe_error(error: Exception, text: str = "", offset: int = 0, severity: str = "ERROR") -> Fields:
    """The fields of an error.

    Args:
        error: any error; one that is not sqlprov's is a bug.
        text: the statement, to find the place that the message points at.
        offset: where the statement begins in the text that the client sent.
        severity: FATAL ends the connection.
    """
    message = str(error) if isinstance(error, errors.Error) else f"{type(error).__name__}: {error}"
    position = _find_position(message, text)
    shown = _CARET.sub("", message).strip()
    hint = error.hint if isinstance(error, ServerError) else ""
    if match := _HINT.search(shown):
        hint, shown = match[1].strip(), shown[: match.start()].strip()
    first, _, rest = shown.partition("\n")
    return [
        ("S", severity),
        ("V", severity),
        ("C", find_sqlstate(error)),
        ("M", first),
        ("D", "\n".join(filter(None, [rest.strip(), *_list_details(error)]))),
        ("H", hint or _suggest(error)),
        ("P", "" if position is None else str(offset + position + 1)),
    ]


def find_sqlstate(error: Exception) -> str:
    """The five characters that say what kind of error it is."""
    if isinstance(error, ServerError):
        return error.sqlstate
    message = str(error)
    if isinstance(error, _VAGUE) and not isinstance(error, errors.MalformedSQL | errors.RegionError):
        for pattern, state in _BY_MESSAGE:
            if re.search(pattern, message):
                return state
    state = getattr(error, "sqlstate", errors.InternalError.sqlstate)
    return _FOREIGN.get(state, state)


def describe_notice(text: str) -> Fields:
    """The fields of a warning."""
    first, _, rest = text.partition("\n")
    return [("S", "WARNING"), ("V", "WARNING"), ("C", "01000"), ("M", first), ("D", rest.strip())]


def _list_details(error: Exception) -> Iterator[str]:
    if isinstance(error, errors.OperationalError) and error.operation:
        named = (("in", error.region), ("code", error.code), ("request", error.request_id))
        yield " ".join([f"Call: {error.operation}", *(f"{word} {value}" for word, value in named if value)])
    yield from getattr(error, "__notes__", ())


def _suggest(error: Exception) -> str:
    permission = getattr(error, "permission", "")
    return f"Allow the IAM action {permission}." if permission else ""


def _find_position(message: str, text: str) -> int | None:
    """The character of `text` under the message's caret, from 0; `None` if there is no caret."""
    match = _CARET.search(message)
    if match is None or not text:
        return None
    number, shown, blanks = int(match[1]), match[2], match[3]
    column = len(blanks) - len(f"LINE {number}: ")
    lines = text.split("\n")
    if number > len(lines) or column < 0:
        return None
    line = lines[number - 1]
    if shown.startswith("..."):  # DuckDB shows a part of a long line
        piece = shown[3:].removesuffix("...")
        column += line.find(piece) - 3
    start = sum(len(each) + 1 for each in lines[: number - 1])
    return start + min(max(column, 0), len(line))

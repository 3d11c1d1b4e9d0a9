"""A template and its variables in; SQL, and the template's line behind each place of it, out.

Jinja renders the template with a mark where each value belongs. The marked text is cut into SQL's tokens, so that
every value is written as its place demands; the result is cut again, and a value that reached beyond its place is
refused.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from sqlprov.errors import MalformedSQL
from sqlprov.frontends.templates.marks import Marked, Value, marked
from sqlprov.frontends.templates.places import write
from sqlprov.sql.lexer import Token, tokenize

__all__ = ["Rendered", "render"]


@dataclass(frozen=True)
class _Piece:
    """A token, or what stands between two.

    Attributes:
        text: as it is in the SQL.
        origin: its offset in the marked text.
        value: the first that it holds; `None` if it holds none.
        blank: whether it stands between tokens.
    """

    text: str
    origin: int
    value: Value | None = None
    blank: bool = False

    def tokens(self) -> list[str]:
        """The tokens that it is to be in the SQL."""
        if self.value:
            return [token.text for token in tokenize(self.text, comments=True)]
        return [] if self.blank else [self.text]


@dataclass(frozen=True)
class Rendered:
    """SQL made of a template.

    Attributes:
        text: the SQL.
        names: the variables that the template uses.
    """

    text: str
    names: frozenset[str]
    _starts: tuple[int, ...]
    _pieces: tuple[_Piece, ...]
    _marked: Marked

    def line(self, offset: int) -> int:
        """The template's line, from 1, behind a place of `text`."""
        at = bisect_right(self._starts, offset) - 1
        piece = self._pieces[at]
        end = self._pieces[at + 1].origin if at + 1 < len(self._pieces) else len(self._marked.text)
        return self._marked.line(min(piece.origin + offset - self._starts[at], max(end - 1, piece.origin)))


def render(template: str, variables: Mapping[str, Any]) -> Rendered:
    """The SQL that a Jinja template makes of `variables`.

    Args:
        template: SQL with `{{ … }}` and `{% … %}`.
        variables: texts, numbers, booleans, `None`, and lists and dicts of them.

    Raises:
        MalformedSQL: the template is none, or leaves a literal or comment open.
        UnknownName: it uses a variable that is not given.
        DataError: a value that cannot stand where its placeholder does.
        ProgrammingError: what else Jinja meets.
    """
    found = marked(template, variables)
    try:
        cut = tokenize(found.text, comments=True)
    except MalformedSQL as error:
        raise found.malformed(error) from None
    pieces = tuple(_pieces(found, cut))
    text = "".join(piece.text for piece in pieces)
    _check(text, pieces, found)
    lengths = (len(piece.text) for piece in pieces[:-1])
    return Rendered(text, found.names, tuple(accumulate(lengths, initial=0)), pieces, found)


def _pieces(found: Marked, cut: Sequence[Token]) -> Iterator[_Piece]:
    values = iter(found.values)
    end = 0
    for at, token in enumerate(cut):
        yield _Piece(found.text[end : token.start], end, blank=True)
        end = token.end
        if inside := [next(values) for _ in range(token.text.count(found.mark))]:
            dotted = any(near.is_one_of(".") for near in (*cut[at - 1 : at], *cut[at + 1 : at + 2]))
            yield _Piece(write(token, inside, dotted, found), token.start, inside[0])
        else:
            yield _Piece(token.text, token.start)
    yield _Piece(found.text[end:], end, blank=True)


def _check(text: str, pieces: Sequence[_Piece], found: Marked) -> None:
    """Raises DataError if a value changed the tokens beside its own."""
    expected = [(token, piece.value) for piece in pieces for token in piece.tokens()]
    try:
        got = [token.text for token in tokenize(text, comments=True)]
    except MalformedSQL:
        got = []
    if got == [written for written, _ in expected]:
        return
    values = [value for _, value in expected]
    same = (token == written for token, (written, _) in zip(got, expected, strict=False))
    differs = next((at for at, equal in enumerate(same) if not equal), 0)
    near = (*reversed(values[: differs + 1]), *values[differs + 1 :])
    value = next(value for value in near if value)
    raise found.refused(value, "would run together with what stands beside it")

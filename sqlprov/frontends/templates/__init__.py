"""Renders a Jinja template of SQL, and maps offsets in the SQL to lines of the template.

Jinja renders the template with a marker in place of each value. The lexer splits the result into tokens, and each value
is escaped for its token. Then the SQL is split again; a value that changed other tokens is refused.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from sqlprov.errors import MalformedSQL
from sqlprov.frontends.templates.escaping import escape
from sqlprov.frontends.templates.placeholders import Expansion, Filters, Placeholder, expand
from sqlprov.records import dataclass
from sqlprov.sql.lexer import Token, tokenize

__all__ = ["RenderedTemplate", "render"]


@dataclass(frozen=True)
class _Piece:
    """A token of the SQL, or the text between two tokens.

    Attributes:
        origin: its offset in the expansion. tokens: the strings of its tokens; none between two tokens.
        placeholder: the first in it, if any.
    """

    text: str
    origin: int
    tokens: tuple[str, ...] = ()
    placeholder: Placeholder | None = None


@dataclass(frozen=True)
class RenderedTemplate:
    """The SQL of a template.

    Attributes:
        text: the SQL.
        names: the variables that the template uses.
    """

    text: str
    names: frozenset[str]
    _starts: tuple[int, ...]
    _pieces: tuple[_Piece, ...]
    _expansion: Expansion

    def line(self, offset: int) -> int:
        """The template's line, from 1, of an offset in `text`."""
        at = bisect_right(self._starts, offset) - 1
        piece = self._pieces[at]
        end = self._pieces[at + 1].origin if at + 1 < len(self._pieces) else len(self._expansion.text)
        return self._expansion.line(min(piece.origin + offset - self._starts[at], max(end - 1, piece.origin)))


def render(
    template: str,
    variables: Mapping[str, Any],
    *,
    filters: Filters | None = None,
    text_is_sql: bool = False,
    prepare: Callable[[Any], None] = lambda tree: None,
) -> RenderedTemplate:
    """Render a Jinja template of SQL.

    Args:
        template: SQL with `{{ … }}` and `{% … %}`.
        variables: text, numbers, booleans, `None`, and lists and dicts of them.
        filters: further filters, by name.
        prepare: changes Jinja's tree of the template.
        text_is_sql: whether text outside of literals and quoted names is SQL, as its author meant it.

    Raises:
        MalformedSQL: the template has a syntax error, or leaves a literal or comment open.
        UnknownName: the template uses a variable that is not given.
        DataError: a value does not fit the place of its placeholder.
        ProgrammingError: any other error of Jinja.
    """
    expansion = expand(template, variables, filters or {}, text_is_sql, prepare)
    try:
        tokens = tokenize(expansion.text, comments=True)
    except MalformedSQL as error:
        raise expansion.relocate(error) from None
    pieces = tuple(_fill(expansion, tokens))
    text = "".join(piece.text for piece in pieces)
    _check(text, pieces, expansion)
    lengths = (len(piece.text) for piece in pieces[:-1])
    return RenderedTemplate(text, expansion.names, tuple(accumulate(lengths, initial=0)), pieces, expansion)


def _fill(expansion: Expansion, tokens: Sequence[Token]) -> Iterator[_Piece]:
    """Put the values in place of the markers."""
    placeholders = iter(expansion.placeholders)
    end = 0
    for at, token in enumerate(tokens):
        yield _Piece(expansion.text[end : token.start], end)
        end = token.end
        if inside := [next(placeholders) for _ in range(token.text.count(expansion.marker))]:
            dotted = any(near.is_one_of(".") for near in (*tokens[at - 1 : at], *tokens[at + 1 : at + 2]))
            text = escape(token, inside, dotted, expansion)
            parts = tuple(part.text for part in tokenize(text, comments=True))
            yield _Piece(text, token.start, parts, inside[0])
        else:
            yield _Piece(token.text, token.start, (token.text,))
    yield _Piece(expansion.text[end:], end)


def _check(text: str, pieces: Sequence[_Piece], expansion: Expansion) -> None:
    """Raise DataError if a value changed other tokens than its own."""
    expected = [(token, piece.placeholder) for piece in pieces for token in piece.tokens]
    try:
        actual = [token.text for token in tokenize(text, comments=True)]
    except MalformedSQL:
        actual = []
    if actual == [token for token, _ in expected]:
        return
    equal = (token == wanted for token, (wanted, _) in zip(actual, expected, strict=False))
    first = next((at for at, same in enumerate(equal) if not same), 0)
    nearby = (*reversed(expected[: first + 1]), *expected[first + 1 :])
    placeholder = next(placeholder for _, placeholder in nearby if placeholder)
    raise expansion.build_error(placeholder, "would run into the text next to it")

"""Asks for the states of the rows that a plain query reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sqlprov.sql.lexer import Token, TokenKind, quote_identifier, tokenize
from sqlprov.sql.names import find_live_table

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog

_FOLLOWING = ("WHERE", "ORDER", "LIMIT")


def find_state_query(text: str, catalog: Catalog) -> tuple[str, frozenset[str]] | None:
    """The query for the column `state` of the rows that `SELECT … FROM t WHERE …` reads, and the busy states.

    Returns:
        `None` for any other query, and if the rows of the table have no busy states.
    """
    text = text.strip().rstrip(";")
    outer = [token for token in _list_outer(tokenize(text)) if token.is_one_of("SELECT", "FROM", *_FOLLOWING)]
    words = [token.text.upper() for token in outer]
    if words[:2] != ["SELECT", "FROM"] or words.count("SELECT") != 1 or not text.upper().startswith("SELECT"):
        return None
    start = outer[1]
    end = outer[2].start if len(outer) > 2 else len(text)
    names = tokenize(text[start.end : end])
    parts = names[::2]
    is_path = all(token.text == "." for token in names[1::2]) and len(names) % 2
    if not is_path or any(token.kind not in (TokenKind.WORD, TokenKind.QUOTED) for token in parts):
        return None
    table = find_live_table(catalog, tuple(token.value for token in parts), ())
    if table is None or not table.state.busy:
        return None
    column = quote_identifier(table.state.column)
    return f"SELECT {column} AS state {text[start.start :]}", frozenset(table.state.busy)


def _list_outer(tokens: Sequence[Token]) -> Iterator[Token]:
    """The tokens that are not in parentheses."""
    depth = 0
    for token in tokens:
        depth += token.text in ("(", "[", "{")
        if not depth:
            yield token
        depth -= token.text in (")", "]", "}")

"""Replaces the API's spellings of columns, as in `WHERE ModelName = …`, with the names that the tables have.

DuckDB finds the places: only a name that it does not know is replaced, so a column of another table or an alias that is
spelled so keeps its meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import duckdb

from sqlprov.catalog.table import Table
from sqlprov.errors import UnknownName, show_caret
from sqlprov.sql import Query
from sqlprov.sql.lexer import Token, find_closing, quote_identifier, tokenize
from sqlprov.sql.syntax_errors import find_place

_UNKNOWN = (
    r'Referenced (?:column|table) "?(?P<first>\w+)[\w.]*"? (?:was )?not found'
    r'|"(?P<table>\w+)" does not have a column named "(?P<own>\w+)"'
    r'|[Cc]olumn "(?P<listed>\w+)"(?:: | in \w+ list| does not exist| must appear| referenced in)'
    r'|(?:Column|Alias with name) "(?P<alias>\w+)" (?:referenced that )?exists'
)
_LISTS = ("EXCLUDE", "EXCEPT", "REPLACE", "USING")
"""Words before a list of columns. DuckDB's message about one of them shows no place."""

Bind = Callable[[str], object]
"""Has DuckDB bind a statement without running it; raises its error."""


def spell_columns(query: Query, tables: Sequence[Table], bind: Bind) -> Query:
    """The query with its columns as the tables call them.

    Args:
        query: the query.
        tables: the live tables that it names.
        bind: binds such a query; of EXPLAIN ANALYZE and PREPARE, the inner statement.

    Raises:
        UnknownName: a spelling that several columns may have.
    """
    if not any(_list_columns(token, tables) for token in query.tokens):
        return query
    head = query.text[: query.inner_offset]
    text = re.sub(r"[^\n]", " ", head) + query.text[len(head) :]
    unknown = _find_unknown(text, tables, bind)
    while unknown is not None:
        fits = list(_replace(text, unknown, tables, bind))
        if len(fits) > 1:
            columns = " or ".join(repr(column) for column, *_ in fits)
            place = show_caret(text, unknown.start)
            raise UnknownName(f"{unknown.value!r} may mean {columns}; write the one that you mean.\n{place}")
        if not fits:
            break  # DuckDB reports it
        _, text, unknown = fits[0]
    return Query(head + text[len(head) :], query.offset)


def _list_columns(token: Token, tables: Sequence[Table]) -> list[str]:
    """The columns that a name may spell, other than one of that name."""
    columns = {table.find_column(token.value) for table in tables} if token.is_name else set()
    return sorted(column for column in columns if column and column.lower() != token.value.lower())


def _replace(
    text: str, unknown: Token, tables: Sequence[Table], bind: Bind
) -> Iterator[tuple[str, str, Token | None]]:
    """Each column that DuckDB knows in this place, the text with it, and the next unknown name."""
    for column in _list_columns(unknown, tables):
        changed = f"{text[: unknown.start]}{quote_identifier(column)}{text[unknown.end :]}"
        following = _find_unknown(changed, tables, bind)
        if following is None or following.start != unknown.start:
            yield column, changed, following


def _find_unknown(text: str, tables: Sequence[Table], bind: Bind) -> Token | None:
    """The first name that DuckDB does not know; `None` if it knows all, or has another error."""
    try:
        bind(text)
    except duckdb.Error as error:
        message = str(error)
    else:
        return None
    match = re.search(_UNKNOWN, message)
    if match is None:
        return None
    if match["alias"]:
        return _find_aliased(tokenize(text), match["alias"].lower())
    name = match["first"] or match["own"] or match["listed"]
    tokens = tokenize(text)
    # Before a dot, DuckDB points at the table.
    at, name = find_place(message, text, match["table"] or name), name.lower()
    if at is None:
        named = [token for token in (*_find_listed(tokens), *reversed(tokens)) if token.value.lower() == name]
        return named[0] if named else None  # the last one is that of ORDER BY
    index = next(index for index, token in enumerate(tokens) if token.end > at)
    while index + 2 < len(tokens) and tokens[index].value.lower() != name and tokens[index + 1].text == ".":
        index += 2
    if tokens[index].value.lower() != name:
        return None
    # In a sub-query, DuckDB does not know the table `c` of `c.ModelName` if it has no such column.
    while (
        not _list_columns(tokens[index], tables) and index + 2 < len(tokens) and tokens[index + 1].text == "."
    ):
        index += 2
    return tokens[index]


def _find_aliased(tokens: Sequence[Token], name: str) -> Token | None:
    """The first `ModelName` in `ModelName AS ModelName`, which DuckDB takes for the alias."""
    for index, token in enumerate(tokens[:-2]):
        as_, alias = tokens[index + 1], tokens[index + 2]
        if token.value.lower() == alias.value.lower() == name and as_.is_one_of("AS"):
            return token
    return None


def _find_listed(tokens: Sequence[Token]) -> Iterator[Token]:
    """The tokens in `EXCLUDE (…)` and the like."""
    for index, token in enumerate(tokens[:-1]):
        if token.is_one_of(*_LISTS):
            yield from tokens[index + 1 : find_closing(tokens, index + 1)]

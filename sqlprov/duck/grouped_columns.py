"""Adds columns to a GROUP BY that has the key of their table, which determines them, as PostgreSQL does."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

import duckdb

from sqlprov.catalog.table import Table
from sqlprov.sql.lexer import Token, TokenKind, tokenize
from sqlprov.sql.syntax_errors import find_place

_UNGROUPED = re.compile(r'column "(\w+)" must appear in the GROUP BY clause')
_REGION = "region"
_UNCLEAR = {"join", ",", "or"}
"""Before GROUP BY: more than one table, or a condition on the region that need not hold."""
_FOLLOWING = ("having", "qualify", "window", "order", "limit", "offset")


def group_by_key(text: str, error: duckdb.Error, find_table: Callable[[str], Table | None]) -> str | None:
    """`text` with one more column in a GROUP BY; `None` if the key does not determine it, or the error is another one.

    Args:
        text: a query that DuckDB refused with `error`.
        error: DuckDB's.
        find_table: the live table that a word of the query names; `None` if it names none.
    """
    match = _UNGROUPED.search(str(error))
    if match is None:
        return None
    column, tokens = match[1], tokenize(text)
    at = find_place(str(error), text, column)
    if at is None:  # of a relation, DuckDB's message has no place
        at = next((token.start for token in tokens if token.value == column), 0)
    tokens = _list_level(tokens, at)
    words = [token.value if token.kind is TokenKind.QUOTED else token.text for token in tokens]
    words = [word.lower() for word in words]
    by = next((at + 1 for at, pair in enumerate(pairwise(words)) if pair == ("group", "by")), 0)
    if words[:by].count("from") != 1:
        return None
    source = words[words.index("from") : by]
    grouped = {
        *words[by : next((at for at, word in enumerate(words) if word in _FOLLOWING and at > by), None)]
    }
    if (_REGION, "=") in pairwise(source):
        grouped.add(_REGION)
    table = next(filter(None, map(find_table, source)), None)
    if table is None or column not in table.by_name or not _UNCLEAR.isdisjoint(source):
        return None
    if column in grouped or not {*table.key, _REGION} <= grouped:
        return None
    return f"{text[: tokens[by].end]} {column},{text[tokens[by].end :]}"


def _list_level(tokens: Sequence[Token], at: int) -> list[Token]:
    """The tokens of the innermost SELECT with GROUP BY around a place, without those in parentheses within it."""
    levels: list[list[Token]] = [[]]
    for token in tokens:
        if token.is_one_of("("):
            levels.append([token])
        elif token.is_one_of(")") and len(levels) > 1:
            opening, *level = levels.pop()
            if opening.start < at < token.start and any(each.is_one_of("GROUP") for each in level):
                return level
        else:
            levels[-1].append(token)
    return levels[0]

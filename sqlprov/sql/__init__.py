"""Parses a script into statements, without DuckDB and without a call."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from sqlprov.errors import MalformedSQL
from sqlprov.sql.delete import Delete
from sqlprov.sql.describe import Describe
from sqlprov.sql.describe_method import DescribeMethod
from sqlprov.sql.exec import Exec
from sqlprov.sql.explain import Explain
from sqlprov.sql.insert import Insert
from sqlprov.sql.lexer import Token, TokenKind, tokenize
from sqlprov.sql.parser import Parser
from sqlprov.sql.query import Query
from sqlprov.sql.refusal import find_placeholder_refusal, find_refusal
from sqlprov.sql.setting import SetSetting
from sqlprov.sql.show import Show
from sqlprov.sql.show_insert import ShowInsert
from sqlprov.sql.statement import CatalogStatement, Statement
from sqlprov.sql.unsupported import Unsupported
from sqlprov.sql.update import Update
from sqlprov.sql.write import WriteStatement

__all__ = [
    "STATEMENTS",
    "CatalogStatement",
    "Delete",
    "Describe",
    "DescribeMethod",
    "Exec",
    "Explain",
    "Insert",
    "Query",
    "SetSetting",
    "Show",
    "ShowInsert",
    "Statement",
    "Update",
    "WriteStatement",
    "find_placeholder_refusal",
    "find_refusal",
    "parse",
]

# Tried in this order; Query accepts everything.
STATEMENTS: tuple[type[Statement], ...] = (
    *(Unsupported, ShowInsert, Show, DescribeMethod, Describe, Explain, SetSetting),
    *(Exec, Insert, Update, Delete, Query),
)
CACHED_SCRIPTS = 64
"""Scripts whose parsed statements are cached: programs run the same ones again and again."""
LONGEST_CACHED = 10_000
"""Longest script that is cached, in characters."""


def parse(text: str) -> list[Statement]:
    """The statements of a script, in order; empty ones are left out.

    Raises:
        MalformedSQL: a literal or comment that is not closed, text that is not UTF-8, or a malformed statement of
            sqlprov's own.
        NotSupportedError: a StackQL statement that sqlprov does not support.
    """
    return list(_parse_cached(text) if len(text) <= LONGEST_CACHED else _parse_script(text))


def _parse_script(text: str) -> tuple[Statement, ...]:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        # Without the line: a terminal cannot print it.
        line, half = text.count("\n", 0, error.start) + 1, ascii(text[error.start])
        raise MalformedSQL(
            f"Line {line} has {half}, half of a character, which UTF-8 cannot hold. Save the SQL as UTF-8."
        ) from None
    return tuple(_parse_statement(parser) for parser in _split(text))


_parse_cached = lru_cache(CACHED_SCRIPTS)(_parse_script)


def _parse_statement(parser: Parser) -> Statement:
    for each in STATEMENTS:
        parser.index = 0
        if statement := each.parse(parser):
            return statement
    raise AssertionError("Query accepts everything")


def _split(text: str) -> Iterator[Parser]:
    """A parser for each statement of the script."""
    part: list[Token] = []
    for token in [*tokenize(text, comments=True), Token(TokenKind.SYMBOL, ";", len(text), len(text))]:
        if not token.is_one_of(";"):
            part.append(token)
            continue
        if tokens := [each for each in part if each.kind is not TokenKind.COMMENT]:
            yield Parser(text, tokens, part[0].start, part[-1].end)
        part = []

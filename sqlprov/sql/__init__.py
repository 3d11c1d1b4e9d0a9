"""A script's text in, its statements out. Asking never calls: nothing here reaches the cloud or DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol

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


class StatementClass(Protocol):
    """A kind of statement: it reads a parser, or leaves it to the next kind."""

    def parse(self, parser: Parser) -> Statement | None: ...


# Tried in this order; the last takes everything.
STATEMENTS: tuple[StatementClass, ...] = (
    Unsupported,
    ShowInsert,
    Show,
    DescribeMethod,
    Describe,
    Explain,
    SetSetting,
    Exec,
    Insert,
    Update,
    Delete,
    Query,
)
CACHED_SCRIPTS = 64
"""Scripts whose statements are kept, with all that was found out about them: programs ask the same again and again."""
LONGEST_CACHED = 10_000
"""Characters of a script that is kept."""


def parse(text: str) -> list[Statement]:
    """The statements of a script, in order; empty ones are left out.

    Raises:
        MalformedSQL: a literal or comment that is not closed, or one of our own statements badly written.
        NotSupportedError: a statement that is known and not offered.
    """
    return list(_parse_cached(text) if len(text) <= LONGEST_CACHED else _parse_script(text))


@lru_cache(CACHED_SCRIPTS)
def _parse_cached(text: str) -> tuple[Statement, ...]:
    return _parse_script(text)


def _parse_script(text: str) -> tuple[Statement, ...]:
    return tuple(_parse_statement(parser) for parser in _split(text))


def _parse_statement(parser: Parser) -> Statement:
    for kind in STATEMENTS:
        parser.index = 0
        if statement := kind.parse(parser):
            return statement
    raise AssertionError("Query takes everything")


def _split(text: str) -> Iterator[Parser]:
    """The script cut at each `;`."""
    part: list[Token] = []
    for token in [*tokenize(text, comments=True), Token(TokenKind.SYMBOL, ";", len(text), len(text))]:
        if not token.is_one_of(";"):
            part.append(token)
            continue
        if found := [each for each in part if each.kind is not TokenKind.COMMENT]:
            yield Parser(text, found, part[0].start, part[-1].end)
        part = []

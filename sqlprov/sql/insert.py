"""INSERT INTO t: the rows as a query of their own."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from sqlprov.sql.lexer import TokenKind
from sqlprov.sql.parser import Parser
from sqlprov.sql.write import WriteStatement, format_refusal, has_await_hint

# What else DuckDB takes for a source (SHOW, SUMMARIZE) is no query by itself.
_QUERIES = (
    "SELECT",
    "VALUES",
    "WITH",
    "FROM",
    "TABLE",
    "PIVOT",
    "PIVOT_WIDER",
    "UNPIVOT",
    "PIVOT_LONGER",
    "(",
)
_LIST = "a list of columns"


@dataclass(frozen=True)
class Insert(WriteStatement):
    """`INSERT INTO t [AS a] [BY NAME | BY POSITION] [(columns)] <query> [RETURNING …]`.

    Attributes:
        columns: as written, without quotes; `None` if there is no list.
        by_name: whether the source's columns are matched by name.
        source: the query for the rows, whole; empty for DEFAULT VALUES, which is refused.
    """

    columns: tuple[str, ...] | None
    by_name: bool
    source: str

    VERB: ClassVar[str] = "INSERT"

    @classmethod
    def parse_clauses(cls, parser: Parser) -> Insert:
        start = parser.index
        ctes = parser.get_text(0, start)
        parser.expect(cls.VERB)
        reasons: list[str] = []
        if token := parser.accept("OR"):
            what = parser.expect("REPLACE", "IGNORE").text.upper()
            advice = "UPDATE changes rows that exist."
            reasons.append(
                format_refusal(parser, token, f"INSERT OR {what} is not supported on live tables: {advice}")
            )
        parser.expect("INTO")
        name = parser.parse_name("a table")
        alias = parser.parse_alias() if parser.is_at("AS") else None
        by_name = _by_name(parser)
        token = parser.next
        columns = _columns(parser)
        if by_name and columns:
            reasons.append(
                format_refusal(parser, token, "BY NAME takes no list of columns: the query names them.")
            )
        source = _source(parser, reasons)
        returning = parser.parse_clause("an expression") if parser.accept("RETURNING") else None
        parser.expect_end("RETURNING or the end of the statement")
        return cls(
            text=parser.text,
            offset=parser.offset,
            name=name,
            alias=alias,
            ctes=ctes or None,
            returning=returning,
            wait=has_await_hint(parser, 0, start, start + 1),
            refusal=reasons[0] if reasons else None,
            columns=columns,
            by_name=by_name,
            source=_whole(ctes, source),
        )


def _by_name(parser: Parser) -> bool:
    return bool(parser.accept("BY")) and parser.expect("NAME", "POSITION").is_one_of("NAME")


def _columns(parser: Parser) -> tuple[str, ...] | None:
    """The list of columns; a query in parentheses is none."""
    start = parser.index
    if not parser.accept("("):
        return None
    columns: list[str] = []
    while parser.next and parser.next.kind in (TokenKind.WORD, TokenKind.QUOTED):
        columns.append(parser.parse_identifier(_LIST))
        if not parser.accept(","):
            break
    if columns and parser.accept(")") and parser.next and parser.next.is_one_of(*_QUERIES, "(", "DEFAULT"):
        return tuple(columns)
    parser.index = start
    return None


def _source(parser: Parser, reasons: list[str]) -> str:
    """The query for the rows; passes over ON CONFLICT."""
    token = parser.next
    if parser.accept("DEFAULT"):
        parser.expect("VALUES")
        reasons.append(
            format_refusal(
                parser, token, "DEFAULT VALUES is not supported on live tables: a row needs its key."
            )
        )
        return ""
    start = parser.index
    while parser.accept("("):
        pass
    if parser.next is None or not parser.next.is_one_of(*_QUERIES):
        parser.fail("a query", _QUERIES)
    parser.index = start
    # DO cannot stand in a query, whose JOIN … ON may go on with a column called conflict.
    ends = ("RETURNING", "ON CONFLICT") if _does(parser) else ("RETURNING",)
    source = parser.parse_clause("a query", *ends)
    if default := _default(parser, start):
        advice = "leave the column out, or write NULL."
        reasons.append(
            format_refusal(
                parser, parser.tokens[default], f"DEFAULT is not supported on live tables: {advice}"
            )
        )
    if parser.is_at("ON", "CONFLICT"):
        advice = "a row that exists makes INSERT fail."
        reasons.append(
            format_refusal(parser, parser.next, f"ON CONFLICT is not supported on live tables: {advice}")
        )
        parser.parse_clause("ON CONFLICT", "RETURNING")
    return source


def _does(parser: Parser) -> bool:
    rest = parser.tokens[parser.index :]
    return any(
        token.is_one_of("DO") and after.is_one_of("NOTHING", "UPDATE") for token, after in pairwise(rest)
    )


def _default(parser: Parser, start: int) -> int:
    """Index of a DEFAULT among the values from `start` on; 0 if there is none."""
    found = parser.tokens
    if not found[start].is_one_of("VALUES"):
        return 0
    return next(
        (
            index
            for index in range(start + 1, parser.index - 1)
            if found[index].is_one_of("DEFAULT")
            and found[index - 1].is_one_of("(", ",")
            and found[index + 1].is_one_of(")", ",")
        ),
        0,
    )


def _whole(ctes: str, source: str) -> str:
    if not ctes or not source:
        return source
    # A second WITH cannot follow the first, and DuckDB loses the CTEs of one in parentheses.
    nested = source.startswith("(") or source[:4].upper() == "WITH"
    return f"{ctes}\nFROM ({source})" if nested else f"{ctes}\n{source}"

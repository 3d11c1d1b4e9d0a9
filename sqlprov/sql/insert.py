"""INSERT INTO t: the query for the rows to insert."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar

from sqlprov.records import dataclass
from sqlprov.sql.lexer import Token
from sqlprov.sql.parser import Parser
from sqlprov.sql.write import WriteStatement

# DuckDB accepts more sources (SHOW, SUMMARIZE), which are not queries.
_QUERIES = (
    *("SELECT", "VALUES", "WITH", "FROM", "TABLE", "PIVOT", "PIVOT_WIDER", "UNPIVOT", "PIVOT_LONGER", "("),
)


@dataclass(frozen=True)
class Insert(WriteStatement):
    """`INSERT INTO t [AS a] [BY NAME | BY POSITION] [(columns)] <query> [RETURNING …]`.

    Attributes:
        columns: without quotes; `None` if there is no list.
        by_name: whether the query's columns are matched by name.
        source: the query for the rows with its CTEs; empty for DEFAULT VALUES, which is refused.
    """

    columns: tuple[str, ...] | None
    by_name: bool
    source: str

    VERB: ClassVar[str] = "INSERT"

    @classmethod
    def parse_clauses(cls, parser: Parser) -> dict[str, Any]:
        ctes = parser.get_text(0, parser.index - 1)
        if token := parser.accept("OR"):
            what = parser.expect("REPLACE", "IGNORE").text.upper()
            parser.refuse(
                token, f"INSERT OR {what} is not supported on live tables; UPDATE changes existing rows."
            )
        parser.expect("INTO")
        name = parser.parse_name("a table")
        alias = parser.parse_alias() if parser.is_at("AS") else None
        by_name = bool(parser.accept("BY")) and parser.expect("NAME", "POSITION").is_one_of("NAME")
        token = parser.next
        columns = _parse_columns(parser)
        if by_name and columns:
            parser.refuse(token, "BY NAME takes no list of columns; the query names them.")
        source = _join(ctes, _parse_source(parser))
        return {"name": name, "alias": alias, "columns": columns, "by_name": by_name, "source": source}


def _parse_columns(parser: Parser) -> tuple[str, ...] | None:
    """The list of columns; `None` if there is none, or if the parentheses hold a query."""
    start = parser.index
    if not parser.accept("("):
        return None
    columns: list[str] = []
    while parser.next and parser.next.is_name:
        columns.append(parser.parse_identifier("a column"))
        if not parser.accept(","):
            break
    if columns and parser.accept(")") and parser.next and parser.next.is_one_of(*_QUERIES, "DEFAULT"):
        return tuple(columns)
    parser.index = start
    return None


def _parse_source(parser: Parser) -> str:
    """The query for the rows; skips ON CONFLICT."""
    token = parser.next
    if parser.accept("DEFAULT"):
        parser.expect("VALUES")
        parser.refuse(token, "DEFAULT VALUES is not supported on live tables; a row needs its key.")
        return ""
    start = parser.index
    while parser.accept("("):
        pass
    if parser.next is None or not parser.next.is_one_of(*_QUERIES):
        parser.fail("a query", _QUERIES)
    parser.index = start
    # Only ON CONFLICT has a DO; `JOIN … ON conflict` in a query names a column.
    has_do = any(
        token.is_one_of("DO") and after.is_one_of("NOTHING", "UPDATE")
        for token, after in pairwise(parser.tokens[start:])
    )
    source = parser.parse_clause("a query", "RETURNING", *(("ON CONFLICT",) if has_do else ()))
    if default := _find_default(parser.tokens[start : parser.index]):
        parser.refuse(
            default, "DEFAULT is not supported on live tables; leave the column out, or write NULL."
        )
    if parser.is_at("ON", "CONFLICT"):
        parser.refuse(
            parser.next, "ON CONFLICT is not supported on live tables; INSERT fails for a row that exists."
        )
        parser.parse_clause("ON CONFLICT", "RETURNING")
    return source


def _find_default(source: list[Token]) -> Token | None:
    """The first DEFAULT among VALUES."""
    if not source[0].is_one_of("VALUES"):
        return None
    for before, token, after in zip(source, source[1:], source[2:], strict=False):
        if token.is_one_of("DEFAULT") and before.is_one_of("(", ",") and after.is_one_of(")", ","):
            return token
    return None


def _join(ctes: str, source: str) -> str:
    if not ctes or not source:
        return source
    # A second WITH cannot follow the first, and DuckDB drops the CTEs before a query in parentheses.
    wraps = source.startswith("(") or source[:4].upper() == "WITH"
    return f"{ctes}\nFROM ({source})" if wraps else f"{ctes}\n{source}"

"""INSERT INTO t: the query for the rows to insert."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar

from sqlprov.records import dataclass
from sqlprov.sql.lexer import Token, tokenize
from sqlprov.sql.parser import Parser
from sqlprov.sql.write import WriteStatement

# DuckDB accepts more sources (SHOW, SUMMARIZE), which are not queries.
_QUERIES = (
    *("SELECT", "VALUES", "WITH", "FROM", "TABLE", "PIVOT", "PIVOT_WIDER", "UNPIVOT", "PIVOT_LONGER", "("),
)
_INSTEAD = (
    "is not supported on live tables; UPDATE changes existing rows, and INSERT OR IGNORE leaves them alone."
)


@dataclass(frozen=True)
class Insert(WriteStatement):
    """`INSERT INTO t [AS a] [BY NAME | BY POSITION] [(columns)] <query> [RETURNING …]`.

    Attributes:
        columns: without quotes; `None` if there is no list.
        by_name: whether the query's columns are matched by name.
        source: the query for the rows with its CTEs; empty for DEFAULT VALUES, which is refused.
        skips_existing: whether it says OR IGNORE or ON CONFLICT DO NOTHING.
        conflict: the columns after ON CONFLICT, in lower case; empty if there are none.
    """

    columns: tuple[str, ...] | None
    by_name: bool
    source: str
    skips_existing: bool
    conflict: frozenset[str]

    VERB: ClassVar[str] = "INSERT"

    def computes(self, column: str) -> bool:
        """Whether the query says `AS column`, as in `SELECT * REPLACE ('…' AS column)`."""
        tokens = tokenize(self.source)
        return any(
            word.is_one_of("AS") and name.is_name and name.value.lower() == column
            for word, name in pairwise(tokens)
        )

    @classmethod
    def parse_clauses(cls, parser: Parser) -> dict[str, Any]:
        ctes = parser.get_text(0, parser.index - 1)
        token = parser.accept("OR")
        ignores = bool(token and parser.accept("IGNORE"))
        if token and not ignores:
            parser.expect("REPLACE")
            parser.refuse(token, f"INSERT OR REPLACE {_INSTEAD}")
        parser.expect("INTO")
        name = parser.parse_name("a table")
        alias = parser.parse_alias() if parser.is_at("AS") else None
        by_name = bool(parser.accept("BY")) and parser.expect("NAME", "POSITION").is_one_of("NAME")
        token = parser.next
        columns = _parse_columns(parser)
        if by_name and columns:
            parser.refuse(token, "BY NAME takes no list of columns; the query names them.")
        source = _join(ctes, _parse_source(parser))
        conflict = _parse_conflict(parser)
        clauses = {"name": name, "alias": alias, "columns": columns, "by_name": by_name, "source": source}
        return clauses | {
            "skips_existing": ignores or conflict is not None,
            "conflict": conflict or frozenset(),
        }


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
    """The query for the rows, up to ON CONFLICT."""
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
    return source


def _parse_conflict(parser: Parser) -> frozenset[str] | None:
    """The columns of ON CONFLICT … DO NOTHING, in lower case; `None` if there is no such clause."""
    token = parser.accept("ON")
    if token is None:
        return None
    parser.expect("CONFLICT")
    columns: set[str] = set()
    if parser.accept("("):
        columns.add(parser.parse_identifier("a column").lower())
        while parser.accept(","):
            columns.add(parser.parse_identifier("a column").lower())
        parser.expect(")")
    if not (parser.accept("DO") and parser.accept("NOTHING")):
        parser.refuse(token, f"ON CONFLICT DO UPDATE {_INSTEAD}")
        parser.parse_clause("ON CONFLICT", "RETURNING")
    return frozenset(columns)


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

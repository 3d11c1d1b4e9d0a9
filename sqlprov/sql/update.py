"""UPDATE t SET …: the columns to change, and the query for the rows and their new values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from sqlprov.errors import format_count
from sqlprov.records import dataclass
from sqlprov.sql.lexer import find_closing, skip
from sqlprov.sql.parser import Parser
from sqlprov.sql.write import AFTER_TABLES, NAME_THE_ROWS, WriteStatement

_ENDS = ("FROM", "WHERE", "RETURNING")


@dataclass(frozen=True)
class Update(WriteStatement):
    """`UPDATE t [AS a] SET column = expression, … [FROM …] [WHERE …] [RETURNING …]`.

    Attributes:
        assignments: columns without quotes, and the text of their new values.
        from_: the text after FROM; `None` if there is none.
        where: the condition; without one (`None`) the statement is refused.
    """

    assignments: tuple[tuple[str, str], ...]
    from_: str | None
    where: str | None

    VERB: ClassVar[str] = "UPDATE"

    @classmethod
    def parse_clauses(cls, parser: Parser) -> dict[str, Any]:
        verb = parser.tokens[parser.index - 1]
        name = parser.parse_name("a table")
        alias = parser.parse_alias("SET")
        parser.expect("SET")
        assignments = tuple(_parse_assignments(parser))
        from_ = parser.parse_clause_after("FROM", "a table", *AFTER_TABLES)
        where = parser.parse_clause_after("WHERE", "a condition", "RETURNING")
        if where is None:
            parser.refuse(verb, f"UPDATE without WHERE would change every row; {NAME_THE_ROWS}")
        return {"name": name, "alias": alias, "assignments": assignments, "from_": from_, "where": where}

    def build_rows_query(self, table_sql: str, key: Sequence[str]) -> str:
        """The query for region and key of the rows to change, and the new values as `set_0`, `set_1`, …

        A row appears more than once if FROM joins it to several.

        Args:
            table_sql: the table's name in SQL, ending with the name that the statement uses.
            key: key columns.
        """
        values = [f"({text}) AS set_{number}" for number, (_, text) in enumerate(self.assignments)]
        selected = ", ".join([self._select_keys(key), *values])
        return self._build_query(table_sql, selected, self.from_, self.where)


def _parse_assignments(parser: Parser) -> Iterator[tuple[str, str]]:
    while True:
        columns = (
            list(_parse_columns(parser)) if parser.accept("(") else [parser.parse_identifier("a column")]
        )
        is_list = parser.tokens[parser.index - 1].is_one_of(")")
        parser.expect("=")
        start = parser.index
        parser.parse_clause("an expression", ",", *_ENDS)
        values = _split_values(parser, start, parser.index) if is_list else [(start, parser.index)]
        if len(values) == 1:  # DuckDB assigns one value to every column
            values *= len(columns)
        if len(values) != len(columns):
            parser.fail(format_count(len(columns), "value"))
        for column, (first, end) in zip(columns, values, strict=True):
            if _is_default(parser, first, end):
                parser.refuse(
                    parser.tokens[first], "DEFAULT is not supported on live tables; write the value."
                )
            yield column, parser.get_text(first, end)
        if not parser.accept(",") or parser.next is None or parser.next.is_one_of(*_ENDS):
            break


def _parse_columns(parser: Parser) -> Iterator[str]:
    """The columns of `(a, b) = …`."""
    yield parser.parse_identifier("a column")
    while not parser.accept(")"):
        parser.expect(",")
        if not parser.is_at(")"):
            yield parser.parse_identifier("a column")


def _split_values(parser: Parser, start: int, end: int) -> list[tuple[int, int]]:
    """Start and end of each value of `(x, y)` or `ROW(x, y)`; of any other expression as a whole."""
    tokens = parser.tokens
    opening = start + 1 if tokens[start].is_one_of("ROW") and end - start > 1 else start
    if not tokens[opening].is_one_of("(") or find_closing(tokens, opening) != end - 1:
        return [(start, end)]
    if tokens[opening + 1].is_one_of("SELECT", "FROM", "WITH", "VALUES", "TABLE"):
        return [(start, end)]
    values = []
    at = first = opening + 1
    while at < end - 1:
        if tokens[at].is_one_of(","):
            values.append((first, at))
            first = at + 1
        at = skip(tokens, at)
    if first < end - 1:
        values.append((first, end - 1))
    return _split_values(parser, *values[0]) if len(values) == 1 and opening == start else values


def _is_default(parser: Parser, start: int, end: int) -> bool:
    inner = [token for token in parser.tokens[start:end] if not token.is_one_of("(", ")")]
    return len(inner) == 1 and inner[0].is_one_of("DEFAULT")

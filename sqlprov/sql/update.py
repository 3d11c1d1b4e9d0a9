"""UPDATE t SET …: the columns to change, and a query for the rows with their new values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sqlprov.errors import format_count
from sqlprov.sql.lexer import find_closing, quote_identifier
from sqlprov.sql.parser import Parser
from sqlprov.sql.write import AFTER_TABLES, WriteStatement, format_refusal, has_await_hint

_ENDS = ("FROM", "WHERE", "RETURNING")


@dataclass(frozen=True)
class Update(WriteStatement):
    """`UPDATE t [AS a] SET column = expression, … [FROM …] [WHERE …] [RETURNING …]`.

    Attributes:
        assignments: column as written, without quotes, and the text of its new value.
        from_: what stands after FROM; `None` if nothing does.
        where: the condition; `None`, which is refused, if there is none.
    """

    assignments: tuple[tuple[str, str], ...]
    from_: str | None
    where: str | None

    VERB: ClassVar[str] = "UPDATE"

    @classmethod
    def parse_clauses(cls, parser: Parser) -> Update:
        start = parser.index
        verb = parser.expect(cls.VERB)
        name = parser.parse_name("a table")
        alias = parser.parse_alias("SET")
        parser.expect("SET")
        reasons: list[str] = []
        assignments = tuple(_assignments(parser, reasons))
        from_ = parser.parse_clause("a table", *AFTER_TABLES) if parser.accept("FROM") else None
        where = parser.parse_clause("a condition", "RETURNING") if parser.accept("WHERE") else None
        returning = parser.parse_clause("an expression") if parser.accept("RETURNING") else None
        parser.expect_end("FROM, WHERE, RETURNING or the end of the statement")
        if where is None:
            advice = "say which rows, as in WHERE data__Identifier = '…' AND region = '…'."
            reasons.append(
                format_refusal(parser, verb, f"UPDATE without WHERE would change every row: {advice}")
            )
        return cls(
            text=parser.text,
            offset=parser.offset,
            name=name,
            alias=alias,
            ctes=parser.get_text(0, start) or None,
            returning=returning,
            wait=has_await_hint(parser, 0, start, start + 1),
            refusal=reasons[0] if reasons else None,
            assignments=assignments,
            from_=from_,
            where=where,
        )

    def build_rows_query(self, table_sql: str, key: Sequence[str]) -> str:
        """The query for region and key of the rows to change, and the new values as `set_0`, `set_1`, …

        A row comes several times if FROM joins it to several.

        Args:
            table_sql: the table's name in SQL, ending with the name that the statement writes.
            key: key columns.
        """
        values = [
            f"({text}) AS {quote_identifier(f'set_{number}')}"
            for number, (_, text) in enumerate(self.assignments)
        ]
        return self._build_query(
            table_sql, ", ".join([self._select_keys(key), *values]), self.from_, self.where
        )


def _assignments(parser: Parser, reasons: list[str]) -> Iterator[tuple[str, str]]:
    while True:
        columns = list(_columns(parser)) if parser.accept("(") else [parser.parse_identifier("a column")]
        listed = parser.tokens[parser.index - 1].is_one_of(")")
        parser.expect("=")
        start = parser.index
        parser.parse_clause("an expression", ",", *_ENDS)
        values = _values(parser, start, parser.index) if listed else [(start, parser.index)]
        if len(values) == 1:  # DuckDB gives one value to every column
            values *= len(columns)
        if len(values) != len(columns):
            parser.fail(format_count(len(columns), "value"))
        for column, (first, end) in zip(columns, values, strict=True):
            if _is_default(parser, first, end):
                reason = "DEFAULT is not supported on live tables: write the value."
                reasons.append(format_refusal(parser, parser.tokens[first], reason))
            yield column, parser.get_text(first, end)
        if not parser.accept(",") or parser.next is None or parser.next.is_one_of(*_ENDS):
            break


def _columns(parser: Parser) -> Iterator[str]:
    """The columns of `(a, b) = …`."""
    yield parser.parse_identifier("a column")
    while not parser.accept(")"):
        parser.expect(",")
        if not parser.is_at(")"):
            yield parser.parse_identifier("a column")


def _values(parser: Parser, start: int, end: int) -> list[tuple[int, int]]:
    """Where each value of `(x, y)` or `ROW(x, y)` begins and ends; of another expression, the whole."""
    found = parser.tokens
    opening = start + 1 if found[start].is_one_of("ROW") and end - start > 1 else start
    if not found[opening].is_one_of("(") or find_closing(found, opening) != end - 1:
        return [(start, end)]
    if found[opening + 1].is_one_of("SELECT", "FROM", "WITH", "VALUES", "TABLE"):
        return [(start, end)]
    values = []
    at = first = opening + 1
    while at < end - 1:
        if found[at].is_one_of(","):
            values.append((first, at))
            first = at + 1
        at = find_closing(found, at) + 1 if found[at].is_one_of("(", "[", "{") else at + 1
    if first < end - 1:
        values.append((first, end - 1))
    return _values(parser, *values[0]) if len(values) == 1 and opening == start else values


def _is_default(parser: Parser, start: int, end: int) -> bool:
    inner = [token for token in parser.tokens[start:end] if not token.is_one_of("(", ")")]
    return len(inner) == 1 and inner[0].is_one_of("DEFAULT")

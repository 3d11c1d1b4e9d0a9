"""DELETE FROM t: a query for the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sqlprov.sql.parser import Parser
from sqlprov.sql.write import AFTER_TABLES, WriteStatement, format_refusal, has_await_hint


@dataclass(frozen=True)
class Delete(WriteStatement):
    """`DELETE FROM t [AS a] [USING …] [WHERE …] [RETURNING …]`.

    Attributes:
        using: what stands after USING; `None` if nothing does.
        where: the condition; `None`, which is refused, if there is none.
    """

    using: str | None
    where: str | None

    VERB: ClassVar[str] = "DELETE"

    @classmethod
    def parse_clauses(cls, parser: Parser) -> Delete:
        start = parser.index
        verb = parser.expect(cls.VERB)
        parser.expect("FROM")
        name = parser.parse_name("a table")
        alias = parser.parse_alias("USING", "WHERE", "RETURNING")
        using = parser.parse_clause("a table", *AFTER_TABLES) if parser.accept("USING") else None
        where = parser.parse_clause("a condition", "RETURNING") if parser.accept("WHERE") else None
        returning = parser.parse_clause("an expression") if parser.accept("RETURNING") else None
        parser.expect_end("USING, WHERE, RETURNING or the end of the statement")
        reason = None
        if where is None:
            advice = "say which rows, as in WHERE data__Identifier = '…' AND region = '…'."
            reason = format_refusal(parser, verb, f"DELETE without WHERE would delete every row: {advice}")
        return cls(
            text=parser.text,
            offset=parser.offset,
            name=name,
            alias=alias,
            ctes=parser.get_text(0, start) or None,
            returning=returning,
            wait=has_await_hint(parser, 0, start, start + 1),
            refusal=reason,
            using=using,
            where=where,
        )

    def build_rows_query(self, table_sql: str, key: Sequence[str]) -> str:
        """The query for region and key of the rows to delete, each once.

        Args:
            table_sql: the table's name in SQL, ending with the name that the statement writes.
            key: key columns.
        """
        return self._build_query(table_sql, f"DISTINCT {self._select_keys(key)}", self.using, self.where)

"""DELETE FROM t: the query for the rows to delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from sqlprov.records import dataclass
from sqlprov.sql.parser import Parser
from sqlprov.sql.write import AFTER_TABLES, NAME_THE_ROWS, WriteStatement


@dataclass(frozen=True)
class Delete(WriteStatement):
    """`DELETE FROM t [AS a] [USING …] [WHERE …] [RETURNING …]`.

    Attributes:
        using: the text after USING; `None` if there is none.
        where: the condition; without one (`None`) the statement is refused.
    """

    using: str | None
    where: str | None

    VERB: ClassVar[str] = "DELETE"

    @classmethod
    def parse_clauses(cls, parser: Parser) -> dict[str, Any]:
        verb = parser.tokens[parser.index - 1]
        parser.expect("FROM")
        name = parser.parse_name("a table")
        alias = parser.parse_alias("USING", "WHERE", "RETURNING")
        using = parser.parse_clause_after("USING", "a table", *AFTER_TABLES)
        where = parser.parse_clause_after("WHERE", "a condition", "RETURNING")
        if where is None:
            parser.refuse(verb, f"DELETE without WHERE would delete every row; {NAME_THE_ROWS}")
        return {"name": name, "alias": alias, "using": using, "where": where}

    def build_rows_query(self, table_sql: str, key: Sequence[str]) -> str:
        """The query for region and key of the rows to delete, each once.

        Args:
            table_sql: the table's name in SQL, ending with the name that the statement uses.
            key: key columns.
        """
        return self._build_query(table_sql, f"DISTINCT {self._select_keys(key)}", self.using, self.where)

"""DELETE FROM t: a query for the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sqlprov.sql.phrase import Phrase
from sqlprov.sql.write import AFTER_TABLES, Write, refused, waits


@dataclass(frozen=True)
class Delete(Write):
    """`DELETE FROM t [AS a] [USING …] [WHERE …] [RETURNING …]`.

    Attributes:
        using: what stands after USING; `None` if nothing does.
        where: the condition; `None`, which is refused, if there is none.
    """

    using: str | None
    where: str | None

    VERB: ClassVar[str] = "DELETE"

    @classmethod
    def parts(cls, phrase: Phrase) -> Delete:
        start = phrase.at
        verb = phrase.expect(cls.VERB)
        phrase.expect("FROM")
        name = phrase.name("a table")
        alias = phrase.alias("USING", "WHERE", "RETURNING")
        using = phrase.clause("a table", *AFTER_TABLES) if phrase.take("USING") else None
        where = phrase.clause("a condition", "RETURNING") if phrase.take("WHERE") else None
        returning = phrase.clause("an expression") if phrase.take("RETURNING") else None
        phrase.finish("USING, WHERE, RETURNING or the end of the statement")
        reason = None
        if where is None:
            advice = "say which rows, as in WHERE data__Identifier = '…' AND region = '…'."
            reason = refused(phrase, verb, f"DELETE without WHERE would delete every row: {advice}")
        return cls(
            text=phrase.text,
            offset=phrase.offset,
            name=name,
            alias=alias,
            ctes=phrase.cut(0, start) or None,
            returning=returning,
            wait=waits(phrase, 0, start, start + 1),
            refused=reason,
            using=using,
            where=where,
        )

    def rows_query(self, table_sql: str, key: Sequence[str]) -> str:
        """The query for region and key of the rows to delete, each once.

        Args:
            table_sql: the table's name in SQL, ending with the name that the statement writes.
            key: key columns.
        """
        return self.rows(table_sql, f"DISTINCT {self.keys(key)}", self.using, self.where)

"""The base class of INSERT, UPDATE and DELETE: each is cut into its clauses, whose text is never rewritten."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

from sqlprov.errors import MalformedSQL
from sqlprov.records import dataclass
from sqlprov.sql import names, outline
from sqlprov.sql.lexer import quote_identifier
from sqlprov.sql.parser import Name, Parser
from sqlprov.sql.query import Query

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog

WAIT = "await"
"""The hint that makes a statement wait for the row's final state."""
AFTER_TABLES = (
    *("WHERE", "RETURNING", "GROUP", "HAVING", "WINDOW", "QUALIFY", "ORDER", "LIMIT", "OFFSET"),
    *("UNION", "EXCEPT", "INTERSECT", "USING SAMPLE"),
)
"""Clauses that may follow the tables of a write, and clauses that only a query has: in our query, they would
choose other rows."""


NAME_THE_ROWS = "name the rows, as in WHERE data__Identifier = '…' AND region = '…'."


@dataclass(frozen=True)
class WriteStatement(Query):
    """An INSERT, UPDATE or DELETE. If its target is not a live table, DuckDB runs it as a query.

    Attributes:
        name: of the table, as written.
        alias: of the table; `None` if it has none.
        ctes: the `WITH …` before the verb; `None` if there is none.
        returning: the text after RETURNING; `None` if there is none.
        wait: whether a hint says AWAIT.
        refusal: why a live table does not support it, with a caret; `None` if it does.
    """

    name: Name
    alias: str | None
    ctes: str | None
    returning: str | None
    wait: bool
    refusal: str | None

    VERB: ClassVar[str]

    @classmethod
    def parse(cls, parser: Parser) -> Self | None:
        """Also `None` if it is malformed: DuckDB then reports the error."""
        start = parser.index = outline.skip_ctes(parser.tokens)
        if not parser.accept(cls.VERB):
            return None
        try:
            clauses = cls.parse_clauses(parser)
            returning = parser.parse_clause_after("RETURNING", "an expression")
            parser.expect_end("the end of the statement")
        except MalformedSQL:
            return None
        return cls(
            text=parser.text,
            offset=parser.offset,
            ctes=parser.get_text(0, start) or None,
            returning=returning,
            wait=has_await_hint(parser, 0, start, start + 1),
            refusal=parser.refusal,
            **clauses,
        )

    @classmethod
    def parse_clauses(cls, parser: Parser) -> dict[str, Any]:
        """Parse from after the verb to before RETURNING, into the other attributes; raises MalformedSQL."""
        raise NotImplementedError

    @cached_property
    def target(self) -> tuple[str, ...]:
        """The parts of the table's name."""
        return self.name.parts

    @property
    def table_alias(self) -> str:
        """The name by which the clauses refer to the table."""
        return self.alias or self.target[-1]

    def is_ours(self, catalog: Catalog, path: tuple[str, ...]) -> bool:
        """Whether the target is a live table; `path` is the schema that USE chose."""
        return names.find_live_name(catalog, self.target, path) is not None

    def _build_query(self, table: str, selected: str, others: str | None, where: str | None) -> str:
        """The query that selects `selected` from the rows of `table` that meet the user's condition."""
        if self.alias:
            table = f"{table} AS {quote_identifier(self.alias)}"
        parts = (
            self.ctes,
            f"SELECT {selected} FROM {table}",
            f", {others}" if others else None,
            f"WHERE ({where})" if where else None,
        )
        return "\n".join(part for part in parts if part)

    def build_returning_query(self, rows: str) -> str:
        """The query that computes RETURNING over the relation `rows`."""
        return f"SELECT {self.returning} FROM {rows} AS {quote_identifier(self.table_alias)}"

    def _select_keys(self, key: Sequence[str]) -> str:
        """Account, region and key, qualified by the table."""
        return ", ".join(
            f"{quote_identifier(self.table_alias)}.{quote_identifier(column)}"
            for column in ("account", "region", *key)
        )


def has_await_hint(parser: Parser, *indexes: int) -> bool:
    """Whether a hint before one of these tokens says AWAIT."""
    return any(WAIT in parser.find_hints(index) for index in indexes)

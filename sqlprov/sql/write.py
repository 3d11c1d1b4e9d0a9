"""What INSERT, UPDATE and DELETE have in common: each is cut into the user's own texts, which are never rewritten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Self

from sqlprov.errors import MalformedSQL, show_caret
from sqlprov.sql import names, outline
from sqlprov.sql.lexer import Token, quote_identifier
from sqlprov.sql.parser import Name, Parser
from sqlprov.sql.query import Query

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog

WAIT = "await"
"""The word of the hint that lets a statement wait for the end of what it started."""
AFTER_TABLES = (
    *("WHERE", "RETURNING", "GROUP", "HAVING", "WINDOW", "QUALIFY", "ORDER", "LIMIT", "OFFSET"),
    *("UNION", "EXCEPT", "INTERSECT", "USING SAMPLE"),
)
"""What ends the tables of a change, and what only a query has: within ours it would choose other rows."""


@dataclass(frozen=True)
class WriteStatement(Query):
    """A change of rows. Where its target is no live table, it is DuckDB's Query.

    Attributes:
        name: of the table, as written.
        alias: what the statement calls the table; `None` if by its name.
        ctes: the `WITH …` before the verb; `None` if there is none.
        returning: what stands after RETURNING; `None` if nothing does.
        wait: whether a hint says AWAIT.
        refusal: why a live table does not take it, with a caret; `None` if it does.
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
        """`None` also for what cannot be read: DuckDB tells what is wrong, or knows more."""
        parser.index = outline.skip_ctes(parser.tokens)
        if not parser.is_at(cls.VERB):
            return None
        try:
            return cls.parse_clauses(parser)
        except MalformedSQL:
            return None

    @classmethod
    def parse_clauses(cls, parser: Parser) -> Self:
        """The statement, read from its verb on; raises MalformedSQL."""
        raise NotImplementedError

    @cached_property
    def target(self) -> tuple[str, ...]:
        """The parts of the table's name."""
        return self.name.parts

    @property
    def table_alias(self) -> str:
        """The name by which the statement's texts call the table."""
        return self.alias or self.target[-1]

    def is_ours(self, catalog: Catalog, path: tuple[str, ...]) -> bool:
        """Whether the target is a live table; `path` is what USE chose."""
        return names.find_live_table(catalog, self.target, path) is not None

    def _build_query(self, table: str, selected: str, others: str | None, where: str | None) -> str:
        """The query for `selected` of the rows of `table` that meet the user's condition.

        Without `Identifier` the table stands as it is, so that `aws.sagemaker.models.name` is a column too.
        """
        if "identifier" in self.words:
            table = f"(SELECT *, data__Identifier AS Identifier FROM {table}) AS {quote_identifier(self.table_alias)}"
        elif self.alias:
            table = f"{table} AS {quote_identifier(self.alias)}"
        parts = (
            self.ctes,
            f"SELECT {selected} FROM {table}",
            f", {others}" if others else None,
            f"WHERE ({where})" if where else None,
        )
        return "\n".join(part for part in parts if part)

    def build_returning_query(self, rows: str) -> str:
        """The query for what RETURNING asks of the relation `rows`."""
        return f"SELECT {self.returning} FROM {rows} AS {quote_identifier(self.table_alias)}"

    def _select_keys(self, key: Sequence[str]) -> str:
        """Region and key of a row, as columns of the table alone."""
        return ", ".join(
            f"{quote_identifier(self.table_alias)}.{quote_identifier(column)}" for column in ("region", *key)
        )


def has_await_hint(parser: Parser, *indexes: int) -> bool:
    """Whether a hint before one of these tokens says AWAIT."""
    return any(WAIT in parser.find_hints(index) for index in indexes)


def format_refusal(parser: Parser, token: Token | None, reason: str) -> str:
    """The reason with the place of `token`."""
    return f"{reason}\n{show_caret(parser.script, token.start if token else parser.end)}"

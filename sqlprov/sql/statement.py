"""The base classes of statements."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from sqlprov.errors import show_caret
from sqlprov.records import dataclass
from sqlprov.settings import Settings
from sqlprov.sql.parser import Name, Parser

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog

Keywords = Callable[[], Collection[str]]


@dataclass(frozen=True)
class Statement:
    """One statement.

    Attributes:
        text: as written, with leading hints and comments, without the `;`.
        offset: of `text` in the script.
    """

    text: str
    offset: int

    @classmethod
    def parse(cls, parser: Parser) -> Self | None:
        """Parse a statement of this class; `None` if it is of another class.

        Raises:
            MalformedSQL: it is of this class, but malformed.
            NotSupportedError: a StackQL statement that sqlprov does not support.
        """
        raise NotImplementedError

    def show_place(self, name: Name) -> str:
        """The line of a name in the statement, with a caret below it."""
        return show_caret(self.text, name.start - self.offset)


@dataclass(frozen=True)
class CatalogStatement(Statement):
    """A statement that the catalog and the settings answer, without a call."""

    def is_ours(self, catalog: Catalog, path: tuple[str, ...]) -> bool:
        """Whether sqlprov answers it; otherwise DuckDB runs its text.

        Args:
            path: the catalog and schema that USE chose, such as ("aws", "sagemaker"); () if none.
        """
        return True

    def answer(
        self, catalog: Catalog, settings: Settings, path: tuple[str, ...], keywords: Keywords
    ) -> pa.Table:
        """The rows of the result.

        Args:
            keywords: reads DuckDB's keywords, in lower case.

        Raises:
            UnknownName: a provider, service, table or method that does not exist.
        """
        raise NotImplementedError

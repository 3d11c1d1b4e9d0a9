"""What every kind of statement has: the user's own text, and where it stands in the script."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from sqlprov.settings import Settings

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog

Keywords = Callable[[], Collection[str]]


@dataclass(frozen=True)
class Statement:
    """One statement.

    Attributes:
        text: as written, without the `;`; leading hints and comments are kept.
        offset: of `text` in the script.
    """

    text: str
    offset: int


@dataclass(frozen=True)
class CatalogStatement(Statement):
    """A statement that the catalog and the settings answer, without DuckDB and without a call."""

    def is_ours(self, catalog: Catalog, path: tuple[str, ...]) -> bool:
        """Whether the statement is ours; if not, DuckDB runs its text.

        Args:
            path: what USE chose, such as ("aws", "sagemaker"); () if nothing.
        """
        return True

    def answer(
        self, catalog: Catalog, settings: Settings, path: tuple[str, ...], keywords: Keywords
    ) -> pa.Table:
        """The rows of the answer.

        Args:
            keywords: reads DuckDB's keywords, in lower case.

        Raises:
            UnknownName: a provider, service, table or method that does not exist.
        """
        raise NotImplementedError

from __future__ import annotations

from typing import TypeVar

import pyarrow as pa

from sqlprov.catalog import Catalog
from sqlprov.duck.vocabulary import read_keywords
from sqlprov.settings import Settings
from sqlprov.sql import CatalogStatement, Statement, parse

CATALOG = Catalog()
S = TypeVar("S", bound=Statement)


def parse_one(text: str, kind: type[S]) -> S:
    """The only statement of `text`, which is of this class."""
    (statement,) = parse(text)
    assert isinstance(statement, kind), type(statement)
    return statement


def answer(text: str, path: tuple[str, ...] = (), settings: Settings | None = None) -> pa.Table:
    """What the catalog answers."""
    statement = parse_one(text, CatalogStatement)
    assert statement.is_ours(CATALOG, path)
    return statement.answer(CATALOG, settings or Settings(), path, read_keywords)

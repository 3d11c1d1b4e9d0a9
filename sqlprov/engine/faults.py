"""duckdb's exceptions in, our errors out."""

from __future__ import annotations

import re
from collections.abc import Callable

import duckdb

from sqlprov import errors
from sqlprov.catalog import Catalog
from sqlprov.statements.malformed import malformed

KINDS: tuple[tuple[type[duckdb.Error], type[errors.Error]], ...] = (
    (duckdb.ParserException, errors.MalformedSQL),
    (duckdb.InterruptException, errors.Cancelled),
    (duckdb.NotImplementedException, errors.NotSupportedError),
    (duckdb.NotSupportedError, errors.NotSupportedError),
    (duckdb.IntegrityError, errors.IntegrityError),
    (duckdb.InternalError, errors.InternalError),
    (duckdb.DataError, errors.DataError),
    (duckdb.OperationalError, errors.OperationalError),
)

UNKNOWN = re.compile(
    r"does not exist|not found in FROM clause|was not found because the FROM clause|"
    r"No catalog \+ schema named|does not have a column"
)


def translated(error: duckdb.Error, text: str) -> errors.Error:
    """Our error for DuckDB's, with its text; `text` is the statement it was about."""
    if isinstance(error, duckdb.ParserException):
        return malformed(str(error), text)
    said = str(error)
    if isinstance(error, duckdb.CatalogException | duckdb.BinderException) and UNKNOWN.search(said):
        return errors.UnknownName(said)
    found: type[errors.Error] = next(
        (ours for theirs, ours in KINDS if isinstance(error, theirs)), errors.ProgrammingError
    )
    return found(said)


def missing_words(error: duckdb.Error) -> frozenset[str]:
    """The words of an error that says that something does not exist; none of another error's."""
    if not isinstance(error, duckdb.CatalogException | duckdb.BinderException):
        return frozenset()
    return frozenset(re.findall(r"\w+", str(error).lower())) if UNKNOWN.search(str(error)) else frozenset()


def missing_relation(error: duckdb.Error) -> str:
    """The unqualified name of the table that an error says does not exist; empty for another error."""
    found = re.search(r'Table with name "?(\w+)"? does not exist', str(error))
    return found.group(1) if found and isinstance(error, duckdb.CatalogException) else ""


def unknown_live(
    error: duckdb.Error, text: str, catalog: Catalog, path: Callable[[], tuple[str, ...]]
) -> errors.UnknownName | None:
    """What the catalog says to a name that DuckDB does not know; `None` if none of a provider is unknown.

    Args:
        error: DuckDB's.
        text: the statement.
        catalog: the providers.
        path: tells what USE chose; asked only if it matters.
    """
    if not isinstance(error, duckdb.CatalogException | duckdb.BinderException) or not UNKNOWN.search(
        str(error)
    ):
        return None
    providers = "|".join(map(re.escape, catalog.providers()))
    part = r'"?(\w+)"?'
    named = re.findall(rf'(?i)"?\b({providers})"?\s*\.\s*{part}(?:\s*\.\s*{part})?', text)
    if (name := missing_relation(error)) and not named:
        chosen = path()
        if len(chosen) == 2 and chosen[0] in catalog.providers() and chosen[1] != "main":
            named = [(*chosen, name)]
    for provider, service, table in named:
        if service.lower() in ("regions", "main") and not table:
            continue
        try:
            catalog.tables(provider, service)
            if table:
                catalog.table(provider, service, table)
        except errors.UnknownName as unknown:
            return unknown
    return None

"""duckdb's exceptions in, our errors out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from sqlprov import errors

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog

TRANSLATIONS: tuple[tuple[type[duckdb.Error], type[errors.Error]], ...] = (
    (duckdb.InterruptException, errors.Cancelled),
    (duckdb.NotImplementedException, errors.NotSupportedError),
    (duckdb.NotSupportedError, errors.NotSupportedError),
    (duckdb.IntegrityError, errors.IntegrityError),
    (duckdb.InternalError, errors.InternalError),
    (duckdb.DataError, errors.DataError),
    (duckdb.OperationalError, errors.OperationalError),
)
SHOWN = ("TABLES", "ALL TABLES", "DATABASES", "SCHEMAS", "VARIABLES")
"""What DuckDB's own SHOW takes beside the name of a table."""
UNKNOWN = re.compile(
    r"does not exist|not found in FROM clause|was not found because the FROM clause|"
    r"No catalog \+ schema named|does not have a column"
)


def translate(error: Exception, text: str) -> Exception:
    """Our error for one that a query raised, with the same message; the error itself if it is not DuckDB's.

    Args:
        error: DuckDB's, or the one that Arrow makes of it while rows are read.
        text: the statement.
    """
    if isinstance(error, OSError | pa.ArrowException):
        error = _restore_type(error)
    if not isinstance(error, duckdb.Error):
        return error
    message = str(error)
    if isinstance(error, duckdb.ParserException):
        from sqlprov.sql.syntax_errors import explain_syntax_error

        return explain_syntax_error(message, text)
    if isinstance(error, duckdb.CatalogException | duckdb.BinderException) and UNKNOWN.search(message):
        return errors.UnknownName(message)
    ours = (ours for theirs, ours in TRANSLATIONS if isinstance(error, theirs))
    return next(ours, errors.ProgrammingError)(message)


def _restore_type(error: Exception) -> Exception:
    """DuckDB's error for one of which Arrow kept only the message, as in `Invalid Input Error: …`."""
    kind = re.match(r"([\w ]+) Error: ", str(error))
    name = "".join(word[:1].upper() + word[1:] for word in kind[1].split()) if kind else ""
    restored = getattr(duckdb, f"{name}Exception", None)
    return restored(str(error)) if restored else error


def find_missing_words(error: duckdb.Error) -> frozenset[str]:
    """The words of an error that says that something does not exist; none of another error's."""
    if not isinstance(error, duckdb.CatalogException | duckdb.BinderException):
        return frozenset()
    return frozenset(re.findall(r"\w+", str(error).lower())) if UNKNOWN.search(str(error)) else frozenset()


def find_missing_table(error: duckdb.Error) -> str:
    """The unqualified name of the table that an error says does not exist; empty for another error."""
    found = re.search(r'Table with name "?(\w+)"? does not exist', str(error))
    return found.group(1) if found and isinstance(error, duckdb.CatalogException) else ""


def suggest_live_name(
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
    said = str(error)
    if near := _no_table(error, text, catalog) or _near(said, text, catalog):
        return near
    providers = "|".join(map(re.escape, catalog.list_providers()))
    part = r'"?(\w+)"?'
    named = re.findall(rf'(?i)"?\b({providers})"?\s*\.\s*{part}(?:\s*\.\s*{part})?', text)
    if (name := find_missing_table(error)) and not named:
        chosen = path()
        if len(chosen) == 2 and chosen[0] in catalog.list_providers() and chosen[1] != "main":
            named = [(*chosen, name)]
    for provider, service, table in named:
        if service.lower() in ("regions", "main") and not table:
            continue
        try:
            catalog.list_tables(provider, service)
            if table:
                catalog.get_table(provider, service, table)
        except errors.UnknownName as unknown:
            if not table and (near_regions := errors.suggest(service, ["regions"])):
                return errors.UnknownName(f"Unknown table {service!r} in {provider}.{near_regions}")
            return errors.UnknownName(f"{unknown}{_place(text, table or service)}")
    return None


def _no_table(error: duckdb.Error, text: str, catalog: Catalog) -> errors.UnknownName | None:
    """Our words for a provider, a service or a noun of SHOW where DuckDB looked for a table."""
    from sqlprov.sql.show import LISTINGS

    name = find_missing_table(error)
    listed = text.split()[:1] and text.split()[0].upper() == "SHOW"
    if name and listed and (near := errors.suggest(name.upper(), [*LISTINGS, *SHOWN])):
        return errors.UnknownName(f"SHOW {name}: there is no table of that name.{near}{_place(text, name)}")
    for provider in catalog.list_providers():
        if name.lower() == provider:
            advice = f"SHOW SERVICES IN {provider} lists its services, and {provider}.regions its regions"
            return errors.UnknownName(f"{name!r} is a provider, no table: {advice}.{_place(text, name)}")
        if name.lower() in catalog.list_services(provider):
            whole = f"{provider}.{name.lower()}"
            example = next(iter(catalog.list_tables(provider, name)), "…")
            advice = f"SHOW RESOURCES IN {whole} lists its tables, such as {whole}.{example}"
            return errors.UnknownName(f"{whole!r} is a service, no table: {advice}.{_place(text, name)}")
    return None


def _near(said: str, text: str, catalog: Catalog) -> errors.UnknownName | None:
    """Our words for a provider or a column that DuckDB does not know, with the nearest there is."""
    if found := re.search(r'because schema "(\w+)\.(\w+)" does not exist', said):
        provider = found.group(1)
        if provider.lower() in catalog.list_providers():
            return None
        known = ", ".join(catalog.list_providers())
        return errors.UnknownName(
            f"Unknown provider {provider!r}; expected {known}, or a database that is attached."
            f"{errors.suggest(provider, catalog.list_providers())}{_place(text, provider)}"
        )
    if found := re.search(r'Table with name "(\w+\.\w+)" does not exist because schema "(\w+)"', said):
        for provider in catalog.list_providers():
            if found.group(2).lower() in catalog.list_services(provider):
                whole = f"{provider}.{found.group(1)}"
                return errors.UnknownName(f"{said} Did you mean {whole!r}, or USE {provider}?")
        return None
    found = re.search(r'Referenced column "(\w+)" (?:was )?not found', said)
    if found and "LINE 1" not in said:
        return errors.UnknownName(f"{said}{_place(text, found.group(1))}")
    if found := re.search(r'Values list "\w+" does not have a column named "(\w+)"', said):
        words = set(re.findall(r"\w+", text.lower()))
        columns = {
            column
            for name in words & catalog.services_by_table.keys()
            for provider, service in catalog.services_by_table[name]
            for column in catalog.get_table(provider, service, name).by_name
        }
        return errors.UnknownName(
            f"{said}.{errors.suggest(found.group(1), sorted(columns))}{_place(text, found.group(1))}"
        )
    return None


def _place(text: str, name: str) -> str:
    """The line of `text` that holds `name`, with a caret; empty if it is not there."""
    found = re.search(rf"(?i)\b{re.escape(name)}\b", text)
    return "\n" + errors.show_caret(text, found.start()) if found else ""

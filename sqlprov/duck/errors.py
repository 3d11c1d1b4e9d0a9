"""Translates DuckDB's exceptions, and suggests names where it does not know one."""

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
DUCKDB_LISTINGS = ("TABLES", "ALL TABLES", "DATABASES", "SCHEMAS", "VARIABLES")
"""Words that DuckDB's own SHOW accepts besides table names."""
UNKNOWN = re.compile(
    r"does not exist|not found in FROM clause|was not found because the FROM clause|"
    r"No catalog \+ schema named|does not have a column"
)


def translate(error: Exception, text: str) -> Exception:
    """Our error for an error of a query, with the same message; the error itself if it is not DuckDB's.

    Args:
        error: DuckDB's, or Arrow's version of it while rows are read.
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
    if _is_unknown_name(error):
        return errors.UnknownName(message)
    ours = (ours for theirs, ours in TRANSLATIONS if isinstance(error, theirs))
    return next(ours, errors.ProgrammingError)(message)


def _restore_type(error: Exception) -> Exception:
    """DuckDB's error, rebuilt from the message that Arrow kept, as in `Invalid Input Error: …`."""
    kind = re.match(r"([\w ]+) Error: ", str(error))
    name = "".join(word[:1].upper() + word[1:] for word in kind[1].split()) if kind else ""
    restored = getattr(duckdb, f"{name}Exception", None)
    return restored(str(error)) if restored else error


def find_missing_words(error: duckdb.Error) -> frozenset[str]:
    """The words of an error's message, if it reports that something does not exist."""
    return frozenset(re.findall(r"\w+", str(error).lower())) if _is_unknown_name(error) else frozenset()


def find_missing_table(error: duckdb.Error) -> str:
    """The unqualified name of the missing table in an error's message; empty for other errors."""
    match = re.search(r'Table with name "?(\w+)"? does not exist', str(error))
    return match[1] if match and isinstance(error, duckdb.CatalogException) else ""


def _is_unknown_name(error: Exception) -> bool:
    names = isinstance(error, duckdb.CatalogException | duckdb.BinderException)
    return names and UNKNOWN.search(str(error)) is not None


def suggest_live_name(
    error: duckdb.Error, text: str, catalog: Catalog, path: Callable[[], tuple[str, ...]]
) -> errors.UnknownName | None:
    """A better error for a name that DuckDB does not know; `None` if the catalog knows no better.

    Args:
        error: DuckDB's.
        text: the statement.
        catalog: the providers, services and tables.
        path: returns the catalog and schema that USE chose.
    """
    if not _is_unknown_name(error):
        return None
    if message := _suggest_table(error, text, catalog) or _suggest_part(str(error), text, catalog):
        return errors.UnknownName(message)
    providers = "|".join(map(re.escape, catalog.list_providers()))
    part = r'"?(\w+)"?'
    names = re.findall(rf'(?i)"?\b({providers})"?\s*\.\s*{part}(?:\s*\.\s*{part})?', text)
    if (name := find_missing_table(error)) and not names:
        chosen = path()
        if len(chosen) == 2 and chosen[0] in catalog.list_providers() and chosen[1] != "main":
            names = [(*chosen, name)]
    for provider, service, table in names:
        if service.lower() in ("regions", "main") and not table:
            continue
        try:
            catalog.list_tables(provider, service)
            if table:
                catalog.get_table(provider, service, table)
        except errors.UnknownName as unknown:
            if not table and (hint := errors.suggest(service, ["regions"])):
                return errors.UnknownName(f"Unknown table {service!r} in {provider}.{hint}")
            return errors.UnknownName(f"{unknown}{_show_place(text, table or service)}")
    return None


def _suggest_table(error: duckdb.Error, text: str, catalog: Catalog) -> str:
    """The message for a provider, a service or a SHOW keyword used as a table; otherwise empty."""
    from sqlprov.sql.show import LISTINGS

    name = find_missing_table(error)
    if not name:
        return ""
    place = _show_place(text, name)
    is_show = re.match(r"(?i)\s*SHOW\b", text)
    if is_show and (hint := errors.suggest(name.upper(), [*LISTINGS, *DUCKDB_LISTINGS])):
        return f"SHOW {name}: there is no table of that name.{hint}{place}"
    for provider in catalog.list_providers():
        if name.lower() == provider:
            advice = f"SHOW SERVICES IN {provider} lists its services, and {provider}.regions its regions"
            return f"{name!r} is a provider, not a table: {advice}.{place}"
        if name.lower() in catalog.list_services(provider):
            service = f"{provider}.{name.lower()}"
            example = next(iter(catalog.list_tables(provider, name)), "…")
            advice = f"SHOW RESOURCES IN {service} lists its tables, such as {service}.{example}"
            return f"{service!r} is a service, not a table: {advice}.{place}"
    return ""


def _suggest_part(message: str, text: str, catalog: Catalog) -> str:
    """The message for a provider or a column that DuckDB does not know; otherwise empty."""
    providers = catalog.list_providers()
    if match := re.search(r'because schema "(\w+)\.\w+" does not exist', message):
        provider = match[1]
        if provider.lower() in providers:
            return ""
        return (
            f"Unknown provider {provider!r}; expected {', '.join(providers)}, or an attached database."
            f"{errors.suggest(provider, providers)}{_show_place(text, provider)}"
        )
    if match := re.search(r'Table with name "(\w+\.\w+)" does not exist because schema "(\w+)"', message):
        for provider in providers:
            if match[2].lower() in catalog.list_services(provider):
                return f"{message} Did you mean '{provider}.{match[1]}', or USE {provider}?"
        return ""
    match = re.search(r'Referenced column "(\w+)" (?:was )?not found', message)
    if match and "LINE 1" not in message:
        return f"{message}{_show_place(text, match[1])}"
    if match := re.search(r'Values list "\w+" does not have a column named "(\w+)"', message):
        columns = {
            column
            for name in set(re.findall(r"\w+", text.lower())) & catalog.services_by_table.keys()
            for provider, service in catalog.services_by_table[name]
            for column in catalog.get_table(provider, service, name).by_name
        }
        return f"{message}.{errors.suggest(match[1], sorted(columns))}{_show_place(text, match[1])}"
    return ""


def _show_place(text: str, name: str) -> str:
    """The line of `text` that holds `name`, with a caret; empty if none does."""
    match = re.search(rf"(?i)\b{re.escape(name)}\b", text)
    return f"\n{errors.show_caret(text, match.start())}" if match else ""

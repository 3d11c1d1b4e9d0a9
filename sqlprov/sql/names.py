"""Resolves dotted names to live tables and methods, relative to the schema that USE chose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlprov.catalog.regions import REGIONS
from sqlprov.errors import UnknownName, suggest

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog
    from sqlprov.catalog.table import Method, Table
    from sqlprov.sql.parser import Name
    from sqlprov.sql.statement import Statement

LEVELS = ("provider", "service", "table")


def complete_name(parts: tuple[str, ...], path: tuple[str, ...], count: int) -> tuple[str, ...] | None:
    """`parts`, completed with `path` in front to `count` parts; `None` if that is not possible."""
    missing = count - len(parts)
    return (*path[:missing], *parts) if 0 <= missing <= len(path) else None


def find_live_table(catalog: Catalog, parts: tuple[str, ...], path: tuple[str, ...]) -> Table | None:
    """The live table to which DuckDB would resolve this name; `None` if there is none."""
    full = complete_name(parts, path, len(LEVELS))
    if full is None:
        return None
    provider, service, name = (part.lower() for part in full)
    return (
        catalog.get_table(provider, service, name)
        if (provider, service) in catalog.services_by_table.get(name, ())
        else None
    )


def is_regions_table(catalog: Catalog, parts: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Whether DuckDB would resolve this name to a provider's table `regions`."""
    name = tuple(part.lower() for part in parts)
    if name == (REGIONS,):
        name = (*(part.lower() for part in path), REGIONS)
    return bool(name) and name[0] in catalog.list_providers() and name[1:] in ((REGIONS,), ("main", REGIONS))


def resolve_table(statement: Statement, name: Name, catalog: Catalog, path: tuple[str, ...]) -> Table:
    """The live table that `name` in `statement` stands for.

    Raises:
        UnknownName: there is none.
    """
    if is_regions_table(catalog, name.parts, path):
        raise _unknown_name(
            statement, name, f"{str(name)!r} has no methods; it is botocore's list of regions."
        )
    if table := find_live_table(catalog, name.parts, path):
        return table
    hint = suggest_name(catalog, name.parts, len(LEVELS))
    raise _unknown_name(statement, name, f"{str(name)!r} is not a live table.{hint}")


def resolve_method(
    statement: Statement, name: Name, catalog: Catalog, path: tuple[str, ...]
) -> tuple[Table, Method]:
    """The table and method that `table.method` stands for; the method's operation is accepted as its name.

    Raises:
        UnknownName: the table or the method does not exist.
    """
    written = name.parts[-1].lower()
    whole = find_live_table(catalog, name.parts, path)
    if whole is None or len(name.parts) > len(LEVELS):
        table = resolve_table(statement, name.qualifier, catalog, path)
    else:
        table, written = whole, ""
    for method in table.methods:
        if method.name == written:
            return table, method
    from sqlprov.catalog.service_model import to_snake_case

    # An operation may stand for several methods; those that only EXEC reaches come first.
    for method in sorted(table.methods, key=lambda method: method.verb != "EXEC"):
        if to_snake_case(method.call) == written:
            return table, method
    known = [method.name for method in table.methods]
    problem = f"has no method {name.parts[-1]!r}" if written else "names a table, not a method"
    near = suggest(written, known) or f" Expected one of {', '.join(known)}."
    raise _unknown_name(statement, name, f"{table.full_name} {problem}.{near}")


def _unknown_name(statement: Statement, name: Name, problem: str) -> UnknownName:
    return UnknownName(f"{problem}\n{statement.show_place(name)}")


def suggest_name(catalog: Catalog, parts: tuple[str, ...], count: int) -> str:
    """A question with the nearest full name of `count` parts; empty if none is near."""
    if hint := suggest(".".join(parts), list_names(catalog, count)):
        return hint
    # The last part may be (nearly) right when the others are missing.
    full = {name.rpartition(".")[2]: name for name in list_names(catalog, count)}
    hint = suggest(parts[-1], full)
    return next(
        (hint.replace(repr(last), repr(name)) for last, name in full.items() if repr(last) in hint), ""
    )


def list_names(catalog: Catalog, count: int) -> Iterator[str]:
    """Every full name of `count` parts, without loading a table."""
    for provider in catalog.list_providers():
        if count == 1:
            yield provider
            continue
        for service in catalog.list_services(provider):
            if count == 2:
                yield f"{provider}.{service}"
            else:
                yield from (
                    f"{provider}.{service}.{table}" for table in catalog.list_tables(provider, service)
                )
        if count == len(LEVELS):
            yield f"{provider}.{REGIONS}"

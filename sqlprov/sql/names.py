"""A dotted name, and what USE chose, in; the full name out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlprov.catalog.regions import REGIONS
from sqlprov.errors import UnknownName, caret, nearest

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog
    from sqlprov.catalog.table import Method, Table
    from sqlprov.sql.parser import Name
    from sqlprov.sql.statement import Statement

LEVELS = ("provider", "service", "table")


def completed(parts: tuple[str, ...], path: tuple[str, ...], count: int) -> tuple[str, ...] | None:
    """`parts` with the beginning of `path` in front, `count` in all; `None` if that cannot be."""
    missing = count - len(parts)
    return (*path[:missing], *parts) if 0 <= missing <= len(path) else None


def live_table(catalog: Catalog, parts: tuple[str, ...], path: tuple[str, ...]) -> Table | None:
    """The live table that DuckDB would find under this name; `None` if there is none."""
    full = completed(parts, path, len(LEVELS))
    if full is None:
        return None
    provider, service, name = (part.lower() for part in full)
    return (
        catalog.table(provider, service, name)
        if (provider, service) in catalog.names().get(name, ())
        else None
    )


def regions_table(catalog: Catalog, parts: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Whether DuckDB would find a provider's table `regions` under this name."""
    name = tuple(part.lower() for part in parts)
    if name == (REGIONS,):
        name = (*(part.lower() for part in path), REGIONS)
    return bool(name) and name[0] in catalog.providers() and name[1:] in ((REGIONS,), ("main", REGIONS))


def found(statement: Statement, name: Name, catalog: Catalog, path: tuple[str, ...]) -> Table:
    """The live table of a name in a statement; raises UnknownName."""
    table = live_table(catalog, name.parts, path)
    if regions_table(catalog, name.parts, path):
        raise UnknownName(f"{str(name)!r} has no methods: it is botocore's list.\n{_place(statement, name)}")
    if table is None:
        raise UnknownName(
            f"{str(name)!r} is no live table.{hint(catalog, name.parts, len(LEVELS))}\n{_place(statement, name)}"
        )
    return table


def method(statement: Statement, name: Name, catalog: Catalog, path: tuple[str, ...]) -> tuple[Table, Method]:
    """The table and method of `table.method`, also under its operation's name; raises UnknownName."""
    written = name.parts[-1].lower()
    whole = live_table(catalog, name.parts, path)
    if whole is None or len(name.parts) > len(LEVELS):
        table = found(statement, name.qualifier, catalog, path)
    else:
        table, written = whole, ""
    for each in table.methods:
        if each.name == written:
            return table, each
    from sqlprov.catalog.service_model import snake

    # An operation may stand for several methods: those that only EXEC reaches come first.
    for each in sorted(table.methods, key=lambda each: each.verb != "EXEC"):
        if snake(each.call) == written:
            return table, each
    known = [each.name for each in table.methods]
    said = f"no method {name.parts[-1]!r}" if written else "no method after its name"
    near = nearest(written, known) or f" Expected one of {', '.join(known)}."
    raise UnknownName(f"{table.full_name} has {said}.{near}\n{_place(statement, name)}")


def _place(statement: Statement, name: Name) -> str:
    return caret(statement.text, name.start - statement.offset)


def hint(catalog: Catalog, parts: tuple[str, ...], count: int) -> str:
    """The full name of `count` parts nearest to what was written, as a question; empty if none is near."""
    if found := nearest(".".join(parts), known(catalog, count)):
        return found
    # The last part may be right, or nearly, where the others are missing.
    full = {name.rpartition(".")[2]: name for name in known(catalog, count)}
    found = nearest(parts[-1], full)
    return next(
        (found.replace(repr(short), repr(name)) for short, name in full.items() if repr(short) in found), ""
    )


def known(catalog: Catalog, count: int) -> Iterator[str]:
    """Every full name of what stands at this level, from file names alone."""
    for provider in catalog.providers():
        if count == 1:
            yield provider
            continue
        for service in catalog.services(provider):
            if count == 2:
                yield f"{provider}.{service}"
            else:
                yield from (f"{provider}.{service}.{table}" for table in catalog.tables(provider, service))
        if count == len(LEVELS):
            yield f"{provider}.{REGIONS}"

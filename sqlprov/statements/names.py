"""A dotted name, and what USE chose, in; the full name out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlprov.catalog.table import Table
from sqlprov.errors import nearest

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog

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
    """Every full name of `count` parts, from file names alone."""
    for provider in catalog.providers():
        if count == 1:
            yield provider
            continue
        for service in catalog.services(provider):
            if count == 2:
                yield f"{provider}.{service}"
            else:
                yield from (f"{provider}.{service}.{table}" for table in catalog.tables(provider, service))

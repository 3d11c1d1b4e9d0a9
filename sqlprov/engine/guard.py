"""A query in, a refusal out if it would change what only the cloud can change."""

from __future__ import annotations

from collections.abc import Callable

from sqlprov.catalog import Catalog
from sqlprov.errors import NotSupportedError
from sqlprov.statements import Query

WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE"})


def refuse(query: Query, catalog: Catalog, path: Callable[[], tuple[str, ...]]) -> None:
    """Refuse a statement that changes something within a provider's catalog.

    Args:
        query: the statement.
        catalog: the providers.
        path: tells what USE chose; asked only if it matters.

    Raises:
        NotSupportedError: it does; the text says what to write instead.
    """
    target = query.target
    if target is None or query.temporary:
        return
    name = ".".join(target)
    provider = target[0].lower()
    if provider not in catalog.providers():
        if len(target) > 2 or query.verb in ("USE", "SET", "ATTACH"):
            return
        chosen = path()
        if (
            not chosen
            or chosen[0] not in catalog.providers()
            or (len(target) > 1 and _elsewhere(target, catalog, chosen))
        ):
            return
        provider = chosen[0]
    if query.verb in WRITES:
        raise NotSupportedError(f"{query.verb} on {name}: this version reads live tables only.")
    raise NotSupportedError(
        f"{query.verb} {name} would change the catalog {provider!r}, which holds live tables only. "
        f"Write {query.verb} … memory.main.{target[-1]} (or the name of your database), or USE memory before."
    )


def _elsewhere(target: tuple[str, ...], catalog: Catalog, chosen: tuple[str, ...]) -> bool:
    """Whether a two-part name, with a provider's catalog in USE, is of another database."""
    return target[0].lower() not in (*catalog.services(chosen[0]), "main")

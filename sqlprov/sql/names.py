"""Resolves dotted names to live tables and methods, relative to the schema that USE chose."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from sqlprov.catalog.catalog import MAX_KNOWN
from sqlprov.catalog.provider_tables import PROVIDER_TABLES, ProviderTable
from sqlprov.errors import UnknownName, find_nearest, suggest

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog
    from sqlprov.catalog.method import Method
    from sqlprov.catalog.table import Table
    from sqlprov.sql.parser import Name
    from sqlprov.sql.query import Query
    from sqlprov.sql.statement import Statement

LEVELS = ("provider", "service", "table")
TableName = tuple[str, str, str]
"""Provider, service and table."""
_TAGS = "_tags"
MAX_SUGGESTIONS = 3
"""How many full names one message suggests."""


def complete_name(parts: tuple[str, ...], path: tuple[str, ...], count: int) -> tuple[str, ...] | None:
    """`parts`, completed with `path` in front to `count` parts; `None` if that is not possible."""
    missing = count - len(parts)
    return (*path[:missing], *parts) if 0 <= missing <= len(path) else None


def has_service(catalog: Catalog, provider: str, service: str) -> bool:
    """Whether there is such a service; names in lower case."""
    return provider in catalog.list_providers() and service in catalog.list_services(provider)


def has_table(catalog: Catalog, provider: str, service: str, table: str) -> bool:
    """Whether there is such a table; names in lower case. It loads nothing."""
    return has_service(catalog, provider, service) and table in catalog.list_tables(provider, service)


def find_tagged_table(catalog: Catalog, provider: str, service: str, view: str) -> str:
    """The table whose tags a view such as `vpc_tags` shows, a row each, as StackQL's does; empty if none is called so.

    All names are in lower case.
    """
    if not view.endswith(_TAGS) or not has_service(catalog, provider, service):
        return ""
    tables, noun = catalog.list_tables(provider, service), view.removesuffix(_TAGS)
    plurals = () if view in tables else (f"{noun}s", f"{noun}es", f"{noun[:-1]}ies", noun)
    return next((name for name in plurals if name in tables), "")


def find_live_name(catalog: Catalog, parts: tuple[str, ...], path: tuple[str, ...]) -> TableName | None:
    """The full name of the live table to which DuckDB would resolve this name; `None` if there is none."""
    full = complete_name(parts, path, len(LEVELS))
    if full is None:
        return None
    provider, service, table = (part.lower() for part in full)
    return (provider, service, table) if has_table(catalog, provider, service, table) else None


def find_service(catalog: Catalog, parts: tuple[str, ...], path: tuple[str, ...]) -> tuple[str, str] | None:
    """The provider and the service that a name stands for, with or without its provider; `None` if there is none."""
    lower = tuple(part.lower() for part in parts)
    prefixes = (
        [path[:1], *((provider,) for provider in catalog.list_providers())] if len(lower) == 1 else [()]
    )
    full = ((*prefix, *lower) for prefix in prefixes)
    return next(((name[0], name[1]) for name in full if len(name) == 2 and has_service(catalog, *name)), None)


def find_live_table(catalog: Catalog, parts: tuple[str, ...], path: tuple[str, ...]) -> Table | None:
    """The live table to which DuckDB would resolve this name; `None` if there is none.

    Raises:
        ResourceFileError: its resource file is wrong.
    """
    name = find_live_name(catalog, parts, path)
    return catalog.get_table(*name) if name else None


def find_mentions(catalog: Catalog, query: Query, path: Iterable[tuple[str, str]]) -> frozenset[TableName]:
    """The live tables that a statement names, possibly more than it reads.

    A table's name counts after its service's name and a dot, also within a literal such as `query('FROM …')`; alone,
    it counts if the service is on the search path. The view of a table's tags counts as the table.

    Args:
        catalog: the names.
        query: the statement.
        path: catalog and schema of each entry of the search path, in lower case.
    """
    providers = {provider for provider, _ in path} | {first for first, _ in query.dotted}
    providers = providers.intersection(catalog.list_providers()) or {*catalog.list_providers()}
    dotted = {
        (provider, service, table)
        for service, table in query.dotted
        for provider in providers
        if has_table(catalog, provider, service, table)
    }
    bare = {
        (provider, service, table)
        for provider, service in path
        if has_service(catalog, provider, service)
        for table in query.words.intersection(catalog.list_tables(provider, service))
    }
    tagged = {
        (provider, service, table) for provider, service, table, _ in find_tag_views(catalog, query, path)
    }
    return frozenset(dotted | bare | tagged)


def find_tag_views(
    catalog: Catalog, query: Query, path: Iterable[tuple[str, str]]
) -> set[tuple[str, str, str, str]]:
    """Provider, service, table and name of each view of tags that a statement names, possibly more than it reads."""
    views = [word for word in query.words if word.endswith(_TAGS)]
    if not views:
        return set()
    schemas = {*path}
    schemas |= {(provider, service) for service, _ in query.dotted for provider in catalog.list_providers()}
    return {
        (*schema, table, view)
        for view in views
        for schema in schemas
        if (table := find_tagged_table(catalog, *schema, view))
    }


def find_provider_table(
    catalog: Catalog, parts: tuple[str, ...], path: tuple[str, ...]
) -> ProviderTable | None:
    """The table of a provider, such as `aws.regions`, to which DuckDB would resolve this name."""
    name = tuple(part.lower() for part in parts)
    if len(name) == 1:
        name = (*(part.lower() for part in path), *name)
    is_below_provider = name[:1] and name[0] in catalog.list_providers() and name[1:-1] in ((), ("main",))
    return PROVIDER_TABLES.get(name[-1]) if is_below_provider else None


def resolve_table(statement: Statement, name: Name, catalog: Catalog, path: tuple[str, ...]) -> Table:
    """The live table that `name` in `statement` stands for.

    Raises:
        UnknownName: there is none.
    """
    if own := find_provider_table(catalog, name.parts, path):
        raise _make_unknown_name(statement, name, f"{str(name)!r} has no methods; it is {own.about}.")
    if table := find_live_table(catalog, name.parts, path):
        return table
    hint = suggest_name(catalog, name.parts, len(LEVELS))
    raise _make_unknown_name(statement, name, f"{str(name)!r} is not a live table.{hint}")


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
    raise _make_unknown_name(statement, name, f"{table.full_name} {problem}.{near}")


def _make_unknown_name(statement: Statement, name: Name, problem: str) -> UnknownName:
    return UnknownName(f"{problem}\n{statement.show_place(name)}")


def suggest_name(catalog: Catalog, parts: tuple[str, ...], count: int) -> str:
    """A question with the nearest full names of `count` parts; empty if none is near.

    The service comes first: among the names of all tables, the nearest one would often be another service's.
    """
    if count < len(LEVELS):
        last: dict[str, str] = {}
        for name in list_names(catalog, count):
            last.setdefault(name.rpartition(".")[2], name)
        nearest = find_nearest(parts[:count][-1], last)
        return _ask([last[nearest]] if nearest else [])
    is_below_provider = len(parts) == 2 and parts[0] in catalog.list_providers()
    if is_below_provider and (nearest := find_nearest(parts[1], PROVIDER_TABLES)):
        return _ask([f"{parts[0]}.{nearest}"])
    provider = find_nearest(parts[-3], catalog.list_providers()) if len(parts) == count else ""
    for each in [provider] if provider else catalog.list_providers():
        service = find_nearest(parts[-2], catalog.list_services(each)) if len(parts) > 1 else ""
        if service and (table := find_nearest(parts[-1], catalog.list_tables(each, service))):
            return _ask([f"{each}.{service}.{table}"])
    return suggest_tables(catalog, parts[-1], provider=provider)


def suggest_tables(catalog: Catalog, table: str, *, provider: str = "", is_exact: bool = False) -> str:
    """A question with the full names of the tables called `table`, or nearly so unless `is_exact`; empty if none is.

    They are tables of `provider`, otherwise of the first provider that has any.
    """
    for each in [provider] if provider else catalog.list_providers():
        full: dict[str, list[str]] = {}
        for name in _list_provider_names(catalog, each, len(LEVELS)):
            full.setdefault(name.rpartition(".")[2], []).append(name)
        if names := full.get(table.lower() if is_exact else find_nearest(table, full), []):
            return _ask(names)
    return ""


def _ask(names: Sequence[str]) -> str:
    words = [repr(name) for name in names]
    has_more = len(words) > MAX_SUGGESTIONS + 1
    if has_more:
        words[MAX_SUGGESTIONS:] = [f"one of {len(words) - MAX_SUGGESTIONS} others"]
    question = " or ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
    return (f" Did you mean {question}?" if question else "") + " sqlprov.tables lists them." * has_more


def explain_unknown(catalog: Catalog, provider: str, service: str, table: str = "") -> str:
    """Which part of a full name does not exist, and the nearest one; empty if all exist.

    Args:
        catalog: the names.
        provider: one that exists.
        service: may also be meant for the provider's table `regions`, if there is no table.
        table: empty if the name has none.
    """
    if not has_service(catalog, provider, service.lower()):
        services = catalog.list_services(provider)
        nearest = _suggest_service(catalog, provider, service, table.lower())
        return f"Unknown service {service!r} in {provider}{_list_known(services, nearest, f'SERVICES IN {provider}')}"
    tables = catalog.list_tables(provider, service)
    if not table or table.lower() in tables:
        return ""
    catalog.check_files(provider, service, table)
    place = f"{provider}.{service.lower()}"
    nearest = _suggest_table(catalog, provider, service.lower(), table.lower())
    return f"Unknown table {table!r} in {place}{_list_known(tables, nearest, f'TABLES IN {place}')}"


def _suggest_service(catalog: Catalog, provider: str, service: str, table: str) -> str:
    """A question with the service that is called so, by title or description, or nearly so, or that has the table."""
    plain = service.replace("_", "").lower()
    for other in catalog.list_providers():
        if other != provider and plain in catalog.list_services(other):
            nearest = find_nearest(table, catalog.list_tables(other, plain)) if table else ""
            return _ask([".".join(filter(None, (other, plain, nearest)))])
    text = re.compile(rf"\b{re.escape(service.replace('_', ' '))}", re.IGNORECASE)
    titles = catalog.list_titles(provider)
    meant = sorted(
        (name for name in titles if text.search(" ".join(titles[name]))), key=lambda name: titles[name]
    )
    if full := [
        f"{provider}.{name}.{table}" for name in meant if table in catalog.list_tables(provider, name)
    ]:
        return _ask(full)
    nearest = find_nearest(service, titles if table else [*titles, *PROVIDER_TABLES])
    if nearest and table and table not in catalog.list_tables(provider, nearest):
        return suggest_tables(catalog, table, provider=provider, is_exact=True) or _ask(meant or [nearest])
    if not table and not find_nearest(service, [nearest], 0.85):
        return _ask(meant or [nearest] * bool(nearest))
    return _ask([nearest] * bool(nearest))


def _suggest_table(catalog: Catalog, provider: str, service: str, table: str) -> str:
    """A question with the tables of the service that the name nearly is, or ends, or whose description has it; then
    those of other services."""
    descriptions = catalog.list_descriptions(provider, service)
    # A file of StackQL may name the list of a table of awscc.
    if nearest := find_nearest(table.removesuffix("_list_only"), descriptions, 0.85):
        return _ask([nearest])
    endings = [name for name in descriptions if name.endswith(f"_{table}")]
    if hint := _ask(endings) or suggest_tables(catalog, table, provider=provider, is_exact=True):
        return hint
    text = re.compile(rf"\b{re.escape(table.removesuffix('s').replace('_', ' '))}", re.IGNORECASE)
    described = sorted((name for name, about in descriptions.items() if text.search(about)), key=len)
    nearest = find_nearest(table, descriptions)
    return _ask(described or ([nearest] if nearest else [])) or suggest_tables(
        catalog, table, provider=provider
    )


def find_example(catalog: Catalog, count: int, within: Sequence[str] = ()) -> str:
    """A full name of `count` parts in the service with the most tables among those whose name begins with the parts
    `within`; empty if there is none."""
    first = [part.lower() for part in within[:2]]
    services = [parts for name in list_names(catalog, 2) if (parts := name.split("."))[: len(first)] == first]
    if not services:
        return ""
    largest = max(services, key=lambda name: len(catalog.list_tables(*name)))
    return ".".join([*largest, *catalog.list_tables(*largest)][:count])


def _list_known(names: Sequence[str], nearest: str, listing: str) -> str:
    if len(names) <= MAX_KNOWN and not nearest:
        return f"; expected {', '.join(names)}."
    return f".{nearest}" + (f" SHOW {listing} lists all {len(names)}." if len(names) > 1 else "")


def list_names(catalog: Catalog, count: int) -> Iterator[str]:
    """Every full name of `count` parts, without loading a table."""
    for provider in catalog.list_providers():
        yield from _list_provider_names(catalog, provider, count)


def _list_provider_names(catalog: Catalog, provider: str, count: int) -> Iterator[str]:
    if count == 1:
        yield provider
        return
    for service in catalog.list_services(provider):
        if count == 2:
            yield f"{provider}.{service}"
        else:
            yield from (f"{provider}.{service}.{table}" for table in catalog.list_tables(provider, service))
    if count == len(LEVELS):
        yield from (f"{provider}.{table}" for table in PROVIDER_TABLES)

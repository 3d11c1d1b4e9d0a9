"""Completes SQL: finds the words that fit at the cursor, each with a description."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from sqlprov.catalog.provider_tables import PROVIDER_TABLES
from sqlprov.catalog.regions import list_regions
from sqlprov.errors import Error
from sqlprov.frontends.completion.candidates import (
    Candidate,
    describe_column,
    find_column,
    list_members,
    match_words,
)
from sqlprov.frontends.completion.context import SqlContext, WordKind, find_context
from sqlprov.settings import ORGANIZATION, Settings
from sqlprov.sql.names import find_live_name, find_live_table, has_service

if TYPE_CHECKING:
    from sqlprov.api.connection import Vocabulary
    from sqlprov.catalog import Catalog
    from sqlprov.catalog.method import Method
    from sqlprov.catalog.table import Table

MAX_WORDS = 500
PLACES = {"region": "required, region", "account": "required with several accounts"}
"""Columns whose values are the places of rows, and what EXEC shows of them."""
STATEMENTS = (
    "SELECT", "FROM", "WITH", "INSERT INTO", "UPDATE", "DELETE FROM", "EXEC", "EXPLAIN", "SHOW", "DESCRIBE",
    "DESCRIBE METHOD", "SET", "RESET", "USE", "SUMMARIZE", "CREATE", "DROP", "COPY", "PIVOT", "BEGIN", "COMMIT",
    "ROLLBACK", "PREPARE", "EXECUTE", "ATTACH", "VALUES",
)  # fmt: skip


class SqlCompleter:
    """Completes SQL for one connection. It loads a table once its name is typed, before its columns are needed.

    Args:
        catalog: providers, services, tables, regions.
        vocabulary: DuckDB's words; set it again after a statement.
    """

    def __init__(self, catalog: Catalog, vocabulary: Vocabulary) -> None:
        self.catalog, self.vocabulary = catalog, vocabulary
        self._loading: set[tuple[str, ...]] = set()

    def complete(self, text: str, at: int) -> list[Candidate]:
        """The words that fit at offset `at` of `text`, the likeliest first."""
        context = find_context(text, at, self.vocabulary.keywords)
        if context is None:
            return []
        words: dict[str, Candidate] = {}
        try:
            for word in self._list(context):
                words.setdefault(word.text, word)
                if len(words) >= MAX_WORDS:
                    break
        except Error:
            pass  # a statement that uses the table reports the error in its resource file
        return list(words.values())

    def _list(self, context: SqlContext) -> Iterator[Candidate]:
        match context.kind:
            case WordKind.STATEMENT:
                return match_words(context, ((word, "") for word in STATEMENTS))
            case WordKind.TABLE:
                return self._list_relations(context)
            case WordKind.METHOD:
                return self._list_methods(context)
            case WordKind.PARAMETER:
                return self._list_parameters(context)
            case WordKind.SETTING:
                return match_words(
                    context, ((name, text[1]) for name, text in Settings.describe().items()), True
                )
            case WordKind.SETTING_VALUE:
                return self._list_setting_values(context)
            case WordKind.NOUN:
                return match_words(context, ((noun, "") for noun in _show_nouns()))
            case WordKind.NAME:
                return self._list_names(context, _show_nouns().get(context.subject[0], 3))
            case WordKind.VALUE:
                return self._list_values(context)
        return self._list_expression(context)

    # Names of tables

    @cached_property
    def _tables(self) -> list[tuple[str, str, str]]:
        """The name, the full name and the description of every table, the shortest names first."""
        catalog = self.catalog
        tables = [
            (table, f"{provider}.{service}.{table}", about or "table")
            for provider in catalog.list_providers()
            for service in catalog.list_services(provider)
            for table, about in catalog.list_descriptions(provider, service).items()
        ]
        tables += [
            (name, f"{provider}.{name}", own.description)
            for provider in catalog.list_providers()
            for name, own in PROVIDER_TABLES.items()
        ]
        return sorted(tables, key=lambda table: (len(table[0]), table[1]))

    def _list_relations(self, context: SqlContext) -> Iterator[Candidate]:
        if context.quoted:
            return
        self._load_ahead((*context.prefix, context.typed))
        if not context.prefix:
            own = [(name, "table of DuckDB") for name in self.vocabulary.relations]
            yield from match_words(context, ((name, "CTE") for name in context.ctes))
            yield from match_words(context, own, True)
        yield from self._list_names(context, 3)
        if not context.prefix and context.typed:
            yield from self._search_tables(context)

    def _search_tables(self, context: SqlContext) -> Iterator[Candidate]:
        """The full names of the tables whose last part contains the typed part."""
        typed = context.typed.lower()
        matches = [each for each in self._tables if typed in each[0]]
        for rank in (True, False):
            for short, name, about in matches:
                if short.startswith(typed) is rank:
                    yield Candidate(name, context.start, about)

    def _list_names(self, context: SqlContext, levels: int) -> Iterator[Candidate]:
        """The next part of a dotted name that has `levels` parts."""
        catalog, path = self.catalog, self.vocabulary.path
        places = [context.prefix]
        if path[:1] and path[0] in catalog.list_providers():
            places += [(*path[:count], *context.prefix) for count in (1, 2)]
        for parts in places:
            parts = tuple(part.lower() for part in parts)
            if len(parts) >= levels or not _exists(catalog, parts):
                continue
            own = [(name, table.description) for name, table in PROVIDER_TABLES.items()]
            extra = own if len(parts) == 1 and levels == 3 else []
            yield from match_words(context, [*_list_catalog(catalog, parts), *extra], True)

    def _load_ahead(self, name: tuple[str, ...]) -> None:
        """Load a table in the background: the first one takes 0.1 s, more than from one keystroke to the next."""
        full = find_live_name(self.catalog, name, self.vocabulary.path)
        if full and full not in self._loading:
            self._loading.add(full)
            threading.Thread(target=self._load, args=full, name="sqlprov-completion", daemon=True).start()

    def _load(self, provider: str, service: str, table: str) -> None:
        with suppress(Error):  # a statement that uses the table reports it
            self.catalog.get_table(provider, service, table)

    def _find_table(self, name: tuple[str, ...]) -> Table | None:
        return find_live_table(self.catalog, name, self.vocabulary.path)

    # EXEC

    def _list_methods(self, context: SqlContext) -> Iterator[Candidate]:
        table = self._find_table(context.prefix) if context.prefix else None
        if table:
            yield from match_words(
                context, ((one.name, f"{one.verb}, {one.call}") for one in table.methods), True
            )
        else:
            yield from self._list_relations(context)

    def _find_method(self, name: tuple[str, ...]) -> Method | None:
        table = self._find_table(name[:-1])
        return table.by_method.get(name[-1]) if table else None

    def _list_parameters(self, context: SqlContext) -> Iterator[Candidate]:
        method = self._find_method(context.method)
        if not method:
            return
        sign = "" if context.subject else "@"
        parts = [
            (f"{sign}{part.name}", f"{'required, ' if part.required else ''}{part.shape}")
            for part in method.parameters
        ]
        yield from match_words(
            context,
            [*parts, *((f"{sign}{name}", about) for name, about in PLACES.items()), (f"{sign}@json", "all")],
        )

    # Values

    def _list_setting_values(self, context: SqlContext) -> Iterator[Candidate]:
        name = context.subject[0].lower()
        values = {
            "sqlprov_accounts": (ORGANIZATION, *self.vocabulary.accounts),
            "sqlprov_cache": ("60s", "5m", "off"),
            "sqlprov_on_error": ("fail", "warn", "stop"),
            "sqlprov_regions": ("all", *self._regions),
        }.get(name, ("on", "off") if Settings.describe().get(name, ("",))[0] in ("on", "off") else ())
        yield from self._quote(context, values, bare=values == ("on", "off"))

    def _list_values(self, context: SqlContext) -> Iterator[Candidate]:
        if context.method:
            yield from self._quote(context, self._list_parameter_values(context))
            return
        yield from self._quote(context, self._list_column_values(context))
        if not context.quoted:
            yield from self._list_expression(context)

    def _list_parameter_values(self, context: SqlContext) -> tuple[str, ...]:
        """The values of an enum parameter of EXEC."""
        method, name = self._find_method(context.method), context.subject[0]
        if name.lower() in PLACES:
            return self._list_places(name)
        shape = method.input_shape.members.get(name) if method else None
        return shape.constraint.enum if shape else ()

    def _list_column_values(self, context: SqlContext) -> tuple[str, ...]:
        """The values of an enum column."""
        *before, name = context.subject
        if name.lower() in PLACES:
            return self._list_places(name)
        for alias, table_name in context.tables:
            if before and before[-1].lower() not in (alias.lower(), table_name[-1].lower()):
                continue
            table = self._find_table(table_name)
            column = find_column(table, name) if table else None
            if column is not None:
                return column.constraint.enum
        return ()

    def _list_places(self, column: str) -> tuple[str, ...]:
        return self.vocabulary.accounts if column.lower() == "account" else self._regions

    @cached_property
    def _regions(self) -> tuple[str, ...]:
        return tuple(region.region for region in list_regions())

    def _quote(
        self, context: SqlContext, values: Iterable[str], *, bare: bool = False
    ) -> Iterator[Candidate]:
        for word in match_words(context, ((value, "value") for value in values), True):
            if context.quoted:
                yield Candidate(
                    word.text + ("" if context.closed else "'"), word.start, word.about, word.text
                )
            else:
                yield word if bare else Candidate(f"'{word.text}'", word.start, word.about)

    # Expressions

    def _list_expression(self, context: SqlContext) -> Iterator[Candidate]:
        if context.quoted:
            return
        if context.prefix:
            yield from self._list_members(context)
            yield from self._list_names(context, 3)
            return
        for alias, name in context.tables:
            yield from match_words(context, self._list_columns(name), True)
            if context.typed and alias != name[-1]:
                yield from match_words(context, [(alias, ".".join(name))])
        if context.typed:
            own = self.vocabulary
            yield from match_words(context, ((word, "") for word in own.keywords))
            yield from match_words(context, own.functions.items())
            yield from self._list_names(context, 3)

    def _list_columns(self, name: tuple[str, ...]) -> list[tuple[str, str]]:
        """Name and description of each column of a table."""
        table = self._find_table(name)
        if table:
            return [(column.name, describe_column(table, column)) for column in table.visible_columns]
        return list(self.vocabulary.relations.get(".".join(name), ()))

    def _list_members(self, context: SqlContext) -> Iterator[Candidate]:
        """The columns after `alias.`, or the members after `column.`."""
        first, *rest = context.prefix
        for alias, name in context.tables:
            if first.lower() in (alias.lower(), name[-1].lower()):
                if not rest:
                    yield from match_words(context, self._list_columns(name), True)
                    continue
                first, *rest = rest
            table = self._find_table(name)
            column = find_column(table, first) if table else None
            if column is not None:
                yield from match_words(context, list_members(column.type, rest), True)


def _exists(catalog: Catalog, parts: tuple[str, ...]) -> bool:
    """Whether `parts` are a provider, or a provider and its service."""
    if len(parts) > 1:
        return has_service(catalog, parts[0], parts[1])
    return not parts or parts[0] in catalog.list_providers()


def _list_catalog(catalog: Catalog, parts: tuple[str, ...]) -> list[tuple[str, str]]:
    """The names inside a provider or service, each with its description."""
    if not parts:
        return [(name, "provider") for name in catalog.list_providers()]
    if len(parts) == 1:
        return [(name, title or "service") for name, (title, _) in catalog.list_titles(*parts).items()]
    return [(name, about or "table") for name, about in catalog.list_descriptions(parts[0], parts[1]).items()]


def _show_nouns() -> dict[str, int]:
    """Noun after SHOW -> parts of the name after IN."""
    from sqlprov.sql.show import SHOW_KINDS

    return {name: kind.name_parts for name, kind in SHOW_KINDS.items()}

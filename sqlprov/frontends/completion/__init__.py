"""SQL text and a cursor in; the words that may stand there out, each with what it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from sqlprov.errors import Error
from sqlprov.frontends.completion.place import Expect, Place, place
from sqlprov.frontends.completion.words import Candidate, column_of, described, inside, matching
from sqlprov.settings import Settings

if TYPE_CHECKING:
    from sqlprov.api.connection import Vocabulary
    from sqlprov.catalog import Catalog
    from sqlprov.catalog.table import Method, Table

MOST = 300
"""Words offered at most."""
STATEMENTS = (
    *(
        "SELECT",
        "FROM",
        "WITH",
        "INSERT INTO",
        "UPDATE",
        "DELETE FROM",
        "EXEC",
        "EXPLAIN",
        "SHOW",
        "DESCRIBE",
    ),
    *(
        "DESCRIBE METHOD",
        "SET",
        "RESET",
        "USE",
        "SUMMARIZE",
        "CREATE",
        "DROP",
        "COPY",
        "PIVOT",
        "BEGIN",
        "COMMIT",
    ),
    *("ROLLBACK", "PREPARE", "EXECUTE", "ATTACH", "VALUES"),
)
OWN_KEYWORDS = ("RETURNING", "METHODS", "PROVIDERS", "RESOURCES", "SERVICES", "SETTINGS", "EXTENDED")


class Completion:
    """What is known for one connection; nothing is loaded before a place needs it.

    Args:
        catalog: providers, services, tables, regions.
        vocabulary: DuckDB's words; set anew when statements have run.
    """

    def __init__(self, catalog: Catalog, vocabulary: Vocabulary) -> None:
        self.catalog, self.vocabulary = catalog, vocabulary

    def candidates(self, text: str, at: int) -> list[Candidate]:
        """The words for offset `at` of `text`, the likeliest first."""
        here = place(text, at)
        if here is None:
            return []
        found: dict[str, Candidate] = {}
        try:
            for word in self._words(here):
                found.setdefault(word.text, word)
                if len(found) >= MOST:
                    break
        except Error:
            pass  # a resource file that is wrong is told when its table is used
        return list(found.values())

    def _words(self, here: Place) -> Iterator[Candidate]:
        match here.expect:
            case Expect.STATEMENT:
                return matching(here, ((word, "") for word in STATEMENTS))
            case Expect.TABLE:
                return self._relations(here)
            case Expect.METHOD:
                return self._methods(here)
            case Expect.PARAMETER:
                return self._parameters(here)
            case Expect.SETTING:
                return matching(here, ((name, text[1]) for name, text in Settings.describe().items()), True)
            case Expect.SETTING_VALUE:
                return self._setting_values(here)
            case Expect.NOUN:
                return matching(here, ((noun, "") for noun in _nouns()))
            case Expect.NAME:
                return self._names(here, _nouns().get(here.subject[0], 3))
            case Expect.VALUE:
                return self._values(here)
        return self._expression(here)

    # Names of tables

    @cached_property
    def _tables(self) -> tuple[str, ...]:
        """The full name of every table."""
        names = self.catalog.services_by_table.items()
        return tuple(sorted(".".join((*place, name)) for name, places in names for place in places))

    def _relations(self, here: Place) -> Iterator[Candidate]:
        if here.quoted:
            return
        if not here.prefix:
            own = [(name, "table of DuckDB") for name in self.vocabulary.relations]
            yield from matching(here, ((name, "CTE") for name in here.names))
            yield from matching(here, own, True)
            if here.typed:
                yield from self._anywhere(here)
        yield from self._names(here, 3)

    def _anywhere(self, here: Place) -> Iterator[Candidate]:
        """Tables whose last name holds what was typed, under their full names."""
        typed = here.typed.lower()
        last = [(name.rpartition(".")[2], name) for name in self._tables]
        for rank in (True, False):
            for short, name in last:
                if typed in short and short.startswith(typed) is rank:
                    yield Candidate(name, here.start, "table")

    def _names(self, here: Place, levels: int) -> Iterator[Candidate]:
        """The next part of a dotted name of so many parts."""
        catalog, path = self.catalog, self.vocabulary.path
        places = [here.prefix]
        if path[:1] and path[0] in catalog.list_providers():
            places += [(*path[:count], *here.prefix) for count in (1, 2)]
        for parts in places:
            parts = tuple(part.lower() for part in parts)
            if len(parts) >= levels:
                continue
            kinds = ("provider", "service", "table")
            try:
                names = _inside_catalog(catalog, parts)
            except Error:
                continue
            extra = [("regions", "table")] if len(parts) == 1 and levels == 3 else []
            yield from matching(here, [*((name, kinds[len(parts)]) for name in names), *extra], True)

    def _table(self, name: tuple[str, ...]) -> Table | None:
        from sqlprov.sql.names import find_live_table

        return find_live_table(self.catalog, name, self.vocabulary.path)

    # EXEC

    def _methods(self, here: Place) -> Iterator[Candidate]:
        table = self._table(here.prefix) if here.prefix else None
        if table:
            yield from matching(here, ((one.name, f"{one.verb}, {one.call}") for one in table.methods), True)
        else:
            yield from self._relations(here)

    def _method(self, name: tuple[str, ...]) -> tuple[Table, Method] | None:
        table = self._table(name[:-1])
        return (table, table.by_method[name[-1]]) if table and name[-1] in table.by_method else None

    def _parameters(self, here: Place) -> Iterator[Candidate]:
        found = self._method(here.method)
        if not found:
            return
        sign = "" if here.subject else "@"
        parts = [
            (f"{sign}{part.name}", f"{'required, ' if part.required else ''}{part.shape}")
            for part in found[1].parameters
        ]
        yield from matching(here, [*parts, (f"{sign}region", "required, region"), (f"{sign}@json", "all")])

    # Values

    def _setting_values(self, here: Place) -> Iterator[Candidate]:
        name = here.subject[0].lower()
        values = {
            "sqlprov_on_error": ("fail", "warn", "stop"),
            "sqlprov_regions": ("all", *self._regions),
        }.get(name, ("on", "off") if Settings.describe().get(name, ("",))[0] in ("on", "off") else ())
        yield from self._quoted(here, values, bare=values == ("on", "off"))

    def _values(self, here: Place) -> Iterator[Candidate]:
        if here.method:
            yield from self._quoted(here, self._accepted(here))
            return
        yield from self._quoted(here, self._enum(here))
        if not here.quoted:
            yield from self._expression(here)

    def _accepted(self, here: Place) -> tuple[str, ...]:
        """The values that a parameter of EXEC takes."""
        found, name = self._method(here.method), here.subject[0]
        if name.lower() == "region":
            return self._regions
        shape = found[1].input_shape.members.get(name) if found else None
        return shape.constraint.enum if shape else ()

    def _enum(self, here: Place) -> tuple[str, ...]:
        """The values that a column may have."""
        *before, name = here.subject
        if name.lower() == "region":
            return self._regions
        for alias, table_name in here.tables:
            if before and before[-1].lower() not in (alias.lower(), table_name[-1].lower()):
                continue
            table = self._table(table_name)
            column = column_of(table, name) if table else None
            if column is not None:
                return column.constraint.enum
        return ()

    @cached_property
    def _regions(self) -> tuple[str, ...]:
        return tuple(region.region for region in self.catalog.list_regions())

    def _quoted(self, here: Place, values: Iterable[str], *, bare: bool = False) -> Iterator[Candidate]:
        for word in matching(here, ((value, "value") for value in values), True):
            if here.quoted:
                yield Candidate(word.text + ("" if here.closed else "'"), word.start, word.about, word.text)
            else:
                yield word if bare else Candidate(f"'{word.text}'", word.start, word.about)

    # Expressions

    def _expression(self, here: Place) -> Iterator[Candidate]:
        if here.quoted:
            return
        if here.prefix:
            yield from self._members(here)
            yield from self._names(here, 3)
            return
        for alias, name in here.tables:
            yield from matching(here, self._columns(name), True)
            if here.typed and alias != name[-1]:
                yield from matching(here, [(alias, ".".join(name))])
        if here.typed:
            own = self.vocabulary
            yield from matching(here, ((word, "") for word in (*OWN_KEYWORDS, *own.keywords)))
            yield from matching(here, own.functions.items())
            yield from self._names(here, 3)

    def _columns(self, name: tuple[str, ...]) -> list[tuple[str, str]]:
        """Name, and type with the call, of each column of a table."""
        table = self._table(name)
        if table:
            return [(column.name, described(table, column)) for column in table.columns]
        return list(self.vocabulary.relations.get(".".join(name), ()))

    def _members(self, here: Place) -> Iterator[Candidate]:
        """Columns of `alias.`, members of `column.`."""
        first, *rest = here.prefix
        for alias, name in here.tables:
            if first.lower() in (alias.lower(), name[-1].lower()):
                if not rest:
                    yield from matching(here, self._columns(name), True)
                    continue
                first, *rest = rest
            table = self._table(name)
            column = column_of(table, first) if table else None
            if column is not None:
                yield from matching(here, inside(column.type, rest), True)


def _inside_catalog(catalog: Catalog, parts: tuple[str, ...]) -> tuple[str, ...]:
    """The names below a name; raises UnknownName."""
    if not parts:
        return catalog.list_providers()
    return catalog.list_services(*parts) if len(parts) == 1 else catalog.list_tables(parts[0], parts[1])


def _nouns() -> dict[str, int]:
    """What SHOW shows -> parts of the name after IN."""
    from sqlprov.sql.show import LISTINGS

    return {kind: listing.name_parts for kind, listing in LISTINGS.items()}

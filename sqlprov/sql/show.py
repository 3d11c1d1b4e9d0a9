"""SHOW PROVIDERS, SERVICES, RESOURCES, METHODS, SETTINGS: the catalog as tables, with StackQL's columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sqlprov.errors import UnknownName, show_caret, suggest
from sqlprov.settings import PREFIX, Settings
from sqlprov.sql import names
from sqlprov.sql.lexer import TokenKind
from sqlprov.sql.parser import Name, Parser
from sqlprov.sql.statement import CatalogStatement, Keywords
from sqlprov.version import VERSION

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog

Rows = Iterator[dict[str, Any]]


@dataclass(frozen=True)
class Listing:
    """What can be shown.

    Attributes:
        within: parts of the name after IN.
        columns, extended: columns of the answer, and those that EXTENDED adds.
        named: the column that LIKE looks at.
        rows: catalog, settings, full name after IN, EXTENDED -> rows.
    """

    within: int
    columns: tuple[str, ...]
    extended: tuple[str, ...]
    named: str
    rows: Callable[[Catalog, Settings, tuple[str, ...], bool], Rows]


@dataclass(frozen=True)
class Show(CatalogStatement):
    """`SHOW [EXTENDED] noun [IN name] [LIKE 'pattern']`.

    Attributes:
        noun: a key of LISTINGS.
        extended: whether EXTENDED was written.
        place: name after IN or FROM; `None` if there is none.
        like: SQL pattern; `None` if there is none.
    """

    noun: str
    extended: bool
    place: Name | None
    like: str | None

    @classmethod
    def parse(cls, parser: Parser) -> Show | None:
        if not parser.accept("SHOW"):
            return None
        extended = parser.accept("EXTENDED") is not None
        if setting := _setting(parser):
            return cls(parser.text, parser.offset, "SETTINGS", False, None, _escaped(setting))
        word = parser.accept(*LISTINGS)
        if word is None:
            if extended or _misspelt(parser):
                parser.fail(f"one of {', '.join(LISTINGS)} after SHOW", LISTINGS)
            return None
        noun = word.text.upper()
        takes_place = LISTINGS[noun].within > 0
        place = parser.parse_name("a name") if takes_place and parser.accept("IN", "FROM") else None
        like = parser.parse_string("a pattern such as '%text%' after LIKE") if parser.accept("LIKE") else None
        options = ["LIKE"] if like is None else []
        if takes_place and not place and like is None:
            options.insert(0, "IN")
        parser.expect_end(" or ".join([*options, "the end of the statement"]))
        return cls(parser.text, parser.offset, noun, extended, place, like)

    def answer(
        self, catalog: Catalog, settings: Settings, path: tuple[str, ...], keywords: Keywords
    ) -> pa.Table:
        noun = LISTINGS[self.noun]
        columns = noun.columns + (noun.extended if self.extended else ())
        rows = self._rows(catalog, settings, path)
        rows = [row for row in rows if self.like is None or is_like(row[noun.named], self.like)]
        schema = pa.schema([(name, pa.bool_() if name == "preferred" else pa.string()) for name in columns])
        return pa.Table.from_pylist([{name: row[name] for name in columns} for row in rows], schema)

    def _rows(self, catalog: Catalog, settings: Settings, path: tuple[str, ...]) -> list[dict[str, Any]]:
        named = self.place.parts if self.place else ()
        if self.noun == "METHODS" and names.is_regions_table(catalog, named, path):
            return []  # it is no resource: nothing is called
        where = self._full_name(catalog, path)
        try:
            return list(LISTINGS[self.noun].rows(catalog, settings, where, self.extended))
        except UnknownName as error:
            raise UnknownName(f"{error}{self._caret()}") from None

    def _full_name(self, catalog: Catalog, path: tuple[str, ...]) -> tuple[str, ...]:
        count = LISTINGS[self.noun].within
        given = self.place.parts if self.place else ()
        if not given and count:
            given, path = path[:count], ()
        full = names.complete_name(given, path, count)
        if full is not None:
            return full
        form = ".".join(names.LEVELS[:count])
        written = repr(str(self.place)) if self.place else "none"
        hint = names.suggest_name(catalog, self.place.parts, count) if self.place else ""
        example = next(
            (f", as in SHOW {self.noun} IN {name}" for name in names.list_names(catalog, count)), ""
        )
        raise UnknownName(
            f"SHOW {self.noun} needs a name of the form {form}{example}; found {written}.{hint}{self._caret()}"
        )

    def _caret(self) -> str:
        return f"\n{show_caret(self.text, self.place.start - self.offset)}" if self.place else ""


def is_like(text: str, pattern: str) -> bool:
    """SQL's LIKE without regard to case, as in StackQL; a backslash takes the meaning from % and _."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    regex = "".join(wild.get(part) or re.escape(part[-1]) for part in parts)
    return re.fullmatch(regex, text, re.IGNORECASE | re.DOTALL) is not None


def _setting(parser: Parser) -> str:
    """The setting of `SHOW sqlprov_regions`; empty if it is another statement."""
    token = parser.next
    if token is None or len(parser.tokens) > parser.index + 1 or not token.value.lower().startswith(PREFIX):
        return ""
    if token.value.lower() not in (known := Settings.describe()):
        place = show_caret(parser.script, token.start)
        raise UnknownName(f"Unknown setting {token.value!r}.{suggest(token.value, known)}\n{place}")
    return token.value


def _escaped(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)


def _misspelt(parser: Parser) -> bool:
    """Whether `SHOW SERVICS IN aws` means one of ours; DuckDB has SHOW TABLES FROM and SHOW <table>."""
    ahead = parser.tokens[parser.index : parser.index + 2]
    if len(ahead) < 2 or ahead[0].kind is not TokenKind.WORD or not ahead[1].is_one_of("IN", "FROM", "LIKE"):
        return False
    return not ahead[0].is_one_of("TABLES") and bool(suggest(ahead[0].text, LISTINGS))


def _providers(catalog: Catalog, settings: Settings, where: tuple[str, ...], extended: bool) -> Rows:
    for name in catalog.list_providers():
        info = catalog.get_provider(name)
        yield {"name": name, "version": VERSION, "title": info.title, "description": info.about}


def _services(catalog: Catalog, settings: Settings, where: tuple[str, ...], extended: bool) -> Rows:
    for name in catalog.list_services(*where):
        info = catalog.get_service(where[0], name)
        yield {
            "id": info.id,
            "name": info.name,
            "title": info.title,
            "description": info.about,
            "version": VERSION,
            "preferred": True,
        }


def _resources(catalog: Catalog, settings: Settings, where: tuple[str, ...], extended: bool) -> Rows:
    for name in catalog.list_tables(*where):
        row = {"name": name, "id": ".".join(part.lower() for part in (*where, name))}
        if extended:  # the resource files are read for nothing less
            table = catalog.get_table(where[0], where[1], name)
            row["title"] = table.cloudformation
            row["description"] = table.about
            row["methods"] = ", ".join(method.name for method in table.methods)
        yield row


def _methods(catalog: Catalog, settings: Settings, where: tuple[str, ...], extended: bool) -> Rows:
    for method in catalog.get_table(*where).methods:
        until = f"; done when {' or '.join(method.until)}" if method.until else ""
        yield {
            "MethodName": method.name,
            "RequiredParams": ", ".join(method.required),
            "SQLVerb": method.verb,
            "description": f"Calls {method.call}{until}.",
            "call": method.call,
            "permissions": ", ".join(method.permissions),
        }


def _settings(catalog: Catalog, settings: Settings, where: tuple[str, ...], extended: bool) -> Rows:
    values = settings.values()
    for name, (default, about) in Settings.describe().items():
        yield {"name": name, "value": values[name], "default": default, "description": about}


LISTINGS = {
    "PROVIDERS": Listing(0, ("name", "version"), ("title", "description"), "name", _providers),
    "SERVICES": Listing(
        1, ("id", "name", "title"), ("description", "version", "preferred"), "name", _services
    ),
    "RESOURCES": Listing(2, ("name", "id"), ("title", "description", "methods"), "name", _resources),
    "METHODS": Listing(
        3,
        ("MethodName", "RequiredParams", "SQLVerb"),
        ("description", "call", "permissions"),
        "MethodName",
        _methods,
    ),
    "SETTINGS": Listing(0, ("name", "value", "default", "description"), (), "name", _settings),
}

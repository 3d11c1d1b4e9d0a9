"""SHOW PROVIDERS, SERVICES, RESOURCES, METHODS, SETTINGS and VERSION, with StackQL's columns, and SHOW TABLES IN."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sqlprov.errors import KEYWORD_LIKENESS, ResourceFileError, UnknownName, show_caret, suggest
from sqlprov.records import dataclass
from sqlprov.settings import PREFIX, Settings
from sqlprov.sql import names
from sqlprov.sql.lexer import TokenKind, tokenize
from sqlprov.sql.parser import Name, Parser
from sqlprov.sql.statement import CatalogStatement, Keywords
from sqlprov.sql.text_table import build_table
from sqlprov.version import VERSION

if TYPE_CHECKING:
    from sqlprov.catalog import Catalog

Rows = Iterator[dict[str, Any]]
TABLES = "TABLES"


@dataclass(frozen=True)
class ShowKind:
    """One kind of SHOW.

    Attributes:
        name_parts: of the name after IN; 0 if there is no IN.
        columns, extended: columns of the result, and those that EXTENDED adds.
        list_rows: takes the catalog, the settings, and the full name after IN.
        like: the column that LIKE matches.
        extend: the values of `extended` for a table; `None` if `list_rows` has them.
    """

    name_parts: int
    columns: tuple[str, ...]
    extended: tuple[str, ...]
    list_rows: Callable[[Catalog, Settings, tuple[str, ...]], Rows]
    like: str = "name"
    extend: Callable[[Catalog, tuple[str, ...]], dict[str, Any]] | None = None


@dataclass(frozen=True)
class Show(CatalogStatement):
    """`SHOW [EXTENDED] kind [IN name] [LIKE 'pattern'] [WHERE …] [ORDER BY …] [LIMIT …]`.

    Attributes:
        kind: a key of SHOW_KINDS.
        extended: whether EXTENDED was written.
        name: after IN or FROM; `None` if there is none.
        like: SQL pattern; `None` if there is none.
        rest: the text from WHERE, ORDER BY or LIMIT on, which DuckDB applies to the rows.
    """

    kind: str
    extended: bool
    name: Name | None
    like: str | None
    rest: str = ""

    @classmethod
    def parse(cls, parser: Parser) -> Show | None:
        if not parser.accept("SHOW"):
            return None
        extended = parser.accept("EXTENDED") is not None
        if setting := _parse_setting(parser):
            pattern = re.sub(r"([\\%_])", r"\\\1", setting)
            return cls(parser.text, parser.offset, "SETTINGS", False, None, pattern)
        word = parser.accept(*SHOW_KINDS)
        if word is None:
            if extended or _is_misspelled(parser):
                parser.fail(f"one of {', '.join(SHOW_KINDS)} after SHOW", SHOW_KINDS)
            return None
        kind = word.text.upper()
        if kind == TABLES and not parser.is_at("IN") and not parser.is_at("FROM"):
            return None  # DuckDB's
        takes_name = SHOW_KINDS[kind].name_parts > 0
        name = parser.parse_name("a name") if takes_name and parser.accept("IN", "FROM") else None
        like = parser.parse_string("a pattern such as '%text%' after LIKE") if parser.accept("LIKE") else None
        start = parser.index
        if parser.accept("WHERE", "ORDER", "LIMIT"):
            parser.index = len(parser.tokens)
        options = ["LIKE", "WHERE"] if like is None else ["WHERE"]
        if takes_name and not name and like is None:
            options.insert(0, "IN")
        parser.expect_end(" or ".join([*options, "the end of the statement"]))
        rest = parser.get_text(start, parser.index)
        return cls(parser.text, parser.offset, kind, extended, name, like, rest)

    def is_ours(self, catalog: Catalog, path: tuple[str, ...]) -> bool:
        if self.kind != TABLES or self.name is None:
            return True
        if any(token.is_one_of("IN") for token in tokenize(self.text)):
            return True  # DuckDB has only SHOW TABLES FROM
        first = self.name.parts[0].lower()
        return first in catalog.list_providers() or bool(path and names.has_service(catalog, path[0], first))

    def answer(
        self, catalog: Catalog, settings: Settings, path: tuple[str, ...], keywords: Keywords
    ) -> pa.Table:
        kind = SHOW_KINDS[self.kind]
        columns = kind.columns + (kind.extended if self.extended else ())
        schema = pa.schema([(name, pa.bool_() if name == "preferred" else pa.string()) for name in columns])
        if self.kind == "METHODS" and self.name and names.find_provider_table(catalog, self.name.parts, path):
            return schema.empty_table()  # no call reads or changes it
        place = f"\n{self.show_place(self.name)}" if self.name else ""
        full = self._complete_name(kind, catalog, path, place)
        try:
            return build_table(self._list_rows(kind, catalog, settings, full), schema)
        except UnknownName as error:
            is_below_provider = len(full) > 1 and full[0].lower() in catalog.list_providers()
            problem = names.explain_unknown(catalog, *full[:3]) if is_below_provider else ""
            raise UnknownName(f"{problem or error}{place}") from None

    def _list_rows(self, kind: ShowKind, catalog: Catalog, settings: Settings, full: tuple[str, ...]) -> Rows:
        for row in kind.list_rows(catalog, settings, full):
            if self.like is None or is_like(row[kind.like], self.like):
                extend = kind.extend if self.extended else None
                place = row["id"].split(".")[:2] if extend else ()
                yield row | extend(catalog, (*place, row["name"])) if extend else row

    def _complete_name(
        self, kind: ShowKind, catalog: Catalog, path: tuple[str, ...], place: str
    ) -> tuple[str, ...]:
        """The full name after IN.

        Raises:
            UnknownName: there is none, or it has the wrong number of parts; the message ends with `place`.
        """
        parts, count = self.name.parts if self.name else (), kind.name_parts
        if self.kind == TABLES and len(parts) == 1 and parts[0].lower() in catalog.list_providers():
            count = 1  # all services
        if not parts and path[:1] != (providers := catalog.list_providers())[:1] and len(providers) == 1:
            path = providers
        full = names.complete_name(parts or path[:count], path if parts else (), count)
        if full is None:
            written = repr(str(self.name)) if self.name else "none"
            within = names.find_example(catalog, count, parts)
            hint = "" if within and len(parts) < count else names.suggest_name(catalog, parts, count)
            name = within or names.find_example(catalog, count)
            example = f", as in SHOW {self.kind} IN {name}" if name else ""
            form = ".".join(names.LEVELS[:count])
            if self.kind == TABLES:  # a provider alone means all of its services
                form = f"{names.LEVELS[0]} or {form}"
                hint = hint or (names.suggest_name(catalog, parts, 1) if not within else "")
            raise UnknownName(
                f"SHOW {self.kind} needs a name of the form {form}{example}; found {written}.{hint}{place}"
            )
        return full


def is_like(text: str, pattern: str) -> bool:
    """SQL's LIKE, ignoring case as StackQL does; a backslash escapes % and _."""
    return _compile_like(pattern).fullmatch(text) is not None


@cache
def _compile_like(pattern: str) -> re.Pattern[str]:
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    return re.compile(
        "".join(wild.get(part) or re.escape(part[-1]) for part in parts), re.IGNORECASE | re.DOTALL
    )


def _parse_setting(parser: Parser) -> str:
    """The setting in `SHOW sqlprov_regions`; empty if it is another statement."""
    token = parser.next
    if token is None or len(parser.tokens) > parser.index + 1 or not token.value.lower().startswith(PREFIX):
        return ""
    if token.value.lower() not in (known := Settings.describe()):
        place = show_caret(parser.script, token.start)
        raise UnknownName(f"Unknown setting {token.value!r}.{suggest(token.value, known)}\n{place}")
    return token.value


def _is_misspelled(parser: Parser) -> bool:
    """Whether it is one of our SHOW statements with a typo, as in `SHOW SERVICS IN aws`; DuckDB has SHOW
    TABLES FROM too."""
    ahead = parser.tokens[parser.index : parser.index + 2]
    if len(ahead) < 2 or ahead[0].kind is not TokenKind.WORD or not ahead[1].is_one_of("IN", "FROM", "LIKE"):
        return False
    return not ahead[0].is_one_of("TABLES") and bool(suggest(ahead[0].text, SHOW_KINDS, KEYWORD_LIKENESS))


def _list_providers(catalog: Catalog, settings: Settings, where: tuple[str, ...]) -> Rows:
    for name in catalog.list_providers():
        info = catalog.get_provider(name)
        yield {"name": name, "version": VERSION, "title": info.title, "description": info.about}


def _list_services(catalog: Catalog, settings: Settings, where: tuple[str, ...]) -> Rows:
    provider = where[0].lower()
    for name, (title, about) in catalog.list_titles(provider).items():
        yield {
            "id": f"{provider}.{name}",
            "name": name,
            "title": title,
            "description": about,
            "version": VERSION,
            "preferred": True,
        }


def _list_resources(catalog: Catalog, settings: Settings, where: tuple[str, ...]) -> Rows:
    for name in catalog.list_tables(*where):
        yield {"name": name, "id": ".".join(part.lower() for part in (*where, name))}


def _extend_resource(catalog: Catalog, name: tuple[str, ...]) -> dict[str, Any]:
    try:
        table = catalog.get_table(*name)
    except ResourceFileError as error:  # only a statement that names the table fails
        return {"title": "", "description": f"cannot be loaded: {error}", "methods": ""}
    methods = ", ".join(method.name for method in table.methods)
    return {"title": table.cloudformation, "description": table.about, "methods": methods}


def _list_tables(catalog: Catalog, settings: Settings, where: tuple[str, ...]) -> Rows:
    for service in where[1:] or catalog.list_services(where[0]):
        for name in catalog.list_tables(where[0], service):
            yield {"name": name, "id": f"{where[0]}.{service}.{name}".lower()}


def _extend_table(catalog: Catalog, name: tuple[str, ...]) -> dict[str, Any]:
    return {"description": catalog.get_description(*name)}


def _list_methods(catalog: Catalog, settings: Settings, where: tuple[str, ...]) -> Rows:
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


def _list_versions(catalog: Catalog, settings: Settings, where: tuple[str, ...]) -> Rows:
    from importlib.metadata import version

    libraries = {name: version(name) for name in ("duckdb", "botocore")}
    yield {"version": VERSION, **libraries, "platform": f"{sys.platform}/{platform.machine()}"}


def _list_settings(catalog: Catalog, settings: Settings, where: tuple[str, ...]) -> Rows:
    values = settings.values()
    for name, (default, about) in Settings.describe().items():
        yield {"name": name, "value": values[name], "default": default, "description": about}


SHOW_KINDS = {
    "PROVIDERS": ShowKind(0, ("name", "version"), ("title", "description"), _list_providers),
    "SERVICES": ShowKind(1, ("id", "name", "title"), ("description", "version", "preferred"), _list_services),
    "RESOURCES": ShowKind(
        2, ("name", "id"), ("title", "description", "methods"), _list_resources, extend=_extend_resource
    ),
    TABLES: ShowKind(2, ("name", "id"), ("description",), _list_tables, extend=_extend_table),
    "METHODS": ShowKind(
        3,
        ("MethodName", "RequiredParams", "SQLVerb"),
        ("description", "call", "permissions"),
        _list_methods,
        like="MethodName",
    ),
    "VERSION": ShowKind(0, ("version",), ("duckdb", "botocore", "platform"), _list_versions, like="version"),
    "SETTINGS": ShowKind(0, ("name", "value", "default", "description"), (), _list_settings),
}

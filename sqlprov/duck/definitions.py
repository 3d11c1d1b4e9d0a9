"""Resolves the names in a statement, as one DuckDB connection sees them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import duckdb

from sqlprov.duck.foreign_functions import MACROS
from sqlprov.duck.json_functions import FUNCTIONS
from sqlprov.duck.session import Session
from sqlprov.sql import Query
from sqlprov.sql.lexer import tokenize
from sqlprov.sql.names import TableName, find_mentions, has_table

_VIEWS = "SELECT database_name, view_name, sql FROM duckdb_views() WHERE NOT internal"
_MACROS = (
    "SELECT function_name, macro_definition FROM duckdb_functions() WHERE macro_definition IS NOT NULL "
    "AND NOT internal AND NOT (database_name = 'temp' AND list_contains(?, function_name))"
)
_TEMPORARY = "SELECT table_name FROM duckdb_tables() WHERE temporary"
_PATH = "SELECT current_database(), current_schema(), current_setting('search_path')"
_WORD = r"\w+"


class Definitions:
    """The views, macros and temporary tables of the user, read again after a change."""

    def __init__(self, session: Session, duck: duckdb.DuckDBPyConnection) -> None:
        self._duck, self._session = duck, session
        # A database in memory starts without any.
        self._read_at = self._macros_read_at = 0 if session.in_memory else -1
        self._macros: list[tuple[str, str]] = []
        self._bodies: list[tuple[str, str]] = []
        self._shadows: frozenset[str] = frozenset()
        self._path: list[tuple[str, str]] = []

    def read_bodies(self) -> Sequence[tuple[str, str]]:
        """Lower-case name and text of each view and macro; a name may occur several times."""
        self._refresh()
        return self._bodies

    def reach(self, text: str) -> list[str]:
        """The definitions of the views and macros that `text` reads, directly or through each other.

        These are all of them if it calls `query_table`, whose argument may be computed.
        """
        bodies = self.read_bodies()
        reached: list[str] = []
        waiting = [text]
        while waiting and bodies:
            words = {token.value.lower() for token in tokenize(waiting.pop())}
            words |= {part for word in words for part in re.findall(_WORD, word)}
            is_any = "query_table" in words
            new = [body for name, body in bodies if (is_any or name in words) and body not in reached]
            reached += new
            waiting += new
        return reached

    def find_mentions(self, query: Query) -> frozenset[TableName]:
        """The live tables that a statement names."""
        return find_mentions(self._session.catalog, query, self.read_path())

    def may_read_live(self, query: Query) -> bool:
        """Whether a statement names a live table, or may do so through a view or a macro."""
        return bool(self.find_mentions(query) or self.read_bodies())

    def count_reads(self, query: Query) -> int:
        """How often a statement names a live table, a view or a macro."""
        names = {name for *_, name in self.find_mentions(query)} | {name for name, _ in self.read_bodies()}
        return sum(token.value.lower() in names for token in query.tokens)

    def make_resolver(self) -> Callable[[tuple[str, ...]], str | None]:
        """Return a function that finds the full name of the live table for the parts of a name.

        It returns `None` for a name that may mean something else. It does not query DuckDB.
        """
        path = self.read_path()
        hidden = self._shadows | {name for name, _ in self._bodies}
        catalog = self._session.catalog
        providers = catalog.list_providers()

        def find_live(parts: tuple[str, ...]) -> str | None:
            name = tuple(part.lower() for part in parts)
            if len(name) < 3:
                if name[-1] in hidden or not path or path[0][0] not in providers:
                    return None
                name = (*path[0][: 3 - len(name)], *name)
            return ".".join(name) if len(name) == 3 and has_table(catalog, *name) else None

        return find_live

    def read_path(self) -> list[tuple[str, str]]:
        """Catalog and schema, in lower case, of each entry of the search path; empty in an aborted transaction."""
        if not self._path:
            try:
                (row,) = self._duck.execute(_PATH).fetchall()
            except duckdb.Error:
                return []
            catalog, schema, listed = (str(part).lower() for part in row)
            entries = [entry.split(".") for entry in listed.replace('"', "").split(",") if entry]
            others = [(entry[0] if len(entry) > 1 else catalog, entry[-1]) for entry in entries]
            self._path = list(dict.fromkeys([(catalog, schema), *others]))
        return self._path

    def forget_path(self) -> None:
        """Note that the path may have changed."""
        self._path = []

    def _refresh(self) -> None:
        if self._read_at == self._session.changes:
            return
        read_at, macros_read_at = self._session.changes, self._session.macro_changes
        if self._macros_read_at != macros_read_at:  # the query takes 16 ms, the others 2 ms
            macros = self._duck.execute(_MACROS, [[*MACROS, *FUNCTIONS]]).fetchall()
            self._macros = [(name.lower(), _as_query(text)) for name, text in macros]
            self._macros_read_at = macros_read_at
        providers = self._session.catalog.list_providers()
        views = self._duck.execute(_VIEWS).fetchall()
        self._bodies = [(name.lower(), text) for database, name, text in views if database not in providers]
        self._bodies += self._macros
        self._shadows = frozenset(row[0].lower() for row in self._duck.execute(_TEMPORARY).fetchall())
        self._read_at = read_at


def _as_query(definition: str) -> str:
    """A macro's definition as a query: a table macro's is one already, a scalar one's is an expression."""
    return (
        definition
        if re.match(r"(?i)\s*\(?\s*(SELECT|WITH|FROM|VALUES)\b", definition)
        else f"SELECT {definition}"
    )

"""A statement's text in, the same text with the regions that DuckDB cannot tell a table out."""

from __future__ import annotations

import re
from collections.abc import Callable

import duckdb

from sqlprov.cloud.run import Run
from sqlprov.engine.session import Session
from sqlprov.statements.regions import Analysis, analyse

VIEWS = "SELECT database_name, schema_name, view_name, sql FROM duckdb_views() WHERE NOT internal"
MACROS = (
    "SELECT lower(function_name), macro_definition FROM duckdb_functions() "
    "WHERE macro_definition IS NOT NULL AND NOT internal"
)
IN_A_MACRO = (
    "A macro limits region by a condition that cannot be evaluated beforehand: "
    "write region = '…' or region IN ('…') in it, or SET sqlprov_regions = 'all'."
)
CALLED = re.compile(r'(\w+)"?\s*\(')
WORD = re.compile(r"\w+")
BODY = re.compile(r"(?is)^\s*CREATE\b.*?\bVIEW\b.*?\bAS\s+(?=SELECT|WITH|FROM|VALUES|\(|PIVOT|UNPIVOT)")


def scoped(
    text: str,
    session: Session,
    definitions: Definitions,
    path: Callable[[], tuple[str, ...]],
    run: Run,
) -> tuple[str, str | None]:
    """The text to run, and why a demand without a region condition has no scope (`None` if it has one).

    What DuckDB pushes down by itself stays as it is. A condition on `region` that it cannot push (LIKE, a
    function, a sub-query or a join over what makes no call) is answered here over the known regions, and the
    answer put beside the table's name.
    """
    names = Names(session, definitions, path)
    known = "', '".join(session.regions_open(run))

    def asked(query: str) -> Analysis:
        relation = f"(SELECT unnest(['{known}']) AS region)"
        return analyse(query, names.live, names.free, relation, names.body)

    analysis = asked(text)
    unresolved = analysis.unresolved
    for body in names.macros(text):
        inner = asked(body)
        # A macro's own text cannot take a splice.
        unresolved = unresolved or inner.unresolved or (IN_A_MACRO if inner.questions else None)
    try:
        answers = [
            [row[0] for row in definitions.duck.execute(question).fetchall()]
            for question in analysis.questions
        ]
    except duckdb.Error:
        refused = analysis.refused()
        return refused.splice([]), unresolved or refused.unresolved
    return analysis.splice(answers), unresolved


class Definitions:
    """The views and macros that users have made, as one DuckDB connection sees them; asked again after a change."""

    def __init__(self, session: Session, duck: duckdb.DuckDBPyConnection) -> None:
        self.duck = duck
        self._session = session
        self._read_at = -1
        self._views: list[tuple[tuple[str, ...], str]] = []
        self._macros: list[tuple[str, str]] = []

    def views(self) -> list[tuple[tuple[str, ...], str]]:
        """(database, schema, view), in lower case, and the CREATE statement of each."""
        self._refresh()
        return self._views

    def macros(self) -> list[tuple[str, str]]:
        """Name in lower case, and definition of each; a name may come several times."""
        self._refresh()
        return self._macros

    def _refresh(self) -> None:
        if self._read_at == self._session.changes:
            return
        read_at = self._session.changes
        providers = self._session.catalog.providers()
        views = [row for row in self.duck.execute(VIEWS).fetchall() if row[0] not in providers]
        self._views = [(tuple(part.lower() for part in row[:3]), str(row[3])) for row in views]
        self._macros = [(str(row[0]), str(row[1])) for row in self.duck.execute(MACROS).fetchall()]
        self._read_at = read_at


class Names:
    """What the names in a statement stand for."""

    def __init__(
        self, session: Session, definitions: Definitions, path: Callable[[], tuple[str, ...]]
    ) -> None:
        self._session, self._definitions, self._ask_path = session, definitions, path
        self._path: tuple[str, ...] | None = None

    def live(self, parts: tuple[str, ...]) -> bool:
        """Whether `parts` name a live table."""
        if parts[-1].lower() not in self._session.catalog.names() or len(parts) > 3:
            return False
        whole = parts if len(parts) == 3 else (*self._chosen()[: 3 - len(parts)], *parts)
        return self._session.is_live(*(part.lower() for part in whole)) if len(whole) == 3 else False

    def free(self, parts: tuple[str, ...]) -> bool:
        """Whether `parts` name a relation that makes no call."""
        return not self.live(parts) and self.body(parts) is None

    def body(self, parts: tuple[str, ...]) -> str | None:
        """The query of a view or a macro that a user has made; `None` if there is none of that name."""
        if self.live(parts):
            return None
        name = tuple(part.lower() for part in parts)
        if len(name) == 2 and name[0] in self._session.catalog.providers():
            return None
        for known, text in self._definitions.views():
            if known[-len(name) :] == name:
                return BODY.sub("", text).rstrip().rstrip(";")
        if len(name) == 1 and name[0] in self._session.builtin_words:
            return None
        # There may be several of one name, by their number of parameters: what any of them says counts.
        found = [_selected(body) for known, body in self._definitions.macros() if known == name[-1]]
        return " UNION ALL ".join(found) if found else None

    def macros(self, text: str) -> list[str]:
        """The queries of the macros that `text` calls, also through views and other macros."""
        found: dict[str, str] = {}
        texts = [text.lower()]
        while texts:
            words = texts.pop()
            called = set(CALLED.findall(words)) - self._session.builtin_words - found.keys()
            bodies = (
                [(name, body) for name, body in self._definitions.macros() if name in called]
                if called
                else []
            )
            found.update(bodies)
            texts += [body.lower() for _, body in bodies]
            mentioned = set(WORD.findall(words))
            for name, body in self._definitions.views():
                if name[-1] in mentioned and name[-1] not in found:
                    found[name[-1]] = ""
                    texts.append(body.lower())
        return [_selected(body) for body in found.values() if body]

    def _chosen(self) -> tuple[str, ...]:
        if self._path is None:
            self._path = self._ask_path()
        return self._path


def _selected(definition: str) -> str:
    """A macro's definition as a query: a table macro's is one already, a scalar one's is an expression."""
    query = re.match(r"(?i)\s*(SELECT|WITH|FROM|VALUES)\b", definition)
    return definition if query else f"SELECT {definition}"

"""A statement's text in, the same text with the regions that DuckDB cannot tell a table out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import duckdb

from sqlprov.aws.run import Run
from sqlprov.duck.session import Session
from sqlprov.sql.lexer import tokenize

if TYPE_CHECKING:
    from sqlprov.plan.read.hints import Contained, Hints
    from sqlprov.sql.query import Query
    from sqlprov.sql.regions import Analysis

VIEWS = "SELECT database_name, schema_name, view_name, sql FROM duckdb_views() WHERE NOT internal"
MACROS = (
    "SELECT lower(function_name), macro_definition FROM duckdb_functions() "
    "WHERE macro_definition IS NOT NULL AND NOT internal"
)
IN_A_MACRO = (
    "A macro limits region by a condition that cannot be evaluated beforehand: "
    "write region = '…' or region IN ('…') in it, or SET sqlprov_regions = 'all'."
)
PATH = "SELECT current_database(), current_schema(), current_setting('search_path')"
COLUMN = "SELECT json_deserialize_sql(json_serialize_sql(?))"
"""DuckDB names a column by the text that it writes for the expression, and so it writes a query."""
REMEMBERED = 256
"""Statements whose analysis is kept: it takes a millisecond, and programs ask the same again and again."""
CALLED = re.compile(r'(\w+)["`]?\s*\(')
CONTAINING = frozenset({"like", "contains", "starts_with"})
"""Words of the conditions that tell what a text contains."""
WORD = re.compile(r"\w+")


def left_to_duckdb(query: Query, session: Session, definitions: Definitions) -> frozenset[str] | None:
    """`relied` of a query over one live table whose regions DuckDB hands on by itself; `None` of any other."""
    lone = query.lone
    if lone is None or definitions.made() or not Names(session, definitions).live(lone.table):
        return None
    return frozenset({lone.table[-1].lower()} if lone.limited else ())


def scoped(
    text: str,
    session: Session,
    definitions: Definitions,
    parameters: Mapping[str, Any] | Sequence[Any] | None,
    run: Run,
) -> tuple[str, str | None, frozenset[str]]:
    """The text to run, and `unresolved` and `relied` of its `Analysis`.

    What DuckDB pushes down by itself stays as it is. A condition on `region` that it cannot push (LIKE, a
    function, a sub-query or a join over what makes no call) is answered here over the known regions, and the
    answer put beside the table's name.
    """
    names = Names(session, definitions)
    if not names.may_read_live(text):
        return text, None, frozenset()
    # Here, not above: sqlglot takes 60 ms, which a statement without a live table need not pay.
    from sqlprov.sql.regions import analyse
    from sqlprov.sql.regions_labels import labelled

    values = _by_name(parameters)
    known = _known(text, session, values, run)

    def asked(query: str, known: Sequence[str] = known, *, spliced: bool = False) -> Analysis:
        regions = "', '".join(known)
        relation = f"(SELECT unnest(['{regions}']) AS region)"

        def once(query: str) -> Analysis:
            return analyse(query, names.live, names.free, relation, names.body, names.inline)

        remembered = definitions.analyses()
        key = (query, relation, spliced)
        if key not in remembered:
            found = once(query)
            if spliced and found.edits:
                # What is put in would stand in the names of the columns.
                found = once(labelled(query, definitions.column))
            if len(remembered) >= REMEMBERED:
                remembered.clear()
            remembered[key] = found
        return remembered[key]

    analysis = asked(text, spliced=True)
    unresolved = analysis.unresolved
    for body in names.macros(text):
        inner = asked(body)
        # A macro's own text cannot take a splice.
        unresolved = unresolved or inner.unresolved or (IN_A_MACRO if inner.edits else None)
    try:
        answers = [_answer(question, definitions.duck, values) for question in analysis.questions]
        if not all(answers):
            # A condition that no region of the partition meets may mean those of another (LIKE 'cn-%').
            wider = asked(text, session.regions_known(run), spliced=True).questions
            answers = [
                answer or _answer(question, definitions.duck, values)
                for answer, question in zip(answers, wider, strict=True)
            ]
            _told(run, session, analysis, answers, values)
    except duckdb.Error:
        refused = analysis.refused()
        return refused.splice([]), unresolved or refused.unresolved, refused.relied
    return analysis.splice(answers), unresolved, analysis.relied


def hinted(
    query: Query,
    session: Session,
    definitions: Definitions,
    parameters: Mapping[str, Any] | Sequence[Any] | None,
) -> Hints | None:
    """What the text of a SELECT tells about its reads; `None` if it reads no live table."""
    names = Names(session, definitions)
    if not names.may_read_live(query.text):
        return None
    from sqlprov.plan.read.hints import Hints

    limited = bool(query.words & {"limit", "fetch"})
    sorts = limited and "order" in query.words
    contains = bool(query.words & CONTAINING) or "~~" in query.text
    if not (sorts or contains) or query.tree is None:
        return Hints(limited=limited)
    # Here, not above: sqlglot takes 60 ms, which a statement that needs no tree need not pay.
    from sqlprov.sql.hints import contained, sorted_by

    found: dict[str, tuple[Contained, ...]] = {}
    if contains and not names.macros(query.text):
        found = contained(query.tree, names.table, names.free, _by_name(parameters))
    return Hints(found, sorted_by(query.tree, names.table) if sorts else None, limited=limited)


def _by_name(parameters: Mapping[str, Any] | Sequence[Any] | None) -> dict[str, Any]:
    """Parameters by the name that DuckDB gives them."""
    if isinstance(parameters, Mapping):
        return dict(parameters)
    return {str(number): value for number, value in enumerate(parameters or (), 1)}


def _known(text: str, session: Session, values: Mapping[str, Any], run: Run) -> list[str]:
    """The regions that conditions are tried on: those of the session's partition, and any that is named."""
    given = {value for value in values.values() if isinstance(value, str)}
    every = session.regions_known(run)
    named = {region for region in every if f"'{region}'" in text or region in given}
    return sorted({*session.regions_open(run), *named})


def _told(
    run: Run, session: Session, analysis: Analysis, answers: list[list[str]], values: Mapping[str, Any]
) -> None:
    """Note each condition that no region meets: it may be a slip of the keyboard."""
    from sqlprov.sql.regions_unmet import unmet

    for answer, condition in zip(answers, analysis.conditions, strict=True):
        if not answer:
            run.warn(unmet(condition, values, session.regions_known(run)))


def _answer(question: str, duck: duckdb.DuckDBPyConnection, values: Mapping[str, Any]) -> list[str]:
    (statement,) = duck.extract_statements(question)
    used = {name: values[name] for name in statement.named_parameters if name in values}
    return [row[0] for row in duck.execute(statement, used or None).fetchall()]


class Definitions:
    """The views and macros that users have made, as one DuckDB connection sees them; asked again after a change."""

    def __init__(self, session: Session, duck: duckdb.DuckDBPyConnection) -> None:
        self.duck = duck
        self._session = session
        # A database in memory begins without views and macros; asking for them takes 16 ms.
        self._read_at = 0 if session.in_memory else -1
        self._views: list[tuple[tuple[str, ...], str]] = []
        self._macros: list[tuple[str, str]] = []
        self._path: list[tuple[str, str]] = []
        self._analyses: dict[tuple[str, str, bool], Analysis] = {}

    def views(self) -> list[tuple[tuple[str, ...], str]]:
        """(database, schema, view), in lower case, and the CREATE statement of each."""
        self._refresh()
        return self._views

    def macros(self) -> list[tuple[str, str]]:
        """Name in lower case, and definition of each; a name may come several times."""
        self._refresh()
        return self._macros

    def made(self) -> bool:
        """Whether there is any view or macro."""
        return bool(self.views() or self.macros())

    def analyses(self) -> dict[tuple[str, str, bool], Analysis]:
        """By what was asked: text, known regions, whether it is spliced; as long as every name means the same."""
        self._refresh()
        return self._analyses

    def forget_path(self) -> None:
        """The path may have been changed."""
        self._path = []
        self._analyses.clear()

    def reads(self, query: Query) -> int:
        """How often a text names a live table, a view or a macro; at least how often it reads a live table."""
        known = {*self._session.catalog.services_by_table, *(view[0][-1] for view in self.views())}
        known |= {name for name, _ in self.macros()}
        return sum(token.value.lower() in known for token in query.tokens)

    def path(self) -> list[tuple[str, str]]:
        """Catalog and schema, in lower case, of each entry of the search path; empty in an aborted transaction."""
        self._path = self._path or self._read_path()
        return self._path

    def _read_path(self) -> list[tuple[str, str]]:
        try:
            (found,) = self.duck.execute(PATH).fetchall()
        except duckdb.Error:
            return []
        catalog, schema, listed = (str(part).lower() for part in found)
        entries = [entry.split(".") for entry in listed.replace('"', "").split(",") if entry]
        others = [(entry[0] if len(entry) > 1 else catalog, entry[-1]) for entry in entries]
        return list(dict.fromkeys([(catalog, schema), *others]))

    def column(self, expression: str) -> str | None:
        """DuckDB's name for a column without an alias; `None` if it cannot read the expression alone."""
        try:
            ((found,),) = self.duck.execute(COLUMN, [f"SELECT {expression}"]).fetchall()
        except duckdb.Error:
            return None
        return str(found).removeprefix("SELECT ")

    def _refresh(self) -> None:
        if self._read_at == self._session.changes:
            return
        read_at = self._session.changes
        providers = self._session.catalog.list_providers()
        views = [row for row in self.duck.execute(VIEWS).fetchall() if row[0] not in providers]
        self._views = [(tuple(part.lower() for part in row[:3]), str(row[3])) for row in views]
        self._macros = [(str(row[0]), str(row[1])) for row in self.duck.execute(MACROS).fetchall()]
        self._analyses.clear()
        self._read_at = read_at


class Names:
    """What the names in a statement stand for."""

    def __init__(self, session: Session, definitions: Definitions) -> None:
        self._session, self._definitions = session, definitions
        self._known_path: list[tuple[str, str]] | None = None

    def may_read_live(self, text: str) -> bool:
        """Whether `text` names a live table, or may do so through a view, a macro or another text."""
        words = set(WORD.findall(text.lower()))
        tables = self._session.catalog.services_by_table.keys()
        return bool(words & tables) or self._definitions.made()

    def live(self, parts: tuple[str, ...]) -> bool:
        """Whether `parts` name a live table."""
        if parts[-1].lower() not in self._session.catalog.services_by_table or len(parts) > 3:
            return False
        return any(self._session.is_live(*whole) for whole in self._whole(parts))

    def table(self, parts: tuple[str, ...]) -> str | None:
        """The full name of the live table that `parts` name; `None` if they name none, or may name a view."""
        if parts[-1].lower() not in self._session.catalog.services_by_table or len(parts) > 3:
            return None
        if any(view[0][-1] == parts[-1].lower() for view in self._definitions.views()):
            return None
        return next((".".join(whole) for whole in self._whole(parts) if self._session.is_live(*whole)), None)

    def free(self, parts: tuple[str, ...]) -> bool:
        """Whether `parts` name a relation that makes no call."""
        return not self.live(parts) and self.body(parts) is None

    def body(self, parts: tuple[str, ...]) -> str | None:
        """The query of a view or a macro that a user has made; `None` if there is none of that name."""
        if not self._definitions.made() or self.live(parts):
            return None
        if len(parts) == 2 and parts[0].lower() in self._session.catalog.list_providers():
            return None
        found = [_query(text) for _, text in self._views(parts)]
        if not found and len(parts) == 1:
            name = parts[0].lower()
            found = [_selected(body) for known, body in self._definitions.macros() if known == name]
        # There may be several of one name, macros by their number of parameters: what any of them says counts.
        return " UNION ALL ".join(found) if found else None

    def inline(self, parts: tuple[str, ...]) -> str | None:
        """The query of a view, if it means the same where the view is named."""
        views = [] if self.live(parts) else self._views(parts)
        if len(views) != 1:
            return None
        from sqlprov.sql.regions_labels import labelled
        from sqlprov.sql.regions_views import bare

        name, text = views[0]
        query = _query(text)
        macros = {name for name, _ in self._definitions.macros()}
        if self._path() != [name[:2]] and (bare(query) or macros & set(WORD.findall(text.lower()))):
            return None
        return labelled(query, self._definitions.column)

    def macros(self, text: str) -> list[str]:
        """The queries of the macros that `text` calls, also through views and other macros."""
        if not self._definitions.macros():
            return []
        found: set[str] = set()
        texts = [text.lower()]
        while texts:
            # Without comments: one may stand between a name and its parenthesis.
            here = " ".join(token.text for token in tokenize(texts.pop()))
            called, words = set(CALLED.findall(here)), set(WORD.findall(here))
            known = [(name, body, called) for name, body in self._definitions.macros()]
            known += [(name[-1], body, words) for name, body in self._definitions.views()]
            for name, body, named in known:
                # A name that is no word stands in quotation marks.
                if body not in found and (name in named or (not WORD.fullmatch(name) and name in here)):
                    found.add(body)
                    texts.append(body.lower())
        return [_selected(body) for _, body in self._definitions.macros() if body in found]

    def _views(self, parts: tuple[str, ...]) -> list[tuple[tuple[str, ...], str]]:
        """The views that `parts` may name; all of that name if none is found along the path."""
        views = [view for view in self._definitions.views() if view[0][-1] == parts[-1].lower()]
        if not views:
            return []
        wholes = self._whole(parts)
        found = [view for view in views if view[0] in wholes]
        return found or (views if len(parts) == 1 else [])

    def _whole(self, parts: tuple[str, ...]) -> list[tuple[str, ...]]:
        """The full names, in lower case, that `parts` may mean."""
        name = tuple(part.lower() for part in parts)
        if len(name) > 2:
            return [name]
        path = [*self._path(), ("temp", "main")]
        if len(name) == 1:
            return [(*where, *name) for where in path]
        return [whole for catalog, schema in path for whole in ((catalog, *name), (name[0], schema, name[1]))]

    def _path(self) -> list[tuple[str, str]]:
        """The catalogs and schemas that USE or `search_path` chose."""
        if self._known_path is None:
            self._known_path = self._definitions.path()
        return self._known_path


def _query(create: str) -> str:
    """The query of a `CREATE VIEW`, under the view's own names of its columns."""
    from sqlprov.sql.regions_views import definition

    columns, query = definition(create) or ("", create)
    return f"SELECT * FROM ({query}) AS named{columns}" if columns else query


def _selected(definition: str) -> str:
    """A macro's definition as a query: a table macro's is one already, a scalar one's is an expression."""
    query = re.match(r"(?i)\s*(SELECT|WITH|FROM|VALUES)\b", definition)
    return definition if query else f"SELECT {definition}"

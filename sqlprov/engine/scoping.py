"""A statement's text in, the same text with the regions that DuckDB cannot tell a table out."""

from __future__ import annotations

import re
from collections.abc import Callable

import duckdb

from sqlprov.cloud.run import Run
from sqlprov.engine.session import Session

MACRO = "SELECT macro_definition FROM duckdb_functions() WHERE lower(function_name) = lower(?) AND NOT internal"
VIEW = (
    "SELECT sql FROM duckdb_views() WHERE NOT internal AND lower(view_name) = lower(?) "
    "AND (? IS NULL OR lower(schema_name) = lower(?)) AND (? IS NULL OR lower(database_name) = lower(?))"
)
BODY = re.compile(r"(?is)^\s*CREATE\b.*?\bVIEW\b.*?\bAS\s+(?=SELECT|WITH|FROM|VALUES|\(|PIVOT|UNPIVOT)")


def scoped(
    text: str,
    session: Session,
    duck: duckdb.DuckDBPyConnection,
    path: Callable[[], tuple[str, ...]],
    run: Run,
) -> tuple[str, str | None]:
    """The text to run, and why a demand without a region condition has no scope (`None` if it has one).

    What DuckDB pushes down by itself stays as it is. A condition on `region` that it cannot push (LIKE, a
    function, a sub-query or a join over what makes no call) is answered here over the known regions, and the
    answer put beside the table's name.
    """
    try:
        from sqlprov.statements.regions import analyse
    except ImportError:
        return text, None
    names = Names(session, duck, path)
    known = "', '".join(session.regions_known(run))
    analysis = analyse(text, names.live, names.free, f"(SELECT unnest(['{known}']) AS region)", names.body)
    try:
        answers = [[row[0] for row in duck.execute(question).fetchall()] for question in analysis.questions]
    except duckdb.Error as error:
        return text, f"Its condition on region could not be evaluated: {error}"
    return analysis.splice(answers), analysis.unresolved


class Names:
    """What the names in a statement stand for."""

    def __init__(
        self, session: Session, duck: duckdb.DuckDBPyConnection, path: Callable[[], tuple[str, ...]]
    ) -> None:
        self._session, self._duck, self._ask_path = session, duck, path
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
        schema = parts[-2] if len(parts) > 1 else None
        database = parts[-3] if len(parts) > 2 else None
        if len(parts) == 2 and schema and schema.lower() in self._session.catalog.providers():
            return None
        row = self._duck.execute(VIEW, [parts[-1], schema, schema, database, database]).fetchone()
        if row:
            return BODY.sub("", str(row[0])).rstrip().rstrip(";")
        row = self._duck.execute(MACRO, [parts[-1]]).fetchone()
        return str(row[0]) if row else None

    def _chosen(self) -> tuple[str, ...]:
        if self._path is None:
            self._path = self._ask_path()
        return self._path

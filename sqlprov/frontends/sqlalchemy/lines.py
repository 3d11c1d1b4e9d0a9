"""SQLAlchemy's statements in, rows out: what SQLAlchemy takes for a DB-API connection and its cursors.

SQLAlchemy opens a cursor for each statement, and expects of all the cursors of one connection what the SQL standard
calls a session: USE, SET, temporary tables, a transaction. So statements run on the connection's own DuckDB cursor.
One that comes while the rows of another are still being read would end that reading; it gets a DuckDB cursor of its
own, or, once the session is more than its tables, the rows of the other are fetched first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlprov
from sqlprov.sql import Query, SetSetting, parse
from sqlprov.sql.lexer import tokenize

STATELESS = frozenset(
    {
        "SELECT",
        "FROM",
        "VALUES",
        "SUMMARIZE",
        "DESCRIBE",
        "SHOW",
        "EXPLAIN",
        "INSERT",
        "UPDATE",
        "DELETE",
        "PIVOT",
    }
)
"""Verbs after which a further DuckDB cursor still sees what the first one sees."""
Row = tuple[Any, ...]


class Line:
    """One connection of an engine's pool.

    Attributes:
        transactions: whether SQLAlchemy's transactions are DuckDB's; if not, each statement is committed by itself.
    """

    def __init__(self, connection: sqlprov.Connection, closed: Callable[[], None]) -> None:
        self.transactions = False
        self._connection, self._closed = connection, closed
        self._reading: Cursor | None = None
        self._stateless = True

    def cursor(self) -> Cursor:
        """A cursor for one statement at a time."""
        return Cursor(self)

    def run(
        self, cursor: Cursor, text: str, work: Callable[[sqlprov.Connection], sqlprov.Result]
    ) -> sqlprov.Result:
        """Do `work` on the DuckDB cursor that is right for it."""
        stateless = _is_stateless(text)
        if self._reading not in (None, cursor):
            if self._stateless and stateless:
                return work(cursor.own_connection())
            self.hold()
        self._stateless &= stateless
        self._reading = cursor
        return work(self._connection)

    def another(self) -> sqlprov.Connection:
        """A further DuckDB cursor of the same session."""
        return self._connection.cursor()

    def hold(self) -> None:
        """Fetch the rows that are still to be read, because the next statement would end their reading."""
        if self._reading is not None:
            self._reading.hold()
            self._reading = None

    def done(self, cursor: Cursor) -> None:
        """`cursor` has no more rows to read."""
        if self._reading is cursor:
            self._reading = None

    def begin(self) -> None:
        """Begin a transaction, if SQLAlchemy's are to be DuckDB's."""
        if self.transactions:
            self.hold()
            self._stateless = False
            self._connection.execute("BEGIN")

    def commit(self) -> None:
        """Commit what was begun; rows still to be read are kept."""
        if self._connection.in_transaction:
            self.hold()
        self._connection.commit()

    def rollback(self) -> None:
        """Undo what was begun; to read rows of it is then an error."""
        self._connection.rollback()

    def renew(self) -> None:
        """Forget what USE, SET and temporary tables made of the session."""
        if not self._stateless:
            old, self._connection = self._connection, self._connection.connection.cursor()
            old.close()
            self._reading, self._stateless = None, True

    def close(self) -> None:
        """Close the connection; twice is harmless."""
        self._connection.close()
        closed, self._closed = self._closed, lambda: None
        closed()


class Cursor:
    """One statement at a time, and its rows; PEP 249's, as SQLAlchemy uses it."""

    arraysize = 1

    def __init__(self, line: Line) -> None:
        self._line = line
        self._own: sqlprov.Connection | None = None
        self._result: sqlprov.Result | None = None
        self._held: list[Row] | None = None
        self._error: Exception | None = None

    def execute(self, text: str, parameters: Any = None) -> None:
        """Run a statement with a sequence for `?` or `$1`, or a mapping for `$name`."""
        (given,) = _named(text, [parameters])
        self._run(text, lambda connection: _last(connection.run(text, given or None)))

    def executemany(self, text: str, rows: Sequence[Any]) -> None:
        """Run a statement for each row of parameters."""
        given = _named(text, rows)
        self._run(text, lambda connection: connection.executemany(text, given))

    def _run(self, text: str, work: Callable[[sqlprov.Connection], sqlprov.Result]) -> None:
        self._result = self._held = self._error = None
        try:
            self._result = self._line.run(self, text, work)
        finally:
            if self._result is None or not self._result.has_rows:
                self._line.done(self)

    def own_connection(self) -> sqlprov.Connection:
        """A DuckDB cursor of its own, made when it is first asked for."""
        self._own = self._own or self._line.another()
        return self._own

    def hold(self) -> None:
        """Fetch what is still to be read; an error is kept for whoever reads it."""
        assert self._result is not None, "it is being read"
        try:
            self._held = self._result.fetchall()
        except sqlprov.Error as error:
            self._held, self._error = [], error

    @property
    def description(self) -> list[tuple[Any, ...]] | None:
        """Of the columns; `None` without rows."""
        return self._result.description if self._result else None

    @property
    def rowcount(self) -> int:
        """Rows that were changed; else -1."""
        return self._result.rowcount if self._result else -1

    def fetchone(self) -> Row | None:
        """The next row; `None` after the last."""
        return next(iter(self.fetchmany(1)), None)

    def fetchmany(self, size: int | None = None) -> list[Row]:
        """The next `size` rows, or as many as there are."""
        count = self.arraysize if size is None else size
        if self._held is None:
            found = self._fetched().fetchmany(count)
            if len(found) < count:
                self._line.done(self)
            return found
        if not self._held and self._error:
            raise self._error
        found, self._held = self._held[:count], self._held[count:]
        return found

    def fetchall(self) -> list[Row]:
        """The rows that are left."""
        if self._held is not None:
            return self.fetchmany(max(len(self._held), 1))
        found = self._fetched().fetchall()
        self._line.done(self)
        return found

    def __iter__(self) -> Iterator[Row]:
        return iter(self.fetchone, None)

    def _fetched(self) -> sqlprov.Result:
        if self._result is None:
            raise sqlprov.ProgrammingError("No rows to fetch: execute a statement that answers rows before.")
        return self._result

    def close(self) -> None:
        """End the statement; rows not read are lost. Twice is harmless."""
        if self._result is not None and self._held is None:
            self._result.close()
        self._line.done(self)
        if self._own is not None:
            self._own.close()
            self._own = None

    def setinputsizes(self, sizes: object) -> None:
        """DuckDB needs none."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Values are never cut."""


def _named(text: str, rows: Sequence[Any]) -> list[Any]:
    """The values of `$1`, `$2` … by their names: so the parts of a write find theirs."""
    if all(isinstance(row, dict) or not row for row in rows) or any(
        token.text == "?" for token in tokenize(text)
    ):
        return list(rows)
    return [{str(number): value for number, value in enumerate(row, 1)} for row in rows]


def _last(results: Iterator[sqlprov.Result]) -> sqlprov.Result:
    found = list(results)
    if not found:
        raise sqlprov.ProgrammingError("There is no statement in the text.")
    return found[-1]


def _is_stateless(text: str) -> bool:
    return all(
        statement.verb in STATELESS if isinstance(statement, Query) else not isinstance(statement, SetSetting)
        for statement in parse(text)
    )

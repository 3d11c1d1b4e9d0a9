"""The DB-API connections and cursors that SQLAlchemy uses.

SQLAlchemy opens a cursor for each statement, and expects all cursors of a connection to share USE, SET, temporary
tables and the transaction. So all statements run on one DuckDB cursor, where a new statement would close an
earlier result. To keep its rows, the new statement gets its own DuckDB cursor. Once the connection has state
that another cursor would not share, the rows are fetched first instead.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, NoReturn

from sqlalchemy.exc import DisconnectionError

import sqlprov
from sqlprov.api.pep249_cursor import PEP249Cursor
from sqlprov.sql import Query, SetSetting, parse
from sqlprov.sql.lexer import tokenize

READS = ("SELECT", "FROM", "VALUES", "SUMMARIZE", "DESCRIBE", "SHOW", "EXPLAIN", "PIVOT")
STATELESS = (*READS, "INSERT", "UPDATE", "DELETE")
"""Statements that leave no state in the DuckDB cursor that runs them."""


class PooledConnection:
    """A connection of an engine's pool.

    Attributes:
        transactions: whether SQLAlchemy's transactions are DuckDB's; if not, each statement commits.
    """

    def __init__(self, connection: sqlprov.Connection, on_close: Callable[[], None]) -> None:
        self.transactions = False
        self._connection, self._on_close = connection, on_close
        self._reader: PooledCursor | None = None
        self._is_stateless = True
        self._process = os.getpid()

    def check_process(self) -> None:
        """Raise the error with which a pool opens another connection, if a fork has this one from its parent."""
        if self._process != os.getpid():
            raise DisconnectionError("It was made before the process forked.")

    def cursor(self) -> PooledCursor:
        return PooledCursor(self)

    def run(
        self, cursor: PooledCursor, text: str, work: Callable[[sqlprov.Connection], sqlprov.Result]
    ) -> sqlprov.Result:
        """Call `work` with the DuckDB cursor to run `text` on."""
        is_stateless = _is_stateless(text)
        if self._reader not in (None, cursor):
            if self._is_stateless and is_stateless:
                return work(cursor.own_connection())
            self.buffer()
        self._is_stateless &= is_stateless
        self._reader = cursor
        return work(self._connection)

    def open_cursor(self) -> sqlprov.Connection:
        """Open another DuckDB cursor."""
        return self._connection.cursor()

    def buffer(self) -> None:
        """Fetch the remaining rows before a statement that would lose them."""
        if self._reader is not None:
            self._reader.buffer()
            self._reader = None

    def release(self, cursor: PooledCursor) -> None:
        """`cursor` has no more rows to read."""
        if self._reader is cursor:
            self._reader = None

    def begin(self) -> None:
        if self.transactions:
            self.buffer()
            self._is_stateless = False
            self._connection.execute("BEGIN")

    def commit(self) -> None:
        """Commit; remaining rows stay readable."""
        if self._connection.in_transaction:
            self.buffer()
        self._connection.commit()

    def rollback(self) -> None:
        """Roll back; reading rows of the transaction afterwards is an error."""
        self._connection.rollback()

    def reset(self) -> None:
        """Drop the effects of USE and SET, and temporary tables."""
        if not self._is_stateless:
            old, self._connection = self._connection, self._connection.connection.cursor()
            old.close()
            self._reader, self._is_stateless = None, True

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        self._connection.close()
        on_close, self._on_close = self._on_close, lambda: None
        on_close()


class PooledCursor(PEP249Cursor):
    """The part of PEP 249's cursor that SQLAlchemy uses."""

    def __init__(self, connection: PooledConnection) -> None:
        self._pooled = connection
        self._own: sqlprov.Connection | None = None
        self._rows: Iterator[tuple[Any, ...]] = iter(())

    def execute(self, text: str, parameters: Any = None) -> None:
        """Run a statement, with a sequence for `?` or `$1`, or a mapping for `$name`."""
        (row,) = _name_parameters(text, [parameters])
        self._run(text, lambda connection: _run_to_last(connection, text, row))

    def executemany(self, text: str, rows: Sequence[Any]) -> None:
        """Run a statement for each row of parameters."""
        named = _name_parameters(text, rows)
        self._run(text, lambda connection: connection.executemany(text, named))

    def _run(self, text: str, work: Callable[[sqlprov.Connection], sqlprov.Result]) -> None:
        self._result = None
        try:
            self._result = self._pooled.run(self, text, work)
            self._rows = iter(self._result)
        finally:
            if self._result is None or not self._result.has_rows:
                self._pooled.release(self)

    def own_connection(self) -> sqlprov.Connection:
        """The cursor's own DuckDB cursor, opened on first use."""
        self._own = self._own or self._pooled.open_cursor()
        return self._own

    def buffer(self) -> None:
        """Fetch the remaining rows; every later fetch raises an error that occurs here."""
        try:
            self._rows = iter(list(self._rows))
        except sqlprov.Error as error:
            self._rows = iter(partial(_raise, error), None)

    def fetchone(self) -> tuple[Any, ...] | None:
        return next(iter(self.fetchmany(1)), None)

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        count = self.arraysize if size is None else size
        rows = list(islice(self, count))
        if len(rows) < count:
            self._pooled.release(self)
        return rows

    def fetchall(self) -> list[tuple[Any, ...]]:
        rows = list(self)
        self._pooled.release(self)
        return rows

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        if self._result is None:
            raise sqlprov.ProgrammingError("No rows to fetch; execute a statement that returns rows first.")
        return self._rows

    def close(self) -> None:
        """End the statement; unread rows are lost. A second call does nothing."""
        if self._result is not None:
            self._result.close()
        self._pooled.release(self)
        if self._own is not None:
            self._own.close()
            self._own = None


def _name_parameters(text: str, rows: Sequence[Any]) -> list[Any]:
    """The values of `$1`, `$2`, … by name, for lookup by each part of a write."""
    if all(isinstance(row, dict) or not row for row in rows) or any(
        token.text == "?" for token in tokenize(text)
    ):
        return list(rows)
    return [{str(number): value for number, value in enumerate(row, 1)} for row in rows]


def _run_to_last(connection: sqlprov.Connection, text: str, parameters: Any) -> sqlprov.Result:
    results = list(connection.run(text, parameters or None))
    if not results:
        raise sqlprov.ProgrammingError("There is no statement in the text.")
    return results[-1]


def _raise(error: Exception) -> NoReturn:
    raise error


def _is_stateless(text: str) -> bool:
    return all(
        statement.verb in STATELESS if isinstance(statement, Query) else not isinstance(statement, SetSetting)
        for statement in parse(text)
    )

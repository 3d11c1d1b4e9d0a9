"""The result of the statement executed last in, its rows out: the reading half of a PEP 249 cursor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlprov import errors
from sqlprov.api.result import Result


class PEP249Cursor:
    """What PEP 249 reads from a cursor, of the result of what it executed last.

    Attributes:
        arraysize: rows that `fetchmany` gives unless it is told.
    """

    Warning = errors.Warning
    Error = errors.Error
    InterfaceError = errors.InterfaceError
    DatabaseError = errors.DatabaseError
    DataError = errors.DataError
    OperationalError = errors.OperationalError
    IntegrityError = errors.IntegrityError
    InternalError = errors.InternalError
    ProgrammingError = errors.ProgrammingError
    NotSupportedError = errors.NotSupportedError

    arraysize: int = 1
    _result: Result | None = None

    @property
    def description(self) -> list[tuple[Any, ...]] | None:
        """(name, type, None, None, None, None, None) for each column; `None` if there are no rows to fetch."""
        return self._result.description if self._result else None

    @property
    def rowcount(self) -> int:
        """Rows that the statement changed; -1 if it changes none."""
        return self._result.rowcount if self._result else -1

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row; `None` after the last.

        Raises:
            ProgrammingError: nothing was executed, or a statement without rows.
            InterfaceError: the cursor is closed.
            Error: what the statement met.

        >>> import sqlprov
        >>> cursor = sqlprov.connect().cursor()
        >>> cursor.execute("SELECT unnest([1, 2, 3]) AS n").columns
        ['n']
        >>> cursor.fetchone(), cursor.fetchmany(), cursor.fetchall(), cursor.fetchone()
        ((1,), [(2,)], [(3,)], None)
        """
        return self._fetched().fetchone()

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """The next `size` rows, else `arraysize`, or as many as there are; raises what `fetchone` does."""
        return self._fetched().fetchmany(self.arraysize if size is None else size)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows not fetched so far; raises what `fetchone` does."""
        return self._fetched().fetchall()

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self._fetched())

    def setinputsizes(self, sizes: object) -> None:
        """PEP 249 asks for it; DuckDB needs no sizes, so that it does nothing."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """PEP 249 asks for it; values are never cut, so that it does nothing."""

    def _check(self) -> None:
        """Raise InterfaceError if the cursor is closed."""
        raise NotImplementedError

    def _fetched(self) -> Result:
        self._check()
        if self._result is None or not self._result.has_rows:
            raise errors.ProgrammingError("No rows to fetch: execute a statement that answers rows before.")
        return self._result

"""The reading half of a PEP 249 cursor: fetches the rows of the last statement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlprov import errors
from sqlprov.api.result import Result


class PEP249Cursor:
    """Reads the rows of the statement that a cursor executed last.

    Attributes:
        arraysize: rows that `fetchmany` returns by default.
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
            ProgrammingError: there was no statement, or it has no rows.
            InterfaceError: the cursor is closed.
            Error: the statement failed.

        >>> import sqlprov
        >>> cursor = sqlprov.connect().cursor()
        >>> cursor.execute("SELECT unnest([1, 2, 3]) AS n").columns
        ['n']
        >>> cursor.fetchone(), cursor.fetchmany(), cursor.fetchall(), cursor.fetchone()
        ((1,), [(2,)], [(3,)], None)
        """
        return self._require_rows().fetchone()

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """The next `size` rows (`arraysize` by default), or fewer at the end; raises what `fetchone` raises."""
        return self._require_rows().fetchmany(self.arraysize if size is None else size)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The remaining rows; raises what `fetchone` raises."""
        return self._require_rows().fetchall()

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self._require_rows())

    def setinputsizes(self, sizes: object) -> None:
        """Do nothing: PEP 249 requires the method, and DuckDB needs no sizes."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Do nothing: PEP 249 requires the method, and values are never cut."""

    def _check_open(self) -> None:
        """Raise InterfaceError if the cursor is closed; one that opens its connection on use never is."""

    def _require_rows(self) -> Result:
        self._check_open()
        if self._result is None or not self._result.has_rows:
            raise errors.ProgrammingError("No rows to fetch: execute a statement that returns rows first.")
        return self._result

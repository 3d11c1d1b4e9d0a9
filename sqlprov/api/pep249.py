"""What PEP 249 requires of a module besides connect() and the errors; `sqlprov` exports it.

Its connections and cursors are `sqlprov.Connection`, which commits each statement automatically: every write to the
cloud would be refused within a transaction that began implicitly.
"""

from __future__ import annotations

import datetime
import re

__all__ = [
    "BINARY",
    "DATETIME",
    "NUMBER",
    "ROWID",
    "STRING",
    "Binary",
    "Date",
    "DateFromTicks",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "apilevel",
    "paramstyle",
    "threadsafety",
]

apilevel = "2.0"
threadsafety = 2
"""Threads may share a connection, each with its own cursor()."""
paramstyle = "qmark"
"""`?` and a sequence; `$name` and a mapping work too."""

Date = datetime.date
Time = datetime.time
Timestamp = datetime.datetime
Binary = bytes


def DateFromTicks(ticks: float) -> datetime.date:
    """The local date at `ticks`, in seconds since 1970 UTC.

    >>> DateFromTicks(86_400 * 365.25 * 30).year
    2000
    """
    return datetime.datetime.fromtimestamp(ticks).date()


def TimeFromTicks(ticks: float) -> datetime.time:
    """The local time of day at `ticks`, in seconds since 1970 UTC.

    >>> TimeFromTicks(90).second
    30
    """
    return datetime.datetime.fromtimestamp(ticks).time()


def TimestampFromTicks(ticks: float) -> datetime.datetime:
    """The local date and time at `ticks`, in seconds since 1970 UTC, without a zone.

    >>> TimestampFromTicks(90).tzinfo is None
    True
    """
    return datetime.datetime.fromtimestamp(ticks)


class TypeObject:
    """Equals the types of one kind in `Cursor.description`.

    >>> DATETIME == "timestamp[us, tz=UTC]", NUMBER == "timestamp[us, tz=UTC]"
    (True, False)
    """

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return self._pattern.match(other) is not None
        return self is other

    __hash__ = object.__hash__


STRING = TypeObject(r"(large_)?string|dictionary<values=string")
BINARY = TypeObject(r"(large_|fixed_size_)?binary")
NUMBER = TypeObject(r"u?int\d|u?hugeint|bignum|float|double|halffloat|decimal")
DATETIME = TypeObject(r"date\d|time")
ROWID = TypeObject(r"(?!)")
"""Equals no type: neither the cloud's tables nor DuckDB's results have row ids."""

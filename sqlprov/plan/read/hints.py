"""Hints that a scan does not get from DuckDB: conditions such as LIKE, ORDER BY and LIMIT.

A hint lets a scan end sooner or fetch less; it never changes which rows an answer has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field

from sqlprov.records import dataclass


@dataclass(frozen=True)
class Contained:
    """`column` contains `text`, or starts with it, in every row of the table that the statement can use."""

    column: str
    text: str
    is_start: bool = False


@dataclass(frozen=True)
class Top:
    """Only the first `rows` rows by `column`, and those that tie with the last of them, can be in the answer.

    Attributes:
        column, descending, rows: the order, and the number of rows.
        checks: the condition of DuckDB's plan that it does not pass to the scan; empty if there is none.
        checked: its columns.
        ends: whether the list comes in this order, so that it need not be read to its end.
    """

    column: str
    descending: bool
    rows: int
    checks: str = ""
    checked: frozenset[str] = frozenset()
    ends: bool = False


Source = tuple[str, str]
"""Full name of a live table, and its column."""


@dataclass(frozen=True)
class JoinKey:
    """`column` of a table is joined with `sources`: rows in which it has a value of none of them do not matter.

    Attributes:
        table: its full name.
        column: a part of the key, or a parent's column.
        sources: one for each place where the statement reads the table.
        is_unlikely: whether they are whole lists, which rarely have few values, and a list is all that the table needs.
    """

    table: str
    column: str
    sources: frozenset[Source]
    is_unlikely: bool = False


def _never(*_: str) -> bool:
    return False


@dataclass(frozen=True)
class Hints:
    """The hints for one statement's scans.

    Attributes:
        decides: whether the statement uses `region` for more than showing, grouping and sorting.
        is_compared: whether a condition of the statement compares a member, such as `environment.Variables`.
        narrowed: full name of a table -> regions that its scans without a condition on region can be limited to.
        other_accounts: full name of a table -> accounts that its scans without a condition on account need not read.
        sources: full name of a table -> the tables whose condition narrows it over a join.
        named: regions that a condition of some scan requires, in `=` or IN.
        contained: full name of a table -> strings that its rows contain.
        sorted_by: full name of a table -> the column that a plain query of it with a LIMIT sorts by first.
        top: full name of a table -> its first rows, if no others are wanted.
        join_keys: the values of which tables limit others; no table limits itself, directly or through others.
        limited: whether the statement may have enough rows before a list ends.
        first_rows: the number of rows that its LIMIT asks for; 0 if it is unknown.
    """

    decides: Callable[[], bool] = _never
    is_compared: Callable[[str], bool] = _never
    narrowed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    other_accounts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    named: frozenset[str] = frozenset()
    contained: Mapping[str, tuple[Contained, ...]] = field(default_factory=dict)
    sorted_by: Mapping[str, str] = field(default_factory=dict)
    top: Mapping[str, Top] = field(default_factory=dict)
    join_keys: tuple[JoinKey, ...] = ()
    limited: bool = False
    first_rows: int = 0

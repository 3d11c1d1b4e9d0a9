"""What a statement's text tells about its reads and DuckDB does not hand on with a demand: LIKE, ORDER BY, LIMIT.

A hint lets a read end sooner or fetch less; it never changes which rows an answer has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Contained:
    """`column` contains `text`, in every row of the table that the statement can use."""

    column: str
    text: str


@dataclass(frozen=True)
class Top:
    """Only the first `rows` rows by `column` can be in the answer, and whatever ties with the last of them."""

    column: str
    descending: bool
    rows: int


@dataclass(frozen=True)
class Hints:
    """The hints of one statement.

    Attributes:
        contained: full name of a table -> what its rows contain.
        sorted_by: the table and the column that a plain query with a LIMIT sorts by first.
        top: full name of the statement's only table, and its first rows; `None` if all are wanted.
        limited: whether the statement may have enough before a list ends.
    """

    contained: Mapping[str, tuple[Contained, ...]] = field(default_factory=dict)
    sorted_by: tuple[str, str] | None = None
    top: tuple[str, Top] | None = None
    limited: bool = False

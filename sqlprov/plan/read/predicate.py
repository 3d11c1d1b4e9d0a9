"""A filter as a tree of conditions, parsed from pyarrow's expression.

A predicate never drops rows; it only narrows what is fetched. A condition that is not understood is `Opaque` and
narrows nothing.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlprov.records import dataclass


@dataclass(frozen=True)
class Compare:
    """`column op value`, op one of = <> < <= > >=; the value is a str, int, float, bool or aware datetime."""

    column: str
    op: str
    value: Any


@dataclass(frozen=True)
class In:
    """`column IN (values)`."""

    column: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class IsNull:
    """`column IS NULL`."""

    column: str


@dataclass(frozen=True)
class And:
    """All parts hold; without parts it is TRUE."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True)
class Or:
    """At least one part holds; without parts it is FALSE."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True)
class Not:
    """The part is false; NOT NULL is NULL."""

    part: Predicate


@dataclass(frozen=True)
class Opaque:
    """A condition over `columns` that is not analyzed further, such as a function or a nested field."""

    columns: frozenset[str]


Predicate: TypeAlias = Compare | In | IsNull | And | Or | Not | Opaque

TRUE: Predicate = And(())
FALSE: Predicate = Or(())

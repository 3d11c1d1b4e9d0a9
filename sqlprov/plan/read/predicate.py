"""A filter as a tree of conditions."""

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
    """A condition over `columns` that narrows no call, because it is unknown or about a field of a structure.

    Attributes:
        path: the structure's column, and the names of the fields that lead to the compared one.
        leaf: the condition on that field, a Compare, In or IsNull; `None` if it is unknown.
    """

    columns: frozenset[str]
    path: tuple[str, ...] = ()
    leaf: Compare | In | IsNull | None = None


Predicate: TypeAlias = Compare | In | IsNull | And | Or | Not | Opaque

TRUE: Predicate = And(())
FALSE: Predicate = Or(())

"""Finds what a predicate implies: the values that a column can have, and the values that make it true."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import reduce
from typing import Any

from sqlprov.plan.read.predicate import And, Compare, In, IsNull, Not, Opaque, Or, Predicate
from sqlprov.records import dataclass


@dataclass(frozen=True)
class Domain:
    """The values a column can have in rows where the predicate holds; bounds are inclusive.

    Attributes:
        values: the only possible values, or `None` if they are not a finite set.
        low, high: bounds, or `None`; unused where `values` is given.
    """

    values: frozenset[Any] | None = None
    low: Any = None
    high: Any = None

    @property
    def empty(self) -> bool:
        """Whether no value is possible: the conditions contradict each other."""
        if self.values is not None:
            return not self.values
        return self.low is not None and self.high is not None and bool(self.low > self.high)

    def contains(self, value: Any) -> bool:
        """Whether the column can have `value`."""
        if self.values is not None:
            return value in self.values
        above = self.low is None or value >= self.low
        return above and (self.high is None or value <= self.high)

    def __and__(self, other: Domain) -> Domain:
        if self.values is not None:
            return Domain(frozenset(value for value in self.values if other.contains(value)))
        if other.values is not None:
            return other & self
        return Domain(None, _pick(max, self.low, other.low), _pick(min, self.high, other.high))

    def __or__(self, other: Domain) -> Domain:
        if self.empty or other.empty:
            return other if self.empty else self
        if self.values is not None and other.values is not None:
            return Domain(self.values | other.values)
        ours, theirs = self._find_hull(), other._find_hull()
        low = None if ours.low is None or theirs.low is None else min(ours.low, theirs.low)
        high = None if ours.high is None or theirs.high is None else max(ours.high, theirs.high)
        return Domain(None, low, high)

    def _find_hull(self) -> Domain:
        return self if self.values is None else Domain(None, min(self.values), max(self.values))


EVERYTHING = Domain()
NOTHING = Domain(frozenset())
NEGATED = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def find_domain(predicate: Predicate, column: str, holds: bool = True) -> Domain:
    """The values `column` can have in rows where `predicate` is TRUE (or FALSE, with `holds=False`)."""
    match predicate:
        case Compare(name, op, value) if name == column:
            return _compare(op if holds else NEGATED[op], value)
        case In(name, values) if name == column and holds:
            return Domain(frozenset(values))
        case Not(part):
            return find_domain(part, column, not holds)
        case And(parts) | Or(parts):
            domains = [find_domain(part, column, holds) for part in parts]
            if isinstance(predicate, And) == holds:
                return reduce(Domain.__and__, domains, EVERYTHING)
            return reduce(Domain.__or__, domains, NOTHING)
    return EVERYTHING


def accepts(predicate: Predicate, column: str, value: Any, holds: bool = True) -> bool:
    """Whether `predicate` can be TRUE (or FALSE, with `holds=False`) in a row whose `column` is `value`.

    Its other columns may have any values.
    """
    match predicate:
        case Compare(name, op, other) if name == column:
            return COMPARISONS[op](value, other) is holds
        case In(name, values) if name == column:
            return (value in values) is holds
        case IsNull(name) if name == column:
            return not holds
        case Not(part):
            return accepts(part, column, value, not holds)
        case And(parts) | Or(parts):
            join = all if isinstance(predicate, And) is holds else any
            return join(accepts(part, column, value, holds) for part in parts)
    return True


def list_leaves(predicate: Predicate, holds: bool = True) -> Iterator[tuple[Predicate, bool]]:
    """The conditions that AND, OR and NOT join, each with whether it has to hold."""
    match predicate:
        case Not(part):
            yield from list_leaves(part, not holds)
        case And(parts) | Or(parts):
            for part in parts:
                yield from list_leaves(part, holds)
        case _:
            yield predicate, holds


def list_columns(predicate: Predicate) -> frozenset[str]:
    """Every column that `predicate` reads."""
    return frozenset().union(*(_list_own_columns(leaf) for leaf, _ in list_leaves(predicate)))


def list_compared(predicate: Predicate) -> frozenset[str]:
    """The columns whose values a predicate compares, which IS NULL does not."""
    leaves = (leaf for leaf, _ in list_leaves(predicate) if not isinstance(leaf, IsNull))
    return frozenset().union(*map(_list_own_columns, leaves))


def _list_own_columns(leaf: Predicate) -> frozenset[str]:
    match leaf:
        case Compare(name) | In(name) | IsNull(name):
            return frozenset((name,))
        case Opaque(names):
            return names
    raise TypeError(f"{leaf} is not a leaf")


def list_conjuncts(predicate: Predicate) -> tuple[Predicate, ...]:
    """The conditions that must all hold."""
    if isinstance(predicate, And):
        return tuple(inner for part in predicate.parts for inner in list_conjuncts(part))
    return (predicate,)


def drop_column(predicate: Predicate, column: str) -> Predicate:
    """`predicate`, each condition once, without those over `column` alone, which only carries a value."""
    return And(tuple(dict.fromkeys(p for p in list_conjuncts(predicate) if list_columns(p) != {column})))


def restrict(predicate: Predicate, columns: Iterable[str]) -> Predicate:
    """The part of `predicate` that depends on `columns` alone: it holds wherever the whole does."""
    known = frozenset(columns)
    return And(
        tuple(
            part for part in list_conjuncts(predicate) if _is_readable(part) and list_columns(part) <= known
        )
    )


def rename(predicate: Predicate, names: Mapping[str, str]) -> Predicate:
    """`predicate`, which has no Opaque part, over other columns: `names` maps the old to the new ones."""
    match predicate:
        case Compare(name) | In(name) | IsNull(name):
            return replace(predicate, column=names[name])
        case Not(part):
            return Not(rename(part, names))
        case And(parts) | Or(parts):
            return type(predicate)(tuple(rename(part, names) for part in parts))
    raise TypeError(f"{predicate} cannot be renamed")


def _is_readable(predicate: Predicate) -> bool:
    return not any(isinstance(leaf, Opaque) for leaf, _ in list_leaves(predicate))


def _compare(op: str, value: Any) -> Domain:
    match op:
        case "=":
            return Domain(frozenset((value,)))
        case "<" | "<=":
            return Domain(None, None, value)
        case ">" | ">=":
            return Domain(None, value, None)
    return EVERYTHING


def _pick(choose: Callable[..., Any], left: Any, right: Any) -> Any:
    if left is None or right is None:
        return right if left is None else left
    return choose(left, right)


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

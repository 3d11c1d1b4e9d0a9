"""Decides where a scan reads, by one rule for each scope column, such as `region`.

1. DuckDB passed a condition that limits the column, or applies one above the scan or over a join: the values that
   the condition accepts.
2. The scan does not ask for the column: the session's values. DuckDB has proved that the column does not matter.
3. The statement only shows, groups or sorts by the column: the session's values. Otherwise: all values.

A global table is read once, in the region that answers for its service, whatever the statement says of regions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum

from sqlprov.plan.read.domain import accepts, list_columns, list_conjuncts, list_leaves
from sqlprov.plan.read.predicate import Compare, In, IsNull, Not, Predicate
from sqlprov.records import dataclass

IDENTITY, ENABLED_REGIONS = "sts:GetCallerIdentity", "account:ListRegions"
"""The actions that return an account's id, and the regions that it has enabled."""


class Rule(Enum):
    """Which part of the rule decided."""

    CONDITION = "condition"
    UNUSED = "unused"
    SHOWN = "shown"
    JOIN = "join"  # a join carries the condition of another table
    ALL = "all"
    HOME = "home"  # a global table, which is read once

    @property
    def is_session(self) -> bool:
        """Whether the values are the session's."""
        return self in (Rule.UNUSED, Rule.SHOWN)

    @property
    def is_condition(self) -> bool:
        """Whether a condition names the values."""
        return self in (Rule.CONDITION, Rule.JOIN)


@dataclass(frozen=True)
class Scope:
    """The values of a scope column that a scan reads.

    Attributes:
        column: such as `region`.
        rule: the part of the rule that chose them.
        values: sorted; empty if no value meets the conditions.
        is_estimate: whether the account has not been asked for all values yet; only in EXPLAIN.
        sources: of Rule.JOIN, full names of the tables with the condition.
        asks: the questions that EXPLAIN does not ask and a read does: the IAM action of each, and the names of the
            accounts that are asked.
    """

    column: str
    rule: Rule
    values: tuple[str, ...]
    is_estimate: bool = False
    sources: tuple[str, ...] = ()
    asks: tuple[tuple[str, tuple[str, ...]], ...] = ()


def asks_organization(scopes: Iterable[Scope]) -> bool:
    """Whether a read asks the organization for its accounts, of which EXPLAIN knows none or those of a while ago."""
    return any(action.startswith("organizations:") for scope in scopes for action, _ in scope.asks)


def find_rule(column: str, columns: Iterable[str], where: Predicate, decides: Callable[[], bool]) -> Rule:
    """The part of the rule that decides for a scan.

    Args:
        column: the scope column.
        columns, where: DuckDB's request: the columns, and the condition that it passed.
        decides: whether the statement uses the column for more than showing, grouping and sorting.
    """
    if find_limits(column, where):
        return Rule.CONDITION
    if column not in columns:
        return Rule.UNUSED
    return Rule.ALL if decides() else Rule.SHOWN


def find_limits(column: str, where: Predicate) -> tuple[Predicate, ...]:
    """The conditions that limit the column; not `IS NOT NULL`, which DuckDB adds to joins and every row meets."""
    parts = (part for part in list_conjuncts(where) if part != Not(IsNull(column)))
    return tuple(part for part in parts if column in list_columns(part))


def find_accepted(column: str, where: Predicate, candidates: Iterable[str]) -> tuple[str, ...]:
    """The candidates that `where` accepts, sorted."""
    return tuple(value for value in sorted(set(candidates)) if accepts(where, column, value))


def find_equal(column: str, where: Predicate) -> tuple[str, ...]:
    """Values that a condition requires, in `=` or IN; a value in `<>`, NOT IN or a range need not exist."""
    return _compare(column, where, equal=True)


def find_different(column: str, where: Predicate) -> tuple[str, ...]:
    """Values that a condition excludes, in `<>` or NOT IN."""
    return _compare(column, where, equal=False)


def _compare(column: str, where: Predicate, *, equal: bool) -> tuple[str, ...]:
    names: list[str] = []
    for part, wanted in list_leaves(where):
        match part:
            case Compare(name, "=", value) if name == column and wanted is equal:
                names.append(value)
            case Compare(name, "<>", value) if name == column and wanted is not equal:
                names.append(value)
            case In(name, values) if name == column and wanted is equal:
                names.extend(values)
    return tuple(dict.fromkeys(names))

"""Decides for which values of its parents a table is listed, and plans the parents that have to be read first."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sqlprov.catalog.table import Parent, Table
from sqlprov.plan.read.domain import accepts, find_domain, rename, restrict
from sqlprov.plan.read.predicate import Predicate
from sqlprov.plan.read.read_plan import ParentRead
from sqlprov.plan.read.steps import ACCOUNT, REGION, Place

if TYPE_CHECKING:
    from sqlprov.plan.read.read_plan import ReadPlan

PlanParent = Callable[[Table, tuple[str, ...], Predicate], "ReadPlan"]
"""Plans a read of these columns of a parent's rows that meet the condition."""


def plan_parents(
    table: Table, where: Predicate, plan_parent: PlanParent, requested: Predicate
) -> tuple[list[Place], tuple[ParentRead, ...]]:
    """The combinations of the values that are known, and the parents whose rows complete each of them.

    Args:
        table: the child.
        where: its condition, as far as it may narrow the calls.
        plan_parent: plans a parent.
        requested: the whole condition, which says the values that no table holds.
    """
    known: dict[str, tuple[Any, ...]] = {}
    tables: dict[str, Table] = {}
    groups: dict[str, list[Parent]] = {}
    for parent in table.list.parents:
        values = find_values(table, parent, requested if parent.is_required else where)
        if values is not None:
            known[parent.column] = values
        if parent.load is not None and not parent.values:
            tables.setdefault(parent.table, parent.load())
            groups.setdefault(parent.table, []).append(parent)
    shared = {name: _map_columns(table, tables[name], group) for name, group in groups.items()}
    wanted = {name for name, group in groups.items() if any(each.column not in known for each in group)}
    wanted -= {name for name in wanted if any(_is_covered(shared, name, other) for other in wanted)}
    given = {column for name in wanted for column in shared[name].values()}
    names = [column for column in known if column not in given]
    places = [
        dict(zip(names, values, strict=True))
        for values in itertools.product(*(known[column] for column in names))
    ]
    reads = []
    for name in sorted(wanted):
        parent_table, columns = tables[name], _add_place(table, tables[name], shared[name])
        passed = {child: own for own, child in columns.items()}
        condition = rename(restrict(where, passed), passed)
        reads.append(ParentRead(plan_parent(parent_table, tuple(columns), condition), columns))
    return list(places), tuple(reads)


def find_values(table: Table, parent: Parent, where: Predicate) -> tuple[Any, ...] | None:
    """The values of a parent as far as they are known without a call, sorted; `None` if its table has to be read."""
    if parent.values:
        return tuple(value for value in parent.values if accepts(where, parent.column, value))
    values = find_domain(where, parent.column).values
    if values is None or parent.is_account:
        return None
    if not (parent.is_required or all(is_sendable(table, parent, each) for each in values)):
        return None
    return tuple(sorted(value for value in values if accepts(where, parent.column, value)))


def is_sendable(table: Table, parent: Parent, value: Any) -> bool:
    """Whether a value from a condition can only mean the row of the parent whose column equals it.

    A service may take an ARN where the column has the name, or a name in another case. The parent's rows then decide.
    """
    if parent.load is not None:
        own = parent.load()
        if own.is_partial or says_region(own) or has_other_case(own, value):
            return False  # only the parent's rows say which there are, or where the child is
    text, is_arn = str(value), parent.table_column.endswith("arn")
    # A name with a colon may be a part of an ARN, such as 123456789012:function:name.
    is_same_kind = text.startswith("arn:") if is_arn else ":" not in text
    return text != "" and is_same_kind and table.by_name[parent.column].constraint.accepts(text)


def has_other_case(table: Table, value: Any) -> bool:
    """Whether the service stores a name in another case than `value`, which it takes, too."""
    return table.is_lowercase and str(value) != str(value).lower()


def says_region(table: Table) -> bool:
    """Whether the rows of a table say where they live, or those of the tables that it is listed for do."""
    loads = [parent.load for parent in table.list.parents]
    return bool(table.region_column) or any(says_region(load()) for load in loads if load)


def _map_columns(table: Table, parent: Table, group: list[Parent]) -> dict[str, str]:
    """The parent's column -> the child's, for all that the parent's rows give, its own parents' values included."""
    columns = {each.table_column: each.column for each in group}
    children = {each.column for each in table.list.parents}
    for each in parent.list.parents:
        if each.column in children and each.column not in (*columns, *columns.values()):
            columns[each.column] = each.column
    return columns


def _add_place(table: Table, parent: Table, columns: Mapping[str, str]) -> dict[str, str]:
    """`columns`, with the account, and with the region if the parent's rows say where the child is listed."""
    is_placed = says_region(parent) if parent.home else not table.home
    return {**columns, ACCOUNT: ACCOUNT, **({REGION: REGION} if is_placed else {})}


def _is_covered(shared: Mapping[str, Mapping[str, str]], name: str, other: str) -> bool:
    """Whether the rows of another parent give all values of parent `name`, and more."""
    return set(shared[name].values()) < set(shared[other].values())

"""Reads the parents of a table, and completes its lists with their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from sqlprov.catalog.table import Table
from sqlprov.errors import OperationalError, format_count
from sqlprov.plan.read import ListRead, ReadPlan
from sqlprov.plan.read.domain import accepts
from sqlprov.plan.read.steps import REGION, Place

ReadRows = Callable[[ReadPlan], Iterator[pa.RecordBatch]]
"""Reads a plan; the batches have its columns."""
ReadShared = Callable[[ReadPlan], Iterator[pa.RecordBatch] | None]
"""Reads a parent that the statement reads anyway; returns `None` if it does not."""


def complete_lists(
    plan: ReadPlan, find_account_id: Callable[[Place], str], read_rows: ReadRows
) -> list[ListRead]:
    """The lists of `plan`, one for each combination of the parents' values.

    Args:
        plan: the plan of the child.
        find_account_id: returns the id of a place's account.
        read_rows: reads a parent.

    Raises:
        OperationalError: a parent could not be read.
    """
    lists = [step for step in plan.steps if isinstance(step, ListRead)]
    places: list[Place] = [
        {**step.place, **{column: find_account_id(step.place) for column in plan.own_account}}
        for step in lists
    ]
    for parent in plan.parents if lists else ():
        rows = _read_places(plan, parent.columns, read_rows(parent.plan))
        if parent.plan.table.home and plan.table.home:
            # The parent's row says where the child is; otherwise it is where the global service is.
            home = {REGION: places[0][REGION]} if places else {}
            elsewhere = [{name: each[name] for name in each if name != REGION} for each in places]
            places = [{**home, **each} for each in _join(elsewhere, rows)]
        else:
            places = _join(places, rows)
    listing = plan.table.list
    return [lists[0].move(listing, place) for place in places]


def check_fan_out(table: Table, count: int, most: int) -> None:
    """Check the number of lists that follow from parents.

    Args:
        table: the child.
        count: all of its lists.
        most: `sqlprov_fan_out`.

    Raises:
        OperationalError: there are more than `sqlprov_fan_out` allows.
    """
    if count <= most:
        return
    parents = [parent for parent in table.list.parents if parent.table]
    example = parents[-1].column if parents else ""
    names = " and ".join(dict.fromkeys(f"{table.provider}.{table.service}.{each.table}" for each in parents))
    raise OperationalError(
        f"{table.full_name} needs more than the {format_count(most, 'call')} of {table.list.call} that sqlprov_fan_out "
        f"allows: one for each row of {names}, {count:,} in all. Add a condition such as {example} = '…', or "
        f"SET sqlprov_fan_out = {count}.",
        operation=table.list.call,
    )


def _read_places(plan: ReadPlan, columns: Any, batches: Iterable[pa.RecordBatch]) -> list[Place]:
    """The distinct values of the parents' rows that meet the child's conditions, under the child's names."""
    places: dict[tuple[Any, ...], Place] = {}
    for batch in batches:
        for row in batch.select(list(columns)).to_pylist():
            place = {child: row[own] for own, child in columns.items()}
            if (
                None not in place.values()
                and all(accepts(plan.place_filter, *item) for item in place.items())
                and all(each.text in str(place.get(each.column, each.text)) for each in plan.contained)
            ):
                places.setdefault(tuple(place.values()), place)
    return list(places.values())


def _join(left: Sequence[Place], right: Sequence[Place]) -> list[Place]:
    """Every pair of places that have the same values in the columns of both."""
    if not left or not right:
        return []
    shared = [name for name in left[0] if name in right[0]]
    by_shared: dict[tuple[Any, ...], list[Place]] = {}
    for place in right:
        by_shared.setdefault(tuple(place[name] for name in shared), []).append(place)
    return [{**one, **two} for one in left for two in by_shared.get(tuple(one[name] for name in shared), ())]

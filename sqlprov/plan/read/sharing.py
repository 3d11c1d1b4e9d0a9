"""Finds the parents that another scan of the statement reads, so that they are read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlprov.plan.read.needs import list_known
from sqlprov.plan.read.read_plan import ReadPlan


def share_parents(plans: Sequence[ReadPlan]) -> tuple[list[ReadPlan], set[int]]:
    """The plans of a statement, and which of them read the parents of others.

    Those have the columns that the others need; the others' parents are marked as shared.

    Args:
        plans: of scans that will be read completely, at the same time.
    """
    wider, shared = list(plans), set[int]()
    for child, plan in enumerate(plans):
        readers = [_widen_reader(wider, parent.plan) for parent in plan.parents]
        shared |= {reader for reader in readers if reader is not None}
        parents = [
            replace(parent, is_shared=reader is not None)
            for parent, reader in zip(plan.parents, readers, strict=True)
        ]
        wider[child] = replace(wider[child], parents=tuple(parents))
    return wider, shared


def _widen_reader(plans: list[ReadPlan], parent: ReadPlan) -> int | None:
    """The place of the plan that can read a parent, which then has its columns; `None` if there is none."""
    for at, plan in enumerate(plans):
        names = {*plan.columns, *parent.columns}
        if plan.table is parent.table and names <= {*plan.columns, *list_known(plan.table)}:
            columns = tuple(column.name for column in plan.table.columns if column.name in names)
            whole = replace(plan, columns=columns)
            if whole.serves(parent):
                plans[at] = whole
                return at
    return None

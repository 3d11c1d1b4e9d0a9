"""Finds which calls the columns of a request need."""

from __future__ import annotations

from collections.abc import Iterable

from sqlprov.catalog.column import ColumnSource
from sqlprov.catalog.table import Table
from sqlprov.records import dataclass

LISTED = frozenset({ColumnSource.LIST, ColumnSource.PARENT})
"""Sources of the columns that a listed row has without another call."""


@dataclass(frozen=True)
class Needs:
    """What a request needs.

    Attributes:
        columns: the requested columns, and those that lead to them, such as the ARN for tags.
        describe, tags: whether each listed row needs that call.
        extras: names of the further calls that each row needs.
    """

    columns: frozenset[str]
    describe: bool
    tags: bool
    extras: tuple[str, ...]


def find_needs(table: Table, names: Iterable[str]) -> Needs:
    """What the columns `names` need; how account_id is found is decided elsewhere."""
    columns: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in columns:
            columns.add(name)
            pending += _find_leads(table, name)
    sources = {table.by_name[name].source for name in columns}
    extras = {table.by_name[name].extra for name in columns} - {""}
    return Needs(
        columns=frozenset(columns),
        describe=ColumnSource.DESCRIBE in sources,
        tags=ColumnSource.TAGS in sources,
        extras=tuple(sorted(extras, key=lambda name: (not _gives_region(table, name), name))),
    )


def list_known(table: Table) -> frozenset[str]:
    """The columns that a listed row has without another call."""
    known = {column.name for column in table.columns if column.source in LISTED}
    if not table.region_column or table.region_column in known:
        known |= {column.name for column in table.columns if column.source is ColumnSource.REGION}
    known |= {column.name for column in table.columns if column.source is ColumnSource.ACCOUNT}
    if known.issuperset(table.key):
        known |= {column.name for column in table.columns if column.source is ColumnSource.KEY}
    return frozenset(known)


def _find_leads(table: Table, name: str) -> list[str]:
    """The columns whose values lead to a column."""
    column = table.by_name[name]
    place = [table.region_column] if table.region_column else []
    match column.source:
        case ColumnSource.REGION:
            return place
        case ColumnSource.KEY:
            return list(table.key)
        case ColumnSource.TAGS if table.tags:
            return [*table.tags.list_columns(table.arn), *place]
        case ColumnSource.EXTRA:
            leads = list(table.extras[column.extra].arguments.values())
            # Every further call goes to the row's region, except the one that says which it is.
            return leads if _gives_region(table, column.extra) else [*leads, *place]
    return []


def _gives_region(table: Table, extra: str) -> bool:
    return bool(table.region_column) and table.by_name[table.region_column].extra == extra

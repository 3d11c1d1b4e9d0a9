"""A row under construction: the replies of its calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass  # in a long list, faster to make than those of `records`
from typing import Any

from sqlprov.catalog.column import ColumnSource, get_path
from sqlprov.catalog.table import Table
from sqlprov.plan.read.steps import ACCOUNT, REGION, Place

OLD_REGIONS = {"EU": "eu-west-1", "US": "us-east-1"}
"""Names of regions that S3 still returns."""


@dataclass(frozen=True)
class PartialRow:
    """The decoded replies for one row.

    Attributes:
        place: its account and region, and the parents that it was listed for.
        key: the values that it was looked up by; `None` for a listed row.
        listed, described: the row as List and Describe return it.
        extras: the replies of the further calls, by name.
        tags: {Key, Value} each; `None` if the tag call does not know the row.
        is_tagged: whether they have been read.
        is_asked: whether the Resource Groups Tagging API has been asked for them.
    """

    place: Place
    key: tuple[Any, ...] | None = None
    listed: Mapping[str, Any] | None = None
    described: Mapping[str, Any] | None = None
    extras: Mapping[str, Mapping[str, Any]] | None = None
    tags: list[Any] | None = None
    is_tagged: bool = False
    is_asked: bool = False

    @property
    def region(self) -> str:
        """The region of the row and of its calls."""
        return str(self.place[REGION])

    @property
    def account(self) -> str:
        """The name of the account of the row and of its calls."""
        return str(self.place[ACCOUNT])

    def get_value(self, table: Table, name: str) -> Any:
        """The value of a column, as in the service's JSON: from the list if the row was listed."""
        column, describe = table.by_name[name], table.describe
        if column.source is ColumnSource.REGION:
            return self.region
        if column.source is ColumnSource.ACCOUNT:
            return self.account
        if column.source is ColumnSource.EXTRA:
            return get_path((self.extras or {}).get(column.extra), column.path)
        if column.source is ColumnSource.LIST and self.listed is not None:
            return get_path(self.listed, column.path)
        if column.source is ColumnSource.PARENT and name in self.place:
            return self.place[name]
        if self.described is not None and describe and name in describe.paths:
            return get_path(self.described, describe.paths[name])
        if self.key is not None and name in table.key:
            return self.key[table.key.index(name)]
        return None

    def get_values(self, table: Table, names: tuple[str, ...]) -> tuple[Any, ...]:
        """The values of several columns."""
        return tuple(self.get_value(table, name) for name in names)

    def spell_key(self, table: Table) -> tuple[str, ...]:
        """The key as text; empty for a part that is NULL."""
        return tuple("" if part is None else str(part) for part in self.get_values(table, table.key))


def move(place: Place, region: Any) -> Place:
    """`place` in the region that a member of the row names; unchanged, and so at home, if it names none."""
    return {**place, REGION: OLD_REGIONS.get(str(region), region)} if region else place

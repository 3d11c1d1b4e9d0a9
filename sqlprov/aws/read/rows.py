"""Rows as the calls returned them in, record batches of a plan's columns out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from sqlprov.aws.read.batches import Decoder, build_array, concat_rows, get_path, memory_pool
from sqlprov.aws.read.conditions import to_expression
from sqlprov.aws.transport.errors import MalformedReply
from sqlprov.catalog.table import ColumnSource, Table
from sqlprov.errors import BrokenReply
from sqlprov.plan.read import TRUE, Account, ReadPlan


@dataclass(frozen=True)
class PartialRow:
    """One row under way: what each call has returned of it, as decoded JSON."""

    region: str
    key: tuple[str, ...] | None = None
    listed: Mapping[str, Any] | None = None
    described: Mapping[str, Any] | None = None
    tags: list[Any] | None = None

    def member(self, table: Table, name: str) -> Any:
        """A value that a call has returned: the list's where the row was listed, else Describe's."""
        column = table.by_name[name]
        if column.source is ColumnSource.LIST and self.listed is not None:
            return get_path(self.listed, column.path)
        assert table.describe is not None, "only a table that can be described has such a column or row"
        return get_path(self.described, table.describe.paths[name])


class BatchBuilder:
    """Makes batches for one plan.

    Attributes:
        account: the account of rows whose ARN does not tell it; empty until it is known.
    """

    def __init__(self, plan: ReadPlan) -> None:
        self.plan, self.table = plan, plan.table
        self.account = ""
        self._columns = [self.table.by_name[name] for name in plan.columns]
        self._schema = pa.schema([(column.name, column.type) for column in self._columns])
        # Whether the list alone, and where it was made, tell every column.
        self._listed = all(
            column.source in (ColumnSource.LIST, ColumnSource.REGION) for column in self._columns
        )
        self._decoders: dict[tuple[str, ...], Decoder] = {}

    def page(self, region: str, items: list[Mapping[str, Any]]) -> pa.StructArray | pa.RecordBatch:
        """A page of a list, whose rows need no further call: as a batch of the plan's columns, or what makes one.

        Raises:
            BrokenReply: a value is not of the kind that the model says.
        """
        if self._listed:
            rows = self._decoder(self.plan.columns).rows(items)
            if rows is not None:
                return rows
        return self.batch([PartialRow(region, listed=item) for item in items])

    def pages(self, region: str, rows: list[pa.StructArray]) -> pa.RecordBatch:
        """What `page` gave of pages of one region as one batch: each step takes as long for a page as for many.

        Raises:
            BrokenReply: a value is not of the kind that the model says.
        """
        together = concat_rows(rows)
        try:
            found = self._decoder(self.plan.columns).convert(together)
        except MalformedReply as error:
            raise self._broken(region, error) from None
        columns = [
            found[column.name] if column.name in found else pa.repeat(region, len(together), memory_pool())
            for column in self._columns
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)

    def batch(self, rows: list[PartialRow], *sources: ColumnSource) -> pa.RecordBatch:
        """`rows` of one region as a batch of the plan's columns, or of those from `sources` only.

        Raises:
            BrokenReply: a value is not of the kind that the model says.
        """
        by_name = self.table.by_name
        names = [name for name in self.plan.columns if not sources or by_name[name].source in sources]
        try:
            found: dict[str, pa.Array] = {}
            listed = [row.listed for row in rows if row.listed is not None]
            if len(listed) == len(rows):
                found = self._decoder(tuple(names)).build_arrays(listed)
            columns = [
                found[name] if name in found else build_array(by_name[name], self._values(rows, name))
                for name in names
            ]
        except MalformedReply as error:
            raise self._broken(rows[0].region, error) from None
        schema = pa.schema([(name, by_name[name].type) for name in names])
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    def _decoder(self, names: tuple[str, ...]) -> Decoder:
        """That of the list's own columns among `names`."""
        known = self._decoders.get(names)
        if known is None:
            columns = (self.table.by_name[name] for name in names)
            known = Decoder([column for column in columns if column.source is ColumnSource.LIST])
            self._decoders[names] = known
        return known

    def _broken(self, region: str, error: MalformedReply) -> BrokenReply:
        text = f"{self.table.full_name} in {region}: {error}."
        return BrokenReply(text, operation=self.table.list.call, region=region)

    def worth_a_call(self, rows: list[PartialRow]) -> list[PartialRow]:
        """The listed rows of one region that meet what can be decided without a further call."""
        for hint in self.plan.contained:
            rows = [row for row in rows if _may_contain(row.member(self.table, hint.column), hint.text)]
        if self.plan.row_filter == TRUE or not rows:
            return rows
        try:
            condition = to_expression(self.plan.row_filter, self.table.by_name)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            return rows  # a literal that is not of the column's type: the filter proper will decide
        batch = self.batch(rows, ColumnSource.LIST, ColumnSource.REGION, ColumnSource.KEY)
        numbered = pa.Table.from_batches([batch]).append_column("__row", pa.array(range(len(rows))))
        kept = numbered.filter(condition)
        return [rows[at] for at in kept.column("__row").to_pylist()]

    def _values(self, rows: list[PartialRow], name: str) -> list[Any]:
        """The values of one column, as the service's JSON has them."""
        column = self.table.by_name[name]
        match column.source:
            case ColumnSource.REGION:
                return [row.region for row in rows]
            case ColumnSource.ACCOUNT:
                return [self._account(row) for row in rows]
            case ColumnSource.TAGS:
                return [row.tags for row in rows]
            case ColumnSource.KEY:
                parts = [self._values(rows, part) for part in self.table.key]
                return ["|".join(map(str, key)) for key in zip(*parts, strict=True)]
        return [row.member(self.table, name) for row in rows]

    def _account(self, row: PartialRow) -> str:
        if self.plan.account is Account.ARN and (arn := row.member(self.table, self.table.arn)):
            return str(arn).split(":")[4]
        return self.account


def _may_contain(value: Any, text: str) -> bool:
    """Whether the column's text, which is the value's own or is written for it, may contain `text`."""
    return value is not None and (not isinstance(value, str) or text in value)

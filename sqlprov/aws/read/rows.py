"""Builds record batches of a plan's columns from the replies' rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sqlprov.aws.read.decoder import MEMORY_POOL, Decoder, build_array, concat_rows, get_path
from sqlprov.aws.transport.errors import MalformedReply
from sqlprov.catalog.table import Column, ColumnSource, Table
from sqlprov.errors import BrokenReply
from sqlprov.plan.read import TRUE, Account, ReadPlan
from sqlprov.plan.read.predicate import And, Compare, In, IsNull, Not, Or, Predicate


@dataclass(frozen=True)
class PartialRow:
    """A row under construction: the decoded JSON of each call."""

    region: str
    key: tuple[str, ...] | None = None
    listed: Mapping[str, Any] | None = None
    described: Mapping[str, Any] | None = None
    tags: list[Any] | None = None

    def get_value(self, table: Table, name: str) -> Any:
        """The value of a column, from the list if the row was listed, otherwise from Describe."""
        column = table.by_name[name]
        if column.source is ColumnSource.LIST and self.listed is not None:
            return get_path(self.listed, column.path)
        assert table.describe is not None, "only a table that can be described has such a column or row"
        return get_path(self.described, table.describe.paths[name])


class BatchBuilder:
    """Builds the batches of one plan.

    Attributes:
        account: the account for rows whose ARN does not show it; empty until it is known.
    """

    def __init__(self, plan: ReadPlan) -> None:
        self.plan, self.table = plan, plan.table
        self.account = ""
        self._columns = [self.table.by_name[name] for name in plan.columns]
        self._schema = pa.schema([(column.name, column.type) for column in self._columns])
        self._is_list_alone = all(
            column.source in (ColumnSource.LIST, ColumnSource.REGION) for column in self._columns
        )
        self._decoders: dict[tuple[str, ...], Decoder] = {}

    def build_page(self, region: str, items: list[Mapping[str, Any]]) -> pa.StructArray | pa.RecordBatch:
        """A batch of a page's rows, which need no other call, or an array for `build_pages`.

        Raises:
            BrokenReply: a value does not fit the type in the model.
        """
        if self._is_list_alone:
            rows = self._get_decoder(self.plan.columns).read_rows(items)
            if rows is not None:
                return rows
        return self.build_batch([PartialRow(region, listed=item) for item in items])

    def build_pages(self, region: str, rows: list[pa.StructArray]) -> pa.RecordBatch:
        """One batch of several results of `build_page` for one region: each step has a fixed cost.

        Raises:
            BrokenReply: a value does not fit the type in the model.
        """
        together = concat_rows(rows)
        try:
            arrays = self._get_decoder(self.plan.columns).convert(together)
        except MalformedReply as error:
            raise self._to_broken_reply(region, error) from None
        columns = [
            arrays[column.name] if column.name in arrays else pa.repeat(region, len(together), MEMORY_POOL)
            for column in self._columns
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)

    def build_batch(self, rows: list[PartialRow], *sources: ColumnSource) -> pa.RecordBatch:
        """A batch of `rows` of one region, with the plan's columns, or only those from `sources`.

        Raises:
            BrokenReply: a value does not fit the type in the model.
        """
        by_name = self.table.by_name
        names = [name for name in self.plan.columns if not sources or by_name[name].source in sources]
        try:
            arrays: dict[str, pa.Array] = {}
            listed = [row.listed for row in rows if row.listed is not None]
            if len(listed) == len(rows):
                arrays = self._get_decoder(tuple(names)).build_arrays(listed)
            columns = [
                arrays[name] if name in arrays else build_array(by_name[name], self._get_values(rows, name))
                for name in names
            ]
        except MalformedReply as error:
            raise self._to_broken_reply(rows[0].region, error) from None
        schema = pa.schema([(name, by_name[name].type) for name in names])
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    def _get_decoder(self, names: tuple[str, ...]) -> Decoder:
        """The decoder of the list's columns among `names`."""
        if names not in self._decoders:
            columns = (self.table.by_name[name] for name in names)
            self._decoders[names] = Decoder([c for c in columns if c.source is ColumnSource.LIST])
        return self._decoders[names]

    def _to_broken_reply(self, region: str, error: MalformedReply) -> BrokenReply:
        text = f"{self.table.full_name} in {region}: {error}."
        return BrokenReply(text, operation=self.table.list.call, region=region)

    def filter_rows(self, rows: list[PartialRow]) -> list[PartialRow]:
        """The listed rows of one region that pass the conditions on listed columns."""
        for hint in self.plan.contained:
            rows = [row for row in rows if _may_contain(row.get_value(self.table, hint.column), hint.text)]
        if self.plan.row_filter == TRUE or not rows:
            return rows
        try:
            condition = _to_expression(self.plan.row_filter, self.table.by_name)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            return rows  # a literal does not fit the column's type: the scan's filter decides
        batch = self.build_batch(rows, ColumnSource.LIST, ColumnSource.REGION, ColumnSource.KEY)
        numbered = pa.Table.from_batches([batch]).append_column("__row", pa.array(range(len(rows))))
        return [rows[at] for at in numbered.filter(condition).column("__row").to_pylist()]

    def _get_values(self, rows: list[PartialRow], name: str) -> list[Any]:
        """The values of one column, as in the service's JSON."""
        column = self.table.by_name[name]
        match column.source:
            case ColumnSource.REGION:
                return [row.region for row in rows]
            case ColumnSource.ACCOUNT:
                return [self._get_account(row) for row in rows]
            case ColumnSource.TAGS:
                return [row.tags for row in rows]
            case ColumnSource.KEY:
                parts = [self._get_values(rows, part) for part in self.table.key]
                return ["|".join(map(str, key)) for key in zip(*parts, strict=True)]
        return [row.get_value(self.table, name) for row in rows]

    def _get_account(self, row: PartialRow) -> str:
        if self.plan.account is Account.ARN and (arn := row.get_value(self.table, self.table.arn)):
            return str(arn).split(":")[4]
        return self.account


def _may_contain(value: Any, text: str) -> bool:
    """Whether the text of a column with this value may contain `text`."""
    return value is not None and (not isinstance(value, str) or text in value)


def _to_expression(predicate: Predicate, columns: Mapping[str, Column]) -> pc.Expression:
    """`predicate`, which has no Opaque part, as a pyarrow expression over `columns`."""
    match predicate:
        case Compare(name, op, value):
            field, scalar = pc.field(name), pa.scalar(value, columns[name].type)
            comparisons: dict[str, pc.Expression] = {
                "=": field == scalar,
                "<>": field != scalar,
                "<": field < scalar,
                "<=": field <= scalar,
                ">": field > scalar,
                ">=": field >= scalar,
            }
            return comparisons[op]
        case In(name, values):
            # For NULL, Arrow's isin returns false, and NOT IN would keep the row; SQL returns NULL.
            member = pc.field(name).isin(pa.array(list(values), columns[name].type))
            return pc.if_else(pc.field(name).is_valid(), member, pa.scalar(None, pa.bool_()))
        case IsNull(name):
            return pc.field(name).is_null()
        case Not(part):
            return ~_to_expression(part, columns)
        case And(parts):
            return reduce(lambda a, b: a & b, (_to_expression(p, columns) for p in parts), pc.scalar(True))
        case Or(parts):
            return reduce(lambda a, b: a | b, (_to_expression(p, columns) for p in parts), pc.scalar(False))
    raise TypeError(f"{predicate} cannot be an expression")

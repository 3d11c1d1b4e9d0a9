"""Builds record batches of a plan's columns from the replies' rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from typing import Any

import orjson
import pyarrow as pa

from sqlprov.arrow_functions import compute
from sqlprov.aws.read.decoder import MEMORY_POOL, Decoder, build_array, concat_rows
from sqlprov.aws.read.matching import find_matches, select_matches
from sqlprov.aws.read.partial_row import PartialRow, move
from sqlprov.aws.read.redaction import Warn, hide
from sqlprov.aws.transport.errors import MalformedReply
from sqlprov.catalog.column import Column, ColumnSource, get_path
from sqlprov.errors import BrokenReply
from sqlprov.plan.read import TRUE, AccountId, ReadPlan
from sqlprov.plan.read.domain import restrict
from sqlprov.plan.read.needs import list_known
from sqlprov.plan.read.predicate import Predicate
from sqlprov.plan.read.steps import REGION, Place

IDENTIFIER = "data__Identifier"
CONSTANT = frozenset({ColumnSource.ACCOUNT, ColumnSource.REGION, ColumnSource.PARENT})
"""Sources whose value is the same for all rows of one list."""


class BatchBuilder:
    """Builds the batches of one plan.

    Args:
        plan: the plan.
        find_account_id: returns the id of a place's account, for rows whose ARN does not show it.
        warn: takes a warning about sensitive text, and about values that cannot be read; without it, the latter are
            errors.
    """

    def __init__(self, plan: ReadPlan, find_account_id: Callable[[Place], str], warn: Warn | None) -> None:
        self.plan, self.table, self._warn = plan, plan.table, warn
        self._find_account_id = find_account_id
        self._columns = [self.table.by_name[name] for name in plan.columns]
        self._schema = pa.schema([(column.name, column.type) for column in self._columns])
        constant = CONSTANT - ({ColumnSource.REGION} if self.table.region_column else set())
        self._is_list_alone = all(
            c.source is ColumnSource.LIST or c.source in constant for c in self._columns
        )
        self._known = list_known(self.table)
        sources = {name: self.table.by_name[name].source for name in self.table.key}
        own = [name for name, source in sources.items() if source is not ColumnSource.PARENT]
        self._own_key = own or list(self.table.key)
        region = self.table.by_name.get(self.table.region_column)
        self._region_path = region.path if region and region.source is ColumnSource.LIST else ()
        self._decoders: dict[tuple[str, ...], Decoder] = {}

    def make_rows(self, place: Place, items: Sequence[Mapping[str, Any]]) -> list[PartialRow]:
        """The rows of a list in `place`; each in the region that it names, if a member does."""
        if not self._region_path:
            return [PartialRow(place, listed=item) for item in items]
        return [PartialRow(move(place, get_path(item, self._region_path)), listed=item) for item in items]

    def build_page(self, place: Place, items: list[Mapping[str, Any]]) -> pa.StructArray | pa.RecordBatch:
        """A batch of a page's rows, which need no other call, or an array for `build_pages`.

        Raises:
            BrokenReply: a value does not fit the type in the model.
        """
        if self._is_list_alone:
            rows = self._get_decoder(self.plan.columns).read_rows(items)
            if rows is not None:
                return rows
        return self.build_batch(self.make_rows(place, items))

    def build_pages(self, place: Place, rows: list[pa.StructArray]) -> pa.RecordBatch:
        """One batch of several results of `build_page` for one place: each step has a fixed cost.

        Raises:
            BrokenReply: a value does not fit the type in the model.
        """
        together = concat_rows(rows)
        try:
            arrays = self._get_decoder(self.plan.columns).convert(together)
            self._check_keys(arrays)
        except MalformedReply as error:
            raise self._to_broken_reply(str(place[REGION]), error) from None
        columns = [
            arrays[column.name] if column.name in arrays else _repeat(column, place, len(together))
            for column in self._columns
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)

    def build_known(self, rows: list[PartialRow]) -> pa.RecordBatch:
        """A batch of listed rows, with those of the plan's columns that need no other call."""
        return self.build_batch(rows, [name for name in self.plan.columns if name in self._known])

    def build_batch(self, rows: list[PartialRow], names: Sequence[str] | None = None) -> pa.RecordBatch:
        """A batch of `rows`, with the plan's columns, or only `names`.

        Raises:
            BrokenReply: a value does not fit the type in the model.
        """
        by_name = self.table.by_name
        names = self.plan.columns if names is None else names
        if not rows:
            return make_empty_batch(pa.schema([(name, by_name[name].type) for name in names]))
        try:
            arrays: dict[str, pa.Array] = {}
            listed = [row.listed for row in rows if row.listed is not None]
            if len(listed) == len(rows):
                arrays = self._get_decoder(tuple(names)).build_arrays(listed)
            columns = [
                arrays[name] if name in arrays else self._build_array(rows, by_name[name]) for name in names
            ]
            self._check_keys(dict(zip(names, columns, strict=True)))
        except MalformedReply as error:
            raise self._to_broken_reply(rows[0].region, error) from None
        schema = pa.schema([(name, by_name[name].type) for name in names])
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    def _build_array(self, rows: list[PartialRow], column: Column) -> pa.Array:
        values = hide(column, self._get_values(rows, column.name), self._warn)
        return build_array(column, values, self._warn)

    def _check_keys(self, arrays: Mapping[str, pa.Array]) -> None:
        """A row has at least one part of its key, beside those that its parents give."""
        parts = [arrays[name] for name in self._own_key if name in arrays]
        if len(parts) == len(self._own_key) and all(part.null_count for part in parts):
            absent = reduce(partial(compute, "and"), map(partial(compute, "is_null"), parts))
            if compute("any", absent).as_py():
                raise MalformedReply(f"a row lacks its key, {' or '.join(self.table.key)}")
        if IDENTIFIER in arrays and arrays[IDENTIFIER].null_count:
            raise MalformedReply(f"a row lacks its key, {' or '.join(self.table.key)}")

    def _get_decoder(self, names: tuple[str, ...]) -> Decoder:
        """The decoder of the list's columns among `names`."""
        if names not in self._decoders:
            columns = (self.table.by_name[name] for name in names)
            listed = [column for column in columns if column.source is ColumnSource.LIST]
            self._decoders[names] = Decoder(listed, self._warn)
        return self._decoders[names]

    def _to_broken_reply(self, region: str, error: MalformedReply) -> BrokenReply:
        text = f"{self.table.full_name} in {region}: {error}."
        return BrokenReply(text, operation=self.table.list.call, region=region)

    def filter_rows(self, rows: list[PartialRow]) -> list[PartialRow]:
        """The listed rows that pass the conditions on columns that need no other call."""
        for hint in self.plan.contained:
            rows = [row for row in rows if _may_contain(row.get_value(self.table, hint.column), hint.text)]
        if self.plan.row_filter == TRUE or not rows:
            return rows
        batch = self.build_known(rows)
        try:
            return [rows[at] for at in find_matches(batch, self.plan.row_filter)]
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            return rows  # a literal does not fit the column's type: the scan's filter decides

    def _get_values(self, rows: list[PartialRow], name: str) -> list[Any]:
        """The values of one column, as in the service's JSON."""
        column, table = self.table.by_name[name], self.table
        match column.source:
            case ColumnSource.ACCOUNT_ID:
                return [self._get_account_id(row) for row in rows]
            case ColumnSource.TAGS:
                return [row.tags for row in rows]
            case ColumnSource.KEY:
                keys = zip(*(self._get_parts(rows, part) for part in table.key), strict=True)
                return [self._join_parts(key) if None in key else "|".join(map(str, key)) for key in keys]
            case ColumnSource.DESCRIBE if table.describe and name not in table.key:
                path = table.describe.paths[name]
                return [get_path(row.described, path) for row in rows]
        return [row.get_value(table, name) for row in rows]

    def _join_parts(self, key: Sequence[Any]) -> str | None:
        """A key of which a part is NULL; `None` if every part of the row itself is."""
        parts = dict(zip(self.table.key, key, strict=True))
        if all(parts[name] is None for name in self._own_key):
            return None
        return "|".join("" if part is None else str(part) for part in key)

    def _get_parts(self, rows: list[PartialRow], name: str) -> list[Any]:
        """The values of a part of the key; a time reads the same, however the service sends it. A list is JSON."""
        column, values = self.table.by_name[name], self._get_values(rows, name)
        is_nested = pa.types.is_nested(column.type)
        if is_nested or pa.types.is_timestamp(column.type):
            values = build_array(column, values).to_pylist()
        if not is_nested:
            return values
        return [None if value is None else orjson.dumps(value).decode() for value in values]

    def _get_account_id(self, row: PartialRow) -> str:
        """The account's id of a row: its ARN shows it, except for buckets, hosted zones and what AWS manages."""
        if self.plan.account_id is AccountId.ARN:
            parts = str(row.get_value(self.table, self.table.arn)).split(":", 5)
            if len(parts) > 5 and parts[4].isdigit():
                return parts[4]
        return self._find_account_id(row.place)


def _repeat(column: Column, place: Place, count: int) -> pa.Array:
    """The array of a column that is the same for all rows of a list."""
    return pa.repeat(pa.scalar(place[column.name], column.type), count, MEMORY_POOL)


def select_rows(batch: pa.RecordBatch, condition: Predicate) -> pa.RecordBatch:
    """The rows that meet `condition`, as far as it can be read; it is over the batch's columns."""
    try:
        return select_matches(batch, restrict(condition, batch.schema.names))
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return batch  # a literal does not fit the column's type


def _may_contain(value: Any, text: str) -> bool:
    """Whether the text of a column with this value may contain `text`."""
    return value is not None and (not isinstance(value, str) or text in value)


def make_empty_batch(schema: pa.Schema) -> pa.RecordBatch:
    """A batch without rows; Arrow itself cannot make one with JSON inside of a list or a structure."""
    return pa.RecordBatch.from_arrays([pa.nulls(0, type_) for type_ in schema.types], schema=schema)

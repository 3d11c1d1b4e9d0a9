"""Reads a table from the model server in many ways, and compares each answer with the rows that the server has.

The server makes its rows from botocore's shapes, and says which value each column has. It shares the table's paths
with the engine, and nothing that plans, calls, pages, decodes or filters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
from local_sagemaker import REGION

from sqlprov.api.connection import Connection
from sqlprov.api.result import Result
from sqlprov.catalog.read_calls import FilterOperator, ListFilter
from sqlprov.catalog.table import Table
from sqlprov.emulator import Fault
from sqlprov.emulator.model_server import ModelServer, find_bound
from sqlprov.errors import Error

Row = dict[str, Any]
IDENTIFIER = "data__Identifier"
NOWHERE = "no such row"
"""A string that few models accept, so that no call can look it up."""


@dataclass
class TableSweep:
    """The checks of one table.

    Args:
        narrowed, whole: connections that narrow the calls, and that read everything.
        warning: a connection that returns what it could read.
        wrong: what is wrong, as far as the checks have come.
    """

    server: ModelServer
    table: Table
    narrowed: Connection
    whole: Connection
    warning: Connection
    rows: list[Row] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def run(self) -> list[str]:
        """What is wrong."""
        self.server.tables = list_ancestry(self.table)
        self.rows = self.server.list_rows(self.table, REGION)
        checks = [self.check_rows, self.check_lookups, self.check_filters, self.check_order]
        for check in (*checks, self.check_parents, self.check_faults):
            try:
                check()
            except Error as error:
                self.wrong.append(f"{check.__name__}: {type(error).__name__}: {error}")
        return self.wrong

    def check_rows(self) -> None:
        self.expect("all", self.read(self.narrowed), self.rows)
        rows = self.read(self.narrowed, limit=2)
        self.expect("LIMIT 2", rows, self.pick(rows))
        if len(rows) != min(2, len(self.rows)):
            self.wrong.append(f"LIMIT 2: {len(rows)} rows")

    def check_lookups(self) -> None:
        """By the key, by data__Identifier, and by keys that no row has."""
        if not self.rows:
            return
        first, last = self.rows[0], self.rows[-1]
        self.check_values({name: first[name] for name in self.table.key})
        self.check_values({IDENTIFIER: last[IDENTIFIER]})
        for name in self.table.key:
            if pa.types.is_nested(self.table.by_name[name].type):
                continue
            for value in self.list_missing(name):
                self.expect_none({each: last[each] for each in self.table.key} | {name: value})

    def list_missing(self, name: str) -> list[Any]:
        """Values that no row has: one that looks like those of the column, and one that does not."""
        known = {row[name] for row in self.rows}
        value = self.rows[-1][name]
        if isinstance(value, datetime):
            return [value + timedelta(days=1)]
        if isinstance(value, int | float):
            return [value + 50]
        like = [re.sub(r"\d(?=\D*$)", str(digit), value) for digit in range(10)]
        return [*[text for text in like if text not in known][:1], NOWHERE]

    def check_filters(self) -> None:
        for each in self.table.list.filters:
            values = sorted({row[each.column] for row in self.rows if row.get(each.column) is not None})
            for some in (values[len(values) // 2 :][:1], values[-2:] if each.most else []):
                if some:
                    self.check_filter(each, some)

    def check_filter(self, each: ListFilter, some: list[Any]) -> None:
        """Narrow by one value, or by several."""
        condition, values, test = write_filter(each, *some)
        before = len(self.server.calls)
        self.check_condition(
            condition, values, lambda row: row.get(each.column) is not None and test(row[each.column])
        )
        listed = [call for call in self.server.calls[before:] if call.operation == self.table.list.call]
        is_sent = any(find_bound(each, call.parameters) is not None for call in listed)
        known = self.table.by_name[each.column].constraint if each.name else each.constraint
        texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in some]
        is_key = each.column in self.table.list.arguments.values()  # the list looks it up
        if (
            listed
            and not (is_sent or is_key)
            and all(each.constraint.accepts(t) and known.accepts(t) for t in texts)
        ):
            self.wrong.append(f"{each.label} is not sent")

    def check_order(self) -> None:
        for name in self.table.list.sort.columns if self.table.list.sort else ():
            for direction in ("ASC", "DESC"):
                values = sorted((row[name] for row in self.rows), reverse=direction == "DESC")
                for con in (self.narrowed, self.whole):
                    rows = self.read(con, f"ORDER BY {name} {direction}", limit=2)
                    if [row[name] for row in rows] != values[:2]:
                        self.wrong.append(f"ORDER BY {name} {direction}")

    def check_parents(self) -> None:
        """Parents that the condition names: with rows, without rows, and without existence."""
        parents = self.table.list.parents
        if not parents or not self.rows:
            return
        last = self.rows[-1]
        self.check_values({parent.column: last[parent.column] for parent in parents})
        for parent in parents:
            self.check_values({parent.column: last[parent.column]})
            missing = self.list_missing(parent.column)
            if parent.load is not None:
                values = {
                    row.get(parent.table_column) for row in self.server.list_rows(parent.load(), REGION)
                }
                missing += sorted(values - {row[parent.column] for row in self.rows} - {None})[:1]
            for value in missing:
                self.expect_none({parent.column: value})

    def check_faults(self) -> None:
        """A call that is throttled once, and calls that are denied: the first, one in the middle, and the last."""
        before = len(self.server.calls)
        self.read(self.narrowed)
        calls = len(self.server.calls) - before
        for at in sorted({1, calls // 2 + 1, calls}):
            which = f"call {at} of {calls}"
            rows = self.meet(Fault("throttle", at=at), lambda: self.read(self.narrowed))
            self.expect(f"{which} throttled", rows, self.rows)
            result = self.meet(Fault("access_denied", at=at), lambda: self.select(self.warning).keep())
            rows = result.arrow().to_pylist()
            self.expect(f"{which} denied", rows, self.pick(rows))
            if result.complete:
                self.wrong.append(f"{which} denied: the answer is complete")
            # All calls from here on: one of a statement that has failed may still arrive.
            denied = Fault("access_denied", at=at, times=None)
            try:
                rows = self.meet(denied, lambda: self.read(self.narrowed))
            except Error:
                continue
            self.wrong.append(f"{which} denied: {len(rows)} rows")

    def meet(self, fault: Fault, read: Callable[[], Any]) -> Any:
        self.server.inject(fault)
        try:
            return read()
        finally:
            self.server.faults.clear()

    def check_values(self, where: Mapping[str, Any]) -> None:
        """Compare the rows whose columns have these values."""
        self.check_condition(*write_condition(where), lambda row: where.items() <= row.items())

    def check_condition(self, condition: str, values: Sequence[Any], test: Callable[[Row], bool]) -> None:
        """Compare the rows that meet a condition, with and without push-down."""
        expected = [row for row in self.rows if test(row)]
        for what, con in ((condition, self.narrowed), (f"{condition}, whole", self.whole)):
            self.expect(f"{what} {values}", self.read(con, f"WHERE {condition}", values), expected)

    def expect_none(self, where: Mapping[str, Any]) -> None:
        condition, values = write_condition(where)
        self.expect(f"{condition} {values}", self.read(self.narrowed, f"WHERE {condition}", values), [])

    def select(self, con: Connection, rest: str = "", values: Sequence[Any] = (), limit: int = 0) -> Result:
        text = f"FROM {self.table.full_name} {rest}" + (f" LIMIT {limit}" if limit else "")
        return con.sql(text, list(values) or None)

    def read(self, con: Connection, rest: str = "", values: Sequence[Any] = (), limit: int = 0) -> list[Row]:
        rows: list[Row] = self.select(con, rest, values, limit).arrow().to_pylist()
        return rows

    def pick(self, rows: Sequence[Row]) -> list[Row]:
        """The server's rows with the keys of `rows`."""
        names = {row[IDENTIFIER] for row in rows}
        return [row for row in self.rows if row[IDENTIFIER] in names]

    def expect(self, what: str, rows: list[Row], expected: list[Row]) -> None:
        """Note a difference between the rows of a statement and those expected, in any order."""
        if len(rows) != len(expected):
            self.wrong.append(f"{what}: {len(rows)} rows instead of {len(expected)}")
            return
        pairs = zip(sorted(rows, key=get_key), sorted(expected, key=get_key), strict=True)
        for row, values in pairs:
            for column in self.table.columns:
                got, value = row[column.name], {"account": "local", **values}.get(column.name)
                if not is_equal(got, value, column.type):
                    self.wrong.append(f"{what}: {column.name} is {got!r:.200} instead of {value!r:.200}")
                    return


def list_ancestry(table: Table) -> list[Table]:
    """The table, and the tables that it is listed for."""
    loads = [parent.load for parent in table.list.parents if parent.load is not None]
    return [table, *(each for load in loads for each in list_ancestry(load()))]


def get_key(row: Mapping[str, Any]) -> str:
    return str(row[IDENTIFIER])


def write_condition(where: Mapping[str, Any]) -> tuple[str, list[Any]]:
    return " AND ".join(f'"{name}" = ?' for name in where), list(where.values())


def write_filter(each: ListFilter, value: Any, *more: Any) -> tuple[str, list[Any], Callable[[Any], bool]]:
    """The condition of a filter, its parameters, and the same as a function of a value that is not NULL."""
    if more:
        values = [value, *more]
        return f'"{each.column}" IN ({", ".join("?" * len(values))})', values, values.__contains__
    match each.op:
        case FilterOperator.PREFIX:
            start = value[: max(len(value) - 1, 1)]
            pattern = start.replace("'", "''")
            return f"starts_with(\"{each.column}\", '{pattern}')", [], lambda own: own.startswith(start)
        case FilterOperator.CONTAINS:
            # Only a pattern in the text is a hint for the calls.
            pattern = value.replace("'", "''")
            return f"\"{each.column}\" LIKE '%{pattern}%'", [], lambda own: value in own
        case FilterOperator.AFTER:
            return f'"{each.column}" > ?', [value], lambda own: bool(own > value)
        case FilterOperator.BEFORE:
            return f'"{each.column}" < ?', [value], lambda own: bool(own < value)
    return f'"{each.column}" = ?', [value], lambda own: bool(own == value)


def is_equal(got: Any, value: Any, type_: pa.DataType) -> bool:
    """Whether a value of a column is what the server has: members that it lacks are NULL."""
    if got is None or value is None:
        return got is value
    if pa.types.is_struct(type_):
        return all(is_equal(got[each.name], value.get(each.name), each.type) for each in type_)
    if pa.types.is_list(type_):
        pairs = zip(got, value, strict=False)
        return len(got) == len(value) and all(is_equal(*pair, type_.value_type) for pair in pairs)
    if pa.types.is_map(type_):
        names = dict(got).keys()
        return names == value.keys() and all(
            is_equal(item, value[name], type_.item_type) for name, item in got
        )
    if isinstance(value, str) and not pa.types.is_string(type_):
        return got == read_text(value, type_)
    if isinstance(got, str) and not isinstance(value, str):
        return json.loads(got) == value  # any JSON
    return bool(got == value)


def read_text(text: str, type_: pa.DataType) -> Any:
    """The value of a string where the column has another type."""
    return json.loads(text)

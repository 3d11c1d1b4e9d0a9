"""The rows that the model server has for a table: the same for the same table and region, made from shapes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from sqlprov.catalog.column import Column, ColumnSource, TagSpelling, get_path
from sqlprov.catalog.table import Parent, Table
from sqlprov.catalog.texts import parse_time
from sqlprov.emulator.model_values import FIRST, get_maker, make_typed, singularize
from sqlprov.emulator.options import ACCOUNT
from sqlprov.emulator.protocols import load_api

_OTHER_REGION = "eu-west-1"  # of every other row of a table whose rows say where they live
_MOST_SCOPES = 6  # parents with rows; the others, and every third, have none


@dataclass
class ModelRow:
    """One row.

    Attributes:
        number: from which its values are made.
        parents: parameter of the list -> value.
        listed: the row in the List's reply, or a bare string.
        described: the item in the Describe's reply; empty if there is no such call.
        extras: name of a further call -> its reply; `None` if the call replies that there is nothing.
        tags: the reply's tags, if they need a call.
        values: column -> value, as boto3 shows it, with the table's spelling of tags; a column without one is
            not there.
        raw: the same for list and describe, with the service's spelling of tags.
    """

    number: int
    parents: Mapping[str, Any]
    listed: Any
    described: dict[str, Any] = field(default_factory=dict)
    extras: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    tags: Any = None
    values: dict[str, Any] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)


class ModelRows:
    """The rows of tables, made on first request.

    Args:
        count: rows of a list.
        children: rows of a child for each parent.
        first: the number of each list's first row; otherwise no two lists have the same numbers.
        account: id.
    """

    def __init__(self, count: int, children: int, first: int | None = None, account: str = ACCOUNT) -> None:
        self._account = account
        self._count, self._children, self._first = count, children, first
        self._rows: dict[str, list[ModelRow]] = {}

    def get_rows(self, table: Table, region: str) -> list[ModelRow]:
        """Every row, in the order of the list. A global service has the same ones in every region."""
        region = table.home or region
        scopes = self.list_scopes(table, region)
        place = f"{table.full_name} {region} {scopes}"
        if place not in self._rows:
            counted = [(scope, self._count_rows(table, at)) for at, scope in enumerate(scopes)]
            self._rows[place] = _RowMaker(table, self._account, region, self._first).make(counted)
        return self._rows[place]

    def has_scope(self, table: Table, region: str, parameters: Mapping[str, Any]) -> bool:
        """Whether the parents that a List names exist."""
        for name, group in _group_parents(table):
            if not name:
                continue
            values = [parameters.get(parent.parameter) for parent in group]
            if values not in [[value for _, value in one] for one in self._list_values(group, region, {})]:
                return False
        return True

    def list_scopes(self, table: Table, region: str) -> list[dict[str, Any]]:
        """The values of the parameters that scope the list."""
        scopes: list[dict[str, Any]] = [{}]
        for _, group in _group_parents(table):
            scopes = [
                scope | dict(values) for scope in scopes for values in self._list_values(group, region, scope)
            ]
        return scopes

    def _count_rows(self, table: Table, at: int) -> int:
        """How many rows the list has for the scope at a place."""
        if not table.list.parents:
            return self._count
        # A reply that is a row itself is there for each parent, if no error says that there is none.
        always = (table.list.single or not table.list.rows) and not table.errors.missing
        return self._children if always or (at < _MOST_SCOPES and at % 3 != 2) else 0

    def _list_values(
        self, group: Sequence[Parent], region: str, scope: Mapping[str, Any]
    ) -> list[list[tuple[str, Any]]]:
        """Parameter and value of each parent of a group, once for each row of their table."""
        first = group[0]
        if first.load is None:
            values = [self._account] if first.is_account else list(first.values)
            return [[(first.parameter, value)] for value in values]
        different: list[list[tuple[str, Any]]] = []
        parent = first.load()
        for row in self.read_parent(parent, region):
            if parent.region_column and row.values["region"] != region:
                continue  # its children live where it does
            if any(scope.get(name, value) != value for name, value in row.parents.items()):
                continue
            pairs = [(parent.parameter, row.values.get(parent.table_column)) for parent in group]
            if pairs not in different and all(value is not None for _, value in pairs):
                different.append(pairs)
        return different

    def read_parent(self, table: Table, region: str) -> list[ModelRow]:
        """The rows for which the lists of other tables are made."""
        return self.get_rows(table, region)


def _group_parents(table: Table) -> list[tuple[str, list[Parent]]]:
    """The parents by table, because the values of one table are of one row; a parent's own parents come first."""
    groups: dict[str, list[Parent]] = {}
    for parent in table.list.parents:
        groups.setdefault(parent.table or f"={parent.parameter}", []).append(parent)

    def count_parents(group: list[Parent]) -> int:
        load = group[0].load
        return len(load().list.parents) if load is not None else 0

    ordered = sorted(groups.items(), key=lambda item: count_parents(item[1]))
    return [("" if name.startswith("=") else name, group) for name, group in ordered]


class _RowMaker:
    """Makes the rows of one table in one region."""

    def __init__(self, table: Table, account: str, region: str, first: int | None) -> None:
        self._table, self._account, self._region = table, account, region
        api = load_api(table.client)
        self._noun = singularize(table.name)
        output = api.get_operation(table.list.call).output_shape
        self._item, self._single = find_item(output, table.list.rows)
        if table.describe is not None:
            shape = api.get_operation(table.describe.call).output_shape
            self._described, _ = find_item(shape, table.describe.item)
            self._beside = {name: shape.members[name] for name in table.describe.beside}
        self._extras = {
            name: api.get_operation(extra.call).output_shape for name, extra in table.extras.items()
        }
        if table.tags is not None:
            self._tags = _find_shape(api.get_operation(table.tags.call).output_shape, table.tags.items)
        self._takers = _find_takers(table)
        self._paths = {
            source: {column.name: column for column in table.columns if column.source is source}
            for source in ColumnSource
        }
        of_account = "" if account == ACCOUNT else f"{account} "
        place = f"{of_account}{region} {table.list.call} {table.list.rows} {dict(table.list.send)}"
        self._first = first or FIRST + zlib.crc32(place.encode()) % 9000 * 100
        self._maker = get_maker(api.model.signing_name, region, min(self._first, FIRST), account)

    def make(self, scopes: Iterable[tuple[Mapping[str, Any], int]]) -> list[ModelRow]:
        rows: dict[tuple[str, ...], ModelRow] = {}
        made = 0
        for scope, count in scopes:
            for _ in range(min(1, count) if self._single else count):
                row = self._make_row(scope, self._first + made)
                made += 1
                key = tuple(_write_part(row.values.get(column)) for column in self._table.key)
                row.values["data__Identifier"] = "|".join(key)
                rows.setdefault(key, row)  # an enum may have fewer values than there are rows
        return list(rows.values())

    def _make_row(self, scope: Mapping[str, Any], number: int) -> ModelRow:
        table = self._table
        row = ModelRow(number, scope, self._make_list_item(scope, number))
        values = row.values
        values |= {"region": self._region, "account_id": self._account}
        values |= {
            parent.column: scope[parent.parameter]
            for parent in table.list.parents
            if parent.parameter in scope
        }
        if table.list.scalar:
            values[table.list.scalar] = row.listed
        else:
            self._read(row, ColumnSource.LIST, row.listed)
        if table.region_column:
            values["region"] = values[table.region_column]
        if table.describe is not None:
            row.described = self._make_described(row)
            self._read(row, ColumnSource.DESCRIBE, row.described)
        self._add_extras(row)
        if table.tags is not None and "tags" in self._paths[ColumnSource.TAGS]:
            row.tags = self._maker.make(self._tags, table.tags.items.rpartition(".")[2], number)
            values["tags"] = _spell_tags(row.tags, table.tags.spelling)
        return row

    def _make_list_item(self, scope: Mapping[str, Any], number: int) -> Any:
        table = self._table
        if table.list.scalar:
            text = self._maker.make_text(self._item, table.list.scalar, number, self._noun)
            return self._lengthen(table.by_name[table.list.scalar], text, number)
        item: dict[str, Any] = self._maker.make(self._item, "", number, self._noun) or {}
        self._spell_types(ColumnSource.LIST, item, number)
        for column in self._paths[ColumnSource.LIST].values():
            if isinstance(text := get_path(item, column.path), str):
                put_path(item, column.path, self._lengthen(column, text, number))
        for parent in table.list.parents:
            column = table.by_name[parent.column]
            if column.source is ColumnSource.LIST and parent.parameter in scope:
                put_path(item, column.path, scope[parent.parameter])
        if table.region_column:
            region = self._region if number % 2 == 0 else _OTHER_REGION
            put_path(item, table.by_name[table.region_column].path, region)
        for column in self._paths[ColumnSource.DESCRIBE].values():
            item.pop(column.path[0], None)  # the list leaves it empty, or has only a part of it
        return item

    def _lengthen(self, column: Column, text: str, number: int) -> str:
        """A string that is long enough for the parameters that take it: botocore does not send shorter ones."""
        for shape in self._takers.get(column.name, ()):
            if len(text) < int(shape.metadata.get("min", 0)):
                text = self._maker.make_text(shape, column.name, number, self._noun)
        return text

    def _make_described(self, row: ModelRow) -> dict[str, Any]:
        describe = self._table.describe
        assert describe is not None
        if describe.pairs:
            return {
                path[0]: self._make_pair(self._table.by_name[name], row)
                for name, path in describe.paths.items()
            }
        item: dict[str, Any] = self._maker.make(self._described, "", row.number, self._noun) or {}
        item |= {
            name: self._maker.make(shape, name, row.number, self._noun)
            for name, shape in self._beside.items()
        }
        self._spell_types(ColumnSource.DESCRIBE, item, row.number)
        for name, path in describe.paths.items():
            if self._table.by_name[name].source is not ColumnSource.DESCRIBE:
                if name in row.values:
                    put_path(item, path, row.raw.get(name, row.values[name]))
                else:
                    item.pop(path[0], None)
        return item

    def _make_pair(self, column: Column, row: ModelRow) -> str:
        """A string that parses as the column's type."""
        if column.name in row.values:
            return str(row.values[column.name])
        kind = str(column.type)
        if kind == "bool":
            return "true" if row.number % 2 == 0 else "false"
        if column.is_json or column.is_time:
            return str(make_typed(column, row.number))
        return f"{column.path[0]}-{row.number}" if kind == "string" else str(row.number)

    def _add_extras(self, row: ModelRow) -> None:
        for place, (name, extra) in enumerate(self._table.extras.items()):
            if extra.absent and (row.number + place) % 3 == 0:
                row.extras[name] = None
                continue
            reply = row.extras[name] = self._maker.make(self._extras[name], "", row.number, self._noun) or {}
            self._spell_types(ColumnSource.EXTRA, reply, row.number, name)
            columns = [each for each in self._paths[ColumnSource.EXTRA].values() if each.extra == name]
            self._read_columns(row, columns, reply)

    def _spell_types(self, source: ColumnSource, item: dict[str, Any], number: int, extra: str = "") -> None:
        """Put times and JSON where the catalog says that a string or a number holds them."""
        for column in self._paths[source].values():
            is_spelled = (
                column.is_json or (column.is_time and column.has_other_type) or column.is_time_as_number
            )
            if is_spelled and column.extra == extra and get_path(item, column.path) is not None:
                put_path(item, column.path, make_typed(column, number))

    def _read(self, row: ModelRow, source: ColumnSource, item: Mapping[str, Any]) -> None:
        self._read_columns(row, list(self._paths[source].values()), item)

    def _read_columns(self, row: ModelRow, columns: Sequence[Column], item: Mapping[str, Any]) -> None:
        for column in columns:
            if (value := get_path(item, column.path)) is not None:
                row.raw[column.name] = value
                row.values[column.name] = _show(column, value)


def _show(column: Column, value: Any) -> Any:
    """The value of a column as a table shows it."""
    if column.is_time and not isinstance(value, datetime):
        return parse_time(value, column.per_second)
    return _spell_tags(value, column.tags) if column.tags else value


def _write_part(value: Any) -> str:
    """A part of a key in the identifier."""
    if value is None:
        return ""
    return orjson.dumps(value).decode() if isinstance(value, list | dict) else str(value)


def find_item(output: Any, path: Sequence[str]) -> tuple[Any, bool]:
    """The shape of a row below `path`, and whether there is only one, because no list is on the way."""
    shape, single = output, True
    for member in path:
        shape = shape.members[member]
        while shape.type_name == "list":
            shape, single = shape.member, False
    return shape, single


def _find_takers(table: Table) -> dict[str, list[Any]]:
    """Column -> shapes of the parameters that take a string of it."""
    api, takers = load_api(table.client), dict[str, list[Any]]()
    calls = [
        (each.call, each.arguments) for each in (table.list, table.describe, *table.extras.values()) if each
    ]
    if table.tags is not None and len(columns := table.tags.list_columns(table.arn)) == 1:
        calls.append((table.tags.call, {table.tags.argument: columns[0]}))
    for call, arguments in calls:
        for parameter, column in arguments.items():
            shape = api.get_operation(call).input_shape.members[parameter]
            takers.setdefault(column, []).append(shape.member if shape.type_name == "list" else shape)
    return takers


def _find_shape(output: Any, path: str) -> Any:
    for member in path.split("."):
        output = (output.member if output.type_name == "list" else output).members[member]
    return output


def put_path(item: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for member in path[:-1]:
        item = item.setdefault(member, {})
    item[path[-1]] = value


def _spell_tags(tags: Any, spelling: TagSpelling) -> list[dict[str, Any]]:
    """Tags as the table shows them, whatever the service calls their parts."""
    if isinstance(tags, Mapping):
        return [{"Key": key, "Value": value} for key, value in tags.items()]
    return [{"Key": tag.get(spelling.key), "Value": tag.get(spelling.value)} for tag in tags or []]

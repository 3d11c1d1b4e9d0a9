"""Reads a table with boto3 alone: its list, page by page, and every other call row by row."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import jmespath
import pyarrow as pa
from botocore import xform_name
from botocore.exceptions import ClientError
from moto_seeder import is_unserved, open_client
from request_values import ACCOUNT, REGION

from sqlprov.catalog.column import Column, ColumnSource
from sqlprov.catalog.read_calls import ExtraCall
from sqlprov.catalog.table import Table

Row = dict[str, Any]


class Unserved(Exception):
    """moto does not have an operation, whose name this is."""


class BotoTables:
    """The rows of tables, as boto3 returns them.

    Attributes:
        missing_calls: table -> operations that fill some of its columns and that moto does not have; these columns are
            not in the rows.
        empty_in_list: table -> columns that are empty in every row of the list and not in the describe's.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._clients: dict[tuple[str, str], Any] = {}
        self._rows: dict[str, list[Row]] = {}
        self.missing_calls: dict[str, set[str]] = {}
        self.empty_in_list: dict[str, set[str]] = {}

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def read(self, table: Table, left_out: Collection[str] = ()) -> list[Row]:
        """The rows with the values of every column that a call fills.

        Args:
            left_out: columns for which no call is made, if they are the only ones that it fills.

        Raises:
            Unserved: moto does not have the list, or that of a parent.
            ClientError, BotoCoreError: moto fails, or boto3 does not understand its reply.
        """
        if table.full_name not in self._rows:
            self.missing_calls[table.full_name], self.empty_in_list[table.full_name] = set(), set()
            rows = [
                self._read_row(table, item, parents, left_out)
                for parents in self._list_parents(table)
                for item in self._list_items(table, parents)
            ]
            self._rows[table.full_name] = rows
        return self._rows[table.full_name]

    def _open(self, table: Table, region: str) -> Any:
        place = table.client, region
        if place not in self._clients:
            self._clients[place] = open_client(self._url, *place)
        return self._clients[place]

    def _call(self, table: Table, region: str, operation: str, **parameters: Any) -> Any:
        try:
            return getattr(self._open(table, region), xform_name(operation))(**parameters)
        except Exception as error:
            if is_unserved(error):
                raise Unserved(operation) from error
            raise

    def _list_parents(self, table: Table) -> list[Row]:
        """The parameters of each list call that parents fill; several of one table come from the same row."""
        scopes: list[Row] = [{}]
        tables = {parent.table: parent.load() for parent in table.list.parents if parent.load}
        for name in dict.fromkeys(parent.table or parent.parameter for parent in table.list.parents):
            group = [each for each in table.list.parents if name in (each.table, each.parameter)]
            if name in tables:
                rows = [
                    {each.parameter: row.get(each.table_column) for each in group}
                    for row in self.read(tables[name])
                ]
            else:
                (parent,) = group
                rows = [
                    {parent.parameter: value} for value in ([ACCOUNT] if parent.is_account else parent.values)
                ]
            rows = [
                row for place, row in enumerate(rows) if row not in rows[:place] and None not in row.values()
            ]
            scopes = [{**scope, **row} for scope in scopes for row in rows]
        return scopes

    def _list_items(self, table: Table, parents: Row) -> Iterator[Any]:
        listing, region = table.list, table.home or REGION
        parameters = {**listing.send, **parents}
        required = get_required(self._open(table, region), listing.call)
        if listing.page_size_parameter in required:
            parameters[listing.page_size_parameter] = listing.page_size
        while True:
            try:
                reply = self._call(table, region, listing.call, **parameters)
            except ClientError as error:
                if (parents or listing.single or not listing.rows) and is_missing(table, error):
                    return
                raise
            yield from find_items(reply, listing.rows)
            tokens = {token.parameter: jmespath.search(token.expression, reply) for token in listing.tokens}
            has_more = jmespath.search(listing.more, reply) if listing.more else True
            if not has_more or not any(tokens.values()):
                return
            assert tokens.items() - parameters.items(), "moto repeats the page token"
            parameters |= tokens

    def _read_row(self, table: Table, item: Any, parents: Row, left_out: Collection[str]) -> Row:
        columns = {parent.column: parents[parent.parameter] for parent in table.list.parents}
        row: Row = {c.name: columns[c.name] for c in table.columns if c.source is ColumnSource.PARENT}
        for column in self._list_columns(table, ColumnSource.LIST):
            row[column.name] = item if table.list.scalar else get(item, column)
        region = row.get(table.region_column) or table.home or REGION
        row["region"] = region
        wanted = {column.source for column in table.columns if column.name not in left_out}
        if table.describe and (ColumnSource.DESCRIBE in wanted or not left_out):
            self._add(table, row, table.describe.call, lambda: self._describe(table, region, row))
        for name, extra in table.extras.items():
            self._add(
                table, row, extra.call, lambda n=name, e=extra: self._read_extra(table, region, row, n, e)
            )
        if table.tags and ColumnSource.TAGS in wanted:
            self._add(table, row, table.tags.call, lambda: self._read_tags(table, region, row))
        return row

    def _add(self, table: Table, row: Row, operation: str, read: Any) -> None:
        if operation not in self.missing_calls[table.full_name]:
            try:
                row.update(read())
            except Unserved as error:
                self.missing_calls[table.full_name].add(str(error))

    def _describe(self, table: Table, region: str, row: Row) -> Row:
        describe = table.describe
        assert describe is not None
        arguments = {parameter: row.get(name) for parameter, name in describe.arguments.items()}
        arguments = {
            p: value for p, value in arguments.items() if p not in describe.optional or value is not None
        }
        if describe.batch:
            first = next(iter(arguments))
            arguments[first] = [arguments[first]]
        reply = self._call(table, region, describe.call, **describe.send, **arguments)
        (item,) = find_items(reply, describe.item)
        item = {name: reply[name] for name in describe.beside if name in reply} | item
        made = {column.name: get(item, column) for column in self._list_columns(table, ColumnSource.DESCRIBE)}
        listed = {name for name in describe.paths if table.by_name[name].source is ColumnSource.LIST}
        self.empty_in_list[table.full_name] |= {
            name
            for name in listed
            if is_empty(row[name]) and not is_empty(follow(item, describe.paths[name]))
        }
        return made

    def _read_extra(self, table: Table, region: str, row: Row, name: str, extra: ExtraCall) -> Row:
        arguments = {parameter: row.get(column) for parameter, column in extra.arguments.items()}
        if table.client == "route53":  # its other calls take `/hostedzone/Z1`
            arguments = {name: value.rpartition("/")[2] for name, value in arguments.items()}
        reply: Mapping[str, Any] = {}
        if None not in arguments.values():
            arguments |= {parameter: [arguments[parameter]] for parameter in extra.lists}
            try:
                reply = self._call(table, region, extra.call, **extra.send, **arguments)
            except ClientError as error:
                if error.response["Error"]["Code"] not in {rule.code for rule in extra.absent}:
                    raise
        columns = self._list_columns(table, ColumnSource.EXTRA)
        return {column.name: get(reply, column) for column in columns if column.extra == name}

    def _read_tags(self, table: Table, region: str, row: Row) -> Row:
        call = table.tags
        assert call is not None
        value = call.fill(table.arn, {"account_id": ACCOUNT, **row}.get)
        tags, token = list[Any](), dict[str, Any]()
        while value is not None:
            given = {call.argument: [value] if call.takes_list else value}
            reply = self._call(table, region, call.call, **given, **token)
            found = find_items(reply, tuple(call.items.split(".")))
            for part in [found] if call.spelling.key else found:
                tags += spell_tags(part, call.spelling)
            token = {call.token_in: reply[call.token_out]} if reply.get(call.token_out) else {}
            if not token:
                break
        return {"tags": tags}

    def _list_columns(self, table: Table, source: ColumnSource) -> list[Column]:
        return [column for column in table.columns if column.source is source]


def get_required(client: Any, operation: str) -> list[str]:
    """The required parameters of an operation."""
    shape = client.meta.service_model.operation_model(operation).input_shape
    return list(shape.required_members) if shape else []


def is_missing(table: Table, error: ClientError) -> bool:
    """Whether an error says that a row does not exist."""
    code, text = error.response["Error"]["Code"], str(error)
    return any(rule.code == code and rule.text in text for rule in table.errors.missing)


def find_items(reply: Any, path: tuple[str, ...]) -> list[Any]:
    """What `path` leads to, through lists."""
    items = [reply]
    for member in path:
        values = [item[member] for item in items if item.get(member) is not None]
        items = [each for value in values for each in (value if isinstance(value, list) else [value])]
    return items


def follow(item: Any, path: tuple[str, ...]) -> Any:
    for member in path:
        item = (item or {}).get(member)
    return item


def get(item: Any, column: Column) -> Any:
    """The value of a column in an item."""
    value = follow(item, column.path)
    if column.tags is not None:
        return None if value is None else spell_tags(value, column.tags)
    if column.is_time and isinstance(value, str | int | float):
        return read_time(value, column.per_second)
    if column.is_json and isinstance(value, str):
        return read_json(value)
    return read_text(value, column.type) if isinstance(value, str) else write_texts(value, column.type)


def read_time(value: str | float, per_second: int) -> datetime | None:
    """A time that moto sends as a number or a text; `None` for the seeder's texts, which are not times."""
    with suppress(ValueError):
        return datetime.fromtimestamp(float(value) / per_second, UTC)
    with suppress(ValueError):
        time = datetime.fromisoformat(str(value))
        return time if time.tzinfo else time.replace(tzinfo=UTC)
    return None


def read_json(text: str) -> str | None:
    """JSON as it is, and other text as a JSON string."""
    try:
        json.loads(text)
    except ValueError:
        return json.dumps(text, ensure_ascii=False) if text else None
    return text


def spell_tags(tags: Any, spelling: Any) -> list[Row]:
    """Tags as lists of {Key, Value}."""
    pairs = (
        tags.items()
        if isinstance(tags, Mapping)
        else ((t.get(spelling.key), t.get(spelling.value)) for t in tags)
    )
    return [{"Key": key, "Value": value} for key, value in pairs]


def read_text(text: str, kind: pa.DataType) -> Any:
    """A text as the type that its column has."""
    if pa.types.is_boolean(kind):
        return text == "true"
    if pa.types.is_integer(kind):
        return int(text)
    return text


def write_texts(value: Any, kind: pa.DataType) -> Any:
    """A value with strings where the model has them, and moto sends numbers."""
    if kind == pa.string() and isinstance(value, bool | int | float):
        return json.dumps(value)
    if pa.types.is_list(kind) and isinstance(value, list):
        return [write_texts(item, kind.value_type) for item in value]
    if pa.types.is_struct(kind) and isinstance(value, Mapping):
        types = {field.name: field.type for field in kind}
        return {name: write_texts(part, types.get(name, pa.null())) for name, part in value.items()}
    return value


def is_empty(value: Any) -> bool:
    return value in (None, "", [], {})


def normalize(value: Any) -> Any:
    """A value without NULL members, which boto3 leaves out; an empty structure, map or list is `[]`."""
    if isinstance(value, list) and value and all(isinstance(pair, tuple) for pair in value):
        value = dict(value)  # a MAP
    if isinstance(value, Mapping):
        parts = {name: normalize(part) for name, part in value.items()}
        return {name: part for name, part in parts.items() if part is not None} or []
    if isinstance(value, list):
        return [normalize(part) for part in value]
    if isinstance(value, str) and value.startswith(("{", "[")):
        with suppress(ValueError):  # botocore decodes IAM's policies
            return normalize(json.loads(value))
    return round(value.timestamp(), 3) if isinstance(value, datetime) else value


def find_difference(rows: list[Row], expected: list[Row]) -> str:
    """The first difference between normalized rows in any order; empty if there is none."""
    rows, expected = (
        sorted(each, key=lambda row: json.dumps(row, sort_keys=True, default=repr))
        for each in (rows, expected)
    )
    if len(rows) != len(expected):
        return f"{len(rows)} rows, expected {len(expected)}"
    for row, other in zip(rows, expected, strict=True):
        for name, value in row.items():
            if value != other[name]:
                return f"{name}: {value!r}, expected {other[name]!r}"
    return ""

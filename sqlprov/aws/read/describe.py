"""Describes rows and looks them up: one at a time or in batches, and finds each in the reply."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from sqlprov.aws.read.list_replies import (
    check_failures,
    find_rows,
    find_token,
    freeze,
    make_row_counter,
    open_resource,
    read_tokens,
)
from sqlprov.aws.read.partial_row import PartialRow
from sqlprov.aws.transport.calls import call
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.errors import MalformedReply, is_match
from sqlprov.aws.transport.replies import IN_JSON, check_omission
from sqlprov.aws.transport.reply_cache import ListingReader
from sqlprov.aws.transport.run import Run
from sqlprov.catalog.column import get_path
from sqlprov.catalog.read_calls import DescribeCall
from sqlprov.catalog.table import ListCall, Table
from sqlprov.errors import BrokenReply, OperationalError, ServiceError
from sqlprov.plan.read.lookup import Lookup, build_arguments, takes_list
from sqlprov.plan.read.plan import MOST_LOOKUPS

_PARTED = "[:/]"
_FAILED = "(?i)internal|unavailable|server|timeout|failure"
"""Codes of errors that are not about what was sent."""
Items = list[Mapping[str, Any]]


def describe_rows(run: Run, cloud: Cloud, table: Table, rows: Sequence[PartialRow]) -> list[PartialRow]:
    """`rows`, which share a place and all arguments but the first, as Describe returns them, without those that no
    longer exist.

    Raises:
        OperationalError: the call failed, or its reply lacks the resources or their keys.
    """
    describe, first = table.describe, rows[0]
    assert describe is not None, "only tables that can be described have such calls"
    arguments = _build_arguments(table, describe, rows)
    try:
        items = _describe(run, cloud, table, rows, arguments)
    except OperationalError as error:
        if not is_match(table.errors.missing, error):
            raise
        # One missing row makes some services refuse the whole batch.
        return (
            [each for row in rows for each in describe_rows(run, cloud, table, [row])]
            if len(rows) > 1
            else []
        )
    if len(rows) == len(items) == 1 and not describe.batch:
        return [replace(first, described=items[0])]
    names = _find_match(table, describe)
    by_key = {_get_key(item, [describe.paths[name] for name in names]): item for item in items}
    pairs = ((row, by_key.get(tuple(map(str, row.get_values(table, names))))) for row in rows)
    return [replace(row, described=item) for row, item in pairs if item is not None]


def describe_keys(run: Run, cloud: Cloud, table: Table, rows: Sequence[PartialRow]) -> list[PartialRow]:
    """As `describe_rows`, of rows that are looked up by their keys.

    If the service refuses the call, a key may be the reason: one that the list does not have is not a row.

    Raises:
        OperationalError: as `describe_rows`.
    """
    try:
        return describe_rows(run, cloud, table, rows)
    except ServiceError as refusal:
        if not refusal.code or re.search(_FAILED, refusal.code):
            raise
        if len(rows) > 1:
            return [each for row in rows for each in describe_keys(run, cloud, table, [row])]
        if len(_find_parents(table, rows[0])[0]) < len(table.list.parents):
            raise
        try:
            listed = [row.spell_key(table) for row in list_rows(run, cloud, table, rows[0])]
        except OperationalError:
            raise refusal from None
        if tuple(map(str, rows[0].key or ())) in listed or any("" in key for key in listed):
            raise
        return []


def look_up_rows(run: Run, cloud: Cloud, table: Table, rows: Sequence[PartialRow]) -> list[PartialRow]:
    """The rows of the keys in `rows`, which share a place, as the List call returns them for these keys.

    If the service refuses the call, a key may be the reason: the whole list is read, and its rows decide. So it is
    if one of many keys is missing; of a few, each is looked up alone.

    Raises:
        OperationalError: a call failed.
    """
    listing, place = table.list, rows[0].place
    parents, own = _find_parents(table, rows[0])
    place = {**place, **own}
    whole = {**listing.send, **parents}
    arguments = _build_arguments(table, listing, rows)
    try:
        items = list(_list(run, cloud, table, rows[0].region, {**whole, **arguments}))
    except OperationalError as error:
        is_missing = is_match(table.errors.missing, error)
        if is_missing and len(rows) <= MOST_LOOKUPS:
            each_alone = rows if len(rows) > 1 else ()
            return [each for row in each_alone for each in look_up_rows(run, cloud, table, [row])]
        if not (is_missing or isinstance(error, ServiceError)):
            raise
        candidates = list_rows(run, cloud, table, rows[0])
    else:
        candidates = [PartialRow(place, listed=item) for item in items]
    keys = {tuple(map(str, row.key or ())) for row in rows}
    return [row for row in candidates if row.spell_key(table) in keys]


def list_rows(run: Run, cloud: Cloud, table: Table, row: PartialRow) -> list[PartialRow]:
    """Every row that the List call returns for the region and the parents of `row`.

    Raises:
        OperationalError: a call failed.
    """
    listing = table.list
    parents, own = _find_parents(table, row)
    place = {**row.place, **own}
    size = {listing.page_size_parameter: listing.page_size} if listing.page_size else {}
    parameters = {**listing.send, **parents, **size}
    return [PartialRow(place, listed=item) for item in _list(run, cloud, table, row.region, parameters)]


def _find_parents(table: Table, row: PartialRow) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of a row's parents, by parameter and by column; a key may identify a row without them."""
    parents = table.list.parents
    values = ((each, row.place.get(each.column) or row.get_value(table, each.column)) for each in parents)
    known = [(each, value) for each, value in values if value is not None]
    return {each.parameter: value for each, value in known}, {each.column: value for each, value in known}


def _list(
    run: Run, cloud: Cloud, table: Table, region: str, parameters: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """The rows of every page."""
    listing, seen, reader = table.list, set[str](), ListingReader()
    token: Mapping[str, Any] = {}
    while True:
        count = make_row_counter(listing, seen, table.listed_key)
        whole = {**parameters, **token}
        reply = call(
            run, cloud, table.client, table.iam, listing.call, region, whole, (), count, reader=reader
        )
        check_failures(table, listing.call, listing.rows, region, reply)
        yield from find_rows(listing, reply)
        if not (token := find_token(listing, reply) or {}):
            reader.end()
            return
        seen.add(freeze(token))


def _describe(
    run: Run, cloud: Cloud, table: Table, rows: Sequence[PartialRow], arguments: Mapping[str, Any]
) -> Items:
    """The resources that a Describe of `rows` returns."""
    describe, region = table.describe, rows[0].region
    assert describe is not None, "only tables that can be described have such calls"
    paths = [path for path in map(describe.paths.get, table.key) if path]

    def check(reply: dict[str, Any]) -> int:
        items = _find_items(describe, reply)
        for item in items:
            absent = [".".join((*describe.item, *path)) for path in paths if get_path(item, path) is None]
            if absent and len(absent) == len(paths):
                raise MalformedReply(f"the reply lacks {', '.join(absent)}")
        if describe.batch or len(rows) == len(items) == 1:
            _check_keys(table, describe, rows, items)
        return len(items)

    def check_page(reply: dict[str, Any]) -> int:
        if freeze(read_tokens(describe.tokens, reply)) in seen:
            raise MalformedReply("the reply repeats the page token of an earlier page")
        return 1

    seen, reader = set[str](), ListingReader()
    parameters = {**describe.send, **arguments}
    names = table.client, table.iam, describe.call, region
    reply = page = call(run, cloud, *names, parameters, (), check, reader=reader)
    while token := read_tokens(describe.tokens, page):
        seen.add(freeze(token))
        page = call(run, cloud, *names, {**parameters, **token}, (), check_page, reader=reader)
        reply = {**reply, describe.paged: _join(reply.get(describe.paged), page.get(describe.paged))}
    reader.end()
    if describe.batch:
        check_failures(table, describe.call, describe.item, region, reply)
    return _find_items(describe, reply)


def _check_keys(table: Table, describe: DescribeCall, rows: Sequence[PartialRow], items: Items) -> None:
    """Raise MalformedReply if an item of a reply is none of the rows."""
    keys = describe.arguments.values()
    names = tuple(name for name in keys if name in table.key and name in describe.paths)
    asked = {tuple(map(str, row.get_values(table, names))) for row in rows}
    for item in items:
        key = _get_key(item, [describe.paths[name] for name in names])  # "None" for a part that it lacks
        if key not in asked and not any(all(map(_is_alike, each, key)) for each in asked):
            raise MalformedReply(f"the reply is about {'|'.join(key)!r} instead of {'|'.join(min(asked))!r}")


def _is_alike(asked: str, value: str) -> bool:
    """Whether two keys may name the same row: services take names, ARNs and aliases in each other's place."""
    asked, value = asked.lower(), value.lower()
    is_arn = asked.startswith("arn:") and not value.startswith("arn:")
    if value in (asked, "none") or is_arn or asked.startswith("alias/"):
        return True
    shorter, longer = sorted((asked, value), key=len)
    return shorter in longer and bool(re.search(_PARTED, longer))


def _join(values: Any, more: Any) -> Any:
    """Two parts of a list or a map; an empty one may be absent."""
    if not values or not more:
        return values or more
    return {**values, **more} if isinstance(values, Mapping) else [*values, *more]


def _find_items(describe: DescribeCall, reply: Mapping[str, Any]) -> Items:
    """The resources in a reply.

    Raises:
        MalformedReply: they are not where the model has them.
    """
    level: list[Any] = [reply]
    for member in describe.item:
        below: list[Any] = []
        for each in level:
            value = each.get(member)
            below += value if isinstance(value, list) else [] if value is None else [value]
            if value is None and describe.batch and each is reply:
                check_omission(reply, member, IN_JSON)
            elif value is None and each is reply:
                raise MalformedReply(f"the reply lacks {'.'.join(describe.item)}")
        if not all(isinstance(each, Mapping) for each in below):
            raise MalformedReply(f"the reply's {member} is not a structure or a list of structures")
        level = below
    if describe.opens:
        return [open_resource(each, describe.opens) for each in level]
    beside = {name: reply[name] for name in describe.beside if name in reply}
    return [{**beside, **item} for item in level] if beside else level


def _build_arguments(
    table: Table, call_: ListCall | DescribeCall, rows: Sequence[PartialRow]
) -> dict[str, Any]:
    """The parameters of a call for `rows`."""
    optional = call_.optional if isinstance(call_, DescribeCall) else frozenset()
    needed = {
        parameter: name
        for parameter, name in call_.arguments.items()
        if parameter not in optional or rows[0].get_value(table, name) is not None
    }
    values = [{name: row.get_value(table, name) for name in needed.values()} for row in rows]
    columns = [table.by_name[name] for name in needed.values() if name in table.by_name]
    texts = {column.name for column in columns if column.json_type == pa.string()}
    for name, value in ((name, value) for row in values for name, value in row.items()):
        if value is None or (name in texts and not isinstance(value, str)):
            problem = f"a row lacks {name}" if value is None else f"a row's {name} is {value!r}, not a text"
            text = f"{table.full_name} in {rows[0].region}: {problem}, which {call_.call} needs."
            raise BrokenReply(text, operation=table.list.call, region=rows[0].region)
    lookup = Lookup.LIST if call_ is table.list else Lookup.DESCRIBE
    return build_arguments(needed, values, takes_list(table, lookup))


def _find_match(table: Table, describe: DescribeCall) -> tuple[str, ...]:
    """The columns that say which item of a batch's reply is which row."""
    first = next(iter(describe.arguments.values()))
    names = (first,) if first in describe.paths else table.key
    return tuple(name for name in names if name in describe.paths)


def _get_key(item: Mapping[str, Any], paths: Sequence[Sequence[str]]) -> tuple[str, ...]:
    return tuple(str(get_path(item, path)) for path in paths)

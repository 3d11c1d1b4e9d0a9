"""Pages of List operations: filters, order, and page tokens that survive inserts and deletes."""

from __future__ import annotations

import base64
import binascii
import math
import operator
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from sqlprov.emulator.api_model import InputFilter, ResourceKind, load_resource_kinds
from sqlprov.emulator.context import Context, Members, Operation, Output, build_arn
from sqlprov.emulator.errors import make_validation_error
from sqlprov.emulator.options import Options
from sqlprov.emulator.store import Record, encode_compactly, make_sort_key

_PAGE_SIZE = 10  # items of a page without MaxResults


@dataclass(frozen=True)
class PagePosition:
    """Where a page begins: after the row it names, even if that row no longer exists.

    Args:
        query: checksum of operation, region, filters and order; a token serves no other query.
        page: number of pages before this one.
        after: sort value and name of the last row sent; None before the first.
    """

    query: int
    page: int
    after: tuple[Any, str] | None

    def encode(self) -> str:
        return base64.urlsafe_b64encode(orjson.dumps([self.query, self.page, self.after])).decode()


def compute_checksum(operation: str, region: str, parameters: Members) -> int:
    """The part of a request that a token is bound to: all but the token and the page size."""
    query = {name: value for name, value in parameters.items() if name not in ("NextToken", "MaxResults")}
    return zlib.crc32(orjson.dumps([operation, region, query], option=orjson.OPT_SORT_KEYS))


def read_token(operation: str, region: str, parameters: Members) -> PagePosition:
    """The token of a request; raises ApiError if it is malformed or belongs to another query."""
    query = compute_checksum(operation, region, parameters)
    if not parameters.get("NextToken"):
        return PagePosition(query, 0, None)
    try:
        sent, page, after = orjson.loads(base64.urlsafe_b64decode(parameters["NextToken"]))
        token = PagePosition(sent, page, (after[0], after[1]) if after is not None else None)
    except (binascii.Error, ValueError, TypeError, KeyError, IndexError) as error:
        raise make_validation_error("Invalid NextToken") from error
    if sent != query:
        raise make_validation_error(
            "NextToken does not belong to this request; it must be sent with the same parameters."
        )
    return token


def make_list(noun: str) -> Operation:
    """The List operation of a kind.

    Without SortBy it sorts by CreationTime, without SortOrder descending (documented for models, endpoint
    configs and endpoints only).
    """

    def list_resources(context: Context, region: str, parameters: Members) -> Output:
        kind, options = load_resource_kinds()[noun], context.options
        token = read_token(f"List{noun}s", region, parameters)
        if options.sparse_pages and token.page % 2 == 0:
            return Output(_encode(kind, [], PagePosition(token.query, token.page + 1, token.after)))
        column = kind.sorts[parameters.get("SortBy", "CreationTime")]
        index = context.store.get_collection(noun, region).sort(column)
        matches = _select(kind, index, column, parameters, token, options)
        most: int = parameters.get("MaxResults", _PAGE_SIZE)
        if options.largest_page:
            most = min(most, options.largest_page)
        records = list(islice(matches, most + 1))
        if len(records) <= most:
            return Output(_encode(kind, records, None))
        records.pop()
        after = make_sort_key(column)(records[-1])
        return Output(_encode(kind, records, PagePosition(token.query, token.page + 1, after)))

    return list_resources


def cut_page(
    operation: str, region: str, parameters: Members, names: list[str], most: int, options: Options
) -> tuple[list[str], Members]:
    """One page of sorted names, and the NextToken member of the reply; empty on the last page.

    Args:
        most: names of a page without MaxResults.
    """
    token = read_token(operation, region, parameters)
    if options.sparse_pages and token.page % 2 == 0:
        return [], {"NextToken": PagePosition(token.query, token.page + 1, token.after).encode()}
    most = parameters.get("MaxResults", most)
    rest = names[bisect_right(names, token.after[0]) if token.after else 0 :]
    if len(rest) <= most:
        return rest, {}
    return rest[:most], {
        "NextToken": PagePosition(token.query, token.page + 1, (rest[most - 1], "")).encode()
    }


def _select(
    kind: ResourceKind,
    index: list[Record],
    column: int,
    parameters: Members,
    token: PagePosition,
    options: Options,
) -> Iterator[Record]:
    """The records from the token on that pass the filters, in the order of the request.

    Args:
        index: the records in ascending order of `column`; bounds on that column are found by bisection.
    """
    start, stop = 0, len(index)
    tests = []
    for name, bound in parameters.items():
        if name not in kind.filters:
            continue
        each = kind.filters[name]
        if each.test in ("After", "Before") and options.truncate_bounds_to_seconds:
            bound = math.floor(bound)
        if each.column != column or each.test not in ("After", "Before"):
            tests.append(_compile(each, bound, options))
            continue
        side = bisect_left if (each.test == "After") == options.inclusive_bounds else bisect_right
        place = side(index, bound, key=lambda record: record.values[column])
        if each.test == "After":
            start = max(start, place)
        else:
            stop = min(stop, place)
    ascending = parameters.get("SortOrder") == "Ascending"
    if token.after is not None:
        side = bisect_right if ascending else bisect_left
        place = side(index, token.after, key=make_sort_key(column))
        start, stop = (max(start, place), stop) if ascending else (start, min(stop, place))
    places = range(start, stop) if ascending else range(stop - 1, start - 1, -1)
    records: Iterator[Record] = map(index.__getitem__, places)
    for test in tests:
        records = filter(test, records)
    return records


def _compile(each: InputFilter, bound: Any, options: Options) -> Callable[[Record], bool]:
    column = each.column
    if each.test == "Contains" and options.name_contains_ignore_case:
        lower = bound.lower()
        return lambda record: lower in record.values[column].lower()
    compare: Any = {
        "Contains": operator.contains,
        "Equals": operator.eq,
        "After": operator.ge if options.inclusive_bounds else operator.gt,
        "Before": operator.le if options.inclusive_bounds else operator.lt,
    }[each.test]
    return lambda record: compare(record.values[column], bound)


def _encode(kind: ResourceKind, records: list[Record], token: PagePosition | None) -> bytes:
    items = b",".join([record.item or _encode_item(record) for record in records])
    tail = b'],"NextToken":"%b"}' % token.encode().encode() if token is not None else b"]}"
    return b'{"%b":[%b%b' % (kind.items.encode(), items, tail)


def _encode_item(record: Record) -> bytes:
    """The list item of a record, kept with it: a page is then joined, not encoded."""
    kind = record.kind
    members = record.members
    members[kind.arn] = build_arn(kind.noun, record.region, record.name)
    record.item = encode_compactly({name: members[name] for name in kind.item_members if name in members})
    return record.item

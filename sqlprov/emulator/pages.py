"""One List request in, one page out: filters, order, and page tokens that survive inserts and deletes."""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from sqlprov.emulator.api_model import Filter, Kind
from sqlprov.emulator.context import arn
from sqlprov.emulator.errors import invalid
from sqlprov.emulator.options import Options
from sqlprov.emulator.store import Record, Shelf, compact, sort_key

PAGE = 10  # items of a page when MaxResults is not sent
Accepts = Callable[[Record], bool]


@dataclass(frozen=True)
class Token:
    """Where a page begins: behind the row it names, whether or not that row still exists.

    Args:
        query: checksum of operation, region, filters and order; a token serves no other query.
        page: pages before this one.
        after: sort value and name of the last row given; None before the first.
    """

    query: int
    page: int
    after: tuple[Any, str] | None

    def encode(self) -> str:
        return base64.urlsafe_b64encode(orjson.dumps([self.query, self.page, self.after])).decode()


def decode_token(text: str, query: int) -> Token:
    """Raises ApiError if the token is none of ours or belongs to another query."""
    try:
        given, page, after = orjson.loads(base64.urlsafe_b64decode(text))
        token = Token(given, page, (after[0], after[1]) if after is not None else None)
    except (binascii.Error, ValueError, TypeError, KeyError, IndexError) as error:
        raise invalid("Invalid NextToken") from error
    if token.query != query:
        raise invalid("NextToken does not belong to this request; it must be sent with the same parameters.")
    return token


def query_checksum(operation: str, region: str, given: dict[str, Any]) -> int:
    """What a token is bound to: all parameters but the token and the page size."""
    query = {name: value for name, value in given.items() if name not in ("NextToken", "MaxResults")}
    return zlib.crc32(orjson.dumps([operation, region, query], option=orjson.OPT_SORT_KEYS))


def page(kind: Kind, region: str, shelf: Shelf, given: dict[str, Any], options: Options) -> bytes:
    """The encoded reply to a List request.

    Args:
        given: the request's parameters, already checked. Without SortBy, CreationTime; without SortOrder,
            Descending (documented for models, endpoint configs and endpoints only).
    """
    query = query_checksum(f"List{kind.items}", region, given)
    token = decode_token(given["NextToken"], query) if given.get("NextToken") else Token(query, 0, None)
    if options.sparse_pages and token.page % 2 == 0:
        return _encode(kind, [], Token(query, token.page + 1, token.after))
    column = kind.sorts[given.get("SortBy") or "CreationTime"]
    most: int = given.get("MaxResults") or PAGE
    if options.largest_page:
        most = min(most, options.largest_page)
    filters = _filters(kind, given, options)
    index, start, stop = _range(shelf, column, filters, options)
    rest = [_accepts(each, bound, options) for each, bound in filters if not _narrows(each, column)]
    key = sort_key(column)
    records: list[Record]
    if given.get("SortOrder") == "Ascending":
        if token.after is not None:
            start = max(start, bisect_right(index, token.after, key=key))
        records = _take(index, range(start, stop), rest, most + 1)
    else:
        if token.after is not None:
            stop = min(stop, bisect_left(index, token.after, key=key))
        records = _take(index, range(stop - 1, start - 1, -1), rest, most + 1)
    if len(records) <= most:
        return _encode(kind, records, None)
    records.pop()
    return _encode(kind, records, Token(query, token.page + 1, key(records[-1])))


def cut_page(
    operation: str, region: str, given: dict[str, Any], names: list[str], most: int, options: Options
) -> tuple[list[str], str]:
    """One page of sorted names, and the token of the next page; empty on the last page.

    Args:
        most: names of a page when MaxResults is not sent.
    """
    query = query_checksum(operation, region, given)
    token = decode_token(given["NextToken"], query) if given.get("NextToken") else Token(query, 0, None)
    if options.sparse_pages and token.page % 2 == 0:
        return [], Token(query, token.page + 1, token.after).encode()
    most = given.get("MaxResults") or most
    rest = names[bisect_right(names, token.after[0]) if token.after else 0 :]
    if len(rest) <= most:
        return rest, ""
    return rest[:most], Token(query, token.page + 1, (rest[most - 1], "")).encode()


def _filters(kind: Kind, given: dict[str, Any], options: Options) -> list[tuple[Filter, Any]]:
    filters = []
    for name, value in given.items():
        if name in kind.filters and value is not None:
            each = kind.filters[name]
            if each.test in ("After", "Before") and options.truncate_bounds_to_seconds:
                value = math.floor(value)
            filters.append((each, value))
    return filters


def _narrows(each: Filter, column: int) -> bool:
    return each.column == column and each.test in ("After", "Before")


def _range(
    shelf: Shelf, column: int, filters: list[tuple[Filter, Any]], options: Options
) -> tuple[list[Record], int, int]:
    """The part of an index that the bounds on its own column leave."""
    index = shelf.sorted_by(column)
    start, stop = 0, len(index)
    for each, bound in filters:
        if _narrows(each, column):
            low = (each.test == "After") == options.inclusive_bounds
            side = bisect_left if low else bisect_right
            place = side(index, bound, key=lambda record: record.values[column])
            if each.test == "After":
                start = max(start, place)
            else:
                stop = min(stop, place)
    return index, start, max(start, stop)


def _accepts(each: Filter, bound: Any, options: Options) -> Accepts:
    column, strict = each.column, not options.inclusive_bounds
    if each.test == "Equals":
        return lambda record: record.values[column] == bound
    if each.test == "After":
        return lambda record: record.values[column] > bound or (not strict and record.values[column] == bound)
    if each.test == "Before":
        return lambda record: record.values[column] < bound or (not strict and record.values[column] == bound)
    if options.name_contains_ignore_case:
        lower = bound.lower()
        return lambda record: lower in record.values[column].lower()
    return lambda record: bound in record.values[column]


def _take(index: list[Record], places: range, rest: list[Accepts], count: int) -> list[Record]:
    """The first `count` records at `places` that all of `rest` accept."""
    if not rest:
        return [index[place] for place in places[:count]]
    found: Iterator[Record] = map(index.__getitem__, places)
    for accepts in rest:
        found = filter(accepts, found)
    return list(islice(found, count))


def _encode(kind: Kind, records: list[Record], token: Token | None) -> bytes:
    items = b",".join([record.item or encode_item(record) for record in records])
    tail = b'],"NextToken":"%b"}' % token.encode().encode() if token is not None else b"]}"
    return b'{"%b":[%b%b' % (kind.items.encode(), items, tail)


def encode_item(record: Record) -> bytes:
    """The list item of a record, kept with it: a page is then joined, not encoded."""
    members = record.members
    members[record.kind.arn] = arn(record.kind, record.region, record.name)
    item = {name: members[name] for name in record.kind.item_members if name in members}
    record.item = compact(item)
    return record.item

"""Pages of List operations: filters, order, and page tokens that survive inserts and deletes."""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

import orjson

from sqlprov.emulator.api_model import InputFilter, ResourceKind, load_resource_kinds
from sqlprov.emulator.context import Context, Members, Operation
from sqlprov.emulator.errors import make_validation_error
from sqlprov.emulator.options import Options

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

    def list_resources(context: Context, region: str, parameters: Members) -> bytes:
        kind, options = load_resource_kinds()[noun], context.options
        token = read_token(f"List{noun}s", region, parameters)
        if options.sparse_pages and token.page % 2 == 0:
            return _encode(kind, [], PagePosition(token.query, token.page + 1, token.after))
        conditions, values = [], []
        for name, bound in parameters.items():
            if name in kind.filters:
                condition, value = _write_condition(kind.filters[name], bound, options)
                conditions.append(condition)
                values.append(value)
        column = kind.sorts[parameters.get("SortBy", "CreationTime")]
        is_ascending = parameters.get("SortOrder") == "Ascending"
        if token.after is not None:
            conditions.append(f"(c{column}, c0) {'>' if is_ascending else '<'} (?, ?)")
            values += token.after
        most: int = parameters.get("MaxResults", _PAGE_SIZE)
        if options.largest_page:
            most = min(most, options.largest_page)
        order = f"c{column} {'ASC' if is_ascending else 'DESC'}"
        rows = context.store.select(noun, region, conditions, values, order, most + 1)
        items = [item for item, *_ in rows[:most]]
        after = PagePosition(token.query, token.page + 1, rows[most - 1][1:]) if len(rows) > most else None
        return _encode(kind, items, after)

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


def _write_condition(each: InputFilter, bound: Any, options: Options) -> tuple[str, Any]:
    """SQL with a question mark, and its value."""
    column = f"c{each.column}"
    match each.test:
        case "Contains":
            ignores_case = options.name_contains_ignore_case
            return f"instr(lower({column}), lower(?))" if ignores_case else f"instr({column}, ?)", bound
        case "Equals":
            return f"{column} = ?", bound
    sign = {"After": ">", "Before": "<"}[each.test] + ("=" if options.inclusive_bounds else "")
    return f"{column} {sign} ?", math.floor(bound) if options.truncate_bounds_to_seconds else bound


def _encode(kind: ResourceKind, items: list[bytes], token: PagePosition | None) -> bytes:
    """The reply; its items are encoded already."""
    tail = b'],"NextToken":"%b"}' % token.encode().encode() if token is not None else b"]}"
    return b'{"%b":[%b%b' % (kind.items.encode(), b",".join(items), tail)

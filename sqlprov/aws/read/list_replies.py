"""Finds the rows and the page token in a List's reply, and rejects a malformed one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from sqlprov.aws.transport.errors import MalformedReply
from sqlprov.aws.transport.replies import UNLIKE, check_omission
from sqlprov.catalog.cloud_control import PROPERTIES
from sqlprov.catalog.column import get_path
from sqlprov.catalog.packing import IDENTIFIER
from sqlprov.catalog.read_calls import PageToken
from sqlprov.catalog.table import ListCall, Table
from sqlprov.errors import ServiceError

FAILURES = re.compile("fail|error|unprocessed|unsuccessful|exception", re.IGNORECASE)
"""Members of a reply that hold the rows that the service could not return, or write."""
_REASONS = "(?i)code|reason|message|result|detail|errorname"
_ABSENT = "(?i)missing|not.?found|not.?exist|no.?such"
"""Reasons that mean that a row does not exist."""
_NAMES = {dict: "structures", str: "strings"}


def find_rows(listing: ListCall, reply: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rows of a reply; a bare string becomes a row with one member, the column's name.

    Raises:
        MalformedReply: the rows are not where the model has them.
    """
    if not listing.rows:
        if all(value is None for name, value in reply.items() if name != UNLIKE):
            check_omission(reply, "members")
        return [reply]
    level: list[Any] = [reply]
    last = len(listing.rows) - 1
    for depth, member in enumerate(listing.rows):
        kind = str if listing.scalar and depth == last else dict
        below: list[Any] = []
        for each in level:
            value = each.get(member)
            if isinstance(value, list):
                below = value if len(level) == 1 else below + value
            elif isinstance(value, dict) and (last or listing.single):
                below = [*below, value]
            elif value is None and not (depth or listing.may_omit_rows):
                raise MalformedReply(f"the reply lacks {member}")
            elif value is not None:
                raise MalformedReply(f"the reply's {member} is not a list of {_NAMES[kind]}")
            elif not depth:
                check_omission(reply, member)
        if not set(map(type, below)) <= {kind}:
            raise MalformedReply(f"the reply's {member} is not a list of {_NAMES[kind]}")
        level = below
    if listing.opens:
        return [open_resource(each, listing.opens) for each in level]
    return [{listing.scalar: each} for each in level] if listing.scalar else level


def check_failures(
    table: Table, operation: str, rows: Sequence[str], region: str, reply: Mapping[str, Any]
) -> None:
    """Raise if a reply, whose rows are at `rows`, says that it lacks a row that exists.

    Raises:
        ServiceError: it does; the message has the first reason.
    """
    for text in list_failures(table, {n: v for n, v in reply.items() if n not in rows[:1]} if rows else {}):
        text = f"{operation} in {region}: {text}."
        raise ServiceError(text, operation=operation, region=region)


def list_failures(table: Table, reply: Mapping[str, Any]) -> Iterator[str]:
    """What a reply says of rows that failed, but for those that do not exist."""
    missing = {rule.code for rule in table.errors.missing}
    for name, found in reply.items():
        if not FAILURES.search(name) or not isinstance(found, list | dict):
            continue
        entries = found.items() if isinstance(found, dict) else (("", entry) for entry in found)
        for key, entry in entries:
            members = entry if isinstance(entry, Mapping) else {"": entry}
            reasons = {member: str(text) for member, text in members.items() if re.search(_REASONS, member)}
            codes = [text for member, text in reasons.items() if "code" in member.lower()]
            if not any(re.search(_ABSENT, text) or text in missing for text in codes or reasons.values()):
                yield f"{name} has {', '.join(filter(None, (key, *map(str, members.values()))))}"


def open_resource(resource: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The properties of a resource of Cloud Control, which it has as JSON text, and its identifier as the member `key`.

    Raises:
        MalformedReply: the properties are not a JSON object.
    """
    try:
        properties = orjson.loads(resource.get(PROPERTIES) or "{}")
    except ValueError:
        properties = None
    if not isinstance(properties, dict):
        raise MalformedReply(f"the reply's {PROPERTIES} is not a JSON object")
    return {**properties, key: resource.get(IDENTIFIER)}


def find_token(listing: ListCall, reply: Mapping[str, Any]) -> dict[str, Any] | None:
    """The parameters that request the next page; `None` after the last."""
    if listing.more and not find_value(listing.more, reply):
        return None
    return read_tokens(listing.tokens, reply) or None


def read_tokens(tokens: Sequence[PageToken], reply: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that request the next page; empty after the last.

    Raises:
        MalformedReply: a token is of another type than the parameter that takes it.
    """
    values = {}
    for token in tokens:
        value = find_value(token.expression, reply)
        if value in (None, "") or (value == [] and not token.expression.isidentifier()):
            continue  # an expression's list of tokens is empty after the last page
        if token.is_text and not isinstance(value, str):
            raise MalformedReply(f"the reply's {token.expression} is {value!r}, not a text")
        values[token.parameter] = value
    return values


def make_row_counter(
    listing: ListCall, seen: set[str], key: Sequence[Sequence[str]] = ()
) -> Callable[[dict[str, Any]], int]:
    """Return a function that counts the rows of a page; it raises MalformedReply for malformed rows, a row that lacks
    every member of its `key`, or a repeated token."""

    def count(page: dict[str, Any]) -> int:
        rows = find_rows(listing, page)
        parts = [[get_path(row, path) for row in rows] for path in key]
        if parts and None in parts[0] and (None,) * len(parts) in zip(*parts, strict=True):
            raise MalformedReply(f"a row of the reply lacks {' or '.join(map('.'.join, key))}")
        token = find_token(listing, page)
        if token is None and listing.more and find_value(listing.more, page):
            raise MalformedReply("the reply says that there are more rows, but has no page token")
        if token is not None and freeze(token) in seen:
            raise MalformedReply("the reply repeats the page token of an earlier page")
        return len(rows)

    return count


def freeze(token: Mapping[str, Any]) -> str:
    """A page token as text, to compare it."""
    return repr(sorted(token.items(), key=lambda item: item[0]))


def find_value(expression: str, reply: Mapping[str, Any]) -> Any:
    """The value of a JMESPath expression in a reply."""
    if expression.isidentifier():
        return reply.get(expression)
    import jmespath

    return jmespath.search(expression, reply)

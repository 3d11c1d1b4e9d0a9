"""Finds the keys that a condition allows, and whether a call can look them up."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from math import ceil
from typing import Any

import pyarrow as pa

from sqlprov.catalog.column import ColumnSource
from sqlprov.catalog.table import Table
from sqlprov.plan.read.domain import find_domain
from sqlprov.plan.read.parents import has_other_case, is_sendable
from sqlprov.plan.read.predicate import Predicate


class Lookup(Enum):
    """The call that looks up keys."""

    DESCRIBE = "describe"
    LIST = "list"


def choose_lookup(table: Table, columns: Iterable[str]) -> Lookup | None:
    """The call that looks up rows by key with `columns`; `None` if only a list has them all.

    A Describe whose error for a missing row is unknown looks nothing up: it would fail instead of finding none. Nor
    does one that knows rows which the list does not show.
    """
    columns, key, describe = set(columns), set(table.key), table.describe
    own = {name for name in columns if table.by_name[name].source in _OF_ITEM}
    if describe and (table.is_partial or not (describe.batch or table.errors.missing)):
        describe = None
    # A part of the key that is neither sent nor returned might belong to another row.
    known = {*describe.arguments.values(), *describe.paths} if describe else set()
    if describe and key.issuperset(describe.arguments.values()) and key <= known and own <= key | known:
        return Lookup.DESCRIBE
    listing = table.list
    arguments = {*listing.arguments.values(), *(parent.column for parent in listing.parents)}
    return Lookup.LIST if listing.arguments and arguments <= key else None


_OF_ITEM = frozenset({ColumnSource.LIST, ColumnSource.DESCRIBE, ColumnSource.PARENT})


def count_calls(table: Table, lookup: Lookup, keys: int) -> int:
    """The number of calls that look up as many keys."""
    return ceil(keys / get_batch(table, lookup))


def get_batch(table: Table, lookup: Lookup) -> int:
    """The number of keys that one call looks up."""
    if lookup is Lookup.LIST:
        return max(table.list.batch, 1)
    return max(table.describe.batch, 1) if table.describe else 1


def has_key_filter(table: Table) -> bool:
    """Whether a list of filters takes the key: it leaves out missing rows, where a list of ids refuses them all."""
    return any((rule.column,) == table.key for rule in table.list.filters if rule.name)


def find_keys(table: Table, where: Predicate) -> tuple[tuple[Any, ...], ...] | None:
    """The only keys that `where` allows, sorted; `None` if it allows any, or one that the service might refuse.

    The list is then read, and the rows decide: the model's constraints may be older than the service.
    """
    identifiers = find_domain(where, "data__Identifier").values
    parts = [find_domain(where, column).values for column in table.key]
    if identifiers is not None:
        candidates = set()
        for text in identifiers:
            values = str(text).split("|") if len(table.key) > 1 else [str(text)]
            if len(values) > len(table.key):
                return None  # a part contains the separator
            if "" in values:
                return None  # a part is NULL
            if len(values) == len(table.key):
                candidates.add(tuple(values))
    elif all(values is not None for values in parts):
        candidates = set(itertools.product(*(values or () for values in parts)))
    else:
        return None
    keys = set()
    for candidate in candidates:
        key = tuple(_to_type(table, name, value) for name, value in zip(table.key, candidate, strict=True))
        if any(
            allowed is not None and value not in allowed for value, allowed in zip(key, parts, strict=True)
        ):
            continue
        if not all(_is_sendable(table, name, value) for name, value in zip(table.key, key, strict=True)):
            return None
        keys.add(key)
    return tuple(sorted(keys))


def takes_list(table: Table, lookup: Lookup) -> bool:
    """Whether the first argument of the call takes a list of values."""
    return bool(table.list.batch if lookup is Lookup.LIST else table.describe and table.describe.batch)


def build_arguments(
    arguments: Mapping[str, str], rows: Sequence[Mapping[str, Any]], is_list: bool
) -> dict[str, Any]:
    """The parameters of a call for `rows`, which differ in the first argument only.

    Args:
        arguments: parameter -> column.
        rows: column -> value.
        is_list: whether the first argument takes a list of values.
    """
    parameters = {parameter: rows[0][column] for parameter, column in arguments.items()}
    if is_list:
        first, column = next(iter(arguments.items()))
        parameters[first] = [row[column] for row in rows]
    return parameters


def _to_type(table: Table, name: str, value: Any) -> Any:
    """A part of a key as its column has it; unchanged if that is impossible."""
    if pa.types.is_integer(table.by_name[name].type) and isinstance(value, str):
        return int(value) if value.isascii() and value.removeprefix("-").isdigit() else value
    return value


def _is_sendable(table: Table, name: str, value: Any) -> bool:
    """Whether a lookup by this value returns the row that the list shows, or none if the list shows none."""
    column = table.by_name[name]
    expected = int if pa.types.is_integer(column.type) else str
    if (
        pa.types.is_nested(column.type)
        or type(value) is not expected
        or value == ""  # part of a URL, it would call another operation
        or not column.constraint.accepts(str(value))
    ):
        return False
    if table.describe and name in table.describe.paths:
        return True  # the reply has the value
    if has_other_case(table, value):
        return False
    parents = [parent for parent in table.list.parents if parent.column == name]
    if table.describe and not parents:
        return False  # it may know the row by another name, and does not return the one that the list shows
    if any(parent.is_account or (parent.values and value not in parent.values) for parent in parents):
        return False
    return all(is_sendable(table, parent, value) for parent in parents if parent.load)

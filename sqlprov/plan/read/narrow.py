"""Builds the parameters of a list. Each narrows the list and never drops a requested row."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlprov.catalog.read_calls import FilterOperator, ListFilter
from sqlprov.catalog.shapes import Constraint
from sqlprov.catalog.table import Table
from sqlprov.plan.read.domain import Domain, find_domain
from sqlprov.plan.read.hints import Contained
from sqlprov.plan.read.predicate import Predicate

_ALLOWED = re.compile(r"[a-zA-Z0-9\-]+")
WILDCARD = re.compile(r"[*?\\]")
"""Characters that EC2 does not take as they are."""
WIDENED = timedelta(seconds=1)
"""AWS does not document whether a time bound is inclusive or how it is rounded, so bounds are widened."""


def build_list_parameters(
    table: Table, where: Predicate, contained: Iterable[Contained] = ()
) -> tuple[dict[str, Any], str]:
    """The parameters of one list chain: page size, order, and every filter that the arguments imply.

    Args:
        table: the table to list.
        where: the condition that every requested row meets.
        contained: strings that a column of every such row contains.

    Returns:
        (parameters, reason): a reason, if not empty, says why no row can meet `where`.
    """
    parameters: dict[str, Any] = {}
    if table.list.page_size_parameter:
        parameters[table.list.page_size_parameter] = table.list.page_size
    if sort := table.list.sort:
        # Oldest first: rows created while the list is read come at its end and displace nothing.
        parameters[sort.by] = next(iter(sort.columns.values()))
        parameters[sort.direction] = sort.ascending
    for rule in table.list.filters:
        allowed = find_domain(where, rule.column)
        if allowed.empty:
            return {}, f"the conditions on {rule.column} contradict each other"
        texts = [each for each in contained if each.column == rule.column]
        if rule.name:
            values = _choose_texts(rule, allowed, table.by_name[rule.column].constraint)
            others = parameters.get(rule.parameter, [])
            if values and len(values) + sum(len(each[rule.members[1]]) for each in others) <= rule.most:
                parameters[rule.parameter] = [
                    *others,
                    dict(zip(rule.members, (rule.name, values), strict=True)),
                ]
            continue
        value = _choose_value(rule, allowed, texts)
        if value is not None:
            parameters[rule.parameter] = value
    return parameters, ""


def _choose_texts(rule: ListFilter, allowed: Domain, column: Constraint) -> list[str]:
    """The values of a filter in a list of filters; none if the service might not take them as they are.

    Args:
        column: the constraints of the column's values.
    """
    texts = []
    for value in sorted(allowed.values or ()):
        if not isinstance(value, str | int):
            return []
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if WILDCARD.search(text) or not (rule.constraint.accepts(text) and column.accepts(text)):
            return []
        texts.append(text)
    return texts


def _choose_value(rule: ListFilter, allowed: Domain, texts: list[Contained]) -> Any:
    """The parameter's value; `None` to leave it out, because no value is implied, or the service would refuse it."""
    match rule.op:
        case FilterOperator.EQUAL:
            values = sorted(allowed.values or ())
            # Several values may need several lists, and a row that changes between them could be in none.
            if not 0 < len(values) <= max(rule.most, 1):
                return None
            if not all(rule.constraint.accepts(str(value)) for value in values):
                return None
            return values if rule.most else values[0]
        case FilterOperator.CONTAINS:
            return _choose_run(rule, [*(each.text for each in texts), _find_prefix(allowed)])
        case FilterOperator.PREFIX:
            starts = [*(each.text for each in texts if each.is_start), _find_prefix(allowed)]
            return max(filter(rule.constraint.accepts, filter(None, starts)), key=len, default=None)
        case FilterOperator.AFTER:
            low = allowed.low if allowed.values is None else min(allowed.values)
            return None if low is None else _shift(low, -WIDENED, rule.per_second)
        case FilterOperator.BEFORE:
            high = allowed.high if allowed.values is None else max(allowed.values)
            by = WIDENED + timedelta(microseconds=999_999)
            return None if high is None else _shift(high, by, rule.per_second)


def _shift(bound: Any, by: timedelta, per_second: int) -> datetime | int | None:
    """`bound` moved and truncated to whole seconds; `None` if it leaves the range of years that AWS accepts.

    It is a number with `per_second`, if that is not 0.
    """
    if not isinstance(bound, datetime):
        return None
    try:
        moved = (bound + by).astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        return None
    if not 1970 <= moved.year < 9999:
        return None
    return int(moved.timestamp()) * per_second if per_second else moved


def _find_prefix(allowed: Domain) -> str:
    """The prefix of every allowed string."""
    if allowed.values is not None:
        return _find_common_prefix([str(value) for value in allowed.values])
    if isinstance(allowed.low, str) and isinstance(allowed.high, str):
        return _find_common_prefix([allowed.low, allowed.high])
    return ""


def _choose_run(rule: ListFilter, texts: list[str]) -> str | None:
    """The longest substring of any of `texts` that the parameter accepts."""
    runs = [run[: rule.constraint.max or 63] for text in texts for run in _ALLOWED.findall(text)]
    return max((run for run in runs if rule.constraint.accepts(run)), key=len, default="") or None


def _find_common_prefix(texts: list[str]) -> str:
    # In byte order, every string between two others starts with their common prefix.
    low, high = min(texts), max(texts)
    same = next((at for at, pair in enumerate(zip(low, high, strict=False)) if pair[0] != pair[1]), None)
    return low[: min(len(low), len(high)) if same is None else same]

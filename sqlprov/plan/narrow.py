"""Table and Predicate in, List parameters out: each narrows what is listed and never drops a row that is asked."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlprov.catalog.table import Filter, Op, Table
from sqlprov.plan.domain import Domain, domain
from sqlprov.plan.predicate import Predicate

WIDENED = timedelta(seconds=1)
"""Whether a time bound is inclusive, and to what it is rounded, is not documented: bounds are widened."""


def narrowed(table: Table, where: Predicate) -> tuple[dict[str, Any], str]:
    """The parameters of one list chain: page size, order, and every filter that `where` implies.

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
        allowed = domain(where, rule.column)
        if allowed.empty:
            return {}, f"the conditions on {rule.column} contradict each other"
        refused, value = _value(rule, allowed)
        if refused:
            return (
                {},
                f"{table.list.call} accepts no {rule.parameter} that meets the condition on {rule.column}",
            )
        if value is not None:
            parameters[rule.parameter] = value
    return parameters, ""


def _value(rule: Filter, allowed: Domain) -> tuple[bool, Any]:
    """(whether the service would refuse every allowed value, the parameter's value or `None`)."""
    match rule.op:
        case Op.EQUAL:
            if allowed.values is None:
                return False, None
            accepted = [value for value in allowed.values if rule.constraint.accepts(str(value))]
            # Several values would need several lists, and a row that changes between them would be in none.
            return not accepted, accepted[0] if len(accepted) == 1 else None
        case Op.CONTAINS:
            return False, _contained(rule, allowed)
        case Op.AFTER:
            low = allowed.low if allowed.values is None else min(allowed.values)
            return False, None if low is None else _moved(low, -WIDENED)
        case Op.BEFORE:
            high = allowed.high if allowed.values is None else max(allowed.values)
            return False, None if high is None else _moved(high, WIDENED + timedelta(microseconds=999_999))


def _moved(bound: datetime, by: timedelta) -> datetime | None:
    """`bound` moved and cut to whole seconds; `None` if it leaves the years that AWS knows."""
    try:
        moved = (bound + by).astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        return None
    return moved if 1970 <= moved.year < 9999 else None


def _contained(rule: Filter, allowed: Domain) -> str | None:
    """A text that every allowed value contains: what they all begin with."""
    if allowed.values is None:
        if not isinstance(allowed.low, str) or not isinstance(allowed.high, str):
            return None
        texts = [allowed.low, allowed.high]
    else:
        texts = [str(value) for value in allowed.values]
    run = re.match(r"[a-zA-Z0-9\-]*", _common_start(texts))
    text = run.group()[: rule.constraint.max or 63] if run else ""
    return text if text and rule.constraint.accepts(text) else None


def _common_start(texts: list[str]) -> str:
    # Every text between two others, in byte order, begins with what the two begin with.
    low, high = min(texts), max(texts)
    same = next((at for at, pair in enumerate(zip(low, high, strict=False)) if pair[0] != pair[1]), None)
    return low[: min(len(low), len(high)) if same is None else same]

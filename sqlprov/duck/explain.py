"""Prints EXPLAIN: the calls of a query, then DuckDB's plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa

from sqlprov.duck.explain_plan import CARRIED, QueryPlan
from sqlprov.errors import format_count
from sqlprov.plan.read import (
    PlannedCall,
    ReadPlan,
    Rule,
    Scope,
    count_least_calls,
    count_useful_values,
    list_calls,
)
from sqlprov.plan.read.scope import IDENTITY, asks_organization
from sqlprov.plan.read.steps import ACCOUNT, REGION
from sqlprov.records import dataclass
from sqlprov.settings import format_value

if TYPE_CHECKING:
    from sqlprov.aws.transport.run import Run
    from sqlprov.plan.read.hints import JoinKey

_LEFT_OUT = ("Function", "Estimated Cardinality")
"""Entries to leave out: the scan's name again, and a guess, because DuckDB does not know the size of a live table."""

MOST_REGIONS = 3
"""Most regions whose calls are listed one by one."""


FindRates = Callable[[str], Mapping[tuple[str, str], float]]
"""Returns the calls a second that a service (botocore's name) accepts in an account and a region, where it has
throttled."""


def render(
    plans: Sequence[tuple[ReadPlan, Sequence[str]]], duck_plan: QueryPlan, run: Run, find_rates: FindRates
) -> pa.Table:
    """(explain_key VARCHAR, explain_value VARCHAR): the calls, then DuckDB's own plan.

    Args:
        plans: the calls of each scan, and the conditions that DuckDB checks on its rows.
        duck_plan: DuckDB's plan.
        run: the statement.
        find_rates: tells how long the calls take.
    """
    parts = [
        _render_scan(plan, conditions, list_keys(plan, run), _estimate(plan, run, find_rates))
        for plan, conditions in plans
    ]
    if parts and (cache := run.settings.cache):
        parts.append(f"Replies up to {format_value(cache)} old are used instead of calls (sqlprov_cache).")
    calls = "\n\n".join(parts) or "No API call."
    steps = "\n".join(line for root in duck_plan.roots for line in _render_step(_describe_step(root)))
    return _build_rows(calls, steps)


def render_json(
    plans: Sequence[tuple[ReadPlan, Sequence[str]]], duck_plan: QueryPlan, run: Run, find_rates: FindRates
) -> pa.Table:
    """As `render`, in JSON: an array with an object for each scan, and one with the roots of DuckDB's plan."""
    scans = [
        _describe_scan(plan, conditions, list_keys(plan, run), _estimate(plan, run, find_rates))
        for plan, conditions in plans
    ]
    steps = [_describe_step(root) for root in duck_plan.roots]
    return _build_rows(orjson.dumps(scans, default=str).decode(), orjson.dumps(steps).decode())


def _build_rows(calls: str, plan: str) -> pa.Table:
    return pa.table({"explain_key": ["calls", "physical_plan"], "explain_value": [calls, plan]})


@dataclass(frozen=True)
class Estimate:
    """How many calls a scan makes, without retries.

    Attributes:
        least: at least, if the scan is read.
        most: at most; `None` if that depends on replies.
        seconds: that the least calls take at the rates that the services accept; `None` if no rate is known.
    """

    least: int
    most: int | None
    seconds: float | None


def _estimate(plan: ReadPlan, run: Run, find_rates: FindRates) -> Estimate:
    calls = list_calls(plan)
    counts = [call.most for call in calls]
    most = None if None in counts else sum(filter(None, counts))
    if run.settings.cache or list_keys(
        plan, run
    ):  # kept replies, or the keys of other tables, may save them all
        return Estimate(0, most, None)
    is_limited = run.hints is not None and run.hints.limited
    busy: dict[tuple[str, str, str], tuple[float, float]] = {}  # place -> calls, and calls a second
    least = _count_certain_asks(plan)
    for read in _list_reads(plan):
        own, client, places = (
            count_least_calls(read, is_limited=is_limited),
            read.table.client,
            read.steps.places,
        )
        least += own
        for place, rate in find_rates(client).items() if own else ():
            if places.has(*place):
                count, _ = busy.get((client, *place), (0.0, rate))
                busy[client, *place] = count + own / len(places), rate
    seconds = [count / rate for count, rate in busy.values()]
    return Estimate(least, most, max(seconds, default=None))


def _count_certain_asks(plan: ReadPlan) -> int:
    """The questions for ids, and one for the accounts of the organization: regions may be kept on disk, and roles are
    assumed only where something is read."""
    asks = [ask for scope in plan.scopes for ask in scope.asks]
    ids = sum(len(names) for action, names in asks if action == IDENTITY)
    return ids + asks_organization(plan.scopes)


def _list_reads(plan: ReadPlan) -> Iterator[ReadPlan]:
    """A plan, and those of the parents that no other scan reads."""
    yield plan
    for parent in plan.parents:
        if not parent.is_shared:
            yield from _list_reads(parent.plan)


def _render_estimate(estimate: Estimate) -> str:
    least, most = estimate.least, estimate.most
    if most is None:
        count = f"at least {format_count(least, 'call')}"
    elif least == most:
        count = format_count(least, "call")
    else:
        count = f"{least:,} to {format_count(most, 'call')}"
    seconds = estimate.seconds
    return count + (f", {seconds:,.0f} s or more at the rate that the service accepts" if seconds else "")


def _describe_scan(
    plan: ReadPlan, conditions: Sequence[str], keys: Sequence[JoinKey], estimate: Estimate
) -> dict[str, Any]:
    calls = list_calls(plan)
    return {
        "table": plan.table.full_name,
        "calls": [_describe_call(group) for group in _group_calls(calls)],
        "least_calls": estimate.least,
        "most_calls": estimate.most,
        "least_seconds": estimate.seconds,
        "no_call_because": None if calls else plan.empty,
        "scopes": [
            {
                "column": scope.column,
                "values": scope.values,
                "is_estimate": scope.is_estimate,
                "rule": scope.rule.name.lower(),
            }
            for scope in plan.scopes
        ],
        "conditions": conditions,
        "join_keys": [
            {
                "column": key.column,
                "sources": [{"table": table, "column": column} for column, table in sorted(key.sources)],
            }
            for key in keys
        ],
        "permissions": sorted({permission for call in calls for permission in call.permissions}),
    }


def _describe_call(group: Sequence[PlannedCall]) -> dict[str, Any]:
    call = group[0]
    accounts, regions = _join_places(group)
    return {
        "table": call.table or None,
        "operation": call.operation,
        "accounts": accounts,
        "regions": regions,
        "times": call.times,
        "parameters": dict(call.parameters),
        "columns": call.columns,
    }


def _describe_step(node: Mapping[str, Any]) -> dict[str, Any]:
    """A step of DuckDB's plan and its inputs, without the condition that carries the cursor's id."""
    details = {}
    for name, value in node["extra_info"].items():
        items = [item for item in ([value] if isinstance(value, str) else value) if not CARRIED.match(item)]
        if items and name not in _LEFT_OUT:
            details[name] = items
    children = [_describe_step(child) for child in node["children"]]
    return {"name": node["name"].strip(), "extra_info": details, "children": children}


def _render_step(step: Mapping[str, Any]) -> Iterator[str]:
    yield step["name"]
    for name, items in step["extra_info"].items():
        yield f"  {name}: {', '.join(items)}"
    for child in step["children"]:
        name, *details = _render_step(child)
        yield f"  -> {name}"
        yield from (f"     {detail}" for detail in details)


def list_keys(plan: ReadPlan, run: Run) -> list[JoinKey]:
    """The keys to which joins may limit a scan."""
    keys = run.hints.join_keys if run.hints and count_useful_values(plan, run.settings.fan_out) else ()
    return [key for key in keys if key.table == plan.table.full_name]


def _render_key(key: JoinKey) -> str:
    sources = " and ".join(f"{column} of {table}" for table, column in sorted(key.sources))
    return f"if {sources} has few values: only rows with these as {key.column}"


def _render_scan(
    plan: ReadPlan, conditions: Sequence[str], keys: Sequence[JoinKey], estimate: Estimate
) -> str:
    calls = list_calls(plan)
    lines = [plan.table.full_name]
    if not calls:
        lines.append(f"  no call: {plan.empty}")
    groups, name, several = _group_calls(calls), plan.table.full_name, plan.request.several_accounts
    is_short = all(sum(len(call.places) for call in group) <= MOST_REGIONS for group in groups)
    placed = _expand(calls) if is_short else ((group[0], *_join_places(group)) for group in groups)
    lines_of_calls = [
        f"  {line}"
        for call, accounts, regions in placed
        for line in _render_call(call, name, accounts if several else (), regions)
    ]
    scopes = [f"  {_render_scope(scope)}" for scope in plan.scopes]
    lines += [*lines_of_calls, *scopes] if is_short else [*scopes, *lines_of_calls]
    lines += [f"  {_render_key(key)}" for key in keys]
    if calls:
        lines.append(f"  {_render_estimate(estimate)}")
    if conditions:
        lines.append(f"  DuckDB checks on every row: {' AND '.join(conditions)}")
    permissions = sorted({permission for call in calls for permission in call.permissions})
    if permissions:
        lines.append(f"  IAM permissions: {', '.join(permissions)}")
    return "\n".join(lines)


def _group_calls(calls: Sequence[PlannedCall]) -> list[list[PlannedCall]]:
    """The calls, those together that differ in nothing but their places."""
    groups: dict[tuple[Any, ...], list[PlannedCall]] = {}
    for call in calls:
        parameters = orjson.dumps(dict(call.parameters), default=str)
        key = call.table, call.operation, call.times, call.columns, parameters
        groups.setdefault(key, []).append(call)
    return list(groups.values())


def _expand(calls: Sequence[PlannedCall]) -> Iterator[tuple[PlannedCall, list[str], list[str]]]:
    """Each call with each of its places, accounts and regions; those of a table place by place."""
    for _, same in groupby(calls, lambda call: (call.table, call.places.groups)):
        own = list(same)
        for place in own[0].places:
            accounts, regions = ([each] if each else [] for each in (place[ACCOUNT], place[REGION]))
            yield from ((call, accounts, regions) for call in own)


def _join_places(group: Sequence[PlannedCall]) -> tuple[list[str], list[str]]:
    """The accounts and the regions of calls."""
    accounts = {account for call in group for account in call.places.accounts}
    regions = frozenset[str]().union(*(call.places.regions for call in group))
    return sorted(accounts - {""}), sorted(regions - {""})


def _render_call(call: PlannedCall, table: str, accounts: Sequence[str], regions: Sequence[str]) -> list[str]:
    parameters = orjson.dumps(dict(call.parameters), default=str).decode() if call.parameters else ""
    where = f" in {_count('regions', regions)}" if regions else ""
    where += f" of {_count('accounts', accounts)}" if accounts else ""
    columns = f", for {', '.join(call.columns)}" if call.columns else ""
    columns += f" of {call.table}" if columns and call.table not in ("", table) else ""
    return [f"{call.operation}{where}, {call.times}{columns}", *([f"  {parameters}"] if parameters else [])]


def _count(noun: str, names: Sequence[str]) -> str:
    """The names, or their number if they are many."""
    return f"{len(names)} {noun}" if len(names) > MOST_REGIONS else ", ".join(names)


_REASONS = {
    Rule.CONDITION: "from the condition on {column}",
    Rule.UNUSED: "the session's: the statement does not use {column}",
    Rule.SHOWN: "the session's: {column} is only shown, grouped or sorted",
    Rule.JOIN: "from the condition on {column} of {sources}",
    Rule.ALL: "because {column} may affect which rows are returned",
}


def _render_scope(scope: Scope) -> str:
    if scope.rule is Rule.HOME:
        home = (
            f"read once in {' or '.join(scope.values)}"
            if scope.values
            else "its region does not meet the condition"
        )
        return f"global: {home}"
    if scope.column == ACCOUNT and scope.is_estimate:
        return "account: those of the organization, which has not been asked yet; the calls are those of one"
    few = f" ({', '.join(scope.values)})" if 0 < len(scope.values) <= MOST_REGIONS else ""
    most = "at most " if scope.is_estimate else ""
    reason = _REASONS[scope.rule].format(column=scope.column, sources=" and ".join(scope.sources))
    if scope.column == ACCOUNT and scope.rule.is_session:
        reason = "the session's"  # whether the statement uses the column or not
    return f"{scope.column}: {most}{len(scope.values)}{few}, {reason}"

"""Prints EXPLAIN: the calls of a query, then DuckDB's plan."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pyarrow as pa

from sqlprov.duck.explain_plan import CARRIED, Foreseen
from sqlprov.plan.read import PlannedCall, ReadPlan

_LEFT_OUT = ("Function", "Estimated Cardinality")
"""The name of a scan once more, and a guess: DuckDB knows the size of no live table."""


def render(scans: list[Foreseen], duck_plan: str) -> pa.Table:
    """(explain_key VARCHAR, explain_value VARCHAR): the calls, then DuckDB's own plan, given as its JSON."""
    calls = "\n\n".join(_render_scan(scan.plan, scan.conditions) for scan in scans) or "No API call."
    steps = "\n".join(line for root in json.loads(duck_plan) for line in _render_step(root))
    return pa.table({"explain_key": ["calls", "physical_plan"], "explain_value": [calls, steps]})


def _render_step(node: Mapping[str, Any]) -> Iterator[str]:
    """A step of DuckDB's plan and its inputs; without the condition that carries a cursor's id."""
    yield node["name"].strip()
    for name, value in node["extra_info"].items():
        items = [item for item in ([value] if isinstance(value, str) else value) if not CARRIED.match(item)]
        if items and name not in _LEFT_OUT:
            yield f"  {name}: {', '.join(items)}"
    for child in node["children"]:
        name, *details = _render_step(child)
        yield f"  -> {name}"
        yield from (f"     {detail}" for detail in details)


def _render_scan(plan: ReadPlan, conditions: list[str]) -> str:
    calls = plan.calls()
    lines = [plan.table.full_name]
    if not calls:
        lines.append(f"  no call: {plan.empty}")
    lines += [f"  {line}" for call in calls for line in _render_call(call)]
    if conditions:
        lines.append(f"  DuckDB checks on every row: {' AND '.join(conditions)}")
    permissions = sorted({permission for call in calls for permission in call.permissions})
    if permissions:
        lines.append(f"  IAM permissions: {', '.join(permissions)}")
    return "\n".join(lines)


def _render_call(call: PlannedCall) -> list[str]:
    parameters = orjson.dumps(dict(call.parameters), default=str).decode() if call.parameters else ""
    where = f" in {call.region}" if call.region else ""
    columns = f" for {', '.join(call.columns)}" if call.columns else ""
    return [f"{call.operation}{where}, {call.times}{columns}", *([f"  {parameters}"] if parameters else [])]

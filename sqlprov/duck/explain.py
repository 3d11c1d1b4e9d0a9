"""The demands of a query in, the table that EXPLAIN prints out."""

from __future__ import annotations

import re

import orjson
import pyarrow as pa

from sqlprov.duck.explain_plan import Foreseen
from sqlprov.plan.read import PlannedCall, ReadPlan

HIDDEN = re.compile(r""""__ctx_\w+" = 'c\d+',?""")
"""How DuckDB's drawing of a plan shows the condition that carries a cursor's id."""


def explained(found: list[Foreseen], duck_plan: str) -> pa.Table:
    """(explain_key VARCHAR, explain_value VARCHAR): the calls, then DuckDB's own plan."""
    calls = "\n\n".join(_written(each.plan, each.conditions) for each in found) or "No API call."
    return pa.table({"explain_key": ["calls", "physical_plan"], "explain_value": [calls, shown(duck_plan)]})


def shown(duck_plan: str) -> str:
    """DuckDB's drawing of a plan without our hidden column in the filters of its scans."""
    lines = duck_plan.split("\n")
    for at in range(len(lines)):
        while found := HIDDEN.search(lines[at]):
            start, end = found.span()
            _blank(lines, at, start, end)
            left, right = lines[at].rfind("│", 0, start), lines[at].find("│", end)
            if not found.group().endswith(","):
                _end_list(lines, at, left, start)
            if lines[at][left + 1 : right].strip() in ("", "Filters:"):
                _close_up(lines, at, left, right)
                if lines[at - 1][left + 1 : right].strip() == "Filters:":
                    _close_up(lines, at - 1, left, right)
    return "\n".join(line.rstrip() for line in lines).rstrip("\n") + "\n"


def _blank(lines: list[str], at: int, start: int, end: int) -> None:
    lines[at] = f"{lines[at][:start]}{' ' * (end - start)}{lines[at][end:]}"


def _end_list(lines: list[str], at: int, left: int, end: int) -> None:
    """Take away the comma behind what is now the last condition: before `end`, or on the line above."""
    for row, text in ((at, lines[at][left + 1 : end]), (at - 1, lines[at - 1][left + 1 :].partition("│")[0])):
        if said := text.rstrip():
            if said.endswith(","):
                _blank(lines, row, left + len(said), left + len(said) + 1)
            return


def _close_up(lines: list[str], at: int, left: int, right: int) -> None:
    """Move what is below an empty line of a box one line up; the box is a leaf, with nothing under it."""
    for row in range(at, len(lines)):
        below = lines[row + 1][left : right + 1] if row + 1 < len(lines) else ""
        last = lines[row][left : left + 1] == "╰"
        moved = " " * (right + 1 - left) if last else below
        lines[row] = f"{lines[row][:left]}{moved}{lines[row][right + 1 :]}"
        if last:
            return


def _written(plan: ReadPlan, conditions: list[str]) -> str:
    calls = plan.calls()
    lines = [plan.table.full_name]
    if not calls:
        lines.append(f"  no call: {plan.empty}")
    lines += [f"  {line}" for call in calls for line in _call(call)]
    if conditions:
        lines.append(f"  DuckDB checks on every row: {' AND '.join(conditions)}")
    permissions = sorted({permission for call in calls for permission in call.permissions})
    if permissions:
        lines.append(f"  IAM permissions: {', '.join(permissions)}")
    return "\n".join(lines)


def _call(call: PlannedCall) -> list[str]:
    parameters = orjson.dumps(dict(call.parameters), default=str).decode() if call.parameters else ""
    where = f" in {call.region}" if call.region else ""
    columns = f" for {', '.join(call.columns)}" if call.columns else ""
    return [f"{call.operation}{where}, {call.times}{columns}", *([f"  {parameters}"] if parameters else [])]

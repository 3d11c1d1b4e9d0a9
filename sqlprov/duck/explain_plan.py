"""DuckDB's plan of a query in, the demands it will make out: for EXPLAIN, and to begin their calls together."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlprov.aws.run import Run
from sqlprov.duck.session import Session
from sqlprov.plan.read import ReadPlan
from sqlprov.plan.read.hints import Top
from sqlprov.plan.read.predicate import TRUE
from sqlprov.sql.filters import predicate

if TYPE_CHECKING:
    from sqlprov.duck.live_table import LiveTable

CARRIED = re.compile(r'\("(__ctx_\w+)" = ')
"""A filter by a table's hidden column."""
SCAN = "PYTHON_ARROW_SCAN"
"""How DuckDB's plan names the scan of a Python object."""
STOPS = frozenset({"LIMIT", "STREAMING_LIMIT", "LIMIT_PERCENT"})
"""Steps that may have enough before what they read ends."""
PASSES = frozenset(
    {"PROJECTION", "FILTER", "UNNEST", "STREAMING_WINDOW", "STREAMING_SAMPLE", "UNION", *STOPS}
)
"""Steps that hand on each row as it comes: what stands above them may end what stands below."""


@dataclass(frozen=True)
class Foreseen:
    """A demand to come.

    Attributes:
        plan: its calls.
        conditions: what DuckDB checks on its rows.
        whole: whether DuckDB will read it to its end.
    """

    plan: ReadPlan
    conditions: list[str]
    whole: bool


def foreseen(session: Session, plan: str, run: Run) -> list[Foreseen]:
    """The demands of DuckDB's JSON plan, in its order; tells the run which first rows are wanted.

    Raises:
        RegionError: a demand does not say its regions.
    """
    roots = json.loads(plan)
    first = _first_rows(roots[0]) if len(roots) == 1 else None
    by = run.hints.sorted_by if run.hints else None
    if run.hints and by is not None and first is not None:
        top = (by[0], Top(by[1], first[0], first[1]))
        run.hints = replace(run.hints, top=top)
    found = []
    for node, whole in (pair for root in roots for pair in _scans(root, True)):
        filters = _listed(node["extra_info"].get("Filters"))
        live = _live(session, filters)
        if live is not None:
            conditions = [text for text in filters if not CARRIED.match(text)]
            # Joined again: DuckDB cuts a filter at a line break within a literal.
            where = predicate("\n".join(conditions)) if conditions else TRUE
            # Of a structure DuckDB may name the members it needs: `schedule.EndTime`.
            names = [name.split(".")[0] for name in _listed(node["extra_info"].get("Projections"))]
            found.append(Foreseen(session.plan(live, names, where, run), conditions, whole))
    return found


def begin(session: Session, plan: str, run: Run, *, ahead: bool) -> None:
    """Learn which first rows a query wants; `ahead`: begin the calls of all its demands together, if there are several.

    Raises:
        RegionError: a demand does not say its regions.
    """
    found = foreseen(session, plan, run)
    if len(found) > 1 and ahead:
        for each in found:
            if each.plan.steps and each.whole:
                session.prefetch(each.plan, run)


def _scans(node: Mapping[str, Any], whole: bool) -> Iterator[tuple[Mapping[str, Any], bool]]:
    """Every scan, and whether all of its rows will be read."""
    name = node.get("name", "").strip()
    if name == SCAN:
        yield node, whole
    if name in STOPS:
        whole = False
    elif name not in PASSES and not _joins(name):
        whole = True
    for at, child in enumerate(node.get("children", ())):
        # A join reads its second side to the end before it reads the first.
        yield from _scans(child, whole or (_joins(name) and at == 1))


def _joins(name: str) -> bool:
    return "JOIN" in name or name == "CROSS_PRODUCT"


def _first_rows(node: Mapping[str, Any]) -> tuple[bool, int] | None:
    """Whether the last ones come first, and how many rows are wanted, if the plan is a top-N of one scan's rows."""
    found = None
    while True:
        name = node.get("name", "").strip()
        if name == SCAN:
            return found
        if name == "TOP_N" and found is None:
            found = _top(node["extra_info"])
            if found is None:
                return None
        elif name != "PROJECTION":
            return None
        (node,) = node["children"]


def _top(told: Mapping[str, Any]) -> tuple[bool, int] | None:
    words = _listed(told.get("Order By"))[0].split()
    try:
        rows = int(told["Top"]) + int(told.get("Offset", 0))
    except (KeyError, ValueError):
        return None
    direction = next((word for word in reversed(words) if word in ("ASC", "DESC")), None)
    return (direction == "DESC", rows) if direction else None


def _live(session: Session, filters: list[str]) -> LiveTable | None:
    """The table whose hidden column a scan filters by."""
    for text in filters:
        if found := CARRIED.match(text):
            return session.live(found[1])
    return None


def _listed(value: str | list[str] | None) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)

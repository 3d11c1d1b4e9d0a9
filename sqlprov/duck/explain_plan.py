"""Reads DuckDB's plan of a query: its scans of live tables, and the first rows that it needs."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from sqlprov.aws.transport.run import Run
from sqlprov.duck.session import Session
from sqlprov.plan.read import ReadPlan
from sqlprov.plan.read.hints import Contained, Top
from sqlprov.plan.read.predicate import TRUE, Opaque, Predicate
from sqlprov.records import dataclass
from sqlprov.sql.lexer import Token, TokenKind, skip, split_conjuncts, tokenize

if TYPE_CHECKING:
    from sqlprov.duck.live_table import LiveTable

CARRIED = re.compile(r'\("(__ctx_\w+)" = ')
"""A filter on a table's hidden column."""
SCAN = "PYTHON_ARROW_SCAN"
"""DuckDB's name for the scan of a Python object."""
STARTING = ("PREFIX", "STARTS_WITH")
"""Functions of a column and the string that it starts with."""
CONTAINING = ("CONTAINS", "SUFFIX", "ENDS_WITH", *STARTING)
"""Functions of a column and the string that it contains."""
STOPS = frozenset({"LIMIT", "STREAMING_LIMIT", "LIMIT_PERCENT"})
"""Steps that may stop before their input ends."""
PASSES = frozenset(
    {"PROJECTION", "FILTER", "UNNEST", "STREAMING_WINDOW", "STREAMING_SAMPLE", "UNION", *STOPS}
)
"""Steps that pass rows one by one: a step above may stop the steps below."""

ROW_BY_ROW = frozenset({"PROJECTION", "FILTER", "UNNEST", "UNION", "EMPTY_RESULT"})
"""Steps that look at one row at a time, or at none."""

Node = Mapping[str, Any]


@dataclass(frozen=True)
class PlanScan:
    """A scan of a live table in DuckDB's plan.

    Attributes:
        session: the session.
        node: the step of the plan.
        live: the table.
        columns: the requested columns.
        conditions: the conditions that DuckDB checks on its rows, as SQL.
        checks: the condition of the FILTER above it, which DuckDB does not pass to it; empty if there is none.
        is_whole: whether DuckDB will read all of it.
    """

    session: Session
    node: Node
    live: LiveTable
    columns: tuple[str, ...]
    conditions: tuple[str, ...]
    checks: str
    is_whole: bool

    @cached_property
    def where(self) -> Predicate:
        """The conditions as a predicate."""
        return parse_conditions(self.session.duck, self.live.schema, self.conditions)

    def plan(self, run: Run, *, may_call: bool = True) -> ReadPlan:
        """The calls that the scan will make; raises what `Planner.plan` does."""
        return self.session.scans.plan(self.live, self.columns, self.where, run, may_call=may_call)


class QueryPlan:
    """DuckDB's plan of a query.

    Attributes:
        roots: its steps, as EXPLAIN (FORMAT json) prints them.
        scans: the scans of live tables, in the plan's order.
    """

    def __init__(self, session: Session, text: str) -> None:
        self._session = session
        self.roots: list[Node] = json.loads(text)
        self.scans = [
            scan
            for root in self.roots
            for node, checks, is_whole in walk_scans(root, "", True)
            if (scan := _read_scan(session, node, checks, is_whole)) is not None
        ]

    def note_hints(self, run: Run) -> None:
        """Pass the run what rows of tables with one scan contain; and the top N of each that is read only for it."""
        if run.hints is None:
            return
        counts = Counter(scan.live.table.full_name for scan in self.scans)
        contained = {
            name: texts
            for scan in self.scans
            if counts[name := scan.live.table.full_name] == 1
            and (texts := tuple(list_contained(scan.checks)))
        }
        by = run.hints.sorted_by
        first = {id(node): rows for root in self.roots for node, rows in _list_first_rows(root)} if by else {}
        top = {
            name: Top(by[name], *first[id(scan.node)])
            for scan in self.scans
            if counts[name := scan.live.table.full_name] == 1 and name in by and id(scan.node) in first
        }
        run.hints = replace(run.hints, contained=contained, top=top)

    def plan_scans(self, run: Run, *, together: bool) -> list[ReadPlan]:
        """The plans of all scans, without calls; `together` if they will be prefetched, and so share parents."""
        from sqlprov.plan.read.sharing import share_parents

        plans = [scan.plan(run, may_call=False) for scan in self.scans]
        whole = [at for at, scan in enumerate(self.scans) if scan.is_whole and plans[at].steps]
        if together and len(plans) > 1:
            for at, plan in zip(whole, share_parents([plans[at] for at in whole])[0], strict=True):
                plans[at] = plan
        return plans

    def find_joint_step(self) -> str:
        """A step that needs the rows of several scans, or of all places of one; empty if every row stands alone."""
        nodes = [*self.roots]
        for node in nodes:
            name = str(node["name"]).strip()
            if name not in ROW_BY_ROW and (name != SCAN or _read_scan(self._session, node, "", True) is None):
                return name
            nodes += node["children"]
        return ""

    def prefetch(self, run: Run) -> None:
        """Start the calls of all scans together, if there are several.

        Raises:
            RegionError: the session has no region for one of them.
        """
        if len(self.scans) > 1:
            plans = [(scan.plan(run), scan.is_whole) for scan in self.scans]
            self._session.scans.prefetch([plan for plan, is_whole in plans if plan.steps and is_whole], run)


def list_info(node: Node, name: str) -> list[str]:
    """An entry of a step's `extra_info`: DuckDB prints a string, a list of strings, or nothing."""
    value = node["extra_info"].get(name)
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def list_contained(condition: str) -> Iterator[Contained]:
    """The strings that columns contain wherever a condition of DuckDB's plan holds."""
    for part in split_conjuncts(condition):
        match tokenize(part):
            case [function, _, column, _, Token(kind=TokenKind.STRING) as text, _] if function.is_one_of(
                *CONTAINING
            ):
                yield Contained(column.value, text.value, function.is_one_of(*STARTING))
            case [column, Token(text="~"), Token(text="~"), Token(kind=TokenKind.STRING) as text]:  # LIKE
                pieces = re.split("[%_]", text.value)
                yield from (Contained(column.value, each, not at) for at, each in enumerate(pieces) if each)


def _read_scan(session: Session, node: Node, checks: str, is_whole: bool) -> PlanScan | None:
    filters = list_info(node, "Filters")
    carriers = [match[1] for text in filters if (match := CARRIED.match(text))]
    live = session.find_live(carriers[0]) if carriers else None
    if live is None:
        return None
    conditions = tuple(text for text in filters if not CARRIED.match(text))
    # DuckDB may name the members of a structure that it needs: `schedule.EndTime`.
    columns = tuple(name.split(".")[0] for name in list_info(node, "Projections"))
    return PlanScan(session, node, live, columns, conditions, checks, is_whole)


def parse_conditions(
    duck: duckdb.DuckDBPyConnection, schema: pa.Schema, conditions: Sequence[str]
) -> Predicate:
    """The conditions that DuckDB prints: it passes them to a table without rows as it will pass them to the scan."""
    if not conditions:
        return TRUE
    from sqlprov.duck.live_table import FilterProbe

    text = "\n".join(conditions)  # DuckDB cuts one at a line break within a literal
    tokens, parts, at = tokenize(text), list[str](), 0
    while at < len(tokens):
        end = skip(tokens, at)
        parts.append(text[tokens[at].start : tokens[end - 1].end])
        at = end
    probe = FilterProbe(schema)
    try:
        with duck.cursor() as own:
            own.from_arrow(probe).filter(" AND ".join(parts)).fetchall()
    except duckdb.Error:  # it prints what it does not read
        return Opaque(frozenset(schema.names))
    return probe.where


def walk_scans(node: Node, checks: str, is_whole: bool) -> Iterator[tuple[Node, str, bool]]:
    """Every scan, the condition of the FILTER above it, and whether all of its rows will be read."""
    name = node["name"].strip()
    if name == SCAN:
        yield node, checks, is_whole
    checks = "\n".join(list_info(node, "Expression")) if name == "FILTER" else ""
    if name in STOPS:
        is_whole = False
    elif name not in PASSES and not _is_join(name):
        is_whole = True
    for at, child in enumerate(node.get("children", ())):
        # A join reads all of its second side before the first.
        yield from walk_scans(child, checks, is_whole or (_is_join(name) and at == 1))


def _is_join(name: str) -> bool:
    return "JOIN" in name or name == "CROSS_PRODUCT"


def _list_first_rows(node: Node) -> Iterator[tuple[Node, tuple[bool, int, str]]]:
    """Each scan whose rows only a top N uses; whether its order is descending, the number of rows, and the condition of
    the FILTER in between."""
    if node["name"].strip() == "TOP_N" and (first := _read_top(node)):
        (below,), checks = node["children"], ""
        while below["name"].strip() == "PROJECTION":
            (below,) = below["children"]
        if below["name"].strip() == "FILTER":
            checks = " AND ".join(list_info(below, "Expression"))
            (below,) = below["children"]
        if below["name"].strip() == SCAN:
            yield below, (*first, checks)
    for child in node.get("children", ()):
        yield from _list_first_rows(child)


def _read_top(node: Node) -> tuple[bool, int] | None:
    words = list_info(node, "Order By")[0].split()
    try:
        rows = int(node["extra_info"]["Top"]) + int(node["extra_info"].get("Offset", 0))
    except (KeyError, ValueError):
        return None
    direction = next((word for word in reversed(words) if word in ("ASC", "DESC")), None)
    return (direction == "DESC", rows) if direction else None

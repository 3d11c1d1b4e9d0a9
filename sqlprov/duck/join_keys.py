"""Finds keys that can only have the values of another table's column, such as `b.key` in `a JOIN b ON b.key = a.x`.

The plan that EXPLAIN prints shows columns by their aliases, so two columns may share a name. A serialized plan refers
to them exactly.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

import duckdb
import pyarrow as pa

from sqlprov.aws.read.rows import IDENTIFIER
from sqlprov.catalog.column import TAG_MAP
from sqlprov.catalog.table import Table
from sqlprov.duck.explain_plan import Node, PlanScan
from sqlprov.duck.scope_finder import REGION
from sqlprov.duck.serialized_plan import serialize_plan, write_table_stub
from sqlprov.duck.session import Session
from sqlprov.plan.read.domain import list_columns, list_conjuncts
from sqlprov.plan.read.hints import JoinKey, Source
from sqlprov.plan.read.needs import find_needs
from sqlprov.plan.read.predicate import IsNull, Not, Predicate

log = logging.getLogger("sqlprov")

_GET, _JOIN, _CTE = "LOGICAL_GET", "LOGICAL_COMPARISON_JOIN", "LOGICAL_MATERIALIZED_CTE"
_PAIRS = frozenset({_JOIN, "LOGICAL_ANY_JOIN", "LOGICAL_CROSS_PRODUCT"})
_PASSES = frozenset({"LOGICAL_ORDER_BY", "LOGICAL_TOP_N", "LOGICAL_LIMIT", "LOGICAL_DISTINCT"})
"""Steps with the columns of their input, and some of its rows."""
_LEFT_ROWS = frozenset({"SEMI", "ANTI", "MARK"})
"""Joins that return only columns of their left side, MARK with one of its own."""
_RIGHT_ROWS = frozenset({"RIGHT_SEMI", "RIGHT_ANTI"})
_NEEDS_PARTNER: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(("INNER", "SEMI", "RIGHT_SEMI"), (0, 1)),
    **dict.fromkeys(("LEFT", "SINGLE", "ANTI"), (1,)),
    **dict.fromkeys(("RIGHT", "RIGHT_ANTI"), (0,)),
}
"""Join -> the sides whose rows do not matter without a partner. Of MARK none: `NULL NOT IN (…)` depends on any row."""
_KEEPS: Mapping[str, tuple[int, ...]] = {
    "INNER": (0, 1),
    **dict.fromkeys(("LEFT", "SINGLE", *_LEFT_ROWS), (0,)),
    **dict.fromkeys(("RIGHT", *_RIGHT_ROWS), (1,)),
}
"""Join -> the sides of which it returns each row independently of their others."""


def find_join_keys(
    session: Session,
    duck: duckdb.DuckDBPyConnection,
    text: str,
    words: Collection[str],
    scans: Sequence[PlanScan],
) -> tuple[JoinKey, ...]:
    """The keys that joins limit wherever the query reads their table; none if anything is unclear.

    Args:
        session: the session.
        duck: the connection of the query, without an open transaction.
        text: the query.
        words: its words in lower case, and those of the views and macros that it reads.
        scans: its scans of live tables.
    """
    lives = {scan.live.table.full_name: scan.live for scan in scans}
    try:
        stubs = [write_table_stub(live.table, words) for live in lives.values()]
        roots = serialize_plan(session, duck, text, stubs, optimize=True)
        keys = list(_Joins(roots, {name: live.table for name, live in lives.items()}).find())
    except (duckdb.Error, LookupError, TypeError, ValueError):  # not every step can be serialized
        log.debug("no keys of joins are known", exc_info=True)
        return ()
    return _choose_keys(keys, scans)


def _choose_keys(keys: Sequence[JoinKey], scans: Sequence[PlanScan]) -> tuple[JoinKey, ...]:
    """Keys whose sources are read to their end, such that no table waits for its own rows.

    A table may need the values for its calls. Rows with a condition are likely to be few, and rows that need calls of
    their own gain most.
    """
    partial, is_open, cost = set[str](), dict[str, bool](), dict[str, int]()
    for scan in scans:
        table, name = scan.live.table, scan.live.table.full_name
        partial |= set() if scan.is_whole else {name}
        is_open[name] = is_open.get(name, True) and not (scan.checks or _has_condition(scan.where))
        needs = find_needs(table, (column for column in scan.columns if column in table.by_name))
        is_child = any(parent.load for parent in table.list.parents)
        calls = 2 if is_child else int(needs.describe or needs.tags or bool(needs.extras))
        cost[name] = max(cost.get(name, 0), calls)

    needed = {
        (scan.live.table.full_name, parent.column)
        for scan in scans
        for parent in scan.live.table.list.parents
        if parent.is_required
    }

    def order(key: JoinKey) -> tuple[bool, bool, int, int]:
        names = [name for name, _ in key.sources]
        is_needed = (key.table, key.column) in needed
        return (
            not is_needed,
            any(map(is_open.get, names)),
            -cost[key.table],
            max(cost[name] for name in names),
        )

    waits: dict[str, set[str]] = {}  # table -> the tables that it waits for, directly or not
    chosen: dict[tuple[str, str], JoinKey] = {}
    for key in sorted(keys, key=order):
        sources = {name for name, _ in key.sources}
        sources.update(*(waits.get(name, ()) for name in sources))
        if key.table in sources or sources & partial or (key.table, key.column) in chosen:
            continue
        is_unlikely = order(key) == (True, True, 0, 0)
        chosen[key.table, key.column] = replace(key, is_unlikely=is_unlikely)
        for name in {key.table, *(each for each in waits if key.table in waits[each])}:
            waits.setdefault(name, set()).update(sources)
    return tuple(chosen.values())


def _has_condition(where: Predicate) -> bool:
    """Whether a condition is likely to leave few rows: DuckDB adds IS NOT NULL to joins, and a region is a place."""
    parts = list_conjuncts(where)
    return any(part != Not(IsNull(column)) for part in parts for column in list_columns(part) - {REGION})


class _Joins:
    """The joins of a serialized plan.

    Args:
        roots: the plan.
        tables: full name -> the live table.
    """

    def __init__(self, roots: Sequence[Node], tables: Mapping[str, Table]) -> None:
        self.tables = tables
        self.nodes = [node for root in roots for node in _walk(root)]
        self.ctes = {node["table_index"]: node["children"][0] for node in self.nodes if node["type"] == _CTE}

    def find(self) -> Iterator[JoinKey]:
        """The keys that joins limit in each scan of their table."""
        # Scan -> column -> the columns that joins compare it with; one of them is enough.
        sources: dict[int, dict[str, list[Source]]] = {}
        for join in self.nodes:
            for scan, column, source in self._list_limits(join) if join["type"] == _JOIN else ():
                sources.setdefault(id(scan), {}).setdefault(column, []).append(source)
        scans: dict[str, list[dict[str, list[Source]]]] = {}
        for node in self.nodes:
            if name := self._find_table(node):
                scans.setdefault(name, []).append(sources.get(id(node), {}))
        for name, each in scans.items():
            for column in sorted(set(each[0]).intersection(*each)):
                for chosen in product(*(scan[column] for scan in each)):
                    yield JoinKey(name, column, frozenset(chosen))

    def _list_limits(self, join: Node) -> Iterator[tuple[Node, str, Source]]:
        """Scan, its column, and the column of another scan that it equals in every row that matters."""
        for condition in join["conditions"]:
            sides = condition["left"], condition["right"]
            is_null_safe = condition["comparison"] == "COMPARE_NOT_DISTINCT_FROM"
            if not (is_null_safe or condition["comparison"] == "COMPARE_EQUAL"):
                continue
            if any(side is None or side["type"] != "BOUND_REF" for side in sides):
                continue
            for side in _NEEDS_PARTNER.get(join["join_type"], ()):
                limited = self._find_column(join["children"][side], sides[side]["index"], is_limited=True)
                source = self._find_column(join["children"][1 - side], sides[1 - side]["index"])
                if limited and source and self._is_key(*limited, is_null_safe):
                    yield *limited, (self._find_table(source[0]), source[1])

    def _is_key(self, scan: Node, column: str, is_null_safe: bool) -> bool:
        """Whether values of a column may choose the calls of a scan; where NULL equals NULL, it must not be NULL."""
        table = self.tables[self._find_table(scan)]
        type_ = table.by_name[column].type
        never_null = {IDENTIFIER, *(parent.column for parent in table.list.parents)}
        never_null |= set(table.key) if len(table.key) == 1 else set()
        is_known = column in never_null or (column in table.key and not is_null_safe)
        return is_known and (pa.types.is_string(type_) or pa.types.is_integer(type_))

    def _find_table(self, node: Node) -> str:
        """The live table that a step reads; empty text if it is another step."""
        if node["type"] != _GET or not node.get("parameters"):
            return ""
        name = node["parameters"][0].get("value")
        return name if name in self.tables else ""

    def _find_column(self, node: Node, at: int, *, is_limited: bool = False) -> tuple[Node, str] | None:
        """The scan and its column that column `at` of a step is.

        Args:
            node: the step.
            at: the place of the column.
            is_limited: whether the step may lose the rows with other values; otherwise it may have fewer values than
                the scan's column, and NULL.
        """
        kind, children = node["type"], node["children"]
        if name := self._find_table(node):
            place = _list_places(node)[at] - 1
            column = self.tables[name].visible_columns[place] if place >= 0 else None
            return (node, column.name) if column and not (column.is_json or column.name == TAG_MAP) else None
        if kind == "LOGICAL_PROJECTION":
            expression = node["expressions"][at]
            is_column = expression["type"] == "BOUND_REF"
            return (
                self._find_column(children[0], expression["index"], is_limited=is_limited)
                if is_column
                else None
            )
        if kind == "LOGICAL_FILTER":
            at = node["projection_map"][at] if node["projection_map"] else at
            return self._find_column(children[0], at, is_limited=is_limited)
        if kind in _PAIRS:
            side, at = self._list_pair(node)[at]
            if is_limited and side not in _KEEPS.get(node.get("join_type", "INNER"), ()):
                return None
            return self._find_column(children[side], at, is_limited=is_limited)
        if is_limited:
            return None
        if kind in _PASSES and not node.get("projections"):
            return self._find_column(children[0], at)
        if kind == "LOGICAL_AGGREGATE_AND_GROUP_BY" and at < len(node["groups"]):
            group = node["groups"][at]
            return self._find_column(children[0], group["index"]) if group["type"] == "BOUND_REF" else None
        if kind == "LOGICAL_CTE_REF" and node["cte_index"] in self.ctes:
            return self._find_column(self.ctes[node["cte_index"]], at)
        return None

    def _list_pair(self, node: Node) -> list[tuple[int, int]]:
        """Side and place of each column of a join."""
        kind, columns = node.get("join_type", "INNER"), list[tuple[int, int]]()
        for side, name in enumerate(("left_projection_map", "right_projection_map")):
            if kind not in (_RIGHT_ROWS, _LEFT_ROWS)[side]:
                places = node.get(name) or range(self._count_columns(node["children"][side]))
                columns += ((side, at) for at in places)
        return columns

    def _count_columns(self, node: Node) -> int:
        kind, children = node["type"], node["children"]
        if kind == _GET:
            return len(_list_places(node))
        if kind == "LOGICAL_PROJECTION":
            return len(node["expressions"])
        if kind == "LOGICAL_FILTER":
            return len(node["projection_map"]) or self._count_columns(children[0])
        if kind in _PAIRS:
            return len(self._list_pair(node)) + (node.get("join_type") == "MARK")
        if kind == "LOGICAL_AGGREGATE_AND_GROUP_BY":
            return len(node["groups"]) + len(node["expressions"]) + len(node.get("grouping_functions", ()))
        if kind == "LOGICAL_CTE_REF":
            return len(node["chunk_types"])
        if kind in _PASSES and not node.get("projections"):
            return self._count_columns(children[0])
        raise ValueError(f"unknown number of columns of {kind}")


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node["children"]:
        yield from _walk(child)


def _list_places(scan: Node) -> list[int]:
    """The places, in the function's columns, of the columns that a scan returns."""
    places = [column["index"] for column in scan["column_indexes"]]
    return [places[at] for at in scan["projection_ids"]] if scan.get("projection_ids") else places

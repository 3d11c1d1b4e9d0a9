"""Finds in DuckDB's plan the regions that scans can be limited to, if DuckDB passes them no condition.

Two things are read from the plan: a FILTER above a scan, whose condition is tried on every region; and joins on the
column, over which DuckDB carries `=` but not IN or LIKE. Anything unclear limits nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlprov.duck.explain_plan import Node, PlanScan, QueryPlan, list_info
from sqlprov.plan.read.domain import find_domain
from sqlprov.plan.read.scope import find_accepted, find_limits
from sqlprov.records import dataclass
from sqlprov.sql.lexer import split_conjuncts

Values = frozenset[str]
Try = Callable[[str], Values | None]
"""The values that meet a SQL condition; `None` if the column alone does not decide it."""

_NOTHING: Values = frozenset()
_BOTH = frozenset({"INNER", "SEMI", "RIGHT_SEMI"})
"""Joins that return only rows with a partner on the other side."""
_TO_RIGHT = frozenset({"LEFT", "SINGLE", "MARK", "ANTI"})
"""Joins that look up partners for the rows of their left side."""
_TO_LEFT = frozenset({"RIGHT", "RIGHT_ANTI"})
_LEFT_ROWS = frozenset({"SEMI", "ANTI", "MARK"})
"""Joins that return only columns of their left side."""
_RIGHT_ROWS = frozenset({"RIGHT_SEMI", "RIGHT_ANTI"})
_NO_ROWS = frozenset({"EMPTY_RESULT", "DUMMY_SCAN"})


@dataclass(frozen=True)
class Narrowed:
    """The values that the open scans of a table can be limited to.

    Attributes:
        values: of the column.
        sources: full names of the tables whose condition limits them, over a join; empty if their own does.
    """

    values: Values
    sources: frozenset[str]


def narrow(plan: QueryPlan, column: str, known: Values, try_: Try, *, is_clean: bool) -> dict[str, Narrowed]:
    """Full name of a table -> what its open scans can be limited to.

    Args:
        plan: DuckDB's plan.
        column: such as `region`.
        known: all values that it may have.
        try_: tries a condition.
        is_clean: whether the column's name means only table columns in the statement.
    """
    walk = _Walk(plan, column, known, try_, is_clean)
    for root in plan.roots:
        walk.read_filters(root, [])
    for root in plan.roots if is_clean else ():
        walk.carry(root)
    nodes: dict[str, list[int]] = {}
    for scan in plan.scans:
        if is_open(scan, column):
            nodes.setdefault(scan.live.table.full_name, []).append(id(scan.node))
    narrowed: dict[str, Narrowed] = {}
    for name, ids in nodes.items():
        if all(node in walk.values for node in ids):
            sources = [walk.sources.get(node, _NOTHING) for node in ids]
            from_joins = _NOTHING.union(*sources) if all(sources) else _NOTHING
            narrowed[name] = Narrowed(_NOTHING.union(*(walk.values[node] for node in ids)), from_joins)
    return narrowed


def is_open(scan: PlanScan, column: str) -> bool:
    """Whether DuckDB passed a scan no condition on the column."""
    if find_domain(scan.where, column).values is not None:
        return False
    return column in scan.columns or bool(find_limits(column, scan.where))


class _Walk:
    """The values that each scan has to read, as far as known."""

    def __init__(self, plan: QueryPlan, column: str, known: Values, try_: Try, is_clean: bool) -> None:
        self.column, self.known, self.try_, self.is_clean = column, known, try_, is_clean
        self.scans = {id(scan.node): scan for scan in plan.scans}
        self.values: dict[int, Values] = {}
        self.sources: dict[int, frozenset[str]] = {}  # of values that come only from joins: their tables
        self.ctes: dict[str, Node] = {}

    def read_filters(self, node: Node, conditions: list[str]) -> None:
        """Note the values of each scan that has a condition, or a FILTER above it.

        Args:
            node: a step.
            conditions: conditions of the filters above, if they hold for each of its rows.
        """
        name, children = _name(node), node["children"]
        if (scan := self.scans.get(id(node))) is not None:
            if find_limits(self.column, scan.where):
                self._limit(node, find_accepted(self.column, scan.where, self.known))
            for condition in conditions if self.column in scan.columns else ():
                if (values := self.try_(condition)) is not None:
                    self._limit(node, values)
        elif name == "CTE":
            self.ctes[node["extra_info"]["Table Index"]] = children[0]
        if name == "FILTER":
            conditions = [*conditions, *split_conjuncts("\n".join(list_info(node, "Expression")))]
        elif not (self.is_clean and _is_transparent(node)):
            conditions = []
        for child in children:
            self.read_filters(child, conditions)

    def _limit(self, scan: Node, values: Iterable[str]) -> None:
        self.values[id(scan)] = self.values.get(id(scan), self.known) & frozenset(values)

    # Over joins

    def carry(self, node: Node) -> None:
        """Carry values over the joins on the column, from the bottom up."""
        children = node["children"]
        for child in children:
            self.carry(child)
        if not self._joins_on_column(node):
            return
        kind = node["extra_info"].get("Join Type")
        if kind == "MARK" and f"{self.column} = {self.column}" in list_info(node, "Conditions"):
            return  # `NULL NOT IN (…)` depends on whether there is any row
        left, right = map(self._find_values, children)
        if kind in _BOTH and (left or right):
            values = left & right if left and right else left or right
            from_left, from_right = map(self._find_sources, children)
            self._push(children[0], values or _NOTHING, from_right)
            self._push(children[1], values or _NOTHING, from_left)
        elif kind in _TO_RIGHT and left:
            self._push(children[1], left, self._find_sources(children[0]))
        elif kind in _TO_LEFT and right:
            self._push(children[0], right, self._find_sources(children[1]))

    def _joins_on_column(self, node: Node) -> bool:
        wanted = (f"{self.column} = {self.column}", f"{self.column} IS NOT DISTINCT FROM {self.column}")
        return len(node["children"]) == 2 and any(text in wanted for text in list_info(node, "Conditions"))

    def _find_values(self, node: Node) -> Values | None:
        """The values that the column can have in the rows of a step; `None` if they are not limited."""
        name, children = _name(node), node["children"]
        if (scan := self.scans.get(id(node))) is not None:
            return self.values.get(id(node)) if self.column in scan.columns else _NOTHING
        if name == "CTE_SCAN":
            source = self.ctes.get(node["extra_info"].get("CTE Index", ""))
            return self._find_values(source) if source else None
        if name == "CTE":
            return self._find_values(children[1])
        if not children:
            columns = [column.lower() for column in list_info(node, "Projections")]
            is_without = name in _NO_ROWS or (name == "SEQ_SCAN" and self.column not in columns)
            return _NOTHING if is_without else None
        kind = node["extra_info"].get("Join Type")
        if kind in _LEFT_ROWS or kind in _RIGHT_ROWS:
            return self._find_values(children[kind in _RIGHT_ROWS])
        below = [self._find_values(child) for child in children]
        if kind == "INNER" and self._joins_on_column(node):
            limited = [values for values in below if values]
            return frozenset.intersection(*limited) if limited else None
        return None if None in below else frozenset().union(*(values or _NOTHING for values in below))

    def _find_sources(self, node: Node) -> frozenset[str]:
        """The tables below a step whose own condition limits the column, or the tables that those got it from."""
        below = frozenset[str]().union(*map(self._find_sources, node["children"]))
        scan = self.scans.get(id(node))
        if scan is None or id(node) not in self.values:
            return below
        return self.sources.get(id(node), frozenset({scan.live.table.full_name}))

    def _push(self, node: Node, values: Values, sources: frozenset[str]) -> None:
        """Limit the scans that provide the join column of `node`, if that drops no row that is used."""
        children, kind = node["children"], node["extra_info"].get("Join Type")
        if (scan := self.scans.get(id(node))) is not None:
            if self.column in scan.columns:
                if id(node) not in self.values or id(node) in self.sources:
                    self.sources[id(node)] = self.sources.get(id(node), _NOTHING) | sources
                self._limit(node, values)
        elif _name(node) == "FILTER" or _is_transparent(node):
            self._push(children[0], values, sources)
        elif kind in _BOTH | _TO_LEFT | _TO_RIGHT and self._joins_on_column(node):
            for child in children:
                self._push(child, values, sources)
        elif kind == "INNER":
            sides = [child for child in children if self._find_values(child) != _NOTHING]
            if len(sides) == 1:
                self._push(sides[0], values, sources)


def _name(node: Node) -> str:
    return str(node["name"]).strip()


def _is_transparent(node: Node) -> bool:
    """Whether a step passes each row, with some or all columns, independently of the others."""
    if _name(node) == "STREAMING_WINDOW":
        return list_info(node, "Projections") == ["limit_rownum"]  # DuckDB's own number of a row, for unnest
    return _name(node) == "PROJECTION"

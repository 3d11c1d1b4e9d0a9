"""A statement's syntax tree in; its references to live tables with their conditions, links and problems out."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from sqlprov.sql import regions_conditions as conditions
from sqlprov.sql.regions_entries import Entries
from sqlprov.sql.regions_free import is_free
from sqlprov.sql.regions_model import (
    NOTHING,
    Carrier,
    Columns,
    Cte,
    Join,
    Kind,
    Op,
    Problem,
    Relation,
    Scope,
)
from sqlprov.sql.regions_relations import add, blurred, closed, renamed, shape, united
from sqlprov.sql.regions_text import conjuncts

_FLAGS = {"by_name", "side", "kind"}
_HARMLESS = {"group", "order", "limit", "offset", "distinct", "windows", "hint", "kind", "sample"}
"""What of a query limits no region by itself: it is read for the queries within."""


class Walk(Entries):
    """Reads the queries of one text."""

    def query(self, node: exp.Expr, outer: Scope | None, filtering: bool, ctes: dict[str, Cte]) -> Relation:
        """What the columns of a query carry; its conditions are noted on the way."""
        ctes = self.ctes(node, outer, ctes)
        if isinstance(node, exp.Select):
            return self.select(node, outer, filtering, ctes)
        if isinstance(node, exp.SetOperation):
            return self.set_operation(node, outer, filtering, ctes)
        if isinstance(node, exp.Subquery) and not node.args.get("joins"):
            inner = self.query(node.this, outer, filtering, ctes)
            return closed(inner) if node.args.get("limit") or node.args.get("offset") else inner
        if isinstance(node, (exp.Pivot, exp.Summarize, exp.Describe, exp.Table, exp.UDTF)):
            return self.enter(Scope(outer, filtering, ctes), node)
        self.trouble(node)
        return Relation("", node, Kind.OTHER)

    def ctes(self, node: exp.Expr, outer: Scope | None, ctes: dict[str, Cte]) -> dict[str, Cte]:
        """`ctes` and those of the query's own WITH."""
        clause = node.args.get("with_")
        if clause is None:
            return ctes
        ctes = dict(ctes)
        for item in clause.expressions:
            name = item.alias.lower()
            own = any(table.name.lower() == name for table in item.this.find_all(exp.Table))
            recursive = bool(clause.args.get("recursive")) and own
            if is_free(self.world, item.this, ctes | ({name: Cte(item, True, True)} if recursive else {})):
                ctes[name] = Cte(item, recursive, True)
                continue
            relation = (self.recursive if recursive else self.once)(item, outer, ctes)
            ctes[name] = Cte(item, recursive, False, renamed(relation, item.args.get("alias")))
        return ctes

    def once(self, item: exp.CTE, outer: Scope | None, ctes: dict[str, Cte]) -> Relation:
        relation = self.query(item.this, outer, True, ctes)
        stops = self.uses.get(item.alias.lower(), 0) != 1 or item.args.get("materialized")
        return closed(relation) if stops else relation

    def recursive(self, item: exp.CTE, outer: Scope | None, ctes: dict[str, Cte]) -> Relation:
        """A CTE that reads itself: the region of its first part is in every row that the second one makes."""
        if not isinstance(item.this, exp.Union):
            self.trouble(item)
            return Relation("", item, Kind.OTHER)
        ctes = self.ctes(item.this, outer, ctes)
        first = self.query(item.this.this, outer, True, ctes).whole().blurred()
        itself = Cte(item, True, False, Relation(item.alias.lower(), item, Kind.OTHER, rest=first))
        ctes = {**ctes, item.alias.lower(): itself}
        second = self.query(item.this.expression, outer, True, ctes).whole().blurred()
        if second.refs - first.refs:  # their region comes back to the conditions of the second part
            problem = Problem(second.refs - first.refs, item.sql(dialect="duckdb"))
            self.world.problems.append(problem)
        return Relation("", item, Kind.OTHER, rest=first | second)

    def set_operation(
        self, node: exp.SetOperation, outer: Scope | None, filtering: bool, ctes: dict[str, Cte]
    ) -> Relation:
        left = self.query(node.this, outer, filtering, ctes)
        right = self.query(node.expression, outer, filtering, ctes)
        columns, rest, order = united(left, right, bool(node.args.get("by_name")))
        same = left.shape if left.shape == right.shape else ""
        result = Relation("", node, Kind.DERIVED, columns, rest, order, same)
        result.correlated = left.correlated | right.correlated
        if not isinstance(node, exp.Union):
            self.judge.compare(node, left, right)
        known = _HARMLESS | {"this", "expression", "with_"}
        if any(value for key, value in node.args.items() if key not in known | _FLAGS):
            self.trouble(node)
        if any(node.args.get(key) for key in ("limit", "offset")):
            result = closed(result)
        return result if isinstance(node, exp.Union) else blurred(result)

    def select(
        self, node: exp.Select, outer: Scope | None, filtering: bool, ctes: dict[str, Cte]
    ) -> Relation:
        scope = Scope(outer, filtering, ctes)
        start = node.args.get("from_")
        if start is not None:
            self.tree(scope, start.this, node.args.get("joins") or [])
        scope.aliases = {
            item.alias.lower(): item.this for item in node.expressions if isinstance(item, exp.Alias)
        }
        where, having, qualify = (node.args.get(key) for key in ("where", "having", "qualify"))
        if node.args.get("sample"):
            everything = frozenset(scope.relations)
            scope.joins.append(Join(Op.FIXED, everything, frozenset()))
        above = self.having_keys(scope, node, having.this if having else None)
        self.judge.conditions(scope, where.this if where else None, above)
        for clause in (having, qualify):
            for condition in conjuncts(clause.this if clause else None):
                if id(condition) not in {id(done) for done, _ in above}:
                    self.judge.refuse(scope, condition)
        self.judge.aggregates(scope, node.expressions)
        for key, value in node.args.items():
            if key not in ("from_", "joins", "with_", "where", "having", "qualify", "expressions"):
                for item in value if isinstance(value, list) else [value]:
                    if isinstance(item, exp.Expr) and key in _HARMLESS:
                        self.judge.carried(scope, item)
                    elif isinstance(item, exp.Expr):
                        self.judge.refuse(scope, item)
        return self.outputs(scope, node)

    def having_keys(
        self, scope: Scope, node: exp.Select, having: exp.Expr | None
    ) -> list[tuple[exp.Expr, str | None]]:
        """The conjuncts of HAVING that say no more than WHERE would: over plain columns of GROUP BY."""
        group = node.args.get("group")
        if having is None or group is None or group.find(exp.Rollup, exp.Cube, exp.GroupingSets):
            return []
        keys = [key for key in group.expressions if isinstance(key, exp.Column)]
        texts = self.source.conjuncts(having, "HAVING")
        return [
            (condition, texts.get(id(condition)))
            for condition in conjuncts(having)
            if (columns := list(conditions.columns(condition)))
            and not condition.find(exp.AggFunc, exp.Query, exp.Window, exp.Anonymous)
            and all(column in keys and column.name.lower() not in scope.aliases for column in columns)
        ]

    def outputs(self, scope: Scope, node: exp.Select) -> Relation:
        columns: Columns = {}
        rest: Carrier = NOTHING
        order: list[tuple[str, Carrier]] | None = []
        for item in node.expressions:
            star = item.this if isinstance(item, exp.Column) else item
            if isinstance(star, exp.Star):
                shown = self.judge.starred(scope, item if isinstance(item, exp.Column) else None, star)
                rest |= shown.rest
                order = None
                for name, carrier in shown.columns.items():
                    add(columns, name, carrier)
                continue
            carrier = self.judge.carried(scope, item.unalias())
            if conditions.wild(item):
                rest, order = rest | carrier, None
                continue
            name = item.alias_or_name.lower()
            if not name:
                rest |= carrier.blurred()
            elif carrier:
                add(columns, name, carrier)
            if order is not None:
                order.append((name, carrier))
        columns = {name: self.moved(scope, node, carrier) for name, carrier in columns.items()}
        if order is not None:
            order = [(name, self.moved(scope, node, carrier)) for name, carrier in order]
        result = Relation("", node, Kind.DERIVED, columns, rest.blurred(), order, shape(scope, node))
        result.correlated = scope.correlated
        return result

    def moved(self, scope: Scope, node: exp.Select, carrier: Carrier) -> Carrier:
        """`carrier` above the SELECT: closed where a condition on the result is none on the rows read."""
        distinct, group = node.args.get("distinct"), node.args.get("group")
        stops = any(node.args.get(key) for key in ("limit", "offset", "sample", "qualify"))
        stops = stops or bool(distinct and distinct.args.get("on"))
        stops = stops or bool(group and group.find(exp.Rollup, exp.Cube, exp.GroupingSets))
        for window in (w for item in node.expressions for w in item.find_all(exp.Window)):
            keys = [self.judge.carried(scope, key) for key in window.args.get("partition_by") or []]
            stops = stops or not carrier.exact or all(key.exact != carrier.exact for key in keys)
        wall = not all(join.plain for join in scope.joins)
        wall = wall or any(item.find(exp.Explode, exp.Unnest) for item in node.expressions)
        return carrier.closed() if stops else replace(carrier, walled=carrier.walled or wall)

"""A statement's syntax tree in; its references to live tables with their conditions, links and problems out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from sqlprov.statements import regions_conditions as conditions
from sqlprov.statements.regions_judge import Judge
from sqlprov.statements.regions_model import (
    NOTHING,
    Carrier,
    Columns,
    Cte,
    Join,
    Kind,
    Names,
    Op,
    Problem,
    Ref,
    Relation,
    Scope,
    World,
    union,
)
from sqlprov.statements.regions_relations import add, blurred, closed, renamed, shape, united
from sqlprov.statements.regions_text import Source, conjuncts

_DEPTH = 20  # views within views


class Walk:
    """One text: the statement, or a view that it reads."""

    def __init__(self, world: World, text: str, tree: exp.Expr, editable: bool) -> None:
        self.world = world
        self.source = Source(text)
        self.editable = editable
        self.judge = Judge(world, self.source, self.query)
        self.seen: set[int] = set()
        self.uses: dict[str, int] = {}
        for table in tree.find_all(exp.Table):
            if len(table.parts) == 1:
                self.uses[table.name.lower()] = self.uses.get(table.name.lower(), 0) + 1

    # Queries

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
        scope = Scope(outer, filtering, ctes)
        carried = union([self.enter(scope, child).whole() for child in node.iter_expressions()])
        return Relation("", node, Kind.OTHER, rest=carried)

    def ctes(self, node: exp.Expr, outer: Scope | None, ctes: dict[str, Cte]) -> dict[str, Cte]:
        """`ctes` and those of the query's own WITH."""
        clause = node.args.get("with_")
        if clause is None:
            return ctes
        ctes = dict(ctes)
        recursive = bool(clause.args.get("recursive"))
        for item in clause.expressions:
            name = item.alias.lower()
            if self.is_free(item.this, ctes | ({name: Cte(item, True, True)} if recursive else {})):
                ctes[name] = Cte(item, recursive, True)
                continue
            if recursive:
                ctes[name] = Cte(item, True, False, Relation(name, item, Kind.OTHER))
            relation = self.query(item.this, outer, True, ctes)
            relation = renamed(relation, item.args.get("alias"))
            if recursive:
                relation = replace(closed(relation), columns={}, rest=relation.whole(), order=None)
            elif self.uses.get(name, 0) != 1 or item.args.get("materialized"):
                relation = closed(relation)
            ctes[name] = Cte(item, recursive, False, relation)
        return ctes

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
                    if isinstance(item, exp.Expr):
                        self.judge.carried(scope, item)
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
        return carrier.closed() if stops else carrier

    # FROM

    def tree(self, scope: Scope, first: exp.Expr, joins: list[exp.Join]) -> frozenset[Relation]:
        """Add the relations of one FROM, or of brackets within it, to `scope`; FROM before SELECT has its own joins."""
        joins = [*(first.args.get("joins") or []), *joins]
        first.set("joins", None)  # what follows an entry is no part of it
        sides = self.relations(scope, first)
        for join in joins:
            right = self.relations(scope, join.this)
            step = Join(_op(join), sides, right, join.args.get("on"), join.sql(dialect="duckdb"))
            self.judge.using(scope, step, join)
            scope.joins.append(step)
            sides = sides | right
        return sides

    def relations(self, scope: Scope, node: exp.Expr) -> frozenset[Relation]:
        inner = _bracketed(node)
        if inner is not None:
            if not node.alias:
                return self.tree(scope, inner, [])
            inside = Scope(scope, True, scope.ctes)
            self.tree(inside, inner, [])
            self.judge.conditions(inside, None, [])
            whole = self.judge.starred(inside, None, exp.Star())
            relation = Relation("", node, Kind.DERIVED, whole.columns, whole.rest)
        else:
            relation = self.enter(scope, node)
        relation = renamed(relation, node.args.get("alias"))
        alias = node.alias_or_name.lower() or relation.alias
        relation = replace(relation, alias=alias, node=node)
        if node.args.get("sample"):
            relation = closed(relation)
        if node.args.get("pivots"):
            relation = self.pivoted(scope, relation, node.args["pivots"])
        scope.relations.append(relation)
        return frozenset([relation])

    def pivoted(self, scope: Scope, relation: Relation, pivots: Iterable[exp.Expr]) -> Relation:
        inside = Scope(scope, True, scope.ctes, [relation])
        for pivot in pivots:
            for choice in pivot.find_all(exp.In):
                self.judge.refuse(inside, choice)
        return Relation(relation.alias, relation.node, Kind.DERIVED, rest=relation.whole())

    def enter(self, scope: Scope, node: exp.Expr) -> Relation:
        """What one entry of FROM gives."""
        if isinstance(node, exp.Lateral):
            return self.enter(scope, node.this)
        if isinstance(node, exp.Table):
            return self.table(scope, node)
        if isinstance(node, exp.Query):
            if self.is_free(node, scope.ctes):
                return Relation("", node, Kind.FREE)
            relation = self.query(node, scope, True, scope.ctes)
            scope.correlated |= relation.correlated
            return relation
        if isinstance(node, exp.Pivot) and isinstance(node.this, exp.Expr):
            relation = self.enter(scope, node.this)
            relation = replace(relation, alias=node.this.alias_or_name.lower())
            return self.pivoted(scope, relation, [node])
        if not node.find(exp.Column, exp.Table):
            return Relation("", node, Kind.FREE if isinstance(node, exp.UDTF) else Kind.OTHER)
        return Relation("", node, Kind.OTHER, rest=self.judge.carried(scope, node).blurred())

    def table(self, scope: Scope, node: exp.Table) -> Relation:
        self.seen.add(id(node))
        if isinstance(node.this, exp.Func):
            return self.function(scope, node)
        parts = tuple(part.name for part in node.parts)
        path = tuple(part.lower() for part in parts)
        cte = scope.ctes.get(path[0]) if len(path) == 1 else None
        if cte is not None:
            if cte.relation is None:
                return Relation(path[-1], node, Kind.FREE)
            return replace(cte.relation, alias=path[-1], correlated=NOTHING)
        if self.world.live(parts):
            if any(ref.node is node for ref in self.world.refs):
                self.world.problems.append(
                    Problem(frozenset(), ".".join(parts))
                )  # read twice: nothing is sure
            ref = Ref(node, ".".join(parts), self.editable)
            self.world.refs.append(ref)
            region = Carrier(frozenset([ref]), frozenset(), (ref,), True)
            return Relation(path[-1], node, Kind.LIVE, {"region": region}, shape=".".join(path), path=path)
        text = self.world.view(parts)
        if text is not None:
            return replace(self.view(text), alias=path[-1], path=path)
        return Relation(path[-1], node, Kind.FREE if self.world.free(parts) else Kind.OTHER, path=path)

    def function(self, scope: Scope, node: exp.Table) -> Relation:
        """A table function: DuckDB's own, or a macro."""
        call = node.this
        name = call.name.lower() if isinstance(call, exp.Anonymous) else ""
        text = self.world.macro(name) if name else None
        if text is not None:
            return self.view(text)
        rest = self.judge.carried(scope, call).blurred()
        free = conditions.table_function(call) and not call.find(exp.Column, exp.Query)
        return Relation(name, node, Kind.FREE if free else Kind.OTHER, rest=rest)

    def view(self, text: str) -> Relation:
        """What a view gives; a condition in it that DuckDB does not push cannot be helped from here."""
        try:
            tree = parse_one(text, dialect="duckdb")
        except (SqlglotError, RecursionError):
            tree = None
        if not isinstance(tree, exp.Query) or self.world.depth >= _DEPTH:
            if "region" in text.lower():
                self.world.problems.append(Problem(frozenset(), text.strip()))
            return Relation("", exp.Select(), Kind.OTHER)
        self.world.depth += 1
        inner = Walk(self.world, text, tree, editable=False)
        if inner.is_free(tree, {}):
            steady = conditions.steady(tree, self.world.macro)
            relation = Relation("", tree, Kind.FREE if steady else Kind.OTHER)
        else:
            relation = inner.query(tree, None, True, {})
            inner.missed(tree)
        self.world.depth -= 1
        return closed(relation) if tree.find(exp.With) else relation

    def is_free(self, node: exp.Expr, ctes: dict[str, Cte]) -> bool:
        """Whether reading it makes no call."""
        own = {cte.alias.lower() for cte in node.find_all(exp.CTE)}
        for table in node.find_all(exp.Table):
            parts = tuple(part.name for part in table.parts)
            if isinstance(table.this, exp.Func):
                if not conditions.table_function(table.this):
                    return False
            elif len(parts) == 1 and parts[0].lower() in own:
                continue
            elif len(parts) == 1 and parts[0].lower() in ctes:
                if not ctes[parts[0].lower()].free:
                    return False
            elif self.world.live(parts) or not self._free(parts):
                return False
        return not node.find(exp.DML)

    def _free(self, parts: Names) -> bool:
        text = self.world.view(parts)
        if text is None:
            return self.world.free(parts)
        try:
            tree = parse_one(text, dialect="duckdb")
        except (SqlglotError, RecursionError):
            return False
        self.world.depth += 1
        free = self.world.depth < _DEPTH and self.is_free(tree, {})
        self.world.depth -= 1
        return free

    def missed(self, tree: exp.Expr, *written: exp.Expr | None) -> None:
        """A live table that the walk did not come by is a problem, not an oversight; so is one in a macro."""
        for table in tree.find_all(exp.Table):
            parts = tuple(part.name for part in table.parts)
            known = id(table) in self.seen or any(table is target for target in written)
            if not known and not isinstance(table.this, exp.Func) and self.world.live(parts):
                self.world.problems.append(Problem(frozenset(), table.sql(dialect="duckdb")))
        for call in tree.find_all(exp.Anonymous):
            text = self.world.macro(call.name)
            if text is not None and not isinstance(call.parent, exp.Table) and not self._harmless(text):
                self.world.problems.append(Problem(frozenset(), call.sql(dialect="duckdb")))

    def _harmless(self, text: str) -> bool:
        try:
            return self.is_free(parse_one(text, dialect="duckdb"), {})
        except (SqlglotError, RecursionError):
            return False


def _op(join: exp.Join) -> Op:
    method, side, kind = (join.args.get(key) or "" for key in ("method", "side", "kind"))
    if method.upper() == "ASOF":
        return Op.ASOF_LEFT if side.upper() == "LEFT" else Op.ASOF
    if method.upper() == "POSITIONAL":
        return Op.FIXED
    return Op(kind.lower()) if kind.upper() in ("SEMI", "ANTI") else Op(side.lower() or "inner")


def _bracketed(node: exp.Expr) -> exp.Expr | None:
    """The first entry of `(a JOIN b ON …)`; `None` for anything else, such as a query in brackets."""
    if not isinstance(node, exp.Subquery):
        return None
    inner = node.this
    if isinstance(inner, exp.Table) or (inner.args.get("joins") and not isinstance(inner, exp.Select)):
        return inner
    return inner if _bracketed(inner) is not None else None

"""An entry of FROM in; the relation that it is, with its references to live tables, out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlglot import exp

from sqlprov.sql import regions_conditions as conditions
from sqlprov.sql.query import syntax_tree
from sqlprov.sql.regions_free import DEPTH, harmless, is_free
from sqlprov.sql.regions_judge import Judge
from sqlprov.sql.regions_model import (
    NOTHING,
    Carrier,
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
from sqlprov.sql.regions_relations import closed, renamed
from sqlprov.sql.regions_text import Source
from sqlprov.sql.regions_views import reaches_region


class Entries:
    """Reads the FROM clauses of one text: the statement, or a view that it reads."""

    def __init__(self, world: World, source: Source, tree: exp.Expr, editable: bool) -> None:
        self.world, self.source = world, source
        self.editable = editable
        self.judge = Judge(world, self.source, self.query)
        self.seen: set[int] = set()
        self.uses: dict[str, int] = {}
        for table in tree.find_all(exp.Table):
            if len(table.parts) == 1:
                self.uses[table.name.lower()] = self.uses.get(table.name.lower(), 0) + 1

    def query(self, node: exp.Expr, outer: Scope | None, filtering: bool, ctes: dict[str, Cte]) -> Relation:
        """What the columns of a query carry; its conditions are noted on the way."""
        raise NotImplementedError

    def tree(self, scope: Scope, first: exp.Expr, joins: list[exp.Join]) -> frozenset[Relation]:
        """Add the relations of one FROM, or of brackets within it, to `scope`; FROM before SELECT has its own joins."""
        joins = [*(first.args.get("joins") or []), *joins]
        first.set("joins", None)  # what follows an entry is no part of it
        sides = self.relations(scope, first)
        plain = _plain(first)
        for join in joins:
            # `a JOIN b JOIN c ON … ON …` joins c to b first.
            nested = join.this.args.get("joins")
            right = self.tree(scope, join.this, []) if nested else self.relations(scope, join.this)
            step = Join(_op(join), sides, right, join.args.get("on"), join.sql(dialect="duckdb"))
            plain = plain and _plain(join.this)
            step.plain = step.plain and plain
            self.judge.using(scope, step, join)
            scope.joins.append(step)
            sides = sides | right
        return sides

    def relations(self, scope: Scope, node: exp.Expr) -> frozenset[Relation]:
        inner = _bracketed(node)
        changed = any(node.args.get(key) for key in ("sample", "pivots"))
        if inner is not None:
            if not node.alias and not changed:
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
            items = [item for item in pivot.iter_expressions() if item is not pivot.this]
            for item in items:
                for choice in [] if pivot.args.get("unpivot") else item.find_all(exp.In):
                    self.judge.refuse(inside, choice)
                self.judge.carried(inside, item)
            self.judge.aggregates(inside, items)
        return Relation(relation.alias, relation.node, Kind.DERIVED, rest=relation.whole())

    def enter(self, scope: Scope, node: exp.Expr) -> Relation:
        """What one entry of FROM gives."""
        if isinstance(node, exp.Lateral):
            return self.enter(scope, node.this)
        if isinstance(node, exp.Table):
            return self.table(scope, node)
        if isinstance(node, exp.Query):
            if is_free(self.world, node, scope.ctes):
                return Relation("", node, Kind.FREE)
            relation = self.query(node, scope, True, scope.ctes)
            scope.correlated |= relation.correlated
            return relation
        if isinstance(node, exp.Pivot) and isinstance(node.this, exp.Expr):
            relation = self.enter(scope, node.this)
            relation = replace(relation, alias=node.this.alias_or_name.lower())
            return self.pivoted(scope, relation, [node])
        if isinstance(node, (exp.Summarize, exp.Describe)) and isinstance(node.this, exp.Expr):
            return Relation("", node, Kind.OTHER, rest=self.enter(scope, node.this).whole().blurred())
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
                self.trouble(node)  # read twice: nothing is sure
            ref = Ref(node, ".".join(parts), self.editable)
            self.world.refs.append(ref)
            region = Carrier(frozenset([ref]), frozenset(), (ref,), True)
            return Relation(path[-1], node, Kind.LIVE, {"region": region}, shape=".".join(path), path=path)
        text = self.world.view(parts)
        if text is not None:
            return replace(self.view(text), alias=path[-1], path=path)
        return Relation(path[-1], node, Kind.FREE if self.world.free(parts) else Kind.OTHER, path=path)

    def trouble(self, node: exp.Expr) -> None:
        """Note that which regions `node` means is not known."""
        self.world.problems.append(Problem(frozenset(), node.sql(dialect="duckdb")))

    def function(self, scope: Scope, node: exp.Table) -> Relation:
        """A table function: DuckDB's own, or a macro."""
        call = node.this
        name = call.name.lower() if isinstance(call, exp.Anonymous) else ""
        text = self.world.macro(name) if name else None
        if text is not None:
            return self.view(text)
        if name in ("query", "query_table"):
            text = _quoted(call, name)
            if text is not None and syntax_tree(text) is not None:
                return self.view(text)
            self.trouble(call)
        rest = self.judge.carried(scope, call).blurred()
        free = conditions.table_function(call) and not call.find(exp.Column, exp.Query)
        if isinstance(call, exp.Anonymous) and not free:
            # `histogram(aws.sagemaker.models, region)`, `histogram('models', region)`
            rest |= union(self.view(f"FROM {named}").whole() for named in self._named(call))
        return Relation(name, node, Kind.FREE if free else Kind.OTHER, rest=rest.blurred())

    def _named(self, call: exp.Anonymous) -> list[str]:
        """The arguments of a table function that may be a live table or a view."""
        found = []
        for item in call.find_all(exp.Column, exp.Literal):
            text = item.name if isinstance(item, exp.Literal) else item.sql(dialect="duckdb")
            tree = syntax_tree(f"FROM {text}")
            table = tree.find(exp.Table) if tree is not None else None
            parts: Names = tuple(part.name for part in table.parts) if table is not None else ()
            if parts and (self.world.live(parts) or self.world.view(parts) is not None):
                found.append(text)
        return found

    def view(self, text: str) -> Relation:
        """What a view gives; a condition in it that DuckDB does not push cannot be helped from here."""
        source = Source.read(text)
        tree = source.tree() if source is not None else None
        if source is None or not isinstance(tree, exp.Query) or self.world.depth >= DEPTH:
            if any(reaches_region(known, self.world.view) for known in (self.world.text, text)):
                self.world.problems.append(Problem(frozenset(), text.strip()))
            return Relation("", exp.Select(), Kind.OTHER)
        self.world.depth += 1
        inner = type(self)(self.world, source, tree, editable=False)
        if is_free(self.world, tree, {}):
            steady = conditions.steady(tree, self.world.macro)
            relation = Relation("", tree, Kind.FREE if steady else Kind.OTHER)
        else:
            relation = inner.query(tree, None, True, {})
            inner.missed(tree)
        self.world.depth -= 1
        return closed(relation) if tree.find(exp.With) else relation

    def missed(self, tree: exp.Expr, *written: exp.Expr | None) -> None:
        """A live table or a column that the walk did not come by is a problem, not an oversight."""
        for table in tree.find_all(exp.Table):
            parts = tuple(part.name for part in table.parts)
            known = id(table) in self.seen or any(table is target for target in written)
            if known or not (
                isinstance(table.this, exp.Func) or self.world.live(parts) or self.world.view(parts)
            ):
                continue
            if not is_free(self.world, table, {}):
                self.trouble(table)
        for column in tree.find_all(exp.Column):
            if id(column) not in self.judge.read and not self._aside(column):
                self.trouble(column)
        for call in tree.find_all(exp.Anonymous):
            if not isinstance(call.parent, exp.Table) and not harmless(self.world, call.name):
                self.trouble(call)

    def _aside(self, column: exp.Column) -> bool:
        """Whether it is in a query that makes no call, in OVER (PARTITION BY … ORDER BY …) or left out of a `*`."""
        at: exp.Expr | None = column
        while at is not None:
            if isinstance(at.parent, exp.Star) and at.arg_key in ("except_", "rename"):
                return True
            if isinstance(at, exp.Order):  # of UNION and its like; a query's own is read with it
                return True
            if isinstance(at.parent, exp.Window) and at.arg_key in ("partition_by", "order"):
                return True
            if isinstance(at, exp.Query) and is_free(self.world, at, {}):
                return True
            at = at.parent
        return False


def _quoted(call: exp.Anonymous, name: str) -> str | None:
    """The query that `query('…')` or `query_table('…')` stands for; `None` if it is told at run time only."""
    first = call.expressions[0] if call.expressions else exp.Null()
    items: list[exp.Expr] = first.expressions if isinstance(first, exp.Array) else [first]
    if not items or not all(isinstance(item, exp.Literal) and item.is_string for item in items):
        return None
    if name == "query":
        return items[0].name.strip().rstrip(";") if len(items) == 1 else None
    return " UNION ALL BY NAME ".join(f"SELECT * FROM {item.name}" for item in items)


def _plain(node: exp.Expr) -> bool:
    """Whether DuckDB moves conditions past this entry of FROM: not past what depends on the entries before it."""
    return isinstance(node, exp.Table) and not isinstance(node.this, exp.Func) and not node.args.get("pivots")


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

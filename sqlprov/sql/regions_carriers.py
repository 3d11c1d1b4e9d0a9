"""An expression and its scope in; what its value tells about regions out."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from sqlprov.sql import regions_conditions as conditions
from sqlprov.sql.regions_model import (
    NOTHING,
    Carrier,
    Columns,
    Cte,
    Join,
    Kind,
    Link,
    Op,
    Relation,
    Scope,
    Use,
    World,
    union,
)
from sqlprov.sql.regions_text import Source

INNER = (Op.INNER, Op.SEMI)


class Carriers:
    """Reads the columns of one text; `query` gives what a query within an expression gives."""

    def __init__(
        self,
        world: World,
        source: Source,
        query: Callable[[exp.Expr, Scope | None, bool, dict[str, Cte]], Relation],
    ) -> None:
        self.world, self.source, self._query = world, source, query
        self._nested: dict[int, Relation] = {}
        self._linked: set[int] = set()
        self.read: set[int] = set()

    def use(self, scope: Scope, column: exp.Column) -> Use:
        """What `column`, written in `scope`, refers to."""
        self.read.add(id(column))
        carrier, relation, certain = self.lookup(scope, column)
        outer: list[tuple[Carrier, bool]] = []
        inside, around, sure = scope, scope.outer, bool(column.table) or not scope.relations
        while around is not None and not certain:
            found, owner, certain = self.lookup(around, column)
            shadow = owner.shadow if owner is not None else NOTHING
            if shadow or not sure:
                found = (found | shadow).blurred()
            if found:
                outer.append((found, inside.filtering))
            sure = sure and (bool(column.table) or not around.relations)
            inside, around = around, around.outer
        return Use(carrier, relation, tuple(outer))

    def lookup(self, scope: Scope, column: exp.Column) -> tuple[Carrier, Relation | None, bool]:
        """What it carries, its relation, and whether this is certain."""
        if not column.table:
            return self._bare(scope, column.name.lower())
        path = tuple(part.name.lower() for part in column.parts[:-1])
        for relation in scope.relations:
            full = relation.path[-len(path) :] == path and not relation.node.alias
            if full if len(path) > 1 else relation.alias == path[0]:
                if len(path) > 1:
                    for ref in relation.whole().refs:
                        ref.qualified = True
                return relation.column(column.name.lower()), relation, True
        carrier, _, certain = self._bare(scope, path[-1])  # a field of a structure
        return carrier.blurred(), None, certain and bool(carrier)

    def _bare(self, scope: Scope, name: str) -> tuple[Carrier, Relation | None, bool]:
        if name in scope.merged:
            carrier, relation = scope.merged[name]
            return carrier, relation, True
        owners = [relation for relation in scope.relations if name in relation.columns]
        owners = [relation for relation in owners if relation not in scope.hidden()] or owners
        if len(owners) == 1:
            return owners[0].column(name), owners[0], True
        if owners:
            return union(relation.column(name) for relation in owners), None, True
        only = scope.relations[0] if len(scope.relations) == 1 else None
        row = union(relation.whole() for relation in scope.relations if relation.alias == name)
        rest = union(relation.rest for relation in scope.relations)
        alias = self._alias(scope, name)
        return (row | rest | alias).blurred(), only, bool(row)

    def _alias(self, scope: Scope, name: str) -> Carrier:
        """What a name of the select list carries; it is taken away meanwhile, as `x AS x` names a column."""
        node = scope.aliases.pop(name, None)
        if node is None:
            return NOTHING
        carrier = self.carried(scope, node)
        scope.aliases[name] = node
        return carrier

    def nested(self, scope: Scope, query: exp.Expr, filtering: bool) -> Relation:
        """What a query within an expression gives."""
        if id(query) not in self._nested:
            self._nested[id(query)] = Relation("", query, Kind.OTHER)  # it may meet its own name within
            relation = self._query(query, scope, filtering, scope.ctes)
            scope.correlated |= relation.correlated
            self._nested[id(query)] = relation
        return self._nested[id(query)]

    def carried(self, scope: Scope, node: exp.Expr) -> Carrier:
        """What a value of the select list carries."""
        if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
            use = self.use(scope, node)
            if use.outer:
                around = union(carrier for carrier, _ in use.outer)
                scope.correlated |= around
                return (use.carrier | around).blurred()
            return self._exposed(scope, use.relation, use.carrier)
        return self.depends(scope, node, filtering=False, level=None, skip=frozenset())

    def depends(
        self, scope: Scope, node: exp.Expr, filtering: bool, level: Join | None, skip: frozenset[Relation]
    ) -> Carrier:
        """What all that is written in `node` carries; columns of `skip` and linked ones left out."""
        covered = self._in_links(scope, node, filtering, level)
        total = NOTHING
        for column in conditions.columns(node):
            use = self.use(scope, column)
            if isinstance(column.this, exp.Star):
                total |= use.relation.whole() if use.relation is not None else NOTHING
            elif id(column) not in covered and (use.relation is None or use.relation not in skip):
                total |= self._exposed(scope, use.relation, use.carrier, level)
                total |= union(carrier for carrier, filters in use.outer if filters or not filtering)
            scope.correlated |= union(carrier for carrier, _ in use.outer)
        for query in conditions.queries(node):
            relation = self.nested(scope, query, filtering)
            if id(query) not in covered and not isinstance(query.parent, exp.Exists):
                total |= relation.whole()
            if not filtering:
                total |= relation.correlated
        if conditions.wild(node):
            total |= union(relation.whole() for relation in scope.relations)
        return total.blurred()

    def _exposed(
        self, scope: Scope, relation: Relation | None, carrier: Carrier, level: Join | None = None
    ) -> Carrier:
        """`carrier` as it leaves the joins below `level`."""
        if relation is None or not scope.nulled(relation, level):
            return carrier
        shadow = relation.shadow
        return Carrier(carrier.refs | shadow.refs, carrier.links | shadow.links, carrier.exact)

    def starred(self, scope: Scope, column: exp.Column | None, star: exp.Star) -> Relation:
        """What `*` or `t.*` gives."""
        chosen = [r for r in scope.relations if r not in scope.hidden()]
        if column is not None:
            relation = self.use(scope, column).relation
            chosen = [relation] if relation is not None else chosen
        columns: Columns = {}
        rest = NOTHING
        for relation in chosen:
            rest |= self._exposed(scope, relation, relation.rest)
            for name, carrier in relation.columns.items():
                if name in scope.merged and column is None:
                    columns[name] = self._exposed(scope, scope.merged[name][1], scope.merged[name][0])
                elif name in columns:
                    both = (columns[name] | carrier).blurred()
                    columns[name] = columns[f"{name}_1"] = columns[f"{name}_{len(chosen)}"] = both
                else:
                    columns[name] = self._exposed(scope, relation, carrier)
        for item in star.args.get("except_") or []:
            columns.pop(item.name.lower(), None)
        for item in star.args.get("replace") or []:
            columns[item.alias.lower()] = self.carried(scope, item.this)
        for item in star.args.get("rename") or []:
            columns[item.alias.lower()] = columns.pop(item.this.name.lower(), rest)
        return Relation("", star, Kind.DERIVED, columns, rest)

    def _in_links(self, scope: Scope, node: exp.Expr, filtering: bool, level: Join | None) -> set[int]:
        """Link `region IN (SELECT region …)`; the columns and queries that this accounts for."""
        covered: set[int] = set()
        for item in node.find_all(exp.In):
            query = item.args.get("query")
            if query is None or not any(query is outermost for outermost in conditions.queries(node)):
                continue
            order = self.nested(scope, query, filtering).order
            values = item.this.expressions if isinstance(item.this, exp.Tuple) else [item.this]
            if order is None or len(order) != len(values):
                continue
            left = 0
            for value, (_, carrier) in zip(values, order, strict=True):
                use = self.use(scope, value) if isinstance(value, exp.Column) else None
                if use is not None and use.carrier.exact and carrier.exact and not use.outer:
                    covered.add(id(value))
                    if id(value) not in self._linked:
                        self._linked.add(id(value))
                        top = node.unnest() is item and level is None
                        own = use.relation is not None and self.limits(scope, use.relation, use.carrier, None)
                        # NULL NOT IN (…) is true of no rows and of no others: a row too few would change it.
                        text = item.sql(dialect="duckdb")
                        self.link(use.carrier, carrier, top or own, top and own, filtering, text)
                else:
                    left += bool(carrier)
            if not left:
                covered.add(id(query))
        return covered

    def link(
        self, left: Carrier, right: Carrier, down: bool, up: bool, filters_left: bool, text: str
    ) -> list[Link]:
        # Several references are a UNION: together they hold the regions, one alone does not limit the other side.
        down, up = down and right.open and len(left.exact) == 1, up and left.open and len(right.exact) == 1
        links = [
            Link(a, b, down, up, filters_left, True, text)
            for a in left.exact
            for b in right.exact
            if a is not b
        ]
        self.world.links += links
        return links

    def limits(self, scope: Scope, relation: Relation, carrier: Carrier, level: Join | None) -> bool:
        """Whether a condition of `level` on `relation` is one on the rows it reads."""
        if not carrier.open or scope.nulled(relation, level):
            return False
        if level is None or level.op in INNER or (level.op is Op.ASOF and relation in level.left):
            return True
        return level.op not in (Op.FULL, Op.FIXED) and relation in level.outer()

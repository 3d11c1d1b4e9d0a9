"""A condition and its scope in; what it does to the regions of each reference out: a part, a link or a problem."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from sqlprov.statements import regions_conditions as conditions
from sqlprov.statements.regions_model import (
    NOTHING,
    Carrier,
    Columns,
    Cte,
    Join,
    Kind,
    Link,
    Op,
    Part,
    Problem,
    Relation,
    Scope,
    Use,
    union,
)
from sqlprov.statements.regions_text import Source, conjuncts

if TYPE_CHECKING:
    from sqlprov.statements.regions_walk import World

_INNER = (Op.INNER, Op.SEMI)


@dataclass(eq=False)
class _Pending:
    """A condition that the known regions can be tried on; `relation` is `None` if it names free relations only."""

    condition: exp.Expr | None
    text: str | None
    level: Join | None
    relation: Relation | None
    column: str
    carrier: Carrier
    frees: set[Relation] = field(default_factory=set)
    pushed: bool = False


class Judge:
    """Reads the conditions of one text."""

    def __init__(
        self,
        world: World,
        source: Source,
        query: Callable[[exp.Expr, Scope | None, bool, dict[str, Cte]], Relation],
    ) -> None:
        self.world, self.source, self._query = world, source, query
        self._nested: dict[int, Relation] = {}
        self._linked: set[int] = set()

    # What a column refers to

    def use(self, scope: Scope, column: exp.Column) -> Use:
        """What `column`, written in `scope`, refers to."""
        carrier, relation, certain = self._lookup(scope, column)
        outer: list[tuple[Carrier, bool]] = []
        inside, around, sure = scope, scope.outer, bool(column.table) or not scope.relations
        while around is not None and not certain:
            found, owner, certain = self._lookup(around, column)
            shadow = owner.shadow if owner is not None else NOTHING
            if shadow or not sure:
                found = (found | shadow).blurred()
            if found:
                outer.append((found, inside.filtering))
                scope.correlated |= found
            sure = sure and (bool(column.table) or not around.relations)
            inside, around = around, around.outer
        return Use(carrier, relation, tuple(outer))

    def _lookup(self, scope: Scope, column: exp.Column) -> tuple[Carrier, Relation | None, bool]:
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
            relation = self._query(query, scope, filtering, scope.ctes)
            scope.correlated |= relation.correlated
            self._nested[id(query)] = relation
        return self._nested[id(query)]

    # What an expression carries

    def carried(self, scope: Scope, node: exp.Expr) -> Carrier:
        """What a value of the select list carries."""
        if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
            use = self.use(scope, node)
            if use.outer:
                return (use.carrier | union(carrier for carrier, _ in use.outer)).blurred()
            return self._exposed(scope, use.relation, use.carrier)
        return self._depends(scope, node, filtering=False, level=None, skip=frozenset())

    def _depends(
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

    # Conditions

    def conditions(
        self, scope: Scope, where: exp.Expr | None, above: list[tuple[exp.Expr, str | None]]
    ) -> None:
        """Note what WHERE, the ONs and `above` (conditions of HAVING that might stand in WHERE) do."""
        texts = self.source.conjuncts(where, "WHERE") if where is not None else {}
        filters = [(item, texts.get(id(item))) for item in conjuncts(where)] + above
        self._simplify(scope, [item for item, _ in filters])
        pending: list[_Pending] = []
        for join in scope.joins:
            texts = self.source.conjuncts(join.on, "ON") if join.on is not None else {}
            for item in conjuncts(join.on):
                self._one(scope, item, texts.get(id(item)), join, pending)
            for pair in join.pairs:
                self._pair(scope, join, *pair, pending)
        for item, text in filters:
            self._one(scope, item, text, None, pending)
        late = {id(item) for item, _ in above}
        for part in pending:
            if part.relation is not None:
                self._note(scope, part, pending, id(part.condition) in late)

    def _simplify(self, scope: Scope, filters: list[exp.Expr]) -> None:
        """Make outer joins inner where a condition above refuses their NULLs, as DuckDB does."""
        changed = True
        while changed:
            changed = False
            levels: list[tuple[Join | None, exp.Expr]] = [(None, item) for item in filters]
            levels += [(j, item) for j in scope.joins if j.op in _INNER for item in conjuncts(j.on)]
            for level, item in levels:
                for column in conditions.rejected(item):
                    relation = self.use(scope, column).relation
                    for join in scope.joins if relation is not None else []:
                        if scope.under(join, level) and relation in join.outer():
                            changed |= _narrow(join, relation)

    def _one(
        self, scope: Scope, item: exp.Expr, text: str | None, level: Join | None, pending: list[_Pending]
    ) -> None:
        self._touch(scope, item, level)
        tried = self._triable(scope, item)
        if tried is not None:
            tried.text, tried.level = text, level
            if tried.relation is None or self._limits(scope, tried.relation, tried.carrier, level):
                pending.append(tried)
                return
            if self._preserved(tried.relation, level):
                self._shade(level, Carrier(tried.carrier.refs))
                return
        elif self._equality(scope, item, level):
            return
        self.refuse(scope, item, level)

    def _limits(self, scope: Scope, relation: Relation, carrier: Carrier, level: Join | None) -> bool:
        """Whether a condition of `level` on `relation` is one on the rows it reads."""
        if not carrier.open or scope.nulled(relation, level):
            return False
        if level is None or level.op in _INNER or (level.op is Op.ASOF and relation in level.left):
            return True
        return level.op not in (Op.FULL, Op.FIXED) and relation in level.outer()

    def _preserved(self, relation: Relation, level: Join | None) -> bool:
        """Whether a false ON keeps the rows of `relation`, only without their partners."""
        if level is None or level.op not in (Op.LEFT, Op.RIGHT, Op.FULL, Op.ASOF_LEFT):
            return False
        return level.op is Op.FULL or relation not in level.outer()

    def _shade(self, level: Join | None, carrier: Carrier) -> None:
        for relation in level.outer() if level is not None else ():
            relation.shadow |= carrier

    def _touch(self, scope: Scope, item: exp.Expr, level: Join | None) -> None:
        """A condition over the outer side of a join below also asks whether there was a partner."""
        for column in conditions.columns(item):
            relation = self.use(scope, column).relation
            anywhere = [] if column.table else scope.relations  # a name that may be a column of any of them
            for touched in [relation] if relation is not None else anywhere:
                if scope.nulled(touched, level):
                    self._blame(touched.shadow, item)

    def refuse(self, scope: Scope, item: exp.Expr, level: Join | None = None) -> None:
        """Note that `item` filters by what it carries, and cannot be evaluated."""
        self._touch(scope, item, level)
        skip = frozenset(r for r in scope.relations if self._preserved(r, level))
        carried = self._depends(scope, item, True, level, skip)
        if skip:
            self._shade(level, self._depends(scope, item, True, level, frozenset()))
        self._blame(carried, item)

    def _blame(self, carrier: Carrier, item: exp.Expr | str) -> None:
        if carrier.refs:
            text = item if isinstance(item, str) else item.sql(dialect="duckdb")
            self.world.problems.append(Problem(carrier.refs, text))
        for link in carrier.links:
            link.filters_left = True

    def aggregates(self, scope: Scope, expressions: Iterable[exp.Expr]) -> None:
        """FILTER (WHERE …), and conditions within an aggregate, filter what the select list counts."""
        kinds = (exp.Predicate, exp.If, exp.Case, exp.RegexpLike, exp.CountIf, exp.LogicalOr, exp.LogicalAnd)
        for expression in expressions:
            for node in expression.walk(prune=lambda child: isinstance(child, exp.Query)):
                if isinstance(node, exp.Filter) or (isinstance(node, exp.AggFunc) and node.find(*kinds)):
                    part = node.expression if isinstance(node, exp.Filter) else node
                    self._blame(self._depends(scope, part, False, None, frozenset()), node)

    def compare(self, node: exp.SetOperation, left: Relation, right: Relation) -> None:
        """INTERSECT and EXCEPT compare whole rows, region included."""
        ours, theirs = left.whole().refs, right.whole().refs
        if ours and theirs:
            text = node.sql(dialect="duckdb")
            self.world.links += [Link(a, b, False, False, True, True, text) for a in ours for b in theirs]
        elif theirs or (ours and isinstance(node, exp.Intersect)):
            self._blame(Carrier(ours | theirs), node)

    # Equalities

    def _equality(self, scope: Scope, item: exp.Expr, level: Join | None) -> bool:
        """Note `a.region = b.region`; whether it was one."""
        item = item.unnest()
        if not isinstance(item, exp.EQ):
            return False
        sides = item.this.unnest(), item.expression.unnest()
        if not all(isinstance(side, exp.Column) for side in sides):
            return False
        first, second = (self.use(scope, side) for side in sides)
        if first.outer and not first.carrier:
            first, second = second, first
        if not first.carrier.exact or first.relation is None or first.outer:
            return False
        text = item.sql(dialect="duckdb")
        if len(second.outer) == 1 and not second.carrier:
            carrier, filters = second.outer[0]
            ok = self._limits(scope, first.relation, first.carrier, level)
            self._link(carrier, first.carrier, ok, False, filters, text)
            return bool(carrier.exact)
        if second.relation is None or second.outer or not second.carrier.exact:
            return False
        self._join(scope, level, (first.relation, first.carrier), (second.relation, second.carrier), text)
        return True

    def _join(
        self,
        scope: Scope,
        level: Join | None,
        first: tuple[Relation, Carrier],
        second: tuple[Relation, Carrier],
        text: str,
    ) -> None:
        """Link two relations of one FROM."""
        if level is not None and first[0] in level.outer() and second[0] not in level.outer():
            first, second = second, first
        up, down = (self._limits(scope, *side, level) for side in (first, second))
        keeps = self._preserved(first[0], level) and (level is None or level.op is not Op.FULL)
        if keeps and self._preserved(second[0], level):
            self._shade(level, first[1] | second[1])
            return
        links = self._link(first[1], second[1], down, up, not keeps, text)
        if keeps:
            self._shade(level, Carrier(frozenset(), frozenset(links)))

    def _link(
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
                        own = use.relation is not None and self._limits(
                            scope, use.relation, use.carrier, None
                        )
                        # NULL NOT IN (…) is true of no rows and of no others: a row too few would change it.
                        text = item.sql(dialect="duckdb")
                        self._link(use.carrier, carrier, top or own, top and own, filtering, text)
                else:
                    left += bool(carrier)
            if not left:
                covered.add(id(query))
        return covered

    def using(self, scope: Scope, step: Join, join: exp.Join) -> None:
        """Note the columns that USING or NATURAL make one, before `step` is added to the scope."""
        names = [item.name.lower() for item in join.args.get("using") or []]
        if (join.args.get("method") or "").upper() == "NATURAL":
            known = [{name for r in side for name in r.columns} for side in (step.left, step.right)]
            names = sorted(known[0] & known[1])
            for side, facing, shared in (
                (step.left, step.right, known[1]),
                (step.right, step.left, known[0]),
            ):
                if any(relation.kind is not Kind.LIVE for relation in facing):
                    lone = [c for r in side for name, c in r.columns.items() if name not in shared]
                    self._blame(union(lone), join)
        for name in names:
            (right,) = step.right if len(step.right) == 1 else (None,)
            owners = [r for r in scope.relations if r in step.left and name in r.columns]
            frees = [r for r in scope.relations if r in step.left and r.kind is not Kind.LIVE]
            if name in scope.merged:
                carrier, left = scope.merged[name]
            elif owners:
                carrier, left = owners[0].column(name), owners[0]
            else:
                carrier, left = NOTHING, frees[0] if len(frees) == 1 else None
            other = right.column(name) if right is not None else union(r.column(name) for r in step.right)
            if not carrier and not other:
                continue
            if right is None:
                self._blame(carrier | other, join)
                continue
            step.pairs.append((name, left, carrier, right, other))
            if step.op is Op.FULL:
                scope.merged[name] = (carrier | other).blurred(), None
            elif step.op is Op.RIGHT:
                scope.merged[name] = other, right
            else:
                scope.merged[name] = carrier, left

    def _pair(
        self,
        scope: Scope,
        join: Join,
        name: str,
        left: Relation | None,
        carrier: Carrier,
        right: Relation,
        other: Carrier,
        pending: list[_Pending],
    ) -> None:
        """Note one column of USING."""
        if left is not None and carrier.exact and other.exact:
            self._join(scope, join, (left, carrier), (right, other), join.text)
            return
        ours, free = ((left, right), (right, left))[bool(other)]
        mine = other or carrier
        if (
            ours is None
            or free is None
            or not mine.exact
            or (carrier and other)
            or free.kind is not Kind.FREE
        ):
            self._blame(carrier | other, join.text)
        elif self._limits(scope, ours, mine, join):
            text = f"{_quoted(ours.alias)}.{_quoted(name)} = {_quoted(free.alias)}.{_quoted(name)}"
            pending.append(_Pending(None, text, join, ours, name, mine, {free}))
        elif self._preserved(ours, join):
            self._shade(join, Carrier(mine.refs))
        else:
            self._blame(mine, join.text)

    # Questions

    def _triable(self, scope: Scope, item: exp.Expr) -> _Pending | None:
        """`item` as a condition over one region column and free relations; `None` if it is about more."""
        if conditions.wild(item):
            return None
        result = _Pending(item, None, None, None, "", NOTHING)
        for column in conditions.columns(item):
            use = self.use(scope, column)
            if use.relation is None or use.outer or not self._adds(result, use, column):
                return None
        for query in conditions.queries(item):
            if not self._free(query, scope):
                return None
            inside = {
                node.alias_or_name.lower() for node in query.find_all(exp.Table, exp.Subquery, exp.UDTF)
            }
            for column in query.find_all(exp.Column):
                if isinstance(column.this, exp.Star) or (column.table and column.table.lower() in inside):
                    continue
                owners = [r for r in scope.relations if column.name.lower() in r.columns]
                if not column.table and len(owners) > 1 and column.name.lower() not in scope.merged:
                    continue  # it belongs to the query, or DuckDB finds it ambiguous
                carrier, relation, certain = self._lookup(scope, column)
                if column.table and (relation is None or not certain):
                    return None
                if (column.table or carrier) and not self._adds(result, Use(carrier, relation), column):
                    return None
        simple = all(join.plain for join in scope.joins)
        result.pushed = simple and not result.frees and conditions.plain(item)
        return result

    def _adds(self, pending: _Pending, use: Use, column: exp.Column) -> bool:
        """Take one more column into `pending`; `False` if it is neither free nor the same region column."""
        relation = use.relation
        if relation is None:
            return False
        if relation.kind is Kind.FREE:
            pending.frees.add(relation)
            return True
        name = column.name.lower()
        if (
            not use.carrier.exact
            or pending.relation not in (None, relation)
            or pending.column not in ("", name)
        ):
            return False
        pending.relation, pending.column, pending.carrier = relation, name, use.carrier
        return True

    def _free(self, query: exp.Expr, scope: Scope) -> bool:
        own = {cte.alias.lower() for cte in query.find_all(exp.CTE)}
        for table in query.find_all(exp.Table):
            parts = tuple(part.name for part in table.parts)
            name = parts[0].lower() if len(parts) == 1 else ""
            if isinstance(table.this, exp.Func) or (name and name in own):
                continue
            if name in scope.ctes:
                if not scope.ctes[name].free:
                    return False
            elif self.world.live(parts) or self.world.view(parts) is not None or not self.world.free(parts):
                return False
        return True

    def _note(self, scope: Scope, part: _Pending, pending: list[_Pending], late: bool) -> None:
        """Give each reference of `part` its condition."""
        question = self._question(scope, part, pending)
        text = part.text or (part.condition.sql(dialect="duckdb") if part.condition is not None else "")
        direct = part.relation is not None and part.relation.kind is Kind.LIVE
        for ref in part.carrier.exact:
            pushed = part.pushed and not late and (direct or not ref.editable)
            ref.parts.append(Part(text, question, pushed))

    def _question(self, scope: Scope, part: _Pending, pending: list[_Pending]) -> str | None:
        if part.text is None or part.relation is None or any(ref.qualified for ref in part.carrier.exact):
            return None
        used: list[exp.Expr] = [relation.node for relation in part.frees]
        texts = [part.text]
        if part.condition is not None:
            used.append(part.condition)
        if not all(map(self._repeatable, used)):
            return None
        for extra in pending:
            # Conditions on the free relations alone: to leave one out only widens the scope.
            if extra.relation is not None or not extra.frees or not extra.frees <= part.frees:
                continue
            inner = extra.level is None or extra.level.op in _INNER
            holds = inner and not any(scope.nulled(free, None) for free in extra.frees)
            if extra.condition is None or extra.text is None or not self._repeatable(extra.condition):
                continue
            if holds or extra.level is part.level:
                texts.append(extra.text)
                used.append(extra.condition)
        clause = self._with(scope, used)
        sources = [
            self.source.relation(relation.node) for relation in sorted(part.frees, key=lambda r: r.alias)
        ]
        if clause is None or None in sources:
            return None
        alias, column = _quoted(part.relation.alias or "unnamed"), _quoted(part.column)
        start = f"{clause}SELECT DISTINCT {alias}.{column} AS region FROM "
        relations = ", ".join([f"{self.world.known} AS {alias}({column})", *map(str, sources)])
        return f"{start}{relations} WHERE " + " AND ".join(f"({text})" for text in texts)

    def _repeatable(self, node: exp.Expr) -> bool:
        return not conditions.parameters(node) and conditions.steady(node, self.world.macro)

    def _with(self, scope: Scope, nodes: list[exp.Expr]) -> str | None:
        """The WITH that `nodes` need; `None` if it cannot be repeated."""
        needed: dict[str, Cte] = {}
        waiting = list(nodes)
        while waiting:
            for table in waiting.pop().find_all(exp.Table):
                name = table.name.lower()
                cte = scope.ctes.get(name) if len(table.parts) == 1 else None
                if cte is not None and name not in needed:
                    needed[name] = cte
                    waiting.append(cte.node.this)
        texts = []
        for name, cte in scope.ctes.items():
            if name in needed:
                text = self.source.cte(cte.node)
                if text is None or not cte.free or not self._repeatable(cte.node.this):
                    return None
                texts.append(text)
        word = "WITH RECURSIVE" if any(cte.recursive for cte in needed.values()) else "WITH"
        return f"{word} {', '.join(texts)} " if texts else ""


def _narrow(join: Join, relation: Relation | None) -> bool:
    """Give up the NULLs that `join` puts for `relation`; whether it does."""
    before = join.op
    if join.op is Op.FULL:
        join.op = Op.LEFT if relation in join.left else Op.RIGHT
    elif join.op in (Op.LEFT, Op.RIGHT):
        join.op = Op.INNER
    return join.op is not before


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

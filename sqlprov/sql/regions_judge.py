"""A condition and its scope in; what it does to the regions of each reference out: a part, a link or a problem."""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from sqlprov.sql import regions_conditions as conditions
from sqlprov.sql.regions_carriers import INNER, Carriers
from sqlprov.sql.regions_model import (
    Carrier,
    Join,
    Kind,
    Link,
    Op,
    Problem,
    Relation,
    Scope,
    union,
)
from sqlprov.sql.regions_questions import Pending, Questions, quoted
from sqlprov.sql.regions_text import conjuncts


class Judge(Carriers):
    """Reads the conditions of one text."""

    @property
    def questions(self) -> Questions:
        """What asks for the regions of a condition."""
        return Questions(self)

    def conditions(
        self, scope: Scope, where: exp.Expr | None, above: list[tuple[exp.Expr, str | None]]
    ) -> None:
        """Note what WHERE, the ONs and `above` (conditions of HAVING that might stand in WHERE) do."""
        texts = self.source.conjuncts(where, "WHERE") if where is not None else {}
        filters = [(item, texts.get(id(item))) for item in conjuncts(where)] + above
        self._simplify(scope, [item for item, _ in filters])
        pending: list[Pending] = []
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
                self.questions.note(scope, part, pending, id(part.condition) in late)

    def _simplify(self, scope: Scope, filters: list[exp.Expr]) -> None:
        """Make outer joins inner where a condition above refuses their NULLs, as DuckDB does."""
        changed = True
        while changed:
            changed = False
            levels: list[tuple[Join | None, exp.Expr]] = [(None, item) for item in filters]
            levels += [(j, item) for j in scope.joins if j.op in INNER for item in conjuncts(j.on)]
            for level, item in levels:
                for column in conditions.rejected(item):
                    relation = self.use(scope, column).relation
                    for join in scope.joins if relation is not None else []:
                        if scope.under(join, level) and relation in join.outer():
                            changed |= _narrow(join, relation)

    def _one(
        self, scope: Scope, item: exp.Expr, text: str | None, level: Join | None, pending: list[Pending]
    ) -> None:
        self._touch(scope, item, level)
        tried = self.questions.triable(scope, item)
        if tried is not None:
            tried.text, tried.level = text, level
            if tried.relation is None or self.limits(scope, tried.relation, tried.carrier, level):
                pending.append(tried)
                return
            if self._preserved(tried.relation, level):
                self._shade(level, Carrier(tried.carrier.refs))
                return
        elif self._equality(scope, item, text, level):
            return
        self.refuse(scope, item, level, text)

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
        for column in conditions.columns(item, over=True):
            relation = self.use(scope, column).relation
            anywhere = [] if column.table else scope.relations  # a name that may be a column of any of them
            for touched in [relation] if relation is not None else anywhere:
                if scope.nulled(touched, level):
                    self._blame(touched.shadow, item)

    def refuse(
        self, scope: Scope, item: exp.Expr, level: Join | None = None, text: str | None = None
    ) -> None:
        """Note that `item` filters by what it carries, and cannot be evaluated."""
        self._touch(scope, item, level)
        skip = frozenset(r for r in scope.relations if self._preserved(r, level))
        carried = self.depends(scope, item, True, level, skip)
        if skip:
            self._shade(level, self.depends(scope, item, True, level, frozenset()))
        self._blame(carried, text or item)

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
                    self._blame(self.depends(scope, part, False, None, frozenset()), node)

    def compare(self, node: exp.SetOperation, left: Relation, right: Relation) -> None:
        """INTERSECT and EXCEPT compare whole rows, region included."""
        ours, theirs = left.whole().refs, right.whole().refs
        if ours and theirs:
            text = node.sql(dialect="duckdb")
            self.world.links += [Link(a, b, False, False, True, True, text) for a in ours for b in theirs]
        elif theirs or (ours and (isinstance(node, exp.Intersect) or left.order is not None)):
            # `SELECT * FROM live EXCEPT SELECT * FROM snapshot` names no region: it is about the default ones.
            self._blame(Carrier(ours | theirs), node)

    def _equality(self, scope: Scope, item: exp.Expr, text: str | None, level: Join | None) -> bool:
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
        text = text or item.sql(dialect="duckdb")
        if len(second.outer) == 1 and not second.carrier:
            carrier, filters = second.outer[0]
            ok = self.limits(scope, first.relation, first.carrier, level)
            links = self.link(carrier, first.carrier, ok, False, filters, text)
            scope.correlated |= Carrier(frozenset(), frozenset(links))
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
        up, down = (self.limits(scope, *side, level) for side in (first, second))
        keeps = self._preserved(first[0], level) and (level is None or level.op is not Op.FULL)
        if keeps and self._preserved(second[0], level):
            self._shade(level, first[1] | second[1])
            return
        links = self.link(first[1], second[1], down, up, not keeps, text)
        if keeps:
            self._shade(level, Carrier(frozenset(), frozenset(links)))

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
                self._blame(union(relation.rest for relation in side), join)
        for name in names:
            (right,) = step.right if len(step.right) == 1 else (None,)
            owners = [r for r in scope.relations if r in step.left and name in r.columns]
            frees = [r for r in scope.relations if r in step.left and r.kind is not Kind.LIVE]
            if name in scope.merged:
                carrier, left = scope.merged[name]
            elif owners:
                carrier, left = owners[0].column(name), owners[0]
            else:
                carrier, left = union(r.rest for r in step.left), frees[0] if len(frees) == 1 else None
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
        pending: list[Pending],
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
        elif self.limits(scope, ours, mine, join):
            text = f"{quoted(ours.alias)}.{quoted(name)} = {quoted(free.alias)}.{quoted(name)}"
            pending.append(Pending(None, text, join, ours, name, mine, {free}))
        elif self._preserved(ours, join):
            self._shade(join, Carrier(mine.refs))
        else:
            self._blame(mine, join.text)


def _narrow(join: Join, relation: Relation | None) -> bool:
    """Give up the NULLs that `join` puts for `relation`; whether it does."""
    before = join.op
    if join.op is Op.FULL:
        join.op = Op.LEFT if relation in join.left else Op.RIGHT
    elif join.op in (Op.LEFT, Op.RIGHT):
        join.op = Op.INNER
    return join.op is not before

"""A condition over one region column in; the SELECT that tries it on the known regions out."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from sqlprov.sql import regions_conditions as conditions
from sqlprov.sql.regions_carriers import INNER, Carriers
from sqlprov.sql.regions_model import (
    NOTHING,
    Carrier,
    Cte,
    Join,
    Kind,
    Part,
    Relation,
    Scope,
    Use,
)


@dataclass(eq=False)
class Pending:
    """A condition that the known regions can be tried on; `relation` is `None` if it names free relations only."""

    condition: exp.Expr | None
    text: str | None
    level: Join | None
    relation: Relation | None
    column: str
    carrier: Carrier
    frees: set[Relation] = field(default_factory=set)
    pushed: bool = False


class Questions:
    """Makes the questions of one text."""

    def __init__(self, carriers: Carriers) -> None:
        self.carriers = carriers

    def triable(self, scope: Scope, item: exp.Expr) -> Pending | None:
        """`item` as a condition over one region column and free relations; `None` if it is about more."""
        if conditions.wild(item):
            return None
        result = Pending(item, None, None, None, "", NOTHING)
        vague = False  # a name without its table: where it is another's, DuckDB refuses the question
        free = [relation for relation in scope.relations if relation.kind is Kind.FREE]
        for column in conditions.columns(item):
            use = self.carriers.use(scope, column)
            if use.relation is None and not (column.table or use.carrier or use.outer) and len(free) == 1:
                use, vague = Use(NOTHING, free[0]), True
            if use.relation is None or use.outer or not self._adds(result, use, column):
                return None
        if vague and result.relation is None:
            return None
        for query in conditions.queries(item):
            if not self._free(query, scope) or not self._within(scope, query, result):
                return None
        simple = all(join.plain for join in scope.joins)
        result.pushed = simple and not (result.frees or result.carrier.walled) and conditions.plain(item)
        return result

    def _within(self, scope: Scope, query: exp.Expr, result: Pending) -> bool:
        """Take what a free query takes from its surroundings into `result`."""
        inside = {node.alias_or_name.lower() for node in query.find_all(exp.Table, exp.Subquery, exp.UDTF)}
        for column in query.find_all(exp.Column):
            if isinstance(column.this, exp.Star) or (column.table and column.table.lower() in inside):
                continue
            owners = [r for r in scope.relations if column.name.lower() in r.columns]
            if not column.table and len(owners) > 1 and column.name.lower() not in scope.merged:
                continue  # it belongs to the query, or DuckDB finds it ambiguous
            use = self.carriers.use(scope, column)
            if use.outer or (column.table and use.relation is None):
                return False
            if not column.table and use.carrier and result.relation is None:
                return False  # the query's own, or ours?
            if (column.table or use.carrier) and not self._adds(result, use, column):
                return False
        return True

    def _adds(self, pending: Pending, use: Use, column: exp.Column) -> bool:
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
            if isinstance(table.this, exp.Func):
                if not conditions.table_function(table.this):
                    return False
                continue
            if name and name in own and not self.carriers.world.live(parts):
                continue
            if name in scope.ctes:
                if not scope.ctes[name].free:
                    return False
            elif (
                self.carriers.world.live(parts)
                or self.carriers.world.view(parts) is not None
                or not self.carriers.world.free(parts)
            ):
                return False
        return True

    def note(self, scope: Scope, part: Pending, pending: list[Pending], late: bool) -> None:
        """Give each reference of `part` its condition."""
        question, asked = self._question(scope, part, pending) or (None, "")
        text = part.text or (part.condition.sql(dialect="duckdb") if part.condition is not None else "")
        direct = conditions.direct(part.condition) if part.condition is not None and not part.frees else None
        live = part.relation is not None and part.relation.kind is Kind.LIVE
        for ref in part.carrier.exact:
            pushed = part.pushed and not late and (live or not ref.editable)
            ref.parts.append(Part(text, question, asked, direct, pushed))

    def _question(self, scope: Scope, part: Pending, pending: list[Pending]) -> tuple[str, str] | None:
        """The question, and what it tries in the user's words."""
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
            inner = extra.level is None or extra.level.op in INNER
            holds = inner and not any(scope.nulled(free, None) for free in extra.frees)
            if extra.condition is None or extra.text is None or not self._repeatable(extra.condition):
                continue
            if holds or extra.level is part.level:
                texts.append(extra.text)
                used.append(extra.condition)
        clause = self._with(scope, used)
        sources = [
            self.carriers.source.relation(relation.node)
            for relation in sorted(part.frees, key=lambda r: r.alias)
        ]
        if clause is None or None in sources:
            return None
        alias, column = quoted(part.relation.alias or "unnamed"), quoted(part.column)
        start = f"{clause}SELECT DISTINCT {alias}.{column} AS region FROM "
        relations = ", ".join([f"{self.carriers.world.known} AS {alias}({column})", *map(str, sources)])
        question = f"{start}{relations} WHERE " + " AND ".join(f"({text})" for text in texts)
        return question, " AND ".join(texts)

    def _repeatable(self, node: exp.Expr) -> bool:
        return not conditions.unnamed(node) and conditions.steady(node, self.carriers.world.macro)

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
                text = self.carriers.source.cte(cte.node)
                if text is None or not cte.free or not self._repeatable(cte.node.this):
                    return None
                texts.append(text)
        word = "WITH RECURSIVE" if any(cte.recursive for cte in needed.values()) else "WITH"
        return f"{word} {', '.join(texts)} " if texts else ""


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

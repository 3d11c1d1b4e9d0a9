"""What a query gives in; the same under another name, closed or united with another out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from sqlglot import exp

from sqlprov.sql.regions_model import Carrier, Columns, Kind, Relation, Scope


def add(columns: Columns, name: str, carrier: Carrier) -> None:
    """A second column `region` is `region_1` outside; which one a name means is not claimed."""
    if name not in columns:
        columns[name] = carrier
        return
    both = (columns[name] | carrier).blurred()
    taken = sum(bool(re.fullmatch(rf"{re.escape(name)}(_\d+)?", other)) for other in columns)
    columns[name] = columns[f"{name}_{taken}"] = both


def closed(relation: Relation) -> Relation:
    """`relation` where conditions stop."""
    return _each(relation, Carrier.closed)


def blurred(relation: Relation) -> Relation:
    """`relation` whose columns are no longer the region itself."""
    return _each(relation, Carrier.blurred)


def _each(relation: Relation, change: Callable[[Carrier], Carrier]) -> Relation:
    columns = {name: change(carrier) for name, carrier in relation.columns.items()}
    order = relation.order
    if order is not None:
        order = [(name, change(carrier)) for name, carrier in order]
    return replace(relation, columns=columns, order=order)


def renamed(relation: Relation, alias: exp.Expr | None) -> Relation:
    """`relation` under `t(a, b)`."""
    names = [column.name.lower() for column in (alias.args.get("columns") or [] if alias else [])]
    if not names or relation.kind is Kind.FREE:
        return relation
    if relation.order is None:
        return replace(relation, columns={}, rest=relation.whole())
    order = [
        (names[at] if at < len(names) else name, carrier) for at, (name, carrier) in enumerate(relation.order)
    ]
    columns: Columns = {}
    for name, carrier in order:
        if carrier:
            add(columns, name, carrier)
    return replace(relation, columns=columns, order=order)


def shape(scope: Scope, node: exp.Select) -> str:
    """`Relation.shape` of a SELECT."""
    if len(scope.relations) != 1 or not scope.relations[0].shape:
        return ""
    return f"{[item.sql() for item in node.expressions]} {scope.relations[0].shape}"


def united(
    left: Relation, right: Relation, by_name: bool
) -> tuple[Columns, Carrier, list[tuple[str, Carrier]] | None]:
    """Columns of a UNION; a column is a region only if it is one on both sides."""

    def both(a: Carrier, b: Carrier) -> Carrier:
        if a.exact and b.exact:
            exact, links = a.exact + b.exact, a.links | b.links
            return Carrier(a.refs | b.refs, links, exact, a.open and b.open, a.walled or b.walled)
        return a | b

    if by_name or (left.shape and left.shape == right.shape):
        names = {*left.columns, *right.columns}
        columns = {name: both(left.column(name), right.column(name)) for name in names}
        return columns, left.rest | right.rest, None
    if left.order is None or right.order is None or len(left.order) != len(right.order):
        carried = left.whole() | right.whole()
        return {}, carried, None
    order = [(name, both(a, b)) for (name, a), (_, b) in zip(left.order, right.order, strict=True)]
    columns = {}
    for name, carrier in order:
        if carrier:
            add(columns, name, carrier)
    return columns, left.rest | right.rest, order

"""Finds the column that a query sorts by, which DuckDB's plan names ambiguously."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

_BARE = {"this", "db", "catalog", "alias"}
_SORTED = {"expressions", "from_", "where", "order", "limit", "offset"}


def find_sort_column(
    tree: exp.Expr, find_live: Callable[[tuple[str, ...]], str | None]
) -> tuple[str, str] | None:
    """The live table and the first sort column of a plain `SELECT … FROM t ORDER BY column LIMIT n`.

    Args:
        tree: the statement.
        find_live: the full name of the live table that a name means; `None` if it means none.
    """
    if not isinstance(tree, exp.Select) or _has_others(tree, _SORTED) or not tree.args.get("limit"):
        return None
    order, start = tree.args.get("order"), tree.args.get("from_")
    if order is None or start is None or not isinstance(start.this, exp.Table):
        return None
    table, key = start.this, order.expressions[0].this
    if isinstance(key, exp.Literal) and not key.is_string:  # ORDER BY 1
        items = tree.expressions[: int(key.name)] if key.name.isdecimal() else []
        if not items or any(item.find(exp.Columns, exp.Star) for item in items):
            return None
        key = items[-1].unalias()
    alias = table.args.get("alias")
    if _has_others(table, _BARE) or (alias is not None and alias.args.get("columns")):
        return None
    is_of_table = isinstance(key, exp.Column) and not key.args.get("db")
    if not is_of_table or key.table.lower() not in ("", table.alias_or_name.lower()):
        return None
    name, live = key.name.lower(), find_live(tuple(part.name for part in table.parts))
    if live is None or any(_is_other_column(item, name) for item in tree.expressions):
        return None
    return live, name


def _is_other_column(item: exp.Expr, name: str) -> bool:
    """Whether an item of the select list may give a column's name to something else."""
    if isinstance(item, exp.Alias):
        inner = item.this
        if isinstance(inner, exp.Column) and not inner.is_star:
            return item.alias.lower() == name != inner.name.lower()
        # The alias of COLUMNS(…) may be built from the names that it matches.
        return item.alias.lower() == name or inner.find(exp.Columns, exp.Star) is not None
    star = item.this if isinstance(item, exp.Column) else item
    if isinstance(star, exp.Star):
        return bool(star.args.get("replace") or star.args.get("rename"))
    return not isinstance(item, exp.Column) and bool(item.find(exp.Columns, exp.Star, exp.Alias))


def _has_others(node: exp.Expr, known: set[str]) -> bool:
    """Whether a node has any part that is not among the known ones."""
    return any(value for key, value in node.args.items() if key not in known)

"""Finds the columns that queries and sub-queries sort by, which DuckDB's plan names ambiguously."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from sqlprov.sql.column_use import find_cte

_BARE = {"this", "db", "catalog", "alias"}
_PLAIN = {"expressions", "from_", "where", "with_"}
_SORTED = _PLAIN | {"order", "limit", "offset"}

FindLive = Callable[[tuple[str, ...]], str | None]
"""The full name of the live table that a name means; `None` if it means none."""


def find_sort_columns(tree: exp.Expr, find_live: FindLive) -> dict[str, str]:
    """Full name of a live table -> the first sort column of a plain `SELECT … FROM t ORDER BY column LIMIT n`.

    The table may stand in a sub-query or CTE that only shows its columns. A table that is named twice has none.

    Args:
        tree: the statement.
        find_live: as above.
    """
    tables = [table for table in tree.find_all(exp.Table) if find_cte(table) is None]
    named = [find_live(tuple(part.name for part in table.parts)) for table in tables]
    sources = [source for select in tree.find_all(exp.Select) if (source := _find_sorted(select))]
    columns: dict[str, str] = {}
    for table, column in sources:
        live = find_live(tuple(part.name for part in table.parts))
        if live is not None and named.count(live) == 1:
            columns.setdefault(live, column)
    return columns


def _find_sorted(select: exp.Select) -> tuple[exp.Table, str] | None:
    """The table and the column of its first ORDER BY; `None` if the query is not plain."""
    order = select.args.get("order")
    if order is None or not select.args.get("limit") or _has_others(select, _SORTED):
        return None
    key = order.expressions[0].this
    if isinstance(key, exp.Literal) and not key.is_string:  # ORDER BY 1
        items = select.expressions[: int(key.name)] if key.name.isdecimal() else []
        if not items or any(item.find(exp.Columns, exp.Star) for item in items):
            return None
        key = items[-1].unalias()
    elif isinstance(key, exp.Column) and not key.table:  # an alias comes before a column of that name
        key = next((item.this for item in select.expressions if _is_alias(item, key.name)), key)
    if not isinstance(key, exp.Column) or any(
        _is_other_column(item, key.name.lower()) for item in select.expressions
    ):
        return None
    return _find_source(select, key)


def _is_alias(item: exp.Expr, name: str) -> bool:
    """Whether an item of the select list gives a column this name."""
    return (
        isinstance(item, exp.Alias)
        and item.alias.lower() == name.lower()
        and isinstance(item.this, exp.Column)
    )


def _find_source(select: exp.Select, key: exp.Column) -> tuple[exp.Table, str] | None:
    """The table and the column that a column of a plain query's source comes from."""
    start, name = select.args.get("from_"), key.name.lower()
    if start is None or key.args.get("db"):
        return None
    source = start.this
    alias = source.args.get("alias")
    if not isinstance(source, exp.Table | exp.Subquery) or _has_others(source, _BARE):
        return None
    if key.table.lower() not in ("", source.alias_or_name.lower()) or (alias and alias.args.get("columns")):
        return None
    inner: exp.Expr | None = source.this
    if isinstance(source, exp.Table):
        cte = find_cte(source)
        if cte is None:
            return source, name
        if cte.args["alias"].args.get("columns") or (
            isinstance(cte.parent, exp.With) and cte.parent.recursive
        ):
            return None
        inner = cte.this
    if not isinstance(inner, exp.Select) or _has_others(inner, _PLAIN):
        return None
    items = [item for item in inner.expressions if item.is_star or item.output_name.lower() == name]
    if len(items) != 1 or any(item.find(exp.Columns) for item in inner.expressions):
        return None
    column = items[0].unalias()
    if column.is_star:
        if _is_other_column(column, name):
            return None
        column = exp.column(name)
    return _find_source(inner, column) if isinstance(column, exp.Column) else None


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

"""Finds hints for scans in a query's syntax tree: conditions and orders that DuckDB does not pass to a table.

A hint holds for every row that the statement can use: it names the table once, in the query whose WHERE has
the condition. DuckDB checks every row in any case.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from sqlprov.plan.read.hints import Contained

Parts = tuple[str, ...]
_BARE = {"this", "db", "catalog", "alias"}
_SORTED = {"expressions", "from_", "where", "order", "limit", "offset"}
_PASSES = {"expressions", "from_"}
_PAIRS = {"ASOF", "POSITIONAL"}
"""Joins whose pairs depend on the other rows of the table."""
_WILD = re.compile(r"[%_]")


@dataclass(frozen=True)
class Read:
    """A name in FROM for a live table with all of its columns under their own names.

    Attributes:
        alias: the name, in lower case.
        table: full name of the table.
        others: lower-case names that may mean something else.
    """

    alias: str
    table: str
    others: frozenset[str] = frozenset()


def find_contained(
    tree: exp.Expr,
    find_live: Callable[[Parts], str | None],
    is_free: Callable[[Parts], bool],
    values: Mapping[str, Any],
) -> dict[str, tuple[Contained, ...]]:
    """The strings that LIKE and similar conditions require: full name of a table -> strings that its rows contain.

    Args:
        tree: the statement.
        find_live: the full name of the live table that a name means; `None` if it means none.
        is_free: whether a name is a relation that makes no call.
        values: parameters by name.
    """
    names = list(tree.find_all(exp.Table))
    if any(isinstance(node.this, exp.Func) for node in names):
        return {}  # query('…') and the like hide the tables they read
    tables = [find_live(_get_parts(node)) for node in names]
    if not all(live or is_free(_get_parts(node)) for node, live in zip(names, tables, strict=True)):
        return {}
    once = {name for name, count in Counter(filter(None, tables)).items() if count == 1}
    texts: dict[str, tuple[Contained, ...]] = {}
    for select in tree.find_all(exp.Select):
        for read, part in _list_conditions(select, find_live):
            if read.table in once:
                texts[read.table] = (*texts.get(read.table, ()), *_list_texts(part, read, values))
    return {name: contained for name, contained in texts.items() if contained}


def find_sort_column(tree: exp.Expr, find_live: Callable[[Parts], str | None]) -> tuple[str, str] | None:
    """The table and the first sort column of a plain `SELECT … FROM t ORDER BY column LIMIT n`."""
    if not isinstance(tree, exp.Select) or _has_others(tree, _SORTED) or not tree.args.get("limit"):
        return None
    order, start = tree.args.get("order"), tree.args.get("from_")
    if order is None or start is None or not isinstance(start.this, exp.Table):
        return None
    read = _read(start.this, find_live)
    key = order.expressions[0].this
    if read is None or not isinstance(key, exp.Column) or not _is_column_of(key, read, alone=True):
        return None
    name = key.name.lower()
    if any(_is_other_column(item, name) for item in tree.expressions):
        return None
    return read.table, name


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


def _list_conditions(
    select: exp.Select, find_live: Callable[[Parts], str | None]
) -> Iterator[tuple[Read, exp.Expr]]:
    """Each condition that must hold, with each live table that it may refer to."""
    where, start = select.args.get("where"), select.args.get("from_")
    if where is None or start is None or select.args.get("sample"):
        return
    joins = select.args.get("joins") or []
    if any(join.method in _PAIRS for join in joins):
        return
    entries = [start.this, *(join.this for join in joins)]
    reads = [_read(entry, find_live) for entry in entries]
    for part in _list_conjuncts(where.this):
        for read in reads:
            column = part.this if isinstance(part, exp.Binary | exp.StartsWith | exp.Contains) else None
            if (
                read is not None
                and isinstance(column, exp.Column)
                and _is_column_of(column, read, alone=len(reads) == 1)
            ):
                yield read, part


def _read(entry: exp.Expr, find_live: Callable[[Parts], str | None]) -> Read | None:
    """The live table whose rows an entry of FROM returns unchanged."""
    alias = entry.args.get("alias")
    if alias is not None and alias.args.get("columns"):
        return None
    if isinstance(entry, exp.Table):
        live = None if _has_others(entry, _BARE) else find_live(_get_parts(entry))
        return Read(entry.alias_or_name.lower(), live) if live else None
    if not isinstance(entry, exp.Subquery) or _has_others(entry, {"this", "alias"}):
        return None
    inner = entry.this
    if not isinstance(inner, exp.Select) or _has_others(inner, _PASSES) or inner.args.get("from_") is None:
        return None
    within = _read(inner.args["from_"].this, find_live)
    # Any other expression may depend on the other rows, as a window does.
    plain = all(_is_alias(item) or item == exp.Star() for item in inner.expressions)
    if within is None or not plain or exp.Star() not in inner.expressions:
        return None
    added = {item.alias.lower() for item in inner.expressions if isinstance(item, exp.Alias)}
    return Read(entry.alias.lower(), within.table, within.others | added)


def _is_alias(item: exp.Expr) -> bool:
    """Whether an item of the select list renames a column."""
    return isinstance(item, exp.Alias) and isinstance(item.this, exp.Column) and not item.this.is_star


def _is_column_of(column: exp.Column, read: Read, *, alone: bool) -> bool:
    """Whether a column is one of `read`; `alone` if there is no other entry in FROM."""
    if column.args.get("db") or column.name.lower() in read.others:
        return False
    qualifier = column.table.lower()
    return qualifier == read.alias if qualifier else alone


def _list_texts(part: exp.Expr, read: Read, values: Mapping[str, Any]) -> Iterator[Contained]:
    """The strings that a column contains if `part` holds."""
    if not isinstance(part, exp.Like | exp.StartsWith | exp.Contains) or part.args.get("negate"):
        return
    text = _get_text(part.expression, values)
    if text is None:
        return
    pieces = _WILD.split(text) if isinstance(part, exp.Like) else [text]
    yield from (Contained(part.this.name.lower(), piece) for piece in pieces if piece)


def _get_text(node: exp.Expr | None, values: Mapping[str, Any]) -> str | None:
    if isinstance(node, exp.Literal) and node.is_string:
        return node.name
    value = values.get(node.name) if isinstance(node, exp.Placeholder) and node.name else None
    return value if isinstance(value, str) else None


def _list_conjuncts(node: exp.Expr) -> Iterator[exp.Expr]:
    node = node.unnest()
    if isinstance(node, exp.And):
        yield from _list_conjuncts(node.this)
        yield from _list_conjuncts(node.expression)
    else:
        yield node


def _get_parts(node: exp.Table) -> Parts:
    return tuple(part.name for part in node.parts)


def _has_others(node: exp.Expr, known: set[str]) -> bool:
    """Whether a node has any part that is not among the known ones."""
    return any(value for key, value in node.args.items() if key not in known)

"""A condition in, what kind of condition it is out; nothing here knows tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import exp

from sqlprov.sql.query import syntax_tree

# What gives the same value before the statement and in it. A function that is not named here counts as volatile.
_SAFE = {"Array", "ArrayContains", "ArrayContainsAll", "ArrayOverlaps", "ArraySize", "Ascii"}
_SAFE |= {"Avg", "Case", "Cast", "Coalesce", "Collate", "Concat", "ConcatWs", "Contains"}
_SAFE |= {"Count", "CountIf", "EndsWith", "Exists", "Explode", "GenerateSeries", "Greatest"}
_SAFE |= {"If", "Initcap", "Least", "Left", "Length", "Lower", "MD5", "Max", "Min", "Nullif"}
_SAFE |= {"Pad", "ReadCSV", "ReadParquet", "RegexpExtract", "RegexpFullMatch", "RegexpILike"}
_SAFE |= {"RegexpReplace", "RegexpSplit", "Repeat", "Replace", "Reverse", "Right", "Split"}
_SAFE |= {"SplitPart", "StartsWith", "StrPosition", "Struct", "Substring", "Sum", "Translate"}
_SAFE |= {"Trim", "TryCast", "Unnest", "Upper"}
_SAFE_NAMES = {"array_extract", "array_has", "getvariable", "ilike_escape", "lcase", "like_escape"}
_SAFE_NAMES |= {"list_extract", "list_has", "list_has_any", "ltrim", "not_ilike_escape"}
_SAFE_NAMES |= {"not_like_escape", "prefix", "range", "read_csv", "read_csv_auto", "read_json"}
_SAFE_NAMES |= {"read_json_auto", "read_ndjson", "row", "rtrim", "strip", "suffix"}
_UNSAFE = (
    exp.Limit,
    exp.Fetch,
    exp.Offset,
    exp.TableSample,
    exp.Window,
    exp.DML,
    exp.Command,
    exp.SessionParameter,
)
TABLE_FUNCTIONS = {"read_csv_auto", "read_json", "read_json_auto", "read_ndjson", "unnest", "range", "glob"}

_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)
_STRICT = (
    *_COMPARISONS,
    exp.Like,
    exp.ILike,
    exp.SimilarTo,
    exp.Glob,
    exp.RegexpLike,
    exp.StartsWith,
    exp.EndsWith,
)
_STRICT_VALUES = (
    exp.Paren,
    exp.Upper,
    exp.Lower,
    exp.Cast,
    exp.Left,
    exp.Right,
    exp.Substring,
    exp.SplitPart,
)


def queries(node: exp.Expr) -> Iterator[exp.Query]:
    """The outermost queries in a condition."""
    for child in node.walk(prune=lambda child: isinstance(child, exp.Query)):
        if isinstance(child, exp.Query):
            yield child


def columns(node: exp.Expr, over: bool = False) -> Iterator[exp.Column]:
    """The columns outside of queries; without `over` not those of OVER (PARTITION BY … ORDER BY …)."""

    def stop(child: exp.Expr) -> bool:
        return isinstance(child, (exp.Query, exp.Column)) or (_orders(child) and not over)

    for child in node.walk(prune=stop):
        if isinstance(child, exp.Column) and (over or not any(map(_orders, _parents(child, node)))):
            yield child


def _orders(node: exp.Expr) -> bool:
    return isinstance(node.parent, exp.Window) and node.arg_key in ("partition_by", "order")


def _parents(node: exp.Expr, top: exp.Expr) -> Iterator[exp.Expr]:
    while node is not top and node.parent is not None:
        yield node
        node = node.parent


def wild(node: exp.Expr) -> bool:
    """Whether it names columns without their names: `*`, COLUMNS(…), #1."""
    for child in node.walk(prune=lambda child: isinstance(child, exp.Query)):
        if isinstance(child, (exp.Columns, exp.PositionalColumn)):
            return True
        if isinstance(child, exp.Star) and not isinstance(child.parent, exp.Count):
            return True
    return False


def table_function(call: exp.Func) -> bool:
    """Whether it is DuckDB's own, over constants and files."""
    return not isinstance(call, exp.Anonymous) or call.name.lower() in TABLE_FUNCTIONS


def unnamed(node: exp.Expr) -> bool:
    """Whether it holds a `?`: there is no saying which one it is."""
    return any(not mark.this for mark in node.find_all(exp.Placeholder))


def steady(node: exp.Expr, macro: Callable[[str], str | None]) -> bool:
    """Whether it gives the same value before the statement and in it; `macro` gives the text of the user's own."""
    for child in node.walk():
        if isinstance(child, _UNSAFE):
            return False
        if isinstance(child, exp.Distinct) and child.args.get("on"):
            return False
        if isinstance(child, exp.Anonymous):
            name = child.name.lower()
            if name not in _SAFE_NAMES | TABLE_FUNCTIONS and not _steady_body(macro(name)):
                return False
        elif isinstance(child, exp.Func) and not _known(child):
            return False
    return True


def _known(node: exp.Func) -> bool:
    return isinstance(node, (exp.Binary, exp.Connector, exp.Predicate)) or type(node).__name__ in _SAFE


def _steady_body(text: str | None) -> bool:
    body = syntax_tree(text or "")
    if body is None:
        return False
    return body.find(exp.Table) is None and steady(body, lambda name: None)


def plain(node: exp.Expr) -> bool:
    """Whether DuckDB hands it to a scan: columns against texts or parameters by = <> < >, IN, BETWEEN, AND, OR, NOT."""
    node = node.unnest()
    if isinstance(node, (exp.And, exp.Or)):
        return plain(node.this) and plain(node.expression)
    if isinstance(node, exp.Not):
        return plain(node.this)
    if isinstance(node, _COMPARISONS):
        pair = node.this.unnest(), node.expression.unnest()
        return any(isinstance(a, exp.Column) and _constant(b) for a, b in (pair, pair[::-1]))
    if isinstance(node, exp.In):
        values = node.expressions
        return isinstance(node.this, exp.Column) and bool(values) and all(map(_constant, values))
    if isinstance(node, exp.Between):
        bounds = node.args["low"], node.args["high"]
        return isinstance(node.this, exp.Column) and all(map(_constant, bounds))
    return False


def direct(node: exp.Expr) -> str | None:
    """The same over a column `region`, if it is `=` or IN, which DuckDB always hands to a scan; else `None`."""
    if not plain(node) or not isinstance(node.unnest(), (exp.EQ, exp.In)):
        return None
    copy = node.unnest().copy()
    for column in list(copy.find_all(exp.Column)):
        column.replace(exp.column("region"))
    return copy.sql(dialect="duckdb")


def _constant(node: exp.Expr) -> bool:
    return isinstance(node, exp.Placeholder) or (isinstance(node, exp.Literal) and node.is_string)


def rejected(node: exp.Expr) -> list[exp.Column]:
    """The columns whose NULL keeps the condition from being true."""
    node = node.unnest()
    if isinstance(node, exp.Not):
        inner = node.this.unnest()
        if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null):
            return _strict_columns(inner.this)
        # NOT (a AND b) may be true with a NULL; NOT (a = b) may not.
        return [] if isinstance(inner, (exp.Connector, exp.Not)) else rejected(inner)
    if isinstance(node, exp.And):
        return [*rejected(node.this), *rejected(node.expression)]
    if isinstance(node, _STRICT):
        return [*_strict_columns(node.this), *_strict_columns(node.expression)]
    if isinstance(node, exp.Between) or (isinstance(node, exp.In) and node.expressions):
        return _strict_columns(node.this)
    return []


def _strict_columns(node: exp.Expr) -> list[exp.Column]:
    while isinstance(node, _STRICT_VALUES):
        node = node.this
    return [node] if isinstance(node, exp.Column) else []

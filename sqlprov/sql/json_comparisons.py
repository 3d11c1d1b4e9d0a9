"""Finds text that is compared with JSON, such as `json_extract(x, '$.a') = 'text'`: in JSON, a text has quotes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types

from sqlprov.errors import show_caret
from sqlprov.sql.query import parse_tree

_COMPARISONS = (
    *(exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ),
    *(exp.Nullif, exp.ArrayContains),
)
_PATTERNS = (
    exp.Like,
    exp.ILike,
    exp.SimilarTo,
    exp.Glob,
    exp.StartsWith,
    exp.RegexpFullMatch,
    exp.RegexpLike,
)
_OTHERS = (exp.In, exp.Between, exp.Case)
_KEEPING = (
    *(exp.Paren, exp.Lower, exp.Upper, exp.Trim, exp.Coalesce, exp.Left, exp.Right),
    *(exp.Max, exp.Min, exp.AnyValue, exp.First, exp.Last),
)
"""Of JSON, their value has quotes too."""
_ROWS = ("json_each", "json_tree")
_BARE = re.compile(r"\s*(?:-?\d[\d.eE+-]*|true|false|null)\s*")
"""JSON without quotes or brackets."""


def find_json_comparison(
    text: str, bodies: Sequence[str], texts: Collection[str], parameters: Mapping[str, Any]
) -> str | None:
    """Why a statement is refused: it compares JSON with text; `None` if it does not, or if sqlglot cannot parse it.

    Args:
        text: the statement.
        bodies: the views and macros that it reaches.
        texts: names of columns, in lower case, that are text.
        parameters: by name or number.
    """
    trees = [tree for each in (text, *bodies) if (tree := parse_tree(each)) is not None]
    if len(trees) <= len(bodies):
        return None
    comparisons = _Comparisons(trees, texts, parameters)
    for json, other in comparisons.list_pairs():
        places = [node.meta["start"] for node in json.walk() if "start" in node.meta]
        written = (
            text[other.meta["start"] : other.meta["end"] + 1] if "end" in other.meta else other.sql("duckdb")
        )
        return (
            f"This is JSON, in which a text has quotes, so it cannot be compared with {written}. "
            f"Write {comparisons.write_text(json)}, which is text.\n{show_caret(text, min(places, default=0))}"
        )
    return None


class _Comparisons:
    def __init__(
        self, trees: Sequence[exp.Expr], texts: Collection[str], parameters: Mapping[str, Any]
    ) -> None:
        self.tree, self.texts, self.parameters = trees[0], texts, parameters
        self.rows = {
            alias
            for call in self.tree.find_all(exp.Anonymous)
            if call.name.lower() in _ROWS and call.parent is not None
            for alias in ("", call.name.lower(), call.parent.alias_or_name.lower())
        }
        self.aliases = {
            alias.alias.lower(): alias.this
            for tree in trees
            for alias in tree.find_all(exp.Alias)
            if alias.alias.lower() not in texts
            and isinstance(alias.unalias().unnest(), (exp.JSONExtract, exp.Column))
        }

    def list_pairs(self) -> Iterator[tuple[exp.Expr, exp.Expr]]:
        """Each JSON expression, and the text that it is compared with."""
        for node in self.tree.find_all(*_COMPARISONS, *_PATTERNS, *_OTHERS):
            this = node.this
            if isinstance(node, exp.Case):
                others = [when.this for when in node.args["ifs"]] if this else []
            elif isinstance(node, exp.In):
                others = _list_values(node.args.get("query")) or node.expressions
            elif isinstance(node, exp.Between):
                others = [node.args["low"], node.args["high"]]
            elif isinstance(node, exp.ArrayContains):
                this, others = node.expression, _list_values(node.this)
            else:
                others = _list_values(node.expression) or [node.expression]
            for other in others:
                pairs = [(this, other)]
                if isinstance(node, _COMPARISONS):
                    pairs.append((other, this))
                for json, value in pairs:
                    is_direct = not isinstance(json.unnest(), (exp.Cast, exp.Coalesce))
                    is_pattern = isinstance(node, _PATTERNS)
                    if isinstance(node, exp.RegexpLike) and value.name[:1] != "^" and value.name[-1:] != "$":
                        continue  # It may match inside the quotes.
                    if self._is_json(json) and self._is_text(
                        value, is_pattern=is_pattern, is_direct=is_direct
                    ):
                        yield json, value

    def _is_json(self, node: exp.Expr | None, depth: int = 0) -> bool:
        if isinstance(node, exp.Cast) and node.to.is_type("text", "varchar", "json"):
            return self._is_json(node.this, depth)
        if isinstance(node, _KEEPING):
            return self._is_json(node.this, depth)
        if isinstance(node, exp.Column):
            name, table = node.name.lower(), node.table.lower()
            if name in ("value", "atom") and table in self.rows:
                return True
            return depth < 9 and name in self.aliases and self._is_json(self.aliases[name], depth + 1)
        # sqlglot's class of `->>` is not a subclass.
        return isinstance(node, exp.JSONExtract) or _is_value(node) or _is_arrow(node)

    def _is_text(self, node: exp.Expr, *, is_pattern: bool, is_direct: bool) -> bool:
        """Whether it is text, and not the text of JSON.

        Args:
            node: what is compared with JSON.
            is_pattern: whether it is the pattern of a LIKE.
            is_direct: whether the JSON may be a text such as `"2"`, so that a bare number is unclear.
        """
        if isinstance(node, exp.Column):
            return node.name.lower() in self.texts and not self._is_json(node)
        if isinstance(node, exp.Cast):
            return node.to.is_type("text", "varchar") and not self._is_json(node.this)
        if isinstance(node, exp.Func | exp.DPipe) and not self._is_json(node):
            is_quoted = any(literal.name[:1] == '"' for literal in node.find_all(exp.Literal))
            return not is_quoted and annotate_types(node.copy(), dialect="duckdb").is_type("text", "varchar")
        value: Any = node.this if isinstance(node, exp.Literal) and node.is_string else None
        if isinstance(node, exp.Placeholder | exp.Parameter):
            value = self.parameters.get(node.name)
        if not isinstance(value, str) or (not is_direct and _BARE.fullmatch(value)):
            return False
        return not value.lstrip().startswith(('"', "{", "[", *(("%", "_") if is_pattern else ())))

    def write_text(self, node: exp.Expr) -> str:
        """What to write for the text of JSON."""
        while isinstance(node, (*_KEEPING, exp.Cast)):
            node = node.this
        if isinstance(node, exp.Column):
            return f"{node.sql('duckdb')}->>'$'"
        if _is_arrow(node):
            document, path = node.expressions[0], node.this
        else:
            document, path = node.expressions if _is_value(node) else (node.this, node.expression)
        return f"{document.sql('duckdb')}->>{path.sql('duckdb')}"


def _is_value(node: exp.Expr | None) -> bool:
    """Whether it is a call of json_value, which sqlglot does not know and which keeps the quotes, too."""
    return (
        isinstance(node, exp.Anonymous) and node.name.lower() == "json_value" and len(node.expressions) == 2
    )


def _is_arrow(node: exp.Expr | None) -> bool:
    """Whether it is `x -> 'a'` as the argument of a function, which sqlglot takes for a lambda."""
    return isinstance(node, exp.Lambda) and len(node.expressions) == 1 and isinstance(node.this, exp.Literal)


def _list_values(node: exp.Expr | None) -> list[exp.Expr]:
    """The values of a list, or of the first column of a sub-query, such as after ANY."""
    if isinstance(node, exp.Anonymous) and node.name.upper() == "ALL" and node.expressions:
        node = node.expressions[0]
    while isinstance(node, (exp.Any, exp.All, exp.Paren, exp.Subquery)):
        node = node.this
    if isinstance(node, exp.Query):
        return [node.selects[0].unalias()] if node.selects else []
    return node.expressions if isinstance(node, exp.Array) else []

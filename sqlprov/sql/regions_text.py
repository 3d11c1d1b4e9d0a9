"""Statement text and nodes of its syntax tree in, the user's own words for them out.

sqlglot keeps offsets only on identifiers, literals and function names. Each slice here is found by these and by the
tokens around them, then parsed again and compared with its node: what does not compare is `None`, never a guess.
"""

from __future__ import annotations

from collections.abc import Set
from functools import lru_cache

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token

from sqlprov.sql.query import syntax_tree

_OPEN, _CLOSE = ("(", "[", "{"), (")", "]", "}")
# Words that end a WHERE or an ON, once its last literal or name is past.
_ENDS = {
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "WINDOW",
    "QUALIFY",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "FETCH",
}
_ENDS |= {
    "USING",
    "TABLESAMPLE",
    "RETURNING",
    "JOIN",
    "INNER",
    "LEFT",
    "RIGHT",
    "FULL",
    "CROSS",
    "NATURAL",
    "ASOF",
}
_ENDS |= {"POSITIONAL", "SEMI", "ANTI", "WHERE", "ON", "SELECT", ",", ";"}


class Source:
    """The text of one statement with its tokens."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[Token] = DuckDB().tokenize(text)
        self._words = [_word(token) for token in self.tokens]
        self._at = {token.start: index for index, token in enumerate(self.tokens)}

    @classmethod
    def read(cls, text: str) -> Source | None:
        """The text, unless its tokens cannot be told."""
        try:
            return cls(text)
        except SqlglotError:
            return None

    def tree(self) -> exp.Expr | None:
        """A syntax tree of the text, a new one each time; `None` if sqlglot cannot read it."""
        return syntax_tree(self.text, self.tokens)

    def word(self, index: int) -> str:
        """The keyword or sign at a token; empty past the end."""
        return self._words[index] if index < len(self._words) else ""

    def closing(self, index: int) -> int:
        """The token that closes the bracket at a token."""
        return self._balance(index, index)

    def conjuncts(self, condition: exp.Expr, keyword: str) -> dict[int, str]:
        """`id` of each conjunct of a WHERE or ON condition -> its text; without those that cannot be told."""
        first, last = self._reach(condition)
        if first < 0:
            return {}
        start = first
        while start > 0 and self._words[start - 1] != keyword:
            start -= 1
        found: dict[int, str] = {}
        if start > 0:
            self._split(condition, start, self._end(start, last), found)
        return found

    def relation(self, node: exp.Expr) -> str | None:
        """The text of one entry of FROM, with its alias."""
        first, last = self._reach(node)
        if first < 0:
            return None
        start = first
        while start > 0 and self._words[start - 1] not in ("FROM", "JOIN", ","):
            start -= 1
        for begin in range(start, first + 1):
            text = self._slice(begin, self._balance(begin, last))
            parsed = syntax_tree(f"SELECT * FROM {text}")
            if isinstance(parsed, exp.Select) and not parsed.args.get("joins"):
                source = parsed.args.get("from_")
                if source is not None and source.this == node:
                    return text
        return None

    def cte(self, node: exp.CTE) -> str | None:
        """`name AS (…)` of one common table expression."""
        first, last = self._reach(node)
        if first < 0:
            return None
        text = self._slice(first, self._balance(first, last))
        parsed = syntax_tree(f"WITH {text} SELECT 1")
        clause = parsed.args.get("with_") if parsed is not None else None
        return text if clause is not None and clause.expressions == [node] else None

    def item(self, node: exp.Expr) -> tuple[int, int] | None:
        """Where an expression of a select list starts, and the offset after it."""
        first, last = self._reach(node)
        for start in range(first, -1, -1):
            if start > 0 and self._words[start - 1] in ("SELECT", "DISTINCT", "ALL", ",", ")"):
                end = self._end(start, last, {*_ENDS, "FROM"})
                parsed = syntax_tree(f"SELECT {self._slice(start, end)}")
                if isinstance(parsed, exp.Select) and parsed.expressions == [node]:
                    return self.tokens[start].start, self.tokens[end].end + 1
        return None

    def path(self, node: exp.Table) -> tuple[int, int] | None:
        """First and last offset of a table's name, `aws.sagemaker.models`."""
        marks = [part.meta for part in node.parts if "start" in part.meta]
        if len(marks) != len(node.parts):
            return None
        return min(mark["start"] for mark in marks), max(mark["end"] for mark in marks)

    def alias(self, node: exp.Table) -> str:
        """What must follow the query that replaces a table, for the rest of the text to find it by its name."""
        last = node.this.meta
        return "" if node.alias else f" AS {self.text[last['start'] : last['end'] + 1]}"

    def numbered(self) -> Source:
        """With `$1`, `$2` … for each `?`, and `$1` for `?1`, so that a parameter can be named twice."""
        text = self.text
        marks = [t.start for t in self.tokens if t.text.startswith("?") and not self._quoted(t)]
        own = {text[start + 1 : start + 2].isdigit() for start in marks}
        mixed = "PARAMETER" in {token.token_type.name for token in self.tokens} or len(own) > 1
        if not marks or mixed:
            return self  # DuckDB refuses a mixture
        for number, start in reversed(list(enumerate(marks, 1))):
            text = f"{text[:start]}${'' if True in own else number}{text[start + 1 :]}"
        return Source.read(text) or self

    def _quoted(self, token: Token) -> bool:
        return self._words[self._at[token.start]] == ""

    def _reach(self, node: exp.Expr) -> tuple[int, int]:
        """The first and the last token below `node` that sqlglot gives an offset; -1, -1 without any."""
        # The `*` that FROM without SELECT stands for claims to stand at the start of the text.
        nodes = (n for n in node.walk() if not isinstance(n, exp.Star))
        marks = [self._at[n.meta["start"]] for n in nodes if n.meta.get("start") in self._at]
        return (min(marks), max(marks)) if marks else (-1, -1)

    def _balance(self, start: int, last: int) -> int:
        """The token that closes every bracket opened in start..last."""
        depth = 0
        for index in range(start, len(self.tokens)):
            depth += (self._words[index] in _OPEN) - (self._words[index] in _CLOSE)
            if index >= last and depth <= 0:
                return index
        return last

    def _end(self, start: int, last: int, ends: Set[str] = frozenset(_ENDS)) -> int:
        """The last token of the clause that starts at `start` and holds token `last`."""
        depth = cases = 0
        for index in range(start, len(self.tokens)):
            word = self._words[index]
            depth += (word in _OPEN) - (word in _CLOSE)
            cases += (word == "CASE") - (word == "END" and cases > 0)
            if depth < 0:
                return index - 1
            if index > last and depth == 0 and cases == 0 and word in ends:
                return index - 1
        return len(self.tokens) - 1

    def _split(self, node: exp.Expr, start: int, end: int, found: dict[int, str]) -> None:
        if isinstance(node, exp.Paren):
            if (self._words[start], self._words[end]) == ("(", ")"):
                self._split(node.this, start + 1, end - 1, found)
            return
        nodes, spans = _chain(node), self._pieces(start, end)
        if len(nodes) == 1:
            if _condition(self._slice(start, end)) == node:
                found[id(node)] = self._slice(start, end)
        elif len(nodes) == len(spans):
            for part, (low, high) in zip(nodes, spans, strict=True):
                self._split(part, low, high, found)

    def _pieces(self, start: int, end: int) -> list[tuple[int, int]]:
        """The spans between the ANDs that stand outside of brackets, CASE and BETWEEN."""
        spans, low, depth, cases, between = [], start, 0, 0, 0
        for index in range(start, end + 1):
            word = self._words[index]
            depth += (word in _OPEN) - (word in _CLOSE)
            cases += (word == "CASE") - (word == "END" and cases > 0)
            if depth or cases:
                continue
            between += word == "BETWEEN"
            if word == "AND" and between:
                between -= 1
            elif word == "AND":
                spans.append((low, index - 1))
                low = index + 1
        return [*spans, (low, end)]

    def _slice(self, start: int, end: int) -> str:
        return self.text[self.tokens[start].start : self.tokens[end].end + 1] if start <= end else ""


@lru_cache(maxsize=256)
def _condition(text: str) -> exp.Expr | None:
    """The tree of a condition, to compare with; `None` if sqlglot cannot read it."""
    parsed = syntax_tree(f"SELECT 1 WHERE {text}")
    where = parsed.args.get("where") if isinstance(parsed, exp.Select) else None
    return where.this if where is not None else None


def conjuncts(condition: exp.Expr | None) -> list[exp.Expr]:
    """The parts that AND joins, through brackets."""
    if condition is None:
        return []
    inner = condition.unnest()
    return [part for piece in _chain(inner) for part in conjuncts(piece)] if _is_and(inner) else [inner]


def _chain(node: exp.Expr) -> list[exp.Expr]:
    return [*_chain(node.this), *_chain(node.expression)] if _is_and(node) else [node]


def _is_and(node: exp.Expr) -> bool:
    return isinstance(node, exp.And)


def _word(token: Token) -> str:
    """The keyword or sign, `GROUP` for GROUP BY; empty for a quoted name and a text."""
    if token.token_type.name in ("IDENTIFIER", "STRING", "NATIONAL_STRING"):
        return ""
    return token.text.upper().split(" ")[0]

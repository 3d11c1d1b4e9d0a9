"""A statement for DuckDB, with facts from its tokens and its syntax tree."""

from __future__ import annotations

import logging
import re
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Self

from sqlprov.records import dataclass
from sqlprov.sql import outline
from sqlprov.sql.lexer import Token, TokenKind, tokenize
from sqlprov.sql.parser import Parser
from sqlprov.sql.statement import Statement

if TYPE_CHECKING:
    from sqlglot import exp


@dataclass(frozen=True)
class Query(Statement):
    """A statement that DuckDB runs as it is written."""

    @classmethod
    def parse(cls, parser: Parser) -> Self | None:
        return cls(parser.text, parser.offset)

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        """The tokens of `text`, without comments."""
        return tuple(tokenize(self.text))

    @cached_property
    def verb(self) -> str:
        """The first keyword after parentheses and CTEs, in upper case: INSERT in `WITH … INSERT`."""
        return outline.find_verb(self.tokens)

    @cached_property
    def target(self) -> tuple[str, ...] | None:
        """The parts of the name that the statement changes; `None` if it changes nothing by name."""
        return self.mutation.target if self.mutation else None

    @cached_property
    def prepared_statement(self) -> tuple[str, int]:
        """Of PREPARE and EXECUTE, the name in lower case and the offset of the inner statement; otherwise ("", 0)."""
        return outline.parse_prepared(self.tokens)

    @cached_property
    def inner_offset(self) -> int:
        """The offset of the inner statement of EXPLAIN ANALYZE and PREPARE; otherwise that of the first token."""
        rest = self.tokens[outline.find_inner_start(self.tokens) :]
        return rest[0].start if rest else 0

    @cached_property
    def is_temporary(self) -> bool:
        """Whether it creates something TEMPORARY."""
        return outline.is_temporary(self.tokens)

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word in lower case: keywords, names, and the words inside literals (`query('FROM t')`)."""
        words: set[str] = set()
        for token in self.tokens:
            if token.kind is TokenKind.WORD:
                words.add(token.text.lower())
            elif token.kind in (TokenKind.QUOTED, TokenKind.STRING):
                value = token.value.lower()
                words.update(_WORD.findall(value), (value,))
        return frozenset(words)

    @cached_property
    def dotted(self) -> frozenset[tuple[str, str]]:
        """Every two neighbors of a dotted name, in lower case, also within literals: ("aws", "ec2"), …"""
        pairs = {
            (before.value.lower(), after.value.lower())
            for before, dot, after in zip(self.tokens, self.tokens[1:], self.tokens[2:], strict=False)
            if dot.text == "." and before.is_name and after.is_name
        }
        for token in self.tokens:
            if token.kind is TokenKind.STRING and "." in token.text:
                pairs.update(re.findall(_DOTTED, token.value.lower()))
        return frozenset(pairs)

    @cached_property
    def mutation(self) -> outline.Mutation | None:
        """The change that it makes, directly or inside EXPLAIN ANALYZE or PREPARE."""
        return outline.find_mutation(self.tokens)

    @cached_property
    def nested_mutations(self) -> tuple[outline.Mutation, ...]:
        """The changes inside parentheses, as in `WITH d AS (DELETE …) SELECT …`."""
        return outline.find_nested_mutations(self.tokens)

    @cached_property
    def tree(self) -> exp.Expr | None:
        """sqlglot's syntax tree of the text; `None` if sqlglot cannot parse it."""
        return parse_tree(self.text)


_WORD = re.compile(r"\w+")
# A lookahead, because the second word of a pair is the first of the next.
_DOTTED = r"""(?=\b(\w+)["`]?\s*\.\s*["`]?(\w+))"""
_PARTS = ("this", "table", "db", "catalog")
"""sqlglot's names for the parts of a column's name, from the last."""
_LOG = logging.getLogger("sqlglot")


def parse_tree(text: str) -> exp.Expr | None:
    """The syntax tree of one DuckDB statement; `None` if sqlglot cannot parse it."""
    # Imported here: it takes 60 ms, which a statement without a live table does not need.
    from sqlglot import exp
    from sqlglot.dialects.duckdb import DuckDB

    thread = threading.get_ident()

    def is_of_another_thread(record: logging.LogRecord) -> bool:
        return record.thread != thread

    # sqlglot warns about a statement that it does not know, though DuckDB may know it.
    _LOG.addFilter(is_of_another_thread)
    try:
        trees = DuckDB().parse(text)
    except Exception:  # including RecursionError and bugs in sqlglot: without a tree only speed is lost
        return None
    finally:
        _LOG.removeFilter(is_of_another_thread)
    tree = trees[0] if len(trees) == 1 else None
    if tree is None or isinstance(tree, exp.Command):
        return None
    for dot in list(tree.find_all(exp.Dot)):
        if isinstance(dot.expression, exp.Func):
            _name_columns(dot)
    return tree


def _name_columns(method: exp.Dot) -> None:
    """Replace the bare identifiers that sqlglot leaves before a method, as in `region.lower()`, with columns."""
    from sqlglot import exp

    names = (exp.Column, exp.Table, exp.TableAlias, exp.Window)
    for start in [node for node in method.this.walk() if isinstance(node, exp.Identifier)]:
        around, function = start.parent, start.find_ancestor(exp.Lambda)
        own = {each.name.lower() for each in function.expressions} if function else set()
        if isinstance(around, names) or start.arg_key == "alias" or start.name.lower() in own:
            continue
        if isinstance(around, exp.PropertyEQ) and around.this is start:
            continue
        if isinstance(around, exp.Dot) and around.expression is start:
            continue  # a further part of a name, or a field
        parts: list[exp.Expr] = [start]
        whole: exp.Expr = start
        while isinstance(whole.parent, exp.Dot) and whole.parent.this is whole:
            if not isinstance(whole.parent.expression, exp.Identifier):
                break
            whole = whole.parent
            parts.append(whole.expression)
        if len(parts) <= len(_PARTS):
            named = zip(_PARTS, reversed(parts), strict=False)
            whole.replace(exp.Column(**{part: name.copy() for part, name in named}))

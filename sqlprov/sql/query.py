"""SQL for DuckDB: the user's own text, and what its tokens tell without understanding it."""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sqlprov.sql import outline
from sqlprov.sql.lexer import Token, TokenKind, tokenize
from sqlprov.sql.lone import Lone, lone
from sqlprov.sql.parser import Parser
from sqlprov.sql.statement import Statement

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.tokenizer_core import Token as SqlglotToken


@dataclass(frozen=True)
class Query(Statement):
    """A statement that DuckDB runs as it is written."""

    @classmethod
    def parse(cls, parser: Parser) -> Query | None:
        return cls(parser.text, parser.offset)

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        """The tokens of `text`, without comments."""
        return tuple(tokenize(self.text))

    @cached_property
    def verb(self) -> str:
        """The keyword that tells what the statement does, in upper case; of `WITH … INSERT` it is INSERT."""
        return outline.find_verb(self.tokens)

    @cached_property
    def target(self) -> tuple[str, ...] | None:
        """The parts of the name that the statement changes; `None` if it changes nothing by name.

        `EXPLAIN ANALYZE` and `PREPARE … AS` are looked through.
        """
        return self.mutation.target if self.mutation else None

    @cached_property
    def prepared(self) -> tuple[str, int]:
        """Of PREPARE and EXECUTE: the name in lower case, and where the prepared statement begins; else ("", 0)."""
        return outline.parse_prepared(self.tokens)

    @cached_property
    def is_temporary(self) -> bool:
        """Whether it creates something TEMPORARY."""
        return outline.is_temporary(self.tokens)

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word in lower case: keywords, identifiers, and those within literals (`query('FROM t')`)."""
        found: set[str] = set()
        for token in self.tokens:
            if token.kind is TokenKind.WORD:
                found.add(token.text.lower())
            elif token.kind in (TokenKind.QUOTED, TokenKind.STRING):
                value = token.value.lower()
                found.add(value)
                found.update(_WORD.findall(value))
        return frozenset(found)

    @cached_property
    def hints(self) -> tuple[str, ...]:
        """The texts of the leading `/*+ … */`."""
        found: list[str] = []
        for token in tokenize(self.text, comments=True) if "/*+" in self.text else ():
            if token.kind is not TokenKind.COMMENT:
                break
            if token.text.startswith("/*+"):
                found.append(token.text[3:-2].strip())
        return tuple(found)

    @cached_property
    def mutation(self) -> outline.Mutation | None:
        """What the statement changes by name; `EXPLAIN ANALYZE` and `PREPARE … AS` are looked through."""
        return outline.find_mutation(self.tokens)

    @cached_property
    def nested_mutations(self) -> tuple[outline.Mutation, ...]:
        """The changes within parentheses, as in `WITH d AS (DELETE …) SELECT …`."""
        return outline.find_nested_mutations(self.tokens)

    @cached_property
    def has_pivot_without_in(self) -> bool:
        """Whether a PIVOT takes its columns from the data: DuckDB reads the data even to prepare or explain it."""
        return outline.has_pivot_without_in(self.tokens)

    @cached_property
    def lone(self) -> Lone | None:
        """The only table that it reads; `None` if it may read more, or its regions must be analysed."""
        return lone(self.tokens)

    @cached_property
    def tree(self) -> exp.Expr | None:
        """What sqlglot makes of the text; `None` if it cannot read it."""
        return syntax_tree(self.text)


_WORD = re.compile(r"\w+")
_PARTS = ("this", "table", "db", "catalog")
"""What sqlglot calls the parts of a column's name, from the last."""
_LOG = logging.getLogger("sqlglot")


def syntax_tree(text: str, tokens: list[SqlglotToken] | None = None) -> exp.Expr | None:
    """The syntax tree of one DuckDB statement; `None` if sqlglot cannot read it.

    Args:
        text: the statement.
        tokens: sqlglot's tokens of it, if they are known; they serve for one tree only.
    """
    # Here, not above: sqlglot takes 60 ms, which a statement without a live table need not pay.
    from sqlglot import exp
    from sqlglot.dialects.duckdb import DuckDB

    thread = threading.get_ident()

    def of_others(record: logging.LogRecord) -> bool:
        return record.thread != thread

    # sqlglot warns about each statement that it does not know, and DuckDB may know it.
    _LOG.addFilter(of_others)
    try:
        duckdb = DuckDB()
        found = duckdb.parser().parse(tokens or duckdb.tokenize(text), text)
    except Exception:  # also RecursionError and faults of its own: without a tree nothing but speed is lost
        return None
    finally:
        _LOG.removeFilter(of_others)
    tree = found[0] if len(found) == 1 else None
    if tree is None or isinstance(tree, exp.Command):
        return None
    for dot in list(tree.find_all(exp.Dot)):
        if isinstance(dot.expression, exp.Func):
            _name_columns(dot)
    return tree


def _name_columns(method: exp.Dot) -> None:
    """Make columns of the identifiers that sqlglot leaves of those which a method is called on: `region.lower()`."""
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

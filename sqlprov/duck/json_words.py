"""Finds the statements in which a nested value may meet JSON or text: only their plans have to be checked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from sqlprov.sql import Query
from sqlprov.sql.lexer import tokenize

_MEETING = frozenset(
    {
        *("json", "insert", "update", "delete", "merge", "union", "except", "intersect", "case", "columns"),
        *("struct", "coalesce", "values"),
    }
)
"""Words of statements in which a nested value may meet JSON or text."""
_PLAIN_CALLS = frozenset(
    {
        *("in", "and", "or", "not", "where", "on", "exists", "as", "over", "by", "from", "join", "using"),
        *("select", "exclude", "limit", "interval"),
        *("count", "sum", "min", "max", "avg", "lower", "upper", "length", "now"),
    }
)
"""Words before a parenthesis that is no call, or one that takes no nested value."""


def may_convert(
    query: Query, bodies: Sequence[str], nested: frozenset[str], documents: frozenset[str]
) -> bool:
    """Whether a nested value may meet JSON or text in a statement, or its JSON be used as text.

    Args:
        query: the statement.
        bodies: the views and macros that it reaches.
        nested, documents: the nested columns of its live tables, and those that are JSON.
    """
    texts = (query.text, *bodies)
    if any(re.search(r"(?i)->|json|\|\|", text) for text in texts) or query.words & _MEETING:
        return True
    for text in texts:
        for before, after in pairwise(tokenize(text)):
            if after.text == "(" and before.is_name and before.value.lower() not in _PLAIN_CALLS:
                return True
    words = [token.text.upper() for token in query.tokens]
    after_from = words[words.index("FROM") + 1 :] if "FROM" in words else []
    has_others = bool({",", "JOIN", "FROM"}.intersection(after_from) or query.words & documents)
    return bool(query.words & nested) and has_others

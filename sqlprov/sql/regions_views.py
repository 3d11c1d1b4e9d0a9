"""A text with the names of views in; the same with their queries in the place of the names out."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlglot import exp

from sqlprov.sql.query import syntax_tree
from sqlprov.sql.regions_model import Names
from sqlprov.sql.regions_text import Source

_WORD = re.compile(r"\w+")


def definition(create: str) -> tuple[str, str] | None:
    """The column list in brackets, empty if there is none, and the query of a `CREATE VIEW`."""
    source = Source.read(create)
    if source is None:
        return None
    words = [source.word(at) for at in range(len(source.tokens))]
    if "VIEW" not in words:
        return None
    at, columns = words.index("VIEW") + 2, ""
    while source.word(at) == ".":
        at += 2
    if source.word(at) == "(":
        start, at = at, source.closing(at)
        columns = create[source.tokens[start].start : source.tokens[at].end + 1]
        at += 1
    if source.word(at) != "AS":
        return None
    return columns, create[source.tokens[at].end + 1 :].strip().rstrip(";").rstrip()


def expanded(text: str, inline: Callable[[Names], str | None]) -> str | None:
    """`text` with the query of each view in FROM in the place of its name; `None` if there is none to replace."""
    source = Source.read(text)
    tree = source.tree() if source is not None else None
    if source is None or tree is None:
        return None
    ctes = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    long = any(column.args.get("db") for column in tree.find_all(exp.Column))
    edits: list[tuple[int, int, str]] = []
    for table in tree.find_all(exp.Table):
        parts = tuple(part.name for part in table.parts)
        if isinstance(table.this, exp.Func) or not isinstance(table.parent, (exp.From, exp.Join)):
            continue
        if (len(parts) == 1 and parts[0].lower() in ctes) or (long and not table.alias):
            continue
        body, span = inline(parts), source.path(table)
        if body is not None and span is not None and not ctes & set(bare(body)):
            edits.append((*span, f"({body}){source.alias(table)}"))
    for start, end, query in sorted(edits, reverse=True):
        text = f"{text[:start]}{query}{text[end + 1 :]}"
    return text if edits else None


def bare(query: str) -> list[str]:
    """The tables that `query` names without their schema or without their database, by last name; CTEs left out."""
    tree = syntax_tree(query)
    if tree is None:
        return []
    own = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    tables = [table for table in tree.find_all(exp.Table) if len(table.parts) < 3]
    return [table.name.lower() for table in tables if len(table.parts) > 1 or table.name.lower() not in own]


def reaches_region(text: str, view: Callable[[Names], str | None]) -> bool:
    """Whether `text`, or a view or macro that a word of it might name, says `region`."""
    seen: set[str] = set()
    waiting = [text]
    while waiting:
        text = waiting.pop()
        if "region" in text.lower():
            return True
        for word in {*_WORD.findall(text), *re.findall(r'"([^"]+)"', text)} - seen:
            seen.add(word)
            body = view((word,))
            if body is not None:
                waiting.append(body)
    return False

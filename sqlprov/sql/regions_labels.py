"""A text that is to be spliced in; the same with a name for each column that DuckDB would name by its text out."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from sqlprov.sql.regions_text import Source


def labelled(text: str, named: Callable[[str], str | None]) -> str:
    """`text` with `AS "…"` behind each expression of a select list that reads a table and has no name.

    Args:
        text: one statement, as the user wrote it. A `?` of it becomes `$1`, `$2` … where something is added.
        named: DuckDB's name for the column of `SELECT <expression>`; `None` if it cannot tell.
    """
    source = Source.read(text)
    source = source and source.numbered()
    tree = source.tree() if source is not None else None
    if source is None or tree is None:
        return text
    ends: list[tuple[int, str]] = []
    for select in tree.find_all(exp.Select):
        for item in select.expressions:
            if item.alias or isinstance(item, exp.Star) or item.find(exp.Table) is None:
                continue
            span = source.item(item)
            name = named(source.text[slice(*span)]) if span is not None else None
            if span is not None and name is not None:
                ends.append((span[1], name.replace('"', '""')))
    found = source.text
    for end, name in sorted(ends, reverse=True):
        found = f'{found[:end]} AS "{name}"{found[end:]}'
    return found if ends else text

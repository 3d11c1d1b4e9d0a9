"""Tokens of a statement in; the one table that it reads, if it certainly says nothing of regions, out.

Most statements name no region, and reading one for conditions on it (`regions`) takes longer than all other planning.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlprov.statements.tokens import Kind, Token

_INDIRECT = frozenset(
    {
        *("select", "from", "with", "join", "natural", "union", "intersect", "except", "values", "table"),
        *("pivot", "unpivot", "columns"),
    }
)
"""Words after which there may be a further relation, or a column of the first by another name than its own."""
_CLAUSES = ("WHERE", "GROUP", "HAVING", "QUALIFY", "ORDER", "LIMIT", "OFFSET")
_NAMES = (Kind.WORD, Kind.QUOTED)


def lone_table(text: str, found: Sequence[Token]) -> tuple[str, ...]:
    """The parts of the only name after FROM; empty if more may be read, or a region may be meant.

    Args:
        text: the statement.
        found: its tokens.
    """
    if not found or not found[0].says("SELECT", "FROM") or "region" in text.lower():
        return ()
    start = next((at for at, token in enumerate(found) if token.says("FROM")), len(found))
    parts, at = _name(found, start + 1)
    if at < len(found) and found[at].says("AS"):
        at += 1
    rows = {part.lower() for part in parts[-1:]}
    if at < len(found) and found[at].kind in _NAMES and not found[at].says(*_CLAUSES):
        rows.add(found[at].value.lower())
        at += 1
    if at < len(found) and not found[at].says(*_CLAUSES):
        return ()
    plain = _is_plain(found[1:start], rows, listed=True) and _is_plain(found[at:], rows)
    return parts if plain else ()


def _name(found: Sequence[Token], at: int) -> tuple[tuple[str, ...], int]:
    """The parts of the name at a token, none if there is no name, and the index of the token after it."""
    parts: list[str] = []
    while at < len(found) and found[at].kind in _NAMES:
        parts.append(found[at].value)
        at += 1
        if at == len(found) or not found[at].says("."):
            return tuple(parts), at
        at += 1
    return (), at


def _is_plain(found: Sequence[Token], rows: set[str], *, listed: bool = False) -> bool:
    """Whether each column that is meant is named: neither all at once outside of the select list, nor a whole row.

    Args:
        found: the select list, or what follows the table.
        rows: names of the table.
        listed: it is the select list.
    """
    depth = 0
    for at, token in enumerate(found):
        if token.kind in _NAMES:
            word = token.value.lower()
            if word in _INDIRECT or (word in rows and not (at + 1 < len(found) and found[at + 1].says("."))):
                return False
        elif token.kind is Kind.MARK and token.text in "()[]{}#*":
            if token.text == "#":
                return False
            if token.text == "*" and not _counts(found, at):
                before = found[at - 1] if at else None
                if not (listed and depth == 0 and (before is None or before.says(",", ".", "DISTINCT"))):
                    return False
            depth += (token.text in "([{") - (token.text in ")]}")
    return True


def _counts(found: Sequence[Token], star: int) -> bool:
    """Whether a `*` is that of `count(*)`."""
    return star > 1 and found[star - 1].says("(") and found[star - 2].says("COUNT")

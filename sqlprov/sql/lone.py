"""Tokens of a statement in; the one table that it reads, and that it needs no analysis of its regions, out.

Most statements name no region, or by `=` and IN, which DuckDB hands to the scan by itself; and reading a statement
for its regions (`regions`) takes longer than all other planning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sqlprov.sql.lexer import Token, TokenKind

Tokens = Sequence[Token]

_INDIRECT = frozenset(
    {
        *("select", "from", "with", "join", "natural", "union", "intersect", "except", "values", "table"),
        *("pivot", "unpivot", "columns", "tablesample", "sample"),
    }
)
"""Words of a further relation, of columns that are not named, and of a choice of rows before a condition is asked."""
_CLAUSES = ("WHERE", "GROUP", "HAVING", "QUALIFY", "ORDER", "LIMIT", "OFFSET")
_NAMES = (TokenKind.WORD, TokenKind.QUOTED)
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")


@dataclass(frozen=True)
class Lone:
    """The only table of a statement.

    Attributes:
        table: the parts of its name.
        limited: whether a condition names regions; DuckDB hands it to the scan.
    """

    table: tuple[str, ...]
    limited: bool


def lone(found: Tokens) -> Lone | None:
    """The only table of a statement with these tokens; `None` if more may be read, or its regions must be analysed."""
    if not found or not found[0].is_one_of("SELECT", "FROM"):
        return None
    start = next((at for at, token in enumerate(found) if _begins(found, at, "FROM")), len(found))
    parts, at = _name(found, start + 1)
    if at < len(found) and found[at].is_one_of("AS"):
        at += 1
    rows = {part.lower() for part in parts[-1:]}
    if at < len(found) and found[at].kind in _NAMES and not found[at].is_one_of(*_CLAUSES):
        rows.add(found[at].value.lower())
        at += 1
    items, rest = found[1:start], found[at:]
    if (
        not parts
        or (rest and not rest[0].is_one_of(*_CLAUSES))
        or not (_is_plain(items, rows, listed=True) and _is_plain(rest, rows))
    ):
        return None
    named = (
        _regions(items, rows, "SELECT"),
        *(_regions(part, rows, part[0].text.upper()) for part in _clauses(rest)),
    )
    return None if None in named else Lone(parts, True in named)


def _name(found: Tokens, at: int) -> tuple[tuple[str, ...], int]:
    """The parts of the name at a token, none if there is no name, and the index of the token after it."""
    parts: list[str] = []
    while at < len(found) and found[at].kind in _NAMES:
        parts.append(found[at].value)
        at += 1
        if at == len(found) or not found[at].is_one_of("."):
            return tuple(parts), at
        at += 1
    return (), at


def _is_plain(found: Tokens, rows: set[str], *, listed: bool = False) -> bool:
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
            if word in _INDIRECT or (word in rows and not _qualifies(found, at)):
                return False
        elif token.is_one_of("#"):
            return False
        elif token.is_one_of("*") and not _counts(found, at):
            before = found[at - 1] if at else None
            if not (listed and depth == 0 and (before is None or before.is_one_of(",", ".", "DISTINCT"))):
                return False
        depth += (token.text in _OPEN) - (token.text in _CLOSE)
    return True


def _qualifies(found: Tokens, at: int) -> bool:
    """Whether the name at a token is that of the table of a column: `t.name`, not `t`, nor `t.to_json()`."""
    following = found[at + 1 : at + 4]
    return (
        len(following) > 1
        and following[0].is_one_of(".")
        and not (len(following) > 2 and following[2].is_one_of("("))
    )


def _begins(found: Tokens, at: int, *words: str) -> bool:
    """Whether one of `words` stands at a token, and is no field: `x.order`."""
    return found[at].is_one_of(*words) and not (at and found[at - 1].is_one_of("."))


def _counts(found: Tokens, star: int) -> bool:
    """Whether a `*` is that of `count(*)`."""
    return star > 1 and found[star - 1].is_one_of("(") and found[star - 2].is_one_of("COUNT")


def _clauses(found: Tokens) -> list[Tokens]:
    """What follows the table, cut before each keyword of _CLAUSES."""
    starts, depth = [], 0
    for at, token in enumerate(found):
        if depth == 0 and _begins(found, at, *_CLAUSES):
            starts.append(at)
        depth += (token.text in _OPEN) - (token.text in _CLOSE)
    return [found[at:end] for at, end in pairwise([*starts, len(found)])]


def _regions(found: Tokens, rows: set[str], clause: str) -> bool | None:
    """Whether a clause, or the select list, limits regions by a condition of its own; `None` if that is not plain."""
    limits = depth = 0
    for at, token in enumerate(found):
        if "region" in token.text.lower():
            if depth or token.kind not in _NAMES or token.value.lower() != "region":
                return None
            qualified = at > 1 and found[at - 1].is_one_of(".") and found[at - 2].value.lower() in rows
            before, after = found[: at - 2 if qualified else at], found[at + 1 :]
            if clause == "SELECT":
                if (before and not before[-1].is_one_of(",", "DISTINCT")) or (
                    after and not after[0].is_one_of(",")
                ):
                    return None
            elif clause == "WHERE":
                if not _is_conjunct(found, before, after):
                    return None
                limits += 1
            elif clause not in ("GROUP", "ORDER"):
                return None
        depth += (token.text in _OPEN) - (token.text in _CLOSE)
    return limits > 0


def _is_conjunct(where: Tokens, before: Tokens, after: Tokens) -> bool:
    """Whether WHERE asks that `region`, between `before` and `after`, is one of some values, by `=` or IN."""
    if not before[-1].is_one_of("WHERE", "AND") or any(
        token.is_one_of("OR", "BETWEEN", "CASE") for token in where
    ):
        return False
    if len(after) > 1 and after[0].is_one_of("=") and _is_value(after[1]):
        rest = after[2:]
    elif len(after) > 2 and after[0].is_one_of("IN") and after[1].is_one_of("("):
        end = next((at for at, token in enumerate(after) if token.is_one_of(")")), len(after))
        values = after[2:end]
        if not all(_is_value(t) if at % 2 == 0 else t.is_one_of(",") for at, t in enumerate(values)):
            return False
        rest = after[end + 1 :]
    else:
        return False
    return not rest or rest[0].is_one_of("AND")


def _is_value(token: Token) -> bool:
    return token.kind is TokenKind.PARAMETER or (token.kind is TokenKind.STRING and token.text[0] == "'")

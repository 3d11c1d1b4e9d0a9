"""Tokens of a statement in; its verb, its target and the places that need care out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from sqlprov.sql.lexer import Token, TokenKind, find_closing

Tokens = Sequence[Token]

# Each with what follows it: the words may also be names of columns.
_DML = {"INSERT": ("INTO", "OR"), "DELETE": ("FROM",), "MERGE": ("INTO",)}
_KINDS = ("TABLE", "VIEW", "SCHEMA", "INDEX", "SEQUENCE", "TYPE", "MACRO", "FUNCTION", "DATABASE", "SECRET")
_PIVOT_ENDS = ("USING", "GROUP", "ORDER", "LIMIT", "OFFSET", "UNION", "EXCEPT", "INTERSECT")


def find_verb(found: Tokens) -> str:
    """The first keyword after parentheses and CTEs, in upper case; empty if there is none."""
    start = skip_ctes(found, 0)
    return found[start].text.upper() if start < len(found) and found[start].kind is TokenKind.WORD else ""


def skip_ctes(found: Tokens, at: int = 0) -> int:
    """Index of the word that says what is done, past `(` and `WITH … AS (…), …`."""
    while at < len(found):
        if found[at].is_one_of("("):
            at += 1
        elif found[at].is_one_of("WITH"):
            at = _after_ctes(found, at + 1)
        else:
            break
    return at


def _after_ctes(found: Tokens, at: int) -> int:
    while at < len(found):
        while at < len(found) and not (
            found[at].is_one_of("(") and found[at - 1].is_one_of("AS", "MATERIALIZED")
        ):
            at = find_closing(found, at) + 1 if found[at].is_one_of("(") else at + 1
        at = find_closing(found, at) + 1
        if at >= len(found) or not found[at].is_one_of(","):
            break
    return at


class Mutation(NamedTuple):
    """The keyword that says what is done, and the name of what it is done to."""

    verb: Token
    target: tuple[str, ...]


def find_mutation(found: Tokens) -> Mutation | None:
    """What the statement changes by name; what EXPLAIN ANALYZE runs or PREPARE keeps is looked into."""
    return _change(found, skip_ctes(found, find_inner_start(found)))


def _change(found: Tokens, at: int) -> Mutation | None:
    if at >= len(found):
        return None
    verb = found[at].text.upper()
    start = _named_at(found, verb, at + 1)
    name = _name(found, start) if start is not None else None
    if verb == "ATTACH":
        name = _attached(found, at + 1)
    return Mutation(found[at], name) if name else None


def find_inner_start(found: Tokens) -> int:
    """Where the statement begins that EXPLAIN ANALYZE runs or PREPARE keeps."""
    if not found or not found[0].is_one_of("EXPLAIN", "PREPARE"):
        return 0
    if found[0].is_one_of("PREPARE"):
        return next((index + 1 for index, token in enumerate(found) if token.is_one_of("AS")), len(found))
    at = 1
    while at < len(found) and found[at].is_one_of("ANALYZE"):
        at += 1
    if at + 1 < len(found) and found[at].is_one_of("(") and found[at + 1].is_one_of("ANALYZE", "FORMAT"):
        at = find_closing(found, at) + 1
    return at


def _named_at(found: Tokens, verb: str, at: int) -> int | None:
    if verb in ("INSERT", "MERGE"):
        return _past(found, at, "INTO")
    if verb == "DELETE":
        return _past(found, at, "FROM")
    if verb == "UPDATE":
        return at
    if verb == "TRUNCATE":
        return at + 1 if found[at : at + 1] and found[at].is_one_of("TABLE") else at
    if verb in ("CREATE", "DROP", "ALTER"):
        return _kind(found, at)
    if verb == "COMMENT":
        return _kind(found, at)
    if verb == "DETACH":
        return _skip(found, at, "DATABASE", "IF", "EXISTS")
    if verb == "COPY":
        return _copied(found, at)
    return None


def _kind(found: Tokens, at: int) -> int | None:
    """Past `[OR REPLACE] [TEMP] TABLE [IF [NOT] EXISTS]`; of an index, the table that it is on."""
    while at < len(found) and not found[at].is_one_of(*_KINDS):
        if found[at].is_one_of("("):
            return None
        at += 1
    if at >= len(found):
        return None
    if found[at].is_one_of("INDEX") and (table := _past(found, at, "ON")) is not None:
        return table
    return _skip(found, at + 1, "TABLE", "IF", "NOT", "EXISTS")  # DROP MACRO TABLE


def _copied(found: Tokens, at: int) -> int | None:
    if at < len(found) and found[at].is_one_of("FROM"):  # COPY FROM DATABASE a TO b
        return _past(found, at, "TO")
    if at >= len(found) or found[at].kind not in (TokenKind.WORD, TokenKind.QUOTED):
        return None
    end = at
    while end < len(found) and not found[end].is_one_of("FROM", "TO"):
        end = find_closing(found, end) + 1 if found[end].is_one_of("(") else end + 1
    return at if end < len(found) and found[end].is_one_of("FROM") else None


def _attached(found: Tokens, at: int) -> tuple[str, ...] | None:
    """The database that `ATTACH OR REPLACE` replaces; one without `AS name` is called after its file."""
    if not (at < len(found) and found[at].is_one_of("OR")):
        return None
    if (named := _past(found, at, "AS")) is not None:
        return _name(found, named)
    paths = [token.value for token in found[at:] if token.kind is TokenKind.STRING]
    return (re.split(r"[/\\]", paths[0])[-1].partition(".")[0],) if paths else None


def _past(found: Tokens, at: int, word: str) -> int | None:
    return next((index + 1 for index in range(at, len(found)) if found[index].is_one_of(word)), None)


def _skip(found: Tokens, at: int, *words: str) -> int:
    while at < len(found) and found[at].is_one_of(*words):
        at += 1
    return at


def _name(found: Tokens, at: int) -> tuple[str, ...] | None:
    parts: list[str] = []
    while at < len(found) and found[at].kind in (TokenKind.WORD, TokenKind.QUOTED, TokenKind.STRING):
        parts.append(found[at].value)
        if at + 1 >= len(found) or not found[at + 1].is_one_of("."):
            break
        at += 2
    return tuple(parts) or None


def is_temporary(found: Tokens) -> bool:
    """Whether the statement is CREATE [OR REPLACE] TEMP."""
    at = skip_ctes(found, find_inner_start(found))
    head = found[at : at + 5]
    return (
        bool(head)
        and head[0].is_one_of("CREATE")
        and any(token.is_one_of("TEMP", "TEMPORARY") for token in _until(head[1:], _KINDS))
    )


def _until(found: Tokens, words: tuple[str, ...]) -> Tokens:
    end = next((index for index, token in enumerate(found) if token.is_one_of(*words)), len(found))
    return found[:end]


def find_nested_mutations(found: Tokens) -> list[Mutation]:
    """The changes within parentheses, as in `WITH d AS (DELETE …) SELECT …`."""
    starts = (skip_ctes(found, index + 1) for index, token in enumerate(found) if token.is_one_of("("))
    return [changed for at in starts if _is_dml(found, at) and (changed := _change(found, at))]


def _is_dml(found: Tokens, at: int) -> bool:
    if at + 1 >= len(found):
        return False
    if found[at].is_one_of("UPDATE"):
        return (
            found[at + 1].kind in (TokenKind.WORD, TokenKind.QUOTED) and _past(found, at, "SET") is not None
        )
    return found[at].is_one_of(*_DML) and found[at + 1].is_one_of(*_DML[found[at].text.upper()])


def has_pivot_without_in(found: Tokens) -> bool:
    """Whether a `PIVOT x ON y` does not list the values of one of its columns; IN (SELECT …) is no list."""
    return any(
        token.is_one_of("PIVOT", "PIVOT_WIDER")
        and not _standard(found, index + 1)
        and _open_ended(found, index + 1)
        for index, token in enumerate(found)
    )


def _standard(found: Tokens, at: int) -> bool:
    """Whether it is the `FROM x PIVOT (sum(a) FOR y IN (…))` of standard SQL, where IN is a must."""
    if at >= len(found) or not found[at].is_one_of("("):
        return False
    end = find_closing(found, at)
    at += 1
    while at < end and not found[at].is_one_of("FOR"):
        at = find_closing(found, at) + 1 if found[at].is_one_of("(", "[", "{") else at + 1
    return at < end


def _is_query(found: Tokens, at: int) -> bool:
    return (
        found[at].is_one_of("(")
        and at + 1 < len(found)
        and found[at + 1].is_one_of("SELECT", "FROM", "WITH", "VALUES", "(")
    )


def _open_ended(found: Tokens, at: int) -> bool:
    columns: list[bool] = []  # for each column after ON, whether IN was seen
    while at < len(found) and not found[at].is_one_of(")"):
        token = found[at]
        if token.is_one_of("ON"):
            columns = [False]
        elif columns and token.is_one_of(*_PIVOT_ENDS):
            break
        elif columns and token.is_one_of(","):
            columns.append(False)
        elif columns and token.is_one_of("IN"):
            columns[-1] = not (found[at + 1 : at + 2] and _is_query(found, at + 1))
        at = find_closing(found, at) + 1 if token.is_one_of("(", "[", "{") else at + 1
    return not all(columns)


def parse_prepared(found: Sequence[Token]) -> tuple[str, int]:
    """Of PREPARE and EXECUTE: the name in lower case, and where the prepared statement begins; else ("", 0)."""
    if len(found) < 2 or not found[0].is_one_of("PREPARE", "EXECUTE"):
        return "", 0
    begin = next((after.end for after in found[2:] if after.is_one_of("AS")), 0)
    return found[1].value.lower(), begin if found[0].is_one_of("PREPARE") else 0

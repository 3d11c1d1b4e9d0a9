"""Finds the verb and the target of a statement from its tokens alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlprov.sql.lexer import Token, TokenKind, find_closing, skip

Tokens = Sequence[Token]

# Each with the words that may follow it; otherwise it may be a column name.
_DML = {"INSERT": ("INTO", "OR"), "DELETE": ("FROM",), "MERGE": ("INTO",)}
_OBJECTS = ("TABLE", "VIEW", "SCHEMA", "INDEX", "SEQUENCE", "TYPE", "MACRO", "FUNCTION", "DATABASE", "SECRET")


class Mutation(NamedTuple):
    """A change: its verb, and the parts of the name that it changes."""

    verb: Token
    target: tuple[str, ...]


def find_verb(tokens: Tokens) -> str:
    """The first keyword after parentheses and CTEs, in upper case; empty if there is none."""
    start = skip_ctes(tokens)
    return tokens[start].text.upper() if start < len(tokens) and tokens[start].kind is TokenKind.WORD else ""


def skip_ctes(tokens: Tokens, at: int = 0) -> int:
    """Index of the statement's verb, past `(` and `WITH … AS (…), …`."""
    while at < len(tokens):
        if tokens[at].is_one_of("("):
            at += 1
        elif tokens[at].is_one_of("WITH"):
            at = _skip_cte_list(tokens, at + 1)
        else:
            break
    return at


def _skip_cte_list(tokens: Tokens, at: int) -> int:
    while at < len(tokens):
        while at < len(tokens) and not (
            tokens[at].is_one_of("(") and tokens[at - 1].is_one_of("AS", "MATERIALIZED")
        ):
            at = skip(tokens, at)
        at = find_closing(tokens, at) + 1
        if not _is_at(tokens, at, ","):
            break
    return at


def find_mutation(tokens: Tokens) -> Mutation | None:
    """The change that the statement makes, directly or inside EXPLAIN ANALYZE or PREPARE."""
    return _read_mutation(tokens, skip_ctes(tokens, find_inner_start(tokens)))


def find_nested_mutations(tokens: Tokens) -> tuple[Mutation, ...]:
    """The changes inside parentheses, as in `WITH d AS (DELETE …) SELECT …`."""
    starts = (skip_ctes(tokens, index + 1) for index, token in enumerate(tokens) if token.is_one_of("("))
    mutations = (_read_mutation(tokens, at) for at in starts if _is_dml(tokens, at))
    return tuple(mutation for mutation in mutations if mutation)


def is_temporary(tokens: Tokens) -> bool:
    """Whether the statement is CREATE [OR REPLACE] TEMP."""
    at = skip_ctes(tokens, find_inner_start(tokens))
    head = tokens[at : at + 5]
    object_at = next((index for index, token in enumerate(head) if token.is_one_of(*_OBJECTS)), len(head))
    return _is_at(head, 0, "CREATE") and any(
        token.is_one_of("TEMP", "TEMPORARY") for token in head[1:object_at]
    )


def parse_prepared(tokens: Tokens) -> tuple[str, int]:
    """Of PREPARE and EXECUTE, the name in lower case and the offset of the inner statement; otherwise ("", 0)."""
    if len(tokens) < 2 or not tokens[0].is_one_of("PREPARE", "EXECUTE"):
        return "", 0
    start = next((token.end for token in tokens[2:] if token.is_one_of("AS")), 0)
    return tokens[1].value.lower(), start if tokens[0].is_one_of("PREPARE") else 0


def find_limit(tokens: Tokens, parameters: Mapping[str, Any]) -> int:
    """The number of rows that the smallest `LIMIT n OFFSET m` of a statement asks for; 0 if a LIMIT is not a number.

    Args:
        tokens: the statement's.
        parameters: by name, or by number from 1.
    """
    limits = []
    for at in (at for at, token in enumerate(tokens) if token.is_one_of("LIMIT")):
        rows = _read_number(tokens, at + 1, parameters)
        if rows is None or _is_at(tokens, at + 2, "%"):
            return 0
        skipped = _read_number(tokens, at + 3, parameters) if _is_at(tokens, at + 2, "OFFSET") else 0
        limits.append(rows + (skipped or 0))
    return min(limits, default=0)


def _read_number(tokens: Tokens, at: int, parameters: Mapping[str, Any]) -> int | None:
    """The natural number at an index, as it is written or as a parameter."""
    text = tokens[at].text if at < len(tokens) else ""
    if text.isdecimal():
        return int(text)
    if not text or tokens[at].kind is not TokenKind.PARAMETER:
        return None
    value = parameters.get(text[1:] or str(sum(token.text == "?" for token in tokens[: at + 1])))
    return value if type(value) is int and value >= 0 else None


def find_inner_start(tokens: Tokens) -> int:
    """Index at which the inner statement of EXPLAIN ANALYZE or PREPARE begins; 0 for any other statement."""
    if _is_at(tokens, 0, "PREPARE"):
        return _find_after(tokens, 0, "AS") or len(tokens)
    if not _is_at(tokens, 0, "EXPLAIN"):
        return 0
    at = _skip_words(tokens, 1, "ANALYZE")
    if _is_at(tokens, at, "(") and _is_at(tokens, at + 1, "ANALYZE", "FORMAT"):
        at = find_closing(tokens, at) + 1
    return at


def _read_mutation(tokens: Tokens, at: int) -> Mutation | None:
    if at >= len(tokens):
        return None
    if tokens[at].is_one_of("ATTACH"):
        name = _read_replaced_database(tokens, at + 1)
    else:
        start = _find_target(tokens, tokens[at].text.upper(), at + 1)
        name = read_name(tokens, start) if start is not None else None
    return Mutation(tokens[at], name) if name else None


def _find_target(tokens: Tokens, verb: str, at: int) -> int | None:
    match verb:
        case "INSERT" | "MERGE":
            return _find_after(tokens, at, "INTO")
        case "DELETE":
            return _find_after(tokens, at, "FROM")
        case "UPDATE":
            return at
        case "TRUNCATE":
            return _skip_words(tokens, at, "TABLE")
        case "CREATE" | "DROP" | "ALTER" | "COMMENT":
            return _skip_object(tokens, at)
        case "DETACH":
            return _skip_words(tokens, at, "DATABASE", "IF", "EXISTS")
        case "COPY":
            return _find_copy_target(tokens, at)
    return None


def _skip_object(tokens: Tokens, at: int) -> int | None:
    """Index after `[OR REPLACE] [TEMP] TABLE [IF [NOT] EXISTS]`; for an index, the table it is on."""
    while at < len(tokens) and not tokens[at].is_one_of(*_OBJECTS):
        if tokens[at].is_one_of("("):
            return None
        at += 1
    if at >= len(tokens):
        return None
    if tokens[at].is_one_of("INDEX") and (table := _find_after(tokens, at, "ON")) is not None:
        return table
    return _skip_words(tokens, at + 1, "TABLE", "IF", "NOT", "EXISTS")  # DROP MACRO TABLE


def _find_copy_target(tokens: Tokens, at: int) -> int | None:
    if _is_at(tokens, at, "FROM"):  # COPY FROM DATABASE a TO b
        return _find_after(tokens, at, "TO")
    if at >= len(tokens) or not tokens[at].is_name:
        return None
    end = at
    while end < len(tokens) and not tokens[end].is_one_of("FROM", "TO"):
        end = skip(tokens, end)
    return at if _is_at(tokens, end, "FROM") else None


def _read_replaced_database(tokens: Tokens, at: int) -> tuple[str, ...] | None:
    """The database that `ATTACH OR REPLACE` replaces; without `AS name` its file names it."""
    if not _is_at(tokens, at, "OR"):
        return None
    if (name := _find_after(tokens, at, "AS")) is not None:
        return read_name(tokens, name)
    paths = [token.value for token in tokens[at:] if token.kind is TokenKind.STRING]
    return (re.split(r"[/\\]", paths[0])[-1].partition(".")[0],) if paths else None


def _is_at(tokens: Tokens, at: int, *words: str) -> bool:
    return at < len(tokens) and tokens[at].is_one_of(*words)


def _find_after(tokens: Tokens, at: int, word: str) -> int | None:
    return next((index + 1 for index in range(at, len(tokens)) if tokens[index].is_one_of(word)), None)


def _skip_words(tokens: Tokens, at: int, *words: str) -> int:
    while _is_at(tokens, at, *words):
        at += 1
    return at


def read_name(tokens: Tokens, at: int) -> tuple[str, ...]:
    """The parts of the name that begins at an index; empty if none does."""
    parts: list[str] = []
    while at < len(tokens) and tokens[at].kind in (TokenKind.WORD, TokenKind.QUOTED, TokenKind.STRING):
        parts.append(tokens[at].value)
        if not _is_at(tokens, at + 1, "."):
            break
        at += 2
    return tuple(parts)


def _is_dml(tokens: Tokens, at: int) -> bool:
    if at + 1 >= len(tokens):
        return False
    if tokens[at].is_one_of("UPDATE"):
        return tokens[at + 1].is_name and _find_after(tokens, at, "SET") is not None
    return tokens[at].is_one_of(*_DML) and tokens[at + 1].is_one_of(*_DML[tokens[at].text.upper()])

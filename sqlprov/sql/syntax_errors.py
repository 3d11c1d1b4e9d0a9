"""DuckDB's words about a text that it cannot parse in, our MalformedSQL out."""

from __future__ import annotations

import re
import unicodedata

from sqlprov.errors import MalformedSQL, show_caret, suggest
from sqlprov.sql.lexer import Token, TokenKind, find_closing, tokenize
from sqlprov.sql.parser import find_hyphen_error

VERBS = re.findall(
    r"\w+",
    "ABORT ALTER ANALYZE ATTACH BEGIN CALL CHECKPOINT COMMENT COMMIT COPY CREATE DEALLOCATE DELETE DESC DESCRIBE "
    "DETACH DROP END EXEC EXECUTE EXPLAIN EXPORT FORCE FROM IMPORT INSERT INSTALL LOAD MERGE PIVOT PRAGMA PREPARE "
    "REGISTRY RESET ROLLBACK SELECT SET SHOW START SUMMARIZE TABLE TRUNCATE UNPIVOT UPDATE USE VACUUM VALUES WITH",
)
_CLAUSES = re.findall(
    r"\w+",
    "AND AS BETWEEN BY CASE DISTINCT ELSE EXCEPT EXISTS FROM FULL GROUP HAVING INNER INTERSECT INTO JOIN LEFT LIKE "
    "LIMIT NULL OFFSET ORDER OUTER OVER PARTITION QUALIFY REPLACE RETURNING RIGHT SCHEMA SELECT TABLE TEMPORARY THEN "
    "UNION USING VALUES VIEW WHEN WHERE WINDOW",
)
_PLACE = re.compile(r"\n\nLINE (\d+): (.*)\n( *)\^", re.DOTALL)
_NEAR = re.compile(r'at or near "(.*)"$', re.DOTALL)


def explain_syntax_error(duckdb_message: str, text: str) -> MalformedSQL:
    """The error for a statement that DuckDB's parser refuses.

    Args:
        duckdb_message: text of its ParserException.
        text: the statement as it was handed to DuckDB.
    """
    found = tokenize(text)
    first = found[0] if found else None
    if first and first.kind is TokenKind.WORD and first.text.upper() not in VERBS:
        hint = suggest(first.text.upper(), VERBS)
        return MalformedSQL(
            f"No statement begins with {first.text!r}.{hint}\n{show_caret(text, first.start)}"
        )
    if opened := _opened(found):
        return MalformedSQL(
            f"{opened.text!r} is opened here and never closed.\n{show_caret(text, opened.start)}"
        )
    place = _PLACE.search(duckdb_message)
    said = (
        (duckdb_message[: place.start()] if place else duckdb_message).removeprefix("Parser Error: ").strip()
    )
    said = said[:1].upper() + said[1:]
    if place is None:
        return MalformedSQL(said)
    near = _NEAR.search(said)
    at = _offset(
        text, int(place[1]), place[2], len(place[3]) - len(f"LINE {place[1]}: "), near[1] if near else ""
    )
    hyphen = next((n for n, token in enumerate(found) if token.start == at and token.text == "-"), 0)
    if error := find_hyphen_error(text, found, hyphen):
        return error
    if misspelt := _misspelt(found, at):
        word, hint = misspelt
        return MalformedSQL(f"Syntax error at {word.text!r}.{hint}\n{show_caret(text, word.start)}")
    return MalformedSQL(f"{said}.\n{show_caret(text, at)}")


def _opened(found: list[Token]) -> Token | None:
    """The first bracket that nothing closes; DuckDB points at what follows it."""
    return next(
        (
            token
            for at, token in enumerate(found)
            if token.is_one_of("(", "[") and find_closing(found, at) == len(found)
        ),
        None,
    )


def _offset(text: str, number: int, excerpt: str, column: int, near: str) -> int:
    """Offset in `text` of the caret under `excerpt`, which DuckDB cuts out of a long line."""
    lines = text.split("\n")
    line = lines[min(number, len(lines)) - 1]
    start = sum(len(each) + 1 for each in lines[: number - 1])
    cut = 0
    if not line.startswith(excerpt):
        core = excerpt.removeprefix("...").removesuffix("...")
        cut = max(line.find(core), 0)
        column -= len(excerpt) - len(excerpt.removeprefix("..."))
    # The caret stands by columns of the screen, and a wide character takes two.
    at = cut
    while column > 0 and at < len(line):
        column -= _width(line[at])
        at += 1
    at += start
    if not near or text.startswith(near, at):
        return at
    return min(
        (match.start() for match in re.finditer(re.escape(near), text)), key=lambda i: abs(i - at), default=at
    )


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _misspelt(found: list[Token], at: int) -> tuple[Token, str] | None:
    """The word at the place, or the one before it (taken for an alias), if it is almost a keyword; and a hint."""
    index = next((number for number, token in enumerate(found) if token.end > at), len(found))
    for token in (*found[index : index + 1], *found[max(index - 1, 0) : index]):
        word = token.text.upper()
        dotted = any(
            other.text == "." and token.start in (other.end, other.start - len(word)) for other in found
        )
        # Of shorter words almost every keyword is a neighbour; and no keyword is a part of a longer name.
        if not dotted and token.kind is TokenKind.WORD and len(word) > 2 and word not in {*_CLAUSES, *VERBS}:
            hint = suggest(word, _CLAUSES)
            if hint:
                return token, hint
    return None

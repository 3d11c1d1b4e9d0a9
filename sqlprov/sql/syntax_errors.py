"""Improves DuckDB's syntax errors: the nearest keyword, and a caret in the user's own text."""

from __future__ import annotations

import re
import unicodedata

from sqlprov.errors import KEYWORD_LIKENESS, MalformedSQL, NotSupportedError, show_caret, suggest
from sqlprov.sql.instead import find_instead
from sqlprov.sql.lexer import Token, TokenKind, find_closing, tokenize
from sqlprov.sql.parser import find_hyphen_error

# Kept by hand: DuckDB lists its keywords, but not which of them begin a statement or a clause.
_VERBS = re.findall(
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
_PLACE = r"(?s)\n\nLINE (\d+): (.*)\n( *)\^"
_NEAR = r'(?s)at or near "(.*)"$'


def explain_syntax_error(duckdb_message: str, text: str) -> MalformedSQL | NotSupportedError:
    """The error for a statement that DuckDB's parser refuses.

    Args:
        duckdb_message: text of its ParserException.
        text: the statement as passed to DuckDB.
    """
    tokens = tokenize(text)
    problem = re.split(_PLACE, duckdb_message)[0].removeprefix("Parser Error: ").strip()
    problem = problem[:1].upper() + problem[1:]
    near = re.search(_NEAR, problem)
    at = find_place(duckdb_message, text, near[1] if near else "")
    index = next((index for index, token in enumerate(tokens) if token.end > (at or 0)), len(tokens))
    if instead := find_instead(text, tokens, None if at is None else index):
        return NotSupportedError(instead)
    if tokens and tokens[0].text in ("\\", "."):
        command = text[tokens[0].start : tokens[min(1, len(tokens) - 1)].end]
        advice = "is a command of a shell, not SQL. `sqlprov` without a subcommand starts the shell; its \\? lists them"
        return MalformedSQL(f"{command} {advice}.\n{show_caret(text, tokens[0].start)}")
    if tokens and tokens[0].kind is TokenKind.WORD and (verb := tokens[0].text).upper() not in _VERBS:
        hint = suggest(verb.upper(), _VERBS, KEYWORD_LIKENESS)
        if verb.upper() in {*_CLAUSES, "OR", "NOT", "ON", "IN", "IS"}:
            hint = " Does a ; before it end a statement too early?"
        return MalformedSQL(f"No statement begins with {verb!r}.{hint}\n{show_caret(text, tokens[0].start)}")
    for index, token in enumerate(tokens):  # DuckDB points at what follows an unclosed bracket
        if token.is_one_of("(", "[") and find_closing(tokens, index) == len(tokens):
            return MalformedSQL(
                f"{token.text!r} opens here and is never closed.\n{show_caret(text, token.start)}"
            )
    if at is None:
        return MalformedSQL(problem)
    hyphen = next((n for n, token in enumerate(tokens) if token.start == at and token.text == "-"), 0)
    if error := find_hyphen_error(text, tokens, hyphen):
        return error
    if tokens and tokens[0].is_one_of("UPDATE") and text[at : at + 1] == "[":
        advice = "SET takes a whole column. For one tag, write SET tag_map = map_concat(tag_map, MAP {'key': 'value'})"
        return MalformedSQL(f"{advice}.\n{show_caret(text, at)}")
    if (word := _find_reserved_name(tokens, at)) is not None:
        advice = f'{word} is a reserved word. As a name it needs double quotes, as in "{word}", unless it follows a dot'
        return MalformedSQL(f"{advice}.\n{show_caret(text, at)}")
    if misspelled := _find_misspelled_keyword(tokens, at):
        token, hint = misspelled
        return MalformedSQL(f"Syntax error at {token.text!r}.{hint}\n{show_caret(text, token.start)}")
    return MalformedSQL(f"{problem}.\n{show_caret(text, at)}")


def find_place(duckdb_message: str, text: str, near: str) -> int | None:
    """The offset in `text` to which the caret of DuckDB's message points; `None` if it has none.

    Args:
        duckdb_message: the message.
        text: the statement.
        near: what is there, in any case; DuckDB's caret may be off in a long line. Empty if it is not known.
    """
    place = re.search(_PLACE, duckdb_message)
    if place is None:
        return None
    number, excerpt = int(place[1]), place[2]
    column = len(place[3]) - len(f"LINE {number}: ")
    lines = text.split("\n")
    line = lines[min(number, len(lines)) - 1]
    at = 0
    if not line.startswith(excerpt):
        core = excerpt.removeprefix("...").removesuffix("...")
        at = max(line.find(core), 0)
        column -= len(excerpt) - len(excerpt.removeprefix("..."))
    # The caret counts columns of the screen, and a wide character fills two.
    while column > 0 and at < len(line):
        column -= _get_width(line[at])
        at += 1
    at += sum(len(each) + 1 for each in lines[: number - 1])
    if not near or text.startswith(near, at):
        return at
    places = (match.start() for match in re.finditer(re.escape(near), text))
    return min(places, key=lambda place: abs(place - at), default=at)


def _get_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _find_reserved_name(tokens: list[Token], at: int) -> str | None:
    """The word at the place, if it begins the name of a table or schema."""
    for index, token in enumerate(tokens):
        if (
            token.start == at
            and token.kind is TokenKind.WORD
            and token.text.upper() not in {*_CLAUSES, *_VERBS}
        ):
            is_name = index > 0 and tokens[index - 1].is_one_of("FROM", "JOIN", "INTO", "UPDATE", "USE")
            return token.text if is_name else None
    return None


def _find_misspelled_keyword(tokens: list[Token], at: int) -> tuple[Token, str] | None:
    """The word at the place, or the one before (read as an alias), if it is almost a keyword; and a hint."""
    index = next((number for number, token in enumerate(tokens) if token.end > at), len(tokens))
    for token in (*tokens[index : index + 1], *tokens[max(index - 1, 0) : index]):
        word = token.text.upper()
        is_dotted = any(
            each.text == "." and token.start in (each.end, each.start - len(word)) for each in tokens
        )
        # A short word is near almost any keyword, and a part of a dotted name is not a keyword.
        if is_dotted or token.kind is not TokenKind.WORD or len(word) <= 2 or word in {*_CLAUSES, *_VERBS}:
            continue
        if hint := suggest(word, _CLAUSES, KEYWORD_LIKENESS):
            return token, hint
    return None

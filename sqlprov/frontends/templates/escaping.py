"""Writes values into a token of SQL; no value can become SQL.

In a literal, a value is its text, and lists and dicts are JSON. In a quoted or dotted name, a value is a name.
Elsewhere, a value is a SQL literal.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from enum import Enum, auto
from typing import Any

from sqlprov.errors import MalformedSQL
from sqlprov.frontends.templates.placeholders import Expansion, Placeholder, to_json
from sqlprov.sql.lexer import Token, TokenKind, tokenize

_WORD_PART = re.compile(r"[A-Za-z0-9_]*")
_JSON_STRING = r'"(?:[^"\\]|\\.)*+"'


class JsonContext(Enum):
    """Where a placeholder is in the JSON of a literal."""

    NONE = auto()  # the literal is not JSON
    STRING = auto()
    VALUE = auto()


class _Misfit(Exception):
    """A value does not fit its place."""


def escape(token: Token, placeholders: Sequence[Placeholder], dotted: bool, expansion: Expansion) -> str:
    """The text of `token` with the values in place of its markers.

    Args:
        token: of `expansion`, with a marker for each of `placeholders`.
        dotted: whether it is part of a dotted name.

    Raises:
        DataError: a value does not fit its place.
    """
    marker = expansion.marker
    parts = token.value.split(marker)
    contexts = (
        _find_json_contexts(token.value, marker)
        if token.kind is TokenKind.STRING
        else [JsonContext.NONE] * len(placeholders)
    )
    text = parts[0]
    for placeholder, context, part in zip(placeholders, contexts, parts[1:], strict=True):
        try:
            is_sql = expansion.text_is_sql and isinstance(placeholder.value, str)
            value = _format(placeholder.value, token, dotted, marker, is_sql)
            value.encode()
        except UnicodeEncodeError:
            raise expansion.build_error(placeholder, "holds a character that is not valid UTF-8") from None
        except _Misfit as misfit:
            raise expansion.build_error(placeholder, str(misfit)) from None
        text += _escape_json(value, context) + part
    if token.kind is TokenKind.STRING:
        return _quote(text, "'")
    if token.kind is TokenKind.QUOTED:
        return _quote(text, token.text[0])
    if token.text != marker and not expansion.text_is_sql and not _is_one_token(text, token.kind):
        comment = token.kind is TokenKind.COMMENT
        problem = "would end the comment" if comment else "would not make one word with the text around it"
        raise expansion.build_error(placeholders[0], problem)
    return text


def _format(value: Any, token: Token, dotted: bool, marker: str, is_sql: bool) -> str:
    if token.kind is TokenKind.STRING:
        return _format_text(value, "a literal")
    if token.kind is TokenKind.QUOTED:
        return _format_name(value)
    if token.kind is TokenKind.COMMENT:
        return re.sub(r"\s+", " ", "null" if value is None else _format_text(value, "a comment"))
    if is_sql:
        return str(value)
    if token.text == marker:
        return _quote(_format_name(value), '"') if dotted else _format_literal(value)
    text = _format_name(value)
    if token.kind is not TokenKind.WORD or not _WORD_PART.fullmatch(text):
        raise _Misfit("is part of a word, where only letters, digits and _ are allowed; quote the word")
    return text


def _is_one_token(text: str, kind: TokenKind) -> bool:
    try:
        return [token.kind for token in tokenize(text, comments=True)] == [kind]
    except MalformedSQL:
        return False


def _format_text(value: Any, place: str) -> str:
    if value is None:
        raise _Misfit(f"is null, which {place} cannot hold")
    if isinstance(value, str):
        return str(value)
    try:
        return to_json(value)
    except TypeError:
        raise _Misfit(f"is a {type(value).__name__}, not a value") from None
    except ValueError:
        raise _Misfit("holds a number that JSON does not have") from None


def _format_name(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _Misfit("is part of a name and must be text")
    return str(value)


def _format_literal(value: Any) -> str:
    """A value as SQL; text, and everything that holds objects, is a string literal."""
    if value is None or isinstance(value, bool):
        return "NULL" if value is None else str(value).upper()
    if isinstance(value, int | float) and math.isfinite(value):
        return f"({value!r})" if value < 0 else repr(value)
    if isinstance(value, list | tuple) and not any(isinstance(item, list | tuple | dict) for item in value):
        return f"[{', '.join(map(_format_literal, value))}]"
    return _quote(_format_text(value, "a literal"), "'")


def _quote(text: str, quote: str) -> str:
    return quote + text.replace(quote, quote * 2) + quote


def _find_json_contexts(body: str, marker: str) -> list[JsonContext]:
    """The context of each marker in a literal."""
    contexts: list[JsonContext] = []

    def record(match: re.Match[str]) -> str:
        part = match.group()
        context = JsonContext.VALUE if part == marker else JsonContext.STRING
        contexts.extend([context] * part.count(marker))
        return "0" if part == marker else part

    trial = re.sub(f"{_JSON_STRING}|{marker}", record, body, flags=re.DOTALL)
    is_json = trial.lstrip()[:1] in ("{", "[") and _is_json(trial)
    return contexts if is_json else [JsonContext.NONE] * len(contexts)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _escape_json(text: str, context: JsonContext) -> str:
    if context is JsonContext.STRING:
        return to_json(text)[1:-1]
    # Text may be the number 5, but not `5, "Another": "member"`.
    return to_json(text) if context is JsonContext.VALUE and not _is_json(text) else text

"""A token of SQL that holds values in, the same with the values written as their place demands out.

In a literal a value is its text, lists and dicts are JSON; in a quoted or dotted name it is a name; elsewhere it is
a value as SQL writes it. So no value becomes SQL of its own.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from enum import Enum
from typing import Any

from sqlprov.errors import MalformedSQL
from sqlprov.frontends.templates.marks import Marked, Value, json_text
from sqlprov.sql.lexer import Token, TokenKind, tokenize

_WORD_PART = re.compile(r"[A-Za-z0-9_]*")
_JSON_TEXT = r'"(?:[^"\\]|\\.)*+"'


class _Json(Enum):
    """Where in a literal a value stands."""

    NONE = "the literal is no JSON"
    TEXT = "between JSON's quotes"
    VALUE = "where JSON has a value"


class _Unfit(Exception):
    """Why a value cannot stand where it does."""


def write(token: Token, values: Sequence[Value], dotted: bool, marked: Marked) -> str:
    """The token with its values.

    Args:
        token: of `marked`, with a mark for each of `values`.
        dotted: whether it is part of a dotted name.

    Raises:
        DataError: a value that cannot stand there.
    """
    parts = token.value.split(marked.mark)
    stands = (
        _in_json(token.value, marked.mark) if token.kind is TokenKind.STRING else [_Json.NONE] * len(values)
    )
    written = parts[0]
    for at, (value, part) in enumerate(zip(values, parts[1:], strict=True)):
        try:
            text = _written(value.value, token, dotted, marked.mark)
            text.encode()
        except UnicodeEncodeError:
            raise marked.refused(value, "holds a character that UTF-8 does not know") from None
        except _Unfit as unfit:
            raise marked.refused(value, str(unfit)) from None
        written += _escaped(text, stands[at]) + part
    if token.kind is TokenKind.STRING:
        return _literal(written)
    if token.kind is TokenKind.QUOTED:
        return _quoted(written, token.text[0])
    if token.text != marked.mark and not _is_one(written, token.kind):
        what = "end the comment" if token.kind is TokenKind.COMMENT else "make no word of what it stands in"
        raise marked.refused(values[0], f"would {what}")
    return written


def _written(value: Any, token: Token, dotted: bool, mark: str) -> str:
    if token.kind is TokenKind.STRING:
        return _text(value, "a literal")
    if token.kind is TokenKind.QUOTED:
        return _name(value)
    if token.kind is TokenKind.COMMENT:
        return re.sub(r"\s+", " ", "null" if value is None else _text(value, "a comment"))
    if token.text == mark:
        return _quoted(_name(value), '"') if dotted else _sql(value)
    text = _name(value)
    if token.kind is not TokenKind.WORD or not _WORD_PART.fullmatch(text):
        raise _Unfit("stands within a word, where only letters, digits and _ may: put it in quotes")
    return text


def _is_one(text: str, kind: TokenKind) -> bool:
    try:
        found = tokenize(text, comments=True)
    except MalformedSQL:
        return False
    return [token.kind for token in found] == [kind]


def _text(value: Any, place: str) -> str:
    """What a value is within a text."""
    if value is None:
        raise _Unfit(f"is null, which {place} cannot hold")
    if isinstance(value, str):
        return str(value)
    try:
        return json_text(value)
    except TypeError:
        raise _Unfit(f"is no value but a {type(value).__name__}") from None
    except ValueError:
        raise _Unfit("holds a number that JSON cannot write") from None


def _name(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _Unfit("is no text, and stands in a name")
    return str(value)


def _sql(value: Any) -> str:
    """A value as SQL writes it; texts, and what has objects in it, are literals."""
    if value is None or isinstance(value, bool):
        return "NULL" if value is None else str(value).upper()
    if isinstance(value, int | float) and math.isfinite(value):
        return f"({value!r})" if value < 0 else repr(value)
    if isinstance(value, list | tuple) and not any(isinstance(each, list | tuple | dict) for each in value):
        return f"[{', '.join(map(_sql, value))}]"
    return _literal(_text(value, "a literal"))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _quoted(name: str, quote: str) -> str:
    return quote + name.replace(quote, quote * 2) + quote


def _in_json(body: str, mark: str) -> list[_Json]:
    """Of each mark in a literal, where it stands."""
    places: list[_Json] = []

    def stood(found: re.Match[str]) -> str:
        part = found.group()
        places.extend([_Json.VALUE if part == mark else _Json.TEXT] * part.count(mark))
        return "0" if part == mark else part

    trial = re.sub(f"{_JSON_TEXT}|{mark}", stood, body, flags=re.DOTALL)
    return places if trial.lstrip()[:1] in ("{", "[") and _is_json(trial) else [_Json.NONE] * len(places)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _escaped(text: str, stands: _Json) -> str:
    """A value's text as the JSON around it demands."""
    if stands is _Json.TEXT:
        return json_text(text)[1:-1]
    # So a text can be the number 5, and cannot be `5, "Another": "member"`.
    return json_text(text) if stands is _Json.VALUE and not _is_json(text) else text

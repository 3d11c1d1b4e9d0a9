"""Reads a filter as DuckDB's `EXPLAIN (FORMAT json)` prints it.

    "Filters": ['("region" = \'eu-west-1\')', '(("n" > 1) OR ("n" IS NULL))']

DuckDB puts parentheses around every operator and quotes around every column, and nests as deep as the user wrote. The
reader keeps its own stack instead of recursing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from sqlprov.plan.read.predicate import FALSE, TRUE, And, Compare, In, IsNull, Not, Opaque, Or, Predicate
from sqlprov.sql.lexer import Token, TokenKind, tokenize


@dataclass(frozen=True)
class _Ref:
    """A column, or with `nested` a field of one."""

    column: str
    nested: bool = False


@dataclass(frozen=True)
class _Value:
    value: Any


@dataclass(frozen=True)
class _List:
    values: tuple[Any, ...]


@dataclass(frozen=True)
class _Group:
    """The content of a pair of parentheses, and the columns in it."""

    predicate: Predicate
    columns: frozenset[str]


_Item: TypeAlias = Token | _Ref | _Value | _List | _Group

_OPS = {"=": "=", "==": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_MIRROR = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_KEYWORDS = {
    *("AND", "OR", "NOT", "IN", "IS", "NULL", "TRUE", "FALSE", "BETWEEN", "LIKE", "DISTINCT", "FROM", "AS"),
    *("TIMESTAMPTZ", "TIMESTAMP", "DATE", "TIME", "INTERVAL"),
}


def parse_filter(sql: str) -> Predicate:
    """Parse a printed filter.

    Args:
        sql: one filter, or several separated by line breaks, all of which hold. DuckDB's JSON splits a string
            at a line break: join the parts of "Filters" with a line break.

    Returns:
        The predicate, with times as aware UTC datetimes; anything else is `Opaque`.

    Raises:
        MalformedSQL: a literal is not closed.
    """
    stack: list[list[_Item]] = [[]]
    for item in _read_items(tokenize(sql)):
        if isinstance(item, Token) and item.is_one_of("("):
            stack.append([])
        elif isinstance(item, Token) and item.is_one_of(")") and len(stack) > 1:
            inner = stack.pop()
            stack[-1].append(_read_list(inner) if _get_word(stack[-1], -1) == "IN" else _reduce(inner))
        else:
            stack[-1].append(item)
    if len(stack) > 1:
        return Opaque(_list_columns([item for frame in stack for item in frame]))
    side_by_side = [item.predicate for item in stack[0] if isinstance(item, _Group)]
    return _join(And, side_by_side) if len(side_by_side) == len(stack[0]) else _reduce(stack[0]).predicate


def _read_items(tokens: Sequence[Token]) -> Iterator[_Item]:
    """The tokens; each column and each literal, with its sign, type and cast, is one item."""
    at = 0
    while at < len(tokens):
        item, at = _read_value(tokens, at) or _read_ref(tokens, at) or (tokens[at], at + 1)
        yield item


def _read_ref(tokens: Sequence[Token], at: int) -> tuple[_Item, int] | None:
    token, end = tokens[at], at + 1
    if token.kind is TokenKind.WORD:
        is_call = end < len(tokens) and tokens[end].is_one_of("(")
        is_type = at > 0 and tokens[at - 1].is_one_of("::", "AS")
        if token.text.upper() in _KEYWORDS or is_call or is_type:
            return None
    elif token.kind is not TokenKind.QUOTED:
        return None
    while end + 1 < len(tokens) and tokens[end].is_one_of("."):
        end += 2
    return _Ref(token.value, nested=end > at + 1), end


def _read_value(tokens: Sequence[Token], at: int) -> tuple[_Item, int] | None:
    sign = at + 1 < len(tokens) and tokens[at].is_one_of("-") and tokens[at + 1].kind is TokenKind.NUMBER
    typed = (
        at + 1 < len(tokens)
        and tokens[at].is_one_of("TIMESTAMPTZ")
        and tokens[at + 1].kind is TokenKind.STRING
    )
    token = tokens[at + 1] if sign or typed else tokens[at]
    end = at + (2 if sign or typed else 1)
    value: Any
    if typed:
        value = _parse_time(token.value)
    elif token.kind is TokenKind.STRING:
        value = token.value
    elif token.kind is TokenKind.NUMBER:
        value = _parse_number(("-" if sign else "") + token.value.replace("_", ""))
    elif token.is_one_of("TRUE", "FALSE"):
        value = token.is_one_of("TRUE")
    else:
        return None
    if end + 1 < len(tokens) and tokens[end].is_one_of("::"):
        value, end = _cast(value, tokens[end + 1].value.upper()), end + 2
    return (_Value(value), end) if value is not None else None


def _parse_number(text: str) -> int | float:
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _parse_time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None


_CASTS: dict[str, Callable[[Any], Any]] = {
    "DOUBLE": float,
    "FLOAT": float,
    "VARCHAR": str,
    "TIMESTAMPTZ": lambda value: _parse_time(str(value)),
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"), int),
}


def _cast(value: Any, kind: str) -> Any:
    try:
        return _CASTS[kind](value)
    except (KeyError, ValueError):
        return None


def _read_list(items: Sequence[_Item]) -> _Item:
    values = items[::2]
    commas = items[1::2]
    if all(isinstance(item, _Value) for item in values) and all(_is(item, ",") for item in commas):
        return _List(tuple(item.value for item in values if isinstance(item, _Value)))
    columns = _list_columns(items)
    return _Group(Opaque(columns), columns)


def _reduce(items: Sequence[_Item]) -> _Group:
    """Parse the content of a pair of parentheses by SQL's precedence."""
    return _Group(_interpret(items), _list_columns(items))


def _interpret(items: Sequence[_Item]) -> Predicate:
    if len(parts := _split(items, "OR")) > 1:
        return _join(Or, [_interpret(part) for part in parts])
    if len(parts := _split(items, "AND")) > 1:
        return _join(And, [_interpret(part) for part in parts])
    negations = 0
    while _get_word(items, negations) == "NOT":
        negations += 1
    condition = _interpret_condition(items[negations:])
    for _ in range(negations):
        condition = Not(condition)
    return condition


def _split(items: Sequence[_Item], word: str) -> list[Sequence[_Item]]:
    """The items between the `word`s; the AND of a BETWEEN does not count."""
    parts: list[list[_Item]] = [[]]
    between = False
    for item in items:
        between = between or _is(item, "BETWEEN")
        if _is(item, word) and not between:
            parts.append([])
            continue
        if _is(item, "AND"):
            between = False
        parts[-1].append(item)
    return list(parts)


def _join(kind: type[And] | type[Or], parts: Sequence[Predicate]) -> Predicate:
    flat: list[Predicate] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, kind) else [part])
    return flat[0] if len(flat) == 1 else kind(tuple(flat))


def _interpret_condition(items: Sequence[_Item]) -> Predicate:
    """One condition without AND, OR and a leading NOT."""
    words = "".join(f" {_get_word(items, index) or '.'}" for index in range(len(items))).strip()
    match list(items):
        case [_Group(predicate=inner)]:
            return inner
        case [_Value(value=bool(truth))]:
            return TRUE if truth else FALSE
        case [_Ref(column=column, nested=False)]:
            return Compare(column, "=", True)
        case [_Ref(column=column, nested=False), Token(text=op), _Value(value=value)] if op in _OPS:
            return Compare(column, _OPS[op], value)
        case [_Value(value=value), Token(text=op), _Ref(column=column, nested=False)] if op in _OPS:
            return Compare(column, _MIRROR[_OPS[op]], value)
        case [_Ref(column=column, nested=False), *_, _List(values=values)] if words in (
            ". IN .",
            ". NOT IN .",
        ):
            return In(column, values) if words == ". IN ." else Not(In(column, values))
        case [_Ref(column=column, nested=False), *_] if words in (". IS NULL", ". IS NOT NULL"):
            return IsNull(column) if words == ". IS NULL" else Not(IsNull(column))
        case [_Ref(column=column, nested=False), _, _Value(value=low), _, _Value(value=high)]:
            if words == ". BETWEEN . AND .":
                return And((Compare(column, ">=", low), Compare(column, "<=", high)))
    return Opaque(_list_columns(items))


def _list_columns(items: Sequence[_Item]) -> frozenset[str]:
    columns: set[str] = set()
    for item in items:
        if isinstance(item, _Ref):
            columns.add(item.column)
        elif isinstance(item, _Group):
            columns |= item.columns
    return frozenset(columns)


def _is(item: _Item, word: str) -> bool:
    return isinstance(item, Token) and item.is_one_of(word)


def _get_word(items: Sequence[_Item], index: int) -> str:
    """The keyword at `index`, in upper case; empty if there is none."""
    item = items[index] if -len(items) <= index < len(items) else None
    return item.text.upper() if isinstance(item, Token) else ""

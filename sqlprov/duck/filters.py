"""Parses a pyarrow filter from its pickled form. Anything unknown narrows nothing.

The documented form, Substrait, doubles in size and time with each alternative of an OR: 14 take a second.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from sqlprov.plan.read.domain import list_columns
from sqlprov.plan.read.predicate import FALSE, TRUE, And, Compare, In, IsNull, Not, Opaque, Or, Predicate

logger = logging.getLogger(__name__)

COMPARED = {
    "equal": "=",
    "not_equal": "<>",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
}
MIRRORED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOKEN = re.compile(r"(\w+): '(.*)'")


class _Column(str):
    """An argument that is a column."""


_Argument: TypeAlias = Any
"""A _Column, a pyarrow Scalar or a Predicate."""


class Unreadable(Exception):
    """A part of the expression that a Predicate cannot represent."""


def read_filter(filter_: pc.Expression | None, schema: pa.Schema) -> Predicate:
    """Parse `filter_`, an expression over `schema`."""
    if filter_ is None:
        return TRUE
    try:
        return _to_predicate(_parse(filter_))
    except Exception:  # the form is a private one of pyarrow's
        logger.info("the filter %s cannot be read", filter_, exc_info=True)
        return Opaque(frozenset(schema.names))


def _parse(filter_: pc.Expression) -> _Argument:
    """The expression: a list of tokens, from `call` to `end`, whose literals and options are columns of a batch."""
    _, (buffer,) = filter_.__reduce__()
    with pa.ipc.open_file(pa.BufferReader(buffer)) as reader:
        batch = reader.get_batch(0)
    # Schema.metadata is a dict, but the tokens occur repeatedly.
    text = batch.schema.to_string(truncate_metadata=False)
    tokens = iter(_TOKEN.findall(text.partition("schema metadata --")[2]))
    calls: list[tuple[list[_Argument], dict[str, Any]]] = [
        ([], {})
    ]  # the arguments and options of each open call
    for kind, value in tokens:
        arguments, options = calls[-1]
        match kind:
            case "call":
                calls.append(([], {}))
            case "end":
                calls.pop()
                calls[-1][0].append(_reduce(value, arguments, options))
            case "field_ref":
                arguments.append(_Column(value))
            case "nested_field_ref":  # a field within a column: their names follow
                path = [next(tokens)[1] for _ in range(int(value))]
                arguments.append(Opaque(frozenset(path[:1])))
            case "literal":
                arguments.append(batch.column(int(value))[0])
            case "options":
                options.update(batch.column(int(value))[0])
            case _:
                raise ValueError(f"unknown token {kind}")
    ((expression,), _) = calls.pop()
    return expression


def _reduce(function: str, arguments: Sequence[_Argument], options: Mapping[str, Any]) -> _Argument:
    """What a call says; Opaque if a Predicate cannot say it."""
    try:
        if function == "cast":
            (value,) = arguments
            if isinstance(value, pa.Scalar):
                return value  # the type of a literal does not matter
        elif read := _READERS.get(function):
            return read(function, arguments, options)
    except (Unreadable, ValueError, TypeError):
        pass
    return Opaque(_list_columns(arguments))


def _join(function: str, arguments: Sequence[_Argument], _: Mapping[str, Any]) -> Predicate:
    kind = And if function == "and_kleene" else Or
    first, *others = map(_to_predicate, arguments)
    parts = first.parts if isinstance(first, kind) else (first,)  # a chain nests on the left
    return kind((*parts, *others))


def _negate(_: str, arguments: Sequence[_Argument], __: Mapping[str, Any]) -> Predicate:
    (argument,) = arguments
    return Not(_to_predicate(argument))


def _read_null(function: str, arguments: Sequence[_Argument], options: Mapping[str, Any]) -> Predicate:
    (column,) = arguments
    if options.get("nan_is_null") and options["nan_is_null"].as_py():
        raise Unreadable
    null = IsNull(_get_column(column))
    return null if function == "is_null" else Not(null)


def _read_member(_: str, arguments: Sequence[_Argument], options: Mapping[str, Any]) -> Predicate:
    (column,) = arguments
    return In(_get_column(column), tuple(map(_get_value, options["value_set"])))


def _read_member_or_null(_: str, arguments: Sequence[_Argument], __: Mapping[str, Any]) -> Predicate:
    """IN arrives as an if: whether a column is in the list if it is not null, otherwise null."""
    condition, member, otherwise = arguments
    if not isinstance(member, In) or condition != Not(IsNull(member.column)):
        raise Unreadable
    if not isinstance(otherwise, pa.Scalar) or otherwise.is_valid:
        raise Unreadable
    return member


def _read_comparison(function: str, arguments: Sequence[_Argument], _: Mapping[str, Any]) -> Predicate:
    (left, right), op = arguments, COMPARED[function]
    if isinstance(left, pa.Scalar):
        left, right, op = right, left, MIRRORED[op]
    return Compare(_get_column(left), op, _get_value(right))


_READERS: Mapping[str, Callable[[str, Sequence[_Argument], Mapping[str, Any]], Predicate]] = {
    **dict.fromkeys(("and_kleene", "or_kleene"), _join),
    "invert": _negate,
    **dict.fromkeys(("is_null", "is_valid"), _read_null),
    "is_in": _read_member,
    "if_else": _read_member_or_null,
    **dict.fromkeys(COMPARED, _read_comparison),
}


def _to_predicate(argument: _Argument) -> Predicate:
    match argument:
        case pa.BooleanScalar() if argument.is_valid:
            return TRUE if argument.as_py() else FALSE
        case _Column() | pa.Scalar():
            return Opaque(_list_columns([argument]))
    predicate: Predicate = argument
    return predicate


def _get_column(argument: _Argument) -> str:
    if not isinstance(argument, _Column):
        raise Unreadable
    return str(argument)


def _get_value(argument: _Argument) -> Any:
    if not isinstance(argument, pa.Scalar) or not argument.is_valid:
        raise Unreadable
    kind = argument.type
    if pa.types.is_timestamp(kind) and kind.tz:
        return EPOCH + timedelta(microseconds=argument.cast(pa.timestamp("us", "UTC")).value)
    if not any(is_kind(kind) for is_kind in _PLAIN):
        raise Unreadable
    return argument.as_py()


_PLAIN = (pa.types.is_string, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating)


def _list_columns(arguments: Sequence[_Argument]) -> frozenset[str]:
    """The columns named anywhere in the arguments."""
    columns = {str(argument) for argument in arguments if isinstance(argument, _Column)}
    others = (argument for argument in arguments if not isinstance(argument, _Column | pa.Scalar))
    return frozenset(columns).union(*map(list_columns, others))

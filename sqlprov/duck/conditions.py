"""Reads the conditions that DuckDB passes to a scan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from duckdb._sources.nodes import Binary, Col, Postfix, Unary
from duckdb._sources.nodes import In as Member

from sqlprov.plan.read.predicate import And, Compare, In, IsNull, Not, Opaque, Or, Predicate

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANT = "TIMESTAMP WITH TIME ZONE"
INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
PLAIN = frozenset(("VARCHAR", "BOOLEAN", *INTEGERS, *(f"U{name}" for name in INTEGERS)))
"""Types whose values compare as Python's. DOUBLE is not among them: in DuckDB, NaN is above every number."""


def read_conditions(conditions: Sequence[Any]) -> Predicate:
    """All of DuckDB's `conditions` hold.

    Raises:
        ValueError, OverflowError, RecursionError: a predicate cannot say one of them.
    """
    return And(tuple(map(_read, conditions)))


def _read(node: Any) -> Predicate:
    match node:
        case Binary(op="AND" | "OR" as op):
            return (And if op == "AND" else Or)(tuple(map(_read, _list_parts(node, op))))
        case Binary(op=op, left=Col(parts=path), right=literal):
            return _nest(path, Compare(path[0], "<>" if op == "!=" else op, _read_value(literal)))
        case Member(operand=Col(parts=path), values=literals):
            return _nest(path, In(path[0], tuple(map(_read_value, literals))))
        case Postfix(op=op, operand=Col(parts=path)):
            null = _nest(path, IsNull(path[0]))
            return Not(null) if op == "IS NOT NULL" else null
        case Unary(op="NOT", operand=operand):
            return Not(_read(operand))
    raise ValueError(f"{node} is no condition")


def _list_parts(node: Any, op: str) -> Iterator[Any]:
    """The parts of a chain, which nests on the left: one of a thousand is too deep for recursion."""
    parts: list[Any] = []
    while isinstance(node, Binary) and node.op == op:
        parts.append(node.right)
        node = node.left
    yield node
    yield from reversed(parts)


def _nest(path: tuple[str, ...], leaf: Compare | In | IsNull) -> Predicate:
    return leaf if len(path) == 1 else Opaque(frozenset(path[:1]), path, leaf)


def _read_value(literal: Any) -> Any:
    if literal.type == INSTANT and isinstance(literal.value, int):
        return EPOCH + timedelta(microseconds=literal.value)
    if literal.type not in PLAIN or literal.value is None:
        raise ValueError(f"{literal} is not of a plain type")
    return literal.value

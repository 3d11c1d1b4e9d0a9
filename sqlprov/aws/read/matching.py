"""Finds the rows of a batch that meet a predicate, as DuckDB would."""

from __future__ import annotations

from functools import partial, reduce

import pyarrow as pa

from sqlprov.arrow_functions import compute, get_member, is_in
from sqlprov.plan.read.predicate import TRUE, And, Compare, In, IsNull, Not, Opaque, Or, Predicate

KERNELS = {
    "=": "equal",
    "<>": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
}


def select_matches(batch: pa.RecordBatch, predicate: Predicate) -> pa.RecordBatch:
    """The rows that meet `predicate`.

    Raises:
        pa.ArrowException, TypeError, ValueError, OverflowError: a value does not fit its column's type, or a part of
            the predicate is unknown.
    """
    return batch if predicate == TRUE else compute("filter", batch, _evaluate(predicate, batch))


def find_matches(batch: pa.RecordBatch, predicate: Predicate) -> list[int]:
    """The positions of the rows that `select_matches` selects."""
    if predicate == TRUE:
        return list(range(batch.num_rows))
    positions = compute("filter", pa.array(range(batch.num_rows)), _evaluate(predicate, batch))
    return list(positions.to_pylist())


def _evaluate(predicate: Predicate, batch: pa.RecordBatch) -> pa.Array:
    """True, false or NULL for each row."""
    match predicate:
        case Compare(name) | In(name) | IsNull(name):
            return _check(predicate, batch.column(name))
        case Opaque(_, (name, *fields), leaf) if leaf:
            return _check(leaf, reduce(get_member, fields, batch.column(name)))
        case Not(part):
            return compute("invert", _evaluate(part, batch))
        case And(parts) | Or(parts):
            join = partial(compute, "and_kleene" if isinstance(predicate, And) else "or_kleene")
            start = pa.repeat(isinstance(predicate, And), batch.num_rows)
            return reduce(join, (_evaluate(part, batch) for part in parts), start)
    raise TypeError(f"{predicate} is unknown")


def _check(leaf: Compare | In | IsNull, column: pa.Array) -> pa.Array:
    match leaf:
        case Compare(_, op, value):
            return compute(KERNELS[op], column, pa.scalar(value, column.type))
        case In(_, values):
            # For NULL, is_in returns false, and NOT IN would keep the row; SQL returns NULL.
            member = is_in(column, pa.array(values, column.type))
            return compute("if_else", compute("is_valid", column), member, pa.scalar(None, pa.bool_()))
    return compute("is_null", column)

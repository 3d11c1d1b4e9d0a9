"""Finds the rows of a batch that meet a predicate, as DuckDB would."""

from __future__ import annotations

from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

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
    return batch if predicate == TRUE else batch.filter(_evaluate(predicate, batch))


def find_matches(batch: pa.RecordBatch, predicate: Predicate) -> list[int]:
    """The positions of the rows that `select_matches` selects."""
    if predicate == TRUE:
        return list(range(batch.num_rows))
    positions: list[int] = pa.array(range(batch.num_rows)).filter(_evaluate(predicate, batch)).to_pylist()
    return positions


def _evaluate(predicate: Predicate, batch: pa.RecordBatch) -> pa.Array:
    """True, false or NULL for each row."""
    match predicate:
        case Compare(name) | In(name) | IsNull(name):
            return _check(predicate, batch.column(name))
        case Opaque(_, (name, *fields), leaf) if leaf:
            return _check(leaf, reduce(pc.struct_field, fields, batch.column(name)))
        case Not(part):
            return pc.invert(_evaluate(part, batch))
        case And(parts) | Or(parts):
            join = pc.and_kleene if isinstance(predicate, And) else pc.or_kleene
            start = pa.repeat(isinstance(predicate, And), batch.num_rows)
            return reduce(join, (_evaluate(part, batch) for part in parts), start)
    raise TypeError(f"{predicate} is unknown")


def _check(leaf: Compare | In | IsNull, column: pa.Array) -> pa.Array:
    match leaf:
        case Compare(_, op, value):
            return pc.call_function(KERNELS[op], [column, pa.scalar(value, column.type)])
        case In(_, values):
            # For NULL, is_in returns false, and NOT IN would keep the row; SQL returns NULL.
            member = pc.is_in(column, value_set=pa.array(values, column.type))
            return pc.if_else(pc.is_valid(column), member, pa.scalar(None, pa.bool_()))
    return pc.is_null(column)

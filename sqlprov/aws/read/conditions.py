"""Predicate and columns in, a pyarrow filter out: decides which listed rows deserve a call of their own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from sqlprov.catalog.table import Column
from sqlprov.plan.read.predicate import And, Compare, In, IsNull, Not, Or, Predicate


def to_expression(predicate: Predicate, columns: Mapping[str, Column]) -> pc.Expression:
    """`predicate`, which holds no Opaque part, as an expression over `columns`."""
    match predicate:
        case Compare(name, op, value):
            field, scalar = pc.field(name), pa.scalar(value, columns[name].type)
            compared: dict[str, pc.Expression] = {
                "=": field == scalar,
                "<>": field != scalar,
                "<": field < scalar,
                "<=": field <= scalar,
                ">": field > scalar,
                ">=": field >= scalar,
            }
            return compared[op]
        case In(name, values):
            # Arrow's isin answers false for NULL, where NOT IN would then keep the row: say NULL as SQL does.
            member = pc.field(name).isin(pa.array(list(values), columns[name].type))
            return pc.if_else(pc.field(name).is_valid(), member, pa.scalar(None, pa.bool_()))
        case IsNull(name):
            return pc.field(name).is_null()
        case Not(part):
            return ~to_expression(part, columns)
        case And(parts):
            return reduce(lambda a, b: a & b, (to_expression(p, columns) for p in parts), pc.scalar(True))
        case Or(parts):
            return reduce(lambda a, b: a | b, (to_expression(p, columns) for p in parts), pc.scalar(False))
    raise TypeError(f"{predicate} cannot be decided here")

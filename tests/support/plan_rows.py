"""Random rows and predicates, and what SQL's three-valued logic makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from sqlprov.plan.read.predicate import And, Compare, In, IsNull, Not, Opaque, Or, Predicate

Row = Mapping[str, Any]
OPERATORS = ("=", "<>", "<", "<=", ">", ">=")


def truth(predicate: Predicate, row: Row, opaque: bool | None = True) -> bool | None:
    """The value of `predicate` in `row`; None is NULL. What is opaque is `opaque`."""
    match predicate:
        case Compare(column, op, other):
            value = row[column]
            if value is None:
                return None
            return {
                "=": value == other,
                "<>": value != other,
                "<": value < other,
                "<=": value <= other,
                ">": value > other,
                ">=": value >= other,
            }[op]
        case In(column, values):
            return None if row[column] is None else row[column] in values
        case IsNull(column):
            return row[column] is None
        case Not(part):
            found = truth(part, row, opaque)
            return None if found is None else not found
        case And(parts):
            all_ = [truth(part, row, opaque) for part in parts]
            return False if False in all_ else None if None in all_ else True
        case Or(parts):
            any_ = [truth(part, row, opaque) for part in parts]
            return True if True in any_ else None if None in any_ else False
        case Opaque():
            return opaque


def predicates(values: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Predicate]:
    """Predicates over columns whose literals are drawn from `values`."""

    def leaves(column: str) -> st.SearchStrategy[Predicate]:
        literal = values[column]
        return st.one_of(
            st.builds(Compare, st.just(column), st.sampled_from(OPERATORS), literal),
            st.builds(In, st.just(column), st.lists(literal, min_size=1, max_size=3).map(tuple)),
            st.just(IsNull(column)),
            st.just(Opaque(frozenset((column,)))),
        )

    def several(parts: st.SearchStrategy[Predicate]) -> st.SearchStrategy[Sequence[Predicate]]:
        return st.lists(parts, max_size=3).map(tuple)

    return st.recursive(
        st.one_of([leaves(column) for column in values]),
        lambda parts: st.one_of(
            several(parts).map(And),
            several(parts).map(Or),
            parts.map(Not),  # type: ignore[arg-type]
        ),
        max_leaves=8,
    )


def rows(values: Mapping[str, st.SearchStrategy[Any]], nulls: bool = True) -> st.SearchStrategy[Row]:
    """Rows of values that the predicates' literals often equal."""
    return st.fixed_dictionaries(
        {column: st.none() | literal if nulls else literal for column, literal in values.items()}
    )

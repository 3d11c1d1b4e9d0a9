from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_rows import predicates, rows, truth

from sqlprov.plan.read.domain import (
    EVERYTHING,
    Domain,
    accepts,
    drop_column,
    find_domain,
    list_columns,
    list_conjuncts,
    restrict,
)
from sqlprov.plan.read.predicate import FALSE, TRUE, And, Compare, In, IsNull, Not, Opaque, Or, Predicate

VALUES = {"a": st.integers(0, 4), "b": st.integers(0, 4), "s": st.sampled_from(["", "x", "xy", "y"])}
ELSEWHERE = Compare("b", "=", 1)


def eq(value: Any, column: str = "a") -> Predicate:
    return Compare(column, "=", value)


def lt(value: Any) -> Predicate:
    return Compare("a", "<", value)


def gt(value: Any) -> Predicate:
    return Compare("a", ">", value)


def only(*values: Any) -> Domain:
    return Domain(frozenset(values))


def make_range(low: Any, high: Any) -> Domain:
    return Domain(None, low, high)


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        (TRUE, EVERYTHING),
        (FALSE, only()),
        (eq(1), only(1)),
        (Compare("a", "<>", 1), EVERYTHING),
        (Compare("a", "<=", 1), make_range(None, 1)),
        (gt(1), make_range(1, None)),
        (In("a", (1, 2)), only(1, 2)),
        (IsNull("a"), EVERYTHING),
        (Not(IsNull("a")), EVERYTHING),
        (Opaque(frozenset("a")), EVERYTHING),
        (ELSEWHERE, EVERYTHING),
        # AND
        (And((gt(1), lt(5))), make_range(1, 5)),
        (And((gt(1), gt(3), lt(9), lt(5))), make_range(3, 5)),
        (And((In("a", (1, 2, 3)), gt(2))), only(2, 3)),
        (And((eq(1), ELSEWHERE, Opaque(frozenset("a")))), only(1)),
        (And((eq(1), eq(2))), only()),
        (And((And((gt(1),)), And((lt(5),)))), make_range(1, 5)),
        # OR
        (Or((eq(1), eq(2))), only(1, 2)),
        (Or((eq(1), gt(5))), make_range(1, None)),
        (Or((lt(1), gt(5))), EVERYTHING),
        (Or((And((gt(1), lt(2))), And((gt(8), lt(9))))), make_range(1, 9)),
        (Or((eq(1), ELSEWHERE)), EVERYTHING),
        (Or((eq(1), IsNull("a"))), EVERYTHING),
        (Or((eq(1), And((eq(2), eq(3))))), only(1)),
        (Or((eq(1), FALSE)), only(1)),
        # NOT
        (Not(Compare("a", "<>", 1)), only(1)),
        (Not(lt(5)), make_range(5, None)),
        (Not(In("a", (1, 2))), EVERYTHING),
        (Not(Or((Compare("a", "<>", 1), ELSEWHERE))), only(1)),
        (Not(And((lt(5), gt(9)))), EVERYTHING),
        (Not(And((lt(5), lt(9)))), make_range(5, None)),
        (Not(Not(eq(1))), only(1)),
        (Not(TRUE), only()),
    ],
    ids=str,
)
def test_a_predicate_implies_the_values_of_a_column(predicate: Predicate, expected: Domain) -> None:
    assert find_domain(predicate, "a") == expected


@pytest.mark.parametrize(
    "contradiction",
    [
        And((eq(1), eq(2))),
        And((eq(1), gt(2))),
        And((In("a", (1, 2)), In("a", (3, 4)))),
        And((gt(5), lt(1))),
        And((Not(lt(5)), lt(4))),
    ],
    ids=str,
)
def test_a_contradiction_leaves_no_value(contradiction: Predicate) -> None:
    assert find_domain(contradiction, "a").empty
    assert not find_domain(contradiction, "b").empty


def test_bounds_that_meet_leave_the_value_between_them() -> None:
    both = find_domain(And((Compare("a", ">=", 3), Compare("a", "<=", 3))), "a")
    assert not both.empty
    assert both.contains(3) and not both.contains(4)


@pytest.mark.parametrize(
    ("predicate", "accepted"),
    [
        (Compare("s", "<>", "x"), {"", "xy", "y"}),
        (Not(In("s", ("x", "y"))), {"", "xy"}),
        (And((Compare("s", ">=", "x"), Compare("s", "<", "y"))), {"x", "xy"}),
        (Or((eq("x", "s"), ELSEWHERE)), {"", "x", "xy", "y"}),
        (And((eq("x", "s"), ELSEWHERE)), {"x"}),
        (And((eq("x", "s"), FALSE)), set()),
        (IsNull("s"), set()),
        (Not(IsNull("s")), {"", "x", "xy", "y"}),
        (Not(And((ELSEWHERE, eq("x", "s")))), {"", "x", "xy", "y"}),
        (Not(Or((ELSEWHERE, eq("x", "s")))), {"", "xy", "y"}),
        (Opaque(frozenset("s")), {"", "x", "xy", "y"}),
    ],
    ids=str,
)
def test_a_value_is_accepted_if_the_predicate_can_be_true_with_it(
    predicate: Predicate, accepted: set[str]
) -> None:
    assert {value for value in ("", "x", "xy", "y") if accepts(predicate, "s", value)} == accepted


def test_columns_and_conjuncts_are_found_at_any_depth() -> None:
    predicate = And((eq(1), And((Or((gt(2), eq("x", "s"))), Not(Opaque(frozenset(("c", "d"))))))))
    assert list_columns(predicate) == {"a", "s", "c", "d"}
    assert list_conjuncts(predicate) == (eq(1), Or((gt(2), eq("x", "s"))), Not(Opaque(frozenset(("c", "d")))))
    assert list_conjuncts(TRUE) == ()


def test_restrict_keeps_whole_conjuncts_of_the_given_columns() -> None:
    mixed = Or((eq(1), eq("x", "s")))
    predicate = And((eq(1), mixed, Opaque(frozenset("a")), Not(Opaque(frozenset("a")))))
    assert restrict(predicate, ["a"]) == And((eq(1),))
    assert restrict(predicate, ["a", "s"]) == And((eq(1), mixed))
    assert restrict(mixed, ["a"]) == TRUE


def test_drop_column_removes_the_conditions_on_that_column_alone() -> None:
    assert drop_column(And((eq(1), ELSEWHERE)), "a") == And((ELSEWHERE,))
    assert drop_column(eq(1), "a") == TRUE
    assert drop_column(Or((eq(1), ELSEWHERE)), "a") == And((Or((eq(1), ELSEWHERE)),))


@settings(max_examples=500, deadline=None)
@given(predicate=predicates(VALUES), row=rows(VALUES), opaque=st.sampled_from([True, False, None]))
def test_a_row_in_which_a_predicate_is_true_is_never_ruled_out(
    predicate: Predicate, row: dict[str, Any], opaque: bool | None
) -> None:
    holds = truth(predicate, row, opaque)
    for column, value in row.items():
        implied = find_domain(predicate, column)
        if holds:
            assert not implied.empty
            if value is None:
                assert implied == EVERYTHING
            else:
                assert implied.contains(value)
                assert accepts(predicate, column, value)
        if holds is False and value is not None:
            assert find_domain(predicate, column, holds=False).contains(value)
    if holds:
        assert truth(restrict(predicate, ["a", "s"]), row, opaque) is True
        assert truth(drop_column(predicate, "a"), row, opaque) is True


@settings(max_examples=500, deadline=None)
@given(predicate=predicates({"a": VALUES["a"]}), value=VALUES["a"])
def test_over_one_column_accepting_a_value_is_exact(predicate: Predicate, value: int) -> None:
    outcomes = {truth(predicate, {"a": value}, opaque) for opaque in (True, False, None)}
    if True in outcomes:
        assert accepts(predicate, "a", value)
    if "Opaque" not in str(predicate):
        assert accepts(predicate, "a", value) == (outcomes == {True})


@settings(max_examples=500, deadline=None)
@given(left=predicates({"a": VALUES["a"]}), right=predicates({"a": VALUES["a"]}), value=VALUES["a"])
def test_domains_are_combined_without_losing_a_value(left: Predicate, right: Predicate, value: int) -> None:
    ours, theirs = find_domain(left, "a"), find_domain(right, "a")
    assert (ours & theirs).contains(value) == (ours.contains(value) and theirs.contains(value))
    if ours.contains(value) or theirs.contains(value):
        assert (ours | theirs).contains(value)

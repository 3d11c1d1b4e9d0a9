from __future__ import annotations

import pytest

from sqlprov.plan.read.predicate import FALSE, TRUE, And, Compare, In, IsNull, Not, Opaque, Or, Predicate
from sqlprov.plan.read.scope import Rule, find_accepted, find_different, find_equal, find_rule

EVERY = ("ap-south-1", "eu-west-1", "us-east-1", "us-west-2")


def region(value: str, op: str = "=") -> Predicate:
    return Compare("region", op, value)


ELSEWHERE = Compare("name", "=", "a")
NOT_NULL = Not(IsNull("region"))


@pytest.mark.parametrize(
    ("where", "columns", "decides", "rule"),
    [
        (region("us-west-2"), (), True, Rule.CONDITION),
        (And((NOT_NULL, region("us", ">"))), ("region",), True, Rule.CONDITION),
        (Or((region("us-west-2"), ELSEWHERE)), ("region",), False, Rule.CONDITION),
        (Opaque(frozenset(("region", "name"))), ("region",), False, Rule.CONDITION),
        (ELSEWHERE, ("name",), True, Rule.UNUSED),
        (NOT_NULL, ("name",), True, Rule.UNUSED),
        (ELSEWHERE, ("name", "region"), False, Rule.SHOWN),
        (And((NOT_NULL, ELSEWHERE)), ("region",), False, Rule.SHOWN),
        (TRUE, ("region",), True, Rule.ALL),
        (NOT_NULL, ("region",), True, Rule.ALL),
    ],
    ids=str,
)
def test_the_rule_follows_from_the_condition_the_columns_and_the_use(
    where: Predicate, columns: tuple[str, ...], decides: bool, rule: Rule
) -> None:
    assert find_rule("region", columns, where, lambda: decides) is rule


def test_the_statement_is_analysed_only_for_a_scan_that_wants_the_column_without_a_condition() -> None:
    def fail() -> bool:
        raise AssertionError

    assert find_rule("region", ("name",), ELSEWHERE, fail) is Rule.UNUSED
    assert find_rule("region", ("region",), region("us-west-2"), fail) is Rule.CONDITION


def test_the_rule_holds_for_any_column() -> None:
    assert find_rule("account_id", (), Compare("account_id", "=", "1"), lambda: True) is Rule.CONDITION
    assert find_rule("account_id", ("account_id",), region("us-west-2"), lambda: True) is Rule.ALL


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (region("us-west-2"), ("us-west-2",)),
        (Or((region("us-west-2"), region("eu-west-1"))), ("eu-west-1", "us-west-2")),
        (And((region("us-west-2"), ELSEWHERE)), ("us-west-2",)),
        (region("us-east-1", "<>"), ("ap-south-1", "eu-west-1", "us-west-2")),
        (Not(In("region", ("us-east-1", "us-west-2"))), ("ap-south-1", "eu-west-1")),
        (And((region("us", ">="), region("us-east-9", "<="))), ("us-east-1",)),
        (Or((region("us-west-2"), ELSEWHERE)), EVERY),
        (And((NOT_NULL, region("us-west-2"))), ("us-west-2",)),
        (Opaque(frozenset(("region", "name"))), EVERY),
        (And((region("us-east-1"), region("us-west-2"))), ()),
        (IsNull("region"), ()),
        (And((region("us-east-1"), FALSE)), ()),
    ],
    ids=str,
)
def test_every_value_that_a_condition_can_accept_is_read(where: Predicate, expected: tuple[str, ...]) -> None:
    assert find_accepted("region", where, reversed(EVERY)) == expected


@pytest.mark.parametrize(
    ("where", "equal", "different"),
    [
        (region("x"), ("x",), ()),
        (In("region", ("x", "y")), ("x", "y"), ()),
        (Or((region("x"), ELSEWHERE)), ("x",), ()),
        (region("x", "<>"), (), ("x",)),
        (Not(In("region", ("x", "y"))), (), ("x", "y")),
        (Not(Or((region("x"), region("y")))), (), ("x", "y")),
        (region("x", ">"), (), ()),
        (Compare("name", "=", "x"), (), ()),
    ],
    ids=str,
)
def test_values_that_a_condition_requires_and_excludes(
    where: Predicate, equal: tuple[str, ...], different: tuple[str, ...]
) -> None:
    assert find_equal("region", where) == equal
    assert find_different("region", where) == different

from __future__ import annotations

import pytest

from sqlprov.errors import RegionError
from sqlprov.plan.read.predicate import FALSE, TRUE, And, Compare, In, IsNull, Not, Opaque, Or, Predicate
from sqlprov.plan.read.scope import Regions, scope

EVERY = ("ap-south-1", "eu-west-1", "us-east-1", "us-west-2")
KNOWN = (*EVERY, "cn-north-1")
SESSION = Regions(tuple(sorted(KNOWN)), EVERY, ("us-east-1",))
HOMELESS = Regions(tuple(sorted(KNOWN)), EVERY, ())
T = "aws.sagemaker.models"


def region(value: str, op: str = "=") -> Predicate:
    return Compare("region", op, value)


ELSEWHERE = Compare("name", "=", "a")
NOT_NULL = Not(IsNull("region"))


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        (region("us-west-2"), ("us-west-2",)),
        (In("region", ("us-west-2", "eu-west-1")), ("eu-west-1", "us-west-2")),
        (Or((region("us-west-2"), region("eu-west-1"))), ("eu-west-1", "us-west-2")),
        (And((region("us-west-2"), ELSEWHERE)), ("us-west-2",)),
        (region("us-east-1", "<>"), ("ap-south-1", "eu-west-1", "us-west-2")),
        (Not(In("region", ("us-east-1", "us-west-2"))), ("ap-south-1", "eu-west-1")),
        (And((region("us", ">="), region("us-east-9", "<="))), ("us-east-1",)),
        (Or((region("us-west-2"), ELSEWHERE)), EVERY),
        (And((region("us-west-2"), Or((region("us-west-2"), ELSEWHERE)))), ("us-west-2",)),
        (region("cn-north-1"), ("cn-north-1",)),
        (And((NOT_NULL, region("us-west-2"))), ("us-west-2",)),
        (Opaque(frozenset(("region",))), EVERY),
        (Opaque(frozenset(("region", "name"))), EVERY),
        (Or((NOT_NULL, ELSEWHERE)), EVERY),
    ],
    ids=str,
)
def test_a_condition_on_region_scopes_to_every_region_that_it_can_accept(
    predicate: Predicate, expected: tuple[str, ...]
) -> None:
    assert scope(predicate, SESSION, T) == scope(predicate, HOMELESS, T) == expected


@pytest.mark.parametrize(
    "predicate",
    [
        And((region("us-east-1"), region("us-west-2"))),
        And((region("us-east-1"), region("us-east-1", "<>"))),
        IsNull("region"),
        And((region("us-east-1"), FALSE)),
        And((In("region", ("us-east-1", "us-west-2")), region("x", ">"))),
    ],
    ids=str,
)
def test_a_contradiction_scopes_to_no_region(predicate: Predicate) -> None:
    assert scope(predicate, SESSION, T) == ()


@pytest.mark.parametrize("predicate", [TRUE, ELSEWHERE, NOT_NULL, And((NOT_NULL, ELSEWHERE))], ids=str)
def test_a_statement_that_says_no_region_means_the_default(predicate: Predicate) -> None:
    assert scope(predicate, SESSION, T) == ("us-east-1",)
    with pytest.raises(RegionError, match=r"No region for aws\.sagemaker\.models\. Write WHERE region = "):
        scope(predicate, HOMELESS, T)


def test_a_demand_that_cannot_be_told_its_regions_is_refused_with_the_reason() -> None:
    session = Regions(SESSION.known, EVERY, ("us-east-1",), unresolved="Write a list instead.")
    with pytest.raises(RegionError, match="Write a list instead"):
        scope(ELSEWHERE, session, T)
    assert scope(region("us-west-2"), session, T) == ("us-west-2",)


@pytest.mark.parametrize(
    "predicate",
    [
        region("us-esat-1"),
        In("region", ("us-east-1", "us-esat-1")),
        Or((region("us-esat-1"), ELSEWHERE)),
        And((region("us-esat-1"), FALSE)),
    ],
    ids=str,
)
def test_an_unknown_region_is_refused_with_the_nearest(predicate: Predicate) -> None:
    with pytest.raises(RegionError, match=r"Unknown region 'us-esat-1'\. Did you mean 'us-east-1'\?"):
        scope(predicate, SESSION, T)


def test_an_unknown_region_need_not_be_near_any() -> None:
    with pytest.raises(RegionError, match=r"Unknown region 'nowhere'\. SELECT region FROM aws\.regions"):
        scope(region("nowhere"), SESSION, T)


@pytest.mark.parametrize(
    "predicate",
    [
        region("atlantis", "<>"),
        region("atlantis", ">"),
        Not(In("region", ("atlantis",))),
        Not(Or((region("atlantis"), region("eldorado")))),
    ],
    ids=str,
)
def test_a_region_that_is_only_compared_with_need_not_exist(predicate: Predicate) -> None:
    assert scope(predicate, SESSION, T)


def test_a_region_that_the_session_added_is_among_those_of_an_open_condition() -> None:
    session = Regions((*KNOWN, "xx-new-1"), EVERY, ("xx-new-1",))
    assert scope(region("us-east-1", "<>"), session, T) == (
        "ap-south-1",
        "eu-west-1",
        "us-west-2",
        "xx-new-1",
    )

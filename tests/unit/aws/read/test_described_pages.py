"""A Describe whose reply has pages: the features of a feature group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hand_tables import HandRead, read_table
from json_service import run_json_service

from sqlprov.catalog import Catalog
from sqlprov.errors import BrokenReply
from sqlprov.plan.read import TRUE, Predicate
from sqlprov.plan.read.predicate import Compare

TABLE = Catalog().get_table("aws", "sagemaker", "feature_groups")
FEATURES = [{"FeatureName": name, "FeatureType": "String"} for name in "abc"]


def describe(given: Mapping[str, Any]) -> dict[str, Any]:
    at = int(given.get("NextToken", "0"))
    reply = {"FeatureGroupName": given["FeatureGroupName"], "FeatureDefinitions": FEATURES[at : at + 1]}
    return reply | ({"NextToken": str(at + 1)} if at + 1 < len(FEATURES) else {})


OPERATIONS = {
    "ListFeatureGroups": lambda _: {"FeatureGroupSummaries": [{"FeatureGroupName": "first"}]},
    "DescribeFeatureGroup": describe,
}


@pytest.fixture
def operations() -> dict[str, Any]:
    return dict(OPERATIONS)


@pytest.fixture
def url(operations: dict[str, Any]) -> Iterator[str]:
    with run_json_service(operations) as url:
        yield url


def read(url: str, where: Predicate = TRUE) -> HandRead:
    return read_table(
        url, TABLE, ("feature_group_name", "feature_definitions"), where, settings={"max_attempts": 1}
    )


@pytest.mark.parametrize("where", [TRUE, Compare("feature_group_name", "=", "first")])
def test_every_page_is_read(url: str, where: Predicate) -> None:
    result = read(url, where)
    (row,) = result.rows
    assert [feature["FeatureName"] for feature in row["feature_definitions"]] == ["a", "b", "c"]
    assert result.calls["DescribeFeatureGroup"] == 3


def test_a_page_that_fails_is_an_error(url: str, operations: dict[str, Any]) -> None:
    operations["DescribeFeatureGroup"] = lambda given: describe(given) | {"NextToken": "1"}
    with pytest.raises(BrokenReply, match="repeats the page token"):
        read(url)

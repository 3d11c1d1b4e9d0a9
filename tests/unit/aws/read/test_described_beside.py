"""A Describe that returns members of the row beside its resource: the tags of a task definition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hand_tables import HandRead, read_table
from json_service import run_json_service

from sqlprov.catalog import Catalog
from sqlprov.errors import BrokenReply
from sqlprov.plan.read import Predicate
from sqlprov.plan.read.predicate import Compare

TABLE = Catalog().get_table("aws", "ecs", "task_definitions")
ARN = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1"
TASK = {"taskDefinitionArn": ARN, "family": "web", "status": "ACTIVE"}
TAGS = [{"key": "team", "value": "growth"}]
WHERE = [Compare("status", "=", "ACTIVE"), Compare("task_definition_arn", "=", ARN)]


@pytest.fixture
def operations() -> dict[str, Any]:
    return {
        "ListTaskDefinitions": lambda _: {"taskDefinitionArns": [ARN]},
        "DescribeTaskDefinition": lambda _: {"taskDefinition": TASK, "tags": TAGS},
    }


@pytest.fixture
def url(operations: dict[str, Any]) -> Iterator[str]:
    with run_json_service(operations) as url:
        yield url


def read(url: str, where: Predicate) -> HandRead:
    return read_table(url, TABLE, ("family", "tags"), where, settings={"max_attempts": 1})


@pytest.mark.parametrize("where", WHERE, ids=["a listed row", "a lookup"])
def test_they_are_columns_of_the_row(url: str, operations: dict[str, Any], where: Predicate) -> None:
    assert read(url, where).values("family", "tags") == [("web", [{"Key": "team", "Value": "growth"}])]
    operations["DescribeTaskDefinition"] = lambda _: {"taskDefinition": TASK}
    assert read(url, where).values("family", "tags") == [("web", None)]


@pytest.mark.parametrize("where", WHERE, ids=["a listed row", "a lookup"])
@pytest.mark.parametrize("reply", [{"tags": TAGS}, {"taskDefinition": TASK, "tags": "team"}])
def test_they_are_checked_as_the_resource_is(
    url: str, operations: dict[str, Any], where: Predicate, reply: dict[str, Any]
) -> None:
    operations["DescribeTaskDefinition"] = lambda _: reply
    with pytest.raises(BrokenReply):
        read(url, where)

"""Tags of many rows through the Resource Groups Tagging API: counted calls, and rows that it does not return."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
import pytest
from hand_tables import TAGGED_CLUSTERS as CLUSTERS
from hand_tables import HandRead, read_table
from json_service import ServiceFailure, run_json_service
from local_sagemaker import connection
from moto_server import start_moto

from sqlprov.api.connection import Connection

OWN, TOGETHER = "ListTagsForResource", "GetResources"
Answer = Callable[[list[str]], Mapping[str, Any]]


def list_arns(count: int) -> list[str]:
    return [f"arn:aws:ecs:us-east-1:123456789012:cluster/c{at}" for at in range(count)]


def get_resources(arns: list[str]) -> Mapping[str, Any]:
    assert 20 <= len(arns) <= 100
    tags = [{"Key": "team", "Value": "web"}]
    return {
        "PaginationToken": "",
        "ResourceTagMappingList": [{"ResourceARN": arn, "Tags": tags} for arn in arns],
    }


def deny(_: list[str]) -> Mapping[str, Any]:
    raise ServiceFailure("AccessDeniedException")


def read(count: int, answer: Answer = get_resources, *, bulk_tags: bool = True) -> HandRead:
    """Read clusters, of which the service knows all but the first."""

    def list_tags(given: Mapping[str, Any]) -> Mapping[str, Any]:
        if given["resourceArn"].endswith("/c0"):
            raise ServiceFailure("ClusterNotFoundException")
        return {"tags": [{"key": "team", "value": "web"}]}

    operations = {
        "ListClusters": lambda _: {"clusterArns": list_arns(count)},
        "ListTagsForResource": list_tags,
        "GetResources": lambda given: answer(given["ResourceARNList"]),
    }
    with run_json_service(operations) as url:
        return read_table(url, CLUSTERS, ("cluster_arn", "tags"), bulk_tags=bulk_tags)


def count_calls(result: HandRead) -> tuple[int, int]:
    """Calls for many rows, and for one."""
    return result.calls[TOGETHER], result.calls[OWN]


@pytest.mark.parametrize(
    ("rows", "calls"), [(45, (1, 0)), (250, (3, 0)), (20, (1, 0)), (19, (0, 19)), (5, (0, 5))]
)
def test_one_call_reads_the_tags_of_up_to_100_rows(rows: int, calls: tuple[int, int]) -> None:
    result = read(rows)
    assert count_calls(result) == calls
    tagged = [row["cluster_arn"] for row in result.rows if row["tags"] == [{"Key": "team", "Value": "web"}]]
    assert set(tagged) >= set(list_arns(rows)[1:])
    assert len(result.rows) == rows


def test_without_the_setting_every_row_has_its_own_call() -> None:
    assert count_calls(read(45, bulk_tags=False)) == (0, 45)


@pytest.mark.parametrize("token", ["", "more"])
def test_the_service_decides_for_rows_that_the_reply_lacks(token: str) -> None:
    def answer(arns: list[str]) -> Mapping[str, Any]:
        # The first does not exist any more, and the second is not known yet.
        return {**get_resources(arns[:20]), "PaginationToken": token, "ResourceTagMappingList": [
            {"ResourceARN": arn, "Tags": []} for arn in arns[2:]
        ]}  # fmt: skip

    result = read(45, answer)
    assert count_calls(result) == (1, 2)
    tags = {row["cluster_arn"]: row["tags"] for row in result.rows}
    first, second, third = list_arns(3)
    assert (tags[first], tags[second], tags[third]) == (None, [{"Key": "team", "Value": "web"}], [])
    assert "does not know a row" in result.run.warnings[0]


def test_a_service_that_the_api_does_not_cover_is_asked_once() -> None:
    result = read(250, lambda arns: {"ResourceTagMappingList": []})
    assert result.calls[OWN] == 250
    assert result.calls[TOGETHER] <= 3  # those in flight


def test_a_denied_call_leaves_the_rows_as_they_are_and_says_so() -> None:
    result = read(45, deny)
    assert count_calls(result) == (1, 45)
    assert sum(row["tags"] is not None for row in result.rows) == 44
    assert any("tag:GetResources is denied" in text for text in result.run.warnings)


# On moto, whose API returns all resources, whatever the ARNs


@pytest.fixture(scope="module")
def topics(aws: object) -> Iterator[Connection]:
    with start_moto() as url, connection(url) as con:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        client = boto3.client("sns", endpoint_url=url, **keys)
        for at in range(45):
            tags = [{"Key": "number", "Value": str(at)}] if at % 9 else []
            client.create_topic(Name=f"topic-{at:02}", Tags=tags)
        yield con


def run(con: Connection, query: str) -> tuple[list[Any], Counter[str]]:
    result = con.sql(query)
    return sorted(result.fetchall(), key=repr), Counter(call.operation for call in result.calls)


def test_the_rows_are_those_of_the_services_own_call(topics: Connection) -> None:
    query = "SELECT topic_arn, tags FROM aws.sns.topics WHERE region = 'us-east-1'"
    rows, calls = run(topics, query)
    assert (calls[TOGETHER], calls[OWN]) == (1, 5)
    plan = topics.sql(f"EXPLAIN {query}").fetchall()[0][1]
    assert "GetResources in us-east-1, in batches of 20 to 100, for tags" in plan
    assert "ListTagsForResource in us-east-1, each row that GetResources does not return, for tags" in plan
    assert "tag:GetResources" in plan
    with topics.cursor() as con:
        con.sql("SET sqlprov_bulk_tags = off")
        assert run(con, query) == (rows, Counter({"ListTopics": calls["ListTopics"], OWN: 45}))
        assert TOGETHER not in con.sql(f"EXPLAIN {query}").fetchall()[0][1]


@pytest.mark.parametrize(
    "write",
    [
        "UPDATE aws.sns.topics SET tags = MAP {'team': 'web'} WHERE tags[1].Key = 'number' AND region = 'us-east-1'",
        "DELETE FROM aws.sns.topics WHERE len(tags) >= 0 AND region = 'us-east-1' RETURNING topic_arn, tags",
    ],
)
def test_a_write_reads_tags_with_the_services_own_call(topics: Connection, write: str) -> None:
    with topics.cursor() as con:
        con.sql("SET sqlprov_max_writes = 100")
        assert TOGETHER not in str(con.sql(f"EXPLAIN {write}").fetchall())
        _, calls = run(con, write)
    assert calls[OWN] >= 40
    assert calls[TOGETHER] == 0

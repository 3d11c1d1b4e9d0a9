"""Tags: of rows that the tag call does not know, and of those whose ARN is made of columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import hand_tables
import pytest
from hand_tables import TAGGED_CLUSTERS as CLUSTERS
from hand_tables import HandRead, read_table
from json_service import ServiceFailure, run_json_service
from local_sagemaker import connection

from sqlprov.aws.transport.run import Run
from sqlprov.catalog import Catalog
from sqlprov.errors import ServiceError


def list_tags(given: Mapping[str, Any]) -> Mapping[str, Any]:
    if given["resourceArn"] == "arn:b":
        raise ServiceFailure("ClusterNotFoundException")
    return {"tags": [{"key": "team", "value": "web"}]}


@pytest.fixture
def url() -> Iterator[str]:
    clusters = {"clusterArns": ["arn:a", "arn:b", "arn:c"]}
    with run_json_service({"ListClusters": lambda _: clusters, "ListTagsForResource": list_tags}) as url:
        yield url


def read(url: str) -> HandRead:
    return read_table(url, CLUSTERS, ("cluster_arn", "tags"))


def test_they_are_null_and_a_warning_says_so(url: str) -> None:
    result = read(url)
    tags = [{"Key": "team", "Value": "web"}]
    assert {row["cluster_arn"]: row["tags"] for row in result.rows} == {
        "arn:a": tags,
        "arn:b": None,
        "arn:c": tags,
    }
    text = "aws.ecs.clusters: ListTagsForResource does not know a row that exists; its tags are NULL."
    assert result.run.warnings == [text]


def test_they_are_an_error_if_the_statement_writes(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hand_tables, "Run", partial(Run, is_write=True))
    with pytest.raises(ServiceError, match="ClusterNotFoundException"):
        read(url)


JOBS = Catalog().get_table("aws", "glue", "jobs")


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_an_arn_made_of_columns_is_in_the_partition_of_the_region(region: str, partition: str) -> None:
    tags = {f"arn:{partition}:glue:{region}:123456789012:job/nightly": {"team": "web"}}
    operations = {
        "GetJobs": lambda _: {"Jobs": [{"Name": "nightly"}]},
        "GetTags": lambda given: {"Tags": tags[given["ResourceArn"]]},
    }
    with run_json_service(operations) as url:
        result = read_table(url, JOBS, ("name", "tags"), regions=(region,), account_id="123456789012")
    assert result.rows == [{"name": "nightly", "tags": [{"Key": "team", "Value": "web"}]}]


def test_of_two_tags_with_one_key_the_map_has_the_first() -> None:
    model = {"ModelName": "m", "ModelArn": "arn:aws:sagemaker:us-east-1:1:model/m", "CreationTime": 1.7e9}
    tags = [{"Key": "team", "Value": "web"}, {"Key": "env", "Value": "prod"}, {"Key": "team", "Value": "ops"}]
    replies = {"ListModels": lambda _: {"Models": [model]}, "ListTags": lambda _: {"Tags": tags}}
    with run_json_service(replies) as url, connection(url, bulk_tags="off") as con:
        rows = con.sql("SELECT tag_map, tags, tag_map['team'] FROM aws.sagemaker.models").fetchall()
    assert rows == [({"team": "web", "env": "prod"}, tags, "web")]

"""Replies that are well formed, and about something else than the call."""

from __future__ import annotations

from typing import Any

import pytest
from json_service import Answer, run_json_service

import sqlprov
from sqlprov.errors import BrokenReply

ECS = "arn:aws:ecs:us-east-1:123456789012:cluster"
ROW = {"ModelName": "a", "ModelArn": "arn:a", "CreationTime": 1.0}
MODELS = "SELECT model_name, execution_role_arn, tags FROM aws.sagemaker.models WHERE region = 'us-east-1'"
CLUSTERS = "SELECT cluster_name, status FROM aws.ecs.clusters WHERE region = 'us-east-1'"


def describe_clusters(name: str) -> Answer:
    def answer(parameters: Any) -> Any:
        found = [
            {"clusterArn": arn, "clusterName": arn[-1], "status": "ACTIVE"} for arn in parameters["clusters"]
        ]
        return {"clusters": [*found[1:], {**found[0], "clusterArn": f"{ECS}/{name}"}], "failures": []}

    return answer


OPERATIONS: dict[str, Answer] = {
    "ListModels": lambda _: {"Models": [ROW]},
    "DescribeModel": lambda given: {**ROW, "ModelName": given["ModelName"], "ExecutionRoleArn": "role"},
    "ListTags": lambda _: {"Tags": []},
    "ListClusters": lambda _: {"clusterArns": [f"{ECS}/a", f"{ECS}/b"]},
    "DescribeClusters": describe_clusters("a"),
}


def read(sql: str, operation: str = "", answer: Answer = lambda _: {}) -> list[Any]:
    with (
        run_json_service({**OPERATIONS, operation: answer}) as url,
        sqlprov.connect(endpoint_url=url, settings={"max_attempts": 2}) as con,
    ):
        return con.sql(sql).fetchall()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def test_whole_replies_are_read() -> None:
    assert read(MODELS) == [("a", "role", [])]
    assert sorted(read(CLUSTERS)) == [("a", "ACTIVE"), ("b", "ACTIVE")]


@pytest.mark.parametrize(
    ("sql", "operation", "answer", "message"),
    [
        (MODELS, "DescribeModel", lambda _: {**ROW, "ModelName": "b"}, "about 'b' instead of 'a'"),
        (f"{MODELS} AND model_name = 'c'", "DescribeModel", lambda _: ROW, "about 'a' instead of 'c'"),
        (CLUSTERS, "DescribeClusters", describe_clusters("z"), f"about '{ECS}/z' instead of '{ECS}/a'"),
        (
            MODELS,
            "ListModels",
            lambda _: {"Models": [ROW, {"ModelArn": "arn:b"}]},
            "row of the reply lacks ModelName",
        ),
        (
            MODELS,
            "ListModels",
            lambda _: {"Models": [{**ROW, "ModelName": None}]},
            "row of the reply lacks ModelName",
        ),
        *(
            (MODELS, operation, lambda _, page=page, token=token: {**page, "NextToken": token}, "not a text")
            for operation, page, tokens in (
                ("ListModels", {"Models": [ROW]}, (5, 0, True, {}, [], ["t"])),
                ("ListTags", {"Tags": []}, (5, [])),
            )
            for token in tokens
        ),
    ],
)
def test_a_reply_about_something_else_is_a_broken_one(
    sql: str, operation: str, answer: Answer, message: str
) -> None:
    with pytest.raises(BrokenReply, match=rf"{operation} in us-east-1: .*{message}.* After 2 attempts"):
        read(sql, operation, answer)


@pytest.mark.parametrize("key", [5, ["a"]])
def test_a_key_that_is_not_a_text_is_the_services_fault_and_not_the_callers(key: object) -> None:
    with pytest.raises(BrokenReply, match=r"a row's model_name is .*, not a text, which DescribeModel needs"):
        read(MODELS, "ListModels", lambda _: {"Models": [{**ROW, "ModelName": key}]})

"""Replies that say beside the rows which rows the service could not return."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from json_service import run_json_service

import sqlprov
from sqlprov.errors import BrokenReply, ServiceError

ARN = "arn:aws:inspector:us-east-1:123456789012:target/"


def describe(code: str) -> Any:
    def answer(given: Mapping[str, Any]) -> dict[str, Any]:
        names = [arn for arn in given["assessmentTargetArns"] if not arn.endswith("b")]
        failed = {f"{ARN}b": {"failureCode": code, "retryable": False}} if len(names) < 3 else {}
        return {
            "assessmentTargets": [{"arn": arn, "name": arn, "createdAt": 0, "updatedAt": 0} for arn in names],
            "failedItems": failed,
        }

    return answer


@pytest.mark.parametrize("code", ["ACCESS_DENIED", "INTERNAL_ERROR"])
def test_a_map_of_failures_is_an_error(code: str) -> None:
    operations = {
        "ListAssessmentTargets": lambda _: {"assessmentTargetArns": [f"{ARN}{name}" for name in "abc"]},
        "DescribeAssessmentTargets": describe(code),
    }
    read = "SELECT name FROM aws.inspector.assessment_targets"
    with (
        run_json_service(operations) as url,
        sqlprov.connect(endpoint_url=url, region="us-east-1") as con,
    ):
        with pytest.raises(ServiceError, match=f"failedItems has {ARN}b, {code}"):
            con.sql(read).fetchall()
        con.sql("SET sqlprov_on_error = 'warn'")
        result = con.sql(read)
        result.fetchall()
        assert not result.complete


@pytest.mark.parametrize(("name", "reason"), [("not-found", "ACCESS_DENIED"), ("api", "MISSING")])
def test_the_reason_says_that_a_row_is_gone_and_not_its_name(name: str, reason: str) -> None:
    arn = f"arn:aws:ecs:us-east-1:123456789012:cluster/{name}"
    operations = {
        "ListClusters": lambda _: {"clusterArns": [arn]},
        "DescribeClusters": lambda _: {"clusters": [], "failures": [{"arn": arn, "reason": reason}]},
    }
    with (
        run_json_service(operations) as url,
        sqlprov.connect(endpoint_url=url, region="us-east-1") as con,
    ):
        result = "SELECT status FROM aws.ecs.clusters"
        if reason == "MISSING":
            assert con.sql(f"{result} WHERE cluster_arn = '{arn}'").fetchall() == []
        else:
            with pytest.raises(ServiceError, match=reason):
                con.sql(result).fetchall()


def test_failures_beside_the_rows_of_a_list_are_an_error() -> None:
    reply = {
        "capacityProviders": [{"name": "FARGATE", "capacityProviderArn": "arn:aws:ecs:x"}],
        "failures": [{"arn": "arn:aws:ecs:y", "reason": "ACCESS_DENIED"}],
    }
    with (
        run_json_service({"DescribeCapacityProviders": lambda _: reply}) as url,
        sqlprov.connect(endpoint_url=url, region="us-east-1") as con,
        pytest.raises(
            ServiceError, match=r"DescribeCapacityProviders in us-east-1: failures has .*ACCESS_DENIED"
        ),
    ):
        con.sql("SELECT name FROM aws.ecs.capacity_providers").fetchall()


def test_an_item_with_another_key_is_not_the_row_that_a_batch_asked_for() -> None:
    arn = "arn:aws:ecs:us-east-1:123456789012:cluster/"
    operations = {
        "ListClusters": lambda _: {"clusterArns": [f"{arn}api"]},
        "DescribeClusters": lambda _: {"clusters": [{"clusterArn": f"{arn}other", "status": "ACTIVE"}]},
    }
    with (
        run_json_service(operations) as url,
        sqlprov.connect(endpoint_url=url, region="us-east-1") as con,
        pytest.raises(BrokenReply, match=r"the reply is about .*cluster/other. instead of"),
    ):
        con.sql("SELECT cluster_arn, status FROM aws.ecs.clusters").fetchall()


def test_a_kept_reply_with_failures_is_read_again() -> None:
    answer = describe("ACCESS_DENIED")
    operations = {
        "ListAssessmentTargets": lambda _: {"assessmentTargetArns": [f"{ARN}{name}" for name in "abc"]},
        "DescribeAssessmentTargets": lambda given: answer(given),
    }
    read = "SELECT count(name) FROM aws.inspector.assessment_targets"
    with (
        run_json_service(operations) as url,
        sqlprov.connect(endpoint_url=url, region="us-east-1") as con,
    ):
        con.sql("SET sqlprov_cache = '60s'")
        with pytest.raises(ServiceError):
            con.sql(read).fetchall()
        names = [f"{ARN}{name}" for name in "abc"]
        rows = [{"arn": arn, "name": arn, "createdAt": 0, "updatedAt": 0} for arn in names]
        operations["DescribeAssessmentTargets"] = lambda _: {"assessmentTargets": rows, "failedItems": {}}
        assert con.sql(read).fetchall() == [(3,)]

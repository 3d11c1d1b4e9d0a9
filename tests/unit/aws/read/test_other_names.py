"""Keys and parents that a service also knows by another name: a column has the name that the list shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from json_service import ServiceFailure, run_json_service
from local_sagemaker import connection

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/payments"
QUEUES: Mapping[str, Any] = {
    "ListQueues": lambda _: {"QueueUrls": [URL]},
    "GetQueueAttributes": lambda _: {
        "Attributes": {"QueueArn": "arn:aws:sqs:us-east-1:123456789012:payments"}
    },
    "ListQueueTags": lambda _: {},
    "ListDeadLetterSourceQueues": lambda _: {"queueUrls": []},
}


@pytest.mark.parametrize("pushdown", ["on", "off"])
@pytest.mark.parametrize(("name", "count"), [(URL, 1), ("payments", 0), (URL.replace("https", "http"), 0)])
def test_a_describe_that_does_not_return_the_key_looks_nothing_up(
    name: str, count: int, pushdown: str
) -> None:
    read = f"SELECT count(queue_arn) FROM aws.sqs.queues WHERE queue_url = '{name}'"
    with run_json_service(QUEUES) as url, connection(url, pushdown=pushdown) as con:
        assert con.sql(read).fetchall() == [(count,)]


def test_a_service_that_once_answered_in_xml_leaves_out_empty_lists() -> None:
    with run_json_service({**QUEUES, "ListQueues": lambda _: {}}) as url, connection(url) as con:
        assert con.sql("SELECT queue_url, tags FROM aws.sqs.queues").fetchall() == []
        assert con.sql("SELECT region FROM aws.sqs.dead_letter_source_queues").fetchall() == []
    with run_json_service(QUEUES) as url, connection(url) as con:
        assert con.sql("SELECT queue_url, tags FROM aws.sqs.queues").fetchall() == [(URL, [])]


@pytest.mark.parametrize("pushdown", ["on", "off"])
def test_a_part_of_an_arn_is_not_sent_as_the_name_of_a_parent(pushdown: str) -> None:
    def describe(given: Mapping[str, Any]) -> Any:
        if given["KeyId"] != "k-1":
            raise ServiceFailure("NotFoundException")
        return {"KeyMetadata": given}

    operations = {
        "DescribeKey": describe,
        "ListKeys": lambda _: {"Keys": [{"KeyId": "k-1"}]},
        "ListKeyPolicies": lambda _: {"PolicyNames": ["default"]},
    }
    with run_json_service(operations) as url, connection(url, pushdown=pushdown) as con:
        read = "SELECT count(policy_name) FROM aws.kms.key_policies WHERE key_id ="
        assert con.sql(f"{read} 'k-1'").fetchall() == [(1,)]
        assert con.sql(f"{read} '123456789012:key/k-1'").fetchall() == [(0,)]

"""Calls that take several rows, whose reply says that the row was not written."""

from __future__ import annotations

from typing import Any

import pytest
from json_service import run_json_service

import sqlprov
from sqlprov.errors import WriteError

RULE = {
    "Name": "nightly",
    "EventBusName": "default",
    "State": "DISABLED",
    "ScheduleExpression": "rate(1 day)",
}
TARGETS: dict[str, Any] = {
    "ListEventBuses": lambda _: {"EventBuses": [{"Name": "default"}]},
    "ListRules": lambda _: {"Rules": [RULE]},
    "DescribeRule": lambda _: RULE,
    "ListTargetsByRule": lambda _: {"Targets": [{"Id": "queue", "Arn": "arn:aws:sqs:us-east-1:1:queue"}]},
}


@pytest.mark.parametrize(
    ("code", "status"), [("ConcurrentModificationException", "failed"), ("ResourceNotFoundException", "ok")]
)
def test_a_row_that_a_reply_names_among_the_failed_ones_has_failed_unless_it_is_gone(
    code: str, status: str
) -> None:
    failed = {"TargetId": "queue", "ErrorCode": code, "ErrorMessage": "no"}
    operations = TARGETS | {"RemoveTargets": lambda _: {"FailedEntryCount": 1, "FailedEntries": [failed]}}
    with (
        run_json_service(operations) as url,
        sqlprov.connect(endpoint_url=url, region="us-east-1") as con,
    ):
        sql = "DELETE FROM aws.events.targets WHERE id = 'queue' AND rule = 'nightly'"
        try:
            (outcome,) = con.sql(sql).outcomes
        except WriteError as error:
            (outcome,) = error.outcomes
            assert f"RemoveTargets in us-east-1: FailedEntries has queue, {code}, no" in outcome.reason
        assert outcome.status.value == status


def test_a_call_that_replaces_the_row_is_sent_what_the_statement_leaves_alone() -> None:
    sent: list[Any] = []
    with (
        run_json_service(TARGETS | {"PutRule": lambda given: sent.append(given) or {}}) as url,
        sqlprov.connect(endpoint_url=url, region="us-east-1") as con,
    ):
        con.sql("UPDATE aws.events.rules SET description = 'Tidies.' WHERE name = 'nightly'")
    assert sent == [{**RULE, "Description": "Tidies."}]

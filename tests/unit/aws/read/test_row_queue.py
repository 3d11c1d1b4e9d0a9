"""Rows that are described in batches have as many calls in flight as those that are described alone."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from threading import Condition
from typing import Any

from json_service import run_json_service

import sqlprov
from sqlprov.aws.transport.pool import WIDTH

ECS = "arn:aws:ecs:us-east-1:123456789012"
FIRST, BATCH = 4 + 8, 10
"""Calls for the first two batches of rows if their pages come in time, and the services that one call takes."""


def test_calls_of_many_rows_are_as_many_at_once_as_calls_of_one() -> None:
    services = [f"{ECS}:service/c/s-{number:03}" for number in range((FIRST + 2 * WIDTH) * BATCH)]
    calls, change, in_flight, most = count(), Condition(), 0, 0

    def describe(given: Mapping[str, Any]) -> dict[str, Any]:
        nonlocal in_flight, most
        with change:
            in_flight += 1
            most = max(most, in_flight)
            change.notify_all()
            if next(calls) >= FIRST:
                # A page that came late leaves a batch small, so a few calls may wait in vain.
                change.wait_for(lambda: most >= WIDTH, timeout=5)
            in_flight -= 1
        return {
            "services": [{"serviceArn": arn, "clusterArn": given["cluster"]} for arn in given["services"]]
        }

    operations = {
        "ListClusters": lambda _: {"clusterArns": [f"{ECS}:cluster/c"]},
        "ListServices": lambda given: _cut(services, int(given.get("nextToken", 0))),
        "DescribeServices": describe,
    }
    with (
        run_json_service(operations) as url,
        sqlprov.connect(endpoint_url=url, region="us-east-1", settings={"max_attempts": "1"}) as con,
    ):
        rows = con.sql("SELECT service_arn, status FROM aws.ecs.services ORDER BY 1").fetchall()
    assert [arn for arn, _ in rows] == services
    assert most == WIDTH


def _cut(services: list[str], start: int) -> dict[str, Any]:
    end = start + 100
    more = {"nextToken": str(end)} if end < len(services) else {}
    return {"serviceArns": services[start:end], **more}

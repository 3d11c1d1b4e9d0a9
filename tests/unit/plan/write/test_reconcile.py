from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from experiment_members import VARIANTS, variant
from experiment_snapshots import BORN, CATALOG, TABLE, delete, insert, request, snapshot, update

from sqlprov.plan.write.reconcile import CallEffect, reconcile
from sqlprov.plan.write.steps import Request, RowWrite, Snapshot, WriteKind

BEGAN = datetime.fromtimestamp(BORN, UTC)
HAPPENED, DID_NOT, UNKNOWN, WAIT = (
    CallEffect.APPLIED,
    CallEffect.NOT_APPLIED,
    CallEffect.UNKNOWN,
    CallEffect.PENDING,
)
SENT: dict[str, Any] = {
    "Type": "ShadowMode",
    "RoleArn": "arn:aws:iam::123456789012:role/Execution",
    "EndpointName": "search",
    "Description": "old",
    "ModelVariants": VARIANTS,
    "Tags": [{"Key": "team", "Value": "core"}],
}
OTHER_TIME = BORN + 60


def judge(step: Request, before: Snapshot | None, after: Snapshot | None) -> CallEffect:
    return reconcile(TABLE, step, before, after, BEGAN)


@pytest.mark.parametrize(
    ("sent", "after", "expected"),
    [
        pytest.param({}, None, DID_NOT, id="absent"),
        pytest.param({}, snapshot("Creating"), HAPPENED, id="new and the same"),
        pytest.param({}, snapshot(CreationTime=BEGAN), HAPPENED, id="new to the second"),
        pytest.param({}, snapshot(CreationTime=BORN - 0.001), DID_NOT, id="the same but older"),
        pytest.param({}, snapshot(Description="theirs"), UNKNOWN, id="new with another description"),
        pytest.param({}, snapshot(tags={}), UNKNOWN, id="new with other tags"),
        pytest.param({}, snapshot(ModelVariants=VARIANTS[:1]), UNKNOWN, id="new with other variants"),
        pytest.param({}, snapshot(RoleArn="theirs"), UNKNOWN, id="new with another role"),
        pytest.param({}, snapshot(EndpointMetadata={"EndpointName": "x"}), UNKNOWN, id="on another endpoint"),
        pytest.param({"KmsKey": "alias/k"}, snapshot(KmsKey="arn:…"), UNKNOWN, id="a key in another form"),
        pytest.param({}, snapshot(CreationTime=None), UNKNOWN, id="without a creation time"),
    ],
)
def test_a_create_is_reconciled_with_the_existing_row(
    sent: dict[str, Any], after: Snapshot | None, expected: CallEffect
) -> None:
    assert judge(request(insert(**SENT, **sent), None), None, after) is expected


def test_a_time_of_creation_in_milliseconds_is_compared_in_seconds() -> None:
    table = CATALOG.get_table("aws", "logs", "log_groups")
    assert Snapshot({"creationTime": BORN * 1000}, None).get_created(table) == BEGAN


@pytest.mark.parametrize(
    ("after", "expected"),
    [(None, HAPPENED), (snapshot(), DID_NOT), (snapshot(CreationTime=OTHER_TIME), HAPPENED)],
)
def test_a_delete_is_reconciled_by_the_creation_time(after: Snapshot | None, expected: CallEffect) -> None:
    assert judge(request(delete(), snapshot()), snapshot(), after) is expected


BIGGER = [VARIANTS[0], variant("shadow", ModelName="new")]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(snapshot(Description="new", ModelVariants=BIGGER), HAPPENED, id="all"),
        pytest.param(snapshot("Updating", Description="new", ModelVariants=BIGGER), HAPPENED, id="all, busy"),
        pytest.param(snapshot(), DID_NOT, id="none"),
        pytest.param(snapshot("Updating"), WAIT, id="none, busy"),
        pytest.param(snapshot(Description="new"), UNKNOWN, id="one of two"),
        pytest.param(snapshot(Description="theirs"), UNKNOWN, id="a third value"),
        pytest.param(snapshot(ModelVariants=[*VARIANTS, variant("third")]), UNKNOWN, id="something else"),
        pytest.param(snapshot(CreationTime=OTHER_TIME), UNKNOWN, id="another row"),
        pytest.param(None, UNKNOWN, id="gone"),
    ],
)
def test_an_update_is_reconciled_by_the_values_it_changes(
    after: Snapshot | None, expected: CallEffect
) -> None:
    step = request(update(Description="new", ModelVariants=BIGGER), snapshot())
    assert judge(step, snapshot(), after) is expected


def test_an_update_that_only_leaves_a_member_out_is_reconciled_too() -> None:
    step = request(update(DataStorageConfig={"KmsKey": None}), snapshot())
    assert judge(step, snapshot(), snapshot()) is DID_NOT
    assert judge(step, snapshot(), snapshot(DataStorageConfig={"Destination": "s3://b/p"})) is HAPPENED


def test_an_update_of_a_row_that_nobody_looked_at_is_reconciled_by_its_target() -> None:
    step = request(update(Description="new"), snapshot())
    assert judge(step, None, snapshot(Description="new")) is HAPPENED
    assert judge(step, None, snapshot()) is UNKNOWN


MOVES = [
    ("Running", "Created", "Created", DID_NOT),
    ("Running", "Created", "Starting", HAPPENED),
    ("Running", "Created", "Running", HAPPENED),
    ("Running", "Created", "Updating", WAIT),
    ("Running", "Created", "Completed", UNKNOWN),
    ("Completed", "Running", "Running", DID_NOT),
    ("Completed", "Running", "Stopping", WAIT),
    ("Completed", "Running", "Completed", HAPPENED),
    ("Completed", "Running", "Cancelled", DID_NOT),
    ("Cancelled", "Running", "Cancelled", HAPPENED),
    ("Completed", "Running", "Updating", WAIT),
]


@pytest.mark.parametrize(("desired", "before", "after", "expected"), MOVES)
def test_a_start_or_stop_is_reconciled_by_the_state(
    desired: str, before: str, after: str, expected: CallEffect
) -> None:
    step = request(update(desired=desired), snapshot(before))
    assert judge(step, snapshot(before), snapshot(after)) is expected


def test_an_exec_is_reconciled_as_the_move_it_makes() -> None:
    write = RowWrite(TABLE, WriteKind.EXEC, "us-east-1", ("trial",), {"Name": "trial"}, method="start")
    step = request(write, None)
    assert judge(step, None, snapshot("Running")) is HAPPENED
    assert judge(step, snapshot("Running"), snapshot("Running")) is UNKNOWN


def test_a_create_without_a_time_of_creation_was_ours_if_the_row_was_missing_before() -> None:
    rules = CATALOG.get_table("aws", "events", "rules")
    step = Request("PutRule", "us-east-1", {"Name": "a", "EventBusName": "b", "State": "ENABLED"}, "create")
    row = Snapshot({"Name": "a", "EventBusName": "b", "State": "ENABLED"}, {})
    assert reconcile(rules, step, None, row, BEGAN) is HAPPENED
    other = Snapshot({**row.described, "State": "DISABLED"}, {})
    assert reconcile(rules, step, None, other, BEGAN) is UNKNOWN


def test_an_exec_that_is_not_a_transition_is_unknown() -> None:
    table = CATALOG.get_table("aws", "sagemaker", "endpoints")
    step = Request("UpdateEndpointWeightsAndCapacities", "us-east-1", {}, "exec")
    assert reconcile(table, step, None, Snapshot({"EndpointStatus": "InService"}, {}), BEGAN) is UNKNOWN


@pytest.mark.parametrize(
    ("wanted", "after", "expected"),
    [
        ({"team": "core", "a": "1", "b": "2"}, {"team": "core", "a": "1", "b": "2", "c": "3"}, HAPPENED),
        ({"team": "core", "a": "1", "b": "2"}, {"team": "core", "a": "1"}, DID_NOT),
        ({"team": "edge"}, {"team": "core"}, DID_NOT),
        ({}, {}, HAPPENED),
        ({}, {"team": "core"}, DID_NOT),
    ],
)
def test_tags_are_reconciled_by_what_is_left_to_send(
    wanted: dict[str, str], after: dict[str, str], expected: CallEffect
) -> None:
    assert judge(request(update(tags=wanted), snapshot()), snapshot(), snapshot(tags=after)) is expected


def test_tags_that_were_not_read_are_unknown() -> None:
    step = request(update(tags={}), snapshot())
    assert judge(step, snapshot(), Snapshot(snapshot().described, None)) is UNKNOWN

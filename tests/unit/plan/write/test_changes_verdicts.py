from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from experiment_rows import BORN, CATALOG, TABLE, VARIANTS, delete, found, insert, request, update, variant

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
        pytest.param({}, found("Creating"), HAPPENED, id="new and the same"),
        pytest.param({}, found(CreationTime=BEGAN), HAPPENED, id="new to the second"),
        pytest.param({}, found(CreationTime=BORN - 0.001), DID_NOT, id="the same but older"),
        pytest.param({}, found(Description="theirs"), UNKNOWN, id="new with another description"),
        pytest.param({}, found(tags={}), UNKNOWN, id="new with other tags"),
        pytest.param({}, found(ModelVariants=VARIANTS[:1]), UNKNOWN, id="new with other variants"),
        pytest.param({}, found(RoleArn="theirs"), DID_NOT, id="new with another role"),
        pytest.param({}, found(EndpointMetadata={"EndpointName": "x"}), DID_NOT, id="on another endpoint"),
        pytest.param({"KmsKey": "alias/k"}, found(KmsKey="arn:…"), UNKNOWN, id="a key in another form"),
        pytest.param({}, found(CreationTime=None), UNKNOWN, id="without a creation time"),
    ],
)
def test_a_create_is_judged_by_what_is_there(
    sent: dict[str, Any], after: Snapshot | None, expected: CallEffect
) -> None:
    assert judge(request(insert(**SENT, **sent), None), None, after) is expected


@pytest.mark.parametrize(
    ("after", "expected"),
    [(None, HAPPENED), (found(), DID_NOT), (found(CreationTime=OTHER_TIME), HAPPENED)],
)
def test_a_delete_is_judged_by_the_creation_time(after: Snapshot | None, expected: CallEffect) -> None:
    assert judge(request(delete(), found()), found(), after) is expected


BIGGER = [VARIANTS[0], variant("shadow", ModelName="new")]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(found(Description="new", ModelVariants=BIGGER), HAPPENED, id="all"),
        pytest.param(found("Updating", Description="new", ModelVariants=BIGGER), HAPPENED, id="all, busy"),
        pytest.param(found(), DID_NOT, id="none"),
        pytest.param(found("Updating"), WAIT, id="none, busy"),
        pytest.param(found(Description="new"), UNKNOWN, id="one of two"),
        pytest.param(found(Description="theirs"), UNKNOWN, id="a third value"),
        pytest.param(found(ModelVariants=[*VARIANTS, variant("third")]), UNKNOWN, id="something else"),
        pytest.param(found(CreationTime=OTHER_TIME), UNKNOWN, id="another row"),
        pytest.param(None, UNKNOWN, id="gone"),
    ],
)
def test_an_update_is_judged_by_the_values_it_changes(after: Snapshot | None, expected: CallEffect) -> None:
    step = request(update(Description="new", ModelVariants=BIGGER), found())
    assert judge(step, found(), after) is expected


def test_an_update_that_only_leaves_a_member_out_is_judged_too() -> None:
    step = request(update(DataStorageConfig={"KmsKey": None}), found())
    assert judge(step, found(), found()) is DID_NOT
    assert judge(step, found(), found(DataStorageConfig={"Destination": "s3://b/p"})) is HAPPENED


def test_an_update_of_a_row_that_nobody_looked_at_is_judged_by_its_target() -> None:
    step = request(update(Description="new"), found())
    assert judge(step, None, found(Description="new")) is HAPPENED
    assert judge(step, None, found()) is UNKNOWN


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
def test_a_start_or_stop_is_judged_by_the_state(
    desired: str, before: str, after: str, expected: CallEffect
) -> None:
    step = request(update(desired=desired), found(before))
    assert judge(step, found(before), found(after)) is expected


def test_an_exec_is_judged_as_the_move_it_makes() -> None:
    write = RowWrite(TABLE, WriteKind.EXEC, "us-east-1", ("trial",), {"Name": "trial"}, method="start")
    step = request(write, None)
    assert judge(step, None, found("Running")) is HAPPENED
    assert judge(step, found("Running"), found("Running")) is UNKNOWN


def test_an_exec_that_is_no_move_is_unknown() -> None:
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
def test_tags_are_judged_by_what_is_left_to_send(
    wanted: dict[str, str], after: dict[str, str], expected: CallEffect
) -> None:
    assert judge(request(update(tags=wanted), found()), found(), found(tags=after)) is expected


def test_tags_that_were_not_read_are_unknown() -> None:
    step = request(update(tags={}), found())
    assert judge(step, found(), Snapshot(found().described, None)) is UNKNOWN

"""The cells of the matrix of states that make calls; `test_next_step_by_state` has all cells, without a server."""

from __future__ import annotations

from typing import Any

import pytest
from experiment_members import sampling, variant
from write_session import (
    BEGIN,
    BUSY,
    END,
    HELD,
    LASTING,
    LATER,
    OK,
    REGION,
    RETAIN,
    STABLE,
    START,
    STATES,
    STOP,
    STOPPING,
    TABLE,
    UPDATE,
    WriteSession,
    literal,
    settle,
    strip_passing_members,
)

OneCall = tuple[str, dict[str, Any]]
Calls = tuple[OneCall, ...]
START_LATER = BEGIN + 86400
OTHERS = [variant("production"), variant("shadow", "another")]
DESCRIBED = (UPDATE, {"Description": "new"})
TAGGED = ("AddTags", {"Tags": [{"Key": "a", "Value": "b"}]})
UNTAGGED = ("DeleteTags", {"TagKeys": ["team"]})


def from_created(*calls: OneCall) -> dict[str, Calls]:
    return dict.fromkeys(("Creating", "Updating", "Created"), calls)


def from_running(*calls: OneCall) -> dict[str, Calls]:
    return dict.fromkeys(("Starting", "Running"), calls)


def update(**members: Any) -> OneCall:
    return UPDATE, members


def stop(**members: Any) -> OneCall:
    return STOP, STOPPING | members


CHANGES: dict[str, tuple[str, dict[str, Calls]]] = {
    # change: (SET, {state: calls})
    "tags": ("tags = MAP {'a': 'b'}", dict.fromkeys(STATES, (TAGGED, UNTAGGED))),
    "description": ("description = 'new'", from_created(DESCRIBED) | from_running(DESCRIBED)),
    "NULL description": (
        "description = NULL",
        from_created(update(Description="")) | from_running(update(Description="")),
    ),
    "end of the schedule": (
        f"schedule = {literal({'EndTime': LATER})}",
        from_created(update(Schedule={"StartTime": BEGIN, "EndTime": LATER}))
        | from_running(update(Schedule={"EndTime": LATER})),
    ),
    "begin of the schedule": (
        f"schedule = {literal({'StartTime': START_LATER})}",
        from_created(update(Schedule={"StartTime": START_LATER, "EndTime": END})),
    ),
    "sampling percentage": (
        f"shadow_mode_config = {literal(sampling(20))}",
        from_created(update(ShadowModeConfig=sampling(20)))
        | from_running(update(ShadowModeConfig=sampling(20))),
    ),
    "shadow variant": (
        f"shadow_mode_config = {literal(sampling(50, 'other'))}",
        from_created(update(ShadowModeConfig=sampling(50, "other"))),
    ),
    "model_variants": (
        f"model_variants = {literal(OTHERS)}",
        from_created(update(ModelVariants=OTHERS)),
    ),
    "data_storage_config": (
        "data_storage_config = {'Destination': 's3://bucket/other'}",
        from_created(update(DataStorageConfig={"Destination": "s3://bucket/other"})),
    ),
    "Running": ("desired_state = 'Running'", from_created((START, {})) | {"Starting": ()}),
    "Completed": ("desired_state = 'Completed'", from_running(stop()) | {"Stopping": ()}),
    "Cancelled": ("desired_state = 'Cancelled'", from_running(stop(DesiredState="Cancelled"))),
    "Completed with a reason": (
        "desired_state = 'Completed', status_reason = 'done'",
        from_running(stop(Reason="done")),
    ),
    "fields, tags and Running": (
        "desired_state = 'Running', tags = MAP {'team': 'core', 'a': 'b'}, description = 'new'",
        from_created(DESCRIBED, TAGGED, (START, {})) | from_running(DESCRIBED, TAGGED),
    ),
    "fields, tags and Cancelled": (
        "description = 'new', tags = MAP {'a': 'b'}, desired_state = 'Cancelled', status_reason = 'enough'",
        from_running(DESCRIBED, TAGGED, UNTAGGED, stop(DesiredState="Cancelled", Reason="enough")),
    ),
}


def list_durations(change: str, state: str) -> tuple[float, ...]:
    """How long busy states last; one that the statement does not wait for must not pass while it runs."""
    if change == "tags" and state not in STABLE:
        return (HELD,)
    return (0.0, LASTING) if state in STABLE else (LASTING,)


CELLS = [
    pytest.param(change, state, lasting, id=f"{change}-{state}-{lasting}")
    for change, (_, cells) in CHANGES.items()
    for state in cells
    for lasting in list_durations(change, state)
]


def apply(record: dict[str, Any], calls: Calls) -> dict[str, Any]:
    """The record as the calls should leave it, but for its state and times."""
    changed = dict(record)
    for operation, sent in calls:
        if operation == UPDATE:
            schedule = {"Schedule": changed["Schedule"] | sent["Schedule"]} if "Schedule" in sent else {}
            changed |= sent | schedule
        elif operation == "AddTags":
            changed["Tags"] = changed["Tags"] + sent["Tags"]
        elif operation == "DeleteTags":
            changed["Tags"] = [tag for tag in changed["Tags"] if tag["Key"] not in sent["TagKeys"]]
        elif operation == STOP and "Reason" in sent:
            changed["StatusReason"] = sent["Reason"]
        elif operation == START:
            changed["Schedule"] = None  # it starts now
    return strip_passing_members(changed)


@pytest.mark.parametrize(("change", "state", "lasting"), CELLS)
def test_each_change_makes_in_each_state_the_calls_of_the_table(
    db: WriteSession, change: str, state: str, lasting: float
) -> None:
    assignments, cells = CHANGES[change]
    calls = cells[state]
    name = db.experiment(state, lasting)
    arn = db.record(name)["Arn"]
    expected = apply(db.record(name), calls)
    outcome = db.update(name, assignments)
    ends = state if lasting == HELD else settle(db, name)
    assert apply(db.record(name), tuple(call for call in calls if call[0] == START)) == expected
    assert (outcome.status, list(outcome.operations)) == (OK, db.operations)
    assert db.sent == [
        (operation, ({"ResourceArn": arn} if "Tags" in operation else {"Name": name}) | sent)
        for operation, sent in calls
    ]
    assert db.committed == db.operations
    operation, sent = calls[-1] if calls else ("", {})
    reached = {START: "Running", STOP: sent.get("DesiredState")}.get(operation)
    unchanged = state if lasting == HELD else {**BUSY, "Stopping": "Completed"}.get(state, state)
    assert ends == (reached or unchanged)
    assert (outcome.row, outcome.table, outcome.region, outcome.key) == (1, TABLE, REGION, name)


def test_a_stop_that_is_on_its_way_to_another_end_is_waited_for(db: WriteSession) -> None:
    name = db.experiment("Running", LASTING)
    db.other_client.stop_inference_experiment(
        Name=name, ModelVariantActions=RETAIN, DesiredState="Cancelled", Reason="theirs"
    )
    db.em.reset_calls()
    assert db.update(name, "desired_state = 'Cancelled'").status is OK
    assert (db.sent, db.record(name)["Status"]) == ([], "Cancelled")


def test_an_update_of_a_running_row_that_is_updating_waits_and_is_decided_again(db: WriteSession) -> None:
    name = db.experiment("Running", LASTING)
    db.other_client.update_inference_experiment(Name=name, Description="theirs")
    db.em.reset_calls()
    outcome = db.update(name, f"shadow_mode_config = {literal(sampling(5))}")
    assert (outcome.status, db.operations) == (OK, [UPDATE])
    assert db.record(name)["Description"] == "theirs"

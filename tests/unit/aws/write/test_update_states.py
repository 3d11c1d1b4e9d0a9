from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from experiment_members import VARIANTS, sampling, variant
from write_session import (
    BEGIN,
    BUSY,
    END,
    FAILED,
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
    compared,
    literal,
    settle,
)

Calls = list[tuple[str, dict[str, Any]]]


@dataclass(frozen=True)
class Refused:
    """The row fails, and `text` is part of why."""

    text: str


@dataclass(frozen=True)
class Accepted:
    """The calls that are made, and the state that the row is in when all is over; "" for the state it had."""

    calls: Calls = field(default_factory=list)
    state: str = ""


ENDED = dict.fromkeys(("Stopping", "Completed", "Cancelled"), Refused("cannot"))
NOTHING = Accepted()
START_LATER = BEGIN + 86400
OTHERS = [variant("production"), variant("shadow", "another")]
DESCRIBED: Calls = [(UPDATE, {"Description": "new"})]


def schedule(**members: float) -> str:
    return f"schedule = {literal(members)}"


def cells(created: Accepted | Refused, running: Accepted | Refused) -> dict[str, Accepted | Refused]:
    return {"Created": created, "Running": running, **ENDED}


def updated(**members: Any) -> Accepted:
    return Accepted([(UPDATE, members)])


# Change -> what SET says, and the cell of each state; a busy one without a cell waits, and then has that of the
# state it led to.
CHANGES: dict[str, tuple[str, dict[str, Accepted | Refused]]] = {
    "nothing": (
        f"description = 'old', shadow_mode_config = {literal(sampling(50))}, model_variants = {literal(VARIANTS)}, "
        "tags = MAP {'team': 'core'}",
        dict.fromkeys(STATES, NOTHING),
    ),
    "tags": (
        "tags = MAP {'owner': 'ada'}",
        dict.fromkeys(
            STATES,
            Accepted(
                [
                    ("AddTags", {"Tags": [{"Key": "owner", "Value": "ada"}]}),
                    ("DeleteTags", {"TagKeys": ["team"]}),
                ]
            ),
        ),
    ),
    "description": (
        "description = 'new'",
        {
            "Created": Accepted(DESCRIBED),
            "Running": Accepted(DESCRIBED),
            "Stopping": Refused("description cannot be changed in state Stopping"),
            "Completed": Refused("description cannot be changed in state Completed"),
            "Cancelled": Refused("description cannot be changed in state Cancelled"),
        },
    ),
    "NULL description": ("description = NULL", cells(updated(Description=""), updated(Description=""))),
    "end of the schedule": (
        schedule(EndTime=LATER),
        cells(updated(Schedule={"StartTime": BEGIN, "EndTime": LATER}), updated(Schedule={"EndTime": LATER})),
    ),
    "begin of the schedule": (
        schedule(StartTime=START_LATER),
        cells(
            updated(Schedule={"StartTime": START_LATER, "EndTime": END}),
            Refused("schedule.StartTime cannot be changed in state Running"),
        ),
    ),
    "sampling percentage": (
        f"shadow_mode_config = {literal(sampling(20))}",
        cells(updated(ShadowModeConfig=sampling(20)), updated(ShadowModeConfig=sampling(20))),
    ),
    "shadow variant": (
        f"shadow_mode_config = {literal(sampling(50, 'other'))}",
        cells(updated(ShadowModeConfig=sampling(50, "other")), Refused("shadow_mode_config")),
    ),
    "model_variants": (
        f"model_variants = {literal(OTHERS)}",
        cells(
            updated(ModelVariants=OTHERS),
            Refused("model_variants.ModelName cannot be changed in state Running"),
        ),
    ),
    "data_storage_config": (
        "data_storage_config = {'Destination': 's3://bucket/other'}",
        cells(
            updated(DataStorageConfig={"Destination": "s3://bucket/other"}),
            Refused("data_storage_config.Destination cannot be changed in state Running"),
        ),
    ),
    "Running": (
        "desired_state = 'Running'",
        {
            "Starting": Accepted([], "Running"),
            "Created": Accepted([(START, {})], "Running"),
            "Running": NOTHING,
            "Stopping": Refused("Stopping"),
            "Completed": Refused("Completed"),
            "Cancelled": Refused("Cancelled"),
        },
    ),
    "Completed": (
        "desired_state = 'Completed'",
        {
            "Created": Refused("DELETE removes the row"),
            "Running": Accepted([(STOP, STOPPING)], "Completed"),
            "Stopping": Accepted([], "Completed"),
            "Completed": NOTHING,
            "Cancelled": Refused("Cancelled"),
        },
    ),
    "Cancelled": (
        "desired_state = 'Cancelled'",
        {
            "Created": Refused("DELETE removes the row"),
            "Running": Accepted([(STOP, STOPPING | {"DesiredState": "Cancelled"})], "Cancelled"),
            "Stopping": Refused("Completed"),
            "Completed": Refused("Completed"),
            "Cancelled": NOTHING,
        },
    ),
    "Completed with a reason": (
        "desired_state = 'Completed', status_reason = 'done'",
        {
            "Created": Refused("DELETE removes the row"),
            "Running": Accepted([(STOP, STOPPING | {"Reason": "done"})], "Completed"),
            "Stopping": Refused("status_reason"),
            "Completed": Refused("status_reason"),
            "Cancelled": Refused("Cancelled"),
        },
    ),
    "a reason alone": (
        "status_reason = 'done'",
        dict.fromkeys(STATES, Refused("status_reason is only sent with a call that stops")),
    ),
    "a reason to run": (
        "status_reason = 'done', desired_state = 'Running'",
        dict.fromkeys(STATES, Refused("status_reason is only sent with a call that stops")),
    ),
    "fields, tags and Running": (
        "desired_state = 'Running', tags = MAP {'team': 'core', 'a': 'b'}, description = 'new'",
        cells(
            Accepted(
                [*DESCRIBED, ("AddTags", {"Tags": [{"Key": "a", "Value": "b"}]}), (START, {})], "Running"
            ),
            Accepted([*DESCRIBED, ("AddTags", {"Tags": [{"Key": "a", "Value": "b"}]})]),
        ),
    ),
    "fields, tags and Cancelled": (
        "description = 'new', tags = MAP {'a': 'b'}, desired_state = 'Cancelled', status_reason = 'enough'",
        {
            "Created": Refused("DELETE removes the row"),
            "Running": Accepted(
                [
                    *DESCRIBED,
                    ("AddTags", {"Tags": [{"Key": "a", "Value": "b"}]}),
                    ("DeleteTags", {"TagKeys": ["team"]}),
                    (STOP, STOPPING | {"DesiredState": "Cancelled", "Reason": "enough"}),
                ],
                "Cancelled",
            ),
            "Stopping": Refused(""),
            "Completed": Refused(""),
            "Cancelled": Refused(""),
        },
    ),
    "model_variants and Completed": (
        f"model_variants = {literal([variant('shadow')])}, desired_state = 'Completed'",
        cells(Refused("desired_state cannot become 'Completed'"), Refused(f"EXEC {TABLE}.stop @Name = ")),
    ),
}


def makes_calls(change: str, state: str) -> bool:
    cell = CHANGES[change][1][state]
    return isinstance(cell, Accepted) and bool(cell.calls)


def list_durations(change: str, state: str) -> tuple[float, ...]:
    """How long busy states last; one that the statement does not wait for must not pass while it runs."""
    if state == "Stopping" and change not in ("Completed", "Cancelled"):
        return (HELD,)
    return (0.0, LASTING) if state in STABLE and makes_calls(change, state) else (LASTING,)


CELLS = [
    pytest.param(change, state, lasting, id=f"{change}-{state}-{lasting}")
    for change in CHANGES
    for state in STATES
    for lasting in list_durations(change, state)
]


def effect(db: WriteSession, name: str, calls: Calls) -> dict[str, Any]:
    """The record as the calls should leave it, but for its state and times."""
    changed = db.record(name)
    for operation, given in calls:
        if operation == UPDATE:
            changed |= given | (
                {"Schedule": changed["Schedule"] | given["Schedule"]} if "Schedule" in given else {}
            )
        elif operation == "AddTags":
            changed["Tags"] = changed["Tags"] + given["Tags"]
        elif operation == "DeleteTags":
            changed["Tags"] = [tag for tag in changed["Tags"] if tag["Key"] not in given["TagKeys"]]
        elif operation == STOP and "Reason" in given:
            changed["StatusReason"] = given["Reason"]
    return compared(changed)


@pytest.mark.parametrize(("change", "state", "lasting"), CELLS)
def test_each_change_makes_in_each_state_the_calls_of_the_table(
    db: WriteSession, change: str, state: str, lasting: float
) -> None:
    assignments, cells = CHANGES[change]
    cell = cells.get(state) or cells[BUSY[state]]
    name = db.experiment(state, lasting)
    arn = db.record(name)["Arn"]
    settled = state if state in STABLE or lasting == HELD else BUSY.get(state, "Completed")
    expected = effect(db, name, cell.calls if isinstance(cell, Accepted) else [])
    if has_start(cell):
        expected.pop("Schedule")  # Start sets it to now
    outcome = db.update(name, assignments)
    ends = state if lasting == HELD else settle(db, name)
    now = compared(db.record(name))
    if has_start(cell):
        now.pop("Schedule")
    assert now == expected
    if isinstance(cell, Refused):
        assert (outcome.status, outcome.operations, db.sent) == (FAILED, (), [])
        assert cell.text in outcome.reason
        assert ends == settled
        return
    assert (outcome.status, list(outcome.operations)) == (OK, db.operations)
    asked = [
        (
            operation,
            {("ResourceArn" if "Tags" in operation else "Name"): arn if "Tags" in operation else name}
            | given,
        )
        for operation, given in cell.calls
    ]
    assert db.sent == asked
    assert db.committed == db.operations
    assert ends == (cell.state or settled)
    assert (outcome.row, outcome.table, outcome.region, outcome.key) == (1, TABLE, REGION, name)


def has_start(cell: Accepted | Refused) -> bool:
    return isinstance(cell, Accepted) and any(operation == START for operation, _ in cell.calls)


@pytest.mark.parametrize("change", ["nothing", "tags"])
@pytest.mark.parametrize("state", [*BUSY, "Stopping"])
def test_what_needs_no_update_does_not_wait_for_a_busy_state(
    db: WriteSession, change: str, state: str
) -> None:
    name = db.experiment(state, HELD)
    assert db.update(name, CHANGES[change][0]).status is OK
    assert db.record(name)["Status"] == state


def test_a_schedule_that_is_the_same_to_the_millisecond_is_not_a_change(db: WriteSession) -> None:
    name = db.experiment()
    times = [f"(to_timestamp({time}) AT TIME ZONE 'UTC')" for time in (BEGIN + 0.0004, END)]
    outcome = db.update(name, f"schedule = {{'StartTime': {times[0]}, 'EndTime': {times[1]}}}")
    assert (outcome.status, outcome.reason, db.sent) == (OK, "nothing changes", [])


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


@pytest.mark.parametrize(
    "column", ["data_storage_config", "schedule", "model_variants", "shadow_mode_config"]
)
def test_only_a_text_can_be_unset(db: WriteSession, column: str) -> None:
    name = db.experiment()
    outcome = db.update(name, f"{column} = NULL")
    assert (outcome.status, db.sent) == (FAILED, [])
    assert f"{column} cannot be unset" in outcome.reason


def test_a_null_for_an_unset_member_changes_nothing(db: WriteSession) -> None:
    name = db.experiment(DataStorageConfig=None, Description=None)
    outcome = db.update(name, "data_storage_config = NULL, description = NULL")
    assert (outcome.status, db.sent) == (OK, [])


def test_tags_are_deleted_first_only_where_the_union_would_exceed_fifty(db: WriteSession) -> None:
    name = db.experiment(Tags={f"k{number}": "v" for number in range(50)})
    wanted = {f"k{number}": "v" for number in range(1, 50)} | {"new": "x"}
    assert db.update(name, f"tags = {literal(wanted)}").status is OK
    assert db.operations == ["DeleteTags", "AddTags"]
    assert {tag["Key"]: tag["Value"] for tag in db.record(name)["Tags"]} == wanted


def test_tags_of_aws_stay_as_they_are(db: WriteSession) -> None:
    name = db.experiment(Tags={"aws:cloudformation:stack": "s", "team": "core"})
    assert db.update(name, "tags = MAP {}").status is OK
    assert db.record(name)["Tags"] == [{"Key": "aws:cloudformation:stack", "Value": "s"}]
    refused = db.update(name, "tags = MAP {'aws:mine': 'x'}")
    assert (refused.status, "belong to AWS" in refused.reason) == (FAILED, True)

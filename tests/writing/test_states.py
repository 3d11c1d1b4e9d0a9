from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from desk import (
    BEGIN,
    CREATE,
    DELETE,
    DESCRIBE,
    END,
    MEMBERS,
    REGION,
    RETAIN,
    START,
    STOP,
    TABLE,
    UPDATE,
    VARIANTS,
    Desk,
    insert,
    literal,
    of,
    sampling,
    variant,
)

from sqlprov.cloud.writing import Ending
from sqlprov.emulator import Options
from sqlprov.errors import DataError

LASTING = 0.15
BUSY = {"Creating": "Created", "Updating": "Created", "Starting": "Running"}
"""What a busy state leads to; Stopping is decided on by itself."""
STABLE = ("Created", "Running", "Completed", "Cancelled")
STATES = (*BUSY, "Stopping", *STABLE)
Calls = list[tuple[str, dict[str, Any]]]


@dataclass(frozen=True)
class Refused:
    """The row fails, and `saying` is part of why."""

    saying: str


@dataclass(frozen=True)
class Wins:
    """The calls that are made, and the state that the row is in when all is over; "" for the state it had."""

    calls: Calls = field(default_factory=list)
    state: str = ""


ENDED = "cannot"
NOTHING = Wins()
LATER = END + 86400
START_LATER = BEGIN + 86400
OTHERS = [variant("production"), variant("shadow", "another")]
STOPPING = {"ModelVariantActions": RETAIN, "DesiredState": "Completed"}
DESCRIBED: Calls = [(UPDATE, {"Description": "new"})]


def schedule(**members: float) -> str:
    return f"schedule = {literal(members)}"


def updated(**members: Any) -> Wins:
    return Wins([(UPDATE, members)])


# Change -> what SET says, and the cell of each state; a busy one without a cell waits, and then has that of the
# state it led to.
CHANGES: dict[str, tuple[str, dict[str, Wins | Refused]]] = {
    "nothing": (
        f"description = 'old', shadow_mode_config = {literal(sampling(50))}, model_variants = {literal(VARIANTS)}, "
        "tags = MAP {'team': 'core'}",
        dict.fromkeys(STATES, NOTHING),
    ),
    "tags": (
        "tags = MAP {'owner': 'ada'}",
        dict.fromkeys(
            STATES,
            Wins(
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
            "Created": Wins(DESCRIBED),
            "Running": Wins(DESCRIBED),
            "Stopping": Refused("description cannot be changed in state Stopping"),
            "Completed": Refused("description cannot be changed in state Completed"),
            "Cancelled": Refused("description cannot be changed in state Cancelled"),
        },
    ),
    "NULL description": (
        "description = NULL",
        {
            "Created": updated(Description=""),
            "Running": updated(Description=""),
            "Stopping": Refused(ENDED),
            "Completed": Refused(ENDED),
            "Cancelled": Refused(ENDED),
        },
    ),
    "end of the schedule": (
        schedule(EndTime=LATER),
        {
            "Created": updated(Schedule={"StartTime": BEGIN, "EndTime": LATER}),
            "Running": updated(Schedule={"EndTime": LATER}),
            "Stopping": Refused(ENDED),
            "Completed": Refused(ENDED),
            "Cancelled": Refused(ENDED),
        },
    ),
    "begin of the schedule": (
        schedule(StartTime=START_LATER),
        {
            "Created": updated(Schedule={"StartTime": START_LATER, "EndTime": END}),
            "Running": Refused("schedule.StartTime cannot be changed in state Running"),
            "Stopping": Refused(ENDED),
            "Completed": Refused(ENDED),
            "Cancelled": Refused(ENDED),
        },
    ),
    "sampling percentage": (
        f"shadow_mode_config = {literal(sampling(20))}",
        {
            "Created": updated(ShadowModeConfig=sampling(20)),
            "Running": updated(ShadowModeConfig=sampling(20)),
            "Stopping": Refused(ENDED),
            "Completed": Refused(ENDED),
            "Cancelled": Refused(ENDED),
        },
    ),
    "shadow variant": (
        f"shadow_mode_config = {literal(sampling(50, 'other'))}",
        {
            "Created": updated(ShadowModeConfig=sampling(50, "other")),
            "Running": Refused("shadow_mode_config"),
            "Stopping": Refused(ENDED),
            "Completed": Refused(ENDED),
            "Cancelled": Refused(ENDED),
        },
    ),
    "model_variants": (
        f"model_variants = {literal(OTHERS)}",
        {
            "Created": updated(ModelVariants=OTHERS),
            "Running": Refused("model_variants.ModelName cannot be changed in state Running"),
            "Stopping": Refused(ENDED),
            "Completed": Refused(ENDED),
            "Cancelled": Refused(ENDED),
        },
    ),
    "data_storage_config": (
        "data_storage_config = {'Destination': 's3://bucket/other'}",
        {
            "Created": updated(DataStorageConfig={"Destination": "s3://bucket/other"}),
            "Running": Refused("data_storage_config.Destination cannot be changed in state Running"),
            "Stopping": Refused(ENDED),
            "Completed": Refused(ENDED),
            "Cancelled": Refused(ENDED),
        },
    ),
    "Running": (
        "desired_state = 'Running'",
        {
            "Starting": Wins([], "Running"),
            "Created": Wins([(START, {})], "Running"),
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
            "Running": Wins([(STOP, STOPPING)], "Completed"),
            "Stopping": Wins([], "Completed"),
            "Completed": NOTHING,
            "Cancelled": Refused("Cancelled"),
        },
    ),
    "Cancelled": (
        "desired_state = 'Cancelled'",
        {
            "Created": Refused("DELETE removes the row"),
            "Running": Wins([(STOP, STOPPING | {"DesiredState": "Cancelled"})], "Cancelled"),
            "Stopping": Refused("Completed"),
            "Completed": Refused("Completed"),
            "Cancelled": NOTHING,
        },
    ),
    "Completed with a reason": (
        "desired_state = 'Completed', status_reason = 'done'",
        {
            "Created": Refused("DELETE removes the row"),
            "Running": Wins([(STOP, STOPPING | {"Reason": "done"})], "Completed"),
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
        {
            "Created": Wins(
                [*DESCRIBED, ("AddTags", {"Tags": [{"Key": "a", "Value": "b"}]}), (START, {})], "Running"
            ),
            "Running": Wins([*DESCRIBED, ("AddTags", {"Tags": [{"Key": "a", "Value": "b"}]})]),
            "Stopping": Refused(ENDED),
            "Completed": Refused(ENDED),
            "Cancelled": Refused(ENDED),
        },
    ),
    "fields, tags and Cancelled": (
        "description = 'new', tags = MAP {'a': 'b'}, desired_state = 'Cancelled', status_reason = 'enough'",
        {
            "Created": Refused("DELETE removes the row"),
            "Running": Wins(
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
        {
            "Created": Refused("desired_state cannot become 'Completed'"),
            "Running": Refused(f"EXEC {TABLE}.stop @Name = "),
            "Stopping": Refused(ENDED),
            "Completed": Refused(ENDED),
            "Cancelled": Refused(ENDED),
        },
    ),
}


def makes_calls(change: str, state: str) -> bool:
    cell = CHANGES[change][1][state]
    return isinstance(cell, Wins) and bool(cell.calls)


CELLS = [
    pytest.param(change, state, lasting, id=f"{change}-{state}-{lasting}")
    for change in CHANGES
    for state in STATES
    for lasting in ((0.0, LASTING) if state in STABLE and makes_calls(change, state) else (LASTING,))
]


def effect(desk: Desk, name: str, calls: Calls) -> dict[str, Any]:
    """The record as the calls should leave it, but for its state and times."""
    changed = desk.record(name)
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


def compared(record: dict[str, Any]) -> dict[str, Any]:
    passing = {"Status", "LastModifiedTime", "CompletionTime", "EndpointMetadata"}
    kept = {member: value for member, value in record.items() if member not in passing}
    kept["ModelVariants"] = [
        {member: value for member, value in one.items() if member != "Status"}
        for one in kept["ModelVariants"]
    ]
    return kept


def settle(desk: Desk, name: str, seconds: float = 3.0) -> str:
    """The state that the row ends in."""
    end = time.monotonic() + seconds
    while (state := desk.record(name)["Status"]).endswith("ing") and state != "Running":
        assert time.monotonic() < end
        time.sleep(0.01)
    return str(state)


@pytest.mark.parametrize(("change", "state", "lasting"), CELLS)
def test_each_change_makes_in_each_state_the_calls_of_the_table(
    desk: Desk, change: str, state: str, lasting: float
) -> None:
    assignments, cells = CHANGES[change]
    cell = cells.get(state) or cells[BUSY[state]]
    name = desk.experiment(state, lasting)
    arn = desk.record(name)["Arn"]
    before = desk.record(name)
    expected = effect(desk, name, cell.calls if isinstance(cell, Wins) else [])
    if operations_start(cell):
        expected.pop("Schedule")  # Start sets it to now
    outcome = desk.update(name, assignments)
    ends = settle(desk, name)
    now = compared(desk.record(name))
    if operations_start(cell):
        now.pop("Schedule")
    assert now == expected
    if isinstance(cell, Refused):
        assert (outcome.status, outcome.operations, desk.made) == (Ending.FAILED, (), [])
        assert cell.saying in outcome.reason
        assert ends == BUSY.get(state, "Completed" if state == "Stopping" else state)
        return
    assert (outcome.status, list(outcome.operations)) == (Ending.OK, desk.operations)
    asked = [
        (
            operation,
            {("ResourceArn" if "Tags" in operation else "Name"): arn if "Tags" in operation else name}
            | given,
        )
        for operation, given in cell.calls
    ]
    assert desk.made == asked
    assert desk.committed == desk.operations
    assert ends == (cell.state or BUSY.get(state, "Completed" if state == "Stopping" else before["Status"]))
    assert (outcome.row, outcome.table, outcome.region, outcome.key) == (1, TABLE, REGION, name)


def operations_start(cell: Wins | Refused) -> bool:
    return isinstance(cell, Wins) and any(operation == START for operation, _ in cell.calls)


@pytest.mark.parametrize("change", ["nothing", "tags"])
@pytest.mark.parametrize("state", [*BUSY, "Stopping"])
def test_what_needs_no_update_does_not_wait_for_a_busy_state(desk: Desk, change: str, state: str) -> None:
    name = desk.experiment(state, lasting=30)
    assert desk.update(name, CHANGES[change][0]).status is Ending.OK
    assert desk.record(name)["Status"] == state


def test_a_schedule_that_is_the_same_to_the_millisecond_is_no_change(desk: Desk) -> None:
    name = desk.experiment()
    times = [f"(to_timestamp({time}) AT TIME ZONE 'UTC')" for time in (BEGIN + 0.0004, END)]
    outcome = desk.update(name, f"schedule = {{'StartTime': {times[0]}, 'EndTime': {times[1]}}}")
    assert (outcome.status, outcome.reason, desk.made) == (Ending.OK, "nothing changes", [])


def test_a_stop_that_is_on_its_way_to_another_end_is_waited_for(desk: Desk) -> None:
    name = desk.experiment("Running", LASTING)
    desk.somebody.stop_inference_experiment(
        Name=name, ModelVariantActions=RETAIN, DesiredState="Cancelled", Reason="theirs"
    )
    desk.em.reset_calls()
    assert desk.update(name, "desired_state = 'Cancelled'").status is Ending.OK
    assert (desk.made, desk.record(name)["Status"]) == ([], "Cancelled")


def test_an_update_of_a_running_row_that_is_updating_waits_and_is_decided_anew(desk: Desk) -> None:
    name = desk.experiment("Running", LASTING)
    desk.somebody.update_inference_experiment(Name=name, Description="theirs")
    desk.em.reset_calls()
    outcome = desk.update(name, f"shadow_mode_config = {literal(sampling(5))}")
    assert (outcome.status, desk.operations) == (Ending.OK, [UPDATE])
    assert desk.record(name)["Description"] == "theirs"


@pytest.mark.parametrize(
    "column", ["data_storage_config", "schedule", "model_variants", "shadow_mode_config"]
)
def test_only_a_text_can_be_unset(desk: Desk, column: str) -> None:
    name = desk.experiment()
    outcome = desk.update(name, f"{column} = NULL")
    assert (outcome.status, desk.made) == (Ending.FAILED, [])
    assert f"{column} cannot be unset" in outcome.reason


def test_a_null_of_what_is_not_set_changes_nothing(desk: Desk) -> None:
    name = desk.experiment(DataStorageConfig=None, Description=None)
    outcome = desk.update(name, "data_storage_config = NULL, description = NULL")
    assert (outcome.status, desk.made) == (Ending.OK, [])


def test_tags_are_deleted_first_only_where_the_union_would_exceed_fifty(desk: Desk) -> None:
    name = desk.experiment(Tags={f"k{number}": "v" for number in range(50)})
    wanted = {f"k{number}": "v" for number in range(1, 50)} | {"new": "x"}
    assert desk.update(name, f"tags = {literal(wanted)}").status is Ending.OK
    assert desk.operations == ["DeleteTags", "AddTags"]
    assert {tag["Key"]: tag["Value"] for tag in desk.record(name)["Tags"]} == wanted


def test_tags_of_aws_stay_as_they_are(desk: Desk) -> None:
    name = desk.experiment(Tags={"aws:cloudformation:stack": "s", "team": "core"})
    assert desk.update(name, "tags = MAP {}").status is Ending.OK
    assert desk.record(name)["Tags"] == [{"Key": "aws:cloudformation:stack", "Value": "s"}]
    refused = desk.update(name, "tags = MAP {'aws:mine': 'x'}")
    assert (refused.status, "belong to AWS" in refused.reason) == (Ending.FAILED, True)


# Patch documents

PATCHES: list[tuple[str, list[dict[str, Any]], list[str], str]] = [
    ("Created", [{"op": "replace", "path": "/Description", "value": "new"}], [UPDATE], "Created"),
    ("Running", [{"op": "remove", "path": "/Description"}], [UPDATE], "Running"),
    ("Created", [{"op": "replace", "path": "/DesiredState", "value": "Running"}], [START], "Running"),
    ("Running", [{"op": "add", "path": "/DesiredState", "value": "Completed"}], [STOP], "Completed"),
    (
        "Running",
        [
            {"op": "replace", "path": "/DesiredState", "value": "Cancelled"},
            {"op": "replace", "path": "/StatusReason", "value": "why"},
            {"op": "replace", "path": "/Description", "value": "new"},
        ],
        [UPDATE, STOP],
        "Cancelled",
    ),
    (
        "Completed",
        [{"op": "add", "path": "/Tags/-", "value": {"Key": "a", "Value": "b"}}],
        ["AddTags"],
        "Completed",
    ),
    ("Completed", [{"op": "remove", "path": "/Tags"}], ["DeleteTags"], "Completed"),
    (
        "Running",
        [{"op": "replace", "path": "/ShadowModeConfig/ShadowModelVariants/0/SamplingPercentage", "value": 7}],
        [UPDATE],
        "Running",
    ),
    ("Created", [{"op": "replace", "path": "/RoleArn", "value": MEMBERS["RoleArn"]}], [], "Created"),
    ("Completed", [{"op": "test", "path": "/Description", "value": "old"}], [], "Completed"),
]


@pytest.mark.parametrize("lasting", [0.0, LASTING])
@pytest.mark.parametrize(("state", "document", "operations", "ends"), PATCHES)
def test_a_patch_document_becomes_the_calls_of_the_table(
    desk: Desk, state: str, document: list[dict[str, Any]], operations: list[str], ends: str, lasting: float
) -> None:
    name = desk.experiment(state, lasting)
    outcome = desk.update(name, f"data__PatchDocument = {literal(document)}")
    assert (outcome.status, desk.operations) == (Ending.OK, operations)
    assert settle(desk, name) == ends


@pytest.mark.parametrize(
    ("state", "document", "saying"),
    [
        ("Created", [{"op": "replace", "path": "/RoleArn", "value": MEMBERS["RoleArn"] + "2"}], "RoleArn"),
        ("Created", [{"op": "replace", "path": "/Name", "value": "other"}], "name"),
        (
            "Running",
            [{"op": "replace", "path": "/ModelVariants/0/ModelName", "value": "m"}],
            "model_variants",
        ),
        ("Completed", [{"op": "replace", "path": "/Description", "value": "new"}], "description"),
        ("Created", [{"op": "replace", "path": "/DesiredState", "value": "Completed"}], "Completed"),
        ("Created", [{"op": "test", "path": "/Description", "value": "another"}], "test"),
        ("Created", [{"op": "remove", "path": "/DataStorageConfig"}], "data_storage_config cannot be unset"),
    ],
)
def test_a_patch_document_is_refused_where_the_change_is(
    desk: Desk, state: str, document: list[dict[str, Any]], saying: str
) -> None:
    name = desk.experiment(state)
    outcome = desk.update(name, f"data__PatchDocument = {literal(document)}")
    assert (outcome.status, desk.made) == (Ending.FAILED, [])
    assert saying.lower() in outcome.reason.lower()


# DELETE

DELETES = {
    "Created": [DELETE],
    "Running": [STOP, DELETE],
    "Stopping": [DELETE],
    "Completed": [DELETE],
    "Cancelled": [DELETE],
}


@pytest.mark.parametrize(
    ("state", "lasting", "stale"),
    [
        (state, lasting, stale)
        for state in STATES
        for lasting in ((0.0, LASTING) if state in STABLE else (LASTING,))
        for stale in ((0, 2) if state in ("Running", "Starting") else (0,))
    ],
)
def test_delete_stops_what_runs_waits_for_what_is_busy_and_deletes(
    desk: Desk, state: str, lasting: float, stale: int
) -> None:
    name = desk.experiment(state, lasting)
    desk.em.options.stale_describe = stale
    outcome = desk.delete(name)
    operations = DELETES[BUSY.get(state, state)]
    assert (outcome.status, desk.operations, desk.committed) == (Ending.OK, operations, operations)
    assert not desk.exists(name)
    assert all(given["Name"] == name for _, given in desk.made)
    if STOP in operations:
        assert desk.made[0][1] == {"Name": name, **STOPPING}


def test_delete_of_what_somebody_else_deleted_is_ok_and_makes_no_call(desk: Desk) -> None:
    name = desk.experiment()
    desk.em.options.latency = 0.05
    with desk.meanwhile(DESCRIBE, lambda: desk.em.remove("InferenceExperiment", REGION, name)):
        outcome = desk.delete(name)
    assert (outcome.status, outcome.operations, outcome.reason) == (Ending.OK, (), "it was gone already")


# INSERT and EXEC


@pytest.mark.parametrize("state", STATES)
def test_insert_of_a_name_that_exists_fails_in_every_state(desk: Desk, state: str) -> None:
    name = desk.experiment(state, lasting=0.3)
    before = desk.record(name)
    outcome = desk.one(insert(name))
    assert (outcome.status, outcome.operations) == (Ending.FAILED, ())
    assert "exists already" in outcome.reason
    assert compared(desk.record(name)) == compared(before)


def test_insert_notes_the_state_and_the_reason_that_it_does_not_send(desk: Desk) -> None:
    outcome = desk.one(insert("noted", DesiredState="Running", StatusReason="go", Tags={"a": "b"}))
    assert (outcome.status, desk.operations) == (Ending.OK, [CREATE])
    assert "DesiredState and StatusReason are not sent by INSERT" in outcome.reason
    assert not {"DesiredState", "StatusReason"} & desk.made[0][1].keys()
    assert desk.record("noted")["Tags"] == [{"Key": "a", "Value": "b"}]


def test_insert_without_a_schedule_says_when_it_starts_and_ends(desk: Desk) -> None:
    members = {name: value for name, value in MEMBERS.items() if name != "Schedule"}
    columns = ", ".join(["Name", *members, "region"])
    values = ", ".join(map(literal, ("unplanned", *members.values(), REGION)))
    sql = f"INSERT INTO {TABLE} ({columns}) VALUES ({values})"
    planned = desk.con.sql(f"EXPLAIN {sql}").fetchall()
    assert "starts at once and ends after 7 days" in str(planned)
    assert "starts at once and ends after 7 days" in desk.one(sql).reason


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("method", ["start", "stop"])
def test_exec_makes_one_call_as_written_whatever_the_state(desk: Desk, method: str, state: str) -> None:
    name = desk.experiment(state, lasting=0.3)
    given: dict[str, Any] = {"Name": name}
    if method == "stop":
        given |= {"ModelVariantActions": {"production": "Remove", "shadow": "Promote"}, "Reason": "tried"}
    written = ", ".join(f"@{key} = {literal(value)}" for key, value in given.items())
    outcome = desk.one(f"EXEC {TABLE}.{method} {written}, @region = '{REGION}'")
    works = state == {"start": "Created", "stop": "Running"}[method]
    assert desk.made == [({"start": START, "stop": STOP}[method], given)]
    assert [call.operation for call in desk.em.calls] == desk.operations
    assert outcome.status is (Ending.OK if works else Ending.FAILED)
    assert list(outcome.operations) == desk.committed
    assert works or "ConflictException" in outcome.reason


def test_exec_stop_promotes_and_removes_as_written(desk: Desk) -> None:
    name = desk.experiment("Running")
    values = {
        "Name": name,
        "ModelVariantActions": {"production": "Remove", "shadow": "Promote"},
        "DesiredState": "Cancelled",
        "DesiredModelVariants": [variant("shadow")],
    }
    outcome = desk.one(
        f"EXEC {TABLE}.stop_inference_experiment @@json = {literal(values)}, @region = '{REGION}'"
    )
    assert (outcome.status, desk.made) == (Ending.OK, [(STOP, values)])
    assert desk.record(name)["Status"] == "Cancelled"


# A conflict is decided anew


def test_a_conflict_makes_us_look_and_decide_again(desk: Desk) -> None:
    name = desk.experiment("Created", lasting=LASTING)
    desk.em.options.latency = 0.05

    def theirs() -> None:
        while len(desk.em.calls) < 2:  # the second Describe is the last before our Update
            time.sleep(0.001)
        desk.somebody.update_inference_experiment(Name=name, Schedule={"StartTime": BEGIN, "EndTime": LATER})

    with desk.meanwhile(DESCRIBE, theirs):
        outcome = desk.update(name, "description = 'new'")
    assert outcome.status is Ending.OK
    assert desk.record(name)["Description"] == "new"
    assert desk.record(name)["Schedule"]["EndTime"] == LATER
    assert "ConflictException" in [call.error for call in desk.calls]


def test_a_row_that_ends_meanwhile_is_refused_after_the_conflict(desk: Desk) -> None:
    name = desk.experiment("Running", lasting=LASTING)
    desk.em.options.latency = 0.05

    def theirs() -> None:
        while len(desk.em.calls) < 2:
            time.sleep(0.001)
        desk.somebody.stop_inference_experiment(Name=name, ModelVariantActions=RETAIN)

    with desk.meanwhile(DESCRIBE, theirs):
        outcome = desk.update(name, "description = 'new'")
    assert outcome.status is Ending.FAILED
    assert "cannot be changed in state" in outcome.reason
    assert desk.record(name)["Description"] == "old"


# AWAIT


AWAITED = {
    "insert": (insert("awaited-{n}"), "", "Created"),
    "update": (f"UPDATE {TABLE} SET description = 'new' WHERE {{of}}", "Running", "Running"),
    "start": (f"UPDATE {TABLE} SET desired_state = 'Running' WHERE {{of}}", "Created", "Running"),
    "stop": (f"UPDATE {TABLE} SET desired_state = 'Cancelled' WHERE {{of}}", "Running", "Cancelled"),
    "delete": (f"DELETE FROM {TABLE} WHERE {{of}}", "Running", None),
    "exec start": (f"EXEC {TABLE}.start @Name = '{{name}}', @region = '{REGION}'", "Created", "Running"),
    "exec stop": (
        f"EXEC {TABLE}.stop @Name = '{{name}}', @ModelVariantActions = {literal(RETAIN)}, @region = '{REGION}'",
        "Running",
        "Completed",
    ),
}
BUSY_AFTER = {"insert": "Creating", "update": "Updating", "start": "Starting", "stop": "Stopping"}


def awaited(desk: Desk, what: str) -> tuple[str, str, str | None]:
    sql, state, ends = AWAITED[what]
    if not state:
        name = f"awaited-{time.monotonic_ns()}"
        desk.em.options.transition = LASTING
        return insert(name), name, ends
    name = desk.experiment(state, LASTING)
    return sql.replace("{of}", of(name)).replace("{name}", name), name, ends


@pytest.mark.parametrize("stale", [0, 2])
@pytest.mark.parametrize("by", ["hint", "setting"])
@pytest.mark.parametrize("what", AWAITED)
def test_await_returns_when_the_row_is_in_the_state_it_was_to_reach(
    desk: Desk, what: str, by: str, stale: int
) -> None:
    sql, name, ends = awaited(desk, what)
    desk.em.options.stale_describe = stale
    if by == "setting":
        desk.set(**{"await": "on"})
    else:
        sql = f"/*+ AWAIT */ {sql}"
    outcome = desk.one(sql)
    assert outcome.status is Ending.OK, outcome.reason
    assert (desk.record(name)["Status"] if desk.exists(name) else None) == ends


@pytest.mark.parametrize("what", [what for what in AWAITED if what != "delete"])
def test_without_await_a_statement_returns_when_its_last_call_is_accepted(desk: Desk, what: str) -> None:
    sql, name, _ = awaited(desk, what)
    desk.em.options.transition = 30
    assert desk.one(sql).status is Ending.OK
    assert desk.record(name)["Status"] == BUSY_AFTER[what.removeprefix("exec ")]


@pytest.mark.parametrize("what", AWAITED)
def test_an_await_that_takes_too_long_says_the_last_state(desk: Desk, what: str) -> None:
    sql, name, _ = awaited(desk, what)
    desk.em.options.transition = 30
    desk.set(await_timeout=0.5)
    began = time.monotonic()
    outcome = desk.one(f"/*+ await */ {sql}")
    assert 0.5 < time.monotonic() - began < 3
    assert (outcome.status, list(outcome.operations)) == (Ending.PARTIAL, desk.committed)
    assert "was waited for 0.5 s" in outcome.reason
    assert f"its last state is {desk.record(name)['Status']}" in outcome.reason


@pytest.mark.parametrize("state", ["Creating", "Updating", "Starting"])
def test_a_busy_state_that_does_not_pass_fails_after_the_timeout(desk: Desk, state: str) -> None:
    name = desk.experiment(state, lasting=30)
    desk.set(await_timeout=0.3)
    outcome = desk.update(name, "description = 'new'")
    assert (outcome.status, desk.made) == (Ending.FAILED, [])
    assert f"its last state is {state}" in outcome.reason


def test_await_of_a_state_that_is_not_reached_says_the_state_and_its_reason(desk: Desk) -> None:
    name = desk.experiment("Created", lasting=0.3)

    def theirs() -> None:
        while desk.record(name)["Status"] != "Starting":
            time.sleep(0.001)
        desk.em.add(
            "InferenceExperiment",
            REGION,
            {"Name": name, **MEMBERS, "Status": "Cancelled", "StatusReason": "no capacity"},
        )

    with desk.meanwhile(START, theirs):
        outcome = desk.one(f"/*+ AWAIT */ EXEC {TABLE}.start @Name = '{name}', @region = '{REGION}'")
    assert (outcome.status, outcome.operations) == (Ending.PARTIAL, (START,))
    assert "did not reach Running: its last state is Cancelled (no capacity)" in outcome.reason


def test_await_of_a_failed_endpoint_says_why(desk: Desk) -> None:
    endpoint = {"EndpointName": "fails", "EndpointConfigName": "config", "EndpointStatus": "InService"}
    desk.em.add("EndpointConfig", REGION, {"EndpointConfigName": "config-2"})
    desk.em.add("Endpoint", REGION, endpoint)
    desk.em.options = Options(transition=0.3)

    def theirs() -> None:
        while (desk.em.get("Endpoint", REGION, "fails") or {})["EndpointStatus"] != "Updating":
            time.sleep(0.001)
        desk.em.add(
            "Endpoint", REGION, endpoint | {"EndpointStatus": "Failed", "FailureReason": "image not found"}
        )

    with desk.meanwhile("UpdateEndpoint", theirs):
        outcome = desk.one(
            "/*+ AWAIT */ UPDATE aws.sagemaker.endpoints SET endpoint_config_name = 'config-2' "
            f"WHERE endpoint_name = 'fails' AND region = '{REGION}'"
        )
    assert outcome.status is Ending.PARTIAL
    assert "its last state is Failed (image not found)" in outcome.reason


def test_returning_gives_the_rows_as_read_back(desk: Desk) -> None:
    name = desk.experiment()
    sql = f"UPDATE {TABLE} SET description = 'new', tags = MAP {{'a': 'b'}} WHERE {of(name)} "
    assert desk.con.sql(sql + "RETURNING name, upper(description), tags, arn").fetchall() == [
        (name, "NEW", [{"Key": "a", "Value": "b"}], desk.record(name)["Arn"])
    ]
    gone = desk.con.sql(f"DELETE FROM {TABLE} WHERE {of(name)} RETURNING name, description").fetchall()
    assert (gone, desk.exists(name)) == ([(name, "new")], False)
    arn = desk.con.sql(f"{insert(name)} RETURNING arn").fetchall()[0][0]
    assert arn == desk.record(name)["Arn"]


def test_the_statement_tells_how_many_rows_it_wrote(desk: Desk) -> None:
    names = [desk.experiment() for _ in range(3)]
    listed = ", ".join(map(literal, names))
    sql = f"DELETE FROM {TABLE} WHERE name IN ({listed}) AND region = '{REGION}'"
    assert desk.con.sql(sql).rowcount == 3
    assert desk.con.sql(sql).rowcount == 0
    assert json.dumps([desk.exists(name) for name in names]) == "[false, false, false]"


def test_an_unknown_desired_state_is_refused_before_any_call(desk: Desk) -> None:
    name = desk.experiment()
    try:
        outcome = desk.update(name, "desired_state = 'Runing'")
    except DataError as error:
        assert "Running" in str(error)
    else:
        assert (outcome.status, "Running" in outcome.reason) == (Ending.FAILED, True)
    assert desk.made == []

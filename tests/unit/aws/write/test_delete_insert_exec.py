from __future__ import annotations

import json
import time
from typing import Any

import pytest
from desk import (
    BEGIN,
    BUSY,
    CREATE,
    DELETE,
    DESCRIBE,
    LASTING,
    LATER,
    MEMBERS,
    REGION,
    RETAIN,
    STABLE,
    START,
    STATES,
    STOP,
    STOPPING,
    TABLE,
    Desk,
    compared,
    insert,
    literal,
    of,
    variant,
)

from sqlprov.aws.write.outcome import OutcomeStatus
from sqlprov.errors import DataError, ProgrammingError

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
    assert (outcome.status, desk.operations, desk.committed) == (OutcomeStatus.OK, operations, operations)
    assert not desk.exists(name)
    assert all(given["Name"] == name for _, given in desk.made)
    if STOP in operations:
        assert desk.made[0][1] == {"Name": name, **STOPPING}


def test_delete_of_what_somebody_else_deleted_is_ok_and_makes_no_call(desk: Desk) -> None:
    name = desk.experiment()
    desk.em.options.latency = 0.05
    with desk.meanwhile(DESCRIBE, lambda: desk.em.remove("InferenceExperiment", REGION, name)):
        outcome = desk.delete(name)
    assert (outcome.status, outcome.operations, outcome.reason) == (
        OutcomeStatus.OK,
        (),
        "it was already gone",
    )


# INSERT and EXEC


@pytest.mark.parametrize("state", STATES)
def test_insert_of_a_name_that_exists_fails_in_every_state(desk: Desk, state: str) -> None:
    name = desk.experiment(state, lasting=0.3)
    before = desk.record(name)
    outcome = desk.one(insert(name))
    assert (outcome.status, outcome.operations) == (OutcomeStatus.FAILED, ())
    assert "already exists" in outcome.reason
    assert compared(desk.record(name)) == compared(before)


def test_insert_notes_the_state_and_the_reason_that_it_does_not_send(desk: Desk) -> None:
    outcome = desk.one(insert("noted", DesiredState="Running", StatusReason="go", Tags={"a": "b"}))
    assert (outcome.status, desk.operations) == (OutcomeStatus.OK, [CREATE])
    assert "INSERT does not send DesiredState and StatusReason" in outcome.reason
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
    # The look before it tells, should the answer be lost, from which state it was called.
    assert [call.operation for call in desk.em.calls] == ["DescribeInferenceExperiment", *desk.operations]
    assert outcome.status is (OutcomeStatus.OK if works else OutcomeStatus.FAILED)
    assert list(outcome.operations) == desk.committed
    assert works or "ConflictException" in outcome.reason


def test_exec_takes_parameters_by_name(desk: Desk) -> None:
    name = desk.experiment("Created")
    sql = f"EXEC {TABLE}.start @Name = $name, @region = $where"
    assert desk.con.parameter_names(sql) == {"name", "where"}
    assert desk.con.sql(sql, {"name": name, "where": REGION}).rowcount == 1
    assert desk.made == [(START, {"Name": name})]
    with pytest.raises(ProgrammingError, match=r"No statement has a parameter \$nmae"):
        desk.con.sql(sql, {"nmae": name, "where": REGION})


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
    assert (outcome.status, desk.made) == (OutcomeStatus.OK, [(STOP, values)])
    assert desk.record(name)["Status"] == "Cancelled"


@pytest.mark.parametrize("spelling", ["Name", "name", "data__Name", "Identifier", "data__Identifier"])
def test_exec_takes_the_key_under_each_of_its_names(desk: Desk, spelling: str) -> None:
    name = desk.experiment("Created")
    assert desk.one(f"EXEC {TABLE}.start @{spelling} = '{name}', @region = '{REGION}'").key == name
    assert desk.made == [(START, {"Name": name})]


def test_exec_refuses_the_key_under_two_names(desk: Desk) -> None:
    with pytest.raises(DataError, match="sets @Name twice"):
        desk.con.sql(f"EXEC {TABLE}.start @Name = 'a', @Identifier = 'a', @region = '{REGION}'")
    assert desk.em.calls == []


def test_a_value_may_be_written_as_stackql_does(desk: Desk) -> None:
    sql = insert("by-stackql", Description="of stackql").replace("'of stackql'", "string('of stackql')")
    for value in (MEMBERS["ModelVariants"], MEMBERS["Schedule"]):
        sql = sql.replace(literal(value), f"JSON({literal(value)})")
    assert (sql.count("JSON("), sql.count("string(")) == (2, 1)
    assert desk.one(sql).status is OutcomeStatus.OK
    record = desk.record("by-stackql")
    assert (record["Description"], record["Schedule"]) == ("of stackql", MEMBERS["Schedule"])
    assert desk.con.sql("SELECT string(1) || string('x')").fetchall() == [("1x",)]


# What only the service fills in


def test_a_column_may_be_changed_by_an_expression_over_itself(desk: Desk) -> None:
    name = desk.experiment()
    changed = "list_transform(model_variants, lambda v: struct_update(v, ModelName := 'other'))"
    outcome = desk.update(name, f"model_variants = {changed}")
    assert (outcome.status, desk.operations) == (OutcomeStatus.OK, ["UpdateInferenceExperiment"])
    assert "ModelVariants.Status: read-only, left out" in outcome.reason
    assert [one["ModelName"] for one in desk.record(name)["ModelVariants"]] == ["other", "other"]
    outcome = desk.update(name, "model_variants = model_variants")
    assert outcome.reason == "ModelVariants.Status: read-only, left out; nothing changes"


def test_an_insert_that_lists_its_columns_may_take_them_from_the_table_itself(desk: Desk) -> None:
    name = desk.experiment()
    columns = "type, role_arn, endpoint_name, model_variants, shadow_mode_config, region"
    outcome = desk.one(
        f"INSERT INTO {TABLE} (name, {columns}) SELECT '{name}-b', {columns} FROM {TABLE} WHERE {of(name)}"
    )
    assert outcome.status is OutcomeStatus.OK, outcome.reason
    assert "ModelVariants.Status: read-only, left out" in outcome.reason


def test_a_member_that_nobody_knows_is_still_a_fault(desk: Desk) -> None:
    name = desk.experiment()
    variants = json.dumps([{**variant("production"), "Stauts": "x"}])
    with pytest.raises(DataError, match="Stauts"):
        desk.con.sql(f"UPDATE {TABLE} SET model_variants = '{variants}' WHERE {of(name)}")
    assert desk.calls == []


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
    assert outcome.status is OutcomeStatus.OK
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
    assert outcome.status is OutcomeStatus.FAILED
    assert "cannot be changed in state" in outcome.reason
    assert desk.record(name)["Description"] == "old"


def test_what_a_write_s_condition_tells_of_its_table_does_not_hold_for_returning(desk: Desk) -> None:
    desk.experiment()
    name = desk.experiment()
    count = f"SELECT count(*) FROM {TABLE}"
    ((before,),) = desk.con.sql(count).fetchall()
    left = desk.con.sql(f"DELETE FROM {TABLE} WHERE name LIKE '%{name}' RETURNING ({count})").fetchall()
    assert left == [(before - 1,)]


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


@pytest.mark.parametrize(
    ("assignments", "saying"),
    [
        ("desired_state = 'Runing'", r"desired_state: 'Runing'; .*Did you mean 'Running'\?"),
        ("desired_state = ''", "desired_state: ''; expected 'Running' or 'Completed' or 'Cancelled'"),
        (
            "desired_state = 'Completed', status_reason = repeat('x', 1025)",
            "status_reason: .*1,024 characters",
        ),
        (
            """data__PatchDocument = '[{"op": "add", "path": "/DesiredState", "value": "Runing"}]'""",
            r"Did you mean 'Running'\?",
        ),
        (
            f"""data__PatchDocument = '[{{"op": "add", "path": "/StatusReason", "value": "{"x" * 1025}"}}]'""",
            "StatusReason: .*1,024 characters",
        ),
    ],
)
def test_a_state_or_a_reason_that_cannot_be_is_refused_before_any_write(
    desk: Desk, assignments: str, saying: str
) -> None:
    names = [desk.experiment("Running"), desk.experiment("Created")]
    for name in names:
        with pytest.raises(DataError, match=saying):
            desk.con.sql(f"UPDATE {TABLE} SET {assignments} WHERE {of(name)}")
    assert desk.made == []

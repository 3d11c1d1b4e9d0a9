from __future__ import annotations

import json
from typing import Any

import pytest
from experiment_members import variant
from write_session import (
    BEGIN,
    BUSY,
    CREATE,
    DELETE,
    DESCRIBE,
    FAILED,
    HELD,
    LASTING,
    LATER,
    MEMBERS,
    OK,
    REGION,
    STABLE,
    START,
    STATES,
    STOP,
    STOPPING,
    TABLE,
    UPDATE,
    WriteSession,
    by_name,
    insert,
    literal,
    strip_passing_members,
)

from sqlprov.emulator import Fault
from sqlprov.errors import DataError, NotSupportedError, ProgrammingError, WriteError

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
def test_delete_stops_running_rows_waits_for_busy_ones_and_deletes(
    db: WriteSession, state: str, lasting: float, stale: int
) -> None:
    name = db.experiment(state, lasting)
    db.em.options.stale_describe = stale
    outcome = db.delete(name)
    operations = DELETES[BUSY.get(state, state)]
    assert (outcome.status, db.operations, db.committed) == (OK, operations, operations)
    assert not db.exists(name)
    assert all(given["Name"] == name for _, given in db.sent)
    if STOP in operations:
        assert db.sent[0][1] == {"Name": name, **STOPPING}


def test_delete_of_what_somebody_else_deleted_is_ok_and_makes_no_call(db: WriteSession) -> None:
    name = db.experiment()
    with db.interfere(DESCRIBE, lambda: db.em.remove("InferenceExperiment", REGION, name)):
        outcome = db.delete(name)
    assert (outcome.status, outcome.operations, outcome.reason) == (OK, (), "it was already gone")


# INSERT and EXEC


@pytest.mark.parametrize("state", STATES)
def test_insert_of_a_name_that_exists_fails_in_every_state(db: WriteSession, state: str) -> None:
    name = db.experiment(state, HELD)
    before = db.record(name)
    outcome = db.write_one(insert(name))
    assert (outcome.status, outcome.operations) == (FAILED, ())
    assert "already exists" in outcome.reason
    assert strip_passing_members(db.record(name)) == strip_passing_members(before)


def test_insert_notes_the_state_and_the_reason_that_it_does_not_send(db: WriteSession) -> None:
    outcome = db.write_one(insert("noted", DesiredState="Running", StatusReason="go", Tags={"a": "b"}))
    assert (outcome.status, db.operations) == (OK, [CREATE])
    assert "INSERT does not send DesiredState and StatusReason" in outcome.reason
    assert not {"DesiredState", "StatusReason"} & db.sent[0][1].keys()
    assert db.record("noted")["Tags"] == [{"Key": "a", "Value": "b"}]


def test_insert_without_a_schedule_says_when_it_starts_and_ends(db: WriteSession) -> None:
    members = {name: value for name, value in MEMBERS.items() if name != "Schedule"}
    columns = ", ".join(["Name", *members, "region"])
    values = ", ".join(map(literal, ("unplanned", *members.values(), REGION)))
    sql = f"INSERT INTO {TABLE} ({columns}) VALUES ({values})"
    planned = db.con.sql(f"EXPLAIN {sql}").fetchall()
    assert "starts at once and ends after 7 days" in str(planned)
    assert "starts at once and ends after 7 days" in db.write_one(sql).reason


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("method", ["start", "stop"])
def test_exec_makes_one_call_as_written_whatever_the_state(db: WriteSession, method: str, state: str) -> None:
    name = db.experiment(state, HELD)
    given: dict[str, Any] = {"Name": name}
    if method == "stop":
        given |= {"ModelVariantActions": {"production": "Remove", "shadow": "Promote"}, "Reason": "tried"}
    written = ", ".join(f"@{key} = {literal(value)}" for key, value in given.items())
    outcome = db.write_one(f"EXEC {TABLE}.{method} {written}, @region = '{REGION}'")
    works = state == {"start": "Created", "stop": "Running"}[method]
    assert db.sent == [({"start": START, "stop": STOP}[method], given)]
    # If the response is lost, the read before it shows from which state it was called.
    assert [call.operation for call in db.em.calls] == ["DescribeInferenceExperiment", *db.operations]
    assert outcome.status is (OK if works else FAILED)
    assert list(outcome.operations) == db.committed
    assert works or "ConflictException" in outcome.reason


def test_exec_takes_parameters_by_name(db: WriteSession) -> None:
    name = db.experiment("Created")
    sql = f"EXEC {TABLE}.start @Name = $name, @region = $where"
    assert db.con.sql(sql, {"name": name, "where": REGION}).rowcount == 1
    assert db.sent == [(START, {"Name": name})]
    with pytest.raises(ProgrammingError, match=r"No statement has a parameter \$nmae"):
        db.con.sql(sql, {"nmae": name, "where": REGION})


def test_exec_stop_promotes_and_removes_as_written(db: WriteSession) -> None:
    name = db.experiment("Running")
    values = {
        "Name": name,
        "ModelVariantActions": {"production": "Remove", "shadow": "Promote"},
        "DesiredState": "Cancelled",
        "DesiredModelVariants": [variant("shadow")],
    }
    outcome = db.write_one(
        f"EXEC {TABLE}.stop_inference_experiment @@json = {literal(values)}, @region = '{REGION}'"
    )
    assert (outcome.status, db.sent) == (OK, [(STOP, values)])
    assert db.record(name)["Status"] == "Cancelled"


@pytest.mark.parametrize("spelling", ["Name", "name", "data__Name", "Identifier", "data__Identifier"])
def test_exec_takes_the_key_under_each_of_its_names(db: WriteSession, spelling: str) -> None:
    name = db.experiment("Created")
    assert db.write_one(f"EXEC {TABLE}.start @{spelling} = '{name}', @region = '{REGION}'").key == name
    assert db.sent == [(START, {"Name": name})]


def test_exec_refuses_the_key_under_two_names(db: WriteSession) -> None:
    with pytest.raises(DataError, match="sets @Name twice"):
        db.con.sql(f"EXEC {TABLE}.start @Name = 'a', @Identifier = 'a', @region = '{REGION}'")
    assert db.em.calls == []


def test_a_value_may_be_written_as_stackql_does(db: WriteSession) -> None:
    sql = insert("by-stackql", Description="of stackql").replace("'of stackql'", "string('of stackql')")
    for value in (MEMBERS["ModelVariants"], MEMBERS["Schedule"]):
        sql = sql.replace(literal(value), f"JSON({literal(value)})")
    assert (sql.count("JSON("), sql.count("string(")) == (2, 1)
    assert db.write_one(sql).status is OK
    record = db.record("by-stackql")
    assert (record["Description"], record["Schedule"]) == ("of stackql", MEMBERS["Schedule"])
    assert db.con.sql("SELECT string(1) || string('x')").fetchall() == [("1x",)]


# What only the service fills in


def test_a_column_may_be_changed_by_an_expression_over_itself(db: WriteSession) -> None:
    name = db.experiment()
    changed = "list_transform(model_variants, lambda v: struct_update(v, ModelName := 'other'))"
    outcome = db.update(name, f"model_variants = {changed}")
    assert (outcome.status, db.operations) == (OK, ["UpdateInferenceExperiment"])
    assert "ModelVariants.Status: read-only, left out" in outcome.reason
    assert [one["ModelName"] for one in db.record(name)["ModelVariants"]] == ["other", "other"]
    outcome = db.update(name, "model_variants = model_variants")
    assert outcome.reason == "ModelVariants.Status: read-only, left out; nothing changes"


def test_an_insert_that_lists_its_columns_may_take_them_from_the_table_itself(db: WriteSession) -> None:
    name = db.experiment()
    columns = "type, role_arn, endpoint_name, model_variants, shadow_mode_config, region"
    outcome = db.write_one(
        f"INSERT INTO {TABLE} (name, {columns}) SELECT '{name}-b', {columns} FROM {TABLE} WHERE {by_name(name)}"
    )
    assert outcome.status is OK, outcome.reason
    assert "ModelVariants.Status: read-only, left out" in outcome.reason


def test_an_unknown_member_is_still_a_problem(db: WriteSession) -> None:
    name = db.experiment()
    variants = json.dumps([{**variant("production"), "Stauts": "x"}])
    with pytest.raises(DataError, match="Stauts"):
        db.con.sql(f"UPDATE {TABLE} SET model_variants = '{variants}' WHERE {by_name(name)}")
    assert db.calls == []


# After a conflict


def test_after_a_conflict_the_row_is_read_and_decided_on_again(db: WriteSession) -> None:
    name = db.experiment("Created")
    begins = db.interfere(
        DESCRIBE, lambda: db.change(name, Status="Updating"), at=2
    )  # the last before our Update
    schedule = {"StartTime": BEGIN, "EndTime": LATER}
    ends = db.interfere(UPDATE, lambda: db.change(name, Status="Created", Schedule=schedule))
    with begins, ends:
        outcome = db.update(name, "description = 'new'")
    assert outcome.status is OK
    assert db.record(name)["Description"] == "new"
    assert db.record(name)["Schedule"]["EndTime"] == LATER
    assert "ConflictException" in [call.error for call in db.calls]


def test_a_row_that_ends_before_the_call_is_refused_after_the_conflict(db: WriteSession) -> None:
    name = db.experiment("Running")
    with db.interfere(DESCRIBE, lambda: db.change(name, Status="Stopping"), at=2):
        outcome = db.update(name, "description = 'new'")
    assert outcome.status is FAILED
    assert "cannot be changed in state" in outcome.reason
    assert db.record(name)["Description"] == "old"


def test_conditions_of_the_write_do_not_apply_to_returning(db: WriteSession) -> None:
    db.experiment()
    name = db.experiment()
    count = f"SELECT count(*) FROM {TABLE}"
    ((before,),) = db.con.sql(count).fetchall()
    left = db.con.sql(f"DELETE FROM {TABLE} WHERE name LIKE '%{name}' RETURNING ({count})").fetchall()
    assert left == [(before - 1,)]


def test_an_error_in_returning_says_that_the_rows_are_written(db: WriteSession) -> None:
    name = db.experiment()
    with pytest.raises(
        WriteError, match=r"1 row written, but RETURNING failed: Conversion Error: .* INT32"
    ) as caught:
        db.con.sql(f"UPDATE {TABLE} SET description = 'new' WHERE {by_name(name)} RETURNING name::INTEGER")
    assert [outcome.status for outcome in caught.value.outcomes] == [OK]
    assert db.record(name)["Description"] == "new"


def test_json_in_conditions_and_returning_of_a_write_is_what_aws_sent(db: WriteSession) -> None:
    name = db.experiment(Schedule={"StartTime": 4_102_444_800.0})
    where = f"{by_name(name)} AND json_extract(data_storage_config, '$.KmsKey') IS NULL"
    where += " AND schedule ->> 'StartTime' = '2100-01-01T00:00:00Z'"
    sql = f"UPDATE {TABLE} SET description = 'new' WHERE {where} RETURNING to_json(schedule), schedule -> 'EndTime'"
    assert db.con.sql(sql).fetchall() == [('{"StartTime":"2100-01-01T00:00:00Z"}', None)]
    sql = f"DELETE FROM {TABLE} WHERE {where} RETURNING schedule::JSON, json_keys(schedule)"
    assert db.con.sql(sql).fetchall() == [('{"StartTime":"2100-01-01T00:00:00Z"}', ["StartTime"])]
    assert not db.exists(name)


def test_returning_gives_the_rows_as_read_back(db: WriteSession) -> None:
    name = db.experiment()
    sql = f"UPDATE {TABLE} SET description = 'new', tags = MAP {{'a': 'b'}} WHERE {by_name(name)} "
    assert db.con.sql(sql + "RETURNING name, upper(description), tags, arn").fetchall() == [
        (name, "NEW", [{"Key": "a", "Value": "b"}], db.record(name)["Arn"])
    ]
    gone = db.con.sql(f"DELETE FROM {TABLE} WHERE {by_name(name)} RETURNING name, description").fetchall()
    assert (gone, db.exists(name)) == ([(name, "new")], False)
    arn = db.con.sql(f"{insert(name)} RETURNING arn").fetchall()[0][0]
    assert arn == db.record(name)["Arn"]


def test_a_tag_is_set_and_removed_by_its_key(db: WriteSession) -> None:
    name = db.experiment(Tags={"team": "core", "old": "x"})
    sql = f"UPDATE {TABLE} SET tag_map = map_concat(tag_map, MAP {{'env': 'prod', 'old': NULL}}) "
    rows = db.con.sql(f"{sql} WHERE {by_name(name)} RETURNING tag_map['env'], tag_map ->> 'team'").fetchall()
    assert rows == [("prod", "core")]
    assert db.record(name)["Tags"] == [{"Key": "team", "Value": "core"}, {"Key": "env", "Value": "prod"}]


def test_a_tag_is_removed_alone_by_a_null_with_a_type(db: WriteSession) -> None:
    name = db.experiment(Tags={"team": "core", "old": "x"})
    sql = f"UPDATE {TABLE} SET tag_map = map_concat(tag_map, MAP {{'old': NULL}}) WHERE {by_name(name)}"
    with pytest.raises(DataError, match="Write NULL::VARCHAR"):
        db.con.sql(sql)
    db.con.sql(sql.replace("NULL", "NULL::VARCHAR"))
    assert db.record(name)["Tags"] == [{"Key": "team", "Value": "core"}]


def test_the_statement_reports_how_many_rows_it_wrote(db: WriteSession) -> None:
    names = [db.experiment() for _ in range(3)]
    listed = ", ".join(map(literal, names))
    sql = f"DELETE FROM {TABLE} WHERE name IN ({listed}) AND region = '{REGION}'"
    assert db.con.sql(sql).rowcount == 3
    assert db.con.sql(sql).rowcount == 0
    assert json.dumps([db.exists(name) for name in names]) == "[false, false, false]"


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
    db: WriteSession, assignments: str, saying: str
) -> None:
    names = [db.experiment("Running"), db.experiment("Created")]
    for name in names:
        with pytest.raises(DataError, match=saying):
            db.con.sql(f"UPDATE {TABLE} SET {assignments} WHERE {by_name(name)}")
    assert db.sent == []


# INSERT OR IGNORE, for scripts that run twice


@pytest.mark.parametrize(
    "form", ["INSERT OR IGNORE", "ON CONFLICT DO NOTHING", "ON CONFLICT (name) DO NOTHING"]
)
def test_an_insert_that_ignores_leaves_a_row_that_exists_as_it_is(db: WriteSession, form: str) -> None:
    old, new = db.experiment("Completed"), f"new-{len(form)}"
    before = db.record(old)
    sql = insert(old, new, Description="twice")
    sql = sql.replace("INSERT", form, 1) if form.startswith("INSERT") else f"{sql} {form}"
    dry = db.con.sql(f"EXPLAIN {sql}").arrow().to_pylist()
    assert [(row["key"], row["operation"]) for row in dry] == [(old, None), (new, CREATE)]
    for created in ([new], []):
        result = db.con.sql(f"{sql} RETURNING name")
        assert ([name for (name,) in result.fetchall()], result.rowcount) == (created, len(created))
        assert [(each.key, each.status, each.operations) for each in db.con.outcomes] == [
            (old, OK, ()),
            (new, OK, (CREATE,) if created else ()),
        ]
        assert db.con.outcomes[0].reason == "it already exists"
    assert db.record(old) == before


@pytest.mark.parametrize("kind", [None, "error500_after", "reset", "throttle"])
def test_a_row_that_appears_before_the_create_is_ignored(db: WriteSession, kind: str | None) -> None:
    name = f"appeared-{str(kind).replace('_', '-')}"
    if kind:
        db.em.inject(Fault(kind, operation=CREATE))
    members = {"Name": name, **MEMBERS, "Description": "theirs", "CreationTime": BEGIN - 100_000}
    with db.interfere(DESCRIBE, lambda: db.em.add("InferenceExperiment", REGION, members)):
        outcome = db.write_one(insert(name).replace("INSERT", "INSERT OR IGNORE", 1))
    assert (outcome.status, outcome.operations, outcome.reason) == (OK, (), "it already exists")
    assert db.record(name)["Description"] == "theirs"


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            f"{insert('x')} ON CONFLICT (description) DO NOTHING",
            "names description; expected the key of .*: name",
        ),
        (
            "INSERT OR IGNORE INTO aws.sqs.queues (queue_name, region) VALUES ('a', 'us-east-1')",
            "the service sets queue_url of aws.sqs.queues",
        ),
    ],
)
def test_ignoring_rows_that_exist_needs_their_key(db: WriteSession, sql: str, message: str) -> None:
    with pytest.raises(NotSupportedError, match=message):
        db.con.sql(sql)
    assert db.calls == []


@pytest.mark.parametrize("verb", ["INSERT", "INSERT OR IGNORE"])
def test_an_insert_over_a_row_that_is_being_deleted_says_what_to_wait_for(
    db: WriteSession, verb: str
) -> None:
    db.em.add("EndpointConfig", REGION, {"EndpointConfigName": "config"})
    db.em.add("Endpoint", REGION, {"EndpointName": "leaving", "EndpointStatus": "Deleting"})
    db.em.options.transition = HELD
    sql = f"{verb} INTO aws.sagemaker.endpoints (endpoint_name, endpoint_config_name, region)"
    outcome = db.write_one(f"{sql} VALUES ('leaving', 'config', '{REGION}')")
    assert outcome.status is FAILED
    assert (
        "'leaving' in us-east-1 is Deleting; DELETE with /*+ AWAIT */ waits until a row is gone"
        in outcome.reason
    )

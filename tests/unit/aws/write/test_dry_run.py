from __future__ import annotations

import json
import re
from typing import Any

import pytest
from experiment_members import sampling, variant
from write_session import (
    BEGIN,
    CREATE,
    DELETE,
    END,
    MEMBERS,
    REGION,
    RETAIN,
    START,
    STOP,
    TABLE,
    UPDATE,
    WriteSession,
    by_name,
    insert,
    literal,
)

from sqlprov.emulator import Fault
from sqlprov.errors import DataError, OperationalError

COLUMNS = ["row", "key", "operation", "region", "parameters", "states", "permissions", "note"]


def explain(db: WriteSession, sql: str) -> list[dict[str, Any]]:
    """The rows of EXPLAIN; nothing that writes was called, and a dry run shows the same."""
    result = db.con.sql(f"EXPLAIN {sql}")
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in result.fetchall()]
    (dry,) = db.con.run(sql, dry_run=True)
    assert [dict(zip(COLUMNS, row, strict=True)) for row in dry.fetchall()] == rows
    assert db.calls == []
    assert db.con.outcomes == ()
    for row in rows:
        row["parameters"] = row["parameters"] and json.loads(row["parameters"])
    return rows


def list_calls(rows: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    return [(row["operation"], row["parameters"]) for row in rows]


def test_an_update_shows_its_calls_in_order_with_only_what_changes(db: WriteSession) -> None:
    name = db.experiment("Running")
    arn = db.record(name)["Arn"]
    assignments = (
        f"description = 'new', schedule = {literal({'StartTime': BEGIN, 'EndTime': END})}, "
        f"shadow_mode_config = {literal(sampling(50))}, tags = MAP {{'a': 'b'}}, desired_state = 'Cancelled'"
    )
    rows = explain(db, f"UPDATE {TABLE} SET {assignments} WHERE {by_name(name)}")
    assert list_calls(rows) == [
        (UPDATE, {"Name": name, "Description": "new"}),
        ("AddTags", {"ResourceArn": arn, "Tags": [{"Key": "a", "Value": "b"}]}),
        ("DeleteTags", {"ResourceArn": arn, "TagKeys": ["team"]}),
        (STOP, {"Name": name, "ModelVariantActions": RETAIN, "DesiredState": "Cancelled"}),
    ]
    assert {row["states"] for row in rows} == {"Running → Updating → Running → Stopping → Cancelled"}
    assert {(row["row"], row["key"], row["region"]) for row in rows} == {(1, name, REGION)}
    assert [row["permissions"] for row in rows] == [f"sagemaker:{row['operation']}" for row in rows]


def test_an_insert_shows_its_call_the_role_it_passes_and_the_values_it_leaves_out(db: WriteSession) -> None:
    rows = explain(db, insert("shown", DesiredState="Running"))
    assert [row["operation"] for row in rows] == [CREATE]
    assert rows[0]["parameters"]["Name"] == "shown"
    assert "DesiredState" not in rows[0]["parameters"]
    assert rows[0]["permissions"] == "sagemaker:CreateInferenceExperiment, iam:PassRole"
    assert rows[0]["states"] == "Creating → Created or Running"
    assert "INSERT does not send DesiredState" in rows[0]["note"]
    assert [call.operation for call in db.em.calls] == []


UPDATES = [
    # (state, SET, calls, note)
    ("Created", [("replace", "/Description", "new"), ("replace", "/DesiredState", "Running"),
                 ("replace", "/RoleArn", MEMBERS["RoleArn"])], [(UPDATE, {"Description": "new"}), (START, {})], ""),
    ("Created", [("test", "/Description", "other")], [], ".*the row has another value.*"),
    ("Completed", "description = 'new'", [], ".*cannot be changed in state Completed.*"),
    ("Running", "description = 'old'", [], "no call: the row is already as requested"),
]  # fmt: skip


@pytest.mark.parametrize(("state", "assignments", "calls", "note"), UPDATES)
def test_an_update_shows_its_calls_or_why_there_are_none(
    db: WriteSession, state: str, assignments: Any, calls: list[tuple[str, Any]], note: str
) -> None:
    name = db.experiment(state)
    if not isinstance(assignments, str):
        document = [{"op": verb, "path": path, "value": value} for verb, path, value in assignments]
        assignments = f"data__PatchDocument = {literal(document)}"
    rows = explain(db, f"UPDATE {TABLE} SET {assignments} WHERE {by_name(name)}")
    expected = [(operation, {"Name": name} | sent) for operation, sent in calls]
    assert list_calls(rows) == (expected or [(None, None)])
    assert all(re.fullmatch(note, row["note"] or "") for row in rows)


def test_exec_shows_the_call_as_written(db: WriteSession) -> None:
    name = db.experiment("Created")
    rows = explain(db, f"EXEC {TABLE}.start @Name = '{name}', @region = '{REGION}'")
    assert list_calls(rows) == [(START, {"Name": name})]
    assert db.record(name)["Status"] == "Created"


def test_model_variants_with_a_stop_show_the_exec_to_write(db: WriteSession) -> None:
    name = db.experiment("Running")
    sql = f"UPDATE {TABLE} SET model_variants = {literal([variant('shadow')])}, desired_state = 'Completed' "
    (row,) = explain(db, f"{sql} WHERE {by_name(name)}")
    statement = row["note"][row["note"].index("EXEC ") :]
    actions = statement.replace('"production": "Retain"', '"production": "Remove"')
    assert db.con.sql(f"EXPLAIN {actions}").fetchall()[0][2] == STOP
    assert db.write_one(actions).status.value == "ok"
    assert [one["VariantName"] for one in db.record(name)["ModelVariants"]] == ["shadow"]


def test_several_rows_are_numbered(db: WriteSession) -> None:
    names = sorted(db.experiment("Running") for _ in range(2))
    condition = f"name IN ({', '.join(map(literal, names))}) AND region = '{REGION}'"
    rows = explain(db, f"DELETE FROM {TABLE} WHERE {condition}")
    assert [(row["row"], row["operation"]) for row in rows] == [
        (1, STOP),
        (1, DELETE),
        (2, STOP),
        (2, DELETE),
    ]
    assert {row["states"] for row in rows} == {"Running → Stopping → Completed → missing"}
    assert {row["key"] for row in rows} == set(names)
    assert all(map(db.exists, names))


def test_what_does_not_match_shows_no_row(db: WriteSession) -> None:
    assert explain(db, f"DELETE FROM {TABLE} WHERE {by_name('nobody')}") == []


def test_an_explanation_refuses_what_the_statement_would(db: WriteSession) -> None:
    with pytest.raises(DataError, match="1 value does not fit"):
        db.con.sql(f"EXPLAIN {insert('bad name')}")
    db.set(max_attempts=1, on_error="warn")
    db.em.inject(Fault("error500", operation="ListModels", times=None))
    sub_query = f"SELECT model_name FROM aws.sagemaker.models WHERE region = '{REGION}'"
    with pytest.raises(OperationalError):
        db.con.sql(f"EXPLAIN DELETE FROM {TABLE} WHERE region = '{REGION}' AND name NOT IN ({sub_query})")
    assert db.calls == []

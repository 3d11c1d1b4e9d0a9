from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from experiment_members import VARIANTS, sampling
from local_sagemaker import LATER, REGION, ROLE, text
from seeds import ALL, DELETE, REQUIRED

from sqlprov.api.connection import Connection
from sqlprov.emulator import Emulator, Options
from sqlprov.emulator.service import OPERATIONS
from sqlprov.errors import DataError, NotSupportedError

# As in the seed's manifest, where numbers are strings.
STORAGE = {
    "Destination": "s3://bucket/captured",
    "KmsKey": "alias/data",
    "ContentType": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
}
TAGS = [{"Value": "search", "Key": "team"}, {"Value": "", "Key": "empty"}]
SHADOW = sampling(20)
VALUES: dict[str, Any] = {
    "Name": "seed-1",
    "Type": "ShadowMode",
    "Description": "what's new: 100 %",
    "RoleArn": ROLE,
    "EndpointName": "endpoint",
    "Schedule": LATER,
    "KmsKey": "alias/ExampleAlias",
    "DataStorageConfig": STORAGE,
    "ModelVariants": json.loads(json.dumps(VARIANTS).replace('"InstanceCount": 1', '"InstanceCount": "1"')),
    "ShadowModeConfig": json.loads(json.dumps(SHADOW).replace("20", '"20"')),
    "Tags": TAGS,
    "StatusReason": "none yet",
    "DesiredState": "Running",
    "region": REGION,
}

# The seed's Permissions; iam:PassRole is checked by AWS on the role.
CREATE_MAY = {"CreateInferenceExperiment", "DescribeInferenceExperiment", "AddTags", "ListTags"}
DELETE_MAY = {
    "DeleteInferenceExperiment",
    "DescribeInferenceExperiment",
    "StopInferenceExperiment",
    "ListTags",
}
UPDATE_MAY = {
    "UpdateInferenceExperiment",
    "StartInferenceExperiment",
    "StopInferenceExperiment",
    "DescribeInferenceExperiment",
    "AddTags",
    "DeleteTags",
    "ListTags",
}
LIST_MAY = {"ListInferenceExperiments"}
READ_MAY = {"DescribeInferenceExperiment", "ListTags"}


def fill_example(example: str, **values: Any) -> str:
    """The example with its placeholders filled as a template engine does, quotes doubled for SQL."""
    chosen = VALUES | values
    return re.sub(r"{{ (\w+) }}", lambda result: text(chosen[result[1]])[1:-1], example)


def allow(em: Emulator, *allowed: str) -> None:
    em.options = Options(denied_actions=set(OPERATIONS) - set(allowed))


def put(em: Emulator, status: str, **members: Any) -> None:
    schedule = {"Schedule": LATER}
    em.add("InferenceExperiment", REGION, {"Name": "seed-1", "Status": status, **schedule, **members})


def state(em: Emulator) -> str | None:
    record = em.get("InferenceExperiment", REGION, "seed-1")
    return record and record["Status"]


def test_the_required_example_is_refused_before_any_call_and_names_shadow_mode_config(
    em: Emulator, con: Connection
) -> None:
    with pytest.raises(DataError, match=r"needs shadow_mode_config\.$"):
        con.sql(fill_example(REQUIRED))
    assert em.calls == []


def test_the_required_example_with_shadow_mode_config_creates(em: Emulator, con: Connection) -> None:
    con.sql(
        fill_example(REQUIRED)
        .replace(" region\n", " ShadowModeConfig,\n region\n")
        .replace("'us-east-1'", f"{text(SHADOW)}, 'us-east-1'")
    )
    assert state(em) == "Running"


def test_the_all_example_creates_what_it_says(em: Emulator, con: Connection) -> None:
    result = con.sql(fill_example(ALL))
    record = em.get("InferenceExperiment", REGION, "seed-1")
    assert record is not None
    for member in ("Name", "Type", "Description", "RoleArn", "KmsKey", "DataStorageConfig"):
        assert record[member] == VALUES[member]
    assert record["ShadowModeConfig"] == SHADOW
    assert [{**v, "Status": "InService"} for v in VARIANTS] == record["ModelVariants"]
    assert sorted(record["Tags"], key=lambda tag: tag["Key"]) == sorted(TAGS, key=lambda tag: tag["Key"])
    assert record["Schedule"] == {"StartTime": 2051222400.0, "EndTime": 2051568000.0}
    assert record["Status"] == "Created"
    (outcome,) = result.outcomes
    assert outcome.operations == ("CreateInferenceExperiment",)
    assert "DesiredState" in outcome.reason
    assert "StatusReason" in outcome.reason


def test_an_example_whose_placeholders_are_not_filled_is_refused(em: Emulator, con: Connection) -> None:
    for example in (REQUIRED, ALL):
        with pytest.raises(NotSupportedError, match="placeholder"):
            con.sql(example)
    assert em.calls == []


@pytest.mark.parametrize("status", ["Created", "Running", "Completed", "Cancelled"])
def test_the_delete_example_deletes_in_every_settled_state(
    em: Emulator, con: Connection, status: str
) -> None:
    put(em, status)
    assert con.sql(DELETE.replace("<Name>", "seed-1")).rowcount == 1
    assert state(em) is None


def test_the_delete_example_deletes_what_is_being_updated(em: Emulator, con: Connection) -> None:
    put(em, "Created", **{name: VALUES[name] for name in ("RoleArn", "EndpointName")})
    em.options = Options(transition=0.3)
    change = "UPDATE aws.sagemaker.inference_experiments SET description = 'new'"
    con.sql(f"{change} WHERE name = 'seed-1' AND region = 'us-east-1'")
    assert state(em) == "Updating"
    con.sql(DELETE.replace("<Name>", "seed-1"))
    assert state(em) is None


@pytest.mark.parametrize("transition", ["Creating", "Starting", "Stopping"])
def test_the_delete_example_deletes_in_every_passing_state(
    em: Emulator, con: Connection, transition: str
) -> None:
    em.options = Options(transition=0.3)
    ends = datetime.now(UTC) + timedelta(days=2)
    schedule = LATER if transition == "Creating" else {"EndTime": ends.isoformat()}
    con.sql(fill_example(ALL, Schedule=schedule))
    while state(em) != transition:
        if transition == "Stopping" and state(em) == "Running":
            con.sql(
                "EXEC aws.sagemaker.inference_experiments.stop @Name = 'seed-1', @region = 'us-east-1', "
                """@ModelVariantActions = '{"production": "Retain", "shadow": "Remove"}'"""
            )
    con.sql(DELETE.replace("<Name>", "seed-1"))
    assert state(em) is None


def test_the_delete_example_of_what_is_not_there_deletes_no_row(em: Emulator, con: Connection) -> None:
    assert con.sql(DELETE.replace("<Name>", "seed-1")).rowcount == 0


def test_the_create_permissions_suffice_for_insert(em: Emulator, con: Connection) -> None:
    allow(em, *CREATE_MAY)
    assert con.sql(fill_example(ALL).replace(";", " RETURNING name, tags")).fetchall()[0][0] == "seed-1"
    assert state(em) == "Created"


def test_the_create_permissions_suffice_for_an_insert_that_waits_and_is_tagged_by_us(
    em: Emulator, con: Connection
) -> None:
    em.options = Options(transition=0.1, denied_actions=set(OPERATIONS) - CREATE_MAY)
    con.sql("SET sqlprov_request_tag = on; SET sqlprov_await = on")
    con.sql(fill_example(ALL))
    assert state(em) == "Created"


@pytest.mark.parametrize("status", ["Created", "Running", "Completed", "Cancelled"])
def test_the_delete_permissions_suffice_for_delete(em: Emulator, con: Connection, status: str) -> None:
    put(em, status)
    allow(em, *DELETE_MAY)
    example = DELETE.replace("<Name>", "seed-1").replace(";", " RETURNING name, status, tags")
    assert con.sql(example).fetchall() == [("seed-1", status, [])]
    assert state(em) is None


@pytest.mark.parametrize(
    ("status", "assignments", "after"),
    [
        ("Created", "description = 'new', tags = MAP {'b': '2'}, desired_state = 'Running'", "Running"),
        ("Running", "description = 'new', tags = MAP {'b': '2'}, desired_state = 'Cancelled'", "Cancelled"),
        (
            "Created",
            """data__PatchDocument = '[{"op": "replace", "path": "/Tags", "value": []}]'""",
            "Created",
        ),
    ],
)
def test_the_update_permissions_suffice_for_update(
    em: Emulator, con: Connection, status: str, assignments: str, after: str
) -> None:
    put(em, status, Tags={"a": "1"})
    allow(em, *UPDATE_MAY)
    con.sql(
        f"/*+ update */ UPDATE aws.sagemaker.inference_experiments SET {assignments} "
        "WHERE data__Identifier = 'seed-1' AND region = 'us-east-1' RETURNING name, tags"
    )
    assert state(em) == after


def test_the_list_permission_suffices_for_the_columns_of_the_list(em: Emulator, con: Connection) -> None:
    put(em, "Running")
    allow(em, *LIST_MAY)
    rows = con.sql("SELECT name, status FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1'")
    assert rows.fetchall() == [("seed-1", "Running")]


def test_the_read_permissions_suffice_for_one_experiment(em: Emulator, con: Connection) -> None:
    put(em, "Running")
    allow(em, *READ_MAY)
    rows = con.sql(
        "SELECT * FROM aws.sagemaker.inference_experiments "
        "WHERE region = 'us-east-1' AND data__Identifier = 'seed-1'"
    )
    assert len(rows.fetchall()) == 1


def test_a_permission_that_is_missing_is_named_and_nothing_is_written(em: Emulator, con: Connection) -> None:
    put(em, "Running")
    allow(em, *(DELETE_MAY - {"StopInferenceExperiment"}))
    with pytest.raises(Exception, match="sagemaker:StopInferenceExperiment"):
        con.sql(DELETE.replace("<Name>", "seed-1"))
    assert state(em) == "Running"

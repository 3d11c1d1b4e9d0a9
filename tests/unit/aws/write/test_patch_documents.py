from __future__ import annotations

from typing import Any

import pytest
from experiment_members import sampling
from write_session import (
    FAILED,
    LASTING,
    MEMBERS,
    OK,
    REGION,
    START,
    STOP,
    TABLE,
    UPDATE,
    WriteSession,
    by_name,
    literal,
    settle,
)

from sqlprov.errors import DataError

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
    db: WriteSession,
    state: str,
    document: list[dict[str, Any]],
    operations: list[str],
    ends: str,
    lasting: float,
) -> None:
    name = db.experiment(state, lasting)
    outcome = db.update(name, f"data__PatchDocument = {literal(document)}")
    assert (outcome.status, db.operations) == (OK, operations)
    assert settle(db, name) == ends


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
    db: WriteSession, state: str, document: list[dict[str, Any]], saying: str
) -> None:
    name = db.experiment(state)
    outcome = db.update(name, f"data__PatchDocument = {literal(document)}")
    assert (outcome.status, db.sent) == (FAILED, [])
    assert saying.lower() in outcome.reason.lower()


def patch(verb: str, path: str, value: Any) -> dict[str, Any]:
    return {"op": verb, "path": path, "value": value}


@pytest.mark.parametrize(
    ("document", "saying"),
    [
        ([patch("replace", "/Description", "d" * 1025)], "Description: "),
        ([patch("replace", "/Descripton", "d")], "Did you mean 'Description'?"),
        ([patch("replac", "/Description", "d")], "Did you mean 'replace'?"),
        ([patch("add", "/Schedule/EndTime", "soon")], "Schedule/EndTime: 'soon'; expected a date"),
        ([patch("add", "/Tags/-", {"Key": "", "Value": "x"})], "Tags/-.Key: ''; expected text of 1 to 128"),
        ([patch("replace", "/ModelVariants/0/ModelName", "a b")], "ModelVariants/0/ModelName: 'a b'"),
        ("[{", "not valid JSON"),
        ({"op": "add"}, "expected a list of operations"),
    ],
)
def test_a_patch_that_fits_no_row_refuses_the_statement_before_any_write(
    db: WriteSession, document: Any, saying: str
) -> None:
    good, bad = db.experiment(), db.experiment()
    fine = literal([patch("replace", "/Description", "new")])
    with pytest.raises(DataError, match="Nothing was written: 1 value does not fit") as caught:
        db.con.sql(
            f"UPDATE {TABLE} AS t SET data__PatchDocument = v.d "
            f"FROM (VALUES ('{good}', {fine}), ('{bad}', {literal(document)})) v(n, d) "
            f"WHERE t.name = v.n AND t.region = '{REGION}' AND t.name IN ('{good}', '{bad}')"
        )
    assert saying in str(caught.value)
    assert db.calls == []


def test_all_problems_of_a_patch_are_reported_at_once(db: WriteSession) -> None:
    name = db.experiment()
    document = [
        patch("replace", "/Descripton", "x"),
        patch("add", "/Description", "d" * 1025),
        patch("replace", "/ShadowModeConfig/ShadowModelVariants/0/SamplingPercentage", 101),
    ]
    with pytest.raises(DataError, match="3 values do not fit"):
        db.con.sql(f"UPDATE {TABLE} SET data__PatchDocument = {literal(document)} WHERE {by_name(name)}")


def test_a_patch_may_complete_a_value_in_several_operations(db: WriteSession) -> None:
    name = db.experiment()
    document = [
        patch("replace", "/ShadowModeConfig", {}),
        patch("add", "/ShadowModeConfig/SourceModelVariantName", "production"),
        patch("add", "/ShadowModeConfig/ShadowModelVariants", []),
        patch("add", "/ShadowModeConfig/ShadowModelVariants/-", {"ShadowModelVariantName": "shadow"}),
        patch("add", "/ShadowModeConfig/ShadowModelVariants/0/SamplingPercentage", 7),
    ]
    outcome = db.update(name, f"data__PatchDocument = {literal(document)}")
    assert outcome.status is OK, outcome.reason
    assert db.record(name)["ShadowModeConfig"] == sampling(7)


def test_a_word_of_a_patch_that_the_model_does_not_know_is_sent_with_a_warning(db: WriteSession) -> None:
    name = db.experiment()
    place = "/ModelVariants/0/InfrastructureConfig/RealTimeInferenceConfig/InstanceType"
    document = literal([patch("replace", place, "ml.m5.xlrge")])
    result = db.con.sql(f"UPDATE {TABLE} SET data__PatchDocument = string({document}) WHERE {by_name(name)}")
    (warning,) = result.warnings
    assert "InstanceType: 'ml.m5.xlrge'" in str(warning) and "Did you mean 'ml.m5.xlarge'?" in str(warning)
    assert db.operations == [UPDATE]

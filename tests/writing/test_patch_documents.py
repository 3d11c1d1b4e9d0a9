from __future__ import annotations

from typing import Any

import pytest
from desk import (
    LASTING,
    MEMBERS,
    START,
    STOP,
    UPDATE,
    Desk,
    literal,
    settle,
)

from sqlprov.cloud.writing import Ending

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

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from experiment_members import VARIANTS, sampling, variant
from experiment_snapshots import END, snapshot, update

from sqlprov.errors import DataError, InternalError, NotSupportedError
from sqlprov.plan.write.patch import apply_patch
from sqlprov.plan.write.steps import RowWrite, Snapshot

NEW_END = datetime(2026, 1, 1, tzinfo=UTC)
START = datetime.fromtimestamp(1735700000.5, UTC)
BARE = snapshot(Description=None, Schedule=None, tags={})


def op(op: str, path: str, *value: Any, **more: Any) -> dict[str, Any]:
    return {"op": op, "path": path, **({"value": value[0]} if value else {}), **more}


def change_row(
    values: dict[str, Any], tags: Any = None, desired: str | None = None, reason: str | None = None
) -> RowWrite:
    return replace(update(), values=values, tags=tags, desired=desired, reason=reason)


def patch(*operations: dict[str, Any], now: Snapshot | None = None) -> RowWrite:
    return apply_patch(update(), now or snapshot(), json.dumps(operations))


CHANGES = [
    ("no operation", [], change_row({})),
    ("a description", [op("replace", "/Description", "new")], change_row({"Description": "new"})),
    ("the same description", [op("replace", "/Description", "old")], change_row({})),
    ("a change taken back", [op("replace", "/Description", "x"), op("replace", "/Description", "old")], change_row({})),
    ("a removed description", [op("remove", "/Description")], change_row({"Description": None})),
    ("the end of the schedule", [op("replace", "/Schedule/EndTime", "2026-01-01T00:00:00Z")],
     change_row({"Schedule": {"StartTime": START, "EndTime": NEW_END}})),
    ("the same end in another form", [op("replace", "/Schedule/EndTime", END)], change_row({})),
    ("a removed member", [op("remove", "/DataStorageConfig/KmsKey")],
     change_row({"DataStorageConfig": {"Destination": "s3://b/p", "KmsKey": None}})),
    ("a percentage", [op("replace", "/ShadowModeConfig/ShadowModelVariants/0/SamplingPercentage", 20)],
     change_row({"ShadowModeConfig": sampling(20)})),
    ("a variant", [op("replace", "/ModelVariants/1/ModelName", "new")],
     change_row({"ModelVariants": [VARIANTS[0], variant("shadow", ModelName="new")]})),
    ("variants in another order", [op("move", "/ModelVariants/0", **{"from": "/ModelVariants/1"})], change_row({})),
    ("a role that ends as it was", [op("replace", "/RoleArn", "arn:aws:iam::123456789012:role/Execution")],
     change_row({})),
    ("a tag added at the end", [op("add", "/Tags/-", {"Key": "a", "Value": "1"})],
     change_row({}, tags={"team": "core", "a": "1"})),
    ("a tag's value", [op("replace", "/Tags/0/Value", "edge")], change_row({}, tags={"team": "edge"})),
    ("all tags", [op("replace", "/Tags", [])], change_row({}, tags={})),
    ("tags removed", [op("remove", "/Tags")], change_row({}, tags={})),
    ("a desired state", [op("add", "/DesiredState", "Running")], change_row({}, desired="Running")),
    ("a desired state replaced", [op("replace", "/DesiredState", "Running")], change_row({}, desired="Running")),
    ("a desired state removed", [op("remove", "/DesiredState")], change_row({})),
    ("an absent reason replaced", [op("replace", "/StatusReason", "why")], change_row({}, reason="why")),
    ("an absent reason removed", [op("remove", "/StatusReason")], change_row({})),
    ("a test that holds", [op("test", "/Description", "old"), op("copy", "/StatusReason", **{"from": "/Description"})],
     change_row({}, reason="old")),
    ("all at once", [op("replace", "/Description", "new"), op("replace", "/DesiredState", "Running"),
                     op("add", "/Tags/-", {"Key": "a", "Value": "1"})],
     change_row({"Description": "new"}, {"team": "core", "a": "1"}, "Running")),
]  # fmt: skip


@pytest.mark.parametrize(("operations", "expected"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_a_document_sends_only_values_that_it_changes(
    operations: list[dict[str, Any]], expected: RowWrite
) -> None:
    assert patch(*operations) == expected


ABSENT = [
    (
        op("replace", "/Schedule", {"EndTime": "2026-01-01T01:00:00+01:00"}),
        change_row({"Schedule": {"EndTime": NEW_END}}),
    ),
    (op("remove", "/Schedule"), change_row({})),
    (op("remove", "/Tags"), change_row({})),
    (op("add", "/Tags/-", {"Key": "a", "Value": "1"}), change_row({}, tags={"a": "1"})),
    (op("replace", "/Tags", [{"Key": "a", "Value": "1"}]), change_row({}, tags={"a": "1"})),
    (op("replace", "/Description", "new"), change_row({"Description": "new"})),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "expected"), ABSENT)
def test_what_describe_leaves_out_can_be_replaced_and_removed(
    operation: dict[str, Any], expected: RowWrite
) -> None:
    assert patch(operation, now=BARE) == expected


REFUSED = [
    (NotSupportedError, op("replace", "/RoleArn", "arn:aws:iam::123456789012:role/Other"), "RoleArn cannot be"),
    (NotSupportedError, op("replace", "/Name", "other"), "Name cannot be changed after"),
    (NotSupportedError, op("replace", "/EndpointName", "other"), "EndpointName cannot be changed"),
    (NotSupportedError, op("add", "/KmsKey", "k"), "KmsKey cannot be changed"),
    (NotSupportedError, op("remove", "/Type"), "Type cannot be changed"),
    (NotSupportedError, op("replace", "/Arn", "x"), "Arn is read-only"),
    (NotSupportedError, op("replace", "/EndpointMetadata/EndpointName", "x"), "EndpointMetadata is read-only"),
    (DataError, op("replace", "/Descripton", "x"), "unknown property 'Descripton'"),
    (DataError, op("replac", "/Description", "x"), "Did you mean 'replace'?"),
    (DataError, op("replace", "Description", "x"), "expected 'path' such as '/Description', found 'Description'"),
    (DataError, op("copy", "/Description"), "expected 'from'"),
    (DataError, op("add", "/Description"), "operation 0 of the patch"),
    (DataError, op("replace", "/Schedule/EndTme", "x"), "EndTme"),
    (DataError, op("add", "/Schedule/EndTme", "x"), "EndTme"),
    (DataError, op("replace", "/ModelVariants/7/ModelName", "x"), "operation 0"),
    (DataError, op("replace", "/Description/x", "x"), "operation 0"),
    (DataError, op("replace", "", [1]), "not an object of properties"),
    (DataError, op("replace", "", {"Nmae": 1}), "Did you mean 'Name'?"),
    (DataError, op("test", "/Description", "x"), "has another value"),
    (DataError, op("replace", "/DesiredState", 1), "expected text"),
    (DataError, op("replace", "/Schedule/EndTime", "soon"), "Schedule.EndTime"),
    (DataError, op("replace", "/ShadowModeConfig/ShadowModelVariants/0/SamplingPercentage", 101), "SamplingPerc"),
    (DataError, op("add", "/Tags/-", {"Key": "team", "Value": "x"}), "each tag key once"),
    (DataError, op("add", "/Tags/-", {"Kye": "team"}), "Kye"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "operation", "words"), REFUSED, ids=[f"{r[1]}"[:60] for r in REFUSED])
def test_a_wrong_operation_is_refused_with_its_place(
    error: type[Exception], operation: dict[str, Any], words: str
) -> None:
    with pytest.raises(error) as caught:
        patch(operation)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ('[{"op": "add",]', "not valid JSON: Expecting property name"),
        ("", "not valid JSON"),
        ('{"op": "add"}', "expected a list of operations as the patch, found {"),
        ('[{"op": "remove", "path": "/Tags"}, 7]', "operation 1 of the patch, 7: expected an object"),
    ],
)
def test_a_malformed_document_is_refused_with_its_place(document: str, words: str) -> None:
    with pytest.raises(DataError) as caught:
        apply_patch(update(), snapshot(), document)
    assert words in str(caught.value)


def test_a_patch_over_a_row_whose_tags_were_not_read_is_refused() -> None:
    with pytest.raises(InternalError, match="not read"):
        apply_patch(update(), Snapshot(snapshot().described, None), "[]")


def test_tags_of_aws_are_not_in_the_document() -> None:
    now = snapshot(tags={"aws:x": "1", "a": "1"})
    assert patch(op("replace", "/Tags/0/Value", "2"), now=now) == change_row({}, tags={"a": "2"})

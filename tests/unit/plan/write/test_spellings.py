"""Tables whose tags or keys are not spelled as SageMaker's."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from experiment_snapshots import CATALOG

from sqlprov.errors import DataError
from sqlprov.plan.write.input_rows import InputRows
from sqlprov.plan.write.insert import plan_inserts
from sqlprov.plan.write.patch import apply_patch
from sqlprov.plan.write.reconcile import CallEffect, reconcile
from sqlprov.plan.write.steps import Request, RowWrite, Snapshot, WriteKind
from sqlprov.plan.write.write_rows import plan_exec

KEYS = CATALOG.get_table("aws", "kms", "keys")
GROUPS = CATALOG.get_table("aws", "logs", "log_groups")
RULES = CATALOG.get_table("aws", "events", "rules")
BEGAN = datetime.fromtimestamp(0, UTC)
TAG_B = {"TagKey": "b", "TagValue": "2"}


def make_rows(**values: Any) -> InputRows:
    names, texts = tuple(values), tuple(values.values())
    return InputRows(names, (pa.string(),) * len(names), (False,) * len(names), (texts,), "UTC")


@pytest.mark.parametrize(
    ("table", "operation", "tags"),
    [
        (KEYS, {"op": "add", "path": "/Tags/-", "value": TAG_B}, {"a": "1", "b": "2"}),
        (KEYS, {"op": "replace", "path": "/Tags/0/TagValue", "value": "9"}, {"a": "9"}),
        (KEYS, {"op": "remove", "path": "/Tags"}, {}),
        (GROUPS, {"op": "add", "path": "/tags/b", "value": "2"}, {"a": "1", "b": "2"}),
        (GROUPS, {"op": "remove", "path": "/tags"}, {}),
    ],
)
def test_a_patch_of_tags_is_in_the_services_spelling(
    table: Any, operation: Any, tags: dict[str, str]
) -> None:
    write = RowWrite(table, WriteKind.UPDATE, "us-east-1", ("x",), {})
    changed = apply_patch(write, Snapshot({}, {"a": "1", "aws:b": "2"}), json.dumps([operation]))
    assert changed.tags == tags


@pytest.mark.parametrize(
    ("table", "values", "place"),
    [
        (KEYS, {"Tags": json.dumps([{"TagKey": "aws:x", "TagValue": "1"}])}, r"Tags\[0\]\.TagKey: 'aws:x'"),
        (GROUPS, {"logGroupName": "g", "tags": json.dumps({"aws:x": "1"})}, r"row 1, tags: 'aws:x'"),
    ],
)
def test_a_reserved_tag_is_named_where_it_stands(table: Any, values: dict[str, str], place: str) -> None:
    with pytest.raises(DataError, match=place):
        plan_inserts(table, make_rows(**values), True, "us-east-1", "own")


@pytest.mark.parametrize(("team", "effect"), [("a", CallEffect.APPLIED), ("b", CallEffect.UNKNOWN)])
def test_a_lost_create_is_compared_with_tags_in_the_services_spelling(team: str, effect: CallEffect) -> None:
    sent = {"Description": "d", "Tags": [{"TagKey": "team", "TagValue": team}]}
    created = Snapshot({"KeyId": "k", "Description": "d", "CreationDate": 60.0}, {"team": "a"})
    request = Request("CreateKey", "us-east-1", sent, "create")
    assert reconcile(KEYS, request, None, created, BEGAN) is effect


def test_exec_takes_the_whole_key_even_where_the_api_has_a_default() -> None:
    method = RULES.by_method["disable"]
    assert "EventBusName" not in method.input_shape.required
    with pytest.raises(DataError, match=r"disable lacks @EventBusName"):
        plan_exec(RULES, method, make_rows(Name="nightly"), "us-east-1", "own")
    ((write),) = plan_exec(
        RULES, method, make_rows(Name="nightly", EventBusName="default"), "us-east-1", "own"
    ).writes
    assert all(write.key)

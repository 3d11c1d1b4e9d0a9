"""Tables without a rule of their own in code: what they do comes from their YAML."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from experiment_snapshots import CATALOG, brief

from sqlprov.plan.write.dry_run import simulate
from sqlprov.plan.write.next_step import next_step
from sqlprov.plan.write.patch import apply_patch
from sqlprov.plan.write.reconcile import CallEffect, reconcile
from sqlprov.plan.write.steps import Refusal, Request, RowWrite, Snapshot, Wait, WriteKind

ENDPOINTS = CATALOG.get_table("aws", "sagemaker", "endpoints")
CONFIGS = CATALOG.get_table("aws", "sagemaker", "endpoint_configs")
MODELS = CATALOG.get_table("aws", "sagemaker", "models")
BEGAN = datetime.fromtimestamp(0, UTC)
ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/e"


def endpoint(state: str, config: str = "blue") -> Snapshot:
    described = {"EndpointName": "e", "EndpointArn": ARN, "EndpointStatus": state, "CreationTime": 1.0e9}
    return Snapshot({**described, "EndpointConfigName": config}, {})


def write(table: Any, kind: WriteKind, values: dict[str, Any] | None = None, **more: Any) -> RowWrite:
    return RowWrite(table, kind, "us-east-1", ("e",), values or {}, **more)


TO_GREEN = write(ENDPOINTS, WriteKind.UPDATE, {"EndpointConfigName": "green"})
STATES = (
    "Creating Updating SystemUpdating RollingBack InService OutOfService UpdateRollbackFailed Failed Deleting"
)


@pytest.mark.parametrize(
    ("change", "row"),
    [
        (TO_GREEN, "wait wait wait wait UpdateEndpoint UpdateEndpoint UpdateEndpoint refuse refuse"),
        (write(ENDPOINTS, WriteKind.UPDATE, {"EndpointConfigName": "blue"}), "ok ok ok ok ok ok ok ok ok"),
        (write(ENDPOINTS, WriteKind.UPDATE, {"EndpointConfigName": None}), "refuse " * 9),
        (write(ENDPOINTS, WriteKind.UPDATE, tags={"a": "1"}), "AddTags " * 9),
        (write(ENDPOINTS, WriteKind.UPDATE, desired="InService"), "refuse " * 4 + "ok" + " refuse" * 4),
        (write(ENDPOINTS, WriteKind.UPDATE, reason="why"), "refuse " * 9),
        (write(ENDPOINTS, WriteKind.DELETE), "wait wait wait wait " + "DeleteEndpoint " * 4 + "wait"),
    ],
)  # fmt: skip
def test_an_endpoint_does_what_its_file_says_in_each_state(change: RowWrite, row: str) -> None:
    assert [brief(next_step(change, endpoint(state), ())) for state in STATES.split()] == row.split()


def test_an_update_of_an_endpoint_sends_required_members_and_members_without_a_column() -> None:
    change = write(ENDPOINTS, WriteKind.UPDATE, {"RetainAllVariantProperties": True})
    step = next_step(change, endpoint("InService"), ())
    assert isinstance(step, Request)
    assert step.parameters == {
        "EndpointName": "e",
        "EndpointConfigName": "blue",
        "RetainAllVariantProperties": True,
    }
    assert brief(next_step(change, endpoint("Updating"), (step,))) == "ok"


def test_an_endpoint_that_is_still_updating_is_reconciled_later() -> None:
    step = next_step(TO_GREEN, endpoint("InService"), ())
    assert isinstance(step, Request)

    def judge(after: Snapshot | None, before: Snapshot | None = None) -> CallEffect:
        return reconcile(ENDPOINTS, step, before or endpoint("InService"), after, BEGAN)

    assert judge(endpoint("Updating")) is CallEffect.PENDING
    assert judge(endpoint("InService")) is CallEffect.NOT_APPLIED
    assert judge(endpoint("InService", "green")) is CallEffect.APPLIED


def test_an_update_of_a_member_without_a_column_is_unknown() -> None:
    change = write(ENDPOINTS, WriteKind.UPDATE, {"RetainAllVariantProperties": True})
    step = next_step(change, endpoint("InService"), ())
    assert isinstance(step, Request)
    now = endpoint("InService")
    assert reconcile(ENDPOINTS, step, now, now, BEGAN) is CallEffect.UNKNOWN


def test_an_endpoint_that_is_being_deleted_was_deleted() -> None:
    step = next_step(write(ENDPOINTS, WriteKind.DELETE), endpoint("InService"), ())
    assert isinstance(step, Request)
    assert (
        reconcile(ENDPOINTS, step, endpoint("InService"), endpoint("Deleting"), BEGAN) is CallEffect.APPLIED
    )


def test_a_dry_run_shows_the_states_of_an_endpoint() -> None:
    def states(change: RowWrite, state: str) -> list[str]:
        return simulate(change, endpoint(state))[1]

    assert states(TO_GREEN, "InService") == ["InService", "Updating", "InService"]
    assert states(TO_GREEN, "SystemUpdating") == ["SystemUpdating", "InService", "Updating", "InService"]
    assert states(write(ENDPOINTS, WriteKind.DELETE), "Creating") == [
        "Creating",
        "InService",
        "Deleting",
        "missing",
    ]


@pytest.mark.parametrize("table", [CONFIGS, MODELS], ids=lambda table: str(table.name))
def test_a_table_without_an_update_changes_only_its_tags(table: Any) -> None:
    now = Snapshot({table.key[0]: "e", table.by_name[table.arn].path[0]: "arn:x"}, {"a": "1"})
    change = write(table, WriteKind.UPDATE, {"ExecutionRoleArn": "other"})
    step = next_step(change, now, ())
    assert isinstance(step, Refusal)
    assert "execution_role_arn cannot be changed after the row was created" in step.reason
    assert brief(next_step(write(table, WriteKind.UPDATE, tags={}), now, ())) == "DeleteTags"


@pytest.mark.parametrize("table", [CONFIGS, MODELS], ids=lambda table: str(table.name))
def test_a_table_without_states_deletes_at_once(table: Any) -> None:
    calls, states, find_refusals = simulate(write(table, WriteKind.DELETE), Snapshot({}, None))
    assert [call.purpose for call in calls] == ["delete"]
    assert (states, find_refusals) == (["missing"], None)


def test_every_member_of_a_table_without_an_update_is_fixed_at_creation() -> None:
    create = {part.name for part in CONFIGS.by_method["create_resource"].parameters}
    assert set(CONFIGS.create_only) == create - {"Tags"}


def test_a_wait_for_an_endpoint_ends_when_it_is_stable() -> None:
    step = next_step(write(ENDPOINTS, WriteKind.DELETE), endpoint("Creating"), ())
    assert isinstance(step, Wait)
    assert "InService" not in step.states


def test_a_patch_of_an_endpoint_changes_its_config() -> None:
    document = '[{"op": "replace", "path": "/EndpointConfigName", "value": "green"}]'
    assert apply_patch(write(ENDPOINTS, WriteKind.UPDATE), endpoint("InService"), document) == TO_GREEN


def test_a_statement_that_a_table_does_not_know_is_refused() -> None:
    step = next_step(write(MODELS, WriteKind.EXEC, method="start"), None, ())
    assert isinstance(step, Refusal)
    assert "no start" in step.reason


def test_a_delete_sends_the_version_of_the_row_that_it_read() -> None:
    table = CATALOG.get_table("aws", "cloudfront", "distributions")
    step = next_step(write(table, WriteKind.DELETE), Snapshot({"Id": "e", "ETag": "E1"}, None), ())
    assert isinstance(step, Request)
    assert step.parameters == {"Id": "e", "IfMatch": "E1"}


def test_false_and_zero_are_values_of_a_row_that_is_replaced() -> None:
    table = CATALOG.get_table("aws", "cloudwatch", "metric_alarms")
    now = Snapshot({"AlarmName": "e", "ActionsEnabled": False, "Threshold": 0.0, "OKActions": []}, None)
    step = next_step(write(table, WriteKind.UPDATE, {"AlarmDescription": "Busy."}), now, ())
    assert isinstance(step, Request)
    sent = {"AlarmName": "e", "ActionsEnabled": False, "Threshold": 0.0, "AlarmDescription": "Busy."}
    assert {name: value for name, value in step.parameters.items() if value is not None} == sent


def test_a_state_in_another_case_than_the_model_has_is_the_state_of_the_model() -> None:
    table = CATALOG.get_table("aws", "ec2", "vpc_endpoints")
    assert Snapshot({"State": "deleting"}, None).get_state(table) == "Deleting"
    step = next_step(write(table, WriteKind.DELETE), Snapshot({"State": "deleting"}, None), ())
    assert isinstance(step, Wait)


def test_a_stack_keeps_its_template_and_the_parameters_that_a_statement_leaves_alone() -> None:
    table = CATALOG.get_table("aws", "cloudformation", "stacks")
    described = [("size", "1"), ("secret", "****")]
    now = [{"ParameterKey": key, "ParameterValue": value} for key, value in described]
    snapshot = Snapshot({"StackId": "e", "Parameters": now, "Capabilities": ["CAPABILITY_IAM"]}, None)
    kept = {"ParameterKey": "secret", "UsePreviousValue": True}
    changes = [
        (
            {"Parameters": [{"ParameterKey": "size", "ParameterValue": "2"}, now[1]]},
            {"ParameterValue": "2"},
            True,
        ),
        ({"TemplateBody": "{}"}, {"UsePreviousValue": True}, False),
    ]
    for values, size, keeps_template in changes:
        step = next_step(write(table, WriteKind.UPDATE, values), snapshot, ())
        assert isinstance(step, Request)
        assert step.parameters["Parameters"] == [{"ParameterKey": "size", **size}, kept]
        assert step.parameters.get("UsePreviousTemplate", False) is keeps_template
        assert step.parameters["Capabilities"] == ["CAPABILITY_IAM"]

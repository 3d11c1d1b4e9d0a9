"""The local Cloud Control keeps the contract that AWS documents."""

from __future__ import annotations

import json
from typing import Any

import pytest
from client_errors import code_of
from local_sagemaker import plain_client

from sqlprov.emulator import Emulator

GROUP, PERMISSION = "AWS::Logs::LogGroup", "AWS::Lambda::Permission"


@pytest.fixture
def cc(em: Emulator) -> Any:
    client = plain_client(em.url, service="cloudcontrol")
    yield client
    client.close()


def create(cc: Any, name: str = "a", **more: Any) -> Any:
    state = json.dumps({"LogGroupName": name, "RetentionInDays": 7})
    return cc.create_resource(TypeName=GROUP, DesiredState=state, **more)["ProgressEvent"]


def see(cc: Any, event: Any) -> Any:
    return cc.get_resource_request_status(RequestToken=event["RequestToken"])["ProgressEvent"]


def read(cc: Any, name: str = "a") -> Any:
    resource = cc.get_resource(TypeName=GROUP, Identifier=name)["ResourceDescription"]
    return json.loads(resource["Properties"])


def test_a_request_is_accepted_first_and_carried_out_later(em, clock, cc) -> None:
    em.options.transition = 10
    event = create(cc)
    assert (event["OperationStatus"], event["Operation"]) == ("IN_PROGRESS", "CREATE")
    assert code_of(cc.get_resource, TypeName=GROUP, Identifier="a") == "ResourceNotFoundException"
    clock.advance(10)
    end = see(cc, event)
    assert (end["OperationStatus"], end["Identifier"]) == ("SUCCESS", "a")
    assert read(cc)["RetentionInDays"] == 7


def test_the_same_client_token_is_the_same_request(cc) -> None:
    event = create(cc, ClientToken="t")
    assert create(cc, ClientToken="t")["RequestToken"] == event["RequestToken"]
    given = {"TypeName": GROUP, "DesiredState": '{"LogGroupName": "b"}', "ClientToken": "t"}
    assert code_of(cc.create_resource, **given) == "ClientTokenConflictException"
    assert see(cc, create(cc))["ErrorCode"] == "AlreadyExists"
    listed = cc.list_resource_requests(ResourceRequestStatusFilter={"OperationStatuses": ["SUCCESS"]})
    assert [each["RequestToken"] for each in listed["ResourceRequestStatusSummaries"]] == [
        event["RequestToken"]
    ]


def test_a_patch_is_applied_to_the_resource(cc) -> None:
    create(cc)
    patch = [
        {"op": "replace", "path": "RetentionInDays", "value": 30},
        {"op": "add", "path": "/Tags", "value": []},
    ]
    event = cc.update_resource(TypeName=GROUP, Identifier="a", PatchDocument=json.dumps(patch))[
        "ProgressEvent"
    ]
    assert see(cc, event)["OperationStatus"] == "SUCCESS"
    assert (read(cc)["RetentionInDays"], read(cc)["Tags"]) == (30, [])
    assert (
        see(cc, cc.delete_resource(TypeName=GROUP, Identifier="a")["ProgressEvent"])["Operation"] == "DELETE"
    )
    gone = cc.delete_resource(TypeName=GROUP, Identifier="a")["ProgressEvent"]
    assert see(cc, gone)["ErrorCode"] == "NotFound"


def test_a_request_under_way_can_be_canceled_and_bars_others(em, cc) -> None:
    create(cc)
    em.options.transition = 10
    event = cc.delete_resource(TypeName=GROUP, Identifier="a")["ProgressEvent"]
    given = {"TypeName": GROUP, "Identifier": "a"}
    assert code_of(cc.delete_resource, **given) == "ConcurrentOperationException"
    canceled = cc.cancel_resource_request(RequestToken=event["RequestToken"])["ProgressEvent"]
    assert canceled["OperationStatus"] == "CANCEL_COMPLETE"
    assert read(cc)
    assert code_of(cc.cancel_resource_request, RequestToken=event["RequestToken"]) == (
        "ConcurrentModificationException"
    )


def test_a_list_has_pages_and_takes_what_its_type_needs(cc) -> None:
    for name in "abc":
        create(cc, name)
    page = cc.list_resources(TypeName=GROUP, MaxResults=2)
    rest = cc.list_resources(TypeName=GROUP, MaxResults=2, NextToken=page["NextToken"])
    found = [each["Identifier"] for each in (*page["ResourceDescriptions"], *rest["ResourceDescriptions"])]
    assert (found, "NextToken" in rest) == (["a", "b", "c"], False)
    assert code_of(cc.list_resources, TypeName=PERMISSION) == "InvalidRequestException"
    assert code_of(cc.list_resources, TypeName=GROUP, ResourceModel='{"X": 1}') == "InvalidRequestException"
    model = json.dumps({"FunctionName": "api"})
    assert cc.list_resources(TypeName=PERMISSION, ResourceModel=model)["ResourceDescriptions"] == []


REFUSED = [
    ("get_resource", {"TypeName": "AWS::No::Type", "Identifier": "a"}, "TypeNotFoundException"),
    ("get_resource", {"TypeName": "My::Own::Type", "Identifier": "a"}, "TypeNotFoundException"),
    ("get_resource", {"TypeName": GROUP}, "ValidationException"),
    (
        "update_resource",
        {"TypeName": PERMISSION, "Identifier": "a", "PatchDocument": "[]"},
        "UnsupportedActionException",
    ),
    (
        "update_resource",
        {"TypeName": GROUP, "Identifier": "b", "PatchDocument": "[]"},
        "ResourceNotFoundException",
    ),
    (
        "update_resource",
        {"TypeName": GROUP, "Identifier": "a", "PatchDocument": "{"},
        "InvalidRequestException",
    ),
    (
        "update_resource",
        {
            "TypeName": GROUP,
            "Identifier": "a",
            "PatchDocument": '[{"op": "add", "path": "/Arn", "value": "x"}]',
        },
        "NotUpdatableException",
    ),
    ("create_resource", {"TypeName": GROUP, "DesiredState": "[]"}, "InvalidRequestException"),
    ("create_resource", {"TypeName": GROUP, "DesiredState": '{"Arn": "x"}'}, "InvalidRequestException"),
    ("create_resource", {"TypeName": PERMISSION, "DesiredState": "{}"}, "InvalidRequestException"),
    ("get_resource_request_status", {"RequestToken": "none"}, "RequestTokenNotFoundException"),
]


@pytest.mark.parametrize(("operation", "given", "code"), REFUSED, ids=[f"{r[0]} {r[2]}" for r in REFUSED])
def test_what_is_wrong_is_refused(cc, operation: str, given: dict[str, str], code: str) -> None:
    create(cc)
    assert code_of(getattr(cc, operation), **given) == code


def test_an_experiment_of_sagemaker_is_a_resource(em, sm, cc) -> None:
    kind = "AWS::SageMaker::InferenceExperiment"
    em.add("InferenceExperiment", "us-east-1", {"Name": "trial", "Description": "old", "Status": "Running"})
    (listed,) = cc.list_resources(TypeName=kind)["ResourceDescriptions"]
    patch = [
        {"op": "replace", "path": "/Description", "value": "new"},
        {"op": "add", "path": "/Tags", "value": [{"Key": "a", "Value": "b"}]},
        {"op": "add", "path": "/DesiredState", "value": "Cancelled"},
    ]
    event = cc.update_resource(
        TypeName=kind, Identifier=listed["Identifier"], PatchDocument=json.dumps(patch)
    )
    assert see(cc, event["ProgressEvent"])["OperationStatus"] == "SUCCESS"
    described = sm.describe_inference_experiment(Name="trial")
    assert (described["Description"], described["Status"]) == ("new", "Cancelled")
    given = {name: described[name] for name in ("Type", "RoleArn", "ModelVariants", "ShadowModeConfig")}
    variants = [
        {name: value for name, value in each.items() if name != "Status"} for each in given["ModelVariants"]
    ]
    state = given | {"Name": "copy", "EndpointName": "search", "ModelVariants": variants}
    event = cc.create_resource(TypeName=kind, DesiredState=json.dumps(state))["ProgressEvent"]
    assert see(cc, event)["OperationStatus"] == "SUCCESS", see(cc, event)
    assert (
        see(cc, cc.delete_resource(TypeName=kind, Identifier="copy")["ProgressEvent"])["OperationStatus"]
        == "SUCCESS"
    )
    assert code_of(cc.get_resource, TypeName=kind, Identifier="copy") == "ResourceNotFoundException"

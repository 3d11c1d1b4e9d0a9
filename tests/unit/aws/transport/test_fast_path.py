"""The fast path of a read, compared with the client's own method."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError

from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.fast_path import choose_sender
from sqlprov.aws.transport.replies import check_reply
from sqlprov.emulator import Emulator
from sqlprov.emulator.options import ACCOUNT

NAMED = {"Name": "one"}
USER = f"arn:aws:iam::{ACCOUNT}:user/é+&= '"
CALLS = [
    ("sagemaker", "ListInferenceExperiments", {"MaxResults": 2}),
    (
        "sagemaker",
        "ListInferenceExperiments",
        {"CreationTimeAfter": "2024-01-01T00:00:00Z", "SortBy": "CreationTime"},
    ),
    ("sagemaker", "ListInferenceExperiments", {"NameContains": "é'\"-"}),
    ("sagemaker", "DescribeInferenceExperiment", NAMED),
    ("sagemaker", "DescribeInferenceExperiment", {"Name": "nobody"}),
    ("sagemaker", "ListModels", {"MaxResults": 200}),
    ("sagemaker", "ListModels", {"SortBy": "Nothing"}),
    ("sts", "GetCallerIdentity", {}),
    ("sts", "GetSessionToken", {"DurationSeconds": 900}),
    ("iam", "SimulatePrincipalPolicy", {"PolicySourceArn": USER, "ActionNames": ["s3:GetObject", "ec2:*"]}),
    ("ec2", "DescribeRegions", {"AllRegions": True}),
    ("ec2", "DescribeRegions", {"RegionNames": ["us-east-1"]}),
]


@pytest.fixture
def cloud(em: Emulator) -> Cloud:
    em.fill(5)
    em.add("InferenceExperiment", "us-east-1", NAMED)
    return Cloud(endpoint_url=em.url)


def read_outcome(call: Any) -> Any:
    """The reply of a call, or its error."""
    try:
        reply = call()
    except ClientError as error:
        return type(error).__name__, error.response["Error"], error.operation_name
    headers = reply["ResponseMetadata"]["HTTPHeaders"]
    return check_reply(reply, (), len), sorted(headers), reply["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(("service", "operation", "parameters"), CALLS)
def test_the_fast_path_returns_what_the_clients_method_returns(
    em: Emulator, cloud: Cloud, service: str, operation: str, parameters: dict[str, Any]
) -> None:
    client = cloud.get_client(service, "us-east-1", 10.0)
    fast, method = choose_sender(client, operation, True), getattr(client, xform_name(operation))
    read_outcome(lambda: method(**parameters))  # opens a connection
    made: list[str] = []
    client.meta.events.register("request-created", lambda operation_name, **_: made.append(operation_name))
    em.reset_calls()
    assert read_outcome(lambda: fast(parameters, None)) == read_outcome(lambda: method(**parameters))
    assert made == [operation], "only the second call is the client's"
    first, second = em.calls
    assert (first.operation, first.region, first.access_key, first.parameters) == (
        second.operation,
        second.region,
        second.access_key,
        second.parameters,
    )


def test_only_reads_of_json_and_query_services_take_the_fast_path(cloud: Cloud) -> None:
    client, sts, s3 = (cloud.get_client(service, "us-east-1", 10.0) for service in ("sagemaker", "sts", "s3"))
    made: list[str] = []
    choose_sender(client, "ListModels", True)({}, None)  # opens a connection
    sts.get_caller_identity()
    for each in (client, sts, s3):
        each.meta.events.register("request-created", lambda operation_name, **_: made.append(operation_name))
    assert "Models" in choose_sender(client, "ListModels", True)({}, None)
    assert choose_sender(sts, "GetCallerIdentity", True)({}, None)["Account"] == ACCOUNT
    assert made == []
    choose_sender(client, "ListModels", False)({}, None)
    with pytest.raises(ClientError):
        choose_sender(s3, "ListBuckets", True)({}, None)
    assert made == ["ListModels", "ListBuckets"]


def test_parameters_are_checked_before_anything_is_sent(em: Emulator, cloud: Cloud) -> None:
    client = cloud.get_client("sagemaker", "us-east-1", 10.0)
    em.reset_calls()
    with pytest.raises(ParamValidationError):
        choose_sender(client, "DescribeInferenceExperiment", True)({"Name": 3}, None)
    assert em.calls == []

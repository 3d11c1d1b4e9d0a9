"""Lookups by the ids that lists take: the answer is the list's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import boto3
import pytest
from hand_tables import read_table
from json_service import ServiceFailure, run_json_service
from moto_server import start_moto

from sqlprov.catalog import Catalog
from sqlprov.catalog.read_calls import ErrorRule
from sqlprov.catalog.table import ErrorRules
from sqlprov.errors import OperationalError
from sqlprov.plan.read.predicate import In

# Table -> an id that does not exist, and what no id of it looks like.
TABLES = {
    "instances": ("i-0123456789abcdef0", "web"),
    "volumes": ("vol-0123456789abcdef0", "data"),
    "vpcs": ("vpc-0123456789abcdef0", "main"),
    "subnets": ("subnet-0123456789abcdef0", "private"),
    "security_groups": ("sg-0123456789abcdef0", "default"),
    "images": ("ami-0123456789abcdef0", "ubuntu"),
}


@pytest.fixture(scope="module")
def url(aws: object) -> Iterator[str]:
    with start_moto() as url:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        client = boto3.client("ec2", endpoint_url=url, **keys)
        instances = client.run_instances(ImageId="ami-12345678", MinCount=2, MaxCount=2)["Instances"]
        for instance in instances:
            client.create_image(InstanceId=instance["InstanceId"], Name=instance["InstanceId"])
        client.create_vpc(CidrBlock="10.0.0.0/16")
        yield url


@pytest.mark.parametrize("name", TABLES)
def test_a_lookup_by_id_returns_the_rows_of_the_list(url: str, name: str) -> None:
    table = Catalog().get_table("aws", "ec2", name)
    (key,) = table.key
    columns = tuple(column.name for column in table.columns)
    ids = read_table(url, table, (key,)).values(key)
    assert len(ids) > 1
    gone, malformed = TABLES[name]
    for wanted in (
        ids[:1],
        ids[:2],
        [ids[0], gone],
        [gone],
        [malformed],
        [ids[0], malformed],
        [gone, malformed],
    ):
        where = In(key, tuple(wanted))
        found = read_table(url, table, columns, where)
        listed = read_table(url, table, columns, where, pushdown=False)
        assert sorted(found.rows, key=str) == sorted(listed.rows, key=str)
        assert len(found.rows) == len({*wanted, gone, malformed}) - 2
        lists = [parameters for operation, _, parameters in found.requests if operation == table.list.call]
        filters = [each["Values"] for each in lists[0].get("Filters", ())]
        assert sorted(wanted) in (*lists[0].values(), *filters), "the ids are sent"
        assert len(lists) == 1, "a filter leaves out the missing ones"


def test_if_the_service_refuses_an_id_the_list_is_read(url: str) -> None:
    table = Catalog().get_table("aws", "ec2", "instances")
    ids = read_table(url, table, ("instance_id",)).values("instance_id")
    # The code only says that the id is invalid, and there is no filter that takes it.
    unnamed = replace(table, errors=ErrorRules(), list=replace(table.list, filters=()))
    result = read_table(url, unnamed, ("instance_id",), In("instance_id", (ids[0], "web")))
    assert (result.values("instance_id"), result.calls) == ([ids[0]], {"DescribeInstances": 2})
    result = read_table(url, table, ("instance_id",), In("instance_id", ("web",)))
    assert (result.rows, result.calls) == ([], {"DescribeInstances": 1})


@pytest.mark.parametrize(("code", "calls"), [("SomethingElse", 2), ("AgentNotFound", 1)])
def test_a_lookup_that_fails_leaves_the_answer_to_the_list(code: str, calls: int) -> None:
    def answer(parameters: Mapping[str, Any]) -> Any:
        if parameters.get("agentIds"):
            raise ServiceFailure(code)
        return {"agentsInfo": [{"agentId": "o-123456789"}, {"agentId": "o-abcdefghi"}]}

    table = Catalog().get_table("aws", "discovery", "agents")
    table = replace(table, errors=ErrorRules(missing=(ErrorRule("AgentNotFound"),)))
    with run_json_service({"DescribeAgents": answer}) as url:
        result = read_table(url, table, ("agent_id",), In("agent_id", ("o-123456789",)))
    assert result.calls == {"DescribeAgents": calls}
    assert result.values("agent_id") == (["o-123456789"] if calls == 2 else [])


@pytest.mark.parametrize(("gone", "calls"), [(1, 3), (19, 21), (20, 2), (90, 2)])
def test_if_one_of_many_ids_is_missing_the_list_is_read(gone: int, calls: int) -> None:
    def answer(parameters: Mapping[str, Any]) -> Any:
        known = ("o-123456789", "o-abcdefghi")
        if not set(parameters.get("agentIds", ())) <= set(known):
            raise ServiceFailure("AgentNotFound")
        return {"agentsInfo": [{"agentId": each} for each in parameters.get("agentIds", known)]}

    table = Catalog().get_table("aws", "discovery", "agents")
    table = replace(table, errors=ErrorRules(missing=(ErrorRule("AgentNotFound"),)))
    ids = ("o-123456789", *(f"o-{number:09}" for number in range(gone)))
    with run_json_service({"DescribeAgents": answer}) as url:
        result = read_table(url, table, ("agent_id",), In("agent_id", ids))
    assert (result.values("agent_id"), result.calls) == (["o-123456789"], {"DescribeAgents": calls})


def test_a_row_that_only_a_lookup_would_find_is_no_row_and_no_parent(url: str) -> None:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    client = boto3.client("cloudformation", endpoint_url=url, **keys)
    template = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    kept, deleted = (client.create_stack(StackName=name, TemplateBody=template)["StackId"] for name in "ab")
    client.delete_stack(StackName=deleted)
    assert client.describe_stacks(StackName=deleted)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
    for name, column in (("stacks", "stack_id"), ("stack_events", "stack_id")):
        table = Catalog().get_table("aws", "cloudformation", name)
        for pushdown in (True, False):
            wanted = In(column, (kept, deleted))
            assert {*read_table(url, table, (column,), wanted, pushdown=pushdown).values(column)} == {kept}


def test_policies_of_aws_are_neither_described_nor_parents(url: str) -> None:
    managed = "arn:aws:iam::aws:policy/AdministratorAccess"
    for name, column in (("policies", "arn"), ("policy_versions", "policy_arn")):
        table = Catalog().get_table("aws", "iam", name)
        found = read_table(url, table, (column,), In(column, (managed,)))
        assert ([operation for operation, *_ in found.requests], found.rows) == (["ListPolicies"], [])


def refuse(code: str) -> Any:
    def answer(parameters: Mapping[str, Any]) -> Any:
        raise ServiceFailure(code)

    return answer


def describe_model(code: str) -> Any:
    def answer(parameters: Mapping[str, Any]) -> Any:
        if parameters["ModelName"] != "here":
            raise ServiceFailure(code)
        return MODEL

    return answer


MODEL = {"ModelName": "here", "ModelArn": "arn:here", "CreationTime": 1.0}
LISTED: dict[str, Any] = {"ListModels": lambda _: {"Models": [MODEL]}}


@pytest.mark.parametrize("code", ["InvalidArn", "ValidationException", "SomethingNotFound"])
@pytest.mark.parametrize("wanted", [("nothing",), ("here", "nothing"), ("nothing", "here", "nowhere")])
def test_a_key_that_describe_refuses_and_the_list_lacks_is_no_row(code: str, wanted: tuple[str, ...]) -> None:
    table = Catalog().get_table("aws", "sagemaker", "models")
    with run_json_service({**LISTED, "DescribeModel": describe_model(code)}) as url:
        result = read_table(url, table, ("model_name", "execution_role_arn"), In("model_name", wanted))
    assert result.values("model_name") == [each for each in wanted if each == "here"]


@pytest.mark.parametrize(
    ("operations", "code"),
    [
        ({**LISTED, "DescribeModel": refuse("InvalidArn")}, "InvalidArn"),
        ({"ListModels": refuse("Odd"), "DescribeModel": refuse("InvalidArn")}, "InvalidArn"),
        (
            {"ListModels": lambda _: {"Models": []}, "DescribeModel": refuse("InternalFailure")},
            "InternalFailure",
        ),
        ({"ListModels": lambda _: {"Models": []}, "DescribeModel": refuse("Throttling")}, "Throttling"),
    ],
)
def test_a_refusal_is_raised_unless_the_list_says_that_the_row_does_not_exist(
    operations: Mapping[str, Any], code: str
) -> None:
    table = Catalog().get_table("aws", "sagemaker", "models")
    columns = ("model_name", "execution_role_arn")
    with run_json_service(operations) as url, pytest.raises(OperationalError, match=code):
        read_table(url, table, columns, In("model_name", ("here",)), settings={"max_attempts": 1})

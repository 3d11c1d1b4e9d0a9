"""The row that somebody wants, compared with the one that exists."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from experiment_snapshots import CATALOG

from sqlprov.catalog import Catalog
from sqlprov.plan.write.desired import compare_row


@pytest.mark.parametrize(
    ("parameter", "column", "counts"),
    [("TargetGroupARNs", "target_group_arns", False), ("TerminationPolicies", "termination_policies", True)],
)
def test_the_order_of_a_list_counts_unless_cloudformation_says_that_it_has_none(
    parameter: str, column: str, counts: bool
) -> None:
    table = CATALOG.get_table("aws", "autoscaling", "auto_scaling_groups")
    values = {
        "AutoScalingGroupName": "one",
        "MinSize": "1",
        "MaxSize": "1",
        parameter: json.dumps(["a", "b"]),
    }

    def compare(items: list[str]) -> list[str]:
        row = {"auto_scaling_group_name": "one", "min_size": 1, "max_size": 1, column: items}
        return [
            each.path for each in compare_row(table, values, "us-east-1", row, CATALOG.list_unordered(table))
        ]

    assert compare(["a", "b"]) == []
    assert compare(["b", "a"]) == ([parameter] if counts else [])
    assert compare(["a", "c"]) == compare(["a"]) == [parameter]


def test_the_lists_without_an_order_are_parameters_of_tables_that_can_be_inserted_into() -> None:
    names = CATALOG._read_notes("aws", "_unordered.yaml")
    assert len(names) > 10
    for full_name in names:
        table = CATALOG.get_table("aws", *full_name.split("."))
        members = table.by_method["create_resource"].input_shape.members
        assert all(members[name].item for name in CATALOG.list_unordered(table)), full_name


def test_tags_that_only_a_read_of_the_table_returns_and_a_false_that_is_left_out_are_no_differences() -> None:
    table = CATALOG.get_table("aws", "acm", "certificates")
    assert table.tagging is None and "tags" in table.by_name
    tags = json.dumps([{"Key": "team", "Value": "ml"}])
    row = {"domain_name": "example.com", "tags": [{"Key": "team", "Value": "ml"}]}
    values = {"DomainName": "example.com", "Tags": tags}
    assert compare_row(table, values, "us-east-1", row) == ()
    (difference,) = compare_row(table, values, "us-east-1", {**row, "tags": []})
    assert (difference.path, difference.new) == ("Tags", {"team": "ml"})

    windows = CATALOG.get_table("aws", "ssm", "maintenance_windows")
    required = {"Name": "one", "Schedule": "rate(1 day)", "Duration": "2", "Cutoff": "1"}
    row = {"name": "one", "schedule": "rate(1 day)", "duration": 2, "cutoff": 1}
    for allowed, paths in (("false", []), ("true", ["AllowUnassociatedTargets"])):
        values = {**required, "AllowUnassociatedTargets": allowed}
        assert [each.path for each in compare_row(windows, values, "us-east-1", row)] == paths


def test_members_that_a_service_adds_to_a_nested_property_of_cloud_control_are_no_differences() -> None:
    catalog = Catalog()
    catalog.reveal("awscc")
    table = catalog.get_table("awscc", "s3", "buckets")
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}
    values = {"BucketName": "one", "CorsConfiguration": json.dumps({"CorsRules": [rule]})}

    def compare(*rules: dict[str, object]) -> list[str]:
        row = {"bucket_name": "one", "cors_configuration": json.dumps({"CorsRules": rules, "Added": 1})}
        return [each.path for each in compare_row(table, values, "us-east-1", row)]

    assert compare(rule) == compare({**rule, "Id": "x"}) == []
    for other in (
        {**rule, "AllowedMethods": ["PUT"]},
        {**rule, "AllowedMethods": ["GET", "PUT"]},
        {"Id": "x"},
    ):
        assert compare(other) == ["CorsConfiguration"]
    assert compare() == compare(rule, rule) == ["CorsConfiguration"]


@pytest.mark.parametrize(
    ("service", "name", "parameter", "column", "path", "is_fixed"),
    [
        ("ecs", "task_definitions", "containerDefinitions", "container_definitions", "image", True),
        ("ecs", "clusters", "settings", "settings", "value", False),
    ],
)
def test_a_member_of_a_lists_items_differs_with_its_old_and_new_values(
    service: str, name: str, parameter: str, column: str, path: str, is_fixed: bool
) -> None:
    table = CATALOG.get_table("aws", service, name)

    def compare(wanted: list[str]) -> list[tuple[object, ...]]:
        items = [{"name": f"item-{number}", path: value} for number, value in enumerate(wanted)]
        values = {parameter: json.dumps(items)} | ({"family": "web"} if is_fixed else {})
        described = [{"name": f"item-{number}", path: f"v{number}"} for number in range(2)]
        row = {column: pa.scalar(described, table.by_name[column].type).as_py()}
        found = compare_row(table, values, "us-east-1", row)
        return [
            (each.path, each.old, each.new, each.is_fixed) for each in found if each.parameter != "family"
        ]

    assert compare(["v0", "v1"]) == []
    assert compare(["v0", "v2"]) == [(f"{parameter}.{path}", ["v0", "v1"], ["v0", "v2"], is_fixed)]
    assert compare(["V0", "v1"]) == (
        [] if is_fixed else [(f"{parameter}.{path}", ["v0", "v1"], ["V0", "v1"], is_fixed)]
    )


def test_an_attribute_that_a_call_after_the_create_sets_is_compared_if_a_column_holds_it() -> None:
    table = CATALOG.get_table("aws", "ec2", "subnets")
    row = {"vpc_id": "vpc-1", "cidr_block": "10.0.0.0/24", "map_public_ip_on_launch": True}
    values = {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/24"}
    assert compare_row(table, {**values, "MapPublicIpOnLaunch": "true"}, "us-east-1", row) == ()
    (difference,) = compare_row(table, {**values, "MapPublicIpOnLaunch": "false"}, "us-east-1", row)
    assert (difference.path, difference.old, difference.new) == ("MapPublicIpOnLaunch", True, False)
    assert difference.is_fixed, "UPDATE of a subnet cannot set it"

"""The names that an error suggests for one that does not exist, as people who know AWS write them."""

from __future__ import annotations

import pytest
from statements import CATALOG

from sqlprov.sql.names import explain_unknown, find_example


@pytest.mark.parametrize(
    ("service", "table", "meant"),
    [
        ("ec2", "instnces", "'instances'"),
        ("ec2", "instance", "'instances'"),
        ("rds", "instances", "'db_instances'"),
        ("cloudwatch", "alarms", "'composite_alarms', 'log_alarms' or 'metric_alarms'"),
        ("cloudwatch", "log_groups", "'aws.logs.log_groups'"),
        ("ec2", "elastic_ips", "'addresses', 'address_transfers' or 'address_attributes'"),
        ("ec2", "amis", "'images', 'store_image_tasks', 'fast_launch_images' or one of 3 others"),
        ("cloudwatch_logs", "log_groups", "'aws.logs.log_groups'"),
        ("alb", "load_balancers", "'aws.elbv2.load_balancers'"),
        ("sfn", "state_machines", "'aws.stepfunctions.state_machines'"),
        ("eventbridge", "rules", "'aws.events.rules'"),
        ("s33", "buckets", "'s3'"),
        ("step_functions", "", "'stepfunctions'"),
        ("regoins", "", "'regions'"),
    ],
)
def test_an_unknown_name_suggests_what_it_means(service: str, table: str, meant: str) -> None:
    assert f" Did you mean {meant}?" in explain_unknown(CATALOG, "aws", service, table)


@pytest.mark.parametrize(("count", "name"), [(1, "aws"), (2, "aws.ec2"), (3, "aws.ec2.account_attributes")])
def test_an_example_is_of_the_service_with_the_most_tables(count: int, name: str) -> None:
    assert find_example(CATALOG, count) == name

"""The row that somebody wants, compared with the one that exists."""

from __future__ import annotations

import json

import pytest
from experiment_snapshots import CATALOG

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

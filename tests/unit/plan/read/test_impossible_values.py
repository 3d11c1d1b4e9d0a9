"""A condition that compares an ARN with a name, or a name with an ARN, says what to write."""

from __future__ import annotations

from typing import Any

import pytest

from sqlprov.catalog import Catalog
from sqlprov.plan.read.impossible_values import explain_values
from sqlprov.plan.read.predicate import And, Compare, In, Not, Or, Predicate

CATALOG = Catalog()
ARN = "arn:aws:ecs:us-east-1:123456789012:cluster/production"
ADVICE = "{0} holds ARNs, and 'production' is not one. Write the whole ARN, or {0} LIKE '%production'."


def equal(column: str, value: Any) -> Predicate:
    return Compare(column, "=", value)


@pytest.mark.parametrize(
    ("table", "where", "expected"),
    [
        ("ecs.services", equal("cluster", "production"), [ADVICE.format("cluster")]),
        ("ecs.tasks", In("cluster", ("production", ARN)), [ADVICE.format("cluster")]),
        ("ecs.container_instances", And((equal("cluster", "production"), equal("status", "ACTIVE"))),
         [ADVICE.format("cluster")]),
        ("ecs.services", Or((equal("cluster", "production"), equal("service_arn", "production"))),
         [ADVICE.format("service_arn"), ADVICE.format("cluster")]),
        ("ecs.clusters", equal("data__Identifier", "production"), [ADVICE.format("data__Identifier")]),
        ("ecs.services", equal("cluster", ARN), []),
        ("ecs.services", Compare("cluster", "<>", "production"), []),
        ("ecs.services", Not(equal("cluster", "production")), []),
        ("ecs.services", equal("service_name", "production"), []),
        ("iam.role_policies", equal("role_name", "arn:aws:iam::123456789012:role/o'neil"),
         ["role_name does not hold ARNs, and 'arn:aws:iam::123456789012:role/o''neil' is one. "
          "Write role_name = 'o''neil'."]),
        ("iam.role_policies", equal("role_name", "o'neil"), []),
        ("sagemaker.models", equal("data__Identifier", "production"), []),
    ],
)  # fmt: skip
def test_each_value_that_no_row_has_is_explained(table: str, where: Predicate, expected: list[str]) -> None:
    texts = explain_values(CATALOG.get_table("aws", *table.split(".")), where)
    assert list(texts) == [f"aws.{table}: {text}" for text in expected]

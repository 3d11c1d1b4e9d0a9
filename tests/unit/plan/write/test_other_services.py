"""Writes of other services, whose lines say what the calls need beside the key."""

from __future__ import annotations

import pytest

from sqlprov.catalog import Catalog
from sqlprov.catalog.table import Table
from sqlprov.plan.write.next_step import next_step
from sqlprov.plan.write.steps import Refusal, Request, RowWrite, Snapshot, WriteKind

CATALOG = Catalog()
PARAMETERS = CATALOG.get_table("aws", "ssm", "parameters")


def delete(table: Table, key: tuple[str, ...], described: dict[str, object]) -> Request:
    step = next_step(RowWrite(table, WriteKind.DELETE, "us-east-1", key, {}), Snapshot(described, {}), ())
    assert isinstance(step, Request)
    return step


def test_a_delete_sends_what_it_requires_beside_the_key_as_the_row_has_it() -> None:
    row = {"Name": "blocked", "Id": "i-1", "LockToken": "t-1", "Description": "not asked for"}
    step = delete(CATALOG.get_table("aws", "wafv2", "ip_sets"), ("REGIONAL", "blocked", "i-1"), row)
    assert step.parameters == {"Name": "blocked", "Scope": "REGIONAL", "Id": "i-1", "LockToken": "t-1"}


def test_a_part_of_the_key_that_is_a_number_is_sent_as_one() -> None:
    step = delete(CATALOG.get_table("aws", "lambda", "layer_versions"), ("tools", "3"), {"Version": 3})
    assert step.parameters == {"LayerName": "tools", "VersionNumber": 3}


@pytest.mark.parametrize("type", ["String", "StringList"])
def test_an_update_of_a_parameter_sends_its_value(type: str) -> None:
    change = RowWrite(PARAMETERS, WriteKind.UPDATE, "us-east-1", ("/a",), {"Description": "Paths."})
    step = next_step(change, Snapshot({"Name": "/a", "Type": type, "Value": "x,y"}, {}), ())
    assert isinstance(step, Request)
    assert step.parameters == {"Name": "/a", "Description": "Paths.", "Value": "x,y"}


def test_a_secure_string_whose_value_is_ciphertext_is_not_updated() -> None:
    change = RowWrite(PARAMETERS, WriteKind.UPDATE, "us-east-1", ("/a",), {"Description": "Keys."})
    step = next_step(change, Snapshot({"Name": "/a", "Type": "SecureString", "Value": "AQICAH"}, {}), ())
    assert isinstance(step, Refusal)
    assert (
        step.reason
        == "Description cannot be changed in state SecureString; it can in state String or StringList"
    )


def test_a_row_that_joins_two_others_has_no_time_of_creation() -> None:
    table = CATALOG.get_table("aws", "iam", "groups_for_user")
    assert "create_date" in table.paths
    assert table.created == ""


def test_arguments_of_a_create_fill_the_key() -> None:
    create = CATALOG.get_table("aws", "ses", "templates").by_method["create_resource"]
    assert ("TemplateName", "name") in [(part.name, part.column) for part in create.parameters]
    assert create.returns == {}

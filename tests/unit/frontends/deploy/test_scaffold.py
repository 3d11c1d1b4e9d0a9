"""`sqlprov deploy init`: a resource for each table, and for what it needs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from doc_blocks import ROOT
from stacks import build_ok

import sqlprov
from sqlprov.api.connection import Connection
from sqlprov.catalog import Catalog
from sqlprov.errors import NotSupportedError, ProgrammingError
from sqlprov.frontends.deploy.scaffold import write_stack


def read_resources(folder: Path, *tables: str) -> dict[str, dict[str, Any]]:
    """Name -> resource of the stack for some tables, with the values of its properties by name."""
    list(write_stack(folder, tables, Catalog()))
    manifest = yaml.safe_load((folder / "stackql_manifest.yml").read_text())
    resources = {each["name"]: each for each in manifest["resources"]}
    for each in resources.values():
        each["props"] = {prop["name"]: prop["value"] for prop in each["props"]}
    return resources


def test_a_resource_comes_after_those_that_it_names(con: Connection, tmp_path: Path) -> None:
    resources = read_resources(tmp_path / "shop", "aws.sagemaker.endpoints")
    assert list(resources) == ["endpoint_configs", "endpoints"]
    assert resources["endpoint_configs"]["exports"] == ["endpoint_config_name"]
    assert resources["endpoints"]["props"]["EndpointConfigName"] == "{{ endpoint_config_name }}"
    assert build_ok(con, tmp_path / "shop").names("created") == [*resources]
    assert build_ok(con, tmp_path / "shop").names("unchanged") == [*resources]
    build_ok(con, tmp_path / "shop", command="teardown")


def test_a_row_whose_key_the_service_makes_is_found_by_its_name_or_its_tag(tmp_path: Path) -> None:
    resources = read_resources(
        tmp_path / "net", "aws.ec2.subnets", "aws.sqs.queues", "aws.cognito_idp.user_pools"
    )
    assert resources["vpcs"]["find"] == resources["subnets"]["find"]
    assert resources["vpcs"]["find"] == "tag_map['Name'] = '{{ stack_name }}-{{ stack_env }}'"
    assert resources["vpcs"]["props"]["Tags"] == [
        {"Key": "Name", "Value": "{{ stack_name }}-{{ stack_env }}"}
    ]
    assert (resources["vpcs"]["exports"], resources["subnets"]["props"]["VpcId"]) == (
        ["vpc_id"],
        "{{ vpc_id }}",
    )
    assert resources["queues"]["find"] == "regexp_matches(queue_url, '[/:]{{ stack_name }}-{{ stack_env }}$')"
    assert resources["user_pools"]["find"] == {"name": "{{ stack_name }}-{{ stack_env }}"}


def test_a_row_of_another_whose_name_ends_the_same_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQLPROV_STATE_DIR", str(tmp_path / "state"))
    tables = ("aws.batch.scheduling_policies", "aws.ecs.clusters", "aws.sns.topics", "aws.sqs.queues")
    (tmp_path / "theirs").mkdir()
    theirs, ours = tmp_path / "theirs" / "not-mine", tmp_path / "mine"
    for stack in (theirs, ours):
        list(write_stack(stack, tables, Catalog()))
    with sqlprov.connect(local=True) as con:
        build_ok(con, theirs)
        assert len(build_ok(con, ours).names("created")) == len(tables)
        assert len(build_ok(con, ours, command="teardown").names("deleted")) == len(tables)
        assert len(build_ok(con, ours, command="teardown").names("absent")) == len(tables)
        assert len(build_ok(con, theirs, command="test").names("passed")) == len(tables)


def test_tables_of_one_name_and_of_both_providers_have_resources_of_their_own(tmp_path: Path) -> None:
    tables = ("aws.rds.db_clusters", "aws.neptune.db_clusters", "awscc.sqs.queues")
    assert list(read_resources(tmp_path / "two", *tables)) == ["db_clusters", "neptune_db_clusters", "queues"]
    assert "providers: [aws, awscc]" in (tmp_path / "two/stackql_manifest.yml").read_text()


def test_a_name_has_only_what_the_service_allows(tmp_path: Path) -> None:
    resources = read_resources(tmp_path / "one", "aws.iot.topic_rules", "aws.sns.topics")
    assert resources["topic_rules"]["props"]["ruleName"] == "{{ stack_name }}_{{ stack_env }}"


def test_what_a_service_may_need_beside_the_values_is_in_a_comment(tmp_path: Path) -> None:
    read_resources(tmp_path / "one", "aws.kinesis.streams")
    text = (tmp_path / "one/stackql_manifest.yml").read_text()
    assert "    # The service may need more: StreamModeDetails, " in text
    read_resources(tmp_path / "two", "aws.route53.health_checks")
    assert "    # find: {column: value}" in (tmp_path / "two/stackql_manifest.yml").read_text()


def test_each_example_fits_the_call_that_creates_a_row(tmp_path: Path) -> None:
    catalog = Catalog()
    names = re.findall(r"(?m)^([\w.]+): ", (ROOT / "resources/aws/_examples.yaml").read_text())
    assert len(names) > 20
    for name in names:
        table = catalog.get_table("aws", *name.split("."))
        assert {*catalog.read_example(table)} <= {*table.by_method["create_resource"].input_shape.members}, (
            name
        )


@pytest.mark.parametrize(
    ("table", "error", "text"),
    [
        ("models", ProgrammingError, "expected a name such as aws.sagemaker.models"),
        ("aws.ec2.regions", NotSupportedError, "does not support INSERT and DELETE"),
    ],
)
def test_a_table_that_no_stack_can_have_is_refused(
    tmp_path: Path, table: str, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        list(write_stack(tmp_path / "bad", [table], Catalog()))
    assert not (tmp_path / "bad").exists()


def test_a_manifest_is_not_overwritten(tmp_path: Path) -> None:
    read_resources(tmp_path / "one", "aws.sns.topics")
    with pytest.raises(ProgrammingError, match="exists already"):
        list(write_stack(tmp_path / "one", ["aws.sns.topics"], Catalog()))


def test_a_hosted_zone_has_the_final_dot_that_the_service_writes(tmp_path: Path) -> None:
    list(write_stack(tmp_path / "dns", ["aws.route53.hosted_zones"], Catalog()))
    text = (tmp_path / "dns" / "stackql_manifest.yml").read_text()
    assert text.count("{{ stack_name }}-{{ stack_env }}.internal.") == 2, "its value, and how it is found"

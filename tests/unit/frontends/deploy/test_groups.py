"""Which resources of a stack are built at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from stacks import ROLE, VARIABLES, build_ok, write_stack

from sqlprov.api.connection import Connection
from sqlprov.frontends.deploy.builder import Builder
from sqlprov.frontends.deploy.events import Reporter
from sqlprov.frontends.deploy.groups import group_resources
from sqlprov.frontends.deploy.runner import Runner
from sqlprov.frontends.deploy.stack import load_stack

HEAD = """
name: parts
globals: [{name: region, value: us-east-1}]
resources:
"""
MODEL = """
  - {name: model, props: [{name: name, value: "{{ stack_name }}-model"}], exports: [arn]}
"""
CONFIG = """
  - {name: config, props: [{name: name, value: "{{ stack_name }}-config"}], exports: [{arn: config_arn}]}
"""
ROW = f"""
  - name: row
    table: aws.sagemaker.models
    props:
      - {{name: ModelName, value: "{{{{ stack_name }}}}-row"}}
      - {{name: ExecutionRoleArn, value: {ROLE}}}
      - {{name: PrimaryContainer, value: {{Image: 1.dkr.ecr.us-east-1.amazonaws.com/m}}}}
"""
MODEL_IQL = """
/*+ create */
INSERT INTO aws.sagemaker.models (ModelName, ExecutionRoleArn, PrimaryContainer, region)
SELECT '{{ name }}', 'arn:aws:iam::123456789012:role/service', '{"Image": "1.dkr.ecr.us-east-1.amazonaws.com/m"}',
  '{{ region }}'
/*+ exports */
SELECT model_arn AS arn FROM aws.sagemaker.models WHERE model_name = '{{ name }}' AND region = '{{ region }}'
/*+ delete */
DELETE FROM aws.sagemaker.models WHERE model_name = '{{ name }}' AND region = '{{ region }}'
"""
CONFIG_IQL = """
/*+ create */
INSERT INTO aws.sagemaker.endpoint_configs (EndpointConfigName, ProductionVariants, region)
SELECT '{{ name }}', '[{"VariantName": "v", "ModelName": "MODEL", "InitialInstanceCount": 1,
  "InstanceType": "ml.m5.large"}]', '{{ region }}'
/*+ exports */
SELECT endpoint_config_arn AS arn FROM aws.sagemaker.endpoint_configs
WHERE endpoint_config_name = '{{ name }}' AND region = '{{ region }}'
/*+ delete */
DELETE FROM aws.sagemaker.endpoint_configs WHERE endpoint_config_name = '{{ name }}' AND region = '{{ region }}'
"""


@pytest.mark.parametrize(
    ("resources", "model", "groups"),
    [
        (MODEL + CONFIG, "other", [["model", "config"]]),
        (MODEL + CONFIG, "parts-model", [["model"], ["config"]]),  # by its name in a text
        (MODEL + CONFIG, "PARTS-model", [["model"], ["config"]]),  # some services lower names
        (MODEL.replace("{{ stack_name }}-model", "{{ stack_name }}") + CONFIG, "parts", [["model"], ["config"]]),
        (MODEL + CONFIG, "parts-' || 'model", [["model"], ["config"]]),  # by a name that the statement makes
        (MODEL + CONFIG, "{{ arn }}", [["model"], ["config"]]),  # by its export
        (ROW + CONFIG, "other", [["row", "config"]]),
        (ROW + CONFIG, "parts-row", [["row"], ["config"]]),
        (ROW + MODEL, "", [["row"], ["model"]]),  # its statements may read the row
        (MODEL + ROW, "", [["model"], ["row"]]),
        (MODEL + CONFIG, "other'; CREATE TABLE t AS SELECT 'x", [["model"], ["config"]]),  # may depend on it
        (MODEL + "  - {name: told, type: script, run: 'true'}\n" + CONFIG, "other", [["model"], ["told"], ["config"]]),
    ],
)  # fmt: skip
def test_resources_that_share_nothing_are_built_at_once(
    con: Connection, tmp_path: Path, resources: str, model: str, groups: list[list[str]]
) -> None:
    folder = write_stack(
        tmp_path, HEAD + resources, model=MODEL_IQL, config=CONFIG_IQL.replace("MODEL", model)
    )
    stack = load_stack(folder, "dev", VARIABLES, con.catalog)
    builder = Builder(stack, Runner(con, Reporter(print)))
    assert [[each.name for each in group] for group in group_resources(builder)] == groups


@pytest.mark.parametrize("table", ["sagemaker.models", "models", "a_view"])
def test_a_resource_whose_table_depends_on_the_session_is_built_alone(
    con: Connection, tmp_path: Path, table: str
) -> None:
    config = CONFIG_IQL.replace("FROM aws.sagemaker.endpoint_configs\nWHERE", f"FROM {table}\nWHERE")
    folder = write_stack(tmp_path, HEAD + MODEL + CONFIG, model=MODEL_IQL, config=config)
    builder = Builder(load_stack(folder, "dev", VARIABLES, con.catalog), Runner(con, Reporter(print)))
    assert [[each.name for each in group] for group in group_resources(builder)] == [["model"], ["config"]]


def test_what_is_built_at_once_is_reported_in_order_and_torn_down(con: Connection, tmp_path: Path) -> None:
    config = CONFIG_IQL.replace("MODEL", "parts-model")
    folder = write_stack(tmp_path, HEAD + MODEL + CONFIG + ROW, model=MODEL_IQL, config=config)
    ran = build_ok(con, folder)
    assert ran.names("created") == ["model", "config", "row"]
    assert ran.names("exported") == ["model", "config"]
    assert build_ok(con, folder).names("unchanged") == ["model", "config", "row"]
    assert build_ok(con, folder, command="teardown").names("deleted") == ["row", "config", "model"]

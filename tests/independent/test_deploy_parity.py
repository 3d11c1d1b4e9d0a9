"""The same stacks with stackql-deploy itself, whose `stackql` is a small program around `sqlprov exec`."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import forked
import pytest
from command_line import environment
from local_sagemaker import connection
from moto_seeder import open_client
from moto_server import start_moto
from stacks import ROLE, write_stack

from sqlprov.api.connection import Connection
from sqlprov.emulator import Emulator, Fault

STACKQL = """#!{python} -IS
import json, subprocess, sys
if "--version" in sys.argv:
    print("stackql v0.9.0 Linux (0000000)")
    sys.exit()
done = subprocess.run([*{command}, "exec", sys.argv[2], "-o", "json"], capture_output=True, text=True)
if done.returncode:
    sys.exit("error: " + done.stderr)
if done.stdout:  # stackql's values are texts
    rows = json.loads(done.stdout)
    print(json.dumps([{{name: value if value is None or isinstance(value, str) else json.dumps(value)
                       for name, value in row.items()}} for row in rows]))
print("The operation was despatched successfully", file=sys.stderr)
"""
HEAD = """
version: 1
name: NAME
description: built by either
providers: [aws]
globals:
  - {name: region, description: where, value: "{{ AWS_REGION }}"}
  - {name: team, value: "{{ TEAM }}"}
  - name: global_tags
    value: [{Key: stack, Value: "{{ stack_name }}-{{ stack_env }}"}, {Key: team, Value: "{{ team }}"}]
resources:
"""


@dataclass(frozen=True)
class Tool:
    """stackql-deploy or `sqlprov deploy`."""

    words: tuple[str, ...]
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where both tools run: a local SageMaker and a folder."""

    emulator: Emulator
    con: Connection
    folder: Path
    env: dict[str, str]

    def run(
        self, tool: Tool, command: str, stack: Path, team: str = "ml", env: str = "dev", code: int = 0
    ) -> Any:
        """Run a command on a stack; returns its exports, without the duration."""
        file = self.folder / "outputs" / f"{command}.json"
        file.unlink(missing_ok=True)
        words = [*tool.words, command, str(stack), env]
        words += ["--output-file", str(file)] if command != "teardown" else []
        words += ["-e", f"TEAM={team}", "-e", "AWS_REGION=us-east-1", *tool.options]
        done = subprocess.run(
            words, env=self.env, capture_output=True, text=True, cwd=self.folder, timeout=600
        )
        assert done.returncode == code, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"
        if command == "teardown" or code:
            assert not file.exists()
            return None
        outputs = json.loads(file.read_text())
        names = list(outputs)
        assert (names[:2], names[-1]) == (["stack_name", "stack_env"], "elapsed_time")
        assert re.fullmatch(r"0:\d\d:\d\d\.\d+", outputs.pop("elapsed_time"))
        return outputs

    def read(self) -> list[tuple[Any, ...]]:
        """The models and configurations, with all that a stack sets."""
        return self.con.sql(
            "SELECT model_name, tag_map::VARCHAR, primary_container::VARCHAR FROM aws.sagemaker.models UNION ALL "
            "SELECT endpoint_config_name, tag_map::VARCHAR, production_variants::VARCHAR "
            "FROM aws.sagemaker.endpoint_configs ORDER BY ALL"
        ).fetchall()

    def list_writes(self) -> list[str]:
        """The operations that changed anything since the last call of this."""
        writes = [call.operation for call in self.emulator.calls if call.committed]
        self.emulator.reset_calls()
        return writes


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("parity")
    (folder / "tools").mkdir()
    command = repr(forked.command("-m", "sqlprov"))
    (folder / "tools" / "stackql").write_text(STACKQL.format(python=sys.executable, command=command))
    (folder / "tools" / "stackql").chmod(0o700)
    with Emulator() as em, connection(em.url) as con:
        env = environment(
            folder / "state",
            AWS_ENDPOINT_URL=em.url,
            AWS_ACCESS_KEY_ID="AKIAPARITY",
            AWS_SECRET_ACCESS_KEY="secret",
            AWS_REGION="us-east-1",
            HOME=str(folder),
        )
        yield Place(em, con, folder, env)


@pytest.fixture
def place(opened: Place) -> Iterator[Place]:
    opened.emulator.reset_calls()
    yield opened
    opened.emulator.clear_faults()


@pytest.fixture(scope="module")
def tools(opened: Place) -> tuple[Tool, Tool]:
    theirs = forked.command("-m", "stackql_deploy.cli")
    return (
        Tool(tuple(forked.command("-m", "sqlprov", "deploy"))),
        Tool(tuple(theirs), ("--download-dir", str(opened.folder / "tools"))),
    )


def block(name: str, statement: str, where: str = "") -> str:
    return f"/*+ {name} */\n{statement} {where};\n"


MODEL = "WHERE ModelName = '{{ model_name }}' AND region = '{{ region }}'"
COUNT = "SELECT count(*) AS count FROM aws.sagemaker.models"
EXISTS = block("exists", COUNT, MODEL)
CREATE = block(
    "create",
    "INSERT INTO aws.sagemaker.models (ModelName, ExecutionRoleArn, PrimaryContainer, Tags, region)\n"
    f"SELECT '{{{{ model_name }}}}', '{ROLE}', '{{{{ container }}}}', '{{{{ tags }}}}', '{{{{ region }}}}'",
)
CHECK = block("statecheck, retries=2", COUNT, f"{MODEL}\nAND tag_map['team'] = '{{{{ team }}}}'")
ANY_TEAM = CHECK.replace("'{{ team }}'", "tag_map['team']")
UPDATE = block("update", "UPDATE aws.sagemaker.models SET Tags = '{{ tags }}'", MODEL)
EXPORTS = block("exports", "SELECT model_arn AS arn, model_name FROM aws.sagemaker.models", MODEL)
DELETE = block("delete", "DELETE FROM aws.sagemaker.models", MODEL)
EITHER = CREATE.replace("+ create", "+ createorupdate").replace("INSERT INTO", "INSERT OR IGNORE INTO")
PROPS = """
    props:
      - {name: model_name, value: "{{ stack_name }}-{{ stack_env }}-NAME"}
      - {name: container, value: {Image: 1.dkr.ecr.us-east-1.amazonaws.com/m:1}}
      - name: tags
        values: {dev: {value: [{Key: size, Value: small}]}, prod: {value: [{Key: size, Value: large}]}}
        merge: [global_tags]
"""
EXPORTED = "    exports: [{arn: NAME_arn}, {model_name: NAME_model}]\n"
CONFIG = """
  - name: config
    props:
      - name: variants
        value: [{VariantName: one, ModelName: "{{ full_model }}", InstanceType: ml.m5.large, InitialInstanceCount: 1}]
    exports: [endpoint_config_name]
  - {name: prod_only, type: query, if: "'{{ stack_env }}' == 'prod'", sql: SELECT 1 AS one, exports: [one]}
  - {name: note, type: command, sql: "SELECT '{{ endpoint_config_name }}'"}
exports: [full_arn, full_model, shown_arn, endpoint_config_name, team, stack_env]
"""
CONFIG_BLOCKS = """/* looked up by its name */
/*+ statecheck, retries=1, retry_delay=0 */
SELECT count(*) AS count FROM aws.sagemaker.endpoint_configs
WHERE EndpointConfigName = '{{ full_model }}-config' AND region = '{{ region }}'
/*+ create */
INSERT INTO aws.sagemaker.endpoint_configs (EndpointConfigName, ProductionVariants, region)
SELECT '{{ full_model }}-config', '{{ variants }}', '{{ region }}'
/*+ exports */
SELECT endpoint_config_name FROM aws.sagemaker.endpoint_configs
WHERE EndpointConfigName = '{{ full_model }}-config' AND region = '{{ region }}'
/*+ delete */
DELETE FROM aws.sagemaker.endpoint_configs
WHERE data__Identifier = '{{ endpoint_config_name }}' AND region = '{{ region }}'
"""
MANIFEST = (
    HEAD.replace("NAME", "flows")
    + f"  - name: full\n    file: model.iql{PROPS}{EXPORTED}".replace("NAME", "full")
    + f"  - name: shown\n    type: multi{PROPS}{EXPORTED}".replace("NAME", "shown")
    + f"  - name: either{PROPS}".replace("NAME", "either")
    + CONFIG
)
FLOWS = {
    "model": EXISTS + CREATE + CHECK + UPDATE + EXPORTS + DELETE,
    "shown": EXISTS + EXPORTS + CREATE + DELETE,
    "either": EITHER + ANY_TEAM + DELETE,
    "config": CONFIG_BLOCKS,
}
"""`.iql` file -> a flow: each has other blocks."""


def test_each_tool_continues_the_work_of_the_other(
    place: Place, tools: tuple[Tool, Tool], tmp_path: Path
) -> None:
    stack = write_stack(tmp_path / "stack", MANIFEST, **FLOWS)
    seen = []
    for first, second in (tools, reversed(tools)):
        place.emulator.inject(Fault("access_denied", operation="CreateEndpointConfig", times=None))
        place.run(first, "build", stack, code=1)
        assert place.list_writes() == ["CreateModel"] * 3
        left = place.read()
        place.emulator.clear_faults()

        built = place.run(second, "build", stack)
        assert place.list_writes() == ["CreateEndpointConfig"]
        rows = place.read()
        assert place.run(first, "test", stack) == built
        assert place.list_writes() == []

        changed = place.run(first, "build", stack, "research")
        assert place.list_writes() == ["AddTags"]
        seen.append([left, built, rows, changed, place.read()])
        place.run(second, "teardown", stack, "research")
        assert (set(place.list_writes()), place.read()) == ({"DeleteModel", "DeleteEndpointConfig"}, [])
    assert seen[0] == seen[1]


RENDERING = r"""
  - name: rendered
    type: query
    props:
      - {name: text, value: "it's {{ team }}"}
      - {name: number, value: 5}
      - {name: fraction, value: 1.5}
      - {name: flag, value: "{{ 1 == 1 }}"}
      - {name: list, value: [a, "b", "{{ team }}"]}
      - {name: empty, value: []}
      - {name: map, value: {x: [1, {y: true}], z: null, name: "é {{ team }}"}}
      - {name: nested, value: {inner: "{{ team }}", list: [1, 2]}, merge: [map]}
      - {name: copy, value: "{{ list }}"}
      - name: sized
        values: {dev: {value: small}, prod: {value: {size: large}}}
      - {name: id, value: "{{ uuid() }}"}
      - {name: only_merged, merge: [map]}
      - {name: both, value: always, values: {dev: {value: never}}}
      - name: lines
        value: |
          one {{ team }}
            two
    exports: [EXPORTS]
  - name: later
    type: query
    sql: SELECT '{{ c2 }}' || '{{ c11 }}' AS joined
    exports: [{joined: alias}]
    protected: [alias]
exports: [EXPORTS, region]
"""
EXPRESSIONS = (
    "'{{ text | sql_escape }}'",
    "'{{ number }}|{{ fraction }}|{{ flag }}|{{ stack_name }}|{{ stack_env }}'",
    "'{{ list }}'",
    "'{{ map }}'",
    "'{{ nested }}'",
    "'{{ sized }}'",
    "'{{ copy }}'",
    "'{{ only_merged }}'",
    "'{{ both }}'",
    "'{{ lines | base64_encode }}'",
    "length('{{ id }}')::VARCHAR",
    "('b' IN {{ list | sql_list }} AND 'c' NOT IN {{ list | sql_list }})::VARCHAR",
    "(1 IN {{ empty | sql_list }} IS NULL)::VARCHAR",
    "'{{ text | base64_encode }}'",
    "'{{ (map | from_json).x[0] }}{{ (list | from_json)[2] }}'",
    '\'{{ {"Map": map, "List": list, "Text": sized, "Number": number} | generate_patch_document }}\'',
    "'{% for each in list | from_json %}{{ loop.index }}={{ each }};{% endfor %}'",
    '\'{% if stack_env == "prod" %}p{% else %}d{% endif %}{{ missing | default("none") }}{# a comment #}\'',
    '\'{{ list | from_json | join(", ") | upper }}{{ team | replace("m", "n") }}\'',
    "'{{ list | merge_lists([\"z\"]) | sort | join }}'",
    "{% include 'included.sql' %}",
)


@pytest.mark.parametrize("env", ["dev", "prod"])
def test_templates_have_the_same_values(
    place: Place, tools: tuple[Tool, Tool], tmp_path: Path, env: str
) -> None:
    names = ", ".join(f"c{number}" for number in range(len(EXPRESSIONS)))
    columns = ",\n".join(f"{text} AS c{number}" for number, text in enumerate(EXPRESSIONS))
    manifest = HEAD.replace("NAME", "rendering") + RENDERING.replace("EXPORTS", names)
    stack = write_stack(tmp_path / "stack", manifest, rendered=f"/*+ exports */\nSELECT\n{columns};\n")
    (place.folder / "included.sql").write_text("'{{ team }}' ||\n  '{{ number }}'\n")
    ours, theirs = (place.run(tool, "build", stack, env=env) for tool in tools)
    for number, text in enumerate(EXPRESSIONS):
        assert ours[f"c{number}"] == theirs[f"c{number}"], text
    assert ours == theirs


def test_the_starter_of_stackql_deploy_runs_as_it_is(
    place: Place, tools: tuple[Tool, Tool], tmp_path: Path
) -> None:
    theirs = tools[1].words
    subprocess.run([*theirs, "init", "starter", "--provider", "aws"], cwd=tmp_path, env=place.env, check=True)
    stack = tmp_path / "starter"
    with start_moto() as url:
        client = open_client(url, "ec2")
        moto = replace(place, env={**place.env, "AWS_ENDPOINT_URL": url})
        for first, second in (tools, reversed(tools)):
            moto.run(first, "build", stack, env="prd")
            moto.run(second, "build", stack, env="prd")
            (vpc,) = client.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["false"]}])["Vpcs"]
            assert vpc["CidrBlock"] == "10.0.0.0/16"
            tags = {tag["Key"]: tag["Value"] for tag in vpc["Tags"]}
            assert tags.pop("Name") == "starter-prd-vpc"
            assert tags == {"Provisioner": "stackql", "StackName": "starter", "StackEnv": "prd"}
            names = client.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute="enableDnsHostnames")
            assert names["EnableDnsHostnames"] == {"Value": True}
            moto.run(first, "test", stack, env="prd")
            moto.run(second, "teardown", stack, env="prd")
            assert client.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["false"]}])["Vpcs"] == []

"""The same stack with stackql-deploy itself, whose `stackql` is a small program around `sqlprov exec`."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import forked
import pytest
from command_line import environment
from local_sagemaker import connection
from stacks import write_stack

from sqlprov.emulator import Emulator

STACKQL = """#!{python}
import json, subprocess, sys
if "--version" in sys.argv:
    print("stackql v0.9.0 Linux (0000000)")
    sys.exit()
done = subprocess.run([*{command}, "exec", sys.argv[2], "-o", "json"], capture_output=True, text=True)
if done.returncode:
    text = "error: " + done.stderr
    print(text, file=sys.stderr)
    sys.exit(1)
if done.stdout:
    rows = json.loads(done.stdout)
    print(json.dumps([{{name: value if value is None or isinstance(value, str) else json.dumps(value)
                       for name, value in row.items()}} for row in rows]))
print("The operation was despatched successfully", file=sys.stderr)
"""
MANIFEST = """
version: 1
name: parity
providers: [aws]
globals:
  - {name: region, value: "{{ AWS_REGION }}"}
  - {name: global_tags, value: [{Key: stack, Value: "{{ stack_name }}-{{ stack_env }}"}]}
resources:
  - name: model
    props:
      - {name: model_name, value: "{{ stack_name }}-{{ stack_env }}"}
      - name: image
        values: {dev: {value: "1.dkr.ecr.us-east-1.amazonaws.com/m:1"}}
      - {name: tags, value: [{Key: team, Value: ml}], merge: [global_tags]}
    exports: [{ModelArn: model_arn}, {model_name: model}]
  - name: config
    if: "'{{ stack_env }}' == 'dev'"
    props:
      - name: variants
        value: [{VariantName: one, ModelName: "{{ model }}", InstanceType: ml.m5.large, InitialInstanceCount: 1}]
    exports: [endpoint_config_arn]
  - {name: seen, type: query, sql: "SELECT upper('{{ model }}') AS word", exports: [word], protected: [word]}
exports: [model_arn, endpoint_config_arn]
"""
MODEL = """
/*+ exists */
SELECT count(*) AS count FROM aws.sagemaker.models WHERE ModelName = '{{ model_name }}' AND region = '{{ region }}'
/*+ create */
INSERT INTO aws.sagemaker.models (ModelName, ExecutionRoleArn, PrimaryContainer, Tags, region)
SELECT '{{ model_name }}', 'arn:aws:iam::123456789012:role/service', '{"Image": "{{ image }}"}', '{{ tags }}',
  '{{ region }}'
/*+ statecheck, retries=2 */
SELECT count(*) AS count FROM aws.sagemaker.models
WHERE ModelName = '{{ model_name }}' AND region = '{{ region }}' AND tag_map['team'] = 'ml'
/*+ exports */
SELECT model_arn AS "ModelArn", model_name FROM aws.sagemaker.models
WHERE ModelName = '{{ model_name }}' AND region = '{{ region }}'
/*+ delete */
DELETE FROM aws.sagemaker.models WHERE data__Identifier = '{{ model_name }}' AND region = '{{ region }}'
"""
CONFIG = """
/*+ exists, postdelete_retry_delay=0 */
SELECT count(*) AS count FROM aws.sagemaker.endpoint_configs
WHERE EndpointConfigName = '{{ model }}-config' AND region = '{{ region }}'
/*+ create */
INSERT INTO aws.sagemaker.endpoint_configs (EndpointConfigName, ProductionVariants, region)
SELECT '{{ model }}-config', '{{ variants }}', '{{ region }}'
/*+ exports */
SELECT endpoint_config_arn FROM aws.sagemaker.endpoint_configs
WHERE EndpointConfigName = '{{ model }}-config' AND region = '{{ region }}'
/*+ delete */
DELETE FROM aws.sagemaker.endpoint_configs WHERE EndpointConfigName = '{{ model }}-config' AND region = '{{ region }}'
"""


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with the program `stackql`."""
    folder = tmp_path / "tools"
    folder.mkdir()
    command = repr(forked.command("-m", "sqlprov"))
    (folder / "stackql").write_text(STACKQL.format(python=sys.executable, command=command))
    (folder / "stackql").chmod(0o700)
    return folder


def test_a_stack_is_built_tested_and_torn_down_by_either(tmp_path: Path, tools: Path) -> None:
    stack = write_stack(tmp_path / "stack", MANIFEST, model=MODEL, config=CONFIG)
    with Emulator() as em:
        env = environment(
            tmp_path / "state",
            AWS_ENDPOINT_URL=em.url,
            AWS_ACCESS_KEY_ID="AKIAPARITY",
            AWS_SECRET_ACCESS_KEY="secret",
            AWS_REGION="us-east-1",
            HOME=str(tmp_path),
        )

        def run(*words: str, ours: bool) -> subprocess.CompletedProcess[str]:
            theirs = [str(Path(sys.executable).parent / "stackql-deploy")]
            program = forked.command("-m", "sqlprov", "deploy") if ours else theirs
            variable = ("--var" if ours else "-e", "AWS_REGION=us-east-1")
            tail = variable if ours else (*variable, "--download-dir", str(tools))
            command = [*program, words[0], str(stack), "dev", *words[1:], *tail]
            done = subprocess.run(command, env=env, capture_output=True, text=True, cwd=tmp_path, timeout=600)
            assert done.returncode == 0, shlex.join(command) + done.stdout + done.stderr
            return done

        def read() -> list[tuple[str, ...]]:
            with connection(em.url) as con:
                return con.sql(
                    "SELECT model_name, tags::VARCHAR FROM aws.sagemaker.models UNION ALL "
                    "SELECT endpoint_config_name, production_variants::VARCHAR FROM aws.sagemaker.endpoint_configs "
                    "ORDER BY ALL"
                ).fetchall()

        outputs: list[dict[str, object]] = []
        rows: list[list[tuple[str, ...]]] = []
        for builder, other in ((True, False), (False, True)):
            file = tmp_path / f"{builder}.json"
            run("build", "--output-file", str(file), ours=builder)
            outputs.append(json.loads(file.read_text()))
            rows.append(read())
            em.reset_calls()
            run("test", ours=other)
            assert not [call for call in em.calls if call.committed]
            run("teardown", ours=other)
            assert read() == []
        for each in outputs:
            del each["elapsed_time"]
        assert outputs[0] == outputs[1]
        assert set(outputs[0]) == {"stack_name", "stack_env", "model_arn", "endpoint_config_arn"}
        assert len(rows[0]) == 2
        assert [sorted(map(str, each)) for each in rows[0]] == [sorted(map(str, each)) for each in rows[1]]

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from command_line import CommandLine
from emulator_calls import wait_until
from stacks import write_stack

from sqlprov.emulator import Emulator, Fault, Options

MANIFEST = """
name: shop
globals:
  - {name: region, value: "{{ vars.AWS_REGION }}"}
resources:
  - name: model
    table: aws.sagemaker.models
    props:
      - {name: ModelName, value: "{{ stack_name }}-{{ stack_env }}"}
      - {name: ExecutionRoleArn, value: "{{ ROLE }}"}
      - {name: PrimaryContainer, value: {Image: 1.dkr.ecr.us-east-1.amazonaws.com/m}}
    exports: [{ModelArn: arn}]
  - {name: secret, type: query, sql: "SELECT 'hush-5' AS word", exports: [word], protected: [word]}
exports: [arn, word]
"""


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("ROLE=arn:aws:iam::123456789012:role/service\nAWS_REGION=eu-west-1\n")
    return write_stack(tmp_path / "stack", MANIFEST)


def test_a_stack_is_planned_built_tested_and_torn_down(
    cloud: CommandLine, emulator: Emulator, stack: Path, tmp_path: Path
) -> None:
    where = (str(stack), "dev", "--var", "AWS_REGION=us-east-1")
    planned = cloud.run("deploy", "plan", *where)
    assert (planned.code, planned.err) == (2, "")
    assert "model     create" in planned.out and "CreateModel" in planned.out
    assert planned.out.endswith("Permissions: iam:PassRole, sagemaker:CreateModel\n")

    built = cloud.run("deploy", "build", *where, "-o", "json", "--output-file", "out/outputs.json")
    assert (built.code, built.err) == (0, "")
    events = [json.loads(line) for line in built.out.splitlines()]
    assert [(each["event"], each.get("resource")) for each in events] == [
        ("outcome", "model"),
        ("created", "model"),
        ("exported", "model"),
        ("exported", "secret"),
        ("wrote", None),
        ("done", None),
    ]
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model/shop-dev"
    assert events[2]["values"] == {"arn": arn}
    assert events[3]["values"] == {"word": "(protected)"}
    outputs = json.loads((tmp_path / "out/outputs.json").read_text())
    assert outputs.pop("elapsed_time").startswith("0:00:")
    expected = {"stack_name": "shop", "stack_env": "dev", "arn": arn, "word": "(protected)"}
    assert outputs == expected

    assert cloud.run("deploy", "plan", *where).code == 0
    tested = cloud.run("deploy", "test", *where)
    assert (tested.code, "passed    model" in tested.out) == (0, True)
    down = cloud.run("deploy", "teardown", str(stack), "dev", "-e", "AWS_REGION=us-east-1")
    assert (down.code, "deleted   model" in down.out) == (0, True)
    assert cloud.run("deploy", "test", *where).code == 1


def test_a_stack_that_was_built_with_its_tag_is_tested_and_planned_with_it(
    cloud: CommandLine, emulator: Emulator, stack: Path
) -> None:
    tags = "      - {name: Tags, value: [{Key: team, Value: ml}]}\n    exports: [{ModelArn"
    write_stack(stack, MANIFEST.replace("    exports: [{ModelArn", tags))
    assert cloud.run("deploy", "build", str(stack), "dev", "--tag-stack").code == 0
    for words, code in (
        (("test",), 1),
        (("plan",), 2),
        (("test", "--tag-stack"), 0),
        (("plan", "--tag-stack"), 0),
    ):
        ended = cloud.run("deploy", words[0], str(stack), "dev", *words[1:])
        assert ended.code == code, (words, ended)


def test_what_fails_is_an_event_and_the_exit_code(
    cloud: CommandLine, emulator: Emulator, stack: Path
) -> None:
    emulator.inject(Fault("access_denied", operation="CreateModel", times=None))
    ended = cloud.run("deploy", "build", str(stack), "dev")
    assert (ended.code, ended.err) == (1, "")
    assert ended.out.startswith(
        f"failed    model: {stack}/stackql_manifest.yml:6: model: 1 row of 1 is not ok."
    )
    assert "sagemaker:CreateModel" in ended.out
    assert ended.out.endswith("ended: failed: model\n")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("build", "nowhere", "dev"), "nowhere"),
        (("build", ".", "dev"), "stackql_manifest.yml does not exist"),
        (("build", "stack", "dev", "--env-file", "none"), "--env-file none: no such file"),
        (("build", "stack", "dev", "--var", "x"), "expected NAME=VALUE"),
        (("teardown", "stack", "dev", "--on-failure", "rollback"), "rollback"),
        (("build", "stack"), "ENV"),
    ],
)
def test_a_mistake_on_the_command_line_makes_no_call(
    shell: CommandLine, stack: Path, words: tuple[str, ...], expected: str
) -> None:
    ended = shell.run("deploy", *words, "--region", "us-east-1")
    assert (ended.code in (1, 2, 4), ended.out) == (True, "")
    assert expected in ended.err


def test_a_protected_value_is_masked_in_an_error_of_each_form(
    cloud: CommandLine, emulator: Emulator, stack: Path
) -> None:
    manifest = (stack / "stackql_manifest.yml").read_text()
    users = [
        """{name: user, type: query, sql: "SELECT '{{ word }}'::INT AS number", exports: [number]}""",
        """{name: user, type: query, if: "'{{ word }}' = 1", sql: "SELECT 1 AS one", exports: [one]}""",
        """{name: user, table: aws.sagemaker.models, props: [{name: ModelName, value: "{{ word }} !"}]}""",
        """{name: user, table: aws.s3.buckets, props: [{name: a, value: "{{ word | tojson | merge_lists([]) }}"}]}""",
        """{name: user, type: script, run: "echo {{ word }} >/dev/null; exit 3"}""",
    ]
    for user in users:
        write_stack(stack, manifest.replace("exports: [arn, word]", f"  - {user}"))
        for words in (
            ("build",),
            ("build", "-o", "json"),
            ("plan",),
            ("build", "--show-queries", "--on-failure", "ignore"),
        ):
            ended = cloud.run("deploy", words[0], str(stack), "dev", *words[1:], "--region", "us-east-1")
            shown = (ended.out + ended.err).replace("SELECT 'hush-5' AS word", "")
            assert "hush-5" not in shown, (user, words, shown)
            assert ended.code != 0, (user, words, ended)


def test_a_dry_run_needs_no_account(shell: CommandLine, stack: Path) -> None:
    ended = shell.run("deploy", "build", str(stack), "dev", "--dry-run")
    assert (ended.code, ended.err) == (0, "")
    assert 'INSERT INTO "aws"."sagemaker"."models" ("ModelName", "ExecutionRoleArn"' in ended.out


def test_ctrl_c_says_what_stands(cloud: CommandLine, emulator: Emulator, stack: Path) -> None:
    (stack / "stackql_manifest.yml").write_text(
        MANIFEST.replace("exports: [arn, word]", "").lstrip()
        + '  - {name: slow, type: script, run: "touch started; exec sleep 600"}\n'
    )
    process = cloud.start("deploy", "build", str(stack), "dev")
    wait_until(Path("started").exists)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=600)
    assert (process.returncode, err) == (130, "Cancelled.\n")
    assert "interrupted: finished: model, secret; created: model" in out


def test_progress_shows_the_state_of_each_row_that_a_later_resource_needs(
    cloud: CommandLine, emulator: Emulator, stack: Path
) -> None:
    endpoint = """
  - name: config
    table: aws.sagemaker.endpoint_configs
    props:
      - {name: EndpointConfigName, value: settings}
      - name: ProductionVariants
        value: [{VariantName: one, ModelName: shop-dev, InstanceType: ml.m5.large, InitialInstanceCount: 1}]
  - name: endpoint
    table: aws.sagemaker.endpoints
    props: [{name: EndpointName, value: shop}, {name: EndpointConfigName, value: settings}]
    exports: [endpoint_status]
  - name: neighbor
    table: aws.sagemaker.endpoints
    props: [{name: EndpointName, value: beside}, {name: EndpointConfigName, value: settings}]
    exports: [{endpoint_name: neighbor}]
  - {name: user, type: query, sql: "SELECT '{{ neighbor }}' AS used", exports: [used]}
  - {name: seen, type: query, sql: "SELECT '{{ endpoint_status }}' AS status", exports: [status]}
exports: [status]
"""
    write_stack(stack, MANIFEST.partition("exports: [arn, word]")[0] + endpoint.lstrip("\n"))
    emulator.options = Options(transition=1.0)
    ended = cloud.run("deploy", "build", str(stack), "dev", "--region", "us-east-1", "--progress")
    assert (ended.code, "exported  seen: status = InService" in ended.out) == (0, True), ended
    waits = [line for line in ended.err.splitlines() if line.startswith("waiting: ")]
    assert any("shop is Creating" in line and "beside is Creating" in line for line in waits), ended.err


def test_wrong_usage_of_a_plan_is_told_from_a_plan_with_changes(cloud: CommandLine, stack: Path) -> None:
    where = (str(stack), "dev")
    for words in ((), (*where, "--loacl"), (*where, "--env-file", "absent"), (*where, "--region")):
        planned = cloud.run("deploy", "plan", *words)
        assert (planned.code, planned.out) == (1, ""), words
        assert "Error: " in planned.err
    assert cloud.run("deploy", "build").code == 2


def test_a_tagged_row_that_cannot_be_deleted_is_reported_and_the_others_are_deleted(
    cloud: CommandLine, emulator: Emulator, stack: Path
) -> None:
    where = (str(stack), "--var", "AWS_REGION=us-east-1")
    second = MANIFEST.replace("name: model\n", "name: second\n").replace("stack_env }}", "stack_env }}-2")
    for manifest in (MANIFEST, second):
        (stack / "stackql_manifest.yml").write_text(manifest)
        assert cloud.run("deploy", "build", *where, "dev", "--tag-stack").code == 0
    (stack / "stackql_manifest.yml").write_text(MANIFEST.replace("stack_env }}", "stack_env }}-3"))
    emulator.inject(Fault("access_denied", operation="DeleteModel"))
    ended = cloud.run("deploy", "teardown", *where, "dev", "--tagged", "--yes")
    assert ended.code == 1
    assert ended.out.count("\nfailed: aws.sagemaker.models 'shop-dev") == 1, ended.out
    assert ended.out.count("\ndeleted: aws.sagemaker.models 'shop-dev") == 1, ended.out

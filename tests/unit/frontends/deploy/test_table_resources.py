"""Resources with a table and properties instead of SQL."""

from __future__ import annotations

import textwrap
import threading
from pathlib import Path

import pytest
from stacks import VARIABLES, StackRun, build_ok, run_stack, write_stack

import sqlprov
from sqlprov.api.connection import Connection
from sqlprov.emulator import Emulator
from sqlprov.frontends.deploy.events import Reporter
from sqlprov.frontends.deploy.runner import Runner
from sqlprov.frontends.deploy.stack import load_stack
from sqlprov.frontends.deploy.table_resource import TableResource
from sqlprov.frontends.deploy.tagged import delete_row, find_tagged_rows

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/m:v1"
MODEL = """
    - name: model
      table: aws.sagemaker.models
      props:
        - {name: ModelName, value: "{{ stack_name }}-{{ stack_env }}"}
        - {name: ExecutionRoleArn, value: arn:aws:iam::123456789012:role/service}
        - {name: PrimaryContainer, value: {Image: IMAGE}}
        - {name: Tags, value: [{Key: team, Value: ml}]}
      exports: [ModelArn, {model_name: model}]
""".replace("IMAGE", IMAGE)
HEAD = """
  version: 1
  name: NAME
  providers: [aws]
  globals:
    - {name: region, value: "{{ vars.AWS_REGION }}"}
  resources:
"""
CONFIG = """
    - name: config
      table: aws.sagemaker.endpoint_configs
      props:
        - {name: EndpointConfigName, value: "{{ model }}-config"}
        - name: ProductionVariants
          value:
            - {VariantName: one, ModelName: "{{ model }}", InstanceType: ml.m5.large, InitialInstanceCount: '1'}
"""
ENDPOINT = """
    - name: endpoint
      table: aws.sagemaker.endpoints
      props:
        - {name: EndpointName, value: "{{ stack_name }}"}
        - {name: EndpointConfigName, value: "{{ model }}-config"}
        - {name: Tags, value: [{Key: team, Value: ml}]}
"""


def write(folder: Path, name: str, *resources: str) -> Path:
    return write_stack(folder, HEAD.replace("NAME", name) + "".join(resources))


def test_a_stack_without_sql_is_built_once_tested_and_torn_down(
    con: Connection, em: Emulator, tmp_path: Path
) -> None:
    stack = write(tmp_path, "plain", MODEL, CONFIG)
    planned = run_stack(con, stack, "plan").plan
    assert [(each.resource, each.action, each.calls) for each in planned] == [
        ("model", "create", "CreateModel"),
        ("config", "create or update", ""),
    ]
    assert planned[0].permissions == ("sagemaker:CreateModel", "iam:PassRole", "sagemaker:AddTags")
    assert planned[1].new == "after model"
    assert not [call for call in em.calls if call.committed], "a plan writes nothing"

    assert build_ok(con, stack).names("created") == ["model", "config"]
    again = build_ok(con, stack)
    assert again.names("unchanged") == ["model", "config"]
    assert {each.action for each in run_stack(con, stack, "plan").plan} == {"none"}
    assert run_stack(con, stack, "test").names("passed") == ["model", "config"]

    em.reset_calls()
    assert build_ok(con, stack, command="teardown").names("deleted") == ["config", "model"]
    assert "ListTags" not in {call.operation for call in em.calls}, "a teardown needs no properties"
    assert run_stack(con, stack, "test").error is not None
    last = build_ok(con, stack, command="teardown")
    assert (last.names("absent"), last.names("deleted")) == (["model"], [])


def test_a_teardown_finds_a_row_whose_values_use_an_export_that_is_gone_unless_its_key_does(
    con: Connection, tmp_path: Path
) -> None:
    fixed = CONFIG.replace("name: config\n", "name: fixed\n").replace('"{{ model }}-config"', "orphan-config")
    stack = write(tmp_path, "orphan", MODEL, CONFIG, fixed)
    build_ok(con, stack)
    con.sql("DELETE FROM aws.sagemaker.models WHERE model_name = 'orphan-dev' AND region = 'us-east-1'")
    ran = build_ok(con, stack, command="teardown")
    assert (ran.names("deleted"), ran.names("absent")) == (["fixed"], ["model"])
    assert "skipped   config: it uses an export of model, which does not exist" in ran.lines
    con.sql(
        "DELETE FROM aws.sagemaker.endpoint_configs WHERE endpoint_config_name = 'orphan-dev-config' "
        "AND region = 'us-east-1'"
    )


def test_a_protected_key_is_hidden_in_the_outcome_that_makes_it(con: Connection, tmp_path: Path) -> None:
    protected = MODEL.replace("model_name: model}]", "ModelName: model}]\n      protected: [model]")
    stack = write(tmp_path, "keys", protected)
    for command in ("build", "test", "teardown"):
        ran = build_ok(con, stack, command=command)
        assert "keys-dev" not in ran.text, ran.text
    assert "outcome   model: ok      (protected) in us-east-1 (DeleteModel)" in ran.lines


def test_each_statement_on_a_row_can_be_shown_before_it_runs(con: Connection, tmp_path: Path) -> None:
    ran = build_ok(con, write(tmp_path, "shown", MODEL), shows_queries=True)
    lines = [line for line in ran.text.splitlines() if line.startswith(("SELECT", "INSERT"))]
    assert [line.split()[0] for line in lines] == ["SELECT", "INSERT", "SELECT", "SELECT"]
    assert lines[0].startswith('SELECT "model_name", "execution_role_arn"'), "the look-up"
    build_ok(con, tmp_path, command="teardown")


def test_only_the_values_that_differ_are_updated(con: Connection, em: Emulator, tmp_path: Path) -> None:
    stack = write(tmp_path, "tags", MODEL)
    build_ok(con, stack)
    write(tmp_path, "tags", MODEL.replace("Value: ml", "Value: research"))
    (planned,) = run_stack(con, stack, "plan").plan
    assert (planned.action, planned.field) == ("update", "Tags")
    assert (planned.old, planned.new) == ('{"team": "ml"}', '{"team": "research"}')
    assert planned.calls == "AddTags"
    em.reset_calls()
    assert build_ok(con, stack).names("updated") == ["model"]
    assert [call.operation for call in em.calls if call.committed] == ["AddTags"]
    assert build_ok(con, stack).names("unchanged") == ["model"]


def test_a_value_that_cannot_be_updated_needs_permission_to_replace_the_row(
    con: Connection, em: Emulator, tmp_path: Path
) -> None:
    stack = write(tmp_path, "fixed", MODEL)
    build_ok(con, stack)
    changed = MODEL.replace("/m:v1", "/m:V1")
    write(tmp_path, "fixed", changed)
    refused_plan, planned = run_stack(con, stack, "plan").plan
    assert (refused_plan.action, refused_plan.new) == ("replace", "needs `replace: true`")
    assert (planned.action, planned.field) == ("replace", "PrimaryContainer.Image (fixed)")
    em.reset_calls()
    refused = run_stack(con, stack)
    assert "PrimaryContainer.Image of model cannot be updated. With `replace: true`" in str(refused.error)
    assert not [call for call in em.calls if call.committed]
    write(tmp_path, "fixed", changed + "      replace: true\n")
    (planned,) = run_stack(con, stack, "plan").plan
    assert (planned.calls, planned.new) == ("DeleteModel, CreateModel", IMAGE.replace("/m:v1", "/m:V1"))
    assert planned.permissions == (
        *("sagemaker:DeleteModel", "sagemaker:CreateModel", "iam:PassRole", "sagemaker:AddTags"),
    )
    assert not [call for call in em.calls if call.committed]
    assert build_ok(con, stack).names("updated") == ["model"]
    assert [call.operation for call in em.calls if call.committed] == ["DeleteModel", "CreateModel"]
    assert build_ok(con, stack).names("unchanged") == ["model"]


def test_a_member_of_a_list_that_cannot_be_updated_is_planned_and_not_passed_over(
    con: Connection, tmp_path: Path
) -> None:
    build_ok(con, write(tmp_path, "items", MODEL, CONFIG))
    stack = write(tmp_path, "items", MODEL, CONFIG.replace("ml.m5.large", "ml.m5.xlarge"))
    _, refused, planned = run_stack(con, stack, "plan").plan
    assert (refused.action, refused.new) == ("replace", "needs `replace: true`")
    assert (planned.action, planned.field) == ("replace", "ProductionVariants.InstanceType (fixed)")
    assert (planned.old, planned.new) == ('["ml.m5.large"]', '["ml.m5.xlarge"]')
    assert "ProductionVariants.InstanceType of config cannot be updated" in str(run_stack(con, stack).error)
    build_ok(con, stack, command="teardown")


def test_a_hidden_value_that_cannot_be_updated_differs_though_both_look_the_same(
    con: Connection, tmp_path: Path
) -> None:
    image = f"{{Image: {IMAGE}}}"
    manifests = [MODEL.replace(image, f"{image[:-1]}, Environment: {{TOKEN: '{word}'}}}}") for word in "ab"]
    stack = write(tmp_path, "hidden", manifests[0])
    build_ok(con, stack)
    assert run_stack(con, stack, "plan").plan[0].action == "none"
    write(tmp_path, "hidden", manifests[1])
    _, planned = run_stack(con, stack, "plan").plan
    assert (planned.action, planned.field) == ("replace", "PrimaryContainer.Environment (fixed)")
    assert planned.old == '{"TOKEN": "(sensitive)"}'


def test_a_resource_whose_export_is_used_later_is_awaited(con: Connection, tmp_path: Path) -> None:
    used = ENDPOINT + "      exports: [{endpoint_status: status}]\n"
    query = """
    - {name: seen, type: query, sql: "SELECT '{{ status }}' AS status", exports: [{status: last}]}
    """
    stack = write(tmp_path, "busy", MODEL, CONFIG, used, query)
    assert "exported  seen: last = InService" in build_ok(con, stack).lines
    build_ok(con, stack, command="teardown")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("ExecutionRoleArn", "ExecutionRole", "no column ExecutionRole. Did you mean 'execution_role_arn'?"),
        ("aws.sagemaker.models", "aws.sagemaker.modles", "Did you mean 'models'?"),
        ("ModelArn,", "ModelArm,", "no column 'ModelArm'. Did you mean 'model_arn'?"),
        ("ModelName", "EnableNetworkIsolation", "no property of model is model_name, the key"),
        ("{Image: 1", "{Imag: 1", "Imag"),
    ],
)
def test_a_mistake_in_a_property_is_found_before_the_first_call(
    con: Connection, em: Emulator, tmp_path: Path, old: str, new: str, expected: str
) -> None:
    stack = write(tmp_path, "wrong", MODEL.replace(old, new, 1))
    ran = run_stack(con, stack)
    assert expected.lower() in str(ran.error).lower()
    assert f"{stack}/stackql_manifest.yml:" in str(ran.error)
    assert em.calls == []


KEPT = """
    - name: cluster
      table: aws.ecs.clusters
      find: {cluster_name: kept}
      props: [{name: clusterName, value: kept}]
    - name: secret
      table: aws.secretsmanager.secrets
      find: {name: kept}
      props: [{name: Name, value: kept}, {name: SecretString, value: hidden-word}]
    - name: group
      table: aws.rds.db_parameter_groups
      props:
        - {name: DBParameterGroupName, value: Upper}
        - {name: DBParameterGroupFamily, value: postgres16}
        - {name: Description, value: a group}
"""


def test_rows_that_a_service_keeps_after_their_delete_are_gone_and_names_that_it_lowers_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQLPROV_STATE_DIR", str(tmp_path / "state"))
    stack = write(tmp_path, "kept", KEPT)
    with sqlprov.connect(local=True) as con:
        build_ok(con, stack)
        assert {each.action for each in run_stack(con, stack, "plan").plan} == {"none"}
        down = build_ok(con, stack, command="teardown")
        assert (down.names("deleted"), down.sleeps) == (["group", "secret", "cluster"], [])
        assert {each.action for each in run_stack(con, stack, "plan").plan} == {"create"}


def test_mistakes_of_several_resources_are_reported_together(
    con: Connection, em: Emulator, tmp_path: Path
) -> None:
    second = MODEL.replace("name: model\n", "name: other\n").replace(
        "exports: [ModelArn, {model_name: model}]", ""
    )
    stack = write(
        tmp_path, "several", MODEL.replace("Image: 1", "Imag: 1"), second.replace("Key: team", "Kee: team")
    )
    error = str(run_stack(con, stack).error)
    assert (error.count("stackql_manifest.yml:"), em.calls) == (2, [])
    assert "Imag" in error and "Kee" in error


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("aws.sagemaker.models", "aws.sagemaker.modles", "model: "),
        (
            "aws.sagemaker.models",
            "sagemaker.models",
            "model: table 'sagemaker.models'; expected a name such as",
        ),
        ("aws.sagemaker.models", "aws.ec2.regions", "model: aws.ec2.regions does not support INSERT"),
        ("ModelArn", "ModelArm", "model: aws.sagemaker.models has no column 'ModelArm'. Did you mean"),
        (
            "exports:",
            "find: {modelname: x, name: y}\n      exports:",
            "model: aws.sagemaker.models has no column 'name'",
        ),
    ],
)
def test_a_mistake_about_the_table_names_the_resource_and_its_line(
    con: Connection, em: Emulator, tmp_path: Path, old: str, new: str, expected: str
) -> None:
    stack = write(tmp_path, "tables", MODEL.replace(old, new))
    assert f"{stack}/stackql_manifest.yml:9: {expected}" in str(run_stack(con, stack).error)
    assert em.calls == []


def test_rows_of_a_stack_carry_its_tag(con: Connection, tmp_path: Path) -> None:
    stack = write(tmp_path, "marked", MODEL)
    build_ok(con, stack, tag=True)
    rows = con.sql("SELECT tag_map FROM aws.sagemaker.models WHERE model_name = 'marked-dev'").fetchall()
    assert dict(rows[0][0]) == {"team": "ml", "sqlprov:stack": "marked/dev"}
    assert build_ok(con, stack, tag=True).names("unchanged") == ["model"]


TAG = """\
        - {name: Tags, value: [{Key: model, Value: "arn:aws:sagemaker:us-east-1:123456789012:model/atonce-dev-0"}]}
"""


@pytest.mark.parametrize(("model", "more"), [("atonce-dev-0", ""), ("other", TAG)])
def test_resources_without_ties_are_built_at_once_and_reported_in_order(
    con: Connection, em: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, more: str
) -> None:
    alone = MODEL.replace("exports: [ModelArn, {model_name: model}]", "")
    models = [
        alone.replace("name: model\n", f"name: model-{number}\n").replace(
            "stack_env }}", f"stack_env }}}}-{number}"
        )
        for number in range(3)
    ]
    # It names the first model, and thus has to wait for it, although no export says so.
    config = CONFIG.replace('"{{ model }}-config"', "config-of-them").replace("{{ model }}", model) + more
    other = alone.replace("{{ stack_name }}-{{ stack_env }}", "other")
    build_ok(con, write(tmp_path / "other", "other", other))
    barrier, create = threading.Barrier(3, timeout=60), TableResource.create

    def meet(self: TableResource) -> None:
        if self.resource.name != "config":
            barrier.wait()
        create(self)

    monkeypatch.setattr(TableResource, "create", meet)
    stack = write(tmp_path, "atonce", *models, config)
    built = build_ok(con, stack)
    assert built.names("created") == ["model-0", "model-1", "model-2", "config"]
    operations = [call.operation for call in em.calls]
    assert "CreateModel" not in operations[operations.index("DescribeEndpointConfig") :]
    build_ok(con, stack, command="teardown")


def test_a_row_of_this_environment_that_the_manifest_no_longer_names_is_found_by_its_tag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQLPROV_STATE_DIR", str(tmp_path / "state"))
    second = MODEL.replace("name: model\n", "name: other\n").replace("stack_env }}", "stack_env }}-2")
    second = second.replace("exports: [ModelArn, {model_name: model}]", "")
    with sqlprov.connect(local=True) as con:
        for environment in ("dev", "prod"):
            build_ok(con, write(tmp_path, "strays", MODEL, second), environment=environment, tag=True)
        stack = load_stack(write(tmp_path, "strays", MODEL), "dev", VARIABLES, con.catalog)
        build_ok(con, tmp_path, command="teardown")
        runner = Runner(con, Reporter(print))
        (row,), unread = find_tagged_rows(stack, runner)
        assert (str(row), unread) == ("aws.sagemaker.models 'strays-dev-2' in us-east-1", [])
        delete_row(row, runner)
        assert find_tagged_rows(stack, runner) == ([], [])


def test_a_table_whose_tags_cannot_be_read_is_a_warning_beside_the_rows_that_can(
    con: Connection, em: Emulator, tmp_path: Path
) -> None:
    build_ok(con, write(tmp_path, "blind", MODEL), tag=True)
    stack = load_stack(write(tmp_path, "blind", MODEL), "dev", VARIABLES, con.catalog)
    lines: list[str] = []
    runner = Runner(con, Reporter(lines.append))
    for on_error in ("fail", "warn"):
        con.sql(f"SET sqlprov_on_error = '{on_error}'")
        lines.clear()
        (row,), unread = find_tagged_rows(stack, runner)
        assert str(row) == "aws.sagemaker.models 'blind-dev' in us-east-1"
        assert "aws.sagemaker.clusters" in unread  # the local SageMaker has few operations
        assert any(line.startswith("warning") and "ListClusters in us-east-1" in line for line in lines)
    con.sql("RESET sqlprov_on_error")


class _Settling(list[float]):
    """Pauses, of which the second ends the creation of an endpoint."""

    def __init__(self, em: Emulator) -> None:
        self.em = em

    def append(self, seconds: float) -> None:
        super().append(seconds)
        if len(self) == 2:
            self.em.add(
                "Endpoint", "us-east-1", {"EndpointName": "waits", "EndpointConfigName": "waits-dev-config"}
            )


def test_a_row_that_an_earlier_build_left_busy_is_waited_for(
    con: Connection, em: Emulator, tmp_path: Path
) -> None:
    used = ENDPOINT.replace("        - {name: Tags, value: [{Key: team, Value: ml}]}\n", "")
    query = """
    - {name: seen, type: query, sql: "SELECT '{{ status }}' AS status", exports: [{status: last}]}
    """
    stack = write(
        tmp_path, "waits", MODEL, CONFIG, used + "      exports: [{endpoint_status: status}]\n", query
    )
    members = {
        "EndpointName": "waits",
        "EndpointConfigName": "waits-dev-config",
        "EndpointStatus": "Creating",
    }
    em.add("Endpoint", "us-east-1", members)
    ran = StackRun(sleeps=_Settling(em))
    build_ok(con, stack, into=ran)
    assert (ran.sleeps, ran.names("unchanged")) == ([5, 5], ["endpoint"])
    assert "exported  seen: last = InService" in ran.lines
    build_ok(con, stack, command="teardown")


def test_a_row_of_statements_that_is_busy_is_waited_for(
    con: Connection, em: Emulator, tmp_path: Path
) -> None:
    statements = """
    /*+ create */
    INSERT INTO aws.sagemaker.endpoints (EndpointName, EndpointConfigName, region)
    SELECT 'waits', 'waits-dev-config', 'us-east-1'
    /*+ exports */
    SELECT endpoint_status AS status FROM aws.sagemaker.endpoints
    WHERE endpoint_name = 'waits' AND region = 'us-east-1'
    """
    query = """
    - {name: endpoint, exports: [status]}
    - {name: seen, type: query, sql: "SELECT '{{ status }}' AS status", exports: [{status: last}]}
    """
    stack = write(tmp_path, "waits", MODEL, CONFIG, query)
    (stack / "resources" / "endpoint.iql").write_text(textwrap.dedent(statements))
    members = {
        "EndpointName": "waits",
        "EndpointConfigName": "waits-dev-config",
        "EndpointStatus": "Creating",
    }
    em.add("Endpoint", "us-east-1", members)
    ran = StackRun(sleeps=_Settling(em))
    build_ok(con, stack, into=ran)
    assert (ran.sleeps, ran.names("unchanged")) == ([5, 5], ["endpoint"])
    assert "exported  seen: last = InService" in ran.lines


def test_a_property_keeps_the_uuid_that_it_draws(con: Connection, tmp_path: Path) -> None:
    drawing = MODEL.replace("{{ stack_name }}-{{ stack_env }}", "{{ stack_name }}-{{ uuid() }}")
    assert drawing != MODEL
    two = drawing + drawing.replace("name: model", "name: other")
    ran = build_ok(con, write(tmp_path, "drawn", two))
    assert ran.names("created") == ["model", "other"]


def test_shown_statements_have_their_values(con: Connection, tmp_path: Path) -> None:
    stack = write(tmp_path, "shown", MODEL)
    ran = build_ok(con, stack, shows_queries=True)
    assert "VALUES ('shown-dev', " in ran.text
    assert "?" not in ran.text


def test_a_key_with_a_typo_is_named(con: Connection, tmp_path: Path) -> None:
    ran = run_stack(con, write(tmp_path, "typo", MODEL.replace("ModelName", "ModelNmae")))
    assert "It has no 'ModelNmae'. Did you mean 'ModelName'?" in str(ran.error)

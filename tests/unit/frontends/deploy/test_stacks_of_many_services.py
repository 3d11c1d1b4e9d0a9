from __future__ import annotations

from pathlib import Path

import pytest
from stacks import build_ok, run_stack, write_stack

import sqlprov

MANIFEST = """
name: many
globals: [{name: region, value: us-east-1}]
resources:
  - name: bucket
    table: aws.s3.buckets
    props: [{name: Bucket, value: "many-{{ stack_env }}-bucket"}]
    exports: [{name: bucket}]
  - name: role
    table: aws.iam.roles
    props:
      - {name: RoleName, value: "many-{{ stack_env }}"}
      - name: AssumeRolePolicyDocument
        value:
          Version: "2012-10-17"
          Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]
      - {name: MaxSessionDuration, value: 7200}
      - {name: Tags, value: [{Key: team, Value: ml}]}
    exports: [{arn: role_arn}]
  - name: logs
    table: aws.logs.log_groups
    props: [{name: logGroupName, value: "/many/{{ bucket }}"}, {name: tags, value: {team: ml}}]
  - name: table
    table: aws.dynamodb.tables
    props:
      - {name: TableName, value: many}
      - {name: AttributeDefinitions, value: [{AttributeName: id, AttributeType: S}]}
      - {name: KeySchema, value: [{AttributeName: id, KeyType: HASH}]}
      - {name: BillingMode, value: PAY_PER_REQUEST}
  - name: vpc
    table: aws.ec2.vpcs
    find: {cidr_block: 10.9.0.0/16}
    props: [{name: CidrBlock, value: 10.9.0.0/16}]
    exports: [vpc_id]
  - name: subnet
    table: aws.ec2.subnets
    find: {cidr_block: 10.9.1.0/24}
    props: [{name: VpcId, value: "{{ vpc_id }}"}, {name: CidrBlock, value: 10.9.1.0/24}]
  - name: parameter
    table: aws.ssm.parameters
    props: [{name: Name, value: /many/role}, {name: Type, value: String}, {name: Value, value: "{{ role_arn }}"}]
  - name: queue
    table: aws.sqs.queues
    find: "queue_url LIKE '%/{{ stack_name }}'"
    props: [{name: QueueName, value: many}, {name: VisibilityTimeout, value: 45}]
  - name: topic
    table: aws.sns.topics
    find: {topic_arn: "arn:aws:sns:us-east-1:123456789012:many"}
    props: [{name: Name, value: many}, {name: Attributes, value: {DisplayName: Many}}]
  - name: secret
    table: aws.ssm.parameters
    props: [{name: Name, value: /many/secret}, {name: Type, value: SecureString}, {name: Value, value: first-word}]
  - name: zone
    table: aws.route53.hosted_zones
    find: {name: many.example.}
    props: [{name: Name, value: many.example}]
"""
CLOUD_CONTROL = """
name: control
providers: [awscc]
globals: [{name: region, value: us-east-1}]
resources:
  - name: queue
    table: awscc.sqs.queues
    find: {queue_name: control}
    props: [{name: QueueName, value: control}, {name: DelaySeconds, value: 5}]
    exports: [arn]
  - name: topic
    table: awscc.sns.topics
    find: {topic_name: control}
    props: [{name: TopicName, value: control}, {name: DisplayName, value: "{{ arn }}"}]
"""
NAMES = ["bucket", "role", "logs", "table", "vpc", "subnet", "parameter", "queue", "topic", "secret", "zone"]
CHANGES = {
    "role": ("value: 7200", "value: 3600", "MaxSessionDuration", "7200", "3600"),
    "logs": (
        "tags, value: {team: ml}",
        "tags, value: {team: ops}",
        "tags",
        '{"team": "ml"}',
        '{"team": "ops"}',
    ),
    "queue": ("value: 45", "value: 60", "VisibilityTimeout", "45", "60"),
}


def test_rows_of_ten_services_are_built_once_changed_where_they_differ_and_torn_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQLPROV_STATE_DIR", str(tmp_path / "state"))
    stack = write_stack(tmp_path, MANIFEST)
    with sqlprov.connect(local=True) as con:
        assert build_ok(con, stack).names("created") == NAMES
        assert build_ok(con, stack).names("unchanged") == NAMES
        assert {each.action for each in run_stack(con, stack, "plan").plan} == {"none"}
        for name, (old, new, field, before, after) in CHANGES.items():
            file = stack / "stackql_manifest.yml"
            assert old in file.read_text()
            file.write_text(file.read_text().replace(old, new))
            changed = [each for each in run_stack(con, stack, "plan").plan if each.action != "none"]
            assert [(each.resource, each.action, each.field) for each in changed] == [(name, "update", field)]
            assert (changed[0].old, changed[0].new.strip('"')) == (before, after)
            assert build_ok(con, stack).names("updated") == [name]
        assert run_stack(con, stack, "test").names("passed") == NAMES
        assert build_ok(con, stack, command="teardown").names("deleted") == NAMES[::-1]


QUEUES = """
name: pair
globals: [{name: region, value: us-east-1}]
resources:
  - name: first
    table: aws.sqs.queues
    find: "queue_url LIKE '%/{{ stack_name }}-1'"
    props: [{name: QueueName, value: "{{ stack_name }}-1"}, {name: VisibilityTimeout, value: 45}]
    exports: [{visibility_timeout: seconds}, queue_arn]
  - name: second
    table: aws.sqs.queues
    find: "queue_url LIKE '%/{{ stack_name }}-2'"
    props: [{name: QueueName, value: "{{ stack_name }}-2"}, {name: VisibilityTimeout, value: "{{ seconds }}"}]
  - name: third
    table: aws.sns.topics
    find: {topic_arn: "arn:aws:sns:us-east-1:123456789012:pair"}
    props: [{name: Name, value: pair}, {name: Attributes, value: {DisplayName: "{{ queue_arn }}"}}]
"""


def test_a_plan_does_not_use_the_old_value_of_an_export_that_an_update_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQLPROV_STATE_DIR", str(tmp_path / "state"))
    stack = write_stack(tmp_path, QUEUES)
    with sqlprov.connect(local=True) as con:
        build_ok(con, stack)
        write_stack(tmp_path, QUEUES.replace("value: 45", "value: 60"))
        assert [(each.action, each.new) for each in run_stack(con, stack, "plan").plan] == [
            ("update", "60"),
            ("create or update", "after first"),
            ("none", ""),
        ]
        assert build_ok(con, stack).names("updated") == ["first", "second"]
        assert {each.action for each in run_stack(con, stack, "plan").plan} == {"none"}


def test_types_of_cloudformation_are_built_changed_and_torn_down_through_cloud_control(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQLPROV_STATE_DIR", str(tmp_path / "state"))
    stack = write_stack(tmp_path, CLOUD_CONTROL)
    with sqlprov.connect(local=True) as con:
        assert build_ok(con, stack).names("created") == ["queue", "topic"]
        assert build_ok(con, stack).names("unchanged") == ["queue", "topic"]
        write_stack(tmp_path, CLOUD_CONTROL.replace("value: 5", "value: 6"))
        changed = [each for each in run_stack(con, stack, "plan").plan if each.action != "none"]
        assert [(each.resource, each.field, each.old, each.new) for each in changed] == [
            ("queue", "DelaySeconds", "5", "6")
        ]
        assert build_ok(con, stack).names("updated") == ["queue"]
        assert build_ok(con, stack, command="teardown").names("deleted") == ["topic", "queue"]


SECRET = """
version: 1
name: secret
globals: [{name: region, value: us-east-1}]
resources:
  - name: password
    table: aws.secretsmanager.secrets
    find: {name: kept-secret}
    props: [{name: Name, value: kept-secret}, {name: SecretString, value: first}]
"""


def test_a_property_that_no_read_returns_is_named_by_plan_build_and_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQLPROV_STATE_DIR", str(tmp_path / "state"))
    stack = write_stack(tmp_path, SECRET)
    with sqlprov.connect(local=True) as con:
        build_ok(con, stack)
        write_stack(tmp_path, SECRET.replace("value: first", "value: second"))
        (planned,) = run_stack(con, stack, "plan").plan
        assert (planned.action, planned.new) == ("none", "not compared: SecretString")
        assert "password: not compared: SecretString" in build_ok(con, stack).text
        assert "password: not compared: SecretString" in build_ok(con, stack, command="test").text


ZONE = """
name: zone
globals: [{name: region, value: us-east-1}]
resources:
  - name: zone
    table: aws.route53.hosted_zones
    find: {name: COMMAND.test}
    props: [{name: Name, value: COMMAND.test}, {name: CallerReference, value: one}]
"""


@pytest.mark.parametrize("command", ["build", "plan", "teardown"])
def test_a_row_whose_name_the_service_wrote_in_its_own_way_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("SQLPROV_STATE_DIR", str(tmp_path / "state"))
    name = f"{command}.test"
    zones = f"SELECT count(*) FROM aws.route53.hosted_zones WHERE name = '{name}.'"
    with sqlprov.connect(local=True) as con:
        con.sql(f"INSERT INTO aws.route53.hosted_zones (Name, CallerReference) VALUES ('{name}', '{name}')")
        stack = write_stack(tmp_path, ZONE.replace("COMMAND", command.title()))
        ran = run_stack(con, stack, command)
        assert f"has name = '{name.title()}'".replace(".Test", ".test") in ran.text
        assert f"but one has name = '{name}.'. If that is another resource" in ran.text
        assert ran.names("absent") == (["zone"] if command == "teardown" else [])
        assert con.sql(zones).fetchone() == (1,)


TOKEN = """
name: token
globals: [{name: region, value: us-east-1}]
resources:
  - name: zone
    table: aws.route53.hosted_zones
    find: {name: token.internal.}
    props: [{name: Name, value: token.internal}, {name: CallerReference, value: "{{ uuid() }}"}]
"""
TOPIC = """
name: topic
globals: [{name: region, value: us-east-1}]
resources:
  - name: topic
    table: aws.sns.topics
    find: {topic_arn: by-name}
    props: [{name: Name, value: by-name}]
"""


def test_a_row_whose_token_is_another_in_each_build_is_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQLPROV_STATE_DIR", str(tmp_path / "state"))
    with sqlprov.connect(local=True) as con:
        stack = write_stack(tmp_path, TOKEN)
        assert build_ok(con, stack).names("created") == ["zone"]
        assert build_ok(con, stack).names("unchanged") == ["zone"]
        assert build_ok(con, stack, command="test").names("passed") == ["zone"]


def test_a_row_found_by_a_name_where_it_has_its_arn_is_named_in_every_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQLPROV_STATE_DIR", str(tmp_path / "state"))
    with sqlprov.connect(local=True) as con:
        stack = write_stack(tmp_path, TOPIC)
        for creates in (["topic"], []):
            ran = run_stack(con, stack)
            assert "one has topic_arn = 'arn:aws:sns:us-east-1:123456789012:by-name'" in str(ran.error)
            assert ran.names("created") == creates

"""What calls send: constants, the place of the row, tokens, and values that must not be shown."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from moto_seeder import open_client
from moto_server import start_moto
from write_round_trips import CATALOG, lose_reply

from sqlprov.api.connection import Connection
from sqlprov.aws.transport import calls
from sqlprov.aws.transport.accounts import AccountFinder
from sqlprov.aws.transport.clients import Cloud
from sqlprov.duck.database import open_database
from sqlprov.duck.session import Session
from sqlprov.errors import WriteError
from sqlprov.settings import Settings

SECRET = "correct-horse"


@pytest.fixture(scope="module")
def con() -> Iterator[Connection]:
    with start_moto() as url:
        open_client(url, "sqs").create_queue(QueueName="first")  # moto cannot list none
        cloud = Cloud(endpoint_url=url, credentials=("testing", "testing"))
        settings = Settings(regions="us-east-1", max_attempts=3, settle=0.0, await_timeout=5.0)
        with Connection(Session(CATALOG, AccountFinder(cloud), open_database()), settings) as con:
            yield con


def find_parameters(result: Any, operation: str) -> Any:
    """The parameters of the only call of an operation."""
    (call,) = (call for call in result.calls if call.operation == operation)
    return call.parameters


def test_a_bucket_is_created_in_its_region_which_us_east_1_does_not_take(con: Connection) -> None:
    near = con.sql("INSERT INTO aws.s3.buckets (name) VALUES ('near-bucket')")
    assert find_parameters(near, "CreateBucket") == {"Bucket": "near-bucket"}
    far = con.sql("""
        INSERT INTO aws.s3.buckets (name, create_bucket_configuration, region)
        VALUES ('far-bucket', {Tags: [{Key: 'stage', Value: 'test'}]}, 'eu-west-1')""")
    sent = find_parameters(far, "CreateBucket")["CreateBucketConfiguration"]
    assert sent == {"LocationConstraint": "eu-west-1", "Tags": [{"Key": "stage", "Value": "test"}]}


def test_a_statement_cannot_give_what_every_call_sends(con: Connection) -> None:
    with pytest.raises(Exception, match="no column max_count"):
        con.sql("INSERT INTO aws.ec2.instances (image_id, max_count) VALUES ('ami-1', 5)")


def test_columns_of_a_queue_are_sent_as_its_attributes(con: Connection) -> None:
    created = con.sql("""
        INSERT INTO aws.sqs.queues (queue_name, visibility_timeout) VALUES ('orders', 45)
        RETURNING visibility_timeout""")
    assert find_parameters(created, "CreateQueue")["Attributes"] == {"VisibilityTimeout": "45"}
    assert created.fetchall() == [(45,)]
    with pytest.raises(WriteError, match="/orders' in us-east-1 already exists"):
        con.sql("INSERT INTO aws.sqs.queues (queue_name, visibility_timeout) VALUES ('orders', 45)")
    changed = con.sql("""
        UPDATE aws.sqs.queues SET visibility_timeout = 60, delay_seconds = 0
        WHERE queue_arn LIKE '%:orders' AND region = 'us-east-1'""")
    assert find_parameters(changed, "SetQueueAttributes")["Attributes"] == {"VisibilityTimeout": "60"}


def test_a_record_is_deleted_with_all_its_members(con: Connection) -> None:
    con.sql("INSERT INTO aws.route53.hosted_zones (name) VALUES ('example.com.')")
    con.sql("""
        INSERT INTO aws.route53.resource_record_sets (hosted_zone_id, name, type, ttl, resource_records)
        SELECT id, 'www.example.com.', 'A', 60, [{Value: '10.20.0.7'}] FROM aws.route53.hosted_zones""")
    changed = con.sql("""
        UPDATE aws.route53.resource_record_sets SET ttl = 300 WHERE name = 'www.example.com.' RETURNING ttl""")
    assert changed.fetchall() == [(300,)]
    deleted = con.sql("DELETE FROM aws.route53.resource_record_sets WHERE name = 'www.example.com.'")
    assert find_parameters(deleted, "ChangeResourceRecordSets")["ChangeBatch"] == {
        "Changes": [
            {
                "Action": "DELETE",
                "ResourceRecordSet": {
                    "Name": "www.example.com.",
                    "Type": "A",
                    "TTL": 300,
                    "ResourceRecords": [{"Value": "10.20.0.7"}],
                },
            }
        ]
    }


def test_a_lost_create_with_a_token_is_repeated_with_the_same_token(
    con: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose, tokens = calls.choose_sender, []

    def choose_sender(client: Any, name: str, *rest: Any) -> Any:
        send = choose(client, name, *rest)

        def note_token(parameters: Any, *arguments: Any) -> Any:
            tokens.append(parameters.get("ClientToken"))
            return send(parameters, *arguments)

        return note_token if name == "CreateVolume" else send

    monkeypatch.setattr(calls, "choose_sender", choose_sender)
    with lose_reply("CreateVolume", carried_out=True):
        result = con.sql("INSERT INTO aws.ec2.volumes (availability_zone, size) VALUES ('us-east-1a', 1)")
    (outcome,) = result.outcomes
    assert outcome.key.startswith("vol-")
    assert outcome.reason == "a response was lost; the same token was sent again"
    first, second = tokens
    assert first == second
    assert len(first) == 36


DNS = """
    INSERT INTO aws.ec2.vpcs (CidrBlock, EnableDnsHostnames, EnableDnsSupport, region)
    SELECT '10.8.0.0/16', true, 'true', 'us-east-1'"""


@pytest.mark.parametrize("is_lost", [False, True])
def test_what_a_create_does_not_take_is_set_afterwards(con: Connection, is_lost: bool) -> None:
    planned = con.sql(f"EXPLAIN {DNS}").fetchall()
    with lose_reply("ModifyVpcAttribute", carried_out=True) if is_lost else nullcontext():
        result = con.sql(DNS)
    (outcome,) = result.outcomes
    assert outcome.operations == ("CreateVpc", "ModifyVpcAttribute", "ModifyVpcAttribute")
    assert [row[2] for row in planned] == [*outcome.operations]
    assert find_parameters(result, "CreateVpc") == {"CidrBlock": "10.8.0.0/16"}
    client = open_client(con._session.accounts.own.endpoint_url, "ec2")
    for name in ("EnableDnsHostnames", "EnableDnsSupport"):
        reply = client.describe_vpc_attribute(VpcId=outcome.key, Attribute=name[0].lower() + name[1:])
        assert reply[name] == {"Value": True}


def test_an_attribute_that_the_row_shows_is_among_the_returned_columns(con: Connection) -> None:
    result = con.sql("""
        INSERT INTO aws.ec2.subnets (vpc_id, cidr_block, map_public_ip_on_launch)
        SELECT vpc_id, '172.31.128.0/20', true FROM aws.ec2.vpcs WHERE is_default AND region = 'us-east-1'
        RETURNING map_public_ip_on_launch""")
    assert result.fetchall() == [(True,)]
    assert [each.operations for each in result.outcomes] == [("CreateSubnet", "ModifySubnetAttribute")]


def test_the_text_of_a_secret_is_not_shown(con: Connection, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "sqlprov")
    insert = f"INSERT INTO aws.secretsmanager.secrets (name, secret_string) VALUES ('door', '{SECRET}')"
    plan = con.sql(f"EXPLAIN {insert}").fetchall()
    result = con.sql(insert)
    assert find_parameters(result, "CreateSecret")["SecretString"] == "(sensitive)"
    with pytest.raises(WriteError, match="already exists") as failure:
        con.sql(insert)
    put = "EXEC aws.ssm.parameters.put @Name = '/door', @Type = 'SecureString', @Value = "
    parameter = con.sql(f"{put}'{SECRET}'")
    assert find_parameters(parameter, "PutParameter")["Value"] == "(sensitive)"
    shown = (plan, result.calls, result.outcomes, str(failure.value), failure.value.outcomes, parameter.calls)
    assert SECRET not in f"{shown}{caplog.text}"
    assert "(sensitive)" in f"{plan}"


def test_a_deleted_secret_is_gone_for_writes_and_can_be_restored(con: Connection) -> None:
    con.sql("INSERT INTO aws.secretsmanager.secrets (name, secret_string) VALUES ('gate', 'x')")
    where = "WHERE name = 'gate' AND region = 'us-east-1'"
    con.sql(f"DELETE FROM aws.secretsmanager.secrets {where}")
    (again,) = con.sql(f"DELETE FROM aws.secretsmanager.secrets {where}").outcomes
    assert (again.operations, again.reason) == ((), "it was already gone")
    with pytest.raises(WriteError, match="no longer exists"):
        con.sql(f"UPDATE aws.secretsmanager.secrets SET description = 'b' {where}")
    con.sql("EXEC aws.secretsmanager.secrets.restore @SecretId = 'gate', @region = 'us-east-1'")
    con.sql(f"UPDATE aws.secretsmanager.secrets SET description = 'b' {where}")
    rows = con.sql(f"SELECT description, deleted_date FROM aws.secretsmanager.secrets {where}").fetchall()
    assert rows == [("b", None)]


def test_terminating_an_instance_again_makes_no_call(con: Connection) -> None:
    created = con.sql("""
        INSERT INTO aws.ec2.instances (image_id, instance_type, tags)
        VALUES ('ami-12c6146b', 't3.micro', MAP {'stage': 'new'}) RETURNING tags""")
    assert created.fetchall() == [([{"Key": "stage", "Value": "new"}],)]
    where = "WHERE image_id = 'ami-12c6146b' AND region = 'us-east-1'"
    tagged = con.sql(f"UPDATE aws.ec2.instances SET tags = MAP {{'stage': 'test'}} {where} RETURNING tags")
    assert tagged.fetchall() == [([{"Key": "stage", "Value": "test"}],)]
    deleted = con.sql(f"/*+ AWAIT */ DELETE FROM aws.ec2.instances {where}")
    assert [outcome.operations for outcome in deleted.outcomes] == [("TerminateInstances",)]
    (again,) = con.sql(f"DELETE FROM aws.ec2.instances {where}").outcomes
    assert (again.operations, again.reason) == ((), "it was already terminated")


def test_an_update_of_a_stack_keeps_the_parameters_that_the_statement_leaves_alone(con: Connection) -> None:
    template = """{"Parameters": {"Owner": {"Type": "String", "Default": "nobody"}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": {"Owner": {"Value": {"Ref": "Owner"}}}}"""
    con.sql(f"""
        INSERT INTO aws.cloudformation.stacks (stack_name, template_body, parameters)
        VALUES ('first', '{template}', [{{ParameterKey: 'Owner', ParameterValue: 'ada'}}])""")
    where = "WHERE stack_name = 'first' RETURNING outputs[1].OutputValue AS owner"
    other = template.replace("Topic", "Other", 1)
    changed = con.sql(f"UPDATE aws.cloudformation.stacks SET template_body = '{other}' {where}")
    assert changed.fetchall() == [("ada",)]
    parameters = "[{ParameterKey: 'Owner', ParameterValue: 'bob'}]"
    changed = con.sql(f"UPDATE aws.cloudformation.stacks SET parameters = {parameters} {where}")
    assert changed.fetchall() == [("bob",)]
    assert find_parameters(changed, "UpdateStack")["UsePreviousTemplate"] is True

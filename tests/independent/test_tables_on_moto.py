"""Tables that say more than their model: rows equal what boto3 creates on moto."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto_server import start_moto

import sqlprov


class MotoAccount:
    """An account on moto: boto3's clients, and a connection."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.con = sqlprov.connect(endpoint_url=url, region="us-east-1")

    def client(self, service: str, region: str = "us-east-1") -> Any:
        return boto3.client(service, region_name=region, endpoint_url=self.url)


@pytest.fixture(scope="module")
def account() -> Iterator[MotoAccount]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        with start_moto() as url:
            account = MotoAccount(url)
            yield account
            account.con.close()


def test_buckets_and_their_objects_are_read_once_whatever_the_regions(account: MotoAccount) -> None:
    s3 = account.client("s3")
    for name in ("first-bucket", "second-bucket"):
        s3.create_bucket(Bucket=name)
        s3.put_object(Bucket=name, Key="a.txt", Body=b"text")
    s3.put_bucket_versioning(Bucket="first-bucket", VersioningConfiguration={"Status": "Enabled"})
    # moto does not return BucketRegion: the buckets are at home.
    for where in ("", "WHERE region <> 'eu-west-1'", "WHERE lower(region) LIKE '%east%'"):
        rows = account.con.sql(f"SELECT name, versioning, policy FROM aws.s3.buckets {where} ORDER BY name")
        assert rows.fetchall() == [("first-bucket", "Enabled", None), ("second-bucket", None, None)]
        objects = account.con.sql(
            f"SELECT bucket, key, size, region FROM aws.s3.objects {where} ORDER BY bucket"
        )
        assert objects.fetchall() == [
            ("first-bucket", "a.txt", 4, "us-east-1"),
            ("second-bucket", "a.txt", 4, "us-east-1"),
        ]


def test_tags_of_load_balancers_come_from_calls_that_take_several(account: MotoAccount) -> None:
    subnets = [each["SubnetId"] for each in account.client("ec2").describe_subnets()["Subnets"]][:2]
    balancers, classic = account.client("elbv2"), account.client("elb")
    for name in ("front", "back"):
        balancers.create_load_balancer(Name=name, Subnets=subnets, Tags=[{"Key": "name", "Value": name}])
    listener = {"Protocol": "tcp", "LoadBalancerPort": 80, "InstancePort": 80}
    classic.create_load_balancer(
        LoadBalancerName="old",
        Listeners=[listener],
        AvailabilityZones=["us-east-1a"],
        Tags=[{"Key": "name", "Value": "old"}],
    )
    rows = account.con.sql("SELECT load_balancer_name, tags FROM aws.elbv2.load_balancers ORDER BY 1")
    assert rows.fetchall() == [(name, [{"Key": "name", "Value": name}]) for name in ("back", "front")]
    (row,) = account.con.sql("SELECT load_balancer_name, tags FROM aws.elb.load_balancers").fetchall()
    assert row == ("old", [{"Key": "name", "Value": "old"}])


def test_attributes_of_a_queue_have_their_types(account: MotoAccount) -> None:
    account.client("sqs").create_queue(
        QueueName="jobs", Attributes={"DelaySeconds": "5"}, tags={"team": "search"}
    )
    result = account.con.sql(
        "SELECT delay_seconds, sqs_managed_sse_enabled, tags, year(created_timestamp) > 2000 FROM aws.sqs.queues"
    )
    assert result.fetchall() == [(5, True, [{"Key": "team", "Value": "search"}], True)]


def test_attributes_of_a_topic_have_their_types_and_the_map_has_all_of_them(account: MotoAccount) -> None:
    attributes = {"DisplayName": "Orders", "KmsMasterKeyId": "alias/aws/sns"}
    account.con.sql(
        "INSERT INTO aws.sns.topics (Name, Attributes, region) VALUES "
        "('orders', MAP {'DisplayName': 'Orders', 'KmsMasterKeyId': 'alias/aws/sns'}, 'us-east-1')"
    )
    rows = account.con.sql(
        "SELECT display_name, kms_master_key_id, subscriptions_pending, policy->>'Version', delivery_policy, "
        "attributes FROM aws.sns.topics WHERE DisplayName = 'Orders'"
    )
    ((*columns, kept),) = rows.fetchall()
    assert columns == ["Orders", "alias/aws/sns", 0, "2008-10-17", None]
    sns = account.client("sns")
    (topic,) = sns.list_topics()["Topics"]
    assert kept == sns.get_topic_attributes(TopicArn=topic["TopicArn"])["Attributes"]
    assert attributes.items() <= kept.items()


def test_attributes_of_a_subscription_have_their_types(account: MotoAccount) -> None:
    sns = account.client("sns")
    topic = sns.create_topic(Name="filtered")["TopicArn"]
    policy = {"RawMessageDelivery": "true", "FilterPolicy": '{"kind": ["a"]}'}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:1:jobs", Attributes=policy)
    rows = account.con.sql(
        "SELECT raw_message_delivery, pending_confirmation, filter_policy->'kind', attributes['FilterPolicy'] "
        f"FROM aws.sns.subscriptions WHERE topic_arn = '{topic}'"
    )
    assert rows.fetchall() == [(True, False, '["a"]', '{"kind": ["a"]}')]


def test_the_list_of_roles_lacks_their_tags(account: MotoAccount) -> None:
    account.client("iam").create_role(
        RoleName="reader", AssumeRolePolicyDocument="{}", Tags=[{"Key": "team", "Value": "search"}]
    )
    result = account.con.sql("SELECT role_name, tags FROM aws.iam.roles")
    assert result.fetchall() == [("reader", [{"Key": "team", "Value": "search"}])]
    assert [call.operation for call in result.calls] == ["ListRoles", "GetRole"]


def test_the_records_of_a_zone_are_those_of_the_id_that_its_list_shows(account: MotoAccount) -> None:
    zone = account.client("route53").create_hosted_zone(Name="example.com", CallerReference="1")[
        "HostedZone"
    ]["Id"]
    count = "SELECT count(*) FROM aws.route53.resource_record_sets WHERE hosted_zone_id = "
    assert zone.startswith("/hostedzone/")
    assert account.con.sql(f"{count} '{zone}'").fetchall() == [(2,)]
    for pushdown in ("on", "off"):
        account.con.sql(f"SET sqlprov_pushdown = '{pushdown}'")
        assert account.con.sql(f"{count} '{zone.rpartition('/')[2]}'").fetchall() == [(0,)]


def test_weighted_records_have_their_own_keys_and_a_zone_has_tags(account: MotoAccount) -> None:
    route53 = account.client("route53")
    zone = route53.create_hosted_zone(Name="example.org", CallerReference="2")["HostedZone"]["Id"]
    plain = {"Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    records = [
        {**plain, "Name": "www.example.org.", "SetIdentifier": text, "Weight": 1} for text in ("a", "b")
    ]
    changes = [
        {"Action": "CREATE", "ResourceRecordSet": each}
        for each in (*records, {**plain, "Name": "example.org."})
    ]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    route53.change_tags_for_resource(
        ResourceType="hostedzone",
        ResourceId=zone.rpartition("/")[2],
        AddTags=[{"Key": "team", "Value": "web"}],
    )
    where = f"hosted_zone_id = '{zone}' AND type = 'A'"
    keys = f"SELECT data__Identifier FROM aws.route53.resource_record_sets WHERE {where}"
    names = ["example.org.|A|", "www.example.org.|A|a", "www.example.org.|A|b"]
    assert account.con.sql(f"{keys} ORDER BY 1").fetchall() == [(f"{zone}|{name}",) for name in names]
    key = f"{zone}|{names[0]}"
    assert account.con.sql(f"{keys} AND data__Identifier = '{key}'").fetchall() == [(key,)]
    tags = account.con.sql("SELECT tags FROM aws.route53.hosted_zones WHERE name = 'example.org.'").fetchall()
    assert tags == [([{"Key": "team", "Value": "web"}],)]


def test_the_dimensions_of_a_metric_are_in_its_key(account: MotoAccount) -> None:
    data = [
        {"MetricName": "Load", "Value": 1, "Dimensions": [{"Name": "Host", "Value": host}]} for host in "ab"
    ]
    account.client("cloudwatch").put_metric_data(Namespace="Shop", MetricData=data)
    keys = "SELECT data__Identifier FROM aws.cloudwatch.metrics WHERE namespace = 'Shop' ORDER BY 1"
    rows = account.con.sql(keys).fetchall()
    assert rows == [(f'Shop|Load|[{{"Name":"Host","Value":"{host}"}}]',) for host in "ab"]


def test_the_arn_of_a_job_is_made_for_the_call_that_reads_its_tags(account: MotoAccount) -> None:
    account.client("glue").create_job(
        Name="nightly", Role="reader", Command={"Name": "glueetl"}, Tags={"team": "search"}
    )
    query = "SELECT name, tags FROM aws.glue.jobs"
    result = account.con.sql(query)
    assert result.fetchall() == [("nightly", [{"Key": "team", "Value": "search"}])]
    assert [call.operation for call in result.calls] == ["GetCallerIdentity", "GetJobs", "GetTags"]
    planned = [(call.operation, call.columns) for call in account.con.sql(f"EXPLAIN {query}").planned]
    assert ("GetTags", ("tags",)) in planned

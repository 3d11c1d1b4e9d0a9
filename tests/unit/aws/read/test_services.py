"""Tables of services with other protocols, on moto's server: further calls, lookups through lists, pairs, home."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pyarrow as pa
import pytest
from hand_tables import HandRead, build_table, own_column, plan_table, read_table
from local_sagemaker import CATALOG, connection
from moto_server import start_moto

from sqlprov.aws.read.list_replies import find_rows
from sqlprov.aws.transport.errors import MalformedReply
from sqlprov.catalog.column import Column, ColumnSource, TagSpelling
from sqlprov.catalog.read_calls import DescribeCall, ErrorRule, ExtraCall, PageToken, TagsCall
from sqlprov.catalog.service_model import TIMESTAMP
from sqlprov.catalog.table import ErrorRules, ListCall, Parent, Table
from sqlprov.emulator.model_server import ModelServer
from sqlprov.errors import ServiceError
from sqlprov.plan.read import TRUE, Predicate, list_calls
from sqlprov.plan.read.predicate import And, Compare, In

TAGS = pa.list_(pa.struct([("Key", pa.string()), ("Value", pa.string())]))
TRUST = '{"Version":"2012-10-17","Statement":[]}'


def missing(*codes: str) -> ErrorRules:
    return ErrorRules(missing=tuple(map(ErrorRule, codes)))


INSTANCES = build_table(
    "ec2",
    "instances",
    ("instance_id",),
    ListCall(
        "DescribeInstances",
        ("Reservations", "Instances"),
        tokens=(PageToken("NextToken", "NextToken"),),
        page_size_parameter="MaxResults",
        page_size=1000,
        arguments={"InstanceIds": "instance_id"},
        batch=100,
    ),
    errors=missing("InvalidInstanceID.NotFound"),
)
ROLES = build_table(
    "iam",
    "roles",
    ("role_name",),
    ListCall("ListRoles", ("Roles",), tokens=(PageToken("Marker", "Marker"),), more="IsTruncated"),
    DescribeCall("GetRole", {"RoleName": "role_name"}, ("Role",), {}),
    lacks=("tags",),
    errors=missing("NoSuchEntity"),
    home="us-east-1",
)
ZONES = build_table(
    "route53",
    "hosted_zones",
    ("id",),
    ListCall(
        "ListHostedZones", ("HostedZones",), tokens=(PageToken("Marker", "NextMarker"),), more="IsTruncated"
    ),
    DescribeCall("GetHostedZone", {"Id": "id"}, ("HostedZone",), {}),
    home="us-east-1",
    errors=missing("NoSuchHostedZone"),
)
BUCKETS = build_table(
    "s3",
    "buckets",
    ("name",),
    ListCall("ListBuckets", ("Buckets",), may_omit_rows=True),
    columns=[
        own_column("location", ColumnSource.EXTRA, path=("LocationConstraint",), extra="location"),
        own_column("policy", ColumnSource.EXTRA, path=("Policy",), extra="policy"),
        own_column("tags", ColumnSource.TAGS, TAGS),
    ],
    extras={
        "location": ExtraCall("GetBucketLocation", {"Bucket": "name"}),
        "policy": ExtraCall("GetBucketPolicy", {"Bucket": "name"}, absent=(ErrorRule("NoSuchBucketPolicy"),)),
    },
    home="us-east-1",
    region_column="location",
)


def pair(name: str, kind: pa.DataType, member: str) -> Column:
    return Column(name, kind, pa.string(), "", ColumnSource.DESCRIBE, (member,))


PAIRS = [
    pair("queue_arn", pa.string(), "QueueArn"),
    pair("delay_seconds", pa.int64(), "DelaySeconds"),
    pair("created_timestamp", TIMESTAMP, "CreatedTimestamp"),
    pair("fifo_queue", pa.bool_(), "FifoQueue"),
]
QUEUES = build_table(
    "sqs",
    "queues",
    ("queue_url",),
    ListCall("ListQueues", ("QueueUrls",), scalar="queue_url", may_omit_rows=True),
    DescribeCall(
        "GetQueueAttributes",
        {"QueueUrl": "queue_url"},
        ("Attributes",),
        {column.name: column.path for column in PAIRS},
        send={"AttributeNames": ["All"]},
        pairs=True,
    ),
    columns=[*PAIRS, own_column("tags", ColumnSource.TAGS, TAGS)],
    tags=TagsCall("ListQueueTags", "QueueUrl", "Tags", "", "", column="queue_url", spelling=TagSpelling()),
    errors=missing("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"),
)


@pytest.fixture(scope="module")
def url(aws: object) -> Iterator[str]:
    with start_moto() as url:
        yield url


@pytest.fixture(scope="module")
def open_client(url: str) -> Any:
    def open_client(service: str, region: str = "us-east-1") -> Any:
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    return open_client


@pytest.fixture(scope="module")
def instances(open_client: Any) -> list[str]:
    ec2 = open_client("ec2")
    ids = []
    for count in (2, 1):  # two reservations
        made = ec2.run_instances(ImageId="ami-12345678", MinCount=count, MaxCount=count)
        ids += [each["InstanceId"] for each in made["Instances"]]
    ec2.create_tags(Resources=ids[:1], Tags=[{"Key": "team", "Value": "search"}])
    return sorted(ids)


@pytest.fixture
def read(url: str) -> Any:
    def read(table: Table, columns: tuple[str, ...], where: Predicate = TRUE, **more: Any) -> HandRead:
        return read_table(url, table, columns, where, **more)

    return read


# Lookups through a list


def test_rows_come_from_every_list_on_the_way(read: Any, instances: list[str]) -> None:
    result = read(INSTANCES, ("instance_id", "launch_time"))
    assert result.values("instance_id") == instances
    assert all(row["launch_time"].tzinfo for row in result.rows)


def test_rows_are_one_member_of_the_elements_of_a_list() -> None:
    reply = {"Classifiers": [{"CsvClassifier": {"Name": "orders"}}, {"GrokClassifier": {"Name": "log"}}]}
    listing = ListCall("GetClassifiers", ("Classifiers", "CsvClassifier"))
    assert find_rows(listing, reply) == [{"Name": "orders"}]
    with pytest.raises(MalformedReply, match="Classifiers is not a list of structures"):
        find_rows(replace(listing, rows=("Classifiers",)), {"Classifiers": {"Name": "orders"}})


def test_a_list_that_takes_ids_looks_them_up_in_one_call(read: Any, instances: list[str]) -> None:
    result = read(INSTANCES, ("instance_id",), In("instance_id", tuple(instances[:2])))
    assert result.values("instance_id") == instances[:2]
    assert [parameters for _, _, parameters in result.requests] == [{"InstanceIds": instances[:2]}]


def test_a_missing_id_among_others_is_found_by_one_call_for_each(read: Any, instances: list[str]) -> None:
    result = read(INSTANCES, ("instance_id",), In("instance_id", (instances[0], "i-0123456789abcdef0")))
    assert result.values("instance_id") == [instances[0]]
    assert result.calls == {"DescribeInstances": 3}
    assert read(INSTANCES, ("instance_id",), Compare("instance_id", "=", "i-0123456789abcdef0")).rows == []


# Describe, and columns that the list lacks


def test_an_item_of_a_describe_is_read_and_what_the_list_lacks_comes_from_it(
    read: Any, open_client: Any
) -> None:
    iam = open_client("iam")
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "a", "Value": "b"}])
    result = read(ROLES, ("role_name", "create_date", "tags", "assume_role_policy_document"))
    (row,) = [row for row in result.rows if row["role_name"] == "reader"]
    assert row["tags"] == [{"Key": "a", "Value": "b"}]
    assert row["assume_role_policy_document"] == TRUST, "botocore decodes the document, a text in the model"
    only = read(ROLES, ("tags",), Compare("role_name", "=", "reader"))
    assert (len(only.rows), only.calls) == (1, {"GetRole": 1})
    assert read(ROLES, ("tags",), Compare("role_name", "=", "nobody")).rows == []


def test_a_key_that_the_model_refuses_is_found_in_the_list(read: Any, open_client: Any) -> None:
    made = open_client("route53").create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"][
        "Id"
    ]
    assert len(made) > ZONES.by_name["id"].constraint.max
    result = read(ZONES, ("id", "name"), Compare("id", "=", made))
    assert result.values("id") == [made]
    assert result.calls == {"ListHostedZones": 1}


def test_a_describe_whose_error_for_a_missing_row_is_unknown_looks_nothing_up(read: Any) -> None:
    unknown = replace(ROLES, errors=ErrorRules())
    result = read(unknown, ("role_name", "max_session_duration"), Compare("role_name", "=", "nobody"))
    assert (result.rows, result.calls) == ([], {"ListRoles": 1})


def test_a_row_that_only_the_account_identifies_has_its_key(read: Any) -> None:
    table = build_table(
        *("iam", "account_summaries", ("account_id",), ListCall("GetAccountSummary", ())), home="us-east-1"
    )
    result = read(table, ("data__Identifier",))
    assert result.values("data__Identifier") == ["123456789012"]
    assert result.calls == {"GetCallerIdentity": 1, "GetAccountSummary": 1}


# Further calls


@pytest.fixture(scope="module")
def buckets(open_client: Any) -> None:
    open_client("s3").create_bucket(Bucket="at-home")
    abroad = open_client("s3", "eu-west-1")
    abroad.create_bucket(Bucket="abroad", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    abroad.put_bucket_policy(Bucket="abroad", Policy='{"Statement":[]}')


@pytest.mark.usefixtures("buckets")
def test_a_further_call_is_made_only_for_its_columns_and_an_absent_one_is_null(read: Any) -> None:
    assert read(BUCKETS, ("name",)).calls == {"ListBuckets": 1}
    result = read(BUCKETS, ("name", "policy"))
    assert result.values("name", "policy") == [("abroad", '{"Statement":[]}'), ("at-home", None)]


@pytest.mark.usefixtures("buckets")
def test_a_global_table_is_listed_once_and_its_rows_are_where_their_member_says(read: Any) -> None:
    result = read(BUCKETS, ("name", "region", "policy"))
    assert result.values("name", "region") == [("abroad", "eu-west-1"), ("at-home", "us-east-1")]
    regions = {(operation, region) for operation, region, _ in result.requests}
    assert regions == {
        ("ListBuckets", "us-east-1"),
        ("GetBucketLocation", "us-east-1"),
        ("GetBucketPolicy", "us-east-1"),
        ("GetBucketPolicy", "eu-west-1"),
    }
    assert read(BUCKETS, ("name",), Compare("region", "=", "eu-west-1")).values("name") == ["abroad"]


UPLOADS = build_table(
    "s3",
    "multipart_uploads",
    ("bucket", "upload_id"),
    ListCall(
        *("ListMultipartUploads", ("Uploads",)),
        parents=(Parent("Bucket", "bucket", table="buckets", table_column="name", load=lambda: BUCKETS),),
        may_omit_rows=True,
    ),
    home="us-east-1",
)
PARTS = build_table(
    "s3",
    "parts",
    ("bucket", "key", "upload_id", "part_number"),
    ListCall(
        *("ListParts", ("Parts",)),
        parents=tuple(
            Parent(parameter, column, table="multipart_uploads", table_column=column, load=lambda: UPLOADS)
            for parameter, column in {"Bucket": "bucket", "Key": "key", "UploadId": "upload_id"}.items()
        ),
        may_omit_rows=True,
    ),
    home="us-east-1",
)


@pytest.mark.usefixtures("buckets")
def test_the_region_of_a_bucket_reaches_the_parts_of_its_uploads(read: Any, open_client: Any) -> None:
    abroad = open_client("s3", "eu-west-1")
    upload = abroad.create_multipart_upload(Bucket="abroad", Key="a")["UploadId"]
    abroad.upload_part(Bucket="abroad", Key="a", UploadId=upload, PartNumber=1, Body=b"text")
    whole = And(
        (Compare("bucket", "=", "abroad"), Compare("key", "=", "a"), Compare("upload_id", "=", upload))
    )
    for where in (TRUE, whole):
        result = read(PARTS, ("bucket", "part_number", "region"), where)
        assert result.values("bucket", "part_number", "region") == [("abroad", 1, "eu-west-1")]
        assert {region for operation, region, _ in result.requests if operation == "ListParts"} == {
            "eu-west-1"
        }
    assert read(PARTS, ("part_number",), Compare("bucket", "=", "not a bucket")).rows == []


@pytest.mark.usefixtures("buckets")
def test_another_error_of_a_further_call_is_raised(read: Any) -> None:
    policy = replace(BUCKETS.extras["policy"], absent=())
    strict = replace(
        BUCKETS, extras={**BUCKETS.extras, "policy": policy}, errors=missing("NoSuchBucketPolicy")
    )
    with pytest.raises(ServiceError, match="NoSuchBucketPolicy"):
        read(strict, ("policy",))  # only the call that returns the row can say that it is gone


def test_the_plan_names_each_further_call_and_its_columns() -> None:
    calls = [
        (call.operation, call.times, call.columns)
        for call in list_calls(plan_table(BUCKETS, ("name", "policy")))
    ]
    assert calls == [
        ("ListBuckets", "each page", ("name",)),
        ("GetBucketLocation", "each row", ()),
        ("GetBucketPolicy", "each row", ("policy",)),
    ]


# Pairs and tags


def test_pairs_become_columns_of_their_types(read: Any, open_client: Any) -> None:
    sqs = open_client("sqs")
    made = sqs.create_queue(QueueName="jobs", Attributes={"DelaySeconds": "5"}, tags={"team": "search"})[
        "QueueUrl"
    ]
    result = read(QUEUES, ("queue_url", "delay_seconds", "created_timestamp", "fifo_queue", "tags"))
    (row,) = result.rows
    assert (row["queue_url"], row["delay_seconds"], row["fifo_queue"]) == (made, 5, None)
    assert row["created_timestamp"].year > 2000
    assert row["tags"] == [{"Key": "team", "Value": "search"}]
    by_key = read(QUEUES, ("queue_url", "delay_seconds"), Compare("queue_url", "=", made))
    assert (by_key.values("delay_seconds"), by_key.calls) == ([5], {"ListQueues": 1, "GetQueueAttributes": 1})
    assert read(QUEUES, ("queue_arn",), Compare("queue_url", "=", f"{made}-gone")).rows == []


def test_a_time_in_the_key_reads_as_in_its_column_and_not_as_the_service_sends_it() -> None:
    apps = CATALOG.get_table("aws", "sagemaker", "apps")
    with ModelServer([apps]) as server, connection(server.url) as con:
        rows = con.sql("SELECT data__Identifier, creation_time FROM aws.sagemaker.apps").fetchall()
        assert len(rows) == 5
        assert all(identifier.endswith(f"|{time}") for identifier, time in rows)
        found = con.sql("SELECT app_name FROM aws.sagemaker.apps WHERE data__Identifier = ?", [rows[2][0]])
        assert len(found.fetchall()) == 1

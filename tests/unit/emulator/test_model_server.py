from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pyarrow as pa
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from sqlprov.catalog.column import Column, ColumnSource
from sqlprov.catalog.read_calls import DescribeCall, ErrorRule, FilterOperator, ListFilter, PageToken
from sqlprov.catalog.service_model import load_model
from sqlprov.catalog.table import ErrorRules, ListCall, Parent, Table
from sqlprov.emulator.model_rows import find_item
from sqlprov.emulator.model_server import ModelServer
from sqlprov.emulator.options import Fault

TOKEN = (PageToken("NextToken", "NextToken"),)
NEXT = (PageToken("nextToken", "nextToken"),)
MARKER = (PageToken("Marker", "Marker"),)
MISSING = ErrorRules((ErrorRule("NoSuchThing"),))


def make_table(
    client: str, name: str, key: tuple[str, ...], listing: ListCall, describe: DescribeCall | None = None
) -> Table:
    """A table whose columns are all members of the list's row, and then those of the describe's item."""
    model, columns = load_model(client), {}
    if listing.scalar:
        columns[listing.scalar] = (ColumnSource.LIST, ())
    else:
        item, _ = find_item(model.operation_model(listing.call).output_shape, listing.rows)
        columns |= {xform_name(member): (ColumnSource.LIST, (member,)) for member in item.members}
    for parent in listing.parents:
        columns.setdefault(parent.column, (ColumnSource.PARENT, ()))
    if describe is not None:
        item, _ = find_item(model.operation_model(describe.call).output_shape, describe.item)
        paths = {xform_name(member): (member,) for member in item.members}
        describe = replace(describe, paths=paths)
        for column, path in paths.items():
            columns.setdefault(column, (ColumnSource.DESCRIBE, path))
    made = [Column(name, pa.null(), pa.null(), "", source, path) for name, (source, path) in columns.items()]
    return Table(
        *("aws", client, name, "", key, "", tuple(made), listing, describe, None),
        client=client,
        errors=MISSING,
    )


CLUSTERS = make_table(
    "ecs",
    "clusters",
    ("cluster_arn",),
    ListCall("ListClusters", ("clusterArns",), scalar="cluster_arn", tokens=NEXT),
    DescribeCall("DescribeClusters", {"clusters": "cluster_arn"}, ("clusters",), {}, batch=100),
)
SERVICES = make_table(
    "ecs",
    "services",
    ("service_arn",),
    ListCall(
        *("ListServices", ("serviceArns",)),
        scalar="service_arn",
        tokens=NEXT,
        parents=(
            Parent("cluster", "cluster", table="clusters", table_column="cluster_arn", load=lambda: CLUSTERS),
        ),
    ),
)
FUNCTIONS = make_table(
    "lambda",
    "functions",
    ("function_name",),
    ListCall("ListFunctions", ("Functions",), tokens=(PageToken("Marker", "NextMarker"),)),
    DescribeCall("GetFunction", {"FunctionName": "function_name"}, ("Configuration",), {}),
)
DISTRIBUTIONS = make_table(
    "cloudfront",
    "distributions",
    ("id",),
    ListCall(
        *("ListDistributions", ("DistributionList", "Items")),
        tokens=(PageToken("Marker", "DistributionList.NextMarker"),),
        more="DistributionList.IsTruncated",
    ),
    DescribeCall("GetDistribution", {"Id": "id"}, ("Distribution",), {}),
)
ROLES = make_table(
    "iam",
    "roles",
    ("role_name",),
    ListCall("ListRoles", ("Roles",), tokens=MARKER, more="IsTruncated"),
    DescribeCall("GetRole", {"RoleName": "role_name"}, ("Role",), {}),
)
INSTANCES = make_table(
    "ec2",
    "instances",
    ("instance_id",),
    ListCall("DescribeInstances", ("Reservations", "Instances"), tokens=TOKEN),
)
ATTRIBUTIONS = make_table(
    "partnercentral-revenue-measurement",
    "attributions",
    ("arn",),
    ListCall(
        *("ListRevenueAttributions", ("RevenueAttributionSummaries",)), tokens=TOKEN, send={"Catalog": "AWS"}
    ),
)
TABLES = {
    "json": CLUSTERS,
    "rest-json": FUNCTIONS,
    "rest-xml": DISTRIBUTIONS,
    "query": ROLES,
    "ec2": INSTANCES,
    "cbor": ATTRIBUTIONS,
}


@pytest.fixture
def serve() -> Iterator[Any]:
    """Starts a server of some tables; returns it and a client of the first one's service."""
    opened: list[Any] = []

    def start(*tables: Table) -> tuple[ModelServer, Any]:
        server = ModelServer(tables).start()
        config = Config(retries={"total_max_attempts": 1}, inject_host_prefix=False)
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
        client = boto3.client(tables[0].client, endpoint_url=server.url, config=config, **keys)
        opened.extend([client.close, server.stop])
        return server, client

    yield start
    for close in opened:
        close()


def read_all(client: Any, table: Table, **more: Any) -> list[Any]:
    """The rows of every page; boto3's own paginator follows the tokens."""
    pages = client.get_paginator(xform_name(table.list.call)).paginate(**table.list.send, **more)
    rows = []
    for page in pages:
        below = [page]
        for member in table.list.rows:
            values = [each[member] for each in below if member in each]
            below = [row for value in values for row in (value if isinstance(value, list) else [value])]
        rows += below
    return rows


@pytest.mark.parametrize("protocol", TABLES)
def test_pages_of_a_list_have_every_row_in_each_protocol(serve, protocol):
    table = TABLES[protocol]
    server, client = serve(table)
    expected = server.list_rows(table)
    rows = read_all(client, table)
    assert len(rows) == len(expected) == 5
    for row, values in zip(rows, expected, strict=True):
        if table.list.scalar:
            row = {table.list.scalar: row}
        else:
            row = {
                column.name: row.get(column.path[0])
                for column in table.columns
                if column.source.value == "list"
            }
        assert {name: value for name, value in row.items() if value is not None} == {
            name: values[name] for name in row if name in values
        }
    assert len({values["data__Identifier"] for values in expected}) == 5
    assert [call.error for call in server.calls] == [""] * 3


@pytest.mark.parametrize("protocol", ["rest-json", "rest-xml", "query"])
def test_describe_has_the_values_of_the_list_and_more(serve, protocol):
    table = TABLES[protocol]
    server, client = serve(table)
    describe = getattr(client, xform_name(table.describe.call))
    for row in server.list_rows(table):
        item = describe(**{parameter: row[column] for parameter, column in table.describe.arguments.items()})
        for member in table.describe.item:
            item = item[member]
        described = {name: item.get(path[0]) for name, path in table.describe.paths.items()}
        assert {name: value for name, value in described.items() if value is not None} == {
            name: row[name] for name in described if name in row
        }
    with pytest.raises(ClientError) as error:
        describe(**dict.fromkeys(table.describe.arguments, "nothing"))
    assert error.value.response["Error"]["Code"] == "NoSuchThing"


def test_a_batch_leaves_missing_keys_out(serve):
    server, client = serve(CLUSTERS)
    keys = [row["cluster_arn"] for row in server.list_rows(CLUSTERS)]
    clusters = client.describe_clusters(clusters=[keys[3], "nothing", keys[1]])["clusters"]
    assert sorted(cluster["clusterArn"] for cluster in clusters) == [keys[1], keys[3]]


def test_children_belong_to_their_parents_and_a_parent_may_have_none(serve):
    server, client = serve(CLUSTERS, SERVICES)
    clusters = [row["cluster_arn"] for row in server.list_rows(CLUSTERS)]
    listed = {cluster: read_all(client, SERVICES, cluster=cluster) for cluster in clusters}
    assert [len(rows) for rows in listed.values()] == [2, 2, 0, 2, 2]
    assert [(row["cluster"], row["service_arn"]) for row in server.list_rows(SERVICES)] == [
        (cluster, service) for cluster, services in listed.items() for service in services
    ]
    with pytest.raises(ClientError, match="NoSuchThing"):
        client.list_services(cluster="nothing")


def test_a_list_applies_its_filters(serve):
    roles = ROLES
    prefix = ListFilter("PathPrefix", "path", FilterOperator.EQUAL)
    filtered = replace(roles, list=replace(roles.list, filters=(prefix,)))
    server, client = serve(filtered)
    third = server.list_rows(filtered)[2]
    assert [role["RoleName"] for role in read_all(client, filtered, PathPrefix=third["path"])] == [
        third["role_name"]
    ]


def test_a_token_serves_only_the_list_that_it_came_from(serve):
    _, client = serve(CLUSTERS, SERVICES)
    token = client.list_clusters()["nextToken"]
    with pytest.raises(ClientError, match="page-2"):
        client.list_services(nextToken=token)


def test_a_token_is_as_long_as_its_parameter_wants(serve):
    imports = make_table(
        "dynamodb", "imports", ("import_arn",), ListCall("ListImports", ("ImportSummaryList",), tokens=TOKEN)
    )
    _, client = serve(imports)
    token = client.list_imports()["NextToken"]
    assert len(client.list_imports(NextToken=token)["ImportSummaryList"]) == 2


def test_a_row_has_keys_that_are_long_enough_for_the_call_that_takes_them(serve):
    group = DescribeCall(
        "GetResiliencyGroup", {"resiliencyGroupId": "resiliency_group_id"}, ("resiliencyGroup",), {}
    )
    groups = make_table(
        "directconnect",
        "resiliency_groups",
        ("resiliency_group_id",),
        ListCall("ListResiliencyGroups", ("items",)),
        group,
    )
    server, client = serve(groups)
    for row in server.list_rows(groups):
        client.get_resiliency_group(resiliencyGroupId=row["resiliency_group_id"])


def test_directory_buckets_are_not_the_buckets(serve):
    buckets = make_table("s3", "buckets", ("name",), ListCall("ListBuckets", ("Buckets",)))
    others = make_table("s3", "directory_buckets", ("name",), ListCall("ListDirectoryBuckets", ("Buckets",)))
    server, client = serve(buckets, others)
    for table, call in ((buckets, client.list_buckets), (others, client.list_directory_buckets)):
        names = [row["name"] for row in server.list_rows(table)]
        assert [bucket["Name"] for bucket in call()["Buckets"]] == names


def test_regions_have_rows_of_their_own():
    with ModelServer([CLUSTERS]) as server:
        arns = [
            {row["cluster_arn"] for row in server.list_rows(CLUSTERS, region)}
            for region in ("us-east-1", "eu-west-1")
        ]
    assert arns[0].isdisjoint(arns[1])


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("error500", "InternalFailure"),
        ("throttle", "ThrottlingException"),
        ("access_denied", "AccessDeniedException"),
    ],
)
def test_a_fault_hits_the_call_that_it_names(serve, kind, code):
    server, client = serve(ROLES)
    server.inject(Fault(kind, at=2))
    client.list_roles()
    with pytest.raises(ClientError) as error:
        client.list_roles()
    assert error.value.response["Error"]["Code"] == code
    client.list_roles()


def test_a_repeated_token_does_not_end(serve):
    server, client = serve(CLUSTERS)
    server.inject(Fault("repeated_token", times=None))
    token = client.list_clusters()["nextToken"]
    assert client.list_clusters(nextToken=token)["nextToken"] == token

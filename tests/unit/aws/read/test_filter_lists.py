"""Filters in EC2's lists of filters, on moto: EXPLAIN shows them, one call sends them, and the answer is the list's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from local_sagemaker import connection
from moto_server import start_moto

from sqlprov.api.connection import Connection

REGION = "us-east-1"


@pytest.fixture(scope="module")
def con(aws: object) -> Iterator[Connection]:
    with start_moto() as url, connection(url) as con:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
        client = boto3.client("ec2", endpoint_url=url, **keys)
        for size in (1, 2, 3, 8):
            client.create_volume(AvailabilityZone=f"{REGION}a", Size=size, Encrypted=size == 8)
        client.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)
        for _ in range(3):
            volume = client.create_volume(AvailabilityZone=f"{REGION}a", Size=50)["VolumeId"]
            client.create_snapshot(VolumeId=volume)
            client.delete_volume(VolumeId=volume)
        yield con


def read(con: Connection, query: str) -> tuple[list[Any], list[Any]]:
    """The rows, sorted, and the filters of each call."""
    result = con.sql(query)
    rows = sorted(result.fetchall())
    return rows, [call.parameters.get("Filters") for call in result.calls]


@pytest.mark.parametrize(
    ("where", "sent"),
    [
        ("size IN (1, 2, 5)", [{"Name": "size", "Values": ["1", "2", "5"]}]),
        (
            "encrypted = true AND state = 'available'",
            [{"Name": "encrypted", "Values": ["true"]}, {"Name": "status", "Values": ["available"]}],
        ),
        ("size > 2", None),
        ("snapshot_id = ''", None),
        ("snapshot_id = 'snap-*'", None),  # a wildcard of EC2
        ("state = 'Available'", None),  # not a documented value
        (f"size IN ({', '.join(map(str, range(201)))})", None),  # EC2 takes 200 values
    ],
)
def test_one_call_sends_the_values_that_ec2_takes_as_they_are(con: Connection, where: str, sent: Any) -> None:
    query = f"SELECT volume_id, size FROM aws.ec2.volumes WHERE region = '{REGION}' AND {where}"
    rows, filters = read(con, query)
    assert filters == [sent]
    assert all(str(each["Name"]) in con.sql(f"EXPLAIN {query}").fetchall()[0][1] for each in sent or ())
    with con.cursor() as whole:
        whole.sql("SET sqlprov_pushdown = off")
        assert read(whole, query) == (rows, [None])


def test_the_ids_of_a_join_take_one_call_also_if_their_rows_are_gone(con: Connection) -> None:
    result = con.sql(f"""
        SELECT s.snapshot_id FROM aws.ec2.snapshots AS s LEFT JOIN aws.ec2.volumes AS v USING (volume_id, region)
        WHERE s.owner_id = '123456789012' AND s.region = '{REGION}' AND v.encrypted IS NULL
    """)
    assert len(result.fetchall()) == 3
    assert [call.operation for call in result.calls].count("DescribeVolumes") == 1


def test_a_list_whose_filter_is_refused_is_read_whole(con: Connection) -> None:
    # moto does not have the filter, and refuses it as EC2 refuses an unknown one.
    query = "SELECT instance_id FROM aws.ec2.instances WHERE hypervisor = 'xen' AND region = 'us-east-1'"
    rows, filters = read(con, query)
    assert len(rows) == 1
    assert filters == [[{"Name": "hypervisor", "Values": ["xen"]}], None]

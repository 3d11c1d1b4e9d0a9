"""Both contenders on the services of `canned`: EC2's instances, IAM's roles and ECS's services with their details, and
S3's objects."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config

from benchmarks.boto import IN_FLIGHT

SQL = {
    "instances": "SELECT * EXCLUDE (account_id) FROM aws.ec2.instances",
    "roles": "SELECT * FROM aws.iam.roles",
    "objects": "SELECT * EXCLUDE (account_id) FROM aws.s3.objects",
    "services": "SELECT * FROM aws.ecs.services",
}
"""Without the account where only STS says it: the scripts do not ask for it, either."""
DESCRIBED = 10
"""Services that one call of DescribeServices takes."""


class BotoServices:
    """Contender (a): boto3's paginators, and details in a thread pool; the rows stay boto3's."""

    def __init__(self) -> None:
        config = Config(max_pool_connections=IN_FLIGHT)
        self._clients = {name: boto3.client(name, config=config) for name in ("ec2", "ecs", "iam", "s3")}
        self._calls = itertools.count()
        for client in self._clients.values():
            client.meta.events.register("before-send", self._count)

    def _count(self, **_: Any) -> None:
        next(self._calls)

    def warm(self, what: str) -> None:
        """One short call, to create the connection."""
        list(self._list_pages(what, 1))

    def read(self, what: str) -> dict[str, int]:
        """The number of rows, and of calls."""
        before = next(self._calls)
        rows = self._read_services() if what == "services" else self._read_rows(what)
        return {"rows": len(rows), "calls": next(self._calls) - before - 1}

    def _read_services(self) -> list[Any]:
        ecs = self._clients["ecs"]
        names = [name for page in self._list_pages("services") for name in page["clusterArns"]]

        def list_services(cluster: str) -> list[tuple[str, list[str]]]:
            pages = ecs.get_paginator("list_services").paginate(
                cluster=cluster, PaginationConfig={"PageSize": 100}
            )
            arns = [arn for page in pages for arn in page["serviceArns"]]
            return [(cluster, arns[at : at + DESCRIBED]) for at in range(0, len(arns), DESCRIBED)]

        def describe(batch: tuple[str, list[str]]) -> list[Any]:
            cluster, arns = batch
            rows: list[Any] = ecs.describe_services(cluster=cluster, services=arns, include=["TAGS"])[
                "services"
            ]
            return rows

        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            batches = [batch for each in pool.map(list_services, names) for batch in each]
            return [row for rows in pool.map(describe, batches) for row in rows]

    def _read_rows(self, what: str) -> list[Any]:
        rows: list[Any] = []
        if what == "objects":
            for bucket in self._clients["s3"].list_buckets()["Buckets"]:
                rows += [row for page in self._list_objects(bucket["Name"]) for row in page["Contents"]]
            return rows
        for page in self._list_pages(what):
            match what:
                case "instances":
                    rows += [row for each in page["Reservations"] for row in each["Instances"]]
                case "roles":
                    rows += page["Roles"]
        if what == "roles":
            get = self._clients["iam"].get_role
            with ThreadPoolExecutor(IN_FLIGHT) as pool:
                rows = list(pool.map(lambda role: get(RoleName=role["RoleName"])["Role"], rows))
        return rows

    def _list_objects(self, bucket: str) -> Any:
        return self._clients["s3"].get_paginator("list_objects_v2").paginate(Bucket=bucket, FetchOwner=True)

    def _list_pages(self, what: str, most: int | None = None) -> Any:
        if what == "objects":
            return [next(iter(self._list_objects("logs")))]
        calls: dict[str, tuple[str, str, dict[str, Any]]] = {
            "instances": ("ec2", "describe_instances", {}),
            "roles": ("iam", "list_roles", {"MaxItems": 1_000}),
            "services": ("ecs", "list_clusters", {}),
        }
        client, operation, parameters = calls[what]
        pages = self._clients[client].get_paginator(operation).paginate(**parameters)
        return pages if most is None else [next(iter(pages))]


class OurServices:
    """Contender sqlprov."""

    def __init__(self, settings: dict[str, str]) -> None:
        import sqlprov

        self._connection = sqlprov.connect(settings=settings)

    def warm(self, what: str) -> None:
        """One row, to create the client, the connection and the table."""
        self._connection.sql(f"{SQL[what]} LIMIT 1").fetchall()

    def read(self, what: str) -> dict[str, int]:
        """The number of rows, and of calls."""
        result = self._connection.sql(SQL[what])
        return {"rows": result.arrow().num_rows, "calls": len(result.calls)}

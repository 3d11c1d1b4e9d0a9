"""Both contenders on services that answer in XML: EC2's instances, IAM's roles with their details, S3's objects."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config

from benchmarks.boto import IN_FLIGHT

SQL = {
    "instances": "SELECT * FROM aws.ec2.instances",
    "roles": "SELECT * FROM aws.iam.roles",
    "objects": "SELECT * FROM aws.s3.objects WHERE bucket = 'logs'",
}


class BotoServices:
    """Contender (a): boto3's paginators, and GetRole in a thread pool; the rows stay boto3's."""

    def __init__(self) -> None:
        config = Config(max_pool_connections=IN_FLIGHT)
        self._clients = {name: boto3.client(name, config=config) for name in ("ec2", "iam", "s3")}

    def warm(self, what: str) -> None:
        """One short call, to create the connection."""
        list(self._list_pages(what, 1))

    def read(self, what: str) -> int:
        """The number of rows."""
        rows: list[Any] = []
        for page in self._list_pages(what):
            match what:
                case "instances":
                    rows += [row for each in page["Reservations"] for row in each["Instances"]]
                case "roles":
                    rows += page["Roles"]
                case "objects":
                    rows += page["Contents"]
        if what == "roles":
            get = self._clients["iam"].get_role
            with ThreadPoolExecutor(IN_FLIGHT) as pool:
                rows = list(pool.map(lambda role: get(RoleName=role["RoleName"])["Role"], rows))
        return len(rows)

    def _list_pages(self, what: str, most: int | None = None) -> Any:
        calls: dict[str, tuple[str, str, dict[str, Any]]] = {
            "instances": ("ec2", "describe_instances", {}),
            "roles": ("iam", "list_roles", {"MaxItems": 1_000}),
            "objects": ("s3", "list_objects_v2", {"Bucket": "logs", "FetchOwner": True}),
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

    def read(self, what: str) -> int:
        """The number of rows."""
        rows: int = self._connection.sql(SQL[what]).arrow().num_rows
        return rows

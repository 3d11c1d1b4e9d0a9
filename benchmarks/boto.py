"""Contender (a): a region's inference experiments with boto3's paginator, Describe in a thread pool, `from_pylist`.

(a') is the same with a timestamp parser that takes every time as UTC, which boto3's own does not.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import boto3
import botocore.session
import pyarrow as pa
from botocore.config import Config

IN_FLIGHT = 64
TIME = pa.timestamp("us", "UTC")
LISTED = pa.schema(
    {
        **dict.fromkeys(("Name", "Type", "Status", "StatusReason", "Description"), pa.string()),
        "Schedule": pa.struct({"StartTime": TIME, "EndTime": TIME}),
        "RoleArn": pa.string(),
        **dict.fromkeys(("CreationTime", "CompletionTime", "LastModifiedTime"), TIME),
    }
)
"""Without a schema, `from_pylist` drops what the first row happens to lack."""
Rows = list[dict[str, Any]]


class Boto:
    def __init__(self, *, utc: bool = False) -> None:
        core = botocore.session.Session()
        if utc:
            core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_parse_utc)
        self._session = boto3.Session(botocore_session=core)
        self._clients: dict[str, Any] = {}

    def warm(self, regions: list[str]) -> None:
        """One short call a region, to create clients and connections."""
        for region in regions:
            self._get_client(region).list_inference_experiments(MaxResults=1)

    def list_rows(self, regions: list[str]) -> pa.Table:
        """Every row of `regions`, one thread for each."""
        if len(regions) == 1:
            return pa.Table.from_pylist(self._list_region(regions[0]), schema=LISTED)
        with ThreadPoolExecutor(len(regions)) as pool:
            rows = [row for part in pool.map(self._list_region, regions) for row in part]
        return pa.Table.from_pylist(rows, schema=LISTED)

    def describe_rows(self, regions: list[str]) -> pa.Table:
        """Every row of `regions`, each described, `IN_FLIGHT` at a time."""
        rows: Rows = []
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            for region in regions:
                client, names = self._get_client(region), [row["Name"] for row in self._list_region(region)]
                rows += pool.map(lambda name, to=client: to.describe_inference_experiment(Name=name), names)
        for row in rows:
            del row["ResponseMetadata"]
        return pa.Table.from_pylist(rows)

    def _list_region(self, region: str) -> Rows:
        paginator = self._get_client(region).get_paginator("list_inference_experiments")
        rows: Rows = []
        for page in paginator.paginate(PaginationConfig={"PageSize": 100}):
            rows.extend(page["InferenceExperiments"])
        return rows

    def _get_client(self, region: str) -> Any:
        if region not in self._clients:
            config = Config(max_pool_connections=IN_FLIGHT)
            self._clients[region] = self._session.client("sagemaker", region_name=region, config=config)
        return self._clients[region]


def _parse_utc(value: Any) -> datetime:
    return datetime.fromtimestamp(value, UTC)

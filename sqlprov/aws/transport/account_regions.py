"""Reads the account's enabled regions once per session, and caches them for a day in the user's cache folder."""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from sqlprov.aws.transport.calls import call
from sqlprov.aws.transport.cancellation import hold
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.run import Run
from sqlprov.catalog.regions import DEFAULT_PARTITION, find_partition, has_endpoint
from sqlprov.catalog.table import IamActions
from sqlprov.errors import AccessDenied, ServiceError
from sqlprov.private_files import find_cache_folder, replace_private_file

ENABLED = frozenset({"ENABLED", "ENABLED_BY_DEFAULT"})
"""Statuses of account:ListRegions for a region that accepts calls."""
EC2_STATUSES = {
    "opted-in": "ENABLED",
    "opt-in-not-required": "ENABLED_BY_DEFAULT",
    "not-opted-in": "DISABLED",
}
UNKNOWN_OPERATION = frozenset(
    {"UnknownOperationException", "UnknownOperation", "InvalidAction", "NotImplemented", "404", "405", "501"}
)
"""Codes of a server other than AWS that lacks these APIs; a number is the HTTP status of a reply without a code."""
CACHE_SECONDS = 24 * 60 * 60
"""Enabling a region is rare, and takes minutes to hours."""


def read_region_statuses(run: Run, cloud: Cloud, home: str) -> dict[str, str]:
    """Region -> status, such as ENABLED or DISABLED; empty if neither API is permitted or known.

    Args:
        run: the statement that needs them.
        cloud: the account.
        home: an enabled region, for the calls.

    Raises:
        OperationalError: a call failed for a reason other than a missing permission.
    """
    if cloud.region_statuses is not None:
        return cloud.region_statuses
    with hold(cloud.regions_lock):
        if cloud.region_statuses is None:
            file = _find_cache_file(cloud, home)
            statuses = _load(file) if file else {}
            if not statuses:
                statuses = _read_statuses(run, cloud, home)
                if file and statuses:
                    _save(file, statuses)
            cloud.region_statuses = statuses
        return cloud.region_statuses


def _read_statuses(run: Run, cloud: Cloud, home: str) -> dict[str, str]:
    # The account service is not in every partition: its name would not be found.
    has_service = has_endpoint("account", find_partition(home) or DEFAULT_PARTITION)
    for read in (_list_regions, _describe_regions) if has_service else (_describe_regions,):
        try:
            return read(run, cloud, home)
        except AccessDenied:
            continue
        except ServiceError as error:
            if error.code not in UNKNOWN_OPERATION:
                raise
    return {}


def _list_regions(run: Run, cloud: Cloud, home: str) -> dict[str, str]:
    statuses: dict[str, str] = {}
    parameters: dict[str, Any] = {"MaxResults": 50}
    while True:
        reply = call(
            run, cloud, "account", IamActions("account"), "ListRegions", home, parameters, ("Regions",)
        )
        statuses |= {each["RegionName"]: each["RegionOptStatus"] for each in reply["Regions"]}
        if not reply.get("NextToken"):
            return statuses
        parameters = {**parameters, "NextToken": reply["NextToken"]}


def _describe_regions(run: Run, cloud: Cloud, home: str) -> dict[str, str]:
    reply = call(
        run, cloud, "ec2", IamActions("ec2"), "DescribeRegions", home, {"AllRegions": True}, ("Regions",)
    )
    return {each["RegionName"]: EC2_STATUSES.get(each["OptInStatus"], "ENABLED") for each in reply["Regions"]}


def _find_cache_file(cloud: Cloud, home: str) -> Path | None:
    """The cache file of this endpoint and account; `None` for the local AWS, whose port another may reuse."""
    if cloud.credentials is not None:
        return None
    credentials = cloud.get_credentials(home)
    account = getattr(credentials, "account_id", None) or cloud.find_identity()
    if account is None:
        return None
    endpoint = cloud.get_client("account", home, 60.0).meta.endpoint_url
    name = hashlib.sha256(f"{endpoint} {account}".encode()).hexdigest()[:32]
    return find_cache_folder() / "regions" / f"{name}.json"


def _load(file: Path) -> dict[str, str]:
    with suppress(OSError, ValueError):
        if 0 <= time.time() - file.stat().st_mtime < CACHE_SECONDS:
            statuses = orjson.loads(file.read_bytes())
            if isinstance(statuses, dict) and all(isinstance(status, str) for status in statuses.values()):
                return statuses
    return {}


def _save(file: Path, statuses: dict[str, str]) -> None:
    with suppress(OSError):  # without a cache, the next session makes the calls again
        replace_private_file(file, orjson.dumps(statuses))

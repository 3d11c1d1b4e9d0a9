"""Reads the account's enabled regions once per session."""

from __future__ import annotations

from typing import Any

from sqlprov.aws.transport.calls import call
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.run import Run
from sqlprov.catalog.table import IamActions
from sqlprov.errors import AccessDenied, ServiceError

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
LONGEST_WAIT = 10.0
"""Seconds to wait for another thread's calls before making them too."""


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
    is_locked = cloud.regions_lock.acquire(timeout=LONGEST_WAIT)
    try:
        if cloud.region_statuses is None:
            cloud.region_statuses = _read_statuses(run, cloud, home)
        return cloud.region_statuses
    finally:
        if is_locked:
            cloud.regions_lock.release()


def _read_statuses(run: Run, cloud: Cloud, home: str) -> dict[str, str]:
    for read in (_list_regions, _describe_regions):
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

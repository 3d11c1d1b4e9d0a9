"""Reads the tags of many resources in one call, through the Resource Groups Tagging API.

It returns only resources that have tags or had some, of the services that it covers, and may be some seconds behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlprov.aws.transport.calls import call
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.run import Run
from sqlprov.catalog.table import IamActions

CLIENT, OPERATION = "resourcegroupstaggingapi", "GetResources"
LONGEST_ARN = 1011


def read_many_tags(run: Run, cloud: Cloud, region: str, arns: Sequence[str]) -> dict[str, list[Any]]:
    """ARN -> its tags, {Key, Value} each; without the resources that the API does not return.

    Raises:
        OperationalError: the call failed.
    """
    cloud.guard.reads |= {(CLIENT, OPERATION)}
    parameters = {"ResourceARNList": list(arns)}
    names = CLIENT, IamActions("tag"), OPERATION
    reply = call(run, cloud, *names, region, parameters, ("ResourceTagMappingList",), _count)
    return {each["ResourceARN"]: each.get("Tags") or [] for each in reply["ResourceTagMappingList"]}


def _count(reply: dict[str, Any]) -> int:
    return len(reply["ResourceTagMappingList"])

"""The regions that botocore's partition and endpoint files name. Nothing here makes a call."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from sqlprov.records import dataclass

EVERYWHERE = "ec2"
"""A client that every region has; also its name in endpoints."""
DEFAULT_PARTITION = "aws"
WITHOUT_OPT_IN = frozenset(
    {
        *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
        *("eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3"),
        *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3"),
        *("ap-south-1", "ap-southeast-1", "ap-southeast-2"),
    }
)
"""The regions of the partition `aws` that every account has: AWS has made each later one opt-in since 2019."""


@dataclass(frozen=True)
class Region:
    """A region, such as `us-east-1` of the partition `aws`."""

    region: str
    partition: str
    description: str


@cache
def list_regions() -> tuple[Region, ...]:
    """Every region known to botocore, partition by partition."""
    # Imported here: a statement that names no region does not need botocore.
    from .service_model import get_loader

    descriptions: dict[tuple[str, str], str] = {}
    # partitions.json has regions that endpoints.json still lacks.
    for file, name in (("partitions", "id"), ("endpoints", "partition")):
        for entry in get_loader().load_data(file)["partitions"]:
            for region, about in entry["regions"].items():
                # Names such as `aws-global` are endpoints of global services, not regions.
                if re.match(entry["regionRegex"], region):
                    descriptions.setdefault((entry[name], region), about["description"])
    order = list(dict.fromkeys(partition for partition, _ in descriptions))
    names = sorted(descriptions, key=lambda known: (order.index(known[0]), known[1]))
    return tuple(Region(region, partition, descriptions[partition, region]) for partition, region in names)


@cache
def find_partition(region: str) -> str | None:
    """The partition of a region; if botocore does not know the region yet, its name shows the partition."""
    from .service_model import get_loader

    for known in list_regions():
        if known.region == region:
            return known.partition
    for entry in get_loader().load_data("partitions")["partitions"]:
        if re.match(entry["regionRegex"], region):
            return str(entry["id"])
    return None


@cache
def find_home(model: Any, partition: str, *, is_global: bool = False) -> str:
    """The one region that answers for a global service in a partition, such as cn-north-1 for IAM in aws-cn.

    It is empty for a service with regions. botocore has no endpoint of the partition for some services, such as S3
    outside `aws`; the region is then IAM's.

    Args:
        model: botocore's model of the service.
        partition: such as aws.
        is_global: whether to take the service for a global one, as S3 is for its list of buckets.
    """
    from .service_model import get_loader, load_model

    services: dict[str, Any] = next(
        entry["services"]
        for entry in get_loader().load_data("endpoints")["partitions"]
        if entry["partition"] == partition
    )
    service = services.get(model.endpoint_prefix, {})
    if service.get("isRegionalized") is False or is_global:
        endpoint = service.get("endpoints", {}).get(service.get("partitionEndpoint"), {})
        if home := endpoint.get("credentialScope", {}).get("region"):
            return str(home)
        if len(only := list_service_regions(model.service_name, partition)) == 1:
            return only[0]
    elif not (home := _find_only_region(model.service_name, partition)):
        return ""
    return home or find_home(load_model("iam"), partition)


def _find_only_region(client: str, partition: str) -> str:
    """The region of a service with a single endpoint in the partition, from its endpoint rules.

    endpoints.json lacks some services.
    """
    from botocore.endpoint_provider import EndpointProvider
    from botocore.exceptions import EndpointProviderError, UnknownServiceError

    from .service_model import get_loader

    regions = [known.region for known in list_regions() if known.partition == partition]
    try:
        rules = get_loader().load_service_model(client, "endpoint-rule-set-1")
        provider = EndpointProvider(rules, get_loader().load_data("partitions"))
        first, last = (provider.resolve_endpoint(Region=region) for region in (regions[0], regions[-1]))
    except (UnknownServiceError, EndpointProviderError):
        return ""
    schemes = first.properties.get("authSchemes", []) if first.url == last.url else []
    return str(next((scheme["signingRegion"] for scheme in schemes if "signingRegion" in scheme), ""))


@cache
def has_endpoint(prefix: str, partition: str) -> bool:
    """Whether botocore's endpoint files name a service, by the prefix of its endpoints, in a partition."""
    from .service_model import get_loader

    entries = get_loader().load_data("endpoints")["partitions"]
    return any(entry["partition"] == partition and prefix in entry["services"] for entry in entries)


@cache
def list_service_regions(client: str, partition: str) -> tuple[str, ...]:
    """Regions of a partition where a service has endpoints; all of them if botocore does not say."""
    from .service_model import get_loader, load_model

    # EVERYWHERE's model is the largest of all.
    prefix = client if client == EVERYWHERE else load_model(client).endpoint_prefix
    known = tuple(region.region for region in list_regions() if region.partition == partition)
    endpoints = {
        entry["partition"]: entry["services"][prefix]["endpoints"]
        for entry in get_loader().load_data("endpoints")["partitions"]
        if prefix in entry["services"]
    }
    if not endpoints:
        return known
    return tuple(region for region in known if region in endpoints.get(partition, {}))

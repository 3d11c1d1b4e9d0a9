"""The account's regions: ListRegions of the account service, DescribeRegions of EC2."""

from __future__ import annotations

from functools import cache
from typing import Any

import botocore.session

from sqlprov.emulator.errors import ApiError
from sqlprov.emulator.options import Call, Options
from sqlprov.emulator.pages import cut_page

# The regions that no account has to enable.
_DEFAULT_REGIONS = (
    "us-east-1 us-east-2 us-west-1 us-west-2 ca-central-1 sa-east-1 eu-central-1 eu-north-1 eu-west-1 eu-west-2 "
    "eu-west-3 ap-south-1 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-southeast-1 ap-southeast-2"
)
_MOST = 50  # regions of a page of ListRegions
_EC2_STATUS = {
    "DISABLED": "not-opted-in",
    "ENABLED": "opted-in",
    "ENABLED_BY_DEFAULT": "opt-in-not-required",
}
_EC2 = "http://ec2.amazonaws.com/doc/2016-11-15/"


def check_open(region: str, options: Options) -> None:
    """Raise ApiError if the account has not enabled the region."""
    if region in options.closed_regions:
        raise ApiError(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )


def list_regions(call: Call, options: Options) -> dict[str, Any]:
    """The reply to ListRegions, whose parameters are already checked."""
    wanted = call.parameters.get("RegionOptStatusContains")
    statuses = {name: status for name, status in _statuses(options).items() if not wanted or status in wanted}
    names, token = cut_page(call.operation, call.region, call.parameters, list(statuses), _MOST, options)
    reply: dict[str, Any] = {
        "Regions": [{"RegionName": name, "RegionOptStatus": statuses[name]} for name in names]
    }
    return reply | ({"NextToken": token} if token else {})


def describe_regions(call: Call, options: Options) -> bytes:
    """The reply to DescribeRegions, which understands AllRegions alone."""
    for name in call.parameters:
        if name not in ("AllRegions", "Version"):
            raise ApiError("UnknownParameter", f"The local EC2 does not support the parameter {name}.")
    whole = call.parameters.get("AllRegions") == "true"
    items = "".join(
        f"<item><regionName>{name}</regionName><regionEndpoint>ec2.{name}.amazonaws.com</regionEndpoint>"
        f"<optInStatus>{_EC2_STATUS[status]}</optInStatus></item>"
        for name, status in _statuses(options).items()
        if whole or status != "DISABLED"
    )
    return (
        f'<DescribeRegionsResponse xmlns="{_EC2}"><requestId>00000000-0000-0000-0000-000000000000</requestId>'
        f"<regionInfo>{items}</regionInfo></DescribeRegionsResponse>"
    ).encode()


def _statuses(options: Options) -> dict[str, str]:
    """RegionOptStatus of every region, in alphabetical order."""
    statuses = dict.fromkeys(_all_regions(), "ENABLED")
    statuses |= dict.fromkeys(_DEFAULT_REGIONS.split(), "ENABLED_BY_DEFAULT")
    return statuses | dict.fromkeys(statuses.keys() & options.closed_regions, "DISABLED")


@cache
def _all_regions() -> list[str]:
    """The regions of the partition `aws` that offer SageMaker."""
    return sorted(botocore.session.Session().get_available_regions("sagemaker"))

"""The services that describe the account: STS, IAM, the account service and EC2's regions."""

from __future__ import annotations

from functools import cache
from xml.sax.saxutils import escape

import orjson

from sqlprov.catalog.regions import (
    DEFAULT_PARTITION,
    WITHOUT_OPT_IN,
    find_partition,
    list_service_regions,
)
from sqlprov.emulator.api_model import check_input
from sqlprov.emulator.errors import ApiError, make_access_denied_error
from sqlprov.emulator.identities import Identities
from sqlprov.emulator.options import Call, Options
from sqlprov.emulator.pages import cut_page

_STS = "https://sts.amazonaws.com/doc/2011-06-15/"
_IAM = "https://iam.amazonaws.com/doc/2010-05-08/"
_EC2 = "http://ec2.amazonaws.com/doc/2016-11-15/"
_REQUEST_ID = "00000000-0000-0000-0000-000000000000"
_EC2_STATUS = {"DISABLED": "not-opted-in", "ENABLED": "opted-in", "ENABLED_BY_DEFAULT": "opt-in-not-required"}
_MOST_REGIONS = 50  # of a page of ListRegions


def answer(service: str, call: Call, identities: Identities, options: Options) -> bytes:
    """The reply of a service that describes the account, not its resources.

    Raises:
        ApiError: the call is not allowed, or the operation is not supported.
    """
    if call.operation in options.denied_actions:
        raise make_access_denied_error(call.user, f"{service}:{call.operation}", call.user)
    match call.operation:
        case "GetCallerIdentity":
            identity = f"<Arn>{escape(call.user)}</Arn><UserId>AIDALOCALLOCALLOCAL00</UserId>"
            return _encode(call.operation, _STS, f"{identity}<Account>{call.account}</Account>")
        case "AssumeRole":
            return _encode(call.operation, _STS, identities.assume(call, options.clock()))
        case "SimulatePrincipalPolicy":
            return _encode(call.operation, _IAM, _simulate_policy(call, options))
        case "ListRegions":
            return _list_regions(call, options)
        case "DescribeRegions":
            return _describe_regions(call, options)
    raise ApiError("InvalidAction", f"Could not find operation {call.operation}")


def encode_xml_error(error: ApiError, service: str) -> bytes:
    """EC2 wraps its errors in other elements than the rest of the Query protocol."""
    code = f"<Code>{escape(error.code)}</Code><Message>{escape(error.text)}</Message>"
    if service == "ec2":
        return f"<Response><Errors><Error>{code}</Error></Errors></Response>".encode()
    return (
        f'<ErrorResponse xmlns="{_STS}"><Error><Type>Sender</Type>{code}</Error></ErrorResponse>'
    ).encode()


def _simulate_policy(call: Call, options: Options) -> str:
    """A decision for each action: those in `denied_actions` are denied, all others allowed."""
    actions = [value for name, value in call.parameters.items() if name.startswith("ActionNames.member.")]
    denied = {action for action in actions if action.partition(":")[2] in options.denied_actions}
    members = "".join(
        f"<member><EvalActionName>{escape(action)}</EvalActionName><EvalResourceName>*</EvalResourceName>"
        f"<EvalDecision>{'implicitDeny' if action in denied else 'allowed'}</EvalDecision></member>"
        for action in actions
    )
    return f"<IsTruncated>false</IsTruncated><EvaluationResults>{members}</EvaluationResults>"


def _list_regions(call: Call, options: Options) -> bytes:
    parameters = call.parameters
    check_input("ListRegions", parameters, "account")
    statuses = _list_statuses(call.region, options)
    wanted = parameters.get("RegionOptStatusContains") or statuses.values()
    names = [name for name, status in statuses.items() if status in wanted]
    page, token = cut_page(call.operation, call.region, parameters, names, _MOST_REGIONS, options)
    regions = [{"RegionName": name, "RegionOptStatus": statuses[name]} for name in page]
    return orjson.dumps({"Regions": regions} | token)


def _describe_regions(call: Call, options: Options) -> bytes:
    for name in call.parameters:
        if name not in ("AllRegions", "Version"):
            raise ApiError("UnknownParameter", f"The local EC2 does not support the parameter {name}.")
    items = "".join(
        f"<item><regionName>{name}</regionName><regionEndpoint>ec2.{name}.amazonaws.com</regionEndpoint>"
        f"<optInStatus>{_EC2_STATUS[status]}</optInStatus></item>"
        for name, status in _list_statuses(call.region, options).items()
        if status != "DISABLED" or call.parameters.get("AllRegions") == "true"
    )
    return (
        f'<DescribeRegionsResponse xmlns="{_EC2}"><requestId>{_REQUEST_ID}</requestId>'
        f"<regionInfo>{items}</regionInfo></DescribeRegionsResponse>"
    ).encode()


def _list_statuses(region: str, options: Options) -> dict[str, str]:
    """RegionOptStatus of every region of a region's partition, in alphabetical order."""
    statuses = dict.fromkeys(_list_all_regions(find_partition(region) or DEFAULT_PARTITION), "ENABLED")
    statuses |= dict.fromkeys(WITHOUT_OPT_IN & statuses.keys(), "ENABLED_BY_DEFAULT")
    return statuses | dict.fromkeys(statuses.keys() & options.closed_regions, "DISABLED")


@cache
def _list_all_regions(partition: str) -> list[str]:
    """The regions of a partition that offer SageMaker."""
    return sorted(list_service_regions("sagemaker", partition))


def _encode(operation: str, namespace: str, result: str) -> bytes:
    return (
        f'<{operation}Response xmlns="{namespace}"><{operation}Result>{result}</{operation}Result>'
        f"<ResponseMetadata><RequestId>{_REQUEST_ID}</RequestId></ResponseMetadata>"
        f"</{operation}Response>"
    ).encode()

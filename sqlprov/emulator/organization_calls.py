"""The local AWS Organizations: which accounts and units there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlprov.emulator.api_model import check_input
from sqlprov.emulator.errors import ApiError, make_access_denied_error
from sqlprov.emulator.options import Call, Options
from sqlprov.emulator.organization import ROOT, Member, Organization, find_unit_id
from sqlprov.emulator.pages import cut_page

Members = dict[str, Any]
_ID = "o-local00000"
_JOINED = 1_700_000_000.0
_PAGE_SIZE = 20  # documented as the most of ListAccounts
_FOR_ALL = {"DescribeOrganization"}  # the other operations are the management account's


def answer(call: Call, organization: Organization | None, options: Options) -> Members:
    """The reply of a call.

    Raises:
        ApiError: the call is not allowed, or the operation is not supported.
    """
    operation, given = call.operation, call.parameters
    if operation not in _OPERATIONS:
        raise ApiError("UnknownOperationException", f"The local Organizations does not support {operation}.")
    if organization is None:
        raise ApiError(
            "AWSOrganizationsNotInUseException", "Your account is not a member of an organization."
        )
    is_management = call.account == organization.management.id
    if operation in options.denied_actions or not (is_management or operation in _FOR_ALL):
        raise make_access_denied_error(call.user, f"organizations:{operation}", "*")
    check_input(operation, given, "organizations")
    return _OPERATIONS[operation](call, organization, options)


def _describe_organization(call: Call, organization: Organization, options: Options) -> Members:
    management = organization.management
    return {
        "Organization": {
            "Id": _ID,
            "Arn": _build_arn(organization, "organization", _ID),
            "FeatureSet": "ALL",
            "MasterAccountId": management.id,
            "MasterAccountArn": _build_arn(organization, "account", f"{_ID}/{management.id}"),
            "MasterAccountEmail": _build_email(management),
        }
    }


def _list_roots(call: Call, organization: Organization, options: Options) -> Members:
    arn = _build_arn(organization, "root", f"{_ID}/{ROOT}")
    return {"Roots": [{"Id": ROOT, "Arn": arn, "Name": "Root", "PolicyTypes": []}]}


def _list_units(call: Call, organization: Organization, options: Options) -> Members:
    parent = _find_path(call.parameters["ParentId"], organization)
    paths = {
        find_unit_id(path): path
        for path in organization.units
        if path.rpartition("/")[0] == parent and path != parent
    }
    names, token = _cut(call, sorted(paths), options)
    units = [
        {
            "Id": name,
            "Arn": _build_arn(organization, "ou", f"{_ID}/{name}"),
            "Name": paths[name].rpartition("/")[2],
        }
        for name in names
    ]
    return {"OrganizationalUnits": units} | token


def _list_accounts(call: Call, organization: Organization, options: Options) -> Members:
    members = organization.by_id
    if "ParentId" in call.parameters:
        path = _find_path(call.parameters["ParentId"], organization)
        members = {id_: member for id_, member in members.items() if member.unit == path}
    names, token = _cut(call, sorted(members), options)
    return {"Accounts": [_describe_account(organization, members[name]) for name in names]} | token


def _describe_account(organization: Organization, member: Member) -> Members:
    return {
        "Id": member.id,
        "Arn": _build_arn(organization, "account", f"{_ID}/{member.id}"),
        "Email": _build_email(member),
        "Name": member.name,
        "Status": member.status,
        "State": member.status,
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": _JOINED,
    }


def _find_path(parent: str, organization: Organization) -> str:
    """The path of the unit with an id; raises ApiError if there is none."""
    for path in ("", *organization.units):
        if find_unit_id(path) == parent:
            return path
    raise ApiError("ParentNotFoundException", f"You specified parent {parent} that doesn't exist.")


def _cut(call: Call, names: list[str], options: Options) -> tuple[list[str], Members]:
    return cut_page(call.operation, call.region, call.parameters, names, _PAGE_SIZE, options)


def _build_arn(organization: Organization, kind: str, path: str) -> str:
    return f"arn:aws:organizations::{organization.management.id}:{kind}/{path}"


def _build_email(member: Member) -> str:
    return f"{member.name}@example.com"


_OPERATIONS: dict[str, Callable[[Call, Organization, Options], Members]] = {
    "DescribeOrganization": _describe_organization,
    "ListRoots": _list_roots,
    "ListOrganizationalUnitsForParent": _list_units,
    "ListAccounts": _list_accounts,
    "ListAccountsForParent": _list_accounts,
}

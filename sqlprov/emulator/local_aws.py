"""The AWS of `--local`: the accounts behind one address, where every table can be read.

SageMaker's states are the emulator's, the other services are moto's, and what neither has is made up.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from sqlprov.emulator.api_model import load_resource_kinds
from sqlprov.emulator.emulator import Emulator
from sqlprov.emulator.exchange import CredentialScope, HttpRequest, Response
from sqlprov.emulator.options import Options
from sqlprov.emulator.organization import Organization
from sqlprov.emulator.sample_data import load_accounts
from sqlprov.emulator.service import CLOUD_CONTROL, OPERATIONS, Service
from sqlprov.emulator.store import Store
from sqlprov.errors import WARNING_HEADER

if TYPE_CHECKING:
    from sqlprov.emulator.other_services import LoadTables, OtherServices

_OWN = {
    "sts": {"GetCallerIdentity", "AssumeRole"},
    "iam": {"SimulatePrincipalPolicy"},
    "ec2": {"DescribeRegions"},
}
_NO_RESOURCES = b'"ResourceDescriptions":[]'
_ONLY_OWN = (
    "The local Cloud Control lists only what was made through it; the tables of aws show the sample data."
)
_TAG_CALLS = ("AddTags", "ListTags", "DeleteTags")


class LocalAws(Emulator):
    """The emulator, with moto and the model server behind the same address.

    Args:
        load_tables: client -> its tables, for the calls that moto does not have.
        state: as the emulator's; moto's state ends with the process.
    """

    def __init__(
        self,
        load_tables: LoadTables,
        *,
        state: Path | str | None = None,
        port: int = 0,
    ) -> None:
        organization = Organization(list(load_accounts()), any_key=True)
        super().__init__(organization=organization, state=state, port=port)
        self._front = _Front(self._service, load_tables)

    def _make_service(
        self, options: Options, organization: Organization | None, state: Path | None
    ) -> Service:
        return Service(options, organization, state, self._fill_region, has_moto=True)

    def _fill_region(self, store: Store, region: str) -> None:
        if store.account != self._service.identities.management:
            self._seed(store)


class _Front:
    """Sends each request to the emulator or to the other services."""

    def __init__(self, emulator: Service, load_tables: LoadTables) -> None:
        self._emulator, self._load_tables = emulator, load_tables
        self._others: dict[str, OtherServices] = {}

    def _find_others(self, account: str) -> OtherServices:
        from sqlprov.emulator.other_services import OtherServices  # 25 ms, which SageMaker does not need

        if account not in self._others:
            key = self._emulator.identities.find_key(account)
            self._others[account] = OtherServices(self._load_tables, self.answer, account, key)
        return self._others[account]

    def read_clock(self) -> float:
        return self._emulator.read_clock()

    def answer(self, request: HttpRequest) -> Response:
        scope = request.scope
        if scope is None or _is_emulated(request, scope):
            response = self._emulator.answer(request)
            if scope is not None and scope.service == CLOUD_CONTROL and _NO_RESOURCES in response.body:
                return replace(response, headers={**response.headers, WARNING_HEADER: _ONLY_OWN})
            return response
        identity = self._emulator.identities.find(*request.credentials)
        return self._find_others(identity.account).answer(request, scope, identity)


def _is_emulated(request: HttpRequest, scope: CredentialScope) -> bool:
    """Whether the emulator has the operation."""
    if scope.service == "sagemaker":
        name = request.headers.get("x-amz-target", "").removeprefix("SageMaker.")
        if name in _TAG_CALLS:
            return any(
                f":{kind.arn_part}/".encode() in request.body for kind in load_resource_kinds().values()
            )
        return name in OPERATIONS
    if scope.service == CLOUD_CONTROL:
        return True
    if scope.service == "account":
        return request.path == "/listRegions"
    parameters = dict(parse_qsl(request.body)) if scope.service in _OWN else {}
    own = parameters.pop(b"Action", b"").decode() in _OWN.get(scope.service, ())
    return own and (scope.service != "ec2" or parameters.keys() <= {b"Version", b"AllRegions"})

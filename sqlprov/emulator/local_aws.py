"""The AWS of `--local`: one account behind one address, where every table can be read.

SageMaker's states are the emulator's, the other services are moto's, and what neither has is made up.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from sqlprov.emulator.api_model import load_resource_kinds
from sqlprov.emulator.emulator import Emulator
from sqlprov.emulator.exchange import CredentialScope, HttpRequest, Response
from sqlprov.emulator.service import CLOUD_CONTROL, OPERATIONS, Service
from sqlprov.errors import WARNING_HEADER

if TYPE_CHECKING:
    from sqlprov.emulator.other_services import LoadTables, OtherServices

_OWN = {"sts": "GetCallerIdentity", "iam": "SimulatePrincipalPolicy", "ec2": "DescribeRegions"}
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

    def __init__(self, load_tables: LoadTables, *, state: Path | str | None = None, port: int = 0) -> None:
        super().__init__(state=state, port=port)
        self._service.has_moto = True
        self._front = _Front(self._service, load_tables)


class _Front:
    """Sends each request to the emulator or to the other services."""

    def __init__(self, emulator: Service, load_tables: LoadTables) -> None:
        self._emulator, self._load_tables = emulator, load_tables

    @cached_property
    def _others(self) -> OtherServices:
        from sqlprov.emulator.other_services import OtherServices  # 25 ms, which SageMaker does not need

        return OtherServices(self._load_tables, self.answer)

    def read_clock(self) -> float:
        return self._emulator.read_clock()

    def answer(self, request: HttpRequest) -> Response:
        scope = request.scope
        if scope is None or _is_emulated(request, scope):
            response = self._emulator.answer(request)
            if scope is not None and scope.service == CLOUD_CONTROL and _NO_RESOURCES in response.body:
                return replace(response, headers={**response.headers, WARNING_HEADER: _ONLY_OWN})
            return response
        return self._others.answer(request, scope)


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
    own = parameters.pop(b"Action", b"").decode() == _OWN.get(scope.service)
    return own and (scope.service != "ec2" or parameters.keys() <= {b"Version", b"AllRegions"})

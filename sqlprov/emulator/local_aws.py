"""The AWS of `--local`: one account behind one address, so that every table can be read.

SageMaker's states are the emulator's, the other services are moto's, and what neither has is empty.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from sqlprov.catalog.service_model import load_model
from sqlprov.catalog.table import Table
from sqlprov.emulator.api_model import resource_kinds
from sqlprov.emulator.clients import list_all_clients
from sqlprov.emulator.emulator import Emulator
from sqlprov.emulator.errors import ApiError
from sqlprov.emulator.exchange import Reply, Request, Response, Scope
from sqlprov.emulator.model_server import ModelService
from sqlprov.emulator.moto_app import MotoApp, has_moto
from sqlprov.emulator.moto_seeds import seed
from sqlprov.emulator.options import Call
from sqlprov.emulator.protocols import encode_error
from sqlprov.emulator.service import OPERATIONS, Service

LoadTables = Callable[[str], Sequence[Table]]

_OWN = {"sts": "GetCallerIdentity", "iam": "SimulatePrincipalPolicy", "ec2": "DescribeRegions"}
_SIGNED_AS = {"s3express": "s3"}  # directory buckets are operations of S3
_TAG_CALLS = ("AddTags", "ListTags", "DeleteTags")


class LocalAws(Emulator):
    """The emulator, with moto and the model server behind the same address.

    Args:
        load_tables: client -> its tables, for the calls that moto does not have.
        state: as the emulator's; moto's state ends with the process.
    """

    def __init__(self, load_tables: LoadTables, *, state: Path | str | None = None, port: int = 0) -> None:
        super().__init__(state=state, port=port)
        self._front = _Front(self._service, load_tables)


class _Front:
    """Sends each request to the emulator, to moto or to the empty service."""

    def __init__(self, emulator: Service, load_tables: LoadTables) -> None:
        self._emulator = emulator
        self._moto = MotoApp()
        self._empty = _EmptyService(load_tables)

    def read_clock(self) -> float:
        return self._emulator.read_clock()

    def answer(self, request: Request) -> Response:
        scope = request.scope
        if scope is None or _is_emulated(request, scope):
            return self._emulator.answer(request)
        call = Call(request.path, scope.region, scope.access_key, {}, time.monotonic())
        clients = list_all_clients().get(_SIGNED_AS.get(scope.service, scope.service), [])
        try:
            reply = self._answer(request, scope, clients)
        except ApiError as error:
            reply = encode_error(load_model(clients[0] if clients else "sts"), error)
        call.status = reply.status
        return Response(
            call,
            reply.status,
            reply.body,
            reply.content_type,
            content_length=reply.content_length,
            headers=reply.headers,
        )

    def _answer(self, request: Request, scope: Scope, clients: Sequence[str]) -> Reply:
        if not has_moto():
            raise ApiError(
                "NotInstalled",
                f"The local AWS has only SageMaker until moto is installed: pip install 'sqlprov[local]'. "
                f"It does not have {scope.service}.",
            )
        seed(scope.service, self._moto)
        failed = ApiError("NotImplemented", f"The local AWS does not have this operation of {scope.service}.")
        try:
            if (reply := self._moto.answer(request)) is not None:
                return reply
        except ApiError as error:
            failed = error
        exchange = self._empty.open_with(request, clients)
        if exchange is None or not exchange.is_used:
            raise failed
        try:
            return exchange.run(None)
        except ApiError as error:
            return exchange.encode_error(error)


class _EmptyService(ModelService):
    """The tables that moto does not have: without rows."""

    def __init__(self, load_tables: LoadTables) -> None:
        super().__init__(rows=0, children=0, page=100)
        self._load = load_tables

    def open(self, request: Request) -> Any:
        raise NotImplementedError("requests are opened with the clients that may have sent them")

    def find_tables(self, client: str) -> Sequence[Table]:
        return self._load(client)

    def run_extra(self, call: Call, tables: Sequence[tuple[Table, str]]) -> dict[str, Any]:
        """Nothing about a resource that moto may have."""
        for table, name in tables:
            for rule in table.extras[name].absent:
                raise ApiError(rule.code, f"{rule.text} There is none.".strip())
        return {}

    def run_tags(self, call: Call, tables: Sequence[Table]) -> dict[str, Any]:
        """No tags of a resource that moto may have."""
        method = tables[0].tags
        assert method is not None
        return {method.items: [] if method.spelling.key else {}}


def _is_emulated(request: Request, scope: Scope) -> bool:
    """Whether the emulator has the operation."""
    if scope.service == "sagemaker":
        name = request.headers.get("x-amz-target", "").removeprefix("SageMaker.")
        if name in _TAG_CALLS:
            return any(f":{kind.arn_part}/".encode() in request.body for kind in resource_kinds().values())
        return name in OPERATIONS
    if scope.service == "account":
        return request.path == "/listRegions"
    given = dict(parse_qsl(request.body)) if scope.service in _OWN else {}
    own = given.pop(b"Action", b"").decode() == _OWN.get(scope.service)
    return own and (scope.service != "ec2" or given.keys() <= {b"Version", b"AllRegions"})

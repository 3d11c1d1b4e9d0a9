"""The services that the emulator does not have: moto's, with sample data, and empty replies for the rest."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlprov.catalog.service_model import load_model
from sqlprov.catalog.table import Table
from sqlprov.emulator.clients import list_all_clients
from sqlprov.emulator.errors import ApiError
from sqlprov.emulator.exchange import CredentialScope, HttpReply, HttpRequest, Response
from sqlprov.emulator.model_server import ModelExchange, ModelService
from sqlprov.emulator.moto_app import MotoApp, has_moto
from sqlprov.emulator.moto_seeds import seed
from sqlprov.emulator.options import Call
from sqlprov.emulator.protocols import encode_error
from sqlprov.errors import WARNING_HEADER

logger = logging.getLogger(__name__)

LoadTables = Callable[[str], Sequence[Table]]

_SIGNED_AS = {"s3express": "s3"}  # directory buckets are operations of S3


class OtherServices:
    """Sends each request to moto, or to the empty service.

    Args:
        load_tables: client -> its tables, for the calls that moto does not have.
    """

    def __init__(self, load_tables: LoadTables) -> None:
        self._moto = MotoApp()
        self._empty = _EmptyService(load_tables)

    def answer(self, request: HttpRequest, scope: CredentialScope) -> Response:
        call = Call(request.path, scope.region, scope.access_key, {}, time.monotonic())
        clients = list_all_clients().get(_SIGNED_AS.get(scope.service, scope.service), [])
        try:
            reply = self._answer(request, scope, clients)
        except Exception as raised:
            error = raised
            if not isinstance(error, ApiError):
                logger.exception("the local AWS failed in %s of %s", request.path, scope.service)
                # Another attempt would fail too.
                error = ApiError("LocalFailure", f"The local AWS failed: {type(raised).__name__}: {raised}")
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

    def _answer(self, request: HttpRequest, scope: CredentialScope, clients: Sequence[str]) -> HttpReply:
        if not has_moto():
            raise ApiError(
                "NotInstalled",
                "Without moto, the local AWS has only SageMaker's inference experiments, models, endpoint "
                "configurations and endpoints. Run: pip install '.[local]'",
            )
        seed(clients, self._moto)
        failed: ApiError | None = None
        try:
            if (reply := self._moto.answer(request)) is not None:
                return reply
        except ApiError as error:
            failed = error
        exchange = self._empty.open_with(request, clients)
        if exchange is None or not exchange.is_used:
            text = f"The local AWS does not have this operation of {scope.service}."
            raise failed or ApiError("NotImplemented", text)
        if failed and not exchange.names_resource:
            raise failed
        reason = failed.text if failed else "moto does not have it."
        return _warn(_run(exchange), f"The local AWS has nothing for {exchange.action}: {reason}")


def _run(exchange: ModelExchange) -> HttpReply:
    try:
        return exchange.run(None)
    except ApiError as error:
        return exchange.encode_error(error)


def _warn(reply: HttpReply, text: str) -> HttpReply:
    line = " ".join(text.split()).encode("ascii", "replace").decode()
    return replace(reply, headers={**reply.headers, WARNING_HEADER: line})


class _EmptyService(ModelService):
    """The tables that moto does not have: without rows."""

    def __init__(self, load_tables: LoadTables) -> None:
        super().__init__(rows=0, children=0, page=100)
        self._load = load_tables

    def open(self, request: HttpRequest) -> Any:
        raise NotImplementedError("requests are opened with the clients that may have sent them")

    def find_tables(self, client: str) -> Sequence[Table]:
        return self._load(client)

    def run_extra(self, call: Call, tables: Sequence[tuple[Table, str]]) -> dict[str, Any]:
        """An empty reply for a resource that moto might have."""
        for table, name in tables:
            for rule in table.extras[name].absent:
                raise ApiError(rule.code, f"{rule.text} Not found.".strip())
        return {}

    def run_tags(self, call: Call, tables: Sequence[Table]) -> dict[str, Any]:
        """An empty reply for a resource that moto might have."""
        method = tables[0].tags
        assert method is not None
        return {method.items: [] if method.spelling.key else {}}

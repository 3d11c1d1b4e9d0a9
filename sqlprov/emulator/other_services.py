"""The services that the emulator does not have: moto's, with sample data, and made-up rows for the rest."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from sqlprov.catalog.column import ColumnSource, get_path
from sqlprov.catalog.service_model import load_model, to_snake_case
from sqlprov.catalog.table import Table
from sqlprov.emulator.clients import list_all_clients
from sqlprov.emulator.errors import ApiError
from sqlprov.emulator.exchange import CredentialScope, HttpReply, HttpRequest, Response
from sqlprov.emulator.identities import Identity
from sqlprov.emulator.model_rows import ModelRow, ModelRows, put_path
from sqlprov.emulator.model_server import (
    Members,
    MissingRow,
    ModelExchange,
    ModelService,
    list_arguments,
    match_rows,
    match_tagged,
)
from sqlprov.emulator.moto_app import FAILED, REFUSED, MotoApp, has_moto
from sqlprov.emulator.moto_seeds import Answer, open_client, seed
from sqlprov.emulator.options import Call
from sqlprov.emulator.protocols import encode_error
from sqlprov.errors import WARNING_HEADER

logger = logging.getLogger(__name__)

LoadTables = Callable[[str], Sequence[Table]]

# Directory buckets are operations of S3.
_SIGNED_AS = {"s3express": "s3", "IngestionService": "importexport"}
# Signing name -> text in requests that moto answers without the rows, or without their key.
_UNUSABLE = {"monitoring": b"LogAlarm", "rds": b"DescribeDBInstanceAutomatedBackups"}
_MISSING = re.compile(rb"NotFound|NoSuch|NotExist|NonExist")
_CODE = re.compile(rb'(?:<Code>|"(?:__type|[cC]ode)"\s*:\s*"(?:[\w.]+#)?)(\w[\w.]*)')


class OtherServices:
    """The other services of an account. Sends each request to moto, or to the model server.

    Args:
        load_tables: client -> its tables, for the calls that moto does not have.
        answer: the local AWS, whose lists say which parents there are.
        account: id.
        key: an access key of the account.
    """

    def __init__(self, load_tables: LoadTables, answer: Answer, account: str, key: str) -> None:
        self._moto = MotoApp(account)
        self._model = _LocalModel(load_tables, answer, account, key)

    def answer(self, request: HttpRequest, scope: CredentialScope, identity: Identity) -> Response:
        call = Call(request.path, scope.region, scope.access_key, {}, time.monotonic(), user=identity.user)
        clients = list_all_clients().get(_SIGNED_AS.get(scope.service, scope.service), [])
        try:
            identity.check(time.time())
            reply = self._answer(request, scope, clients)
        except Exception as raised:
            error = raised
            if not isinstance(error, ApiError):
                logger.exception("the local AWS failed in %s of %s", request.path, scope.service)
                # Another attempt would fail too.
                error = ApiError("LocalFailure", f"The local AWS failed: {type(raised).__name__}: {raised}")
            reply = encode_error(load_model(clients[0] if clients else "sts"), error.translate(scope.service))
        call.status = reply.status
        return Response(**vars(reply), call=call)

    def _answer(self, request: HttpRequest, scope: CredentialScope, clients: Sequence[str]) -> HttpReply:
        if not has_moto():
            raise ApiError(
                "NotInstalled",
                "Without moto, the local AWS has only SageMaker's inference experiments, models, endpoint "
                "configurations and endpoints. Run: pip install '.[local]'",
            )
        seed(clients, self._moto)
        model = self._model
        known = [client for client in clients if model.has_made_up(client)]
        if (made_up := self._make_up(model.open_each(request, known))) is not None:
            return made_up
        reply: HttpReply | None = None
        error = ApiError("NotImplemented", f"The local AWS does not have this operation of {scope.service}.")
        why, is_missing = "moto does not have it.", False
        try:
            unusable = _UNUSABLE.get(scope.service)
            reply = None if unusable and unusable in request.body else self._moto.answer(request)
        except ApiError as failure:
            if failure.code == REFUSED:
                raise
            error, why = failure, failure.text
        if reply is not None:
            is_missing = reply.status == 404 or bool(_MISSING.search(reply.body))
            if reply.status < 400 or (is_missing and not known):
                return reply
            why = f"moto refuses it ({_read_code(reply)})."
        exchanges = [each for each in model.open_each(request, clients) if each.tables]
        is_lacking = reply is None and error.code != FAILED
        for exchange in exchanges:
            if is_lacking or exchange.is_plain or model.is_about_made_up(exchange):
                model.note(exchange, why)
        if (made_up := self._make_up(exchanges, probe=True)) is not None:
            return made_up
        for exchange in exchanges:
            is_empty = exchange.is_scoped and not is_missing
            if is_lacking or is_empty or (reply is None and exchange.names_resource):
                answer = _run(exchange)
                # moto looks most resources up without a check.
                values = exchange.call.parameters.values()
                names = (f"KeyError: {value!r}." for value in values if isinstance(value, str))
                if why.endswith(tuple(names)):
                    return answer
                return _warn(answer, f"The local AWS has nothing for {exchange.action}: {why}")
        if reply is None:
            raise error
        return reply

    def _make_up(self, exchanges: Iterable[ModelExchange], *, probe: bool = False) -> HttpReply | None:
        """The reply with made-up rows, if the request is about such; `probe` as in `explain`."""
        refusal: HttpReply | None = None
        for exchange in exchanges:
            if warning := self._model.explain(exchange, probe=probe):
                reply = _warn(_run(exchange), warning)
                if reply.status < 400:
                    return reply
                refusal = refusal or reply  # a client with the same operations may have the row
        return refusal


def _read_code(reply: HttpReply) -> str:
    code = _CODE.search(reply.body)
    return code[1].decode() if code else str(reply.status)


def _run(exchange: ModelExchange) -> HttpReply:
    try:
        return exchange.run(None)
    except ApiError as error:
        return exchange.encode_error(error)


def _warn(reply: HttpReply, text: str) -> HttpReply:
    line = " ".join(text.split()).encode("ascii", "replace").decode()
    return replace(reply, headers={**reply.headers, WARNING_HEADER: line})


class _LocalModel(ModelService):
    """The tables that moto does not list, with made-up rows. For a resource of moto's it has nothing."""

    def __init__(self, load_tables: LoadTables, answer: Answer, account: str, key: str) -> None:
        super().__init__(_LocalRows(self, account), page=100)
        self._load = load_tables
        # Client and table -> the warning that its rows are made up; empty if they are not.
        self._warnings: dict[tuple[str, str], str] = {}
        self._open_client = cache(lambda client, region: open_client(answer, client, region, key))

    def open(self, request: HttpRequest) -> Any:
        raise NotImplementedError("requests are opened with the clients that may have sent them")

    def find_tables(self, client: str) -> Sequence[Table]:
        return self._load(client)

    def has_made_up(self, client: str) -> bool:
        """Whether a list of the client is known to be made up."""
        return any(warning and known == client for (known, _), warning in self._warnings.items())

    def is_about_made_up(self, exchange: ModelExchange) -> bool:
        """Whether it is a list for a parent that is known to be made up."""
        client, parents = exchange.client, {p.table for table in exchange.lists for p in table.list.parents}
        return any(self._warnings.get((client, name)) for name in parents)

    def note(self, exchange: ModelExchange, why: str) -> None:
        """Note that the rows of a list are made up, unless they would describe a resource that moto has."""
        for table in exchange.lists:
            is_single = table.list.single or not table.list.rows
            loads = [parent.load for parent in table.list.parents if parent.load and is_single]
            if all(self.find_warning(load(), exchange.call.region) for load in loads):
                text = f"The rows of {exchange.action} are made up: {why}"
                self._warnings[table.client, table.name] = text

    def find_warning(self, table: Table, region: str) -> str:
        """The warning that the rows of a table are made up; empty if they are not."""
        place = table.client, table.name
        if place not in self._warnings:
            self._warnings[place] = ""
            for scope in self._rows.list_scopes(table, region)[:1]:
                # The answer notes it. If there is none, the next request asks again.
                if self._list(table, region, scope) is None:
                    return self._warnings.pop(place)
        return self._warnings[place]

    def explain(self, exchange: ModelExchange, *, probe: bool = False) -> str:
        """The warning that the rows which a request names are made up; empty if they are not.

        Args:
            probe: also for lists of which it is not known.
        """
        region, operation = exchange.call.region, exchange.call.operation

        def find(table: Table) -> str:
            if probe:
                return self.find_warning(table, region)
            return self._warnings.get((table.client, table.name), "")

        for table in exchange.lists:
            if warning := find(table):
                return warning
        for table in exchange.tables if probe else filter(find, exchange.tables):
            rows, parameters = self._rows.get_rows(table, region), exchange.call.parameters
            matches = [
                match_rows(rows, arguments, parameters, many=is_many)
                for arguments, is_many in list_arguments(table, operation)
            ]
            if table.tags is not None and table.tags.call == operation:
                matches.append(match_tagged(table, rows, parameters))
            if any(matches):
                return find(table)
        return ""

    def find_rows(self, table: Table, region: str) -> Sequence[ModelRow]:
        return self._rows.get_rows(table, region) if self.find_warning(table, region) else ()

    def find_described(self, table: Table, region: str) -> Sequence[ModelRow]:
        """Of a row that moto lists and cannot describe, only what its list shows."""
        if self.find_warning(table, region):
            return self._rows.get_rows(table, region)
        rows = self.list_rows(table, region)
        for row in rows:
            for column, path in table.describe.paths.items() if table.describe else ():
                if (value := row.values.get(column)) is not None:
                    put_path(row.described, path, value)
        return rows

    def run_extra(self, call: Call, tables: Sequence[tuple[Table, str]]) -> Members:
        """An empty reply for a resource that moto might have."""
        try:
            return super().run_extra(call, tables)
        except MissingRow:
            for table, name in tables:
                for rule in table.extras[name].absent:
                    raise ApiError(rule.code, f"{rule.text} Not found.".strip()) from None
            return {}

    def run_tags(self, call: Call, tables: Sequence[Table]) -> Members:
        """An empty reply for a resource that moto might have."""
        try:
            return super().run_tags(call, tables)
        except MissingRow:
            method = tables[0].tags
            assert method is not None
            return {method.items: [] if method.spelling.key else {}}

    def list_rows(self, table: Table, region: str) -> list[ModelRow]:
        """The rows of a list as the local AWS returns them, with the columns that it fills."""
        rows = []
        columns = [column for column in table.columns if column.source is ColumnSource.LIST]
        for scope in self._rows.list_scopes(table, region):
            values = {"region": region} | {
                parent.column: scope[parent.parameter] for parent in table.list.parents
            }
            for item in self._list(table, region, scope) or ():
                own = {
                    column.name: item if table.list.scalar else get_path(item, column.path)
                    for column in columns
                }
                rows.append(ModelRow(0, scope, item, values=values | own))
        return rows

    def _list(self, table: Table, region: str, scope: Members) -> list[Any] | None:
        """The rows of the first page; `None` if the local AWS refuses it."""
        from botocore.exceptions import BotoCoreError, ClientError

        listing = table.list
        call = getattr(self._open_client(table.client, table.home or region), to_snake_case(listing.call))
        size = {listing.page_size_parameter: listing.page_size} if listing.page_size else {}
        try:
            items = [call(**listing.send, **scope, **size)]
        except (BotoCoreError, ClientError) as error:
            logger.info("no list of %s: %s", table.full_name, error)
            return None
        for member in table.list.rows:
            values = [item[member] for item in items if member in item]
            items = [item for value in values for item in (value if isinstance(value, list) else [value])]
        return items


class _LocalRows(ModelRows):
    """Three made-up rows a table; the parents of a child are those that the local AWS lists."""

    def __init__(self, model: _LocalModel, account: str) -> None:
        super().__init__(3, 2, first=1, account=account)
        self._model = model

    def read_parent(self, table: Table, region: str) -> list[ModelRow]:
        is_made_up = self._model.find_warning(table, region)
        return self.get_rows(table, region) if is_made_up else self._model.list_rows(table, region)

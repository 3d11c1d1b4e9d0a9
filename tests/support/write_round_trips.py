"""Writes rows of one table on moto, with requests made from the model, and reads what became of them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from botocore import xform_name
from botocore.exceptions import ReadTimeoutError
from confirmations import read_reasons
from example_server import find_client
from moto_seeder import Seeder, read_hints
from moto_server import skip_states, start_moto
from request_values import REGION, fits
from sagemaker_seeds import seed_sagemaker

from sqlprov.api.connection import Connection
from sqlprov.aws.transport import calls
from sqlprov.aws.transport.accounts import AccountFinder
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.write.outcome import Outcome
from sqlprov.catalog import Catalog
from sqlprov.catalog.method import Method, Nesting
from sqlprov.catalog.read_calls import ErrorRule
from sqlprov.catalog.sensitive import HIDDEN
from sqlprov.catalog.service_model import load_model
from sqlprov.catalog.table import Table
from sqlprov.duck.database import open_database
from sqlprov.duck.session import Session
from sqlprov.emulator.model_values import FIRST
from sqlprov.errors import DataError, WriteError
from sqlprov.settings import Settings

RESOURCES = Path(__file__).parents[2] / "resources" / "aws"
NUMBERS = count(10)


class MotoCatalog(Catalog):
    """The catalog with moto's own codes for missing rows, and without calls for tags that moto does not have."""

    @cache  # noqa: B019 (there is one catalog)
    def get_table(self, provider: str, service: str, name: str) -> Table:
        table = super().get_table(provider, service, name)
        codes = read_reasons()["missing_codes"].get(f"{service}.{table.name}", {})
        missing = (*table.errors.missing, *(ErrorRule(code, text) for code, text in codes.items()))
        lacks = table.tags and table.tags.call in read_reasons()["missing_calls"].get(f"{service}.{name}", ())
        if lacks or f"{service}.{name}.tags" in read_reasons()["columns"]:
            table = replace(table, tags=None, tagging=None)
        return replace(table, errors=replace(table.errors, missing=missing))


CATALOG = MotoCatalog()


def list_writable() -> list[tuple[str, str]]:
    """Service and name of each table whose line or file has `write:`; no table is loaded."""
    lines = (
        (file.stem, match[1])
        for file in RESOURCES.glob("*.yaml")
        for match in re.finditer(r"^  (\w+): \{.*\bwrite: \{", file.read_text("utf-8"), re.MULTILINE)
    )
    files = (
        (file.parent.name, file.stem)
        for file in RESOURCES.glob("*/*.yaml")
        if re.search("^write:", file.read_text("utf-8"), re.MULTILINE)
    )
    return sorted((*lines, *files))


def list_proved(table: Table) -> dict[str, Method]:
    """The methods that moto has to prove."""
    emulated = read_reasons()["emulated"].get(f"{table.service}.{table.name}", ())
    return {
        method.name: method
        for method in table.methods
        if method.verb != "SELECT" and method.name not in emulated
    }


@dataclass
class MotoService:
    """A moto with resources of one service, and a connection to it."""

    name: str
    con: Connection
    seeder: Seeder


@contextmanager
def open_service(service: str) -> Iterator[MotoService]:
    """moto with resources of every kind of a service."""
    with skip_states(), start_moto() as url:
        seeder = Seeder(url, find_client(CATALOG, service))
        if service == "sagemaker":
            seed_sagemaker(seeder.client)  # the rest of it is not needed, and takes long
        else:
            seeder.seed()
        cloud = Cloud(endpoint_url=url, credentials=("testing", "testing"))
        settings = Settings(
            regions=REGION, max_attempts=3, settle=0.0, await_timeout=5.0, show_sensitive=True
        )
        with Connection(Session(CATALOG, AccountFinder(cloud), open_database()), settings) as con:
            yield MotoService(service, con, seeder)


class OpenService(ExitStack):
    """The service that was used last: moto keeps one account for each process."""

    _name = ""
    _service: MotoService

    def open(self, name: str) -> MotoService:
        """The service, filled unless it is the last one."""
        if name != self._name:
            self.close()
            self._name = ""
            self._service, self._name = self.enter_context(open_service(name)), name
        return self._service


@dataclass
class RoundTrip:
    """The rows of one table.

    Attributes:
        request: the parameters of the last row that was inserted.
    """

    service: MotoService
    table: Table
    request: dict[str, Any] = field(default_factory=dict)

    def is_named(self, kind: str) -> bool:
        """Whether `moto_reasons.yaml` names the table for this reason."""
        return f"{self.table.service}.{self.table.name}" in read_reasons()[kind]

    def get_reason(self, kind: str, default: Any = None) -> Any:
        """What `moto_reasons.yaml` says of the table for this reason."""
        return read_reasons()[kind].get(f"{self.table.service}.{self.table.name}", default)

    def list_requests(self, method: str) -> list[dict[str, Any]]:
        """Requests of a method for a resource of a new name; other parts of its key are those of some row."""
        requests = self._make_requests(self.table.by_method[method].call)
        requests = [lift(request, self.table.by_method[method]) for request in requests]
        for part in self.table.by_method[method].parameters:
            if part.column in self.table.key and any(part.name not in request for request in requests):
                sql = f"SELECT {part.column} FROM {self.table.full_name} WHERE {self.where()} LIMIT 1"
                ((value,),) = self.service.con.sql(sql).fetchall()
                if value is not None:
                    requests = [{part.name: value, **request} for request in requests]
        return requests

    def _make_requests(self, call: str) -> list[dict[str, Any]]:
        seeder, number = self.service.seeder, next(NUMBERS)
        for client, name, parameters in read_hints()["first"].get(self.table.client, {}).get(call, ()):
            error = seeder.call(name, seeder.known.fill(parameters, FIRST + number), client)
            assert error is None, error
        return seeder.list_requests(load_model(self.table.client).operation_model(call), number)

    def write(self, sql: str) -> tuple[tuple[Outcome, ...], Any]:
        """The outcomes of a statement and its result; `None` if a row is not ok."""
        try:
            result = self.service.con.sql(sql)
        except WriteError as error:
            return error.outcomes, None
        return result.outcomes, result

    def insert(self) -> str:
        """The key of a new row, with the first request that moto takes; boto3 makes it if INSERT does not.

        A table that can only be updated has rows.
        """
        if "create_resource" not in self.table.by_method:
            return self._create() if "delete_resource" in self.table.by_method else str(self.find()[0][0])
        reasons = []
        for request in self.list_requests("create_resource"):
            try:
                (outcome,), _ = self.write(format_insert(self.table, request))
            except DataError as error:  # a made-up value does not fit
                reasons.append(str(error))
                continue
            if outcome.status.value == "ok":
                self.request = request
                return outcome.key
            reasons.append(outcome.reason)
        pytest.fail(f"INSERT INTO {self.table.full_name}: {reasons}")

    def _create(self) -> str:
        seeder = self.service.seeder
        name = self.table.by_method["delete_resource"].call.replace("Delete", "Create")
        name = read_hints()["creates"].get(f"{self.table.service}.{self.table.name}", name)
        request, before = self._make_requests(name)[0], {*self.find()}
        getattr(seeder.client, xform_name(name))(**request)  # what is deleted soon is not noted
        ((key,),) = {*self.find()} - before
        return str(key)

    def make_another(self) -> dict[str, Any]:
        """The request for another row like the last one."""
        for request in self.list_requests("create_resource"):
            if request.keys() == self.request.keys():
                return request
        raise AssertionError("the same parameters are made again")

    def read_hints(self, operation: str) -> dict[str, Any]:
        """The values that `moto_hints.yaml` has for a call that writes."""
        hints = read_hints()["writes"].get(self.table.client, {}).get(operation, {})
        return dict(self.service.seeder.known.fill(hints, FIRST + next(NUMBERS)))

    def make_value(self, operation: Any, member: str, now: Any) -> Any:
        """Another value for a member of an update; `None` if there is only one."""
        if member in (hints := self.read_hints(operation.name)):
            return hints[member]
        shape = operation.input_shape.members[member]
        if shape.type_name == "boolean":
            return not now
        if shape.type_name == "integer" and now is not None:
            return now + 1
        if values := shape.metadata.get("enum"):
            return next(value for value in values if value != now)
        if shape.type_name == "string" and isinstance(now, str):
            known = (value for value in self.service.seeder.known.find(member) if fits(shape, value))
            alike = (v for v in known if v != now and v.startswith("arn:") == now.startswith("arn:"))
            return next(alike, f"{now}x")
        requests = self.service.seeder.list_requests(operation, next(NUMBERS))
        made = [request[member] for request in requests if member in request and request[member] != now]
        return made[-1] if made else None

    def make_members(self, operation: Any, nesting: Nesting) -> Any:
        """Values for the members of the row that an update takes at a path."""
        request = self.service.seeder.list_requests(operation, next(NUMBERS))[-1]
        return find_row(request, nesting.path)

    def list_key_parameters(self, method: Method) -> dict[str, str]:
        """The parameters of a method that take the key, and their columns."""
        return {part.name: part.column for part in method.parameters if part.column in self.table.key}

    def find(self, key: str = "") -> list[Any]:
        """What one call reads of the row of a key, but for times that change; or the keys of all rows."""
        columns = (self.table.by_name[name] for name in self.table.paths)
        kept = [c.name for c in columns if c.name == self.table.created or not pa.types.is_timestamp(c.type)]
        what = ", ".join(f'"{name}"' for name in kept) if key else "data__Identifier"
        sql = f"SELECT {what} FROM {self.table.full_name} WHERE {self.where(key)}"
        return self.service.con.sql(sql).fetchall()

    def get(self, key: str, column: str) -> Any:
        """The value of a column of a row."""
        name = self.table.full_name
        sql = f'SELECT "{column}" FROM {name} WHERE {self.where(key)}'
        ((value,),) = self.service.con.sql(sql).fetchall()
        return value

    def where(self, key: str = "") -> str:
        """The condition of a row, or of all rows; deleted ones that the service still shows are not among them."""
        table, delete = self.table, self.table.by_method.get("delete_resource")
        conditions = [f"data__Identifier = {format_value(key)}"] if key else []
        conditions += [f"{table.write.delete.marks} IS NULL"] if table.write.delete.marks else []
        if table.state.column and delete:
            ends = tuple(map(str.lower, (*delete.until, "missing")))
            conditions.append(f"coalesce(lower({table.state.column}), '') NOT IN {ends}")
        return " AND ".join((*conditions, f"region = '{table.home or REGION}'"))


def format_value(value: Any) -> str:
    """A value of boto3 as SQL text."""
    return "'" + to_text(value).replace("'", "''") + "'"


def to_text(value: Any) -> str:
    """A value of boto3 as text; what is nested as JSON."""
    if isinstance(value, bytes | datetime):
        value = _format(value)
    return value if isinstance(value, str) else json.dumps(value, default=_format)


def _format(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else base64.b64encode(value).decode()


def format_insert(table: Table, *requests: dict[str, Any]) -> str:
    """The INSERT of rows with the same columns."""
    region = table.home or REGION
    rows = (", ".join(map(format_value, (*request.values(), region))) for request in requests)
    columns = ", ".join(f'"{name}"' for name in (*requests[0], "region"))
    return f"INSERT INTO {table.full_name} ({columns}) VALUES {', '.join(f'({row})' for row in rows)}"


def holds(sent: Any, read: Any) -> bool:
    """Whether what was read has everything that was sent; the service may add members."""
    if read == HIDDEN:
        return True
    if isinstance(read, str) and isinstance(sent, dict | list):
        read = json.loads(read)
    if isinstance(sent, dict):
        members = dict(read) if isinstance(read, list) else read or {}
        return all(holds(value, members.get(name)) for name, value in sent.items())
    if isinstance(sent, list):
        read = read or []
        return len(sent) == len(read) and all(map(holds, sent, read))
    if isinstance(sent, datetime) and isinstance(read, datetime):
        return sent.replace(tzinfo=None) == read.replace(tzinfo=None)
    return bool(sent == read or (isinstance(sent, str) and _parse(sent) == _parse(read)))


def _parse(text: Any) -> Any:
    """The JSON of a text, as of a policy that comes back with other spaces; otherwise the text itself."""
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def lift(request: dict[str, Any], method: Method) -> dict[str, Any]:
    """A request as a statement gives it: the members of the row, without the constants."""
    path = method.nesting.path if method.nesting else ()
    inner = find_row(request, path) if path and path[0] in request else {}
    values = {**inner, **{name: value for name, value in request.items() if name not in path[:1]}}
    return {
        name: value
        for name, value in values.items()
        if name not in method.tokens and (name not in method.send or isinstance(method.send[name], dict))
    }


def find_row(parameters: Any, path: Sequence[str]) -> Any:
    """What a call sends at the path where it takes the row, through lists of one element."""
    for member in path:
        parameters = parameters[member]
        parameters = parameters[0] if isinstance(parameters, list) else parameters
    return parameters


@contextmanager
def lose_reply(operation: str, *, carried_out: bool) -> Iterator[None]:
    """The first reply to an operation is lost, after the call was carried out or before."""
    choose, numbers = calls.choose_sender, count()

    def choose_sender(client: Any, name: str, *rest: Any) -> Any:
        send = choose(client, name, *rest)

        def send_and_lose(*arguments: Any) -> Any:
            if name != operation or next(numbers):
                return send(*arguments)
            if carried_out:
                send(*arguments)
            raise ReadTimeoutError(endpoint_url="moto")

        return send_and_lose

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "choose_sender", choose_sender)
        yield
    assert next(numbers), f"{operation} was not called"

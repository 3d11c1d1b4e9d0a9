"""Reads tables from AWS's own example replies, in the protocol of their service, and says what is wrong."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from boto_tables import Row, find_difference, find_items, get, normalize
from botocore.exceptions import UnknownServiceError
from botocore.utils import parse_timestamp
from request_values import ACCOUNT, REGION

from sqlprov.api.connection import Connection
from sqlprov.aws.transport.accounts import AccountFinder
from sqlprov.aws.transport.clients import Cloud
from sqlprov.catalog import Catalog
from sqlprov.catalog.column import ColumnSource
from sqlprov.catalog.service_model import get_loader
from sqlprov.catalog.table import Parent, Table
from sqlprov.duck.database import open_database
from sqlprov.duck.session import Session
from sqlprov.emulator.exchange import HttpRequest
from sqlprov.emulator.model_values import FIRST, make_text
from sqlprov.emulator.protocols import load_api
from sqlprov.errors import Error
from sqlprov.settings import Settings


@cache
def read_examples(client: str) -> dict[str, list[dict[str, Any]]]:
    """Operation -> AWS's examples of it, each with `input` and `output`."""
    try:
        return dict(get_loader().load_service_model(client, "examples-1")["examples"])
    except UnknownServiceError:
        return {}


class ExampleServer:
    """Answers each operation of one client with an example.

    Attributes:
        replies: operation -> the reply.
    """

    def __init__(self, client: str) -> None:
        self.replies: dict[str, Row] = {}
        api, replies = load_api(client), self.replies

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                read = api.read(HttpRequest(self.command, self.path, headers, body))
                operation = read[0] if read else ""
                reply = api.encode(operation, replies[operation]) if operation in replies else None
                self.send_response(reply.status if reply else 404)
                content = reply.body if reply else b""
                for name, value in (reply.headers if reply else {}).items():
                    if name.lower() != "content-length":
                        self.send_header(name, value)
                self.send_header("Content-Type", reply.content_type if reply else "text/plain")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = answer

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class ExampleReader:
    """Reads tables of one client from its examples."""

    def __init__(self, catalog: Catalog, client: str) -> None:
        self._client = client
        self._server = ExampleServer(client)
        cloud = Cloud(endpoint_url=self._server.url, credentials=("testing", "testing"))
        cloud.account_id = ACCOUNT
        self._connection = Connection(
            Session(catalog, AccountFinder(cloud), open_database()),
            Settings(regions=REGION, max_attempts=1, show_sensitive=True),
        )

    def close(self) -> None:
        self._connection.close()
        self._server.stop()

    def read_lists(self, table: Table) -> list[str]:
        """What is wrong with each example of the List that has rows; empty for none."""
        columns = [column for column in table.columns if column.source is ColumnSource.LIST]
        wrong = []
        for example in read_examples(self._client).get(table.list.call, ()):
            reply = self._convert(table.list.call, example)
            items = find_items(reply, table.list.rows)
            if not items or (not table.list.rows and not reply):
                continue
            for token in (*(each.expression for each in table.list.tokens), table.list.more):
                remove(reply, token)
            expected = [
                {c.name: item if table.list.scalar else get(item, c) for c in columns} for item in items
            ]
            given = {
                parent.column: expected[0].get(parent.column)
                or self._find_value(table, parent, example.get("input") or {})
                for parent in table.list.parents
                if not parent.is_account
            }
            expected = [row for row in expected if all(row.get(n, v) == v for n, v in given.items())]
            self._server.replies[table.list.call] = reply
            wrong.append(self._compare(table, given, [c.name for c in columns], expected))
        return wrong

    def read_describes(self, table: Table) -> list[str]:
        """The same for the examples of the Describe whose key is in their request or their reply."""
        describe, wrong = table.describe, []
        for example in read_examples(self._client).get(describe.call, ()) if describe else ():
            assert describe is not None
            reply, given = self._convert(describe.call, example), example.get("input") or {}
            beside = {name: reply[name] for name in describe.beside if name in reply}
            for item in ({**beside, **item} for item in find_items(reply, describe.item)[:1]):
                arguments = {name: given.get(parameter) for parameter, name in describe.arguments.items()}
                paths = describe.paths.items()
                row = arguments | {
                    name: get(item, replace(table.by_name[name], path=path)) for name, path in paths
                }
                key = {name: row.get(name) for name in table.key}
                if not all(isinstance(value, str) for value in key.values()):
                    continue
                self._server.replies[describe.call] = reply
                expected = {name: row[name] for name in describe.paths}
                wrong.append(self._compare(table, key, list(expected), [expected]))
        return wrong

    def _find_value(self, table: Table, parent: Parent, given: Row) -> Any:
        """The value of a parent: that of the example's request, or one that the service would take."""
        if parent.values:
            return parent.values[0]
        shape = load_api(self._client).get_operation(table.list.call).input_shape
        return given.get(parent.parameter) or make_text(shape.members[parent.parameter], parent.column, FIRST)

    def _convert(self, operation: str, example: Mapping[str, Any]) -> Row:
        shape = load_api(self._client).get_operation(operation).output_shape
        return dict(convert(shape, example.get("output") or {})) if shape else {}

    def _compare(self, table: Table, given: Row, names: list[str], expected: list[Row]) -> str:
        conditions = " AND ".join(f"\"{name}\" = '{value}'" for name, value in given.items()) or "true"
        columns = ", ".join(f'"{name}"' for name in names)
        try:
            result = self._connection.sql(f"SELECT {columns} FROM {table.full_name} WHERE {conditions}")
            rows = [dict(zip(result.columns, row, strict=True)) for row in result.fetchall()]
        except Error as error:
            return f"{type(error).__name__}: {error}"
        ours, theirs = (
            [{name: normalize(row[name]) for name in names} for row in each] for each in (rows, expected)
        )
        return find_difference(ours, theirs)


def find_client(catalog: Catalog, service: str) -> str:
    """botocore's name of a service."""
    return catalog.get_service("aws", service).nodes["client"].read_text()


def compare_examples(catalog: Catalog, service: str) -> dict[str, list[str]]:
    """Table -> what is wrong with each example of its List and of its Describe; empty for nothing."""
    client = find_client(catalog, service)
    if not read_examples(client):
        return {}
    reader = ExampleReader(catalog, client)
    try:
        tables = (catalog.get_table("aws", service, name) for name in catalog.list_tables("aws", service))
        return {table.name: [*reader.read_lists(table), *reader.read_describes(table)] for table in tables}
    finally:
        reader.close()


def remove(reply: Row, path: str) -> None:
    """Remove the member at a path of plain names."""
    *within, last = path.split(".")
    for member in within:
        reply = reply.get(member) or {}
    reply.pop(last, None)


def convert(shape: Any, value: Any) -> Any:
    """A value of an example as botocore returns it. Members that the model does not have any more are left out."""
    kind = shape.type_name
    if kind == "structure":
        return {n: convert(shape.members[n], each) for n, each in value.items() if n in shape.members}
    if kind == "list":
        return [convert(shape.member, item) for item in (value if isinstance(value, list) else [value])]
    if kind == "map":
        return {key: convert(shape.value, item) for key, item in value.items()}
    if kind == "timestamp":
        value = value.replace("PDT", "-0700") if isinstance(value, str) else value
        time: datetime = parse_timestamp(value).replace(microsecond=0)  # as the protocols write it
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    if kind == "blob":
        return str(value).encode()
    if kind == "boolean":
        return value in (True, "true", "True", "TRUE")
    if kind in ("integer", "long"):
        return int(value)
    return float(value) if kind in ("float", "double") else str(value)

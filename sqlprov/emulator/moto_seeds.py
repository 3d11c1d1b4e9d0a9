"""Sample data for moto: the calls of sample_calls.yaml, made on the first request to a service."""

from __future__ import annotations

import io
import math
import os
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlprov.catalog.service_model import get_loader
from sqlprov.emulator.exchange import HttpReply, HttpRequest, Response
from sqlprov.emulator.moto_app import MotoApp
from sqlprov.emulator.options import ACCOUNT
from sqlprov.emulator.sample_data import load_accounts

Values = Mapping[str, Any]
Answer = Callable[[HttpRequest], HttpReply | Response | None]
_HOME = "us-east-1"
_NEEDS = {"lambda": "iam", "cloudformation": "sns", "cloudtrail": "s3", "elbv2": "ec2"}
_NAME = re.compile(r"<([\w.-]+)>")


def seed(clients: Sequence[str], app: MotoApp) -> None:
    """Make the sample data of the service with these clients, once for each account and state of moto.

    Raises:
        Exception: a call failed. The next request meets the error again, instead of a part of the data.
    """
    for client in read_calls().keys() & clients:
        if client not in (done := _get_marks(app.account)):
            if client in _NEEDS:
                seed([_NEEDS[client]], app)
            _make_calls(client, app)
            done.add(client)


@cache
def read_calls() -> dict[str, list[dict[str, Any]]]:
    """Client -> the entries of sample_calls.yaml."""
    import yaml

    text = Path(__file__).with_name("sample_calls.yaml").read_text()
    calls: dict[str, list[dict[str, Any]]] = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return calls


def _make_calls(service: str, app: MotoApp) -> None:
    from botocore import xform_name
    from jmespath import search

    values: dict[str, Any] = {"account": app.account, "zip": _zip_function()}
    clients: dict[tuple[str, str], Any] = {}
    for entry in read_calls()[service]:
        operation = next(iter(entry))
        for each in entry.get("each", [{}]):
            row = values | _fill(each, values)
            if app.account != ACCOUNT and "bucket" in row:
                row["bucket"] += f"-{app.account}"  # names of buckets are global
            place = entry.get("of", service), row.get("region", _HOME)
            if place not in clients:
                clients[place] = open_client(app.answer, *place)
            reply = getattr(clients[place], xform_name(operation))(**_fill(entry[operation], row))
            for name, path in entry.get("save", {}).items():
                values[_fill(name, row)] = search(path, reply)
            if "then" in entry:
                _THEN[entry["then"]](row)


def _fill(value: Any, values: Values) -> Any:
    """`value` with values for the <names> in its strings; a string that is a name alone becomes the value."""
    match value:
        case str():
            whole = _NAME.fullmatch(value)
            return values[whole[1]] if whole else _NAME.sub(lambda name: str(values[name[1]]), value)
        case list():
            return [_fill(item, values) for item in value]
        case dict():
            return {_fill(key, values): _fill(item, values) for key, item in value.items()}
    return value


def _date_role(row: Values) -> None:
    from moto.backends import get_backend

    def count_back(days: int) -> datetime:
        # Half a day more: the statement that makes the first request began before its data was made.
        return datetime.now(UTC).replace(microsecond=0, tzinfo=None) - timedelta(days=days, hours=12)

    role = get_backend("iam")[row["account"]]["aws"].get_role(row["role"])
    role.create_date = count_back(row["age"])
    if "use" in row:
        role.last_used = count_back(row["use"])
        role.last_used_region = _HOME  # type: ignore[assignment]  # moto declares None


def _run_tasks(row: Values) -> None:
    from moto.backends import get_backend
    from moto.moto_api import state_manager

    state_manager.set_transition("ecs::task", {"progression": "manual", "times": math.inf})  # they run on

    backend = get_backend("ecs")[row["account"]][_HOME]
    for service in backend.services.values():
        if (service.cluster_name, service.name) == (row["cluster"], row["name"]):
            service.running_count, service.pending_count = row["running"], row["desired"] - row["running"]
    definition = backend.describe_task_definition(row["name"])
    mode, definition.network_mode = definition.network_mode, "none"  # or each task would need EC2's subnets
    group = f"service:{row['name']}"
    backend.run_task(row["cluster"], row["name"], row["running"], None, "service", [], "FARGATE", group=group)
    definition.network_mode = mode


def _number_account(row: Values) -> None:
    """Give the accounts the names and ids of the sample data; moto makes random ids."""
    from moto.backends import get_backend

    accounts = get_backend("organizations")[row["account"]]["aws"].accounts
    for made, member in zip(accounts, load_accounts(), strict=False):
        made.id, made.name = member.id, member.name


_THEN: dict[str, Callable[[Values], None]] = {
    "date_role": _date_role,
    "number_account": _number_account,
    "run_tasks": _run_tasks,
}


def _zip_function() -> bytes:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr(zipfile.ZipInfo("main.py"), "def run(event, context):\n    return event\n")
    return code.getvalue()


def _get_marks(account: str) -> set[str]:
    """The services that have their data; in moto's state, so moto's reset empties the set."""
    from moto.backends import get_backend

    marks: set[str] = get_backend("iam")[account]["aws"].__dict__.setdefault("sqlprov_seeded", set())
    return marks


def open_client(answer: Answer, service: str, region: str, key: str = "local") -> Any:
    """A botocore client whose requests go to `answer` directly, not over the network."""
    from botocore.awsrequest import AWSResponse
    from botocore.config import Config
    from botocore.session import Session

    def send(request: Any, **_: Any) -> Any:
        parts = urlsplit(request.url)
        headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        }
        body = request.body or b""
        body = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else body.read()
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        reply = answer(HttpRequest(request.method, path or "/", {"host": parts.netloc} | headers, body))
        assert reply is not None, f"moto does not have {request.url}"
        return AWSResponse(request.url, reply.status, reply.headers, _RawReply(reply.body))

    # The user's own configuration does not count.
    no_file = (None, None, os.devnull, None)
    session = Session({"profile": (None,) * 4, "config_file": no_file, "credentials_file": no_file})
    session.register_component("data_loader", get_loader())
    session.set_credentials(key, "local")
    config = Config(retries={"total_max_attempts": 1}, inject_host_prefix=False)
    client = session.create_client(service, region, endpoint_url="http://127.0.0.1", config=config)
    client.meta.events.register("before-send", send)
    return client


class _RawReply(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()

"""Each private part of botocore and urllib3 that the transport uses, broken on purpose: the public way still works."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from botocore import auth, awsrequest
from botocore.client import BaseClient
from botocore.httpsession import ProxyConfiguration, URLLib3Session
from botocore.parsers import JSONParser
from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString
from botocore.validate import ParamValidationDecorator
from emulator_calls import EXPERIMENTS, LIST, count_operations
from raw_server import RawReply, RawServer, build_reply
from urllib3 import PoolManager
from urllib3.connectionpool import HTTPConnectionPool

from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.fast_path import PUBLIC_ERRORS, choose_sender
from sqlprov.emulator import Emulator, Fault
from sqlprov.errors import AccessDenied

CHANGES = [
    TypeError("missing 1 required argument"),
    AttributeError("no such part"),
    ValueError("other value"),
]
PARTS = [
    (auth, "_host_from_url"),
    (awsrequest, "_urljoin"),
    (ParamValidationDecorator, "serialize_to_request"),
    (RequestSigner, "sign"),
    (UserAgentString, "to_string"),
    (ProxyConfiguration, "proxy_url_for"),
    (PoolManager, "connection_from_url"),
    (HTTPConnectionPool, "_put_conn"),
    (awsrequest.AWSHTTPConnection, "close"),
    (awsrequest.AWSHTTPConnection, "is_connected"),
]
ATTRIBUTES = {
    BaseClient: [
        "_endpoint",
        "_serializer",
        "_request_signer",
        "_user_agent_creator",
        "_resolve_endpoint_ruleset",
        "_response_parser",
    ],
    URLLib3Session: ["_manager", "_proxy_config", "_proxy_managers", "_pool_classes_by_scheme"],
    HTTPConnectionPool: ["pool"],
}


def break_for_sqlprov(patch: pytest.MonkeyPatch, owner: Any, name: str, error: Exception) -> None:
    """Have a function or property raise `error` when sqlprov uses it; botocore's own use works."""
    original = getattr(owner, name)
    is_property = not callable(original)

    def fail(*arguments: Any, **named: Any) -> Any:
        if sys._getframe(1).f_globals["__name__"].startswith("sqlprov"):
            raise error
        return (original.fget if is_property else original)(*arguments, **named)

    patch.setattr(owner, name, property(fail) if is_property else fail)


def read_twice(connect: Callable[..., Any], em: Emulator) -> None:
    """Read twice, because only the second call can use an open connection."""
    em.fill(5)
    con = connect()
    for _ in range(2):
        result = con.sql(f"SELECT name FROM {EXPERIMENTS}")
        assert len(result.fetchall()) == 5
        assert [call.attempts for call in result.calls] == [1]


@pytest.mark.parametrize("error", CHANGES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(("owner", "name"), PARTS, ids=lambda part: getattr(part, "__name__", part))
def test_rows_are_the_same_when_a_private_function_raises(
    em: Emulator, connect: Any, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, error: Exception
) -> None:
    break_for_sqlprov(monkeypatch, owner, name, error)
    read_twice(connect, em)


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, name) for owner in ATTRIBUTES for name in ATTRIBUTES[owner]]
)
def test_rows_are_the_same_when_a_private_attribute_is_missing(
    em: Emulator, connect: Any, monkeypatch: pytest.MonkeyPatch, owner: type, name: str
) -> None:
    def get(instance: Any, attribute: str) -> Any:
        if attribute == name and sys._getframe(1).f_globals["__name__"].startswith("sqlprov"):
            raise AttributeError(attribute)
        return object.__getattribute__(instance, attribute)

    monkeypatch.setattr(owner, "__getattribute__", get)
    read_twice(connect, em)
    em.inject(Fault("access_denied"))
    with pytest.raises(AccessDenied):
        connect().sql(f"SELECT name FROM {EXPERIMENTS}")


def test_an_error_that_the_private_parser_cannot_read_is_the_services_error(
    em: Emulator, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_for_sqlprov(monkeypatch, JSONParser, "parse", TypeError())
    em.inject(Fault("access_denied", times=None))
    with pytest.raises(AccessDenied):
        connect().sql(f"SELECT name FROM {EXPERIMENTS}")


def test_an_error_of_the_service_is_not_sent_again_by_the_public_way(em: Emulator, connect: Any) -> None:
    con = connect()
    con.sql(f"SELECT name FROM {EXPERIMENTS}").fetchall()
    em.reset_calls()
    em.inject(Fault("access_denied"))
    with pytest.raises(AccessDenied):
        con.sql(f"SELECT name FROM {EXPERIMENTS}")
    assert count_operations(em) == {LIST: 1}


@pytest.mark.parametrize(
    "reply",
    [
        RawReply([], "close"),
        RawReply([build_reply()[:40]], "reset"),
        RawReply([build_reply(b"[]", status="403 Forbidden")]),
        RawReply([build_reply(b"<html>", status="503 Gone")]),
    ],
    ids=["closed", "reset", "a list", "a page of a proxy"],
)
def test_an_error_of_the_network_is_not_sent_again_by_the_public_way(
    server: RawServer, reply: RawReply
) -> None:
    with closing(Cloud(endpoint_url=server.url)) as cloud:
        send = choose_sender(cloud.get_client("sagemaker", "us-east-1", 10.0), LIST, True)
        send({}, None)
        server.replies.append(reply)
        with pytest.raises(PUBLIC_ERRORS):
            send({}, None)
        assert len(server.requests) == 2

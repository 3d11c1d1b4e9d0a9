"""Replies of every kind to the second call of a connection have the same outcome on the fast path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from raw_server import EXPERIMENTS, RawReply, RawServer, build_reply, run_server

from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.errors import classify
from sqlprov.aws.transport.fast_path import Send, choose_sender
from sqlprov.aws.transport.replies import check_reply
from sqlprov.catalog.table import IamActions

LIST = "ListInferenceExperiments"
HALF = len(EXPERIMENTS) // 2


@pytest.fixture(scope="module")
def server_and_cloud(aws: object) -> Iterator[tuple[RawServer, Cloud]]:
    with run_server() as server:
        cloud = Cloud(endpoint_url=server.url)
        yield server, cloud
        cloud.close()


@pytest.fixture
def server(server_and_cloud: tuple[RawServer, Cloud]) -> RawServer:
    server, _ = server_and_cloud
    server.replies.clear()
    server.requests.clear()
    return server


def read_outcome(send: Send) -> Any:
    """The reply of a call, or the error that sqlprov makes of its exception."""
    try:
        reply = send({}, None)
        meta = reply["ResponseMetadata"]
        return (
            check_reply(reply, (), len),
            meta["HTTPHeaders"],
            meta["HTTPStatusCode"],
            meta.get("RequestId", ""),
        )
    except Exception as error:
        failure = classify(error, LIST, "us-east-1", IamActions("sagemaker"))
        return type(failure.error), failure.error.code, failure.error.request_id, failure.next


def compare_with_botocore(server: RawServer, client: Any, reply: RawReply) -> Any:
    """The outcome of `reply` as the second one of a connection, which is the same on both paths."""
    outcomes = []
    for fast in (True, False):
        # After a reply that is not a plain one, the client has no fast path.
        vars(client).pop("sqlprov_senders", None)
        send = choose_sender(client, LIST, fast)
        assert read_outcome(send)[2] == 200
        sent = len(server.requests)
        server.replies += [reply, reply]  # the second one is for the client's own method
        outcomes.append(read_outcome(send))
        assert server.requests[sent].connection == server.requests[sent - 1].connection
        server.replies.clear()
        assert read_outcome(send)[2] == 200, "the next call does not get its reply"
    assert outcomes[0] == outcomes[1]
    return outcomes[0]


SPLIT = EXPERIMENTS[:HALF], EXPERIMENTS[HALF:]
CHUNKS = [b"%x\r\n%b\r\n" % (len(part), part) for part in (*SPLIT, b"")]
LENGTH = b"Content-Length: %d\r\n" % len(EXPERIMENTS)
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = {
    "plain": RawReply([build_reply()]),
    "in two": RawReply([build_reply()[:50], build_reply()[50:]]),
    "byte by byte": RawReply([bytes([byte]) for byte in build_reply()]),
    "chunks": RawReply([OK, CHUNKED, *CHUNKS]),
    "chunks and a length": RawReply([OK, LENGTH, CHUNKED, *CHUNKS]),
    "until its end": RawReply([OK, b"\r\n", EXPERIMENTS], "close"),
    "the last": RawReply([build_reply(EXPERIMENTS, "Connection: close")], "close"),
    "the last of several words": RawReply(
        [build_reply(EXPERIMENTS, "Connection: Keep-Alive, Close")], "close"
    ),
    "of an older kind": RawReply([build_reply().replace(b"1.1", b"1.0")], "close"),
    "after a Continue": RawReply([b"HTTP/1.1 100 Continue\r\n\r\n", build_reply()]),
    "without a reason": RawReply([build_reply(status="200")]),
    "headers twice": RawReply([build_reply(EXPERIMENTS, "x-some: 1", "X-Some: 2")]),
    "a header without a value": RawReply([build_reply(EXPERIMENTS, "x-some:")]),
    "a header that is not English": RawReply([build_reply(EXPERIMENTS, "x-some: caf\xe9")]),
    "a head of 180 KB": RawReply([build_reply(EXPERIMENTS, *(f"x-{n}: {'v' * 2_000}" for n in range(90)))]),
    "lines without a return": RawReply(
        [OK.replace(b"\r", b""), LENGTH.replace(b"\r", b""), b"\n", EXPERIMENTS]
    ),
    "a length below nothing": RawReply([build_reply().replace(LENGTH, b"Content-Length: -9\r\n")], "close"),
    "more than it says": RawReply([build_reply() + b"{}"], "close"),
    "a body of 3 MB": RawReply(
        [build_reply(orjson.dumps({"InferenceExperiments": [{"Name": "n" * 3_000}] * 1_000}))]
    ),
    "status 201": RawReply([build_reply(status="201 Created")]),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_complete_reply_returns_what_the_clients_method_returns(
    server_and_cloud: Any, server: RawServer, name: str
) -> None:
    outcome = compare_with_botocore(
        server, server_and_cloud[1].get_client("sagemaker", "us-east-1", 10.0), WHOLE[name]
    )
    assert isinstance(outcome[0], tuple), outcome
    assert outcome[0][0]["InferenceExperiments"]


REFUSED = b'{"__type": "AccessDeniedException", "message": "no"}'
BROKEN = {
    "nothing": RawReply([], "close"),
    "nothing, broken off": RawReply([], "reset"),
    "half a head": RawReply([build_reply()[:25]], "close"),
    "half a head, broken off": RawReply([build_reply()[:40]], "reset"),
    "half a body": RawReply([build_reply()[:-HALF]], "close"),
    "half a body, broken off": RawReply([build_reply()[:-HALF]], "reset"),
    "a longer length": RawReply([build_reply().replace(LENGTH, b"Content-Length: 9999\r\n")], "close"),
    "a shorter length": RawReply([build_reply().replace(LENGTH, b"Content-Length: 9\r\n")], "close"),
    "no status line": RawReply([b"hello\r\n\r\n"], "close"),
    "a status that is none": RawReply([build_reply(status="abc OK")], "close"),
    "a status of four digits": RawReply([build_reply(status="2000 OK")], "close"),
    "a status that is not a number": RawReply([build_reply(status="200OK")], "close"),
    "another protocol": RawReply([build_reply().replace(b"HTTP/1.1", b"SSH-2.0")], "close"),
    "no content": RawReply([build_reply(b"", status="204 No Content")]),
    "no content but a length": RawReply(
        [build_reply(b"", status="204 No Content").replace(b": 0\r", b": 7\r")]
    ),
    "not modified": RawReply([build_reply(b"", status="304 Not Modified").replace(b": 0\r", b": 7\r")]),
    "elsewhere": RawReply([build_reply(b"", "Location: /there", status="301 Moved Permanently")]),
}
for status in ("400 Bad Request", "403 Forbidden", "404 Not Found", "429 Many", "500 Error", "503 Gone"):
    for body in (REFUSED, b"<html>no</html>", b"", b"{}", b"[]"):
        BROKEN[f"{status}, {body.decode()}"] = RawReply([build_reply(body, status=status)])
    kind = "x-amzn-errortype: ThrottlingException:http://x/"
    BROKEN[f"{status}, in a header"] = RawReply([build_reply(b"{}", kind, status=status)])


@pytest.mark.parametrize("name", BROKEN)
def test_an_incomplete_reply_raises_what_the_clients_method_raises(
    server_and_cloud: Any, server: RawServer, name: str
) -> None:
    outcome = compare_with_botocore(
        server, server_and_cloud[1].get_client("sagemaker", "us-east-1", 10.0), BROKEN[name]
    )
    assert isinstance(outcome[0], type), outcome


@pytest.mark.parametrize(
    "pieces",
    [[], [build_reply()[:40]], [build_reply()[:-HALF]]],
    ids=["nothing", "half a head", "half a body"],
)
def test_a_reply_that_stops_raises_what_the_clients_method_raises(
    server_and_cloud: Any, server: RawServer, pieces: list[bytes]
) -> None:
    client = server_and_cloud[1].get_client("sagemaker", "us-east-1", 0.2)
    assert isinstance(compare_with_botocore(server, client, RawReply(pieces, "quiet"))[0], type)

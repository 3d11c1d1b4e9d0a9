"""Replies of every make to the second call of a connection: what botocore makes of them, or the same error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from wire import EXPERIMENTS, Said, Wire, plain, serving

from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.errors import classify
from sqlprov.aws.transport.fast_path import Send, choose_sender
from sqlprov.aws.transport.replies import check_reply

LIST = "ListInferenceExperiments"
HALF = len(EXPERIMENTS) // 2


@pytest.fixture(scope="module")
def served(aws: object) -> Iterator[tuple[Wire, Cloud]]:
    with serving() as wire:
        cloud = Cloud(endpoint_url=wire.url)
        yield wire, cloud
        cloud.close()


@pytest.fixture
def wire(served: tuple[Wire, Cloud]) -> Wire:
    wire, _ = served
    wire.said.clear()
    wire.asked.clear()
    return wire


def outcome(send: Send) -> Any:
    """What a call gives, or what we make of its error."""
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
        met = classify(error, LIST, "us-east-1", "sagemaker")
        return type(met.error), met.error.code, met.error.request_id, met.next


def compared(wire: Wire, client: Any, said: Said) -> Any:
    """What `said` is taken for, on the short way and on botocore's own, each as the second reply of a connection."""
    found = []
    for direct in (True, False):
        send = choose_sender(client, LIST, direct)
        assert outcome(send)[2] == 200
        wire.said.append(said)
        found.append(outcome(send))
        first, second = wire.asked[-2:]
        assert first.connection == second.connection
        assert outcome(send)[2] == 200, "the next call is answered as if nothing had been"
    assert found[0] == found[1]
    return found[0]


def chunks(*parts: bytes, end: bytes = b"0\r\n\r\n") -> list[bytes]:
    pieces = [b"%x\r\n%b\r\n" % (len(part), part) for part in parts]
    return [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *pieces, end]


def single(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


SPLIT = EXPERIMENTS[:HALF], EXPERIMENTS[HALF:]
LENGTH = b"Content-Length: %d\r\n" % len(EXPERIMENTS)
WHOLE = {
    "plain": Said([plain()]),
    "in two": Said([plain()[:50], plain()[50:]]),
    "byte by byte": Said(single(plain())),
    "chunks": Said(chunks(*SPLIT)),
    "chunks byte by byte": Said(single(b"".join(chunks(*SPLIT)))),
    "chunks with an extension": Said(
        [chunks()[0], b"%x;a=b\r\n" % len(EXPERIMENTS), EXPERIMENTS, b"\r\n0\r\n\r\n"]
    ),
    "chunks and a trailer": Said(chunks(*SPLIT, end=b"0\r\nx-sum: 7\r\n\r\n")),
    "chunks and a length": Said(
        [b"HTTP/1.1 200 OK\r\n", LENGTH, chunks(*SPLIT)[0][17:], *chunks(*SPLIT)[1:]]
    ),
    "until its end": Said([b"HTTP/1.1 200 OK\r\n\r\n", EXPERIMENTS], "close"),
    "the last": Said([plain(EXPERIMENTS, "Connection: close")], "close"),
    "the last of several words": Said([plain(EXPERIMENTS, "Connection: Keep-Alive, Close")], "close"),
    "of an older kind": Said([plain().replace(b"1.1", b"1.0")], "close"),
    "of an older kind, kept": Said([plain(EXPERIMENTS, "Connection: keep-alive").replace(b"1.1", b"1.0")]),
    "after a Continue": Said([b"HTTP/1.1 100 Continue\r\n\r\n", plain()]),
    "without a reason": Said([plain(status="200")]),
    "headers twice": Said([plain(EXPERIMENTS, "x-some: 1", "X-Some: 2")]),
    "a length twice": Said([plain(EXPERIMENTS, LENGTH.decode().strip())]),
    "a header without a value": Said([plain(EXPERIMENTS, "x-some:")]),
    "a header that is not English": Said([plain(EXPERIMENTS, "x-some: caf\xe9")]),
    "a head of 180 KB": Said([plain(EXPERIMENTS, *(f"x-{n}: {'v' * 2_000}" for n in range(90)))]),
    "lines without a return": Said([b"HTTP/1.1 200 OK\n", LENGTH.replace(b"\r", b""), b"\n", EXPERIMENTS]),
    "a length below nothing": Said([plain().replace(LENGTH, b"Content-Length: -9\r\n")], "close"),
    "more than it says": Said([plain() + b"{}"], "close"),
    "a body of 3 MB": Said([plain(orjson.dumps({"InferenceExperiments": [{"Name": "n" * 3_000}] * 1_000}))]),
    "status 201": Said([plain(status="201 Created")]),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_reply_gives_what_botocore_makes_of_it(served: Any, wire: Wire, name: str) -> None:
    found = compared(wire, served[1].client("sagemaker", "us-east-1", 10.0), WHOLE[name])
    assert isinstance(found[0], tuple), found
    assert found[0][0]["InferenceExperiments"]


REFUSED = b'{"__type": "AccessDeniedException", "message": "no"}'
BROKEN = {
    "nothing": Said([], "close"),
    "nothing, broken off": Said([], "reset"),
    "half a head": Said([plain()[:40]], "close"),
    "half a head, broken off": Said([plain()[:40]], "reset"),
    "half a body": Said([plain()[:-HALF]], "close"),
    "half a body, broken off": Said([plain()[:-HALF]], "reset"),
    "half a body until its end": Said([b"HTTP/1.1 200 OK\r\n\r\n", SPLIT[0]], "close"),
    "cut before a chunk": Said(chunks(*SPLIT)[:2], "close"),
    "cut within a chunk": Said([*chunks(*SPLIT)[:2], b"20\r\nabc"], "close"),
    "cut within a chunk, broken off": Said([*chunks(*SPLIT)[:2], b"20\r\nabc"], "reset"),
    "cut before the last chunk": Said(chunks(*SPLIT)[:3], "close"),
    "a chunk of no size": Said([*chunks(*SPLIT)[:2], b"what\r\n"], "close"),
    "a longer length": Said([plain().replace(LENGTH, b"Content-Length: 9999\r\n")], "close"),
    "a shorter length": Said([plain().replace(LENGTH, b"Content-Length: 9\r\n")], "close"),
    "no status line": Said([b"hello\r\n\r\n"], "close"),
    "a status that is none": Said([plain(status="abc OK")], "close"),
    "a status of four digits": Said([plain(status="2000 OK")], "close"),
    "a status that is no number": Said([plain(status="200OK")], "close"),
    "another protocol": Said([b"SSH-2.0-OpenSSH_9.6\r\n"], "close"),
    "half a refusal in chunks": Said(
        [chunks()[0].replace(b"200 OK", b"404 Not Found"), b"20\r\n", REFUSED[:9]], "close"
    ),
    "no content": Said([plain(b"", status="204 No Content")]),
    "no content but a length": Said([plain(b"", status="204 No Content").replace(b": 0\r", b": 7\r")]),
    "not modified": Said([plain(b"", status="304 Not Modified").replace(b": 0\r", b": 7\r")]),
    "elsewhere": Said([plain(b"", "Location: /there", status="301 Moved Permanently")]),
    "elsewhere for now": Said(
        [plain(b"<html>", "Location: http://127.0.0.1:1/", status="307 Temporary Redirect")]
    ),
}
for status in ("400 Bad Request", "403 Forbidden", "404 Not Found", "429 Many", "500 Error", "503 Gone"):
    for body in (REFUSED, b"<html>no</html>", b"", b"{}", b"[]"):
        BROKEN[f"{status}, {body.decode()}"] = Said([plain(body, status=status)])
    kind = "x-amzn-errortype: ThrottlingException:http://x/"
    BROKEN[f"{status}, in a header"] = Said([plain(b"{}", kind, status=status)])
    BROKEN[f"{status}, in chunks"] = Said(
        [chunks()[0].replace(b"200 OK", status.encode()), *chunks(REFUSED)[1:]]
    )


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_whole_reply_is_the_error_that_botocores_own_way_gives(
    served: Any, wire: Wire, name: str
) -> None:
    found = compared(wire, served[1].client("sagemaker", "us-east-1", 10.0), BROKEN[name])
    assert isinstance(found[0], type), found


@pytest.mark.parametrize("pieces", [[], [plain()[:40]], [plain()[:-HALF]], chunks(*SPLIT)[:2]], ids=len)
def test_silence_is_the_error_that_botocores_own_way_gives(
    served: Any, wire: Wire, pieces: list[bytes]
) -> None:
    client = served[1].client("sagemaker", "us-east-1", 0.2)
    assert isinstance(compared(wire, client, Said(pieces, "quiet"))[0], type)

"""The requests of the fast path: their target, connection and signature."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from raw_server import RawReply, RawRequest, RawServer, build_reply, run_server
from tls_proxy import create_certificate, run_tls_proxy

from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.fast_path import choose_sender

LIST = "ListInferenceExperiments"
ONLY_BOTOCORE = {"User-Agent", "amz-sdk-invocation-id", "amz-sdk-request"}


def call(url: str, direct: bool = True, times: int = 1) -> Cloud:
    """A cloud at `url` after `times` calls; close it."""
    cloud = Cloud(endpoint_url=url)
    send = choose_sender(cloud.get_client("sagemaker", "us-east-1", 10.0), LIST, direct)
    for number in range(times):
        assert send({"MaxResults": 1 + number}, None)["ResponseMetadata"]["HTTPStatusCode"] == 200
    return cloud


def signature(request: RawRequest) -> str:
    """The signature that the service computes for a request."""
    given = {name.lower(): value for name, value in request.headers.items()}
    signed = given["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert {"host", "x-amz-date", "x-amz-target"} <= set(signed)
    path = request.first.split(" ")[1]
    signed_request = AWSRequest(
        "POST", f"http://{given['host']}{path}", {n: given[n] for n in signed}, request.body
    )
    signed_request.context["timestamp"] = given["x-amz-date"]
    auth = SigV4Auth(Credentials("AKIATEST", "secret"), "sagemaker", "us-east-1")
    text = auth.string_to_sign(signed_request, auth.canonical_request(signed_request))
    return auth.signature(text, signed_request)


@pytest.mark.parametrize("path", ["", "/", "/prefix", "/prefix/", "/a%20b/c", "/a?x=1"])
def test_a_request_has_the_target_and_the_signature_of_the_clients_method(
    server: RawServer, path: str
) -> None:
    for direct in (False, True):
        call(server.url + path, direct, times=2).close()
    (_, own), (first, second) = server.requests[:2], server.requests[2:]
    assert first.connection == second.connection
    for request in (first, second):
        assert request.first == own.first
        assert set(own.headers) - ONLY_BOTOCORE <= set(request.headers)
        assert request.headers["Authorization"].endswith(f"Signature={signature(request)}")
    assert own.headers["Authorization"].endswith(f"Signature={signature(own)}")
    assert second.body == own.body
    for name in ("Host", "Content-Type", "X-Amz-Target", "Content-Length", "Accept-Encoding"):
        assert second.headers[name] == own.headers[name]


def test_an_ipv6_address_is_called(aws: object) -> None:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this machine has no ::1")
    with run_server("::1") as server:
        call(server.url, times=2).close()
        assert [request.connection for request in server.requests] == [1, 1]
        for request in server.requests:
            assert request.headers["Host"] == server.url.removeprefix("http://")
            assert request.headers["Authorization"].endswith(signature(request))


def test_a_proxy_gets_every_call(server: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    call("http://sagemaker.invalid", times=3).close()
    assert [request.first for request in server.requests] == ["POST http://sagemaker.invalid/ HTTP/1.1"] * 3


def test_an_address_that_needs_no_proxy_is_called_directly(
    server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    call(server.url, times=2).close()
    assert [request.first for request in server.requests] == ["POST / HTTP/1.1"] * 2


def test_a_tls_connection_is_reused(
    server: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = create_certificate(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(pem))
    server.replies += [RawReply([build_reply()])] * 2 + [
        RawReply([build_reply(b'{"InferenceExperiments": [], "x": "%b"}' % (b"y" * 300_000))])
    ]
    with run_tls_proxy(int(server.url.rpartition(":")[2]), pem) as url:
        call(url, times=4).close()
        assert {request.headers["Host"] for request in server.requests} == {url.removeprefix("https://")}
    assert [request.connection for request in server.requests] == [1] * 4


@pytest.mark.parametrize("token", ["a\r\nx-more: 1", "a\nx-more: 1", "a\rx-more: 1", "a\r\n x"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_line_break_in_a_credential_adds_no_header(
    server: RawServer, monkeypatch: pytest.MonkeyPatch, token: str, times: int
) -> None:
    with closing(call(server.url, times=times - 1)) as cloud:
        sent = len(server.requests)
        client = cloud.get_client("sagemaker", "us-east-1", 10.0)
        monkeypatch.setattr(client._request_signer._credentials, "token", token)
        for direct in (True, False):
            try:
                choose_sender(client, LIST, direct)({}, None)
            except Exception:
                continue
        assert not any("x-more" in request.headers for request in server.requests[sent:])


def test_a_connection_that_the_service_has_closed_costs_no_attempt(server: RawServer) -> None:
    with closing(call(server.url, times=2)) as cloud:
        send = choose_sender(cloud.get_client("sagemaker", "us-east-1", 10.0), LIST, True)
        for number in range(2, 5):
            server.close_connections()
            assert send({}, None)["ResponseMetadata"]["HTTPStatusCode"] == 200
            assert server.requests[-1].connection == server.connections == number
    assert len(server.requests) == 5


def test_threads_share_connections_and_each_gets_its_own_reply(server: RawServer) -> None:
    threads, each = 8, 25
    ready = threading.Barrier(threads)

    def answer(number: int) -> list[str]:
        ready.wait()
        return [
            send({"NameContains": f"{number}-{at}"}, None)["ResponseMetadata"]["RequestId"]
            for at in range(each)
        ]

    server.echo = True
    with closing(Cloud(endpoint_url=server.url)) as cloud, ThreadPoolExecutor(threads) as pool:
        send = choose_sender(cloud.get_client("sagemaker", "us-east-1", 10.0), LIST, True)
        for number, ids in enumerate(pool.map(answer, range(threads))):
            assert ids == [f'{{"NameContains": "{number}-{at}"}}' for at in range(each)]
    assert server.connections <= threads
    assert len(server.requests) == threads * each

"""What a read sends on the short way: where to, over which connection, and signed as the service will check it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tls import certificate, relay
from wire import Asked, Said, Wire, plain, serving

from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.fast_path import choose_sender

LIST = "ListInferenceExperiments"
OF_BOTOCORES_OWN = {"User-Agent", "amz-sdk-invocation-id", "amz-sdk-request"}


@pytest.fixture
def wire(aws: object) -> Iterator[Wire]:
    with serving() as wire:
        yield wire


def call(url: str, direct: bool = True, times: int = 1) -> Cloud:
    """The cloud at `url`, called so often; to be closed."""
    cloud = Cloud(endpoint_url=url)
    send = choose_sender(cloud.client("sagemaker", "us-east-1", 10.0), LIST, direct)
    for number in range(times):
        assert send({"MaxResults": 1 + number}, None)["ResponseMetadata"]["HTTPStatusCode"] == 200
    return cloud


def signature(asked: Asked) -> str:
    """The Authorization that the service finds for a request, by its key of the credentials."""
    given = {name.lower(): value for name, value in asked.headers.items()}
    signed = given["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert {"host", "x-amz-date", "x-amz-target"} <= set(signed)
    path = asked.first.split(" ")[1]
    request = AWSRequest("POST", f"http://{given['host']}{path}", {n: given[n] for n in signed}, asked.body)
    request.context["timestamp"] = given["x-amz-date"]
    auth = SigV4Auth(Credentials("AKIATEST", "secret"), "sagemaker", "us-east-1")
    text = auth.string_to_sign(request, auth.canonical_request(request))
    return auth.signature(text, request)


@pytest.mark.parametrize("path", ["", "/", "/prefix", "/prefix/", "/a%20b/c", "/a?x=1"])
def test_a_request_goes_where_botocores_own_goes_and_is_signed_for_it(wire: Wire, path: str) -> None:
    for direct in (False, True):
        call(wire.url + path, direct, times=2).close()
    (_, own), (first, second) = wire.asked[:2], wire.asked[2:]
    assert first.connection == second.connection
    for asked in (first, second):
        assert asked.first == own.first
        assert set(own.headers) - OF_BOTOCORES_OWN <= set(asked.headers)
        assert asked.headers["Authorization"].endswith(f"Signature={signature(asked)}")
    assert own.headers["Authorization"].endswith(f"Signature={signature(own)}")
    assert second.body == own.body
    for name in ("Host", "Content-Type", "X-Amz-Target", "Content-Length", "Accept-Encoding"):
        assert second.headers[name] == own.headers[name]


def test_an_address_of_the_sixth_version_is_called(aws: object) -> None:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this machine has no ::1")
    with serving("::1") as wire:
        call(wire.url, times=2).close()
        assert [asked.connection for asked in wire.asked] == [1, 1]
        for asked in wire.asked:
            assert asked.headers["Host"] == wire.url.removeprefix("http://")
            assert asked.headers["Authorization"].endswith(signature(asked))


def test_a_proxy_gets_every_call(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", wire.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    call("http://sagemaker.invalid", times=3).close()
    assert [asked.first for asked in wire.asked] == ["POST http://sagemaker.invalid/ HTTP/1.1"] * 3


def test_an_address_that_needs_no_proxy_is_called_itself(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    call(wire.url, times=2).close()
    assert [asked.first for asked in wire.asked] == ["POST / HTTP/1.1"] * 2


def test_under_tls_a_connection_is_kept_too(
    wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = certificate(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(pem))
    wire.said += [Said([plain()])] * 2 + [
        Said([plain(b'{"InferenceExperiments": [], "x": "%b"}' % (b"y" * 300_000))])
    ]
    with relay(int(wire.url.rpartition(":")[2]), pem) as url:
        call(url, times=4).close()
        assert {asked.headers["Host"] for asked in wire.asked} == {url.removeprefix("https://")}
    assert [asked.connection for asked in wire.asked] == [1] * 4


@pytest.mark.parametrize("token", ["a\r\nx-more: 1", "a\nx-more: 1", "a\rx-more: 1", "a\r\n x"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_line_break_in_a_credential_makes_no_header(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, token: str, times: int
) -> None:
    with closing(call(wire.url, times=times - 1)) as cloud:
        sent = len(wire.asked)
        client = cloud.client("sagemaker", "us-east-1", 10.0)
        monkeypatch.setattr(client._request_signer._credentials, "token", token)
        for direct in (True, False):
            try:
                choose_sender(client, LIST, direct)({}, None)
            except Exception:
                continue
        assert not any("x-more" in asked.headers for asked in wire.asked[sent:])


def test_a_connection_that_the_service_has_ended_costs_no_attempt(wire: Wire) -> None:
    with closing(call(wire.url, times=2)) as cloud:
        send = choose_sender(cloud.client("sagemaker", "us-east-1", 10.0), LIST, True)
        for number in range(2, 5):
            wire.hang_up()
            assert send({}, None)["ResponseMetadata"]["HTTPStatusCode"] == 200
            assert wire.asked[-1].connection == wire.connections == number
    assert len(wire.asked) == 5


def test_threads_share_connections_and_each_gets_its_own_reply(wire: Wire) -> None:
    threads, each = 8, 25
    ready = threading.Barrier(threads)

    def answered(number: int) -> list[str]:
        ready.wait()
        return [
            send({"NameContains": f"{number}-{at}"}, None)["ResponseMetadata"]["RequestId"]
            for at in range(each)
        ]

    wire.echo = True
    with closing(Cloud(endpoint_url=wire.url)) as cloud, ThreadPoolExecutor(threads) as pool:
        send = choose_sender(cloud.client("sagemaker", "us-east-1", 10.0), LIST, True)
        for number, found in enumerate(pool.map(answered, range(threads))):
            assert found == [f'{{"NameContains": "{number}-{at}"}}' for at in range(each)]
    assert wire.connections <= threads
    assert len(wire.asked) == threads * each

"""A web page in a browser on this machine cannot use the local AWS."""

from __future__ import annotations

import http.client
import socket
from urllib.parse import urlsplit

import pytest

from sqlprov.emulator import Emulator

SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/sagemaker/aws4_request, "
    "SignedHeaders=host, Signature=0"
}
TARGET = {"X-Amz-Target": "SageMaker.ListModels"}
PAGE = "http://page.example"


def send(
    em: Emulator, headers: dict[str, str], method: str = "POST", path: str = "/"
) -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection(urlsplit(em.url).netloc)
    connection.request(method, path, b"{}" if method == "POST" else None, headers)
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    return reply.status, text, dict(reply.getheaders())


@pytest.mark.parametrize(
    "host", [None, "localhost", "localhost:1", "127.0.0.1", "[::1]:8123", "bucket.localhost:1"]
)
def test_a_client_is_answered(em: Emulator, host: str | None) -> None:
    status, _, headers = send(em, {**SIGNED, **TARGET, **({"Host": host} if host else {})})
    assert status == 200
    assert not any(name.lower().startswith("access-control-") for name in headers)


REFUSED = {
    "the name of a page that resolves to this machine": (
        {"Host": "page.example:8123"},
        "not as 'page.example'",
    ),
    "a name that only begins like this machine's": (
        {"Host": "127.0.0.1.page.example"},
        "127.0.0.1 and localhost, not",
    ),
    "a name that only ends like this machine's": ({"Host": "xlocalhost"}, "not as 'xlocalhost'"),
    "no name": ({"Host": ""}, "not as ''"),
    "another origin": ({"Origin": PAGE}, "no web page"),
    "the origin of a file": ({"Origin": "null"}, "no web page"),
    "a page of another site": ({"Sec-Fetch-Site": "cross-site"}, "no web page"),
    "a page of another port": ({"Sec-Fetch-Site": "same-site"}, "no web page"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_page_is_not_answered_even_if_it_signs(em: Emulator, case: str) -> None:
    headers, reason = REFUSED[case]
    status, text, _ = send(em, {**SIGNED, **TARGET, **headers})
    assert (status, reason in text) == (403, True), text
    assert em.calls == []


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/", {"Content-Type": "text/plain"}),
        ("POST", "/DeleteModel", {"Content-Type": "text/plain"}),
        ("POST", "/", TARGET),
        ("GET", "/?Action=DeleteUser&UserName=a", {}),
    ],
)
def test_a_form_or_an_image_of_a_page_is_not_answered(
    em: Emulator, method: str, path: str, headers: dict[str, str]
) -> None:
    status, text, _ = send(em, headers, method, path)
    assert (status // 100, "MissingAuthenticationToken" in text) == (4, True)


def test_a_browser_may_not_ask_what_it_may_send(em: Emulator) -> None:
    status, _, headers = send(em, {"Origin": PAGE, "Access-Control-Request-Method": "POST"}, "OPTIONS")
    assert status == 400
    assert not any(name.lower().startswith("access-control-") for name in headers)


def test_only_the_loopback_interface_is_listened_to(em: Emulator) -> None:
    port = urlsplit(em.url).port
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing; it only chooses this machine's address
        address = probe.getsockname()[0]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address, port))

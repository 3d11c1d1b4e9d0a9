"""Contender (b), the limit: List calls on one kept-alive socket; a page is decoded, its items counted, no more."""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit

import orjson

_HEAD = (
    "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: SageMaker.ListInferenceExperiments\r\n"
    "Authorization: AWS4-HMAC-SHA256 Credential=local/20250101/{region}/sagemaker/aws4_request\r\n"
    "Content-Type: application/x-amz-json-1.1\r\nContent-Length: {length}\r\n\r\n"
)
_CHUNK = 1 << 18


class Raw:
    """Nothing is signed: the local SageMaker reads the region from the header and checks no signature.

    Args:
        url: the endpoint; `None` for AWS_ENDPOINT_URL.
    """

    def __init__(self, url: str | None = None) -> None:
        place = urlsplit(url or os.environ["AWS_ENDPOINT_URL"])
        self._socket = socket.create_connection((place.hostname, place.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def warm(self, regions: list[str]) -> None:
        """One short call a region."""
        for region in regions:
            self._call(region, b'{"MaxResults":1}')

    def list_rows(self, regions: list[str]) -> int:
        """The number of rows of `regions`, which are read one after another."""
        rows = 0
        for region in regions:
            body = b'{"MaxResults":100}'
            while body:
                page = orjson.loads(self._call(region, body))
                rows += len(page["InferenceExperiments"])
                token = page.get("NextToken")
                body = b'{"MaxResults":100,"NextToken":"%b"}' % token.encode() if token else b""
        return rows

    def _call(self, region: str, body: bytes) -> bytes:
        self._socket.sendall(_HEAD.format(region=region, length=len(body)).encode() + body)
        reply = self._socket.recv(_CHUNK)
        while (end := reply.find(b"\r\n\r\n")) < 0:
            reply += self._receive()
        if not reply.startswith(b"HTTP/1.1 200"):
            raise OSError(reply.decode("utf-8", "replace"))
        at = reply.index(b"Content-Length: ") + 16
        parts, missing = [reply[end + 4 :]], int(reply[at : reply.index(b"\r", at)]) - (len(reply) - end - 4)
        while missing > 0:
            parts.append(self._receive())
            missing -= len(parts[-1])
        return b"".join(parts)

    def _receive(self) -> bytes:
        if not (reply := self._socket.recv(_CHUNK)):
            raise OSError("the server closed the connection")
        return reply

"""The HTTP/1.1 server of the local AWS."""

from __future__ import annotations

import asyncio
import itertools
import re
import socket
import struct
import threading
import time
import uuid
from email.utils import formatdate
from http import HTTPStatus
from typing import Protocol, Self

from sqlprov.emulator.exchange import HttpRequest, Response

HOST = "127.0.0.1"
_MOST_HEAD = 65536  # bytes of a request's start line and headers
_PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}
_OWN_NAMES = (HOST, "localhost", "[::1]")
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}


class Answering(Protocol):
    """What a server serves."""

    def answer(self, request: HttpRequest) -> Response:
        """Run one request; it is called in the server's thread."""

    def read_clock(self) -> float:
        """The time in epoch seconds, for the Date header."""


class HttpServer:
    """A thread that answers requests on a port, in its own event loop.

    Args:
        port: 0 takes a free one.
    """

    def __init__(self, service: Answering, port: int = 0) -> None:
        self._service = service
        self._socket = socket.create_server((HOST, port), backlog=512)
        self.port: int = self._socket.getsockname()[1]
        self.connections: set[_HttpProtocol] = set()
        self._request_ids = itertools.count(1)
        self._prefix = str(uuid.uuid4())[:24]
        self._date = (0, b"")
        self._loop = asyncio.new_event_loop()
        self._serving = threading.Event()
        self._thread = threading.Thread(target=self._run, name="local-aws", daemon=True)
        self._thread.start()
        self._serving.wait()

    def stop(self) -> None:
        """Close every connection and end the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            self._loop.create_server(lambda: _HttpProtocol(self), sock=self._socket, backlog=512)
        )
        self._serving.set()
        self._loop.run_forever()
        # Accept no more, but let accepted sockets become connections: asyncio would leave them open.
        self._loop.remove_reader(self._socket)
        while pending := asyncio.all_tasks(self._loop):
            self._loop.run_until_complete(asyncio.wait(pending))
        for connection in list(self.connections):
            connection.abort()
        while self.connections:
            self._loop.run_until_complete(asyncio.sleep(0))
        server.close()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def answer(self, request: HttpRequest) -> Response:
        return self._service.answer(request)

    def format_head(self, response: Response) -> bytes:
        """Status line and headers of a reply."""
        second = int(self._service.read_clock())
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True).encode())
        length = len(response.body) if response.content_length is None else response.content_length
        more = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items()).encode()
        return (
            b"HTTP/1.1 %d %b\r\nx-amzn-RequestId: %b%012x\r\nContent-Type: %b\r\n"
            b"Content-Length: %d\r\nDate: %b\r\n%b\r\n"
        ) % (
            response.status,
            _PHRASES.get(response.status, b"-"),
            self._prefix.encode(),
            next(self._request_ids),
            response.content_type.encode(),
            length,
            self._date[1],
            more,
        )


class LoopbackServer:
    """Serves on a port of the loopback interface between start() and stop().

    Args:
        front: answers the requests.
        port: 0 takes a free one.
    """

    def __init__(self, front: Answering, port: int) -> None:
        self._front, self._port = front, port
        self._server: HttpServer | None = None

    @property
    def url(self) -> str:
        """The endpoint URL, for `AWS_ENDPOINT_URL`; only while it runs."""
        if self._server is None:
            raise RuntimeError("the server is not running; call start()")
        return f"http://{HOST}:{self._server.port}"

    def start(self) -> Self:
        if self._server is None:
            self._server = HttpServer(self._front, self._port)
        return self

    def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class _HttpProtocol(asyncio.Protocol):
    """One connection; a request begins when the reply to the previous one is sent."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._buffer = b""
        self._busy = False
        self._closing = False
        self._expected = False  # the client has been told to send the body
        self._has_body = True  # the reply has a body
        self._timer: asyncio.TimerHandle | None = None
        self._pending: Response | None = None
        self._aborted = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._pending is not None:
            self._pending.call.abandoned = not self._aborted
            self._pending.call.finished = time.monotonic()

    def abort(self) -> None:
        self._aborted = True
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self._busy:
            self._next()

    def _next(self) -> None:
        """Begin the request at the front of the buffer, if it is complete."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _MOST_HEAD:
                self.abort()
            return
        start, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        method, _, rest = start.partition(" ")
        length = headers.get("content-length", "0")
        if (
            method not in _METHODS
            or not re.fullmatch("[0-9]{1,18}", length)
            or "transfer-encoding" in headers
        ):
            self._refuse(400, "This is not a request of an AWS client.")
            return
        stop = end + 4 + int(length)
        if len(self._buffer) < stop:
            if "expect" in headers and not self._expected:
                self._expected = True
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        body, self._buffer = self._buffer[end + 4 : stop], self._buffer[stop:]
        self._closing = headers.get("connection", "").lower() == "close" or start.endswith("HTTP/1.0")
        self._busy, self._expected, self._has_body = True, False, method != "HEAD"
        request = HttpRequest(method, rest.split(" ")[0], headers, body)
        if reason := find_refusal(request):
            self._refuse(403, reason)
            return
        self._begin(self._server.answer(request))

    def _begin(self, response: Response) -> None:
        loop = asyncio.get_running_loop()
        self._pending = response
        if response.silence == "hold":
            self._timer = loop.call_later(response.hold, self.abort)
        elif response.delay > 0:
            self._timer = loop.call_later(response.delay, self._send, response)
        else:
            self._send(response)

    def _send(self, response: Response) -> None:
        self._pending = None
        response.call.finished = time.monotonic()
        if response.silence == "reset":
            # Lingering for no time makes the kernel send RST, not FIN.
            linger = struct.pack("ii", 1, 0)
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.abort()
            return
        body = response.body if self._has_body else b""
        self._transport.write(self._server.format_head(response) + body)
        if self._closing or (self._has_body and response.content_length is not None):
            self._transport.close()
            return
        self._busy = False
        if self._buffer:
            self._next()

    def _refuse(self, status: int, reason: str) -> None:
        body = f"{reason}\n".encode()
        head = (
            b"HTTP/1.1 %d %b\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        )
        self._transport.write(head % (status, _PHRASES[status], len(body)) + body)
        self._transport.close()


def find_refusal(request: HttpRequest) -> str:
    """Why a request is not answered; empty if it is.

    A web page in a browser on this machine can send requests to the server: under its own name, which then resolves to
    this machine (DNS rebinding), or from its own origin. Forms and images have no signature, which services refuse.
    """
    headers = request.headers
    name = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
    if name not in _OWN_NAMES and not name.endswith(".localhost"):
        return f"The local AWS answers as {HOST} and localhost, not as {name!r}."
    if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
        return "The local AWS answers no web page."
    return ""

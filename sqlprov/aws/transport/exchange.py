"""A signed request in, its reply out, over a connection that is open already; all others botocore sends.

urllib3 connects, checks certificates and speaks to proxies. What it and botocore do for each further request takes
twice the CPU of the request itself.
"""

from __future__ import annotations

import io
import queue
import socket
import ssl
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any

from botocore import exceptions as aws
from urllib3.exceptions import NewConnectionError
from urllib3.util import parse_url

CHUNK = 1 << 16
"""Bytes read at once, at most."""
LONGEST_HEAD = 1 << 16
"""Bytes of a reply's head; a longer one is not plain."""
BODILESS = ("204", "304")
"""Statuses without a body, whatever length is told."""
Meanwhile = Callable[[], None]
"""Work to be done while a reply is waited for; it raises nothing."""
Reply = tuple[int, dict[str, str], bytes]
"""Status, headers by their names in lower case, and body."""


def build_exchange(session: Any, url: str) -> Callable[[Any, Meanwhile | None], Reply]:
    """What sends one of botocore's signed POST requests to `url`, through botocore's HTTP `session`.

    It raises what the session itself would. What it is given beside the request it runs while it waits, or never.
    The request names its Host.

    Raises:
        AttributeError: this botocore is made differently.
    """

    def send(request: Any, _: Meanwhile | None = None) -> Reply:
        answer = session.send(request.prepare())
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return answer.status_code, headers, answer.content

    if session._proxy_config.proxy_url_for(url):
        return send
    pool = session._manager.connection_from_url(url)
    timeout: float = pool.timeout.read_timeout
    first = f"POST {parse_url(url).request_uri} HTTP/1.1\r\nAccept-Encoding: identity\r\n"

    def exchange(request: Any, meanwhile: Meanwhile | None = None) -> Reply:
        if (connection := _take_open_connection(pool)) is None:
            return send(request)
        try:
            if (message := _serialize(first, request)) is not None:
                return _exchange(connection, message, meanwhile, timeout, url)
        finally:
            pool._put_conn(connection)
        return send(request)

    return exchange


def _take_open_connection(pool: Any) -> Any:
    """A connection of urllib3's pool that is open; `None` if there is none, or the pool is closed."""
    # Not with `_get_conn`, which makes one before botocore has told the pool whose certificates count.
    try:
        connection = pool.pool.get(block=False)
    except (AttributeError, queue.Empty):
        return None
    if connection is None or not connection.is_connected:
        pool._put_conn(connection)
        return None
    return connection


def _serialize(first: str, request: Any) -> bytes | None:
    """The request as it is sent; `None` if it is not for us to write."""
    body = request.data
    headers = request.headers.items()
    if not isinstance(body, bytes) or not all(isinstance(value, str) for _, value in headers):
        return None
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    head = "".join((first, *lines, f"Content-Length: {len(body)}\r\n\r\n"))
    # A line break within a value would be the begin of another header.
    if not head.isascii() or not head.count("\r") == head.count("\n") == len(lines) + 4:
        return None
    return head.encode("ascii") + body


def _exchange(
    connection: Any, message: bytes, meanwhile: Meanwhile | None, timeout: float, url: str
) -> Reply:
    stays_open = False
    try:
        sock: socket.socket = connection.taken()
        if sock.gettimeout() != timeout:
            sock.settimeout(timeout)
        sock.sendall(message)
        if meanwhile:
            meanwhile()
        reply, stays_open = _read(sock)
        return reply
    except NewConnectionError as error:
        raise aws.EndpointConnectionError(endpoint_url=url, error=error) from error
    except TimeoutError as error:
        raise aws.ReadTimeoutError(endpoint_url=url, error=error) from error
    except ssl.SSLError as error:
        raise aws.SSLError(endpoint_url=url, error=error) from error
    except (OSError, HTTPException) as error:
        raise aws.ConnectionClosedError(endpoint_url=url, error=error) from error
    finally:
        if not stays_open:
            connection.close()


def _read(sock: socket.socket) -> tuple[Reply, bool]:
    """The reply, and whether a further request may be sent.

    A plain one is read here, in a third of the time; one in chunks, or with anything else, by the standard library.
    """
    begun = bytearray()
    while (end := begun.find(b"\r\n\r\n")) < 0:
        plain = len(begun) <= LONGEST_HEAD and b"\n\n" not in begun
        if not plain or not (more := sock.recv(CHUNK)):
            return _read_any(sock, bytes(begun))
        begun += more
    first, *lines = begun[:end].decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = headers.get("content-length", "")
    version, _, said = first.partition(" ")
    status = said[:4].rstrip()
    usual = version == "HTTP/1.1" and len(status) == 3 and status.isdecimal() and status >= "200"
    told = length.isdecimal() and len(headers) == len(lines) and "transfer-encoding" not in headers
    if not (usual and told) or status in BODILESS:
        return _read_any(sock, bytes(begun))
    whole = end + 4 + int(length)
    while len(begun) < whole and (more := sock.recv(CHUNK)):
        begun += more
    # One that is short is seen, and told, where it is decoded.
    stays_open = len(begun) == whole and "close" not in headers.get("connection", "").lower()
    return (int(status), headers, bytes(begun[end + 4 : whole])), stays_open


def _read_any(sock: socket.socket, begun: bytes) -> tuple[Reply, bool]:
    # All that it asks of a socket is `makefile`.
    with closing(HTTPResponse(_PrefixedSocket(sock, begun), method="POST")) as reply:  # type: ignore[arg-type]
        reply.begin()
        headers: dict[str, str] = {}
        for name, value in reply.headers.items():
            lower = name.lower()
            headers[lower] = f"{headers[lower]}, {value}" if lower in headers else value
        try:
            return (reply.status, headers, reply.read()), not reply.will_close
        except IncompleteRead as cut:
            if reply.chunked:
                raise  # unlike a length, nothing in it tells whoever decodes it that it is short
            return (reply.status, headers, cut.partial), False


class _PrefixedSocket(io.RawIOBase):
    """A socket some of whose bytes have been read already."""

    def __init__(self, sock: socket.socket, begun: bytes) -> None:
        self._sock, self._begun = sock, begun

    def makefile(self, _: str) -> io.BufferedReader:
        """What `HTTPResponse` asks a socket for."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Bytes put into `buffer`; none at the end."""
        if not self._begun:
            return self._sock.recv_into(buffer)
        size = min(len(buffer), len(self._begun))
        buffer[:size], self._begun = self._begun[:size], self._begun[size:]
        return size

"""A server that answers with raw replies, and records each request and the connection it came over."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import orjson

EXPERIMENTS = b'{"InferenceExperiments": [{"Name": "a"}], "NextToken": "t"}'


def build_reply(body: bytes = EXPERIMENTS, *headers: str, status: str = "200 OK") -> bytes:
    """A reply as AWS sends it."""
    lines = (f"HTTP/1.1 {status}", "x-amzn-RequestId: request-7", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


@dataclass(frozen=True)
class RawReply:
    """The reply to one request.

    Attributes:
        pieces: sent one after another.
        end: what happens to the connection afterwards: it stays "open", or the server ends it with "close" or "reset".
            After "quiet" the server waits until the client closes it.
    """

    pieces: Sequence[bytes]
    end: str = "open"


@dataclass(frozen=True)
class RawRequest:
    """A request as received.

    Attributes:
        connection: number of the connection, from 1.
        first: the request line.
        headers: by their names as received.
    """

    connection: int
    first: str
    headers: dict[str, str]
    body: bytes


@dataclass
class RawServer:
    """A running server.

    Attributes:
        replies: for the next requests, in order; each further request gets a plain reply.
        requests: received so far.
        echo: whether the request id of a reply is the request's body.
        pages: chosen by the request's token: token n selects page n. A late call of an earlier statement then takes
            no page from the next statement.
    """

    url: str
    replies: list[RawReply] = field(default_factory=list)
    requests: list[RawRequest] = field(default_factory=list)
    connections: int = 0
    echo: bool = False
    pages: Sequence[bytes] = ()
    open: list[socket.socket] = field(default_factory=list)

    def close_connections(self) -> None:
        """Close every connection; on the same machine the client notices at once."""
        for sock in self.open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class _Handler(socketserver.StreamRequestHandler):
    server: _Server
    disable_nagle_algorithm = True

    def handle(self) -> None:
        raw = self.server.raw
        with self.server.lock:
            raw.connections += 1
            number = raw.connections
        raw.open.append(self.connection)
        while first := self.rfile.readline().decode().strip():
            headers = {}
            while line := self.rfile.readline().decode().strip():
                name, _, value = line.partition(": ")
                headers[name] = value
            body = self.rfile.read(int(headers.get("Content-Length", 0)))
            with self.server.lock:
                raw.requests.append(RawRequest(number, first, headers, body))
                reply = raw.replies.pop(0) if raw.replies else RawReply([build_reply()])
            if raw.pages:
                reply = RawReply([build_reply(raw.pages[int(orjson.loads(body).get("NextToken", 0))])])
            if raw.echo:
                reply = RawReply([build_reply().replace(b"request-7", body)])
            for piece in reply.pieces:
                self.connection.sendall(piece)
            if reply.end == "quiet":
                self.rfile.read()
            if reply.end == "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
            if reply.end != "open":
                return


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, host: str) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, 0), _Handler)
        self.lock = threading.Lock()
        shown = f"[{host}]" if ":" in host else host
        self.raw = RawServer(f"http://{shown}:{self.server_address[1]}")

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # the client has gone


@contextmanager
def run_server(host: str = "127.0.0.1") -> Iterator[RawServer]:
    """Run a server on a free port of `host`."""
    with _Server(host) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.raw
        server.shutdown()

"""Raw replies in, a server that answers with them out; it keeps what it was asked, and over which connection."""

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


def plain(body: bytes = EXPERIMENTS, *headers: str, status: str = "200 OK") -> bytes:
    """A reply as services give it."""
    lines = (f"HTTP/1.1 {status}", "x-amzn-RequestId: request-7", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


@dataclass(frozen=True)
class Said:
    """What one request is answered with.

    Attributes:
        pieces: sent one after another.
        end: what follows them: the connection stays "open", is ended with "close" or broken off with "reset"; with
            "quiet" it is ended only when the client has gone.
    """

    pieces: Sequence[bytes]
    end: str = "open"


@dataclass(frozen=True)
class Asked:
    """A request as it came.

    Attributes:
        connection: number of the connection, from 1.
        first: the request line.
        headers: by their names as they came.
    """

    connection: int
    first: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Wire:
    """A server; `said` answers the next requests in turn, and a plain reply all others, whose id is the request's
    body where `echo` is set. Where `pages` are set, they answer by the token of the request: the n-th page leads to the
    next by the token n, and a call of a statement that has ended takes no page from the next one.
    """

    url: str
    said: list[Said] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    echo: bool = False
    pages: Sequence[bytes] = ()
    open: list[socket.socket] = field(default_factory=list)

    def hang_up(self) -> None:
        """End every connection; on the machine itself the other side sees it at once."""
        for sock in self.open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class _Handler(socketserver.StreamRequestHandler):
    server: _Server
    disable_nagle_algorithm = True

    def handle(self) -> None:
        wire = self.server.wire
        with self.server.lock:
            wire.connections += 1
            number = wire.connections
        wire.open.append(self.connection)
        while first := self.rfile.readline().decode().strip():
            headers = {}
            while line := self.rfile.readline().decode().strip():
                name, _, value = line.partition(": ")
                headers[name] = value
            body = self.rfile.read(int(headers["Content-Length"]))
            with self.server.lock:
                wire.asked.append(Asked(number, first, headers, body))
                said = wire.said.pop(0) if wire.said else Said([plain()])
            if wire.pages:
                said = Said([plain(wire.pages[int(orjson.loads(body).get("NextToken", 0))])])
            if wire.echo:
                said = Said([plain().replace(b"request-7", body)])
            for piece in said.pieces:
                self.connection.sendall(piece)
            if said.end == "quiet":
                self.rfile.read()
            if said.end == "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
            if said.end != "open":
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
        self.wire = Wire(f"http://{shown}:{self.server_address[1]}")

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # the client has gone


@contextmanager
def serving(host: str = "127.0.0.1") -> Iterator[Wire]:
    """A server while it is needed."""
    with _Server(host) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.wire
        server.shutdown()

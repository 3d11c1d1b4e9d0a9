"""A proxy in front of an AWS server that loses, cuts and changes some of its replies."""

from __future__ import annotations

import http.client
import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

BEFORE = ("reset", "error500", "error503", "throttle")
"""Kinds whose request never reaches the server."""
AFTER = ("reset_after", "error500_after", "redirect_after", "stall_after")
BROKEN = ("truncated", "truncated_clean", "html", "empty")
KINDS = (*BEFORE, *AFTER, *BROKEN)
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass
class FaultProxy:
    """A running proxy.

    Attributes:
        share: of the requests that meet a fault.
        hits: the kinds of the faults since it was cleared.
    """

    upstream: str
    random: random.Random
    share: float = 0.0
    hits: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def draw(self) -> str:
        """The kind of fault that the next request meets; empty if none."""
        if self.random.random() >= self.share:
            return ""
        kind = self.random.choice(KINDS if self.random.random() < 0.2 else KINDS[:7] + BROKEN)
        self.hits.append(kind)
        return kind


@contextmanager
def run_fault_proxy(upstream: str, seed: int) -> Iterator[FaultProxy]:
    """Run a proxy of the server at the URL `upstream`."""
    proxy = FaultProxy(upstream, random.Random(seed))

    class ProxiedRequest(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kind = proxy.draw()
            if kind == "reset":
                self._reset()
            elif kind.startswith("error") and kind in BEFORE:
                self._send(int(kind[5:]), b'{"__type": "InternalFailure"}')
            elif kind == "throttle":
                self._send(400, b'{"__type": "ThrottlingException", "message": "Rate exceeded"}')
            else:
                self._change(kind, *self._forward(body))

        def _forward(self, body: bytes) -> tuple[int, bytes]:
            connection = http.client.HTTPConnection(urlsplit(proxy.upstream).netloc)
            connection.request("POST", self.path, body, dict(self.headers))
            reply = connection.getresponse()
            content = reply.read()
            connection.close()
            return reply.status, content

        def _change(self, kind: str, status: int, body: bytes) -> None:
            match kind:
                case "reset_after":
                    self._reset()
                case "stall_after":
                    proxy.ended.wait(5)
                    self.close_connection = True
                case "error500_after":
                    self._send(500, b'{"__type": "InternalFailure"}')
                case "redirect_after":
                    self._send(307, b"", location="http://elsewhere.example.com/")
                case "truncated":
                    self._send(status, body, sent=len(body) // 2)
                    self.close_connection = True
                case "truncated_clean":
                    self._send(status, body[: len(body) // 2])
                # With the server's status: 200 in place of an error would be a lie of the proxy. moto answers with 500
                # if another thread changes what it iterates over, and some replies to a write are empty.
                case "html":
                    self._send(status, HTML)
                case "empty":
                    self._send(status, b"")
                case _:
                    self._send(status, body)

        def _send(self, status: int, body: bytes, sent: int | None = None, **headers: str) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[:sent])

        def _reset(self) -> None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    class Proxy(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # the client has gone

    with Proxy(("127.0.0.1", 0), ProxiedRequest) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        proxy.url = f"http://127.0.0.1:{server.server_port}"
        yield proxy
        proxy.ended.set()
        server.shutdown()

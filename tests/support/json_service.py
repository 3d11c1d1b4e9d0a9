"""A server for AWS's JSON protocol whose operations are Python functions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Parameters of a call -> its reply."""


class ServiceFailure(Exception):
    """Answer with an error of this code."""


@contextmanager
def run_json_service(operations: Mapping[str, Answer]) -> Iterator[str]:
    """Run the server; yields its URL.

    Args:
        operations: operation -> function; they may be changed while it runs.
    """

    class JsonHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            try:
                status, reply = 200, operations[operation](orjson.loads(body))
            except ServiceFailure as failure:
                status, reply = 400, {"__type": str(failure), "message": "as the test says"}
            content = orjson.dumps(reply)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), JsonHandler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()

"""Runs `sqlprov serve` in the test's process, and speaks its protocol byte by byte."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from emulator_calls import wait_until

import sqlprov
from sqlprov.frontends.serve.login import ServerOptions
from sqlprov.frontends.serve.server import Server

VERSION_3, VERSION_3_2 = 3 << 16, 3 << 16 | 2
Message = tuple[bytes, bytes]
"""Type and content."""


@contextmanager
def serve(connection: sqlprov.Connection, **options: Any) -> Iterator[Server]:
    """A server on a free port of 127.0.0.1."""
    server = Server(connection, ServerOptions(**{"port": 0, **options}))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()


def connect(server: Server, **options: Any) -> psycopg.Connection[Any]:
    """psycopg's connection to a server, which commits each statement."""
    host, port = server.address
    chosen = {"host": host, "port": port, "dbname": "aws", "user": "ada", "autocommit": True}
    return psycopg.connect(**{**chosen, **options})


def wait_until_busy(server: Server) -> None:
    """Wait until a client's statement runs."""
    wait_until(lambda: any(client.is_busy for client in server.list_clients()))


def pack(kind: bytes, content: bytes = b"") -> bytes:
    """A message."""
    return kind + struct.pack("!i", len(content) + 4) + content


def pack_startup(version: int = VERSION_3, **parameters: str) -> bytes:
    """The first message of a client."""
    pairs = b"".join(f"{name}\0{value}\0".encode() for name, value in parameters.items())
    content = struct.pack("!i", version) + pairs + b"\0"
    return struct.pack("!i", len(content) + 4) + content


class RawClient:
    """A client that sends what a test wants it to."""

    def __init__(self, server: Server) -> None:
        self._socket = socket.create_connection(server.address, timeout=30)
        self._unread = b""

    def send(self, *messages: bytes) -> None:
        self._socket.sendall(b"".join(messages))

    def start(self, version: int = VERSION_3, **parameters: str) -> list[Message]:
        """Log in; return the messages up to ReadyForQuery."""
        self.send(pack_startup(version, **{"user": "ada", "database": "aws", **parameters}))
        return self.read_until(b"Z")

    def ask(self, *messages: bytes) -> list[Message]:
        """Send messages; return the answers up to ReadyForQuery."""
        self.send(*messages)
        return self.read_until(b"Z")

    def read_bytes(self, count: int) -> bytes:
        """The next bytes; fewer at the end."""
        while len(self._unread) < count and (piece := self._socket.recv(65536)):
            self._unread += piece
        taken, self._unread = self._unread[:count], self._unread[count:]
        return taken

    def skip_until(self, end: bytes) -> int:
        """Read up to bytes that end what the server sends; return how many there were."""
        buffer, last, size = bytearray(1 << 20), b"", 0
        while last != end:
            count = self._socket.recv_into(buffer)
            assert count, "the server has closed the connection"
            last, size = (last + bytes(buffer[max(0, count - len(end)) : count]))[-len(end) :], size + count
        return size

    def read(self) -> Message | None:
        """The next message; `None` at the end."""
        head = self.read_bytes(5)
        if len(head) < 5:
            return None
        return head[:1], self.read_bytes(struct.unpack("!i", head[1:])[0] - 4)

    def read_until(self, kind: bytes) -> list[Message]:
        """The messages up to the first of a type, or to the end."""
        messages: list[Message] = []
        while (message := self.read()) is not None:
            messages.append(message)
            if message[0] == kind:
                break
        return messages

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_fields(content: bytes) -> dict[str, str]:
    """The fields of an error or a notice, by letter."""
    parts = content.rstrip(b"\0").split(b"\0")
    return {part[:1].decode(): part[1:].decode() for part in parts if part}


def list_kinds(messages: list[Message]) -> str:
    """The types of messages, one letter each, without parameters."""
    return "".join(kind.decode() for kind, _ in messages if kind != b"S")

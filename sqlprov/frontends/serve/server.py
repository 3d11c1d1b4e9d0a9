"""The server: accepts clients, one thread for each, and ends those that are idle, too slow or gone."""

from __future__ import annotations

import ipaddress
import itertools
import logging
import secrets
import socket
import threading
import time
from contextlib import suppress
from hmac import compare_digest
from typing import TYPE_CHECKING

from sqlprov.errors import InterfaceError
from sqlprov.frontends.serve.client import Client
from sqlprov.frontends.serve.login import ServerOptions
from sqlprov.frontends.serve.pg_catalog.contents import CatalogContents
from sqlprov.frontends.serve.sqlstates import ServerError

if TYPE_CHECKING:
    import sqlprov

LOG = logging.getLogger("sqlprov.serve")
WATCH_EVERY = 0.2
"""Seconds between two looks at the statements that run."""
LONGEST_STOP = 10.0
"""Seconds that the clients' threads have to end."""
LOGGING_IN = 32
"""Clients that may be logging in, beside those that have."""


class Server:
    """A server that listens once it is made.

    Args:
        connection: what clients query, each on a cursor of its own.
        options: the address and the limits.

    Raises:
        InterfaceError: an address that is not loopback without TLS and users.
        OSError: the address is not free.
    """

    def __init__(self, connection: sqlprov.Connection, options: ServerOptions) -> None:
        if not _is_loopback(options.host) and (options.tls is None or options.users is None):
            raise InterfaceError(
                f"{options.host} can be reached from other machines: that needs --tls-cert, --tls-key and --users. "
                "Without them, listen on 127.0.0.1."
            )
        self.connection, self.options = connection, options
        self.contents = CatalogContents(connection.catalog)
        self._clients: dict[int, Client] = {}
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._closing = threading.Event()
        family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
        self._listener = socket.create_server((options.host, options.port), family=family, backlog=128)
        self._watcher = threading.Thread(target=self._watch, name="sqlprov-serve-watch", daemon=True)
        self._watcher.start()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self._listener.getsockname()[:2]
        return str(host), int(port)

    def list_clients(self) -> list[Client]:
        """The clients that are connected, also those that are logging in."""
        with self._lock:
            return list(self._clients.values())

    def run(self) -> None:
        """Accept clients until `close` is called."""
        while not self._closing.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:  # closed, or a client that left at once
                continue
            with self._lock:
                is_full = len(self._clients) >= self.options.max_connections + LOGGING_IN
                if not is_full:
                    number = next(self._numbers)
                    client = self._clients[number] = Client(self, sock, number, secrets.token_bytes(32))
            if is_full:
                sock.close()
                continue
            thread = threading.Thread(
                target=self._serve, args=(client,), name=f"sqlprov-client-{number}", daemon=True
            )
            self._threads.add(thread)
            thread.start()

    def _serve(self, client: Client) -> None:
        try:
            client.run()
        finally:
            with self._lock:
                del self._clients[client.number]
                self._threads.discard(threading.current_thread())

    def admit(self, client: Client) -> None:
        """Count a client that has logged in.

        Raises:
            ServerError: there are too many.
        """
        with self._lock:
            if sum(each.is_known for each in self._clients.values()) >= self.options.max_connections:
                raise ServerError(
                    "53300", "sorry, too many clients already", "Start the server with --max-connections."
                )
            client.is_known = True

    def cancel(self, number: int, secret: bytes) -> None:
        """Stop the statement of the client with this number, if the secret is its own."""
        with self._lock:
            client = self._clients.get(number)
        if client is not None and compare_digest(client.secret, secret):
            client.cancel()

    def _watch(self) -> None:
        while not self._closing.wait(WATCH_EVERY):
            for client in self.list_clients():
                client.watch()

    def close(self) -> None:
        """Stop listening, end every statement, and disconnect every client."""
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            clients, threads = list(self._clients.values()), list(self._threads)
        end = time.monotonic() + LONGEST_STOP
        while (alive := [each for each in threads if each.is_alive()]) and time.monotonic() < end:
            for (
                client
            ) in clients:  # again and again: DuckDB does not hear of a cancel that comes before it has begun
                client.stop("57P01", "terminating connection due to administrator command")
            alive[0].join(WATCH_EVERY)
        self._watcher.join(WATCH_EVERY + 1)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, which may mean any address
        return False

"""Connections that another thread can shut during a call: a cancelled statement ends at once.

botocore alone waits for a reply until its timeout. So each attempt records its connection, and the
cancelling thread shuts down the socket. This depends on private parts of botocore and urllib3: with versions
that lack them, a call in flight ends with its reply or its timeout.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

log = logging.getLogger("sqlprov")
_thread = threading.local()
_lock = threading.Lock()


class CallCancelled(Exception):
    """The statement was cancelled before its request was sent."""


class CancellableCall:
    """One attempt of a call."""

    def __init__(self) -> None:
        self._connection: CancellableConnection | None = None
        self.is_cancelled = False

    def cancel(self) -> None:
        """Shut the connection: a wait for the reply fails, and nothing more is sent."""
        with _lock:
            self.is_cancelled = True
            # The reply may have arrived, and another call may use the connection by now.
            if self._connection is not None and self._connection.call is self:
                self._connection.shut()

    @contextmanager
    def activate(self) -> Iterator[None]:
        """Within the block, this thread's requests belong to this call."""
        _thread.call = self
        try:
            yield
        finally:
            _thread.call = None
            with _lock:
                if self._connection is not None and self._connection.call is self:
                    self._connection.call = None
                self._connection = None

    def claim(self, connection: CancellableConnection) -> None:
        """Use `connection` from now on.

        Raises:
            CallCancelled: the statement was cancelled.
        """
        with _lock:
            if self.is_cancelled:
                raise CallCancelled
            connection.call, self._connection = self, connection


class CancellableConnection:
    """A mix-in for urllib3's connections that links each to the call of the thread using it."""

    call: CancellableCall | None = None
    is_shut = False
    sock: socket.socket | None

    def connect(self, *arguments: Any, **named: Any) -> None:
        self.is_shut = False
        self._claim()  # a TLS handshake may hang too
        super().connect(*arguments, **named)  # type: ignore[misc]
        self._claim()

    def request(self, *arguments: Any, **named: Any) -> None:
        if self.sock is None:
            self._claim()
        else:
            self.claim_socket()
        super().request(*arguments, **named)  # type: ignore[misc]

    def claim_socket(self) -> socket.socket:
        """The open socket, for this thread's call.

        Raises:
            CallCancelled: the statement was cancelled.
            urllib3.exceptions.NewConnectionError: another thread has shut the socket.
        """
        self._claim()
        assert self.sock is not None, "the connection is open"
        if self.is_shut:
            # The previous call was cancelled just as this one took the connection from the pool.
            from urllib3.exceptions import NewConnectionError

            raise NewConnectionError(self, "the connection was closed")  # type: ignore[arg-type]
        return self.sock

    def _claim(self) -> None:
        call: CancellableCall | None = getattr(_thread, "call", None)
        if call is not None:
            call.claim(self)

    def shut(self) -> None:
        """Shut down both directions at once, even while another thread uses the socket."""
        self.is_shut = True
        sock = self.sock
        if isinstance(sock, socket.socket):
            with suppress(OSError):
                # Not SSLSocket.shutdown: it would remove the cipher while the other thread reads.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


def make_cancellable(client: Any) -> None:
    """Make a boto3 client use such connections, if this version of botocore allows it."""
    try:
        client._endpoint.http_session._pool_classes_by_scheme.update(_make_pool_classes())
    except Exception:
        log.info("calls in flight cannot be cancelled with this version of botocore", exc_info=True)


def close_client(client: Any) -> None:
    """Close a boto3 client and its connections; one in use is closed when its call ends."""
    pools: list[Any] = []
    with suppress(Exception):
        session = client._endpoint.http_session
        for manager in (session._manager, *session._proxy_managers.values()):
            pools += map(manager.pools.get, manager.pools.keys())
    client.close()
    # botocore leaves open connections to the garbage collector, which runs too late at the end of the program.
    with suppress(Exception):
        for pool in filter(None, pools):
            pool.close()


@cache
def _make_pool_classes() -> dict[str, type]:
    """Scheme -> urllib3's pool of connections."""
    from botocore import awsrequest

    def derive(pool: type, connection: type) -> type:
        return type(
            "Pool", (pool,), {"ConnectionCls": type("Connection", (CancellableConnection, connection), {})}
        )

    return {
        "http": derive(awsrequest.AWSHTTPConnectionPool, awsrequest.AWSHTTPConnection),
        "https": derive(awsrequest.AWSHTTPSConnectionPool, awsrequest.AWSHTTPSConnection),
    }

"""The connection that a call in flight uses in; broken off at once when its statement is cancelled.

botocore waits for a reply as long as its timeout says. What can be reached from another thread is the socket, so
that each attempt knows its connection for as long as it lasts.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

_here = threading.local()
_lock = threading.Lock()


class CallCancelled(Exception):
    """The statement was cancelled before its request was sent."""


class CancellableCall:
    """One attempt of a call: the connection it uses, once it does, and whether it may go on."""

    def __init__(self) -> None:
        self._connection: CancellableConnection | None = None
        self.is_cut = False

    def cut(self) -> None:
        """Break the connection off: whoever waits for a reply meets its end, and nothing more is sent."""
        with _lock:
            self.is_cut = True
            # Its reply may be there already, and the connection another call's.
            if self._connection is not None and self._connection.wire is self:
                self._connection.shut()

    @contextmanager
    def used(self) -> Iterator[None]:
        """What this thread sends meanwhile goes over this wire."""
        _here.wire = self
        try:
            yield
        finally:
            _here.wire = None
            with _lock:
                if self._connection is not None and self._connection.wire is self:
                    self._connection.wire = None
                self._connection = None

    def take(self, connection: CancellableConnection) -> None:
        """Use `connection` from now on; raises Cut."""
        with _lock:
            if self.is_cut:
                raise CallCancelled
            connection.wire, self._connection = self, connection


class CancellableConnection:
    """Makes one of urllib3's connections known to the wire of the thread that uses it."""

    wire: CancellableCall | None = None
    broken = False
    sock: socket.socket | None

    def connect(self) -> None:
        self.broken = False
        self._take()  # the handshake of TLS may hang too
        super().connect()  # type: ignore[misc]
        self._take()

    def request(self, *arguments: Any, **named: Any) -> None:
        if self.sock is None:
            self._take()
        else:
            self.taken()
        super().request(*arguments, **named)  # type: ignore[misc]

    def taken(self) -> socket.socket:
        """The open socket, which is this call's from now on; raises Cut.

        Raises:
            urllib3.exceptions.NewConnectionError: it was shut meanwhile.
        """
        self._take()
        assert self.sock is not None, "the connection is open"
        if self.broken:
            # Shut for the call that had it before, in the moment in which this one took it from the pool.
            from urllib3.exceptions import NewConnectionError

            raise NewConnectionError(self, "the connection was closed")  # type: ignore[arg-type]
        return self.sock

    def _take(self) -> None:
        wire: CancellableCall | None = getattr(_here, "wire", None)
        if wire is not None:
            wire.take(self)

    def shut(self) -> None:
        """Both directions, at once, whatever another thread is doing with the socket."""
        self.broken = True
        found = self.sock
        if isinstance(found, socket.socket):
            with suppress(OSError):
                # Not that of ssl, which would take the cipher from under the thread that reads.
                socket.socket.shutdown(found, socket.SHUT_RDWR)


def make_cancellable(client: Any) -> None:
    """Have a boto3 client use connections of this kind."""
    # botocore offers no public way; a test sees that connections are cut, and fails when this one goes.
    client._endpoint.http_session._pool_classes_by_scheme.update(_pools())


def close(client: Any) -> None:
    """Close a boto3 client and its connections; one that is in use is closed when its call ends."""
    session = client._endpoint.http_session
    managers = (session._manager, *session._proxy_managers.values())
    pools = [pool for manager in managers for pool in map(manager.pools.get, manager.pools.keys())]
    client.close()
    # botocore leaves this to the end of the pools as objects, which at the end of the program comes too late.
    for pool in pools:
        if pool is not None:
            pool.close()


@cache
def _pools() -> dict[str, type]:
    """Scheme -> urllib3's pool of connections."""
    from botocore import awsrequest

    # botocore and urllib3's mixed-in classes have no types: hence the marks, here and above.
    class Connection(CancellableConnection, awsrequest.AWSHTTPConnection):  # type: ignore[misc]
        pass

    class SecureConnection(CancellableConnection, awsrequest.AWSHTTPSConnection):  # type: ignore[misc]
        pass

    class Connections(awsrequest.AWSHTTPConnectionPool):  # type: ignore[misc]
        ConnectionCls = Connection

    class SecureConnections(awsrequest.AWSHTTPSConnectionPool):  # type: ignore[misc]
        ConnectionCls = SecureConnection

    return {"http": Connections, "https": SecureConnections}

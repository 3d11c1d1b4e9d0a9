"""Clients that several accounts use: a client takes 10 ms and 300 kB, and an organization has hundreds of accounts.

Each request is signed with the credentials of the account that its thread calls. Accounts whose configuration differs
in more than their credentials have clients of their own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlprov.errors import InternalError

_thread = threading.local()


class SharedClients:
    """The clients of the accounts of a session, beside those of its own account."""

    def __init__(self) -> None:
        self._clients: dict[Hashable, Any] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, create: Callable[[], Any]) -> Any:
        """The client of a configuration, service, region and timeout; `create` makes it."""
        with self._lock:
            if key not in self._clients:
                client = create()
                sign_by_thread(client)
                self._clients[key] = client
            return self._clients[key]

    def close(self) -> None:
        """Close the connections."""
        from sqlprov.aws.transport.cancellable_connections import close_client

        with self._lock:
            clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            close_client(client)


def sign_by_thread(client: Any) -> None:
    """Sign a client's requests with the credentials that `sign_with` gives their thread."""
    name = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register(f"before-sign.{name}", _choose_credentials)


@contextmanager
def sign_with(credentials: Any) -> Iterator[None]:
    """Within the block, sign this thread's requests with these credentials, if their client signs by thread."""
    _thread.credentials = credentials
    try:
        yield
    finally:
        _thread.credentials = None


def _choose_credentials(request: Any, **_: Any) -> None:
    """Sign a request for the account that its thread calls: a `before-sign` handler of botocore."""
    credentials = getattr(_thread, "credentials", None)
    if credentials is None:
        raise InternalError("A request has no credentials to sign it with. This is a bug in sqlprov.")
    # The context of the fast path is shared by all requests of an operation.
    signing = request.context.get("signing", {})
    request.context["signing"] = {**signing, "request_credentials": credentials}

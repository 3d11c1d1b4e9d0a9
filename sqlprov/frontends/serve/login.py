"""Reads a client's first messages: encryption, a cancel request, or who it is and what it sets."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from sqlprov.frontends.serve.messages import (
    CANCEL_REQUEST,
    GSS_REQUEST,
    SSL_REQUEST,
    Fields,
    ProtocolError,
    Wire,
    pack_int32,
    pack_text,
)
from sqlprov.frontends.serve.sqlstates import ServerError
from sqlprov.records import dataclass

if TYPE_CHECKING:
    from sqlprov.frontends.serve.users import Users

NEWEST = 3 << 16 | 2
"""The newest version of the protocol, 3.2."""


@dataclass(frozen=True)
class ServerOptions:
    """How a server listens, and what it allows.

    Attributes:
        host, port: the address; port 0 for a free one.
        users: who may log in; `None` for everybody, which only loopback may have.
        tls: the certificate; `None` for no encryption.
        max_connections: clients at once.
        idle_timeout: seconds of silence after which a client is disconnected; 0 for none.
        statement_timeout: seconds after which a statement is cancelled; 0 for none.
        login_timeout: seconds to log in.
        max_message: bytes of the largest message.
    """

    host: str = "127.0.0.1"
    port: int = 5433
    users: Users | None = None
    tls: ssl.SSLContext | None = None
    max_connections: int = 64
    idle_timeout: float = 600.0
    statement_timeout: float = 0.0
    login_timeout: float = 30.0
    max_message: int = 1 << 24


@dataclass(frozen=True)
class ClientLogin:
    """Who a client is.

    Attributes:
        version: of the protocol.
        user, database: the database is the user's name if it is left out.
        settings: names and values, in order.
    """

    version: int
    user: str
    database: str
    settings: tuple[tuple[str, str], ...]


def log_in(wire: Wire, options: ServerOptions, cancel: Callable[[int, bytes], None]) -> ClientLogin | None:
    """Have a client say and prove who it is; `None` after a cancel request, which is all that such a client sends.

    Args:
        wire: the connection; encryption replaces its socket.
        options: the certificate and the users.
        cancel: called with the number and the secret of a cancel request.

    Raises:
        ProtocolError, ServerError: the client may not, or says what is not understood.
    """
    is_encrypted = False
    while True:
        code, fields = wire.read_startup()
        if code == CANCEL_REQUEST:
            cancel(fields.read_int32(), fields.read_rest())
            return None
        if code not in (SSL_REQUEST, GSS_REQUEST):
            break
        tls = options.tls if code == SSL_REQUEST and not is_encrypted else None
        wire.sock.sendall(b"S" if tls else b"N")
        if tls is not None:
            if wire.has_unread:  # what came before the encryption must not count as encrypted
                raise ProtocolError("received unencrypted data after SSL request")
            wire.sock = tls.wrap_socket(wire.sock, server_side=True)
            is_encrypted = True
    login, unknown = _parse_login(code, fields)
    if login.version > NEWEST or unknown:
        names = b"".join(map(pack_text, unknown))
        wire.send(b"v", pack_int32(NEWEST) + pack_int32(len(unknown)) + names)
    if options.tls is not None and not is_encrypted:
        raise ServerError("28000", "This server needs TLS.", "Connect with sslmode=require.")
    if options.users is not None:
        options.users.authenticate(wire, login.user)
    return login


def _parse_login(version: int, fields: Fields) -> tuple[ClientLogin, list[str]]:
    """The client's login, and the extensions of the protocol that it asks for: there are none."""
    if version >> 16 != 3:
        raise ServerError("0A000", f"unsupported frontend protocol {version >> 16}.{version & 0xFFFF}")
    chosen: dict[str, str] = {}
    while name := fields.read_text():
        chosen[name] = fields.read_text()
    fields.expect_end()
    user = chosen.pop("user", "")
    if not user:
        raise ServerError("28000", "no PostgreSQL user name specified in startup packet")
    database, options = chosen.pop("database", "") or user, chosen.pop("options", "")
    unknown = [name for name in chosen if name.startswith("_pq_.")]
    settings = (*((name, chosen[name]) for name in chosen if name not in unknown), *_parse_options(options))
    return ClientLogin(version, user, database, settings), unknown


def _parse_options(text: str) -> Iterator[tuple[str, str]]:
    r"""The settings of `-c name=value` and `--name=value`; a backslash keeps a blank.

    Raises:
        ServerError: another option.
    """
    words = iter(re.findall(r"(?:\\.|[^\s\\])+", text))
    for word in words:
        setting = next(words, "") if word == "-c" else word.removeprefix("-c").removeprefix("--")
        name, equals, value = re.sub(r"\\(.)", r"\1", setting).partition("=")
        name = name.replace("-", "_")
        if not equals or not word.startswith("-") or not name.isidentifier():
            raise ServerError("42601", f"options: {word!r} is not -c name=value.")
        yield name, value

"""The users of a server: a file of SCRAM-SHA-256 verifiers, and the exchange that checks a password against one."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from pathlib import Path
from typing import NamedTuple

from scramp import ScramException, ScramMechanism

from sqlprov.errors import DataError, InterfaceError
from sqlprov.frontends.serve.messages import ProtocolError, Wire, pack_int32, pack_text
from sqlprov.frontends.serve.sqlstates import ServerError
from sqlprov.private_files import make_private_file

MECHANISM = "SCRAM-SHA-256"
ITERATIONS = 4096
"""PostgreSQL's number; a verifier says its own."""
_BASE64 = r"((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==))"
_LINE = re.compile(rf"([^:#\s][^:]*):SCRAM-SHA-256\$([1-9]\d*):{_BASE64}\${_BASE64}:{_BASE64}")


class Verifier(NamedTuple):
    """What proves a password without revealing it, in the order of scramp."""

    salt: bytes
    stored_key: bytes
    server_key: bytes
    iterations: int


class Users:
    """The users in a file, one a line: `name:SCRAM-SHA-256$4096:salt$stored key:server key`.

    Raises:
        DataError: a line that is not like this.
        OSError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._verifiers = read_users(path)
        self._secret = secrets.token_bytes(32)

    def authenticate(self, wire: Wire, user: str) -> None:
        """Check a client's password; an unknown user takes the same steps and the same time.

        Raises:
            ServerError: the password is wrong, or there is no such user.
        """
        verifier = self._verifiers.get(user) or self._imitate(user)
        server = ScramMechanism(MECHANISM).make_server(lambda _: verifier)
        wire.send(b"R", pack_int32(10) + pack_text(MECHANISM) + b"\0")
        wire.flush()
        mechanism, first = _read_initial_response(wire)
        if mechanism != MECHANISM:
            raise ServerError(
                "28000", f"client selected an invalid SASL authentication mechanism {mechanism!r}"
            )
        try:
            _set_client_first(server, first)
            wire.send(b"R", pack_int32(11) + server.get_server_first().encode())
            wire.flush()
            server.set_client_final(_read_response(wire))
            final = server.get_server_final()
        except (ScramException, ValueError):
            # Without the cause: it would say whether the user exists.
            raise ServerError("28P01", f'password authentication failed for user "{user}"') from None
        wire.send(b"R", pack_int32(12) + final.encode())

    def _imitate(self, user: str) -> Verifier:
        """A verifier like that of a user: its salt stays the same, and no password has its key."""
        length, iterations = next(
            ((len(each.salt), each.iterations) for each in self._verifiers.values()), (32, ITERATIONS)
        )
        salt = hashlib.shake_256(self._secret + user.encode()).digest(length)
        return Verifier(salt, secrets.token_bytes(32), secrets.token_bytes(32), iterations)


def _set_client_first(server: object, message: str) -> None:
    """Pass a client's first message on; its name is empty, because the startup message has it, which scramp refuses.

    Both sides sign the message as it was sent, so scramp gets that back.
    """
    header, separator, bare = message.partition(",n=,")
    if not separator:
        server.set_client_first(message)  # type: ignore[attr-defined]
        return
    server.set_client_first(f"{header},n=user,{bare}")  # type: ignore[attr-defined]
    server.client_first_bare = f"n=,{bare}"  # type: ignore[attr-defined]


def _read_initial_response(wire: Wire) -> tuple[str, str]:
    kind, fields = wire.read()
    if kind != b"p":
        raise ProtocolError(f"expected SASL response, got message type {kind[0]}")
    mechanism, value = fields.read_text(), fields.read_value()
    fields.expect_end()
    return mechanism, (value or b"").decode("utf-8")


def _read_response(wire: Wire) -> str:
    kind, fields = wire.read()
    if kind != b"p":
        raise ProtocolError(f"expected SASL response, got message type {kind[0]}")
    return fields.read_rest().decode("utf-8")


# The file


def read_users(path: Path) -> dict[str, Verifier]:
    """The verifiers by user.

    Raises:
        DataError: a line that is none.
        OSError: the file cannot be read.
    """
    users: dict[str, Verifier] = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            # The line itself may hold a password.
            raise DataError(
                f"{path}:{number}: expected name:SCRAM-SHA-256$…; `sqlprov serve adduser` writes it."
            )
        salt, stored, key = (base64.b64decode(match[part]) for part in (3, 4, 5))
        users[match[1]] = Verifier(salt, stored, key, int(match[2]))
    return users


def add_user(path: Path, user: str, password: str) -> None:
    """Write a user's verifier into a file, which is created if there is none; it replaces an earlier one.

    Raises:
        InterfaceError: the name or the password is empty, or the name cannot stand in the file.
        DataError: the file has a line that is no verifier.
        OSError: the file cannot be written.
    """
    if not password:
        raise InterfaceError("The password is empty.")
    if not re.fullmatch(r"[^:#\s][^:\n]*", user):
        raise InterfaceError(
            f"{user!r} is not a name of a user: it is empty, or has a colon, a # or a line break."
        )
    users = read_users(path) if path.exists() else {}
    salt, stored_key, server_key, iterations = ScramMechanism(MECHANISM).make_auth_info(
        password, iteration_count=ITERATIONS
    )
    users[user] = Verifier(salt, stored_key, server_key, iterations)
    lines = (f"{name}:{_format_verifier(verifier)}\n" for name, verifier in users.items())
    make_private_file(path)
    path.write_text("".join(lines))


def _format_verifier(verifier: Verifier) -> str:
    salt, stored, key = (base64.b64encode(part).decode() for part in verifier[:3])
    return f"{MECHANISM}${verifier.iterations}:{salt}${stored}:{key}"

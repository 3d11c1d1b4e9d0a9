from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pg8000.native
import psycopg
import pytest
from emulator_calls import wait_until
from postgres_server import (
    RawClient,
    connect,
    pack,
    pack_startup,
    read_fields,
    serve,
    wait_until_busy,
)
from tls_proxy import create_certificate

import sqlprov
from sqlprov.errors import DataError, InterfaceError
from sqlprov.frontends.serve.server import Server
from sqlprov.frontends.serve.users import Users, add_user, read_users

PASSWORD = "pä ss:wörd"


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("users") / "users.txt"
    add_user(file, "ada", PASSWORD)
    add_user(file, "bob", "other")
    return file


@pytest.fixture(scope="module")
def guarded(base: sqlprov.Connection, users: Path) -> Iterator[Server]:
    """A server that asks for passwords."""
    with serve(base, users=Users(users)) as server:
        yield server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return create_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def encrypted(base: sqlprov.Connection, users: Path, certificate: Path) -> Iterator[Server]:
    """A server that asks for TLS and passwords."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with serve(base, users=Users(users), tls=tls) as server:
        yield server


def test_a_user_with_the_password_logs_in(guarded: Server) -> None:
    with connect(guarded, password=PASSWORD) as pg:
        assert pg.execute("SELECT 1").fetchall() == [(1,)]
        assert pg.info.parameter_status("session_authorization") == "ada"


def test_pg8000_and_asyncpg_log_in(guarded: Server) -> None:
    host, port = guarded.address
    with pg8000.native.Connection("ada", host=host, port=port, database="aws", password=PASSWORD) as pg:
        assert pg.run("SELECT 1") == [[1]]

    async def ask() -> Any:
        client = await asyncpg.connect(host=host, port=port, database="aws", user="ada", password=PASSWORD)
        try:
            return await client.fetchval("SELECT 1")
        finally:
            await client.close()

    assert asyncio.run(ask()) == 1


@pytest.mark.parametrize("user", ["ada", "nobody"])
@pytest.mark.parametrize("password", ["wrong", "other", " "])
def test_a_wrong_password_and_an_unknown_user_get_the_same_error(
    guarded: Server, user: str, password: str
) -> None:
    with pytest.raises(psycopg.OperationalError, match=f'password authentication failed for user "{user}"'):
        connect(guarded, user=user, password=password)


@pytest.mark.parametrize("user", ["ada", "nobody", "A"])
def test_an_empty_password_lets_nobody_in(guarded: Server, user: str) -> None:
    assert log_in(guarded, user, "") == "28P01"


def test_the_raw_log_in_of_these_tests_works(guarded: Server) -> None:
    assert log_in(guarded, "bob", "other") == ""


def log_in(server: Server, user: str, password: str) -> str:
    """Log in as RFC 5802 has it, also without a password, which no library sends; return the SQLSTATE of the error."""
    with RawClient(server) as raw:
        challenge = read_challenge(raw, user)
        nonce, salt, iterations = (part[2:] for part in challenge.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(iterations))
        key = hmac.digest(salted, b"Client Key", "sha256")
        final = f"c=biws,r={nonce}"
        signed = f"{FIRST[3:]},{challenge},{final}".encode()
        signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        raw.send(pack(b"p", f"{final},p={base64.b64encode(proof).decode()}".encode()))
        kind, content = raw.read() or (b"", b"")
        return read_fields(content)["C"] if kind == b"E" else ""


FIRST = "n,,n=,r=abcdefghijklmnopqrstuvwx"


def read_challenge(raw: RawClient, user: str) -> str:
    """The server's first message of SCRAM."""
    raw.send(pack_startup(user=user, database="aws"))
    assert (raw.read() or (b"", b""))[1][:4] == b"\0\0\0\x0a"
    raw.send(pack(b"p", b"SCRAM-SHA-256\0" + len(FIRST).to_bytes(4, "big") + FIRST.encode()))
    _, content = raw.read() or (b"", b"")
    assert content[:4] == b"\0\0\0\x0b"
    return content[4:].decode()


def test_an_unknown_user_gets_the_same_salt_each_time_and_the_usual_iterations(guarded: Server) -> None:
    def read(user: str) -> list[str]:
        with RawClient(guarded) as raw:
            return read_challenge(raw, user).split(",")[1:]

    for user in ("ada", "nobody"):
        assert read(user) == read(user)
        assert read(user)[1] == "i=4096"
        assert len(read(user)[0]) == len(read("ada")[0])
    assert read("nobody") != read("nobody2")


@pytest.mark.parametrize(
    "response", [b"", b"garbage\0", b"SCRAM-SHA-256\0\xff\xff\xff\xff", b"MD5\0\0\0\0\x01x"]
)
def test_a_malformed_response_is_refused(guarded: Server, response: bytes) -> None:
    with RawClient(guarded) as raw:
        raw.send(pack_startup(user="ada", database="aws"))
        raw.read()
        raw.send(pack(b"p", response))
        kind, content = raw.read() or (b"", b"")
        assert kind == b"E"
        assert read_fields(content)["C"] in ("08P01", "28000", "28P01")
        assert raw.read() is None


def test_no_password_and_no_verifier_is_logged(
    guarded: Server, users: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        connect(guarded, password=PASSWORD).close()
        with pytest.raises(psycopg.OperationalError):
            connect(guarded, password="secret-word")
    keys = [key for verifier in users.read_text().splitlines() for key in verifier.split("$")[1:]]
    assert not any(word in caplog.text for word in (PASSWORD, "secret-word", *keys))


# TLS


def test_tls_encrypts_and_the_certificate_is_checked(encrypted: Server, certificate: Path) -> None:
    with connect(encrypted, password=PASSWORD, sslmode="verify-full", sslrootcert=str(certificate)) as pg:
        assert pg.pgconn.ssl_in_use
        assert pg.execute("SELECT count(*) FROM range(100000)").fetchall() == [(100_000,)]


def test_without_tls_a_client_is_refused_before_it_shows_its_password(encrypted: Server) -> None:
    with pytest.raises(psycopg.OperationalError, match="This server needs TLS"):
        connect(encrypted, password=PASSWORD, sslmode="disable")


def test_what_comes_before_the_encryption_is_refused(encrypted: Server) -> None:
    with RawClient(encrypted) as raw:
        raw.send((8).to_bytes(4, "big") + (80877103).to_bytes(4, "big") + pack_startup(user="eve"))
        assert raw.read_bytes(1) == b"S"
        assert b"received unencrypted data after SSL request" in raw.read_bytes(1000)


def test_a_statement_of_an_encrypted_client_that_leaves_is_stopped(encrypted: Server) -> None:
    pg = connect(encrypted, password=PASSWORD, sslmode="require")
    text = "SELECT count(*) FROM range(1_000_000_000_000) AS a WHERE hash(a.range) = 1"
    pg.pgconn.send_query(text.encode())
    wait_until_busy(encrypted)
    pg.pgconn.finish()
    wait_until(lambda: not encrypted.list_clients())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org"])
def test_another_address_needs_tls_and_users(base: sqlprov.Connection, host: str, users: Path) -> None:
    with (
        pytest.raises(InterfaceError, match="needs --tls-cert, --tls-key and --users"),
        serve(base, host=host),
    ):
        pass
    with pytest.raises(InterfaceError), serve(base, host=host, users=Users(users)):
        pass


# The file


def test_the_file_is_private_and_holds_no_password(users: Path) -> None:
    assert users.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in users.read_text()
    assert list(read_users(users)) == ["ada", "bob"]


def test_a_user_gets_another_password(tmp_path: Path) -> None:
    file = tmp_path / "users"
    for password in ("one", "two"):
        add_user(file, "ada", password)
    add_user(file, "bob", "x")
    before = read_users(file)
    add_user(file, "ada", "three")
    assert read_users(file)["bob"] == before["bob"]
    assert read_users(file)["ada"] != before["ada"]


@pytest.mark.parametrize(
    ("user", "password"), [("ada", ""), ("", "x"), ("a:b", "x"), ("a\nb", "x"), ("#a", "x")]
)
def test_an_empty_password_and_a_wrong_name_are_refused(tmp_path: Path, user: str, password: str) -> None:
    with pytest.raises(InterfaceError):
        add_user(tmp_path / "users", user, password)
    assert not (tmp_path / "users").exists()


@pytest.mark.parametrize(
    "line",
    [
        "secret",
        "SCRAM-SHA-256$4096:secre$cut:off",
        "SCRAM-SHA-256$4096:sécr$YWJj:YWJj",
        "SCRAM-SHA-256$0:YWJj$YWJj:YWJj",
    ],
)
def test_a_line_that_is_no_verifier_is_named_but_not_shown(tmp_path: Path, line: str) -> None:
    file = tmp_path / "users"
    file.write_text(f"# users\n\nada:{line}\n")
    with pytest.raises(DataError, match=r"users:3: expected name:SCRAM-SHA-256") as caught:
        Users(file)
    assert line not in str(caught.value)

from __future__ import annotations

import itertools
import socket
import threading
import time

import psycopg
import pytest
from emulator_calls import wait_until
from local_sagemaker import connection
from postgres_server import (
    RawClient,
    connect,
    list_kinds,
    pack,
    read_fields,
    serve,
    wait_until_busy,
)

import sqlprov
from sqlprov.emulator import Emulator, Fault, Options

ENDLESS = "SELECT count(*) FROM range(1_000_000_000_000) AS a WHERE hash(a.range) = 1"


def test_too_many_clients_are_refused_until_one_leaves(base: sqlprov.Connection) -> None:
    with serve(base, max_connections=2) as server:
        first, second = connect(server), connect(server)
        with pytest.raises(psycopg.OperationalError, match="too many clients already"):
            connect(server)
        first.close()
        wait_until(lambda: len(server.list_clients()) == 1)
        connect(server).close()
        second.close()


def test_a_silent_client_is_disconnected(base: sqlprov.Connection) -> None:
    with serve(base, idle_timeout=0.2) as server, RawClient(server) as raw:
        raw.start()
        kind, content = raw.read() or (b"", b"")
        assert (kind, read_fields(content)["C"]) == (b"E", "57P05")
        assert raw.read() is None


def test_a_client_that_does_not_log_in_is_disconnected(base: sqlprov.Connection) -> None:
    with serve(base, login_timeout=0.2) as server, RawClient(server) as raw:
        raw.send(b"\0")
        kind, content = raw.read() or (b"", b"")
        assert (kind, read_fields(content)["C"]) == (b"E", "57014")
        assert raw.read() is None


def test_a_client_that_logs_in_byte_by_byte_is_disconnected(base: sqlprov.Connection) -> None:
    with serve(base, login_timeout=0.3) as server, RawClient(server) as raw:
        with pytest.raises(ConnectionError):
            for byte in itertools.chain(b"\0\0\x20\0", itertools.repeat(0)):
                raw.send(bytes([byte]))
                time.sleep(0.01)
        wait_until(lambda: not server.list_clients())


def test_a_long_statement_does_not_count_as_silence(base: sqlprov.Connection) -> None:
    with serve(base, idle_timeout=0.2) as server, connect(server) as pg:
        query = "SELECT count(*) FROM range(400_000_000) AS a WHERE hash(a.range) = 1"
        assert pg.execute(query).fetchall() == [(0,)]


def test_a_message_beyond_the_limit_is_refused(base: sqlprov.Connection) -> None:
    with serve(base, max_message=1000) as server, RawClient(server) as raw:
        raw.start()
        assert list_kinds(raw.ask(pack(b"Q", b"SELECT 1" + b" " * 900 + b"\0"))) == "TDCZ"
        raw.send(pack(b"Q", b"SELECT 1" + b" " * 1000 + b"\0"))
        kind, content = raw.read() or (b"", b"")
        assert (kind, read_fields(content)["C"]) == (b"E", "08P01")


def test_closing_the_server_ends_statements_clients_and_threads(base: sqlprov.Connection) -> None:
    before = set(threading.enumerate())
    with serve(base) as server:
        address = server.address
        with RawClient(server) as idle, RawClient(server) as busy:
            idle.start()
            busy.start()
            busy.send(pack(b"Q", ENDLESS.encode() + b"\0"))
            wait_until_busy(server)
            server.close()
            kind, content = idle.read() or (b"", b"")
            assert (kind, read_fields(content)["C"]) == (b"E", "57P01")
            assert idle.read() is None
            assert list_kinds(busy.read_until(b"never")) in ("", "E", "EZ")
        wait_until(lambda: server.list_clients() == [])
    for thread in set(threading.enumerate()) - before:
        thread.join()
    with pytest.raises(OSError):
        socket.create_connection(address, timeout=1)


def test_a_cancelled_statement_stops_its_calls() -> None:
    with Emulator(Options()) as emulator, connection(emulator.url) as con, serve(con) as server:
        emulator.inject(Fault("timeout_before", operation="ListModels", times=None))
        with connect(server) as pg:
            caught: list[Exception] = []

            def run() -> None:
                try:
                    pg.execute("SELECT * FROM sagemaker.models")
                except psycopg.Error as error:
                    caught.append(error)

            thread = threading.Thread(target=run)
            thread.start()
            wait_until(lambda: emulator.calls)
            pg.cancel_safe()
            thread.join()
            assert isinstance(caught[0], psycopg.errors.QueryCanceled)
            calls = len(emulator.calls)
            assert pg.execute("SELECT 1").fetchall() == [(1,)]
            assert len(emulator.calls) == calls


def test_a_slow_statement_does_not_delay_another_client(base: sqlprov.Connection) -> None:
    with serve(base) as server, RawClient(server) as slow, connect(server) as quick:
        slow.start()
        slow.send(pack(b"Q", ENDLESS.encode() + b"\0"))
        wait_until_busy(server)
        waits = []
        for _ in range(50):
            began = time.perf_counter()
            assert quick.execute("SELECT 1").fetchall() == [(1,)]
            waits.append(time.perf_counter() - began)
        waits.sort()
        assert waits[len(waits) // 2] < 0.05, waits


def test_a_bug_in_one_statement_ends_no_connection(
    base: sqlprov.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(base) as server, connect(server) as pg, connect(server) as other:
        with monkeypatch.context() as patch:

            def fail(*_: object) -> None:
                raise RuntimeError("a bug")

            patch.setattr("sqlprov.frontends.serve.client.encode_rows", fail)
            with pytest.raises(psycopg.errors.InternalError_, match="RuntimeError: a bug"):
                pg.execute("SELECT 1")
        assert pg.execute("SELECT 1").fetchall() == [(1,)]
        assert other.execute("SELECT 1").fetchall() == [(1,)]


def test_rows_are_sent_in_bounded_memory(base: sqlprov.Connection) -> None:
    with serve(base) as server, RawClient(server) as raw:
        raw.start()
        raw.send(pack(b"Q", b"SELECT repeat('x', 1000) FROM range(1000000000)\0"))
        for _ in range(50_000):  # of a gigabyte of rows, the server holds what the socket does not take
            assert raw.read() is not None
        (client,) = server.list_clients()
        assert client.is_busy

"""Malformed frames, and many clients at once that come, cancel and leave."""

from __future__ import annotations

import gc
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from emulator_calls import wait_until
from postgres_server import RawClient, connect, pack, pack_startup, serve

import sqlprov
from sqlprov.frontends.serve.server import Server

MOST_GROWTH = 100.0
"""MB that the second part of a load may add to what the first has left."""
FRAMES = int(os.environ.get("FAULTS", "300"))
SECONDS = float(os.environ.get("LOAD_SECONDS", "3"))
CLIENTS = 64


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with sqlprov.connect(local=True) as base, serve(base, max_connections=2 * CLIENTS) as running:
        yield running


VALID = (
    pack(b"Q", b"SELECT 1; SELECT 'a'\0"),
    pack(b"P", b"s\0SELECT $1::int, range FROM range(3)\0\0\x01\0\0\0\x17"),
    pack(b"B", b"p\0s\0\0\x01\0\x01\0\x01\0\0\0\x04\0\0\0\x05\0\x01\0\x01"),
    pack(b"D", b"Ss\0"),
    pack(b"D", b"Pp\0"),
    pack(b"E", b"p\0\0\0\0\x02"),
    pack(b"C", b"Pp\0"),
    pack(b"H"),
    pack(b"S"),
    pack(b"F", b"\0\0\0\x01\0\0\0\0\0\0"),
    pack(b"d", b"data"),
    pack(b"c"),
    pack(b"f", b"reason\0"),
)


def distort(frame: bytes, chance: random.Random) -> bytes:
    """A frame with wrong bytes, a wrong length, a part of it, or something else in it."""
    changed = bytearray(frame)
    match chance.randrange(6):
        case 0:
            for _ in range(chance.randint(1, 4)):
                changed[chance.randrange(len(changed))] = chance.randrange(256)
        case 1:
            changed[1:5] = chance.choice((0, 3, 4, 5, 100, 2**24, 2**31 - 1, 2**32 - 1)).to_bytes(4, "big")
        case 2:
            del changed[chance.randrange(len(changed)) :]
        case 3:
            at = chance.randrange(5, len(changed) + 1)
            changed[at:at] = chance.randbytes(chance.randint(1, 40))
        case 4:
            changed[0] = chance.randrange(256)
        case 5:
            changed = bytearray(chance.randbytes(chance.randint(1, 60)))
    return bytes(changed)


def test_no_malformed_frame_ends_or_blocks_the_server(server: Server) -> None:
    chance = random.Random(FRAMES)
    with connect(server) as witness:
        sent = 0
        while sent < FRAMES:
            with RawClient(server) as raw, suppress(ConnectionError):
                if chance.random() < 0.15:  # before the client has logged in
                    raw.send(distort(pack_startup(user="ada", database="aws"), chance))
                    sent += 1
                    continue
                raw.start()
                for _ in range(5):
                    raw.send(*chance.choices(VALID, k=2), distort(chance.choice(VALID), chance))
                    sent += 1
            if sent % 50 < 6:
                assert witness.execute("SELECT 1").fetchall() == [(1,)]
        wait_until(lambda: len(server.list_clients()) == 1)  # nothing hangs
        assert witness.execute("SELECT count(*) FROM sagemaker.models").fetchall() == [(10,)]


SOCKETS = Path("/proc/self/net/tcp")
HELD = {"01", "08", "0A"}
"""The states of sockets that a process holds: connected, left by the other side, listening."""


def count_sockets(server: Server) -> int:
    """The sockets at the server's port."""
    rows = [line.split() for line in SOCKETS.read_text().splitlines()[1:]]
    port = f"{server.address[1]:04X}"
    return sum(row[1].endswith(f":{port}") and row[3] in HELD for row in rows)


@pytest.mark.skipif(not SOCKETS.exists(), reason="Linux lists the open sockets in /proc")
def test_many_clients_get_all_their_rows_and_leave_nothing_behind(server: Server) -> None:
    with connect(server) as pg:  # what the first client loads stays
        pg.execute("SELECT count(*) FROM sagemaker.models")
    wait_until(lambda: not server.list_clients())
    threads = threading.active_count()
    before = run_clients(server, SECONDS / 3)
    assert run_clients(server, SECONDS * 2 / 3) - before < MOST_GROWTH
    wait_until(lambda: threading.active_count() <= threads + 1)
    wait_until(lambda: count_sockets(server) == 1)  # it listens


def run_clients(server: Server, seconds: float) -> float:
    """Many clients at once, one after another; the memory of this process in MB once they have left."""
    errors: list[BaseException] = []
    done = [0] * CLIENTS
    end = time.monotonic() + seconds

    def work(number: int) -> None:
        chance = random.Random(number)
        try:
            while time.monotonic() < end or not done[number]:
                run_client(server, chance)
                done[number] += 1
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == []
    wait_until(lambda: not server.list_clients())
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def run_client(server: Server, chance: random.Random) -> None:
    """One connection of a client that reads, is cancelled, or leaves in the middle of its rows."""
    match chance.randrange(4):
        case 0:
            with connect(server) as pg:
                rows = pg.execute("SELECT range, 'r' || range FROM range(5000)").fetchall()
                assert rows == [(number, f"r{number}") for number in range(5000)]
        case 1:
            with connect(server) as pg:
                assert pg.execute("SELECT count(*) FROM sagemaker.models").fetchall() == [(10,)]
        case 2:
            with (
                connect(server, options="-c statement_timeout=50") as pg,
                pytest.raises(psycopg.errors.QueryCanceled),
            ):
                pg.execute("SELECT count(*) FROM range(1_000_000_000_000) AS a WHERE hash(a.range) = 1")
        case 3:
            with RawClient(server) as raw:
                raw.start()
                raw.send(pack(b"Q", b"SELECT repeat('x', 1000) FROM range(1000000)\0"))
                assert raw.read() is not None

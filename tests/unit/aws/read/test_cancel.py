"""A statement that is cancelled, closed or interrupted ends at once, and so do its calls.

Each call would take a minute, or the list has 200 pages: a statement that has ended was cancelled. The limits in
seconds only end a test that fails.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from emulator_calls import (
    DESCRIBE,
    EXPERIMENTS,
    LIST,
    count_operations,
    wait_for_threads,
    wait_until,
    wait_until_idle,
)
from tls_proxy import create_certificate, run_tls_proxy

import sqlprov
from sqlprov.aws.transport.cancellable_connections import (
    CallCancelled,
    CancellableCall,
    CancellableConnection,
)
from sqlprov.emulator import Call, Emulator, Fault, Options
from sqlprov.errors import Cancelled, InterfaceError

LONG = 60.0
"""Seconds of latency that no test waits for."""
PAGES = 200
LIMIT = 30.0

NO_MATCH = f"SELECT name FROM {EXPERIMENTS} WHERE lower(name) = 'nobody'"
EVERY = f"SELECT name FROM {EXPERIMENTS}"
WIDE = f"SELECT * FROM {EXPERIMENTS} WHERE lower(arn) = 'nobody'"
JOINED = f"SELECT a.name FROM {EXPERIMENTS} a JOIN {EXPERIMENTS} b ON lower(a.name) = lower(b.name) || 'x'"
ROWS = f"SELECT name, arn FROM {EXPERIMENTS}"


@pytest.fixture(scope="module")
def full() -> Iterator[Emulator]:
    with Emulator() as emulator:
        emulator.fill(100 * PAGES)
        yield emulator


@pytest.fixture
def slow(full: Emulator) -> Emulator:
    """A list of 200 pages, each after 50 ms."""
    full.clear_faults()
    full.options = Options(latency=0.05)
    full.reset_calls()
    return full


@pytest.fixture
def con(shared: sqlprov.Connection) -> sqlprov.Connection:
    """One connection for one cancelled statement after another."""
    shared.sql("RESET sqlprov_on_error")
    shared.sql("RESET sqlprov_max_attempts")
    return shared


def list_unanswered(em: Emulator) -> list[Call]:
    """The calls without a reply."""
    return [call for call in em.calls if not call.finished]


def assert_abandoned(calls: list[Call]) -> None:
    """The client closes the connections of all of them."""
    assert calls
    wait_until(lambda: all(call.abandoned for call in calls))


def assert_ended_early(em: Emulator) -> None:
    """No further call comes, and the list was not read to its end."""
    wait_for_threads()
    assert len(em.calls) < PAGES


def catch_error(
    em: Emulator, stop: Callable[[], object], work: Callable[[], object], calls: int = 1
) -> BaseException:
    """The error of `work`, run in another thread, once `stop` is called in this one with calls in flight."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    em.reset_calls()
    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: len(em.calls) >= calls)
    stop()
    thread.join(LIMIT)
    assert not thread.is_alive(), "the statement did not end"
    assert errors, "the statement was not stopped"
    return errors[0]


# From another thread


@pytest.mark.parametrize(
    ("query", "latency", "calls"),
    [
        pytest.param(NO_MATCH, 0.05, 5, id="no row matches"),
        pytest.param(NO_MATCH, LONG, 1, id="no row matches, slow"),
        pytest.param(EVERY, 0.05, 5, id="every row matches"),
        pytest.param(WIDE, 0.05, 5, id="rows with calls of their own"),
        pytest.param(WIDE, LONG, 1, id="rows with calls of their own, slow"),
        pytest.param(JOINED, 0.05, 5, id="two tables"),
    ],
)
def test_cancel_from_another_thread_ends_the_statement_and_its_calls(
    slow: Emulator, con: Any, query: str, latency: float, calls: int
) -> None:
    slow.options.latency = latency
    error = catch_error(slow, con.cancel, lambda: con.sql(query).fetchall(), calls)
    assert isinstance(error, Cancelled)
    assert_ended_early(slow)
    slow.options.latency = 0
    assert con.sql(f"SELECT count(*) FROM {EXPERIMENTS}").fetchall() == [(20_000,)]


def test_cancel_ends_a_back_off(slow: Emulator, con: Any) -> None:
    slow.inject(Fault("throttle", times=None))
    con.sql("SET sqlprov_max_attempts = 100")
    assert isinstance(catch_error(slow, con.cancel, lambda: con.sql(EVERY), 2), Cancelled)
    wait_for_threads()


def test_cancel_ends_the_wait_for_the_account(slow: Emulator, connect: Any) -> None:
    with sqlprov.connect(endpoint_url=slow.url, region="us-east-1") as fresh:
        slow.inject(Fault("timeout_before", operation="GetCallerIdentity"))
        query = f"SELECT account_id FROM {EXPERIMENTS} LIMIT 1"
        assert isinstance(catch_error(slow, fresh.cancel, lambda: fresh.sql(query)), Cancelled)
        assert fresh.sql("SELECT 1").fetchall() == [(1,)]
        # The next statement does not wait long for the call that hangs.
        assert fresh.sql(query).fetchall() == [(slow.account_id,)]


@pytest.mark.parametrize(
    ("query", "operation"),
    [pytest.param(EVERY, LIST, id="a list"), pytest.param(ROWS, DESCRIBE, id="calls of rows")],
)
def test_cancel_closes_the_connections_of_calls_that_hang(
    slow: Emulator, con: Any, query: str, operation: str
) -> None:
    slow.inject(Fault("timeout_before", operation=operation, times=None))
    hanging: list[Call] = []

    def cancel() -> None:
        wait_until(lambda: count_operations(slow).get(operation))
        hanging.extend(call for call in slow.calls if call.operation == operation)
        con.cancel()

    assert isinstance(catch_error(slow, cancel, lambda: con.sql(query).fetchall()), Cancelled)
    assert_abandoned(hanging)
    slow.clear_faults()
    after = con.sql(f"{EVERY} LIMIT 7")
    assert len(after.fetchall()) == 7
    assert [call.attempts for call in after.calls] == [1]


def test_closing_a_result_closes_the_connections_of_its_calls(slow: Emulator, con: Any) -> None:
    result = con.sql(ROWS)
    assert result.fetchone()
    slow.options.latency = LONG
    hanging: list[Call] = []

    def close() -> None:
        wait_until(lambda: list_unanswered(slow))
        hanging.extend(list_unanswered(slow))
        result.close()

    # Rows that were read ahead may all have arrived: somebody has to read on.
    assert isinstance(catch_error(slow, close, result.fetchall), Cancelled | InterfaceError)
    assert_abandoned(hanging)


def test_ctrl_c_closes_the_connection_of_a_call_that_hangs(slow: Emulator, aws: dict[str, str]) -> None:
    slow.inject(Fault("timeout_before", at=2, operation=LIST))
    # The next statement keeps the program alive; its end would close the connections.
    program = Program(slow, EVERY, aws, more="SELECT count(*) FROM range(300000000) t(i) WHERE hash(i) = 1")
    wait_until(lambda: list_unanswered(slow))
    hanging = list_unanswered(slow)
    assert program.interrupt() == "KeyboardInterrupt"
    assert_abandoned(hanging)
    assert program.process.poll() is None, "the program ended before the test"
    program.process.kill()
    program.end()


def test_a_call_under_tls_is_cancelled_too(
    slow: Emulator, aws: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = create_certificate(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(pem))
    with (
        run_tls_proxy(int(slow.url.rpartition(":")[2]), pem) as tls,
        sqlprov.connect(endpoint_url=tls, region="us-east-1") as con,
    ):
        assert con.sql(f"{EVERY} LIMIT 1").fetchall()
        slow.inject(Fault("timeout_before", operation=LIST))
        hanging: list[Call] = []

        def cancel() -> None:
            hanging.extend(list_unanswered(slow))
            con.cancel()

        assert isinstance(catch_error(slow, cancel, lambda: con.sql(EVERY).fetchall()), Cancelled)
        assert_abandoned(hanging)


def test_a_cancelled_call_leaves_a_connection_alone_that_another_call_uses() -> None:
    first, second = CancellableCall(), CancellableCall()
    one, other = socket.socketpair()
    connection = CancellableConnection()
    connection.sock = one
    with one, other:
        with first.activate():
            first.claim(connection)
            with second.activate():
                second.claim(connection)
                first.cancel()
                one.send(b"x")
                assert other.recv(1) == b"x"
                second.cancel()
                assert other.recv(1) == b""
        with pytest.raises(CallCancelled):
            first.claim(connection)


def test_cancel_under_warn_ends_the_statement_instead_of_noting_missing_rows(
    slow: Emulator, con: Any
) -> None:
    con.sql("SET sqlprov_on_error = 'warn'")
    assert isinstance(catch_error(slow, con.cancel, lambda: con.sql(WIDE).fetchall()), Cancelled)


def test_cancel_ends_the_statement_of_one_cursor_only(slow: Emulator, con: Any) -> None:
    with con.cursor() as other:
        rows = other.sql(EVERY)
        assert isinstance(catch_error(slow, con.cancel, lambda: con.sql(NO_MATCH).fetchall()), Cancelled)
        slow.options.latency = 0
        assert len(rows.fetchall()) == 20_000


def test_cancel_without_a_statement_does_nothing(slow: Emulator, con: Any) -> None:
    for _ in range(2):
        con.cancel()
        assert len(con.sql(f"{EVERY} LIMIT 7").fetchall()) == 7


def test_cancel_between_two_fetches_ends_the_statement(slow: Emulator, con: Any) -> None:
    result = con.sql(ROWS)
    assert result.fetchone()
    con.cancel()
    wait_for_threads()
    with pytest.raises(Cancelled):
        result.fetchall()


# By closing


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda con, result: result.close(), id="its result"),
        pytest.param(lambda con, result: con.sql("SELECT 1").fetchall(), id="by a new statement"),
        pytest.param(lambda con, result: con.close(), id="its connection"),
    ],
)
def test_closing_ends_a_statement_and_its_calls(slow: Emulator, end: Callable[[Any, Any], object]) -> None:
    with sqlprov.connect(endpoint_url=slow.url, region="us-east-1") as con:
        result = con.sql(ROWS)
        assert result.fetchone()
        slow.options.latency = LONG
        end(con, result)
        wait_for_threads()
        with pytest.raises(InterfaceError, match="closed"):
            result.fetchall()


def test_closing_the_connection_from_another_thread_ends_its_statement(slow: Emulator) -> None:
    with sqlprov.connect(endpoint_url=slow.url, region="us-east-1") as con:
        try:
            error = catch_error(slow, con.close, lambda: con.sql(NO_MATCH).fetchall())
        finally:
            con.cancel()
        assert isinstance(error, Cancelled | InterfaceError)
        assert_ended_early(slow)


def test_a_limit_that_is_reached_ends_the_calls_of_its_table(slow: Emulator, con: Any) -> None:
    query = f"""
        SELECT count(*) FROM {EXPERIMENTS} WHERE status = 'Starting'
        AND name <> (SELECT endpoint_name FROM {EXPERIMENTS} LIMIT 1)"""
    assert con.sql(query).fetchone()[0] > 0
    wait_until_idle(slow)
    assert count_operations(slow)[DESCRIBE] <= 2 * 16


# By Ctrl-C, in another process

PROGRAM = """
    import sqlprov
    con = sqlprov.connect(endpoint_url={url!r}, region="us-east-1")
    con.sql("SELECT name FROM {table} LIMIT 1").fetchall()
    print("ready", flush=True)
    try:
        con.sql({query!r}).fetchall()
        print("not interrupted", flush=True)
    except (KeyboardInterrupt, sqlprov.Cancelled) as error:
        print(type(error).__name__, flush=True)
    if {more!r}:
        print(con.sql({more!r}).fetchall(), flush=True)
"""


class Program:
    """A Python process that runs a statement."""

    def __init__(self, em: Emulator, query: str, environment: dict[str, str], more: str = "") -> None:
        text = textwrap.dedent(PROGRAM).format(url=em.url, table=EXPERIMENTS, query=query, more=more)
        self.process = subprocess.Popen(
            [sys.executable, "-c", text],
            env=environment,
            cwd=Path(sqlprov.__file__).parents[1],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.read_line() == "ready"
        em.reset_calls()
        wait_until(lambda: em.calls)

    def read_line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def interrupt(self) -> str:
        """Press Ctrl-C; return the name of the exception that was caught."""
        self.process.send_signal(2)
        return self.read_line()

    def end(self) -> tuple[int, str]:
        """The exit code and stderr."""
        _, stderr = self.process.communicate(timeout=LIMIT)
        return self.process.returncode, stderr


@pytest.mark.parametrize(
    ("query", "latency"),
    [
        pytest.param(NO_MATCH, 0.05, id="no row matches"),
        pytest.param(EVERY, LONG, id="every row matches, slow"),
        pytest.param(WIDE, 0.05, id="rows with calls of their own"),
    ],
)
def test_ctrl_c_ends_the_statement_its_calls_and_the_program(
    slow: Emulator, aws: dict[str, str], query: str, latency: float
) -> None:
    program = Program(slow, query, aws)
    slow.options.latency = latency
    assert program.interrupt() == "KeyboardInterrupt"
    assert program.end() == (0, "")
    assert len(slow.calls) < PAGES


def test_after_ctrl_c_the_connection_answers(slow: Emulator, aws: dict[str, str]) -> None:
    program = Program(slow, NO_MATCH, aws, more=f"SELECT count(*) FROM {EXPERIMENTS} WHERE name = 'nobody'")
    assert program.interrupt() == "KeyboardInterrupt"
    assert program.read_line() == "[(0,)]"
    assert program.end() == (0, "")


@pytest.mark.parametrize("operation", [LIST, "GetCallerIdentity"])
def test_a_call_that_hangs_does_not_keep_the_program_alive(
    slow: Emulator, aws: dict[str, str], operation: str
) -> None:
    slow.inject(Fault("timeout_before", at=2 if operation == LIST else 1, operation=operation, times=None))
    program = Program(slow, f"SELECT name, account_id FROM {EXPERIMENTS}", aws)
    assert program.interrupt() == "KeyboardInterrupt"
    assert program.end() == (0, "")

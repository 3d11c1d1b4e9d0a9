from __future__ import annotations

import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from emulator_calls import DESCRIBE, EXPERIMENTS, LIST, count_operations, wait_until, wait_until_idle
from tls_proxy import create_certificate, run_tls_proxy

import sqlprov
from sqlprov.aws.transport.cancellable_connections import (
    CallCancelled,
    CancellableCall,
    CancellableConnection,
)
from sqlprov.emulator import Call, Emulator, Fault, Options
from sqlprov.errors import Cancelled, InterfaceError

SLACK = 1.5
"""Half a second is required; the machine that runs the tests has other work."""
EXIT = 5.0
"""A program's end, of which the interpreter's is most; a call that hangs would take a minute."""

NO_MATCH = f"SELECT name FROM {EXPERIMENTS} WHERE lower(name) = 'nobody'"
EVERY = f"SELECT name FROM {EXPERIMENTS}"
WIDE = f"SELECT * FROM {EXPERIMENTS} WHERE lower(arn) = 'nobody'"
JOINED = f"SELECT a.name FROM {EXPERIMENTS} a JOIN {EXPERIMENTS} b ON lower(a.name) = lower(b.name) || 'x'"
ROWS = f"SELECT name, arn FROM {EXPERIMENTS}"


@pytest.fixture(scope="module")
def full() -> Iterator[Emulator]:
    with Emulator() as emulator:
        emulator.fill(20_000)
        yield emulator


@pytest.fixture(scope="module")
def kept(full: Emulator, aws: object) -> Iterator[sqlprov.Connection]:
    with sqlprov.connect(endpoint_url=full.url, region="us-east-1") as connection:
        yield connection


@pytest.fixture
def slow(full: Emulator) -> Emulator:
    """A list of 200 pages, each after 50 ms."""
    full.clear_faults()
    full.options = Options(latency=0.05)
    full.reset_calls()
    return full


@pytest.fixture
def tls(full: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of the emulator under TLS."""
    pem = create_certificate(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(pem))
    with run_tls_proxy(int(full.url.rpartition(":")[2]), pem) as url:
        yield url


@pytest.fixture
def con(kept: sqlprov.Connection) -> sqlprov.Connection:
    """One connection for one cancelled statement after another."""
    kept.sql("RESET sqlprov_on_error")
    kept.sql("RESET sqlprov_max_attempts")
    return kept


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Callable[[float], None]:
    """Prints how long it took, and holds it against the limit."""

    def check(seconds: float) -> None:
        print(f"{request.node.name}: {seconds:.2f} s")
        assert seconds < SLACK

    return check


def assert_silent(em: Emulator, seconds: float = 0.4) -> None:
    """No further call comes; those under way may end."""
    time.sleep(0.1)  # a thread may have been about to send
    seen = len(em.calls)
    time.sleep(seconds)
    assert len(em.calls) == seen


def waiting(em: Emulator) -> list[Call]:
    """The calls without a reply."""
    return [call for call in em.calls if not call.finished]


def assert_abandoned(calls: list[Call]) -> None:
    """The client has closed the connections of all of them, or does so within half a second."""
    assert calls
    wait_until(lambda: all(call.abandoned for call in calls), 0.5)


def ended(
    em: Emulator, report: Callable[[float], None], stop: Callable[[], object], work: Callable[[], object]
) -> BaseException:
    """What `work`, with calls under way, raises in another thread once `stop` is called in this one."""
    met: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            met.append(error)

    em.reset_calls()
    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: em.calls)
    time.sleep(0.2)
    assert thread.is_alive(), "the statement is too quick to be stopped"
    began = time.monotonic()
    stop()
    thread.join(10)
    seconds = time.monotonic() - began
    assert not thread.is_alive(), "the statement did not end"
    report(seconds)
    assert met, "the statement came to an end of its own"
    return met[0]


# From another thread


@pytest.mark.parametrize(
    ("query", "latency"),
    [
        pytest.param(NO_MATCH, 0.05, id="no row matches"),
        pytest.param(NO_MATCH, 5, id="no row matches, slow"),
        pytest.param(EVERY, 0.05, id="every row matches"),
        pytest.param(WIDE, 0.05, id="rows with calls of their own"),
        pytest.param(WIDE, 5, id="rows with calls of their own, slow"),
        pytest.param(JOINED, 0.05, id="two tables"),
    ],
)
def test_cancel_from_another_thread_ends_the_statement_and_its_calls(
    slow: Emulator, con: Any, report: Any, query: str, latency: float
) -> None:
    slow.options.latency = latency
    met = ended(slow, report, con.cancel, lambda: con.sql(query).fetchall())
    assert isinstance(met, Cancelled)
    assert_silent(slow, 1.0)
    slow.options.latency = 0
    assert con.sql(f"SELECT count(*) FROM {EXPERIMENTS}").fetchall() == [(20_000,)]


def test_cancel_ends_a_back_off(slow: Emulator, con: Any, report: Any) -> None:
    slow.inject(Fault("throttle", times=None))
    con.sql("SET sqlprov_max_attempts = 100")
    assert isinstance(ended(slow, report, con.cancel, lambda: con.sql(EVERY)), Cancelled)
    assert_silent(slow)


def test_cancel_ends_the_wait_for_the_account(slow: Emulator, connect: Any, report: Any) -> None:
    with sqlprov.connect(endpoint_url=slow.url, region="us-east-1") as fresh:
        slow.inject(Fault("timeout_before", operation="GetCallerIdentity"))
        query = f"SELECT account_id FROM {EXPERIMENTS} LIMIT 1"
        assert isinstance(ended(slow, report, fresh.cancel, lambda: fresh.sql(query)), Cancelled)
        assert fresh.sql("SELECT 1").fetchall() == [(1,)]
        # The call that hangs is still under way; the next statement does not wait for it for long.
        assert fresh.sql(query).fetchall() == [(slow.account_id,)]


def test_cancel_ends_a_call_that_hangs(slow: Emulator, con: Any, report: Any) -> None:
    slow.inject(Fault("timeout_before", times=None))
    assert isinstance(ended(slow, report, con.cancel, lambda: con.sql(EVERY)), Cancelled)
    slow.clear_faults()
    assert len(con.sql(f"{EVERY} LIMIT 7").fetchall()) == 7


@pytest.mark.parametrize(
    ("query", "operation"),
    [pytest.param(EVERY, LIST, id="a list"), pytest.param(ROWS, DESCRIBE, id="calls of rows")],
)
def test_cancel_breaks_off_the_calls_that_hang(
    slow: Emulator, con: Any, report: Any, query: str, operation: str
) -> None:
    slow.inject(Fault("timeout_before", operation=operation, times=None))
    hanging: list[Call] = []

    def cancel() -> None:
        hanging.extend(call for call in slow.calls if call.operation == operation)
        con.cancel()

    assert isinstance(ended(slow, report, cancel, lambda: con.sql(query).fetchall()), Cancelled)
    assert hanging
    assert_abandoned(hanging)
    slow.clear_faults()
    after = con.sql(f"{EVERY} LIMIT 7")
    assert len(after.fetchall()) == 7
    assert [call.attempts for call in after.calls] == [1]


def test_closing_a_result_breaks_off_the_calls_under_way(slow: Emulator, con: Any, report: Any) -> None:
    result = con.sql(ROWS)
    assert result.fetchone()
    slow.options.latency = 5
    hanging: list[Call] = []

    def close() -> None:
        hanging.extend(waiting(slow))
        result.close()

    # What was read ahead may be all there: someone has to read on.
    assert isinstance(ended(slow, report, close, result.fetchall), Cancelled | InterfaceError)
    assert_abandoned(hanging)


def test_ctrl_c_breaks_off_the_call_that_hangs(slow: Emulator, aws: dict[str, str], report: Any) -> None:
    slow.inject(Fault("timeout_before", at=2, operation=LIST))
    # What follows keeps the program alive, which would close its connections.
    program = Program(slow, EVERY, aws, more="SELECT count(*) FROM range(300000000) t(i) WHERE hash(i) = 1")
    hanging = waiting(slow)
    assert hanging
    caught, seconds = program.interrupt()
    assert caught == "KeyboardInterrupt"
    report(seconds)
    assert_abandoned(hanging)
    assert program.process.poll() is None, "the program was not alive to the end of the test"
    program.process.kill()
    program.end()


def test_a_call_under_tls_is_broken_off_too(
    slow: Emulator, aws: dict[str, str], report: Any, tls: str
) -> None:
    with sqlprov.connect(endpoint_url=tls, region="us-east-1") as con:
        assert con.sql(f"{EVERY} LIMIT 1").fetchall()
        slow.inject(Fault("timeout_before", operation=LIST))
        hanging: list[Call] = []

        def cancel() -> None:
            hanging.extend(waiting(slow))
            con.cancel()

        assert isinstance(ended(slow, report, cancel, lambda: con.sql(EVERY).fetchall()), Cancelled)
        assert_abandoned(hanging)


def test_a_cancelled_call_does_not_touch_the_connection_that_another_has_taken_over() -> None:
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


def test_cancel_under_warn_is_no_missing_row_but_an_end(slow: Emulator, con: Any, report: Any) -> None:
    con.sql("SET sqlprov_on_error = 'warn'")
    assert isinstance(ended(slow, report, con.cancel, lambda: con.sql(WIDE).fetchall()), Cancelled)


def test_cancel_ends_the_statement_of_one_cursor_only(slow: Emulator, con: Any, report: Any) -> None:
    with con.cursor() as other:
        rows = other.sql(EVERY)
        assert isinstance(ended(slow, report, con.cancel, lambda: con.sql(NO_MATCH).fetchall()), Cancelled)
        slow.options.latency = 0
        assert len(rows.fetchall()) == 20_000


def test_cancel_with_nothing_under_way_is_harmless(slow: Emulator, con: Any) -> None:
    for _ in range(2):
        con.cancel()
        assert len(con.sql(f"{EVERY} LIMIT 7").fetchall()) == 7


def test_cancel_between_two_reads_ends_the_reading(slow: Emulator, con: Any) -> None:
    result = con.sql(ROWS)
    assert result.fetchone()
    con.cancel()
    assert_silent(slow)
    with pytest.raises(Cancelled):
        result.fetchall()


# By closing


def test_closing_a_result_half_read_ends_its_calls(slow: Emulator, con: Any, report: Any) -> None:
    result = con.sql(ROWS)
    assert result.fetchone()
    began = time.monotonic()
    result.close()
    report(time.monotonic() - began)
    assert_silent(slow)
    with pytest.raises(InterfaceError, match="closed"):
        result.fetchall()


def test_closing_a_result_from_another_thread_ends_its_reading(slow: Emulator, con: Any, report: Any) -> None:
    slow.options.latency = 0.3
    result = con.sql(EVERY)
    met = ended(slow, report, result.close, result.fetchall)
    assert isinstance(met, Cancelled | InterfaceError)
    assert_silent(slow)


def test_a_new_statement_ends_the_one_before(slow: Emulator, con: Any, report: Any) -> None:
    before = con.sql(ROWS)
    assert before.fetchone()
    slow.options.latency = 5
    began = time.monotonic()
    assert con.sql("SELECT 1").fetchall() == [(1,)]
    report(time.monotonic() - began)
    assert_silent(slow)
    with pytest.raises(InterfaceError, match="closed"):
        before.fetchall()


def test_closing_the_connection_ends_its_statement(slow: Emulator, report: Any) -> None:
    con = sqlprov.connect(endpoint_url=slow.url, region="us-east-1")
    assert con.sql(ROWS).fetchone()
    slow.options.latency = 5
    began = time.monotonic()
    con.close()
    report(time.monotonic() - began)
    assert_silent(slow)


def test_closing_the_connection_from_another_thread_ends_its_statement(slow: Emulator, report: Any) -> None:
    with sqlprov.connect(endpoint_url=slow.url, region="us-east-1") as con:
        try:
            met = ended(slow, report, con.close, lambda: con.sql(NO_MATCH).fetchall())
        finally:
            con.cancel()
        assert isinstance(met, Cancelled | InterfaceError)
        assert_silent(slow)


def test_a_limit_that_is_reached_ends_the_calls_of_its_own_table(slow: Emulator, con: Any) -> None:
    query = f"""
        SELECT count(*) FROM {EXPERIMENTS} WHERE status = 'Starting'
        AND name <> (SELECT endpoint_name FROM {EXPERIMENTS} LIMIT 1)"""
    assert con.sql(query).fetchone()[0] > 0
    wait_until_idle(slow)
    assert count_operations(slow)[DESCRIBE] <= 2 * 16


# By Ctrl-C, in a process of its own

PROGRAM = """
    import sqlprov
    con = sqlprov.connect(endpoint_url={url!r}, region="us-east-1")
    con.sql("SELECT name FROM {table} LIMIT 1").fetchall()
    print("ready", flush=True)
    try:
        con.sql({query!r}).fetchall()
        print("it ended by itself", flush=True)
    except (KeyboardInterrupt, sqlprov.Cancelled) as error:
        print(type(error).__name__, flush=True)
    if {more!r}:
        print(con.sql({more!r}).fetchall(), flush=True)
"""


class Program:
    """A Python process with a statement under way."""

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
        assert self.line() == "ready"
        em.reset_calls()
        wait_until(lambda: em.calls)
        time.sleep(0.2)

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def interrupt(self) -> tuple[str, float]:
        """Press Ctrl-C; what was caught, and the seconds until then."""
        began = time.monotonic()
        self.process.send_signal(2)
        return self.line(), time.monotonic() - began

    def end(self) -> tuple[int, str, float]:
        """Exit code, what was written to stderr, and the seconds until the exit."""
        began = time.monotonic()
        _, said = self.process.communicate(timeout=20)
        return self.process.returncode, said, time.monotonic() - began


@pytest.mark.parametrize(
    ("query", "latency"),
    [
        pytest.param(NO_MATCH, 0.05, id="no row matches"),
        pytest.param(EVERY, 1, id="every row matches, slow"),
        pytest.param(WIDE, 0.05, id="rows with calls of their own"),
    ],
)
def test_ctrl_c_ends_the_statement_its_calls_and_the_program(
    slow: Emulator, aws: dict[str, str], report: Any, query: str, latency: float
) -> None:
    slow.options.latency = latency
    program = Program(slow, query, aws)
    caught, seconds = program.interrupt()
    assert caught == "KeyboardInterrupt"
    report(seconds)
    code, said, seconds = program.end()
    assert (code, said) == (0, "")
    assert seconds < EXIT
    assert_silent(slow)


def test_after_ctrl_c_the_connection_answers(slow: Emulator, aws: dict[str, str], report: Any) -> None:
    program = Program(slow, NO_MATCH, aws, more=f"SELECT count(*) FROM {EXPERIMENTS} WHERE name = 'nobody'")
    caught, seconds = program.interrupt()
    assert caught == "KeyboardInterrupt"
    report(seconds)
    assert program.line() == "[(0,)]"
    assert program.end()[:2] == (0, "")


@pytest.mark.parametrize("operation", [LIST, "GetCallerIdentity"])
def test_a_call_that_hangs_does_not_keep_the_program_from_its_end(
    slow: Emulator, aws: dict[str, str], report: Any, operation: str
) -> None:
    slow.inject(Fault("timeout_before", at=2 if operation == LIST else 1, operation=operation, times=None))
    program = Program(slow, f"SELECT name, account_id FROM {EXPERIMENTS}", aws)
    caught, seconds = program.interrupt()
    assert caught == "KeyboardInterrupt"
    report(seconds)
    code, said, seconds = program.end()
    assert (code, said) == (0, "")
    print(f"exit: {seconds:.2f} s")
    assert seconds < EXIT

"""Reads and writes through a proxy that loses, cuts and changes replies, in front of the emulator and of moto; many
interrupts; and many statements at once. `make test` runs a few, `make faults` 10,000 of each."""

from __future__ import annotations

import gc
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from command_line import CommandLine, environment
from emulator_calls import wait_until
from fault_proxy import FaultProxy, run_fault_proxy
from local_sagemaker import REGION, ROLE, connection, plain_client
from moto_server import start_moto

from sqlprov.api.connection import Connection
from sqlprov.aws.transport.clients import MOST_CONNECTIONS
from sqlprov.aws.write.outcome import OutcomeStatus
from sqlprov.emulator import Emulator, Options
from sqlprov.errors import Cancelled, OperationalError, WriteError

FAULTS = int(os.environ.get("FAULTS", "16"))
"""Statements that must meet a fault, for each server and each kind of statement."""
WORKERS, LONGEST = 8, 60.0
"""Statements at once, and seconds that one may take."""
T = "aws.sagemaker.models"
HERE = f"region = '{REGION}'"
NAMES = [f"{prefix}-{number}" for prefix in ("ant", "bee") for number in range(8)]
QUERIES = (
    f"SELECT model_name FROM {T} WHERE {HERE}",
    f"SELECT count(*), max(model_name) FROM {T} WHERE {HERE}",
    f"SELECT model_name, execution_role_arn, tags FROM {T} WHERE {HERE} AND model_name LIKE 'bee%'",
    f"SELECT model_name, execution_role_arn FROM {T} WHERE {HERE} AND model_name IN ('ant-1', 'bee-2', 'none')",
    f"SELECT a.model_name, b.execution_role_arn FROM {T} a JOIN {T} b USING (model_name, region) WHERE {HERE}",
)
COUNTS = QUERIES[1:2]
"""Queries whose rows say nothing if some are missing."""


@pytest.fixture(scope="module", params=["emulator", "moto"])
def upstream(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server with the models of NAMES."""
    with ExitStack() as stack:
        if request.param == "moto":
            url = stack.enter_context(start_moto())
        else:
            url = stack.enter_context(Emulator(Options(largest_page=5))).url
        client = plain_client(url)
        for name in NAMES:
            tags = [{"Key": "name", "Value": name}]
            client.create_model(
                ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "i:1"}, Tags=tags
            )
        yield url


class Worker:
    """A connection through a proxy of its own, and a client that bypasses the proxy."""

    def __init__(self, stack: ExitStack, upstream: str, number: int) -> None:
        self.random = random.Random(number)
        self.proxy: FaultProxy = stack.enter_context(run_fault_proxy(upstream, number))
        settings = {"timeout": 2, "settle": 0.05, "await_timeout": 30, "concurrency": 4}
        self.con: Connection = stack.enter_context(connection(self.proxy.url, **settings))
        self.client: Any = plain_client(upstream)
        self.number, self.made = number, 0

    def run(self, sql: str, share: float) -> tuple[list[Any] | None, bool, bool]:
        """(rows, whether they are complete, whether a fault was met); no rows after an error."""
        for name, value in {
            "max_attempts": self.random.randint(1, 3),
            "on_error": self.random.choice(("fail", "warn")),
        }.items():
            self.con.sql(f"SET sqlprov_{name} = '{value}'")
        self.proxy.hits.clear()
        self.proxy.share = share
        began, rows, complete = time.monotonic(), None, False
        try:
            result = self.con.sql(sql)
            rows, complete = sorted(map(str, result.fetchall())), result.complete
        except (OperationalError, WriteError):
            pass
        self.proxy.share = 0.0
        assert time.monotonic() - began < LONGEST, (sql, self.proxy.hits)
        return rows, complete, bool(self.proxy.hits)

    def find(self, name: str) -> dict[str, str] | None:
        """The tags of a model, as the server itself has them; `None` if there is no such model."""
        try:
            arn = self.client.describe_model(ModelName=name)["ModelArn"]
        except ClientError:
            return None
        return {tag["Key"]: tag["Value"] for tag in self.client.list_tags(ResourceArn=arn)["Tags"]}

    def add(self, **tags: str) -> str:
        """A new model; its name."""
        self.made += 1
        name, pairs = (
            f"w{self.number}-{self.made}",
            [{"Key": key, "Value": value} for key, value in tags.items()],
        )
        self.client.create_model(
            ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "i:1"}, Tags=pairs
        )
        return name


def repeat(upstream: str, check: Callable[[Worker], bool]) -> int:
    """Run `check` in several workers until enough of its statements met a fault; how many of them ended well."""
    met = good = 0
    lock = threading.Lock()

    def work(worker: Worker) -> None:
        nonlocal met, good
        while met < FAULTS:
            is_good = check(worker)
            with lock:
                met += bool(worker.proxy.hits)
                good += bool(worker.proxy.hits) and is_good

    with ExitStack() as stack, ThreadPoolExecutor(WORKERS) as threads:
        workers = [Worker(stack, upstream, number) for number in range(WORKERS)]
        list(threads.map(work, workers))
    return good


def test_no_faulty_read_is_silently_short(upstream: str) -> None:
    with connection(upstream) as con:
        right = {query: sorted(map(str, con.sql(query).fetchall())) for query in QUERIES}

    def check(worker: Worker) -> bool:
        query = worker.random.choice(QUERIES)
        rows, complete, _ = worker.run(query, share=0.1)
        if rows is not None and complete:
            assert rows == right[query], (query, worker.proxy.hits)
        elif rows is not None and query not in COUNTS:
            assert set(rows) <= set(right[query]), (query, worker.proxy.hits)
            assert worker.con.sql("SELECT count(*) FROM sqlprov.errors").fetchall() != [(0,)]
        return rows is not None and complete

    assert repeat(upstream, check) > FAULTS / 4


def test_no_outcome_of_a_faulty_write_is_a_lie(upstream: str) -> None:
    def check(worker: Worker) -> bool:
        kind = worker.random.choice(("INSERT", "DELETE", "UPDATE"))
        tags = {"old": "1"}
        if kind == "INSERT":
            worker.made += 1
            name = f"w{worker.number}-{worker.made}"
            sql = (
                f"INSERT INTO {T} (ModelName, ExecutionRoleArn, PrimaryContainer, Tags, region) "
                f"VALUES ('{name}', '{ROLE}', {{Image: 'i:1'}}, MAP {{'old': '1'}}, '{REGION}')"
            )
            before, after = None, tags
        else:
            name, where = worker.add(**tags), ""
            where = f"WHERE model_name = '{name}' AND {HERE}"
            before, after = tags, None if kind == "DELETE" else {"new": "2"}
            sql = (
                f"DELETE FROM {T} {where}"
                if kind == "DELETE"
                else f"UPDATE {T} SET tags = MAP {{'new': '2'}} {where}"
            )
        rows, _, _ = worker.run(sql, share=0.25)
        now = worker.find(name)
        outcomes = worker.con.outcomes
        detail = f"{sql}: {outcomes}, {now}, {worker.proxy.hits}"
        if not outcomes:  # refused before its first call
            assert now == before and rows is None, detail
            return False
        (outcome,) = outcomes
        if outcome.status is OutcomeStatus.OK:
            assert now == after, detail
        elif outcome.status is OutcomeStatus.FAILED:
            assert now == before and not outcome.operations, detail
        elif outcome.status is OutcomeStatus.PARTIAL:
            assert now != before and outcome.operations, detail
        assert (rows is None) == (outcome.status is not OutcomeStatus.OK), detail
        return outcome.status is OutcomeStatus.OK

    assert repeat(upstream, check) > FAULTS / 4


@pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals need the main thread"
)
def test_ctrl_c_at_any_moment_leaves_a_connection_that_reads_and_tells_the_truth(em: Emulator) -> None:
    em.fill(60)
    em.options.latency = 0.002
    chance = random.Random(1)
    read = f"SELECT name, endpoint_name FROM aws.sagemaker.inference_experiments WHERE {HERE}"
    with connection(em.url, concurrency=4) as con:
        right = sorted(con.sql(read).fetchall())
        for number in range(max(FAULTS // 20, 4)):
            name = f"cut-{number}"
            insert = (
                f"INSERT INTO {T} (ModelName, ExecutionRoleArn, PrimaryContainer, region) VALUES "
                + ", ".join(f"('{name}-{row}', '{ROLE}', {{Image: 'i:1'}}, '{REGION}')" for row in range(4))
            )
            sql = chance.choice((read, insert))
            main = threading.main_thread().ident
            assert main is not None
            timer = threading.Timer(chance.uniform(0, 0.15), signal.pthread_kill, (main, signal.SIGINT))
            try:
                timer.start()
                with suppress(Cancelled, WriteError):
                    con.sql(sql).fetchall()
                timer.join()
                time.sleep(0.01)  # for the signal to be handled here
            except KeyboardInterrupt:
                timer.join()
            if sql is insert:
                for outcome in con.outcomes:
                    is_there = em.get("Model", REGION, outcome.key) is not None
                    ends = {OutcomeStatus.OK: True, OutcomeStatus.FAILED: False}
                    assert ends.get(outcome.status, is_there) == is_there, outcome
            assert sorted(con.sql(read).fetchall()) == right


def test_kill_9_during_local_writes_leaves_a_state_that_can_be_read(tmp_path: Path) -> None:
    shell = CommandLine(environment(tmp_path / "state"))
    chance = random.Random(2)
    for number in range(max(FAULTS // 200, 1)):
        rows = ", ".join(f"('k{number}-{row}', '{ROLE}', {{Image: 'i:1'}}, '{REGION}')" for row in range(80))
        sql = f"INSERT INTO {T} (ModelName, ExecutionRoleArn, PrimaryContainer, region) VALUES {rows}"
        process = shell.start("exec", "--local", sql)
        with suppress(Exception):
            process.wait(timeout=chance.uniform(0.5, 1.5))
        process.kill()
        _, err = process.communicate(timeout=600)
        read = shell.run(
            "exec", "--local", "-o", "csv", f"SELECT model_name, primary_container FROM {T} WHERE {HERE}"
        )
        assert read.code == 0, read.err
        kept = {line.partition(",")[0] for line in read.out.splitlines() if line.startswith(f"k{number}-")}
        assert {line.split()[1] for line in err.splitlines() if line.startswith("ok ")} <= kept
        assert all("i:1" in line for line in read.out.splitlines() if line.startswith("k"))


def count_resources() -> tuple[int, int, float]:
    """Threads, descriptors, and resident memory in MB of this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir())), pages * 4096 / 2**20


def test_many_statements_in_many_threads_grow_nothing(em: Emulator) -> None:
    em.fill(5)
    sql = f"SELECT name, endpoint_name FROM aws.sagemaker.inference_experiments WHERE {HERE}"
    count = 64 if FAULTS >= 1000 else 16
    at_first = count_resources()[1]
    with connection(em.url) as con:
        right = sorted(con.sql(sql).fetchall())

        def work(statements: int) -> None:
            with con.cursor() as cursor:
                for _ in range(statements):
                    assert sorted(cursor.sql(sql).fetchall()) == right

        em.record_calls = False

        def run_all(statements: int) -> tuple[int, int, float]:
            with ThreadPoolExecutor(count) as threads:
                list(threads.map(work, [statements] * count))
            return count_resources()

        run_all(4)
        before = run_all(4)
        after = run_all(max(FAULTS * 2 // 10 // count, 6))
        assert after[0] <= before[0] + 2, (before, after)
        assert after[1] - at_first <= 2 * MOST_CONNECTIONS + 20, "both ends of each connection are here"
        assert after[2] - before[2] < 60, (before, after)
    wait_until(lambda: count_resources()[1] <= at_first + 2)

"""A Job in, as JSON on the command line; what it cost out, as JSON on stdout. Each runs in a process of its own."""

from __future__ import annotations

import json
import logging
import resource
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

Found = dict[str, Any]


def contender(name: str, settings: dict[str, str]) -> Any:
    """Imported here, so that a process loads what its contender needs and no more."""
    if name == "b":
        from benchmarks.raw import Raw

        return Raw()
    if name == "us":
        from benchmarks.ours import Ours

        return Ours(settings)
    from benchmarks.boto import Boto

    return Boto(utc=name == "a'")


def cost(work: Callable[[], Any]) -> Found:
    """Seconds that passed, and seconds of this process's CPU; beside the rows, or what `work` says itself."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    began = time.perf_counter()
    answer = work()
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if isinstance(answer, dict):
        return {"wall": wall, "cpu": cpu, **answer}
    return {"wall": wall, "cpu": cpu, "rows": answer if isinstance(answer, int) else answer.num_rows}


def list_rows(job: Found) -> Found:
    """Warm: clients and connections are there."""
    who = contender(job["contender"], job["settings"])
    who.warm(job["regions"])
    return cost(lambda: who.list_rows(job["regions"]))


def describe_rows(job: Found) -> Found:
    who = contender(job["contender"], job["settings"])
    who.warm(job["regions"])
    return cost(lambda: who.describe_rows(job["regions"]))


def statements(job: Found) -> Found:
    """Each statement `rounds` times, in turns; the median of each cost, and the most calls."""
    who = contender("us", job["settings"])
    who.warm(job["regions"])
    runs: dict[str, list[Found]] = {name: [] for name in job["statements"]}
    for number in range(job["rounds"]):
        order = list(job["statements"].items())
        for name, sql in order if number % 2 == 0 else reversed(order):
            runs[name].append(cost(partial(who.run, sql, job["regions"])))
    return {
        name: {
            "wall": statistics.median(run["wall"] for run in found),
            "cpu": statistics.median(run["cpu"] for run in found),
            "rows": found[0]["rows"],
            "calls": max((run["calls"] for run in found), key=lambda calls: sum(calls.values())),
            "attempts": max(run["attempts"] for run in found),
        }
        for name, found in runs.items()
    }


def planning(job: Found) -> Found:
    """Milliseconds from `sql()` to the beginning of the first call, as the log line of the call tells it."""
    who = contender("us", job["settings"])
    who.warm(job["regions"])
    began: list[float] = []

    class SendTimes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            assert isinstance(record.args, tuple)
            began.append(record.created - float(str(record.args[5])) / 1000)

    log = logging.getLogger("sqlprov")
    log.setLevel(logging.INFO)
    log.addHandler(SendTimes())
    took = []
    for sql in job["sql"]:
        began.clear()
        asked = time.time()
        who.connection.sql(sql).fetchall()
        took.append((min(began) - asked) * 1000)
    return {"milliseconds": statistics.median(took[len(took) // 5 :])}


def csv(job: Found) -> Found:
    """Peak memory of `sqlprov exec -o csv`."""
    from sqlprov.frontends.cli import cli

    sql = job["sql"]
    cli(["exec", "-o", "csv", "--out", job["out"], sql], standalone_mode=False)
    with Path(job["out"]).open("rb") as file:
        rows = sum(1 for _ in file) - 1
    return {"rows": rows, "peak": peak(), "modules": sorted(sys.modules)}


def arrow(job: Found) -> Found:
    """Peak memory of `arrow()`, with the table held."""
    import sqlprov

    table = sqlprov.connect().sql(job["sql"]).arrow()
    return {
        "rows": table.num_rows,
        "size": table.nbytes,
        "buffers": table.get_total_buffer_size(),
        "peak": peak(),
        "modules": sorted(sys.modules),
    }


def idle(job: Found) -> Found:
    """Peak memory of a process with the same imports and a connection that has run SELECT 1, then `sql` if given."""
    import importlib

    for name in job["modules"]:
        if name.startswith(
            ("sqlprov", "boto", "pyarrow", "duckdb", "sqlglot", "substrait", "orjson", "yaml")
        ):
            importlib.import_module(name)
    import sqlprov

    connection = sqlprov.connect()
    connection.sql("SELECT 1").fetchall()
    if job["sql"]:  # brings the service's model and a client
        connection.sql(job["sql"]).fetchall()
    return {"peak": peak()}


def catalogue(job: Found) -> Found:
    """CPU milliseconds, and megabytes by which the process grows, of each statement and of other uses of all names."""
    began = time.process_time()
    import sqlprov

    connection = sqlprov.connect()
    found = {"import and connect": {"ms": (time.process_time() - began) * 1000, "mb": 0.0}}
    connection.sql("SHOW PROVIDERS").fetchall()  # imports what any result needs

    def measure(name: str, work: Callable[[], Any]) -> None:
        before, began = held(), time.process_time()
        work()
        found[name] = {"ms": (time.process_time() - began) * 1000, "mb": (held() - before) / 1e6}

    def read(sql: str) -> None:
        connection.sql(sql).fetchall()

    for sql in job["statements"]:
        measure(sql, partial(read, sql))
    import duckdb

    from sqlprov.frontends.completion.completer import SqlCompleter

    completer = SqlCompleter(connection.catalog, connection.vocabulary())
    completer.complete("FROM x", 6)
    text = job["completed"]
    measure("completion", lambda: [completer.complete(text[:at], at) for at in range(len(text) + 1)])
    found["completion"]["ms"] /= len(text) + 1
    measure("attach", lambda: sqlprov.attach(duckdb.connect(), job["attached"], regions="us-east-1"))
    return {"found": found, "tables": connection.sql("SELECT count(*) FROM sqlprov.tables").fetchall()[0][0]}


def held() -> int:
    """Bytes of memory that this process holds; at most so far, if the system does not say."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * resource.getpagesize() if status.exists() else peak()


def peak() -> int:
    """Bytes of memory that this process held at most."""
    status = Path("/proc/self/status")
    if status.exists():  # `ru_maxrss` of a child begins with its parent's
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


WORKS = {
    work.__name__: work
    for work in (list_rows, describe_rows, statements, planning, csv, arrow, idle, catalogue)
}

if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    print(json.dumps(WORKS[asked["work"]](asked)))

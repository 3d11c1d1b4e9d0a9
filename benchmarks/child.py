"""Runs one job, given as JSON on the command line, and prints its cost as JSON."""

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

KEYSTROKE = 0.1
"""Seconds from one keystroke to the next."""
Job = dict[str, Any]
Costs = dict[str, Any]


def load_contender(name: str, settings: dict[str, str]) -> Any:
    """The contender called `name`; imported here, because a process should load nothing else."""
    if name == "b":
        from benchmarks.raw import Raw

        return Raw()
    if name == "us":
        from benchmarks.ours import Ours

        return Ours(settings)
    from benchmarks.boto import Boto

    return Boto(utc=name == "a'")


def measure_cost(work: Callable[[], Any]) -> Costs:
    """Seconds that passed, seconds of this process's CPU, and the rows, or what `work` itself reports."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    began = time.perf_counter()
    result = work()
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if isinstance(result, dict):
        return {"wall": wall, "cpu": cpu, **result}
    return {"wall": wall, "cpu": cpu, "rows": result if isinstance(result, int) else result.num_rows}


def list_rows(job: Job) -> Costs:
    """Warm: clients and connections are there."""
    who = load_contender(job["contender"], job["settings"])
    who.warm(job["regions"])
    return measure_cost(lambda: who.list_rows(job["regions"]))


def describe_rows(job: Job) -> Costs:
    who = load_contender(job["contender"], job["settings"])
    who.warm(job["regions"])
    return measure_cost(lambda: who.describe_rows(job["regions"]))


def read_service(job: Job) -> Costs:
    """All rows of a service that answers in XML, warm."""
    from benchmarks.services import BotoServices, OurServices

    who = OurServices(job["settings"]) if job["contender"] == "us" else BotoServices()
    who.warm(job["what"])
    return measure_cost(lambda: who.read(job["what"]))


def read_organization(job: Job) -> Costs:
    """All models of all accounts, cold: roles are assumed and clients are made."""
    from benchmarks.organization import BotoOrganization, OurOrganization

    who = OurOrganization(job["settings"]) if job["contender"] == "us" else BotoOrganization()
    return {**measure_cost(lambda: who.read(job["regions"])), "peak": read_peak_memory()}


def run_statements(job: Job) -> Costs:
    """Each statement `rounds` times, in turns; the median of each cost, and the most calls."""
    who = load_contender("us", job["settings"])
    who.warm(job["regions"])
    runs: dict[str, list[Costs]] = {name: [] for name in job["statements"]}
    for number in range(job["rounds"]):
        order = list(job["statements"].items())
        for name, sql in order if number % 2 == 0 else reversed(order):
            runs[name].append(measure_cost(partial(who.run, sql, job["regions"])))
    return {
        name: {
            "wall": statistics.median(run["wall"] for run in costs),
            "cpu": statistics.median(run["cpu"] for run in costs),
            "rows": costs[0]["rows"],
            "calls": max((run["calls"] for run in costs), key=lambda calls: sum(calls.values())),
            "attempts": max(run["attempts"] for run in costs),
        }
        for name, costs in runs.items()
    }


def time_planning(job: Job) -> Costs:
    """Milliseconds from `sql()` to the beginning of the first call, as the log line of the call reports it."""
    who = load_contender("us", job["settings"])
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
        start = time.time()
        who.connection.sql(sql).fetchall()
        took.append((min(began) - start) * 1000)
    return {"milliseconds": statistics.median(took[len(took) // 5 :])}


def measure_csv(job: Job) -> Costs:
    """Peak memory of `sqlprov exec -o csv`."""
    from sqlprov.frontends.cli import cli

    sql = job["sql"]
    cli(["exec", "-o", "csv", "--out", job["out"], sql], standalone_mode=False)
    with Path(job["out"]).open("rb") as file:
        rows = sum(1 for _ in file) - 1
    return {"rows": rows, "peak": read_peak_memory(), "modules": sorted(sys.modules)}


def measure_arrow(job: Job) -> Costs:
    """Peak memory of `arrow()`, with the table held."""
    import sqlprov

    table = sqlprov.connect().sql(job["sql"]).arrow()
    return {
        "rows": table.num_rows,
        "size": table.nbytes,
        "buffers": table.get_total_buffer_size(),
        "peak": read_peak_memory(),
        "modules": sorted(sys.modules),
    }


def measure_idle(job: Job) -> Costs:
    """Peak memory of a process with the same imports and a connection that has run SELECT 1, then `sql` if given."""
    import importlib

    for name in job["modules"]:
        if name.startswith(("sqlprov", "boto", "pyarrow", "duckdb", "sqlglot", "orjson", "yaml")):
            importlib.import_module(name)
    import sqlprov

    connection = sqlprov.connect()
    connection.sql("SELECT 1").fetchall()
    if job["sql"]:  # brings the service's model and a client
        connection.sql(job["sql"]).fetchall()
    return {"peak": read_peak_memory()}


def measure_catalog(job: Job) -> Costs:
    """CPU milliseconds of the first use of all names in a process, and megabytes by which the process grows."""
    prepare = {"connect": prepare_connecting, "sql": prepare_statement, "attach": prepare_attaching}
    work = prepare[job["use"]](job)
    before, began = read_memory(), time.process_time()
    work()
    return {"ms": (time.process_time() - began) * 1000, "mb": (read_memory() - before) / 1e6}


def prepare_connecting(job: Job) -> Callable[[], Any]:
    def connect() -> None:
        import sqlprov

        sqlprov.connect()

    return connect


def prepare_statement(job: Job) -> Callable[[], Any]:
    import sqlprov

    connection = sqlprov.connect()
    return lambda: connection.sql(job["sql"]).fetchall()


def prepare_attaching(job: Job) -> Callable[[], Any]:
    import duckdb

    import sqlprov

    duck = duckdb.connect()
    return lambda: sqlprov.attach(duck, job["services"], regions="us-east-1")


def time_keystrokes(job: Job) -> Costs:
    """Milliseconds until the words for a keystroke are there, the mean and the most, for a quick typist."""
    import sqlprov
    from sqlprov.frontends.completion.completer import SqlCompleter

    connection = sqlprov.connect()
    completer, text, took = SqlCompleter(connection.catalog, connection.vocabulary()), job["text"], []
    for at in range(1, len(text) + 1):
        began = time.perf_counter()
        completer.complete(text[:at], at)
        took.append((time.perf_counter() - began) * 1000)
        time.sleep(max(0, KEYSTROKE - took[-1] / 1000))
    return {"mean": statistics.mean(took), "most": max(took)}


def read_memory() -> int:
    """Bytes of memory that this process holds; its peak, if the system does not say."""
    status = Path("/proc/self/statm")
    return (
        int(status.read_text().split()[1]) * resource.getpagesize() if status.exists() else read_peak_memory()
    )


def read_peak_memory() -> int:
    """The most bytes of memory that this process has held."""
    status = Path("/proc/self/status")
    if status.exists():  # `ru_maxrss` of a child begins with its parent's
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


WORKS = {
    "list_rows": list_rows,
    "describe_rows": describe_rows,
    "read_service": read_service,
    "read_organization": read_organization,
    "statements": run_statements,
    "planning": time_planning,
    "csv": measure_csv,
    "arrow": measure_arrow,
    "idle": measure_idle,
    "catalog": measure_catalog,
    "keystrokes": time_keystrokes,
}
"""The job's `work` -> the function that does it."""

if __name__ == "__main__":
    whole = json.loads(sys.argv[1])
    print(json.dumps(WORKS[whole["work"]](whole)))

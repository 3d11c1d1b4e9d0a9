"""Runs every case at a scale and yields its findings. Latency is that of the local SageMaker, in seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.extras import add_services
from benchmarks.finding import Finding, compare
from benchmarks.measuring import Costs, Job, run, run_pairs, time_commands
from benchmarks.ours import LIST, TABLE
from benchmarks.scale import Scale
from benchmarks.services import SQL
from benchmarks.serving import ServerProcess
from sqlprov.catalog import Catalog

REGIONS = [
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1", "eu-west-1"),
    *("eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1", "ap-south-1", "ap-northeast-1"),
    *("ap-northeast-2", "ap-northeast-3", "ap-southeast-1", "ap-southeast-2"),
]
Findings = Iterator[Finding]


def make_list_job(who: str, regions: list[str] | None = None) -> Job:
    return {"work": "list_rows", "contender": who, "regions": regions or ["us-east-1"]}


def make_statements_job(scale: Scale, sql: dict[str, str], regions: list[str] | None = None) -> Job:
    return {
        "work": "statements",
        "statements": sql,
        "regions": regions or ["us-east-1"],
        "rounds": scale.pairs,
    }


def measure_large_list(scale: Scale) -> Findings:
    """One region's list, whole."""
    case = f"list {scale.rows:,} rows, one region"
    with ServerProcess({"us-east-1": scale.rows}) as server:
        costs = run_pairs(
            server.url, {who: make_list_job(who) for who in ("us", "a", "a'", "b")}, scale.pairs
        )
        cpu = {who: each["cpu"] for who, each in costs.items()}
        wall = {who: each["wall"] for who, each in costs.items()}
        at_once = f"{case}, no latency"
        yield compare(at_once, "client CPU, of (a)", cpu["us"], cpu["a"], 1 / 6, "us/(a)")
        yield compare(at_once, "client CPU, of (a')", cpu["us"], cpu["a'"], 0.55, "us/(a')")
        yield compare(at_once, "wall, of (a)", wall["us"], wall["a"], 1 / 5, "us/(a)")
        yield compare(at_once, "wall, of (b)", wall["us"], wall["b"], 3, "us/(b)")
        latency = 0.03 * scale.slower
        server.set_options(latency=latency)
        costs = run_pairs(server.url, {who: make_list_job(who) for who in ("us", "a")}, scale.pairs)
        far = f"{case}, {latency * 1000:g} ms"
        yield compare(far, "wall, of (a)", costs["us"]["wall"], costs["a"]["wall"], 1 / 8, "us/(a)")


def measure_regions(scale: Scale) -> Findings:
    """Many regions at once, and one row in any of them."""
    latency, places = 0.05 * scale.slower, REGIONS[: scale.regions]
    with ServerProcess(dict.fromkeys(places, scale.region_rows)) as server:
        server.set_options(latency=latency)
        case = f"{len(places)} regions x {scale.region_rows:,} rows, {latency * 1000:g} ms"
        costs = run_pairs(server.url, {who: make_list_job(who, places) for who in ("us", "a")}, scale.pairs)
        yield compare(case, "wall, of (a)", costs["us"]["wall"], costs["a"]["wall"], 0.6, "us/(a)")
        sql = {"one": f"SELECT name, status FROM {TABLE} WHERE name = 'x'"}
        one = run(server.url, make_statements_job(scale, sql))["one"]
        yield count_calls("WHERE name = 'x'", one, 1)
        many = run(server.url, make_statements_job(scale, sql, places))["one"]
        case = f"WHERE name = 'x' in {len(places)} regions"
        yield count_calls(case, many, len(places))
        yield compare(
            f"{case}, {latency * 1000:g} ms",
            "wall, of one call's latency",
            many["wall"],
            latency,
            None,
            "us/latency",
        )


def measure_describes(scale: Scale) -> Findings:
    """A call for each row."""
    latency = 0.03 * scale.slower
    with ServerProcess({"us-east-1": scale.described}) as server:
        server.set_options(latency=latency)
        case = f"{scale.described:,} Describes, {latency * 1000:g} ms"
        job: Job = {"work": "describe_rows"}
        jobs: dict[str, Job] = {
            "us": {**job, "contender": "us"},
            "us, 64": {**job, "contender": "us", "settings": {"concurrency": "64"}},
            "a": {**job, "contender": "a"},
        }
        costs = run_pairs(server.url, jobs, scale.pairs)
        theirs = costs["a"]
        for ours, how in (("us, 64", "64 in flight"), ("us", "default concurrency")):
            walls = costs[ours]["wall"], theirs["wall"]
            yield compare(case, f"wall, of (a), {how}", *walls, 0.95, "us/(a)")
        cpus = costs["us, 64"]["cpu"], theirs["cpu"]
        yield compare(case, "client CPU, of (a), 64 in flight", *cpus, None, "us/(a)")


def measure_services(scale: Scale) -> Findings:
    """Lists in XML, and calls for the rows."""

    def measure(rows: int, what: str, latency: float) -> dict[str, dict[str, float]]:
        with ServerProcess({}, canned=rows) as server:
            server.set_options(latency=latency)
            job: Job = {"work": "read_service", "what": what}
            jobs = {who: {**job, "contender": who} for who in ("us", "a")}
            return run_pairs(server.url, jobs, scale.pairs)

    for what, rows in (("EC2 instances", scale.instances), ("S3 objects", scale.objects)):
        costs = measure(rows, what.split()[1], 0)
        ours, theirs = costs["us"], costs["a"]
        yield compare(f"{rows:,} {what}", "client CPU, of (a)", ours["cpu"], theirs["cpu"], 0.35, "us/(a)")
        yield compare(f"{rows:,} {what}", "wall, of (a)", ours["wall"], theirs["wall"], None, "us/(a)")
        yield compare(f"{rows:,} {what}", "calls, of (a)", ours["calls"], theirs["calls"], 1.0, "us/(a)")
    latency = 0.03 * scale.slower
    for what, rows, how in (
        ("roles", scale.roles, "IAM roles with GetRole"),
        ("services", scale.services, "ECS services of 100 clusters"),
    ):
        costs = measure(rows, what, latency)
        case = f"{rows:,} {how}, {latency * 1000:g} ms"
        ours, theirs = costs["us"], costs["a"]
        yield compare(case, "wall, of (a)", ours["wall"], theirs["wall"], 0.6, "us/(a)")
        yield compare(case, "client CPU, of (a)", ours["cpu"], theirs["cpu"], None, "us/(a)")
        yield compare(case, "calls, of (a)", ours["calls"], theirs["calls"], 1.0, "us/(a)")


def measure_organization(scale: Scale) -> Findings:
    """One table of every account, in many regions."""
    latency, places = 0.03 * scale.slower, REGIONS[: scale.regions]
    with ServerProcess({}, accounts=scale.accounts) as server:
        server.set_options(latency=latency)
        job: Job = {"work": "read_organization", "regions": places}
        jobs = {who: {**job, "contender": who} for who in ("us", "a")}
        costs = run_pairs(server.url, jobs, scale.pairs)
    case = f"{scale.accounts} accounts x {len(places)} regions, {latency * 1000:g} ms"
    ours, theirs = costs["us"], costs["a"]
    yield compare(case, "wall, of (a)", ours["wall"], theirs["wall"], 0.3, "us/(a)")
    yield compare(case, "client CPU, of (a)", ours["cpu"], theirs["cpu"], None, "us/(a)")
    yield compare(case, "peak memory, of (a)", ours["peak"], theirs["peak"], None, "us/(a)")


def measure_services_memory(scale: Scale) -> Findings:
    """A long list in XML, written bit by bit."""
    with ServerProcess({}, canned=scale.instances) as server, TemporaryDirectory() as folder:
        job: Job = {"work": "csv", "sql": SQL["instances"], "out": str(Path(folder, "rows.csv"))}
        costs = run_pairs(server.url, {"csv": job}, scale.pairs)["csv"]
        idle: Job = {"work": "idle", "sql": "", "modules": costs["modules"]}
        mb = {"peak": costs["peak"] / 1e6, "idle": run(server.url, idle)["peak"] / 1e6}
    case = f"{scale.instances:,} EC2 instances to -o csv"
    yield Finding(case, "peak memory over an idle process", mb["peak"] - mb["idle"], 150, "MB", mb)


def measure_newest(scale: Scale) -> Findings:
    """The first rows in the order of a time, out of many."""
    top = "ORDER BY creation_time DESC LIMIT 10"
    sql = {
        f"{top} of {scale.rows:,}": f"SELECT name, creation_time FROM {TABLE} {top}",
        f"WHERE status = … {top}": (
            f"SELECT name, creation_time FROM {TABLE} WHERE status = 'Running' {top}"
        ),
    }
    with ServerProcess({"us-east-1": scale.rows}) as server:
        for name, costs in run(server.url, {**make_statements_job(scale, sql), "rounds": 1}).items():
            yield count_calls(name, costs, 1)
    places = ["us-east-1", "eu-west-1", "us-west-2"]
    with ServerProcess({",".join(places): scale.rows}) as server:
        for name, costs in run(server.url, {**make_statements_job(scale, sql, places), "rounds": 1}).items():
            yield count_calls(f"{name}, over 3 regions", costs, 3)


def count_calls(case: str, costs: dict[str, dict[str, int]], bar: int) -> Finding:
    """How many calls a statement took."""
    count = sum(costs["calls"].values())
    return Finding(case, "calls", count, bar, "calls", {**costs["calls"]})


def measure_join(scale: Scale) -> Findings:
    """Three live tables in one statement."""
    tables = {
        "endpoints": "endpoint_name",
        "endpoint_configs": "endpoint_config_name",
        "models": "model_name",
    }
    sql = {table: f"SELECT {key} FROM aws.sagemaker.{table}" for table, key in tables.items()}
    sql["join"] = (
        "SELECT endpoint_name, e.creation_time FROM aws.sagemaker.endpoints AS e "
        "JOIN aws.sagemaker.endpoint_configs AS c ON c.endpoint_config_name = e.endpoint_name "
        "JOIN aws.sagemaker.models AS m ON m.model_name = e.endpoint_name"
    )
    latency = 0.05 * scale.slower
    with ServerProcess({}, hosted=scale.joined) as server:
        server.set_options(latency=latency)
        costs = run(server.url, make_statements_job(scale, sql))
    if len({each["rows"] for each in costs.values()}) > 1:
        raise RuntimeError(f"the join lost rows: {costs}")
    slowest = max(costs[table]["wall"] for table in tables)
    case = f"join of three tables of {scale.joined:,} rows, {latency * 1000:g} ms"
    wall = costs["join"]["wall"]
    yield compare(case, "wall, of the slowest table alone", wall, slowest, 1.2, "join/slowest")


def measure_throttling(scale: Scale) -> Findings:
    """Far more calls than the service allows."""
    sql = {"describes": f"SELECT name, endpoint_name FROM {TABLE}"}
    with ServerProcess({"us-east-1": scale.throttled}) as server:
        server.set_options(throttle=scale.rate)
        costs = [
            run(server.url, {**make_statements_job(scale, sql), "rounds": 1})
            for _ in range(min(scale.pairs, 3))
        ]
    middle = sorted((each["describes"] for each in costs), key=lambda each: float(each["wall"]))[
        len(costs) // 2
    ]
    count = sum(middle["calls"].values())
    ideal = (count - scale.rate) / scale.rate  # a second's calls are let through at once
    case = f"{count} calls, {scale.rate:g} a second allowed"
    yield compare(case, "wall, of the ideal", middle["wall"], ideal, 1.1, "us/ideal")
    yield compare(case, "requests sent, of calls", middle["attempts"], count, None, "requests/calls")


def measure_memory(scale: Scale) -> Findings:
    """A long list, written bit by bit and held as a table."""
    with ServerProcess({"us-east-1": scale.rows}) as server, TemporaryDirectory() as folder:
        jobs: dict[str, Job] = {
            "csv": {"work": "csv", "sql": LIST, "out": str(Path(folder, "rows.csv"))},
            "arrow": {"work": "arrow", "sql": LIST},
        }
        costs = run_pairs(server.url, jobs, scale.pairs)
        at_rest: Job = {"work": "idle", "sql": ""}
        one = f"SELECT name FROM {TABLE} LIMIT 1"
        still: dict[str, Job] = {
            "csv": {**at_rest, "modules": costs["csv"].pop("modules")},
            "arrow": {**at_rest, "modules": costs["arrow"]["modules"]},
            "ready": {**at_rest, "modules": costs["arrow"].pop("modules"), "sql": one},
        }
        peaks = {name: each["peak"] / 1e6 for name, each in run_pairs(server.url, still, scale.pairs).items()}
    mb = {"peak": costs["csv"]["peak"] / 1e6, "idle": peaks["csv"]}
    over = mb["peak"] - mb["idle"]
    yield Finding(f"{scale.rows:,} rows to -o csv", "peak memory over an idle process", over, 120, "MB", mb)
    case = f"{scale.rows:,} rows as arrow()"
    mb = {name: costs["arrow"][name] / 1e6 for name in ("peak", "size", "buffers")}
    mb |= {"idle": peaks["ready"], "no call yet": peaks["arrow"]}
    over = mb["peak"] - mb["idle"]
    idle = "an idle process that has read one row"
    yield Finding(case, f"peak memory over {idle}, of nbytes", over / mb["size"], 1.5, "", mb)
    over = mb["peak"] - mb["no call yet"]
    yield Finding(case, "the same, over one that has made no call yet", over / mb["size"], None, "", mb)
    yield Finding(case, "buffers held, of nbytes", mb["buffers"] / mb["size"], None, "", mb)


def measure_starts(scale: Scale) -> Findings:
    """Whole processes, from nothing to their end."""
    sqlprov, python = [sys.executable, "-m", "sqlprov"], [sys.executable, "-c"]
    first = f"SELECT name, status FROM {TABLE}"
    one = "SELECT endpoint_name, endpoint_status FROM aws.sagemaker.endpoints WHERE endpoint_name = 'one-0'"
    with ServerProcess({"us-east-1": 100}, hosted=1) as server, TemporaryDirectory() as folder:
        commands = {
            "us": [*sqlprov, "exec", "SELECT 1"],
            "imports": [*python, "import duckdb, sqlglot"],
            "us, more services": [*sqlprov, "exec", "SELECT 1"],
            "us, first row": [*python, f"import sqlprov; print(sqlprov.connect().sql({first!r}).fetchone())"],
            "(a), first row": [sys.executable, "-m", "benchmarks.first_row"],
            "us, look-up": [*sqlprov, "exec", one],
            "(a), look-up": [sys.executable, "-m", "benchmarks.look_up", "one-0"],
        }
        paths = {"us, more services": add_services(Path(folder), 400, 10)}
        costs = time_commands(server.url, commands, scale.starts, paths)
    wall = {name: each["wall"] for name, each in costs.items()}
    bare = 'python -c "import duckdb, sqlglot"'
    yield compare(
        'sqlprov exec "SELECT 1"', f"wall, of {bare}", wall["us"], wall["imports"], 1.5, "us/imports"
    )
    walls = wall["us, first row"], wall["(a), first row"]
    yield compare("first row of a one-page SELECT, cold process", "wall, of (a)", *walls, 2, "us/(a)")
    case = "sqlprov exec \"… WHERE endpoint_name = 'x'\""
    yield compare(case, "wall, of (a)", wall["us, look-up"], wall["(a), look-up"], 1, "us/(a)")
    cpus = costs["us, look-up"]["cpu"], costs["(a), look-up"]["cpu"]
    yield compare(case, "CPU, of (a)", *cpus, 1, "us/(a)")
    both = {name: 1000 * costs[name]["cpu"] for name in ("us", "us, more services")}
    grown, measure = both["us, more services"] - both["us"], 'growth of the CPU of sqlprov exec "SELECT 1"'
    yield Finding("4,000 further tables known", measure, grown, 10, "ms", both)


PLANNED = {
    "planning, warm": (
        f"SELECT name, status FROM {TABLE} "
        "WHERE status = 'Running' AND creation_time > now() - INTERVAL {days} DAY ORDER BY name"
    ),
    "planning of ORDER BY creation_time DESC LIMIT": (
        f"SELECT name, creation_time FROM {TABLE} ORDER BY creation_time DESC LIMIT {{days}}"
    ),
    "planning of a condition that DuckDB does not push": (
        f"SELECT name FROM {TABLE} WHERE region LIKE 'us-east-%' AND creation_time > now() - INTERVAL {{days}} DAY"
    ),
    "planning of a join": (
        "SELECT endpoint_name FROM aws.sagemaker.endpoints JOIN aws.sagemaker.models ON model_name = endpoint_name "
        "WHERE endpoints.creation_time > now() - INTERVAL {days} DAY"
    ),
}
"""Case -> a statement of its kind, with a number that can be another each time; the first is the typical one."""


def measure_planning(scale: Scale) -> Findings:
    """A query, warm: from the call to `sql()` to the beginning of its first API call."""
    with ServerProcess({"us-east-1": 10}) as server:
        for number, (case, sql) in enumerate(PLANNED.items()):
            again, new = [7] * scale.plans, range(7, 7 + scale.plans)
            for kind, days in (("the same text", again), ("each text new", new)):
                texts = [sql.format(days=each) for each in days]
                took = run(server.url, {"work": "planning", "sql": texts})["milliseconds"]
                bar = None if number else 3
                yield Finding(f"{case}, {kind}", "sql() until the first call", took, bar, "ms")


NAMING = {
    "SELECT 1": 20,
    "CREATE TABLE users (id INTEGER)": 20,
    "BEGIN": 20,
    "SHOW SERVICES IN aws": 50,
    "SHOW TABLES IN aws": 100,
    "SELECT count(*) FROM information_schema.tables": 200,
}
"""Statement that reads names and loads no table -> the most CPU milliseconds that it should take."""


TYPED = "SELECT * FROM aws.ec2.instances WHERE i"
"""A statement that is typed; its last letters begin a column of a table with many."""


def measure_catalog(scale: Scale) -> Findings:
    """The cost of tables that no statement reads, each measured in a fresh process."""

    def measure(job: Job) -> Costs:
        return run_pairs("", {"us": job}, scale.pairs)["us"]

    catalog = Catalog()
    count = sum(len(catalog.list_tables("aws", service)) for service in catalog.list_services("aws"))
    case = f"{count:,} tables known"
    for sql, bar in NAMING.items():
        costs = measure({"work": "catalog", "use": "sql", "sql": sql})
        yield Finding(case, sql, costs["ms"], bar, "ms")
        most = 5 if sql.startswith("SHOW") else None
        yield Finding(case, f"{sql}, growth of the process", costs["mb"], most, "MB")
    connecting = measure({"work": "catalog", "use": "connect"})
    yield Finding(case, "import and connect", connecting["ms"], None, "ms")
    typing = measure({"work": "keystrokes", "text": TYPED})
    yield Finding(case, "completion, a keystroke", typing["mean"], 50, "ms")
    yield Finding(case, f"completion, the slowest keystroke of {TYPED}", typing["most"], 50, "ms")
    attaching = measure({"work": "catalog", "use": "attach", "services": ["iam"]})
    yield Finding(case, "attach iam", attaching["ms"], None, "ms")


CASES: dict[str, Callable[[Scale], Findings]] = {
    "large_list": measure_large_list,
    "regions": measure_regions,
    "describes": measure_describes,
    "services": measure_services,
    "organization": measure_organization,
    "services_memory": measure_services_memory,
    "newest": measure_newest,
    "join": measure_join,
    "memory": measure_memory,
    "starting": measure_starts,
    "catalogue": measure_catalog,
    "planning": measure_planning,
    "throttling": measure_throttling,
}
"""Name on the command line -> the function that yields the findings."""

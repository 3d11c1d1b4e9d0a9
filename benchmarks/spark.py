"""Reads the models of an organization with Spark's or Sail's workers, one process of sqlprov, and boto3.

Each contender has a process of its own. The server waits before each reply, so that latency decides, and not the
machine's cores, which all of them share.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.measuring import build_environment
from benchmarks.organization import MODELS, BotoOrganization
from benchmarks.serving import ServerProcess
from sqlprov.catalog.regions import DEFAULT_PARTITION, list_regions
from sqlprov.errors import format_count

SAIL = find_spec("pysail") is not None
_servers: list[Any] = []
"""Sail's, which end when nothing refers to them."""
ROOT = Path(__file__).parents[1]
GROUP = 50
"""Accounts whose clients boto3 has at once: each takes a megabyte in each region."""


def find_regions(count: int) -> list[str]:
    """The first regions of AWS's main partition."""
    return [each.region for each in list_regions() if each.partition == DEFAULT_PARTITION][:count]


def read_with_boto(regions: list[str]) -> int:
    """The number of rows."""
    return BotoOrganization(GROUP).read(regions)


def read_with_sqlprov(regions: list[str], engine: Any = None) -> int:
    """The number of rows; none of them is kept."""
    import sqlprov

    with sqlprov.connect(region=regions, settings={"accounts": "organization"}) as con:
        return sum(batch.num_rows for batch in con.sql(MODELS, engine=engine).batches())


def start_spark(workers: int) -> Any:
    """A session of Sail, or of a cluster with so many workers of one core."""
    from pyspark.sql import SparkSession

    if SAIL:
        from pysail.spark import SparkConnectServer

        server = SparkConnectServer(ip="127.0.0.1", port=0)
        server.start(background=True)
        _servers.append(server)
        host, port = server.listening_address
        return SparkSession.builder.remote(f"sc://{host}:{port}").getOrCreate()
    builder = SparkSession.builder.master(f"local-cluster[{workers},1,1024]")
    for name in ("spark.ui.enabled", "spark.ui.showConsoleProgress"):
        builder = builder.config(name, "false")
    return builder.config("spark.log.level", "OFF").getOrCreate()


def read_peak(process: int | str) -> float:
    """The most memory that a process has held, in MB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM"))


def run_contender(name: str, regions: list[str], workers: int) -> dict[str, float]:
    """Rows, wall seconds, and the peak memory of this process and of Spark's driver, in MB."""
    spark = start_spark(workers) if name == "engine" else None
    if spark is not None:
        from sqlprov.spark import Engine

        spark.range(workers).mapInArrow(lambda batches: batches, "id long").collect()  # starts the workers
    began = time.perf_counter()
    if name == "boto3":
        rows = read_with_boto(regions)
    else:
        rows = read_with_sqlprov(regions, Engine(spark) if spark is not None else None)
    costs = {"rows": float(rows), "wall": time.perf_counter() - began, "peak": read_peak("self")}
    if spark is not None and not SAIL:
        costs["jvm"] = read_peak(spark.sparkContext._gateway.proc.pid)
    return costs


def main() -> None:
    """Measure the contenders one after another, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spark", description=__doc__)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--regions", type=int, default=30)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds")
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 8], help="of Spark")
    parser.add_argument("--sail", help="a Python that has Sail")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(run_contender(**json.loads(options.run))))
        sys.stdout.flush()
        os._exit(0)  # what Spark leaves running is not measured
    jobs = [
        (f"Spark, {format_count(each, 'worker')}", sys.executable, "engine", each) for each in options.workers
    ]
    jobs += [("Sail", options.sail, "engine", 1)] if options.sail else []
    jobs += [(name, sys.executable, name, 0) for name in ("sqlprov", "boto3")]
    print(f"{options.accounts:,} accounts x {options.regions} regions, {options.latency * 1000:g} ms:\n")
    print("| | wall | peak memory of the driver | rows | load before |\n|---|---|---|---|---|", flush=True)
    with ServerProcess({}, accounts=options.accounts) as server:
        server.set_options(latency=options.latency)
        for title, python, name, workers in jobs:
            job = json.dumps({"name": name, "regions": find_regions(options.regions), "workers": workers})
            load = os.getloadavg()[0]
            done = subprocess.run(
                [python, "-m", "benchmarks.spark", "--run", job],
                env=build_environment(server.url) | {"PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": python},
                check=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            costs = json.loads(done.stdout.splitlines()[-1])
            memory = f"{costs['peak']:.0f} MB" + (
                f" and {costs['jvm']:.0f} MB of Java" if "jvm" in costs else ""
            )
            print(
                f"| {title} | {costs['wall']:.1f} s | {memory} | {costs['rows']:,.0f} | {load:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()

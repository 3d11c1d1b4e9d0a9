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

SAIL = find_spec("pysail") is not None
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
        host, port = server.listening_address
        return SparkSession.builder.remote(f"sc://{host}:{port}").getOrCreate()
    builder = SparkSession.builder.master(f"local-cluster[{workers},1,1024]").config("spark.log.level", "OFF")
    return builder.config("spark.ui.enabled", "false").getOrCreate()


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
    """Measure what the command line asks for, in turns, and print a row of a table for each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spark", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--regions", type=int, default=30)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds")
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 8])
    parser.add_argument("--only", help="a contender")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(run_contender(**json.loads(options.run))))
        os._exit(0)  # what Spark leaves running is not measured
    regions = find_regions(options.regions)
    workers = [1] if SAIL else options.workers
    jobs = [("engine", number) for number in workers] + [("sqlprov", 0), ("boto3", 0)]
    with ServerProcess({}, accounts=options.accounts) as server:
        server.set_options(latency=options.latency)
        for name, number in jobs:
            if options.only not in (None, name):
                continue
            job = json.dumps({"name": name, "regions": regions, "workers": number})
            root = {"PYTHONPATH": str(Path(__file__).parents[1]), "PYSPARK_PYTHON": sys.executable}
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.spark", "--run", job],
                env=build_environment(server.url) | root,
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
            costs = json.loads(done.stdout.splitlines()[-1])
            which = f"{'Sail' if SAIL else f'Spark, {number} workers'}" if name == "engine" else name
            memory = f"{costs['peak']:.0f} MB" + (f" + {costs['jvm']:.0f} MB" if "jvm" in costs else "")
            load = os.getloadavg()[0]
            print(
                f"| {which} | {costs['wall']:.1f} s | {memory} | {costs['rows']:,.0f} | {load:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()

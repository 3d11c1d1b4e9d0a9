"""Runs jobs in fresh processes, contenders in turns, and returns their costs."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Job = Mapping[str, Any]
Costs = dict[str, Any]


def build_environment(url: str) -> dict[str, str]:
    """This process's environment, with the local SageMaker in place of any account."""
    # An installed package has bytecode; compiling a checkout in each process would count as startup.
    ignored = ("AWS_", "SQLPROV_", "PYTHONDONTWRITEBYTECODE")
    own = {name: value for name, value in os.environ.items() if not name.startswith(ignored)}
    return own | {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def run(url: str, job: Job) -> Costs:
    """Run `job` in its own process and return its costs; its fields are those that `child` reads.

    Raises:
        RuntimeError: it failed; the message is what it wrote to stderr.
    """
    whole = {"regions": ["us-east-1"], "settings": {}, **job}
    command = [sys.executable, "-m", "benchmarks.child", json.dumps(whole)]
    done = subprocess.run(command, env=build_environment(url), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{job} failed:\n{done.stderr}")
    costs: Costs = json.loads(done.stdout.splitlines()[-1])
    return costs


def run_pairs(url: str, jobs: Mapping[str, Job], pairs: int) -> dict[str, Costs]:
    """Contender -> the median of each of its costs over `pairs` rounds, alternating the order.

    Raises:
        RuntimeError: a job failed, or two of them found different numbers of rows.
    """
    runs: dict[str, list[Costs]] = {name: [] for name in jobs}
    for number in range(pairs):
        order = list(jobs)
        for name in order if number % 2 == 0 else reversed(order):
            runs[name].append(run(url, jobs[name]))
    rows = {name: {costs.get("rows") for costs in each} for name, each in runs.items()}
    if len({count for each in rows.values() for count in each}) > 1:
        raise RuntimeError(f"the contenders found different rows: {rows}")
    return {name: _take_medians(each) for name, each in runs.items()}


def time_commands(
    url: str, commands: Mapping[str, Sequence[str]], pairs: int, paths: Mapping[str, Path]
) -> dict[str, Costs]:
    """As `run_pairs`, for whole commands: the wall seconds from start to end, and the CPU seconds, of each.

    Args:
        paths: the PYTHONPATH of those that need one.

    Raises:
        subprocess.CalledProcessError: one failed.
    """
    runs: dict[str, list[Costs]] = {name: [] for name in commands}
    for number in range(pairs):
        order = list(commands)
        for name in order if number % 2 == 0 else reversed(order):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            began = time.perf_counter()
            around = build_environment(url) | ({"PYTHONPATH": str(paths[name])} if name in paths else {})
            subprocess.run(commands[name], env=around, check=True, stdout=subprocess.DEVNULL)
            wall = time.perf_counter() - began
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            runs[name].append({"wall": wall, "cpu": cpu})
    return {name: _take_medians(each) for name, each in runs.items()}


def _take_medians(costs: Sequence[Costs]) -> Costs:
    numbers = [name for name, value in costs[0].items() if isinstance(value, int | float)]
    return {**costs[0], **{name: statistics.median(each[name] for each in costs) for name in numbers}}

"""Adds rows to the local SageMaker, waits for its calls and counts them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlprov.emulator import Emulator
from sqlprov.errors import Cancelled

EXPERIMENTS = "aws.sagemaker.inference_experiments"
LIST, DESCRIBE, TAGS = "ListInferenceExperiments", "DescribeInferenceExperiment", "ListTags"


def wait_until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for `condition`; fail after `seconds`, which only a failing test needs."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"nothing happened within {seconds:g} s"
        time.sleep(0.005)


def wait_until_idle(em: Emulator) -> int:
    """Wait until no call is in flight and no new one arrives for a while; the number of calls."""
    while True:
        before = len(em.calls)
        time.sleep(0.02)
        if before == len(em.calls) and all(call.finished for call in em.calls):
            return before


def wait_for_threads() -> None:
    """Wait until no thread of this process makes calls: then no further call can come."""
    wait_until(lambda: not any(t.name in ("sqlprov-call", "sqlprov-prefetch") for t in threading.enumerate()))


def count_in_flight(em: Emulator) -> int:
    """The number of calls without a reply."""
    return sum(not call.finished for call in em.calls)


def cancel_in_flight(con: Any, em: Emulator, query: str, calls: int) -> None:
    """Run `query` until so many calls are in flight, none with a reply; cancel it: no further call comes."""
    em.options.latency = 60
    with ThreadPoolExecutor(1) as pool:
        error = pool.submit(lambda: con.sql(query).fetchall())
        wait_until(lambda: count_in_flight(em) == calls)
        con.cancel()
        assert isinstance(error.exception(30), Cancelled)
    assert len(em.calls) == calls


def count_operations(em: Emulator) -> dict[str, int]:
    """Operation -> number of calls."""
    return dict(Counter(call.operation for call in em.calls))


def count_overlapping(em: Emulator) -> int:
    """The most calls that were in flight at once."""
    edges = [(call.started, 1) for call in em.calls] + [(call.finished, -1) for call in em.calls]
    most = current = 0
    for _, step in sorted(edges):
        current += step
        most = max(most, current)
    return most


def add_experiment(em: Emulator, name: str, region: str = "us-east-1", **members: object) -> None:
    """Add an experiment with these members."""
    em.add("InferenceExperiment", region, {"Name": name, **members})

"""What the tests of reading share: waiting, counting calls, and a small cloud to read."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from sqlprov.emulator import Emulator

EXPERIMENTS = "aws.sagemaker.inference_experiments"
LIST, DESCRIBE, TAGS = "ListInferenceExperiments", "DescribeInferenceExperiment", "ListTags"


def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait for `condition`; fail after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def settled(em: Emulator) -> int:
    """The number of calls once none is under way and none has come for a while."""
    while True:
        before = len(em.calls)
        time.sleep(0.02)
        if before == len(em.calls) and all(call.finished for call in em.calls):
            return before


def operations(em: Emulator) -> dict[str, int]:
    """How often each operation was called."""
    return dict(Counter(call.operation for call in em.calls))


def overlap(em: Emulator) -> int:
    """The most calls that were under way at once."""
    edges = [(call.started, 1) for call in em.calls] + [(call.finished, -1) for call in em.calls]
    most = now = 0
    for _, step in sorted(edges):
        now += step
        most = max(most, now)
    return most


def experiment(em: Emulator, name: str, region: str = "us-east-1", **members: object) -> None:
    em.add("InferenceExperiment", region, {"Name": name, **members})

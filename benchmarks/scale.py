"""Defines the sizes of the cases: full, quick for a look, tiny for a test of the cases themselves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """
    Attributes:
        pairs: runs of each contender; `starts` of each command.
        regions: how many are read at once.
        rows: inference experiments in the large list.
        region_rows: those in each of the regions.
        described: rows that are described, one call each.
        throttled: rows described while `rate` calls a second are allowed.
        joined: rows of each table of the join.
        instances, roles, objects, services: rows of `canned`; the services are in 100 clusters.
        accounts: of an organization.
        slower: seconds of latency are multiplied by it.
        growth: rows, and latencies in seconds, of the chart.
    """

    pairs: int
    starts: int
    regions: int
    rows: int
    region_rows: int
    described: int
    throttled: int
    rate: float
    joined: int
    instances: int
    roles: int
    objects: int
    services: int
    accounts: int
    slower: float
    plans: int
    growth_rows: tuple[int, ...]
    growth_latencies: tuple[float, ...]


FULL = Scale(
    pairs=5,
    starts=11,
    regions=17,
    rows=100_000,
    region_rows=1_000,
    described=2_000,
    throttled=400,
    rate=20,
    joined=2_000,
    instances=100_000,
    roles=5_000,
    objects=20_000,
    services=5_000,
    accounts=50,
    slower=1.0,
    plans=250,
    growth_rows=(1_000, 3_000, 10_000, 30_000, 100_000),
    growth_latencies=(0.0, 0.01, 0.03, 0.1),
)
QUICK = Scale(
    pairs=1,
    starts=3,
    regions=17,
    rows=10_000,
    region_rows=300,
    described=300,
    throttled=60,
    rate=20,
    joined=500,
    instances=10_000,
    roles=1_000,
    objects=5_000,
    services=1_000,
    accounts=10,
    slower=1.0,
    plans=50,
    growth_rows=(1_000, 3_000),
    growth_latencies=(0.0, 0.03),
)
TINY = Scale(
    pairs=1,
    starts=1,
    regions=3,
    rows=450,
    region_rows=120,
    described=30,
    throttled=8,
    rate=5,
    joined=150,
    instances=1_500,
    roles=30,
    objects=1_500,
    services=100,
    accounts=3,
    slower=0.1,
    plans=5,
    growth_rows=(150,),
    growth_latencies=(0.0,),
)
SCALES = {"full": FULL, "quick": QUICK, "tiny": TINY}

"""Measures how time grows with rows, regions and latency."""

from __future__ import annotations

from benchmarks.cases import REGIONS, make_list_job
from benchmarks.measuring import run_pairs
from benchmarks.report import Growth
from benchmarks.scale import Scale
from benchmarks.serving import ServerProcess

CONTENDERS = ("us", "a", "b")
LATENCY = 0.03
"""Seconds, where latency does not grow."""
Curves = dict[str, list[tuple[float, float]]]


def grow(scale: Scale) -> Growth:
    return {
        "rows": measure_rows(scale),
        "regions": measure_regions(scale),
        "latency": measure_latencies(scale),
    }


def measure_rows(scale: Scale) -> Curves:
    """One region, no latency."""
    curves: Curves = {who: [] for who in CONTENDERS}
    for rows in scale.growth_rows:
        with ServerProcess({"us-east-1": rows}) as server:
            _add(curves, server.url, rows, ["us-east-1"])
    return curves


def measure_regions(scale: Scale) -> Curves:
    """So many rows in each."""
    curves: Curves = {who: [] for who in CONTENDERS}
    counts = sorted({1, scale.regions} | ({4, 8} if scale.pairs > 1 else set()))
    with ServerProcess(dict.fromkeys(REGIONS[: scale.regions], scale.region_rows)) as server:
        server.set_options(latency=LATENCY * scale.slower)
        for count in counts:
            _add(curves, server.url, count, REGIONS[:count])
    return curves


def measure_latencies(scale: Scale) -> Curves:
    """One region's list."""
    curves: Curves = {who: [] for who in CONTENDERS}
    with ServerProcess({"us-east-1": scale.rows // 10}) as server:
        for latency in scale.growth_latencies:
            server.set_options(latency=latency * scale.slower)
            _add(curves, server.url, latency * scale.slower * 1000, ["us-east-1"])
    return curves


def _add(curves: Curves, url: str, at: float, regions: list[str]) -> None:
    costs = run_pairs(url, {who: make_list_job(who, regions) for who in CONTENDERS}, 1)
    for who in CONTENDERS:
        curves[who].append((at, costs[who]["wall"]))

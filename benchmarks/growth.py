"""A Scale in, out how wall seconds grow with rows, regions and latency, for each contender."""

from __future__ import annotations

from benchmarks.cases import REGIONS, listing
from benchmarks.measuring import run_pairs
from benchmarks.report import Growth
from benchmarks.scale import Scale
from benchmarks.serving import Served

CONTENDERS = ("us", "a", "b")
LATENCY = 0.03
"""Seconds, where it is not latency that grows."""
Curves = dict[str, list[tuple[float, float]]]


def grow(scale: Scale) -> Growth:
    return {"rows": by_rows(scale), "regions": by_regions(scale), "latency": by_latency(scale)}


def by_rows(scale: Scale) -> Curves:
    """One region, no latency."""
    curves: Curves = {who: [] for who in CONTENDERS}
    for rows in scale.growth_rows:
        with Served({"us-east-1": rows}) as served:
            _add(curves, served.url, rows, ["us-east-1"])
    return curves


def by_regions(scale: Scale) -> Curves:
    """So many rows in each."""
    curves: Curves = {who: [] for who in CONTENDERS}
    counts = sorted({1, scale.regions} | ({4, 8} if scale.pairs > 1 else set()))
    with Served(dict.fromkeys(REGIONS[: scale.regions], scale.region_rows)) as served:
        served.behave(latency=LATENCY * scale.slower)
        for count in counts:
            _add(curves, served.url, count, REGIONS[:count])
    return curves


def by_latency(scale: Scale) -> Curves:
    """One region's list."""
    curves: Curves = {who: [] for who in CONTENDERS}
    with Served({"us-east-1": scale.rows // 10}) as served:
        for latency in scale.growth_latencies:
            served.behave(latency=latency * scale.slower)
            _add(curves, served.url, latency * scale.slower * 1000, ["us-east-1"])
    return curves


def _add(curves: Curves, url: str, at: float, regions: list[str]) -> None:
    found = run_pairs(url, {who: listing(who, regions) for who in CONTENDERS}, 1)
    for who in CONTENDERS:
        curves[who].append((at, found[who]["wall"]))

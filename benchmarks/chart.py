"""Draws the growth curves as three charts."""

from __future__ import annotations

from pathlib import Path

import matplotlib

from benchmarks.report import Growth

NAMES = {"us": "sqlprov", "a": "(a) boto3 paginator, from_pylist", "b": "(b) raw client, one connection"}
COLORS = {"us": "#0b6e4f", "a": "#c44900", "b": "#5c677d"}
AXES = {
    "rows": ("rows of one region, no latency", "log"),
    "regions": ("regions of 1,000 rows each, 30 ms latency", "linear"),
    "latency": ("latency in ms, 10,000 rows of one region", "linear"),
}


def draw(growth: Growth, file: Path) -> None:
    """Draw each curve of `growth` into a PNG."""
    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(AXES), figsize=(13, 4), layout="constrained")
    for axis, (what, (label, kind)) in zip(axes, AXES.items(), strict=True):
        for who, points in growth[what].items():
            axis.plot(*zip(*points, strict=True), marker="o", label=NAMES[who], color=COLORS[who])
        axis.set_xscale(kind)
        axis.set_yscale("log")
        axis.set_xlabel(label)
        axis.set_ylabel("seconds")
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.savefig(file, dpi=100)
    pyplot.close(figure)

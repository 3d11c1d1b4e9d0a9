"""Draws the growth curves as three charts."""

from __future__ import annotations

from pathlib import Path

import matplotlib

from benchmarks.report import Growth

NAMES = {"us": "sqlprov", "a": "boto3 script", "b": "raw client, one connection"}
COLORS = {"us": "#0b6e4f", "a": "#c44900", "b": "#5c677d"}
CHARTS = {
    "rows": ("More rows", "rows in one region, no latency", "log"),
    "regions": ("More regions", "regions with 1,000 rows each, 30 ms latency", "linear"),
    "latency": ("A slower network", "latency in ms, 10,000 rows in one region", "linear"),
}
"""What grows -> title, axis and its scale."""


def draw(growth: Growth, file: Path) -> None:
    """Draw each curve of `growth` into a PNG."""
    matplotlib.use("agg")
    from matplotlib import pyplot
    from matplotlib.ticker import FuncFormatter, NullLocator

    figure, axes = pyplot.subplots(1, len(CHARTS), figsize=(13, 4.4), layout="constrained")
    for axis, (what, (title, label, scale)) in zip(axes, CHARTS.items(), strict=True):
        for who, points in growth[what].items():
            axis.plot(
                *zip(*points, strict=True), marker="o", linewidth=2, label=NAMES[who], color=COLORS[who]
            )
        axis.set(title=title, xlabel=label, xscale=scale, yscale="log")
        axis.yaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g} s"))
        low, high = axis.get_ylim()
        ticks = [tick for tick in (0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10) if low <= tick <= high]
        axis.set_yticks(ticks)
        axis.yaxis.set_minor_locator(NullLocator())
        axis.set_xticks([count for count, _ in growth[what]["us"]])
        axis.xaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    lines, names = axes[0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside upper center", ncols=len(names), frameon=False, fontsize=12)
    figure.suptitle(" ")  # the room of the legend
    figure.savefig(file, dpi=110)
    pyplot.close(figure)

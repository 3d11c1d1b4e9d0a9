"""Runs the named cases, or all, and writes the report, results.json and the chart."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.cases import CASES
from benchmarks.finding import Finding
from benchmarks.growth import grow
from benchmarks.report import record, save, show
from benchmarks.scale import SCALES

HERE = Path(__file__).parent


def main(words: list[str] | None = None) -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="case", help=", ".join(CASES))
    parser.add_argument("--scale", choices=SCALES, default="full")
    parser.add_argument(
        "--results", type=Path, help="file to write; without it only a whole run writes its own"
    )
    parser.add_argument(
        "--chart", type=Path, help="picture to draw; without it only a whole run draws its own"
    )
    options = parser.parse_args(words)
    if unknown := set(options.cases) - set(CASES):
        parser.error(f"unknown case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    whole = options.scale == "full" and not options.cases
    results = options.results or (HERE / "results.json" if whole else None)
    chart = options.chart or (HERE.parent / "docs" / "benchmarks.png" if whole else None)
    scale = SCALES[options.scale]
    findings: list[Finding] = []
    for name in options.cases or CASES:
        print(f"{name} …", file=sys.stderr, flush=True)
        findings += CASES[name](scale)
    show(findings)
    growth = grow(scale) if chart else {}
    if results:
        save(record(findings, growth, options.scale, scale.pairs), results)
    if chart:
        from benchmarks.chart import draw

        draw(growth, chart)


if __name__ == "__main__":
    main()

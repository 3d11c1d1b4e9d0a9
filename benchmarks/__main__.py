"""Names of cases in, all of them if none; a table on stdout, results.json and the chart out."""

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
    asked = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    asked.add_argument("cases", nargs="*", metavar="case", help=", ".join(CASES))
    asked.add_argument("--scale", choices=SCALES, default="full")
    asked.add_argument(
        "--results", type=Path, help="file to write; without it only a whole run writes its own"
    )
    asked.add_argument(
        "--chart", type=Path, help="picture to draw; without it only a whole run draws its own"
    )
    given = asked.parse_args(words)
    if unknown := set(given.cases) - set(CASES):
        asked.error(f"unknown case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    whole = given.scale == "full" and not given.cases
    results = given.results or (HERE / "results.json" if whole else None)
    chart = given.chart or (HERE.parent / "docs" / "benchmarks.png" if whole else None)
    scale = SCALES[given.scale]
    findings: list[Finding] = []
    for name in given.cases or CASES:
        print(f"{name} …", file=sys.stderr, flush=True)
        findings += CASES[name](scale)
    show(findings)
    growth = grow(scale) if chart else {}
    if results:
        save(record(findings, growth, given.scale, scale.pairs), results)
    if chart:
        from benchmarks.chart import draw

        draw(growth, chart)


if __name__ == "__main__":
    main()

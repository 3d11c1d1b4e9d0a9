"""Prints findings and writes results.json, from which docs/generate.py builds the table."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.finding import Finding

LIBRARIES = ("sqlprov", "boto3", "duckdb", "pyarrow", "orjson", "sqlglot")
HEADS = ("case", "measured", "", "bar", "")
Growth = Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]
"""What grows -> contender -> (how much of it, seconds)."""


def format_line(finding: Finding) -> tuple[str, str, str, str, str]:
    """The cells of a finding: case, measure, value, bar, and whether it is met."""
    verdict = {None: "", True: "met", False: "not met"}[finding.is_met]
    bar = "" if finding.bar is None else f"≤ {format_figure(finding.bar, finding.unit)}"
    return finding.case, finding.measure, format_figure(finding.value, finding.unit), bar, verdict


def format_figure(value: float, unit: str) -> str:
    """A value as the reports write it."""
    match unit:
        case "":
            return f"{value:.2f} x"
        case "calls":
            return f"{value:.0f}"
        case _:
            return f"{value:.1f} {unit}"


def show(findings: Iterable[Finding]) -> None:
    """Print the findings as a table."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*HEADS, box=box.SIMPLE)
    for finding in findings:
        table.add_row(*format_line(finding))
    Console().print(table)


def record(findings: Sequence[Finding], growth: Growth, scale: str, pairs: int) -> dict[str, Any]:
    """Everything about a run, as it is written to JSON."""
    return {
        "scale": scale,
        "pairs": pairs,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "findings": [asdict(finding) | {"shown": format_line(finding)} for finding in findings],
        "growth": growth,
    }


def save(results: Mapping[str, Any], file: Path) -> None:
    """Write the results."""
    file.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")

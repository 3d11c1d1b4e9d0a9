from __future__ import annotations

import json
import math
from pathlib import Path

import pyarrow as pa
import pytest

from benchmarks.__main__ import main
from benchmarks.boto import Boto
from benchmarks.cases import make_list_job
from benchmarks.chart import draw
from benchmarks.measuring import build_environment, run_pairs
from benchmarks.ours import Ours
from benchmarks.report import format_figure
from benchmarks.serving import ServerProcess


# `make bench-quick` runs every case; how long the contenders take is nothing to assert.
@pytest.mark.parametrize("case", ["throttling", "services"])
def test_a_case_reports_what_it_measured(tmp_path: Path, case: str) -> None:
    file = tmp_path / "results.json"
    main(["--scale", "tiny", "--results", str(file), case])
    findings = json.loads(file.read_text())["findings"]
    assert findings
    for finding in findings:
        assert math.isfinite(finding["value"])
        assert finding["shown"][2] == format_figure(finding["value"], finding["unit"])
        assert finding["shown"][4] in ("", "met", "not met")


def test_the_contenders_read_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    with ServerProcess({"us-east-1": 250, "eu-west-1": 30}) as server:
        for name, value in build_environment(server.url).items():
            monkeypatch.setenv(name, value)
        regions, ours = ["us-east-1", "eu-west-1"], Ours()
        ours.warm(regions)
        theirs = [Boto().list_rows(regions), Boto(utc=True).list_rows(regions)]
        mine = ours.list_rows(regions)
        described = ours.describe_rows(regions).column("name"), Boto().describe_rows(regions).column("Name")
        ours.connection.close()
    assert theirs[0].num_rows == 280
    for table in theirs:
        assert sort_rows(table.rename_columns(mine.column_names)) == sort_rows(mine)
    assert sorted(described[0].to_pylist()) == sorted(described[1].to_pylist())


def sort_rows(table: pa.Table) -> list[dict[str, object]]:
    return sorted(table.to_pylist(), key=lambda row: str(row["name"]))


def test_contenders_that_find_different_rows_end_the_benchmark() -> None:
    with ServerProcess({"us-east-1": 30, "eu-west-1": 31}) as server:
        jobs = {"b": make_list_job("b"), "us": make_list_job("b", ["eu-west-1"])}
        with pytest.raises(RuntimeError, match="different rows"):
            run_pairs(server.url, jobs, 1)


def test_the_chart_is_drawn_of_what_grew(tmp_path: Path) -> None:
    curves = {who: [(1.0, 0.5), (10.0, 2.0)] for who in ("us", "a", "b")}
    draw(dict.fromkeys(("rows", "regions", "latency"), curves), tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")

"""Windows of a long list give the same rows as page after page, however the service treats a bound."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from emulator_calls import EXPERIMENTS, LIST, add_experiment, count_operations, count_overlapping

from sqlprov.aws.read import list_windows, scan
from sqlprov.emulator import Emulator, Options
from sqlprov.plan.read import ListRead
from sqlprov.plan.read.plan import Windows

BEGIN = 1_700_000_000.0
WINDOWS = Windows("time", "After", "Before", "SortOrder", "Descending")
ALL = f"SELECT name, creation_time FROM {EXPERIMENTS}"


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list counts as long after two pages, two more are worth splitting it, and the process is never busy."""
    monkeypatch.setattr(list_windows.WindowSplitter, "useful_calls", 16)
    monkeypatch.setattr(scan, "LONG", 2)
    monkeypatch.setattr(scan, "LONG_LIMITED", 2)
    monkeypatch.setattr(list_windows, "WINDOW_PAGES", 1)


dice = random.Random(7)
CLUSTERS = (0, 10, 11, 5e5, 5e5 + 1, 9e6)
# Number of a row, and of all rows -> seconds after BEGIN.
TIMES: dict[str, Callable[[int, int], float]] = {
    "even": lambda number, _: 3600.0 * number,
    "every second": lambda number, _: number,  # wherever a list is cut, a row was created at that very moment
    "dense end": lambda number, count: 1e7 * (number / count) ** 0.1,
    "dense begin": lambda number, count: 1e7 * (number / count) ** 10,
    "one moment": lambda number, _: 0.0 if number % 3 else 5000.0 * number,
    "one second": lambda number, count: number / count,
    "clusters": lambda *_: dice.choice(CLUSTERS) + dice.random() * 2,
}
DOCUMENTED_NOWHERE = [
    Options(),
    Options(inclusive_bounds=True),
    Options(truncate_bounds_to_seconds=True),
    Options(inclusive_bounds=True, truncate_bounds_to_seconds=True, sparse_pages=True),
]


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("shape", TIMES)
def test_windows_and_pages_give_the_same_rows(em: Emulator, con: Any, shape: str) -> None:
    for number in range(1_500):
        at = round(BEGIN + TIMES[shape](number, 1_500), 3)
        add_experiment(em, f"e-{number}", CreationTime=at, LastModifiedTime=at)
    low, high = BEGIN + 1000.5, BEGIN + 2.5e6
    bounded = f"{ALL} WHERE creation_time >= to_timestamp({low}) AND creation_time < to_timestamp({high})"
    for options in DOCUMENTED_NOWHERE:
        em.options = options
        em.options.latency = 0.01
        for query in (ALL, bounded, f"{ALL} WHERE creation_time > to_timestamp({high})"):
            con.sql("SET sqlprov_split = off")
            expected = sorted(con.sql(query).fetchall())
            con.sql("SET sqlprov_split = on")
            em.reset_calls()
            result = con.sql(query)
            assert sorted(result.fetchall()) == expected
            assert result.complete
            if query is ALL and shape in ("even", "every second", "dense begin", "clusters"):
                assert windows(em) > 1, "the list was not cut"


def windows(em: Emulator) -> int:
    """The number of lists read, by their bounds."""
    lists = [call.parameters for call in em.calls if call.parameters.get("MaxResults") != 1]
    return len({(each.get("CreationTimeAfter"), each.get("CreationTimeBefore")) for each in lists})


def test_no_more_calls_are_made_at_once_than_the_process_can_use() -> None:
    splitter = list_windows.WindowSplitter(WINDOWS, 1)
    for busy, calls in ((0.0, 1), (1.0, 16), (7.0, 3)):
        splitter.note_cost(busy, 8.0)
        assert splitter.useful_calls == calls


@pytest.mark.usefixtures("hasty")
def test_a_long_list_is_read_side_by_side(em: Emulator, con: Any) -> None:
    em.fill(6_000)
    em.options.latency = 0.03
    assert len(con.sql(ALL).fetchall()) == 6_000
    assert count_overlapping(em) > 4
    assert count_operations(em)[LIST] < 60 * 1.6


@pytest.mark.parametrize("off", ["split", "pushdown"])
def test_splitting_can_be_turned_off(em: Emulator, con: Any, off: str) -> None:
    em.fill(2_500)
    em.options.latency = 0.01
    con.sql(f"SET sqlprov_{off} = off")
    assert len(con.sql(ALL).fetchall()) == 2_500
    assert (count_operations(em)[LIST], count_overlapping(em), windows(em)) == (25, 1, 1)


def test_a_list_that_is_not_long_is_read_page_after_page(em: Emulator, con: Any) -> None:
    em.fill(2_000)
    em.options.latency = 0.01
    assert len(con.sql(ALL).fetchall()) == 2_000
    assert (count_operations(em)[LIST], count_overlapping(em)) == (20, 1)


def test_a_list_out_of_order_is_read_to_its_end() -> None:
    window = list_windows.ListWindow(None, high=100.0)  # type: ignore[arg-type]
    window.note_times([1.0, 2.0, 200.0])
    assert window.is_past_end
    for times in ([1.0, 200.0, 3.0], None):
        window = list_windows.ListWindow(None, high=100.0)  # type: ignore[arg-type]
        window.note_times(times)
        assert not window.is_past_end
        window.note_times([300.0])
        assert not window.is_past_end


@pytest.mark.parametrize("newest", [9.3, 9.9, 500.0])
def test_no_window_requests_more_than_its_list(newest: float) -> None:
    low, high = (datetime.fromtimestamp(at, UTC) for at in (0.5, 9.9))
    splitter = list_windows.WindowSplitter(WINDOWS, 1)
    splitter.newest["own", "us-east-1"] = newest
    window = list_windows.ListWindow(
        ListRead({"account": "own", "region": "us-east-1"}, {"After": low, "Before": high}), pages=1_000
    )
    window.note_times([0.5, 2.5])
    pieces = splitter.split(window, 50)
    assert [(piece.low, piece.high) for piece in pieces] == [(5, 6), (6, 7), (7, 8), (8, 9), (9, math.inf)]
    assert window.high == 5
    for piece in pieces:
        assert low <= piece.read.parameters["After"] < piece.read.parameters["Before"] <= high

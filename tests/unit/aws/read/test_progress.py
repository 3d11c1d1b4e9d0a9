from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from emulator_calls import EXPERIMENTS, LIST, wait_until

import sqlprov
from sqlprov.emulator import Emulator, Fault, Options

REGIONS = ["eu-west-1", "us-east-1", "us-west-2"]
EVERY = f"SELECT name FROM {EXPERIMENTS}"


def test_the_progress_of_an_ended_statement_counts_its_calls(em: Emulator, connect: Any) -> None:
    em.fill(250, ["us-east-1"])
    em.fill(30, ["eu-west-1"])
    result = connect(REGIONS).sql(EVERY)
    assert len(result.fetchall()) == 280
    done = result.progress
    assert (done.calls, done.rows, done.pages) == (5, 280, 5)
    assert (done.regions_done, done.regions, done.throttles) == (3, 3, 0)
    assert result.rows_read == 280
    assert result.progress == done  # the clock has stopped


def test_a_row_that_needs_a_call_counts_when_the_call_has_ended(em: Emulator, connect: Any) -> None:
    em.fill(20, ["us-east-1", "eu-west-1"])
    result = connect(REGIONS).sql(f"SELECT arn FROM {EXPERIMENTS}")
    rows = len(result.fetchall())
    done = result.progress
    assert (done.rows, done.pages, done.calls) == (rows, 3, rows + 3)
    assert (done.regions_done, done.regions) == (3, 3)


def test_progress_is_seen_from_another_thread_while_calls_are_made(em: Emulator, connect: Any) -> None:
    em.fill(900, ["us-east-1"])
    em.options = Options(latency=0.05)
    con = connect(["us-east-1", "eu-west-1"])
    assert con.progress is None
    ended: list[int] = []
    thread = threading.Thread(target=lambda: ended.append(len(con.sql(EVERY).fetchall())))
    thread.start()
    seen = []

    def look() -> bool:
        if progress := con.progress:
            seen.append(progress)
        return bool(ended)

    wait_until(look)
    thread.join()
    assert con.progress is None
    assert ended == [900]
    for name in ("calls", "rows", "pages", "regions_done", "seconds"):
        numbers = [getattr(one, name) for one in seen]
        assert numbers == sorted(numbers), name
    assert {one.regions for one in seen} >= {2}
    assert any(0 < one.rows < 900 and (one.regions_done, one.regions) == (1, 2) for one in seen)


def test_throttles_are_counted_for_the_statement_and_the_call(em: Emulator, con: sqlprov.Connection) -> None:
    em.fill(3)
    em.inject(Fault("throttle", times=2))
    result = con.sql(EVERY)
    assert len(result.fetchall()) == 3
    assert [(call.throttles, call.attempts) for call in result.calls] == [(2, 3)]
    assert result.progress.throttles == 2


def test_the_summary_shows_rows_calls_time_and_missing_reads(
    em: Emulator, connect: Callable[..., sqlprov.Connection]
) -> None:
    em.fill(250)
    em.options = Options(denied_regions={"eu-west-1"})
    con = connect(["us-east-1", "eu-west-1"], on_error="warn")
    whole = con.sql(f"{EVERY} WHERE region = 'us-east-1'")
    whole.fetchall()
    words = whole.summary.split(", ")
    assert words[:2] == ["250 rows", "3 calls"]
    assert words[2].endswith(" s")
    assert words[3:] == []
    part = con.sql(EVERY)
    part.fetchall()
    assert part.summary.endswith(" s, incomplete: 1 read failed")
    begun = con.sql(f"{EVERY} WHERE region = 'us-east-1'")
    next(begun.batches())
    assert begun.summary.endswith("not read to the end")
    assert con.sql("SET sqlprov_concurrency = 2").summary.startswith("0 calls, ")
    assert con.sql("CREATE TABLE t AS SELECT 1 AS a FROM range(1000)").summary.startswith(
        "1,000 rows changed"
    )
    assert LIST in {call.operation for call in whole.calls}

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest
from emulator_calls import EXPERIMENTS, add_experiment, wait_until_idle

import sqlprov
from sqlprov.emulator import Emulator

LIST = f"SELECT name FROM {EXPERIMENTS}"
DETAILS = f"SELECT endpoint_name FROM {EXPERIMENTS}"
"""One list and a describe for each row."""


def count_calls(em: Emulator) -> int:
    wait_until_idle(em)
    return len(em.calls)


@pytest.mark.parametrize("on_error", ["fail", "warn"])
def test_a_statement_that_needs_more_calls_fails_after_as_many_as_it_may_make(
    em: Emulator, connect: Callable[..., sqlprov.Connection], on_error: str
) -> None:
    em.fill(10)
    con = connect(max_calls=5, on_error=on_error)
    with pytest.raises(sqlprov.BudgetExceeded, match=r"more than 5 calls \(sqlprov_max_calls\)"):
        con.sql(DETAILS).fetchall()
    assert count_calls(em) <= 5  # those in flight at the end are cut off


def test_a_statement_may_make_as_many_calls_as_the_budget_has(
    em: Emulator, connect: Callable[..., sqlprov.Connection]
) -> None:
    em.fill(10)
    con = connect(max_calls=11)
    for _ in range(2):  # each statement has the whole budget
        assert len(con.sql(DETAILS).fetchall()) == 10
    assert count_calls(em) == 22


def test_attempts_and_kept_replies_are_not_calls(
    em: Emulator, connect: Callable[..., sqlprov.Connection]
) -> None:
    em.fill(10)
    con = connect(max_calls=1, cache="60s")
    assert len(con.sql(LIST).fetchall()) == 10
    both = f"SELECT count(*) FROM {EXPERIMENTS} a, {EXPERIMENTS} b WHERE a.name = b.name"
    assert con.sql(both).fetchall() == [(10,)]


def test_a_write_is_not_limited_by_calls(em: Emulator, connect: Callable[..., sqlprov.Connection]) -> None:
    add_experiment(em, "exp-1")
    con = connect(max_calls=1, settle=0)
    con.sql(f"DELETE FROM {EXPERIMENTS} WHERE name = 'exp-1' AND region = 'us-east-1'")
    assert count_calls(em) > 1


def test_a_budget_is_a_whole_number(connect: Callable[..., sqlprov.Connection]) -> None:
    with pytest.raises(sqlprov.DataError, match="sqlprov_max_calls = 'few': expected a whole number"):
        connect().sql("SET sqlprov_max_calls = 'few'")


REGIONS = "('us-east-1', 'us-east-2', 'us-west-1', 'us-west-2', 'eu-west-1', 'eu-west-2')"


@pytest.mark.parametrize("on_error", ["fail", "warn"])
def test_a_statement_that_needs_too_many_calls_at_least_makes_none(
    em: Emulator, connect: Callable[..., sqlprov.Connection], on_error: str
) -> None:
    con = connect(max_calls=5, on_error=on_error)
    with pytest.raises(
        sqlprov.BudgetExceeded, match=r"at least 6 calls, and sqlprov_max_calls allows 5\. Nar"
    ):
        con.sql(f"{LIST} WHERE region IN {REGIONS}").fetchall()
    assert count_calls(em) == 0
    keys = ", ".join(f"'exp-{number}'" for number in range(6))
    with pytest.raises(sqlprov.BudgetExceeded, match="at least 6 calls"):
        con.sql(f"{DETAILS} WHERE name IN ({keys})").fetchall()
    assert count_calls(em) == 0


def test_the_scans_of_a_statement_share_its_budget(
    em: Emulator, connect: Callable[..., sqlprov.Connection]
) -> None:
    con = connect(max_calls=9)
    half = f"SELECT name FROM {EXPERIMENTS} WHERE region IN {REGIONS}"
    with pytest.raises(sqlprov.BudgetExceeded, match="at least 12 calls"):
        con.sql(f"{half} UNION ALL {half}").fetchall()
    assert count_calls(em) == 0


def test_a_limit_or_an_empty_answer_needs_fewer_calls(
    em: Emulator, connect: Callable[..., sqlprov.Connection]
) -> None:
    em.fill(3, ["eu-west-1"])
    con = connect(max_calls=6)
    assert len(con.sql(f"{LIST} WHERE region IN {REGIONS} LIMIT 2").fetchall()) == 2
    assert con.sql(f"{LIST} WHERE region = 'nowhere'").fetchall() == []


@pytest.mark.parametrize(
    ("query", "text", "least", "most"),
    [
        (LIST, "at least 1 call", 1, None),
        (f"{LIST} WHERE region IN {REGIONS}", "at least 6 calls", 6, None),
        (f"{LIST} WHERE region IN {REGIONS} LIMIT 1", "at least 1 call", 1, None),
        (f"{DETAILS} WHERE name = 'a'", "1 call", 1, 1),
        (f"SELECT tags FROM {EXPERIMENTS} WHERE name IN ('a', 'b')", "2 to 4 calls", 2, 4),
    ],
)
def test_explain_says_how_many_calls_there_are(
    connect: Callable[..., sqlprov.Connection], query: str, text: str, least: int, most: int | None
) -> None:
    con = connect()
    assert f"\n  {text}\n" in dict(con.sql(f"EXPLAIN {query}").fetchall())["calls"]
    (scan,) = orjson.loads(dict(con.sql(f"EXPLAIN (FORMAT json) {query}").fetchall())["calls"])
    assert (scan["least_calls"], scan["most_calls"], scan["least_seconds"]) == (least, most, None)


def test_explain_promises_no_call_that_others_may_save(connect: Callable[..., sqlprov.Connection]) -> None:
    joined = f"{DETAILS} WHERE name IN (SELECT endpoint_config_name FROM aws.sagemaker.endpoints)"
    for con, query in ((connect(), joined), (connect(cache="60s"), LIST)):
        calls = dict(con.sql(f"EXPLAIN (FORMAT json) {query}").fetchall())["calls"]
        scan = next(scan for scan in orjson.loads(calls) if scan["table"] == EXPERIMENTS)
        assert scan["least_calls"] == 0


def test_explain_tells_the_time_at_the_rate_that_the_service_accepts(
    em: Emulator, connect: Callable[..., sqlprov.Connection]
) -> None:
    em.fill(60)
    con = connect(max_attempts=100)
    em.options.throttle = 5
    con.sql(f"{DETAILS} LIMIT 25").fetchall()
    keys = ", ".join(f"'exp-{number}'" for number in range(20))
    query = f"{DETAILS} WHERE name IN ({keys}) AND region = 'us-east-1'"
    (scan,) = orjson.loads(dict(con.sql(f"EXPLAIN (FORMAT json) {query}").fetchall())["calls"])
    assert scan["least_calls"] == 20
    assert 0 < scan["least_seconds"] <= 20 / 2  # the lowest rate is 2 calls a second
    assert "s or more at the rate that the service accepts" in con.sql(f"EXPLAIN {query}").fetchall()[0][1]

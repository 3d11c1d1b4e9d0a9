from __future__ import annotations

from collections.abc import Callable

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

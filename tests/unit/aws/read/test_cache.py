"""`sqlprov_cache`: replies of earlier reads instead of calls."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import duckdb
import pytest
from emulator_calls import (
    DESCRIBE,
    EXPERIMENTS,
    LIST,
    TAGS,
    add_experiment,
    count_in_flight,
    count_operations,
    wait_until,
    wait_until_idle,
)

import sqlprov
from sqlprov.aws.transport import reply_cache
from sqlprov.aws.transport.run import Run
from sqlprov.emulator import Emulator, Fault, Options
from sqlprov.errors import BrokenReply, Cancelled, DataError
from sqlprov.settings import Settings

EVERY = f"SELECT name, status FROM {EXPERIMENTS}"
Connect = Callable[..., sqlprov.Connection]


@pytest.fixture
def cached(em: Emulator, connect: Connect) -> sqlprov.Connection:
    """A connection with a cache, to three pages of experiments."""
    em.fill(250)
    return connect(cache="60s")


def age_replies(con: sqlprov.Connection, seconds: float) -> None:
    """Make the kept replies of a connection older."""
    for listing in con._session.accounts.own.replies._listings.values():
        listing.began -= seconds
        listing.latest -= seconds


def test_a_second_statement_makes_no_call_and_shows_the_age(em: Emulator, cached: sqlprov.Connection) -> None:
    first = cached.sql(EVERY)
    rows = first.fetchall()
    assert len(rows) == 250
    assert (first.age, count_operations(em)) == (None, {LIST: 3})
    add_experiment(em, "later")
    age_replies(cached, 42)
    second = cached.cursor().sql(EVERY)
    assert second.fetchall() == rows
    assert second.calls == []
    assert second.age is not None and 42 <= second.age < 60
    assert f", up to {second.age:.0f} s old" in second.summary
    # Other columns of the same list.
    assert cached.sql(f"SELECT count(creation_time) FROM {EXPERIMENTS}").fetchall() == [(250,)]
    assert count_operations(em) == {LIST: 3}
    age_replies(cached, 18)
    third = cached.sql(EVERY)
    assert len(third.fetchall()) == 251
    assert third.age is None
    assert "old" not in third.summary


def test_describes_and_tags_are_kept_too(em: Emulator, connect: Connect) -> None:
    con = connect(cache="60s")
    em.fill(5)
    query = f"SELECT name, arn, tags FROM {EXPERIMENTS} ORDER BY name"
    rows = con.sql(query).fetchall()
    assert count_operations(em) == {LIST: 1, DESCRIBE: 5, TAGS: 5}
    assert con.sql(query).fetchall() == rows
    assert len(em.calls) == 11


def test_without_the_setting_each_statement_calls(em: Emulator, con: sqlprov.Connection) -> None:
    em.fill(5)
    for _ in range(2):
        assert con.sql(EVERY).age is None
    assert con.sql("SET sqlprov_cache = '5m'").fetchall() == []
    assert dict(row[:2] for row in con.sql("SHOW sqlprov_cache").fetchall()) == {"sqlprov_cache": "300s"}
    before = len(em.calls)
    con.sql(EVERY).fetchall()
    con.sql(EVERY).fetchall()
    con.sql("SET sqlprov_cache = off")
    con.sql(EVERY).fetchall()
    assert len(em.calls) == before + 2


@pytest.mark.parametrize("value", ["soon", "5d", "-1", "61m", "on", "m"])
def test_a_value_that_is_not_a_duration_is_an_error(con: sqlprov.Connection, value: str) -> None:
    with pytest.raises(DataError, match=r"sqlprov_cache = .*expected"):
        con.sql(f"SET sqlprov_cache = '{value}'")


def test_ten_statements_at_once_list_once(em: Emulator, cached: sqlprov.Connection) -> None:
    em.options = Options(latency=0.05)
    barrier = threading.Barrier(10)

    def run(cursor: sqlprov.Connection) -> int:
        barrier.wait()
        return len(cursor.sql(EVERY).fetchall())

    with ThreadPoolExecutor(10) as pool:
        counts = list(pool.map(run, [cached.cursor() for _ in range(10)]))
    assert counts == [250] * 10
    assert count_operations(em) == {LIST: 3}


def test_a_statement_that_waits_for_a_cancelled_one_makes_the_call_itself(
    em: Emulator, cached: sqlprov.Connection
) -> None:
    em.options = Options(latency=60)
    first, second = cached.cursor(), cached.cursor()
    with ThreadPoolExecutor(2) as pool:
        cancelled = pool.submit(lambda: first.sql(EVERY).fetchall())
        wait_until(lambda: count_in_flight(em) == 1)
        listing = next(iter(cached._session.accounts.own.replies._listings.values()))
        waiting = pool.submit(lambda: second.sql(EVERY).fetchall())
        assert listing.pending is not None
        pending = listing.pending
        wait_until(lambda: len(pending._done_callbacks) == 1)
        em.options.latency = 0
        first.cancel()
        assert isinstance(cancelled.exception(30), Cancelled)
        assert len(waiting.result(30)) == 250


def test_a_waiting_statement_can_be_cancelled(em: Emulator, cached: sqlprov.Connection) -> None:
    em.options = Options(latency=60)
    first, second = cached.cursor(), cached.cursor()
    with ThreadPoolExecutor(2) as pool:
        calling = pool.submit(lambda: first.sql(EVERY).fetchall())
        wait_until(lambda: count_in_flight(em) == 1)
        pending = next(iter(cached._session.accounts.own.replies._listings.values())).pending
        waiting = pool.submit(lambda: second.sql(EVERY).fetchall())
        assert pending is not None
        wait_until(lambda: len(pending._done_callbacks) == 1)
        second.cancel()
        assert isinstance(waiting.exception(30), Cancelled)
        first.cancel()
        assert isinstance(calling.exception(30), Cancelled)


def test_a_failed_call_is_not_kept_and_each_waiting_statement_makes_its_own(
    em: Emulator, cached: sqlprov.Connection
) -> None:
    em.options = Options(latency=0.05, denied_actions={LIST})
    with ThreadPoolExecutor(4) as pool:
        errors = list(pool.map(lambda con: _find_error(con, EVERY), [cached.cursor() for _ in range(4)]))
    assert errors == ["AccessDenied"] * 4
    em.options = Options()
    assert len(cached.sql(EVERY).fetchall()) == 250


def _find_error(con: sqlprov.Connection, query: str) -> str:
    try:
        con.sql(query).fetchall()
    except sqlprov.Error as error:
        return type(error).__name__
    return ""


def test_a_list_that_failed_in_the_middle_begins_again(em: Emulator, cached: sqlprov.Connection) -> None:
    cached.sql("SET sqlprov_max_attempts = 1")
    em.inject(Fault("truncated", operation=LIST, at=2))
    with pytest.raises(BrokenReply):
        cached.sql(EVERY).fetchall()
    wait_until_idle(em)
    em.reset_calls()
    assert len(cached.sql(EVERY).fetchall()) == 250
    assert [call.parameters.get("NextToken") is None for call in em.calls] == [True, False, False]


# Pages of one list come from one listing


def test_a_list_not_read_to_its_end_is_kept_while_its_token_lives(
    em: Emulator, cached: sqlprov.Connection
) -> None:
    limited = f"{EVERY} LIMIT 5"
    cached.sql(limited).fetchall()
    assert len(cached.sql(limited).fetchall()) == 5
    assert count_operations(em) == {LIST: 1}
    assert len(cached.sql(EVERY).fetchall()) == 250
    assert count_operations(em) == {LIST: 3}
    # Read to its end, it needs no token any more.
    age_replies(cached, reply_cache.TOKEN_LIFE)
    assert len(cached.sql(EVERY).fetchall()) == 250
    assert count_operations(em) == {LIST: 3}
    cached._session.accounts.own.replies.clear()
    em.reset_calls()
    cached.sql(limited).fetchall()
    age_replies(cached, reply_cache.TOKEN_LIFE)
    assert len(cached.sql(EVERY).fetchall()) == 250
    assert count_operations(em) == {LIST: 4}


def test_the_oldest_replies_are_dropped_first(
    em: Emulator, cached: sqlprov.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reply_cache, "MOST_BYTES", 100_000)
    cached.sql(EVERY).fetchall()
    replies = cached._session.accounts.own.replies
    (whole,) = replies._listings.values()
    assert 0 < replies._size == sum(map(len, whole.replies)) < 100_000
    for at in range(10):
        found = f"{EVERY} WHERE name LIKE '%{at}%'"
        assert cached.sql(found).fetchall() == [
            row for row in cached.sql(EVERY).fetchall() if f"{at}" in row[0]
        ]
        assert replies._size == sum(
            len(reply) for each in replies._listings.values() for reply in each.replies
        )
        assert replies._size <= 100_000
    # One that is too large is read without the cache.
    monkeypatch.setattr(reply_cache, "MOST_BYTES", 10_000)
    replies.clear()
    assert len(cached.sql(EVERY).fetchall()) == 250
    assert replies._listings == {}


# Writes


def test_a_write_uses_no_kept_reply_and_drops_them(em: Emulator, connect: Connect) -> None:
    con = connect(cache="60s")
    add_experiment(em, "exp-1", Description="before")
    query = f"SELECT description FROM {EXPERIMENTS} WHERE name = 'exp-1'"
    assert con.sql(query).fetchall() == [("before",)]
    other = connect()
    other.sql(f"UPDATE {EXPERIMENTS} SET description = 'changed elsewhere' WHERE name = 'exp-1'")
    assert con.sql(query).fetchall() == [("before",)]
    update = f"UPDATE {EXPERIMENTS} SET description = description || '!' WHERE name = 'exp-1'"
    planned = con.sql(f"EXPLAIN {update}").fetchall()
    assert "changed elsewhere!" in repr(planned)
    assert con.sql(query).fetchall() == [("before",)]
    assert con.sql(f"{update} RETURNING description").fetchall() == [("changed elsewhere!",)]
    assert con.sql(query).fetchall() == [("changed elsewhere!",)]


def test_a_reply_that_a_write_overtook_is_not_kept() -> None:
    replies, run = reply_cache.ReplyCache(), Run(Settings().with_value("cache", "60s"))

    def read(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        return replies.read(run, "list", reply_cache.ListingReader(), lambda _: True, call)

    def call_during_a_write() -> dict[str, Any]:
        replies.clear()
        return {"Rows": ["before"]}

    assert read(call_during_a_write) == {"Rows": ["before"]}
    assert read(lambda: {"Rows": ["after"]}) == {"Rows": ["after"]}
    assert read(call_during_a_write) == {"Rows": ["after"]}


# Disagreement


def test_a_kept_list_whose_only_row_is_gone_is_no_error(em: Emulator, connect: Connect) -> None:
    con = connect(cache="60s")
    add_experiment(em, "exp-1")
    assert con.sql(f"SELECT name FROM {EXPERIMENTS}").fetchall() == [("exp-1",)]
    connect().sql(f"DELETE FROM {EXPERIMENTS} WHERE name = 'exp-1'")
    assert con.sql(f"SELECT name, arn FROM {EXPERIMENTS}").fetchall() == []


def test_another_identity_gets_no_kept_reply(em: Emulator, cached: sqlprov.Connection) -> None:
    cached.sql(EVERY).fetchall()
    cached._session.accounts.own.get_session().set_credentials("AKIAOTHER", "secret")
    cached.sql(EVERY).fetchall()
    assert count_operations(em) == {LIST: 6}


# Where it shows


def test_explain_names_the_setting(cached: sqlprov.Connection) -> None:
    ((_, calls), _) = cached.sql(f"EXPLAIN {EVERY}").fetchall()
    assert calls.endswith("Replies up to 60s old are used instead of calls (sqlprov_cache).")


def test_doctor_asks_the_service(em: Emulator, connect: Connect) -> None:
    con = connect(cache="60s")
    for _ in range(2):
        checks = {check.name: check.status.value for check in con.diagnose()}
        assert checks["clock"] == "ok"


def test_an_attached_table_is_read_once(em: Emulator) -> None:
    em.fill(250)
    con = duckdb.connect()
    tables = sqlprov.attach(
        con,
        "sagemaker.inference_experiments",
        regions="us-east-1",
        endpoint_url=em.url,
        settings={"cache": "60s"},
    )
    for _ in range(3):
        assert con.sql(f"SELECT count(status) FROM {EXPERIMENTS}").fetchall() == [(250,)]
    assert len(tables.calls) == 3

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from emulator_calls import (
    DESCRIBE,
    EXPERIMENTS,
    LIST,
    TAGS,
    add_experiment,
    cancel_in_flight,
    count_operations,
    count_overlapping,
    wait_until_idle,
)

import sqlprov
from sqlprov.aws.transport.pool import WIDEST, WIDTH, Pool
from sqlprov.emulator import Emulator, Options

STS = "GetCallerIdentity"


@pytest.fixture(scope="module")
def full() -> Iterator[Emulator]:
    with Emulator() as emulator:
        emulator.fill(2000)
        yield emulator


@pytest.fixture
def many(full: Emulator) -> Emulator:
    """2,000 experiments in us-east-1 that no test changes."""
    full.options = Options()
    wait_until_idle(full)
    full.reset_calls()
    return full


@pytest.fixture
def calls(many: Emulator, shared: sqlprov.Connection) -> Any:
    """The number of calls of each operation for a query, and its rows."""
    shared.sql("RESET sqlprov_concurrency")

    def calls(query: str) -> tuple[dict[str, int], list[tuple[Any, ...]]]:
        rows = shared.sql(query.format(t=EXPERIMENTS)).fetchall()
        wait_until_idle(many)
        return count_operations(many), rows

    return calls


# What a query needs


@pytest.mark.parametrize(
    "query",
    [
        "SELECT name FROM {t} LIMIT 5",
        "SELECT name, region, data__Identifier FROM {t} LIMIT 100",
        "SELECT EXISTS (FROM {t})",
        "SELECT EXISTS (SELECT 1 FROM {t} WHERE status = 'Completed')",
        "SELECT 1 FROM {t} LIMIT 1",
        "SELECT name FROM {t} WHERE status_reason IS NULL LIMIT 5",
        "SELECT name FROM {t} WHERE creation_time < '2099-01-01' LIMIT 5 OFFSET 20",
    ],
)
def test_one_page_is_enough(calls: Any, query: str) -> None:
    made, rows = calls(query)
    assert rows
    assert made == {LIST: 1}


@pytest.mark.parametrize(
    "query",
    ["SELECT count(*) FROM {t}", "SELECT sum(1) FROM (SELECT 1 FROM {t})", "SELECT count(name) FROM {t}"],
)
def test_count_makes_list_calls_only(calls: Any, query: str) -> None:
    assert calls(query) == ({LIST: 20}, [(2000,)])


def test_list_columns_need_no_further_call(calls: Any) -> None:
    made, rows = calls(
        "SELECT name, type, status, status_reason, description, schedule, role_arn, creation_time, "
        "completion_time, last_modified_time, desired_state, region, data__Identifier FROM {t}"
    )
    assert len(rows) == 2000
    assert made == {LIST: 20}


def test_a_describe_column_costs_one_describe_a_row_and_no_tags(calls: Any) -> None:
    made, rows = calls("SELECT endpoint_name FROM {t} WHERE status = 'Starting' AND schedule IS NULL")
    assert rows
    assert made == {LIST: 2, DESCRIBE: len(rows)}


def test_tags_cost_one_describe_for_the_arn_and_one_list_tags_a_row(calls: Any) -> None:
    made, rows = calls("SELECT tags FROM {t} WHERE status = 'Starting' AND schedule IS NULL")
    assert rows
    assert made == {LIST: 2, DESCRIBE: len(rows), TAGS: len(rows)}


def test_tags_need_no_describe_if_the_list_has_the_arn(em: Emulator, con: Any) -> None:
    for name in ("a", "b"):
        em.add("Model", "us-east-1", {"ModelName": name, "Tags": {"k": name}})
    rows = con.sql("SELECT model_name, tags FROM aws.sagemaker.models ORDER BY 1").fetchall()
    assert rows == [(name, [{"Key": "k", "Value": name}]) for name in ("a", "b")]
    assert count_operations(em) == {"ListModels": 1, TAGS: 2}


def test_a_limit_does_not_describe_a_whole_page(calls: Any) -> None:
    made, rows = calls("SELECT * FROM {t} LIMIT 2")
    assert len(rows) == 2
    assert made == {LIST: 1, DESCRIBE: 2, TAGS: 2}


@pytest.mark.parametrize(
    "condition",
    [
        "status = 'Completed' AND description IS NULL AND schedule IS NULL",
        "name >= 's' AND status IN ('Starting', 'Stopping')",
        "NOT (status <> 'Updating' OR type <> 'ShadowMode')",
    ],
)
def test_conditions_on_list_columns_spare_describes(calls: Any, condition: str) -> None:
    made, rows = calls(f"SELECT name, endpoint_name FROM {{t}} WHERE {condition}")
    assert 0 < len(rows) < 500
    assert made[DESCRIBE] == len(rows)


def test_exists_over_a_described_column_stops_early(calls: Any) -> None:
    made, rows = calls("SELECT EXISTS (SELECT 1 FROM {t} WHERE endpoint_name LIKE 'endpoint-%')")
    assert rows == [(True,)]
    assert made[LIST] == 1
    assert made[DESCRIBE] <= 4 + 8  # each of DuckDB's two threads takes a batch


@pytest.mark.parametrize(
    "condition",
    [
        "region = 'us-east-1' AND region = 'eu-west-1'",
        "creation_time > '2024-01-01' AND creation_time < '2023-01-01'",
        "status = 'Running' AND status = 'Created'",
        "false",
    ],
)
def test_a_condition_that_no_row_can_meet_makes_no_call(calls: Any, condition: str) -> None:
    assert calls(f"SELECT * FROM {{t}} WHERE {condition}") == ({}, [])


@pytest.mark.parametrize("condition", ["name = 'O''Brien'", "status = 'running'", "status = 'Paused'"])
def test_a_value_that_the_model_does_not_know_is_looked_for_in_the_list(calls: Any, condition: str) -> None:
    made, rows = calls(f"SELECT * FROM {{t}} WHERE {condition}")
    assert (set(made), rows) == ({LIST}, [])


def test_the_tables_errors_and_regions_make_no_call(calls: Any) -> None:
    made, rows = calls("SELECT count(*) FROM aws.regions, (SELECT count(*) FROM sqlprov.errors)")
    assert made == {}
    assert rows[0][0] > 20


# The account


def test_the_account_is_read_once_a_session_by_all_threads(em: Emulator, con: Any) -> None:
    add_experiment(em, "a")
    em.options.latency = 0.1
    query = f"SELECT a.account_id FROM {EXPERIMENTS} a JOIN {EXPERIMENTS} b USING (name, account_id)"
    cursors = [con.cursor() for _ in range(3)]
    rows: list[Any] = []
    threads = [threading.Thread(target=lambda c=c: rows.extend(c.sql(query).fetchall())) for c in cursors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows == [(em.account_id,)] * 3
    assert con.sql(query).fetchall() == [(em.account_id,)]
    assert count_operations(em)[STS] == 1


def test_the_account_is_read_from_the_arn_where_a_call_returns_one(em: Emulator, con: Any) -> None:
    add_experiment(em, "a")
    em.add("Model", "us-east-1", {"ModelName": "m"})
    assert con.sql("SELECT account_id FROM aws.sagemaker.models").fetchall() == [(em.account_id,)]
    assert con.sql(f"SELECT account_id, kms_key FROM {EXPERIMENTS}").fetchall() == [(em.account_id, None)]
    assert con.sql(f"SELECT account_id FROM {EXPERIMENTS} WHERE name = 'a'").fetchall() == [(em.account_id,)]
    assert STS not in count_operations(em)


# How many at once, how far ahead


@pytest.mark.parametrize("most", [1, 4, 16])
def test_no_more_calls_are_in_flight_than_allowed(many: Emulator, shared: Any, most: int) -> None:
    many.options.latency = 0.02
    shared.sql(f"SET sqlprov_concurrency = {most}")
    rows = shared.sql(
        f"SELECT name, arn FROM {EXPERIMENTS} WHERE status IN ('Starting', 'Updating') LIMIT 60"
    ).fetchall()
    wait_until_idle(many)
    assert len(rows) == 60
    assert count_overlapping(many) <= most
    assert count_overlapping(many) >= most - most // 4, "the calls are not concurrent"


def test_more_calls_are_in_flight_while_nothing_is_throttled(many: Emulator, shared: Any) -> None:
    many.options.latency = 0.1
    shared.sql("RESET sqlprov_concurrency")
    shared.sql(f"SELECT name, arn FROM {EXPERIMENTS} LIMIT 400").fetchall()
    wait_until_idle(many)
    assert 2 * WIDTH < count_overlapping(many) <= WIDEST


def test_a_throttle_takes_the_calls_in_flight_back_to_the_first_width() -> None:
    pool = Pool(None)
    for _ in range(WIDEST):
        pool.widen()
    assert pool.width == WIDEST
    pool.narrow()
    assert pool.width == WIDTH


def test_two_tables_share_the_limit_on_calls_in_flight(em: Emulator, con: Any) -> None:
    for number in range(40):
        add_experiment(em, f"e-{number}", EndpointName=f"p-{number}")
        em.add("Endpoint", "us-east-1", {"EndpointName": f"p-{number}"})
    em.options.latency = 0.02
    con.sql("SET sqlprov_concurrency = 4")
    rows = con.sql(
        f"SELECT e.name, p.failure_reason, e.account_id FROM {EXPERIMENTS} e "
        "JOIN aws.sagemaker.endpoints p USING (endpoint_name)"
    ).fetchall()
    assert len(rows) == 40
    assert count_overlapping(em) <= 4


@pytest.mark.parametrize("where", ["name = 'x'", "true"])
def test_many_regions_are_read_at_once(em: Emulator, con: Any, where: str) -> None:
    regions = con.sql("SELECT region FROM aws.regions WHERE partition = 'aws' ORDER BY region LIMIT 20")
    names = tuple(region for (region,) in regions.fetchall())
    assert len(names) > WIDTH
    query = f"SELECT name FROM {EXPERIMENTS} WHERE {where} AND region IN {names}"
    cancel_in_flight(con, em, query, len(names))
    assert sorted(call.region for call in em.calls) == list(names)


def ahead(em: Emulator, con: Any, query: str, operation: str, rows_per_call: int) -> list[int]:
    """The number of calls by which the scan is ahead of a reader, after each batch."""
    lead = []
    read = 0
    with con.sql(query) as result:
        for batch in result.batches():
            read += batch.num_rows
            wait_until_idle(em)
            lead.append(count_operations(em)[operation] - -(-read // rows_per_call))
    return lead


def test_the_scan_stays_a_few_pages_ahead_of_a_slow_reader(em: Emulator, con: Any) -> None:
    em.fill(3_000)
    lead = ahead(em, con, f"SELECT name, status, creation_time FROM {EXPERIMENTS}", LIST, 100)
    print(lead)
    assert len(lead) > 20
    assert max(lead) <= 10


def test_describes_stay_a_few_batches_ahead_of_a_slow_reader(em: Emulator, con: Any) -> None:
    em.fill(1_000)
    con.sql("SET sqlprov_concurrency = 16")
    lead = ahead(em, con, f"SELECT name, arn FROM {EXPERIMENTS}", DESCRIBE, 1)
    assert max(lead) <= 320  # five batches of 64, the largest


def test_a_machine_with_one_core_streams_too(em: Emulator, connect: Any, monkeypatch: Any) -> None:
    em.fill(3_000)
    opened = duckdb.connect
    monkeypatch.setattr(
        duckdb, "connect", lambda *given, **more: opened(*given, **more, config={"threads": 1})
    )
    with connect().sql(f"SELECT name FROM {EXPERIMENTS}") as result:
        assert result.fetchone()
        wait_until_idle(em)
        assert count_operations(em)[LIST] < 20

"""The tables of one statement are read together, and each only once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from emulator_calls import (
    DESCRIBE,
    EXPERIMENTS,
    LIST,
    add_experiment,
    cancel_in_flight,
    count_operations,
    wait_until_idle,
)

import sqlprov
from sqlprov.aws.read.prefetch import Prefetches
from sqlprov.aws.transport.run import Run
from sqlprov.duck.explain_plan import SCAN, walk_scans
from sqlprov.duck.scans import Scans
from sqlprov.emulator import Emulator, Fault, Options
from sqlprov.plan.read import ReadPlan

ENDPOINTS, MODELS = "aws.sagemaker.endpoints", "aws.sagemaker.models"
JOIN = f"""
    SELECT e.name, p.endpoint_status, m.model_arn FROM {EXPERIMENTS} e
    JOIN {ENDPOINTS} p ON p.endpoint_name = e.endpoint_name
    LEFT JOIN {MODELS} m ON m.model_name = e.name ORDER BY 1"""


@pytest.fixture
def connect(connect: Callable[..., sqlprov.Connection]) -> Callable[..., sqlprov.Connection]:
    """Connections whose scans do not wait for each other."""
    return partial(connect, sideways="off")


@pytest.fixture
def cloud(em: Emulator) -> Emulator:
    for number in range(250):
        status = ("Created", "Running")[number % 2]
        add_experiment(em, f"e-{number:03}", Status=status, EndpointName=f"p-{number % 5}")
        em.add("Model", "us-east-1", {"ModelName": f"e-{number:03}"})
    for number in range(5):
        em.add("Endpoint", "us-east-1", {"EndpointName": f"p-{number}"})
    return em


QUERIES = [
    JOIN,
    f"SELECT count(*) FROM {EXPERIMENTS} a JOIN {EXPERIMENTS} b ON a.name = b.name",
    f"SELECT name FROM {EXPERIMENTS} UNION ALL SELECT model_name FROM {MODELS}",
    f"SELECT count(*) FROM {EXPERIMENTS} WHERE endpoint_name IN (SELECT endpoint_name FROM {ENDPOINTS})",
    f"SELECT count(*) FROM {EXPERIMENTS} e WHERE NOT EXISTS (FROM {MODELS} m WHERE m.model_name = e.name)",
    f"SELECT count(*), (SELECT count(*) FROM {MODELS}) FROM {EXPERIMENTS}",
    f"SELECT count(e.schedule.EndTime) FROM {EXPERIMENTS} e JOIN {MODELS} m ON m.model_name = e.name",
    f"WITH c AS MATERIALIZED (FROM {EXPERIMENTS}) SELECT count(*) FROM c a JOIN c b ON a.name = b.name",
    f"SELECT count(*) FROM {EXPERIMENTS} e, {MODELS} m WHERE e.name = m.model_name AND m.creation_time > '2020-01-01'",
    f"SELECT count(*) FROM {EXPERIMENTS} e, {MODELS} m WHERE e.name = m.model_name AND e.creation_time < now()",
    f"""SELECT count(*) FROM {EXPERIMENTS} e, {MODELS} m WHERE e.name = m.model_name AND e.status <> '"__ctx_'""",
    f"""SELECT count(*) FROM {EXPERIMENTS} e, {MODELS} m
        WHERE e.name = m.model_name AND m.model_arn <> '("__ctx_aws__sagemaker__endpoints" = ''q1'')'""",
    f"SELECT max(e.account_id) FROM {EXPERIMENTS} e, {MODELS} m WHERE e.name = m.model_name",
    # Two scans of one table that cannot share rows: other columns, fewer rows.
    f"SELECT count(a.status), count(b.type) FROM {EXPERIMENTS} a JOIN {EXPERIMENTS} b ON a.name = b.name",
    f"""SELECT min(a.status) FROM {EXPERIMENTS} a JOIN {EXPERIMENTS} b
        ON length(a.endpoint_name) = length(b.endpoint_name)""",
    f"""SELECT count(*), max(a.status), max(a.arn), max(b.arn) FROM {EXPERIMENTS} a JOIN {EXPERIMENTS} b
        ON left(a.name, 4) = left(b.name, 4) WHERE b.status IN ('Completed', 'Running')""",
]


@pytest.mark.parametrize("query", QUERIES)
def test_prefetch_changes_neither_calls_nor_rows(cloud: Emulator, connect: Any, query: str) -> None:
    con = connect(prefetch="off")
    expected = sorted(con.sql(query).fetchall())
    wait_until_idle(cloud)
    made = count_operations(cloud)
    cloud.reset_calls()
    assert sorted(connect().sql(query).fetchall()) == expected
    wait_until_idle(cloud)
    assert count_operations(cloud) == made
    assert query != JOIN or made == {LIST: 3, DESCRIBE: 250, "ListEndpoints": 1, "ListModels": 3}


@pytest.mark.parametrize("predicted", [True, False])
def test_a_prefetch_that_is_not_needed_ends_with_the_statement(
    cloud: Emulator, con: Any, monkeypatch: pytest.MonkeyPatch, predicted: bool
) -> None:
    if not predicted:
        monkeypatch.setattr(Prefetches, "take", lambda self, plan, run: None)
    # No endpoint is left to join with: DuckDB ends after the first rows of 25 pages.
    query = f"""SELECT count(*) FROM {EXPERIMENTS} e JOIN {ENDPOINTS} p ON p.endpoint_name = e.endpoint_name
                WHERE p.endpoint_status = 'Failed'"""
    cloud.options = Options(largest_page=10, latency=0.05)
    assert con.sql(query).fetchall() == [(0,)]
    wait_until_idle(cloud)
    assert count_operations(cloud)[LIST] < 15


def test_a_wrong_prediction_costs_calls_and_no_row(
    cloud: Emulator, con: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    con.sql("SET sqlprov_prefetch = off")
    expected = con.sql(JOIN).fetchall()
    con.sql("SET sqlprov_prefetch = on")
    monkeypatch.setattr(Prefetches, "take", lambda self, plan, run: None)
    wait_until_idle(cloud)
    cloud.reset_calls()
    assert con.sql(JOIN).fetchall() == expected
    assert count_operations(cloud)["ListEndpoints"] == 2


def test_an_error_of_a_prefetched_table_is_raised_as_without_prefetch(cloud: Emulator, connect: Any) -> None:
    con = connect(max_attempts=1)
    cloud.inject(Fault("access_denied", operation="ListModels", times=None))
    with pytest.raises(sqlprov.AccessDenied, match="sagemaker:ListModels"):
        con.sql(JOIN).fetchall()
    con.sql("SET sqlprov_on_error = 'warn'")
    result = con.sql(JOIN)
    assert len(result.fetchall()) == 250
    assert not result.complete


def test_a_scan_that_a_limit_may_end_is_not_prefetched() -> None:
    def scan(name: str) -> dict[str, Any]:
        return {"name": SCAN, "extra_info": name}

    join = {"name": "HASH_JOIN", "children": [scan("probe"), scan("build")]}
    grouped = {"name": "HASH_GROUP_BY", "children": [scan("grouped")]}
    plan = {"name": "LIMIT", "children": [{"name": "UNION", "children": [join, grouped]}]}
    assert [(node["extra_info"], whole) for node, _, whole in walk_scans(plan, "", True)] == [
        ("probe", False),
        ("build", True),
        ("grouped", True),
    ]
    assert all(whole for _, _, whole in walk_scans(join, "", True))


def test_the_lists_of_a_join_are_in_flight_together_until_the_statement_is_cancelled(
    cloud: Emulator, con: Any
) -> None:
    cancel_in_flight(con, cloud, JOIN, 3)
    assert sorted(call.operation for call in cloud.calls) == ["ListEndpoints", LIST, "ListModels"]


@pytest.mark.parametrize("setting", ["pushdown", "prefetch"])
def test_nothing_is_prefetched_where_it_is_switched_off(
    cloud: Emulator, con: Any, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    begun: list[str] = []
    prefetch = Scans.prefetch

    def note(self: Scans, plans: Sequence[ReadPlan], run: Run) -> None:
        begun.extend(plan.table.name for plan in plans)
        prefetch(self, plans, run)

    monkeypatch.setattr(Scans, "prefetch", note)
    assert len(con.sql(JOIN).fetchall()) == 250
    assert sorted(begun) == ["endpoints", "inference_experiments", "models"]
    begun.clear()
    con.sql(f"SET sqlprov_{setting} = off")
    assert len(con.sql(JOIN).fetchall()) == 250
    assert begun == []

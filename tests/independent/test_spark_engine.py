"""`engine=` and the inventory on the workers of Spark and Sail; `make test-spark` installs them beside the project."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from emulator_calls import EXPERIMENTS, LIST, wait_until

import sqlprov
from sqlprov.emulator import Emulator, Fault
from sqlprov.emulator.organization import Member, Organization
from sqlprov.errors import AccessDenied, Cancelled, InterfaceError, NotSupportedError

if find_spec("pyspark") is None:
    pytest.skip("pyspark is not installed; make test-spark installs it", allow_module_level=True)

from spark_cluster import CREDENTIALS, kill_python_workers, only_spark, start

from sqlprov import spark as live

IDS = {"payer": "111111111110", "prod": "111111111111", "stage": "111111111112"}
REGIONS = ("us-east-1", "eu-west-1", "us-west-2", "eu-central-1")
MODELS = "aws.sagemaker.models"
SETTINGS = {"accounts": "organization"}
DAY = "2026-12-01"
QUERIES = [
    f"SELECT account, account_id, region, name, tags FROM {EXPERIMENTS} WHERE account <> 'stage'",
    f"SELECT account, count(*), min(name) FROM {EXPERIMENTS} GROUP BY ALL",
    f"SELECT name, account FROM {EXPERIMENTS} ORDER BY creation_time DESC, account_id, region LIMIT 5",
    f"SELECT upper(type), schedule.StartTime::VARCHAR, status FROM {EXPERIMENTS} WHERE region LIKE 'eu-%'",
    f"SELECT name FROM {EXPERIMENTS} WHERE name IN ('inferenceexperiment-1', 'x') AND region = 'us-east-1'",
    f"SELECT m.account, count(*) FROM {MODELS} m JOIN {EXPERIMENTS} e USING (account_id, region) GROUP BY ALL",
    f"SELECT account, region FROM {MODELS} m WHERE NOT EXISTS (FROM {EXPERIMENTS} e WHERE e.account = m.account "
    "AND e.region = m.region AND e.name = replace(m.model_name, 'model', 'inferenceexperiment'))",
    f"SELECT a.account, b.region FROM {MODELS} a LEFT JOIN {MODELS} b ON a.model_name = b.model_name "
    "AND a.account <> b.account WHERE a.region = 'us-east-1'",
    f"SELECT upper(name) FROM {EXPERIMENTS} UNION SELECT model_name FROM {MODELS} WHERE account = 'prod'",
    f"SELECT name, row_number() OVER (PARTITION BY account ORDER BY region, name) FROM {EXPERIMENTS}",
    f"SELECT model_name FROM {MODELS} WHERE (account, region) IN (SELECT account, min(region) FROM {EXPERIMENTS} "
    "GROUP BY 1)",
    f"SELECT account FROM {MODELS} WHERE 1 = 2",
    "SELECT account, account_id FROM aws.accounts",
]


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A task that takes less than three seconds has no second run."""
    speculation = {"spark_speculation": "true", "spark_speculation_minTaskRuntime": "3s"}
    speculation |= {"spark_speculation_interval": "100ms", "spark_speculation_quantile": "0.5"}
    with start(tmp_path_factory.mktemp("checkpoints"), has_hosts=True, **speculation) as session:
        yield session


@pytest.fixture
def em(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    members = [Member(id_, name) for name, id_ in IDS.items()]
    with Emulator(organization=Organization(members, rows=6, any_key=True)) as emulator:
        yield emulator


@pytest.fixture
def con(em: Emulator) -> Iterator[sqlprov.Connection]:
    with sqlprov.connect(endpoint_url=em.url, region=REGIONS, settings=SETTINGS) as connection:
        yield connection


def count_lists(em: Emulator, operation: str = LIST) -> Counter[tuple[str, str]]:
    """Account's access key and region -> the calls of a list."""
    return Counter((call.access_key, call.region) for call in em.calls if call.operation == operation)


def read(con: sqlprov.Connection, query: str, engine: Any = None) -> Counter[str]:
    return Counter(map(repr, con.sql(query, engine=engine).fetchall()))


@pytest.mark.parametrize("query", QUERIES)
def test_the_rows_are_those_of_the_query_without_an_engine(
    spark: Any, con: sqlprov.Connection, em: Emulator, query: str
) -> None:
    expected = read(con, query)
    em.reset_calls()
    result = con.sql(query, engine=live.Engine(spark, tasks=5))
    assert Counter(map(repr, result.fetchall())) == expected
    for operation, table in ((LIST, EXPERIMENTS), ("ListModels", MODELS)):
        lists = Counter((call.account, call.region) for call in result.calls if call.operation == operation)
        assert sum(lists.values()) == sum(count_lists(em, operation).values())
        assert max(lists.values(), default=0) <= query.count(table)


def test_an_error_is_raised_once_with_all_that_is_missing(
    spark: Any, con: sqlprov.Connection, em: Emulator
) -> None:
    em.inject(Fault("access_denied", operation=LIST, region="eu-west-1", times=None))
    em.inject(Fault("access_denied", operation=LIST, region="us-west-2", times=None))
    with pytest.raises(AccessDenied, match="lacks sagemaker:ListInferenceExperiments") as caught:
        con.sql(f"FROM {EXPERIMENTS}", engine=live.Engine(spark, tasks=12)).fetchall()
    for account in IDS:
        assert f"{account}: ListInferenceExperiments in eu-west-1" in str(caught.value)
        assert f"{account}: ListInferenceExperiments in us-west-2" in str(caught.value)
    assert sum(count_lists(em).values()) <= len(IDS) * len(REGIONS)


def test_rows_that_cannot_be_read_make_the_result_incomplete(
    spark: Any, con: sqlprov.Connection, em: Emulator
) -> None:
    em.inject(Fault("access_denied", operation=LIST, account=IDS["prod"], region="eu-west-1", times=None))
    con.sql("SET sqlprov_on_error = 'warn'")
    result = con.sql(f"SELECT account, region, name FROM {EXPERIMENTS}", engine=live.Engine(spark))
    rows = result.fetchall()
    assert not result.complete
    assert rows and ("prod", "eu-west-1") not in {row[:2] for row in rows}
    errors = con.sql("SELECT account, region, operation FROM sqlprov.errors").fetchall()
    assert errors == [("prod", "eu-west-1", LIST)]


@pytest.mark.parametrize(
    "write", [f"DELETE FROM {MODELS} WHERE model_name = 'm'", f"EXEC {EXPERIMENTS}.stop @Name = 'e'"]
)
def test_a_write_is_refused_before_any_call(
    spark: Any, con: sqlprov.Connection, em: Emulator, write: str
) -> None:
    with pytest.raises(NotSupportedError, match="An engine only reads"):
        con.sql(write, engine=live.Engine(spark))
    assert em.calls == []


def test_a_session_of_spark_is_not_an_engine(spark: Any, con: sqlprov.Connection) -> None:
    with pytest.raises(InterfaceError, match=r"such as sqlprov.spark.Engine\(spark\)"):
        con.sql("SELECT 1", engine=spark)
    with pytest.raises(InterfaceError, match="tasks is a number from 1, not 0"):
        live.Engine(spark, tasks=0)


def hold_one_list(em: Emulator) -> None:
    """Have one list wait for its reply for as long as the test may take."""
    em.inject(Fault("timeout_before", operation=LIST, region="eu-west-1", account=IDS["prod"], hold=600))


@only_spark
def test_a_killed_worker_loses_and_doubles_no_row(spark: Any, con: sqlprov.Connection, em: Emulator) -> None:
    query = f"SELECT account, region, name FROM {EXPERIMENTS}"
    expected = read(con, query)
    em.reset_calls()
    con.sql("SET sqlprov_timeout = 600")
    hold_one_list(em)
    with ThreadPoolExecutor(1) as pool:
        rows = pool.submit(read, con, query, live.Engine(spark, tasks=2))
        wait_until(lambda: any(call.operation == LIST and not call.finished for call in em.calls), 120)
        assert kill_python_workers()
        assert rows.result(300) == expected
    assert sum(count_lists(em).values()) > len(IDS) * len(REGIONS)  # Spark has run a task again
    lists = Counter((call.account, call.region) for call in con.calls if call.operation == LIST)
    assert {*lists.values()} == {1}  # the calls are those of the run whose rows were taken


@only_spark
def test_a_task_that_spark_runs_twice_at_once_loses_and_doubles_no_row(
    spark: Any, con: sqlprov.Connection, em: Emulator
) -> None:
    query = f"SELECT account, region, name FROM {EXPERIMENTS}"
    expected = read(con, query)
    em.reset_calls()
    con.sql("SET sqlprov_timeout = 600")
    hold_one_list(em)
    assert read(con, query, live.Engine(spark, tasks=6)) == expected
    assert sum(count_lists(em).values()) > len(IDS) * len(
        REGIONS
    )  # the second run did not wait for the first


@only_spark  # Sail waits for the calls in flight
def test_a_statement_that_is_cancelled_ends_and_so_do_its_tasks(
    spark: Any, con: sqlprov.Connection, em: Emulator
) -> None:
    con.sql("SET sqlprov_timeout = 600")
    hold_one_list(em)
    with ThreadPoolExecutor(1) as pool:
        rows = pool.submit(read, con, f"FROM {EXPERIMENTS}", live.Engine(spark, tasks=2))
        wait_until(lambda: any(call.operation == LIST and not call.finished for call in em.calls), 120)
        con.cancel()
        assert isinstance(rows.exception(60), Cancelled)
    assert read(con, f"SELECT count(*) FROM {MODELS}", live.Engine(spark)) == read(
        con, f"SELECT count(*) FROM {MODELS}"
    )


def read_manifest(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"manifest-{DAY}.jsonl").read_text().splitlines()]


def test_an_inventory_is_that_of_one_process(
    spark: Any, con: sqlprov.Connection, em: Emulator, tmp_path: Path
) -> None:
    from sqlprov.frontends.inventory.collector import collect

    here, there = tmp_path / "here", tmp_path / "there"
    tables = [MODELS, "aws.sagemaker.endpoint%"]
    done = live.inventory(spark, con, there, tables, date=DAY, workers=4)
    alone = collect(con, here, tables, DAY, report=print)
    assert done.is_complete
    assert (done.counts, done.rows) == (alone.counts, alone.rows)
    entries = {
        folder: sorted((entry["file"], entry["rows"]) for entry in read_manifest(folder) if "file" in entry)
        for folder in (here, there)
    }
    assert entries[here] == entries[there]
    assert sum(count_lists(em, "ListModels").values()) == 2 * len(IDS) * len(REGIONS)
    for file, _ in entries[here]:
        assert read(con, f"FROM '{here / file}'") == read(con, f"FROM '{there / file}'")


def test_a_killed_inventory_goes_on_on_the_workers_without_a_second_call(
    spark: Any, con: sqlprov.Connection, em: Emulator, tmp_path: Path
) -> None:
    script = (
        "import sqlprov, sys; from pathlib import Path\n"
        "from sqlprov.frontends.inventory.collector import collect\n"
        f"con = sqlprov.connect(endpoint_url={em.url!r}, region={REGIONS!r}, settings={SETTINGS!r})\n"
        f"collect(con, Path({str(tmp_path)!r}), [{MODELS!r}], {DAY!r}, workers=2, report=print)"
    )
    em.inject(Fault("timeout_before", operation="ListModels", region="us-west-2", times=None, hold=600))
    running = subprocess.Popen([sys.executable, "-c", script], env={**os.environ})
    manifest = tmp_path / f"manifest-{DAY}.jsonl"
    wait_until(lambda: manifest.exists() and manifest.read_text().count("\n") >= 1, 60)
    wait_until(lambda: sum(call.region == "us-west-2" and not call.finished for call in em.calls) == 2, 60)
    running.send_signal(signal.SIGKILL)
    running.wait()
    em.clear_faults()
    complete = {(entry["account_id"], entry["region"]) for entry in read_manifest(tmp_path)}
    em.reset_calls()
    done = live.inventory(spark, con, tmp_path, [MODELS], date=DAY, workers=4)
    assert done.is_complete
    missing = len(IDS) * len(REGIONS) - len(complete)
    assert sum(count_lists(em, "ListModels").values()) == missing

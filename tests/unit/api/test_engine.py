"""`engine=` gives the scans of a query to workers: the rows, the calls and the errors are those of one process."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from emulator_calls import EXPERIMENTS, LIST, count_operations
from workers import Workers

import sqlprov
from sqlprov.emulator import Emulator, Fault
from sqlprov.emulator.organization import Member, Organization
from sqlprov.errors import (
    AccessDenied,
    BudgetExceeded,
    CredentialsError,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    UnknownName,
)
from sqlprov.plan.read.hints import Contained
from sqlprov.plan.read.predicate import And, Compare, In, IsNull, Not, Opaque, Or
from sqlprov.plan.read.scan_task import ScanTask
from sqlprov.settings import Settings

OWN, PROD, STAGE = "123456789012", "222222222222", "333333333333"
REGIONS = ("us-east-1", "eu-west-1", "us-west-2")
PROD_KEY = "AKIAPROD"
KEY, SECRET = "AKIAONLYFORTHISTEST", "secret-only-for-this-test"
MODELS = "aws.sagemaker.models"
SETTINGS = {"accounts": "organization"}
QUERIES = [
    f"SELECT account, region, name, tags FROM {EXPERIMENTS}",
    f"SELECT account, count(*), min(name) FROM {EXPERIMENTS} GROUP BY ALL",
    f"SELECT name FROM {EXPERIMENTS} ORDER BY creation_time DESC, account_id, region LIMIT 5",
    f"SELECT count(*) FROM {EXPERIMENTS} WHERE account = 'prod' AND region <> 'eu-west-1'",
    f"SELECT name FROM {EXPERIMENTS} WHERE name = 'inferenceexperiment-1'",
    f"SELECT account, model_name FROM {MODELS} WHERE model_name LIKE '%-1%' AND region LIKE 'us-%'",
    f"SELECT m.account, count(*) FROM {MODELS} m JOIN {EXPERIMENTS} e USING (account_id, region) GROUP BY ALL",
    f"SELECT account, region FROM {MODELS} m WHERE NOT EXISTS (FROM {EXPERIMENTS} e WHERE e.account = m.account "
    "AND e.region = m.region AND e.name = replace(m.model_name, 'model', 'inferenceexperiment'))",
    f"SELECT a.account, b.region FROM {MODELS} a LEFT JOIN {MODELS} b ON a.model_name = b.model_name "
    "AND a.account <> b.account WHERE a.region = 'us-east-1'",
    f"SELECT upper(name) FROM {EXPERIMENTS} UNION SELECT model_name FROM {MODELS} WHERE account_id > '2'",
    f"SELECT name, row_number() OVER (PARTITION BY account ORDER BY region, name) FROM {EXPERIMENTS}",
    f"SELECT model_name FROM {MODELS} WHERE creation_time > '2023-12-01' AND (region = 'eu-west-1' OR account IS NULL)",
    f"SELECT account FROM {MODELS} WHERE 1 = 2",
    "SELECT account, account_id FROM aws.accounts",
]


@pytest.fixture
def em(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    members = [Member(OWN, "own"), Member(PROD, "prod", keys=(PROD_KEY,)), Member(STAGE, "stage")]
    with Emulator(organization=Organization(members, rows=4, any_key=True)) as emulator:
        yield emulator


@pytest.fixture
def con(em: Emulator) -> Iterator[sqlprov.Connection]:
    with sqlprov.connect(endpoint_url=em.url, region=REGIONS, settings=SETTINGS) as connection:
        yield connection


@pytest.fixture
def workers() -> Iterator[Workers]:
    made = Workers()
    yield made
    made.close()


@pytest.mark.parametrize("query", QUERIES)
def test_the_rows_and_the_calls_are_those_of_the_query_without_an_engine(
    con: sqlprov.Connection, em: Emulator, workers: Workers, query: str
) -> None:
    whole = con.sql(query)
    expected = Counter(map(repr, whole.fetchall()))
    em.reset_calls()
    result = con.sql(query, engine=workers)
    assert Counter(map(repr, result.fetchall())) == expected
    assert result.complete
    assert result.columns == whole.columns
    assert {call.operation for call in whole.calls} >= {
        call.operation for call in result.calls if call.operation not in ("ListAccounts", "AssumeRole")
    } - {"GetCallerIdentity"}
    lists = Counter(
        (call.account, call.region, call.operation, repr(call.parameters))
        for call in result.calls
        if call.operation.startswith("ListInference")
    )
    assert max(lists.values(), default=0) <= query.count(EXPERIMENTS)


def test_the_calls_of_the_workers_are_those_of_the_result(
    con: sqlprov.Connection, em: Emulator, workers: Workers
) -> None:
    result = con.sql(f"SELECT count(*) FROM {EXPERIMENTS}", engine=workers)
    result.fetchall()
    assert len(workers.sent) == 3
    assert Counter(call.operation for call in result.calls) == count_operations(em)
    assert count_operations(em)[LIST] == 9
    assert result.progress.rows == sum(call.rows for call in result.calls if call.operation == LIST)


def test_like_saves_the_workers_the_same_calls(
    con: sqlprov.Connection, em: Emulator, workers: Workers
) -> None:
    query = f"SELECT name, endpoint_name FROM {EXPERIMENTS} WHERE name LIKE '%-2'"
    whole = con.sql(query).fetchall()
    described = count_operations(em).get("DescribeInferenceExperiment")
    em.reset_calls()
    assert sorted(con.sql(query, engine=workers).fetchall()) == sorted(whole)
    assert count_operations(em).get("DescribeInferenceExperiment") == described == len(whole)


def test_a_child_is_read_with_its_parents(monkeypatch: pytest.MonkeyPatch, workers: Workers) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    query = "SELECT role_name, policy_name FROM aws.iam.attached_role_policies"
    with sqlprov.connect(local=True) as local:
        expected = sorted(local.sql(query).fetchall())
        with sqlprov.connect(endpoint_url=local._session.emulator.url, region=REGIONS) as con:
            assert sorted(con.sql(query, engine=workers).fetchall()) == expected != []


def test_an_error_is_raised_once_and_names_what_each_task_could_not_read(
    con: sqlprov.Connection, em: Emulator
) -> None:
    em.inject(Fault("access_denied", operation=LIST, region="eu-west-1", times=None))
    em.inject(Fault("access_denied", operation=LIST, region="us-west-2", times=None))
    with pytest.raises(AccessDenied, match="lacks sagemaker:ListInferenceExperiments") as caught:
        con.sql(f"FROM {EXPERIMENTS}", engine=Workers(9)).fetchall()
    for account in ("own", "prod", "stage"):
        assert f"{account}: ListInferenceExperiments in eu-west-1" in str(caught.value)
        assert f"{account}: ListInferenceExperiments in us-west-2" in str(caught.value)
    assert caught.value.permission == "sagemaker:ListInferenceExperiments"
    assert count_operations(em)[LIST] <= 9


@pytest.mark.parametrize("times", [0, 2])
def test_rows_of_a_task_that_the_engine_loses_or_doubles_are_an_error(
    con: sqlprov.Connection, workers: Workers, times: int
) -> None:
    class Careless:
        def scan(self, task: ScanTask, on_cancel: Any) -> Iterator[Any]:
            first, *others = workers.scan(task, on_cancel)
            yield from [first] * times
            yield from others

    with pytest.raises(OperationalError, match=r"have \d+ rows, and the engine returned \d+\."):
        con.sql(f"FROM {MODELS}", engine=Careless()).fetchall()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"account": pa.array(["prod"])}, "The column model_name of .* is missing on the worker"),
        ({"account": pa.array(["prod"]), "model_name": pa.array([1])}, "has the type int64, not string"),
    ],
    ids=["missing", "another type"],
)
def test_rows_of_a_worker_with_another_catalog_are_an_error(
    con: sqlprov.Connection, columns: dict[str, pa.Array], message: str
) -> None:
    class Older:
        def scan(self, task: ScanTask, on_cancel: Any) -> Iterator[Any]:
            yield pa.RecordBatch.from_pydict(columns)

    with pytest.raises(OperationalError, match=message):
        con.sql(f"SELECT account, model_name FROM {MODELS}", engine=Older()).fetchall()


@pytest.mark.parametrize(("kept", "word"), [((0, 2), "not"), ((0, 1, 1, 2), "twice"), ((), "not")])
def test_a_task_that_the_engine_leaves_out_or_repeats_is_an_error(
    con: sqlprov.Connection, workers: Workers, kept: tuple[int, ...], word: str
) -> None:
    class Careless:
        def scan(self, task: ScanTask, on_cancel: Any) -> Iterator[Any]:
            tasks = task.split(3)
            for number in kept:
                yield from workers.scan(tasks[number], on_cancel)

    with pytest.raises(OperationalError, match=f"The engine returned the task of .* {word}, one of "):
        con.sql(f"FROM {MODELS}", engine=Careless()).fetchall()


def test_rows_that_cannot_be_read_make_the_result_incomplete(
    con: sqlprov.Connection, em: Emulator, workers: Workers
) -> None:
    em.inject(Fault("access_denied", operation=LIST, account=PROD, region="eu-west-1", times=None))
    con.sql("SET sqlprov_on_error = 'warn'")
    result = con.sql(f"SELECT DISTINCT account, region FROM {EXPERIMENTS}", engine=workers)
    rows = result.fetchall()
    assert not result.complete
    assert ("prod", "eu-west-1") not in rows
    assert {account for account, _ in rows} == {"own", "prod", "stage"}
    (gap,) = con.sql("SELECT account, region, operation FROM sqlprov.errors").fetchall()
    assert gap == ("prod", "eu-west-1", LIST)


def test_a_budget_is_kept(con: sqlprov.Connection, em: Emulator, workers: Workers) -> None:
    con.sql("SET sqlprov_max_calls = 8")
    con.sql("SELECT account FROM aws.accounts").fetchall()
    em.reset_calls()
    with pytest.raises(BudgetExceeded, match="needs at least 9 calls"):
        con.sql(f"SELECT name FROM {EXPERIMENTS}", engine=workers).fetchall()
    assert LIST not in count_operations(em)
    con.sql("SET sqlprov_max_calls = 12")
    with pytest.raises(BudgetExceeded, match="needs more than 12 calls"):
        con.sql(f"SELECT name, endpoint_name FROM {EXPERIMENTS}", engine=workers).fetchall()


@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT INTO {MODELS} (model_name) VALUES ('m')",
        f"UPDATE {MODELS} SET tags = NULL WHERE model_name = 'm'",
        f"DELETE FROM {MODELS} WHERE model_name = 'm'",
        f"EXPLAIN DELETE FROM {MODELS} WHERE model_name = 'm'",
        f"EXEC {EXPERIMENTS}.stop @Name = 'e'",
        f"SELECT 1; WITH d AS (DELETE FROM local.t RETURNING *) FROM d; FROM {MODELS}",
        f"CREATE TABLE t (name VARCHAR); INSERT INTO t SELECT model_name FROM {MODELS}",
        f"PREPARE p AS INSERT INTO t SELECT model_name FROM {MODELS}",
        f"MERGE INTO t USING {MODELS} m ON t.name = m.model_name WHEN MATCHED THEN DELETE",
    ],
)
def test_a_write_is_refused_before_anything_runs(
    con: sqlprov.Connection, em: Emulator, workers: Workers, statement: str
) -> None:
    with pytest.raises(NotSupportedError, match="An engine only reads"):
        con.sql(statement, engine=workers)
    assert (em.calls, workers.sent) == ([], [])
    assert con.sql("SELECT count(*) FROM duckdb_tables() WHERE table_name = 't'").fetchone() == (0,)


def test_rows_from_the_workers_may_be_kept(con: sqlprov.Connection, workers: Workers, tmp_path: Path) -> None:
    file = tmp_path / "models.parquet"
    con.sql(f"COPY (SELECT model_name FROM {MODELS}) TO '{file}'", engine=workers)
    con.sql(f"CREATE TABLE kept AS SELECT model_name FROM {MODELS}", engine=workers)
    assert len(workers.sent) == 6
    counts = [con.sql(f"SELECT count(*) FROM {name}").fetchone() for name in ("kept", f"'{file}'", MODELS)]
    assert len({*counts}) == 1


def test_what_is_no_engine_is_refused(con: sqlprov.Connection) -> None:
    with pytest.raises(InterfaceError, match=r"such as sqlprov.spark.Engine\(spark\), not <object"):
        con.sql("SELECT 1", engine=object())  # type: ignore[arg-type]


def test_the_local_aws_of_this_process_is_not_that_of_the_workers(workers: Workers) -> None:
    with sqlprov.connect(local=True) as con, pytest.raises(NotSupportedError, match="Run `sqlprov local`"):
        con.sql(f"FROM {MODELS}", engine=workers)


def test_a_task_is_the_same_after_a_pickle_and_holds_no_credential(
    con: sqlprov.Connection, workers: Workers
) -> None:
    con.sql(f"SELECT name FROM {EXPERIMENTS} WHERE status IN ('Running')", engine=workers).fetchall()
    for sent in workers.sent:
        assert KEY.encode() not in sent
        assert SECRET.encode() not in sent
    leaf = Compare("size", "<", 3)
    where = And(
        (
            Or((leaf, In("name", ("a", "b")), IsNull("tags"))),
            Not(Compare("creation_time", ">=", datetime(2026, 12, 1, tzinfo=UTC))),
            Opaque(frozenset({"state"}), ("state", "Name"), leaf),
        )
    )
    hints = (Contained("name", "x", True),)
    pairs = (("prod", "us-east-1"), ("prod", "eu-west-1"), ("stage", "us-east-1"))
    task = ScanTask(
        "aws.ec2.volumes", ("size",), where, pairs, Settings(), hints, {"prod": PROD, "stage": STAGE}
    )
    assert pickle.loads(pickle.dumps(task)) == task
    for most in (1, 2, 3, 9):
        parts = task.split(most)
        assert len(parts) == min(most, 3)
        assert sorted(pair for part in parts for pair in part.pairs) == sorted(pairs)
        for part in parts:
            assert {*part.account_ids} == {account for account, _ in part.pairs}


def test_a_worker_with_another_account_reads_nothing(em: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    workers = Workers(before=lambda _: monkeypatch.setenv("AWS_ACCESS_KEY_ID", PROD_KEY))
    with sqlprov.connect(endpoint_url=em.url, region=REGIONS) as con:
        with pytest.raises(CredentialsError, match=f"'default' is {OWN} where .* and {PROD} on the worker"):
            con.sql(f"SELECT name FROM {EXPERIMENTS}", engine=workers).fetchall()
        assert LIST not in count_operations(em)
    workers.close()


def test_a_worker_without_the_account_says_so(
    em: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keys = f"aws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"
    config = tmp_path / "config"
    config.write_text(f"[default]\n{keys}[profile prod]\n{keys}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "prod")
    workers = Workers(before=lambda _: monkeypatch.delenv("AWS_PROFILE", raising=False))
    with (
        sqlprov.connect(endpoint_url=em.url, region=REGIONS) as con,
        pytest.raises(UnknownName, match="The worker has no account 'prod', but 'default'"),
    ):
        con.sql(f"SELECT name FROM {EXPERIMENTS}", engine=workers).fetchall()
    workers.close()

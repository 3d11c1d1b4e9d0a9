"""Spark and Sail read live tables on their workers; `make test-spark` installs them beside the project."""

from __future__ import annotations

import os
import pickle
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from emulator_calls import DESCRIBE, EXPERIMENTS, LIST, wait_until
from spark_cluster import CREDENTIALS, KEY, SECRET, kill_python_workers, only_spark, start

import sqlprov
from sqlprov.emulator import Emulator, Fault
from sqlprov.emulator.organization import Member, Organization
from sqlprov.errors import InterfaceError, OperationalError

if find_spec("pyspark") is None:
    pytest.skip("pyspark is not installed; make test-spark installs it", allow_module_level=True)

from sqlprov import spark as live
from sqlprov.frontends.spark.source import SqlprovSource, open_connection, store

WORKERS = 2
"""Processes of Python on the cluster; Sail has fewer."""
REGIONS = ("us-east-1", "eu-west-1", "us-west-2", "eu-central-1")
NAMES = f"SELECT name, region FROM {EXPERIMENTS}"
ACCOUNTS = int(os.environ.get("ACCOUNTS", "10"))
"""Accounts of the organization that is read as a whole; `make bench-spark` reads a thousand."""


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with start(tmp_path_factory.mktemp("checkpoints")) as session:
        yield session


@pytest.fixture
def em(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with Emulator() as emulator:
        emulator.fill(40, REGIONS)
        yield emulator


def options(em: Emulator) -> dict[str, str]:
    return {"endpoint_url": em.url, "regions": ",".join(REGIONS)}


def load(spark: Any, em: Emulator, **more: str) -> Any:
    live.register(spark)
    return spark.read.format("sqlprov").options(**options(em), **more).load()


def count_lists(em: Emulator) -> Counter[str]:
    """Region -> the calls of its list."""
    return Counter(call.region for call in em.calls if call.operation == LIST)


def rows_of(em: Emulator, query: str) -> Counter[str]:
    """The rows that DuckDB reads, without calls in the log."""
    with sqlprov.connect(endpoint_url=em.url, region=REGIONS) as con:
        rows = Counter(map(repr, con.sql(query).fetchall()))
    em.reset_calls()
    return rows


@pytest.mark.parametrize(
    "query",
    [
        NAMES,
        f"SELECT name, tags, status, role_arn FROM {EXPERIMENTS} WHERE status <> 'Running'",
        f"SELECT name, upper(type) AS type, schedule.StartTime::VARCHAR AS start, region FROM {EXPERIMENTS}",
        f"SELECT name FROM {EXPERIMENTS} UNION ALL SELECT model_name FROM aws.sagemaker.models",
    ],
)
def test_the_rows_are_those_of_duckdb_and_nothing_is_called_twice(
    spark: Any, em: Emulator, query: str
) -> None:
    expected = rows_of(em, query)
    frame = live.read(spark, query, **options(em))
    rows = Counter(repr(tuple(row.asDict(recursive=True).values())) for row in frame.collect())
    assert frame.count() == sum(expected.values())  # from the rows that the workers keep
    assert rows == expected
    calls = Counter((call.operation, call.region, repr(call.parameters)) for call in em.calls)
    assert {*count_lists(em)} == {*REGIONS}
    identity = [count for (operation, *_), count in calls.items() if operation == "GetCallerIdentity"]
    assert sum(identity) <= 1 + WORKERS  # this process and each worker asks whose credentials it has
    assert max(count for (operation, *_), count in calls.items() if operation != "GetCallerIdentity") == 1


def test_a_table_is_read_as_a_whole(spark: Any, em: Emulator) -> None:
    frame = load(spark, em, table=EXPERIMENTS)
    with sqlprov.connect(endpoint_url=em.url, region=REGIONS) as con:
        assert frame.columns == con.sql(f"FROM {EXPERIMENTS}").columns
    assert frame.groupBy("region").count().count() == len(REGIONS)


def test_spark_joins_and_groups_what_the_workers_read(spark: Any, em: Emulator) -> None:
    live.read(spark, NAMES, **options(em)).createOrReplaceTempView("experiments")
    rows = spark.sql("SELECT region, count(*) AS n FROM experiments GROUP BY region").collect()
    with sqlprov.connect(endpoint_url=em.url, region=REGIONS) as con:
        expected = con.sql(f"SELECT region, count(*) FROM {EXPERIMENTS} GROUP BY region").fetchall()
    assert sorted(map(tuple, rows)) == sorted(expected)


def test_the_accounts_of_an_organization_are_read_together(spark: Any) -> None:
    members = [Member(f"11111111111{at}", name) for at, name in enumerate(("payer", "prod", "stage"))]
    chosen = {"accounts": "organization", "max_calls": "2000"}
    query = f"SELECT account, account_id, region, name FROM {EXPERIMENTS} WHERE account <> 'stage'"
    with Emulator(organization=Organization(members, rows=3, any_key=True)) as em:
        with sqlprov.connect(endpoint_url=em.url, region=REGIONS, settings=chosen) as con:
            expected = Counter(map(repr, con.sql(query).fetchall()))
        em.reset_calls()
        words = ";".join(f"{name}={value}" for name, value in chosen.items())
        frame = live.read(spark, query, **options(em), settings=words)
        assert Counter(repr(tuple(row)) for row in frame.collect()) == expected
        assert expected
        assert count_lists(em) == Counter(dict.fromkeys(REGIONS, 2))


def test_every_place_of_many_accounts_is_read_once(spark: Any) -> None:
    with sqlprov.connect(local=True) as con:
        (regions,) = zip(*con.sql("SELECT region FROM aws.regions LIMIT 30").fetchall(), strict=True)
    members = [Member(f"{at:012}", f"account-{at}") for at in range(1, ACCOUNTS + 1)]
    organization = Organization(members, rows=2, any_key=True)
    names = (
        organization.list_names(member.id, "InferenceExperiment", region)
        for member in members
        for region in regions
    )
    with Emulator(organization=organization) as em:
        where = {"endpoint_url": em.url, "regions": ",".join(regions), "settings": "accounts=organization"}
        start = time.monotonic()
        frame = live.read(spark, f"SELECT account, region, name FROM {EXPERIMENTS}", **where)
        assert frame.count() == sum(map(len, names))
        seconds = time.monotonic() - start
        lists = Counter((call.access_key, call.region) for call in em.calls if call.operation == LIST)
    assert {*lists.values()} == {1}
    assert len(lists) >= ACCOUNTS * len(regions)
    print(
        f"{ACCOUNTS} accounts x {len(regions)} regions: {seconds:.1f} s, {len(lists) / seconds:.0f} calls/s"
    )


@pytest.mark.parametrize("most", ["1", "3", "64"])
def test_a_place_is_in_one_partition(em: Emulator, most: str) -> None:
    source = SqlprovSource({"query": NAMES, **options(em), "partitions": most})
    partitions: list[Any] = source.reader(None).partitions()
    pairs = [pair for partition in partitions for pair in partition.pairs]
    assert len(partitions) == min(int(most), len(REGIONS))
    assert sorted(region for _, region in pairs) == sorted(REGIONS)


def test_a_query_without_places_has_no_rows(spark: Any, em: Emulator) -> None:
    assert load(spark, em, query=f"{NAMES} WHERE 1 = 2").count() == 0
    assert em.calls == []


def test_an_error_is_raised_once_with_what_is_missing_and_nothing_is_called_twice(
    spark: Any, em: Emulator
) -> None:
    em.inject(Fault("access_denied", operation=LIST, region="eu-west-1", times=None))
    em.inject(Fault("access_denied", operation=LIST, region="us-west-2", times=None))
    with pytest.raises(OperationalError, match="missing in 2 partitions") as caught:
        live.read(spark, NAMES, **options(em))
    assert "/eu-west-1: " in str(caught.value)
    assert "/us-west-2: " in str(caught.value)
    assert "lacks sagemaker:ListInferenceExperiments" in str(caught.value)
    assert count_lists(em) == Counter(REGIONS)


def test_rows_that_on_error_leaves_out_are_missing_too(spark: Any, em: Emulator) -> None:
    em.inject(Fault("access_denied", operation=DESCRIBE, region="eu-west-1", times=1))
    with pytest.raises(
        OperationalError, match=r"missing in 1 partition:\n.*/eu-west-1: .*DescribeInferenceExp"
    ):
        live.read(
            spark, f"SELECT name, endpoint_name FROM {EXPERIMENTS}", **options(em), settings="on_error=warn"
        )


def test_a_plain_load_is_never_short(spark: Any, em: Emulator) -> None:
    em.inject(Fault("access_denied", operation=LIST, region="eu-west-1", times=None))
    frame = load(spark, em, query=NAMES)
    with pytest.raises(Exception, match="lacks sagemaker:ListInferenceExperiments"):
        frame.count()


@pytest.mark.parametrize(
    "query", [f"SELECT count(*) FROM {EXPERIMENTS}", f"{NAMES} LIMIT 3", f"{NAMES} ORDER BY 1"]
)
def test_what_needs_all_rows_together_is_refused_before_any_call(
    spark: Any, em: Emulator, query: str
) -> None:
    with pytest.raises(Exception, match="cannot be read in parts"):
        load(spark, em, query=query).count()
    assert em.calls == []


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({}, "Expected one of the options `query`"),
        ({"query": NAMES, "table": EXPERIMENTS}, "Expected one of the options `query`"),
        ({"query": NAMES, "region": "us-east-1"}, "Did you mean 'regions'"),
        ({"query": NAMES, "errors": "ignore"}, "expected `raise` or `column`"),
        ({"query": NAMES, "partitions": "0"}, "expected a number from 1"),
    ],
)
def test_a_wrong_option_is_refused(chosen: dict[str, str], message: str) -> None:
    with pytest.raises(InterfaceError, match=message):
        SqlprovSource(chosen)


def test_a_worker_whose_profile_is_of_another_account_reads_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = "[profile a]\naws_access_key_id = {}\naws_secret_access_key = secret\nregion = us-east-1\n"
    (tmp_path / "config").write_text(config.format("AKIAPROD"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    members = [
        Member("111111111111", "prod", keys=("AKIAPROD",)),
        Member("222222222222", "dev", keys=("AKIADEV",)),
    ]
    with Emulator(organization=Organization(members, rows=3)) as em:
        source = SqlprovSource({"query": NAMES, "profile": "a", "endpoint_url": em.url, "errors": "column"})
        reader = source.reader(None)
        (partition,) = reader.partitions()
        (tmp_path / "config").write_text(config.format("AKIADEV"))
        open_connection.cache_clear()  # as another process
        (batch,) = reader.read(partition)
        assert "'a' is 111111111111 on the driver, and 222222222222 on the worker" in str(batch.to_pylist())
        assert not count_lists(em)


def test_what_spark_sends_to_its_workers_holds_no_credential(em: Emulator) -> None:
    from pyspark import cloudpickle

    query = f"{NAMES} WHERE status IN ('Running', 'Created') AND NOT (name < '0' OR creation_time IS NULL)"
    source = SqlprovSource({"query": query, **options(em)})
    source.schema()
    reader = source.reader(None)
    (first, *_) = reader.partitions()
    sent = cloudpickle.dumps((source, reader, first))
    assert KEY.encode() not in sent
    assert SECRET.encode() not in sent
    _, again, part = pickle.loads(sent)
    batches = [*again.read(part)]
    assert sum(batch.num_rows for batch in batches) > 0
    assert em.calls[-1].access_key == KEY


def test_spark_knows_the_type_of_every_column() -> None:
    from pyspark.sql.pandas.types import from_arrow_schema

    with sqlprov.connect(local=True) as con:
        for service in ("sagemaker", "ec2", "iam", "s3", "lambda", "dynamodb", "logs", "cloudformation"):
            for table in con.catalog.list_tables("aws", service):
                schema, _ = con.split(
                    f"SELECT * FROM aws.{service}.{table} WHERE region = 'us-east-1' AND 1 = 2", 1
                )
                assert len(from_arrow_schema(store(schema))) == len(schema)


@only_spark
def test_a_killed_worker_loses_and_doubles_no_row(spark: Any, em: Emulator) -> None:
    expected = rows_of(em, NAMES)
    em.inject(Fault("timeout_before", operation=LIST, hold=600))
    with ThreadPoolExecutor(1) as pool:
        frame = pool.submit(lambda: live.read(spark, NAMES, **options(em), settings="timeout=600"))
        wait_until(lambda: any(call.operation == LIST and not call.finished for call in em.calls), 120)
        assert kill_python_workers()
        rows = frame.result(300).collect()
    assert Counter(repr(tuple(row)) for row in rows) == expected
    assert max(count_lists(em).values()) > 1  # Spark has read a partition again


def test_a_partition_that_is_read_again_or_at_the_same_time_has_the_same_rows(em: Emulator) -> None:
    reader = SqlprovSource({"query": NAMES, **options(em), "partitions": "1"}).reader(None)
    (partition,) = reader.partitions()

    def read() -> Counter[str]:
        batches: Any = reader.read(partition)
        return Counter(repr(row) for batch in batches for row in batch.to_pylist())

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.submit(read), pool.submit(read)
        assert one.result() == two.result() == read()
    assert sum(read().values()) == 40

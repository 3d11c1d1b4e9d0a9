from __future__ import annotations

import gc
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
from emulator_calls import wait_until

import sqlprov
from sqlprov.catalog import Catalog
from sqlprov.catalog.table import Table
from sqlprov.emulator import Emulator, Fault
from sqlprov.errors import (
    Error,
    InterfaceError,
    NotSupportedError,
    RegionError,
    ResourceFileError,
    UnknownName,
)

EXPERIMENTS = "aws.sagemaker.inference_experiments"
NAMES = f"SELECT region, name FROM {EXPERIMENTS} ORDER BY ALL"
Attach = Callable[..., sqlprov.Attachment]
Open = Callable[[Path], duckdb.DuckDBPyConnection]


def read_only(path: Path) -> duckdb.DuckDBPyConnection:
    duckdb.connect(path).close()
    return duckdb.connect(path, read_only=True)


@pytest.mark.parametrize(
    "open_",
    [
        pytest.param(lambda path: duckdb.connect(), id="in memory"),
        pytest.param(duckdb.connect, id="a file"),
        pytest.param(read_only, id="a file, read-only"),
    ],
)
def test_the_tables_appear_in_a_connection_and_in_all_its_cursors(
    open_: Open, tmp_path: Path, attach: Attach
) -> None:
    with open_(tmp_path / "own.duckdb") as con:
        before = con.cursor()
        attach(con)
        expected = con.sql(NAMES).fetchall()
        assert len(expected) == 9
        assert before.execute(NAMES).fetchall() == con.cursor().execute(NAMES).fetchall() == expected
        names = con.sql("SELECT table_name FROM information_schema.tables WHERE table_catalog = 'aws'")
        assert ("inference_experiments",) in names.fetchall()
        columns = con.sql(f"DESCRIBE {EXPERIMENTS}").fetchall()
        assert ("creation_time", "TIMESTAMP WITH TIME ZONE") in [row[:2] for row in columns]
        assert not any(row[0].startswith("__ctx") for row in columns)


def test_a_query_has_the_rows_of_a_sqlprov_connection(
    tables: duckdb.DuckDBPyConnection, em: Emulator
) -> None:
    query = f"""
        SELECT e.*, m.creation_time AS model_created FROM {EXPERIMENTS} AS e
        LEFT JOIN aws.sagemaker.models AS m ON m.model_name = e.model_variants[1].ModelName AND m.region = e.region
        ORDER BY e.region, e.name
    """
    with sqlprov.connect(endpoint_url=em.url, region=["us-east-1", "eu-west-1"]) as own:
        assert tables.sql(query).to_arrow_table().to_pylist() == own.sql(query).arrow().to_pylist()


def test_conditions_columns_and_keys_determine_the_calls(
    con: duckdb.DuckDBPyConnection, attach: Attach, em: Emulator
) -> None:
    made = attach(con, regions="us-east-1")
    con.sql(f"SELECT name FROM {EXPERIMENTS} WHERE status = 'Running'").fetchall()
    con.sql(f"SELECT endpoint_name FROM {EXPERIMENTS} WHERE name = 'fraud-lightgbm'").fetchall()
    list_call, describe_call = em.calls
    assert (list_call.operation, list_call.parameters["StatusEquals"]) == (
        "ListInferenceExperiments",
        "Running",
    )
    assert (describe_call.operation, describe_call.parameters) == (
        "DescribeInferenceExperiment",
        {"Name": "fraud-lightgbm"},
    )
    assert [(call.operation, call.region, call.rows) for call in made.calls] == [
        ("ListInferenceExperiments", "us-east-1", 2),
        ("DescribeInferenceExperiment", "us-east-1", 1),
    ]


def test_a_limit_stops_pagination(con: duckdb.DuckDBPyConnection, attach: Attach) -> None:
    with Emulator() as em:
        em.fill(2_000)
        attach(con, regions="us-east-1", endpoint_url=em.url)
        assert len(con.sql(f"SELECT name FROM {EXPERIMENTS} LIMIT 5").fetchall()) == 5
        assert len(em.calls) <= 3


# Regions


def test_json_functions_are_duckdbs_own(tables: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT {} FROM aws.sagemaker.inference_experiments WHERE name = 'gdpr-redaction'"
    (own,) = tables.sql(query.format("to_json({'e': schedule.EndTime, 'n': NULL})")).fetchall()[0]
    (stripped,) = tables.sql(query.format("json_strip_nulls(to_json({'n': NULL, 'a': 1}))")).fetchall()[0]
    assert '"n":null' in own
    assert "T" not in own.removeprefix('{"e":')
    assert stripped == '{"a":1}'


def test_the_regions_given_are_all_that_the_tables_hold(tables: duckdb.DuckDBPyConnection) -> None:
    regions = tables.sql(
        f"SELECT DISTINCT region FROM {EXPERIMENTS} WHERE region LIKE '%-%' ORDER BY 1"
    ).fetchall()
    assert regions == [("eu-west-1",), ("us-east-1",)]
    assert tables.sql(f"SELECT count(*) FROM {EXPERIMENTS} WHERE region <> 'us-east-1'").fetchall() == [(3,)]


@pytest.mark.parametrize("condition", ["region = 'us-west-2'", "region IN ('us-east-1', 'us-west-2')"])
def test_naming_another_region_is_an_error_not_an_empty_table(
    tables: duckdb.DuckDBPyConnection, condition: str
) -> None:
    with pytest.raises(duckdb.Error, match="attached for us-east-1 and eu-west-1, not for 'us-west-2'"):
        tables.sql(f"SELECT count(*) FROM {EXPERIMENTS} WHERE {condition}").fetchall()


def test_all_means_every_region_of_the_partition(con: duckdb.DuckDBPyConnection, attach: Attach) -> None:
    attach(con, regions="all")
    counts = con.sql(f"SELECT region, count(*) FROM {EXPERIMENTS} GROUP BY ALL ORDER BY ALL").fetchall()
    assert counts == [("eu-west-1", 3), ("us-east-1", 6), ("us-west-2", 3)]


@pytest.mark.parametrize("regions", [[], ["us-east-1", "all"], "nowhere"])
def test_invalid_regions_are_refused(con: duckdb.DuckDBPyConnection, attach: Attach, regions: object) -> None:
    with pytest.raises(RegionError):
        attach(con, regions=regions)
    assert con.sql("SELECT count(*) FROM duckdb_databases() WHERE database_name = 'aws'").fetchall() == [(0,)]


def test_a_region_unknown_to_botocore_gives_a_warning(con: duckdb.DuckDBPyConnection, attach: Attach) -> None:
    with pytest.warns(UserWarning, match="'us-esat-1'. Did you mean 'us-east-1'") as caught:
        attach(con, regions="us-esat-1")
    assert caught[0].filename == __file__.replace("test_attach", "conftest")


# Errors


def test_an_error_of_the_first_call_keeps_its_text(tables: duckdb.DuckDBPyConnection, em: Emulator) -> None:
    em.inject(Fault("access_denied", times=None))
    with pytest.raises(duckdb.Error) as caught:
        tables.sql(NAMES).fetchall()
    assert "source failed: AccessDenied: ListInferenceExperiments in " in str(caught.value)
    assert "sagemaker:ListInferenceExperiments" in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_an_error_of_a_later_call_keeps_its_text(con: duckdb.DuckDBPyConnection, attach: Attach) -> None:
    with Emulator() as em, sqlprov.connect(endpoint_url=em.url, region="us-east-1") as own:
        em.fill(1_000)
        attach(con, regions="us-east-1", endpoint_url=em.url)
        em.inject(Fault("access_denied", at=4, times=None))
        with pytest.raises(Error) as expected:
            own.sql(f"SELECT name FROM {EXPERIMENTS}").fetchall()
        em.clear_faults()
        em.inject(Fault("access_denied", at=4, times=None))
        with pytest.raises(duckdb.Error) as caught:
            con.sql(f"SELECT name FROM {EXPERIMENTS}").fetchall()
        without_request = str(expected.value).partition("(request")[0]
        assert without_request in str(caught.value).splitlines()[0]
        assert "botocore" not in str(caught.value), "the cause is left out"
        assert len(str(caught.value).splitlines()) < 10
        em.clear_faults()
        assert con.sql(f"SELECT count(*) FROM {EXPERIMENTS}").fetchall() == [(1_000,)]


def test_incomplete_results_cannot_be_requested(con: duckdb.DuckDBPyConnection, attach: Attach) -> None:
    with pytest.raises(NotSupportedError, match="cannot say that rows are missing"):
        attach(con, settings={"on_error": "warn"})


def test_settings_are_the_same_as_for_a_connection(
    con: duckdb.DuckDBPyConnection, attach: Attach, em: Emulator
) -> None:
    attach(con, regions="us-east-1", settings={"pushdown": "off"})
    con.sql(f"SELECT name FROM {EXPERIMENTS} WHERE status = 'Running'").fetchall()
    assert "StatusEquals" not in em.calls[0].parameters
    with pytest.raises(InterfaceError, match="an argument of attach"):
        attach(con, settings={"regions": "us-east-1"})
    with pytest.raises(UnknownName, match="sqlprov_pushdown"):
        attach(con, settings={"pushdwon": "off"})


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            f"INSERT INTO {EXPERIMENTS} (name) VALUES ('x')",
            "Catalog Error: inference_experiments is not an table",
        ),
        (f"DELETE FROM {EXPERIMENTS}", "Binder Error: Can only delete from base table"),
        (f"UPDATE {EXPERIMENTS} SET name = 'x'", "Binder Error: Can only update base table"),
        ("EXEC aws.sagemaker.inference_experiments.stop @name = 'x'", "Parser Error: syntax error"),
        (f"SHOW METHODS IN {EXPERIMENTS}", "Parser Error: syntax error"),
    ],
)
def test_duckdb_refuses_writes_and_our_own_statements(
    tables: duckdb.DuckDBPyConnection, em: Emulator, statement: str, message: str
) -> None:
    with pytest.raises(duckdb.Error) as caught:
        tables.execute(statement)
    assert str(caught.value).startswith(message)
    assert not em.calls


# Names


def test_a_database_with_the_same_name_is_left_alone(con: duckdb.DuckDBPyConnection, attach: Attach) -> None:
    con.execute("ATTACH ':memory:' AS aws; CREATE TABLE aws.kept AS SELECT 42 AS answer")
    for change in (lambda: attach(con), lambda: sqlprov.detach(con)):
        with pytest.raises(InterfaceError, match=r"already has a database 'aws'.*as_='cloud'"):
            change()
    attach(con, as_="cloud")
    assert con.sql("SELECT count(*) FROM cloud.sagemaker.models").fetchall() == [(16,)]
    assert con.sql("SELECT answer FROM aws.kept").fetchall() == [(42,)]


def test_attaching_again_replaces_the_tables(con: duckdb.DuckDBPyConnection, attach: Attach) -> None:
    attach(con, regions="us-east-1")
    attach(con, regions="eu-west-1")
    assert con.sql(f"SELECT count(*) FROM {EXPERIMENTS}").fetchall() == [(3,)]
    with pytest.raises(UnknownName, match=r"Unknown service 'sagemkaer'.*Did you mean 'sagemaker'"):
        attach(con, services=["sagemkaer"])
    assert con.sql(f"SELECT count(*) FROM {EXPERIMENTS}").fetchall() == [(3,)]


@pytest.mark.parametrize("services", ["sagemaker.models", ["sagemaker.models"], ["AWS.SageMaker.Models"]])
def test_only_the_tables_that_are_named_are_loaded(
    con: duckdb.DuckDBPyConnection, attach: Attach, services: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []
    get_table = Catalog.get_table

    def load(self: Catalog, *name: str) -> Table:
        loaded.append(name)
        return get_table(self, *name)

    monkeypatch.setattr(Catalog, "get_table", load)
    assert attach(con, services=services).tables == ("aws.sagemaker.models",)
    assert loaded == [("aws", "sagemaker", "models")]


def test_services_have_to_be_named(con: duckdb.DuckDBPyConnection, attach: Attach) -> None:
    with pytest.raises(InterfaceError, match="Name the services whose tables are attached"):
        attach(con, services=[])


def test_a_resource_file_that_is_wrong_fails_only_the_attachment_that_names_its_table(
    con: duckdb.DuckDBPyConnection, attach: Attach, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_table = Catalog.get_table

    def load(self: Catalog, provider: str, service: str, name: str) -> Table:
        if name == "models":
            raise ResourceFileError("models.yaml:1: wrong")
        return get_table(self, provider, service, name)

    monkeypatch.setattr(Catalog, "get_table", load)
    with pytest.warns(UserWarning, match=r"aws\.sagemaker\.models is not attached: models.yaml:1: wrong"):
        assert "aws.sagemaker.endpoints" in attach(con, services="sagemaker").tables
    with pytest.raises(ResourceFileError):
        attach(con, services=["sagemaker", "sagemaker.models"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sagemaker.modles", "Unknown table 'modles' in aws.sagemaker"),
        ("models", "Unknown service 'models'"),
        ("aws", "Unknown service 'aws'"),
    ],
)
def test_an_unknown_service_or_table_is_an_error(
    con: duckdb.DuckDBPyConnection, attach: Attach, name: str, words: str
) -> None:
    with pytest.raises(UnknownName, match=words):
        attach(con, services=name)


def test_the_tables_can_be_detached(con: duckdb.DuckDBPyConnection, attach: Attach) -> None:
    made = attach(con)
    assert EXPERIMENTS in made.tables and EXPERIMENTS in repr(made)
    sqlprov.detach(con)
    sqlprov.detach(con)
    with pytest.raises(duckdb.CatalogException):
        con.sql(NAMES)


@pytest.mark.parametrize("what", [None, duckdb, "closed"])
def test_only_an_open_connection_is_accepted(what: object, attach: Attach) -> None:
    if what == "closed":
        what = duckdb.connect()
        what.close()
    with pytest.raises(Error, match=r"duckdb.connect\(\)|closed"):
        attach(what)


def test_a_transaction_that_has_begun_sees_the_tables(con: duckdb.DuckDBPyConnection, attach: Attach) -> None:
    con.execute("CREATE TABLE own AS SELECT 'fraud-lightgbm' AS name")
    con.execute("BEGIN")
    con.execute("INSERT INTO own VALUES ('x')")
    attach(con)
    joined = con.sql(f"SELECT count(*) FROM own JOIN {EXPERIMENTS} USING (name)")
    assert joined.fetchall() == [(1,)]
    con.execute("ROLLBACK")
    assert con.sql("SELECT count(*) FROM own").fetchall() == [(1,)]


# Threads, and exit


def test_cursors_read_concurrently_in_threads(con: duckdb.DuckDBPyConnection, attach: Attach) -> None:
    made = attach(con)
    query = f"SELECT a.name FROM {EXPERIMENTS} a JOIN {EXPERIMENTS} b USING (name, region) ORDER BY ALL"
    expected = con.sql(query).fetchall()
    cursors = [con.cursor() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda cursor: [cursor.execute(query).fetchall() for _ in range(5)], cursors))
    assert results == [[expected] * 5] * 4
    assert {call.error for call in made.calls} == {""}


def test_closing_the_connection_stops_the_local_sagemaker(attach: Attach) -> None:
    con = duckdb.connect()
    before = set(threading.enumerate())
    attach(con, endpoint_url=None, local=True)
    assert con.sql(f"SELECT count(*) FROM {EXPERIMENTS}").fetchall() == [(9,)]
    serving = {thread for thread in set(threading.enumerate()) - before if thread.name == "local-aws"}
    assert serving
    con.close()

    def has_stopped() -> bool:
        gc.collect()  # a thread of DuckDB may still hold a table
        return not any(thread.is_alive() for thread in serving)

    wait_until(has_stopped)


UNREAD = "reader = con.execute('BEGIN').sql('SELECT model_name FROM aws.sagemaker.models').to_arrow_reader(1)"


@pytest.mark.parametrize("ending", ["", UNREAD])
def test_a_program_exits_silently(ending: str, em: Emulator) -> None:
    program = f"""
        import duckdb, sqlprov
        con = duckdb.connect()
        con.execute("SET enable_progress_bar = false")
        tables = ["sagemaker.models", "sagemaker.inference_experiments"]
        sqlprov.attach(con, tables, regions="us-east-1", endpoint_url={em.url!r})
        print(con.sql("SELECT count(*) FROM {EXPERIMENTS}").fetchall())
        {ending}
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[(6,)]\n", "")


# Interruptions


INTERRUPTED = """
    import duckdb, os, signal, sqlprov, threading, time
    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false")
    made = sqlprov.attach(con, ["sagemaker"], regions="us-east-1", endpoint_url={url!r})
    con.execute("SET threads = {threads}")

    def interrupt():
        while len(made.calls) < 2:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    try:
        con.sql("{query}").fetchall()
        print("not interrupted")
    except (KeyboardInterrupt, RuntimeError, duckdb.Error):
        print("interrupted")
    calls = -1
    while calls < len(made.calls):  # until no thread makes further calls
        calls = len(made.calls)
        time.sleep(0.3)
    print(con.sql("SELECT 42").fetchall())
"""
NO_MATCH = f"SELECT name FROM {EXPERIMENTS} WHERE description = 'none of them'"
JOINED = f"SELECT count(*) FROM {EXPERIMENTS} a JOIN {EXPERIMENTS} b ON a.name = b.description WHERE a.role_arn = 'x'"


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("query", [NO_MATCH, JOINED], ids=["no row matches", "a join"])
def test_ctrl_c_stops_a_read_and_its_calls_even_on_a_duckdb_thread(
    slow_em: Emulator, query: str, threads: int
) -> None:
    slow_em.reset_calls()
    program = INTERRUPTED.format(url=slow_em.url, threads=threads, query=query)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=600
    )
    assert done.stdout.splitlines() == ["interrupted", "[(42,)]"], done.stderr
    assert len(slow_em.calls) < 200


def test_reads_can_be_cancelled_from_another_thread(
    con: duckdb.DuckDBPyConnection, attach: Attach, slow_em: Emulator
) -> None:
    made = attach(con, regions="us-east-1", endpoint_url=slow_em.url)
    slow_em.reset_calls()
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(con.sql(NO_MATCH).fetchall)
        wait_until(lambda: slow_em.calls, 60)
        made.cancel()
        with pytest.raises(duckdb.Error, match="The statement was cancelled"):
            read.result()
    assert len(slow_em.calls) < 200
    assert con.sql("SELECT 42").fetchall() == [(42,)]

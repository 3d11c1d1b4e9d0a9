from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas
import polars
import pyarrow
import pytest
from emulator_calls import wait_until

import sqlprov
from sqlprov import errors
from sqlprov.api.connection import Connection
from sqlprov.emulator import Emulator, Options
from sqlprov.settings import Settings

Connect = Callable[..., Connection]
EXPERIMENTS = "aws.sagemaker.inference_experiments"
ENDPOINTS = "aws.sagemaker.endpoints"
EAST, EU, WEST = "us-east-1", "eu-west-1", "us-west-2"
COUNTS = {EAST: 6, EU: 3, WEST: 3}


@pytest.fixture(autouse=True)
def quiet(seeded: Emulator) -> None:
    seeded.options = Options()
    seeded.clear_faults()
    seeded.reset_calls()


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture
def con(connect: Connect) -> Connection:
    return connect()


def count(cursor: Connection, region: str, table: str = EXPERIMENTS) -> int:
    rows: int = cursor.sql(f"SELECT count(*) FROM {table} WHERE region = '{region}'").fetchall()[0][0]
    return rows


# EXPLAIN


def test_duckdbs_own_plan_shows_the_users_conditions_and_none_of_ours(con: Connection) -> None:
    joined = f"""
        SELECT e.name FROM {EXPERIMENTS} e JOIN {ENDPOINTS} p USING (endpoint_name)
        WHERE e.region = '{EAST}' AND p.region IN ('{EAST}', '{EU}') AND e.status = 'Running'"""
    ((_, plan),) = con.sql(f"EXPLAIN {joined}").fetchall()[1:]
    for condition in ("(\"region\" = 'us-east-1')", "(\"status\" = 'Running')", '("region" IN ('):
        assert condition in plan
    assert "__ctx" not in plan and plan.count("-> PYTHON_ARROW_SCAN") == 2
    ((_, plan),) = con.sql("EXPLAIN FROM sqlprov.errors").fetchall()[1:]
    assert plan.startswith("PYTHON_ARROW_SCAN\n  Projections: ")


def test_explain_shows_the_calls_of_the_table_of_the_named_provider(con: Connection) -> None:
    con.sql(f"SET sqlprov_regions = '{EAST}'")
    for provider in ("aws", "awscc", "aws"):
        ((_, calls), _) = con.sql(f"EXPLAIN SELECT * FROM {provider}.sagemaker.models").fetchall()
        assert calls.startswith(f"{provider}.sagemaker.models\n")
    ((_, calls), _) = con.sql(
        "EXPLAIN SELECT count(*) FROM aws.sagemaker.models a, awscc.sagemaker.models b "
        "WHERE a.model_arn = b.model_arn"
    ).fetchall()
    assert "ListModels in" in calls and "ListResources in" in calls


# Regions


@pytest.mark.parametrize(
    "condition", ["<> 'us-esat-1'", "NOT IN ('us-esat-1')", "NOT IN ('us-esat-1', 'us-west-2')"]
)
def test_a_warning_says_that_an_excluded_region_does_not_exist(con: Connection, condition: str) -> None:
    result = con.sql(f"SELECT DISTINCT region FROM {EXPERIMENTS} WHERE region {condition}")
    assert {EAST, EU} <= {region for (region,) in result.fetchall()}
    assert result.warnings == [
        "There is no region 'us-esat-1', so the condition on region excludes nothing. Did you mean 'us-east-1'?"
    ]


@pytest.mark.parametrize("condition", ["= 'us-esat-1'", "IN ('us-esat-1', 'us-east-1')"])
def test_a_warning_says_that_a_named_region_does_not_exist(con: Connection, condition: str) -> None:
    result = con.sql(f"SELECT DISTINCT region FROM {EXPERIMENTS} WHERE region {condition}")
    assert result.fetchall() == ([(EAST,)] if EAST in condition else [])
    assert {call.region for call in result.calls} <= {EAST}
    assert result.warnings == [
        "There is no region 'us-esat-1', so no row has it. Did you mean 'us-east-1'? "
        "SELECT region FROM aws.regions lists them; SET sqlprov_regions adds a new one."
    ]


@pytest.mark.parametrize(
    "condition",
    [
        "region LIKE 'us-esat%'",
        "region ILIKE '%-esat-1'",
        "upper(region) = 'US-ESAT-1'",
        "starts_with(region, $start)",
        "region LIKE 'us-%' AND region LIKE 'eu-%'",
        "region LIKE 'cn-%'",
        "region > 'zz'",
        "region >= 'us-esat-1' AND region <= 'us-esat-2'",
    ],
)
def test_a_condition_that_no_region_of_the_account_meets_makes_no_call_and_is_a_warning(
    con: Connection, condition: str
) -> None:
    parameters = {"start": "us-esat-1"} if "$start" in condition else None
    result = con.sql(f"SELECT name FROM {EXPERIMENTS} WHERE {condition}", parameters)
    assert result.fetchall() == []
    assert result.calls == []
    assert result.warnings == [f"No region of the account meets the condition on region of {EXPERIMENTS}."]


@pytest.mark.parametrize("condition", ["region LIKE 'us-east%'", "region = 'us-east-1'", "name = 'x'"])
def test_a_condition_that_some_region_meets_is_not_a_warning(con: Connection, condition: str) -> None:
    con.sql("SET sqlprov_regions = 'us-east-1'")
    result = con.sql(f"SELECT name FROM {EXPERIMENTS} WHERE {condition}")
    result.fetchall()
    assert result.warnings == []


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("", 6),  # the default region's
        ("WHERE region = 'eu-west-1'", 3),
        ("WHERE region LIKE 'eu-west-1%'", 3),
        ("WHERE region IN (SELECT region FROM aws.regions WHERE region LIKE 'us-east-1%')", 6),
    ],
)
@pytest.mark.parametrize("text", ["VALUES (({}))", "SET VARIABLE n = ({}); SELECT getvariable('n')"])
def test_a_query_within_values_or_a_variable_reads_the_regions_that_it_names(
    con: Connection, text: str, condition: str, count: int
) -> None:
    con.sql("SET sqlprov_regions = 'us-east-1'; CREATE TABLE counts (n INTEGER)")
    query = f"SELECT count(*) FROM {EXPERIMENTS} {condition}"
    assert con.sql(text.format(query)).fetchall() == [(count,)]
    con.sql(f"INSERT INTO counts VALUES (({query}))")
    assert con.sql("FROM counts").fetchall() == [(count,)]


# Threads


def test_four_threads_with_a_cursor_each_get_their_own_rows_and_calls(con: Connection) -> None:
    together = threading.Barrier(4)

    def work(number: int) -> set[tuple[Any, ...]]:
        region = [EAST, EU, WEST, EAST][number]
        status = ["Running", "Stopping", "Running", "Completed"][number]
        seen = set()
        with con.cursor() as cursor:
            together.wait(10)
            for _ in range(5):
                result = cursor.sql(
                    f"SELECT name, endpoint_name FROM {EXPERIMENTS} WHERE region = ? AND status = ?",
                    [region, status],
                )
                rows = tuple(sorted(result.fetchall()))
                lists = [c for c in result.calls if c.operation.startswith("List")]
                assert [(c.region, c.parameters["StatusEquals"]) for c in lists] == [(region, status)]
                assert len(result.calls) == 1 + len(rows)
                seen.add(rows)
        return seen

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [
            {(("fraud-xgboost-17", "payments-fraud"), ("search-relevance", "search"))},
            {(("support-triage", "support"),)},
            {(("image-moderation", "moderation"),)},
            {(("fraud-lightgbm", "payments-fraud"),)},
        ]


def test_four_threads_that_name_a_new_table_at_the_same_time_all_find_it(connect: Connect) -> None:
    con = connect()
    together = threading.Barrier(4)

    def work(region: str) -> int:
        with con.cursor() as cursor:
            together.wait(10)
            return count(cursor, region)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, [EAST, EU, WEST, EU])) == [6, 3, 3, 3]


def test_an_error_in_one_thread_leaves_the_other_alone(con: Connection) -> None:
    together = threading.Barrier(2)

    def fails() -> None:
        with con.cursor() as cursor:
            for _ in range(5):
                together.wait(10)
                with pytest.raises(errors.RegionError):
                    cursor.sql(f"SELECT name FROM {EXPERIMENTS}").fetchall()

    def succeeds() -> list[int]:
        counts = []
        with con.cursor() as cursor:
            for _ in range(5):
                together.wait(10)
                counts.append(count(cursor, EAST))
        return counts

    with ThreadPoolExecutor(2) as pool:
        failing, succeeding = pool.submit(fails), pool.submit(succeeds)
        failing.result(60)
        assert succeeding.result(60) == [6] * 5


# Cursors


def test_a_write_in_one_thread_leaves_the_types_of_another_alone(con: Connection, seeded: Emulator) -> None:
    seeded.options = Options(latency=0.3)
    update = f"UPDATE {EXPERIMENTS} SET description = 'new' WHERE region = '{EAST}'"
    with con.cursor() as cursor, ThreadPoolExecutor() as pool:
        writing = pool.submit(lambda: list(cursor.run(update, dry_run=True)))
        wait_until(lambda: seeded.calls)  # it reads the rows to be written
        kind = con.sql("SELECT true AS flag").arrow().schema.field("flag").type
        writing.result()
    assert kind == pyarrow.bool_()


def test_a_cursor_begins_with_the_settings_and_keeps_its_own(con: Connection) -> None:
    con.sql(f"SET sqlprov_regions = '{EU}'")
    with con.cursor() as cursor:
        cursor.sql(f"SET sqlprov_regions = '{WEST}'")
        rows = cursor.sql(f"SELECT DISTINCT region FROM {ENDPOINTS}").fetchall()
        assert rows == [(WEST,)]
        assert con.sql(f"SELECT DISTINCT region FROM {ENDPOINTS}").fetchall() == [(EU,)]
        cursor.sql("RESET sqlprov_regions")
        assert cursor.sql(f"SELECT DISTINCT region FROM {ENDPOINTS}").fetchall() == [(EU,)]


def test_a_cursor_shares_local_tables_but_not_the_schema_of_use(con: Connection) -> None:
    con.sql("CREATE TABLE shared AS SELECT 1 AS n; USE aws.sagemaker")
    with con.cursor() as cursor:
        assert cursor.sql("SELECT n FROM shared").fetchall() == [(1,)]
        with pytest.raises(errors.UnknownName):
            cursor.sql(f"SELECT count(*) FROM endpoints WHERE region = '{EU}'")
        assert count(con, EU, "endpoints") == 3


def test_results_of_two_cursors_are_read_side_by_side(con: Connection) -> None:
    with con.cursor() as cursor:
        mine = con.sql(f"SELECT name FROM {EXPERIMENTS} WHERE region = '{EAST}' ORDER BY name")
        theirs = cursor.sql(f"SELECT name FROM {EXPERIMENTS} WHERE region = '{EU}' ORDER BY name")
        assert (mine.fetchone(), theirs.fetchone()) == (("churn-monthly-refresh",), ("gdpr-redaction",))
        assert (mine.fetchone(), theirs.fetchone()) == (("churn-transformer",), ("search-relevance",))
        assert (len(mine.fetchall()), len(theirs.fetchall())) == (4, 1)


def test_a_new_statement_closes_the_result_before_it(con: Connection) -> None:
    first = con.sql(f"SELECT name FROM {EXPERIMENTS} WHERE region = '{EAST}'")
    assert count(con, EU) == 3
    with pytest.raises(errors.InterfaceError, match="closed"):
        first.fetchall()


def test_closing_a_cursor_leaves_the_connection_open(con: Connection) -> None:
    cursor = con.cursor()
    cursor.close()
    with pytest.raises(errors.InterfaceError, match="closed"):
        cursor.sql("SELECT 1")
    assert count(con, EU) == 3


def test_a_closed_connection_reports_that_it_is_closed(connect: Connect) -> None:
    con = connect()
    con.close()
    with pytest.raises(errors.InterfaceError, match="closed"):
        con.sql("SELECT 1")


def test_several_statements_run_in_order_and_the_last_answers(con: Connection) -> None:
    text = f"SET sqlprov_regions = '{EU}'; CREATE TABLE t AS SELECT name FROM {EXPERIMENTS}; SELECT count(*) FROM t;"
    assert con.sql(text).fetchall() == [(3,)]


def test_run_gives_each_result_and_stops_at_the_first_error(con: Connection) -> None:
    script = con.run("SELECT 1; SELECT nothing FROM (SELECT 1 AS n); CREATE TABLE never AS SELECT 1")
    assert next(script).fetchall() == [(1,)]
    with pytest.raises(errors.UnknownName):
        next(script)
    with pytest.raises(errors.UnknownName):
        con.sql("FROM never")


# Transactions


def test_a_transaction_reads_live_tables_and_keeps_what_it_commits(con: Connection) -> None:
    con.sql("BEGIN")
    con.sql(f"CREATE TABLE kept AS SELECT name FROM {EXPERIMENTS} WHERE region = '{EU}'")
    assert count(con, WEST) == 3
    assert con.sql("SELECT count(*) FROM kept").fetchall() == [(3,)]
    con.sql("COMMIT")
    with con.cursor() as cursor:
        assert cursor.sql("SELECT count(*) FROM kept").fetchall() == [(3,)]


def test_a_transaction_that_is_rolled_back_leaves_nothing(con: Connection) -> None:
    con.sql("BEGIN TRANSACTION")
    con.sql(f"CREATE TABLE gone AS SELECT name FROM {EXPERIMENTS} WHERE region = '{EU}'")
    con.sql("ROLLBACK")
    with pytest.raises(errors.UnknownName):
        con.sql("SELECT count(*) FROM gone")
    assert count(con, EU) == 3


def test_the_first_read_of_a_transaction_may_name_a_table_for_the_first_time(con: Connection) -> None:
    con.sql("BEGIN; CREATE TABLE local AS SELECT 1 AS n")
    assert count(con, EU, ENDPOINTS) == 3
    con.sql("COMMIT")


def test_a_later_read_of_a_transaction_that_names_a_new_table_says_what_to_do(con: Connection) -> None:
    con.sql("BEGIN; CREATE TABLE local AS SELECT 1 AS n")
    assert count(con, EU, ENDPOINTS) == 3
    with pytest.raises(errors.NotSupportedError, match="Name it before BEGIN") as error:
        count(con, EU)
    con.sql("INSERT INTO local VALUES (2); COMMIT")
    advice = re.search("FROM [a-z._]+ LIMIT 0", str(error.value))
    assert advice is not None
    assert con.sql(advice[0]).calls == []
    con.sql("BEGIN")
    assert count(con, EU, ENDPOINTS) == 3
    assert count(con, EU) == 3
    con.sql("COMMIT")


def test_begin_knows_the_tables_that_its_script_names(con: Connection) -> None:
    texts = (f"SELECT count(*) FROM {table} WHERE region = '{EU}'" for table in (ENDPOINTS, EXPERIMENTS))
    assert con.sql("; ".join(("BEGIN", *texts))).fetchall() == [(3,)]
    con.sql("COMMIT")


def test_a_call_that_fails_within_a_transaction_leaves_it_to_be_rolled_back(
    con: Connection, seeded: Emulator
) -> None:
    assert count(con, EU) == 3
    con.sql("CREATE TABLE t (n INTEGER); BEGIN; INSERT INTO t VALUES (1)")
    seeded.options = Options(denied_regions={EU})
    with pytest.raises(errors.AccessDenied):
        count(con, EU)
    con.sql("ROLLBACK")
    assert con.sql("SELECT count(*) FROM t").fetchall() == [(0,)]
    assert count(con, WEST) == 3


# Files


def test_a_file_keeps_snapshots_and_views_over_live_tables(connect: Connect, tmp_path: Path) -> None:
    path = str(tmp_path / "mine.duckdb")
    con = connect(path)
    con.sql(f"CREATE TABLE snap AS SELECT name, schedule FROM {EXPERIMENTS} WHERE region = '{WEST}'")
    con.sql(f"CREATE VIEW running AS SELECT name, region FROM {EXPERIMENTS} WHERE status = 'Running'")
    con.close()
    con = connect(path)
    assert con.sql("SELECT count(*), count(schedule) FROM snap").fetchall() == [(3, 2)]
    result = con.sql(f"SELECT name FROM running WHERE region = '{WEST}'")
    assert result.fetchall() == [("image-moderation",)]
    assert [call.parameters["StatusEquals"] for call in result.calls] == ["Running"]


def test_a_read_only_file_is_joined_with_live_tables_and_not_changed(
    connect: Connect, tmp_path: Path
) -> None:
    path = str(tmp_path / "mine.duckdb")
    con = connect(path)
    con.sql("CREATE TABLE owners AS FROM (VALUES ('support-triage', 'Ada')) t(name, owner)")
    con.close()
    con = connect(path, read_only=True)
    rows = con.sql(f"SELECT owner, status FROM owners JOIN {EXPERIMENTS} USING (name) WHERE region = '{EU}'")
    assert rows.fetchall() == [("Ada", "Stopping")]
    with pytest.raises(errors.DatabaseError, match="read-only"):
        con.sql(f"CREATE TABLE snap AS SELECT name FROM {EXPERIMENTS} WHERE region = '{EU}'")
    con.sql(f"CREATE TEMP TABLE snap AS SELECT name FROM {EXPERIMENTS} WHERE region = '{EU}'")
    assert con.sql("SELECT count(*) FROM snap").fetchall() == [(3,)]


def test_a_file_with_the_name_of_a_provider_is_refused_with_the_reason(
    connect: Connect, tmp_path: Path
) -> None:
    with pytest.raises(errors.ProgrammingError, match="'aws'"):
        connect(str(tmp_path / "aws.duckdb"))


def test_a_file_that_is_not_a_database_is_refused(connect: Connect, tmp_path: Path) -> None:
    path = tmp_path / "notes.duckdb"
    path.write_text("nothing that DuckDB could read" * 1000)
    with pytest.raises(errors.ProgrammingError, match="Cannot open"):
        connect(str(path))


def test_an_attached_file_is_joined_with_live_tables(con: Connection, tmp_path: Path) -> None:
    con.sql(f"ATTACH '{tmp_path / 'other.duckdb'}' AS other")
    con.sql(f"CREATE TABLE other.snap AS SELECT name FROM {EXPERIMENTS} WHERE region = '{EU}'")
    both = f"SELECT count(*) FROM other.snap JOIN {EXPERIMENTS} USING (name) WHERE region = '{EAST}'"
    assert con.sql(both).fetchall() == [(1,)]


# Prepared statements


def test_a_prepared_statement_runs_twice_and_calls_twice(con: Connection) -> None:
    con.sql(f"PREPARE look AS SELECT name, status FROM {EXPERIMENTS} WHERE region = $1 AND status = $2")
    first = con.sql("EXECUTE look('us-east-1', 'Created')")
    assert first.fetchall() == [("pricing-elasticity", "Created")]
    second = con.sql("EXECUTE look('us-west-2', 'Starting')")
    assert second.fetchall() == [("search-relevance", "Starting")]
    sent = [(call.region, call.parameters["StatusEquals"]) for call in [*first.calls, *second.calls]]
    assert sent == [(EAST, "Created"), (WEST, "Starting")]


def test_a_prepared_statement_obeys_settings_that_are_changed_later(con: Connection) -> None:
    con.sql(f"SET sqlprov_regions = '{EU}'; PREPARE every AS SELECT DISTINCT region FROM {ENDPOINTS}")
    assert con.sql("EXECUTE every").fetchall() == [(EU,)]
    con.sql(f"SET sqlprov_regions = '{WEST}'")
    assert con.sql("EXECUTE every").fetchall() == [(WEST,)]


def test_named_parameters_are_shared_by_the_statements_of_a_script(con: Connection) -> None:
    text = f"SELECT $s; SELECT count(*) FROM {EXPERIMENTS} WHERE region = $r AND status = $s"
    assert con.sql(text, {"r": EAST, "s": "Running"}).fetchall() == [(2,)]


def test_a_missing_parameter_is_an_error_without_a_call(con: Connection, seeded: Emulator) -> None:
    with pytest.raises(errors.Error):
        con.sql(f"SELECT count(*) FROM {EXPERIMENTS} WHERE region = ?")
    assert seeded.calls == []


# Variables of the caller


def test_a_script_accepts_several_variables_by_name(con: Connection) -> None:
    names = pandas.DataFrame({"name": ["support-triage", "gdpr-redaction"]})
    owners = polars.DataFrame({"name": ["support-triage"], "owner": ["Ada"]})
    text = f"SELECT owner, status FROM n JOIN o USING (name) JOIN {EXPERIMENTS} USING (name) WHERE region = '{EU}'"
    (result,) = con.run(text, variables={"n": names, "o": owners})
    assert result.fetchall() == [("Ada", "Stopping")]


def test_each_statement_looks_for_its_variables_again(con: Connection) -> None:
    frame = pandas.DataFrame({"n": [1]})
    assert con.sql("SELECT sum(n) FROM frame").fetchall() == [(1,)]
    frame = pandas.DataFrame({"n": [2, 3]})
    assert con.sql("SELECT sum(n) FROM frame").fetchall() == [(5,)]
    del frame
    with pytest.raises(errors.UnknownName, match="frame"):
        con.sql("SELECT sum(n) FROM frame")


def test_a_variable_of_another_function_is_not_found(con: Connection) -> None:
    def elsewhere() -> None:
        hidden = pandas.DataFrame({"n": [1]})
        assert len(hidden) == 1

    elsewhere()
    with pytest.raises(errors.UnknownName, match="hidden"):
        con.sql("SELECT * FROM hidden")


def test_a_variable_that_is_not_a_table_is_not_found(con: Connection) -> None:
    number = 3
    with pytest.raises(errors.UnknownName, match="number"):
        con.sql("SELECT * FROM number")
    assert number == 3


def test_a_local_table_is_preferred_to_a_variable(con: Connection) -> None:
    con.sql("CREATE TABLE owners AS SELECT 'table' AS kind")
    owners = pandas.DataFrame({"kind": ["variable"]})
    assert con.sql("SELECT kind FROM owners").fetchall() == [("table",)]
    assert len(owners) == 1


def test_explain_finds_variables_too(con: Connection) -> None:
    names = pandas.DataFrame({"name": ["support-triage"]})
    result = con.sql(
        f"EXPLAIN SELECT * FROM names JOIN {ENDPOINTS} ON name = endpoint_name WHERE region = '{EU}'"
    )
    calls = {"ListEndpoints", "DescribeEndpoint", "GetResources", "ListTags"}
    assert {call.operation for call in result.planned} == calls
    assert len(names) == 1


def test_a_result_is_a_frame_for_the_next_statement(con: Connection) -> None:
    experiments = con.sql(f"SELECT name, endpoint_name FROM {EXPERIMENTS} WHERE region = '{EU}'").df()
    text = f"""SELECT e.name, p.endpoint_status FROM experiments e JOIN {ENDPOINTS} p USING (endpoint_name)
               WHERE p.region = '{EU}' ORDER BY e.name"""
    assert con.sql(text).fetchall() == [
        ("gdpr-redaction", "Updating"),
        ("search-relevance", "InService"),
        ("support-triage", "Updating"),
    ]
    assert len(experiments) == 3


# Settings


def test_the_default_region_of_the_environment_is_the_sessions(
    credentials: None, monkeypatch: pytest.MonkeyPatch, seeded: Emulator
) -> None:
    monkeypatch.setenv("AWS_REGION", EU)
    monkeypatch.setenv("AWS_DEFAULT_REGION", EU)
    monkeypatch.setenv("AWS_ENDPOINT_URL", seeded.url)
    with sqlprov.connect() as con:
        assert con.sql(f"SELECT DISTINCT region FROM {ENDPOINTS}").fetchall() == [(EU,)]
    with sqlprov.connect(region=[EAST, WEST]) as con:
        regions = con.sql(f"SELECT DISTINCT region FROM {ENDPOINTS} ORDER BY region").fetchall()
        assert regions == [(EAST,), (WEST,)]


def test_connect_takes_the_settings_that_set_takes(connect: Connect) -> None:
    con = connect(regions=EU, pushdown="off")
    result = con.sql(f"SELECT name FROM {EXPERIMENTS} WHERE status = 'Stopping'")
    assert result.fetchall() == [("support-triage",)]
    assert ["StatusEquals" in call.parameters for call in result.calls] == [False]


# What is refused


@pytest.mark.parametrize("verb", ["TABLE", "VIEW"])
def test_after_use_of_a_provider_a_create_is_refused_with_advice(con: Connection, verb: str) -> None:
    con.sql("USE aws.sagemaker")
    with pytest.raises(errors.NotSupportedError, match=r"memory\.main\.snap"):
        con.sql(f"CREATE {verb} snap AS SELECT 1 AS n")
    con.sql(f"CREATE {verb} memory.main.snap AS SELECT 1 AS n")
    assert con.sql("SELECT n FROM memory.main.snap").fetchall() == [(1,)]


def test_after_use_of_a_provider_a_temporary_table_may_be_made(con: Connection) -> None:
    con.sql("USE aws.sagemaker")
    con.sql(f"CREATE TEMP TABLE snap AS SELECT name FROM inference_experiments WHERE region = '{EU}'")
    assert con.sql("SELECT count(*) FROM snap").fetchall() == [(3,)]


@pytest.mark.parametrize(
    "text",
    [
        "CREATE OR REPLACE VIEW aws.sagemaker.models AS SELECT 1 AS n",
        f"WITH gone AS (SELECT 1) DELETE FROM {EXPERIMENTS}",
    ],
)
def test_a_refused_statement_changes_nothing_and_makes_no_call(
    con: Connection, seeded: Emulator, text: str
) -> None:
    with pytest.raises(errors.NotSupportedError):
        con.sql(text)
    assert seeded.calls == []
    assert count(con, EU, "aws.sagemaker.models") == 6


def test_a_local_table_with_the_name_of_a_live_one_may_be_written(con: Connection) -> None:
    con.sql("CREATE TABLE models (model_name VARCHAR); INSERT INTO models VALUES ('mine'), ('yours')")
    con.sql("DELETE FROM models WHERE model_name = 'yours'")
    assert con.sql("SELECT model_name FROM models").fetchall() == [("mine",)]
    assert count(con, EU, "aws.sagemaker.models") == 6


# What exists


def test_every_setting_is_shown_with_its_value_and_default(con: Connection) -> None:
    con.sql("SET sqlprov_timeout = 5")
    shown = {name: (value, default) for name, value, default, _ in con.sql("SHOW SETTINGS").fetchall()}
    assert list(shown) == list(Settings.describe())
    assert shown["sqlprov_timeout"] == ("5.0", "60.0")
    assert shown["sqlprov_pushdown"] == ("on", "on")


def test_describe_needs_neither_a_region_nor_credentials() -> None:
    with sqlprov.connect() as con:
        described = con.sql(f"DESCRIBE {EXPERIMENTS}").fetchall()
    assert [name for name, _, _ in described[:3]] == ["arn", "name", "type"]
    assert {name: kind for name, kind, _ in described}["tags"] == 'STRUCT("Key" VARCHAR, "Value" VARCHAR)[]'


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT * FROM asw.sagemaker.models", "Unknown provider 'asw'; expected aws"),
        ("SELECT * FROM asw.sagemaker.models", "Did you mean 'aws'?\nLINE 1: SELECT * FROM asw.sagemaker.models\n"),
        ("SELECT * FROM aws.sagemakr.models", "Did you mean 'sagemaker'?"),
        ("SELECT * FROM aws.sagemaker.modles", "Did you mean 'models'?"),
        ("SELECT * FROM sagemaker.models", "Did you mean 'aws.sagemaker.models'"),
        ("SELECT * FROM aws.region", "Did you mean 'regions'?"),
        ("SELECT m.modl_name FROM aws.sagemaker.models AS m", "Did you mean 'model_name'?"),
        ("SELECT e.endpoint_nam FROM aws.sagemaker.endpoints e, aws.ec2.vpcs", "name'?\nLINE 1: SELECT e.e"),
        ("EXPLAIN SELECT modl_name FROM aws.sagemaker.models", "LINE 1: SELECT modl_name"),
    ],
)  # fmt: skip
def test_the_error_for_an_unknown_name_suggests_the_nearest_and_shows_the_place(
    con: Connection, sql: str, words: str
) -> None:
    with pytest.raises(errors.UnknownName) as raised:
        con.sql(sql)
    assert words in str(raised.value)


@pytest.mark.parametrize("listing", ["SHOW TABLES", "SHOW TABLES FROM aws.sagemaker"])
def test_show_tables_lists_every_table_before_any_is_named(connect: Connect, listing: str) -> None:
    con = connect()
    con.sql("USE aws.sagemaker")
    names = {row[0] for row in con.sql(listing).fetchall()}
    assert {"endpoint_configs", "endpoints", "inference_experiments", "models"} <= names


def test_the_local_sagemaker_ignores_proxies_and_profiles(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SQLPROV_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_PROFILE", "nope")
    with sqlprov.connect(local=True, region=EAST) as con:
        assert con.sql(f"SELECT count(*) FROM {EXPERIMENTS}").fetchall() == [(6,)]


def test_a_warning_says_that_botocore_does_not_know_the_default_region(con: Connection) -> None:
    con.sql("SET sqlprov_regions = 'us-esat-1'")
    result = con.sql(f"SELECT count(*) FROM {EXPERIMENTS}")
    assert result.fetchall() == [(0,)]
    assert result.warnings == ["botocore does not know the region 'us-esat-1'. Did you mean 'us-east-1'?"]


@pytest.mark.parametrize(
    ("written", "near"),
    [
        ("sqlprov_region", " Did you mean 'sqlprov_regions'?"),
        ("sqlprov_concurency", " Did you mean 'sqlprov_concurrency'?"),
        ("sqlprov_foo", ""),
    ],
)
def test_the_error_for_an_unknown_setting_suggests_the_nearest_if_one_is_near(
    con: Connection, written: str, near: str
) -> None:
    with pytest.raises(sqlprov.UnknownName) as caught:
        con.sql(f"SET {written} = 'x'")
    assert str(caught.value) == f"Unknown setting '{written}'.{near} SHOW SETTINGS lists them."


@pytest.mark.parametrize("table", ["sqlprov.errors", "aws.sagemaker.models"])
def test_a_scan_that_loses_its_conditions_is_an_error_without_a_traceback(
    connect: Connect, table: str
) -> None:
    con = connect()
    con.sql("SET disabled_optimizers = 'filter_pushdown'")
    with pytest.raises(errors.Error, match="RESET disabled_optimizers and default_collation") as caught:
        con.sql(f"FROM {table}").fetchall()
    assert "Traceback" not in str(caught.value)

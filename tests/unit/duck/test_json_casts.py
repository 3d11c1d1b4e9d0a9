"""Where DuckDB itself converts nested columns to JSON or text: a COPY writes AWS's JSON, and the rest is refused."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sqlprov import output
from sqlprov.api.connection import Connection
from sqlprov.emulator import Emulator
from sqlprov.errors import NotSupportedError

Connect = Callable[..., Connection]
EXPERIMENTS = "aws.sagemaker.inference_experiments"
ROW = f"FROM {EXPERIMENTS} WHERE region = 'us-east-1' AND name = 'fraud-lightgbm'"
SCHEDULE = '{"StartTime":"2025-04-14T09:10:00Z","EndTime":"2025-04-21T09:10:00Z"}'
WITH_NULL = """'{"a":null}'::JSON"""
STORED = (
    '{"Destination":"s3://experiments-us-east-1/fraud-lightgbm",'
    '"ContentType":{"JsonContentTypes":["application/json"]}}'
)


@pytest.fixture
def con(connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Connection:
    monkeypatch.chdir(tmp_path)
    con = connect(regions="us-east-1")
    con.sql(f"CREATE TABLE mine AS SELECT name, schedule AS s, schedule.StartTime AS t {ROW}")
    con.sql(f"CREATE TABLE documents AS SELECT {WITH_NULL} AS j, 'x' AS name")
    con.sql("CREATE VIEW listed AS SELECT json_group_array(s) AS all_s FROM mine")
    con.sql("PREPARE saved AS COPY mine TO 'x.json'")
    return con


@pytest.mark.parametrize(
    ("copy", "parameters", "written"),
    [
        (f"COPY (SELECT name, schedule {ROW}) TO 'x.json'", None, f'{{"name":"fraud-lightgbm","schedule":{SCHEDULE}}}'),
        (f"COPY (SELECT data_storage_config AS d, status_reason {ROW}) TO 'x.json' (FORMAT json)", None,
         f'{{"d":{STORED},"status_reason":null}}'),
        (f"COPY (SELECT to_json(schedule) AS j, [schedule] AS l, {WITH_NULL} AS k {ROW}) TO 'x.json'", None,
         f'{{"j":{SCHEDULE},"l":[{SCHEDULE}],"k":{{"a":null}}}}'),
        (f"COPY (SELECT schedule AS s {ROW} ORDER BY name) TO $file (ARRAY)", {"file": "x.json"},
         f'[\n\t{{"s":{SCHEDULE}}}\n]'),
        (f"COPY (SELECT ? AS a, schedule AS s {ROW}) TO ?", ["b", "x.json"], f'{{"a":"b","s":{SCHEDULE}}}'),
        (f"COPY (SELECT EndpointName {ROW}) TO 'x.json'", None, '{"endpoint_name":"payments-fraud"}'),
        (f"COPY (SELECT schedule, schedule {ROW}) TO 'x.json'", None,
         f'{{"schedule":{SCHEDULE},"schedule_1":{SCHEDULE}}}'),
        ("COPY (SELECT [{'j': to_json(s)}] FROM mine) TO 'x.json'", None,
         f'{{"list_value(struct_pack(j := to_json(s)))":[{{"j":{SCHEDULE}}}]}}'),
        ("COPY (SELECT to_json(s), name AS to_json FROM mine) TO 'x.json'", None,
         f'{{"to_json(s)":{SCHEDULE},"to_json":"fraud-lightgbm"}}'),
        ("COPY mine (s, t) TO 'x.json'", None, f'{{"s":{SCHEDULE},"t":"2025-04-14T09:10:00Z"}}'),
        ("COPY mine (s, t) TO 'x.json' (TIMESTAMPFORMAT '%Y')", None,
         '{"s":{"StartTime":"2025","EndTime":"2025"},"t":"2025"}'),
        ("WITH done AS (COPY (SELECT s FROM mine) TO 'x.json') FROM done", None, f'{{"s":{SCHEDULE}}}'),
        ("EXECUTE saved", None, f'{{"name":"fraud-lightgbm","s":{SCHEDULE},"t":"2025-04-14T09:10:00Z"}}'),
        ("COPY listed TO 'x.json'", None, f'{{"all_s":[{SCHEDULE}]}}'),
        ("SELECT to_json(s) FROM mine; COPY documents TO 'x.json'", None, '{"j":{"a":null},"name":"x"}'),
    ],
)  # fmt: skip
def test_a_copy_to_a_json_file_writes_what_aws_sent(
    con: Connection, copy: str, parameters: Any, written: str
) -> None:
    con.sql(copy, parameters)
    assert Path("x.json").read_text().strip() == written


def test_a_copy_that_is_partitioned_names_its_folders_as_without_nested_columns(con: Connection) -> None:
    con.sql(f"COPY (SELECT region, schedule AS s {ROW}) TO 'x' (FORMAT json, PARTITION_BY region)")
    (file,) = Path("x/region=us-east-1").iterdir()
    assert file.read_text().strip() == f'{{"s":{SCHEDULE}}}'


@pytest.mark.parametrize(
    ("statement", "column"),
    [
        (f"INSERT INTO documents SELECT schedule, name {ROW}", "schedule"),
        (f"INSERT INTO documents SELECT schedule, ? {ROW}", "schedule"),
        (f"PREPARE p AS INSERT INTO documents SELECT schedule, $1 {ROW}", "schedule"),
        (f"PREPARE p AS INSERT INTO documents SELECT schedule, $name {ROW}", "schedule"),
        (f"INSERT INTO documents SELECT [schedule], name {ROW}", "[schedule]"),
        (f"INSERT INTO documents SELECT model_variants, ? {ROW}", "model_variants"),
        (f"INSERT INTO documents (j) SELECT creation_time {ROW}", "creation_time"),
        (f"UPDATE documents SET j = e.schedule FROM {EXPERIMENTS} AS e WHERE e.name = documents.name", "e.schedule"),
        (f"SELECT schedule {ROW} UNION ALL SELECT '{{}}'::JSON", "schedule"),
        (f"WITH d AS (FROM documents) SELECT j FROM d UNION (SELECT Schedule {ROW})", "Schedule"),
        (f"CREATE TABLE both_ AS SELECT j FROM documents UNION ALL SELECT schedule {ROW}", "schedule"),
        (f"SELECT coalesce(schedule, '{{}}'::JSON) {ROW}", "schedule"),
        (f"SELECT ['{{}}'::JSON, schedule] {ROW}", "schedule"),
        (f"SELECT CASE WHEN true THEN schedule ELSE '{{}}'::JSON END {ROW}", "schedule"),
        (f"SELECT name {ROW} AND schedule = '{SCHEDULE}'::JSON", "schedule"),
        (f"SELECT CAST({{'a': schedule}} AS STRUCT(a JSON)) {ROW}", "schedule"),
        (f"SELECT TRY_CAST([{{'a': schedule}}] AS STRUCT(a JSON)[]) {ROW}", "schedule"),
        (f"SELECT row(schedule, 1)::STRUCT(a JSON, b INT) {ROW}", "schedule"),
        (f"SELECT MAP {{'k': schedule}}::MAP(VARCHAR, JSON) {ROW}", "schedule"),
        (f"SELECT schedule::VARIANT::JSON {ROW}", "schedule"),
        (f"SELECT * FROM (SELECT schedule {ROW} UNION ALL SELECT '{{}}'::JSON)", "schedule"),
        (f"WITH c(x) AS (SELECT schedule {ROW} EXCEPT FROM documents SELECT j) FROM c", "schedule"),
        (f"SELECT schedule {ROW} UNION ALL BY NAME SELECT j AS schedule FROM documents", "schedule"),
        (f"SELECT x FROM (SELECT coalesce(schedule, j) x FROM {EXPERIMENTS}, documents)", "schedule"),
        (f"SELECT list_append([j], schedule) FROM {EXPERIMENTS}, documents", "schedule"),
        (f"SELECT name {ROW} AND schedule IN (SELECT j FROM documents)", "schedule"),
        (f"SELECT name {ROW} AND schedule IN ('{{}}'::JSON)", "schedule"),
        (f"SELECT first(schedule) = '{{}}'::JSON {ROW}", "first(schedule)"),
        (f"SELECT data_storage_config -> concat('Kms', 'Key') {ROW}", "data_storage_config"),
        (f"COPY (SELECT coalesce(schedule, '{{}}'::JSON) AS x {ROW}) TO 'x.csv'", "schedule"),
        (f"EXPLAIN SELECT coalesce(schedule, '{{}}'::JSON) {ROW}", "schedule"),
        (f"SELECT coalesce(e.schedule, j) FROM {EXPERIMENTS} e, documents, aws.regions r", "e.schedule"),
        (f"SELECT coalesce(e.schedule, j) FROM {EXPERIMENTS} e, documents, people", "e.schedule"),
        (f"SELECT coalesce(schedule, j) FROM {EXPERIMENTS}, documents, read_csv('people.csv')", "schedule"),
        (f"MERGE INTO documents d USING (SELECT schedule, name {ROW}) s ON s.name = d.name "
         "WHEN NOT MATCHED THEN INSERT VALUES (s.schedule, s.name)", "s.schedule"),
    ],
)  # fmt: skip
def test_a_nested_column_that_duckdb_would_convert_is_refused_before_any_call(
    con: Connection, seeded: Emulator, statement: str, column: str
) -> None:
    people = pa.table({"who": ["a"]})  # noqa: F841
    Path("people.csv").write_text("who\na\n")
    calls = len(seeded.calls)
    with pytest.raises(NotSupportedError, match=re.escape(f"Write to_json({column})")) as caught:
        con.sql(statement, ["a"] if "?" in statement else None)
    assert "LINE 1: " in str(caught.value)
    assert len(seeded.calls) == calls


@pytest.mark.parametrize(
    ("statement", "column"),
    [
        (f"SELECT concat(schedule, '') {ROW}", "schedule"),
        (f"SELECT name || Schedule {ROW}", "Schedule"),
        (f"SELECT printf('%s', schedule), format('{{}}', name) {ROW}", "schedule"),
        (f"SELECT string_agg(data_storage_config.ContentType, ',') {ROW}", "data_storage_config.ContentType"),
        (f"SELECT array_to_string(tags, ',') {ROW}", "tags"),
        (f"SELECT concat(t) FROM {EXPERIMENTS} t", "t"),
        (f"SELECT tag_map || name {ROW}", "tag_map"),
        (f"SELECT [concat(each) FOR each IN [schedule]] {ROW}", "each"),
        (f"SELECT concat(schedule, name) {ROW}", "schedule"),
        (f"INSERT INTO documents (name) SELECT tags {ROW}", "tags"),
        (f"CREATE VIEW texts AS SELECT concat(schedule) AS t {ROW}", "schedule"),
    ],
)  # fmt: skip
def test_a_nested_column_that_duckdb_would_make_a_text_is_refused_before_any_call(
    con: Connection, seeded: Emulator, statement: str, column: str
) -> None:
    calls = len(seeded.calls)
    with pytest.raises(NotSupportedError) as caught:
        con.sql(statement)
    assert f"Write to_json({column}), or {column}::VARCHAR if you mean that text" in str(caught.value)
    assert len(seeded.calls) == calls


def test_a_statement_with_a_number_that_duckdb_cannot_serialize_is_checked(con: Connection) -> None:
    number = 10**40
    query = f"SELECT {number} AS n, to_json(schedule) AS s {ROW}"
    assert con.sql(query).fetchall() == [(str(number), SCHEDULE)]
    with pytest.raises(NotSupportedError, match=r"Write to_json\(schedule\)"):
        con.sql(f"SELECT {number} AS n, CASE WHEN true THEN schedule ELSE '{{}}'::JSON END AS s {ROW}")


def test_a_plan_that_the_check_cannot_read_is_checked_as_explain_prints_it(
    con: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(casts: object) -> None:
        raise KeyError("type")

    monkeypatch.setattr("sqlprov.duck.json_check.JsonCasts.find", fail)
    with pytest.raises(NotSupportedError, match=r"Write to_json\(schedule\)"):
        con.sql(f"SELECT coalesce(schedule, '{{}}'::JSON) {ROW}")


def test_a_macro_that_makes_a_nested_column_a_text_is_refused(con: Connection) -> None:
    con.sql("CREATE MACRO shorten(x) AS left(concat(x), 9)")
    with pytest.raises(NotSupportedError, match="schedule would become DuckDB's text"):
        con.sql(f"SELECT shorten(schedule) {ROW}")


def test_a_cast_to_text_is_duckdbs_text_of_a_structure(con: Connection) -> None:
    text = "{'StartTime': '2025-04-14 09:10:00+00', 'EndTime': '2025-04-21 09:10:00+00'}"
    con.sql("CREATE MACRO text_of(x) AS x::VARCHAR")
    con.sql(f"CREATE VIEW texts AS SELECT schedule::TEXT AS t, schedule {ROW}")
    for query in (
        f"SELECT concat(CAST(schedule AS VARCHAR), '') {ROW}",
        f"SELECT text_of(schedule) {ROW}",
        "SELECT t FROM texts",
        f"SELECT min FROM (SUMMARIZE SELECT schedule {ROW})",
    ):
        assert con.sql(query).fetchall() == [(text,)]


@pytest.mark.parametrize("options", ["", " (FORMAT csv, HEADER)"])
def test_a_copy_to_a_csv_file_writes_what_our_csv_has(con: Connection, options: str) -> None:
    query = f"SELECT *, [1.5, 2] AS l, MAP {{'a': schedule}} AS m {ROW}"
    con.sql(f"COPY ({query}) TO 'x.csv'{options}")
    with Path("ours.csv").open("wb") as stream:
        output.write(con.sql(query), "csv", stream)
    copied, ours = (list(csv.reader(Path(name).read_text().splitlines())) for name in ("x.csv", "ours.csv"))
    assert copied == ours
    assert len(copied) == 2


def test_a_copy_to_csv_keeps_its_format_for_times(con: Connection) -> None:
    con.sql("COPY mine TO 'x.csv' (TIMESTAMPFORMAT '%Y', DELIMITER '|', QUOTE '!')")
    assert Path("x.csv").read_text() == f"name|s|t\nfraud-lightgbm|{SCHEDULE}|2025\n"


def test_a_copy_to_parquet_keeps_structures(con: Connection) -> None:
    con.sql("COPY mine TO 'x.parquet'")
    assert con.sql("SELECT s.StartTime = t FROM 'x.parquet'").fetchall() == [(True,)]


def test_with_the_words_of_the_error_it_is_answered(con: Connection) -> None:
    con.sql(f"INSERT INTO documents SELECT schedule::JSON, name {ROW}")
    assert con.sql(
        f"SELECT j FROM documents UNION SELECT schedule::JSON {ROW} ORDER BY j DESC"
    ).fetchall() == [
        ('{"a":null}',),
        (SCHEDULE,),
    ]
    assert con.sql(f"SELECT name {ROW} AND schedule::JSON = '{SCHEDULE}'::JSON").fetchall()


def test_a_prepared_statement_sees_the_same_json_after_a_copy(con: Connection) -> None:
    con.sql(f"PREPARE p AS SELECT to_json(schedule) {ROW}")
    con.sql("COPY mine TO 'x.json'")
    assert con.sql("EXECUTE p").fetchall() == [(SCHEDULE,)]


def test_a_union_in_a_transaction_does_not_abort_it(con: Connection) -> None:
    con.sql("BEGIN")
    assert con.sql(f"SELECT name {ROW} UNION ALL SELECT name FROM documents").fetchall()
    con.sql(
        f"WITH e AS (SELECT name {ROW}) SELECT name FROM e UNION ALL (WITH f AS (FROM e) FROM f)"
    ).fetchall()
    con.sql("COMMIT")

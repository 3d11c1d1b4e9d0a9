"""Where DuckDB itself converts nested columns to JSON: a COPY writes AWS's JSON, and the rest is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sqlprov.api.connection import Connection
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
        (f"INSERT INTO documents SELECT [schedule], name {ROW}", "schedule"),
        (f"INSERT INTO documents SELECT model_variants, ? {ROW}", "model_variants"),
        (f"INSERT INTO documents (j) SELECT creation_time {ROW}", "creation_time"),
        (f"UPDATE documents SET j = e.schedule FROM {EXPERIMENTS} AS e WHERE e.name = documents.name", "schedule"),
        (f"SELECT schedule {ROW} UNION ALL SELECT '{{}}'::JSON", "schedule"),
        (f"WITH d AS (FROM documents) SELECT j FROM d UNION (SELECT Schedule {ROW})", "schedule"),
        (f"CREATE TABLE both_ AS SELECT j FROM documents UNION ALL SELECT schedule {ROW}", "schedule"),
        (f"SELECT coalesce(schedule, '{{}}'::JSON) {ROW}", "schedule"),
        (f"SELECT ['{{}}'::JSON, schedule] {ROW}", "schedule"),
        (f"SELECT CASE WHEN true THEN schedule ELSE '{{}}'::JSON END {ROW}", "schedule"),
        (f"SELECT name {ROW} AND schedule = '{SCHEDULE}'::JSON", "schedule"),
    ],
)  # fmt: skip
def test_a_nested_column_that_duckdb_would_convert_is_refused_before_any_call(
    con: Connection, statement: str, column: str
) -> None:
    with pytest.raises(NotSupportedError, match=f"Write {column}::JSON") as caught:
        con.sql(statement, ["a"] if "?" in statement else None)
    assert "LINE 1: " in str(caught.value)


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

"""DuckDB's JSON functions over nested columns: what AWS did not send is absent, and times are AWS's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sqlprov.api.connection import Connection
from sqlprov.emulator import Emulator
from sqlprov.errors import Error

Connect = Callable[..., Connection]
EXPERIMENTS = "aws.sagemaker.inference_experiments"
ROW = f"FROM {EXPERIMENTS} WHERE region = 'us-east-1' AND name = 'fraud-lightgbm'"
STORED = (
    '{"Destination":"s3://experiments-us-east-1/fraud-lightgbm",'
    '"ContentType":{"JsonContentTypes":["application/json"]}}'
)
SCHEDULE = '{"StartTime":"2025-04-14T09:10:00Z","EndTime":"2025-04-21T09:10:00Z"}'
STARTED = '{"StartTime":"2025-04-14T09:10:00Z"}'
WITH_NULL = "{'s': schedule, 'n': NULL}"


@pytest.fixture
def connection(connect: Connect) -> Connection:
    return connect(regions="us-east-1")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("json_extract(data_storage_config, '$')", STORED),
        ("json_extract(data_storage_config, '$.KmsKey')", None),
        ("coalesce(json_extract(data_storage_config, '$.KmsKey'), '0')", "0"),
        ("json_extract(data_storage_config, ['$.KmsKey', '$.ContentType'])",
         [None, '{"JsonContentTypes":["application/json"]}']),
        ("data_storage_config -> 'KmsKey'", None),
        ("data_storage_config -> 'ContentType' -> 'JsonContentTypes' ->> 0", "application/json"),
        ("data_storage_config.ContentType -> '$.CsvContentTypes'", None),
        ("data_storage_config ->> 'KmsKey'", None),
        ("schedule ->> '$.EndTime'", "2025-04-21T09:10:00Z"),
        ("json_extract_string(schedule, 'EndTime')", "2025-04-21T09:10:00Z"),
        ("json_extract_path_text(schedule, 'EndTime')", "2025-04-21T09:10:00Z"),
        ("json_value(schedule, '$.EndTime')", '"2025-04-21T09:10:00Z"'),
        ("json_keys(data_storage_config)", ["Destination", "ContentType"]),
        ("json_exists(data_storage_config, '$.KmsKey')", False),
        ("json_contains(data_storage_config, 'null')", False),
        ("json_type(data_storage_config, '$.KmsKey')", None),
        ("json_structure(schedule)", '{"StartTime":"VARCHAR","EndTime":"VARCHAR"}'),
        ("json_array_length(model_variants)", 2),
        ("json_array_length(data_storage_config, '$.ContentType.JsonContentTypes')", 1),
        ("json_merge_patch(schedule, '{\"EndTime\": null}')", STARTED),
        ("json_transform(schedule, '{\"StartTime\": \"VARCHAR\"}').StartTime", "2025-04-14T09:10:00Z"),
        ("json_pretty(schedule) LIKE '%2025-04-14T09:10:00Z%'", True),
        ("json(schedule)", SCHEDULE),
        ("to_json(schedule)", SCHEDULE),
        ("to_json(schedule.StartTime)", '"2025-04-14T09:10:00Z"'),
        ("to_json([schedule, NULL])", f"[{SCHEDULE},null]"),
        ("to_json(MAP {'k': data_storage_config})", f'{{"k":{STORED}}}'),
        ("MAP {'k': data_storage_config}::JSON", f'{{"k":{STORED}}}'),
        ("position('Z' IN schedule::JSON)", 34),
        (f"to_json({WITH_NULL})", f'{{"s":{SCHEDULE}}}'),
        ("to_json(name)", '"fraud-lightgbm"'),
        ("to_json({'big': 12345678901234567890123, 's': schedule})",
         f'{{"big":12345678901234567890123,"s":{SCHEDULE}}}'),
        ("json_array(schedule, name, NULL)", f'[{SCHEDULE},"fraud-lightgbm",null]'),
        ("json_object('s', schedule, 'k', status_reason)", f'{{"s":{SCHEDULE},"k":null}}'),
        ("schedule::JSON", SCHEDULE),
        ("CAST(schedule AS JSON)", SCHEDULE),
        ("TRY_CAST(schedule AS JSON)", SCHEDULE),
        ("TRY_CAST(name AS JSON)", None),
        ("[schedule]::JSON[]", [SCHEDULE]),
        ("['1', '\"a\"']::JSON[]", ["1", '"a"']),
        ("[schedule ->> 'Nope', '2']::JSON[]", [None, "2"]),
        ("(CASE WHEN true THEN schedule END)::JSON::VARCHAR", SCHEDULE),
        ("model_variants[1].InfrastructureConfig::JSON ->> '$.RealTimeInferenceConfig.InstanceCount'", "2"),
        ("list_transform([schedule], lambda each: to_json(each))", [SCHEDULE]),
        ("[each ->> 'StartTime' FOR each IN [schedule]]", ["2025-04-14T09:10:00Z"]),
        (f"json_equal(schedule, '{SCHEDULE}')", 1),
        ("json_patch(schedule, '{\"EndTime\": null}')", STARTED),
        ("tag_map -> 'team'", '"payments"'),
    ],
)  # fmt: skip
def test_a_json_function_sees_what_aws_sent(connection: Connection, expression: str, value: Any) -> None:
    assert connection.sql(f"SELECT {expression} {ROW}").fetchall() == [(value,)]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (f"SELECT json_group_array(schedule) {ROW}", [(f"[{SCHEDULE}]",)]),
        (f"SELECT json_group_object(name, schedule) {ROW}", [(f'{{"fraud-lightgbm":{SCHEDULE}}}',)]),
        (f"SELECT json_group_structure(schedule) {ROW}", [('{"StartTime":"VARCHAR","EndTime":"VARCHAR"}',)]),
        (f"SELECT to_json(t) FROM (SELECT name, schedule {ROW}) t",
         [(f'{{"name":"fraud-lightgbm","schedule":{SCHEDULE}}}',)]),
        (f"SELECT row_to_json(t) FROM (SELECT status_reason, schedule {ROW}) t", [(f'{{"schedule":{SCHEDULE}}}',)]),
        (f"SELECT k.key FROM {EXPERIMENTS} e, json_each(e.data_storage_config) k "
         "WHERE e.region = 'us-east-1' AND e.name = 'fraud-lightgbm' ORDER BY ALL",
         [("ContentType",), ("Destination",)]),
        (f"SELECT count(*) FROM {EXPERIMENTS} e, json_tree(e.data_storage_config, '$.ContentType') "
         "WHERE e.region = 'us-east-1' AND e.name = 'fraud-lightgbm'", [(3,)]),
        (f"WITH j AS (SELECT to_json(schedule) AS s {ROW}) SELECT s ->> 'EndTime' FROM j",
         [("2025-04-21T09:10:00Z",)]),
        (f"SELECT (SELECT schedule -> 'EndTime' {ROW}) = '\"2025-04-21T09:10:00Z\"'", [(True,)]),
        (f"SELECT 1 {ROW} AND json_extract(data_storage_config, '$.KmsKey') IS NULL AND schedule::JSON IS NOT NULL",
         [(1,)]),
        ("SELECT to_json({'a': NULL, 't': TIMESTAMPTZ '2025-01-01 12:00:00.120Z'})",
         [('{"t":"2025-01-01T12:00:00.12Z"}',)]),
        ("SELECT json_extract('{\"a\": null}', '$.a'), '{\"a\": 1}'::JSON, json_array(), to_json(NULL)",
         [("null", '{"a": 1}', "[]", None)]),
        ("SELECT 'a' || 'b' -> 'c'", "Malformed JSON"),
    ],
)  # fmt: skip
def test_json_in_every_part_of_a_query(connection: Connection, query: str, rows: Any) -> None:
    if isinstance(rows, str):
        with pytest.raises(Error, match=rows):
            connection.sql(query).fetchall()
    else:
        assert connection.sql(query).fetchall() == rows


def test_a_view_a_macro_a_copy_and_a_prepared_statement_see_the_same_json(connection: Connection) -> None:
    connection.sql(f"CREATE VIEW v AS SELECT name, schedule -> 'EndTime' AS ends, schedule::JSON AS s {ROW}")
    connection.sql("CREATE MACRO started(x) AS x ->> 'StartTime'")
    connection.sql(f"CREATE TABLE copy AS SELECT schedule {ROW}")
    connection.sql(f"PREPARE p AS SELECT to_json(schedule) {ROW}")
    expected = [('"2025-04-21T09:10:00Z"', SCHEDULE)]
    assert connection.sql("SELECT ends, s FROM v").fetchall() == expected
    assert connection.sql("SELECT started(schedule) FROM copy").fetchall() == [("2025-04-14T09:10:00Z",)]
    assert connection.sql("EXECUTE p").fetchall() == [(SCHEDULE,)]
    with connection.cursor() as other:
        assert other.sql("SELECT ends, s FROM v").fetchall() == expected
    connection.sql("BEGIN")
    assert connection.sql(f"SELECT json_keys(schedule) {ROW}").fetchall() == [(["StartTime", "EndTime"],)]
    connection.sql("ROLLBACK")
    assert connection.sql(f"SELECT json_keys(schedule) {ROW}").fetchall() == [(["StartTime", "EndTime"],)]


def test_times_in_json_follow_the_time_zone_of_the_session(connection: Connection) -> None:
    connection.sql("SET TimeZone = 'Asia/Kolkata'")
    assert connection.sql(f"SELECT schedule ->> 'StartTime' {ROW}").fetchall() == [
        ("2025-04-14T14:40:00+05:30",)
    ]


def test_an_error_shows_the_statement_as_it_was_written(connection: Connection) -> None:
    with pytest.raises(Error) as caught:
        connection.sql(f"SELECT schedule -> 'a', schedule::JSON, nope {ROW}")
    assert f"LINE 1: SELECT schedule -> 'a', schedule::JSON, nope FROM {EXPERIMENTS}" in str(caught.value)


def test_an_arrow_in_a_view_of_another_tool_still_works(connection: Connection) -> None:
    connection.sql("CREATE TABLE documents AS SELECT '{\"a\": 1}'::JSON AS j")
    assert connection.sql("SELECT json_extract(j, '$.a') FROM documents").fetchall() == [("1",)]
    # The path is not a literal, so the arrow stays one.
    assert connection.sql("SELECT j -> lower('A') FROM documents").fetchall() == [("1",)]


def test_definitions_over_local_tables_work_without_sqlprov_and_the_reverse(
    connect: Connect, tmp_path: Path
) -> None:
    file, rows = str(tmp_path / "x.duckdb"), [("1", '{"a":1}')]
    with duckdb.connect(file) as plain:
        plain.execute("CREATE TABLE t AS SELECT '{\"a\":1}'::JSON AS j")
        plain.execute("CREATE VIEW theirs AS SELECT j -> 'a' AS a, j::JSON AS b FROM t")
    with connect(file, regions="us-east-1") as connection:
        assert (
            connection.sql("SELECT json_extract(b, '$.a'), b FROM theirs WHERE a IS NOT NULL").fetchall()
            == rows
        )
        connection.sql("CREATE VIEW ours AS SELECT j -> 'a' AS a, CAST(j AS JSON) AS b FROM t")
        assert connection.sql("SELECT json_extract(b, '$.a'), b FROM ours").fetchall() == rows
        connection.sql("CREATE VIEW members AS SELECT json_each.key FROM t, json_each(j)")
        assert connection.sql("FROM members").fetchall() == [("a",)]
    with duckdb.connect(file) as plain:
        assert plain.sql("FROM ours").fetchall() == rows
        assert plain.sql("FROM members").fetchall() == [("a",)]


TEXT = "shadow_mode_config ->> '$.SourceModelVariantName'"
JSON = "json_extract(shadow_mode_config, '$.SourceModelVariantName')"


@pytest.mark.parametrize(
    ("condition", "advice"),
    [
        (f"'production' = {JSON}", "Write shadow_mode_config->>'$.SourceModelVariantName'"),
        (f"{JSON} < 'production'", "cannot be compared with 'production'"),
        (f"{JSON} IN ('\"shadow\"', 'production')", "compared with 'production'"),
        (f"{JSON} LIKE 'prod%'", "->>"),
        (f"{JSON} NOT ILIKE 'prod%'", "->>"),
        (f"{JSON} BETWEEN 'a' AND 'b'", "->>"),
        ("json_value(shadow_mode_config, '$.SourceModelVariantName') = 'production'", "->>"),
        (f"{JSON} = name", "compared with name"),
        (f"lower({JSON}) = 'production'", "->>"),
        (f"{JSON}::VARCHAR = 'production'", "->>"),
        (f"left({JSON}, 4) = 'prod'", "->>"),
        (f"right({JSON}, 4) = 'tion'", "->>"),
        (f"CASE {JSON} WHEN 'production' THEN true END", "->>"),
        ("(shadow_mode_config -> 'SourceModelVariantName') = 'production'", "->>'SourceModelVariantName'"),
        ("shadow_mode_config -> '$.SourceModelVariantName' = $text", "compared with 'production'"),
        ("EXISTS (FROM json_each(tags) t WHERE t.value = 'growth')", "Write value->>'$'"),
        ("EXISTS (FROM json_each(tags) WHERE value -> 'Value' = 'growth')", "Write value->>'Value'"),
        (f"{JSON} IN (SELECT model_name FROM aws.sagemaker.models)", "compared with model_name"),
        (f"{JSON} <> ALL (SELECT model_name FROM aws.sagemaker.models)", "compared with model_name"),
        (f"{JSON} = ANY(['production'])", "Write shadow_mode_config->>'$.SourceModelVariantName'"),
        (f"list_contains(['production'], {JSON})", "compared with ['production']"),
        (f"nullif({JSON}, 'production') IS NULL", "compared with 'production'"),
        (f"regexp_matches({JSON}, '^prod')", "Write shadow_mode_config->>'$.SourceModelVariantName'"),
        ("starts_with(shadow_mode_config -> 'SourceModelVariantName', 'prod')", "->>'SourceModelVariantName'"),
        (f"name IN (SELECT n FROM (SELECT name, {JSON} AS n FROM {EXPERIMENTS}) WHERE n = 'a')", "Write n->>'$'"),
    ],
)  # fmt: skip
def test_json_compared_with_text_is_refused_before_any_call(
    connect: Connect, seeded: Emulator, condition: str, advice: str
) -> None:
    connection, calls = connect(regions="us-east-1"), len(seeded.calls)
    for statement in ("FROM {0}", "DELETE FROM {0}", "UPDATE {0} SET description = 'x'"):
        text = f"{statement.format(EXPERIMENTS)} WHERE region = 'us-east-1' AND {condition}"
        with pytest.raises(Error) as caught:
            connection.sql(text, {"text": "production"} if "$text" in text else None)
        assert "This is JSON, in which a text has quotes" in str(caught.value)
        assert advice in str(caught.value)
        assert "LINE 1: " in str(caught.value)
        assert len(seeded.calls) == calls


@pytest.mark.parametrize(
    "condition",
    [
        "json_extract(tags, '$[0].Value') = lower('2026')",  # as JSON, 2026 is a number, and no error says so
        "json_extract(tags, '$[0].Value') = concat('20', '26')",
        "json_extract(tags, '$[0].Value') = strftime(now(), '%Y')",
        "json_extract(tags, '$[0].Value') IN (SELECT written FROM years)",
        "EXISTS (FROM years WHERE json_extract(tags, '$[0].Value') = written)",
    ],
)
def test_text_that_looks_like_a_number_is_not_compared_with_json(connect: Connect, condition: str) -> None:
    connection = connect(regions="us-east-1")
    connection.sql("CREATE TABLE years AS SELECT '2026' AS written")
    with pytest.raises(Error, match=r"This is JSON(?s:.*)Write tags->>'"):
        connection.sql(f"SELECT name FROM {EXPERIMENTS} WHERE {condition}")


def test_so_is_an_aggregate_of_json(connect: Connect) -> None:
    statement = f"SELECT region FROM {EXPERIMENTS} GROUP BY region HAVING max({JSON}) = 'production'"
    with pytest.raises(Error, match="cannot be compared with 'production'"):
        connect(regions="us-east-1").sql(statement)


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT name FROM {EXPERIMENTS} JOIN (VALUES ('production')) t (v) ON {JSON} = v",
        f"SELECT name FROM {EXPERIMENTS} e JOIN (VALUES ('2026')) t (v) ON e.tags -> '$[0].Value' = t.v",
        f"WITH years AS (SELECT written AS w FROM texts) SELECT name FROM {EXPERIMENTS}, years WHERE {JSON} = w",
        f"SELECT name FROM {EXPERIMENTS} WHERE {JSON} IN (FROM texts)",
        f"SELECT length({JSON}) FROM {EXPERIMENTS}",
        f"SELECT name FROM {EXPERIMENTS} WHERE substr({JSON}, 1, 4) = 'prod'",
        f"SELECT strpos({JSON}, 'prod') FROM {EXPERIMENTS}",
        f"SELECT 'variant ' || {JSON} FROM {EXPERIMENTS}",
        f"SELECT concat(v.value, '!') FROM {EXPERIMENTS}, json_each(shadow_mode_config) v",
        f"SELECT string_agg({JSON}, ', ') FROM {EXPERIMENTS}",
        f"SELECT name FROM {EXPERIMENTS} WHERE {JSON} LIKE '%tion'",
        f"SELECT datetime(schedule -> '$.StartTime') FROM {EXPERIMENTS}",
        "SELECT length(variant) FROM variants",
        f"SELECT v || 'x' FROM (SELECT ({JSON}) v FROM {EXPERIMENTS})",
        f"WITH c(v) AS (SELECT {JSON} FROM {EXPERIMENTS}) SELECT v LIKE 'prod%' FROM c",
        f"SELECT length({JSON}), name::VARCHAR, '1'::JSON FROM {EXPERIMENTS}",
        f"SELECT min({JSON}) || 'x' FROM {EXPERIMENTS}",
        f"SELECT unnest(json_extract(shadow_mode_config, '$.*')) = 'production' FROM {EXPERIMENTS}",
        f"CREATE TABLE kept AS SELECT name FROM {EXPERIMENTS} WHERE substr({JSON}, 1, 4) = 'prod'",
        f"INSERT INTO texts SELECT name FROM {EXPERIMENTS} WHERE substr({JSON}, 1, 4) = 'prod'",
        f"COPY (SELECT name FROM {EXPERIMENTS} WHERE substr({JSON}, 1, 4) = 'prod') TO 'kept.csv'",
        f"PREPARE p AS SELECT name FROM {EXPERIMENTS} WHERE substr({JSON}, 1, 4) = 'prod'",
        f"DELETE FROM texts WHERE written IN (SELECT name FROM {EXPERIMENTS} WHERE substr({JSON}, 1, 4) = 'prod')",
        f"DELETE FROM {EXPERIMENTS} WHERE region = 'us-east-1' AND substr({JSON}, 1, 4) <> 'prod'",
    ],
)
def test_json_that_duckdb_would_use_as_text_is_refused_before_any_call(
    connect: Connect, seeded: Emulator, query: str
) -> None:
    connection, calls = connect(regions="us-east-1"), len(seeded.calls)
    connection.sql("CREATE TABLE texts AS SELECT 'production' AS written")
    connection.sql(f"CREATE VIEW variants AS SELECT {JSON} AS variant FROM {EXPERIMENTS}")
    with pytest.raises(Error, match=r"This is JSON, in which a text has quotes(?s:.*)->>(?s:.*)LINE \d: "):
        connection.sql(query)
    assert len(seeded.calls) == calls


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (f"length({TEXT})", 10),
        (f"length({JSON}::VARCHAR)", 12),
        (f"length(CAST({JSON} AS TEXT))", 12),
        (f"contains({JSON}, 'duct')", True),
        (f"{JSON} LIKE '%du%ion%'", True),
        (f"(SELECT {JSON} = v::JSON FROM (VALUES ('\"production\"')) t (v))", True),
        (f"(SELECT {JSON} = quoted FROM documents)", True),
        (f"coalesce({JSON}, '0')", '"production"'),
        ("(shadow_mode_config -> '$.ShadowModelVariants[0].SamplingPercentage')::INTEGER > 0", True),
        ("(schedule -> '$.StartTime')::TIMESTAMPTZ < now()", True),
    ],
)
def test_json_that_meets_no_text_is_answered(connection: Connection, expression: str, value: Any) -> None:
    connection.sql("""CREATE TABLE documents AS SELECT '"production"'::JSON AS quoted""")
    assert connection.sql(f"SELECT {expression} {ROW}").fetchall() == [(value,)]


@pytest.mark.parametrize(
    "condition",
    [
        f"{TEXT} = 'production'",
        f"{TEXT} LIKE 'prod%'",
        f"{JSON} = 'production' AND {JSON} <> 'shadow'",  # as in SQLite
        "json_extract(shadow_mode_config, '$.ShadowModelVariants[0].SamplingPercentage') <> 'x'",
        f"{JSON} = '\"production\"'",
        f"{JSON} LIKE '%prod%'",
        f"regexp_matches({JSON}, 'prod')",
        f"{JSON} IN (SELECT to_json('production'))",
        f"{JSON} = to_json('production')",
        f"{JSON} = '\"' || lower('Production') || '\"'",
        f"{JSON} = concat('\"', 'production', '\"')",
        "json_extract(model_variants, '$[0].VariantName') = json_extract('[\"production\"]', '$[0]')",
        "EXISTS (FROM json_each(model_variants) v WHERE v.value ->> 'VariantName' = 'production')",
        "json_extract(shadow_mode_config, '$.ShadowModelVariants[0].SamplingPercentage') > 0",
        "json_array_length(model_variants) = '2'",
        "EXISTS (SELECT 1 FROM json_each(tags) WHERE json_each.value ->> 'Value' = 'payments')",
        "'$.EndTime' IN (SELECT json_tree.fullkey FROM (SELECT 1) CROSS JOIN json_tree(schedule))",
    ],
)
def test_json_compared_with_json_and_text_with_text_are_answered(
    connection: Connection, condition: str
) -> None:
    assert connection.sql(f"SELECT name {ROW} AND {condition}").fetchall() == [("fraud-lightgbm",)]


CLAUSES = (
    "SELECT name, {} AS v FROM {}, one",
    "WITH c(n, v) AS (SELECT name, {} FROM {}, one) SELECT n, v FROM c",
    "SELECT name FROM {1}, one WHERE ({0}) IS NOT NULL",
    "SELECT name, (SELECT {} FROM one) FROM {}",
    "SELECT v FROM (SELECT to_json({}) v FROM {}, one UNION SELECT j FROM one)",
)


@pytest.mark.parametrize(
    "expression",
    [
        "coalesce(data_storage_config, j)",
        "coalesce(data_storage_config::JSON, j)",
        "CAST({'a': schedule} AS STRUCT(a JSON))",
        "to_json([schedule, schedule])",
        "json_merge_patch(data_storage_config, '{\"z\": 1}')",
        "json_keys(data_storage_config)",
        "[tags, j]",
        "[to_json(tags), j]",
        "concat(tags -> '$[0]', '')",
        "concat(tags ->> '$[0]', '')",
        "if(n = 1, shadow_mode_config -> 'ShadowModelVariants', j)",
        "(model_variants -> '$[0].VariantName')::VARCHAR",
        "model_variants::JSON = j",
    ],
)
@pytest.mark.parametrize("clause", CLAUSES)
def test_an_answer_is_that_over_a_table_with_awss_json(
    connection: Connection, seeded: Emulator, clause: str, expression: str
) -> None:
    nested = ("data_storage_config", "schedule", "tags", "shadow_mode_config", "model_variants")
    connection.sql("""CREATE TABLE one AS SELECT '{"a":null}'::JSON AS j, 1 AS n""")
    live = f"(FROM {EXPERIMENTS} WHERE schedule IS NOT NULL AND data_storage_config IS NOT NULL) t"
    connection.sql(
        f"CREATE TABLE sent AS SELECT name, {', '.join(f'to_json({each}) AS {each}' for each in nested)} FROM {live}"
    )
    calls = len(seeded.calls)
    try:
        answer = connection.sql(clause.format(expression, live)).fetchall()
    except Error as error:
        assert "Write " in str(error)
        assert len(seeded.calls) == calls
    else:
        with duckdb.connect() as plain:
            for name in ("one", "sent"):
                plain.register("rows", connection.sql(f"FROM {name}").arrow())
                types = (
                    "j::JSON AS j"
                    if name == "one"
                    else ", ".join(f"{each}::JSON AS {each}" for each in nested)
                )
                plain.execute(f"CREATE TABLE {name} AS SELECT * REPLACE ({types}) FROM rows")
            expected = plain.execute(clause.format(expression, "sent t")).fetchall()
        assert sorted(map(repr, answer)) == sorted(map(repr, expected))

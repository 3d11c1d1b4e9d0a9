"""Statements that would write to AWS or to a file, for a session that must not."""

from __future__ import annotations

from write_session import REGION, TABLE, insert

NAME = "kept"
KEY = f"name = '{NAME}' AND region = '{REGION}'"
STOP = f"""EXEC {TABLE}.stop @Name = '{NAME}', @region = '{REGION}', @ModelVariantActions = '{{"a": "Retain"}}'"""
CLOUD_WRITES = (
    insert("new"),
    f"INSERT INTO {TABLE} SELECT * FROM {TABLE} WHERE {KEY}",
    f"UPDATE {TABLE} SET description = 'x' WHERE {KEY}",
    f"UPDATE {TABLE} SET data__PatchDocument = '[]' WHERE {KEY} RETURNING *",
    f"DELETE FROM {TABLE} WHERE {KEY}",
    f'DELETE FROM "aws"."sagemaker".inference_experiments WHERE {KEY} RETURNING name',
    STOP,
    f"EXEC {TABLE}.start @Name = '{NAME}', @region = '{REGION}'",
    f"INSERT INTO aws.sqs.queues (queue_name, region) VALUES ('new', '{REGION}')",
    f"""INSERT INTO awscc.sqs.queues (data__DesiredState, region) VALUES ('{{"QueueName": "new"}}', '{REGION}')""",
    f"DELETE FROM awscc.sqs.queues WHERE data__Identifier = 'x' AND region = '{REGION}'",
)
WRAPPERS = (
    "{write}",
    "-- note\n{write};",
    "/*+ AWAIT */ {write}",
    "\ufeff{write}",
    "SELECT 1; {write}; SELECT 2",
    "BEGIN; {write}; COMMIT",
    "EXPLAIN ANALYZE {write}",
    "PREPARE p AS {write}; EXECUTE p",
    "WITH one AS (SELECT 1) {write}",
    "WITH gone AS ({write}) SELECT * FROM gone",
    "CREATE VIEW hidden AS WITH gone AS ({write}) SELECT * FROM gone; FROM hidden",
    "CREATE MACRO hidden() AS TABLE {write}; FROM hidden()",
    "FROM query($${write}$$)",
    "SET sqlprov_read_only = off; {write}",
)
OTHER_WRITES = rf"""
USE aws.sagemaker; DELETE FROM inference_experiments WHERE {KEY}
USE aws; UPDATE sagemaker.inference_experiments SET description = 'x' WHERE {KEY}
MERGE INTO {TABLE} USING (SELECT 1) ON false WHEN NOT MATCHED THEN INSERT (name) VALUES ('new')
TRUNCATE {TABLE}
REPLACE {TABLE} SET description = 'x' WHERE {KEY}
COPY {TABLE} FROM 'mine.csv'
CREATE TABLE aws.sagemaker.mine (a INT)
DROP VIEW {TABLE}
INSERT OR REPLACE INTO {TABLE} (name, region) VALUES ('{NAME}', '{REGION}')
UPDATE aws.sqs.queues SET delay_seconds = 1 WHERE queue_url = 'x' AND region = '{REGION}'
COPY (SELECT 1) TO 'out.csv'
copy/**/(SELECT 1)to'out.csv'
COPY{chr(0xA0)}(SELECT 1){chr(0xA0)}TO 'out.csv'
COPY{chr(0x200B)}(SELECT 1){chr(0x3000)}TO{chr(0x2060)}'out.csv'
COPY (SELECT 1) TO 'out' (FORMAT parquet, PER_THREAD_OUTPUT)
COPY (SELECT 1 AS a) TO 'out' (PARTITION_BY a)
COPY (SELECT 1) TO '/dev/stdout'
COPY (SELECT 1) TO 's3://bucket/out.csv'
COPY (FROM {TABLE}) TO 'out.csv'
COPY mine TO 'out.csv'
COPY "mine" ("a") TO $$out.csv$$ WITH (HEADER)
SELECT 1; COPY (SELECT 1) TO 'out.csv'
BEGIN; COPY (SELECT 1) TO 'out.csv'; COMMIT
BEGIN TRANSACTION READ ONLY; COPY (SELECT 1) TO 'out.csv'
WITH a AS (COPY (SELECT 1) TO 'out.csv') FROM a
WITH a AS MATERIALIZED (COPY (SELECT 1) TO 'out.csv') SELECT * FROM a
WITH b AS (SELECT 1), a AS (COPY (FROM b) TO 'out.csv' (RETURN_FILES)) FROM a
CREATE TABLE c AS WITH a AS (COPY (SELECT 1) TO 'out.csv') FROM a
EXPLAIN ANALYZE COPY (SELECT 1) TO 'out.csv'
EXPLAIN (ANALYZE, FORMAT json) COPY (SELECT 1) TO 'out.csv'
EXPLAIN ANALYZE WITH a AS (COPY (SELECT 1) TO 'out.csv') FROM a
PREPARE p AS COPY (SELECT 1) TO 'out.csv'; EXECUTE p
PREPARE p AS WITH a AS (COPY (SELECT 1) TO 'out.csv') FROM a; EXECUTE p
EXECUTE copying
EXPLAIN ANALYZE EXECUTE copying
EXECUTE "COPYING"
PREPARE copying AS FROM nowhere
PREPARE again AS EXECUTE copying; EXECUTE again
FROM query('COPY (SELECT 1) TO ''out.csv''')
FROM query('WITH a AS (CO' || 'PY (SELECT 1) TO ''out.csv'') FROM a')
FROM "query"('FROM json_execute_' || 'serialized_sql(1)')
FROM main.query('SELECT 1')
FROM run_text('FROM mine')
FROM kept.copying
FROM query_table('kept.' || 'copying')
USE kept; FROM query_table(reverse('gniypoc'))
SET VARIABLE v = 'kept.copying'; FROM query_table(getvariable('v'))
PREPARE p AS FROM query_table($1); EXECUTE p('kept.copying')
CREATE MACRO named(t) AS TABLE FROM query_table(t); FROM named('kept.copy' || 'ing')
SELECT * FROM json_execute_serialized_sql(json_serialize_sql('WITH a AS (COPY (SELECT 1) TO ''out.csv'') FROM a'))
PRAGMA json_execute_serialized_sql(json_serialize_sql('WITH a AS (COPY (SELECT 1) TO ''out.csv'') FROM a'))
CREATE MACRO other(t) AS TABLE FROM json_execute_serialized_sql(t)
CREATE VIEW other AS FROM query('SELECT 1')
PIVOT (FROM json_execute_serialized_sql(json_serialize_sql('WITH a AS (COPY (FROM mine) TO ''x.csv'') FROM a'))) ON a
EXPORT DATABASE 'out'
EXPORT DATABASE memory TO 'out' (FORMAT parquet)
IMPORT DATABASE 'exported'
PRAGMA import_database('exported')
PRAGMA copy_database('memory', 'memory')
COPY FROM DATABASE memory TO kept
ATTACH 'out.db'
ATTACH 'out.db' AS out
ATTACH IF NOT EXISTS 'out.db'
ATTACH OR REPLACE 'out.db' AS out
ATTACH 'out.db' (READ_ONLY false)
ATTACH 'out.db' (READ_ONLY 0)
ATTACH 'out.db' (READ_ONLY = false)
ATTACH 'kept.db' (READ_WRITE)
ATTACH 'kept.db' (ACCESS_MODE 'read_write', READ_ONLY)
ATTACH 'kept.db' (READ_ONLY, READ_ONLY false)
ATTACH 'kept.db' AS again (READ_ONLY, READ_WRITE)
ATTACH 'kept.db' AS again ("READ_ONLY" false)
ATTACH "out.db"
ATTACH "out.db" (STORAGE_VERSION ':memory:')
ATTACH ':memory:/../out.db' AS out
ATTACH ('out' || '.db')
ATTACH DATABASE IF NOT EXISTS 'out.db' AS ":memory:"
ATTACH 'ducklake:out.ducklake'
ATTACH 'out.db' (TYPE sqlite)
ATTACH E'out.db'
PREPARE p AS ATTACH 'out.db'; EXECUTE p
CREATE TABLE kept.main.t AS SELECT 1
INSERT INTO kept.main.kept VALUES (1)
UPDATE kept.main.kept SET a = 2
DELETE FROM kept.main.kept
DROP TABLE kept.main.kept
ALTER TABLE kept.main.kept ADD COLUMN b INT
SELECT nextval('kept.main.numbers')
WITH a AS (DELETE FROM kept.main.kept RETURNING *) FROM a
MERGE INTO kept.main.kept USING (SELECT 1 AS a) AS s ON kept.a = s.a WHEN MATCHED THEN DELETE
INSTALL httpfs
FORCE INSTALL json
INSTALL spatial FROM community
LOAD httpfs
LOAD './out.duckdb_extension'
UPDATE EXTENSIONS
UPDATE EXTENSIONS (httpfs)
PREPARE p AS INSTALL httpfs
CREATE SECRET s (TYPE http)
CREATE PERSISTENT SECRET s (TYPE http)
CREATE OR REPLACE PERSISTENT SECRET s (TYPE http)
CREATE SECRET s IN local_file (TYPE http)
CREATE TEMPORARY SECRET s IN local_file (TYPE http)
DROP SECRET s
DROP PERSISTENT SECRET s
SET log_query_path = 'out.log'
SET GLOBAL log_query_path = 'out.log'
SET profile_output = 'out.json'
SET profiling_output = 'out.json'
SET enable_profiling = 'json'
PRAGMA enable_profiling
PRAGMA enable_profiling = 'json'
PRAGMA profile_output = 'out.json'
CALL enable_profiling(save_location = 'out.json')
FROM enable_profiling(save_location = 'out.json')
CALL enable_logging(storage = 'file', storage_config = {{'path': 'out'}})
FROM enable_logging(storage = 'file')
CALL enable_logging()
SET logging_sink = 'file'
SET temp_directory = 'out'
PRAGMA temp_directory = 'out'
SET secret_directory = 'out'
SET home_directory = 'out'
SET extension_directory = 'out'
SET autoinstall_known_extensions = true
SET default_secret_storage = 'local_file'
SET allowed_configs = ['log_query_path']
RESET allowed_configs
SET lock_configuration = false
RESET lock_configuration
SET access_mode = 'read_write'
PRAGMA force_checkpoint
SET sqlprov_read_only = off
SET SQLPROV_READ_ONLY = 'false'
SET sqlprov_read_only TO 0
RESET sqlprov_read_only
SET sqlprov_read_only = DEFAULT
"""
ATTEMPTS = [
    *(wrapper.replace("{write}", write) for write in CLOUD_WRITES for wrapper in WRAPPERS),
    *OTHER_WRITES.strip().split("\n"),
]

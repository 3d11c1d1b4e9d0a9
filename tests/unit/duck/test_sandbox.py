"""What SQL tries in a sandbox: each way to a file, the network, an extension or a setting is refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import sqlprov
from sqlprov.emulator import Emulator
from sqlprov.errors import DatabaseError, NotSupportedError
from sqlprov.frontends.cli import cli
from sqlprov.frontends.repl.commands import run_command
from sqlprov.frontends.repl.screen import Screen
from sqlprov.frontends.repl.shell import Shell

REFUSED = (
    "disabled (by|through) configuration|configuration has been locked|Persistent secrets|does not exist|sandbox fixes|"
    "requires the extension"
)
SECRET = "only the owner reads this"
WAYS_OUT = r"""
FROM 'secret.csv'
FROM "secret.csv"
FROM 'secret.cs?'
FROM '*'
FROM '{here}/secret.csv'
FROM 'file://{here}/secret.csv'
FROM 'open/../secret.csv'
FROM 'open/link.csv'
FROM '/dev/stdin'
FROM '/proc/self/environ'
FROM read_csv('secret.csv')
FROM read_csv_auto(['open/a.csv', 'secret.csv'])
FROM read_single_csv_file('secret.csv')
FROM sniff_csv('secret.csv')
FROM read_text('secret.csv')
FROM read_text('/proc/self/environ')
FROM read_text('~/.aws/credentials')
FROM read_blob('secret.csv')
FROM read_json('secret.csv')
FROM read_json_auto('secret.csv')
FROM read_json_objects('secret.csv')
FROM read_ndjson('secret.csv')
FROM read_ndjson_objects('secret.csv')
FROM read_parquet('secret.csv')
FROM parquet_scan('secret.csv')
FROM parquet_metadata('secret.csv')
FROM parquet_schema('secret.csv')
FROM parquet_kv_metadata('secret.csv')
FROM parquet_file_metadata('secret.csv')
FROM parquet_bloom_probe('secret.csv', 'a', 1)
FROM read_duckdb('secret.db', table_name = 't')
FROM glob('*')
FROM glob('{here}/*')
FROM duckdb_extensions()
SELECT getenv('HOME')
SELECT * FROM query('FROM read_te' || 'xt(''secret.csv'')')
SELECT * FROM json_execute_serialized_sql(json_serialize_sql('FROM read_text(''secret.csv'')'))
FROM json_execute_serialized_sql(json_serialize_sql('WITH a AS (COPY (SELECT 1) TO ''out.csv'') FROM a'))
CREATE VIEW out_view AS FROM read_text('secret.csv')
CREATE MACRO out_macro() AS TABLE FROM read_text('secret.csv'); FROM out_macro()
CREATE TABLE out_table AS FROM read_text('secret.csv')
PREPARE out_statement AS FROM read_text('secret.csv')
EXPLAIN ANALYZE FROM read_text('secret.csv')
SUMMARIZE FROM 'secret.csv'
DESCRIBE FROM 'secret.csv'
PIVOT (FROM 'secret.csv') ON a
SELECT (SELECT content FROM read_text('secret.csv'))
SET VARIABLE v = (SELECT content FROM read_text('secret.csv'))
WITH a AS (FROM read_text('secret.csv')) SELECT * FROM aws.regions, a
CREATE TABLE mine (a INT); COPY mine FROM 'secret.csv'
COPY (SELECT 1) TO 'out.csv'
COPY (SELECT 1) TO '{here}/out.csv'
COPY (SELECT 1) TO 'out' (FORMAT parquet, PER_THREAD_OUTPUT)
COPY (SELECT 1 AS a) TO 'out' (PARTITION_BY a)
COPY (SELECT 1) TO '/dev/stdout'
COPY (SELECT 1) TO 's3://bucket/out.csv'
WITH a AS (COPY (SELECT 1) TO 'out.csv') FROM a
EXPORT DATABASE 'out'
IMPORT DATABASE 'open/../exported'
ATTACH 'out.db'
ATTACH 'secret.db' AS s (READ_ONLY)
ATTACH 'https://example.com/x.db'
ATTACH 'ducklake:out.ducklake'
ATTACH '' AS pg (TYPE postgres)
PRAGMA import_database('exported')
FROM 'https://example.com/x.csv'
FROM 'http://169.254.169.254/latest/meta-data/'
FROM read_json('https://example.com')
FROM 's3://bucket/x.parquet'
FROM read_parquet('gs://bucket/x.parquet')
FROM read_csv('hf://datasets/a/b.csv')
INSTALL httpfs
FORCE INSTALL httpfs FROM community
INSTALL spatial FROM 'https://example.com'
LOAD httpfs
LOAD './secret.duckdb_extension'
UPDATE EXTENSIONS
CREATE PERSISTENT SECRET s (TYPE http)
CREATE SECRET s IN local_file (TYPE http)
CREATE SECRET s (TYPE s3, PROVIDER credential_chain)
SET enable_external_access = true
SET lock_configuration = false
RESET lock_configuration
SET allowed_directories = ['/']
SET GLOBAL allowed_paths = ['secret.csv']
SET allowed_configs = ['threads']
SET allow_unsigned_extensions = true
SET custom_extension_repository = 'https://example.com'
SET extension_directory = 'out'
SET secret_directory = 'out'
SET temp_directory = 'out'
SET home_directory = 'out'
SET file_search_path = '/etc'
SET log_query_path = 'out.log'
SET profile_output = 'out.json'
SET disabled_filesystems = ''
SET http_proxy = 'example.com'
SET memory_limit = '1TB'
SET threads = 64
PRAGMA enable_profiling = 'json'
PRAGMA memory_limit = '1TB'
CALL enable_logging(storage = 'file', storage_config = {'path': 'out'})
FROM enable_logging(storage = 'file')
CALL enable_profiling(save_location = 'out.json')
SET sqlprov_show_sensitive = on
SET sqlprov_max_writes = 1000000
SET sqlprov_timeout = 1
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The working folder: `open` is allowed, everything beside it is not."""
    folder, before = tmp_path_factory.mktemp("sandbox"), Path.cwd()
    os.chdir(folder)
    (folder / "open").mkdir()
    (folder / "open/a.csv").write_text("a\n1\n")
    (folder / "secret.csv").write_text(f"a\n{SECRET}\n")
    (folder / "open/link.csv").symlink_to(folder / "secret.csv")
    with sqlprov.connect(str(folder / "secret.db")) as owner:
        owner.sql("CREATE TABLE t AS SELECT 1 AS a; EXPORT DATABASE 'exported'")
    yield folder
    os.chdir(before)


@pytest.fixture(scope="module")
def service() -> Iterator[Emulator]:
    with Emulator() as emulator:
        emulator.fill(3, ["us-east-1"])
        yield emulator


@pytest.fixture(scope="module")
def con(folder: Path, service: Emulator) -> Iterator[sqlprov.Connection]:
    options: dict[str, Any] = {"region": "us-east-1", "settings": {"timeout": "30"}}
    with (
        pytest.MonkeyPatch.context() as patch,
        sqlprov.connect(endpoint_url=service.url, sandbox=["open"], **options) as con,
    ):
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        con.settings = con.settings.with_value("timeout", "20")
        yield con


def list_files(folder: Path) -> dict[Path, int]:
    return {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.parametrize("sql", WAYS_OUT.strip().splitlines())
def test_a_sandbox_refuses_each_way_out(con: sqlprov.Connection, folder: Path, sql: str) -> None:
    before = list_files(folder)
    with con.cursor() as cursor, pytest.raises(DatabaseError) as error:
        cursor.sql(sql.replace("{here}", str(folder))).fetchall()
    assert error.match(REFUSED)
    assert SECRET not in str(error.value)
    assert list_files(folder) == before


def test_ordinary_statements_work_in_a_sandbox(con: sqlprov.Connection) -> None:
    table = "aws.sagemaker.inference_experiments"
    assert con.sql(f"SELECT count(*) FROM {table} WHERE region = 'us-east-1'").fetchall() == [(3,)]
    con.sql(f"CREATE TABLE kept AS SELECT name, status, region FROM {table} WHERE region = 'us-east-1'")
    joined = f"SELECT count(*) FROM kept JOIN {table} USING (name, region) WHERE name LIKE '%a%' OR true"
    assert con.sql(joined).fetchall() == [(3,)]
    (name,) = con.sql("SELECT min(name) FROM kept").fetchone()
    key = f"name = '{name}' AND region = 'us-east-1'"
    assert con.sql(f"EXPLAIN DELETE FROM {table} WHERE {key}").fetchall()
    assert con.sql("SET sqlprov_regions = 'eu-west-1'; SHOW SERVICES IN awscc").fetchall()
    con.sql("USE aws.sagemaker; SET TimeZone = 'UTC'; RESET sqlprov_regions")
    assert con.sql("SHOW TABLES").fetchall()
    con.sql("USE memory")


def test_the_files_that_a_sandbox_names_are_read_and_written(con: sqlprov.Connection, folder: Path) -> None:
    assert con.sql("FROM 'open/*a.csv'").fetchall() == [(1,)]
    con.sql("COPY (SELECT 2 AS a) TO 'open/b.csv'")
    assert (folder / "open/b.csv").read_text() == "a\n2\n"
    with sqlprov.connect(str(folder / "own.db"), sandbox=folder / "open/a.csv") as other:
        other.sql("CREATE TABLE kept AS FROM 'open/a.csv'")
        with pytest.raises(DatabaseError, match=r"open/b\.csv"):
            other.sql("FROM 'open/b.csv'")


def test_a_sandbox_may_name_what_is_made_later(folder: Path) -> None:
    with sqlprov.connect(sandbox="later") as con:
        (folder / "later").mkdir()
        con.sql("COPY (SELECT 3 AS a) TO 'later/c.csv'")
        assert con.sql("FROM 'later/c.csv'").fetchall() == [(3,)]
        with pytest.raises(DatabaseError, match="--allow-file names"):
            con.sql("COPY (SELECT 3) TO 'laterwards.csv'")


def test_a_sandbox_is_also_an_option_of_the_command(folder: Path) -> None:
    def run(*words: str) -> str:
        return CliRunner().invoke(cli, ["exec", "-o", "csv", *words]).output

    assert run("--allow-file", "open", "FROM 'open/a.csv'") == "a\n1\n"
    assert "--allow-file names" in run("--sandbox", "FROM 'open/a.csv'")
    assert "--allow-file names" in run("--allow-file", "open", "FROM 'secret.csv'")


@pytest.mark.parametrize(
    "command", ["\\i secret.csv", "\\o out.csv", "\\! ls", "\\e", "\\ns x SELECT 1", ".read x"]
)
def test_a_shell_in_a_sandbox_has_no_files_and_no_programs(
    con: sqlprov.Connection, folder: Path, command: str
) -> None:
    before = list_files(folder)
    with pytest.raises(NotSupportedError, match="this shell is a sandbox"):
        run_command(Shell(con, Screen(), run_command, yes=False), command, "SELECT 1")
    assert list_files(folder) == before

"""A read-only session changes nothing at AWS, and no file but the one that receives its rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import sqlalchemy
from command_line import CommandLine, environment
from IPython.core.interactiveshell import InteractiveShell
from stacks import write_stack
from traitlets.config import Config
from write_attempts import ATTEMPTS, CLOUD_WRITES, KEY, NAME
from write_session import REGION, TABLE, by_name, insert

import sqlprov
from sqlprov.emulator import Emulator
from sqlprov.errors import DataError, Error, InternalError, NotSupportedError

WRITES = [
    insert("read-only"),
    f"UPDATE {TABLE} SET description = 'x' WHERE {by_name('read-only')}",
    f"DELETE FROM {TABLE} WHERE {by_name('read-only')}",
    f"EXEC {TABLE}.stop @Name = 'read-only', @region = '{REGION}', @ModelVariantActions = '{{\"a\": \"Retain\"}}'",
]

KEYS = {"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.mark.parametrize("how", ["connect", "SET", "settings"])
def test_a_read_only_session_refuses_every_write_before_any_call(how: str) -> None:
    given = {"connect": {"read_only": True}, "SET": {}, "settings": {"settings": {"read_only": "on"}}}[how]
    with Emulator() as em:
        em.add("InferenceExperiment", REGION, {"Name": "read-only", "Description": "old"})
        with sqlprov.connect(endpoint_url=em.url, region=REGION, **given) as con:  # type: ignore[arg-type]
            if how == "SET":
                con.sql("SET sqlprov_read_only = on")
            for sql in WRITES:
                with pytest.raises(NotSupportedError, match="read-only"):
                    con.sql(sql)
            assert em.calls == []
            assert con.sql(f"SELECT description FROM {TABLE} WHERE {by_name('read-only')}").fetchall() == [
                ("old",)
            ]
            assert con.sql(f"EXPLAIN {WRITES[1]}").fetchall()
            with pytest.raises(DataError, match="cannot be turned off"):
                con.sql("SET sqlprov_read_only = off")
            with pytest.raises(DataError, match=r"RESET sqlprov_read_only: it cannot.*Open another session"):
                con.sql("RESET sqlprov_read_only")
            with con.cursor() as other, pytest.raises(NotSupportedError, match="read-only"):
                other.sql(WRITES[2])
            con.sql("CREATE TABLE own AS SELECT 1 AS a")
            assert con.sql("DELETE FROM own").rowcount == 1
        assert not any(call.committed for call in em.calls)


def test_a_session_that_becomes_read_only_writes_no_further_profile(folder: Path) -> None:
    with sqlprov.connect() as con, con.cursor() as other:
        for each in (con, other):
            each.sql(
                "PRAGMA enable_profiling = 'json'; SET profiling_output = 'profile.json'; SELECT 1"
            ).fetchall()
        assert (folder / "profile.json").exists()
        other.sql("SET sqlprov_read_only = on")
        (folder / "profile.json").unlink()
        for each in (con, other):
            assert each.sql("SELECT 2").fetchall() == [(2,)]
        assert not (folder / "profile.json").exists()


def test_a_session_with_rows_that_are_not_read_does_not_become_read_only(folder: Path) -> None:
    with sqlprov.connect() as con, con.cursor() as other:
        other.sql("PRAGMA enable_profiling = 'json'; SET profiling_output = 'late.json'; SELECT 1").fetchall()
        unread = other.sql("FROM range(100000)")
        with pytest.raises(NotSupportedError, match=r"rows that are not read(?s:.*)close their result"):
            con.sql("SET sqlprov_read_only = on")
        assert len(unread.fetchall()) == 100000
        con.sql("SET sqlprov_read_only = on")
        (folder / "late.json").unlink()
        assert other.sql("SELECT 2").fetchall() == [(2,)]
        assert not (folder / "late.json").exists()


def test_botocore_itself_refuses_to_write_in_a_read_only_session() -> None:
    with Emulator() as em, sqlprov.connect(endpoint_url=em.url, region=REGION, read_only=True) as con:
        em.add("InferenceExperiment", REGION, {"Name": "read-only", "Status": "Completed"})
        con.sql(f"SELECT name FROM {TABLE} WHERE region = '{REGION}'").fetchall()
        client = con._session.accounts.own.get_client("sagemaker", REGION, 60.0)
        assert client.list_inference_experiments()["ResponseMetadata"]["HTTPStatusCode"] == 200
        with pytest.raises(NotSupportedError, match="read-only"):
            client.delete_inference_experiment(Name="read-only")
        assert em.get("InferenceExperiment", REGION, "read-only") is not None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The working and home folder, with a database, its export and a CSV file."""
    folder = tmp_path_factory.mktemp("read-only")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("HOME", str(folder))
        with duckdb.connect(folder / "kept.db") as duck:
            duck.execute("CREATE TABLE kept (a INT); INSERT INTO kept VALUES (1); CREATE SEQUENCE numbers")
            duck.execute("EXPORT DATABASE 'exported'; COPY kept TO 'mine.csv'")
            copy = "json_serialize_sql('WITH a AS (COPY (SELECT 1) TO ''out.csv'') FROM a')"
            duck.execute(f"CREATE VIEW copying AS FROM json_execute_serialized_sql({copy})")
        yield folder


@pytest.fixture(scope="module")
def service() -> Iterator[Emulator]:
    with Emulator() as em:
        em.add("InferenceExperiment", REGION, {"Name": NAME, "Status": "Running", "Description": "old"})
        yield em


@pytest.fixture(scope="module")
def con(service: Emulator, folder: Path) -> Iterator[sqlprov.Connection]:
    """A session that became read-only after a COPY was prepared."""
    with sqlprov.connect(endpoint_url=service.url, region=REGION) as con:
        con.sql("ATTACH 'kept.db' (READ_ONLY); CREATE TABLE mine AS SELECT 1 AS a")
        con.sql("CREATE MACRO run_text(t) AS TABLE FROM query(t)")
        con.sql("PREPARE copying AS COPY (SELECT 1) TO 'out.csv'")
        con.sql("SET sqlprov_read_only = on")
        yield con


def list_files(folder: Path) -> dict[str, tuple[int, int]]:
    found = {str(path): path.stat() for path in folder.rglob("*")}
    return {path: (stat.st_mtime_ns, stat.st_size) for path, stat in found.items()}


def check_nothing_changed(service: Emulator) -> None:
    assert not any(call.committed for call in service.calls)
    record = service.get("InferenceExperiment", REGION, NAME)
    assert record is not None and (record["Status"], record["Description"]) == ("Running", "old")


@pytest.mark.parametrize("sql", ATTEMPTS)
def test_an_attempt_to_write_is_refused(
    con: sqlprov.Connection, service: Emulator, folder: Path, sql: str
) -> None:
    before = list_files(folder)
    try:
        with pytest.raises(Error) as error:
            con.sql(sql).fetchall()
    finally:
        con.rollback()
        con.sql("USE memory")
    assert not isinstance(error.value, InternalError)
    assert list_files(folder) == before
    check_nothing_changed(service)


def test_no_other_door_writes(con: sqlprov.Connection, service: Emulator, folder: Path) -> None:
    before = list_files(folder)
    update, copy = f"UPDATE {TABLE} SET description = $value WHERE {KEY}", "COPY (SELECT $value) TO 'out.csv'"
    for sql in (update, copy):
        with pytest.raises(NotSupportedError, match="read-only"):
            con.sql(sql, {"value": "x"})
        with pytest.raises(NotSupportedError, match="read-only"):
            con.executemany(sql.replace("$value", "?"), [["x"], ["y"]])
        with pytest.raises(NotSupportedError, match="read-only"):
            list(con.run(sql, {"value": "x"}, confirm=lambda preview: True))
        with con.cursor() as cursor, pytest.raises(NotSupportedError, match="read-only"):
            cursor.execute(sql, {"value": "x"})
    (planned,) = (each.fetchall() for each in con.run(update, {"value": "x"}, dry_run=True))
    assert planned
    assert con.sql(f"EXPLAIN {update}", {"value": "x"}).fetchall()

    engine = sqlalchemy.create_engine(
        "sqlprov://", connect_args={"endpoint_url": service.url, "region": REGION, "read_only": True}
    )
    for sql in (update, copy):
        with (
            engine.connect() as connection,
            pytest.raises(sqlalchemy.exc.NotSupportedError, match="read-only"),
        ):
            connection.exec_driver_sql(sql.replace("$value", "'x'"))
    engine.dispose()
    assert list_files(folder) == before
    check_nothing_changed(service)


@pytest.fixture(scope="module")
def kernel(service: Emulator, folder: Path) -> Iterator[InteractiveShell]:
    """An IPython whose magics are read-only, and new again afterwards: a process has only one."""
    is_ours = not InteractiveShell.initialized()
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    shell.run_line_magic("load_ext", "sqlprov")
    shell.run_line_magic("sqlprov", f"--endpoint-url {service.url} --region {REGION} --read-only")
    yield shell
    shell.run_line_magic("reload_ext", "sqlprov")
    if is_ours:
        InteractiveShell.clear_instance()


@pytest.mark.parametrize("magic", ["%sqlprov {}", "%%sqlprov\n{}", "%%sqlprov --df rows <<\n{}"])
@pytest.mark.parametrize(
    "sql", [*CLOUD_WRITES, "COPY (SELECT 1) TO 'out.csv'", "SET sqlprov_read_only = off", "INSTALL httpfs"]
)
def test_a_magic_that_would_write_is_refused(
    kernel: InteractiveShell, service: Emulator, folder: Path, magic: str, sql: str
) -> None:
    before = list_files(folder)
    with pytest.raises(Error, match=r"read-only|cannot be turned off"):
        kernel.run_cell(magic.format(sql), silent=True).raise_error()
    assert list_files(folder) == before
    check_nothing_changed(service)


QUOTED, REFUSED = "Syntax error at or near", "The session is read-only (sqlprov_read_only)"
TEMPLATES = (
    ("{{% set verb = 'DELETE' %}}{{{{ verb }}}} FROM {table} WHERE {key}", QUOTED),
    (
        "{{% for each in ['{name}'] %}}DELETE FROM {table} WHERE name = '{{{{ each }}}}' AND {key};{{% endfor %}}",
        REFUSED,
    ),
    ("SELECT 1; {{{{ 'UPD' ~ 'ATE' }}}} {table} SET description = 'x' WHERE {key}", QUOTED),
    ("{{{{ 'CO' ~ 'PY' }}}} (SELECT 1) TO 'out.csv'", QUOTED),
    ("{{% if true %}}COPY (SELECT 1) TO 'out.csv'{{% endif %}}", REFUSED),
    (
        "SET sqlprov_read_only = {{{{ 'off' }}}}; DELETE FROM {table} WHERE {key}",
        "it cannot be turned off again",
    ),
)
"""A template, and the error: a value is quoted, and never becomes a verb."""


@pytest.mark.parametrize(("template", "error"), TEMPLATES)
def test_a_template_that_would_write_is_refused(
    service: Emulator, folder: Path, template: str, error: str
) -> None:
    file = folder / "template.iql"
    file.write_text(template.format(table=TABLE, key=KEY, name=NAME))
    before = list_files(folder)
    words = ("--read-only", "--endpoint-url", service.url, "--region", REGION)
    done = CommandLine(environment(folder / "state", **KEYS)).run("exec", *words, "--jinja", "-f", str(file))
    assert done.code == 4
    assert error in done.err
    assert list_files(folder) == before
    check_nothing_changed(service)


STACK = f"""
version: 1
name: stack
providers: [aws]
resources:
  - name: model
    table: aws.sagemaker.models
    props:
      - {{name: ModelName, value: new}}
      - {{name: region, value: {REGION}}}
      - {{name: ExecutionRoleArn, value: arn:aws:iam::123456789012:role/service}}
      - {{name: PrimaryContainer, value: {{Image: m}}}}
  - name: experiment
"""
BLOCKS = f"""
/*+ exists */
SELECT count(*) AS count FROM {TABLE} WHERE {KEY}
/*+ statecheck */
SELECT count(*) AS count FROM {TABLE} WHERE {KEY} AND description = 'new'
/*+ create */
{insert("new")}
/*+ update */
UPDATE {TABLE} SET description = 'new' WHERE {KEY}
/*+ delete */
DELETE FROM {TABLE} WHERE {KEY}
"""


@pytest.mark.parametrize("words", [["build"], ["build", "--on-failure", "ignore"], ["teardown"]])
def test_a_stack_that_would_be_written_is_refused(
    service: Emulator, folder: Path, tmp_path: Path, words: list[str]
) -> None:
    stack = write_stack(tmp_path / "stack", STACK, experiment=BLOCKS)
    service.add("Model", REGION, {"ModelName": "old"})
    before = list_files(folder)
    options = ("--read-only", "--endpoint-url", service.url, "--region", REGION)
    done = CommandLine(environment(tmp_path / "state", **KEYS)).run(
        "deploy", *words, str(stack), "dev", *options
    )
    assert done.code == 1
    assert "read-only" in done.err + done.out
    assert list_files(folder) == before
    check_nothing_changed(service)
    assert service.get("Model", REGION, "new") is None


def test_a_read_only_session_reads_files_and_keeps_tables_in_memory(
    con: sqlprov.Connection, folder: Path
) -> None:
    assert con.sql("SELECT a FROM 'mine.csv' JOIN kept.main.kept USING (a)").fetchall() == [(1,)]
    con.sql("CREATE OR REPLACE TABLE copy (a INT); COPY copy FROM 'mine.csv'; INSERT INTO copy VALUES (2)")
    assert con.sql("SELECT count(*), max(a) FROM copy").fetchall() == [(2, 2)]
    con.sql(
        "ATTACH OR REPLACE ':memory:' AS scratch; CREATE TABLE scratch.main.t AS SELECT 1; DETACH scratch"
    )
    con.sql("SET threads = 3; SET sqlprov_regions = all; RESET sqlprov_regions; PRAGMA table_info('copy')")
    con.sql("CREATE OR REPLACE TEMPORARY SECRET s (TYPE http); DROP TEMPORARY SECRET s")
    con.sql("BEGIN; INSERT INTO copy VALUES (3)")
    con.rollback()


def test_a_session_with_a_file_open_for_writing_cannot_become_read_only(folder: Path) -> None:
    with sqlprov.connect(str(folder / "open.db")) as con:
        with pytest.raises(NotSupportedError, match=r"open\.db is open for writing.*read_only=True"):
            con.sql("SET sqlprov_read_only = on")
        assert not con.settings.read_only
        con.sql("CREATE TABLE t AS SELECT 1 AS a")
    with sqlprov.connect(str(folder / "open.db"), settings={"read_only": "on"}) as con:
        assert con.sql("FROM t").fetchall() == [(1,)]
        with pytest.raises(Error, match="read-only"):
            con.sql("INSERT INTO t VALUES (2)")


def test_a_session_that_writes_a_log_cannot_become_read_only(folder: Path) -> None:
    with sqlprov.connect() as con:
        con.sql("CALL enable_logging(storage = 'file', storage_path = 'logs')")
        with pytest.raises(NotSupportedError, match=r"log may be a file.*CALL disable_logging\(\) first"):
            con.sql("SET sqlprov_read_only = on")
        con.sql("CALL disable_logging(); SET sqlprov_read_only = on")

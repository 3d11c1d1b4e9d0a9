from __future__ import annotations

from typing import Any

import psycopg
import pytest
from postgres_server import connect

import sqlprov
from sqlprov.frontends.serve.server import Server

SHOWN = {
    "server_version": "15.18",
    "SERVER_ENCODING": "UTF8",
    "transaction isolation level": "read committed",
    "standard_conforming_strings": "on",
    "time zone": "UTC",
}


@pytest.mark.parametrize("name", SHOWN)
def test_drivers_read_parameters(pg: psycopg.Connection[Any], name: str) -> None:
    assert pg.execute(f"SHOW {name}").fetchall() == [(SHOWN[name],)]


def test_all_parameters_are_listed(pg: psycopg.Connection[Any]) -> None:
    assert ("server_encoding", "UTF8") in pg.execute("SHOW ALL").fetchall()


SETS = (
    *("SET extra_float_digits = 3", "SET client_encoding TO 'UTF8'", "SET NAMES 'utf8'"),
    *("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SET DateStyle = ISO, DMY", "RESET ALL"),
    *("SET search_path TO sagemaker, public", "SET bytea_output = hex", "SET application_name = 'x'"),
    *(
        "DISCARD ALL",
        "SET sqlprov_regions = 'eu-west-1'",
        "RESET sqlprov_regions",
        "SET threads = 2",
        "UNLISTEN *",
    ),
)


@pytest.mark.parametrize("text", SETS)
def test_drivers_set_what_they_need(pg: psycopg.Connection[Any], text: str) -> None:
    assert pg.execute(text).statusmessage == ("DISCARD ALL" if "DISCARD" in text else text.split()[0])


WRONG_SETS = {
    "SET client_encoding = 'LATIN1'": "0A000",
    "SET DateStyle = 'German'": "0A000",
    "SET standard_conforming_strings = off": "0A000",
    "SET server_version = '9'": "55P02",
    "SET statement_timeout = 'soon'": "22023",
    "SET statement_timeout = '²'": "22023",
    "SET default_transaction_read_only = maybe": "22023",
    "SET no_such_setting = 1": "42704",
    "SET sqlprov_nope = 1": "42704",
    "SET sqlprov_read_only = on": "0A000",
    'SET "sqlprov_read_only" = on': "0A000",
    "LISTEN channel": "0A000",
}


@pytest.mark.parametrize("text", WRONG_SETS)
def test_what_would_change_the_format_is_refused(pg: psycopg.Connection[Any], text: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        pg.execute(text)
    assert caught.value.diag.sqlstate == WRONG_SETS[text]


def test_a_changed_parameter_is_reported(pg: psycopg.Connection[Any]) -> None:
    pg.execute("SET application_name = 'dashboard'")
    assert pg.info.parameter_status("application_name") == "dashboard"


def test_the_search_path_names_a_schema_of_the_database(pg: psycopg.Connection[Any]) -> None:
    pg.execute("SET search_path TO sagemaker")
    assert pg.execute("SELECT count(*) FROM models").fetchone() == (10,)


def test_settings_end_with_the_connection(server: Server) -> None:
    with connect(server) as pg:
        pg.execute("SET sqlprov_regions = 'eu-west-1'")
        pg.execute("CREATE TEMP TABLE own AS SELECT 1 AS n")
    with connect(server) as pg:
        assert pg.execute("SELECT DISTINCT region FROM sagemaker.models").fetchall() == [("us-east-1",)]
        with pytest.raises(psycopg.errors.UndefinedTable):
            pg.execute("SELECT * FROM own")


@pytest.mark.parametrize("text", ["RESET ALL", "DISCARD ALL"])
def test_a_pool_resets_a_session_to_its_start(server: Server, text: str) -> None:
    with connect(server, options="-c sqlprov_regions=eu-west-1") as pg:
        pg.execute("SET sqlprov_regions = 'us-east-1'")
        pg.execute("SET search_path TO sagemaker")
        pg.execute("SET TIME ZONE 'Europe/Berlin'")
        pg.execute("CREATE TEMP TABLE kept_for_now AS SELECT 1 AS n")
        pg.execute("SET application_name = 'x'")
        pg.execute(text)
        assert pg.execute("SELECT DISTINCT region FROM sagemaker.models").fetchall() == [("eu-west-1",)]
        assert pg.execute("SELECT current_schema(), current_setting('TimeZone')").fetchall() == [
            ("main", "UTC")
        ]
        assert pg.info.parameter_status("application_name") == ""
        if text == "DISCARD ALL":
            with pytest.raises(psycopg.errors.UndefinedTable):
                pg.execute("SELECT * FROM kept_for_now")


# Transactions


def test_a_transaction_reads_tables_that_it_names_one_after_another(server: Server) -> None:
    with connect(server, autocommit=False) as pg:
        assert pg.execute("SELECT count(*) FROM glue.databases").fetchone() is not None
        assert pg.execute("SELECT count(*) FROM sns.topics").fetchone() is not None
        assert pg.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        pg.commit()
        assert pg.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_a_write_to_the_cloud_is_refused_in_a_transaction_and_made_outside(server: Server) -> None:
    write = "UPDATE sagemaker.models SET tags = MAP {'a': 'b'} WHERE model_name = 'churn-v1' AND region = 'us-east-1'"
    with connect(server, autocommit=False) as pg, pytest.raises(psycopg.errors.ActiveSqlTransaction):
        pg.execute(write)
    with connect(server) as pg:
        assert pg.execute(write).statusmessage == "UPDATE 1"


@pytest.mark.parametrize(
    ("later", "place"),
    [
        ("AND model_name = 'churn-v1'", "AND"),
        ("SELECT 1 FROM", "FROM"),
        ("AUTH LOGIN aws", "AUTH"),
        ("SELEC 1", "SELEC"),
    ],
)
def test_a_query_whose_later_part_is_no_statement_runs_nothing(
    base: sqlprov.Connection, server: Server, later: str, place: str
) -> None:
    models = base.sql("SELECT count(*) FROM aws.sagemaker.models").fetchone()
    with connect(server) as pg:
        text = (
            f"DELETE FROM sagemaker.models WHERE region = 'us-east-1' AND model_name LIKE 'churn%';\n{later}"
        )
        with pytest.raises(psycopg.Error, match=r"Nothing of the script has run|AUTH LOGIN is not") as caught:
            pg.execute(text)
        assert text[int(caught.value.diag.statement_position or 0) - 1 :].startswith(place)
    assert base.sql("SELECT count(*) FROM aws.sagemaker.models").fetchone() == models


TO_READ_ONLY = {
    "SET default_transaction_read_only = on": "RESET default_transaction_read_only",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY": "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY": "COMMIT",
    "START TRANSACTION READ ONLY": "ROLLBACK",
    "BEGIN; SET TRANSACTION READ ONLY": "COMMIT",
}
WRITES = (
    "DELETE FROM sagemaker.models WHERE model_name = 'not-there' AND region = 'us-east-1'",
    "CREATE TEMP TABLE never AS SELECT 1 AS n",
)


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("text", TO_READ_ONLY)
def test_a_client_that_asks_for_read_only_cannot_write(
    base: sqlprov.Connection, server: Server, text: str, write: str
) -> None:
    models = base.sql("SELECT count(*) FROM aws.sagemaker.models").fetchone()
    with connect(server) as pg:
        pg.execute(text)
        assert pg.execute("SHOW transaction_read_only").fetchone() == ("on",)
        assert pg.execute("SELECT count(*) FROM sagemaker.models").fetchone() == models
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            pg.execute(write)
        pg.execute("ROLLBACK")
        pg.execute(TO_READ_ONLY[text])
        assert pg.execute("SHOW transaction_read_only").fetchone() == ("off",)
        pg.execute(write)


def test_read_only_can_stand_in_the_options_and_ends_no_other_way_than_by_set(server: Server) -> None:
    with connect(server, options="-c default_transaction_read_only=true") as pg:
        pg.execute("BEGIN READ WRITE")
        pg.execute("CREATE TEMP TABLE written AS SELECT 1 AS n")
        pg.execute("COMMIT")
        pg.execute("RESET ALL")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            pg.execute("INSERT INTO written VALUES (2)")


CHANGES_INSIDE = {
    "EXECUTE": "EXECUTE change",
    "EXPLAIN ANALYZE": "EXPLAIN ANALYZE INSERT INTO inside VALUES (2)",
    "WITH": "WITH two AS (SELECT 2) INSERT INTO inside FROM two",
}


@pytest.mark.parametrize("text", CHANGES_INSIDE.values(), ids=CHANGES_INSIDE)
def test_a_change_that_another_statement_makes_is_rolled_back(server: Server, text: str) -> None:
    with connect(server) as pg:
        pg.execute("CREATE TEMP TABLE inside AS SELECT 1 AS n")
        pg.execute("PREPARE change AS INSERT INTO inside VALUES (2)")
        pg.execute("BEGIN")
        pg.execute(text)
        assert pg.execute("SELECT count(*) FROM inside").fetchone() == (2,)
        pg.execute("ROLLBACK")
        assert pg.execute("SELECT n FROM inside").fetchall() == [(1,)]


def test_local_changes_are_committed_and_rolled_back(server: Server) -> None:
    with connect(server, dbname="memory", autocommit=False) as pg:
        pg.execute("CREATE OR REPLACE TABLE kept AS SELECT 1 AS n")
        pg.commit()
        assert pg.execute("INSERT INTO kept VALUES (2)").statusmessage == "INSERT 0 1"
        pg.rollback()
        assert pg.execute("SELECT n FROM kept").fetchall() == [(1,)]


def test_a_transaction_that_met_an_error_only_ends(server: Server) -> None:
    with connect(server, autocommit=False) as pg:
        with pytest.raises(psycopg.errors.UndefinedColumn):
            pg.execute("SELECT nope")
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            pg.execute("SELECT 1")
        assert pg.execute("COMMIT").statusmessage == "ROLLBACK"
        assert pg.execute("SELECT 1").fetchall() == [(1,)]


def test_a_savepoint_before_any_change_is_accepted(server: Server) -> None:
    with connect(server, dbname="memory", autocommit=False) as pg:
        with pytest.raises(psycopg.errors.UndefinedColumn), pg.transaction():
            pg.execute("SELECT nope")
        assert pg.execute("SELECT 1").fetchall() == [(1,)]
        pg.execute("CREATE TEMP TABLE changed AS SELECT 1 AS n")
        pg.execute("SAVEPOINT s")
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="DuckDB has no savepoints"):
            pg.execute("ROLLBACK TO SAVEPOINT s")


# Cursors and COPY


def test_a_declared_cursor_returns_its_rows_in_parts(server: Server) -> None:
    with connect(server, autocommit=False) as pg:
        pg.execute("DECLARE c CURSOR FOR FROM range(10)")
        assert pg.execute("FETCH 2 FROM c").fetchall() == [(0,), (1,)]
        assert pg.execute("SELECT 1").fetchall() == [(1,)]
        assert pg.execute("FETCH NEXT FROM c").fetchall() == [(2,)]
        assert pg.execute("MOVE 2 IN c").statusmessage == "MOVE 2"
        assert pg.execute("FETCH FORWARD ALL FROM c").fetchall() == [(5,), (6,), (7,), (8,), (9,)]
        pg.execute("CLOSE c")
        with pytest.raises(psycopg.errors.InvalidCursorName):
            pg.execute("FETCH c")


def test_a_cursor_needs_a_transaction_and_moves_forward_only(pg: psycopg.Connection[Any]) -> None:
    with pytest.raises(psycopg.errors.NoActiveSqlTransaction):
        pg.execute("DECLARE c CURSOR FOR SELECT 1")
    pg.execute("DECLARE c CURSOR WITH HOLD FOR FROM range(2)")
    assert pg.execute("FETCH c").fetchall() == [(0,)]
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        pg.execute("FETCH BACKWARD 1 FROM c")


def test_a_cursor_of_psycopg_reads_rows_in_parts(server: Server) -> None:
    with connect(server, autocommit=False) as pg, pg.cursor(name="big") as cursor:
        cursor.itersize = 1000
        assert sum(1 for _ in cursor.execute("FROM range(5000)")) == 5000


ROWS = "(VALUES (1, 'a,b', NULL), (2, 'say \"x\"', E'tab\\tand \\\\ back'), (3, '', E'two\\nlines'))"
COPIED = {
    "": '1\ta,b\t\\N\n2\tsay "x"\ttab\\tand \\\\ back\n3\t\ttwo\\nlines\n',
    "(FORMAT csv, HEADER)": 'col0,col1,col2\n1,"a,b",\n2,"say ""x""",tab\tand \\ back\n3,"","two\nlines"\n',
    "WITH (FORMAT csv, DELIMITER ';', NULL 'nil', FORCE_QUOTE *)": (
        '"1";"a,b";nil\n"2";"say ""x""";"tab\tand \\ back"\n"3";"";"two\nlines"\n'
    ),
    "DELIMITER '|'": '1|a,b|\\N\n2|say "x"|tab\\tand \\\\ back\n3||two\\nlines\n',
    "CSV HEADER": 'col0,col1,col2\n1,"a,b",\n2,"say ""x""",tab\tand \\ back\n3,"","two\nlines"\n',
}


@pytest.mark.parametrize("options", COPIED)
def test_copy_writes_text_and_csv(pg: psycopg.Connection[Any], options: str) -> None:
    with pg.cursor().copy(f"COPY (SELECT * FROM {ROWS} ORDER BY 1) TO STDOUT {options}") as copy:
        assert b"".join(bytes(piece) for piece in copy).decode() == COPIED[options]


@pytest.mark.parametrize("count", [0, 1, 5000])
def test_copy_writes_binary(pg: psycopg.Connection[Any], count: int) -> None:
    with pg.cursor().copy(
        f"COPY (SELECT range, 'r' || range FROM range({count})) TO STDOUT (FORMAT binary)"
    ) as copy:
        copy.set_types(["int8", "text"])
        assert list(copy.rows()) == [(number, f"r{number}") for number in range(count)]


def test_copy_writes_a_table_or_some_of_its_columns(pg: psycopg.Connection[Any]) -> None:
    with pg.cursor().copy("COPY sagemaker.models (model_name, region) TO STDOUT") as copy:
        assert b"search-v1\tus-east-1\n" in [bytes(piece) for piece in copy]


WRONG_COPIES = {
    "COPY x FROM STDIN": "0A000",
    "COPY (SELECT 1) TO STDOUT (FORMAT parquet)": "22023",
    "COPY (SELECT 1) TO STDOUT (COMPRESSION gzip)": "42601",
    "COPY (SELECT 1) TO STDOUT (DELIMITER 'ab')": "22023",
    "COPY (SELECT nope) TO STDOUT": "42703",
}


@pytest.mark.parametrize("text", WRONG_COPIES)
def test_a_wrong_copy_is_refused(pg: psycopg.Connection[Any], text: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        pg.execute(text)
    assert caught.value.diag.sqlstate == WRONG_COPIES[text]

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import create_engine, text

import sqlprov
from sqlprov import errors

FORKS = """
import os, sys
import sqlalchemy, sqlprov

def fork(work):
    pid = os.fork()
    if pid == 0:
        try:
            print(work(), flush=True)
        except Exception as error:
            print(type(error).__name__, str(error)[:80], flush=True)
        sys.exit()
    print(os.waitpid(pid, 0)[1], flush=True)

con = sqlprov.connect(local=True)
unread = con.cursor().sql("SELECT * FROM range(100000)")
unread.fetchone()
file = sqlprov.connect(sys.argv[1])
engine = sqlalchemy.create_engine("sqlprov://?local=1")
count = "SELECT count(*) > 1 FROM aws.sagemaker.models"
def count_rows():
    with engine.connect() as connection:
        return connection.execute(sqlalchemy.text(count)).scalar()
con.sql(count).fetchall()
count_rows()
for work in (
    lambda: con.sql("SELECT 42").fetchall(), con.cursor, unread.fetchall, con.close,
    lambda: sqlprov.connect(sys.argv[1]),
    lambda: sqlprov.connect(local=True).sql(count).fetchall(), count_rows,
):
    fork(work)
print(len(unread.fetchall()), con.sql(count).fetchall())
"""
CLOSED = "InterfaceError The connection is closed: it was made before the process forked. Connect in each"


def test_a_fork_connects_again_and_the_connections_of_its_parent_are_errors(tmp_path: Path) -> None:
    words = [sys.executable, "-W", "ignore", "-c", FORKS, str(tmp_path / "x.duckdb")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    used, _, cursor, _, unread, _, *rest = done.stdout.splitlines()
    assert (used, cursor) == (CLOSED[:95], CLOSED[:95])
    assert unread.startswith("InterfaceError The connection was made before the process forked")
    assert rest[:2] == ["None", "0"]
    assert rest[2].startswith("ProgrammingError sqlprov's own tables need the name 'aws'")
    assert rest[3:] == ["0", "[(True,)]", "0", "True", "0", "99999 [(True,)]"]
    assert done.stderr == ""


def test_connections_to_one_file_share_it_until_the_last_is_closed(tmp_path: Path) -> None:
    path = str(tmp_path / "x.duckdb")
    one, other = sqlprov.connect(path), sqlprov.connect(tmp_path / "x.duckdb")
    one.execute("CREATE TABLE t AS SELECT 1 AS n")
    other.execute("INSERT INTO t VALUES (2)")
    assert one.sql("SELECT count(*) FROM t").fetchall() == [(2,)]
    one.close()
    one.close()
    assert other.sql("SELECT n, (SELECT count(*) > 9 FROM aws.regions) FROM t ORDER BY n").fetchall() == [
        (1, True),
        (2, True),
    ]
    with pytest.raises(errors.InterfaceError, match="with another account"):
        sqlprov.connect(path, read_only=True)
    other.close()
    with sqlprov.connect(path, read_only=True) as con:
        assert con.sql("SELECT count(*) FROM t").fetchall() == [(2,)]


@pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_REGION"])
def test_a_file_is_not_shared_with_another_account_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    path = str(tmp_path / "x.duckdb")
    with sqlprov.connect(path):
        monkeypatch.setenv(variable, "other")
        with pytest.raises(errors.InterfaceError, match="with another account"):
            sqlprov.connect(path)


@pytest.mark.parametrize(("database", "rows"), [(":memory:", 0), (":memory:named", 1)])
def test_only_a_named_database_in_memory_is_shared(database: str, rows: int) -> None:
    with sqlprov.connect(database) as one, sqlprov.connect(database) as other:
        one.execute("CREATE TABLE t AS SELECT 1 AS n")
        tables = "SELECT count(*) FROM duckdb_tables() WHERE table_name = 't'"
        assert other.sql(tables).fetchall() == [(rows,)]


def test_a_file_that_duckdb_has_open_can_be_opened_again_and_again(tmp_path: Path) -> None:
    path = str(tmp_path / "x.duckdb")
    with duckdb.connect(path) as duck:
        duck.execute("CREATE TABLE t AS SELECT 1 AS n")
        for _ in range(2):
            with sqlprov.connect(path) as con:
                assert con.sql("SELECT n, region FROM t JOIN aws.regions ON n = 1 LIMIT 1").fetchone()
        assert duck.execute(
            "SELECT DISTINCT database_name FROM duckdb_databases() WHERE NOT internal"
        ).fetchall() == [("x",)]
    with duckdb.connect(str(tmp_path / "aws.duckdb")):
        pass
    with pytest.raises(errors.ProgrammingError, match="rename the file"):
        sqlprov.connect(str(tmp_path / "aws.duckdb"))


def test_engines_for_one_file_share_it(tmp_path: Path) -> None:
    url = f"sqlprov:///{tmp_path}/x.duckdb"
    one, other = create_engine(url), create_engine(url)
    with one.begin() as con:
        con.execute(text("CREATE TABLE t AS SELECT 1 AS n"))
    with one.connect() as con, other.connect() as second, sqlprov.connect(f"{tmp_path}/x.duckdb") as third:
        assert con.execute(text("FROM t")).all() == second.execute(text("FROM t")).all()
        assert third.sql("FROM t").fetchall() == [(1,)]
    one.dispose()
    other.dispose()


def test_a_connection_that_fails_leaves_its_file_closed(tmp_path: Path) -> None:
    file = str(tmp_path / "x.duckdb")
    with pytest.raises(errors.InterfaceError, match="neither") as raised:
        sqlprov.connect(file, local=True, profile="other")
    # DuckDB refuses this if the process has the file open for writing.
    duckdb.connect(file, read_only=True).close()
    assert raised.tb  # whose frames still hold the connection


def test_a_thread_connects_after_the_main_thread_has_ended() -> None:
    code = (
        "import threading, sqlprov\n"
        "def work():\n"
        "    threading.main_thread().join()\n"
        "    print(sqlprov.connect().sql('SELECT 42').fetchone())\n"
        "threading.Thread(target=work).start()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("(42,)\n", "")

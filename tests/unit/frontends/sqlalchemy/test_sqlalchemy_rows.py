from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Table, create_engine, exc, text

import sqlprov
from sqlprov.emulator import Emulator

Live = Callable[[str], Table]
MANY = "SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'eu-west-1' ORDER BY name"
FEW = "SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-west-2' ORDER BY name"


@pytest.fixture(scope="module")
def expected_rows(em: Emulator) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of sqlprov itself."""
    with sqlprov.connect(endpoint_url=em.url) as con:
        return {query: con.sql(query).fetchall() for query in (MANY, FEW)}


@pytest.fixture
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection on which SQLAlchemy's transactions are DuckDB's."""
    with engine.connect().execution_options(isolation_level="SNAPSHOT") as connection:
        yield connection


def count_list_calls(em: Emulator) -> int:
    return len([call for call in em.calls if call.operation.startswith("List")])


# Several results at once


@pytest.mark.parametrize(
    "before", ["", "SET VARIABLE x = 1", "CREATE TEMP TABLE IF NOT EXISTS scratch (n INTEGER)"]
)
def test_interleaved_results_of_one_connection_lose_no_row(
    con: Connection, expected_rows: dict[str, list[Any]], before: str
) -> None:
    if before:
        con.execute(text(before))
    many = con.execute(text(MANY))
    rows = [many.fetchone(), *many.fetchmany(10)]
    few = con.execute(text(FEW))
    rows += many.fetchmany(1000)
    assert [few.fetchone(), *few.fetchall()] == expected_rows[FEW]
    third = con.execute(text(MANY))
    rows += many.fetchall()
    assert rows == expected_rows[MANY]
    assert third.fetchall() == expected_rows[MANY]


def test_an_unread_result_makes_no_further_calls(em: Emulator, con: Connection) -> None:
    unordered = MANY.removesuffix(" ORDER BY name")
    left = con.execute(text(unordered))
    assert left.fetchone()
    before = count_list_calls(em)
    assert con.execute(text("SELECT 1")).scalar() == 1
    assert count_list_calls(em) - before < 10  # of the 25 pages
    left.close()


def test_an_error_while_buffering_is_raised_by_the_next_fetch(em: Emulator, con: Connection) -> None:
    con.execute(text("SET VARIABLE x = 1"))
    result = con.execute(
        text("SELECT CASE WHEN i < 100000 THEN i ELSE error('late') END FROM range(100001) AS r(i)")
    )
    assert result.fetchone() == (0,)
    assert con.execute(text("SELECT 1")).scalar() == 1
    with pytest.raises(exc.DBAPIError, match="late"):
        result.fetchall()


def test_after_a_statement_that_failed_the_next_one_runs(con: Connection) -> None:
    with pytest.raises(exc.ProgrammingError):
        con.execute(text("SELECT * FROM nowhere"))
    assert con.execute(text("SELECT 1")).scalar() == 1


# Commit


def test_rows_fetched_after_a_commit_are_all_there(
    con: Connection, expected_rows: dict[str, list[Any]]
) -> None:
    result = con.execute(text(MANY))
    rows = result.fetchmany(3)
    con.commit()
    rows += result.fetchmany(1000)
    con.rollback()
    assert rows + list(result.fetchall()) == expected_rows[MANY]


def test_reading_rows_of_a_rolled_back_transaction_is_an_error(snapshot: Connection) -> None:
    result = snapshot.execute(text(MANY))
    assert result.fetchone()
    snapshot.rollback()
    with pytest.raises(exc.InterfaceError, match="closed"):
        result.fetchall()


def test_each_statement_commits_unless_snapshot_is_set(con: Connection, snapshot: Connection) -> None:
    con.execute(text("CREATE OR REPLACE TABLE t (n INTEGER)"))
    con.execute(text("INSERT INTO t VALUES (1)"))
    con.rollback()
    snapshot.execute(text("INSERT INTO t VALUES (2)"))
    snapshot.rollback()
    snapshot.execute(text("INSERT INTO t VALUES (3)"))
    snapshot.commit()
    assert con.execute(text("SELECT n FROM t ORDER BY n")).scalars().all() == [1, 3]


def test_a_connection_returns_to_the_pool_in_autocommit(em: Emulator) -> None:
    engine = create_engine(f"sqlprov://?endpoint_url={em.url}", pool_size=1, max_overflow=0)
    with engine.connect().execution_options(isolation_level="SNAPSHOT") as con:
        con.execute(text("CREATE TABLE t (n INTEGER)"))
    with engine.connect() as con:
        assert con.get_isolation_level() == con.default_isolation_level == "AUTOCOMMIT"
        with pytest.raises(exc.ProgrammingError, match="does not exist"):
            con.execute(text("FROM t"))
    engine.dispose()


# A connection is a session


def test_a_statement_sees_the_state_of_earlier_ones(con: Connection) -> None:
    for statement in (
        "USE aws.sagemaker",
        "SET sqlprov_regions = 'us-west-2'",
        "SET VARIABLE wanted = 'search%'",
        "CREATE OR REPLACE TEMP TABLE mine AS SELECT 1 AS n",
    ):
        con.execute(text(statement))
    query = "SELECT DISTINCT region FROM endpoints, mine WHERE endpoint_name LIKE getvariable('wanted')"
    assert con.execute(text(query)).all() == [("us-west-2",)]


def test_a_transaction_begun_in_sql_is_seen_by_every_statement_until_commit(engine: Engine) -> None:
    with engine.connect() as con, engine.connect() as other:
        con.execute(text("CREATE OR REPLACE TABLE seen (n INTEGER)"))
        con.execute(text("BEGIN"))
        con.execute(text("INSERT INTO seen VALUES (1)"))
        reading = con.execute(text("SELECT * FROM range(5000)"))
        assert reading.fetchone() == (0,)
        assert con.execute(text("SELECT count(*) FROM seen")).scalar() == 1
        assert other.execute(text("SELECT count(*) FROM seen")).scalar() == 0
        last = con.execute(text("SELECT * FROM range(500000)"))
        assert last.fetchone() == (0,)
        con.commit()
        assert other.execute(text("SELECT count(*) FROM seen")).scalar() == 1
        assert (len(reading.fetchall()), len(last.fetchall())) == (4999, 499_999)

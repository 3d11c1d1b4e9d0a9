"""Runs the same text again after the meaning of its names has changed."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from sqlprov.api.connection import Connection
from sqlprov.emulator import Emulator, Fault
from sqlprov.errors import AccessDenied, ProgrammingError

Connect = Callable[..., Connection]
EXPERIMENTS = "aws.sagemaker.inference_experiments"
IN_THE_US, EVERYWHERE = 9, 12
WITHIN_US = "WHERE region LIKE 'us-%'"
LOCAL = "CREATE TABLE memory.main.inference_experiments AS SELECT 'us-moon-1' AS region"


@pytest.fixture
def con(connect: Connect) -> Connection:
    return connect()


def count(con: Connection, text: str) -> int:
    rows: int = con.sql(text).fetchall()[0][0]
    return rows


@pytest.mark.parametrize(
    ("choose", "leave"),
    [
        ("USE aws.sagemaker", "USE memory.main"),
        ("SET search_path = 'aws.sagemaker'", "SET search_path = 'memory.main'"),
        ("SET search_path = 'aws.sagemaker'", "RESET search_path"),
        ("SET schema = 'aws.sagemaker'", "SET schema = 'memory.main'"),
    ],
)
def test_a_name_follows_the_search_path(con: Connection, choose: str, leave: str) -> None:
    con.sql(LOCAL)
    text = f"SELECT count(*) FROM inference_experiments {WITHIN_US}"
    assert count(con, text) == 1
    con.sql(f"SELECT count(*) FROM {EXPERIMENTS} WHERE region = 'us-east-1'")  # creates aws.sagemaker
    con.sql(choose)
    assert count(con, text) == IN_THE_US
    con.sql(leave)
    assert count(con, text) == 1


def test_the_regions_of_a_join_follow_the_search_path(con: Connection) -> None:
    con.sql("SET sqlprov_regions = 'us-east-1'")
    con.sql(LOCAL.replace("us-moon-1", "eu-west-1"))
    con.sql(f"SELECT 1 FROM {EXPERIMENTS}")  # creates aws.sagemaker
    text = "SELECT count(*) FROM aws.sagemaker.models m JOIN inference_experiments e ON m.region = e.region"
    for path, rows in (("aws.sagemaker", 10 * 6), ("memory.main", 6), ("aws.sagemaker", 10 * 6)):
        con.sql(f"USE {path}")
        assert count(con, text) == rows


@pytest.mark.parametrize("of_another", [False, True])
def test_a_query_reads_the_latest_definition_of_a_view(con: Connection, of_another: bool) -> None:
    other = con.cursor() if of_another else con
    text = f"SELECT count(*) FROM seen {WITHIN_US}"
    for _ in range(2):
        other.sql(f"CREATE OR REPLACE VIEW seen AS SELECT name, region FROM {EXPERIMENTS}")
        assert count(con, text) == IN_THE_US
        other.sql("CREATE OR REPLACE VIEW seen AS SELECT 'x' AS name, 'us-moon-1' AS region")
        assert count(con, text) == 1


def test_a_query_does_not_read_a_view_that_was_rolled_back(con: Connection) -> None:
    con.sql("CREATE VIEW seen AS SELECT 'x' AS name, 'us-moon-1' AS region")
    text = f"SELECT count(*) FROM seen {WITHIN_US}"
    con.sql("BEGIN")
    con.sql(f"CREATE OR REPLACE VIEW seen AS SELECT name, region FROM {EXPERIMENTS}")
    assert count(con, text) == IN_THE_US
    con.sql("ROLLBACK")
    assert count(con, text) == 1


def test_a_query_reads_the_latest_definition_of_a_macro(con: Connection) -> None:
    con.sql("SET sqlprov_regions = 'eu-west-1'")
    make = f"CREATE OR REPLACE MACRO near() AS TABLE SELECT name FROM {EXPERIMENTS} WHERE region"
    for _ in range(2):
        con.sql(f"{make} IN ('us-east-1', 'us-west-2')")
        assert count(con, "SELECT count(*) FROM near()") == IN_THE_US
        con.sql(f"{make} LIKE 'us-%'")
        assert count(con, "SELECT count(*) FROM near()") == IN_THE_US


CHANGES = [
    "INSERT INTO kept VALUES (2)",
    "UPDATE kept SET n = 3",
    "DELETE FROM kept",
    "MERGE INTO kept USING (SELECT 1 AS n) AS new ON kept.n = new.n WHEN MATCHED THEN DELETE",
    "TRUNCATE kept",
    "COPY (SELECT 1) TO '/dev/null'",
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_query_finds_a_view_and_a_macro_created_after_rows_changed(con: Connection, change: str) -> None:
    con.sql("CREATE TABLE kept AS SELECT 1 AS n")
    assert count(con, f"SELECT count(*) FROM {EXPERIMENTS} {WITHIN_US}") == IN_THE_US
    con.sql(change)
    con.sql(f"CREATE VIEW seen AS SELECT name, region FROM {EXPERIMENTS}")
    con.sql(change)
    assert count(con, f"SELECT count(*) FROM seen {WITHIN_US}") == IN_THE_US
    con.sql("SET sqlprov_regions = 'eu-west-1'")
    con.sql(f"CREATE MACRO near() AS TABLE SELECT name FROM {EXPERIMENTS} {WITHIN_US}")
    con.sql(change)
    assert count(con, "SELECT count(*) FROM near()") == IN_THE_US


def test_a_query_finds_the_views_of_a_copied_database(con: Connection) -> None:
    con.sql("ATTACH ':memory:' AS mine; ATTACH ':memory:' AS yours")
    con.sql(f"CREATE VIEW mine.seen AS SELECT name, region FROM {EXPERIMENTS}")
    text = f"SELECT count(*) FROM yours.seen {WITHIN_US}"
    with pytest.raises(ProgrammingError, match="seen does not exist"):
        con.sql(text)
    con.sql("COPY FROM DATABASE mine TO yours")
    assert count(con, text) == IN_THE_US


@pytest.mark.parametrize("hidden", [False, True])
def test_a_query_that_changes_something_runs_once_even_if_nobody_reads_its_rows(
    con: Connection, hidden: bool
) -> None:
    con.sql("CREATE SEQUENCE numbers; CREATE TABLE kept AS SELECT range AS n FROM range(10_000)")
    if hidden:
        con.sql("CREATE MACRO following() AS nextval('numbers')")
    con.sql("SELECT following() FROM kept" if hidden else "SELECT nextval('numbers') FROM kept")
    con.sql("WITH new AS (INSERT INTO kept SELECT range FROM range(10_000) RETURNING n) SELECT n FROM new")
    assert count(con, "SELECT nextval('numbers')") == 10_001
    assert count(con, "SELECT count(*) FROM kept") == 20_000


def test_neither_an_error_nor_a_variable_of_the_caller_aborts_a_transaction(con: Connection) -> None:
    letters = pa.table({"letter": ["a"]})
    con.sql(f"FROM {EXPERIMENTS}, aws.sagemaker.endpoints LIMIT 0")
    con.sql("BEGIN; CREATE TABLE kept AS SELECT 1 AS n")
    for mistake in (
        "SELECT nothing FROM kept",
        "FROM nowhere",
        f"SELECT nam FROM {EXPERIMENTS}",
        "SELECT ?",
        f"SELECT nam FROM {EXPERIMENTS} ORDER BY creation_time DESC LIMIT 3",
        f"SELECT nothing FROM {EXPERIMENTS} JOIN aws.sagemaker.endpoints USING (endpoint_name)",
    ):
        with pytest.raises(ProgrammingError):
            con.sql(mistake)
    assert con.sql("SELECT letter, string(n) FROM letters, kept").fetchall() == [("a", "1")]
    con.sql("INSERT INTO kept VALUES (2); COMMIT")
    assert con.sql("FROM kept").fetchall() == [(1,), (2,)]
    del letters


@pytest.mark.parametrize("word", ["SET VARIABLE sqlprov_ctx = 'x'", "RESET VARIABLE sqlprov_ctx"])
def test_a_query_works_after_a_statement_has_changed_our_variable(con: Connection, word: str) -> None:
    text = f"SELECT count(*) FROM {EXPERIMENTS} WHERE region = 'us-east-1'"
    assert count(con, text) == 6
    con.sql(word)
    assert count(con, text) == 6
    con.sql(f"BEGIN; {word}")
    assert count(con, text) == 6
    con.sql("ROLLBACK")
    assert count(con, text) == 6


def test_a_query_returns_all_rows_after_an_incomplete_read_of_the_same_text(
    con: Connection, seeded: Emulator
) -> None:
    text = f"SELECT name FROM {EXPERIMENTS} WHERE region = 'us-east-1'"
    assert len(con.sql(text).fetchall()) == 6
    seeded.inject(Fault("access_denied", operation="ListInferenceExperiments"))
    with pytest.raises(AccessDenied):
        con.sql(text).fetchall()
    assert len(con.sql(text).fetchall()) == 6
    assert con.sql(text).fetchone()
    assert len(con.sql(text).fetchall()) == 6
    con.sql("SET sqlprov_on_error = 'warn'")
    seeded.inject(Fault("access_denied", operation="ListInferenceExperiments"))
    for rows in (0, 6):
        result = con.sql(text)
        assert (len(result.fetchall()), result.complete) == (rows, rows == 6)

"""The same text again, where what it names has changed in between: what was found out before must not be used."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from sqlprov.api.connection import Connection
from sqlprov.duck.query_runner import QueryRunner
from sqlprov.emulator import Emulator, Fault
from sqlprov.errors import AccessDenied, Error, ProgrammingError

Connect = Callable[..., Connection]
EXPERIMENTS = "aws.sagemaker.inference_experiments"
IN_THE_US, EVERYWHERE = 9, 12
WITHIN_US = "WHERE region LIKE 'us-%'"
LOCAL = "CREATE TABLE memory.main.inference_experiments AS SELECT 'us-moon-1' AS region"


@pytest.fixture
def con(connect: Connect) -> Connection:
    return connect()


def counted(con: Connection, text: str) -> int:
    found: int = con.sql(text).fetchall()[0][0]
    return found


@pytest.mark.parametrize("choose", ["USE {0}", "SET search_path = '{0}'", "SET schema = '{0}'"])
def test_a_name_means_the_table_that_the_path_has_now(con: Connection, choose: str) -> None:
    con.sql(LOCAL)
    text = f"SELECT count(*) FROM inference_experiments {WITHIN_US}"
    assert counted(con, text) == 1
    con.sql("SELECT count(*) FROM aws.regions")  # makes aws, which may then be chosen
    con.sql(f"SELECT count(*) FROM {EXPERIMENTS} WHERE region = 'us-east-1'")
    con.sql(choose.format("aws.sagemaker"))
    assert counted(con, text) == IN_THE_US
    con.sql(choose.format("memory.main"))
    assert counted(con, text) == 1


def test_a_name_means_the_table_that_the_path_has_after_reset(con: Connection) -> None:
    con.sql(LOCAL)
    text = f"SELECT count(*) FROM inference_experiments {WITHIN_US}"
    con.sql(f"SELECT count(*) FROM {EXPERIMENTS} WHERE region = 'us-east-1'")
    con.sql("SET search_path = 'aws.sagemaker'")
    assert counted(con, text) == IN_THE_US
    con.sql("RESET search_path")
    assert counted(con, text) == 1


@pytest.mark.parametrize("of_another", [False, True])
def test_a_view_means_what_it_was_made_to_mean_last(con: Connection, of_another: bool) -> None:
    other = con.cursor() if of_another else con
    text = f"SELECT count(*) FROM seen {WITHIN_US}"
    for _ in range(2):
        other.sql(f"CREATE OR REPLACE VIEW seen AS SELECT name, region FROM {EXPERIMENTS}")
        assert counted(con, text) == IN_THE_US
        other.sql("CREATE OR REPLACE VIEW seen AS SELECT 'x' AS name, 'us-moon-1' AS region")
        assert counted(con, text) == 1


def test_a_view_that_is_rolled_back_is_forgotten(con: Connection) -> None:
    con.sql("CREATE VIEW seen AS SELECT 'x' AS name, 'us-moon-1' AS region")
    text = f"SELECT count(*) FROM seen {WITHIN_US}"
    con.sql("BEGIN")
    con.sql(f"CREATE OR REPLACE VIEW seen AS SELECT name, region FROM {EXPERIMENTS}")
    assert counted(con, text) == IN_THE_US
    con.sql("ROLLBACK")
    assert counted(con, text) == 1


def test_a_macro_means_what_it_was_made_to_mean_last(con: Connection) -> None:
    con.sql("SET sqlprov_regions = 'eu-west-1'")
    make = f"CREATE OR REPLACE MACRO near() AS TABLE SELECT name FROM {EXPERIMENTS} WHERE region"
    for _ in range(2):
        con.sql(f"{make} IN ('us-east-1', 'us-west-2')")
        assert counted(con, "SELECT count(*) FROM near()") == IN_THE_US
        con.sql(f"{make} LIKE 'us-%'")
        assert counted(con, "SELECT count(*) FROM near()") == IN_THE_US


def test_a_condition_is_tried_again_on_what_it_reads(con: Connection) -> None:
    con.sql("CREATE TABLE chosen AS SELECT 'eu-west-1' AS near")
    text = f"SELECT count(*) FROM {EXPERIMENTS} WHERE region IN (SELECT near FROM chosen)"
    assert counted(con, text) == EVERYWHERE - IN_THE_US
    con.sql("INSERT INTO chosen VALUES ('us-east-1'), ('us-west-2')")
    assert counted(con, text) == EVERYWHERE


def test_the_same_text_with_other_parameters_means_other_regions(con: Connection) -> None:
    text = f"SELECT count(*) FROM {EXPERIMENTS} WHERE region LIKE ?"
    for pattern, rows in (("us-%", IN_THE_US), ("eu-%", EVERYWHERE - IN_THE_US), ("us-%", IN_THE_US)):
        assert con.sql(text, [pattern]).fetchall() == [(rows,)]


CHANGES = [
    "INSERT INTO kept VALUES (2)",
    "UPDATE kept SET n = 3",
    "DELETE FROM kept",
    "MERGE INTO kept USING (SELECT 1 AS n) AS new ON kept.n = new.n WHEN MATCHED THEN DELETE",
    "TRUNCATE kept",
    "COPY (SELECT 1) TO '/dev/null'",
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_view_and_a_macro_that_are_made_after_a_change_of_rows_are_seen(
    con: Connection, change: str
) -> None:
    con.sql("CREATE TABLE kept AS SELECT 1 AS n")
    assert counted(con, f"SELECT count(*) FROM {EXPERIMENTS} {WITHIN_US}") == IN_THE_US
    con.sql(change)
    con.sql(f"CREATE VIEW seen AS SELECT name, region FROM {EXPERIMENTS}")
    con.sql(change)
    assert counted(con, f"SELECT count(*) FROM seen {WITHIN_US}") == IN_THE_US
    con.sql("SET sqlprov_regions = 'eu-west-1'")
    con.sql(f"CREATE MACRO near() AS TABLE SELECT name FROM {EXPERIMENTS} {WITHIN_US}")
    con.sql(change)
    assert counted(con, "SELECT count(*) FROM near()") == IN_THE_US


def test_the_views_of_a_database_that_is_copied_are_seen(con: Connection) -> None:
    con.sql("ATTACH ':memory:' AS mine; ATTACH ':memory:' AS yours")
    con.sql(f"CREATE VIEW mine.seen AS SELECT name, region FROM {EXPERIMENTS}")
    text = f"SELECT count(*) FROM yours.seen {WITHIN_US}"
    with pytest.raises(ProgrammingError, match="seen does not exist"):
        con.sql(text)
    con.sql("COPY FROM DATABASE mine TO yours")
    assert counted(con, text) == IN_THE_US


def test_what_changes_something_is_done_each_time(con: Connection) -> None:
    con.sql("CREATE SEQUENCE numbers; CREATE TABLE kept (n INTEGER)")
    assert [counted(con, "SELECT nextval('numbers')") for _ in range(3)] == [1, 2, 3]
    adding = "WITH new AS (INSERT INTO kept VALUES (1) RETURNING n) SELECT count(*) FROM new"
    assert [counted(con, adding) for _ in range(2)] == [1, 1]
    assert counted(con, "SELECT count(*) FROM kept") == 2


@pytest.mark.parametrize("hidden", [False, True])
def test_what_a_query_changes_is_done_although_nobody_reads_its_rows(con: Connection, hidden: bool) -> None:
    con.sql("CREATE SEQUENCE numbers; CREATE TABLE kept AS SELECT range AS n FROM range(10_000)")
    if hidden:
        con.sql("CREATE MACRO following() AS nextval('numbers')")
    con.sql("SELECT following() FROM kept" if hidden else "SELECT nextval('numbers') FROM kept")
    con.sql("WITH new AS (INSERT INTO kept SELECT range FROM range(10_000) RETURNING n) SELECT n FROM new")
    assert counted(con, "SELECT nextval('numbers')") == 10_001
    assert counted(con, "SELECT count(*) FROM kept") == 20_000


QUERIES = [
    f"SELECT name, status FROM {EXPERIMENTS} WHERE region = 'us-east-1' ORDER BY name",
    f"FROM {EXPERIMENTS} WHERE region LIKE 'us-%' ORDER BY region, name LIMIT 3",
    f"SELECT count(*) AS n, region FROM {EXPERIMENTS} GROUP BY ALL ORDER BY ALL",
    "SELECT 1 AS one, [1, 2] AS list, {'a': NULL} AS struct",
    "SELECT 1 WHERE false",
    "SELECT nothing",
    "SELECT * FROM nowhere",
    "SELECT ?",
    f"SELECT nam FROM {EXPERIMENTS}",
    f"SELECT CAST(name AS INTEGER) FROM {EXPERIMENTS} WHERE region = 'us-east-1'",
]


@pytest.mark.parametrize("text", QUERIES)
def test_a_query_is_answered_alike_if_duckdb_can_only_bind_it_twice(
    connect: Connect, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer() -> object:
        try:
            return connect().sql(text).arrow()
        except Error as error:
            return type(error), str(error).split("\n")[0]

    once = answer()
    monkeypatch.setattr(QueryRunner, "_is_plain", lambda *_: False)
    assert answer() == once


def test_a_slip_or_what_is_to_be_brought_aborts_no_transaction(con: Connection) -> None:
    letters = pa.table({"letter": ["a"]})
    con.sql("BEGIN; CREATE TABLE kept AS SELECT 1 AS n")
    top = f"SELECT nam FROM {EXPERIMENTS} ORDER BY creation_time DESC LIMIT 3"
    both = f"SELECT nothing FROM {EXPERIMENTS} JOIN aws.sagemaker.endpoints USING (endpoint_name)"
    for slip in (
        "SELECT nothing FROM kept",
        "FROM nowhere",
        f"SELECT nam FROM {EXPERIMENTS}",
        "SELECT ?",
        top,
        both,
    ):
        with pytest.raises(ProgrammingError):
            con.sql(slip)
    assert con.sql("SELECT letter, string(n) FROM letters, kept").fetchall() == [("a", "1")]
    con.sql("INSERT INTO kept VALUES (2); COMMIT")
    assert con.sql("FROM kept").fetchall() == [(1,), (2,)]
    del letters


@pytest.mark.parametrize("word", ["SET VARIABLE sqlprov_ctx = 'x'", "RESET VARIABLE sqlprov_ctx"])
def test_the_variable_of_ours_is_set_again_after_another_has_set_it(con: Connection, word: str) -> None:
    text = f"SELECT count(*) FROM {EXPERIMENTS} WHERE region = 'us-east-1'"
    assert counted(con, text) == 6
    con.sql(word)
    assert counted(con, text) == 6
    con.sql(f"BEGIN; {word}")
    assert counted(con, text) == 6
    con.sql("ROLLBACK")
    assert counted(con, text) == 6


def test_the_same_text_after_a_reading_that_did_not_end_is_answered_whole(
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

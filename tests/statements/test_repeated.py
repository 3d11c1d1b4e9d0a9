"""The same text again, where what it names has changed in between: what was found out before must not be used."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sqlprov.connection import Connection
from sqlprov.emulator import Emulator
from sqlprov.errors import RegionError

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
        with pytest.raises(RegionError, match="cannot be told beforehand"):
            con.sql("SELECT count(*) FROM near()").fetchall()


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


def test_the_same_text_after_other_default_regions_means_those(con: Connection, seeded: Emulator) -> None:
    text = f"SELECT count(*) FROM {EXPERIMENTS}"
    for regions, rows in (("us-east-1", 6), ("eu-west-1", 3), ("eu-west-1,us-west-2", 6)):
        con.sql(f"SET sqlprov_regions = '{regions}'")
        seeded.reset_calls()
        assert counted(con, text) == rows
        assert {call.region for call in seeded.calls} == set(regions.split(","))


def test_more_statements_than_are_remembered_are_answered_rightly(con: Connection) -> None:
    # The first is asked again when it has been forgotten, the last while it is remembered.
    for number in [*range(260), 0, 259]:
        where = f"region IN ('us-east-1', 'eu-west-1') AND {number} = {number} AND false"
        assert counted(con, f"SELECT count(*) FROM {EXPERIMENTS} WHERE {where}") == 0

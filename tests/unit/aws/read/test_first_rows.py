"""ORDER BY … LIMIT reads only the first rows where the service sorts as DuckDB does, and all of them elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from emulator_calls import DESCRIBE, EXPERIMENTS, LIST, add_experiment, count_operations, wait_until_idle

import sqlprov
from sqlprov.aws.read.list_windows import ListWindow
from sqlprov.aws.read.rows import PartialRow
from sqlprov.aws.read.scan import TableScan
from sqlprov.aws.read.top_n import TopN
from sqlprov.emulator import Emulator, Options
from sqlprov.plan.read.hints import Top

REGIONS = ("eu-west-1", "us-east-1", "us-west-2")


@pytest.fixture(scope="module")
def full() -> Iterator[Emulator]:
    with Emulator() as emulator:
        for number, region in enumerate(REGIONS):
            emulator.fill(1_500, [region], seed=number)
        yield emulator


@pytest.fixture(scope="module")
def session(full: Emulator, aws: object) -> Iterator[sqlprov.Connection]:
    with sqlprov.connect(endpoint_url=full.url, region="us-east-1") as connection:
        connection.sql(
            f"CREATE TABLE mine AS SELECT * EXCLUDE (tags, tag_map, arn) FROM {EXPERIMENTS} WHERE region IN {REGIONS}"
        )
        yield connection


@pytest.fixture
def con(full: Emulator, session: sqlprov.Connection) -> Iterator[sqlprov.Connection]:
    full.options = Options()
    wait_until_idle(full)
    full.reset_calls()
    with session.cursor() as cursor:
        yield cursor


def lists(em: Emulator) -> int:
    return count_operations(em).get(LIST, 0)


FIRST_PAGE = [
    "SELECT name FROM {t} ORDER BY creation_time DESC LIMIT 10",
    "SELECT name, status FROM {t} WHERE status = 'Running' ORDER BY creation_time DESC LIMIT 10",
    "SELECT name FROM {t} ORDER BY creation_time LIMIT 10 OFFSET 20",
    "SELECT name FROM {t} e ORDER BY e.creation_time ASC, name DESC LIMIT 10",
    "SELECT creation_time AS at, name AS creation FROM {t} ORDER BY creation_time DESC NULLS FIRST, name LIMIT 10",
    "SELECT creation_time, creation_time AS creation_time, name FROM {t} ORDER BY creation_time DESC, name LIMIT 7",
    "FROM {t} SELECT name ORDER BY creation_time DESC, name LIMIT 1",
    "SELECT name, region FROM {t} WHERE type = 'ShadowMode' ORDER BY creation_time DESC, name LIMIT 12",
]


@pytest.mark.parametrize("query", FIRST_PAGE)
def test_one_page_answers_and_the_rows_are_the_same(full: Emulator, con: Any, query: str) -> None:
    expected = con.sql(query.format(t="(FROM mine WHERE region = 'us-east-1')")).fetchall()
    assert con.sql(query.format(t=EXPERIMENTS)).fetchall() == expected
    assert lists(full) == 1


def test_only_the_first_rows_are_described(full: Emulator, con: Any) -> None:
    query = "SELECT name, endpoint_name FROM {t} WHERE region IN {r} ORDER BY creation_time DESC LIMIT 4"
    expected = con.sql(query.format(t="mine", r=REGIONS)).fetchall()
    assert con.sql(query.format(t=EXPERIMENTS, r=REGIONS)).fetchall() == expected
    assert count_operations(full) == {LIST: 3, DESCRIBE: 4}


@pytest.mark.parametrize(
    ("query", "described"),
    [
        ("SELECT name, endpoint_name FROM {t} ORDER BY name LIMIT 3", 3),
        ("SELECT endpoint_name, name FROM {t} ORDER BY 2 DESC LIMIT 3", 3),
        ("SELECT name, endpoint_name FROM {t} ORDER BY name DESC LIMIT 3 OFFSET 2", 5),
        ("SELECT e.name, tags FROM {t} e ORDER BY e.name LIMIT 2", 2),
        ("SELECT name AS n, endpoint_name FROM {t} ORDER BY n LIMIT 3", 3),
        ("SELECT name AS \"Name\", endpoint_name FROM {t} ORDER BY \"Name\" DESC LIMIT 3", 3),
        ("SELECT endpoint_name FROM {t} ORDER BY last_modified_time DESC, name LIMIT 25", 25),
        ("SELECT name, endpoint_name FROM {t} WHERE status = 'Running' ORDER BY name LIMIT 3", 3),
        ("SELECT name, endpoint_name FROM {t} WHERE name LIKE '%9' ORDER BY name LIMIT 3", 3),
        ("SELECT name, endpoint_name FROM {t} WHERE lower(status) = 'running' ORDER BY creation_time, name LIMIT 3", 3),
        ("SELECT name, endpoint_name FROM {t} WHERE name NOT LIKE '%1' AND (status LIKE 'R%' OR length(name) > 5) "
         "ORDER BY name DESC LIMIT 4", 4),
    ],
)  # fmt: skip
def test_only_the_first_rows_by_any_listed_column_are_described(
    full: Emulator, con: Any, query: str, described: int
) -> None:
    expected = con.sql(
        query.format(t="(FROM mine WHERE region = 'us-east-1')").replace("tags", "name")
    ).fetchall()
    rows = con.sql(query.format(t=EXPERIMENTS)).fetchall()
    assert [row[0] for row in rows] == [row[0] for row in expected]
    assert count_operations(full)[DESCRIBE] == described


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM (SELECT name, endpoint_name FROM {t} ORDER BY name LIMIT 3) ORDER BY name",
        "WITH c AS (SELECT name, endpoint_name FROM {t} ORDER BY name LIMIT 3) FROM c ORDER BY name",
        "WITH c AS MATERIALIZED (SELECT name, endpoint_name FROM {t} ORDER BY name LIMIT 3) "
        "SELECT name, a.endpoint_name FROM c a JOIN c b USING (name) ORDER BY name",
        "SELECT n, e FROM (SELECT name AS n, endpoint_name AS e FROM {t}) ORDER BY n LIMIT 3",
        "WITH c AS (SELECT * FROM {t}), d AS (FROM c) SELECT name, endpoint_name FROM d ORDER BY name LIMIT 3",
        "SELECT count(*), min(endpoint_name) FROM (FROM {t} ORDER BY name LIMIT 3)",
        "SELECT name, (SELECT max(endpoint_name) FROM (FROM {t} ORDER BY name LIMIT 3)) FROM (VALUES ('a')) v(name)",
        "(SELECT name, endpoint_name FROM {t} ORDER BY name LIMIT 3) UNION ALL SELECT 'a', 'b' ORDER BY name",
        "WITH c AS (SELECT name, endpoint_name, last_modified_time AS creation_time FROM {t}) "
        "SELECT name, endpoint_name FROM c ORDER BY creation_time DESC, name LIMIT 3",
    ],
)
def test_a_top_n_of_a_sub_query_describes_only_its_rows(full: Emulator, con: Any, query: str) -> None:
    mine = "(FROM mine WHERE region = 'us-east-1')"
    expected = con.sql(query.replace("{t}", mine)).fetchall()
    assert con.sql(query.replace("{t}", EXPERIMENTS)).fetchall() == expected
    assert count_operations(full)[DESCRIBE] == 3


def test_a_copy_of_the_first_rows_describes_only_them(full: Emulator, con: Any) -> None:
    con.sql(f"CREATE TEMP TABLE few AS SELECT name, endpoint_name FROM {EXPERIMENTS} ORDER BY name LIMIT 3")
    assert count_operations(full)[DESCRIBE] == 3
    expected = "SELECT name, endpoint_name FROM mine WHERE region = 'us-east-1' ORDER BY name LIMIT 3"
    assert con.sql("FROM few").fetchall() == con.sql(expected).fetchall()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT name, endpoint_name FROM (FROM {t} ORDER BY endpoint_name, name LIMIT 50) ORDER BY name LIMIT 3",
        "SELECT n FROM (SELECT lower(name) AS n, endpoint_name AS e FROM {t}) WHERE e > 'a' ORDER BY n LIMIT 3",
        "SELECT name, e FROM (SELECT endpoint_name AS name, name AS e FROM {t}) ORDER BY name, e LIMIT 3",
        "SELECT name, e FROM (SELECT name, max(endpoint_name) AS e FROM {t} GROUP BY name) ORDER BY name LIMIT 3",
        "WITH c(name, x) AS (SELECT endpoint_name, name FROM {t}) FROM c ORDER BY name, x LIMIT 3",
        "SELECT a.name, b.endpoint_name FROM (FROM {t} ORDER BY name LIMIT 3) a JOIN {t} b USING (name) ORDER BY 1",
        "SELECT name FROM (FROM {t} ORDER BY name LIMIT NULL) ORDER BY endpoint_name, name LIMIT 3",
    ],
)
def test_a_sub_query_that_needs_all_rows_describes_them(full: Emulator, con: Any, query: str) -> None:
    mine = "(FROM mine WHERE region = 'us-east-1')"
    expected = con.sql(query.replace("{t}", mine)).fetchall()
    assert con.sql(query.replace("{t}", EXPERIMENTS)).fetchall() == expected
    assert count_operations(full)[DESCRIBE] > 1_000


@pytest.mark.parametrize(
    "query",
    [
        "SELECT name, endpoint_name FROM {t} ORDER BY status_reason, name LIMIT 3",
        "SELECT name, endpoint_name FROM {t} ORDER BY endpoint_name, name LIMIT 3",
        "SELECT name, endpoint_name FROM {t} WHERE endpoint_name LIKE '%7' ORDER BY name LIMIT 3",
        "SELECT name, endpoint_name FROM {t} WHERE lower(name) < 'f' OR kms_key = 'k' ORDER BY name LIMIT 3",
        "SELECT name, endpoint_name FROM {t} WHERE creation_time::VARCHAR LIKE '%7%' ORDER BY name LIMIT 3",
        "SELECT lower(name) AS name, endpoint_name FROM {t} ORDER BY name LIMIT 3",
        "SELECT lower(name) AS name, endpoint_name FROM {t} ORDER BY 1 LIMIT 3",
        "SELECT endpoint_name AS name, name AS n FROM {t} ORDER BY name, n LIMIT 3",
        "SELECT name, endpoint_name FROM {t} ORDER BY name COLLATE NOCASE LIMIT 3",
    ],
)
def test_all_rows_are_described_if_the_list_does_not_decide(full: Emulator, con: Any, query: str) -> None:
    expected = con.sql(query.format(t="(FROM mine WHERE region = 'us-east-1')")).fetchall()
    assert con.sql(query.format(t=EXPERIMENTS)).fetchall() == expected
    assert count_operations(full)[DESCRIBE] > 1_000


@pytest.mark.parametrize("rows", [1, 3, 10, 30])
def test_a_limit_describes_no_more_rows_than_it_asks_for(full: Emulator, con: Any, rows: int) -> None:
    assert len(con.sql(f"SELECT name, endpoint_name FROM {EXPERIMENTS} LIMIT {rows}").fetchall()) == rows
    assert count_operations(full)[DESCRIBE] == rows


@pytest.mark.parametrize(
    ("limit", "parameters"),
    [
        ("LIMIT ?", [3]),
        ("LIMIT $n", {"n": 3}),
        ("AND name <> ? LIMIT ? OFFSET ?", ["x", 2, 1]),
        ("ORDER BY name LIMIT ?", [3]),
    ],
)
def test_a_limit_that_is_a_parameter_describes_no_more_rows_either(
    full: Emulator, con: Any, limit: str, parameters: Any
) -> None:
    rows = con.sql(f"SELECT name, endpoint_name FROM {EXPERIMENTS} WHERE true {limit}", parameters).fetchall()
    assert len(rows) == (2 if "OFFSET" in limit else 3)
    assert count_operations(full)[DESCRIBE] == 3


def test_pages_are_read_until_enough_rows_pass_the_filter(full: Emulator, con: Any) -> None:
    query = (
        "SELECT name FROM {t} WHERE status IN ('Starting', 'Updating') AND status_reason IS NULL "
        "ORDER BY creation_time DESC, name LIMIT 30"
    )
    expected = con.sql(query.format(t="(FROM mine WHERE region = 'us-east-1')")).fetchall()
    assert len(expected) == 30
    assert con.sql(query.format(t=EXPERIMENTS)).fetchall() == expected
    assert 1 < lists(full) < 15


EVERYTHING = [
    "SELECT name FROM {t} WHERE endpoint_name = 'endpoint-7' ORDER BY creation_time DESC, name LIMIT 3",
    "SELECT name FROM {t} ORDER BY last_modified_time DESC, name LIMIT 10",
    "SELECT name FROM {t} ORDER BY name LIMIT 10",
    "SELECT name FROM {t} ORDER BY creation_time + INTERVAL 1 DAY DESC, name LIMIT 10",
    "SELECT last_modified_time AS creation_time, creation_time AS x, name FROM {t} "
    "ORDER BY creation_time DESC, name LIMIT 5",
    "SELECT * REPLACE (last_modified_time AS creation_time) FROM {t} ORDER BY creation_time DESC, name LIMIT 5",
    "SELECT * RENAME (last_modified_time AS x) FROM {t} ORDER BY x DESC, name LIMIT 5",
    "SELECT COLUMNS('last_modified(_time)') AS \"creation\\1\" FROM {t} ORDER BY creation_time DESC LIMIT 5",
    "SELECT creation_time, count(*) FROM {t} GROUP BY ALL ORDER BY creation_time DESC LIMIT 5",
    "SELECT DISTINCT status, creation_time FROM {t} ORDER BY creation_time DESC, status LIMIT 5",
    "SELECT name, row_number() OVER (ORDER BY name) FROM {t} ORDER BY creation_time DESC, name LIMIT 5",
    "SELECT name FROM {t} QUALIFY row_number() OVER (PARTITION BY status ORDER BY name) = 2 "
    "ORDER BY creation_time DESC LIMIT 2",
    "SELECT a.name FROM {t} a JOIN {t} b ON a.name = b.name ORDER BY a.creation_time DESC, a.name LIMIT 5",
    "SELECT name FROM (SELECT last_modified_time AS creation_time, name FROM {t}) ORDER BY creation_time, name LIMIT 5",
    "SELECT name FROM {t} WHERE name < (SELECT max(name) FROM {t}) ORDER BY creation_time DESC, name LIMIT 5",
    "SELECT name, unnest([1, 2]) FROM {t} ORDER BY creation_time DESC, name, 2 LIMIT 3",
    "WITH c AS (SELECT last_modified_time AS creation_time, name FROM {t}) FROM c ORDER BY creation_time, name LIMIT 3",
    "SELECT name FROM {t} ORDER BY creation_time DESC, name LIMIT 0.2%",
    "(SELECT name, creation_time FROM {t}) UNION ALL (SELECT name, creation_time FROM {t} LIMIT 0) "
    "ORDER BY creation_time DESC, name LIMIT 4",
]


@pytest.mark.parametrize("query", EVERYTHING)
def test_everything_is_read_if_the_order_or_the_rows_may_differ(full: Emulator, con: Any, query: str) -> None:
    mine = "(FROM mine WHERE region = 'us-east-1')"
    expected = con.sql(query.replace("{t}", mine)).fetchall()
    assert (
        con.sql(
            query.replace("{t}", f"(SELECT * EXCLUDE (tags, tag_map, arn) FROM {EXPERIMENTS})")
        ).fetchall()
        == expected
    )
    if "*" not in query:
        full.reset_calls()
        assert con.sql(query.replace("{t}", EXPERIMENTS)).fetchall() == expected
    assert lists(full) >= 15


def test_a_view_that_swaps_columns_is_not_the_table(full: Emulator, con: Any) -> None:
    con.sql(
        f"CREATE TEMP VIEW swapped AS SELECT last_modified_time AS creation_time, name FROM {EXPERIMENTS}"
    )
    query = "SELECT name FROM {t} ORDER BY creation_time DESC, name LIMIT 5"
    expected = con.sql(query.replace("creation", "last_modified").format(t="mine WHERE region = 'us-east-1'"))
    rows = expected.fetchall()
    assert con.sql(query.format(t="swapped")).fetchall() == rows


def test_the_default_order_of_the_session_counts(full: Emulator, con: Any) -> None:
    con.sql("SET default_order = 'DESC'")
    try:
        newest = con.sql(
            f"SELECT name, creation_time FROM {EXPERIMENTS} ORDER BY creation_time, name LIMIT 3"
        ).fetchall()
        expected = con.sql("SELECT max(creation_time) FROM mine WHERE region = 'us-east-1'").fetchall()
    finally:
        con.sql("RESET default_order")
    assert newest[0][1] == expected[0][0]


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("most", [1, 99, 100, 101, 250])
def test_ties_are_broken_by_the_other_columns(em: Emulator, connect: Any, direction: str, most: int) -> None:
    for number in range(400):
        at = 1_700_000_000.0 + number // 130 + (number % 7) / 1000
        add_experiment(em, f"e-{number * 37 % 400:03}", CreationTime=at, LastModifiedTime=at)
    con = connect()
    query = (
        f"SELECT name, creation_time FROM {{t}} ORDER BY creation_time {direction}, name DESC LIMIT {most}"
    )
    con.sql(f"CREATE TABLE whole AS SELECT name, creation_time FROM {EXPERIMENTS}")
    for options in (Options(), Options(sparse_pages=True)):
        em.options = options
        expected = con.sql(query.format(t="whole")).fetchall()
        assert con.sql(query.format(t=EXPERIMENTS)).fetchall() == expected


def test_a_first_row_that_was_deleted_before_describe_is_replaced(
    em: Emulator, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(250):
        at = 1_700_000_000.0 + 60 * number
        add_experiment(em, f"e-{number:03}", CreationTime=at, LastModifiedTime=at)
    con = connect()
    choose = TableScan._emit_top_n

    def delete_meanwhile(self: TableScan) -> bool:
        if self.top_n is not None:
            for name in ("e-249", "e-247"):
                em.remove("InferenceExperiment", "us-east-1", name)
            monkeypatch.setattr(TableScan, "_emit_top_n", choose)
        return choose(self)

    monkeypatch.setattr(TableScan, "_emit_top_n", delete_meanwhile)
    rows = con.sql(f"SELECT name, arn FROM {EXPERIMENTS} ORDER BY creation_time DESC LIMIT 3").fetchall()
    assert [name for name, _ in rows] == ["e-248", "e-246", "e-245"]


def test_a_list_in_order_of_whole_seconds_is_read_far_enough() -> None:
    top_n = TopN(Top("creation_time", False, 2, ends=True))
    top_n.add([PartialRow("us-east-1"), PartialRow("us-east-1")], [10.0, 11.9])
    window = ListWindow(None)  # type: ignore[arg-type]
    window.note_times([10.0, 11.9, 12.8])
    assert not top_n.is_done_with(window)
    window.note_times([14.0])
    assert top_n.is_done_with(window)


def test_everything_is_read_without_push_down(full: Emulator, con: Any) -> None:
    con.sql("SET sqlprov_pushdown = off")
    con.sql(f"SELECT name FROM {EXPERIMENTS} ORDER BY creation_time DESC LIMIT 10").fetchall()
    assert lists(full) == 15


def test_explain_shows_the_order(con: Any) -> None:
    query = f"EXPLAIN SELECT name FROM {EXPERIMENTS} ORDER BY creation_time DESC LIMIT 10"
    (call,) = con.sql(query).planned
    assert call.parameters["SortOrder"] == "Descending"
    assert call.times == "until 10 rows"

from __future__ import annotations

import datetime
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import sqlprov
from sqlprov import Connection, errors
from sqlprov.api.pep249 import TypeObject

MODELS = "aws.sagemaker.models"
ROLE = "arn:aws:iam::123456789012:role/r"


@pytest.fixture
def cursor(con: Connection) -> Iterator[Connection]:
    with con.cursor() as made:
        yield made


def insert_of_models(cursor: Connection, names: list[str]) -> sqlprov.Result:
    rows = [(name, ROLE, {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1"}) for name in names]
    text = (
        f"INSERT INTO {MODELS} (model_name, execution_role_arn, primary_container, region) "
        "VALUES (?, ?, ?, 'us-east-1')"
    )
    return cursor.executemany(text, rows)


# What was executed, and its rows


def test_rows_of_a_live_table_come_one_some_and_all(cursor: Connection) -> None:
    cursor.execute(f"SELECT model_name FROM {MODELS} WHERE region = ? ORDER BY model_name", ["us-east-1"])
    assert cursor.description == [("model_name", "string", None, None, None, None, None)]
    first, some, rest = cursor.fetchone(), cursor.fetchmany(2), cursor.fetchall()
    assert first is not None
    assert [first, *some, *rest] == sorted([first, *some, *rest])
    assert (len(some), len(rest) > 3, cursor.fetchone()) == (2, True, None)


def test_a_cursor_is_iterated(cursor: Connection) -> None:
    cursor.execute("SELECT unnest([1, 2, 3])")
    assert [n for (n,) in cursor] == [1, 2, 3]


@pytest.mark.parametrize("text", ["SHOW PROVIDERS", "DESCRIBE aws.sagemaker.models", "SHOW sqlprov_regions"])
def test_what_the_catalog_answers_is_fetched_too(cursor: Connection, text: str) -> None:
    assert cursor.execute(text).columns == [column[0] for column in cursor.description or []]
    assert cursor.fetchall()


def test_parameters_have_a_question_mark_or_a_name(cursor: Connection) -> None:
    assert cursor.execute("SELECT ? + ?", (1, 2)).fetchall() == [(3,)]
    assert cursor.execute("SELECT $a + $b", {"a": 1, "b": 2}).fetchall() == [(3,)]


def test_the_constructors_give_values_that_duckdb_takes(cursor: Connection) -> None:
    values = (
        sqlprov.Date(2025, 6, 1),
        sqlprov.Time(13, 45, 30),
        sqlprov.Timestamp(2025, 6, 1, 13, 45, 30),
        sqlprov.Binary(b"\x00\xff"),
    )
    cursor.execute("SELECT ?::DATE, ?::TIME, ?::TIMESTAMP, ?::BLOB", values)
    assert cursor.fetchone() == values


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("'x'", sqlprov.STRING),
        ("'x'::ENUM('x')", sqlprov.STRING),
        ("'x'::BLOB", sqlprov.BINARY),
        ("1", sqlprov.NUMBER),
        ("1::UTINYINT", sqlprov.NUMBER),
        ("1.5", sqlprov.NUMBER),
        ("1.5::DOUBLE", sqlprov.NUMBER),
        ("1::HUGEINT", sqlprov.NUMBER),
        ("now()", sqlprov.DATETIME),
        ("today()", sqlprov.DATETIME),
        ("TIME '10:00'", sqlprov.DATETIME),
        ("true", None),
        ("[1]", None),
        ("MAP {'a': 'string'}", None),
        ("uuid()", None),
        ("1::BIGNUM", sqlprov.NUMBER),
        ("{'a': 'string'}", None),
    ],
)
def test_a_column_is_of_the_kind_that_its_type_says(
    cursor: Connection, value: str, kind: TypeObject | None
) -> None:
    cursor.execute(f"SELECT {value}")
    assert cursor.description is not None
    type_ = cursor.description[0][1]
    kinds = (sqlprov.STRING, sqlprov.BINARY, sqlprov.NUMBER, sqlprov.DATETIME, sqlprov.ROWID)
    assert [each for each in kinds if type_ == each] == ([kind] if kind else [])


def test_nothing_is_fetched_after_a_statement_that_failed(cursor: Connection) -> None:
    cursor.execute("SELECT 1")
    with pytest.raises(errors.UnknownName):
        cursor.execute("SELECT nothing FROM (SELECT 1 AS n)")
    assert (cursor.description, cursor.rowcount) == (None, -1)
    with pytest.raises(errors.ProgrammingError, match="No rows to fetch"):
        cursor.fetchall()


@pytest.mark.parametrize(
    ("late", "kind", "text"),
    [
        ("error('late')", errors.ProgrammingError, "late"),
        ("'x'::INTEGER", errors.DataError, "Could not convert"),
        ("(i * 1000)::SMALLINT", errors.DataError, "out of range"),
    ],
)
def test_an_error_after_many_rows_is_of_the_kind_that_an_early_one_is(
    cursor: Connection, late: str, kind: type[errors.Error], text: str
) -> None:
    query = "SELECT CASE WHEN i < {} THEN 1 ELSE {} END FROM range(100001) AS r(i)"
    for from_row in (0, 100_000):
        for fetch in (lambda result: result.fetchall(), lambda result: result.arrow()):
            with pytest.raises(kind, match=text) as caught:
                fetch(cursor.execute(query.format(from_row, late)))
            assert type(caught.value) is kind


def test_a_closed_cursor_gives_no_rows(cursor: Connection) -> None:
    cursor.execute("SELECT 1")
    cursor.close()
    for fetch in (cursor.fetchone, cursor.fetchmany, cursor.fetchall):
        with pytest.raises(errors.InterfaceError, match="closed"):
            fetch()


def test_a_result_goes_to_arrow_pandas_and_polars(cursor: Connection) -> None:
    text = "SELECT i::INTEGER AS i, (i / 2)::DECIMAL(4, 1) AS half, [i] AS list FROM range(3) AS r(i)"
    half = [Decimal("0.0"), Decimal("0.5"), Decimal("1.0")]
    assert cursor.execute(text).arrow()["half"].to_pylist() == half
    assert cursor.execute(text).reader().read_all()["half"].to_pylist() == half
    assert pa.table(cursor.execute(text))["half"].to_pylist() == half
    assert cursor.execute(text).df()["half"].tolist() == half
    assert cursor.execute(text).pl()["half"].to_list() == half
    assert pl.DataFrame(cursor.execute(text))["list"].to_list() == [[0], [1], [2]]
    assert pd.DataFrame.from_arrow(cursor.execute(text))["i"].tolist() == [0, 1, 2]


def test_polars_reads_a_connection(con: Connection) -> None:
    frame = pl.read_database(
        f"SELECT model_name, creation_time FROM {MODELS} WHERE region = 'us-east-1'", con
    )
    assert frame["model_name"].len() >= 10
    assert frame.schema["creation_time"] == pl.Datetime("us", "UTC")


def test_polars_reads_nested_columns_as_arrow(con: Connection) -> None:
    query = f"SELECT primary_container, tags, tag_map, vpc_config FROM {MODELS} WHERE region = 'us-east-1'"
    expected = con.sql(query).pl()
    assert pl.read_database(query, con).schema == expected.schema
    batches = pl.read_database(query, con, iter_batches=True, batch_size=3)
    assert pl.concat(batches).height == expected.height


def test_equal_column_names_are_numbered_for_polars(con: Connection) -> None:
    assert con.sql("SELECT 1 AS a, 2 AS a, 3 AS a_1").pl().to_dicts() == [{"a": 1, "a_2": 2, "a_1": 3}]


@pytest.mark.parametrize(
    ("library", "method", "package"), [("pandas", "df", "notebook"), ("polars", "pl", "polars")]
)
def test_a_library_that_is_not_installed_is_named(
    con: Connection, monkeypatch: pytest.MonkeyPatch, library: str, method: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(errors.NotSupportedError, match=f"{library} is not installed. Run: .*{package}"):
        getattr(con.sql("SELECT 1"), method)()


def test_kept_rows_are_fetched_any_number_of_times(con: Connection) -> None:
    result = con.sql("SELECT unnest([1, 2, 3])").keep()
    assert [result.fetchall(), result.fetchall(), list(result)] == [[(1,), (2,), (3,)]] * 3
    assert (result.fetchone(), result.fetchmany(5), result.fetchone()) == ((1,), [(2,), (3,)], None)


@pytest.mark.parametrize("fetch", ["fetchone", "fetchall", "fetchmany", "arrow", "keep", "df", "pl"])
def test_rows_that_cannot_be_read_are_an_error_every_time(con: Connection, fetch: str) -> None:
    late = "SELECT CASE WHEN i < 100000 THEN i ELSE error('late') END FROM range(100001) AS r(i)"
    closed, failed, refused = con.cursor().sql("SELECT 1"), con.cursor().sql(late), con.cursor()
    assert closed._connection.close() is None
    with pytest.raises(errors.ProgrammingError, match="late"):
        failed.fetchall()
    for result, kind in ((closed, errors.InterfaceError), (failed, errors.ProgrammingError)):
        for _ in range(2):
            with pytest.raises(kind):
                getattr(result, fetch)()
    refused.execute("SELECT TIMETZ '10:11:12+02'")
    for _ in range(2):
        with pytest.raises(errors.DataError, match="CAST"):
            refused.fetchall()


def test_pandas_reads_a_connection_and_warns_that_it_does_not_know_it(con: Connection) -> None:
    with pytest.warns(UserWarning, match="SQLAlchemy"):
        frame = pd.read_sql("SELECT ? AS n, now() AS t", con, params=[7])
    assert frame["n"].tolist() == [7]
    assert frame["t"][0].utcoffset() == datetime.timedelta(0)


# Many rows


def test_executemany_writes_live_rows_and_counts_them(con: Connection, cursor: Connection) -> None:
    assert insert_of_models(cursor, ["many-1", "many-2"]).rowcount == 2
    assert cursor.rowcount == 2
    written = con.execute(
        f"SELECT model_name FROM {MODELS} WHERE region = 'us-east-1' AND model_name LIKE 'many-%' ORDER BY ALL"
    )
    assert written.fetchall() == [("many-1",), ("many-2",)]
    delete = f"DELETE FROM {MODELS} WHERE region = $region AND model_name = $name"
    cursor.executemany(delete, [{"region": "us-east-1", "name": f"many-{n}"} for n in (1, 2)])
    assert cursor.rowcount == 2


def test_executemany_says_how_many_runs_stand(con: Connection, cursor: Connection) -> None:
    with pytest.raises(errors.WriteError) as caught:
        insert_of_models(cursor, ["far-1", "far-2", "far-1", "far-3"])
    assert caught.value.__notes__ == ["This was run 3 of executemany; the 2 before it took effect."]
    names = con.execute(
        f"SELECT model_name FROM {MODELS} WHERE region = 'us-east-1' AND model_name LIKE 'far-%' ORDER BY ALL"
    )
    assert names.fetchall() == [("far-1",), ("far-2",)]


def test_executemany_returns_the_rows_of_every_run(cursor: Connection) -> None:
    cursor.execute("CREATE OR REPLACE TABLE numbered (n INTEGER)")
    cursor.executemany("INSERT INTO numbered VALUES (?) RETURNING n, n * 2", [[1], [2], [3]])
    assert cursor.fetchall() == [(1, 2), (2, 4), (3, 6)]
    with pytest.raises(errors.DataError, match="different types"):
        cursor.executemany("SELECT ?", [[1], ["a"]])


def test_executemany_of_no_rows_does_nothing(cursor: Connection) -> None:
    assert insert_of_models(cursor, []).rowcount == 0
    with pytest.raises(errors.ProgrammingError, match="No rows to fetch"):
        cursor.fetchall()


# Transactions


def count(con: Connection, table: str) -> int:
    return int(con.sql(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def test_each_statement_is_committed_automatically(con: Connection, cursor: Connection) -> None:
    cursor.execute("CREATE OR REPLACE TABLE alone (n INTEGER)")
    cursor.execute("INSERT INTO alone VALUES (1)")
    con.rollback()
    assert count(con, "alone") == 1


def test_commit_and_rollback_end_the_transaction_of_a_cursor(con: Connection, cursor: Connection) -> None:
    con.execute("CREATE OR REPLACE TABLE kept (n INTEGER)")
    for end, rows in ((con.rollback, 0), (con.commit, 1), (cursor.commit, 2)):
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO kept VALUES (1)")
        end()
        assert count(con, "kept") == rows
        end()  # there is nothing left to end


def test_a_transaction_that_failed_is_not_said_to_be_committed(con: Connection) -> None:
    con.execute("CREATE OR REPLACE TABLE failed (n INTEGER)")
    con.execute("BEGIN")
    con.execute("INSERT INTO failed VALUES (1)")
    with pytest.raises(errors.Error):
        con.execute("SELECT error('no')").fetchall()
    for commit in (con.commit, lambda: con.execute("COMMIT")):
        with pytest.raises(errors.DatabaseError, match="aborted"):
            commit()
    con.rollback()
    assert count(con, "failed") == 0
    con.commit()


def test_rows_not_fetched_outlast_a_commit_that_ends_nothing(con: Connection, cursor: Connection) -> None:
    cursor.execute("SELECT * FROM range(5000)")
    assert cursor.fetchone() == (0,)
    con.commit()
    con.rollback()
    assert len(cursor.fetchall()) == 4999


# Connections, cursors and threads


def test_a_cursor_knows_its_connection(con: Connection, cursor: Connection) -> None:
    assert cursor.connection is con
    assert sqlprov.connect().connection.connection is not con


def test_closing_a_connection_closes_its_cursors() -> None:
    with sqlprov.connect() as con:
        cursor = con.cursor()
        inner = cursor.cursor()
        inner.execute("SELECT 1")
    for made in (cursor, inner):
        with pytest.raises(errors.InterfaceError, match="closed"):
            made.execute("SELECT 1")
    con.close()


def test_threads_that_share_a_connection_take_a_cursor_each(con: Connection) -> None:
    together = threading.Barrier(4)

    def work(number: int) -> list[tuple[object, ...]]:
        together.wait(10)
        with con.cursor() as cursor:
            cursor.execute("SELECT ? + i FROM range(3000) AS r(i)", [number * 10_000])
            together.wait(10)  # all have begun to read
            return [row for _ in range(3000) for row in cursor.fetchmany()]

    with ThreadPoolExecutor(4) as pool:
        for number, rows in enumerate(pool.map(work, range(4))):
            assert rows == [(number * 10_000 + i,) for i in range(3000)]


def test_a_star_import_leaves_the_warning_of_python_alone() -> None:
    names: dict[str, object] = {}
    exec("from sqlprov import *", names)
    assert "Warning" not in names
    assert names["paramstyle"] == "qmark"


@pytest.mark.parametrize("text", [None, 5, b"SELECT 1", ["SELECT 1"]])
def test_sql_that_is_not_a_str_is_an_error_that_shows_it(con: Connection, text: object) -> None:
    runs: list[Callable[[Any], object]] = [con.sql, con.execute, lambda each: con.executemany(each, [[]])]
    for run in (*runs, lambda each: list(con.run(each))):
        with pytest.raises(errors.InterfaceError) as caught:
            run(text)
        assert str(caught.value) == f"SQL is a str, as in sql('SELECT 1'), not {text!r}."


@pytest.mark.parametrize("region", [5, [5], b"us-east-1", [None]])
def test_a_region_that_is_not_a_str_is_an_error_that_shows_it(region: object) -> None:
    with pytest.raises(errors.InterfaceError) as caught:
        sqlprov.connect(region=region)  # type: ignore[arg-type]
    assert str(caught.value) == f"region is a str or a list of them, such as 'us-east-1', not {region!r}."


@pytest.mark.parametrize(
    "arguments",
    [
        {"database": 5},
        {"local": "yes"},
        {"endpoint_url": 5},
        {"profile": [5]},
        {"read_only": "off"},
        {"sandbox": 5},
        {"settings": "max_calls=5"},
    ],
)
def test_an_argument_of_another_type_is_named_with_its_value(arguments: dict[str, Any]) -> None:
    ((name, value),) = arguments.items()
    with pytest.raises(errors.InterfaceError) as caught:
        sqlprov.connect(**arguments)
    assert str(caught.value).startswith(f"{name} is ")
    assert str(caught.value).endswith(f", not {value!r}.")
    assert count_frames(caught.value) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"database": ""},
        {"endpoint_url": ""},
        {"profile": ""},
        {"profile": ["a", ""]},
        {"region": ""},
        {"region": ["us-east-1", ""]},
        {"sandbox": ""},
    ],
)
def test_an_empty_argument_is_refused_and_not_the_default(arguments: dict[str, Any]) -> None:
    (name,) = arguments
    with pytest.raises(errors.InterfaceError, match=rf"^{name} is empty\. Leave it out for the default"):
        sqlprov.connect(**arguments)


@pytest.mark.parametrize(
    "arguments", [{"services": 5}, {"services": [5]}, {"regions": None}, {"as_": 5}, {"profile": 5}]
)
def test_an_argument_of_attach_of_another_type_is_named(arguments: dict[str, Any]) -> None:
    ((name, _),) = arguments.items()
    with (
        duckdb.connect() as duck,
        pytest.raises(errors.InterfaceError, match=rf"^{name} is .*, not (5|\[5\]|None)\.$"),
    ):
        sqlprov.attach(duck, **{"services": "sagemaker", "regions": "us-east-1", **arguments})


@pytest.mark.parametrize("parameters", [5, "secret", {"secret"}, {1: "secret"}, iter(["secret"]), b"secret"])
def test_parameters_of_another_type_are_an_error_that_hides_them(con: Connection, parameters: Any) -> None:
    with pytest.raises(errors.InterfaceError, match=r"^parameters is a sequence for \?") as caught:
        con.sql("SELECT ?", parameters)
    assert "secret" not in str(caught.value)


def test_executemany_needs_a_statement_and_rows(con: Connection) -> None:
    with pytest.raises(errors.ProgrammingError, match="no statement"):
        con.executemany("", [[1]])
    with pytest.raises(errors.InterfaceError, match=r"^rows is the parameters of each run.*not 5"):
        con.executemany("SELECT ?", 5)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", ["x", -1, 1.5])
def test_fetchmany_needs_a_number_of_rows(con: Connection, size: Any) -> None:
    with pytest.raises(errors.InterfaceError, match=f"^size is a number of rows, not {size!r}"):
        con.sql("SELECT 1").fetchmany(size)


def count_frames(error: BaseException) -> int:
    frames = traceback.extract_tb(error.__traceback__)
    return sum(Path(sqlprov.__file__).parent in Path(frame.filename).parents for frame in frames)


@pytest.mark.parametrize("text", ["SELEC 1", "SELECT 1; SELECT no", "FROM nothing", "SHOW nothing"])
def test_the_traceback_of_a_script_shows_one_frame_of_ours(con: Connection, text: str) -> None:
    for run in (
        con.sql,
        lambda each: list(con.run(each)),
        lambda each: [r.fetchall() for r in con.run(each)],
    ):
        with pytest.raises(errors.ProgrammingError) as caught:
            run(text)  # type: ignore[operator]
        assert count_frames(caught.value) == 1

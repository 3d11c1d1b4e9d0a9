from __future__ import annotations

import subprocess
import sys
import textwrap
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas
import polars
import pyarrow
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import sqlprov
from sqlprov.emulator import Emulator, Fault

EXPERIMENTS = "aws.sagemaker.inference_experiments"
RUNNING = f"SELECT region, name FROM {EXPERIMENTS} WHERE status = 'Running' ORDER BY ALL"
FOUND = [("us-east-1", "fraud-xgboost-17"), ("us-east-1", "search-relevance")]


def lists(em: Emulator) -> list[dict[str, Any]]:
    """The parameters of the lists asked so far; each of the two regions is asked once for each read."""
    return [dict(call.parameters) for call in em.calls if call.operation == "ListInferenceExperiments"]


def assert_narrowed(em: Emulator) -> None:
    assert [sent.get("StatusEquals") for sent in lists(em)] == ["Running", "Running"]


# DuckDB itself, pandas, polars, Arrow


def test_rows_come_as_frames_and_arrow(tables: duckdb.DuckDBPyConnection, em: Emulator) -> None:
    for read in (
        lambda: list(tables.sql(RUNNING).df().itertuples(index=False, name=None)),
        lambda: tables.sql(RUNNING).pl().rows(),
        lambda: polars.read_database(RUNNING, tables).rows(),
        lambda: [tuple(row.values()) for row in tables.sql(RUNNING).to_arrow_table().to_pylist()],
        lambda: tables.execute(RUNNING).fetchall(),
    ):
        em.reset_calls()
        assert read() == FOUND
        assert_narrowed(em)


def test_frames_are_joined_with_live_tables(tables: duckdb.DuckDBPyConnection) -> None:
    watched = pandas.DataFrame({"name": ["fraud-lightgbm"]})
    teams = polars.DataFrame({"name": ["fraud-lightgbm"], "team": ["payments"]})
    found = tables.sql(
        f"SELECT team, status FROM watched JOIN teams USING (name) JOIN {EXPERIMENTS} USING (name)"
    )
    assert found.fetchall() == [("payments", "Completed")]
    assert len(watched) == len(teams) == 1


def test_a_relation_asks_again_each_time_that_it_is_read(
    tables: duckdb.DuckDBPyConnection, em: Emulator
) -> None:
    relation = tables.sql(RUNNING)
    assert not em.calls
    str(relation)
    relation.df()
    assert len(lists(em)) == 4
    kept = tables.sql(f"CREATE OR REPLACE TEMP TABLE kept AS {RUNNING}; FROM kept")
    str(kept)
    assert kept.fetchall() == FOUND
    assert len(lists(em)) == 6


# JupySQL


@pytest.fixture
def jupysql(ipython: InteractiveShell, tables: duckdb.DuckDBPyConnection) -> Iterator[InteractiveShell]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the clients' own
        if "sql" not in ipython.magics_manager.magics["line"]:
            ipython.run_line_magic("load_ext", "sql")
        ipython.user_ns["con"] = tables
        ipython.run_line_magic("sql", "con --alias live")
        yield ipython
        ipython.run_line_magic("sql", "--close live")


def cell(shell: InteractiveShell, source: str) -> Any:
    done = shell.run_cell(source)
    done.raise_error()
    return done.result


def test_jupysql_reads_them(jupysql: InteractiveShell, em: Emulator) -> None:
    found = cell(jupysql, f"%sql {RUNNING}")
    assert [tuple(row) for row in found] == FOUND
    assert_narrowed(em)
    cell(jupysql, f"%%sql\nrunning <<\n{RUNNING}")
    assert isinstance(jupysql.user_ns["running"].DataFrame(), pandas.DataFrame)
    jupysql.user_ns["wanted"] = "fraud-lightgbm"
    found = cell(jupysql, f"%sql SELECT status FROM {EXPERIMENTS} WHERE name = '{{{{wanted}}}}'")
    assert [tuple(row) for row in found] == [("Completed",)]


def test_jupysql_shows_our_text_of_an_error(jupysql: InteractiveShell, em: Emulator) -> None:
    em.inject(Fault("access_denied", times=None))
    with capture_output() as shown:
        done = jupysql.run_cell(f"%sql {RUNNING}")
    assert done.error_in_exec is not None
    assert "AccessDenied: ListInferenceExperiments in " in shown.stdout + str(done.error_in_exec)
    assert "_filtered" not in shown.stdout


def test_exec_is_for_our_magic_beside_jupysql(jupysql: InteractiveShell, em: Emulator) -> None:
    statement = f"EXEC {EXPERIMENTS}.start @Name = 'pricing-elasticity'"
    with capture_output():
        done = jupysql.run_cell(f"%sql {statement}")
    assert "syntax error at or near" in str(done.error_in_exec)
    cell(jupysql, f"%sqlprov --endpoint-url {em.url} --region us-east-1")
    planned = cell(jupysql, f"%sqlprov --dry-run {statement}").arrow()
    assert planned["operation"].to_pylist() == ["StartInferenceExperiment"]


# marimo


def test_the_sql_cells_of_marimo_read_them(em: Emulator, tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text(
        textwrap.dedent(f"""
            import marimo

            app = marimo.App()


            @app.cell
            def _():
                import duckdb
                import marimo as mo
                import sqlprov

                con = duckdb.connect()
                sqlprov.attach(con, regions=["us-east-1", "eu-west-1"], endpoint_url={em.url!r})
                return con, mo


            @app.cell
            def _(con, mo):
                running = mo.sql(f\"\"\"{RUNNING}\"\"\", engine=con)
                return (running,)


            if __name__ == "__main__":
                _, found = app.run()
                print(found["running"].rows())
        """)
    )
    done = subprocess.run([sys.executable, app], capture_output=True, text=True, timeout=100)
    assert done.stdout.splitlines()[-1:] == [str(FOUND)], done.stderr
    assert_narrowed(em)


def test_marimo_shows_a_result_as_its_table(em: Emulator) -> None:
    import marimo

    with sqlprov.connect(endpoint_url=em.url, region="us-east-1") as own:
        result = own.sql(RUNNING)
        assert "<td>fraud-xgboost-17</td>" in marimo.as_html(result).text
        assert result.fetchall() == FOUND


# ibis


@pytest.fixture
def backend(tables: duckdb.DuckDBPyConnection) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the client's own
        import ibis

        yield ibis.duckdb.from_connection(tables)


def test_ibis_reads_a_table_that_is_named(backend: Any, em: Emulator) -> None:
    experiments = backend.table("inference_experiments", database=("aws", "sagemaker"))
    running = experiments.filter(experiments.status == "Running").select("region", "name")
    running = running.order_by(["region", "name"])
    for read in (
        lambda: list(running.to_pandas().itertuples(index=False, name=None)),
        lambda: running.to_polars().rows(),
        lambda: [tuple(row.values()) for row in running.to_pyarrow().to_pylist()],
    ):
        em.reset_calls()
        assert read() == FOUND
        assert_narrowed(em)
    counted = experiments.group_by("region").agg(n=experiments.count()).order_by("region").to_pyarrow()
    assert counted["n"].to_pylist() == [3, 6]


def test_ibis_lists_tables_and_takes_sql_once_it_finds_the_method_that_duckdb_renamed(
    backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = duckdb.DuckDBPyConnection
    # If this is no more so, a newer ibis knows DuckDB 2.0: docs/notebooks.md need not say how to help it.
    assert not hasattr(connection, "fetch_arrow_table")
    monkeypatch.setattr(connection, "fetch_arrow_table", connection.to_arrow_table, raising=False)
    assert backend.list_tables(database=("aws", "sagemaker")) == [
        "endpoint_configs",
        "endpoints",
        "inference_experiments",
        "models",
    ]
    found = backend.sql(RUNNING).to_pyarrow()
    assert isinstance(found, pyarrow.Table)
    assert [tuple(row.values()) for row in found.to_pylist()] == FOUND

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
from sqlprov.emulator import Emulator

EXPERIMENTS = "aws.sagemaker.inference_experiments"
RUNNING = f"SELECT region, name FROM {EXPERIMENTS} WHERE status = 'Running' ORDER BY ALL"
ROWS = [("us-east-1", "fraud-xgboost-17"), ("us-east-1", "search-relevance")]


def list_parameters(em: Emulator) -> list[dict[str, Any]]:
    """The parameters of the list calls so far; each read makes one in each of the two regions."""
    return [dict(call.parameters) for call in em.calls if call.operation == "ListInferenceExperiments"]


def assert_narrowed(em: Emulator) -> None:
    assert [sent.get("StatusEquals") for sent in list_parameters(em)] == ["Running", "Running"]


# DuckDB itself, pandas, polars, Arrow


def test_rows_are_available_as_frames_and_arrow(tables: duckdb.DuckDBPyConnection, em: Emulator) -> None:
    for read in (
        lambda: list(tables.sql(RUNNING).df().itertuples(index=False, name=None)),
        lambda: tables.sql(RUNNING).pl().rows(),
        lambda: polars.read_database(RUNNING, tables).rows(),
        lambda: [tuple(row.values()) for row in tables.sql(RUNNING).to_arrow_table().to_pylist()],
        lambda: tables.execute(RUNNING).fetchall(),
    ):
        em.reset_calls()
        assert read() == ROWS
        assert_narrowed(em)


def test_a_relation_makes_its_calls_each_time_it_is_read(
    tables: duckdb.DuckDBPyConnection, em: Emulator
) -> None:
    relation = tables.sql(RUNNING)
    assert not em.calls
    str(relation)
    relation.df()
    assert len(list_parameters(em)) == 4
    kept = tables.sql(f"CREATE OR REPLACE TEMP TABLE kept AS {RUNNING}; FROM kept")
    str(kept)
    assert kept.fetchall() == ROWS
    assert len(list_parameters(em)) == 6


# JupySQL


@pytest.fixture
def jupysql(ipython: InteractiveShell, tables: duckdb.DuckDBPyConnection) -> Iterator[InteractiveShell]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of the clients
        if "sql" not in ipython.magics_manager.magics["line"]:
            ipython.run_line_magic("load_ext", "sql")
        ipython.user_ns["con"] = tables
        ipython.run_line_magic("sql", "con --alias live")
        yield ipython
        ipython.run_line_magic("sql", "--close live")


def run_cell(shell: InteractiveShell, source: str) -> Any:
    execution = shell.run_cell(source)
    execution.raise_error()
    return execution.result


def test_jupysql_reads_live_tables(jupysql: InteractiveShell, em: Emulator) -> None:
    rows = run_cell(jupysql, f"%sql {RUNNING}")
    assert [tuple(row) for row in rows] == ROWS
    assert_narrowed(em)
    run_cell(jupysql, f"%%sql\nrunning <<\n{RUNNING}")
    assert isinstance(jupysql.user_ns["running"].DataFrame(), pandas.DataFrame)
    jupysql.user_ns["wanted"] = "fraud-lightgbm"
    rows = run_cell(jupysql, f"%sql SELECT status FROM {EXPERIMENTS} WHERE name = '{{{{wanted}}}}'")
    assert [tuple(row) for row in rows] == [("Completed",)]


def test_exec_works_in_our_magic_beside_jupysql(jupysql: InteractiveShell, em: Emulator) -> None:
    statement = f"EXEC {EXPERIMENTS}.start @Name = 'pricing-elasticity'"
    with capture_output():
        done = jupysql.run_cell(f"%sql {statement}")
    assert "syntax error at or near" in str(done.error_in_exec)
    run_cell(jupysql, f"%sqlprov --endpoint-url {em.url} --region us-east-1")
    planned = run_cell(jupysql, f"%sqlprov --dry-run {statement}").arrow()
    assert planned["operation"].to_pylist() == ["StartInferenceExperiment"]


# marimo


def test_marimo_reads_live_tables_in_sql_cells(em: Emulator, tmp_path: Path) -> None:
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
                sqlprov.attach(con, "sagemaker", regions=["us-east-1", "eu-west-1"], endpoint_url={em.url!r})
                return con, mo


            @app.cell
            def _(con, mo):
                running = mo.sql(f\"\"\"{RUNNING}\"\"\", engine=con)
                return (running,)


            if __name__ == "__main__":
                _, variables = app.run()
                print(variables["running"].rows())
        """)
    )
    done = subprocess.run([sys.executable, app], capture_output=True, text=True, timeout=600)
    assert done.stdout.splitlines()[-1:] == [str(ROWS)], done.stderr
    assert_narrowed(em)


def test_marimo_shows_a_result_as_a_table(em: Emulator) -> None:
    import marimo

    with sqlprov.connect(endpoint_url=em.url, region="us-east-1") as own:
        result = own.sql(RUNNING)
        assert "<td>fraud-xgboost-17</td>" in marimo.as_html(result).text
        assert result.fetchall() == ROWS


# ibis


@pytest.fixture
def backend(tables: duckdb.DuckDBPyConnection) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of the client
        import ibis

        yield ibis.duckdb.from_connection(tables)


def test_ibis_reads_a_table_by_name(backend: Any, em: Emulator) -> None:
    experiments = backend.table("inference_experiments", database=("aws", "sagemaker"))
    running = experiments.filter(experiments.status == "Running").select("region", "name")
    running = running.order_by(["region", "name"])
    for read in (
        lambda: list(running.to_pandas().itertuples(index=False, name=None)),
        lambda: running.to_polars().rows(),
        lambda: [tuple(row.values()) for row in running.to_pyarrow().to_pylist()],
    ):
        em.reset_calls()
        assert read() == ROWS
        assert_narrowed(em)
    counts = experiments.group_by("region").agg(n=experiments.count()).order_by("region").to_pyarrow()
    assert counts["n"].to_pylist() == [3, 6]


def test_ibis_lists_tables_and_runs_sql_with_the_workaround(
    backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = duckdb.DuckDBPyConnection
    # Once ibis supports DuckDB 2.0, remove the workaround from docs/notebooks.md.
    assert not hasattr(connection, "fetch_arrow_table")
    monkeypatch.setattr(connection, "fetch_arrow_table", connection.to_arrow_table, raising=False)
    assert backend.list_tables(database=("aws", "sagemaker"), like="^(end|mod)") == ["endpoints", "models"]
    rows = backend.sql(RUNNING).to_pyarrow()
    assert isinstance(rows, pyarrow.Table)
    assert [tuple(row.values()) for row in rows.to_pylist()] == ROWS

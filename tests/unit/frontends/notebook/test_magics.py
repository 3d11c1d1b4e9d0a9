from __future__ import annotations

import _thread
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas
import polars
import pyarrow
import pytest
from emulator_calls import wait_until
from IPython.core.completer import provisionalcompleter
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import sqlprov
from sqlprov.emulator import Emulator, Options
from sqlprov.errors import Error

EXPERIMENTS = "aws.sagemaker.inference_experiments"


@pytest.fixture
def shell(ipython: InteractiveShell, em: Emulator) -> Iterator[InteractiveShell]:
    """A shell with its magics connected to the emulator."""
    ipython.reset(new_session=False)
    ipython.run_line_magic("sqlprov", f"--endpoint-url {em.url} --region us-east-1")
    yield ipython
    em.options = Options()


def run(shell: InteractiveShell, source: str) -> Any:
    """The value of a cell's last expression."""
    execution = shell.run_cell(source)
    execution.raise_error()
    return execution.result


# Results


def test_a_result_can_be_read_repeatedly(shell: InteractiveShell) -> None:
    result = run(shell, f"%sqlprov SELECT name, status FROM {EXPERIMENTS} ORDER BY name")
    assert isinstance(result, sqlprov.Result)
    run(shell, "%sqlprov SELECT 1")
    assert len(result.df()) == len(result.df()) == 6
    assert "churn-transformer" in result._repr_html_()


@pytest.mark.parametrize(
    ("option", "kind"), [("--df", pandas.DataFrame), ("--pl", polars.DataFrame), ("--arrow", pyarrow.Table)]
)
def test_an_option_chooses_the_type_of_the_rows(shell: InteractiveShell, option: str, kind: type) -> None:
    result = run(shell, f"%%sqlprov {option}\nSELECT name\nFROM {EXPERIMENTS} -- all of them\nORDER BY name")
    assert isinstance(result, kind)
    assert len(result) == 6


def test_a_result_can_be_stored_in_a_variable(shell: InteractiveShell) -> None:
    assert run(shell, f"%sqlprov tests << SELECT name FROM {EXPERIMENTS}") is None
    assert len(shell.user_ns["tests"].df()) == 6
    assert run(shell, f"%%sqlprov --df frame <<\nSELECT name FROM {EXPERIMENTS}") is None
    assert len(shell.user_ns["frame"]) == 6
    run(shell, f"assigned = %sqlprov --df SELECT name FROM {EXPERIMENTS}")
    assert len(shell.user_ns["assigned"]) == 6


def test_a_result_is_shown_as_text_without_html(shell: InteractiveShell) -> None:
    with capture_output() as output:
        run(shell, f"%sqlprov SELECT name, schedule FROM {EXPERIMENTS} WHERE name = 'churn-transformer'")
        run(shell, "%sqlprov SELECT * FROM range(60)")
    assert (
        "name               schedule\n-----------------  --------\nchurn-transformer  NULL\n" in output.stdout
    )
    assert re.search(r"1 row, 1 call, [\d.]+ s\b", output.stdout)
    assert "The first 50 rows are shown." in output.stdout


def test_every_result_of_a_cell_is_shown_and_the_last_is_its_value(shell: InteractiveShell) -> None:
    with capture_output() as output:
        last = run(shell, "%%sqlprov\nSELECT 'first' AS a; SET sqlprov_concurrency = 4; SELECT 'last' AS b")
    shown = [str(each.data) for each in output.outputs]  # also the progress, on a slow machine
    assert any("first" in each for each in shown) and last.fetchall() == [("last",)]


def test_a_statement_without_rows_shows_nothing(shell: InteractiveShell) -> None:
    with capture_output() as output:
        assert run(shell, "%sqlprov CREATE OR REPLACE TABLE kept AS SELECT 1 AS n") is not None
        assert run(shell, "%sqlprov SET sqlprov_concurrency = 8") is None
    assert "1 row changed" in output.stdout


# Statements


def test_our_own_statements_run(shell: InteractiveShell) -> None:
    methods = run(shell, f"%sqlprov SHOW METHODS IN {EXPERIMENTS}")
    assert "start" in {row[0] for row in methods}
    planned = run(shell, f"%sqlprov EXPLAIN SELECT name FROM {EXPERIMENTS}").planned
    assert planned[0].operation == "ListInferenceExperiments"
    planned_writes = run(
        shell, f"%%sqlprov --dry-run\nDELETE FROM {EXPERIMENTS} WHERE name = 'fraud-lightgbm'"
    )
    assert "DeleteInferenceExperiment" in planned_writes.arrow()["operation"].to_pylist()
    started = run(shell, f"%sqlprov EXEC {EXPERIMENTS}.start @Name = 'pricing-elasticity'")
    assert [outcome.key for outcome in started.outcomes] == ["pricing-elasticity"]


def test_parameters_are_python_variables_and_are_bound(shell: InteractiveShell) -> None:
    shell.user_ns["wanted"] = "x' OR name = 'fraud-lightgbm"
    assert run(shell, f"%sqlprov SELECT name FROM {EXPERIMENTS} WHERE name = $wanted").fetchall() == []
    shell.user_ns["wanted"] = "fraud-lightgbm"
    for source in ("%sqlprov ", "%%sqlprov\n"):
        result = run(shell, f"{source}SELECT name, '{{wanted}}' FROM {EXPERIMENTS} WHERE name = $wanted")
        assert result.fetchall() == [("fraud-lightgbm", "{wanted}")]
    with pytest.raises(UsageError, match=r"no variable wnated for \$wnated"):
        run(shell, f"%sqlprov SELECT name FROM {EXPERIMENTS} WHERE name = $wnated")


def test_a_dataframe_can_be_read_by_name(shell: InteractiveShell) -> None:
    run(shell, "import pandas; watched = pandas.DataFrame({'name': ['fraud-lightgbm', 'none']})")
    result = run(shell, f"%sqlprov SELECT status FROM watched JOIN {EXPERIMENTS} USING (name)")
    assert result.fetchall() == [("Completed",)]


# Options


def test_the_users_own_connection_can_be_used(shell: InteractiveShell, em: Emulator) -> None:
    with sqlprov.connect(endpoint_url=em.url, region="eu-west-1") as own:
        shell.user_ns["mine"] = own
        assert len(run(shell, f"%sqlprov --connection mine SELECT name FROM {EXPERIMENTS}").df()) == 3
        assert len(run(shell, f"%sqlprov SELECT name FROM {EXPERIMENTS}").df()) == 3
        run(shell, f"%sqlprov --endpoint-url {em.url} --region us-east-1")
        assert own.sql("SELECT 1").fetchall() == [(1,)]
    shell.user_ns["other"] = duckdb.connect()
    with pytest.raises(UsageError, match=r"connection of sqlprov.connect\(\)"):
        run(shell, "%sqlprov --connection other SELECT 1")
    shell.user_ns.pop("other").close()


def test_a_region_and_a_connection_stay_in_force(shell: InteractiveShell, em: Emulator) -> None:
    run(shell, "%sqlprov CREATE TEMP TABLE kept AS SELECT 42 AS answer")
    query = f"SELECT region, count(*) FROM {EXPERIMENTS} GROUP BY ALL ORDER BY ALL"
    result = run(shell, f"%sqlprov --region us-west-2 --region=eu-west-1 {query}")
    assert (
        result.fetchall()
        == run(shell, f"%sqlprov {query}").fetchall()
        == [("eu-west-1", 3), ("us-west-2", 3)]
    )
    run(shell, f"%sqlprov --endpoint-url {em.url}")
    assert run(shell, "%sqlprov SELECT answer FROM kept").fetchall() == [(42,)]


@pytest.fixture
def restarted(shell: InteractiveShell, em: Emulator) -> Iterator[InteractiveShell]:
    """A shell with the magics of a new kernel, which a test may make read-only."""
    shell.run_line_magic("reload_ext", "sqlprov")
    shell.run_line_magic("sqlprov", f"--endpoint-url {em.url} --region us-east-1")
    yield shell
    shell.run_line_magic("reload_ext", "sqlprov")


def test_a_session_stays_read_only_and_a_sandbox_with_another_account(
    restarted: InteractiveShell, em: Emulator, tmp_path: Path
) -> None:
    run(restarted, "%sqlprov CREATE TABLE kept AS SELECT 42 AS answer")
    run(restarted, "%sqlprov --read-only")
    assert run(restarted, "%sqlprov SELECT answer FROM kept").fetchall() == [(42,)]
    (tmp_path / "rows.csv").write_text("a\n1\n")
    read = f"%sqlprov SELECT a FROM '{tmp_path / 'rows.csv'}'"
    run(restarted, f"%sqlprov --allow-file {tmp_path}")
    assert run(restarted, read).fetchall() == [(1,)]
    run(restarted, "%sqlprov --sandbox")
    for account in ("", "--local", f"--endpoint-url {em.url}"):
        assert run(restarted, f"%sqlprov {account} SELECT count(*) FROM {EXPERIMENTS}").fetchall() == [(6,)]
        with pytest.raises(Error, match="A sandbox has no files"):
            run(restarted, read)
        for write in (
            f"DELETE FROM {EXPERIMENTS} WHERE name = 'fraud-lightgbm'",
            "COPY (SELECT 1) TO 'x.csv'",
        ):
            with pytest.raises(Error, match="read-only"):
                run(restarted, f"%sqlprov {write}")
    with pytest.raises(UsageError, match="--connection takes no option"):
        run(restarted, "%sqlprov --connection mine --sandbox SELECT 1")


def test_the_local_sagemaker_is_an_option(shell: InteractiveShell, em: Emulator) -> None:
    result = run(shell, f"%sqlprov --local --region us-east-1 SELECT count(*) FROM {EXPERIMENTS}")
    assert result.fetchall() == [(6,)]
    assert not [call for call in em.calls if call.operation.startswith("List")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--regoin us-east-1 SELECT 1", "Unknown option --regoin. Did you mean '--region'"),
        ("--region", "--region needs a value"),
        ("--df --pl SELECT 1", "only one of --df, --pl and --arrow"),
        ("--local --endpoint-url http://x SELECT 1", "takes neither"),
        (f"SELECT * FROM {EXPERIMENTS}x", "inference_experimentsx"),
        (f"SELECT * FROM {EXPERIMENTS} WHERE nmae = 'x'", "nmae"),
    ],
)
def test_an_error_shows_its_message_without_a_traceback(
    shell: InteractiveShell, line: str, message: str
) -> None:
    with capture_output() as output:
        execution = shell.run_cell(f"%sqlprov {line}")
    assert isinstance(execution.error_in_exec, sqlprov.Error)
    assert re.search(message, output.stdout + output.stderr)
    assert "Traceback" not in output.stdout + output.stderr


@pytest.mark.parametrize("statement", ["SELECT nmae", "FROM sqlprov.tables WHERE table = 1; SELECT 1"])
def test_an_error_of_a_connection_shows_the_line_of_the_cell_and_one_of_ours(
    shell: InteractiveShell, em: Emulator, statement: str
) -> None:
    with sqlprov.connect(endpoint_url=em.url, region="us-east-1") as own, capture_output() as output:
        shell.user_ns["mine"] = own
        shell.run_cell(f"rows = mine.sql({statement!r}).fetchall()")
    shown = re.sub(r"\x1b\[[\d;]*m", "", output.stdout + output.stderr)
    assert "1 rows = mine.sql(" in shown
    assert re.findall(r"File .*/(\w+\.py):", shown) == ["tracebacks.py"]


# Completion


def completions(shell: InteractiveShell, cell: str) -> list[str]:
    """The text up to the end of each completion at `|`."""
    text, at = cell.replace("|", ""), cell.index("|")
    with provisionalcompleter():
        return [text[: each.start] + each.text for each in shell.Completer.completions(text, at)]


@pytest.mark.parametrize(
    ("cell", "offered"),
    [
        ("%%sqlprov\nSELECT *\nFROM aws.sagemaker.mo|", "%%sqlprov\nSELECT *\nFROM aws.sagemaker.models"),
        ("%sqlprov SELECT * FROM aws.|", "%sqlprov SELECT * FROM aws.sagemaker"),
        ("x = %sqlprov SELECT * FROM aws.sag|", "x = %sqlprov SELECT * FROM aws.sagemaker"),
        ("n = 3\n%sqlprov --df x << SET sqlprov_pu|", "n = 3\n%sqlprov --df x << SET sqlprov_pushdown"),
        (
            "%%sqlprov --df\nSELECT name\nFROM aws.sagemaker.inference_experiments\nWHERE stat|",
            "%%sqlprov --df\nSELECT name\nFROM aws.sagemaker.inference_experiments\nWHERE status",
        ),
        (
            "%sqlprov SELECT 1 FROM aws.sagemaker.inference_experiments WHERE status = 'Run|",
            "%sqlprov SELECT 1 FROM aws.sagemaker.inference_experiments WHERE status = 'Running'",
        ),
        ("%%sqlprov --lo|\nSELECT 1", "%%sqlprov --local"),
        ("%sqlprov --region us-east-1 --arr|", "%sqlprov --region us-east-1 --arrow"),
    ],
)
def test_completion_offers_sql_and_options(shell: InteractiveShell, cell: str, offered: str) -> None:
    assert offered in completions(shell, cell)


def test_python_is_still_completed(shell: InteractiveShell) -> None:
    shell.user_ns["inference_of_mine"] = 1
    assert "inference_of_mine" in completions(shell, "inference_of|")


# Progress and interrupts


def test_a_slow_statement_shows_its_progress(shell: InteractiveShell, em: Emulator) -> None:
    em.options = Options(latency=0.9)
    with capture_output() as output:
        sys.stderr.isatty = lambda: True  # type: ignore[method-assign]
        run(shell, f"%sqlprov SELECT name FROM {EXPERIMENTS}")
    assert re.search(r"\r\x1b\[K\d+ rows?, .*\d\.\d s", output.stderr)
    assert output.stderr.endswith("\r\x1b[K")


def test_an_interrupt_ends_the_statement_and_its_calls(shell: InteractiveShell, em: Emulator) -> None:
    em.options = Options(latency=30)

    def interrupt() -> None:
        wait_until(lambda: em.calls, 60)
        _thread.interrupt_main()

    threading.Thread(target=interrupt).start()
    start = time.monotonic()
    with pytest.raises(sqlprov.Error, match="cancelled"):
        run(shell, f"%sqlprov SELECT name FROM {EXPERIMENTS}")
    assert time.monotonic() - start < 25
    em.options = Options()
    assert len(run(shell, f"%sqlprov SELECT name FROM {EXPERIMENTS}").df()) == 6

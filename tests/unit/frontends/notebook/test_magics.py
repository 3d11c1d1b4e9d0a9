from __future__ import annotations

import _thread
import re
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import duckdb
import pandas
import polars
import pyarrow
import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import sqlprov
from sqlprov.emulator import Emulator, Options

EXPERIMENTS = "aws.sagemaker.inference_experiments"


@pytest.fixture
def shell(ipython: InteractiveShell, em: Emulator) -> Iterator[InteractiveShell]:
    """A shell whose magics are connected to the SageMaker."""
    ipython.reset(new_session=False)
    ipython.run_line_magic("sqlprov", f"--endpoint-url {em.url} --region us-east-1")
    yield ipython
    em.options = Options()


def run(shell: InteractiveShell, source: str) -> Any:
    """What a cell's last expression is."""
    done = shell.run_cell(source)
    done.raise_error()
    return done.result


# Results


def test_a_line_gives_a_result_that_can_be_read_again_and_again(shell: InteractiveShell) -> None:
    result = run(shell, f"%sqlprov SELECT name, status FROM {EXPERIMENTS} ORDER BY name")
    assert isinstance(result, sqlprov.Result)
    run(shell, "%sqlprov SELECT 1")
    assert len(result.df()) == len(result.df()) == 6
    assert "churn-transformer" in result._repr_html_()


@pytest.mark.parametrize(
    ("option", "kind"),
    [("--df", pandas.DataFrame), ("--pl", polars.DataFrame), ("--arrow", pyarrow.Table)],
)
def test_the_rows_come_as_what_is_asked_for(shell: InteractiveShell, option: str, kind: type) -> None:
    found = run(shell, f"%%sqlprov {option}\nSELECT name\nFROM {EXPERIMENTS} -- all of them\nORDER BY name")
    assert isinstance(found, kind)
    assert len(found) == 6


def test_a_result_can_be_given_a_name(shell: InteractiveShell) -> None:
    assert run(shell, f"%sqlprov tests << SELECT name FROM {EXPERIMENTS}") is None
    assert len(shell.user_ns["tests"].df()) == 6
    assert run(shell, f"%%sqlprov --df frame <<\nSELECT name FROM {EXPERIMENTS}") is None
    assert len(shell.user_ns["frame"]) == 6
    run(shell, f"assigned = %sqlprov --df SELECT name FROM {EXPERIMENTS}")
    assert len(shell.user_ns["assigned"]) == 6


def test_it_is_shown_as_text_where_there_is_no_html(shell: InteractiveShell) -> None:
    with capture_output() as shown:
        run(shell, f"%sqlprov SELECT name, schedule FROM {EXPERIMENTS} WHERE name = 'churn-transformer'")
        run(shell, "%sqlprov SELECT * FROM range(60)")
    assert (
        "name               schedule\n-----------------  --------\nchurn-transformer  NULL\n" in shown.stdout
    )
    assert re.search(r"1 row, 1 call, [\d.]+ s\b", shown.stdout)
    assert "The first 50 rows are shown." in shown.stdout


def test_every_result_of_a_cell_is_shown_and_the_last_is_its_value(shell: InteractiveShell) -> None:
    with capture_output() as shown:
        last = run(shell, "%%sqlprov\nSELECT 'first' AS a; SET sqlprov_concurrency = 4; SELECT 'last' AS b")
    assert "first" in str(shown.outputs[0].data) and last.fetchall() == [("last",)]


def test_a_statement_without_rows_shows_nothing(shell: InteractiveShell) -> None:
    with capture_output() as shown:
        assert run(shell, "%sqlprov CREATE OR REPLACE TABLE kept AS SELECT 1 AS n") is not None
        assert run(shell, "%sqlprov SET sqlprov_concurrency = 8") is None
    assert "1 row changed" in shown.stdout


# Statements


def test_every_statement_of_ours_runs(shell: InteractiveShell) -> None:
    methods = run(shell, f"%sqlprov SHOW METHODS IN {EXPERIMENTS}")
    assert "start" in {row[0] for row in methods}
    planned = run(shell, f"%sqlprov EXPLAIN SELECT name FROM {EXPERIMENTS}").planned
    assert planned[0].operation == "ListInferenceExperiments"
    rehearsed = run(shell, f"%%sqlprov --dry-run\nDELETE FROM {EXPERIMENTS} WHERE name = 'fraud-lightgbm'")
    assert "DeleteInferenceExperiment" in rehearsed.arrow()["operation"].to_pylist()
    started = run(shell, f"%sqlprov EXEC {EXPERIMENTS}.start @Name = 'pricing-elasticity'")
    assert [outcome.key for outcome in started.outcomes] == ["pricing-elasticity"]


def test_parameters_are_python_variables_and_never_pasted(shell: InteractiveShell) -> None:
    shell.user_ns["wanted"] = "x' OR name = 'fraud-lightgbm"
    assert run(shell, f"%sqlprov SELECT name FROM {EXPERIMENTS} WHERE name = $wanted").fetchall() == []
    shell.user_ns["wanted"] = "fraud-lightgbm"
    for source in ("%sqlprov ", "%%sqlprov\n"):
        found = run(shell, f"{source}SELECT name, '{{wanted}}' FROM {EXPERIMENTS} WHERE name = $wanted")
        assert found.fetchall() == [("fraud-lightgbm", "{wanted}")]
    with pytest.raises(UsageError, match=r"no variable wnated for \$wnated"):
        run(shell, f"%sqlprov SELECT name FROM {EXPERIMENTS} WHERE name = $wnated")


def test_frames_of_the_notebook_are_read_by_name(shell: InteractiveShell) -> None:
    run(shell, "import pandas; watched = pandas.DataFrame({'name': ['fraud-lightgbm', 'none']})")
    found = run(shell, f"%sqlprov SELECT status FROM watched JOIN {EXPERIMENTS} USING (name)")
    assert found.fetchall() == [("Completed",)]


# Options


def test_a_connection_of_the_notebook_can_be_used(shell: InteractiveShell, em: Emulator) -> None:
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


def test_a_region_stays_in_force_and_a_connection_is_kept(shell: InteractiveShell, em: Emulator) -> None:
    run(shell, "%sqlprov CREATE TEMP TABLE kept AS SELECT 42 AS answer")
    counted = f"SELECT region, count(*) FROM {EXPERIMENTS} GROUP BY ALL ORDER BY ALL"
    found = run(shell, f"%sqlprov --region us-west-2 --region=eu-west-1 {counted}")
    assert (
        found.fetchall()
        == run(shell, f"%sqlprov {counted}").fetchall()
        == [("eu-west-1", 3), ("us-west-2", 3)]
    )
    run(shell, f"%sqlprov --endpoint-url {em.url}")
    assert run(shell, "%sqlprov SELECT answer FROM kept").fetchall() == [(42,)]


def test_the_local_sagemaker_is_an_option(shell: InteractiveShell, em: Emulator) -> None:
    found = run(shell, f"%sqlprov --local --region us-east-1 SELECT count(*) FROM {EXPERIMENTS}")
    assert found.fetchall() == [(6,)]
    assert not [call for call in em.calls if call.operation.startswith("List")]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--regoin us-east-1 SELECT 1", "Unknown option --regoin. Did you mean '--region'"),
        ("--region", "--region needs a value"),
        ("--df --pl SELECT 1", "only one of --df, --pl and --arrow"),
        ("--local --endpoint-url http://x SELECT 1", "takes neither"),
        (f"SELECT * FROM {EXPERIMENTS}x", "inference_experimentsx"),
        (f"SELECT * FROM {EXPERIMENTS} WHERE region = 'us-esat-1'", "Unknown region 'us-esat-1'"),
    ],
)
def test_an_error_is_its_text_and_no_traceback(shell: InteractiveShell, line: str, said: str) -> None:
    with capture_output() as shown:
        done = shell.run_cell(f"%sqlprov {line}")
    assert isinstance(done.error_in_exec, sqlprov.Error)
    assert re.search(said, shown.stdout + shown.stderr)
    assert "Traceback" not in shown.stdout + shown.stderr


# Completion


def completions(shell: InteractiveShell, cell: str) -> list[str]:
    """What is offered at `|`, as the whole text up to the end of each."""
    text, at = cell.replace("|", ""), cell.index("|")
    with provisionalcompleter():
        return [text[: each.start] + each.text for each in shell.Completer.completions(text, at)]


@pytest.mark.parametrize(
    ("cell", "offered"),
    [
        (
            "%%sqlprov\nSELECT *\nFROM aws.sagemaker.mo|",
            "%%sqlprov\nSELECT *\nFROM aws.sagemaker.models",
        ),
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
def test_what_may_stand_at_the_cursor_is_offered(shell: InteractiveShell, cell: str, offered: str) -> None:
    assert offered in completions(shell, cell)


def test_python_is_completed_as_before(shell: InteractiveShell) -> None:
    shell.user_ns["inference_of_mine"] = 1
    assert "inference_of_mine" in completions(shell, "inference_of|")


# Progress and interruption


def test_a_slow_statement_shows_how_far_it_is(shell: InteractiveShell, em: Emulator) -> None:
    em.options = Options(latency=0.9)
    with capture_output() as shown:
        sys.stderr.isatty = lambda: True  # type: ignore[method-assign]
        run(shell, f"%sqlprov SELECT name FROM {EXPERIMENTS}")
    assert re.search(r"\r\x1b\[K\d+ rows?, .*\d\.\d s", shown.stderr)
    assert shown.stderr.endswith("\r\x1b[K")


def test_an_interruption_ends_the_statement_and_its_calls(shell: InteractiveShell, em: Emulator) -> None:
    em.options = Options(latency=30)
    threading.Timer(0.7, _thread.interrupt_main).start()
    began = time.monotonic()
    with pytest.raises(sqlprov.Error, match="cancelled"):
        run(shell, f"%sqlprov SELECT name FROM {EXPERIMENTS}")
    assert time.monotonic() - began < 10
    em.options = Options()
    assert len(run(shell, f"%sqlprov SELECT name FROM {EXPERIMENTS}").df()) == 6

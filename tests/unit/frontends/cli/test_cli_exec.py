"""`sqlprov exec` as a person or a script runs it, on the local SageMaker and on a server given by its URL."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
from pathlib import Path

import forked
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import COMMAND, CommandLine

from sqlprov.emulator import Emulator

NAMES = "SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1' ORDER BY name"


def test_a_newcomers_first_query_prints_a_table(shell: CommandLine) -> None:
    sql = "SELECT name, status FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1'"
    ended = shell.run("exec", "--local", sql)
    assert (ended.code, ended.err) == (0, "")
    head, rule, *rows = ended.out.splitlines()
    assert head.split() == ["name", "status"]
    assert set(rule) == {"-", " "}
    assert "fraud-xgboost-17 Running" in [" ".join(row.split()) for row in rows]


def test_every_text_format_has_the_same_rows(shell: CommandLine) -> None:
    names = [row["name"] for row in json.loads(shell.run("exec", "--local", "-o", "json", NAMES).out)]
    assert len(names) > 3
    lines = shell.run("exec", "--local", "-o", "jsonl", NAMES).out.splitlines()
    assert [json.loads(line)["name"] for line in lines] == names
    assert shell.run("exec", "--local", "-o", "csv", NAMES).out.splitlines() == ["name", *names]
    table = shell.run("exec", "--local", NAMES).out.splitlines()
    assert [line.strip() for line in table[2:]] == names
    markdown = shell.run("exec", "--local", "-o", "markdown", NAMES).out.splitlines()
    assert [line.strip("| ") for line in markdown[2:]] == names


def test_binary_formats_go_to_a_pipe_and_to_a_file(shell: CommandLine, tmp_path: Path) -> None:
    sql = "SELECT i, 'x' AS t FROM range(3) AS r(i)"
    words = forked.command("-m", "sqlprov", "exec", "-o", "arrow", sql)
    done = subprocess.run(words, env=shell.env, capture_output=True, check=True)
    rows = [{"i": 0, "t": "x"}, {"i": 1, "t": "x"}, {"i": 2, "t": "x"}]
    assert pa.ipc.open_stream(done.stdout).read_all().to_pylist() == rows
    words = forked.command("-m", "sqlprov", "exec", "-o", "parquet", sql)
    done = subprocess.run(words, env=shell.env, capture_output=True, check=True)
    assert pq.read_table(io.BytesIO(done.stdout)).to_pylist() == rows
    file = tmp_path / "rows.parquet"
    assert shell.run("exec", "-o", "parquet", "--out", str(file), sql).out == ""
    assert pq.read_table(file).to_pylist() == rows


def test_statements_run_in_order_and_those_without_rows_print_nothing(shell: CommandLine) -> None:
    writes = "CREATE TABLE t AS SELECT 1 AS a; INSERT INTO t VALUES (2)"
    script = f"{writes}; SET sqlprov_concurrency = 4; FROM t; DROP TABLE t"
    ended = shell.run("exec", "-o", "csv", script)
    assert (ended.code, ended.out, ended.err) == (0, "a\n1\n2\n", "")


@pytest.mark.parametrize(
    ("format", "printed"),
    [
        ("csv", "a\n1\n\nb\n2\n"),
        ("table", "a\n-\n1\n\nb\n-\n2\n"),
        ("jsonl", '{"a":1}\n{"b":2}\n'),
        ("json", '[\n{"a":1}\n]\n[\n{"b":2}\n]\n'),
    ],
)
def test_several_results_follow_each_other(shell: CommandLine, format: str, printed: str) -> None:
    assert shell.run("exec", "-o", format, "SELECT 1 AS a; SELECT 2 AS b").out == printed


def test_a_row_with_times_is_deleted_without_numpy_and_pandas(shell: CommandLine) -> None:
    where = "name = 'fraud-lightgbm' AND region = 'us-east-1'"
    ended = shell.run("exec", "--local", f"DELETE FROM aws.sagemaker.inference_experiments WHERE {where}")
    assert ended.code == 0, ended.err


def test_sql_comes_from_a_file_or_from_standard_input(shell: CommandLine, tmp_path: Path) -> None:
    script = tmp_path / "script.sql"
    script.write_text("-- é\nSELECT 'é' AS a;\n", encoding="utf-8-sig")
    assert shell.run("exec", "-o", "csv", "-f", str(script)).out == "a\né\n"
    assert shell.run("exec", "-o", "csv", "-f", "-", stdin="SELECT 1 AS a").out == "a\n1\n"


def test_parameters_are_bound_and_never_pasted(shell: CommandLine) -> None:
    evil = "x'; DROP TABLE t; --"
    words = ("exec", "-o", "jsonl", "--param", f"a={evil}", "--param", "b=k=v")
    ended = shell.run(*words, "SELECT $a AS a; SELECT $b AS b")
    assert [json.loads(line) for line in ended.out.splitlines()] == [{"a": evil}, {"b": "k=v"}]


def test_settings_regions_and_endpoint_reach_the_connection(cloud: CommandLine, emulator: Emulator) -> None:
    sql = "SELECT region, count(*) AS n FROM aws.sagemaker.inference_experiments GROUP BY region ORDER BY region"
    cloud.env.pop("AWS_ENDPOINT_URL")
    words = ("exec", "-o", "csv", "--endpoint-url", emulator.url)
    assert cloud.run(*words, sql).out == "region,n\nus-east-1,250\n"
    assert cloud.run(*words, "--region", "eu-west-1", sql).out == "region,n\neu-west-1,3\n"
    both = "region,n\neu-west-1,3\nus-east-1,250\n"
    assert cloud.run(*words, "--region", "eu-west-1", "--region", "us-east-1", sql).out == both
    assert cloud.run(*words, "--set", "regions=eu-west-1,us-east-1", sql).out == both


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_the_environment_alone_is_enough_to_find_the_server(cloud: CommandLine, variable: str) -> None:
    region = cloud.env.pop("AWS_DEFAULT_REGION")
    cloud.env[variable] = region
    ended = cloud.run("exec", "-o", "csv", "SELECT count(*) AS n FROM aws.sagemaker.inference_experiments")
    assert (ended.code, ended.out) == (0, "n\n250\n")


def test_verbose_shows_each_call_on_stderr_and_no_secret(cloud: CommandLine) -> None:
    secrets = {
        "AWS_ACCESS_KEY_ID": "AKIASEEN",
        "AWS_SECRET_ACCESS_KEY": "keptsecret",
        "AWS_SESSION_TOKEN": "kepttoken",
    }
    cloud.env.update(secrets)
    ended = cloud.run(
        "exec", "-v", "-o", "csv", "SELECT count(*) AS n FROM aws.sagemaker.inference_experiments"
    )
    assert ended.out == "n\n250\n"
    calls = ended.err.splitlines()
    assert len(calls) == 3
    assert all("ListInferenceExperiments" in call and "us-east-1" in call for call in calls)
    assert not any(secret in ended.err for secret in secrets.values())


def test_a_warning_goes_to_stderr_beside_the_rows(shell: CommandLine) -> None:
    query = "SELECT name FROM aws.sagemaker.inference_experiments WHERE region LIKE 'us-esat%'"
    ended = shell.run("exec", "--local", "-o", "csv", query)
    assert (ended.code, ended.out) == (0, "name\n")
    assert ended.err == (
        "Warning: No region of the account meets the condition on region of aws.sagemaker.inference_experiments.\n"
    )


def test_an_out_file_replaces_the_old_one_when_all_is_done(shell: CommandLine, tmp_path: Path) -> None:
    file, link = tmp_path / "rows.csv", tmp_path / "link.csv"
    file.write_text("old")
    link.symlink_to(file)
    ended = shell.run("exec", "-o", "csv", "--out", str(link), "SELECT 1 AS a")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert file.read_text() == "a\n1\n"
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["link.csv", "rows.csv"]


@pytest.mark.parametrize(
    ("name", "options", "start"),
    [
        ("a.csv", (), b"a\n1\n"),
        ("a.JSON", (), b'[\n{"a":1}'),
        ("a.jsonl", (), b'{"a":1}'),
        ("a.md", (), b"| a "),
        ("a.txt", (), b"a\n-\n1"),
        ("a", (), b"a\n-\n1"),
        ("a.parquet", (), b"PAR1"),
        ("a.arrow", (), b"\xff\xff\xff\xff"),
        ("a.dat", ("-o", "csv"), b"a\n1\n"),
    ],
)
def test_the_ending_of_the_out_file_decides_its_format(
    shell: CommandLine, tmp_path: Path, name: str, options: tuple[str, ...], start: bytes
) -> None:
    assert shell.run("exec", *options, "--out", str(tmp_path / name), "SELECT 1 AS a").code == 0
    assert (tmp_path / name).read_bytes().startswith(start)


def test_a_database_file_keeps_tables_between_commands(shell: CommandLine, tmp_path: Path) -> None:
    file = str(tmp_path / "own.duckdb")
    assert shell.run("exec", "--database", file, "CREATE TABLE t AS SELECT 7 AS n").code == 0
    assert shell.run("exec", "--database", file, "-o", "csv", "FROM t").out == "n\n7\n"


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("FROM range(2)", 3),
        ("FROM range(0)", 0),
        ("SELECT 1; SELECT 2 WHERE false", 3),
        ("SELECT nothing", 4),
    ],
)
def test_a_check_that_finds_rows_can_exit_with_3(shell: CommandLine, sql: str, code: int) -> None:
    assert shell.run("exec", "--exit-code", sql).code == code


def test_out_may_be_a_device(shell: CommandLine) -> None:
    assert shell.run("exec", "-o", "csv", "--out", "/dev/stdout", "SELECT 1 AS a").out == "a\n1\n"


def on_a_terminal(shell: CommandLine, *words: str) -> tuple[int, str]:
    """Exit code and what a terminal of 60 columns shows."""
    own, theirs = pty.openpty()
    env = shell.env | {"COLUMNS": "60", "TERM": "xterm"}
    process = subprocess.Popen([*COMMAND, *words], env=env, stdout=theirs, stderr=theirs, stdin=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(own, 65536)
        except OSError:  # Linux's way to say that the other side is closed
            break
        if not part:
            break
        shown += part
    os.close(own)
    return process.wait(timeout=600), shown.decode().replace("\r\n", "\n")


def test_a_terminal_gets_folded_values(shell: CommandLine) -> None:
    code, shown = on_a_terminal(shell, "exec", "SELECT repeat('x', 100) AS a, 1 AS b")
    assert code == 0
    assert shown.count("x") == 100
    assert max(map(len, shown.splitlines()[1:])) <= 60


def test_a_terminal_gets_no_binary_format(shell: CommandLine) -> None:
    code, shown = on_a_terminal(shell, "exec", "-o", "parquet", "SELECT 1 AS a")
    assert code == 2
    assert "add --out FILE" in shown

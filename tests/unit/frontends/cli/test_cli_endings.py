"""How `sqlprov exec` ends when something is wrong: exit codes, stderr, and a stdout that claims nothing."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import forked
import pytest
from command_line import COMMAND, CommandLine

from sqlprov.emulator import Emulator, Fault
from sqlprov.output import FORMATS

LIST = "SELECT name FROM aws.sagemaker.inference_experiments"
DESCRIBE = "SELECT name, endpoint_name FROM aws.sagemaker.inference_experiments"


def fail(emulator: Emulator, kind: str, at: int) -> None:
    emulator.inject(Fault(kind, at=at, times=None))


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", "SELEC"),
        ("SELECT nonsense", "nonsense"),
        ("FROM aws.sagemaker.inference_experiment", "inference_experiments"),
        ("SELECT 1/; SELECT 2", "LINE 1"),
    ],
)
def test_an_error_is_text_on_stderr_and_exit_code_4(shell: CommandLine, sql: str, message: str) -> None:
    ended = shell.run("exec", "--local", sql)
    assert (ended.code, ended.out) == (4, "")
    assert ended.err.startswith("Error: ")
    assert message in ended.err


def test_the_first_error_ends_the_script(shell: CommandLine) -> None:
    ended = shell.run("exec", "-o", "csv", "SELECT 1 AS a; SELECT nonsense; SELECT 3 AS c")
    assert (ended.code, ended.out) == (4, "a\n1\n")
    assert "nonsense" in ended.err


def test_a_denied_call_is_reported_without_a_row(cloud: CommandLine, emulator: Emulator) -> None:
    emulator.options.denied_actions = {"ListInferenceExperiments"}
    ended = cloud.run("exec", "-o", "csv", LIST)
    assert (ended.code, ended.out) == (5, "")
    assert "sagemaker:ListInferenceExperiments" in ended.err


def test_an_unreachable_server_is_an_error(cloud: CommandLine) -> None:
    ended = cloud.run("exec", "--endpoint-url", "http://127.0.0.1:9", "--set", "max_attempts=1", LIST)
    assert (ended.code, ended.out) == (6, "")
    assert "127.0.0.1:9" in ended.err


READERS: dict[str, Callable[[bytes], object]] = {
    "json": json.loads,
    "jsonl": lambda out: [json.loads(line) for line in out.splitlines()],
    "csv": lambda out: out.decode("utf-8"),
}


@pytest.mark.parametrize("format", READERS)
def test_an_error_in_mid_stream_leaves_no_complete_document(
    cloud: CommandLine, emulator: Emulator, format: str
) -> None:
    given = ("--set", "max_attempts=1", "--set", "concurrency=1", DESCRIBE)
    words = forked.command("-m", "sqlprov", "exec", "-o", format, *given)
    whole = subprocess.run(words, env=cloud.env, capture_output=True, timeout=600)
    assert whole.returncode == 0
    READERS[format](whole.stdout)
    fail(emulator, "error500", at=200)
    cut = subprocess.run(words, env=cloud.env, capture_output=True, timeout=600)
    assert cut.returncode == 6
    assert cut.stderr.startswith(b"Error: ")
    assert 0 < len(cut.stdout) < len(whole.stdout)
    with pytest.raises(ValueError, match=r"codec|delimiter|Unterminated|Expecting"):
        READERS[format](cut.stdout)


def test_an_error_leaves_the_out_file_as_it_was(
    cloud: CommandLine, emulator: Emulator, tmp_path: Path
) -> None:
    fail(emulator, "error500", at=3)
    folder = tmp_path / "out"
    folder.mkdir()
    new, old = folder / "new.csv", folder / "old.csv"
    old.write_text("old")
    for file in (new, old):
        ended = cloud.run("exec", "-o", "csv", "--set", "max_attempts=1", "--out", str(file), LIST)
        assert (ended.code, ended.out) == (6, "")
    assert [path.name for path in folder.iterdir()] == ["old.csv"]
    assert old.read_text() == "old"


def test_a_missing_folder_of_out_is_reported_as_written(shell: CommandLine, tmp_path: Path) -> None:
    for out in (str(tmp_path / "missing" / "x.csv"), "missing/x.csv"):
        ended = shell.run("exec", "--out", out, "SELECT 1")
        assert (ended.code, ended.err) == (1, f"Error: --out {out}: No such file or directory.\n")


def test_an_unknown_parameter_lists_the_parameters(shell: CommandLine) -> None:
    ended = shell.run("exec", "--param", "y=1", "SELECT $x, $other")
    assert (ended.code, ended.err) == (4, "Error: No statement has a parameter $y. There is $other, $x.\n")


def test_rows_that_are_missing_under_warn_make_exit_code_7(cloud: CommandLine, emulator: Emulator) -> None:
    emulator.options.denied_regions = {"eu-west-1"}
    sql = "SELECT region, count(*) AS n FROM aws.sagemaker.inference_experiments GROUP BY region"
    words = ("exec", "-o", "csv", "--region", "eu-west-1", "--region", "us-east-1")
    assert cloud.run(*words, sql).out == ""
    ended = cloud.run(*words, "--set", "on_error=warn", sql)
    assert (ended.code, ended.out) == (7, "region,n\nus-east-1,250\n")
    assert ended.err.startswith("Warning: rows are missing: aws.sagemaker.inference_experiments, eu-west-1: ")


def test_parquet_refuses_a_second_result(shell: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    ended = shell.run("exec", "-o", "parquet", "--out", str(file), "SELECT 1 AS a; SELECT 2 AS b")
    assert ended.code == 1
    assert "holds one result" in ended.err
    assert not file.exists()


def test_ctrl_c_ends_at_once_with_130(cloud: CommandLine, emulator: Emulator, tmp_path: Path) -> None:
    emulator.options.latency = 900
    file = tmp_path / "out" / "rows.csv"
    file.parent.mkdir()
    process = cloud.start("exec", "-o", "csv", "--out", str(file), LIST)
    while not emulator.calls:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=600)  # sooner than the reply
    assert (process.returncode, out) == (130, "")
    assert err == "Cancelled.\n"
    assert list(file.parent.iterdir()) == []


def test_a_reader_that_leaves_ends_the_command_quietly(shell: CommandLine) -> None:
    process = shell.start("exec", "-o", "csv", "SELECT i, repeat('x', 100) FROM range(1000000) AS r(i)")
    assert process.stdout and process.stderr
    assert process.stdout.readline().startswith("i,")
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=600) == 141


def test_jsonl_writes_the_first_rows_before_the_last_call_is_made(
    cloud: CommandLine, emulator: Emulator
) -> None:
    emulator.fill(100, ["us-west-2"])
    emulator.options.latency = 0.02
    # A call for each row; and all rows together are less than a pipe's usual buffer.
    sql = "SELECT left(endpoint_name, 1) AS a FROM aws.sagemaker.inference_experiments"
    process = cloud.start("exec", "-o", "jsonl", "--region", "us-west-2", "--set", "concurrency=1", sql)
    assert process.stdout and process.stderr
    assert process.stdout.readline() == '{"a":"e"}\n'
    asked = len(emulator.calls)
    assert len(process.stdout.read().splitlines()) == 99
    assert (process.wait(timeout=600), process.stderr.read()) == (0, "")
    process.stdout.close()
    process.stderr.close()
    assert asked < len(emulator.calls) == 101


SEVERAL = "a\n1\n\nb\n2\n\nc\n3"
DELETION = (
    "DELETE FROM aws.sagemaker.models WHERE model_name = 'churn-v1' AND region = 'us-east-1' RETURNING region"
)
MANY = "SELECT i, 'x' AS t FROM range(100000) AS r(i)"


def run_in_shell(shell: CommandLine, script: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of bash in which $S is the command; not in a fork, which has its own streams and limits."""
    line = script.replace("$S", " ".join(COMMAND))
    return subprocess.run(["bash", "-c", line], env=shell.env | env, capture_output=True, timeout=600)


@pytest.mark.parametrize(("format", "unbuffered"), [*((format, "1") for format in FORMATS), ("csv", "")])
def test_a_disk_that_fills_up_is_an_error(
    shell: CommandLine, tmp_path: Path, format: str, unbuffered: str
) -> None:
    script = f'ulimit -f 100; $S exec -o {format} "{MANY}" > {tmp_path / "rows"}'
    done = run_in_shell(shell, script, PYTHONUNBUFFERED=unbuffered)
    assert (done.returncode, done.stderr) == (1, b"Error: <stdout>: File too large.\n")


@pytest.mark.parametrize(
    ("script", "code", "out", "err"),
    [
        ("$S exec 'SELECT 1' >/dev/full", 1, "", "Error: <stdout>: No space left on device."),
        ("$S --help >/dev/full", 1, "", "Error: <stdout>: No space left on device."),
        ("$S tables sagemaker >/dev/full", 1, "", "Error: <stdout>: No space left on device."),
        ("$S exec 'SELECT 1' >&-", 1, "", "Error: <stdout>: Bad file descriptor."),
        ("$S --version >&-", 1, "", "Error: <stdout>: Bad file descriptor."),
        ("$S <&-", 1, "", "Error: <stdin>: Bad file descriptor."),
        ("$S exec -f - <&-", 1, "", "Error: <stdin>: Bad file descriptor."),
        ("$S exec -f - -f - </dev/null", 2, "", "Usage: "),
        ("$S exec -o csv 'SELECT 1 AS a' <&- 2>&-", 0, "a\n1", ""),
        ("$S exec 'SELECT nonsense' 2>&-", 1, "", ""),
        ("$S exec 'SELECT nonsense' 2>/dev/full", 1, "", ""),
        ("$S exec 'SELECT 1' >&- 2>&-", 1, "", ""),
        (
            f'$S exec --local "{DELETION}" >/dev/full',
            1,
            "",
            "ok      churn-v1 in us-east-1 (DeleteModel)\nError: ",
        ),
        (f'$S exec --local "{DELETION}" >&-', 1, "", "ok      churn-v1 in us-east-1 (DeleteModel)\nError: "),
        ("$S exec --out /dev/full 'SELECT 1'", 1, "", "Error: --out /dev/full: No space left on device."),
        (
            "$S exec -o csv -c 'SELECT 1 AS a' -f <(echo 'SELECT 2 AS b --') -c 'SELECT 3 AS c'",
            0,
            SEVERAL,
            "",
        ),
        ("$S -c 'SELECT 1' -c 'SELEC 2'", 4, "", "Error: No statement begins with 'SELEC'."),
        ('$S -c "SELECT \'a" -c "b\'"', 4, "", "Error: Unterminated string literal"),
        ("printf 'SELECT 1;\nAND true' | $S", 4, "", "Error: <stdin>:2: No statement begins with 'AND'."),
    ],
)
def test_a_stream_that_fails_and_several_scripts(
    shell: CommandLine, script: str, code: int, out: str, err: str
) -> None:
    done = run_in_shell(shell, script)
    assert (done.returncode, done.stdout.decode().strip()) == (code, out)
    assert done.stderr.decode().startswith(err)
    assert bool(done.stderr) == bool(err)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("format", ["table", "csv", "arrow"])
def test_a_slow_non_blocking_pipe_and_a_stop_lose_no_byte(
    shell: CommandLine, format: str, unbuffered: str
) -> None:
    words = [*COMMAND, "exec", "-o", format, MANY]
    whole = subprocess.run(words, env=shell.env, capture_output=True, timeout=600).stdout
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    process = subprocess.Popen(words, env=shell.env | {"PYTHONUNBUFFERED": unbuffered}, stdout=writer)
    os.close(writer)
    out, stops = b"", [1, len(whole) // 2]
    while data := os.read(reader, 30_000):
        out += data
        if stops and len(out) > stops[0]:
            del stops[0]
            process.send_signal(signal.SIGSTOP)
            process.send_signal(signal.SIGCONT)
    os.close(reader)
    assert process.wait(timeout=600) == 0
    assert (len(out), out) == (len(whole), whole)


def test_a_script_that_arrives_slowly_in_a_non_blocking_pipe_runs_whole(shell: CommandLine) -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    words = [*COMMAND, "exec", "-o", "csv", "-f", "-"]
    process = subprocess.Popen(words, env=shell.env, stdin=reader, stdout=subprocess.PIPE)
    os.write(writer, b"SELECT 1 AS a;")
    while select.select([reader], [], [], 0)[0]:  # until the process has read it
        assert process.poll() is None
        time.sleep(0.02)
    os.write(writer, b"SELECT 2 AS b")
    os.close(writer)
    os.close(reader)
    assert process.communicate(timeout=600)[0] == b"a\n1\n\nb\n2\n"

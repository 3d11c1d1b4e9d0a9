"""`sqlprov` in a dumb terminal, a pipe, and with `-c`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pexpect
import pytest
from emulator_calls import add_experiment
from terminal import CTRL_C, CTRL_D, ENTER, Terminal, environment

from sqlprov.emulator import Emulator

T = "aws.sagemaker.inference_experiments"
REGION = "us-east-1"


def run_sqlprov(home: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "sqlprov", *words]
    return subprocess.run(
        command, env=environment(home), input=stdin, capture_output=True, text=True, timeout=600
    )


def test_sql_that_is_piped_in_is_executed(service: Emulator, tmp_path: Path) -> None:
    words = ("--endpoint-url", service.url, "--region", REGION, "-o", "csv")
    done = run_sqlprov(tmp_path, *words, stdin=f"SELECT count(*) AS n FROM {T}; SELECT 2 AS two")
    assert (done.returncode, done.stdout, done.stderr) == (0, "n\n250\n\ntwo\n2\n", "")
    done = run_sqlprov(tmp_path, "-o", "csv", stdin="SHOW SETTINGS WHERE name = 'sqlprov_max_calls'")
    assert done.stdout.splitlines()[1].startswith("sqlprov_max_calls,0,")
    done = run_sqlprov(tmp_path, stdin="SELEC")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("Error: ")
    assert not list(tmp_path.rglob("history"))


@pytest.mark.parametrize("option", [["-c", "SELECT 3 AS a"], ["--command=SELECT 3 AS a"]])
def test_c_is_exec_with_all_its_options(tmp_path: Path, option: list[str]) -> None:
    done = run_sqlprov(tmp_path, "-o", "jsonl", *option)
    assert (done.returncode, done.stdout, done.stderr) == (0, '{"a":3}\n', "")


def test_c_is_exec_at_a_terminal(tmp_path: Path) -> None:
    with Terminal("-c", "SELECT 40 + 2 AS answer", env=environment(tmp_path)) as term:
        assert term.end() == 0
        assert "42" in term.text
        assert "sqlprov>" not in term.text


def test_only_the_shell_reads_the_rc_file(tmp_path: Path) -> None:
    (tmp_path / ".sqlprovrc").write_text("SELECT 'rc' AS rc;")
    assert run_sqlprov(tmp_path, "-c", "SELECT 1 AS a").stdout == "a\n-\n1\n"


def test_a_dumb_terminal_works(service: Emulator, tmp_path: Path) -> None:
    words = ("--endpoint-url", service.url, "--region", REGION)
    child = pexpect.spawn(
        sys.executable,
        ["-W", "error", "-m", "sqlprov", *words],
        env=environment(tmp_path) | {"TERM": "dumb", "COLUMNS": "80"},
        encoding="utf-8",
        timeout=600,
    )
    child.expect_exact("sqlprov> ")
    child.sendline("SELECT count(*) AS n")
    child.expect_exact("      -> ")
    child.sendline(f"FROM {T};")
    child.expect_exact("250")
    child.expect_exact("1 row, 3 calls, ")
    child.expect_exact("sqlprov> ")
    child.sendline("\\calls")
    child.expect_exact("us-east-1")
    child.expect_exact("sqlprov> ")
    child.sendline("SELECT nonsense;")
    child.expect_exact("Error: ")
    child.expect_exact("sqlprov> ")
    assert "\x1b" not in (child.before or "")
    child.sendline("SELECT half")
    child.expect_exact("      -> ")
    child.sendintr()
    child.expect_exact("sqlprov> ")
    add_experiment(service, "old-1")
    add_experiment(service, "old-2")
    child.sendline(f"DELETE FROM {T} WHERE region = '{REGION}' AND name LIKE 'old-%';")
    child.expect_exact("[y/N] ")
    child.sendline("no")
    child.expect_exact("nothing was written")
    child.expect_exact("sqlprov> ")
    child.send(CTRL_D)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_rows_go_to_a_file_while_the_prompt_stays_on_the_terminal(tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    child = pexpect.spawn(
        "/bin/sh",
        ["-c", f"exec '{sys.executable}' -W error -m sqlprov > '{out}'"],
        env=environment(tmp_path) | {"TERM": "xterm"},
        encoding="utf-8",
        timeout=600,
    )
    child.expect_exact("for help")
    child.expect_exact("sqlprov> ")
    child.sendline("SELECT 42 AS answer;")
    child.expect_exact("1 row, 0 calls")
    child.sendline("\\q")
    child.expect(pexpect.EOF)
    assert out.read_text() == "answer\n------\n    42\n"
    assert "\x1b" not in out.read_text()


def test_ctrl_c_stops_a_statement_in_a_dumb_terminal(em: Emulator, tmp_path: Path) -> None:
    em.options.latency = 2
    words = ("--endpoint-url", em.url, "--region", REGION)
    with Terminal(*words, env=environment(tmp_path), term="dumb") as term:
        term.ready()
        term.type(f"SELECT count(*) AS n FROM {T};" + ENTER)
        while not em.calls:
            term.pump(0.05)
        term.type(CTRL_C)
        term.until("Cancelled")
        term.ready(1)

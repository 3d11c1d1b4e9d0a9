"""Wrong usage, help, and what needs no cloud."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from command_line import CommandLine

from sqlprov import __version__
from sqlprov.frontends.cli import cli
from sqlprov.output import FORMATS


def run_cli(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Give SQL in quotes"),
        (["SELECT 1", "-f", "-"], "Give SQL in quotes"),
        (["-f", "missing.sql"], "missing.sql"),
        (["SELECT", "1"], 'Your shell split the SQL into 2 words: put it in quotes, "…".'),
        ([__file__], f"{Path(__file__).name} is a file; run it with -f "),
        (["-o", "yaml", "SELECT 1"], "yaml"),
        (["--param", "name", "SELECT 1"], "'name': expected NAME=VALUE"),
        (["--param", "=x", "SELECT 1"], "'=x': expected NAME=VALUE"),
        (["--param", "a=1", "--param", "a=2", "SELECT $a"], "a is given twice; give it once"),
        (["--set", "on_error=warn", "--set", "on_error=fail", "SELECT 1"], "on_error is given twice"),
        (["--set", "on_error=warn", "--set", "SQLPROV_ON_ERROR=fail", "SELECT 1"], "on_error is given twice"),
        (["--set", "concurency=4", "SELECT 1"], "Did you mean 'sqlprov_concurrency'?"),
        (["--set", "concurrency=many", "SELECT 1"], "expected a whole number"),
        (["--set", "sqlprov_on_error=ignore", "SELECT 1"], "expected 'fail', 'warn' or 'stop'"),
        (
            ["--local", "--endpoint-url", "http://localhost:1", "SELECT 1"],
            "--local takes neither --endpoint-url nor --profile",
        ),
        (["--local", "--profile", "me", "SELECT 1"], "--local takes neither --endpoint-url nor --profile"),
        (["--endpoint-url", "", "SELECT 1"], "--endpoint-url is empty. Leave it out for the default"),
        (["--region", "", "SELECT 1"], "--region is empty"),
        (["--profile", "", "SELECT 1"], "--profile is empty"),
        (["--database", "", "SELECT 1"], "--database is empty"),
        (["--allow-file", "", "SELECT 1"], "--allow-file is empty"),
        (["--out", "x.xlsx", "SELECT 1"], "COPY (…) TO 'x.xlsx' (FORMAT xlsx)"),
        (["--out", "x.tsv", "SELECT 1"], r"COPY (…) TO 'x.tsv' (FORMAT csv, DELIMITER '\t')"),
        (["--out", "x.csv.gz", "SELECT 1"], "DuckDB compresses: COPY (…) TO 'x.csv.gz'."),
        (["--out", "x.jsno", "SELECT 1"], "Did you mean '.json'? The suffixes are .txt, .json,"),
        (["-o", "json", "--out", "x.csv", "SELECT 1"], "x.csv would be csv by its name, not json."),
        (["--nonsense"], "--nonsense"),
        (["SELECT 1", "-c", "SELECT 2"], "SQL is given twice"),
        (["-o", "csv", "--output", "json", "SELECT 1"], "-o is given 2 times"),
        (["--out", "a", "--out", "a", "SELECT 1"], "--out is given 2 times"),
        (
            ["--endpoint-url", "http://a", "--endpoint-url=http://b", "SELECT 1"],
            "--endpoint-url is given 2 times",
        ),
        (["--local", "--local", "SELECT 1"], "--local is given 2 times"),
        (["--progress", "--no-progress", "SELECT 1"], "--progress is given 2 times"),
        (["-vv", "SELECT 1"], "-v is given 2 times"),
        (["SELECT '\udce4'"], "The argument is not UTF-8: \"SELECT '\\udce4'\""),
        (["-c", "SELECT '\udce4'"], "-c is not UTF-8: \"SELECT '\\udce4'\""),
        (["--region", "\udce4", "SELECT 1"], r"--region is not UTF-8: '\udce4'"),
        (["--param", "x=\udce4", "SELECT $x"], r"--param is not UTF-8: 'x=\udce4'"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_why(words: list[str], message: str) -> None:
    result = run_cli("exec", *words)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert result.stdout == ""


def test_sql_without_a_command_is_refused_with_advice() -> None:
    result = run_cli("SELECT 1")
    assert result.exit_code == 2
    assert 'SQL needs a command: sqlprov exec "SELECT …".' in " ".join(result.stderr.split())


def test_options_before_a_command_are_refused_with_advice() -> None:
    result = run_cli("repl", "--local", "exec", "SELECT 1")
    assert result.exit_code == 2
    assert "Options follow the command" in " ".join(result.stderr.split())


def test_a_script_that_is_not_utf_8_is_wrong_usage(tmp_path: Path) -> None:
    script = tmp_path / "latin.sql"
    script.write_bytes("SELECT 'é'".encode("latin-1"))
    result = run_cli("exec", "-f", str(script))
    assert result.exit_code == 2
    assert "not UTF-8" in result.stderr


def test_the_help_names_the_commands_and_the_default() -> None:
    result = run_cli("--help")
    assert result.exit_code == 0
    for word in (
        "exec",
        "tables",
        "local",
        "repl",
        "Without a command `sqlprov` starts a shell",
        "Examples:",
    ):
        assert word in result.stdout


def test_the_help_of_exec_names_formats_exit_codes_and_examples() -> None:
    help = run_cli("exec", "--help").stdout
    for name, about in FORMATS.items():
        assert f"{name:<10}{about}" in help
    for word in ("Examples:", "Exit codes:", "130", "--param", "--set", "--out"):
        assert word in help


def test_every_command_has_help() -> None:
    for words in (["tables"], ["policy"], ["local"], ["local", "reset"], ["local", "serve"]):
        result = run_cli(*words, "--help")
        assert result.exit_code == 0
        assert len(result.stdout.splitlines()) > 5


def test_the_command_prints_its_version() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sqlprov", "--version"], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == (f"sqlprov {__version__}\n", "")


def test_tables_lists_full_names() -> None:
    names = run_cli("tables").stdout.splitlines()
    assert "aws.sagemaker.inference_experiments" in names
    assert names == sorted(names)


def test_tables_takes_a_pattern_or_a_part_of_the_name() -> None:
    assert run_cli("tables", "%.inference_experiments").stdout == "aws.sagemaker.inference_experiments\n"
    assert run_cli("tables", "INFERENCE_EXP").stdout == "aws.sagemaker.inference_experiments\n"
    assert run_cli("tables", "--provider", "aws").stdout == run_cli("tables").stdout


def test_tables_lists_the_regions_and_the_accounts_too() -> None:
    assert run_cli("tables", "aws.regions").stdout == "aws.regions\n"
    assert run_cli("tables", "aws.accounts").stdout == "aws.accounts\n"


def test_tables_says_when_nothing_matches() -> None:
    result = run_cli("tables", "nonsense")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "No table has a matching name.\n"


def test_an_unknown_provider_names_the_nearest() -> None:
    result = run_cli("tables", "--provider", "awz")
    assert result.exit_code == 4
    assert result.stderr.startswith("Error: ")
    assert "Did you mean 'aws'?" in result.stderr


def test_the_module_runs_like_the_command(shell: CommandLine) -> None:
    assert shell.run("--version").out == f"sqlprov {__version__}\n"


@pytest.mark.parametrize(
    ("words", "code", "out", "err"),
    [
        (["exec", "SELECT '漢字' AS a"], 0, "a\n----\n漢字\n", ""),
        (["repl"], 1, "", "Error: rich is not installed. Run: pip install '.[all]'\n"),
        (
            ["exec", "--jinja", "SELECT 1"],
            1,
            "",
            "Error: jinja2 is not installed. Run: pip install '.[all]'\n",
        ),
    ],
)
def test_without_the_extra_exec_works_and_the_rest_names_it(
    shell: CommandLine, words: list[str], code: int, out: str, err: str
) -> None:
    code_without = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['jinja2', 'prompt_toolkit', 'pygments', 'rich']))\n"
        "from sqlprov.frontends.cli import main\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code_without, *words], env=shell.env, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, out, err)

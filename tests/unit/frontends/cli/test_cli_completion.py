"""What bash, zsh and fish offer for the words of `sqlprov`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command_line import CommandLine

CASES = [
    ("sqlprov ex", ["exec"]),
    ("sqlprov lo", ["local"]),
    ("sqlprov local re", ["reset"]),
    ("sqlprov --lo", ["--local"]),
    ("sqlprov --local --read", ["--read-only"]),
    ("sqlprov exec -o js", ["json", "jsonl"]),
    ("sqlprov exec --region eu-west-", ["eu-west-1", "eu-west-2", "eu-west-3"]),
    ("sqlprov --region us-gov-w", ["us-gov-west-1"]),
    ("sqlprov exec --set conc", ["concurrency="]),
]


def list_offers(shell: CommandLine, name: str, line: str) -> list[str]:
    """The words that a shell would show, as click's scripts for it ask for them."""
    words = line.split(" ")
    fish = name == "fish"
    asked = {
        "_SQLPROV_COMPLETE": f"{name}_complete",
        "COMP_WORDS": " ".join(words[:-1]) if fish else line,
        "COMP_CWORD": words[-1] if fish else str(len(words) - 1),
    }
    ended = CommandLine(shell.env | asked).run()
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    if name == "zsh":
        return lines[1::3]
    return [part.split(",", 1)[1].split("\t")[0].split(",")[0] for part in lines]


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_commands_and_options_are_completed(shell: CommandLine, name: str) -> None:
    for line, words in CASES[::4]:
        assert list_offers(shell, name, line) == words


@pytest.mark.parametrize(("line", "words"), CASES)
def test_each_place_gets_its_words(shell: CommandLine, line: str, words: list[str]) -> None:
    assert list_offers(shell, "bash", line) == words


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_script_that_a_shell_reads_names_the_command(shell: CommandLine, name: str) -> None:
    ended = CommandLine(shell.env | {"_SQLPROV_COMPLETE": f"{name}_source"}).run()
    assert ended.code == 0
    assert f"_SQLPROV_COMPLETE={name}_complete" in ended.out


def test_bash_itself_completes(shell: CommandLine) -> None:
    script = """
        eval "$(_SQLPROV_COMPLETE=bash_source sqlprov)"
        COMP_WORDS=(sqlprov exec --set conc) COMP_CWORD=3
        _sqlprov_completion sqlprov
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    path = f"{Path(sys.executable).parent}:{shell.env['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], env=shell.env | {"PATH": path}, capture_output=True, text=True
    )
    assert done.stdout == "concurrency=\n", done.stderr

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("duckdb", "boto3", "botocore", "pyarrow", "yaml", "sqlglot", "regex", "pandas", "polars")


def loaded(code: str) -> set[str]:
    """The heavy libraries that are loaded when `code` has run."""
    report = (
        f"import sys, json\n{code}\nprint(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", report], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_sqlprov_loads_no_library() -> None:
    assert loaded("import sqlprov") == set()


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["exec", "--help"], ["local", "--help"]])
def test_a_command_that_only_talks_loads_no_library(words: list[str]) -> None:
    code = (
        f"from sqlprov.frontends.cli import cli\ncli({words!r}, prog_name='sqlprov', standalone_mode=False)"
    )
    assert loaded(code) == set()


def test_what_is_used_is_loaded() -> None:
    assert {"duckdb", "pyarrow"} <= loaded("import sqlprov; sqlprov.connect")

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sqlprov.emulator import Emulator, Options

HEAVY = {
    *("duckdb", "boto3", "botocore", "pyarrow", "yaml", "sqlglot", "regex", "polars", "rich", "substrait"),
    *("IPython", "jinja2", "matplotlib"),
    *("prompt_toolkit", "pygments"),
    *("pyarrow.compute", "pyarrow.dataset", "jsonpatch", "sqlprov.emulator"),
    *(
        "sqlprov.catalog.resource_files",
        "sqlprov.plan.read",
        "sqlprov.aws.read.scan",
        "sqlprov.duck.live_table",
    ),
    *("sqlprov.sql.regions", "sqlprov.duck.writes"),
}


def loaded(*words: str) -> set[str]:
    """What is heavy and is loaded when Python runs with `words`."""
    command = [sys.executable, "-W", "error", "-X", "importtime", *words]
    done = subprocess.run(command, capture_output=True, text=True)
    lines = done.stderr.splitlines()
    said = [line for line in lines if not line.startswith("import time:")]
    assert (done.returncode, said) == (0, [])
    return HEAVY & {line.rpartition("|")[2].strip() for line in lines}


def test_importing_sqlprov_loads_no_library() -> None:
    assert loaded("-c", "import sqlprov") == set()


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["exec", "--help"], ["local", "--help"]])
def test_a_command_that_only_talks_loads_no_library(words: list[str]) -> None:
    assert loaded("-m", "sqlprov", *words) == set()


def test_what_is_used_is_loaded() -> None:
    assert {"duckdb", "pyarrow"} <= loaded("-c", "import sqlprov; sqlprov.connect")


@pytest.mark.parametrize("sql", ["SELECT 1", "SELECT 'a' AS t, 2", "CREATE TABLE t AS SELECT 1 AS a; FROM t"])
def test_a_statement_of_duckdb_alone_loads_duckdb_and_arrow_alone(sql: str) -> None:
    assert loaded("-m", "sqlprov", "exec", sql) == {"duckdb", "pyarrow"}


def test_listing_tables_loads_neither_a_model_nor_a_resource_file() -> None:
    assert loaded("-m", "sqlprov", "tables") == set()


def test_describing_a_table_loads_no_client_and_no_reader() -> None:
    used = loaded("-m", "sqlprov", "exec", "DESCRIBE aws.sagemaker.models")
    assert {"botocore", "yaml", "sqlprov.catalog.resource_files"} <= used
    assert not used & {
        "boto3",
        "sqlglot",
        "pyarrow.dataset",
        "substrait",
        "sqlprov.aws.read.scan",
    }


def test_a_query_of_a_live_table_loads_what_reads_it_and_nothing_that_writes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sql = "SELECT name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1'"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with Emulator(Options()) as service:
        service.fill(3)
        used = loaded("-m", "sqlprov", "exec", "--endpoint-url", service.url, sql)
        assert service.calls
    assert {"boto3", "pyarrow.dataset", "sqlprov.aws.read.scan"} <= used
    assert not used & {"jsonpatch", "rich", "sqlprov.duck.writes"}


def test_a_query_loads_the_model_of_its_own_service_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with Emulator(Options()) as service:
        code = (
            "import sqlprov\nfrom sqlprov.catalog.service_model import load_model\n"
            f"with sqlprov.connect(endpoint_url={service.url!r}) as con:\n"
            "    con.sql(\"SELECT name FROM aws.sagemaker.inference_experiments WHERE region LIKE 'us-east-_'\").df()\n"
            "print(load_model.cache_info().currsize)"
        )
        done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
        assert (done.stdout, done.stderr) == ("1\n", "")
        assert {call.region for call in service.calls} == {"us-east-1", "us-east-2"}


def test_of_three_hundred_tables_no_file_is_read_before_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "many" / "aws" / "sagemaker"
    folder.mkdir(parents=True)
    for number in range(300):
        (folder / f"kind_{number}.yaml").write_text("no: [resource")  # whoever reads it fails
    package = tmp_path / "many-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: many\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[sqlprov.resources]\nmany = many\n")
    (tmp_path / "many" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert loaded("-m", "sqlprov", "exec", "SELECT 1") == {"duckdb", "pyarrow"}
    listed = subprocess.run(
        [sys.executable, "-m", "sqlprov", "tables", "%.kind_%"], capture_output=True, text=True, check=True
    )
    assert len(listed.stdout.splitlines()) == 300
    named = [sys.executable, "-m", "sqlprov", "exec", "SHOW METHODS IN aws.sagemaker.kind_7"]
    assert "kind_7.yaml:2: malformed YAML" in subprocess.run(named, capture_output=True, text=True).stderr

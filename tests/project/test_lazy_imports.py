from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqlprov.emulator import Emulator, Options

HEAVY = {
    *(
        "duckdb",
        "boto3",
        "botocore",
        "pyarrow",
        "yaml",
        "sqlglot",
        "regex",
        "polars",
        "rich",
        "click",
    ),
    *("IPython", "jinja2", "matplotlib", "prompt_toolkit", "pygments", "jsonpatch"),
    *(
        *("pyarrow.compute", "pyarrow._compute"),
        "pyarrow.dataset",
        "sqlprov.emulator",
        "sqlprov.catalog.resource_files",
        "sqlprov.plan.read",
    ),
    *("sqlprov.aws.read.scan", "sqlprov.duck.live_table", "sqlprov.duck.writes"),
}
DUCKDB = {"duckdb", "pyarrow"}
DESCRIBES = {*DUCKDB, "botocore", "yaml", "sqlprov.catalog.resource_files"}
READS = {
    *(*DESCRIBES, "pyarrow._compute"),
    *("sqlprov.plan.read", "sqlprov.aws.read.scan", "sqlprov.duck.live_table"),
}
RUNNING = "SELECT name FROM aws.sagemaker.inference_experiments WHERE status = 'Running'"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(Options()) as emulator, pytest.MonkeyPatch.context() as patch:
        emulator.fill(3)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", emulator.url)
        yield emulator


def find_loaded(*words: str) -> set[str]:
    """The heavy modules that Python loads when it runs with `words`."""
    return HEAVY & list_loaded(*words)


def list_loaded(*words: str) -> set[str]:
    command = [sys.executable, "-W", "error", "-X", "importtime", *words]
    done = subprocess.run(command, capture_output=True, text=True)
    lines = done.stderr.splitlines()
    messages = [line for line in lines if not line.startswith("import time:")]
    assert (done.returncode, messages) == (0, [])
    return {line.rpartition("|")[2].strip() for line in lines}


@pytest.mark.parametrize("words", ["--version", "--help", "exec --help", "local --help", "tables"])
def test_a_command_without_a_statement_loads_no_library(words: str) -> None:
    loaded = list_loaded("-m", "sqlprov", *words.split())
    assert loaded & {*HEAVY, "difflib"} == {"click"}
    assert words == "tables" or "importlib.metadata" not in loaded  # entry points name further tables


@pytest.mark.parametrize(
    ("sql", "modules"),
    [
        ("SELECT 1", DUCKDB),
        ("CREATE TABLE t AS SELECT 1 AS a; FROM t", DUCKDB),
        (RUNNING, READS),
        (f"{RUNNING} AND region LIKE 'us-east-1%'", {*READS, "sqlglot"}),
    ],
)
def test_a_statement_loads_only_what_it_needs(sql: str, modules: set[str], emulator: Emulator) -> None:
    emulator.reset_calls()
    library = find_loaded("-c", f"import sqlprov; sqlprov.connect().sql({sql!r}).fetchall()")
    assert (
        library - {"pyarrow.compute"} == modules
    )  # pyarrow loads pandas, if it is installed, and that loads it
    assert find_loaded("-m", "sqlprov", "exec", sql) == {*modules, "click"}
    assert bool(emulator.calls) == (RUNNING in sql)


def test_a_look_up_loads_nothing_of_writes_of_the_shell_or_of_other_formats(
    emulator: Emulator,
) -> None:
    name = "SELECT name FROM aws.sagemaker.inference_experiments WHERE name = 'x'"
    emulator.reset_calls()
    unused = (
        *("boto3", "s3transfer", "multiprocessing", "sqlglot", "jsonpatch", "difflib", "pyarrow.compute"),
        *("numpy.", "pandas.", "pyarrow._parquet"),  # what imports these was refused
        *("sqlprov.aws.write", "sqlprov.plan.write", "sqlprov.duck.writes", "sqlprov.duck.target_reader"),
        *("sqlprov.duck.explain_plan", "sqlprov.frontends.repl", "sqlprov.frontends.completion"),
        *("sqlprov.frontends.templates", "sqlprov.output.csv"),
    )
    loaded = list_loaded("-m", "sqlprov", "exec", name)
    assert sorted(module for module in loaded if module.startswith(unused)) == []
    assert [call.operation for call in emulator.calls] == ["DescribeInferenceExperiment"]


def test_describing_a_table_loads_no_client_and_no_reader() -> None:
    assert find_loaded("-m", "sqlprov", "exec", "DESCRIBE aws.sagemaker.models") == {*DESCRIBES, "click"}


def test_what_the_catalog_answers_loads_no_pandas() -> None:
    statements = (
        *(
            "SHOW SERVICES IN aws",
            "SHOW EXTENDED SERVICES IN aws",
            "SHOW TABLES IN aws",
            "FROM sqlprov.tables",
        ),
        *("SELECT count(*) FROM information_schema.tables", "FROM aws.regions"),
        *("DESCRIBE EXTENDED aws.sagemaker.models", "SHOW INSERT INTO aws.sagemaker.models"),
    )
    sql = "; ".join(statements)
    loaded = list_loaded("-c", f"import sqlprov; list(sqlprov.connect().run({sql!r}))")
    assert loaded & {"pandas", "pyarrow.dataset"} == set()


def test_what_opens_duckdb_loads_nothing_else_that_takes_time() -> None:
    loaded = list_loaded("-c", "import sqlprov.duck.database")
    assert HEAVY & loaded == {"duckdb"}
    assert not {name for name in loaded if name.startswith(("sqlprov.sql", "sqlprov.aws", "sqlprov.catalog"))}


def test_importing_sqlprov_loads_no_library() -> None:
    assert find_loaded("-c", "import sqlprov") == set()


def test_a_query_loads_only_the_model_of_its_own_service(emulator: Emulator) -> None:
    emulator.reset_calls()
    sql = f"{RUNNING} AND region LIKE 'us-east-_'"
    code = (
        "import sqlprov\nfrom sqlprov.catalog.service_model import load_model\n"
        f"sqlprov.connect().sql({sql!r}).df()\nprint(load_model.cache_info().currsize)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert {call.region for call in emulator.calls} == {"us-east-1", "us-east-2"}


def test_of_three_hundred_tables_no_file_is_read_before_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "many" / "aws" / "sagemaker"
    folder.mkdir(parents=True)
    for number in range(300):
        (folder / f"kind_{number}.yaml").write_text("no: [resource")  # reading it fails
    package = tmp_path / "many-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: many\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[sqlprov.resources]\nmany = many\n")
    (tmp_path / "many" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert find_loaded("-m", "sqlprov", "exec", "SELECT 1") == {*DUCKDB, "click"}
    listed = subprocess.run(
        [sys.executable, "-m", "sqlprov", "tables", "%.kind_%"], capture_output=True, text=True, check=True
    )
    assert len(listed.stdout.splitlines()) == 300
    named = [sys.executable, "-m", "sqlprov", "exec", "SHOW METHODS IN aws.sagemaker.kind_7"]
    assert "kind_7.yaml:2: malformed YAML" in subprocess.run(named, capture_output=True, text=True).stderr

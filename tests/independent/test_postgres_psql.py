"""psql itself, as Debian's postgresql-client installs it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import pytest
from postgres_server import serve

import sqlprov
from sqlprov.frontends.serve.server import Server

pytestmark = pytest.mark.skipif(
    shutil.which("psql") is None, reason="psql is not installed (Debian: postgresql-client)"
)
COMMANDS = (
    *(
        r"\d",
        r"\d sagemaker.models",
        r"\d+ sagemaker.models",
        r"\dS pg_class",
        r"\da",
        r"\dA",
        r"\dAc",
        r"\dAf",
    ),
    *(
        r"\dAo",
        r"\dAp",
        r"\db",
        r"\dc",
        r"\dconfig",
        r"\dC",
        r"\dd",
        r"\dD",
        r"\ddp",
        r"\dE",
        r"\des",
        r"\det",
    ),
    *(
        r"\deu",
        r"\dew",
        r"\df",
        r"\dF",
        r"\dFd",
        r"\dFp",
        r"\dFt",
        r"\dg",
        r"\di",
        r"\dl",
        r"\dL",
        r"\dm",
        r"\dn",
    ),
    *(
        r"\dn+",
        r"\do",
        r"\dO",
        r"\dp",
        r"\dP",
        r"\drds",
        r"\dRp",
        r"\dRs",
        r"\ds",
        r"\dt",
        r"\dt sagemaker.*",
    ),
    *(r"\dt+ s3.*", r"\dT", r"\du", r"\dv", r"\dx", r"\dX", r"\dy", r"\l", r"\l+", r"\z"),
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with sqlprov.connect(local=True) as base, serve(base) as running:
        yield running


def run_psql(server: Server, *words: str, database: str = "aws") -> subprocess.CompletedProcess[str]:
    host, port = server.address
    command = ["psql", "-X", "-h", host, "-p", str(port), "-U", "ada", "-d", database, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_describes_something_is_answered(server: Server, command: str) -> None:
    done = run_psql(server, "-c", command)
    assert "ERROR" not in done.stderr


def test_a_table_is_described_with_its_columns_and_key(server: Server) -> None:
    shown = run_psql(server, "-c", r"\d sagemaker.models").stdout
    assert 'Table "sagemaker.models"' in shown
    assert " model_name " in shown
    assert '"models_pkey" PRIMARY KEY, btree (region, model_name)' in shown


def test_tables_are_listed_by_schema(server: Server) -> None:
    listed = run_psql(server, "-A", "-t", "-c", r"\dt s3.b*").stdout
    assert "s3|buckets|table|ada" in listed.splitlines()


def test_rows_are_printed_and_exported(server: Server) -> None:
    query = "SELECT model_name FROM sagemaker.models WHERE model_name LIKE 'churn-v%' ORDER BY 1 LIMIT 1"
    assert run_psql(server, "-A", "-t", "-c", query).stdout == "churn-v1\n"
    assert run_psql(server, "--csv", "-c", query).stdout == "model_name\nchurn-v1\n"
    assert run_psql(server, "-c", f"\\copy ({query}) TO STDOUT (FORMAT csv)").stdout == "churn-v1\n"
    assert (
        run_psql(server, "-A", "-t", "-v", "FETCH_COUNT=2", "-c", "SELECT * FROM range(5)").stdout
        == "0\n1\n2\n3\n4\n"
    )


def test_an_error_points_at_its_place(server: Server) -> None:
    failed = run_psql(server, "-c", "SELECT model_nam FROM sagemaker.models")
    assert "LINE 1: SELECT model_nam FROM sagemaker.models\n               ^" in failed.stderr
    assert failed.returncode == 1

"""What a statement loads: no more than it needs, for that is most of the time of a program that runs one."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from sqlprov.emulator import Emulator

HEAVY = (
    *("boto3", "botocore", "pyarrow.dataset", "pyarrow.compute", "substrait", "yaml", "rich", "sqlglot"),
    *("click", "jinja2", "prompt_toolkit", "pygments", "IPython", "jsonpatch"),
)
TABLE = "aws.sagemaker.inference_experiments"
LIBRARY = "import sqlprov; sqlprov.connect().sql({sql!r}).fetchall()"
PROGRAM = (
    "from sqlprov.frontends.cli import cli; cli(['exec', '-o', 'jsonl', {sql!r}], standalone_mode=False)"
)


def loaded(code: str, sql: str, emulator: Emulator) -> set[str]:
    """Those of HEAVY that a fresh interpreter has loaded when it has run a statement."""
    keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "us-east-1"}
    told = f"import json, sys; print(json.dumps([name for name in {HEAVY} if name in sys.modules]), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"{code.format(sql=sql)}\n{told}"],
        env={**os.environ, **keys, "AWS_ENDPOINT_URL": emulator.url},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    ("code", "sql", "most"),
    [
        (LIBRARY, "SELECT 1", set()),
        (PROGRAM, "SELECT 1", {"click"}),
        (
            LIBRARY,
            f"SELECT name FROM {TABLE} WHERE status = 'Running'",
            {"boto3", "botocore", "pyarrow.dataset", "pyarrow.compute", "substrait", "yaml"},
        ),
        (
            LIBRARY,
            f"SELECT name FROM {TABLE} WHERE region LIKE 'eu-%'",
            {"boto3", "botocore", "pyarrow.dataset", "pyarrow.compute", "substrait", "yaml", "sqlglot"},
        ),
    ],
    ids=["library", "program", "live", "live, with regions"],
)
def test_a_statement_loads_what_it_needs(code: str, sql: str, most: set[str], seeded: Emulator) -> None:
    assert loaded(code, sql, seeded) == most

"""A program that does not close its connections ends quietly and leaves nothing behind."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from typing import Any

import pytest

import sqlprov
from sqlprov.emulator import Emulator

QUERY = "SELECT name, endpoint_name FROM aws.sagemaker.inference_experiments WHERE region = 'us-east-1'"
WITH_PLAN = "SELECT count(*) FROM aws.sagemaker.models WHERE region LIKE 'us-e%'"
PROGRAMS = {
    "a connection in a function": "con.sql(QUERY).fetchall()",
    "a prediction": "con.sql('EXPLAIN ' + QUERY).fetchall()",
    "a half-read result": "con.sql(QUERY).fetchone(); kept = con.sql(QUERY); kept.fetchone()",
    "a cursor outlives its connection": "kept = con.cursor(); kept.sql(QUERY).fetchone(); del con; kept.sql(QUERY)",
    "a catalog statement after a query with a plan": (
        "con.sql(WITH_PLAN).fetchone(); kept = con.sql('SHOW METHODS IN aws.sagemaker.models')"
    ),
    "an error": "with contextlib.suppress(sqlprov.UnknownName): con.sql('SELECT nothing FROM aws.sagemaker.models')",
    "another thread closes": (
        "con.sql(QUERY).fetchone(); closing = threading.Thread(target=con.close); closing.start(); closing.join()"
    ),
}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.mark.parametrize("steps", PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_that_closes_nothing_ends_without_output(seeded: Emulator, steps: str) -> None:
    text = f"""
        import contextlib, threading, sqlprov
        QUERY, WITH_PLAN = {QUERY!r}, {WITH_PLAN!r}
        def work():
            con = sqlprov.connect(endpoint_url={seeded.url!r})
            {steps}
        work()
    """
    program = textwrap.dedent(text)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=600
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_connection_without_references_is_closed_with_its_threads(seeded: Emulator) -> None:
    def threads() -> set[threading.Thread]:
        return {each for each in threading.enumerate() if each.name.startswith("sqlprov")}

    def work() -> list[weakref.ref[Any]]:
        connection = sqlprov.connect(endpoint_url=seeded.url, region="us-east-1")
        connection.sql(QUERY).fetchall()
        cursor = connection.cursor()
        cursor.sql(QUERY).fetchone()
        return [weakref.ref(connection), weakref.ref(cursor), weakref.ref(connection._session)]

    before = threads()
    left = work()
    end = time.monotonic() + 30
    while threads() - before or any(each() for each in left):
        assert time.monotonic() < end, (threads() - before, left)
        gc.collect()
        time.sleep(0.02)

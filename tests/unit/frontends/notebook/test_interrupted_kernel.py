from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from emulator_calls import wait_until, wait_until_idle
from jupyter_client.manager import start_new_kernel

from sqlprov.emulator import Emulator

NO_MATCH = "SELECT name FROM aws.sagemaker.inference_experiments WHERE description = 'none of them'"
PATIENCE = 60
"""Seconds for a step that takes one or two on an idle machine."""


@pytest.fixture(scope="module")
def kernel(slow_em: Emulator) -> Iterator[tuple[Any, Callable[[str], Iterator[dict[str, Any]]]]]:
    """A kernel with the tables attached to a DuckDB connection, and a function that runs a cell in it."""
    manager, client = start_new_kernel(startup_timeout=PATIENCE, stderr=subprocess.DEVNULL)

    def run(code: str) -> Iterator[dict[str, Any]]:
        sent = client.execute(code)
        while True:
            message = client.get_iopub_msg(timeout=PATIENCE)
            if message["parent_header"].get("msg_id") == sent:
                yield message
                if message["content"].get("execution_state") == "idle":
                    return

    setup = f"""
        import duckdb, sqlprov
        con = duckdb.connect()
        attached = sqlprov.attach(con, "sagemaker", regions="us-east-1", endpoint_url={slow_em.url!r})
        %load_ext sqlprov
        %sqlprov --endpoint-url {slow_em.url} --region us-east-1
    """
    assert not [each for each in run("\n".join(map(str.strip, setup.splitlines()))) if is_error(each)]
    yield manager, run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def is_error(message: dict[str, Any]) -> bool:
    return bool(message["msg_type"] == "error")


@pytest.mark.parametrize("cell", [f'con.sql("{NO_MATCH}").fetchall()', f"%sqlprov {NO_MATCH}"])
def test_interrupting_the_kernel_ends_a_cell_and_its_calls(
    kernel: tuple[Any, Callable[[str], Iterator[dict[str, Any]]]], slow_em: Emulator, cell: str
) -> None:
    manager, run = kernel
    slow_em.reset_calls()
    messages = run(cell)
    next(messages)  # the kernel is busy
    wait_until(lambda: len(slow_em.calls) >= 5, PATIENCE)
    manager.interrupt_kernel()
    assert [is_error(each) for each in messages].count(True) == 1
    assert wait_until_idle(slow_em) < 200
    texts = [each["content"]["data"]["text/plain"] for each in run("40 + 2") if "data" in each["content"]]
    assert texts == ["42"]

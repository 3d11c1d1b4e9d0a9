"""A Spark cluster of two workers, or a server of Sail, whichever is installed; `make test-spark` installs them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from emulator_calls import wait_until

import sqlprov

SAIL = find_spec("pysail") is not None
only_spark = pytest.mark.skipif(SAIL, reason="Sail repeats no task")
KEY, SECRET = "AKIAONLYFORTHISTEST", "secret-only-for-this-test"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}


@contextmanager
def start(folder: Path, *, has_hosts: bool = False, **settings: str) -> Iterator[Any]:
    """A session of Sail, or of a Spark cluster with two workers of one core.

    They inherit the package, and credentials as an instance profile would give them.

    Args:
        folder: for checkpoints and the workers' files.
        has_hosts: whether each worker has an address of its own.
        settings: of Spark, with _ for a dot.
    """
    root = str(Path(sqlprov.__file__).parents[1])
    inherited = {**CREDENTIALS, "PYSPARK_PYTHON": sys.executable, "PYTHONPATH": root}
    inherited |= {"SAIL_EXECUTION__CHECKPOINT__PATH": folder.as_uri()}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in inherited.items():
            patch.setenv(name, value)
        if SAIL:
            yield from _start_sail()
        elif has_hosts:
            with _start_hosts(folder) as master:
                yield from _start_spark(master, settings)
        else:
            yield from _start_spark("local-cluster[2,1,1024]", settings)


def _start_sail() -> Iterator[Any]:
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    server = SparkConnectServer(ip="127.0.0.1", port=0)
    server.start(background=True)
    host, port = server.listening_address
    session = SparkSession.builder.remote(f"sc://{host}:{port}").getOrCreate()
    yield session
    session.stop()
    server.stop()


def _start_spark(master: str, settings: dict[str, str]) -> Iterator[Any]:
    from pyspark.sql import SparkSession

    quiet = {"spark_ui_enabled": "false", "spark_ui_showConsoleProgress": "false", "spark_log_level": "OFF"}
    builder = SparkSession.builder.master(master)
    for name, value in {**quiet, "spark_driver_host": "127.0.0.1", **settings}.items():
        builder = builder.config(name.replace("_", "."), value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@contextmanager
def _start_hosts(folder: Path) -> Iterator[str]:
    """The URL of a master with two workers; Spark runs a task a second time on another host only."""
    import pyspark

    home = Path(pyspark.__file__).parent
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    url = f"spark://127.0.0.1:{port}"
    memory = ["--cores", "1", "--memory", "1g", "--work-dir", str(folder), url]
    words = [["master.Master", "--host", "127.0.0.1", "--port", port, "--webui-port", "0"]]
    words += [["worker.Worker", "--host", f"127.0.0.{n}", "--webui-port", "0", *memory] for n in (1, 2)]
    running = [
        subprocess.Popen(
            [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}", *more],
            env={**os.environ, "SPARK_HOME": str(home)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name, *more in words
    ]
    try:
        wait_until(lambda: _is_open(int(port)), 120)  # Spark gives up after a minute
        yield url
    finally:
        for each in running:
            each.terminate()
            each.wait()


def _is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def kill_python_workers() -> int:
    """The number of this process's Python workers, which are killed."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    killed = 0
    for process in parents:
        above = process
        while above in parents and above != os.getpid():
            above = parents[above]
        with suppress(OSError):
            is_worker = b"pyspark.daemon" in Path(f"/proc/{process}/cmdline").read_bytes()
            if above == os.getpid() and is_worker:
                os.kill(process, signal.SIGKILL)
                killed += 1
    return killed

"""Runs Python programs in forks of a server that has imported sqlprov, DuckDB and botocore.

Importing them takes most of the time of a short command. A client, which is this module as a program, stands for the
command: it passes its words, environment, folder and files to the server and signals to the fork, and ends as the fork
ends. That a fresh process works is tested by those that need signals, a terminal or their own process.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import Any

_address = ""


def command(*words: str) -> list[str]:
    """The command that runs what `python -W error` would run: a script or -m and a module, and their words."""
    return [sys.executable, "-I", "-S", __file__, _start(), *words]


def _start() -> str:
    """The address of this process's server, which ends with this process."""
    global _address
    if not _address:
        import atexit
        import subprocess

        words = [sys.executable, "-W", "error", __file__]
        server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert server.stdout is not None
        _address = server.stdout.readline().decode().strip()
        atexit.register(server.communicate)  # closes its standard input, which ends it, and waits
    return _address


def run(address: str, words: list[str]) -> None:
    """The client."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(f"\0{address}")
        socket.send_fds(server, [b"."], [0, 1, 2])
        server.sendall(repr((words, os.getcwd(), dict(os.environ))).encode())  # noqa: PTH109  pathlib is slow to import
        server.shutdown(socket.SHUT_WR)
        pid = int(server.recv(16))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: os.kill(pid, number))
        status = int(server.recv(16))
    if os.WIFSIGNALED(status):
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status))


def serve() -> list[str]:
    """The server; returns the words of its program in each fork."""
    import ast
    import gc
    import importlib
    import pkgutil
    import select
    import warnings

    import boto3  # noqa: F401

    import sqlprov
    from sqlprov.catalog import Catalog

    for module in pkgutil.walk_packages(sqlprov.__path__, "sqlprov."):
        # What needs the library of an extra, which need not be there.
        parts = ("mcp", "notebook", "serve", "spark", "sqlalchemy")
        left_out = ("sqlprov.__main__", "sqlprov.spark", *(f"sqlprov.frontends.{each}" for each in parts))
        if not module.name.startswith(left_out):
            importlib.import_module(module.name)
    Catalog().get_table("aws", "sagemaker", "models")
    gc.freeze()
    warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)  # of jemalloc's threads
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("")  # an address that is free
    listener.listen(64)
    print(listener.getsockname()[1:].decode(), flush=True)
    while 0 not in select.select([listener, 0], [], [])[0]:
        client, _ = listener.accept()
        if os.fork():
            client.close()
            continue
        listener.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _, files, _, _ = socket.recv_fds(client, 1, 3)
        with client.makefile() as text:
            words, folder, environment = ast.literal_eval(text.read())
        if pid := os.fork():
            client.sendall(b"%16d" % pid)
            for file in (0, 1, 2, *files):
                os.close(file)
            client.sendall(b"%16d" % os.waitpid(pid, 0)[1])
            os._exit(0)
        client.close()
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        return words
    os._exit(0)


def become(words: list[str]) -> None:
    """Run a program in this process, as a new one would."""
    import runpy
    from pathlib import Path

    def open_text(file: int, mode: str, **more: Any) -> Any:
        return open(file, mode, encoding="utf-8", closefd=False, **more)

    sys.stdin = sys.__stdin__ = open_text(0, "r")
    sys.stdout = sys.__stdout__ = open_text(1, "w")
    sys.stdout.reconfigure(write_through=bool(os.environ.get("PYTHONUNBUFFERED")))
    sys.stderr = sys.__stderr__ = open_text(2, "w", errors="backslashreplace", buffering=1)
    if words[0] == "-m":
        sys.argv, sys.path[0] = ["-m", *words[2:]], str(Path.cwd())
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv, sys.path[0] = words, str(Path(words[0]).parent)
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    if sys.argv[1:]:
        run(sys.argv[1], sys.argv[2:])
    become(serve())

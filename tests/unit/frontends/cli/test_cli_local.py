"""`--local` keeps its state between commands; `local serve` shares it with other clients, `local reset` forgets it."""

from __future__ import annotations

import os
import signal
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from command_line import CommandLine

COUNT = "SELECT count(*) AS n FROM aws.sagemaker.models WHERE region = 'us-east-1'"
ROLE = "arn:aws:iam::123456789012:role/service"


@contextmanager
def server(shell: CommandLine) -> Iterator[Any]:
    """A plain boto3 client of `sqlprov local serve`, as the line it prints says."""
    process = shell.start("local", "serve", "--port", "0")
    assert process.stdout
    line = process.stdout.readline()
    assert line.startswith("export ")
    env = dict(word.split("=", 1) for word in line.split()[1:])
    client = boto3.client(
        "sagemaker",
        endpoint_url=env["AWS_ENDPOINT_URL"],
        region_name=env["AWS_REGION"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
    )
    try:
        yield client
    finally:
        client.close()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=600)
    assert (process.returncode, out, err) == (0, "", "")


def count(shell: CommandLine) -> int:
    ended = shell.run("exec", "--local", "-o", "csv", COUNT)
    assert ended.err == ""
    return int(ended.out.splitlines()[1])


def test_what_one_command_writes_the_next_one_sees_until_the_reset(shell: CommandLine) -> None:
    before = count(shell)
    assert before > 0
    with server(shell) as client:
        client.create_model(
            ModelName="made-by-boto3", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "i:1"}
        )
        assert count(shell) == before + 1
    assert count(shell) == before + 1
    assert shell.run("local", "reset").out.startswith("Removed ")
    assert count(shell) == before


def test_serve_alone_has_the_sample_data(shell: CommandLine) -> None:
    with server(shell) as client:
        assert client.list_models()["Models"]


def test_a_port_that_is_taken_is_an_error_that_names_it(shell: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = shell.run("local", "serve", "--port", str(port))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"Error: Cannot listen on port {port}: Address already in use. ")


def test_a_reset_of_nothing_says_so(shell: CommandLine) -> None:
    ended = shell.run("local", "reset")
    assert (ended.code, ended.out) == (0, f"There was no {shell.env['SQLPROV_STATE_DIR']}/local.sqlite\n")


def test_the_state_belongs_to_the_user_alone(shell: CommandLine) -> None:
    folder = Path(shell.env["SQLPROV_STATE_DIR"])
    before = os.umask(0)
    try:
        count(shell)
        state = folder / "local.sqlite"
        assert [*folder.iterdir()] == [state]
        assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, state)] == [0o700, 0o600]
        state.chmod(0o644)  # as an earlier version made it
        count(shell)
    finally:
        os.umask(before)
    assert stat.S_IMODE(state.stat().st_mode) == 0o600


def test_the_state_folder_may_be_anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from sqlprov.local import find_state_path

    monkeypatch.setenv("SQLPROV_STATE_DIR", str(tmp_path / "a" / "b"))
    assert find_state_path() == tmp_path / "a" / "b" / "local.sqlite"
    monkeypatch.delenv("SQLPROV_STATE_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert find_state_path() == tmp_path / "xdg" / "sqlprov" / "local.sqlite"

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Iterator

import forked
import pytest
from command_line import CommandLine

from sqlprov.emulator import Emulator, Options

TABLE = "aws.sagemaker.inference_experiments"
REGION = "us-east-1"
START = (
    f"/*+ AWAIT */ UPDATE {TABLE} SET desired_state = 'Running' WHERE name = 'slow' AND region = '{REGION}'"
)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(Options(transition=1.5)) as running:
        running.add("InferenceExperiment", REGION, {"Name": "slow", "Status": "Created"})
        yield running


def test_with_progress_the_rows_waited_for_are_printed_on_stderr(cloud: CommandLine) -> None:
    ended = cloud.run("exec", "--progress", START)
    waited, *_ = ended.err.splitlines()
    assert waited.startswith("waiting: slow is Starting, ")
    assert ended.err.count("waiting: ") == 1  # the state did not change, and the wait was not long
    assert ended.err.splitlines()[-1].startswith("ok      slow in us-east-1")
    assert (ended.code, ended.out) == (0, "")


def test_without_a_terminal_waits_are_not_printed(cloud: CommandLine) -> None:
    ended = cloud.run("exec", START)
    assert (ended.code, "waiting" in ended.err) == (0, False)


@pytest.mark.parametrize(("words", "printed"), [([], True), (["--no-progress"], False)])
def test_on_a_terminal_waits_are_printed_unless_turned_off(
    cloud: CommandLine, words: list[str], printed: bool
) -> None:
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            forked.command("-m", "sqlprov", "exec", *words, START),
            env=cloud.env,
            stdout=subprocess.PIPE,
            stderr=theirs,
            timeout=600,
        )
    finally:
        os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert (done.returncode, done.stdout) == (0, b"")
    assert ("waiting: slow is Starting" in shown) == printed
    assert "ok      slow" in shown


def test_a_read_prints_no_waits(cloud: CommandLine) -> None:
    ended = cloud.run(
        "exec", "--progress", "-o", "json", f"SELECT name FROM {TABLE} WHERE region = '{REGION}'"
    )
    assert json.loads(ended.out) == [{"name": "slow"}]
    assert ended.err == ""


@pytest.mark.parametrize(("words", "times"), [(["--progress"], 1), (["--progress", "-v"], 1), ([], 0)])
def test_the_start_of_moto_is_printed_once_before_the_rows(
    shell: CommandLine, words: list[str], times: int
) -> None:
    ended = shell.run("exec", "--local", *words, "SELECT count(*) FROM aws.sqs.queues; FROM aws.s3.buckets")
    assert ended.code == 0
    assert ended.err.count("The local AWS starts moto, which takes a few seconds.\n") == times


def test_without_a_request_for_moto_its_start_is_not_printed(shell: CommandLine) -> None:
    ended = shell.run("exec", "--local", "--progress", f"SELECT count(*) FROM {TABLE}")
    assert (ended.code, ended.err) == (0, "")

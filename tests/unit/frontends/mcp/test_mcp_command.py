"""`sqlprov mcp` as a process, over stdin and stdout and over HTTP."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx2 as httpx
import pytest
from click.testing import CliRunner
from command_line import COMMAND, environment
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from sqlprov.frontends.cli import cli

COUNT = "SELECT count(*) AS n FROM aws.sagemaker.models WHERE region = 'us-east-1'"
TOKEN = "correct-horse"
MESSAGE = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}


def run(transport: Any, work: Callable[[Client], Any]) -> Any:
    """What `work` returns for a client of the transport."""

    async def start() -> Any:
        async with Client(transport) as client:
            return await work(client)

    return anyio.run(start)


def count(client: Client) -> Any:
    return client.call_tool("query", {"sql": COUNT})


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on HTTP."""
    env = environment(tmp_path_factory.mktemp("state"), SQLPROV_MCP_TOKEN=TOKEN)
    words = [*COMMAND, "mcp", "--local", "--http", "0"]
    with subprocess.Popen(words, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        yield process.stderr.readline().strip()
        process.terminate()
        assert process.wait(30) == 143


def test_a_client_queries_over_stdin_and_stdout(tmp_path: Path) -> None:
    command, *words = [*COMMAND, "mcp", "--local"]
    parameters = StdioServerParameters(command=command, args=words, env=environment(tmp_path / "state"))
    answer = run(stdio_client(parameters), count)
    assert answer.structured_content["rows"] == [{"n": 10}]


def test_two_clients_with_the_token_query_over_http_at_once(url: str) -> None:
    async def query(answers: list[Any]) -> None:
        async with (
            httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            answers.append(await count(client))

    async def both() -> list[Any]:
        answers: list[Any] = []
        async with anyio.create_task_group() as group:
            group.start_soon(query, answers)
            group.start_soon(query, answers)
        return answers

    answers = anyio.run(both)
    assert [answer.structured_content["rows"] for answer in answers] == [[{"n": 10}]] * 2


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN])
def test_a_client_without_the_token_is_refused(url: str, header: str) -> None:
    headers = {"Authorization": header} if header else {}
    reply = httpx.post(url, json=MESSAGE, headers=headers)
    assert (reply.status_code, reply.headers["www-authenticate"]) == (401, "Bearer")


def test_a_page_of_another_host_is_refused(url: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/json, text/event-stream"}
    for name, value, status in (("Host", "evil.example", 421), ("Origin", "http://evil.example", 403)):
        assert httpx.post(url, json=MESSAGE, headers={**headers, name: value}).status_code == status


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--http", "0.0.0.0:1"], r"'0\.0\.0\.0' is not an address of this machine"),
        (["--http", "web"], "'web': expected a port, or HOST:PORT"),
        (["--mode", "write"], "'write' is not one of 'read', 'propose', 'full'"),
        (["--max-rows", "0"], "0 is not in the range"),
    ],
)
def test_wrong_options_are_refused(words: list[str], expected: str) -> None:
    ended = CliRunner().invoke(cli, ["mcp", *words])
    assert ended.exit_code == 2
    assert re.search(expected, " ".join(ended.output.split())), ended.output

"""`sqlprov mcp` under the Model Context Protocol's own inspector, from npm."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import environment

INSPECTOR = "@modelcontextprotocol/inspector@0.15.0"
DELETE = "DELETE FROM aws.sagemaker.models WHERE model_name = 'churn-v1' AND region = 'us-east-1'"


@pytest.fixture(scope="module")
def inspector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its command line."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("the inspector needs Node.js, which is not installed")
    folder = tmp_path_factory.mktemp("inspector")
    words = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", INSPECTOR]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600)
    if done.returncode:
        pytest.skip(f"npm cannot install the inspector: {done.stderr[-300:]}")
    return folder / "node_modules" / ".bin" / "mcp-inspector"


def run(inspector: Path, state: Path, *words: str) -> Any:
    server = [sys.executable, "-m", "sqlprov", "mcp", "--local", "--mode", "propose"]
    done = subprocess.run(
        [inspector, "--cli", *server, *words],
        env=environment(state),
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    return json.loads(done.stdout)


def call(inspector: Path, state: Path, tool: str, **arguments: str) -> dict[str, Any]:
    given = [word for name, value in arguments.items() for word in ("--tool-arg", f"{name}={value}")]
    answer = run(inspector, state, "--method", "tools/call", "--tool-name", tool, *given)
    assert not answer["isError"], answer
    content: dict[str, Any] = answer["structuredContent"]
    return content


def test_the_inspector_calls_every_tool_and_reads_the_resources(inspector: Path, tmp_path: Path) -> None:
    tools = {tool["name"] for tool in run(inspector, tmp_path, "--method", "tools/list")["tools"]}
    answers = {
        "list_tables": call(inspector, tmp_path, "list_tables", like="sagemaker.models"),
        "describe_table": call(inspector, tmp_path, "describe_table", table="aws.sagemaker.models"),
        "explain": call(inspector, tmp_path, "explain", sql="SELECT model_name FROM aws.sagemaker.models"),
        "query": call(inspector, tmp_path, "query", sql="SELECT count(*) AS n FROM aws.sagemaker.models"),
        "propose_write": call(inspector, tmp_path, "propose_write", sql=DELETE),
    }
    assert tools == {*answers, "apply_write"}
    assert answers["list_tables"]["tables"][0]["name"] == "aws.sagemaker.models"
    assert answers["query"]["rows"] == [{"n": 10}]
    assert answers["propose_write"]["calls"][0]["operation"] == "DeleteModel"
    words = ("--method", "tools/call", "--tool-name", "apply_write", "--tool-arg", "token=none")
    refused = run(inspector, tmp_path, *words)  # each command has a server of its own
    assert refused["isError"] and refused["structuredContent"]["error"]["class"] == "UnknownName"
    resources = run(inspector, tmp_path, "--method", "resources/list")["resources"]
    assert "sqlprov://docs/sql" in [each["uri"] for each in resources]

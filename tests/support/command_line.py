"""Runs `sqlprov` as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import forked

COMMAND = [sys.executable, "-W", "error", "-m", "sqlprov"]


@dataclass(frozen=True)
class CommandResult:
    code: int
    out: str
    err: str


def environment(state: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "SQLPROV_STATE_DIR": str(state),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **more,
    }


@dataclass(frozen=True)
class CommandLine:
    env: dict[str, str]

    def run(self, *words: str, stdin: str = "") -> CommandResult:
        """Run a command to its end, in a fork."""
        command = forked.command("-m", "sqlprov", *words)
        done = subprocess.run(command, env=self.env, input=stdin, capture_output=True, text=True, timeout=600)
        assert "Traceback" not in done.stderr, done.stderr
        return CommandResult(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command in a process of its own."""
        return subprocess.Popen(
            [*COMMAND, *words], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

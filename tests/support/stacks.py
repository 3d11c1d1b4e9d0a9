"""Writes stacks and runs `sqlprov deploy`'s commands on them, against a local SageMaker."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlprov.api.connection import Connection
from sqlprov.errors import Error
from sqlprov.frontends.deploy.builder import Builder
from sqlprov.frontends.deploy.checker import Checker
from sqlprov.frontends.deploy.command import StackCommand
from sqlprov.frontends.deploy.events import Reporter
from sqlprov.frontends.deploy.planner import BuildPlanner, Planned
from sqlprov.frontends.deploy.runner import Runner
from sqlprov.frontends.deploy.stack import load_stack
from sqlprov.frontends.deploy.teardown import Teardown

ROLE = "arn:aws:iam::123456789012:role/service"
COMMANDS: dict[str, type[StackCommand]] = {"plan": BuildPlanner, "test": Checker, "teardown": Teardown}
VARIABLES = {"AWS_REGION": "us-east-1"}


def write_stack(folder: Path, manifest: str, **blocks: str) -> Path:
    """A stack's folder with a manifest and `.iql` files by the name of their resource."""
    (folder / "resources").mkdir(parents=True, exist_ok=True)
    (folder / "stackql_manifest.yml").write_text(textwrap.dedent(manifest))
    for name, text in blocks.items():
        (folder / "resources" / f"{name}.iql").write_text(textwrap.dedent(text))
    return folder


@dataclass
class StackRun:
    """What a command did.

    Attributes:
        lines: the events as text.
        events: (event, resource) pairs.
        sleeps: the pauses.
    """

    lines: list[str] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)
    details: list[dict[str, Any]] = field(default_factory=list)
    sleeps: list[float] = field(default_factory=list)
    error: Error | None = None
    outputs: dict[str, Any] = field(default_factory=dict)
    plan: list[Planned] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join([*self.lines, str(self.error or "")])

    def names(self, event: str) -> list[str]:
        """The resources with an event."""
        return [resource for name, resource in self.events if name == event]


def run_stack(
    con: Connection,
    folder: Path,
    command: str = "build",
    environment: str = "dev",
    variables: Mapping[str, str] = VARIABLES,
    on_failure: str = "error",
    shows_queries: bool = False,
    tag: bool = False,
    into: StackRun | None = None,
) -> StackRun:
    """Run a command; its error is in the result."""
    ran = into or StackRun()

    class Recorder(Reporter):
        def report(self, event: str, resource: str = "", text: str = "", **details: Any) -> None:
            ran.events.append((event, resource))
            ran.details.append(details)
            super().report(event, resource, text, **details)

    try:
        stack = load_stack(folder, environment, variables, con.catalog, tag)
        recorder = Recorder(ran.lines.append)
        runner = Runner(con, recorder, shows_queries, command == "plan", ran.sleeps.append)
        stack_command = COMMANDS.get(command, Builder)(stack, runner, on_failure)
        stack_command.show() if command == "dry-run" else stack_command.run()
        ran.plan = stack_command.rows if isinstance(stack_command, BuildPlanner) else []
        ran.outputs = stack_command.read_outputs()
    except Error as error:
        ran.error = error
    return ran


def build_ok(con: Connection, folder: Path, **options: Any) -> StackRun:
    """A build that must succeed."""
    ran = run_stack(con, folder, **options)
    assert ran.error is None, ran.text
    return ran

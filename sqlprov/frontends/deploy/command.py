"""What all commands on a stack share: a resource's variables, its exports, its events, and the stack's outputs."""

from __future__ import annotations

import json
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlprov.errors import Error, OperationalError, ProgrammingError, UnknownName, format_count
from sqlprov.frontends.deploy.deployable import Deployable, select_exports
from sqlprov.frontends.deploy.events import PROTECTED
from sqlprov.frontends.deploy.filters import parse_json_text, parse_variable
from sqlprov.frontends.deploy.manifest import Problems, StackResource
from sqlprov.frontends.deploy.rendering import Context
from sqlprov.frontends.deploy.runner import Row, Runner, is_sure
from sqlprov.frontends.deploy.stack import Stack, find_maker
from sqlprov.frontends.deploy.table_resource import TableResource

ON_FAILURE = ("error", "ignore", "rollback")
EVALUATED = "<evaluated>"
"""In place of an export in a dry run."""


class StackCommand(ABC):
    """A command on a stack.

    Args:
        stack: the stack.
        runner: runs its statements.
        on_failure: one of ON_FAILURE.

    Attributes:
        failed: names of the resources that failed.
        finished: names of those that did not.
    """

    def __init__(self, stack: Stack, runner: Runner, on_failure: str = "error") -> None:
        self.stack, self.runner, self.on_failure = stack, runner, on_failure
        self.failed: list[str] = []
        self.finished: list[str] = []
        stack.renderer.protect = runner.reporter.protect
        self._began = time.monotonic()

    @abstractmethod
    def run(self) -> None:
        """Run the command; raises Error if a resource failed, unless failures are to be ignored."""

    def show(self) -> None:
        """Report the statements of each resource without running any."""
        for resource in self.stack.manifest.resources:
            context = self.stack.renderer.build_context(resource)
            if not self._is_met(resource, context):
                self.report("skipped", resource, "its condition is not met")
                continue
            if resource.run:
                self.report("script", resource, f"\n{self._render_script(resource, context)}")
            else:
                own = {name: EVALUATED for pair in resource.exports for name in pair}
                deployable = self.create(resource, {**own, **context})
                for name, text in deployable.list_queries().items():
                    self.report("query", resource, f"{name}\n{text}", block=name, sql=text)
            self.stack.renderer.export({name: EVALUATED for _, name in resource.exports})

    def read_outputs(self) -> dict[str, Any]:
        """The stack's exports, with the stack's name, environment and duration, as in `0:01:02.345678`."""
        context, manifest = self.stack.renderer.context, self.stack.manifest
        protected = {name for resource in manifest.resources for name in resource.protected}
        exports = {
            name: PROTECTED if name in protected else parse_variable(context.get(name))
            for name in manifest.exports
        }
        named = {"stack_name": manifest.name, "stack_env": self.stack.renderer.environment}
        exports = self.runner.reporter.hide(exports)
        return {**named, **exports, "elapsed_time": str(timedelta(seconds=time.monotonic() - self._began))}

    def write_outputs(self, file: Path) -> None:
        """Write `read_outputs` as JSON."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(self.read_outputs(), indent=2, ensure_ascii=False) + "\n", "utf-8")
        count = format_count(len(self.stack.manifest.exports), "variable")
        self.runner.reporter.report("wrote", text=f"{file} with {count}")

    # Resources

    def attempt(self, resource: StackResource, step: Callable[[StackResource], None]) -> None:
        """Run a step; a failure ends the command, unless failures are to be ignored."""
        try:
            step(resource)
            self.finished.append(resource.name)
        except Error as error:
            self.failed.append(resource.name)
            self.report("failed", resource, str(error), error=type(error).__name__)
            # What an unknown outcome left behind cannot be built upon.
            if self.on_failure != "ignore" or not is_sure(error):
                raise

    def check_values(self) -> None:
        """Raise one error for all properties that an INSERT would refuse, of resources that use no export."""
        problems = Problems()
        made = {name: each.name for each in self.stack.manifest.resources for _, name in each.exports}
        for resource in self.stack.manifest.resources:
            if not resource.table or find_maker(self.stack.list_uses(resource), made):
                continue
            try:
                context = self.stack.renderer.build_context(resource)
                if self._is_met(resource, context):
                    deployable = self.create(resource, context)
                    assert isinstance(deployable, TableResource)
                    deployable.check()
            except Error as error:
                problems.texts.append(str(error))
        problems.raise_all()

    def enter(self, resource: StackResource) -> Context | None:
        """The variables of a resource; `None` if its condition is not met, which is reported."""
        place, known = self.stack.locate(resource), self.stack.renderer.context
        made = {
            name: each.name
            for each in self.stack.manifest.resources
            for _, name in each.exports
            if each is not resource and name not in known
        }
        if maker := find_maker(self.stack.list_uses(resource), made):
            raise UnknownName(f"{place}: {resource.name} uses an export of {maker}, which has none.")
        context = self.stack.renderer.build_context(resource)
        if not self._is_met(resource, context):
            self.report("skipped", resource, "its condition is not met")
            return None
        return context

    def _is_met(self, resource: StackResource, context: Context) -> bool:
        place = self.stack.locate(resource)
        return not resource.condition or self.stack.renderer.is_met(resource.condition, context, place)

    def create(self, resource: StackResource, context: Context) -> Deployable:
        """The resource with its variables; raises Error if its properties cannot be rendered."""
        return self.stack.create_deployable(resource, context, self.runner)

    def export(
        self, resource: StackResource, deployable: Deployable, may_be_missing: bool = False
    ) -> dict[str, Any]:
        """Make the exports of a resource the variables of later ones, and return them.

        Raises:
            ProgrammingError: there is not one row with them; with `may_be_missing`, there are several.
        """
        if not resource.exports and resource.type != "query":
            return {}
        rows = deployable.read_exports()
        if not resource.exports or (may_be_missing and not rows):
            return {}
        return self._publish(resource, rows)

    def _publish(self, resource: StackResource, rows: list[Row]) -> dict[str, Any]:
        values = select_exports(resource, rows, self.stack.locate(resource))
        for name in resource.protected:
            self.runner.reporter.protect(values.get(name))
        self.stack.renderer.export(values)
        if not self.runner.is_dry:
            text = ", ".join(f"{name} = {format_value(value)}" for name, value in values.items())
            self.report("exported", resource, text, values=values)
        return values

    def _render_script(self, resource: StackResource, context: Context) -> str:
        return str(self.stack.renderer.render_value(resource.run, context, self.stack.locate(resource)))

    def run_script(self, resource: StackResource, context: Context) -> dict[str, Any]:
        """Run a script and export what it prints as a JSON object."""
        command = self._render_script(resource, context)
        done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, text=True, cwd=Path.cwd())
        place = self.stack.locate(resource)
        if done.returncode:
            raise OperationalError(
                f"{place}: the script {resource.name} ended with exit code {done.returncode}."
            )
        if not resource.exports:
            self.report("ran", resource)
            return {}
        printed = parse_json_text(done.stdout)
        if not isinstance(printed, dict):
            raise ProgrammingError(
                f"{place}: the script {resource.name} printed no JSON object; expected its exports."
            )
        return self._publish(resource, [printed])

    def report(self, event: str, resource: StackResource, text: str = "", **details: Any) -> None:
        self.runner.reporter.report(event, resource.name, text, **details)


def format_uncompared(deployable: Deployable) -> str:
    """The properties of a row as it should be that no read returns; empty if there are none."""
    names = deployable.list_uncompared()
    return f"not compared: {', '.join(names)}" if names else ""


def format_value(value: Any) -> str:
    """A value as events and plans show it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)

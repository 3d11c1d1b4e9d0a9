"""Plans, builds, tests and tears down a stack."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlprov.errors import Error, OperationalError, ProgrammingError, UnknownName, format_count
from sqlprov.frontends.deploy.events import PROTECTED, BufferedReporter
from sqlprov.frontends.deploy.manifest import Problems, StackResource
from sqlprov.frontends.deploy.rendering import (
    Context,
    is_met,
    list_texts,
    parse_json_text,
    parse_variable,
    render_value,
)
from sqlprov.frontends.deploy.resources import (
    Deployable,
    Runner,
    SqlResource,
    State,
    TableResource,
    is_sure,
    select_exports,
)
from sqlprov.frontends.deploy.stack import Stack, find_maker
from sqlprov.records import dataclass

ON_FAILURE = ("error", "ignore", "rollback")
MOST_AT_ONCE = 8
"""Resources that are built at the same time."""
EVALUATED = "<evaluated>"
"""In place of an export in a dry run."""


@dataclass(frozen=True)
class Planned:
    """One row of a plan.

    Attributes:
        action: create, create or update, update, replace, run, skip or none.
        field, old, new: of an update or a replacement.
        calls: operations, separated by commas.
        permissions: IAM actions of the calls.
    """

    resource: str
    action: str
    field: str = ""
    old: str = ""
    new: str = ""
    calls: str = ""
    permissions: tuple[str, ...] = ()


class Deployment:
    """A command on a stack.

    Args:
        stack: the stack.
        runner: runs its statements.
        on_failure: one of ON_FAILURE.

    Attributes:
        failed: names of the resources that failed.
    """

    def __init__(self, stack: Stack, runner: Runner, on_failure: str = "error") -> None:
        self.stack, self.runner, self.on_failure = stack, runner, on_failure
        self.failed: list[str] = []
        self._created: list[Deployable] = []
        self._finished: list[str] = []
        self._began = time.monotonic()

    # Commands

    def build(self) -> None:
        """Create what does not exist and update what differs.

        Raises:
            Error: a resource failed, unless failures are to be ignored.
        """
        self._check_values()
        try:
            for group in self._group():
                if len(group) == 1:
                    self._attempt(group[0], self._build)
                else:
                    self._build_together(group)
        except KeyboardInterrupt:
            self._report_interrupt()
            raise
        except Error:
            if self.on_failure == "rollback":
                self._roll_back()
            raise

    def test(self) -> None:
        """Check that each resource is as it should be; raises Error for the first that is not."""
        for resource in self.stack.manifest.resources:
            self._attempt(resource, self._test)

    def teardown(self) -> None:
        """Delete the resources in reverse order; raises Error if one cannot be deleted."""
        contexts = self._collect_exports()
        for resource in reversed(self.stack.manifest.resources):
            if resource.type in ("resource", "multi"):
                self._attempt(resource, lambda each: self._tear_down(each, contexts))

    def plan(self) -> Iterator[Planned]:
        """What a build would do; nothing is written."""
        self._check_values()
        unknown: dict[str, str] = {}
        for resource in self.stack.manifest.resources:
            maker = find_maker(self.stack.list_uses(resource), unknown)
            actions = [] if maker else list(self._plan(resource))
            if maker:
                action = "create" if resource.type in ("resource", "multi") else "run"
                actions = [Planned(resource.name, action, new=f"after {maker}")]
            if any(each.action not in ("none", "skip") for each in actions):
                unknown |= {
                    name: resource.name
                    for _, name in resource.exports
                    if name not in self.stack.renderer.exported
                }
            yield from actions

    def show(self) -> None:
        """Report the statements of each resource without running any."""
        for resource in self.stack.manifest.resources:
            context = self.stack.renderer.build_context(resource)
            if resource.condition and not is_met(resource.condition, context, self.stack.locate(resource)):
                self._report("skipped", resource, "its condition is not met")
                continue
            if resource.run:
                self._report("script", resource, f"\n{self._render_script(resource, context)}")
            else:
                own = {name: EVALUATED for pair in resource.exports for name in pair}
                deployable = self._create(resource, {**own, **context})
                for name, text in deployable.list_queries().items():
                    self._report("query", resource, f"{name}\n{text}", block=name, sql=text)
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
        return {**named, **exports, "elapsed_time": str(timedelta(seconds=time.monotonic() - self._began))}

    def write_outputs(self, file: Path) -> None:
        """Write `read_outputs` as JSON."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(self.read_outputs(), indent=2, ensure_ascii=False) + "\n", "utf-8")
        count = format_count(len(self.stack.manifest.exports), "variable")
        self.runner.reporter.report("wrote", text=f"{file} with {count}")

    # Groups

    def _group(self) -> Iterator[list[StackResource]]:
        """The resources in order; neighbors with tables are together if none uses another's export or key."""
        group: list[StackResource] = []
        exports: set[str] = set()
        keys: set[str] = set()
        for resource in self.stack.manifest.resources:
            texts = self._list_values(resource) if not exports & self.stack.list_uses(resource) else {}
            if group and (not texts or any(_mentions(text, key) for text in texts for key in keys)):
                yield group
                group, exports, keys = [], set(), set()
                texts = self._list_values(resource)
            if not texts:
                yield [resource]
                continue
            group.append(resource)
            exports |= {name for _, name in resource.exports}
            keys |= {text for text, is_key in texts.items() if is_key}
        if group:
            yield group

    def _list_values(self, resource: StackResource) -> dict[str, bool]:
        """Each text in the values of a row -> whether it identifies it; empty if they are not known yet."""
        made = {name for each in self.stack.manifest.resources for _, name in each.exports}
        unknown = made - self.stack.renderer.context.keys()
        if not resource.table or unknown & self.stack.list_uses(resource):
            return {}
        deployable = self._create(resource, self.stack.renderer.build_context(resource))
        assert isinstance(deployable, TableResource)
        texts = list_texts([parse_json_text(each) for each in deployable.values.values()])
        values = {text: _mentions(deployable.condition, text) for text in texts if text}
        return values | dict.fromkeys(filter(None, deployable.identity.values()), True)

    def _build_together(self, group: list[StackResource]) -> None:
        """Build resources at once; their events keep the order of the manifest."""
        main = self.runner
        members = []
        for _ in group:
            runner = replace(
                main, connection=main.connection.cursor(), reporter=BufferedReporter(main.reporter)
            )
            members.append(Deployment(self.stack, runner, self.on_failure))
        try:
            with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
                ended = [
                    pool.submit(member._attempt, resource, member._build)
                    for member, resource in zip(members, group, strict=True)
                ]
                try:
                    wait(ended)
                except KeyboardInterrupt:
                    for member in members:
                        member.runner.connection.cancel()
                    raise
        finally:
            for member in members:
                assert isinstance(member.runner.reporter, BufferedReporter)
                member.runner.reporter.flush()
                member.runner.connection.close()
                self._created += member._created
                self._finished += member._finished
                self.failed += member.failed
        for each in ended:
            each.result()

    # Steps

    def _attempt(self, resource: StackResource, step: Callable[[StackResource], None]) -> None:
        """Run a step; a failure ends the command, unless failures are to be ignored."""
        try:
            step(resource)
            self._finished.append(resource.name)
        except Error as error:
            self.failed.append(resource.name)
            self._report("failed", resource, str(error), error=type(error).__name__)
            # What an unknown outcome left behind cannot be built upon.
            if self.on_failure != "ignore" or not is_sure(error):
                raise

    def _build(self, resource: StackResource) -> None:
        if (context := self._enter(resource)) is None:
            return
        if resource.type == "script":
            self._run_script(resource, context)
            return
        deployable = self._create(resource, context)
        if resource.type == "command":
            assert isinstance(deployable, SqlResource)
            deployable.run_command()
            self._report("ran", resource)
        elif resource.type == "query":
            pass
        else:
            with self.runner.awaiting(self.stack.is_used_later(resource)):
                self._apply(resource, deployable)
        self._export(resource, deployable)

    def _apply(self, resource: StackResource, deployable: Deployable) -> None:
        state = deployable.find_state()
        if state is State.RIGHT:
            if self.stack.is_used_later(resource):
                deployable.settle()
            self._report("unchanged", resource)
            return
        is_new = state is State.ABSENT
        try:
            deployable.create() if state in (State.ABSENT, State.UNCHECKED) else deployable.update()
        except Error as error:
            if resource.type != "multi" or not is_sure(error):
                raise
            self._report("warning", resource, f"{error} The checks of a `multi` resource decide.")
        else:
            if not self.runner.took_effect:
                self._report("unchanged", resource, "its statements changed nothing in AWS")
            else:
                self._report("created" if is_new else "updated", resource)
        finally:
            if is_new and self.runner.took_effect:
                self._created.append(deployable)
        if not resource.skips_validation and not deployable.is_right():
            raise OperationalError(
                f"{resource.name} is not as it should be after its build{deployable.explain()}."
            )

    def _test(self, resource: StackResource) -> None:
        if resource.type == "command" or (context := self._enter(resource)) is None:
            return
        if resource.type == "script":
            if resource.exports:
                self._run_script(resource, context)
            return
        deployable = self._create(resource, context)
        if resource.type != "query" and not resource.skips_validation:
            if (
                isinstance(deployable, SqlResource)
                and not {"statecheck", "exports", "exists"} & deployable.blocks.keys()
            ):
                raise ProgrammingError(
                    f"{resource.name} has none of the blocks statecheck, exports and exists."
                )
            if not deployable.is_right():
                raise OperationalError(f"{resource.name} is not as it should be{deployable.explain()}.")
            self._report("passed", resource)
        self._export(resource, deployable)

    def _tear_down(self, resource: StackResource, contexts: Mapping[str, Context | str]) -> None:
        context = contexts.get(resource.name)
        if context is None:
            return
        if isinstance(context, str):
            self._report("skipped", resource, context)
            return
        deployable = self._create(resource, context)
        # Some of a `multi` resource may exist where its count says no.
        if resource.type == "resource" and deployable.exists() is False:
            self._report("absent", resource)
            return
        try:
            event = deployable.delete()
        except Error as error:
            if resource.type != "multi" or not is_sure(error):
                raise
            self._report("warning", resource, str(error))
            return
        self._report(event, resource, "no block `delete`" if event == "kept" else "")

    def _collect_exports(self) -> dict[str, Context | str]:
        """Resource -> its variables, with its own exports, or why it cannot be looked up."""
        contexts: dict[str, Context | str] = {}
        missing: dict[str, str] = {}
        for resource in self.stack.manifest.resources:
            if resource.type == "command":
                continue
            if maker := find_maker(self.stack.list_uses(resource), missing):
                contexts[resource.name] = f"it uses an export of {maker}, which does not exist"
                missing |= {name: maker for _, name in resource.exports}
                continue
            if (context := self._enter(resource)) is None:
                continue
            own: dict[str, Any] = {}
            if resource.exports:
                own = self._collect(resource, context)
                if not own:
                    missing |= {name: resource.name for _, name in resource.exports}
            columns = {column: own[name] for column, name in resource.exports if name in own}
            contexts[resource.name] = {**columns, **context, **own}
        # A block `delete` that uses an own export of a row that does not exist cannot be rendered.
        for resource in self.stack.manifest.resources:
            own_names = {name for pair in resource.exports for name in pair}
            lacking = {name for _, name in resource.exports} & missing.keys()
            if lacking and own_names & self.stack.list_uses(resource):
                contexts[resource.name] = "it does not exist: it has no exports"
        return contexts

    def _collect(self, resource: StackResource, context: Context) -> dict[str, Any]:
        if resource.type == "script":
            return self._run_script(resource, context)
        deployable = self._create(resource, context)
        rows = deployable.read_exports()
        if not rows:
            return {}
        values = select_exports(resource, rows, self.stack.locate(resource))
        self._publish(resource, values)
        return values

    # Plans

    def _plan(self, resource: StackResource) -> Iterator[Planned]:
        name = resource.name
        if (context := self._enter(resource)) is None:
            yield Planned(name, "skip")
            return
        if resource.type in ("script", "command"):
            yield Planned(name, "run")
            return
        deployable = self._create(resource, context)
        if resource.type == "query":
            self._export(resource, deployable)
            yield Planned(name, "none")
            return
        state = deployable.find_state()
        if state is State.RIGHT:
            self._export(resource, deployable)
            yield Planned(name, "none")
            return
        differences = deployable.list_differences()
        if state is State.ABSENT or state is State.UNCHECKED:
            action = "create" if state is State.ABSENT else "create or update"
            block = "createorupdate" if state is State.UNCHECKED else "create"
            yield self._plan_calls(Planned(name, action), deployable, block)
            return
        fixed = [each for each in differences if each.is_fixed]
        if not differences or not fixed:
            planned = self._plan_calls(Planned(name, "update"), deployable, "update")
        else:
            allowed = "" if resource.may_replace else "needs `replace: true`"
            planned = Planned(name, "replace", new=allowed)
            if allowed == "":
                planned = self._plan_calls(planned, deployable, "replace")
        if resource.exports and not fixed:
            self._export_if_there(resource, deployable)
        if not differences:
            yield planned
        for number, each in enumerate(differences):
            yield Planned(
                name,
                planned.action,
                each.path + (" (fixed)" if each.is_fixed else ""),
                _show(each.old),
                _show(each.new),
                planned.calls if number == 0 else "",
                planned.permissions if number == 0 else (),
            )

    def _plan_calls(self, planned: Planned, deployable: Deployable, block: str) -> Planned:
        rows = deployable.plan_calls(block)
        calls = dict.fromkeys(str(row["operation"]) for row in rows if row.get("operation"))
        actions = dict.fromkeys(
            action for row in rows for action in str(row.get("permissions") or "").split(", ") if action
        )
        return Planned(
            planned.resource,
            planned.action,
            new=planned.new,
            calls=", ".join(calls),
            permissions=tuple(actions),
        )

    def _export_if_there(self, resource: StackResource, deployable: Deployable) -> None:
        if rows := deployable.read_exports():
            self._publish(resource, select_exports(resource, rows, self.stack.locate(resource)))

    # Shared

    def _check_values(self) -> None:
        """Raise one error for all properties that an INSERT would refuse, of resources that use no export."""
        problems = Problems()
        made = {name: each.name for each in self.stack.manifest.resources for _, name in each.exports}
        for resource in self.stack.manifest.resources:
            if not resource.table or find_maker(self.stack.list_uses(resource), made):
                continue
            try:
                context = self.stack.renderer.build_context(resource)
                if not resource.condition or is_met(resource.condition, context, self.stack.locate(resource)):
                    deployable = self._create(resource, context)
                    assert isinstance(deployable, TableResource)
                    deployable.check()
            except Error as error:
                problems.texts.append(str(error))
        problems.raise_all()

    def _enter(self, resource: StackResource) -> Context | None:
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
        if resource.condition and not is_met(resource.condition, context, place):
            self._report("skipped", resource, "its condition is not met")
            return None
        return context

    def _create(self, resource: StackResource, context: Context) -> Deployable:
        return self.stack.create_deployable(resource, context, self.runner)

    def _export(self, resource: StackResource, deployable: Deployable) -> None:
        if resource.exports:
            rows = deployable.read_exports()
            self._publish(resource, select_exports(resource, rows, self.stack.locate(resource)))
        elif resource.type == "query":
            deployable.read_exports()

    def _publish(self, resource: StackResource, values: Mapping[str, Any]) -> None:
        for name in resource.protected:
            self.runner.reporter.protect(values.get(name))
        self.stack.renderer.export(values)
        if not self.runner.is_dry:
            text = ", ".join(f"{name} = {_show(value)}" for name, value in values.items())
            self._report("exported", resource, text, values=dict(values))

    def _render_script(self, resource: StackResource, context: Context) -> str:
        return str(render_value(resource.run, context, self.stack.locate(resource)))

    def _run_script(self, resource: StackResource, context: Context) -> dict[str, Any]:
        """Run a script and export what it prints as a JSON object."""
        command = self._render_script(resource, context)
        done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, text=True, cwd=Path.cwd())
        place = self.stack.locate(resource)
        if done.returncode:
            raise OperationalError(
                f"{place}: the script {resource.name} ended with exit code {done.returncode}."
            )
        if not resource.exports:
            self._report("ran", resource)
            return {}
        printed = parse_json_text(done.stdout)
        if not isinstance(printed, dict):
            raise ProgrammingError(
                f"{place}: the script {resource.name} printed no JSON object; expected its exports."
            )
        values = select_exports(resource, [printed], place)
        self._publish(resource, values)
        return values

    def _roll_back(self) -> None:
        """Delete what this run created, in reverse order, and nothing else."""
        for deployable in reversed(self._created):
            resource = deployable.resource
            try:
                if deployable.exists() is False:
                    self._report(
                        "absent", resource, "it was not found; its outcome above says what was written"
                    )
                    continue
                event = deployable.delete()
            except Error as error:
                self._report("failed", resource, f"it could not be rolled back: {error}")
            else:
                text = "it stays: there is no block `delete`" if event == "kept" else ""
                self._report("rolled back" if event == "deleted" else event, resource, text)

    def _report_interrupt(self) -> None:
        created = ", ".join(each.resource.name for each in self._created) or "nothing"
        self.runner.reporter.report(
            "interrupted", text=f"finished: {', '.join(self._finished) or 'nothing'}; created: {created}"
        )

    def _report(self, event: str, resource: StackResource, text: str = "", **details: Any) -> None:
        self.runner.reporter.report(event, resource.name, text, **details)


def _mentions(text: str, key: str) -> bool:
    """Whether a text is a key, or has it as a part, as an ARN has a name."""
    return re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", text) is not None


def _show(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)

"""Builds a stack: creates what does not exist and updates what differs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace

from sqlprov.errors import Error, OperationalError
from sqlprov.frontends.deploy.command import StackCommand, format_uncompared
from sqlprov.frontends.deploy.deployable import Deployable, State
from sqlprov.frontends.deploy.events import BufferedReporter
from sqlprov.frontends.deploy.groups import group_resources
from sqlprov.frontends.deploy.manifest import StackResource
from sqlprov.frontends.deploy.runner import Runner, is_sure
from sqlprov.frontends.deploy.sql_resource import SqlResource
from sqlprov.frontends.deploy.stack import Stack
from sqlprov.sql.exec import Exec
from sqlprov.sql.insert import Insert

MOST_AT_ONCE = 8
"""Resources that are built at the same time."""


class Builder(StackCommand):
    """Creates what does not exist and updates what differs."""

    def __init__(self, stack: Stack, runner: Runner, on_failure: str = "error") -> None:
        super().__init__(stack, runner, on_failure)
        self.created: list[Deployable] = []

    def run(self) -> None:
        self.check_values()
        try:
            for group in group_resources(self):
                if len(group) == 1:
                    self.attempt(group[0], self._build)
                else:
                    self._build_together(group)
        except KeyboardInterrupt:
            created = ", ".join(each.resource.name for each in self.created) or "nothing"
            text = f"finished: {', '.join(self.finished) or 'nothing'}; created: {created}"
            self.runner.reporter.report("interrupted", text=text)
            raise
        except Error:
            if self.on_failure == "rollback":
                self._roll_back()
            raise

    def _build_together(self, group: list[StackResource]) -> None:
        """Build resources at once; their events keep the order of the manifest."""
        main = self.runner
        members = []
        for _ in group:
            runner = replace(
                main, connection=main.connection.cursor(), reporter=BufferedReporter(main.reporter), made=[]
            )
            members.append(Builder(self.stack, runner, self.on_failure))
        try:
            with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
                ended = [
                    pool.submit(member.attempt, resource, member._build)
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
                for deployable in member.created:
                    deployable.runner = main  # a rollback needs a connection that is open
                self.created += member.created
                self.finished += member.finished
                self.failed += member.failed
        for each in ended:
            each.result()

    def _build(self, resource: StackResource) -> None:
        if (context := self.enter(resource)) is None:
            return
        if resource.type == "script":
            self.run_script(resource, context)
            return
        deployable = self.create(resource, context)
        if resource.type == "command":
            assert isinstance(deployable, SqlResource)
            deployable.run_command()
            self.report("ran", resource)
        elif resource.type == "query":
            pass
        else:
            with self.runner.awaiting(self.stack.is_used_later(resource)):
                self._apply(resource, deployable)
        self.export(resource, deployable)

    def _apply(self, resource: StackResource, deployable: Deployable) -> None:
        state = deployable.find_state()
        if state is State.RIGHT:
            if self.stack.is_used_later(resource):
                deployable.settle()
            self.report("unchanged", resource, format_uncompared(deployable))
            return
        first = len(self.runner.made)
        try:
            deployable.update() if state is State.WRONG else deployable.create()
        except Error as error:
            if resource.type != "multi" or not is_sure(error):
                raise
            self.report("warning", resource, f"{error} The checks of a `multi` resource decide.")
        else:
            if not self.runner.effects:
                self.report("unchanged", resource, "its statements changed nothing in AWS")
            else:
                self.report("created" if self._has_created(state) else "updated", resource)
        finally:
            if self._has_created(state):
                deployable.made_rows = self.runner.made[first:]
                self.created.append(deployable)
        if not resource.skips_validation and not deployable.is_right():
            raise OperationalError(
                f"{self.stack.locate(resource)}: {resource.name} is not as it should be after its build"
                f"{deployable.explain()}."
            )

    def _has_created(self, before: State) -> bool:
        """Whether the last statements made a row. One in place of another is not taken back: the other is gone."""
        makes_rows = {Insert, Exec} if before is State.ABSENT else {Insert}
        return before is not State.WRONG and not makes_rows.isdisjoint(self.runner.effects)

    def _roll_back(self) -> None:
        """Delete what this run created, in reverse order, and nothing else."""
        for deployable in reversed(self.created):
            resource = deployable.resource
            try:
                event, text = deployable.take_back()
            except Error as error:
                self.report("failed", resource, f"it could not be rolled back: {error}")
            else:
                self.report("rolled back" if event == "deleted" else event, resource, text)

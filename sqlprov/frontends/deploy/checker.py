"""Tests a stack: checks that each resource is as it should be."""

from __future__ import annotations

from sqlprov.errors import OperationalError, ProgrammingError
from sqlprov.frontends.deploy.command import StackCommand, format_uncompared
from sqlprov.frontends.deploy.manifest import StackResource
from sqlprov.frontends.deploy.sql_resource import SqlResource


class Checker(StackCommand):
    """Checks that each resource is as it should be; the first that is not is an error."""

    def run(self) -> None:
        for resource in self.stack.manifest.resources:
            self.attempt(resource, self._check)

    def _check(self, resource: StackResource) -> None:
        if resource.type == "command" or (context := self.enter(resource)) is None:
            return
        if resource.type == "script":
            if resource.exports:
                self.run_script(resource, context)
            return
        deployable, place = self.create(resource, context), self.stack.locate(resource)
        if resource.type != "query" and not resource.skips_validation:
            if (
                isinstance(deployable, SqlResource)
                and not {"statecheck", "exports", "exists"} & deployable.blocks.keys()
            ):
                raise ProgrammingError(
                    f"{place}: {resource.name} has none of the blocks statecheck, exports and exists."
                )
            if not deployable.is_right():
                raise OperationalError(
                    f"{place}: {resource.name} is not as it should be{deployable.explain()}."
                )
            self.report("passed", resource, format_uncompared(deployable))
        self.export(resource, deployable)

"""Tears a stack down: deletes its resources in reverse order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlprov.errors import Error, ProgrammingError
from sqlprov.frontends.deploy.command import StackCommand
from sqlprov.frontends.deploy.manifest import StackResource
from sqlprov.frontends.deploy.rendering import Context, list_uses
from sqlprov.frontends.deploy.runner import is_sure
from sqlprov.frontends.deploy.stack import find_maker


class Teardown(StackCommand):
    """Deletes the resources in reverse order, and waits until each is gone."""

    def run(self) -> None:
        self._reduced: dict[str, StackResource] = {}
        contexts = self._collect_exports()
        for resource in reversed(self.stack.manifest.resources):
            if resource.type in ("resource", "multi"):
                self.attempt(resource, lambda each: self._tear_down(each, contexts))

    def _tear_down(self, resource: StackResource, contexts: Mapping[str, Context | str]) -> None:
        context = contexts.get(resource.name)
        if context is None:
            return
        if isinstance(context, str):
            self.report("skipped", resource, context)
            return
        deployable = self.create(self._reduced.get(resource.name, resource), context)
        # Some of a `multi` resource may exist where its count says no.
        if resource.type == "resource" and deployable.exists() is False:
            self.report("absent", resource)
            return
        try:
            event = deployable.delete()
        except Error as error:
            if resource.type != "multi" or not is_sure(error):
                raise
            self.report("warning", resource, str(error))
            return
        self.report(event, resource, "no block `delete`" if event == "kept" else "")

    def _collect_exports(self) -> dict[str, Context | str]:
        """Resource -> its variables, with its own exports, or why it cannot be looked up."""
        contexts: dict[str, Context | str] = {}
        missing: dict[str, str] = {}
        for resource in self.stack.manifest.resources:
            if resource.type == "command":
                continue
            if maker := find_maker(self.stack.list_uses(resource), missing):
                resource, maker = self._drop_missing(resource, missing, maker)
            if maker:
                contexts[resource.name] = f"it uses an export of {maker}, which does not exist"
                missing |= {name: maker for _, name in resource.exports}
                continue
            if (context := self.enter(resource)) is None:
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

    def _drop_missing(
        self, resource: StackResource, missing: Mapping[str, str], maker: str
    ) -> tuple[StackResource, str]:
        """A resource with a table without the properties that use missing exports, if its key does not; otherwise
        itself and the resource whose exports are missing."""
        lost, kept = dict(missing), []
        for each in resource.props:
            if its_maker := find_maker(list_uses([each]), lost):
                lost[each.name] = its_maker
            else:
                kept.append(each)
        reduced = replace(resource, props=tuple(kept))
        if not resource.table or find_maker(self.stack.list_uses(reduced), lost):
            return resource, maker
        try:
            self.create(reduced, self.stack.renderer.build_context(reduced))
        except ProgrammingError:  # the key is among the properties that were dropped
            return resource, maker
        self._reduced[resource.name] = reduced
        return reduced, ""

    def _collect(self, resource: StackResource, context: Context) -> dict[str, Any]:
        if resource.type == "script":
            return self.run_script(resource, context)
        return self.export(resource, self.create(resource, context), may_be_missing=True)

"""Plans a build: what it would create, update and replace, with the calls and the permissions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlprov.frontends.deploy.command import StackCommand, format_uncompared, format_value
from sqlprov.frontends.deploy.deployable import Deployable, State, normalize_name
from sqlprov.frontends.deploy.manifest import StackResource
from sqlprov.frontends.deploy.stack import find_maker
from sqlprov.records import dataclass


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


class BuildPlanner(StackCommand):
    """Says what a build would do, and writes nothing."""

    def run(self) -> None:
        self.rows = list(self._plan_all())

    def _plan_all(self) -> Iterator[Planned]:
        self.check_values()
        unknown: dict[str, str] = {}
        for resource in self.stack.manifest.resources:
            maker = find_maker(self.stack.list_uses(resource), unknown)
            actions = [] if maker else list(self._plan(resource))
            if maker:
                action = "create or update" if resource.type in ("resource", "multi") else "run"
                actions = [Planned(resource.name, action, new=f"after {maker}")]
            if any(each.action not in ("none", "skip") for each in actions):
                unknown |= {
                    name: resource.name
                    for _, name in resource.exports
                    if name not in self.stack.renderer.exported
                }
            yield from actions

    def _plan(self, resource: StackResource) -> Iterator[Planned]:
        name = resource.name
        if (context := self.enter(resource)) is None:
            yield Planned(name, "skip")
            return
        if resource.type in ("script", "command"):
            yield Planned(name, "run")
            return
        deployable = self.create(resource, context)
        if resource.type == "query":
            self.export(resource, deployable)
            yield Planned(name, "none")
            return
        match deployable.find_state():
            case State.RIGHT:
                self.export(resource, deployable)
                yield Planned(name, "none", new=format_uncompared(deployable))
            case State.ABSENT:
                yield self._plan_calls(Planned(name, "create"), deployable, "create")
            case State.UNCHECKED:
                yield self._plan_calls(Planned(name, "create or update"), deployable, "createorupdate")
            case State.WRONG:
                yield from self._plan_change(resource, deployable)

    def _plan_change(self, resource: StackResource, deployable: Deployable) -> Iterator[Planned]:
        differences = deployable.list_differences()
        fixed = any(each.is_fixed for each in differences)
        is_refused = fixed and not resource.may_replace
        if is_refused:
            planned = Planned(resource.name, "replace", new="needs `replace: true`")
        else:
            action = "replace" if fixed else "update"
            planned = self._plan_calls(Planned(resource.name, action), deployable, action)
        if differences and not fixed:
            self.export(resource, deployable, may_be_missing=True)
            changed = {normalize_name(each.parameter) for each in differences}
            names = {name for column, name in resource.exports if normalize_name(column) in changed}
            self.stack.renderer.exported -= names  # the update changes them
        if is_refused or not differences:
            yield planned
        for number, each in enumerate(differences):
            yield Planned(
                resource.name,
                planned.action,
                each.path + (" (fixed)" if each.is_fixed else ""),
                format_value(each.old),
                format_value(each.new),
                planned.calls if number == 0 else "",
                planned.permissions if number == 0 else (),
            )

    def _plan_calls(self, planned: Planned, deployable: Deployable, block: str) -> Planned:
        rows = deployable.plan_calls(block)
        calls = dict.fromkeys(str(row["operation"]) for row in rows if row.get("operation"))
        actions = dict.fromkeys(
            action for row in rows for action in str(row.get("permissions") or "").split(", ") if action
        )
        return replace(planned, calls=", ".join(calls), permissions=tuple(actions))

"""Finds the resources of a stack that can be built at once: none uses another's export or names its key."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlprov.frontends.deploy.command import StackCommand
from sqlprov.frontends.deploy.filters import parse_json_text
from sqlprov.frontends.deploy.manifest import StackResource
from sqlprov.frontends.deploy.rendering import list_texts
from sqlprov.frontends.deploy.table_resource import TableResource


def group_resources(command: StackCommand) -> Iterator[list[StackResource]]:
    """The resources in order; neighbors with tables are together if none uses another's export or key."""
    group: list[StackResource] = []
    exports: set[str] = set()
    keys: set[str] = set()
    for resource in command.stack.manifest.resources:
        texts = _list_values(command, resource) if not exports & command.stack.list_uses(resource) else {}
        if group and (not texts or any(_mentions(text, key) for text in texts for key in keys)):
            yield group
            group, exports, keys = [], set(), set()
            texts = _list_values(command, resource)
        if not texts:
            yield [resource]
            continue
        group.append(resource)
        exports |= {name for _, name in resource.exports}
        keys |= {text for text, is_key in texts.items() if is_key}
    if group:
        yield group


def _list_values(command: StackCommand, resource: StackResource) -> dict[str, bool]:
    """Each text in the values of a row -> whether it identifies it; empty if they are not known yet."""
    made = {name for each in command.stack.manifest.resources for _, name in each.exports}
    unknown = made - command.stack.renderer.context.keys()
    if not resource.table or unknown & command.stack.list_uses(resource):
        return {}
    deployable = command.create(resource, command.stack.renderer.build_context(resource))
    assert isinstance(deployable, TableResource)
    texts = list_texts([parse_json_text(each) for each in deployable.values.values()])
    values = {text: _mentions(deployable.condition, text) for text in texts if text}
    return values | dict.fromkeys(filter(None, deployable.identity.values()), True)


def _mentions(text: str, key: str) -> bool:
    """Whether a text is a key, or has it as a part, as an ARN has a name."""
    return re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", text) is not None

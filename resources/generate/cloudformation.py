"""CloudFormation's schemas, where cfn-lint is installed: what identifies a resource, and whether it has tags."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import orjson

from sqlprov.catalog.nouns import flatten


@dataclass(frozen=True)
class ResourceType:
    """What a schema says of a type.

    Attributes:
        name: `AWS::ECS::Service`.
        identifier: the properties of its primary identifier.
        parents: the properties that its List needs.
        has_tags: whether the type has tags.
        actions: IAM actions of its handlers, in lower case.
    """

    name: str
    identifier: tuple[str, ...]
    parents: tuple[str, ...]
    has_tags: bool
    actions: frozenset[str]


@cache
def read_types() -> dict[str, list[ResourceType]]:
    """The types by the last part of their names, flattened; empty without cfn-lint."""
    found = importlib.util.find_spec("cfnlint")
    folder = Path(found.origin).parent / "data/schemas/resources" if found and found.origin else None
    types: dict[str, list[ResourceType]] = {}
    for file in sorted(folder.glob("*.json")) if folder else ():
        schema = orjson.loads(file.read_bytes())
        handlers = schema.get("handlers") or {}
        scope = handlers.get("list", {}).get("handlerSchema") or {}
        type = ResourceType(
            name=schema["typeName"],
            identifier=tuple(
                path.removeprefix("/properties/") for path in schema.get("primaryIdentifier", ())
            ),
            parents=tuple(scope.get("required", ())),
            has_tags=bool(
                (schema.get("tagging") or {}).get("taggable", "Tags" in schema.get("properties", {}))
            ),
            actions=frozenset(a.lower() for block in handlers.values() for a in block.get("permissions", ())),
        )
        types.setdefault(flatten(type.name.rpartition("::")[2]), []).append(type)
    return types


def find_type(noun: str, service: str, actions: Iterable[str]) -> ResourceType | None:
    """The type with that noun whose handlers call one of `actions` (`ecs:listservices`).

    Of several the one in the namespace of `service`: both load balancers have the same actions.
    """
    known = frozenset(actions)
    types = [type for type in read_types().get(flatten(noun), ()) if type.actions & known]
    return min(types, key=lambda type: flatten(type.name.split("::")[1]) != flatten(service), default=None)

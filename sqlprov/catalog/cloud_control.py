"""Turns a type of CloudFormation into a table that Cloud Control reads.

Cloud Control has the same operations for all types, and returns a resource as JSON text in one member. The table is
built from a model of botocore's in which the operations have the members of the type instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from sqlprov.records import dataclass

from ..errors import suggest
from .columns import TAG_MEMBERS, TAGS, name_column
from .list_call import REQUIRED
from .nouns import flatten
from .service_model import get_loader
from .table import Column, Method
from .yaml_nodes import Node

CLIENT = "cloudcontrol"
TYPES = "_types"
"""The folder beside the services with what the schemas say: a file for each service, one type a line."""
PACKED = "ResourceModel"
"""The parameter of a list that takes, as JSON text, the properties for which a type is listed."""
IDENTIFIER, PROPERTIES = "Identifier", "Properties"
"""The members of a resource: its primary identifier, and its properties as JSON text."""
JOINED = "PrimaryIdentifier"
"""The member that holds the primary identifier of several properties."""
_SHAPES = {
    "text": {"type": "string"},
    "integer": {"type": "long"},
    "number": {"type": "double"},
    "boolean": {"type": "boolean"},
    "json": {"type": "structure", "members": {}, "document": True},
    "tags": {"type": "list", "member": {"shape": "tag"}},
    "tag_map": {"type": "map", "key": {"shape": "text"}, "value": {"shape": "text"}},
    "tag": {"type": "structure", "members": {"Key": {"shape": "text"}, "Value": {"shape": "text"}}},
}


@dataclass(frozen=True)
class TypeFacts:
    """A type of CloudFormation.

    Attributes:
        name: such as `AWS::SQS::Queue`.
        key: the member that holds its primary identifier: the property, or JOINED if it has several.
        parents: the properties for which it is listed.
        properties: property -> its kind, a key of _SHAPES, and its description.
        sensitive: property -> paths to text that is hidden, as a column has them.
        actions: IAM actions of its handlers `list` and `read`.
    """

    name: str
    key: str
    parents: tuple[str, ...]
    properties: Mapping[str, Sequence[str]]
    sensitive: Mapping[str, Sequence[Sequence[str]]]
    actions: Mapping[str, Sequence[str]]

    def hide(self, column: Column) -> Column:
        """The column with the paths to its sensitive text, which lies within JSON."""
        paths = self.sensitive.get(column.path[0], ()) if column.path else ()
        return replace(column, sensitive=tuple(map(tuple, paths)))

    def add_actions(self, methods: Iterable[Method]) -> tuple[Method, ...]:
        """The methods with the actions of the handlers, which Cloud Control calls for the caller."""
        names = {"list_resources": "list", "get_resource": "read"}
        return tuple(
            replace(method, permissions=(*method.permissions, *self.actions[names[method.name]]))
            for method in methods
        )


def read_type(node: Node) -> TypeFacts:
    """The type that `node` names."""
    name = node.read_text()
    lines = _read_types(Path(node.file).parent / TYPES / f"{Path(node.file).stem}.jsonl")
    if name not in lines:
        raise node.fail(f"unknown type {name!r}.{suggest(name, lines)}")
    facts = orjson.loads(lines[name])
    key = facts["key"][0] if len(facts["key"]) == 1 else JOINED
    return TypeFacts(
        name, key, tuple(facts["parents"]), facts["properties"], facts["sensitive"], facts["actions"]
    )


@cache
def _read_types(file: Path) -> Mapping[str, str]:
    """Type -> its line."""
    begin = len('{"type":"')
    return {line[begin : line.index('"', begin)]: line for line in file.read_text("utf-8").splitlines()}


def write_words(node: Node, type: TypeFacts) -> dict[str, Node]:
    """The words of the type's table; `node` is the place for messages."""
    key = name_column(type.key)
    names = [
        TAGS if flatten(name) in TAG_MEMBERS and kind.startswith("tag") else name_column(name)
        for name, (kind, _) in type.properties.items()
        if name != type.key
    ]
    constants = {"TypeName": type.name}
    words = {
        "list": "ListResources",
        "rows": "ResourceDescriptions",
        "each": dict.fromkeys(type.parents, REQUIRED),
        "describe": "GetResource",
        "item": "ResourceDescription",
        "arguments": {IDENTIFIER: key},
        "send": {"list": constants, "describe": constants},
        "key": key,
        "lacks": names,
        "cloudformation": type.name,
    }
    return {name: _make_node(node, value) for name, value in words.items()}


def _make_node(node: Node, value: Any) -> Node:
    if isinstance(value, Mapping):
        value = {name: _make_node(node, inner) for name, inner in value.items()}
    elif isinstance(value, list):
        value = tuple(_make_node(node, inner) for inner in value)
    return Node(node.file, node.line, value)


def build_model(type: TypeFacts) -> Any:
    """Cloud Control's model with the properties of the type as members of a resource."""
    from botocore.model import ServiceModel

    known = get_loader().load_service_model(CLIENT, "service-2")
    members = {name: {"shape": kind, "documentation": text} for name, (kind, text) in type.properties.items()}
    key = {"shape": "text", "documentation": "The primary identifier; its parts are joined by |."}
    inputs = known["shapes"]["ListResourcesInput"]["members"]
    listing = {name: inputs[name] for name in ("TypeName", "NextToken", "MaxResults")}
    shapes = {
        **_SHAPES,
        "ResourceDescription": {"type": "structure", "members": {type.key: key} | members},
        "GetResourceOutput": {
            "type": "structure",
            "members": {"ResourceDescription": {"shape": "ResourceDescription"}},
        },
        "ListResourcesInput": {
            "type": "structure",
            "required": ["TypeName", *type.parents],
            "members": {**listing, **{name: members.get(name, key) for name in type.parents}},
        },
        "GetResourceInput": {
            "type": "structure",
            "required": ["TypeName", IDENTIFIER],
            "members": {"TypeName": inputs["TypeName"], IDENTIFIER: {"shape": "text"}},
        },
    }
    return ServiceModel({**known, "shapes": {**known["shapes"], **shapes}}, CLIENT)

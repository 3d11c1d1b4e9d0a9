"""Turns a type of CloudFormation into a table that Cloud Control reads and writes.

Cloud Control has the same operations for all types, and takes and returns a resource as JSON text in one member. The
table is built from a model of botocore's in which the operations have the members of the type instead.
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
from .column import Column
from .columns import TAG_MEMBERS, TAGS, name_column
from .list_call import REQUIRED
from .method import Method
from .nouns import flatten
from .packing import DESIRED_STATE, IDENTIFIER, KEY, PATCH_DOCUMENT, Packing
from .service_model import get_loader
from .shapes import Shape
from .yaml_nodes import Node

CLIENT = "cloudcontrol"
TYPES = "_types"
"""The folder beside the services with what the schemas say: a file for each service, one type a line."""
PACKED = "ResourceModel"
"""The parameter of a list that takes, as JSON text, the properties for which a type is listed."""
PROPERTIES = "Properties"
"""The member of a resource that holds its properties as JSON text."""
_WRITES = {
    "create_resource": ("insert", "CreateResource", DESIRED_STATE),
    "update_resource": ("update", "UpdateResource", PATCH_DOCUMENT),
    "delete_resource": ("delete", "DeleteResource", ""),
}
"""Method -> its block, its operation, and the parameter that takes the properties."""
_HANDLERS = {"list_resources": "list", "get_resource": "read"} | {
    method: method.removesuffix("_resource") for method in _WRITES
}
_SHAPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "integer": {"type": "long"},
    "number": {"type": "double"},
    "boolean": {"type": "boolean"},
    "json": {"type": "structure", "members": {}, "document": True},
    "tags": {"type": "list", "member": {"shape": "tag"}},
    "tag_map": {"type": "map", "key": {"shape": "text"}, "value": {"shape": "text"}},
    "tag": {"type": "structure", "members": {"Key": {"shape": "text"}, "Value": {"shape": "text"}}},
}
_SHAPES |= {f"hidden_{kind}": {**shape, "sensitive": True} for kind, shape in _SHAPES.items()}


@dataclass(frozen=True)
class TypeFacts:
    """A type of CloudFormation.

    Attributes:
        name: such as `AWS::SQS::Queue`.
        key: the member that holds its primary identifier: the property, or KEY if it has several.
        parts: the properties of its primary identifier.
        parents: the properties for which it is listed.
        properties: property -> its kind, a key of _SHAPES, and its description.
        write_only: those that no read returns, likewise.
        read_only, create_only, required: properties; of the last, those that a create needs.
        sensitive: property -> paths to text that is hidden, as a column has them.
        actions: handler -> its IAM actions; a type without the handler `update` cannot be changed.
    """

    name: str
    key: str
    parts: Sequence[str]
    parents: tuple[str, ...]
    properties: Mapping[str, Sequence[str]]
    write_only: Mapping[str, Sequence[str]]
    read_only: Sequence[str]
    create_only: Sequence[str]
    required: Sequence[str]
    sensitive: Mapping[str, Sequence[Sequence[str]]]
    actions: Mapping[str, Sequence[str]]

    def find_column(self, member: str) -> str:
        """The column of a member; empty if no read returns it."""
        if member == KEY:
            return name_column(self.key)
        kind = self.properties[member][0] if member in self.properties else ""
        if member != self.key and flatten(member) in TAG_MEMBERS and kind.startswith("tag"):
            return TAGS
        return name_column(member) if kind else ""

    def hide(self, column: Column) -> Column:
        """The column with the paths to its sensitive text, which lies within JSON."""
        paths = self.sensitive.get(column.path[0], ()) if column.path else ()
        return replace(column, sensitive=tuple(map(tuple, paths)))

    def complete(self, methods: Iterable[Method]) -> tuple[Method, ...]:
        """The methods as Cloud Control takes them, with the actions of the handlers, which it calls for the caller."""
        return tuple(map(self._complete, methods))

    def _complete(self, method: Method) -> Method:
        actions = self.actions[_HANDLERS[method.name]]
        if method.name not in _WRITES:
            return replace(method, permissions=(*method.permissions, *actions))
        packing, shape, document = Packing(self.name, _WRITES[method.name][-1]), method.input_shape, ""
        if method.verb == "INSERT" and DESIRED_STATE not in shape.members:
            document = DESIRED_STATE
            whole = Shape(document, "document", documentation="All properties as one JSON object.")
            shape = replace(shape, members={**shape.members, document: whole})
        return replace(
            method,
            packing=packing,
            document=document,
            input_shape=shape,
            permissions=(*method.permissions, f"cloudformation:{packing.progress}", *actions),
            parameters=tuple(replace(part, column=self.find_column(part.name)) for part in method.parameters),
            tokens=(packing.token,),
            returns={name_column(self.key): (IDENTIFIER,)} if method.verb == "INSERT" else {},
        )


def read_type(node: Node) -> TypeFacts:
    """The type that `node` names."""
    name, file = node.read_text(), Path(node.file)
    type = find_type(name, file.parent, file.stem)
    if type is None:
        raise node.fail(f"unknown type {name!r}.{suggest(name, _read_types(file.parent, file.stem))}")
    return type


def find_type(name: str, folder: Path, service: str) -> TypeFacts | None:
    """The type of this name in the folder of the provider; `None` if the service does not have it."""
    line = _read_types(folder, service).get(name)
    if line is None:
        return None
    facts = orjson.loads(line)
    del facts["type"]
    facts["parts"] = facts["key"]
    key = facts["key"][0] if len(facts["key"]) == 1 else KEY
    return TypeFacts(**facts | {"name": name, "key": key, "parents": tuple(facts["parents"])})


@cache
def _read_types(folder: Path, service: str) -> Mapping[str, str]:
    """Type -> its line."""
    file, begin = folder / TYPES / f"{service}.jsonl", len('{"type":"')
    if not file.exists():
        return {}
    return {line[begin : line.index('"', begin)]: line for line in file.read_text("utf-8").splitlines()}


def write_words(node: Node, type: TypeFacts) -> dict[str, Node]:
    """The words of the type's table; `node` is the place for messages."""
    key = name_column(type.key)
    names = [type.find_column(name) for name in type.properties if name != type.key]
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
        "write": {
            block: operation
            for name, (block, operation, _) in _WRITES.items()
            if _HANDLERS[name] in type.actions
        },
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
    hidden = {
        name: {"shape": f"hidden_{kind}", "documentation": text}
        for name, (kind, text) in type.write_only.items()
    }
    given = {name: member for name, member in (members | hidden).items() if name not in type.read_only}
    changed = {name: given[name] for name in given if name not in (*type.create_only, *type.parts)}
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
        "CreateResourceInput": {"type": "structure", "required": list(type.required), "members": given},
        "UpdateResourceInput": {"type": "structure", "members": {KEY: key, **changed}},
        "DeleteResourceInput": {"type": "structure", "members": {KEY: key}},
    }
    return ServiceModel({**known, "shapes": {**known["shapes"], **shapes}}, CLIENT)

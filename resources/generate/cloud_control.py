"""Writes the tables of the provider awscc from CloudFormation's schemas, which cfn-lint has: `python -m
resources.generate.cloud_control`.

Every type that Cloud Control can list is a table. `_types/` holds what the schemas say of the types of each service,
one type a line.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlprov.catalog.catalog import DESCRIPTIONS
from sqlprov.catalog.cloud_control import TYPES
from sqlprov.catalog.regions import DEFAULT_PARTITION, find_home
from sqlprov.catalog.sensitive import ANY, is_credential, is_environment
from sqlprov.catalog.service_model import get_loader, load_model, to_snake_case

RESOURCES = Path(__file__).parents[1] / "awscc"
HEAD = """title: {title}
client: cloudcontrol
iam: cloudformation
errors: {{missing: [ResourceNotFoundException, NotFound], exists: [AlreadyExistsException, AlreadyExists]}}
tables:
"""
HANDLERS = ("list", "read", "create", "update", "delete")
_SCALARS = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}
_PLURAL = re.compile(r"[^aius]s$")
_SENTENCE = re.compile(r"(?<=[.!?])\s")


def main() -> int:
    """Write the files of the provider."""
    services: dict[str, dict[str, Mapping[str, Any]]] = {}
    for schema in read_schemas():
        _, namespace, name = schema["typeName"].split("::")
        services.setdefault(namespace, {})[pluralize(to_snake_case(name))] = schema
    descriptions = []
    for file in (*RESOURCES.glob("[a-z]*.yaml"), *(RESOURCES / TYPES).glob("*")):
        file.unlink()
    (RESOURCES / TYPES).mkdir(exist_ok=True)
    for namespace, tables in sorted(services.items()):
        service = namespace.lower()
        home = find_region(service)
        lines = (
            f"  {name}: {{type: {schema['typeName']}{home and f', region: {home}'}}}\n"
            for name, schema in sorted(tables.items())
        )
        text = HEAD.format(title=f"AWS::{namespace}") + "".join(lines)
        (RESOURCES / f"{service}.yaml").write_text(text, "utf-8")
        for name, schema in sorted(tables.items()):
            descriptions.append(f"{service}.{name}: {read_sentence(schema) or schema['typeName'] + '.'}\n")
        types = sorted(json.dumps(summarize(schema), separators=(",", ":")) for schema in tables.values())
        (RESOURCES / TYPES / f"{service}.jsonl").write_text("".join(f"{line}\n" for line in types), "utf-8")
    (RESOURCES / DESCRIPTIONS).write_text("".join(descriptions), "utf-8")
    print(f"{len(descriptions)} types in {len(services)} services", file=sys.stderr)
    return 0


def find_region(service: str) -> str:
    """The region of a service that has one for all; empty for others."""
    known = get_loader().list_available_services("service-2")
    return find_home(load_model(service), DEFAULT_PARTITION) if service in known else ""


def read_schemas() -> Iterator[Mapping[str, Any]]:
    """The schemas of the types of AWS that Cloud Control lists and reads."""
    found = importlib.util.find_spec("cfnlint")
    if found is None or not found.origin:
        raise SystemExit("expected cfn-lint: pip install cfn-lint")
    folder = Path(found.origin).parent / "data/schemas"
    names = json.loads((folder / "providers/us-east-1.json").read_text("utf-8"))
    for name, file in sorted(names.items()):
        schema = json.loads((folder / f"resources/{file}.json").read_text("utf-8"))
        handlers = schema.get("handlers") or {}
        if not name.startswith("AWS::") or not {"list", "read"} <= set(handlers):
            continue
        kinds = {find_kind(schema, schema["properties"][parent]) for parent in list_parents(schema)}
        if not kinds - {"text", "integer"}:  # a condition cannot say a structure
            yield schema


def summarize(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What the catalog needs of a schema."""
    hidden, read_only, create_only = (
        set(list_names(schema.get(f"{kind}Properties", ()), is_whole=True))
        for kind in ("writeOnly", "readOnly", "createOnly")
    )
    tag_property = (schema.get("tagging") or {}).get("tagProperty", "/properties/Tags").split("/")[-1]
    handlers = schema["handlers"]
    every = {
        name: [find_kind(schema, node, is_tags=name in (tag_property, "Tags")), read_sentence(node)]
        for name, node in schema["properties"].items()
    }
    properties = {name: facts for name, facts in every.items() if name not in hidden}
    sensitive = {
        name: list(find_sensitive(schema, name, schema["properties"][name], ())) for name in properties
    }
    return {
        "type": schema["typeName"],
        "key": [path.removeprefix("/properties/") for path in schema["primaryIdentifier"]],
        "parents": list_parents(schema),
        "properties": properties,
        "write_only": {name: facts for name, facts in every.items() if name in hidden},
        "read_only": sorted(read_only),
        "create_only": sorted(create_only),
        "required": [name for name in schema.get("required", ()) if name not in read_only],
        "sensitive": {name: paths for name, paths in sensitive.items() if paths},
        "actions": {name: handlers[name].get("permissions", []) for name in HANDLERS if name in handlers},
    }


def find_sensitive(
    schema: Mapping[str, Any], name: str, node: Mapping[str, Any], within: tuple[int, ...]
) -> Iterator[list[str]]:
    """The paths to text that gives access in the property `name`, as `sqlprov.catalog.sensitive` has them."""
    node = resolve(schema, node)
    if id(node) in within:
        return
    within, members = (*within, id(node)), node.get("properties", {})
    if node.get("type") == "string" and is_credential(name) and "enum" not in node:
        yield []
    elif is_environment(name) and "Value" in members:
        yield ["Value"]
    elif is_environment(name) and not members and "items" not in node and node.get("type") != "string":
        yield [ANY]
    for member, inner in members.items():
        whole = f"{name}{member}" if is_environment(name) else member  # Lambda has Environment.Variables
        yield from ([member, *path] for path in find_sensitive(schema, whole, inner, within))
    if "items" in node:
        yield from ([ANY, *path] for path in find_sensitive(schema, name, node["items"], within))


def list_parents(schema: Mapping[str, Any]) -> list[str]:
    """The properties that a list of the type needs."""
    return list((schema["handlers"]["list"].get("handlerSchema") or {}).get("required", []))


def list_names(paths: Iterable[str], *, is_whole: bool) -> Iterator[str]:
    """The properties at the paths of a schema; with `is_whole`, without those of which only a part is meant."""
    for path in paths:
        name, _, rest = path.removeprefix("/properties/").partition("/")
        if not (is_whole and rest):
            yield name


def find_kind(schema: Mapping[str, Any], node: Mapping[str, Any], *, is_tags: bool = False) -> str:
    """text, integer, number or boolean; tags or tag_map; json for everything else."""
    node = resolve(schema, node)
    kind = node.get("type")
    if is_tags and kind == "array":
        members = resolve(schema, node.get("items", {})).get("properties", {})
        if {"Key", "Value"} <= set(members):
            return "tags"
    if is_tags and "object" in (kind if isinstance(kind, list) else [kind]):
        return "tag_map"
    if is_tags and "properties" not in node and kind is None:
        return "tag_map"  # one of several forms
    return _SCALARS.get(kind, "json") if isinstance(kind, str) else "json"


def resolve(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """The node that a node refers to."""
    while "$ref" in node:
        target: Any = schema
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def read_sentence(node: Mapping[str, Any]) -> str:
    """The first sentence of a description."""
    text = " ".join(str(node.get("description", "")).split())
    return _SENTENCE.split(text, maxsplit=1)[0]


def pluralize(name: str) -> str:
    """`bucket` -> `buckets`, `policy` -> `policies`, `user_settings` -> `user_settings`."""
    if _PLURAL.search(name):
        return name
    if re.search(r"[^aeiou]y$", name):
        return name[:-1] + "ies"
    return name + ("es" if re.search(r"(s|x|z|ch|sh)$", name) else "s")


if __name__ == "__main__":
    sys.exit(main())

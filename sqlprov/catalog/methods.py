"""The `write:`, `exec:`, `permissions:` and `errors:` blocks in, methods and error rules out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .api import Api, members, parameters, snake
from .nodes import Node
from .reading import Reading
from .shapes import input_of
from .table import Column, ErrorRule, Method, Parameter, TagsCall

_ACTION = re.compile(r"[a-z0-9-]+:[A-Za-z]+")
_CODE = re.compile(r"[A-Za-z][\w.]*")  # EC2's have dots
MISSING = "missing"  # stands for "the row is gone" where states are named

# Block under `write:` -> name, verb, and what a statement gives (`None`: what the API requires), in the
# order of SHOW METHODS; StackQL's names, so that its users' files run here.
_WRITES: dict[str, tuple[str, str, tuple[str, ...] | None]] = {
    "insert": ("create_resource", "INSERT", None),
    "delete": ("delete_resource", "DELETE", ("data__Identifier",)),
    "update": ("update_resource", "UPDATE", ("data__Identifier", "data__PatchDocument")),
}


def build_methods(
    top: Mapping[str, Node],
    api: Api,
    iam: str,
    reading: Reading,
    tags: TagsCall | None,
    states: Sequence[str],
) -> tuple[Method, ...]:
    """All methods of a table in the order of SHOW METHODS; `states` are those that `until:` may name."""
    writes = top["write"].block([], _WRITES) if "write" in top else {}
    execs = top["exec"].pairs() if "exec" in top else {}
    extra = _permissions(top.get("permissions"), api, (*writes, *execs))
    look = (reading.describe.call,) if reading.describe else ()
    tagging: dict[str, tuple[str, ...]] = {}
    if tags:
        tagging["insert"] = (tags.add, tags.call)
        tagging["delete"] = tagging["read"] = (tags.call,)
        tagging["update"] = (tags.add, tags.remove, tags.call)

    methods = []
    for what, (name, verb, required) in _WRITES.items():
        if what in writes:
            also = (*look, *tagging.get(what, ()), *extra.get(what, ()))
            methods.append(_method(name, verb, writes[what], api, iam, required, states, also))
    methods.append(_select("list_resources", api, iam, (reading.list.call,), ("region",)))
    if look:
        calls = (*look, *tagging.get("read", ()))
        methods.append(_select("get_resource", api, iam, calls, ("data__Identifier", "region")))
    for name, node in execs.items():
        also = (*look, *extra.get(name, ()))
        methods.append(_method(name, "EXEC", node, api, iam, None, states, also))
    return tuple(methods)


def error_rules(node: Node | None) -> dict[str, tuple[ErrorRule, ...]]:
    """The rules under `missing` and `exists`: `Code`, or `Code: text that the message must hold`."""
    rules: dict[str, tuple[ErrorRule, ...]] = {}
    for name, entries in (node.block([], ["missing", "exists"]) if node else {}).items():
        found: list[ErrorRule] = []
        for entry in entries.items():
            if isinstance(entry.value, str):
                found.append(ErrorRule(entry.text()))
            else:
                found += [ErrorRule(code, text.text()) for code, text in entry.pairs().items()]
            if not _CODE.fullmatch(found[-1].code):
                raise entry.fail(f"{found[-1].code!r} is no error code; expected `Code` or `Code: text`")
        rules[name] = tuple(found)
    return rules


def _method(
    name: str,
    verb: str,
    node: Node,
    api: Api,
    iam: str,
    required: Sequence[str] | None,
    states: Sequence[str],
    also: Sequence[str],
) -> Method:
    block = node.block(["call"], ["until", "required"] if verb == "INSERT" else ["until"])
    operation = api.operation(block["call"])
    inputs = members(operation.input_shape)
    if required is None:
        required = operation.input_shape.required_members if inputs else ()
    if "required" in block:
        required = block["required"].texts()
        for parameter in required:
            if parameter not in inputs:
                raise block["required"].unknown(f"parameter of {operation.name}", parameter, inputs)
    until = block["until"].texts() if "until" in block else ()
    for state in until:
        if state not in (*states, MISSING):
            raise block["until"].unknown("state", state, (*states, MISSING))
    actions = tuple(dict.fromkeys(_action(call, iam) for call in (operation.name, *also) if call))
    return Method(name, verb, operation.name, (*required, "region"), until, actions, parameters(operation))


def _select(name: str, api: Api, iam: str, calls: Sequence[str], required: tuple[str, ...]) -> Method:
    actions = tuple(_action(call, iam) for call in calls)
    inputs = parameters(api.model.operation_model(calls[0]))
    return Method(name, "SELECT", calls[0], required, (), actions, inputs)


def _permissions(node: Node | None, api: Api, known: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What `permissions:` adds to each method; a name without a prefix is an operation of this service."""
    pairs = node.block([], known) if node else {}
    for entries in pairs.values():
        for entry in entries.items():
            if ":" not in entry.text():
                api.operation(entry)
            elif not _ACTION.fullmatch(entry.text()):
                raise entry.fail(f"{entry.text()!r} is no IAM action; expected such as `iam:PassRole`")
    return {what: entries.texts() for what, entries in pairs.items()}


def _action(call: str, iam: str) -> str:
    return call if ":" in call else f"{iam}:{call}"

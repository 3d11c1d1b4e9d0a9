"""The calls of `write:` and `exec:`, `permissions:` and `errors:` in, methods and error rules out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .read_block import ReadBlock
from .service_model import (
    build_input_shape,
    find_operation,
    get_members,
    list_parameters,
    to_snake_case,
)
from .table import Column, ErrorRule, ErrorRules, Method, Parameter, StateRule, TagsCall
from .yaml_nodes import Node

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


# What a block says beside its call; `write_block` reads what is not said of every method.
_KEYS = {
    "INSERT": ("until", "via", "required", "ignored", "notes"),
    "UPDATE": ("until", "via", "when"),
    "DELETE": ("until", "via", "before"),
    "EXEC": ("until", "via"),
}


@dataclass(frozen=True)
class TableContext:
    """What the methods of a table are built in.

    Attributes:
        model: the service's model.
        iam: prefix of IAM actions.
        state: the column of the state and its busy states.
        key: the key's columns.
        columns: the table's, by name.
        arguments: parameter -> key column, as Describe takes the key.
    """

    model: Any
    iam: str
    state: StateRule
    key: Sequence[str]
    columns: Mapping[str, Column]
    arguments: Mapping[str, str]

    @property
    def states(self) -> tuple[str, ...]:
        """All states; none if the table has no column of them."""
        return self.columns[self.state.column].constraint.enum if self.state.column else ()

    def parameters(self, operation: Any) -> tuple[Parameter, ...]:
        """The parameters of an operation with the columns that hold their values."""
        return tuple(replace(part, column=self._column(part.name)) for part in list_parameters(operation))

    def _column(self, parameter: str) -> str:
        """By the key's arguments, else by name, else by the member that the column shows."""
        if parameter in self.arguments:
            return self.arguments[parameter]
        if to_snake_case(parameter) in self.columns:
            return to_snake_case(parameter)
        return next((column.name for column in self.columns.values() if column.path == (parameter,)), "")

    def actions(self, calls: Sequence[str]) -> tuple[str, ...]:
        """The IAM actions of calls; what has a prefix is one already."""
        prefixed = (call if ":" in call else f"{self.iam}:{call}" for call in calls if call)
        return tuple(dict.fromkeys(prefixed))


def parse_methods(
    top: Mapping[str, Node], reading: ReadBlock, tags: TagsCall | None, around: TableContext
) -> tuple[Method, ...]:
    """All methods of a table in the order of SHOW METHODS."""
    writes = top["write"].block([], [*_WRITES, "desired"]) if "write" in top else {}
    execs = top["exec"].pairs() if "exec" in top else {}
    known = (*(name for name in writes if name in _WRITES), *execs)
    extra = _permissions(top.get("permissions"), around.model, known)
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
            methods.append(_method(name, verb, writes[what], around, required, also))
    methods.append(_select("list_resources", around, (reading.list.call,), ("region",)))
    if look:
        calls = (*look, *tagging.get("read", ()))
        methods.append(_select("get_resource", around, calls, ("data__Identifier", "region")))
    for name, node in execs.items():
        methods.append(_method(name, "EXEC", node, around, None, (*look, *extra.get(name, ()))))
    return tuple(methods)


def parse_error_rules(node: Node | None) -> ErrorRules:
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
    return ErrorRules(**rules)


def _method(
    name: str,
    verb: str,
    node: Node,
    around: TableContext,
    required: Sequence[str] | None,
    also: Sequence[str],
) -> Method:
    block = node.block(["call"], _KEYS[verb])
    operation = find_operation(around.model, block["call"])
    inputs = get_members(operation.input_shape)
    if required is None:
        required = operation.input_shape.required_members if inputs else ()
    if "required" in block:
        required = block["required"].texts()
        for parameter in required:
            if parameter not in inputs:
                raise block["required"].unknown(f"parameter of {operation.name}", parameter, inputs)
    until = block["until"].texts() if "until" in block else ()
    for state in until:
        if state not in (*around.states, MISSING):
            raise block["until"].unknown("state", state, (*around.states, MISSING))
    return Method(
        name=name,
        verb=verb,
        call=operation.name,
        required=(*required, "region"),
        until=until,
        permissions=around.actions((operation.name, *also)),
        parameters=around.parameters(operation),
        via=_via(block, around),
        input_shape=build_input_shape(operation),
    )


def _via(block: Mapping[str, Node], around: TableContext) -> str:
    if "via" not in block:
        return ""
    state = block["via"].text()
    if state not in around.state.busy:
        raise block["via"].unknown("state under busy", state, around.state.busy)
    if "until" not in block:
        raise block["via"].fail(
            f"{state} passes by itself; expected `until:` with the states that it leads to"
        )
    return state


def _select(name: str, around: TableContext, calls: Sequence[str], required: tuple[str, ...]) -> Method:
    operation = around.model.operation_model(calls[0])
    actions, inputs = around.actions(calls), around.parameters(operation)
    return Method(
        name, "SELECT", calls[0], required, (), actions, inputs, input_shape=build_input_shape(operation)
    )


def _permissions(node: Node | None, model: Any, known: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What `permissions:` adds to each method; a name without a prefix is an operation of this service."""
    pairs = node.block([], known) if node else {}
    for entries in pairs.values():
        for entry in entries.items():
            if ":" not in entry.text():
                find_operation(model, entry)
            elif not _ACTION.fullmatch(entry.text()):
                raise entry.fail(f"{entry.text()!r} is no IAM action; expected such as `iam:PassRole`")
    return {what: entries.texts() for what, entries in pairs.items()}

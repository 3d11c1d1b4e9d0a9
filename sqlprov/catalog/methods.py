"""Parses the calls of `write:` and `exec:`, with `permissions:` and `errors:`, as methods and error rules."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .columns import TAG_MEMBERS, TAGS
from .describe_call import RowColumns
from .nouns import flatten, match_column
from .service_model import build_input_shape, find_operation, get_members, list_tokens, to_snake_case
from .table import (
    Column,
    ColumnSource,
    DescribeCall,
    ErrorRule,
    ErrorRules,
    ExtraCall,
    IamActions,
    ListCall,
    Method,
    Parameter,
    StateRule,
    TagsCall,
)
from .yaml_nodes import Node, get_pairs

_ACTION = re.compile(r"[a-z0-9-]+:[A-Za-z]+")
_CODE = re.compile(r"\*?[A-Za-z][\w.]*")  # EC2's codes have dots
MISSING = "missing"  # in `until:`, the row is gone

# Block under `write:` -> name, verb, and required parameters (`None`: those of the API), in the
# order of SHOW METHODS. These are StackQL's names; its users' files run here.
_WRITES: dict[str, tuple[str, str, tuple[str, ...] | None]] = {
    "insert": ("create_resource", "INSERT", None),
    "delete": ("delete_resource", "DELETE", ("data__Identifier",)),
    "update": ("update_resource", "UPDATE", ("data__Identifier", "data__PatchDocument")),
}
# Keys of a block beside `call`; `write_block` reads those that only one verb has.
_KEYS = {
    "INSERT": ("until", "via", "required", "ignored", "notes", "replaces"),
    "UPDATE": ("until", "via", "when"),
    "DELETE": ("until", "via", "before"),
    "EXEC": ("until", "via"),
}


@dataclass(frozen=True)
class TableContext:
    """The facts that a table's methods are checked against.

    Attributes:
        model: botocore's model of the service.
        iam: names of the IAM actions.
        state: the column of the state and its busy states.
        key: the key's columns.
        columns: the table's columns by name.
        arguments: parameter of Describe -> key column.
        list, describe, extras: the calls that read.
        row: the columns of the list, with their shapes.
    """

    model: Any
    iam: IamActions
    state: StateRule
    key: Sequence[str]
    columns: Mapping[str, Column]
    arguments: Mapping[str, str]
    list: ListCall
    describe: DescribeCall | None
    extras: Mapping[str, ExtraCall]
    row: RowColumns

    @property
    def states(self) -> tuple[str, ...]:
        """All states; none if the table has no state column."""
        return self.columns[self.state.column].constraint.enum if self.state.column else ()

    def build_method(
        self,
        name: str,
        verb: str,
        operation: Any,
        required: Sequence[str],
        calls: Sequence[str],
        **block: Any,
    ) -> Method:
        """A method whose permissions are those of its operation and of `calls`."""
        actions = (call if ":" in call else self.iam.find(call) for call in (operation.name, *calls) if call)
        returns = self._find_returned_key(operation) if verb == "INSERT" else {}
        shape, tokens = build_input_shape(operation), list_tokens(operation)
        parameters = (
            Parameter(part, member.name, part in shape.required, self._find_column(part, operation, returns))
            for part, member in get_members(operation.input_shape).items()
        )
        return Method(
            name=name,
            verb=verb,
            call=operation.name,
            required=(*(part for part in required if part not in tokens), "region"),
            permissions=tuple(dict.fromkeys(actions)),
            parameters=tuple(parameters),
            input_shape=shape,
            tokens=tokens,
            returns=returns,
            **block,
        )

    def _find_column(self, parameter: str, operation: Any, others: Collection[str]) -> str:
        """The column of a parameter, if a row that is read by its key has it, and it is none of `others`.

        Matched by the key's arguments, then by name, then by the member that the column shows; the required
        parameters also by the endings of the key.
        """
        names = [self.arguments.get(parameter, ""), to_snake_case(parameter)]
        names += [name for name, column in self.columns.items() if column.path == (parameter,)]
        names += [TAGS] if flatten(parameter) in TAG_MEMBERS else []
        if parameter in operation.input_shape.required_members:
            key = {name: self.row.shapes[name] for name in self.key if name in self.row.shapes}
            shape = operation.input_shape.members[parameter]
            names.append(match_column(parameter, shape, key, self.row.nouns, by_shape=False))
        name = next((name for name in names if name in self.columns), "")
        is_read = name in self.key or self.describe is None or name in self.describe.paths
        is_read = is_read or (name in self.columns and self.columns[name].source is ColumnSource.TAGS)
        return name if is_read and name not in others else ""

    def _find_returned_key(self, operation: Any) -> dict[str, tuple[str, ...]]:
        """The columns of the key that no parameter of a create names and its reply holds, and where."""
        given = {to_snake_case(name) for name in get_members(operation.input_shape)}
        paths: dict[str, tuple[str, ...]] = {}
        for name, member in get_members(operation.output_shape).items():
            for path in ((name,), *((name, inner) for inner in get_members(member))):
                paths.setdefault(self._find_member(path[-1]), path)
        return {name: paths[name] for name in self.key if name in paths and name not in given}

    def _find_member(self, member: str) -> str:
        """The column that shows a member."""
        name = to_snake_case(member)
        shown = (name for name, column in self.columns.items() if column.path[-1:] == (member,))
        return name if name in self.columns else next(shown, "")


def parse_methods(top: Mapping[str, Node], tags: TagsCall | None, table: TableContext) -> tuple[Method, ...]:
    """All methods of a table in the order of SHOW METHODS."""
    writes = top["write"].read_block([], [*_WRITES, "desired"]) if "write" in top else {}
    execs = get_pairs(top, "exec")
    permissions = _parse_permissions(top, table.model, (*(n for n in writes if n in _WRITES), *execs))
    describe = (table.describe.call,) if table.describe else ()
    extras = tuple(extra.call for extra in table.extras.values())
    tag_calls: dict[str, tuple[str, ...]] = {}
    if tags:
        tag_calls["insert"] = (tags.add, tags.call)
        tag_calls["delete"] = tag_calls["read"] = (tags.call,)
        tag_calls["update"] = (tags.add, tags.remove, tags.call)

    methods = []
    for block, (name, verb, required) in _WRITES.items():
        if block in writes:
            calls = (*describe, *tag_calls.get(block, ()), *permissions.get(block, ()))
            methods.append(_parse_method(name, verb, writes[block], table, required, calls))
    operation = table.model.operation_model(table.list.call)
    methods.append(table.build_method("list_resources", "SELECT", operation, (), () if describe else extras))
    if table.describe:
        operation = table.model.operation_model(table.describe.call)
        key, calls = ("data__Identifier",), (*extras, *tag_calls.get("read", ()))
        methods.append(table.build_method("get_resource", "SELECT", operation, key, calls))
    for name, node in execs.items():
        calls = (*describe, *permissions.get(name, ()))
        methods.append(_parse_method(name, "EXEC", node, table, None, calls))
    return tuple(methods)


def read_write(node: Node | None, verb: str) -> Mapping[str, Node]:
    """The block of a call that writes; its name alone stands for `{call: name}`."""
    if node is None:
        return {}
    return {"call": node} if isinstance(node.value, str) else node.read_block(["call"], _KEYS[verb])


def parse_error_rules(node: Node | None) -> ErrorRules:
    """The rules under `missing` and `exists`: `Code`, or `Code: text that the message must hold`."""
    blocks = node.read_block([], ["missing", "exists"]) if node else {}
    return ErrorRules(**{name: parse_codes(entries) for name, entries in blocks.items()})


def parse_codes(node: Node) -> tuple[ErrorRule, ...]:
    """A list of `Code`, or `Code: text`; `*` at the beginning of a code stands for any text."""
    parsed: list[ErrorRule] = []
    for entry in node.items():
        if isinstance(entry.value, str):
            parsed.append(ErrorRule(entry.read_text()))
        else:
            parsed += [ErrorRule(code, text.read_text()) for code, text in entry.read_pairs().items()]
        if not _CODE.fullmatch(parsed[-1].code):
            raise entry.fail(f"{parsed[-1].code!r} is not an error code; expected `Code` or `Code: text`")
    return tuple(parsed)


def _parse_method(
    name: str,
    verb: str,
    node: Node,
    table: TableContext,
    required: Sequence[str] | None,
    calls: Sequence[str],
) -> Method:
    block = read_write(node, verb)
    operation = find_operation(table.model, block["call"])
    inputs = get_members(operation.input_shape)
    if required is None:
        required = operation.input_shape.required_members if inputs else ()
    if "required" in block:
        required = block["required"].read_strings()
        for parameter in required:
            block["required"].check(f"parameter of {operation.name}", parameter, inputs)
    until: tuple[str, ...] = (MISSING,) if verb == "DELETE" else ()
    if "until" in block:
        until = block["until"].read_strings()
        for state in until:
            block["until"].check("state", state, (*table.states, MISSING))
    via = block["via"].choose("state under busy", table.state.busy) if "via" in block else ""
    if via and not until:
        raise block["via"].fail(f"{via} is a busy state; expected `until:` with the states that it leads to")
    return table.build_method(name, verb, operation, required, calls, until=until, via=via)


def _parse_permissions(
    top: Mapping[str, Node], model: Any, methods: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """The actions that `permissions:` adds to each method; a name without a prefix is an operation of this
    service."""
    pairs = top["permissions"].read_block([], methods) if "permissions" in top else {}
    for entries in pairs.values():
        for entry in entries.items():
            if ":" not in entry.read_text():
                find_operation(model, entry)
            elif not _ACTION.fullmatch(entry.read_text()):
                raise entry.fail(
                    f"{entry.read_text()!r} is not an IAM action; expected one such as `iam:PassRole`"
                )
    return {method: entries.read_strings() for method, entries in pairs.items()}

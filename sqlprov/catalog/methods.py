"""Parses the calls of `write:` and `exec:`, with `permissions:` and `errors:`, as methods and error rules."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from sqlprov.records import dataclass

from .column import Column, ColumnSource
from .columns import COMMON, TAG_MEMBERS, TAGS
from .constants import parse_constants
from .describe_call import RowColumns
from .method import TAG_SPECIFICATIONS, Method, Nesting, Parameter
from .nouns import flatten, match_column, strip_noun
from .read_calls import DescribeCall, ErrorRule, ExtraCall, TagsCall
from .service_model import build_input_shape, find_operation, get_members, list_tokens, to_snake_case
from .shapes import Constraint, Shape
from .table import ErrorRules, IamActions, ListCall, StateRule
from .yaml_nodes import Node, get_pairs

_ACTION = r"[a-z0-9-]+:[A-Za-z]+"
_CODE = re.compile(r"\*?[A-Za-z][\w.]*")  # EC2's codes have dots
ATTRIBUTE_VALUE = "Value"
"""The member that holds an attribute of EC2."""
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
    "INSERT": (
        "until",
        "via",
        "arguments",
        "send",
        "into",
        "required",
        "ignored",
        "notes",
        "replaces",
        "name",
        "attributes",
        "adds",
    ),
    "UPDATE": ("until", "via", "arguments", "send", "into", "when", "whole", "previous"),
    "DELETE": ("until", "via", "arguments", "send", "into", "before", "marks"),
    "EXEC": ("until", "via", "arguments"),
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
        """All states that the model lists."""
        return self.columns[self.state.column].constraint.enum if self.state.column else ()

    def check_state(self, node: Node, state: str, others: Collection[str] = ()) -> None:
        """Refuse a state that is not in the model and not one of `others`; the model may list none of a column."""
        if not self.state.column and state not in others:
            raise node.fail(
                "the table has no states; expected `state:` with the column that holds them"
                + (f", or {', '.join(map(repr, others))}" if others else "")
            )
        if self.states:
            node.check("state", state, (*self.states, *others))

    def build_method(
        self,
        name: str,
        verb: str,
        operation: Any,
        required: Sequence[str],
        calls: Sequence[str],
        send: Mapping[str, Any] | None = None,
        into: Node | None = None,
        arguments: Mapping[str, str] | None = None,
        **block: Any,
    ) -> Method:
        """A method whose permissions are those of its operation and of `calls`.

        `send` are its constants, `into` leads to the members of the row, and `arguments` are parameters and the
        columns that they take.
        """
        send, arguments = send or {}, arguments or {}
        actions = (call if ":" in call else self.iam.find(call) for call in (operation.name, *calls) if call)
        shape, nesting = build_input_shape(operation), None
        if into:
            shape, nesting = _lift(into, shape, [column.path for column in self.columns.values()])
            required = shape.required if verb == "INSERT" else required
        returns = self._find_returned_key(operation, shape, arguments.values()) if verb == "INSERT" else {}
        shape, tokens = _hide(shape, send), list_tokens(operation)
        shape, tag_type = _lift_tags(shape, self.row.nouns)
        parameters = tuple(
            Parameter(
                part,
                member.name,
                part in shape.required,
                arguments.get(part) or self._find_column(part, operation, verb, returns),
            )
            for part, member in shape.members.items()
        )
        return Method(
            name=name,
            verb=verb,
            call=operation.name,
            required=(*(part for part in required if part not in (*tokens, *send)), "region"),
            permissions=tuple(dict.fromkeys(actions)),
            parameters=parameters,
            input_shape=_relax(
                self._mark_types(shape, parameters),
                parameters,
                [parent.column for parent in self.list.parents],
            ),
            send=send,
            nesting=nesting,
            tag_type=tag_type,
            tokens=tokens,
            arguments=frozenset(arguments),
            returns=returns,
            **block,
        )

    def _mark_types(self, shape: Shape, parameters: Iterable[Parameter]) -> Shape:
        """The input with the types that the catalog gives the columns of its parameters."""
        marked = {}
        for part in parameters:
            column, member = self.columns.get(part.column), shape.members[part.name]
            if column is None or not (column.is_json or pa.types.is_timestamp(column.type)):
                continue
            if member.kind == "string" and column.is_json:
                marked[part.name] = replace(member, is_json=True)
            elif member.kind in ("string", "integer", "long") and pa.types.is_timestamp(column.type):
                marked[part.name] = replace(member, per_second=column.per_second)
        return replace(shape, members={**shape.members, **marked}) if marked else shape

    def _find_column(self, parameter: str, operation: Any, verb: str, others: Collection[str]) -> str:
        """The column of a parameter, if a row that is read by its key has it, and it is none of `others`.

        Matched by the key's arguments, then by name, then by the member that the column shows; the required
        parameters also by the endings of the key, which a call for an existing row may take as a list.
        """
        names = [self.arguments.get(parameter, ""), to_snake_case(parameter)]
        names += [name for name, column in self.columns.items() if column.path == (parameter,)]
        inputs = get_members(operation.input_shape)
        is_text = (
            parameter in inputs and inputs[parameter].type_name == "string"
        )  # as the tags of IoT's rules
        names += [TAGS] if flatten(parameter) in TAG_MEMBERS else []
        if parameter in inputs and parameter in operation.input_shape.required_members:
            key = {name: self.row.shapes[name] for name in self.key if name in self.row.shapes}
            word, shape = parameter, inputs[parameter]
            if shape.type_name == "list" and verb != "INSERT":
                word, shape = parameter.removesuffix("s"), shape.member
            names.append(match_column(word, shape, key, self.row.nouns, by_shape=False))
        # The region and the account are no members: a record's Region is `resource_region`.
        name = next((name for name in names if name in self.columns and name not in COMMON), "")
        sources = (ColumnSource.LIST, ColumnSource.TAGS) if self.describe is None else (ColumnSource.TAGS,)
        is_read = name in self.key or (self.describe is not None and name in self.describe.paths)
        is_read = is_read or (name in self.columns and self.columns[name].source in sources)
        return name if is_read and name not in others and not (is_text and name == TAGS) else ""

    def _find_returned_key(
        self, operation: Any, shape: Shape, filled: Iterable[str]
    ) -> dict[str, tuple[str, ...]]:
        """The columns of the key that its reply holds and no parameter of a create, in `shape`, names or fills, and
        where.
        """
        given = {*map(to_snake_case, shape.members), *filled}
        paths: dict[str, tuple[str, ...]] = {}
        for name, member in get_members(operation.output_shape).items():
            is_list = member.type_name == "list"
            member = member.member if is_list else member
            own = name.removesuffix("s") if is_list else name  # `HostIds` holds one id
            for path, word in (((name,), own), *(((name, inner), inner) for inner in get_members(member))):
                if to_snake_case(word) not in given:
                    paths.setdefault(self._find_member(word), path)
        return {name: paths[name] for name in self.key if name in paths and name not in given}

    def _find_member(self, member: str) -> str:
        """The part of the key with a member's name, but for the table's noun, or the column that shows it."""
        name = to_snake_case(member)
        bare = strip_noun(name, self.row.nouns)
        parts = [part for part in self.key if bare and strip_noun(part, self.row.nouns) == bare]
        names = [name for name in (name, *parts) if name in self.key]
        names += [name] if name in self.columns else []
        names += [name for name, column in self.columns.items() if column.path[-1:] == (member,)]
        return next(iter(names), "")


def parse_methods(top: Mapping[str, Node], tags: TagsCall | None, table: TableContext) -> tuple[Method, ...]:
    """All methods of a table in the order of SHOW METHODS."""
    writes = top["write"].read_block([], [*_WRITES, "desired"]) if "write" in top else {}
    execs = get_pairs(top, "exec")
    permissions = _parse_permissions(top, table.model, (*(n for n in writes if n in _WRITES), *execs))
    describe = (table.describe.call,) if table.describe else ()
    extras = tuple(extra.call for extra in table.extras.values())
    tag_calls: dict[str, tuple[str, ...]] = {}
    if tags:  # the tags may be a member of the row, which no further call reads
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
        listed = block["required"].read_strings()
        for parameter in listed:
            block["required"].check(f"parameter of {operation.name}", parameter, inputs)
        required = tuple(dict.fromkeys((*listed, *required)))
    until: tuple[str, ...] = (MISSING,) if verb == "DELETE" else ()
    if "until" in block:
        until = block["until"].read_strings()
        for state in until:
            table.check_state(block["until"], state, [MISSING])
    via = block["via"].choose("state under busy", table.state.busy) if "via" in block else ""
    if via and not until:
        raise block["via"].fail(f"{via} is a busy state; expected `until:` with the states that it leads to")
    send = parse_constants(block.get("send"), operation, ("region", *table.key))
    into = block.get("into")
    known = {*inputs}
    if into:
        known |= {
            *_lift(into, build_input_shape(operation), [each.path for each in table.columns.values()])[
                0
            ].members
        }
    arguments = {
        block["arguments"].check(f"parameter of {operation.name}", parameter, known): column.choose(
            "column", table.columns
        )
        for parameter, column in get_pairs(block, "arguments").items()
    }
    attributes = dict(_parse_attributes(block, table))
    calls = (*calls, *dict.fromkeys(method.call for method in attributes.values()))
    method = table.build_method(
        name, verb, operation, required, calls, send, into, arguments, until=until, via=via
    )
    members = {part: setter.input_shape.members[part] for part, setter in attributes.items()}
    members = {part: shape.members.get(ATTRIBUTE_VALUE, shape) for part, shape in members.items()}
    shape = replace(method.input_shape, members={**method.input_shape.members, **members})
    return replace(method, input_shape=shape, attributes=attributes) if attributes else method


def _parse_attributes(block: Mapping[str, Node], table: TableContext) -> Iterator[tuple[str, Method]]:
    """Each parameter under `attributes:`, and the method that sets it."""
    for call, names in get_pairs(block, "attributes").items():
        operation = find_operation(table.model, replace(names, value=call))
        setter = table.build_method("set", "EXEC", operation, (), ())
        for name in names.read_strings():
            yield names.check(f"parameter of {call}", name, setter.input_shape.members), setter


def _lift(node: Node, shape: Shape, paths: Iterable[Sequence[str]]) -> tuple[Shape, Nesting]:
    """What a statement can give of a call that takes the row as a member of its input.

    Args:
        node: the members that lead to it.
        shape: the input.
        paths: of the columns, which are the members of a map.
    """
    path, lists, inner = tuple(node.read_text().split(".")), set(), shape
    for member in path:
        inner = inner.members[node.check(f"member of {inner.name}", member, inner.members)]
        if inner.item:
            lists.add(member)
            inner = inner.item
    members = dict(inner.members)
    if inner.value:
        names = inner.key.constraint.enum if inner.key else ()
        members = dict.fromkeys(names or [path[0] for path in paths if len(path) == 1], inner.value)
    if not members:
        raise node.fail(f"{node.read_text()} has no members; expected a structure, or a map")
    others = {name: member for name, member in shape.members.items() if name != path[0]}
    required = [name for name in (*shape.required, *inner.required) if name != path[0]]
    nesting = Nesting(
        path, frozenset(lists), frozenset(members), frozenset(shape.required) & {*members}, not inner.value
    )
    lifted = replace(shape, members={**members, **others}, required=tuple(dict.fromkeys(required)))
    return lifted, nesting


def _relax(shape: Shape, parameters: Iterable[Parameter], parents: Collection[str]) -> Shape:
    """A structure that takes identifiers of parents as their tables show them.

    botocore shortens `/hostedzone/Z1` before it checks the length.
    """
    names = {part.name for part in parameters if part.column in parents}
    members = {
        name: replace(member, constraint=Constraint()) if name in names else member
        for name, member in shape.members.items()
    }
    return replace(shape, members=members) if names else shape


def _lift_tags(shape: Shape, nouns: Collection[str]) -> tuple[Shape, str]:
    """A create's input with `Tags`, if it takes them for each type of resource, and the table's type."""
    part = shape.members.get(TAG_SPECIFICATIONS)
    item = part.item if part else None
    if item is None or not {"ResourceType", "Tags"} <= {*item.members} or "Tags" in shape.members:
        return shape, ""
    types = item.members["ResourceType"].constraint.enum
    type = next((type for type in types if flatten(type) in nouns), "")
    return (
        (replace(shape, members={**shape.members, "Tags": item.members["Tags"]}), type)
        if type
        else (shape, "")
    )


def _hide(shape: Shape, send: Mapping[str, Any]) -> Shape:
    """A structure without the members that `send` gives; of a nested structure, the others can be written."""
    members = {
        name: _hide(member, send[name]) if name in send else member
        for name, member in shape.members.items()
        if name not in send or isinstance(send[name], Mapping)
    }
    required = tuple(name for name in shape.required if name in members and name not in send)
    return replace(shape, members=members, required=required) if send else shape


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
            elif not re.fullmatch(_ACTION, entry.read_text()):
                raise entry.fail(
                    f"{entry.read_text()!r} is not an IAM action; expected one such as `iam:PassRole`"
                )
    return {method: entries.read_strings() for method, entries in pairs.items()}

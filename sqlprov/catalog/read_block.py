"""Parses the `read:` block: the List and Describe calls and the columns that they fill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import suggest
from .pushdown import parse_filters, parse_sort
from .service_model import (
    find_operation,
    find_paginator,
    get_members,
    read_constraint,
    resolve_path,
    summarize,
    to_arrow_type,
    to_snake_case,
)
from .table import Column, ColumnSource, DescribeCall, ListCall, PageToken
from .yaml_nodes import Node, get_pairs, get_text


@dataclass(frozen=True)
class ReadBlock:
    """The `read:` block.

    Attributes:
        list, describe: the calls.
        columns: by name, in the file's order, list columns first.
        nodes: column -> its place in the file, for messages.
    """

    list: ListCall
    describe: DescribeCall | None
    columns: Mapping[str, Column]
    nodes: Mapping[str, Node]


def parse_read_block(node: Node, model: Any, key: Sequence[Node]) -> ReadBlock:
    """The calls and columns of `read:`; `key` names the columns that a lookup takes."""
    block = node.block(["list"], ["describe"])
    listing = block["list"].block(["call", "columns"], ["filters", "sort"])
    operation = find_operation(model, listing["call"])
    required = operation.input_shape.required_members if operation.input_shape else ()
    if required:
        raise listing["call"].fail(
            f"{operation.name} requires {', '.join(required)}; expected a List of all rows"
        )
    items, item = _find_items(listing["call"], operation)
    columns: dict[str, Column] = {}
    nodes: dict[str, Node] = {}
    _parse_columns(listing["columns"], item, operation.name, ColumnSource.LIST, columns, nodes)
    for part in key:
        part.choose("column of list as key", columns)
    describe = None
    if "describe" in block:
        describe = _parse_describe(block["describe"], model, key, item, operation.name, columns, nodes)
    token_in, token_out = find_page_tokens(listing["call"], operation)
    limit = find_paginator(operation).get("limit_key", "")
    size = get_members(operation.input_shape)[limit].metadata.get("max", 0) if limit else 0
    call = ListCall(
        call=operation.name,
        rows=(items,),
        tokens=(PageToken(token_in, token_out),) if token_in else (),
        page_size_parameter=limit if size else "",
        page_size=int(size),
        filters=parse_filters(listing.get("filters"), operation, item, columns),
        sort=parse_sort(listing.get("sort"), operation, item, columns),
    )
    return ReadBlock(call, describe, columns, nodes)


def find_page_tokens(node: Node, operation: Any) -> tuple[str, str]:
    """Parameter and output member of the page token; empty if the operation is not paged."""
    paginator = find_paginator(operation)
    token_in, token_out = paginator.get("input_token", ""), paginator.get("output_token", "")
    # Such a list, read as one page, would silently be short.
    for token, shape in ((token_in, operation.input_shape), (token_out, operation.output_shape)):
        if token not in ["", *get_members(shape)]:
            raise node.fail(f"{operation.name} pages by {token!r}; expected one member at the top")
    return token_in, token_out


def _find_items(node: Node, operation: Any) -> tuple[str, Any]:
    """The output member that holds the rows, and the shape of a row."""
    lists = {n: s.member for n, s in get_members(operation.output_shape).items() if s.type_name == "list"}
    items = find_paginator(operation).get("result_key") or (next(iter(lists)) if len(lists) == 1 else "")
    if not isinstance(items, str) or items not in lists or lists[items].type_name != "structure":
        raise node.fail(f"{operation.name} returns no list of structures; expected a List operation")
    return items, lists[items]


def _parse_columns(
    node: Node,
    item: Any,
    call: str,
    source: ColumnSource,
    columns: dict[str, Column],
    nodes: dict[str, Node],
) -> None:
    """Add the columns of a `columns:` list to `columns` and `nodes`; `item` is the shape that `call` returns."""
    for entry in node.items():
        name, path, about = _parse_column(entry, item, call)
        if name != to_snake_case(name) or not name.isidentifier():
            raise entry.fail(f"column {name!r} is not snake_case; expected {to_snake_case(name)!r}")
        if name in columns:
            raise entry.fail(f"duplicate column {name!r}, already on line {nodes[name].line}")
        shape = resolve_path(item, path)
        nodes[name] = entry
        columns[name] = Column(
            name=name,
            type=to_arrow_type(shape),
            json_type=to_arrow_type(shape, as_json=True),
            description=about or summarize(shape.documentation),
            source=source,
            path=path,
            shape=shape.name,
            constraint=read_constraint(shape),
        )


def _parse_column(entry: Node, item: Any, call: str) -> tuple[str, tuple[str, ...], str]:
    """Name, path and description of `name`, `name: Path.To` or `name: {path: Path.To, about: …}`."""
    if isinstance(entry.value, str):
        name = entry.text()
        known = {to_snake_case(member): member for member in get_members(item)}
        if name not in known:
            raise entry.fail(
                f"unknown column {name!r}; {call} returns {', '.join(known)}.{suggest(name, known)}"
            )
        return name, (known[name],), ""
    pairs = entry.pairs()
    if len(pairs) != 1:
        raise entry.fail("expected one `column: Path`, found a mapping of several")
    ((name, value),) = pairs.items()
    about = ""
    if isinstance(value.value, dict):
        block = value.block(["path"], ["about"])
        value, about = block["path"], get_text(block, "about")
    path = tuple(value.text().split("."))
    for depth, member in enumerate(path):
        members = get_members(resolve_path(item, path[:depth]))
        if member not in members:
            raise value.fail(
                f"unknown member {member!r} of column {name!r}; {'.'.join((call, *path[:depth]))} returns "
                f"{', '.join(members) or 'no members'}.{suggest(member, members)}"
            )
    return name, path, about


def _parse_describe(
    node: Node,
    model: Any,
    key: Sequence[Node],
    list_item: Any,
    list_call: str,
    columns: dict[str, Column],
    nodes: dict[str, Node],
) -> DescribeCall:
    """The Describe call; adds its columns to `columns`, which holds those of List."""
    block = node.block(["call", "columns"], ["item", "arguments"])
    operation = find_operation(model, block["call"])
    within = tuple(block["item"].text().split(".")) if "item" in block else ()
    item = resolve_path(operation.output_shape, within)
    if item is None:
        block["item"].check("output member", ".".join(within), get_members(operation.output_shape))
    for name, column in columns.items():
        if not _has_column(item, column):
            raise nodes[name].fail(
                f"{list_call} returns column {name!r} but {operation.name} has no "
                f"{'.'.join(column.path)} like it; a lookup by key would lose it."
                f"{suggest(column.path[-1], get_members(item))}"
            )
    described: dict[str, Column] = dict(columns)
    _parse_columns(block["columns"], item, operation.name, ColumnSource.DESCRIBE, described, nodes)
    for name, column in described.items():
        if name not in columns and _has_column(list_item, column):
            raise nodes[name].fail(
                f"column {name!r} is under describe, but {list_call} returns it; "
                "expected it under list, where it costs no call for each row"
            )
    columns |= described
    arguments = _parse_arguments(block, node, operation, key)
    for parameter, name in arguments.items():
        # The call checks a value against the limits of its input, which may differ from those of its reply.
        limits = read_constraint(operation.input_shape.members[parameter])
        columns[name] = replace(columns[name], constraint=limits)
    paths = {name: column.path for name, column in columns.items()}
    return DescribeCall(operation.name, arguments, within, paths)


def _has_column(item: Any, column: Column) -> bool:
    """Whether an item has the column's member with the same type; a summary is a different column."""
    shape = resolve_path(item, column.path)
    return shape is not None and to_arrow_type(shape) == column.type


def _parse_arguments(
    block: Mapping[str, Node], node: Node, operation: Any, key: Sequence[Node]
) -> dict[str, str]:
    """Parameter -> key column, in the key's order; matched by name unless `arguments:` names them."""
    inputs = get_members(operation.input_shape)
    nodes = {part.text(): part for part in key}
    parameters = {to_snake_case(parameter): parameter for parameter in inputs}
    for parameter, value in get_pairs(block, "arguments").items():
        value.check(f"parameter of {operation.name}", parameter, inputs)
        parameters[value.choose("key column", nodes)] = parameter
    for name, part in nodes.items():
        if name not in parameters:
            raise part.fail(
                f"key column {name!r} fills no parameter of {operation.name}, which takes "
                f"{', '.join(inputs)}; expected `arguments: {{Parameter: {name}}}` under describe."
                f"{suggest(name, map(to_snake_case, inputs))}"
            )
    arguments = {parameters[name]: name for name in nodes}
    for parameter in operation.input_shape.required_members:
        if parameter not in arguments:
            raise node.fail(
                f"{operation.name} requires {parameter}, which no key column fills; "
                f"expected the key column {to_snake_case(parameter)!r} or `arguments:`."
                f"{suggest(to_snake_case(parameter), nodes)}"
            )
    return arguments

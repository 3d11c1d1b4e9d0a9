"""The `read:` block in, List and Describe calls and the columns they fill out."""

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
from .table import Column, ColumnSource, DescribeCall, ListCall
from .yaml_nodes import Node


@dataclass(frozen=True)
class ReadBlock:
    """What the `read:` block says.

    Attributes:
        list, describe: the calls.
        columns: in the file's order, list columns first.
        nodes: column -> where it is written, for messages.
    """

    list: ListCall
    describe: DescribeCall | None
    columns: tuple[Column, ...]
    nodes: Mapping[str, Node]


def parse_read_block(node: Node, model: Any, key: Sequence[Node]) -> ReadBlock:
    """The calls and columns of `read:`; `key` names the columns that a look-up is made by."""
    block = node.block(["list"], ["describe"])
    listing = block["list"].block(["call", "columns"], ["filters", "sort"])
    operation = find_operation(model, listing["call"])
    needed = operation.input_shape.required_members if operation.input_shape else ()
    if needed:
        raise listing["call"].fail(
            f"{operation.name} requires {', '.join(needed)}; expected a List of all rows"
        )
    items, item = _items(listing["call"], model, operation)
    found: dict[str, tuple[Node, Column]] = {}
    _columns(listing["columns"], item, operation, ColumnSource.LIST, found)
    for part in key:
        if part.text() not in found:
            raise part.unknown("column of list as key", part.text(), found)

    describe = None
    if "describe" in block:
        describe = _describe(block["describe"], model, item, operation, found, key)
    columns = {name: column for name, (_, column) in found.items()}
    list_call = _paging(listing["call"], model, operation, items)
    list_call = replace(
        list_call,
        filters=parse_filters(listing.get("filters"), operation, item, columns),
        sort=parse_sort(listing.get("sort"), operation, item, columns),
    )
    return ReadBlock(
        list_call, describe, tuple(columns.values()), {name: at for name, (at, _) in found.items()}
    )


def find_page_tokens(node: Node, model: Any, operation: Any) -> tuple[str, str]:
    """Parameter and output member of the page token; empty if the operation is not paged."""
    pager = find_paginator(operation)
    token_in, token_out = pager.get("input_token", ""), pager.get("output_token", "")
    # ReadBlock such a list as one page would be short without a word.
    for token, shape in ((token_in, operation.input_shape), (token_out, operation.output_shape)):
        if token not in ["", *get_members(shape)]:
            raise node.fail(f"{operation.name} pages by {token!r}; expected one member at the top")
    return token_in, token_out


def _items(node: Node, model: Any, operation: Any) -> tuple[str, Any]:
    """The output member that holds the rows, and the shape of a row."""
    lists = {n: s.member for n, s in get_members(operation.output_shape).items() if s.type_name == "list"}
    items = find_paginator(operation).get("result_key") or (next(iter(lists)) if len(lists) == 1 else "")
    if not isinstance(items, str) or items not in lists or lists[items].type_name != "structure":
        raise node.fail(f"{operation.name} returns no list of structures; expected a List operation")
    return items, lists[items]


def _paging(node: Node, model: Any, operation: Any, items: str) -> ListCall:
    token_in, token_out = find_page_tokens(node, model, operation)
    limit = find_paginator(operation).get("limit_key", "")
    size = get_members(operation.input_shape)[limit].metadata.get("max", 0) if limit else 0
    return ListCall(operation.name, items, token_in, token_out, limit if size else "", int(size))


def _columns(
    node: Node, item: Any, operation: Any, source: ColumnSource, found: dict[str, tuple[Node, Column]]
) -> None:
    """Adds the columns of a `columns:` list to `found`."""
    for entry in node.items():
        name, path, about = _entry(entry, item, operation)
        if name != to_snake_case(name) or not name.isidentifier():
            raise entry.fail(f"column {name!r} is not snake_case; expected {to_snake_case(name)!r}")
        if name in found:
            raise entry.fail(f"duplicate column {name!r}, already in line {found[name][0].line}")
        shape = resolve_path(item, path)
        found[name] = (
            entry,
            Column(
                name=name,
                type=to_arrow_type(shape),
                json_type=to_arrow_type(shape, as_json=True),
                description=about or summarize(shape.documentation),
                source=source,
                path=path,
                shape=shape.name,
                constraint=read_constraint(shape),
            ),
        )


def _entry(entry: Node, item: Any, operation: Any) -> tuple[str, tuple[str, ...], str]:
    """Name, path and description of `name`, `name: Path.To` or `name: {path: Path.To, about: …}`."""
    if isinstance(entry.value, str):
        name = entry.text()
        known = {to_snake_case(member): member for member in get_members(item)}
        if name not in known:
            raise entry.fail(
                f"unknown column {name!r}; {operation.name} returns {', '.join(known)}.{suggest(name, known)}"
            )
        return name, (known[name],), ""
    pairs = entry.pairs()
    if len(pairs) != 1:
        raise entry.fail("expected one `column: Path`, found a mapping of several")
    ((name, value),) = pairs.items()
    about = ""
    if isinstance(value.value, dict):
        block = value.block(["path"], ["about"])
        value, about = block["path"], block["about"].text() if "about" in block else ""
    path = tuple(value.text().split("."))
    for depth, member in enumerate(path):
        known_here = get_members(resolve_path(item, path[:depth]))
        if member not in known_here:
            place = ".".join((operation.name, *path[:depth]))
            raise value.fail(
                f"unknown member {member!r} of column {name!r}; {place} returns "
                f"{', '.join(known_here) or 'no members'}.{suggest(member, known_here)}"
            )
    return name, path, about


def _describe(
    node: Node,
    model: Any,
    listed: Any,
    list_operation: Any,
    found: dict[str, tuple[Node, Column]],
    key: Sequence[Node],
) -> DescribeCall:
    """The Describe call; adds its columns to `found`, which holds those of List."""
    block = node.block(["call", "columns"], ["item", "arguments"])
    operation = find_operation(model, block["call"])
    within = tuple(block["item"].text().split(".")) if "item" in block else ()
    item = resolve_path(operation.output_shape, within)
    if item is None:
        raise block["item"].unknown("output member", ".".join(within), get_members(operation.output_shape))
    paths = {name: column.path for name, (_, column) in found.items()}
    for name, (entry, column) in found.items():
        if not _returns(item, column):
            raise entry.fail(
                f"column {name!r} is returned by {list_operation.name} but {operation.name} has no "
                f"{'.'.join(column.path)} like it: a look-up by key would lose it."
                f"{suggest(column.path[-1], get_members(item))}"
            )
    _columns(block["columns"], item, operation, ColumnSource.DESCRIBE, found)
    for name, (entry, column) in list(found.items())[len(paths) :]:
        if _returns(listed, column):
            raise entry.fail(
                f"column {name!r} stands under describe, but {list_operation.name} returns it; "
                "expected it under list, where it costs no call for each row"
            )
        paths[name] = column.path
    arguments = _arguments(block, node, operation, key)
    for parameter, name in arguments.items():
        entry, column = found[name]
        # What the look-up would be refused by; the reply's own shape need not say the same.
        limits = read_constraint(operation.input_shape.members[parameter])
        found[name] = entry, replace(column, constraint=limits)
    return DescribeCall(operation.name, arguments, within, paths, tuple(item.required_members))


def _returns(item: Any, column: Column) -> bool:
    """Whether an item holds the column's member with the same type; a summary of it is another column."""
    shape = resolve_path(item, column.path)
    return shape is not None and to_arrow_type(shape) == column.type


def _arguments(block: Mapping[str, Node], node: Node, operation: Any, key: Sequence[Node]) -> dict[str, str]:
    """Parameter -> key column, in the key's order; by name where the file does not say it."""
    inputs = get_members(operation.input_shape)
    names = {part.text(): part for part in key}
    said = {to_snake_case(parameter): parameter for parameter in inputs}
    for parameter, value in (block["arguments"].pairs() if "arguments" in block else {}).items():
        if parameter not in inputs:
            raise value.unknown(f"parameter of {operation.name}", parameter, inputs)
        if value.text() not in names:
            raise value.unknown("key column", value.text(), names)
        said[value.text()] = parameter
    for name, part in names.items():
        if name not in said:
            raise part.fail(
                f"key column {name!r} fills no parameter of {operation.name}, which takes "
                f"{', '.join(inputs)}; expected `arguments: {{Parameter: {name}}}` under describe."
                f"{suggest(name, map(to_snake_case, inputs))}"
            )
    arguments = {said[name]: name for name in names}
    for parameter in operation.input_shape.required_members:
        if parameter not in arguments:
            raise node.fail(
                f"{operation.name} requires {parameter}, which no key column fills; "
                f"expected the key column {to_snake_case(parameter)!r} or `arguments:`."
                f"{suggest(to_snake_case(parameter), names)}"
            )
    return arguments

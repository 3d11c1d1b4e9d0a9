"""The `read:` block in, List and Describe calls and the columns they fill out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import suggest
from .pushdown import read_filters, read_sort
from .service_model import Api, arrow_type, constraint, members, plain, resolve, snake
from .table import Column, DescribeCall, ListCall, Source
from .yaml_nodes import Node


@dataclass(frozen=True)
class Reading:
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


def read_block(node: Node, api: Api, key: Sequence[Node]) -> Reading:
    """The calls and columns of `read:`; `key` names the columns that a look-up is made by."""
    block = node.block(["list"], ["describe"])
    listing = block["list"].block(["call", "columns"], ["filters", "sort"])
    operation = api.operation(listing["call"])
    needed = operation.input_shape.required_members if operation.input_shape else ()
    if needed:
        raise listing["call"].fail(
            f"{operation.name} requires {', '.join(needed)}; expected a List of all rows"
        )
    items, item = _items(listing["call"], api, operation)
    found: dict[str, tuple[Node, Column]] = {}
    _columns(listing["columns"], item, operation, Source.LIST, found)
    for part in key:
        if part.text() not in found:
            raise part.unknown("column of list as key", part.text(), found)

    describe = None
    if "describe" in block:
        describe = _describe(block["describe"], api, item, operation, found, key)
    columns = {name: column for name, (_, column) in found.items()}
    list_call = _paging(listing["call"], api, operation, items)
    list_call = replace(
        list_call,
        filters=read_filters(listing.get("filters"), operation, item, columns),
        sort=read_sort(listing.get("sort"), operation, item, columns),
    )
    return Reading(
        list_call, describe, tuple(columns.values()), {name: at for name, (at, _) in found.items()}
    )


def page_tokens(node: Node, api: Api, operation: Any) -> tuple[str, str]:
    """Parameter and output member of the page token; empty if the operation is not paged."""
    pager = api.pager(operation)
    token_in, token_out = pager.get("input_token", ""), pager.get("output_token", "")
    # Reading such a list as one page would be short without a word.
    for token, shape in ((token_in, operation.input_shape), (token_out, operation.output_shape)):
        if token not in ["", *members(shape)]:
            raise node.fail(f"{operation.name} pages by {token!r}; expected one member at the top")
    return token_in, token_out


def _items(node: Node, api: Api, operation: Any) -> tuple[str, Any]:
    """The output member that holds the rows, and the shape of a row."""
    lists = {n: s.member for n, s in members(operation.output_shape).items() if s.type_name == "list"}
    items = api.pager(operation).get("result_key") or (next(iter(lists)) if len(lists) == 1 else "")
    if not isinstance(items, str) or items not in lists or lists[items].type_name != "structure":
        raise node.fail(f"{operation.name} returns no list of structures; expected a List operation")
    return items, lists[items]


def _paging(node: Node, api: Api, operation: Any, items: str) -> ListCall:
    token_in, token_out = page_tokens(node, api, operation)
    limit = api.pager(operation).get("limit_key", "")
    size = members(operation.input_shape)[limit].metadata.get("max", 0) if limit else 0
    return ListCall(operation.name, items, token_in, token_out, limit if size else "", int(size))


def _columns(
    node: Node, item: Any, operation: Any, source: Source, found: dict[str, tuple[Node, Column]]
) -> None:
    """Adds the columns of a `columns:` list to `found`."""
    for entry in node.items():
        name, path, about = _entry(entry, item, operation)
        if name != snake(name) or not name.isidentifier():
            raise entry.fail(f"column {name!r} is not snake_case; expected {snake(name)!r}")
        if name in found:
            raise entry.fail(f"duplicate column {name!r}, already in line {found[name][0].line}")
        shape = resolve(item, path)
        found[name] = (
            entry,
            Column(
                name=name,
                type=arrow_type(shape),
                wire=arrow_type(shape, wire=True),
                description=about or plain(shape.documentation),
                source=source,
                path=path,
                shape=shape.name,
                constraint=constraint(shape),
            ),
        )


def _entry(entry: Node, item: Any, operation: Any) -> tuple[str, tuple[str, ...], str]:
    """Name, path and description of `name`, `name: Path.To` or `name: {path: Path.To, about: …}`."""
    if isinstance(entry.value, str):
        name = entry.text()
        known = {snake(member): member for member in members(item)}
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
        known_here = members(resolve(item, path[:depth]))
        if member not in known_here:
            place = ".".join((operation.name, *path[:depth]))
            raise value.fail(
                f"unknown member {member!r} of column {name!r}; {place} returns "
                f"{', '.join(known_here) or 'no members'}.{suggest(member, known_here)}"
            )
    return name, path, about


def _describe(
    node: Node,
    api: Api,
    listed: Any,
    list_operation: Any,
    found: dict[str, tuple[Node, Column]],
    key: Sequence[Node],
) -> DescribeCall:
    """The Describe call; adds its columns to `found`, which holds those of List."""
    block = node.block(["call", "columns"], ["item", "arguments"])
    operation = api.operation(block["call"])
    within = tuple(block["item"].text().split(".")) if "item" in block else ()
    item = resolve(operation.output_shape, within)
    if item is None:
        raise block["item"].unknown("output member", ".".join(within), members(operation.output_shape))
    paths = {name: column.path for name, (_, column) in found.items()}
    for name, (entry, column) in found.items():
        if not _returns(item, column):
            raise entry.fail(
                f"column {name!r} is returned by {list_operation.name} but {operation.name} has no "
                f"{'.'.join(column.path)} like it: a look-up by key would lose it."
                f"{suggest(column.path[-1], members(item))}"
            )
    _columns(block["columns"], item, operation, Source.DESCRIBE, found)
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
        limits = constraint(operation.input_shape.members[parameter])
        found[name] = entry, replace(column, constraint=limits)
    return DescribeCall(operation.name, arguments, within, paths, tuple(item.required_members))


def _returns(item: Any, column: Column) -> bool:
    """Whether an item holds the column's member with the same type; a summary of it is another column."""
    shape = resolve(item, column.path)
    return shape is not None and arrow_type(shape) == column.type


def _arguments(block: Mapping[str, Node], node: Node, operation: Any, key: Sequence[Node]) -> dict[str, str]:
    """Parameter -> key column, in the key's order; by name where the file does not say it."""
    inputs = members(operation.input_shape)
    names = {part.text(): part for part in key}
    said = {snake(parameter): parameter for parameter in inputs}
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
                f"{suggest(name, map(snake, inputs))}"
            )
    arguments = {said[name]: name for name in names}
    for parameter in operation.input_shape.required_members:
        if parameter not in arguments:
            raise node.fail(
                f"{operation.name} requires {parameter}, which no key column fills; "
                f"expected the key column {snake(parameter)!r} or `arguments:`."
                f"{suggest(snake(parameter), names)}"
            )
    return arguments

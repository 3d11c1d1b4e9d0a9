"""Parses how a table's rows are listed: `list`, `rows`, `send` and `each`, and `arguments` of the list itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from sqlprov.records import dataclass

from .column import Column, ColumnSource
from .columns import Reply, build_column, name_column, read_structure
from .constants import parse_constants, to_value
from .describe_call import RowColumns, parse_arguments
from .nouns import flatten, strip_noun
from .paging import find_paging
from .service_model import find_paginator, find_reading, get_members, to_arrow_type
from .table import ListCall, Parent, Table
from .yaml_nodes import Node

MOST_KEYS = 100
"""Keys that one List call looks up at once, at most."""
ENUM, ACCOUNT, REQUIRED = "enum", "account_id", "required"
"""Values of `each:` beside those of a parent table."""


@dataclass(frozen=True)
class Siblings:
    """The tables of the same service.

    Attributes:
        name: the table itself.
        names: of all tables.
        load: loads a table by name.
    """

    name: str
    names: Collection[str]
    load: Callable[[str], Table]


@dataclass(frozen=True)
class Listing:
    """A List call without its filters, and its columns.

    Attributes:
        call: the call.
        operation: botocore's.
        reply: the columns of its rows; a column of a bare string is there, those of parents are not.
        parents: the columns that parents fill.
    """

    call: ListCall
    operation: Any
    reply: Reply
    parents: Mapping[str, Column]


def parse_list(
    words: Mapping[str, Node], model: Any, siblings: Siblings, nouns: Sequence[str], send: Node | None
) -> Listing:
    """The List call of a table; `send` holds its constants."""
    node = words["list"]
    operation = find_reading(model, node)
    path, row, is_single = _find_rows(words.get("rows"), node, operation, nouns)
    each = words["each"].read_pairs() if "each" in words else {}
    parents = tuple(_parse_parent(parameter, value, operation, siblings) for parameter, value in each.items())
    own = set(words["key"].read_strings()) - {parent.column for parent in parents}
    scalar = ""
    if row.type_name == "string":
        if len(own) != 1:
            raise words["key"].fail(f"{operation.name} returns bare strings; expected one column for them")
        scalar = own.pop()
        if name_column(scalar) != scalar:
            raise words["key"].fail(f"every table has {scalar!r}; expected {name_column(scalar)!r}")
        column = build_column(scalar, row, ColumnSource.LIST, (scalar,))
        reply = Reply(operation.name, ColumnSource.LIST, row, {scalar: column})
    else:
        reply = read_structure(operation.name, ColumnSource.LIST, row)
    columns = {
        parent.column: build_column(
            parent.column, operation.input_shape.members[parent.parameter], ColumnSource.PARENT
        )
        for parent in parents
        if parent.column not in reply.columns
    }
    constants = parse_constants(send, operation)
    paging = find_paging(node, operation, words.get("page"), path)
    if paging.tokens and (is_single or not path):
        raise node.fail(f"{operation.name} has pages, and a row is in one page; expected `rows:` with a list")
    _check_required(node, operation, {*each, *constants, paging.size_parameter})
    call = ListCall(
        call=operation.name,
        rows=path,
        single=is_single,
        scalar=scalar,
        tokens=paging.tokens,
        more=paging.more,
        page_size_parameter=paging.size_parameter,
        page_size=paging.size,
        send=constants,
        parents=parents,
        may_omit_rows=_may_omit(operation, path),
    )
    return Listing(call, operation, reply, columns)


def parse_lookup(node: Node | None, listing: Listing, row: RowColumns) -> Listing:
    """The list with the parameters that look rows up by key: those of `arguments:`, or one named after the key."""
    operation, inputs = listing.operation, get_members(listing.operation.input_shape)
    arguments: Mapping[str, str] = {}
    if node and node.read_pairs():
        arguments = parse_arguments(node, node, operation, row)
    elif not node and not listing.call.parents and len(row.key) == 1:
        free = [name for name in inputs if name not in listing.call.send]
        named = [name for name in free if _is_key(name, inputs[name], row)]
        arguments = dict.fromkeys(named[:1], row.key[0])
    if not arguments:
        return listing
    values = inputs[next(iter(arguments))]
    batch = min(values.metadata.get("max", MOST_KEYS), MOST_KEYS) if values.type_name == "list" else 0
    return replace(listing, call=replace(listing.call, arguments=arguments, batch=batch))


def _is_key(parameter: str, shape: Any, row: RowColumns) -> bool:
    """Whether a parameter has the name of the only column of the key, or its plural."""
    (key,) = row.key
    if shape.type_name == "list":
        parameter, shape = parameter.removesuffix("s"), shape.member
    if key not in row.shapes or {shape.type_name, row.shapes[key].type_name} != {"string"}:
        return False
    stripped = strip_noun(parameter, row.nouns)
    return flatten(parameter) == flatten(key) or (bool(stripped) and stripped == strip_noun(key, row.nouns))


def _check_required(node: Node, operation: Any, sent: set[str]) -> None:
    required = operation.input_shape.required_members if operation.input_shape else ()
    for parameter in required:
        if parameter not in sent:
            raise node.fail(
                f"{operation.name} requires {parameter}; expected `each: {{{parameter}: table.column}}`, "
                f"or a constant under `send:`"
            )


def _may_omit(operation: Any, path: tuple[str, ...]) -> bool:
    """Whether an empty list may be left out of the reply: XML need not say that it is empty, nor need a service that
    once answered in XML."""
    model = operation.service_model
    protocol = model.resolved_protocol
    if not path or protocol in ("query", "ec2", "rest-xml") or "awsQueryCompatible" in model.metadata:
        return bool(path)
    return protocol == "rest-json" and path[0] not in operation.output_shape.required_members


def _find_rows(
    node: Node | None, call: Node, operation: Any, nouns: Sequence[str]
) -> tuple[tuple[str, ...], Any, bool]:
    """The members that lead to the rows, the shape of a row, and whether it is the only row."""
    if node and node.read_text() == ".":
        return (), operation.output_shape, False
    path = tuple(node.read_text().split(".")) if node else _guess_rows(call, operation, nouns)
    shape, place, is_single = operation.output_shape, operation.name, True
    for member in path:
        (node or call).check(f"member of {place}", member, get_members(shape))
        shape, place = shape.members[member], f"{place}.{member}"
        if shape.type_name == "list":
            shape, is_single = shape.member, False
    if shape.type_name not in ("structure", "string") or (is_single and shape.type_name == "string"):
        raise (node or call).fail(
            f"{place} is not a list; expected a list of structures or strings, or a structure"
        )
    return path, shape, is_single


def _guess_rows(node: Node, operation: Any, nouns: Sequence[str]) -> tuple[str, ...]:
    """The paginator's rows, the only list, the list named like the table, or the only structure."""
    outputs = get_members(operation.output_shape)
    lists = [name for name, shape in outputs.items() if shape.type_name == "list"]
    keys = find_paginator(operation).get("result_key") or []
    paged = [key for key in ([keys] if isinstance(keys, str) else keys) if key.split(".")[0] in outputs]
    for known in (paged, lists):
        if len(known) > 1:
            known = [key for key in known if flatten(key) in nouns] or (known if known is paged else [])
        if known:
            return tuple(known[0].split("."))
    structures = [name for name, shape in outputs.items() if shape.type_name == "structure"]
    if lists or len(structures) != 1:
        raise node.fail(
            f"{operation.name} returns {', '.join(outputs) or 'nothing'}; expected `rows:` with the member "
            "that holds the rows, or `rows: .` if the reply itself is the row"
        )
    return (structures[0],)


def _parse_parent(parameter: str, node: Node, operation: Any, siblings: Siblings) -> Parent:
    inputs = get_members(operation.input_shape)
    shape = inputs[node.check(f"parameter of {operation.name}", parameter, inputs)]
    column = name_column(parameter)
    if shape.type_name not in ("string", "integer", "long"):
        raise node.fail(
            f"{parameter} takes a {shape.type_name}; expected a parameter of one string or number"
        )
    if isinstance(node.value, str) and node.read_text() == ACCOUNT:
        return Parent(parameter, column, is_account=True)
    if isinstance(node.value, str) and node.read_text() == REQUIRED:
        return Parent(parameter, column, is_required=True)
    if isinstance(node.value, str) and node.read_text() == ENUM:
        values = tuple(shape.metadata.get("enum", ()))
        if not values:
            raise node.fail(f"{parameter} has no enum in the model; expected its values or `table.column`")
        return Parent(parameter, column, values)
    if isinstance(node.value, tuple) or "." not in node.read_text():
        return Parent(parameter, column, tuple(to_value(item, shape) for item in node.items()))
    source, _, name = node.read_text().partition(" AS ")
    table, _, table_column = source.partition(".")
    if name and name != name_column(name):
        raise node.fail(f"{name!r} is not the name of a column; expected {name_column(name)!r}")
    node.check("table", table, siblings.names)
    if table == siblings.name:
        raise node.fail(f"{table} is this table; expected another one")

    def load() -> Table:
        parent = siblings.load(table)
        type_ = parent.by_name[node.check(f"column of {table}", table_column, parent.by_name)].type
        if (type_ == pa.string()) != (to_arrow_type(shape) == pa.string()):
            raise node.fail(f"{parameter} takes {to_arrow_type(shape)} and {source} is {type_}")
        _check_ancestors(node, table, siblings)
        return parent

    return Parent(parameter, name or column, table=table, table_column=table_column, load=load)


def _check_ancestors(node: Node, table: str, siblings: Siblings) -> None:
    """Refuse a table that is an ancestor of itself."""
    names, seen = [table], set()
    while names:
        name = names.pop()
        if name == siblings.name:
            raise node.fail(
                f"{table} is itself listed for each row of {siblings.name}; expected another table"
            )
        if name not in seen:
            seen.add(name)
            names += [parent.table for parent in siblings.load(name).list.parents if parent.table]

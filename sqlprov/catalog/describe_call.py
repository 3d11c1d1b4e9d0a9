"""Parses the calls that return more about a row: `describe` and `also`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlprov.records import dataclass

from ..errors import suggest
from .column import Column, ColumnSource
from .columns import Reply, apply_columns, name_column, read_pairs, read_structure
from .constants import parse_constants
from .nouns import flatten, match_column, strip_noun
from .paging import find_paging
from .read_calls import DescribeCall, ExtraCall, PageToken
from .service_model import find_paginator, find_reading, get_members, to_snake_case
from .table import Parent
from .yaml_nodes import Node

WORDS = ("item", "arguments", "batch", "send", "pairs")
"""Words of the long form of `describe:`; they may also stand beside its short form."""


_ASIDE = re.compile(r"error|fail|unprocessed|notfound|ResponseMetadata|request_?id", re.IGNORECASE)
_PAGED = r"(?i)(next|continuation).*(token|marker)|^marker$|istruncated"


@dataclass(frozen=True)
class RowColumns:
    """The columns that can fill a parameter.

    Attributes:
        shapes: name -> shape, the key's first.
        key: the key's columns.
        parents: the parameters of the List that parents fill.
        nouns: of the table, as `list_nouns` returns them.
    """

    shapes: Mapping[str, Any]
    key: Sequence[str]
    parents: Sequence[Parent]
    nouns: Sequence[str]


@dataclass(frozen=True)
class Describing:
    """A Describe call without its paths, and its columns."""

    call: DescribeCall
    operation: Any
    reply: Reply


def parse_describe(
    node: Node, words: Mapping[str, Node], model: Any, row: RowColumns, send: Node | None
) -> Describing:
    """The Describe call of a table; `words` are those of its long form, or those beside its short form."""
    operation = find_reading(model, node)
    constants = parse_constants(send, operation)
    size = words["batch"].read_number() if "batch" in words else 0
    if "batch" in words and not size:
        raise words["batch"].fail("expected a number from 1, found 0")
    block = words.get("arguments")
    arguments = parse_arguments(node, block, operation, row, constants, is_batch=bool(size))
    inputs, first = operation.input_shape.members, next(iter(arguments))
    if size and inputs[first].type_name != "list":
        raise words["batch"].fail(f"{first} of {operation.name} does not take several keys")
    for parameter in arguments:
        if inputs[parameter].type_name == "list" and (parameter != first or not size):
            raise node.fail(f"{parameter} of {operation.name} takes several keys; expected `batch:`")
    pairs = words.get("pairs")
    tokens: tuple[PageToken, ...] = ()
    paged = ""
    path, shape = _find_item(pairs or words.get("item"), operation, row, is_batch=bool(size))
    if pairs:
        if shape.type_name != "map":
            raise pairs.fail(f"{'.'.join(path)} of {operation.name} is not a map from names to strings")
        documentation = "".join(each.documentation for each in inputs.values())
        reply = read_pairs(operation.name, shape, _list_pair_names(operation, shape), documentation)
    else:
        if size and shape.type_name != "list":
            raise node.fail(
                f"{operation.name} does not clearly return a list; name the batch's list in `item:`"
            )
        reply = read_structure(operation.name, ColumnSource.DESCRIBE, _get_element(shape))
        reply, tokens, paged = _find_pages(node, operation, path, reply)
        reply = reply if size else _add_beside(operation, path, reply)
    paths = _find_key_path(node, arguments, reply, row) if size else {}
    required = operation.input_shape.required_members
    optional = frozenset(p for p, name in arguments.items() if p not in required and name not in row.key)
    call = DescribeCall(
        operation.name,
        arguments,
        path,
        paths,
        size,
        constants,
        bool(pairs),
        optional,
        tokens,
        paged,
        tuple(reply.beside),
    )
    return Describing(call, operation, reply)


def _find_pages(
    node: Node, operation: Any, path: tuple[str, ...], reply: Reply
) -> tuple[Reply, tuple[PageToken, ...], str]:
    """`reply` without page tokens, the tokens, and the member that has pages.

    Columns of which only the first page would be read are left out.
    """
    keys, members = find_paginator(operation).get("result_key") or [], get_members(operation.output_shape)
    keys = [keys] if isinstance(keys, str) else keys
    tokens = () if path else find_paging(node, operation).tokens
    if tokens and not keys:
        keys = [name for name, shape in members.items() if shape.type_name in ("list", "map")]
    lost = {name_column(token.expression) for token in tokens}
    is_read = bool(tokens) and len(keys) == 1 and keys[0] in members
    for name, column in reply.columns.items() if not is_read else ():
        if any(f"{key}.".startswith(".".join((*path, *column.path, ""))) for key in keys):
            lost.add(name)
    columns = {name: column for name, column in reply.columns.items() if name not in lost}
    return replace(reply, columns=columns), tokens if is_read else (), keys[0] if is_read else ""


def _add_beside(operation: Any, path: tuple[str, ...], reply: Reply) -> Reply:
    """`reply` with the members beside the item, such as the VPCs of GetHostedZone; none of those that have pages."""
    outputs = get_members(operation.output_shape)
    if not path or find_paginator(operation) or any(re.search(_PAGED, name) for name in outputs):
        return reply
    whole = read_structure(operation.name, ColumnSource.DESCRIBE, operation.output_shape)
    own = get_members(reply.shape)
    columns = {
        name: column
        for name, column in whole.columns.items()
        if name not in reply.columns
        and column.path[0] not in (path[0], *own)
        and not _ASIDE.search(column.path[0])
    }
    beside = {column.path[0]: outputs[column.path[0]] for column in columns.values()}
    return replace(reply, columns={**reply.columns, **columns}, beside=beside)


def _find_key_path(
    node: Node, arguments: Mapping[str, str], reply: Reply, row: RowColumns
) -> dict[str, tuple[str, ...]]:
    """The path to the key in each element of a batch's reply, which says the row that it belongs to."""
    key = next(iter(arguments.values()))
    shapes = {name: reply.resolve(column.path) for name, column in reply.columns.items()}
    column = match_column(key, row.shapes[key], shapes, row.nouns)
    if not column:
        raise node.fail(
            f"{reply.call} returns no {key!r}, which a batch needs; it returns {', '.join(shapes)}"
        )
    return {key: reply.columns[column].path}


def parse_extras(
    node: Node | None, model: Any, row: RowColumns, parse_codes: Any
) -> tuple[dict[str, ExtraCall], dict[str, Column]]:
    """The further calls of `also:` and their columns."""
    extras: dict[str, ExtraCall] = {}
    columns: dict[str, Column] = {}
    for name, value in (node.read_pairs() if node else {}).items():
        block = value.read_block(["call", "columns"], ["arguments", "send", "absent"])
        operation = find_reading(model, block["call"])
        constants = parse_constants(block.get("send"), operation)
        arguments = parse_arguments(block["call"], block.get("arguments"), operation, row, constants)
        inputs = operation.input_shape.members
        extras[name] = ExtraCall(
            operation.name,
            arguments,
            constants,
            parse_codes(block["absent"]) if "absent" in block else (),
            frozenset(parameter for parameter in arguments if inputs[parameter].type_name == "list"),
        )
        reply = Reply(operation.name, ColumnSource.EXTRA, operation.output_shape, {}, name)
        for column, built in apply_columns(block["columns"], {}, [reply]):
            if column in columns:
                raise block["columns"].fail(f"duplicate column {column!r}")
            columns[column] = built
    return extras, columns


def parse_arguments(
    node: Node,
    block: Node | None,
    operation: Any,
    row: RowColumns,
    constants: Collection[str] = (),
    *,
    is_batch: bool = False,
) -> dict[str, str]:
    """Parameter -> column, the key's first; those that neither `block` nor `constants` fill are matched by name."""
    inputs = get_members(operation.input_shape)
    required = operation.input_shape.required_members if operation.input_shape else ()
    arguments: dict[str, str] = {}
    for parameter, value in (block.read_pairs() if block else {}).items():
        value.check(f"parameter of {operation.name}", parameter, inputs)
        arguments[parameter] = value.choose("column", row.shapes)
    many = _find_list(inputs, required, arguments, row) if is_batch else ""
    parents = {parent.parameter: parent.column for parent in row.parents}
    for parameter in (*required, many):
        if not parameter or parameter in (*arguments, *constants):
            continue
        column = parents.get(parameter) or _match(parameter, inputs[parameter], row)
        if not column:
            known = ", ".join(row.shapes)
            raise node.fail(
                f"{operation.name} requires {parameter}, which no column clearly fills; expected "
                f"`arguments: {{{parameter}: column}}` with one of {known}."
                f"{suggest(to_snake_case(parameter), row.shapes)}"
            )
        arguments[parameter] = column
    if not block:
        optional = {name: shape for name, shape in inputs.items() if name not in (*arguments, *constants)}
        arguments |= _match_optional(optional, arguments, row)
    if not arguments:
        raise node.fail(f"{operation.name} takes none of {', '.join(row.key)}; expected `arguments:`")
    order = [many] if many else []
    order += [p for name in row.key for p, column in arguments.items() if column == name and p != many]
    return {parameter: arguments[parameter] for parameter in (*order, *arguments)}


def _match(parameter: str, shape: Any, row: RowColumns) -> str:
    if shape.type_name == "list":
        parameter, shape = parameter.removesuffix("s"), shape.member
    return match_column(parameter, shape, row.shapes, row.nouns)


def _match_optional(
    inputs: Mapping[str, Any], arguments: Mapping[str, str], row: RowColumns
) -> dict[str, str]:
    """Optional parameters that are named as a parent, or as a column of the key that fills nothing yet."""
    parents = {flatten(parent.parameter): parent.column for parent in row.parents}
    left = [name for name in row.key if name in row.shapes and name not in arguments.values()]
    matched: dict[str, str] = {}
    for parameter, shape in inputs.items():
        if shape.type_name not in ("string", "integer", "long"):
            continue
        flat, bare = flatten(parameter), strip_noun(parameter, row.nouns)
        column = parents.get(flat) or next(
            (
                name
                for name in left
                if flatten(name) == flat or (bare and strip_noun(name, row.nouns) == bare)
            ),
            "",
        )
        if column and column not in (*arguments.values(), *matched.values()):
            matched[parameter] = column
    return matched


def _find_list(
    inputs: Mapping[str, Any], required: Sequence[str], arguments: Mapping[str, str], row: RowColumns
) -> str:
    """The parameter of a batch that takes several keys."""
    lists = [name for name, shape in inputs.items() if shape.type_name == "list"]
    for known in ([p for p in arguments if p in lists], [p for p in required if p in lists]):
        if known:
            return known[0]
    return next(
        (p for p in lists if inputs[p].member.type_name == "string" and _match(p, inputs[p], row)), ""
    )


def _find_item(
    node: Node | None, operation: Any, row: RowColumns, *, is_batch: bool
) -> tuple[tuple[str, ...], Any]:
    """The members that lead to the resource, or to the list of a batch, and its shape."""
    shape, outputs = operation.output_shape, get_members(operation.output_shape)
    if node and node.read_text() == ".":
        return (), shape
    if node:
        path, place = tuple(node.read_text().split(".")), operation.name
        for member in path:
            node.check(f"member of {place}", member, get_members(shape))
            shape, place = shape.members[member], f"{place}.{member}"
        return path, shape
    own = {name for name in row.key if name not in {parent.column for parent in row.parents}} or set(row.key)
    inner = {name: s for name, s in outputs.items() if _is_structure(s) and not _ASIDE.search(name)}
    if is_batch:
        inner = {name: s for name, s in inner.items() if s.type_name == "list"}
    elif own <= {name_column(member) for member, s in outputs.items() if not _is_structure(s)}:
        return (), shape
    holding = [name for name, s in inner.items() if own <= {name_column(m) for m in _list_members(s)}]
    named = [name for name in inner if flatten(name) in row.nouns]
    for known in (holding, [name for name in holding if name in named], named):
        if len(known) == 1:
            return (known[0],), inner[known[0]]
    if len(inner) == 1 and (is_batch or len(outputs) == 1):
        return tuple(inner), next(iter(inner.values()))
    return (), shape


def _is_structure(shape: Any) -> Any:
    return _get_element(shape).type_name == "structure"


def _list_members(shape: Any) -> tuple[str, ...]:
    return tuple(get_members(_get_element(shape)))


def _get_element(shape: Any) -> Any:
    return shape.member if shape.type_name == "list" else shape


def _list_pair_names(operation: Any, shape: Any) -> tuple[str, ...]:
    """The names that a map of pairs may hold: the enum of its keys, or of the parameter that chooses them."""
    shapes = [shape.key, *get_members(operation.input_shape).values()]
    for each in shapes:
        names = (each.member if each.type_name == "list" else each).metadata.get("enum", ())
        if names:
            return tuple(name for name in names if name != "All")
    return ()

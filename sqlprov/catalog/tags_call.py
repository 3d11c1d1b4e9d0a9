"""Parses the tag calls of a service and of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .columns import COMMON, TAGS, TAGS_TYPE, find_spelling
from .paging import find_paging
from .service_model import MISSING, build_shape, find_operation, get_members, list_error_codes, summarize
from .table import PLACEHOLDER, Column, ColumnSource, ErrorRule, TagsCall
from .yaml_nodes import Node, get_text

NONE = "none"
_USES = {"call": ("argument",), "add": ("argument", "items"), "remove": ("argument", "keys")}


def parse_tags(
    node: Node | None, service: Node | None, model: Any, arn: str, columns: Mapping[str, Column]
) -> tuple[TagsCall | None, Column | None]:
    """The tag calls of a table and the column that they fill; `None` twice if it has none.

    Args:
        node: the table's own `tags:`.
        service: the service's, which a table with an ARN has.
        arn: the column of the ARN; empty if there is none.
        columns: the other columns of the table.
    """
    if node is not None and node.value == NONE:
        return None, None
    own = node if node is not None and not isinstance(node.value, str) else None
    column = _choose_column(node, columns) if node is not None and own is None else ""
    block = own or service
    if block is None:
        if node is not None:
            raise node.fail("the service has no `tags:`; expected a mapping with the call that reads them")
        return None, None
    if node is None and (not arn or TAGS in columns):
        return None, None
    words = block.read_block(["call", "argument", "items"], ["add", "remove", "keys", "column"])
    if "column" in words:
        column = _choose_column(words["column"], columns)
    elif not column and not arn:
        raise block.fail("the table has no ARN; expected `column:` with the column that fills the argument")
    operation = find_operation(model, words["call"])
    outputs = get_members(operation.output_shape)
    _check_calls(block, words, model)
    added = (
        find_operation(model, words["add"]).input_shape.members[words["items"].read_text()]
        if "add" in words
        else None
    )
    takes_list = operation.input_shape.members[words["argument"].read_text()].type_name == "list"
    shape = _find_items(words["items"], operation)
    spelling = find_spelling(shape)
    if spelling is None:
        raise words["items"].fail(
            f"{words['items'].read_text()} of {operation.name} does not hold keys and values"
        )
    tokens = find_paging(words["call"], operation).tokens
    if len(tokens) > 1 or (tokens and tokens[0].expression not in outputs):
        raise words["call"].fail(f"{operation.name} pages by several members; expected one")
    token_in, token_out = (tokens[0].parameter, tokens[0].expression) if tokens else ("", "")
    texts = {key: get_text(words, key) for key in ("call", "argument", "items", "add", "remove", "keys")}
    call = TagsCall(
        **texts,
        token_in=token_in,
        token_out=token_out,
        column=column,
        spelling=spelling,
        takes_list=takes_list,
        shape=replace(build_shape(added), low=None) if added is not None else None,
        missing=tuple(map(ErrorRule, list_error_codes(operation, MISSING))),
    )
    about = summarize(shape.documentation) or "An array of key-value pairs."
    return call, Column(TAGS, TAGS_TYPE, TAGS_TYPE, about, ColumnSource.TAGS, shape=shape.name)


def _choose_column(node: Node, columns: Mapping[str, Column]) -> str:
    """The column that fills the argument, or an ARN made of columns."""
    if not (names := PLACEHOLDER.findall(node.read_text())):
        return node.choose("column", columns)
    for name in names:
        node.check("column", name, [*columns, *COMMON[:2]])
    return node.read_text()


def _find_items(node: Node, operation: Any) -> Any:
    """The shape at the members that lead to the tags, through lists."""
    shape = operation.output_shape
    for member in node.read_text().split("."):
        shape = shape.member if shape.type_name == "list" else shape
        node.check("output member", member, get_members(shape))
        shape = shape.members[member]
    return shape


def _check_calls(node: Node, words: Mapping[str, Node], model: Any) -> None:
    for call, parameters in _USES.items():
        if call not in words:
            continue
        inputs = get_members(find_operation(model, words[call]).input_shape)
        for parameter in parameters:
            if parameter not in words:
                raise node.fail(f"missing key {parameter!r}, which {words[call].read_text()} needs")
            words[parameter].choose(f"parameter of {words[call].read_text()}", inputs)

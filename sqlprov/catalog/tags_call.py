"""Parses the tag calls of a service and of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .column import Column, ColumnSource, TagSpelling
from .columns import COMMON, TAGS, TAGS_TYPE, find_spelling
from .paging import find_paging
from .read_calls import PLACEHOLDER, ErrorRule, TagsCall
from .service_model import MISSING, build_shape, find_operation, get_members, list_error_codes, summarize
from .yaml_nodes import Node, get_text

NONE = "none"
_USES = {"call": ("argument",), "add": ("argument",), "remove": ("argument", "keys")}


def parse_tags(
    node: Node | None,
    service: Node | None,
    model: Any,
    arn: str,
    key: Sequence[str],
    columns: Mapping[str, Column],
) -> tuple[TagsCall | None, Column | None]:
    """The tag calls of a table and the column that they fill; `None` twice if it has none.

    If a member of the row holds the tags, there are only calls that write, and no column.

    Args:
        node: the table's own `tags:`.
        service: the service's, which a table with an ARN has.
        arn, key: the column of the ARN, empty if there is none, and those of the key.
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
    words = block.read_block(["argument", "items"], ["call", "add", "remove", "keys", "column"])
    if TAGS in columns and (own is None or "call" not in words):
        # Without a call that reads them, the service's calls take what identifies a row, as those of EC2 do.
        default = arn if "call" in words else key[0] if len(key) == 1 else ""
        return _parse_tagging(block, words, model, default), None
    if node is None and (not arn or "call" not in words):
        return None, None
    if "call" not in words:
        raise block.fail("missing key 'call': no member of the rows holds their tags")
    if "column" in words:
        column = _choose_column(words["column"], columns)
    elif not column and not arn:
        raise block.fail("the table has no ARN; expected `column:` with the column that fills the argument")
    operation = find_operation(model, words["call"])
    outputs = get_members(operation.output_shape)
    _check_calls(block, words, model)
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
    call = TagsCall(
        words["call"].read_text(),
        words["argument"].read_text(),
        words["items"].read_text(),
        token_in=token_in,
        token_out=token_out,
        column=column,
        spelling=spelling,
        takes_list=takes_list,
        missing=tuple(map(ErrorRule, list_error_codes(operation, MISSING))),
    )
    call = _add_changes(call, words, model)
    about = summarize(shape.documentation) or "An array of key-value pairs."
    return call, Column(TAGS, TAGS_TYPE, TAGS_TYPE, about, ColumnSource.TAGS, shape=shape.name)


def _parse_tagging(block: Node, words: Mapping[str, Node], model: Any, default: str) -> TagsCall | None:
    """The calls that write tags which a member of the row holds; `None` if the file does not name them."""
    column = get_text(words, "column") or default
    if "add" not in words or not column:
        return None
    _check_calls(block, words, model)
    argument = find_operation(model, words["add"]).input_shape.members[words["argument"].read_text()]
    call = TagsCall(
        "",
        words["argument"].read_text(),
        "",
        "",
        "",
        column=column,
        takes_list=argument.type_name == "list",
    )
    call = _add_changes(call, words, model)
    assert call.shape is not None, "the file names `add`"
    return replace(call, spelling=find_spelling(model.shape_for(call.shape.name)) or TagSpelling())


def _add_changes(call: TagsCall, words: Mapping[str, Node], model: Any) -> TagsCall:
    """The calls with those that write; `add` takes tags under the name of `items`, or another."""
    if "add" not in words or "remove" not in words:
        return call
    inputs = find_operation(model, words["add"]).input_shape.members
    names = (n for n in (words["items"].read_text(), *inputs) if n in inputs and find_spelling(inputs[n]))
    if not (added := next(names, "")):
        raise words["add"].fail(f"{words['add'].read_text()} takes no tags")
    keys = find_operation(model, words["remove"]).input_shape.members[words["keys"].read_text()]
    return replace(
        call,
        add=words["add"].read_text(),
        remove=words["remove"].read_text(),
        keys=words["keys"].read_text(),
        added=added,
        removes_tags=keys.type_name == "list" and keys.member.type_name == "structure",
        shape=replace(build_shape(inputs[added]), low=None),
    )


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

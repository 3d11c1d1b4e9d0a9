"""A resource file and botocore's model in, a `Table` out; what the model denies is refused here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from .methods import TableContext, parse_error_rules, parse_methods
from .read_block import find_page_tokens, parse_read_block
from .service_model import find_model, find_operation, get_members, summarize, to_arrow_type
from .shapes import Constraint
from .table import Column, ColumnSource, StateRule, Table, TagsCall
from .write_block import parse_write_block
from .yaml_nodes import Node, parse_file


@dataclass(frozen=True)
class ProviderInfo:
    """What `_provider.yaml` says."""

    id: str
    name: str
    title: str
    about: str


@dataclass(frozen=True)
class ServiceInfo:
    """What `_service.yaml` says.

    Attributes:
        id: `aws.sagemaker`.
        client: botocore's name for clients.
        iam: prefix of IAM actions.
        nodes: the file's keys; what the model must confirm is checked when a table is loaded.
    """

    id: str
    name: str
    title: str
    about: str
    client: str
    iam: str
    nodes: Mapping[str, Node] = field(repr=False, compare=False)


def load_provider(file: Path, name: str) -> ProviderInfo:
    """Reads a `_provider.yaml`."""
    top = parse_file(file).block(["title"], ["about"])
    return ProviderInfo(name, name, top["title"].text(), _text(top, "about"))


def load_service(file: Path, provider: str, name: str) -> ServiceInfo:
    """Reads a `_service.yaml`; the model is not loaded."""
    top = parse_file(file).block(["title", "client", "iam"], ["about", "tags"])
    return ServiceInfo(
        id=f"{provider}.{name}",
        name=name,
        title=top["title"].text(),
        about=_text(top, "about"),
        client=top["client"].text(),
        iam=top["iam"].text(),
        nodes=top,
    )


def load_table(file: Path, provider: str, service: ServiceInfo, name: str) -> Table:
    """Reads `<table>.yaml`; raises ResourceFileError (`file:line: …`) for whatever the model denies."""
    top = parse_file(file).block(
        ["about", "key", "read"],
        ["arn", "cloudformation", "order", "write", "exec", "state", "permissions", "errors"],
    )
    model = find_model(service.nodes["client"])
    key = top["key"].items()
    if not key:
        raise top["key"].fail("expected one column or more that identify a row, found an empty list")
    reading = parse_read_block(top["read"], model, key)
    columns = {column.name: column for column in reading.columns}
    arn = _column(top.get("arn"), columns)
    tags = None
    if "tags" in service.nodes and arn and "tags" not in columns:
        tags, columns["tags"] = _tags(service.nodes["tags"], model)
    for own in _own_columns(tuple(part.text() for part in key), columns):
        if own.name in columns:
            raise reading.nodes[own.name].fail(f"column {own.name!r} is added to every table")
        columns[own.name] = own
    state = _state(top.get("state"), columns)
    names = tuple(part.text() for part in key)
    arguments = reading.describe.arguments if reading.describe else {}
    around = TableContext(model, service.iam, state, names, columns, arguments)
    methods = parse_methods(top, reading, tags, around)
    return Table(
        provider=provider,
        service=service.name,
        name=name,
        about=top["about"].text(),
        key=names,
        arn=arn,
        columns=_order(top.get("order"), columns),
        list=reading.list,
        describe=reading.describe,
        tags=tags,
        methods=methods,
        errors=parse_error_rules(top.get("errors")),
        state=state,
        client=service.nodes["client"].text(),
        iam=service.iam,
        cloudformation=_text(top, "cloudformation"),
        file=str(file),
        write=parse_write_block(top.get("write"), around, methods, reading.describe),
    )


def _text(top: Mapping[str, Node], key: str) -> str:
    return top[key].text() if key in top else ""


def _column(node: Node | None, columns: Mapping[str, Column]) -> str:
    """The column that `node` names; empty if there is no node."""
    if node is None:
        return ""
    if node.text() not in columns:
        raise node.unknown("column", node.text(), columns)
    return node.text()


def _tags(node: Node, model: Any) -> tuple[TagsCall, Column]:
    """The tag calls of the service and the column that they fill."""
    block = node.block(["call", "argument", "items"], ["add", "remove", "keys"])
    operation = find_operation(model, block["call"])
    outputs = get_members(operation.output_shape)
    if block["items"].text() not in outputs:
        raise block["items"].unknown("output member", block["items"].text(), outputs)
    used = {"call": ["argument"], "add": ["argument", "items"], "remove": ["argument", "keys"]}
    for call, parameters in used.items():
        if call not in block:
            continue
        inputs = get_members(find_operation(model, block[call]).input_shape)
        for parameter in parameters:
            if parameter not in block:
                raise node.fail(f"missing key {parameter!r}, which {block[call].text()} needs")
            if block[parameter].text() not in inputs:
                what = f"parameter of {block[call].text()}"
                raise block[parameter].unknown(what, block[parameter].text(), inputs)
    token_in, token_out = find_page_tokens(block["call"], model, operation)
    said = {name: _text(block, name) for name in ("call", "argument", "items", "add", "remove", "keys")}
    shape = outputs[block["items"].text()]
    column = Column(
        name="tags",
        type=to_arrow_type(shape),
        json_type=to_arrow_type(shape, as_json=True),
        description=summarize(shape.documentation) or "An array of key-value pairs.",
        source=ColumnSource.TAGS,
        shape=shape.name,
    )
    return TagsCall(token_in=token_in, token_out=token_out, **said), column


def _own_columns(key: tuple[str, ...], columns: Mapping[str, Column]) -> tuple[Column, ...]:
    """The three columns that every table has and no reply holds."""
    text = pa.string()
    identifier = "The key (" + "|".join(key) + ") under the name that Cloud Control gives it."
    limits = columns[key[0]].constraint if len(key) == 1 else Constraint()
    return (
        Column("region", text, text, "AWS region.", ColumnSource.REGION),
        Column("account_id", text, text, "AWS account that owns the resource.", ColumnSource.ACCOUNT),
        Column("data__Identifier", text, text, identifier, ColumnSource.KEY, constraint=limits),
    )


def _state(node: Node | None, columns: Mapping[str, Column]) -> StateRule:
    """The `state:` block."""
    if node is None:
        return StateRule()
    block = node.block(["column"], ["busy"])
    name = _column(block["column"], columns)
    states = columns[name].constraint.enum
    if not states:
        raise block["column"].fail(f"column {name!r} has no enum of states in the model")
    busy = block["busy"].texts() if "busy" in block else ()
    for state in busy:
        if state not in states:
            raise block["busy"].unknown("state", state, states)
    return StateRule(name, busy)


def _order(node: Node | None, columns: Mapping[str, Column]) -> tuple[Column, ...]:
    """The columns that `order:` names, then the others: list, describe, tags, region, account, key."""
    first: dict[str, Column] = {}
    for entry in node.items() if node else ():
        name = _column(entry, columns)
        if name in first:
            raise entry.fail(f"duplicate column {name!r} in order")
        first[name] = columns[name]
    return tuple({**first, **columns}.values())

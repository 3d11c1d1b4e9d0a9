"""Loads provider, service and table files, and refuses what botocore's model contradicts."""

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
from .yaml_nodes import Node, get_text, parse_file


@dataclass(frozen=True)
class ProviderInfo:
    """A `_provider.yaml`; `name` is its folder's."""

    name: str
    title: str
    about: str


@dataclass(frozen=True)
class ServiceInfo:
    """A `_service.yaml`.

    Attributes:
        id: `aws.sagemaker`.
        name: the folder's, `sagemaker`.
        title: name for people.
        about: one sentence.
        client: botocore's name for clients.
        iam: prefix of IAM actions.
        nodes: the file's keys. What needs the model is checked when a table is loaded.
    """

    id: str
    name: str
    title: str
    about: str
    client: str
    iam: str
    nodes: Mapping[str, Node] = field(repr=False, compare=False)


def load_provider(file: Path, name: str) -> ProviderInfo:
    """Load a `_provider.yaml`."""
    top = parse_file(file).block(["title"], ["about"])
    return ProviderInfo(name, top["title"].text(), get_text(top, "about"))


def load_service(file: Path, provider: str, name: str) -> ServiceInfo:
    """Load a `_service.yaml`, without botocore's model."""
    top = parse_file(file).block(["title", "client", "iam"], ["about", "tags"])
    title, client, iam = (top[key].text() for key in ("title", "client", "iam"))
    return ServiceInfo(f"{provider}.{name}", name, title, get_text(top, "about"), client, iam, top)


def load_table(file: Path, provider: str, service: ServiceInfo, name: str) -> Table:
    """Load a `<table>.yaml`; raises ResourceFileError (`file:line: …`) for what the model contradicts."""
    top = parse_file(file).block(
        ["about", "key", "read"],
        ["arn", "cloudformation", "order", "write", "exec", "state", "permissions", "errors"],
    )
    model = find_model(service.nodes["client"])
    if not top["key"].items():
        raise top["key"].fail("expected one column or more that identify a row, found an empty list")
    reading = parse_read_block(top["read"], model, top["key"].items())
    columns, key = dict(reading.columns), top["key"].texts()
    arn = top["arn"].choose("column", columns) if "arn" in top else ""
    tags = None
    if "tags" in service.nodes and arn and "tags" not in columns:
        tags, columns["tags"] = _parse_tags(service.nodes["tags"], model)
    for column in _build_common_columns(key, columns):
        if column.name in columns:
            raise reading.nodes[column.name].fail(f"column {column.name!r} is added to every table")
        columns[column.name] = column
    state = _parse_state(top.get("state"), columns)
    arguments = reading.describe.arguments if reading.describe else {}
    context = TableContext(model, service.iam, state, key, columns, arguments)
    methods = parse_methods(top, reading, tags, context)
    return Table(
        provider=provider,
        service=service.name,
        name=name,
        about=top["about"].text(),
        key=key,
        arn=arn,
        columns=_sort_columns(top.get("order"), columns),
        list=reading.list,
        describe=reading.describe,
        tags=tags,
        methods=methods,
        errors=parse_error_rules(top.get("errors")),
        state=state,
        client=service.client,
        iam=service.iam,
        cloudformation=get_text(top, "cloudformation"),
        file=str(file),
        write=parse_write_block(top.get("write"), context, methods, reading.describe),
    )


def _parse_tags(node: Node, model: Any) -> tuple[TagsCall, Column]:
    """The tag calls of the service and the column that they fill."""
    block = node.block(["call", "argument", "items"], ["add", "remove", "keys"])
    operation = find_operation(model, block["call"])
    outputs = get_members(operation.output_shape)
    shape = outputs[block["items"].choose("output member", outputs)]
    used = {"call": ["argument"], "add": ["argument", "items"], "remove": ["argument", "keys"]}
    for call, parameters in used.items():
        if call not in block:
            continue
        inputs = get_members(find_operation(model, block[call]).input_shape)
        for parameter in parameters:
            if parameter not in block:
                raise node.fail(f"missing key {parameter!r}, which {block[call].text()} needs")
            block[parameter].choose(f"parameter of {block[call].text()}", inputs)
    token_in, token_out = find_page_tokens(block["call"], operation)
    column = Column(
        name="tags",
        type=to_arrow_type(shape),
        json_type=to_arrow_type(shape, as_json=True),
        description=summarize(shape.documentation) or "An array of key-value pairs.",
        source=ColumnSource.TAGS,
        shape=shape.name,
    )
    calls: dict[str, Any] = {key: entry.text() for key, entry in block.items()}
    return TagsCall(token_in=token_in, token_out=token_out, **calls), column


def _build_common_columns(key: tuple[str, ...], columns: Mapping[str, Column]) -> tuple[Column, ...]:
    """The three columns that every table has and no reply holds."""
    text = pa.string()
    identifier = f"The key ({'|'.join(key)}) under the name that Cloud Control gives it."
    limits = columns[key[0]].constraint if len(key) == 1 else Constraint()
    return (
        Column("region", text, text, "AWS region.", ColumnSource.REGION),
        Column("account_id", text, text, "AWS account that owns the resource.", ColumnSource.ACCOUNT),
        Column("data__Identifier", text, text, identifier, ColumnSource.KEY, constraint=limits),
    )


def _parse_state(node: Node | None, columns: Mapping[str, Column]) -> StateRule:
    if node is None:
        return StateRule()
    block = node.block(["column"], ["busy"])
    name = block["column"].choose("column", columns)
    states = columns[name].constraint.enum
    if not states:
        raise block["column"].fail(f"column {name!r} has no enum of states in the model")
    busy = block["busy"].texts() if "busy" in block else ()
    for state in busy:
        block["busy"].check("state", state, states)
    return StateRule(name, busy)


def _sort_columns(node: Node | None, columns: Mapping[str, Column]) -> tuple[Column, ...]:
    """The columns that `order:` names, then the others: list, describe, tags, region, account, key."""
    first: dict[str, Column] = {}
    for entry in node.items() if node else ():
        name = entry.choose("column", columns)
        if name in first:
            raise entry.fail(f"duplicate column {name!r} in order")
        first[name] = columns[name]
    return tuple({**first, **columns}.values())

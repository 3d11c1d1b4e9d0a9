"""Loads providers, services and tables from resource files, and refuses what botocore's model contradicts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from sqlprov.records import dataclass

from . import cloud_control
from .column import Column, ColumnSource
from .columns import COMMON, apply_columns, merge_replies, set_types
from .describe_call import WORDS, Describing, RowColumns, parse_describe, parse_extras
from .list_call import Listing, Siblings, parse_list, parse_lookup
from .method import Method
from .methods import TableContext, parse_codes, parse_error_rules, parse_methods
from .nouns import flatten, list_nouns, strip_noun
from .pushdown import parse_filters, parse_sort
from .read_calls import DescribeCall, ErrorRule
from .regions import DEFAULT_PARTITION, find_home, find_partition
from .service_model import MISSING, find_model, list_error_codes, read_constraint, resolve_path, summarize
from .shapes import Constraint
from .states import derive_state, find_state, parse_state
from .table import ErrorRules, IamActions, Table
from .tags_call import parse_tags
from .write_block import parse_write_block
from .yaml_nodes import Node, get_pairs, get_text, parse_file, parse_text

REQUIRED = ("list", "key")
OPTIONAL = (
    *("about", "rows", "page", "partial", "lowercase", "item", "arguments", "each", "send"),
    *("describe", "batch", "lacks", "also", "pairs"),
    *("columns", "filters", "sort", "order", "arn", "cloudformation", "region", "tags"),
    *("state", "errors", "write", "exec", "permissions"),
)
_EXISTS = re.compile(r"(?<!Not)(?<!Non)Exist|InUse|Duplicate", re.IGNORECASE)


@dataclass(frozen=True)
class ProviderInfo:
    """A `_provider.yaml`; `name` is its folder's."""

    name: str
    title: str
    about: str


@dataclass(frozen=True)
class ServiceInfo:
    """The head of a `<service>.yaml`: everything above `tables:`.

    Attributes:
        id: `aws.sagemaker`.
        name: the file's, `sagemaker`.
        title: name for people.
        about: one sentence.
        nodes: the other words. What needs the model is checked when a table is loaded.
    """

    id: str
    name: str
    title: str
    about: str
    nodes: Mapping[str, Node] = field(repr=False, compare=False)


def load_provider(file: Path, name: str) -> ProviderInfo:
    """Load a `_provider.yaml`."""
    top = parse_file(file).read_block(["title"], ["about"])
    return ProviderInfo(name, top["title"].read_text(), get_text(top, "about"))


def load_service(file: str, head: str, provider: str, name: str) -> ServiceInfo:
    """Load the head of a `<service>.yaml`, without botocore's model."""
    top = parse_text(head, file).read_block(
        ["title"], ["about", "client", "iam", "lowercase", "region", "tags", "errors", "columns"]
    )
    default = Node(file, top["title"].line, name.replace("_", "-"))
    nodes = {"client": default, **top}
    return ServiceInfo(f"{provider}.{name}", name, top["title"].read_text(), get_text(top, "about"), nodes)


def load_table(node: Node, provider: str, service: ServiceInfo, siblings: Siblings, about: str = "") -> Table:
    """Build a table; raises ResourceFileError (`file:line: …`) for what the model contradicts.

    Args:
        node: the words of the table, from its line or its own file.
        siblings: the tables of the service.
        about: the description, if the file writes none; otherwise it is the operation's.
    """
    words, model, type = _read_words(node, service)
    if not words["key"].items():
        raise words["key"].fail("expected one or more columns that identify a row, found an empty list")
    key = words["key"].read_strings()
    if len({*key}) < len(key):
        raise words["key"].fail(f"expected each column once in the key, found {', '.join(key)}")
    sends = _split_send(words)
    nouns = list_nouns(siblings.name, words["list"].read_text())
    listing = parse_list(words, model, siblings, nouns, sends.get("list"))
    row = RowColumns(_find_shapes(listing, key), key, listing.call.parents, nouns)
    describing = _parse_describe(words, model, row, sends.get("describe"))
    if describing is None:
        listing = parse_lookup(words.get("arguments"), listing, row)
    columns = _build_columns(words, listing, describing)
    if type is not None:
        columns = {name: type.hide(column) for name, column in columns.items()}
    extras, extra_columns = parse_extras(words.get("also"), model, row, parse_codes)
    for name, column in extra_columns.items():
        if name in columns:
            raise words["also"].fail(f"column {name!r} is already one of {columns[name].source.value}")
        columns[name] = column
    arn = _find_arn(words.get("arn"), nouns, columns)
    tags, tags_column = parse_tags(words.get("tags"), service.nodes.get("tags"), model, arn, key, columns)
    if tags_column:
        columns["tags"] = tags_column
    described_arn = arn if "write" in words else ""  # a write reads its tags by the ARN
    describe = _complete_describe(describing, columns, described_arn, nouns)
    columns = _limit_keys(columns, describing)
    calls = [each.arguments for each in (listing.call, describe, *extras.values()) if each]
    fixed = {*key, *(name for arguments in calls for name in arguments.values())}
    columns |= dict(set_types(service.nodes.get("columns"), siblings.name, columns, fixed))
    for part in words["key"].items():
        known = [n for n, c in columns.items() if c.source in (ColumnSource.LIST, ColumnSource.PARENT)]
        # `account_id` is the key of what an account has once, but not in place of a member of that name.
        common = [name for name in COMMON[:2] if f"resource_{name}" not in known]
        name = part.choose("key column", (*known, *common))
        if name in columns and pa.types.is_nested(columns[name].type) and len(key) == 1:
            raise part.fail(
                f"{name!r} is {columns[name].type}; expected a string, a number or a time as the key"
            )
    shown = {name: replace(column, sensitive=()) for name, column in columns.items() if name in (*key, arn)}
    columns |= {**shown, **_build_common_columns(key, columns)}
    state = parse_state(words.get("state"), columns) if "state" in words else derive_state(nouns, columns)
    item = listing.reply.shape
    list_columns = {name: column for name, column in columns.items() if column.source is ColumnSource.LIST}
    sent = {*listing.call.send, *(parent.parameter for parent in listing.call.parents)}
    call = replace(
        listing.call,
        filters=parse_filters(words.get("filters"), listing.operation, item, list_columns, nouns, sent),
        sort=parse_sort(words.get("sort"), listing.operation, item, list_columns),
    )
    iam = _parse_iam(service.nodes.get("iam"), model)
    arguments = describe.arguments if describe else call.arguments
    context = TableContext(model, iam, state, key, columns, arguments, call, describe, extras, row)
    methods = parse_methods(words, tags, context)
    home, region = _parse_region(words.get("region", service.nodes.get("region")), model, list_columns)
    if type is not None:
        call = replace(call, opens=type.key)
        describe = replace(describe, opens=type.key) if describe else None
        methods = type.complete(methods)
    return Table(
        provider=provider,
        service=service.name,
        name=siblings.name,
        about=get_text(words, "about") or about or _get_sentence(listing.operation.documentation),
        key=key,
        arn=arn,
        columns=_sort_columns(
            words.get("order"), columns, key, state.column or find_state(nouns, columns), nouns
        ),
        list=call,
        describe=describe,
        tags=tags if tags_column else None,
        tagging=tags if tags and tags.add else None,
        methods=methods,
        errors=_parse_errors(words, service, listing, describing, methods),
        state=state,
        client=model.service_name,
        iam=iam,
        cloudformation=get_text(words, "cloudformation"),
        file=node.file,
        write=parse_write_block(words.get("write"), context, methods, describe),
        extras=extras,
        home=home,
        is_partial=_is_true(words.get("partial")),
        is_lowercase=_is_true(words.get("lowercase", service.nodes.get("lowercase"))),
        region_column=region,
    )


def _read_words(
    node: Node, service: ServiceInfo
) -> tuple[Mapping[str, Node], Any, cloud_control.TypeFacts | None]:
    """The words of a table, the model that they are about, and the type if the line names one of CloudFormation."""
    if "type" not in node.read_pairs():
        return node.read_block(REQUIRED, OPTIONAL), find_model(service.nodes["client"]), None
    words = node.read_block(["type"], ["region"])
    type = cloud_control.read_type(words["type"])
    return {**cloud_control.write_words(node, type), **words}, cloud_control.build_model(type), type


def _is_true(node: Node | None) -> bool:
    return node is not None and node.choose("value", ["true", "false"]) == "true"


def _parse_iam(node: Node | None, model: Any) -> IamActions:
    """`iam: prefix`, or `iam: {prefix, actions}`."""
    if node is None or isinstance(node.value, str):
        return IamActions(node.read_text() if node else model.signing_name)
    block = node.read_block([], ["prefix", "actions"])
    names = {}
    for operation, action in get_pairs(block, "actions").items():
        node.check("operation", operation, (*model.operation_names, "*"))
        names[operation] = action.read_text()
    return IamActions(get_text(block, "prefix") or model.signing_name, names)


def _parse_region(node: Node | None, model: Any, columns: Mapping[str, Column]) -> tuple[str, str]:
    """The one region that lists the rows, if it is one, and the column that says where each row lives."""
    if node is None:
        return find_home(model, DEFAULT_PARTITION), ""
    if find_partition(node.read_text()) == DEFAULT_PARTITION:
        return node.read_text(), ""
    return find_home(model, DEFAULT_PARTITION, is_global=True), node.choose("column", columns)


def _get_sentence(documentation: str) -> str:
    return re.split(r"(?<=[.!?]) (?=[A-Z])", summarize(documentation), maxsplit=1)[0]


def _split_send(words: Mapping[str, Node]) -> Mapping[str, Node]:
    """The constants of the list and of the describe."""
    node = words.get("send")
    if node is None:
        return {}
    return node.read_pairs() if set(node.read_pairs()) <= {"list", "describe"} else {"list": node}


def _find_shapes(listing: Listing, key: Sequence[str]) -> dict[str, Any]:
    """The shapes of the columns that may fill a parameter, the key's first."""
    inputs = listing.operation.input_shape
    shapes = {p.column: inputs.members[p.parameter] for p in listing.call.parents}
    if listing.call.scalar:
        shapes[listing.call.scalar] = listing.reply.shape
    for name, column in listing.reply.columns.items():
        if name not in shapes:
            shapes[name] = resolve_path(listing.reply.shape, column.path)
    return {name: shapes[name] for name in (*key, *shapes) if name in shapes}


def _parse_describe(
    words: Mapping[str, Node], model: Any, row: RowColumns, send: Node | None
) -> Describing | None:
    node = words.get("describe")
    beside = {word: words[word] for word in WORDS if word in words and word != "send"}
    if node is None:
        for word in ("item", "batch", "pairs"):
            if word in beside:
                raise beside[word].fail(f"expected `describe:` beside `{word}:`")
        return None
    if isinstance(node.value, str):
        return parse_describe(node, beside, model, row, send)
    block = node.read_block(["call"], WORDS)
    for word in beside:
        raise beside[word].fail(f"expected {word!r} within `describe:`, which is a mapping")
    return parse_describe(block["call"], block, model, row, block.get("send", send))


def _build_columns(
    words: Mapping[str, Node], listing: Listing, describing: Describing | None
) -> dict[str, Column]:
    """The columns of parents, list and describe."""
    described = describing.reply if describing else None
    columns = {**listing.parents, **merge_replies(listing.reply, described, words.get("lacks"))}
    columns |= listing.parents
    replies = [listing.reply, *([described] if described else [])]
    return columns | dict(apply_columns(words.get("columns"), columns, replies))


def _find_arn(node: Node | None, nouns: Sequence[str], columns: Mapping[str, Column]) -> str:
    if node:
        return node.choose("column", columns)
    known = {flatten(name): name for name in columns}
    wanted = (*(f"{noun}arn" for noun in nouns), "arn", "resourcearn")
    return next((known[name] for name in wanted if name in known), "")


def _complete_describe(
    describing: Describing | None, columns: Mapping[str, Column], arn: str, nouns: Sequence[str]
) -> DescribeCall | None:
    """The Describe call with the paths of the columns it returns with the same type.

    It may return the ARN under another name, as `JobDefinitionArn` beside `MonitoringJobDefinitionArn`.
    """
    if describing is None:
        return None
    paths = dict(describing.call.paths)
    for name, column in columns.items():
        known = describing.reply.columns.get(name)
        if column.source is ColumnSource.DESCRIBE:
            paths[name] = column.path
        elif known is not None and known.type == column.type and known.json_type == column.json_type:
            paths[name] = known.path
        elif (
            column.source is ColumnSource.LIST and column.path and known is None and not describing.call.pairs
        ):
            exists = describing.reply.resolve(column.path) is not None
            if exists and describing.reply.build_column(name, column.path).json_type == column.json_type:
                paths[name] = column.path
    same = [path for name, path in paths.items() if strip_noun(name, nouns) == "arn"]
    if arn and arn not in paths and len(same) == 1:
        paths[arn] = same[0]
    return replace(describing.call, paths=paths)


def _limit_keys(columns: dict[str, Column], describing: Describing | None) -> dict[str, Column]:
    """The call checks a value against the limits of its input, which may differ from those of its reply."""
    for parameter, name in (describing.call.arguments if describing else {}).items():
        assert describing is not None
        shape = describing.operation.input_shape.members[parameter]
        if name in columns and shape.type_name == "string":
            columns[name] = replace(columns[name], constraint=read_constraint(shape))
    return columns


def _build_common_columns(key: tuple[str, ...], columns: Mapping[str, Column]) -> dict[str, Column]:
    """The columns that every table has and no reply holds."""
    text = pa.string()
    identifier = f"The key ({'|'.join(key)}) under the name that Cloud Control gives it."
    limits = columns[key[0]].constraint if len(key) == 1 and key[0] in columns else Constraint()
    region, account_id, account, last = COMMON
    return {
        region: Column(region, text, text, "AWS region.", ColumnSource.REGION),
        account_id: Column(
            account_id, text, text, "AWS account that owns the resource.", ColumnSource.ACCOUNT_ID
        ),
        account: Column(
            account, text, text, "Name or profile of the account in this session.", ColumnSource.ACCOUNT
        ),
        last: Column(last, text, text, identifier, ColumnSource.KEY, constraint=limits),
    }


def _parse_errors(
    words: Mapping[str, Node],
    service: ServiceInfo,
    listing: Listing,
    describing: Describing | None,
    methods: Sequence[Method],
) -> ErrorRules:
    """The codes of the service and of the table; if none means "missing" or "exists", the calls' own codes whose names
    say so."""
    model = listing.operation.service_model
    common, own = parse_error_rules(service.nodes.get("errors")), parse_error_rules(words.get("errors"))
    missing = (*common.missing, *own.missing)
    if not missing:
        operations = [describing.operation] if describing else []
        if listing.call.parents or listing.call.arguments or listing.call.single or not listing.call.rows:
            operations.append(listing.operation)  # it may find nothing to list
        if describing is None:
            operations += [model.operation_model(each.call) for each in methods if each.verb == "DELETE"]
        codes = (code for operation in operations for code in list_error_codes(operation, MISSING))
        missing = tuple(map(ErrorRule, dict.fromkeys(codes)))
    exists = (*common.exists, *own.exists)
    create = next((method.call for method in methods if method.verb == "INSERT"), None)
    if create and not exists:
        exists = tuple(map(ErrorRule, list_error_codes(model.operation_model(create), _EXISTS)))
    return ErrorRules(missing, exists)


def _sort_columns(
    node: Node | None, columns: Mapping[str, Column], key: Sequence[str], state: str, nouns: Sequence[str]
) -> tuple[Column, ...]:
    """The columns that `order:` names, the name, the key, the state, then list, describe, also, tags and COMMON."""
    first: dict[str, Column] = {}
    for entry in node.items() if node else ():
        name = entry.choose("column", columns)
        if name in first:
            raise entry.fail(f"duplicate column {name!r} in order")
        first[name] = columns[name]
    known = {flatten(name): name for name in columns}
    names = (known[name] for noun in (*nouns, "") if (name := f"{noun}name") in known)
    title = next(names, "") if not any(part.endswith("name") for part in key) else ""
    front = {name: columns[name] for name in (title, *key, state) if name in columns and name not in COMMON}
    return tuple({**first, **front, **columns}.values())

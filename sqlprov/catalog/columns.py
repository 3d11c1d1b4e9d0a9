"""Derives columns from the members of a shape, and applies the `columns:` of a table."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import field, replace
from typing import Any

import pyarrow as pa

from sqlprov.records import dataclass

from ..errors import suggest
from .column import Column, ColumnSource, TagSpelling
from .nouns import flatten
from .sensitive import find_sensitive
from .service_model import (
    TIMESTAMP,
    get_members,
    read_constraint,
    resolve_path,
    summarize,
    to_arrow_type,
    to_snake_case,
)
from .shapes import Constraint
from .yaml_nodes import Node, get_text

TAGS = "tags"
TAGS_TYPE = pa.list_(pa.struct([("Key", pa.string()), ("Value", pa.string())]))
COMMON = ("region", "account_id", "account", "data__Identifier")
"""The columns that every table has and no reply holds."""
TYPES = {
    "text": pa.string(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "timestamp": TIMESTAMP,
    "timestamp_ms": TIMESTAMP,
    "json": pa.string(),
}
"""Words for what a string, or a number that is a time, holds."""
TAG_MEMBERS = ("tags", "taglist", "tagset", "tagsmap", "tagslist")


@dataclass(frozen=True)
class Reply:
    """What a call returns about a row.

    Attributes:
        call: operation, for messages.
        source: the source of its columns.
        shape: of the row; a structure, a bare string, or a map (pairs).
        columns: by name, of all members.
        extra: name of the further call.
        beside: shapes of the members of the reply beside the row that belong to it, too.
    """

    call: str
    source: ColumnSource
    shape: Any
    columns: Mapping[str, Column]
    extra: str = ""
    beside: Mapping[str, Any] = field(default_factory=dict)

    def resolve(self, path: tuple[str, ...]) -> Any:
        """The shape that `path` leads to; `None` if a member on the way does not exist."""
        if self.shape.type_name == "map":
            return self.shape.value if len(path) == 1 else None
        if path and path[0] in self.beside:
            return resolve_path(self.beside[path[0]], path[1:])
        return resolve_path(self.shape, path)

    def build_column(self, name: str, path: tuple[str, ...], about: str = "") -> Column:
        """The column for the member at `path`."""
        around = self.resolve(path[:-1]) if len(path) > 1 else None
        if around is not None and around.type_name == "map":
            about = about or _describe_key(around.documentation, path[-1])
        return build_column(name, self.resolve(path), self.source, path, about, self.extra)


def _describe_key(documentation: str, key: str) -> str:
    """What a list in the documentation says of the key of a map; empty if it says nothing."""
    found = re.search(rf"<code>{key}</code>\s*[–-]\s*(.*?)</(?:p|li)>", documentation, re.DOTALL)
    return summarize(found[1]) if found else ""


def name_column(member: str) -> str:
    """The column of a member; `Region`, `AccountId` and `Account` are taken."""
    name = to_snake_case(member).lstrip("_")  # `VCPUs` becomes `_vcpus`
    if not name.isidentifier():
        name = re.sub(r"\W", "_", name)
    return f"resource_{name}" if name in COMMON else name


def build_column(
    name: str, shape: Any, source: ColumnSource, path: tuple[str, ...] = (), about: str = "", extra: str = ""
) -> Column:
    """A column with the type, the constraint and the description of a shape."""
    spelling = find_spelling(shape) if name == TAGS else None
    json_type = to_arrow_type(shape, as_json=True)
    return Column(
        name=name,
        type=TAGS_TYPE if spelling else to_arrow_type(shape),
        json_type=json_type,
        description=about or summarize(shape.documentation),
        source=source,
        path=path,
        shape=shape.name,
        constraint=read_constraint(shape),
        extra=extra,
        tags=spelling,
        sensitive=() if spelling else find_sensitive(path[-1] if path else name, shape),
    )


def find_spelling(shape: Any) -> TagSpelling | None:
    """How a shape spells tags; `None` if it does not hold tags."""
    if shape.type_name == "map" and shape.value.type_name == "string":
        return TagSpelling()
    members = get_members(shape.member) if shape.type_name == "list" else {}
    names = {flatten(name).removeprefix("tag"): name for name in members}
    return TagSpelling(names["key"], names["value"]) if {"key", "value"} <= set(names) else None


def read_structure(call: str, source: ColumnSource, shape: Any) -> Reply:
    """The columns of a structure, one for each member."""
    members = get_members(shape)
    tags = next((m for m, s in members.items() if flatten(m) in TAG_MEMBERS and find_spelling(s)), "")
    columns: dict[str, Column] = {}
    for member, inner in members.items():
        if inner.serialization.get("location") == "statusCode":  # of the reply, not of the row
            continue
        name = TAGS if member == tags else name_column(member)
        if name not in columns:
            columns[name] = build_column(name, inner, source, (member,))
    return Reply(call, source, shape, columns)


def read_pairs(call: str, shape: Any, names: tuple[str, ...], documentation: str) -> Reply:
    """The columns of a map whose keys are known, and listed in `documentation`."""
    columns = {}
    for key in names:
        about = _describe_key(documentation, key)
        column = build_column(name_column(key), shape.value, ColumnSource.DESCRIBE, (key,), about)
        columns[column.name] = replace(column, constraint=Constraint())
    return Reply(call, ColumnSource.DESCRIBE, shape, columns)


def merge_replies(list_reply: Reply, describe_reply: Reply | None, lacks: Node | None) -> dict[str, Column]:
    """A column that both calls return is the list's, unless the list leaves it empty or says less about it."""
    columns = dict(list_reply.columns)
    if describe_reply is None:
        if lacks:
            raise lacks.fail("expected `describe:` beside `lacks:`, whose call returns these columns")
        return columns
    missing = set()
    for entry in lacks.items() if lacks else ():
        missing.add(
            entry.choose("column of list and describe", [c for c in columns if c in describe_reply.columns])
        )
    for name, column in describe_reply.columns.items():
        known = columns.get(name)
        if (
            known is None
            or name in missing
            or (known.type != column.type and is_richer(column.type, known.type))
        ):
            columns[name] = column
    return columns


def is_richer(type: pa.DataType, other: pa.DataType) -> bool:
    """Whether a type has more values than another: a structure instead of its name."""
    return _count_fields(type) > _count_fields(other)


def _count_fields(type: pa.DataType) -> int:
    if pa.types.is_struct(type):
        return sum(_count_fields(field.type) for field in type) + 1
    return _count_fields(type.value_type) + 1 if pa.types.is_list(type) else 1


def apply_columns(
    node: Node | None, columns: Mapping[str, Column], replies: list[Reply]
) -> Iterator[tuple[str, Column]]:
    """The columns that `columns:` adds or changes: another type, path or description."""
    for name, value in (node.read_pairs() if node else {}).items():
        if name in COMMON:
            raise value.fail(f"column {name!r} is added to every table")
        if name != to_snake_case(name) or not name.isidentifier():
            raise value.fail(f"column {name!r} is not snake_case; expected {to_snake_case(name)!r}")
        if isinstance(value.value, Mapping):
            block = value.read_block([], ["path", "type", "about"])
            path, type, about = block.get("path"), block.get("type"), get_text(block, "about")
        else:
            is_type = value.read_text() in TYPES
            path, type, about = (None, value, "") if is_type else (value, None, "")
        if path is None and name not in columns:
            known = ", ".join(columns)
            raise value.fail(
                f"unknown column {name!r}; expected one of {known}, or its path.{suggest(name, columns)}"
            )
        column = find_member(path, name, replies, about) if path else columns[name]
        if type is not None:
            column = set_type(column, type)
        yield name, replace(column, description=about or column.description)


def set_type(column: Column, node: Node) -> Column:
    """The column as `node` says: a string that holds another type, or a number that is a time."""
    word = node.choose("type", TYPES)
    if not _takes_type(column, word):
        raise node.fail(
            f"{column.name!r} is {column.type}; expected a type for a column of text, or a time for a number"
        )
    per_second = 1000 if word == "timestamp_ms" else 1
    return replace(column, type=TYPES[word], per_second=per_second, is_json=word == "json")


def _takes_type(column: Column, word: str) -> bool:
    is_number = pa.types.is_integer(column.json_type) or column.json_type == pa.float64()
    is_time = TYPES[word] == TIMESTAMP
    is_plain = column.type == column.json_type and not column.tags
    return column.json_type == pa.string() or (is_plain and is_number and is_time)


def set_types(
    node: Node | None, table: str, columns: Mapping[str, Column], fixed: Collection[str]
) -> Iterator[tuple[str, Column]]:
    """The columns that the `columns:` of the service gives a type, as `column` or `table.column`.

    Args:
        fixed: columns that keep their types: those of the key, and those that fill parameters.
    """
    pairs = node.read_pairs() if node else {}
    for place, value in pairs.items():
        prefix, _, name = place.rpartition(".")
        if prefix == table:
            value.check("column", name, columns)
            if name in fixed:
                raise value.fail(f"{name!r} identifies rows or fills a parameter; expected another column")
            yield name, set_type(columns[name], value)
        elif not prefix and name in columns and name not in fixed and f"{table}.{name}" not in pairs:
            column = columns[name]
            if column.type == column.json_type and _takes_type(column, value.choose("type", TYPES)):
                yield name, set_type(column, value)


def find_member(node: Node, name: str, replies: list[Reply], about: str) -> Column:
    """The column for the path that `node` holds, of the first call that returns it."""
    path = tuple(node.read_text().split("."))
    for reply in replies:
        if reply.resolve(path) is not None:
            return reply.build_column(name, path, about)
    # The message is about the call that comes closest.
    deepest = max(reversed(replies), key=lambda reply: _measure(reply.shape, path))
    depth = _measure(deepest.shape, path)
    members = get_members(resolve_path(deepest.shape, path[:depth]))
    raise node.fail(
        f"unknown member {path[depth]!r} of column {name!r}; {'.'.join((deepest.call, *path[:depth]))} returns "
        f"{', '.join(members) or 'no members'}.{suggest(path[depth], members)}"
    )


def _measure(shape: Any, path: tuple[str, ...]) -> int:
    """How many members of a path exist."""
    return next(
        depth for depth in range(len(path) - 1, -1, -1) if resolve_path(shape, path[:depth]) is not None
    )

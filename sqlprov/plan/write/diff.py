"""Compares the values to send with a described row, and completes the values of an update.

Two values are equal if every member that is sent is equal: members that the service adds do not count,
structures in lists are matched by their naming member, times are compared to the millisecond, and an absent
value equals an empty text, list or map.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from sqlprov.catalog.column import TagSpelling
from sqlprov.catalog.columns import TAGS
from sqlprov.catalog.method import Method
from sqlprov.catalog.shapes import Shape
from sqlprov.catalog.table import Table
from sqlprov.catalog.texts import parse_json, parse_time
from sqlprov.plan.write.steps import Snapshot

_FLOAT_TOLERANCE = 1e-6  # a 32-bit float comes back as its nearest neighbor
_MILLISECOND = 0.000_999_5


def diff_parameters(
    table: Table, method: Method, sent: Mapping[str, Any], snapshot: Snapshot
) -> tuple[str, ...]:
    """The paths, such as `Schedule.EndTime`, where the row differs from the parameters of `method`.

    Parameters and members that a read of the row does not return cannot be compared.
    """
    paths: list[str] = []
    for part in method.parameters:
        if part.name not in sent or not part.column:
            continue
        value = sent[part.name]
        if part.column == TAGS:
            tags = snapshot.tags
            sent_tags = parse_tags(value, table.tag_spelling)
            if tags is None or drop_reserved(sent_tags) != drop_reserved(tags):
                paths.append(part.name)
        elif part.column in table.paths:
            described, shape = snapshot.get_column(table, part.column), method.input_shape.members[part.name]
            if part.name in table.write.insert.adds and isinstance(described, Mapping):
                keys = dict.fromkeys(dict(value), shape.value or shape)
                shape = Shape(shape.name, "structure", members=keys)  # other keys do not count
                value = dict(value)
            paths += diff_values(value, described, shape, part.name)
    return tuple(dict.fromkeys(paths))


def select_readable(value: Any, type: pa.DataType) -> Any:
    """`value` without the members that a column of this type does not have."""
    if pa.types.is_struct(type) and isinstance(value, Mapping):
        types = {member.name: member.type for member in type}
        return {name: select_readable(part, types[name]) for name, part in value.items() if name in types}
    if pa.types.is_list(type) and _is_list(value):
        return [select_readable(part, type.value_type) for part in value]
    return value


def parse_tags(tags: Any, spelling: TagSpelling | None = None) -> dict[str, str]:
    """Tags as a map, from a map or a list of {Key, Value}, or as `spelling` says."""
    if isinstance(tags, Mapping):
        return dict(tags)
    key, value = (spelling.key, spelling.value) if spelling else ("Key", "Value")
    return {tag[key]: tag.get(value) or "" for tag in tags or ()}


def spell_tags(tags: Mapping[str, str], spelling: TagSpelling | None) -> Any:
    """Tags as the service spells them."""
    key, value = (spelling.key, spelling.value) if spelling else ("Key", "Value")
    return [{key: name, value: text} for name, text in tags.items()] if key else dict(tags)


def drop_reserved(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that a user may set."""
    return {key: value for key, value in tags.items() if not is_reserved(key)}


def is_reserved(key: str) -> bool:
    """Whether a tag key begins with `aws:`, which only AWS may set."""
    return key.lower().startswith("aws:")


def diff_values(sent: Any, described: Any, shape: Shape, path: str) -> Iterator[str]:
    """The paths below `path` in which `described` differs from `sent`; items have the path of their list."""
    if shape.value is not None and _is_list(sent):
        sent = dict(sent)  # pyarrow returns a map as pairs
    if shape.kind == "structure" and isinstance(sent, Mapping):
        members = described if isinstance(described, Mapping) else {}
        for name, value in sent.items():
            if name in shape.members:
                yield from diff_values(value, members.get(name), shape.members[name], f"{path}.{name}")
    elif is_empty(sent) or is_empty(described):
        if not (is_empty(sent) and is_empty(described)):
            yield path
    elif shape.item is not None and _is_list(sent) and _is_list(described):
        pairs = pair_items(sent, described, shape.item, path)
        if len(sent) != len(described) or any(other is None for _, other in pairs):
            yield path
        else:
            for item, other in pairs:
                yield from diff_values(item, other, shape.item, path)
    elif shape.value is not None and isinstance(sent, Mapping) and isinstance(described, Mapping):
        if sent.keys() != described.keys() or any(
            list(diff_values(value, described[key], shape.value, path)) for key, value in sent.items()
        ):
            yield path
    elif not _is_equal(sent, described, shape):
        yield path


def pair_items(
    sent: Sequence[Any], described: Sequence[Any], item: Shape, path: str
) -> list[tuple[Any, Any | None]]:
    """Each item sent, paired with the described item of the same name or, if items have no name, the same
    position."""
    name = _find_name_member(path.rpartition(".")[2], item)
    if name and all(isinstance(value, Mapping) for value in (*sent, *described)):
        by_name = {value.get(name): value for value in described}
        return [(value, by_name.get(value.get(name))) for value in sent]
    return [(value, described[at] if at < len(described) else None) for at, value in enumerate(sent)]


def merge(sent: Any, described: Any, shape: Shape, path: str) -> Any:
    """`sent`, completed with the described members that it leaves out: a call replaces whole structures."""
    if shape.kind == "structure" and isinstance(sent, Mapping):
        members = described if isinstance(described, Mapping) and not (shape.union and sent) else {}
        values = {}
        for name, member in shape.members.items():
            value = merge(sent.get(name, members.get(name)), members.get(name), member, f"{path}.{name}")
            if value is not None:
                values[name] = value
        return values
    if shape.item is not None and _is_list(sent):
        pairs = pair_items(sent, described if _is_list(described) else (), shape.item, path)
        return [merge(item, other, shape.item, path) for item, other in pairs]
    if shape.kind == "timestamp" and isinstance(sent, int | float):
        return parse_time(sent)
    return sent


def prune(value: Any, shape: Shape, allowed: Iterable[str], path: str) -> Any:
    """`value` with only the members under an `allowed` path and those that must be sent with them."""
    allowed = tuple(allowed)
    if is_covered(path, allowed):
        return value
    if shape.kind == "structure" and isinstance(value, Mapping):
        return {
            name: prune(member, shape.members[name], allowed, f"{path}.{name}")
            for name, member in value.items()
            if name in shape.required or is_covered(f"{path}.{name}", allowed, partly=True)
        }
    if shape.item is not None and _is_list(value):
        return [prune(item, shape.item, allowed, path) for item in value]
    return value


def is_covered(path: str, allowed: Iterable[str], *, partly: bool = False) -> bool:
    """Whether `path` is one of `allowed` or below one; with `partly`, also whether one of them is below `path`."""
    return any(f"{path}.".startswith(f"{a}.") or (partly and a.startswith(f"{path}.")) for a in allowed)


def _is_equal(sent: Any, described: Any, shape: Shape) -> bool:
    kind, per_second = shape.kind, shape.per_second
    if (kind == "timestamp" or per_second) and sent != described:
        try:
            times = parse_time(sent, per_second or 1), parse_time(described, per_second or 1)
        except ValueError:
            return False
        return abs((times[0] - times[1]).total_seconds()) < _MILLISECOND
    if kind == "blob":
        return _decode_blob(sent) == _decode_blob(described)
    if shape.is_json or (kind == "string" and isinstance(sent, str) and isinstance(described, Mapping)):
        # botocore parses the policies of IAM.
        return bool(parse_json(sent) == parse_json(described))
    if kind in ("float", "double"):
        return math.isclose(float(sent), float(described), rel_tol=_FLOAT_TOLERANCE)
    return bool(sent == described) and isinstance(sent, bool) == isinstance(described, bool)


def _decode_blob(value: Any) -> bytes:
    return base64.b64decode(value) if isinstance(value, str) else bytes(value)


def is_empty(value: Any) -> bool:
    """Whether a value is absent, or an empty text, list or map; 0 and false are values."""
    return value is None or (isinstance(value, str | Mapping | Sequence) and len(value) == 0)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _find_name_member(items: str, shape: Shape) -> str:
    """The member that names an item: `VariantName` in `ModelVariants`, `Key` in `Tags`; empty if none does."""
    singular = items.removesuffix("s")
    for member in shape.required:
        if member.endswith("Name") and singular.endswith(member.removesuffix("Name")):
            return member
    return "Key" if "Key" in shape.required else ""

"""What is sent and what is described in; where the two differ, and what an update has to send, out.

Two values are the same if every member that was sent is: members that the service added do not count, lists of
structures are matched by the member that names them, times count to the millisecond, and nothing at all equals
an empty text, list or map.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlprov.catalog.shapes import Shape
from sqlprov.catalog.table import ColumnSource, Method, Table
from sqlprov.plan.write.steps import Snapshot

_FLOAT = 1e-6  # a 32-bit float comes back as its nearest neighbour


def same(table: Table, method: Method, sent: Mapping[str, Any], found: Snapshot) -> bool:
    """Whether the row is as the parameters of `method` say; those that no column holds cannot be compared."""
    return not diff_parameters(table, method, sent, found)


def diff_parameters(
    table: Table, method: Method, sent: Mapping[str, Any], found: Snapshot
) -> tuple[str, ...]:
    """The paths, such as `Schedule.EndTime`, in which the row is not as the parameters of `method` say."""
    paths: list[str] = []
    for part in method.parameters:
        if part.name not in sent or not part.column:
            continue
        column, value = table.by_name[part.column], sent[part.name]
        if column.source is ColumnSource.TAGS:
            paths += [part.name] * (
                found.tags is None or drop_reserved(parse_tags(value)) != drop_reserved(found.tags)
            )
        else:
            paths += diff_values(
                value, found.at(column.path), method.input_shape.members[part.name], part.name
            )
    return tuple(dict.fromkeys(paths))


def parse_tags(tags: Any) -> dict[str, str]:
    """Tags as a map, from a map or a list of {Key, Value}."""
    if isinstance(tags, Mapping):
        return dict(tags)
    return {tag["Key"]: tag.get("Value") or "" for tag in tags or ()}


def drop_reserved(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that a user may set."""
    return {key: value for key, value in tags.items() if not is_reserved(key)}


def is_reserved(key: str) -> bool:
    """Whether a tag's key begins with `aws:`, which only AWS may set."""
    return key.lower().startswith("aws:")


def diff_values(sent: Any, described: Any, shape: Shape, path: str) -> Iterator[str]:
    """The paths below `path` in which `described` is not as `sent`; a list's items have the path of the list."""
    if shape.kind == "structure" and isinstance(sent, Mapping):
        inside = described if isinstance(described, Mapping) else {}
        for name, value in sent.items():
            if name in shape.members:
                yield from diff_values(value, inside.get(name), shape.members[name], f"{path}.{name}")
    elif _empty(sent) or _empty(described):
        if not (_empty(sent) and _empty(described)):
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
    elif not _equal(sent, described, shape.kind):
        yield path


def pair_items(
    sent: Sequence[Any], described: Sequence[Any], item: Shape, path: str
) -> list[tuple[Any, Any | None]]:
    """Every item sent with the one described under the same name, else, where items have none, in its place."""
    name = _name(path.rpartition(".")[2], item)
    if name and all(isinstance(value, Mapping) for value in (*sent, *described)):
        known = {value.get(name): value for value in described}
        return [(value, known.get(value.get(name))) for value in sent]
    return [(value, described[at] if at < len(described) else None) for at, value in enumerate(sent)]


def merge(sent: Any, described: Any, shape: Shape, path: str) -> Any:
    """What to send for `sent`: a call replaces a structure as a whole, so that what is left out is sent along."""
    if shape.kind == "structure" and isinstance(sent, Mapping):
        inside = described if isinstance(described, Mapping) and not (shape.union and sent) else {}
        values = {}
        for name, member in shape.members.items():
            value = merge(sent.get(name, inside.get(name)), inside.get(name), member, f"{path}.{name}")
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
    """`value` with only what is under one of the `allowed` paths, and what must be sent with it."""
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
    """Whether `path` is one of `allowed` or under it; `partly`: or one of them is under it."""
    return any(f"{path}.".startswith(f"{a}.") or (partly and a.startswith(f"{path}.")) for a in allowed)


def parse_time(value: Any) -> datetime:
    """A time of any form that boto3 takes or Describe returns; one without a zone is UTC."""
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(found, datetime):
        raise ValueError(f"{value!r} is no time")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _equal(sent: Any, described: Any, kind: str) -> bool:
    if kind == "timestamp":
        return abs((parse_time(sent) - parse_time(described)).total_seconds()) < 0.000_999_5
    if kind == "blob":
        return _bytes(sent) == _bytes(described)
    if kind in ("float", "double"):
        return math.isclose(float(sent), float(described), rel_tol=_FLOAT)
    return bool(sent == described) and isinstance(sent, bool) == isinstance(described, bool)


def _bytes(value: Any) -> bytes:
    return base64.b64decode(value) if isinstance(value, str) else bytes(value)


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | Mapping | Sequence) and len(value) == 0)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _name(items: str, shape: Shape) -> str:
    """The member that names an item: `VariantName` in `ModelVariants`, `Key` in `Tags`; empty if there is none."""
    single = items.removesuffix("s")
    for member in shape.required:
        if member.endswith("Name") and single.endswith(member.removesuffix("Name")):
            return member
    return "Key" if "Key" in shape.required else ""

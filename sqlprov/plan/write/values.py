"""A value of a row and the shape of its API parameter in, what boto3 takes out, with every fault in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pyarrow as pa

from sqlprov.catalog.service_model import to_snake_case
from sqlprov.catalog.shapes import Shape
from sqlprov.errors import suggest
from sqlprov.plan.write.diff import is_reserved
from sqlprov.plan.write.values_json import InvalidValue, JsonObject, abbreviate, coerce_document, parse_json
from sqlprov.plan.write.values_scalars import coerce_scalar, format_limits

_NESTED = {"structure": "an object", "map": "an object", "list": "a list", "document": "a value"}
_FAULTY = object()  # a value was given and does not fit: it is not missing


@dataclass(frozen=True)
class ValueProblem:
    """A value that does not fit, or that is sent although botocore's model does not list it.

    Attributes:
        row: number of the row, as the caller counts.
        column: the column as it was written.
        path: from the column to the place, such as `ModelVariants[0].InfrastructureConfig`.
        value: the value as written, shortened.
        expected: what would fit.
    """

    row: int
    column: str
    path: str
    value: str
    expected: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.path}: {self.value!r}; expected {self.expected}"


def coerce(
    value: Any,
    type: pa.DataType,
    is_json: bool,
    shape: Shape,
    *,
    row: int,
    column: str,
    zone: str,
    partial: bool = False,
) -> tuple[Any, list[ValueProblem], list[ValueProblem]]:
    """One value as boto3 takes it for `shape`.

    Args:
        value: what pyarrow's `to_pylist` gives.
        type: Arrow type of the column. An `arrow.json` inside it is read as JSON too.
        is_json: whether DuckDB's type is JSON, which arrives as plain text.
        row, column: for messages; paths begin with the column.
        zone: time zone of times that name none, such as `Europe/Berlin`.
        partial: whether what lacks parts may get them later: only what is there is checked.

    Returns:
        (value, faults, warnings): the value is `None` where it is NULL throughout, or has faults.
    """
    walk = _Walk(row, column, zone, partial)
    try:
        found = walk.value(value, pa.json_() if is_json else type, shape, column)
    except RecursionError:
        walk.fault(column, value, "a value that is nested less deeply")
    return (None if walk.faults else found), walk.faults, walk.warnings


def find_member(name: str, shape: Shape) -> str | None:
    """The member that a written column means: `Name`, `name`, `RoleArn`, `role_arn`, `data__RoleArn`."""
    if name in shape.members:
        return name
    name = name.lower()
    return _spellings(shape).get(name) or _spellings(shape).get(name.removeprefix("data__"))


def find_missing(shape: Shape, given: Iterable[str]) -> tuple[str, ...]:
    """The required members of `shape` that are not among `given`, under any of their spellings."""
    found = {find_member(name, shape) for name in given}
    return tuple(name for name in shape.required if name not in found)


@cache
def _spellings(shape: Shape) -> dict[str, str]:
    """Lower case spelling -> member."""
    return {to_snake_case(name): name for name in shape.members} | {
        name.lower(): name for name in shape.members
    }


@dataclass(frozen=True)
class _Walk:
    """One value's way down its shape; `type` is `None` for what stood in JSON text."""

    row: int
    column: str
    zone: str
    partial: bool = False
    faults: list[ValueProblem] = field(default_factory=list)
    warnings: list[ValueProblem] = field(default_factory=list)

    def fault(self, path: str, value: Any, expected: str, shape: Shape | None = None) -> object:
        hidden = shape and (shape.sensitive or any(part.sensitive for part in shape.members.values()))
        text = "(hidden)" if hidden else abbreviate(value)
        self.faults.append(ValueProblem(self.row, self.column, path, text, expected))
        return _FAULTY

    def value(self, value: Any, type: pa.DataType | None, shape: Shape, path: str, item: bool = False) -> Any:
        """What is sent for `value`, `None` for nothing; an `item` of a list is never nothing."""
        try:
            value, type = _read(value, type, shape)
            if value is None:
                return None
            match shape.kind:
                case "structure":
                    return self._structure(value, type, shape, path, item)
                case "map":
                    return self._map(value, type, shape, path, item)
                case "list":
                    return self._list(value, type, shape, path)
                case "document":
                    return coerce_document(value, from_json=type is None)
            sent = coerce_scalar(value, shape, from_json=type is None, zone=self.zone)
        except InvalidValue as misfit:
            return self.fault(path, value, str(misfit), shape)
        self._warn(sent, value, shape, path)
        return sent

    def _structure(self, value: Any, type: pa.DataType | None, shape: Shape, path: str, item: bool) -> Any:
        sent: dict[str, Any] = {}
        spelled: dict[str, str] = {}
        given = _pairs(value, type)
        for name, part, inner in given:
            if part is None:
                continue
            member = _member(name, shape)
            place = f"{path}.{name if member is None else member}"
            if member is None:
                words = ", ".join(shape.members)
                self.fault(place, part, f"one of the members {words}.{suggest(name, shape.members)}")
            elif member in spelled:
                self.fault(place, part, f"{member} once; it is also given as {spelled[member]!r}")
            else:
                found = self.value(part, inner, shape.members[member], place)
                if found is not None:
                    sent[member], spelled[member] = found, name
        # DuckDB pads structs with NULLs, so one that holds nothing else was not given; {} was.
        if not sent and given and not item and not self._faulty_below(path):
            return None
        if self.partial:
            return sent
        if absent := [name for name in shape.required if name not in sent]:
            self.fault(path, value, f"the required {' and '.join(absent)} too", shape)
        if shape.union and len(sent) != 1:
            self.fault(path, value, f"exactly one of {', '.join(shape.members)}", shape)
        return sent

    def _map(self, value: Any, type: pa.DataType | None, shape: Shape, path: str, item: bool) -> Any:
        assert shape.key is not None and shape.value is not None
        sent: dict[str, Any] = {}
        given = _pairs(value, type)
        for name, part, inner in given:
            if part is None:
                continue
            place = f"{path}[{name!r}]"
            key = self.value(name, pa.string(), shape.key, place)
            found = self.value(part, inner, shape.value, place)
            if key in sent:
                self.fault(place, part, "each key once")
            elif key is not _FAULTY and found is not None:
                sent[key] = found
        if not sent and given and not item and not self._faulty_below(path):
            return None
        self._count(sum(part is not None for _, part, _ in given), value, shape, path)
        return sent

    def _list(self, value: Any, type: pa.DataType | None, shape: Shape, path: str) -> Any:
        assert shape.item is not None
        tags = shape.item.kind == "structure" and {"Key", "Value"} <= set(shape.item.members)
        if tags and (isinstance(value, dict | JsonObject) or _is_map(type)):
            value = _tag_list(value, type, shape.item.members["Value"])
            type = None if type is None else pa.null()
        if not isinstance(value, list) or isinstance(value, JsonObject) or _is_map(type):
            raise InvalidValue("a list")
        sent = []
        for at, part in enumerate(value):
            place = f"{path}[{at}]"
            found = self.value(part, _inside(type), shape.item, place, item=True)
            sent.append(self.fault(place, part, "a value in each place") if found is None else found)
        if tags:
            self._repeated(sent, path)
        # AWS's own tags do not count towards the 50 that a resource can have.
        self._count(sum(not (tags and _is_reserved(tag)) for tag in sent), value, shape, path)
        return sent

    def _repeated(self, tags: list[Any], path: str) -> None:
        known: dict[Any, int] = {}
        for at, tag in enumerate(tags):
            key = tag.get("Key", _FAULTY) if isinstance(tag, dict) else _FAULTY
            first = known.setdefault(key, at)
            if key is not _FAULTY and first != at:
                self.fault(f"{path}[{at}].Key", key, f"each tag key once; it is also in {path}[{first}]")

    def _count(self, count: int, value: Any, shape: Shape, path: str) -> None:
        low, high = None if self.partial else shape.low, shape.high
        if (low is not None and count < low) or (high is not None and count > high):
            self.fault(
                path, value, f"{_NESTED[shape.kind]}{format_limits(low, high, 'item')} (not {count:,})"
            )

    def _warn(self, sent: Any, value: Any, shape: Shape, path: str) -> None:
        known = shape.constraint.enum
        if known and sent not in known:
            words = f"one of {abbreviate(', '.join(known))}.{suggest(sent, known)}"
            self.warnings.append(ValueProblem(self.row, self.column, path, abbreviate(value), words))

    def _faulty_below(self, path: str) -> bool:
        return any(fault.path.startswith((f"{path}.", f"{path}[")) for fault in self.faults)


def _read(value: Any, type: pa.DataType | None, shape: Shape) -> tuple[Any, pa.DataType | None]:
    """The value and its type without what only carries them: JSON text and Arrow's extension types."""
    wanted = _NESTED.get(shape.kind, f"a {shape.kind}")
    if value is not None and isinstance(type, pa.BaseExtensionType):
        name = getattr(type, "type_name", "")
        if type.extension_name == "arrow.json":
            value, type = parse_json(value, wanted), None
        else:
            if name in ("hugeint", "uhugeint"):
                value = int.from_bytes(value, "little", signed=name == "hugeint")
            type = type.storage_type
    if value == "" and shape.kind != "string":
        raise InvalidValue(f"{wanted}; for none write NULL, not ''")
    if isinstance(value, str) and shape.kind in _NESTED and not (shape.kind == "document" and type is None):
        value, type = parse_json(value, wanted), None
    return value, type


def _pairs(value: Any, type: pa.DataType | None) -> list[tuple[str, Any, pa.DataType | None]]:
    """Name, value and type of each part of a STRUCT, a MAP or a JSON object."""
    if isinstance(value, JsonObject):
        return [(name, part, None) for name, part in value]
    if isinstance(value, dict):
        return [(name, part, _inside(type, name)) for name, part in value.items()]
    if _is_map(type):
        return [(str(name), part, _inside(type)) for name, part in value]
    raise InvalidValue("an object")


def _tag_list(value: Any, type: pa.DataType | None, shape: Shape) -> list[Any]:
    parts = [(name, _read(part, inner, shape)[0]) for name, part, inner in _pairs(value, type)]
    given = [(name, part) for name, part in parts if part is not None]
    if {name.lower() for name, _ in given} == {"key", "value"} and not _is_map(type):
        raise InvalidValue('a list, [{"Key": …, "Value": …}], or an object of keys and values')
    return [{"Key": name, "Value": part} for name, part in given]


def _is_reserved(tag: Any) -> bool:
    return isinstance(tag, dict) and is_reserved(str(tag.get("Key", "")))


def _member(written: str, shape: Shape) -> str | None:
    return written if written in shape.members else _spellings(shape).get(written.lower())


def _is_map(type: pa.DataType | None) -> bool:
    return type is not None and pa.types.is_map(type)


def _inside(type: pa.DataType | None, name: str = "") -> pa.DataType | None:
    """The type of a part: of a STRUCT's field, a MAP's values, a LIST's items; NULL if nobody can tell."""
    if type is None:
        return None
    if pa.types.is_struct(type):
        at = type.get_field_index(name)
        return type.field(at).type if at >= 0 else pa.null()
    if _is_map(type):
        return type.item_type
    return getattr(type, "value_type", pa.null())

"""Coerces values of rows to boto3's types, and collects their problems."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from functools import cache
from typing import Any

import pyarrow as pa

from sqlprov.catalog.sensitive import HIDDEN
from sqlprov.catalog.service_model import to_snake_case
from sqlprov.catalog.shapes import Shape
from sqlprov.errors import suggest
from sqlprov.plan.write.diff import is_reserved
from sqlprov.plan.write.values_json import (
    InvalidValue,
    JsonObject,
    abbreviate,
    coerce_document,
    format_json,
    parse_json,
)
from sqlprov.plan.write.values_scalars import coerce_scalar, format_limits
from sqlprov.records import dataclass

_NESTED = {"structure": "an object", "map": "an object", "list": "a list", "document": "a value"}
_INVALID = object()  # marks a value that does not fit, as opposed to a missing one


@dataclass(frozen=True)
class ValueProblem:
    """A value that does not fit, or that is sent although botocore's model does not list it.

    Attributes:
        row: the caller's number of the row.
        path: from the column to the value, such as `ModelVariants[0].InfrastructureConfig`.
        value: the value as written, shortened.
        expected: a description of values that fit.
    """

    row: int
    path: str
    value: str
    expected: str

    @property
    def detail(self) -> str:
        """The problem without the number of the row."""
        return f"{self.path}: {self.value!r}; expected {self.expected}"

    def __str__(self) -> str:
        return f"row {self.row}, {self.detail}"


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
    """Coerce one value to `shape`, as boto3 takes it.

    Args:
        value: a value as pyarrow's `to_pylist` returns it.
        type: Arrow type of the column. An `arrow.json` inside it is read as JSON too.
        is_json: whether DuckDB's type is JSON, which arrives as plain text.
        row, column: for messages; paths begin with the column.
        zone: time zone of times without one, such as `Europe/Berlin`.
        partial: whether missing parts may be added later; only the parts present are checked.

    Returns:
        (value, errors, warnings): the value is `None` if all of it is NULL, or if there are errors.
    """
    coercion = _Coercion(row, zone, partial)
    try:
        coerced = coercion.coerce(value, pa.json_() if is_json else type, shape, column)
    except RecursionError:
        coercion.add_error(column, value, "a value that is nested less deeply")
    return (None if coercion.errors else coerced), coercion.errors, coercion.warnings


def find_member(name: str, shape: Shape) -> str | None:
    """The member for a written column: `Name`, `name`, `RoleArn`, `role_arn`, `data__RoleArn`."""
    if name in shape.members:
        return name
    name = name.lower()
    return _get_spellings(shape).get(name) or _get_spellings(shape).get(name.removeprefix("data__"))


def find_missing(shape: Shape, names: Iterable[str]) -> tuple[str, ...]:
    """The required members of `shape` that are not among `names`, in any spelling."""
    members = {find_member(name, shape) for name in names}
    return tuple(name for name in shape.required if name not in members)


@cache
def _get_spellings(shape: Shape) -> dict[str, str]:
    """Lower-case spelling -> member."""
    return {to_snake_case(name): name for name in shape.members} | {
        name.lower(): name for name in shape.members
    }


@dataclass(frozen=True)
class _Coercion:
    """The coercion of one value, part by part; `type` is `None` for parts of JSON text."""

    row: int
    zone: str
    partial: bool = False
    errors: list[ValueProblem] = field(default_factory=list)
    warnings: list[ValueProblem] = field(default_factory=list)

    def add_error(self, path: str, value: Any, expected: str, shape: Shape | None = None) -> object:
        hidden = shape and (shape.sensitive or any(part.sensitive for part in shape.members.values()))
        text = HIDDEN if hidden else abbreviate(value)
        self.errors.append(ValueProblem(self.row, path, text, expected))
        return _INVALID

    def coerce(
        self, value: Any, type: pa.DataType | None, shape: Shape, path: str, item: bool = False
    ) -> Any:
        """The value to send; `None` if nothing is sent, which is not allowed for an `item` of a list."""
        try:
            value, type = _unwrap(value, type, shape)
            if value is None:
                return None
            match shape.kind:
                case "structure":
                    return self._coerce_structure(value, type, shape, path, item)
                case "map":
                    return self._coerce_map(value, type, shape, path, item)
                case "list":
                    return self._coerce_list(value, type, shape, path)
                case "document":
                    return coerce_document(value, from_json=type is None)
            sent = coerce_scalar(value, shape, from_json=type is None, zone=self.zone)
        except InvalidValue as misfit:
            return self.add_error(path, value, str(misfit), shape)
        self._check_enum(sent, value, shape, path)
        return sent

    def _coerce_structure(
        self, value: Any, type: pa.DataType | None, shape: Shape, path: str, item: bool
    ) -> Any:
        sent: dict[str, Any] = {}
        spelled: dict[str, str] = {}
        parts = _split(value, type)
        for name, part, inner in parts:
            if part is None:
                continue
            member = name if name in shape.members else _get_spellings(shape).get(name.lower())
            place = f"{path}.{name if member is None else member}"
            if member is None:
                words = ", ".join(shape.members)
                self.add_error(place, part, f"one of the members {words}.{suggest(name, shape.members)}")
            elif member in spelled:
                self.add_error(place, part, f"{member} once; it is also written as {spelled[member]!r}")
            else:
                coerced = self.coerce(part, inner, shape.members[member], place)
                if coerced is not None:
                    sent[member], spelled[member] = coerced, name
        # DuckDB pads structs with NULLs: a struct of NULLs was not given, but {} was.
        if not sent and parts and not item and not self._has_error_below(path):
            return None
        if self.partial:
            return sent
        if absent := [name for name in shape.required if name not in sent]:
            self.add_error(path, value, f"the required {' and '.join(absent)} too", shape)
        if shape.union and len(sent) != 1:
            self.add_error(path, value, f"exactly one of {', '.join(shape.members)}", shape)
        return sent

    def _coerce_map(self, value: Any, type: pa.DataType | None, shape: Shape, path: str, item: bool) -> Any:
        assert shape.key is not None and shape.value is not None
        sent: dict[str, Any] = {}
        parts = _split(value, type)
        for name, part, inner in parts:
            if part is None:
                continue
            place = f"{path}[{name!r}]"
            key = self.coerce(name, pa.string(), shape.key, place)
            coerced = self.coerce(part, inner, shape.value, place)
            if key in sent:
                self.add_error(place, part, "each key once")
            elif key is not _INVALID and coerced is not None:
                sent[key] = coerced
        if not sent and parts and not item and not self._has_error_below(path):
            return None
        self._check_count(sum(part is not None for _, part, _ in parts), value, shape, path)
        return sent

    def _coerce_list(self, value: Any, type: pa.DataType | None, shape: Shape, path: str) -> Any:
        assert shape.item is not None
        tags = _find_tag_members(shape.item)
        if tags and (isinstance(value, dict | JsonObject) or _is_map(type)):
            value = _convert_tags(value, type, shape.item, tags)
            type = None if type is None else pa.null()
        if not isinstance(value, list) or isinstance(value, JsonObject) or _is_map(type):
            raise InvalidValue("a list")
        sent = []
        for at, part in enumerate(value):
            place = f"{path}[{at}]"
            coerced = self.coerce(part, _get_part_type(type), shape.item, place, item=True)
            sent.append(self.add_error(place, part, "a value, not NULL") if coerced is None else coerced)
        key = tags[0] if tags else ""
        if key:
            self._check_tag_keys(sent, path, key)
        # AWS's own tags do not count towards the 50 that a resource can have.
        self._check_count(sum(not (key and _is_reserved_tag(tag, key)) for tag in sent), value, shape, path)
        return sent

    def _check_tag_keys(self, tags: list[Any], path: str, member: str) -> None:
        first_places: dict[Any, int] = {}
        for at, tag in enumerate(tags):
            key = tag.get(member, _INVALID) if isinstance(tag, dict) else _INVALID
            first = first_places.setdefault(key, at)
            if key is not _INVALID and first != at:
                place = f"{path}[{at}].{member}"
                self.add_error(place, key, f"each tag key once; it is also in {path}[{first}]")

    def _check_count(self, count: int, value: Any, shape: Shape, path: str) -> None:
        low, high = None if self.partial else shape.low, shape.high
        if (low is not None and count < low) or (high is not None and count > high):
            self.add_error(
                path, value, f"{_NESTED[shape.kind]}{format_limits(low, high, 'item')} (not {count:,})"
            )

    def _check_enum(self, sent: Any, value: Any, shape: Shape, path: str) -> None:
        words = shape.constraint.enum
        if words and sent not in words:
            expected = f"one of {abbreviate(', '.join(words))}.{suggest(sent, words)}"
            self.warnings.append(ValueProblem(self.row, path, abbreviate(value), expected))

    def _has_error_below(self, path: str) -> bool:
        return any(problem.path.startswith((f"{path}.", f"{path}[")) for problem in self.errors)


def _unwrap(value: Any, type: pa.DataType | None, shape: Shape) -> tuple[Any, pa.DataType | None]:
    """The value and its type, without JSON text and Arrow's extension types around them."""
    wanted = _NESTED.get(shape.kind, f"a {shape.kind}")
    if value is not None and isinstance(type, pa.BaseExtensionType):
        name = getattr(type, "type_name", "")
        if type.extension_name == "arrow.json":
            parsed = parse_json(value, wanted)
            is_text = shape.is_json and not isinstance(parsed, str)  # it is sent as it is written
            value, type = (value, pa.string()) if is_text else (parsed, None)
        else:
            if name in ("hugeint", "uhugeint"):
                value = int.from_bytes(value, "little", signed=name == "hugeint")
            type = type.storage_type
    if shape.is_json and isinstance(value, dict | list):
        value, type = format_json(coerce_document(value, from_json=False)), pa.string()
    if value == "" and shape.kind != "string":
        raise InvalidValue(f"{wanted}; for no value write NULL, not ''")
    if isinstance(value, str) and shape.kind in _NESTED and not (shape.kind == "document" and type is None):
        value, type = parse_json(value, wanted), None
    return value, type


def _split(value: Any, type: pa.DataType | None) -> list[tuple[str, Any, pa.DataType | None]]:
    """Name, value and type of each part of a STRUCT, a MAP or a JSON object."""
    if isinstance(value, JsonObject):
        return [(name, part, None) for name, part in value]
    if isinstance(value, dict):
        return [(name, part, _get_part_type(type, name)) for name, part in value.items()]
    if _is_map(type):
        return [(str(name), part, _get_part_type(type)) for name, part in value]
    raise InvalidValue("an object")


def _find_tag_members(shape: Shape) -> tuple[str, str] | None:
    """The members of a tag's key and value, such as `Key` and `Value`; `None` if `shape` is not a tag."""
    names = {name.lower().removeprefix("tag"): name for name in shape.members}
    return (names["key"], names["value"]) if {"key", "value"} <= names.keys() else None


def _convert_tags(value: Any, type: pa.DataType | None, shape: Shape, members: tuple[str, str]) -> list[Any]:
    (key, text), inner_shape = members, shape.members[members[1]]
    parts = [(name, _unwrap(part, inner, inner_shape)[0]) for name, part, inner in _split(value, type)]
    parts = [(name, part) for name, part in parts if part is not None]
    if {name.lower() for name, _ in parts} == {key.lower(), text.lower()} and not _is_map(type):
        raise InvalidValue(f'a list, [{{"{key}": …, "{text}": …}}], or an object of keys and values')
    return [{key: name, text: part} for name, part in parts]


def _is_reserved_tag(tag: Any, key: str) -> bool:
    return isinstance(tag, dict) and is_reserved(str(tag.get(key, "")))


def _is_map(type: pa.DataType | None) -> bool:
    return type is not None and pa.types.is_map(type)


def _get_part_type(type: pa.DataType | None, name: str = "") -> pa.DataType | None:
    """The type of a STRUCT's field, a MAP's values or a LIST's items; NULL if it is unknown."""
    if type is None:
        return None
    if pa.types.is_struct(type):
        at = type.get_field_index(name)
        return type.field(at).type if at >= 0 else pa.null()
    if _is_map(type):
        return type.item_type
    return getattr(type, "value_type", pa.null())

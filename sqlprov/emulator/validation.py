"""Checks values against shapes of botocore's models and reports violations in AWS's words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from sqlprov.catalog.patterns import compile_pattern
from sqlprov.emulator.errors import ApiError

# botocore's list of instance types lags behind the service's.
_INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")
_BITS = {"integer": 32, "long": 64}
_JSON_NAMES = {str: "STRING_VALUE", bool: "TRUE_VALUE", int: "NUMBER_VALUE", float: "DECIMAL_VALUE"}
_SCALARS: dict[str, tuple[str, tuple[type, ...]]] = {
    "string": ("a String", (str,)),
    "integer": ("an Integer", (int,)),
    "long": ("a Long", (int,)),
    "float": ("a Float", (int, float)),
    "double": ("a Double", (int, float)),
    "boolean": ("a Boolean", (bool,)),
    "timestamp": ("a Timestamp", (int, float)),
}
_NULL = "Member must not be null"


def find_violations(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """A sentence for each constraint that a value violates; raises ApiError for a wrong JSON type."""
    if isinstance(shape, StructureShape):
        yield from _check_structure(shape, value, path)
    elif isinstance(shape, ListShape):
        yield from _check_list(shape, value, path)
    elif isinstance(shape, MapShape):
        yield from _check_map(shape, value, path)
    else:
        yield from _check_scalar(shape, value, path)


def _check_structure(shape: StructureShape, value: Any, path: str) -> Iterator[str]:
    if type(value) is not dict:
        raise _make_type_error(value, "a structure")

    def place(name: str) -> str:
        lower = name[:1].lower() + name[1:]
        return f"{path}.{lower}" if path else lower

    for name in shape.required_members:
        if value.get(name) is None:
            yield _report("Value null", place(name), _NULL)
    for name, item in value.items():
        if name in shape.members and item is not None:
            yield from find_violations(shape.members[name], item, place(name))


def _check_list(shape: ListShape, value: Any, path: str) -> Iterator[str]:
    if type(value) is not list:
        raise _make_type_error(value, "a list")
    for text in _check_limits(shape, "length", len(value)):
        yield _report(f"Value '{_print_as_java(value)}'", path, text)
    for number, item in enumerate(value, 1):
        place = f"{path}.{number}.member"
        if item is None:
            yield _report("Value null", place, _NULL)
        else:
            yield from find_violations(shape.member, item, place)


def _check_map(shape: MapShape, value: Any, path: str) -> Iterator[str]:
    if type(value) is not dict:
        raise _make_type_error(value, "a map")
    texts = list(_check_limits(shape, "length", len(value)))
    for words, part, items in (
        ("Map keys must satisfy constraint", shape.key, value.keys()),
        ("Map value must satisfy constraint", shape.value, value.values()),
    ):
        rules = _find_rules(part, items)
        if rules:
            texts.append(f"{words}: [{', '.join(rules)}]")
    for text in texts:
        yield _report(f"Value '{_print_as_java(value)}'", path, text)


def _find_rules(shape: Shape, items: Iterable[Any]) -> dict[str, None]:
    """The constraints that any of the items violates."""
    violations = [text for item in items if item is not None for text in find_violations(shape, item)]
    return dict.fromkeys(text.rsplit(" failed to satisfy constraint: ", 1)[1] for text in violations)


def _check_scalar(shape: Shape, value: Any, path: str) -> Iterator[str]:
    words, types = _SCALARS[shape.type_name]
    half = 1 << (_BITS[shape.type_name] - 1) if shape.type_name in _BITS else 0
    if type(value) not in types or (half and not -half <= value < half):
        raise _make_type_error(value, words)
    shown = "Value" if shape.metadata.get("sensitive") else f"Value '{value}'"
    if shape.type_name != "string":
        for text in _check_limits(shape, "value", value):
            yield _report(shown, path, text)
        return
    for text in _check_limits(shape, "length", len(value)):
        yield _report(shown, path, text)
    pattern, values = shape.metadata.get("pattern"), shape.metadata.get("enum")
    if pattern and (compiled := compile_pattern(pattern)) and not compiled.fullmatch(value):
        yield _report(shown, path, f"Member must satisfy regular expression pattern: {pattern}")
    if values and value not in values:
        newer = _INSTANCE_TYPE.fullmatch(value) and all(each.startswith("ml.") for each in values)
        if not newer:
            yield _report(shown, path, f"Member must satisfy enum value set: [{', '.join(values)}]")


def _check_limits(shape: Shape, what: str, size: float) -> Iterator[str]:
    most, least = shape.metadata.get("max"), shape.metadata.get("min")
    if most is not None and size > most:
        yield f"Member must have {what} less than or equal to {most}"
    if least is not None and size < least:
        yield f"Member must have {what} greater than or equal to {least}"


def _report(shown: str, path: str, text: str) -> str:
    return f"{shown} at '{path}' failed to satisfy constraint: {text}"


def _print_as_java(value: Any) -> str:
    """A value as Java prints it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_print_as_java(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_print_as_java, value)) + "]"
    return str(value)


def _make_type_error(value: Any, wanted: str) -> ApiError:
    if isinstance(value, list | dict):
        kind = "list" if isinstance(value, list) else "structure or map"
        return ApiError("SerializationException", f"Start of {kind} found where not expected.")
    return ApiError("SerializationException", f"{_JSON_NAMES[type(value)]} can not be converted to {wanted}")

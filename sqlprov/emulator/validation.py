"""A shape of botocore's model in, a check out: value and path in, AWS's sentences about it out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from sqlprov.emulator.errors import ApiError

Check = Callable[[Any, str, list[str]], None]

# botocore's list of instance types lags behind what the service accepts.
_INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")
# Java's Unicode classes, which Python's `re` lacks: \w is letters, numbers and `_`, which stands beside them anyway.
_JAVA_CLASSES = {
    r"\p{L}": r"\w",
    r"\p{N}": r"\w",
    r"\p{Z}": "\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
}
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


def compile_shape(shape: Shape, known: dict[str, Check] | None = None) -> Check:
    """The check of one shape; it raises SerializationException for a wrong JSON type."""
    known = {} if known is None else known
    if shape.name not in known:
        # A shape may contain itself: the name must resolve before its members are compiled.
        known[shape.name] = lambda value, path, faults: known[shape.name](value, path, faults)
        known[shape.name] = _compile(shape, known)
    return known[shape.name]


def _compile(shape: Shape, known: dict[str, Check]) -> Check:
    if isinstance(shape, StructureShape):
        return _structure(shape, known)
    if isinstance(shape, ListShape):
        return _list(shape, known)
    if isinstance(shape, MapShape):
        return _map(shape, known)
    return _scalar(shape)


def _structure(shape: StructureShape, known: dict[str, Check]) -> Check:
    members = {name: (_lower(name), compile_shape(member, known)) for name, member in shape.members.items()}
    required = [(name, _lower(name)) for name in shape.required_members]

    def check(value: Any, path: str, faults: list[str]) -> None:
        if type(value) is not dict:
            raise _unreadable(value, "a structure")
        for name, lower in required:
            if value.get(name) is None:
                faults.append(_fault("null", path + lower, "Member must not be null"))
        for name, given in value.items():
            member = members.get(name)
            if member is not None and given is not None:
                member[1](given, path + member[0] + ".", faults)

    return check


def _list(shape: ListShape, known: dict[str, Check]) -> Check:
    member = compile_shape(shape.member, known)
    limits = _limits(shape, "length")

    def check(value: Any, path: str, faults: list[str]) -> None:
        if type(value) is not list:
            raise _unreadable(value, "a list")
        broken = [text for limit in limits if (text := limit(len(value)))]
        faults.extend(_fault(f"'{_java(value)}'", path[:-1], text) for text in broken)
        for number, item in enumerate(value, 1):
            if item is None:
                faults.append(_fault("null", f"{path}{number}.member", "Member must not be null"))
            else:
                member(item, f"{path}{number}.member.", faults)

    return check


def _map(shape: MapShape, known: dict[str, Check]) -> Check:
    key, item = compile_shape(shape.key, known), compile_shape(shape.value, known)
    limits = _limits(shape, "length")

    def check(value: Any, path: str, faults: list[str]) -> None:
        if type(value) is not dict:
            raise _unreadable(value, "a map")
        texts = [text for limit in limits if (text := limit(len(value)))]
        for part, words, checked in (
            ("keys", "Map keys must satisfy constraint", key),
            ("values", "Map value must satisfy constraint", item),
        ):
            inner: list[str] = []
            for given in getattr(value, part)():
                if given is not None:
                    checked(given, ".", inner)
            if inner:
                rules = dict.fromkeys(text.rsplit(" failed to satisfy constraint: ", 1)[1] for text in inner)
                texts.append(f"{words}: [{', '.join(rules)}]")
        faults.extend(_fault(f"'{_java(value)}'", path[:-1], text) for text in texts)

    return check


def _scalar(shape: Shape) -> Check:
    words, types = _SCALARS[shape.type_name]
    limits = _limits(shape, "length" if shape.type_name == "string" else "value")
    measure: Callable[[Any], Any] = len if shape.type_name == "string" else lambda value: value
    rules = _text_rules(shape) if shape.type_name == "string" else []
    sensitive = shape.metadata.get("sensitive", False)
    half = 1 << (_BITS[shape.type_name] - 1) if shape.type_name in _BITS else 0

    def check(value: Any, path: str, faults: list[str]) -> None:
        if type(value) not in types or (half and not -half <= value < half):
            raise _unreadable(value, words)
        broken = [text for limit in limits if (text := limit(measure(value)))]
        broken += [text for accepts, text in rules if not accepts(value)]
        if broken:
            shown = "" if sensitive else f"'{value}'"
            faults.extend(_fault(shown, path[:-1], text) for text in broken)

    return check


def _limits(shape: Shape, what: str) -> list[Callable[[Any], str]]:
    limits: list[Callable[[Any], str]] = []
    if (most := shape.metadata.get("max")) is not None:
        over = f"Member must have {what} less than or equal to {most}"
        limits.append(lambda size: over if size > most else "")
    if (least := shape.metadata.get("min")) is not None:
        under = f"Member must have {what} greater than or equal to {least}"
        limits.append(lambda size: under if size < least else "")
    return limits


def _text_rules(shape: Shape) -> list[tuple[Callable[[str], object], str]]:
    rules: list[tuple[Callable[[str], object], str]] = []
    if pattern := shape.metadata.get("pattern"):
        text = f"Member must satisfy regular expression pattern: {pattern}"
        rules.append((compile_pattern(pattern).fullmatch, text))
    if values := shape.metadata.get("enum"):
        lags = all(value.startswith("ml.") for value in values)
        text = f"Member must satisfy enum value set: [{', '.join(values)}]"
        allowed = frozenset(values)
        rules.append((lambda value: value in allowed or (lags and _INSTANCE_TYPE.fullmatch(value)), text))
    return rules


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern of the model, written for Java, as Python reads it; Java's \\d and \\w are ASCII."""
    if r"\p{" not in pattern:
        return re.compile(pattern, re.ASCII)
    for java, python in _JAVA_CLASSES.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern)


def _fault(value: str, path: str, text: str) -> str:
    shown = f"Value {value}" if value else "Value"
    return f"{shown} at '{path}' failed to satisfy constraint: {text}"


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def _java(value: Any) -> str:
    """A collection as Java prints it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_java(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_java, value)) + "]"
    return str(value)


def _unreadable(value: Any, wanted: str) -> ApiError:
    if isinstance(value, list | dict):
        kind = "list" if isinstance(value, list) else "structure or map"
        return ApiError("SerializationException", f"Start of {kind} found where not expected.")
    return ApiError("SerializationException", f"{_JSON_NAMES[type(value)]} can not be converted to {wanted}")

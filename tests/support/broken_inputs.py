"""Breaks one part of a valid input and lists the paths that two validators report."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from sqlprov.catalog.service_model import load_model
from sqlprov.catalog.shapes import Shape
from sqlprov.emulator.validation import find_violations

_WRONG: dict[str, list[Any]] = {
    "structure": [7, [1], False],
    "map": [7, [1], False],
    "list": [7, False, "ab"],
    "string": [["x"], {"a": 1}],
    "integer": ["many", True, [], 0.5],
    "float": ["many", True, []],
    "boolean": [1, "yes", {}],
    "timestamp": ["2025", [], True],
}


@dataclass(frozen=True)
class Place:
    """Where a value stands: `holder[key]`."""

    path: str
    shape: Shape
    holder: Any
    key: Any

    @property
    def value(self) -> Any:
        return self.holder[self.key]


def places(value: Any, shape: Shape, path: str = "") -> Iterator[Place]:
    """Every place inside an input, outermost first."""
    if shape.kind == "structure" and isinstance(value, dict):
        parts = [(name, f"{path}.{name}".lstrip("."), inner) for name, inner in shape.members.items()]
        parts = [part for part in parts if part[0] in value]
    elif shape.item is not None and isinstance(value, list):
        parts = [(at, f"{path}[{at}]", shape.item) for at in range(len(value))]
    elif shape.value is not None and isinstance(value, dict):
        parts = [(key, f"{path}[{key!r}]", shape.value) for key in value]
    else:
        return
    for key, place, inner in parts:
        if value[key] is None:
            continue
        yield Place(place, inner, value, key)
        yield from places(value[key], inner, place)


def break_constraint(data: st.DataObject, sent: dict[str, Any], shape: Shape) -> None:
    """Put something of the right kind and the wrong size, form or completeness at a random place."""
    broken = [(place, value) for place in places(sent, shape) for value in _breaking(place)]
    place, value = data.draw(st.sampled_from(broken))
    if isinstance(value, tuple):
        del place.value[value[0]]
    else:
        place.holder[place.key] = value


def _breaking(place: Place) -> Iterator[Any]:
    shape, value = place.shape, place.value
    if shape.kind in ("integer", "long", "float", "double"):
        yield from ([] if shape.high is None else [int(shape.high) + 1])
        yield from ([] if shape.low is None else [int(shape.low) - 1])
    elif shape.kind == "string":
        said = shape.constraint
        yield from ([] if said.max is None else ["a" * (said.max + 1)])
        yield from ([""] if said.min else [])
        if said.pattern and r"\p{" not in said.pattern and not re.fullmatch(said.pattern, "\n"):
            yield "\n"
    elif shape.kind == "structure":
        yield from ((name,) for name in shape.required if name in value)
    elif shape.item is not None:
        yield from ([[]] if shape.low else [])
        if shape.high is not None:
            tags = "Key" in shape.item.members
            many = range(int(shape.high) + 1)
            if tags or value:
                yield [{"Key": str(at), "Value": ""} if tags else value[0] for at in many]
        yield [*value, None]
    elif shape.key is not None:
        yield {**value, "no key": ""}


def break_kind(data: st.DataObject, sent: dict[str, Any], shape: Shape) -> str:
    """Put a value of another kind at a random place; answers its path."""
    place = data.draw(st.sampled_from(list(places(sent, shape))))
    wrong = data.draw(st.sampled_from(_WRONG[place.shape.kind]))
    place.holder[place.key] = wrong
    return place.path


def emulator_paths(operation: str, sent: dict[str, Any]) -> set[str]:
    """What the emulator complains about; of a missing member the structure, of a map's part the map."""
    shape = load_model("sagemaker").operation_model(operation).input_shape
    paths = set()
    for fault in find_violations(shape, sent):
        path = re.findall(r" at '([^']*)' failed to satisfy constraint", fault)[-1]
        null = fault.startswith("Value null") and not path.endswith(".member")
        paths.add(path.rpartition(".")[0] if null else path)
    return paths


def as_emulator(path: str) -> str:
    """`ModelVariants[0].ModelName` -> `modelVariants.1.member.modelName`"""
    path = re.sub(r"\[(\d+)\]", lambda at: f".{int(at[1]) + 1}.member", re.sub(r"\['.*", "", path))
    return ".".join(part[:1].lower() + part[1:] for part in path.split("."))

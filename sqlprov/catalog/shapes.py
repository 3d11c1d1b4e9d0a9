"""An operation of botocore's model in, the typed model of its input out, built only as far as it is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .api import constraint, plain
from .table import Constraint


@dataclass(frozen=True, eq=False)  # a shape may contain itself: comparing two would not end
class Shape:
    """What the service accepts for one value.

    Attributes:
        name: the model's name for it, such as `ModelVariantConfigList`.
        kind: structure, list, map, string, integer, long, float, double, boolean, timestamp, blob, or document
            (any JSON).
        members: members of a structure in the model's order.
        required: those that must be given.
        union: whether exactly one member of the structure must be given.
        item: what a list holds.
        key, value: what a map holds.
        constraint: what is accepted for a text.
        low, high: smallest and largest number; fewest and most items of a list or map, or bytes of a blob; `None`
            where the model says nothing.
        sensitive: whether the value must not be shown.
        documentation: plain text, one paragraph.
    """

    name: str
    kind: str
    members: Mapping[str, Shape] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    union: bool = False
    item: Shape | None = None
    key: Shape | None = None
    value: Shape | None = None
    constraint: Constraint = field(default_factory=Constraint)
    low: float | None = None
    high: float | None = None
    sensitive: bool = False
    documentation: str = ""


class _Members(Mapping[str, Shape]):
    """Members of a structure, each built when it is asked for; every shape that contains itself does so here."""

    def __init__(self, shapes: Mapping[str, Any]) -> None:
        self._shapes = shapes
        self._built: dict[str, Shape] = {}

    def __getitem__(self, name: str) -> Shape:
        if name not in self._built:
            self._built[name] = shape_of(self._shapes[name])
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)


def input_of(operation: Any) -> Shape:
    """The input of an operation of botocore's model; one without input is a structure without members."""
    shape = operation.input_shape
    return Shape(f"{operation.name}Input", "structure") if shape is None else shape_of(shape)


def shape_of(shape: Any) -> Shape:
    """The typed model of a botocore shape."""
    said, kind = shape.metadata, shape.type_name
    document = getattr(shape, "is_document_type", False)
    structure = kind == "structure" and not document
    text = kind in ("string", "character")
    return Shape(
        name=shape.name,
        kind="document" if document else "string" if text else kind,
        members=_Members(shape.members) if structure else {},
        required=tuple(shape.required_members) if structure else (),
        union=structure and bool(shape.is_tagged_union),
        item=shape_of(shape.member) if kind == "list" else None,
        key=shape_of(shape.key) if kind == "map" else None,
        value=shape_of(shape.value) if kind == "map" else None,
        constraint=constraint(shape),
        low=None if text else said.get("min"),
        high=None if text else said.get("max"),
        sensitive=bool(said.get("sensitive", False)),
        documentation=plain(shape.documentation),
    )

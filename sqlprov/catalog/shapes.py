"""The typed model of one value that the service accepts: its type, members and constraints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .patterns import compile_pattern


@dataclass(frozen=True)
class Constraint:
    """What the service accepts for a text, from botocore's shape metadata; `None` where it says nothing."""

    enum: tuple[str, ...] = ()
    pattern: str | None = None
    min: int | None = None
    max: int | None = None

    def accepts(self, value: str) -> bool:
        """Whether the service would accept `value`; a pattern Python cannot compile accepts everything."""
        if self.enum and value not in self.enum:
            return False
        if self.min is not None and len(value) < self.min:
            return False
        if self.max is not None and len(value) > self.max:
            return False
        return self.matches(value)

    def matches(self, value: str) -> bool:
        """Whether `value` fits the pattern; one that Python cannot compile fits everything."""
        pattern = compile_pattern(self.pattern) if self.pattern else None
        return pattern is None or pattern.fullmatch(value) is not None


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

"""The typed model of one value that the service accepts: its type, members and constraints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from sqlprov.records import dataclass

from .patterns import compile_pattern


@dataclass(frozen=True)
class Constraint:
    """The service's constraints on a string, from botocore's shape metadata.

    Attributes:
        enum: the values; empty if any string is allowed.
        pattern: regular expression that the whole text must match; `None` if the model has none.
        min, max: length in characters; `None` if the model has no limit.
    """

    enum: tuple[str, ...] = ()
    pattern: str | None = None
    min: int | None = None
    max: int | None = None

    def accepts(self, value: str) -> bool:
        """Whether the service would accept `value`."""
        if self.enum and value not in self.enum:
            return False
        if self.min is not None and len(value) < self.min:
            return False
        if self.max is not None and len(value) > self.max:
            return False
        return self.matches(value)

    def matches(self, value: str) -> bool:
        """Whether `value` matches the pattern; every value does if Python cannot compile the pattern."""
        pattern = compile_pattern(self.pattern) if self.pattern else None
        return pattern is None or pattern.fullmatch(value) is not None


@dataclass(frozen=True, eq=False)  # a shape may contain itself, so comparing two might not end
class Shape:
    """The service's constraints on one value.

    Attributes:
        name: the model's name for it, such as `ModelVariantConfigList`.
        kind: structure, list, map, string, integer, long, float, double, boolean, timestamp, blob, or document
            (any JSON).
        members: members of a structure in the model's order.
        required: members that must be given.
        union: whether exactly one member of the structure must be given.
        item: shape of a list's items.
        key, value: shapes of a map's keys and values.
        constraint: limits of a string.
        low, high: smallest and largest number; fewest and most items of a list or map, or bytes of a blob; `None`
            where the model has no limit.
        sensitive: whether the value must not be shown.
        per_second: of a number or a string that is a time: 1000 if a number counts milliseconds; otherwise 0.
        is_json: whether a string is JSON.
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
    per_second: int = 0
    is_json: bool = False
    documentation: str = ""

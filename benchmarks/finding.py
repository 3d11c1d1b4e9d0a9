"""Holds the findings of a case: measured values beside their bars."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        case: what was done.
        measure: what `value` is, such as "client CPU, of (a)".
        value: a ratio unless `unit` says otherwise.
        bar: the most that `value` should be; `None` if it is only published.
        unit: "ms", "MB" or "calls"; empty for a ratio.
        costs: contender -> the median cost in seconds, or in `unit`, that `value` was made of.
    """

    case: str
    measure: str
    value: float
    bar: float | None = None
    unit: str = ""
    costs: dict[str, float] = field(default_factory=dict)

    @property
    def is_met(self) -> bool | None:
        """Whether the bar is met; `None` without one."""
        return None if self.bar is None else self.value <= self.bar


def compare(case: str, measure: str, ours: float, theirs: float, bar: float | None, names: str) -> Finding:
    """The ratio of `ours` to `theirs`, with the names of the two in `names`, such as "us/(a)"."""
    one, other = names.split("/")
    return Finding(case, measure, ours / theirs, bar, "", {one: ours, other: theirs})

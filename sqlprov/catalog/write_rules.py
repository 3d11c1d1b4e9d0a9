"""The typed model of `write:`: what may be written in which state, and the calls that lead from one to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class InsertRule:
    """What INSERT does beside its call.

    Attributes:
        ignored: property -> column of what Cloud Control takes and the call does not: accepted, not sent, noted.
        notes: parameter -> what the service does where it is not given.
    """

    ignored: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class UpdateRule:
    """What UPDATE may change.

    Attributes:
        when: state -> members that may change in it, such as `Schedule.EndTime`; a list's items are not counted.
            A state that is missing allows none. Empty: all, in every state that does not pass by itself.
    """

    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class DeleteRule:
    """What DELETE does first.

    Attributes:
        before: state -> EXEC method to call, with the first state it leads to; then wait, then delete.
    """

    before: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SentParameter:
    """A parameter that every call of a move sends.

    Attributes:
        parameter: its name, such as `ModelVariantActions`.
        value: what it holds, such as `Retain`.
        each: members of the described row whose values become the keys of a map to `value`, such as
            ("ModelVariants", "VariantName"); empty if `value` is sent as it is.
    """

    parameter: str
    value: str
    each: tuple[str, ...] = ()


@dataclass(frozen=True)
class Transition:
    """An EXEC method that UPDATE of the desired state calls; the states it leads to are the method's `until`.

    Attributes:
        method: name of the EXEC method.
        from_: states it may be called in.
        desired, reason: parameters that take the state and the reason; empty if it takes none.
        send: what every call sends beside them and the key.
        instead: member of the update -> parameter of this call that takes it. Both in one statement have more
            than one meaning, so that they are refused with the EXEC to write.
    """

    method: str
    from_: tuple[str, ...]
    desired: str = ""
    reason: str = ""
    send: tuple[SentParameter, ...] = ()
    instead: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DesiredStateRule:
    """Columns that an UPDATE turns into a move.

    Attributes:
        column: takes the state to reach.
        reason: takes the reason to give; empty if there is none.
        by: the moves.
    """

    column: str
    reason: str = ""
    by: tuple[Transition, ...] = ()


@dataclass(frozen=True)
class WriteRules:
    """The `write:` block without its calls, which are methods."""

    insert: InsertRule = field(default_factory=InsertRule)
    update: UpdateRule = field(default_factory=UpdateRule)
    delete: DeleteRule = field(default_factory=DeleteRule)
    desired: DesiredStateRule | None = None

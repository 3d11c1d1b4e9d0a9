"""The typed model of the `write:` block: which members may change in which state, and which calls lead to a state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from sqlprov.records import dataclass


@dataclass(frozen=True)
class InsertRule:
    """`insert:`, beside its call.

    Attributes:
        ignored: property -> column. Cloud Control takes these properties and the call does not; they are accepted
            with a note and not sent.
        notes: parameter -> the service's behavior without it.
        replaces: whether the call changes or returns a row that exists, where others fail. INSERT then looks for each
            row first.
        name: the parameter by whose value a row is found whose key the service sets; empty if there is none.
        column: the column of the list that holds the value; empty if only the key does, at its end.
        adds: parameters, each a map to which the service adds keys of its own.
    """

    ignored: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    replaces: bool = False
    name: str = ""
    column: str = ""
    adds: tuple[str, ...] = ()


@dataclass(frozen=True)
class UpdateRule:
    """`update:`, beside its call.

    Attributes:
        when: state -> members that may change in it, such as `Schedule.EndTime`; a path passes through lists.
            Nothing may change in a state that is not named. If empty, everything may change in every state that is
            not busy.
        whole: whether the call resets what it is not given; the other members are then sent as the row has them.
        previous: parameter -> the flag by which the service keeps its value, which the row may not show: a member of
            each item of a list, otherwise a parameter of its own.
    """

    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    whole: bool = False
    previous: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DeleteRule:
    """`delete:`, beside its call.

    Attributes:
        before: state -> EXEC method to call first. DELETE waits for the first state that it leads to.
        marks: the column that has a value in a deleted row, which the service keeps for some time; empty if there is
            none.
    """

    before: Mapping[str, str] = field(default_factory=dict)
    marks: str = ""


@dataclass(frozen=True)
class SentParameter:
    """A parameter that every call of a transition sends.

    Attributes:
        parameter: its name, such as `ModelVariantActions`.
        value: its value, such as `Retain`.
        each: members of the described row whose values become the keys of a map to `value`, such as
            ("ModelVariants", "VariantName"); empty if `value` is sent as it is.
    """

    parameter: str
    value: str
    each: tuple[str, ...] = ()


@dataclass(frozen=True)
class Transition:
    """An EXEC method that an UPDATE of the desired state calls; it leads to the method's `until`.

    Attributes:
        method: name of the EXEC method.
        from_: states in which it may be called.
        desired, reason: parameters that take the state and the reason; empty if none does.
        send: what every call sends beside them and the key.
        instead: member of the update -> parameter of this call that takes it. A statement that changes both the
            state and such a member is ambiguous; it is refused, and the message shows the EXEC to write.
    """

    method: str
    from_: tuple[str, ...]
    desired: str = ""
    reason: str = ""
    send: tuple[SentParameter, ...] = ()
    instead: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DesiredStateRule:
    """`desired:`: columns whose update is a transition.

    Attributes:
        column: holds the state to reach.
        reason: holds the reason; empty if there is none.
        by: the transitions.
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

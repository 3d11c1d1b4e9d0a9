"""The methods of a table: what its statements call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from sqlprov.records import dataclass

from .packing import Packing
from .shapes import Shape

TAG_SPECIFICATIONS = "TagSpecifications"
"""The parameter that takes tags for each type of resource that a call creates."""


@dataclass(frozen=True)
class RowText:
    """A constant that holds values of the row, such as `{region}`.

    Attributes:
        text: with a placeholder for each value.
        allowed: the values that the parameter takes; empty if any text is allowed.
    """

    text: str
    allowed: tuple[str, ...] = ()

    def fill(self, row: Mapping[str, str]) -> str | None:
        """The text for a row; `None` if the parameter does not take it: us-east-1 is no LocationConstraint."""
        text = self.text.format(**row)
        return text if not self.allowed or text in self.allowed else None


@dataclass(frozen=True)
class Nesting:
    """The parameter that takes the members of the row, such as `ChangeBatch.Changes.ResourceRecordSet` (`into:`).

    Attributes:
        path: the members that lead to it.
        lists: those of them that are lists, of one element here.
        members: the members of the row.
        outer: those of them that the call requires beside the path, too, such as a name.
        is_whole: whether a call replaces the whole row; otherwise only the members sent.
    """

    path: tuple[str, ...]
    lists: frozenset[str]
    members: frozenset[str]
    outer: frozenset[str]
    is_whole: bool

    def nest(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """`values` with the members of the row in their place."""
        inner: Any = {name: value for name, value in values.items() if name in self.members}
        for member in reversed(self.path):
            inner = {member: [inner] if member in self.lists else inner}
        kept = {n: v for n, v in values.items() if n not in self.members or n in self.outer}
        return {**kept, **inner}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a method.

    Attributes:
        name, shape, required: from the model.
        column: the column that holds its value; empty if none does.
    """

    name: str
    shape: str
    required: bool
    column: str = ""


@dataclass(frozen=True)
class Method:
    """An operation on a table.

    Attributes:
        name: as SHOW METHODS lists it: `create_resource`, …, or an EXEC name such as `stop`.
        verb: SELECT, INSERT, UPDATE, DELETE or EXEC.
        call: API operation.
        required: required parameters of the statement, as SHOW METHODS lists them (`Name`, …, `region`).
        until: states that AWAIT waits for; ("missing",) for a delete.
        permissions: IAM actions, `<service>:<call>` first.
        parameters: the call's parameters in the model's order.
        via: the busy state between the call and `until`; empty if there is none.
        input_shape: what a statement can give: the call's input without what `send` gives, and with the members of
            the row instead of the parameter that takes them. Tokens are not required.
        send: what every call sends beside the values of the statement; a text may be a `RowText`.
        nesting: where the call takes the members of the row; `None` if they are its parameters.
        packing: how Cloud Control takes the parameters; `None` for other services.
        document: what a statement can give instead of all parameters, as one JSON object; empty if there is none.
        tag_type: the row's type in `TagSpecifications`, which then take the tags of the statement; otherwise empty.
        tokens: parameters that identify a call among its attempts; each row gets its own.
        arguments: parameters of an update or a delete that always take the value of their column.
        returns: key column that the service sets -> members from the reply of a create to its value; through lists
            of one element.
        attributes: parameter that a create does not take -> the method that sets it afterwards, each with a call.
    """

    name: str
    verb: str
    call: str
    required: tuple[str, ...]
    until: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    via: str = ""
    send: Mapping[str, Any] = field(default_factory=dict)
    nesting: Nesting | None = None
    packing: Packing | None = None
    document: str = ""
    tag_type: str = ""
    tokens: tuple[str, ...] = ()
    arguments: frozenset[str] = frozenset()
    returns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    attributes: Mapping[str, Method] = field(default_factory=dict)
    input_shape: Shape = field(kw_only=True, repr=False, compare=False)

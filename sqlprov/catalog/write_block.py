"""The rules of the `write:` block in, checked against botocore's model, `WriteRules` out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .methods import TableContext
from .service_model import build_shape, to_snake_case
from .shapes import Shape
from .table import DescribeCall, Method
from .write_rules import (
    DeleteRule,
    DesiredStateRule,
    InsertRule,
    SentParameter,
    Transition,
    UpdateRule,
    WriteRules,
)
from .yaml_nodes import Node

ALL = "all"


@dataclass(frozen=True)
class Known:
    """What the rules are checked against.

    Attributes:
        around: the table's columns, key and states.
        methods: all methods, by name.
        described: what Describe returns of a row.
    """

    around: TableContext
    methods: Mapping[str, Method]
    described: Shape

    def check_state(self, node: Node, name: str) -> None:
        """Refuses what is no state, and one that passes by itself: nothing is decided in it."""
        states = self.around.states
        if not states:
            raise node.fail("the table has no states; expected `state:` with the column that holds them")
        if name not in states:
            raise node.unknown("state", name, states)
        if name in self.around.state.busy:
            raise node.fail(f"{name} is under `busy:` and passes by itself; expected a state that stays")

    def parameter(self, node: Node, call: Method, name: str) -> str:
        """The parameter `name` of a call."""
        if name not in call.input_shape.members:
            raise node.unknown(f"parameter of {call.call}", name, call.input_shape.members)
        return name

    def keys(self, call: Method) -> tuple[str, ...]:
        """The parameters of a call that the key fills."""
        return tuple(part.name for part in call.parameters if part.column in self.around.key)


def parse_write_block(
    node: Node | None, around: TableContext, methods: Iterable[Method], describe: DescribeCall | None
) -> WriteRules:
    """What `write:` says beside its calls."""
    row = Shape("", "structure")
    if describe:
        row = build_shape(around.model.operation_model(describe.call).output_shape)
        for member in describe.item:
            row = row.members[member]
    known = Known(around, {method.name: method for method in methods}, row)
    blocks = node.pairs() if node else {}
    insert, update, delete = (
        blocks[name].pairs() if name in blocks else {} for name in ("insert", "update", "delete")
    )
    if "update" in blocks:
        _check_required(blocks["update"], known)
    desired = _desired(blocks["desired"], known) if "desired" in blocks else None
    return WriteRules(
        insert=_insert(insert, known),
        update=UpdateRule(_when(update["when"], known) if "when" in update else {}),
        delete=DeleteRule(_before(delete["before"], known, desired) if "before" in delete else {}),
        desired=desired,
    )


def _insert(block: Mapping[str, Node], known: Known) -> InsertRule:
    ignored: dict[str, str] = {}
    for entry in block["ignored"].items() if "ignored" in block else ():
        create, name = known.methods["create_resource"], entry.text()
        if name in create.input_shape.members:
            raise entry.fail(f"{create.call} takes {name}; expected a property that it does not take")
        if to_snake_case(name) not in known.around.columns:
            words = (
                "".join(part.capitalize() for part in column.split("_")) for column in known.around.columns
            )
            raise entry.unknown("property", name, words)
        ignored[name] = to_snake_case(name)
    notes: dict[str, str] = {}
    for name, text in (block["notes"].pairs() if "notes" in block else {}).items():
        notes[known.parameter(text, known.methods["create_resource"], name)] = text.text()
    return InsertRule(ignored, notes)


def _check_required(node: Node, known: Known) -> None:
    """An update sends what it must from the row as described, so that a column must hold it."""
    update = known.methods["update_resource"]
    for part in update.parameters:
        if part.required and not part.column:
            raise node.pairs()["call"].fail(
                f"{update.call} requires {part.name}, which no column holds; expected a column of its name"
            )


def _when(node: Node, known: Known) -> dict[str, tuple[str, ...]]:
    update = known.methods["update_resource"]
    members = [name for name in update.input_shape.members if name not in known.keys(update)]
    when: dict[str, tuple[str, ...]] = {}
    for state, entries in node.pairs().items():
        known.check_state(entries, state)
        if entries.value == ALL:
            when[state] = tuple(members)
            continue
        for entry in entries.items():
            if entry.text() == ALL:
                raise entry.fail("expected `all` alone, or members that may change")
            _check_path(entry, update.call, update.input_shape, members)
        when[state] = entries.texts()
    return when


def _check_path(node: Node, call: str, shape: Shape, first: Iterable[str]) -> None:
    """Refuses a path that the shape does not have; lists on the way are passed through."""
    at, known = [call], tuple(first)
    for member in node.text().split("."):
        if member not in known:
            raise node.unknown(f"member of {'.'.join(at)}", member, known)
        shape = shape.members[member]
        while shape.item is not None:
            shape = shape.item
        at.append(member)
        known = tuple(shape.members)


def _before(node: Node, known: Known, desired: DesiredStateRule | None) -> dict[str, str]:
    moves = {move.method: move for move in desired.by} if desired else {}
    before: dict[str, str] = {}
    for state, method in node.pairs().items():
        known.check_state(method, state)
        if method.text() not in moves:
            raise method.unknown("method of desired", method.text(), moves)
        if state not in moves[method.text()].from_:
            raise method.fail(
                f"{method.text()} is not called in state {state}; expected it under its `from:`"
            )
        before[state] = method.text()
    return before


def _desired(node: Node, known: Known) -> DesiredStateRule:
    block = node.block(["column", "by"], ["reason"])
    for name in ("column", "reason"):
        if name in block and block[name].text() not in known.around.columns:
            raise block[name].unknown("column", block[name].text(), known.around.columns)
    execs = [name for name, method in known.methods.items() if method.verb == "EXEC"]
    moves = []
    for name, move in block["by"].pairs().items():
        if name not in execs:
            raise move.unknown("method under exec", name, execs)
        moves.append(_move(move, known.methods[name], known))
    reason = block["reason"].text() if "reason" in block else ""
    return DesiredStateRule(block["column"].text(), reason, tuple(moves))


def _move(node: Node, method: Method, known: Known) -> Transition:
    block = node.block(["from"], ["desired", "reason", "send", "instead"])
    if not method.until:
        raise node.fail(f"exec {method.name!r} says no `until:`; expected the states that it leads to")
    for state in block["from"].texts():
        known.check_state(block["from"], state)
    said = {
        name: known.parameter(block[name], method, block[name].text()) if name in block else ""
        for name in ("desired", "reason")
    }
    send = tuple(
        _sent(name, value, method, known)
        for name, value in (block["send"].pairs() if "send" in block else {}).items()
    )
    filled = {*known.keys(method), said["desired"], *(sent.parameter for sent in send)}
    for parameter in method.input_shape.required:
        if parameter not in filled:
            raise node.fail(f"{method.call} requires {parameter}; expected it under `send:`")
    instead: dict[str, str] = {}
    for member, takes in (block["instead"].pairs() if "instead" in block else {}).items():
        if "update_resource" not in known.methods:
            raise takes.fail("expected `update:` beside `desired:`, whose members these are")
        known.parameter(takes, known.methods["update_resource"], member)
        instead[member] = known.parameter(takes, method, takes.text())
    return Transition(method.name, block["from"].texts(), said["desired"], said["reason"], send, instead)


def _sent(name: str, node: Node, method: Method, known: Known) -> SentParameter:
    shape = method.input_shape.members[known.parameter(node, method, name)]
    if isinstance(node.value, str):
        _check_enum(node, shape)
        return SentParameter(name, node.text())
    pairs = node.pairs()
    if shape.value is None:
        raise node.fail(f"expected a text for {name}, which is no map")
    if len(pairs) != 1:
        raise node.fail(f"expected one `Member.Of.The.Row: value` for {name}, found several")
    ((path, value),) = pairs.items()
    _check_path(Node(node.file, value.line, path), "the row", known.described, known.described.members)
    _check_enum(value, shape.value)
    return SentParameter(name, value.text(), tuple(path.split(".")))


def _check_enum(node: Node, shape: Shape) -> None:
    if shape.constraint.enum and node.text() not in shape.constraint.enum:
        raise node.unknown(f"value of {shape.name}", node.text(), shape.constraint.enum)

"""The state to reach and the state as described in, the call that leads there out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlprov.catalog.shapes import Shape
from sqlprov.catalog.table import Table
from sqlprov.catalog.write_rules import Transition
from sqlprov.errors import suggest
from sqlprov.plan.write.steps import Request, RowWrite, Snapshot, build_key_parameters


def list_transitions(table: Table) -> tuple[Transition, ...]:
    """The moves that the table declares."""
    return table.write.desired.by if table.write.desired else ()


def find_transition(table: Table, state: str) -> Transition | None:
    """The move that leads to a state."""
    return next(
        (move for move in list_transitions(table) if state in table.by_method[move.method].until), None
    )


def get_reason_shape(table: Table) -> Shape:
    """What the service accepts as a reason."""
    inputs = (
        table.by_method[move.method].input_shape.members[move.reason]
        for move in list_transitions(table)
        if move.reason
    )
    return next(inputs, Shape("", "string"))


def check_desired_state(table: Table, desired: str) -> str:
    """What is wrong with a state to reach, whatever the row; empty if a row can be in it."""
    states = table.by_name[table.state.column].constraint.enum if table.state.column else ()
    ends = [end for move in list_transitions(table) for end in table.by_method[move.method].until]
    if not states or desired in states or desired in ends:
        return ""
    return f"{desired!r}; expected {' or '.join(map(repr, ends))}.{suggest(desired, ends)}"


def has_transition(table: Table, done: tuple[Request, ...]) -> bool:
    """Whether one of the requests was a move."""
    return any(request.purpose == move.method for request in done for move in list_transitions(table))


def is_final(table: Table, state: str) -> bool:
    """Whether nothing can be changed in a state, nor in those that it passes to by itself."""
    if state in table.state.busy:
        return state in table.next_states and all(is_final(table, end) for end in table.next_states[state])
    when = table.write.update.when
    updated = "update_resource" in table.by_method and (state in when or not when)
    return state == "missing" or not (updated or any(state in move.from_ for move in list_transitions(table)))


def build_transition(
    write: RowWrite, now: Snapshot, move: Transition, state: str, reason: str | None = None
) -> Request:
    """The call of a move: the key, the state and reason it takes, and what it always sends."""
    method = write.table.by_method[move.method]
    parameters = build_key_parameters(write, method)
    for sent in move.send:
        keys = _values(now.described, sent.each)
        parameters[sent.parameter] = dict.fromkeys(keys, sent.value) if sent.each else sent.value
    if move.desired:
        parameters[move.desired] = state
    if move.reason and reason is not None:
        parameters[move.reason] = reason
    return Request(method.call, write.region, parameters, move.method)


def format_exec(write: RowWrite, method: str, parameters: Mapping[str, Any]) -> str:
    """The EXEC statement that makes a call."""
    given = {**parameters, "region": write.region}
    written = ", ".join(f"@{name} = {_literal(value)}" for name, value in given.items())
    return f"EXEC {write.table.full_name}.{method} {written}"


def _literal(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return "'" + text.replace("'", "''") + "'"


def _values(value: Any, path: tuple[str, ...]) -> list[str]:
    """All values at a path that leads through lists."""
    if isinstance(value, list | tuple):
        return [found for item in value for found in _values(item, path)]
    if not path:
        return [] if value is None else [str(value)]
    return _values(value.get(path[0]), path[1:]) if isinstance(value, Mapping) else []

"""Builds the calls that move a row to a desired state."""

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
    """The transitions that the table declares."""
    return table.write.desired.by if table.write.desired else ()


def find_transition(table: Table, state: str) -> Transition | None:
    """The transition that leads to a state."""
    return next(
        (each for each in list_transitions(table) if state in table.by_method[each.method].until), None
    )


def get_reason_shape(table: Table) -> Shape:
    """The shape of a reason."""
    shapes = (
        table.by_method[each.method].input_shape.members[each.reason]
        for each in list_transitions(table)
        if each.reason
    )
    return next(shapes, Shape("", "string"))


def check_desired_state(table: Table, desired: str) -> str:
    """The problem with a desired state; empty if a row can reach it."""
    states = table.by_name[table.state.column].constraint.enum if table.state.column else ()
    ends = [end for each in list_transitions(table) for end in table.by_method[each.method].until]
    if not states or desired in states or desired in ends:
        return ""
    return f"{desired!r}; expected {' or '.join(map(repr, ends))}.{suggest(desired, ends)}"


def has_transition(table: Table, done: tuple[Request, ...]) -> bool:
    """Whether one of the requests is a transition."""
    return any(request.purpose == each.method for request in done for each in list_transitions(table))


def is_final(table: Table, state: str) -> bool:
    """Whether nothing can be changed in a state or in the states that follow it automatically."""
    if state in table.state.busy:
        return state in table.next_states and all(is_final(table, end) for end in table.next_states[state])
    when = table.write.update.when
    can_update = "update_resource" in table.by_method and (state in when or not when)
    return state == "missing" or not (
        can_update or any(state in each.from_ for each in list_transitions(table))
    )


def build_transition(
    write: RowWrite, now: Snapshot, transition: Transition, state: str, reason: str | None = None
) -> Request:
    """The call of a transition: the key, the state and reason it takes, and the parameters it always sends."""
    method = write.table.by_method[transition.method]
    parameters = build_key_parameters(write, method)
    for sent in transition.send:
        keys = _collect_values(now.described, sent.each)
        parameters[sent.parameter] = dict.fromkeys(keys, sent.value) if sent.each else sent.value
    if transition.desired:
        parameters[transition.desired] = state
    if transition.reason and reason is not None:
        parameters[transition.reason] = reason
    return Request(method.call, write.region, parameters, transition.method)


def format_exec(write: RowWrite, method: str, parameters: Mapping[str, Any]) -> str:
    """The EXEC statement that makes a call."""
    assignments = {**parameters, "region": write.region}
    text = ", ".join(f"@{name} = {_format_literal(value)}" for name, value in assignments.items())
    return f"EXEC {write.table.full_name}.{method} {text}"


def _format_literal(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return "'" + text.replace("'", "''") + "'"


def _collect_values(value: Any, path: tuple[str, ...]) -> list[str]:
    """All values at a path that leads through lists."""
    if isinstance(value, list | tuple):
        return [each for item in value for each in _collect_values(item, path)]
    if not path:
        return [] if value is None else [str(value)]
    return _collect_values(value.get(path[0]), path[1:]) if isinstance(value, Mapping) else []

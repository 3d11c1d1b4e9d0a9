"""Predicts the calls and states of a write without making a call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlprov.catalog.table import Table
from sqlprov.plan.write.next_step import next_step
from sqlprov.plan.write.steps import Refusal, Request, RowWrite, Snapshot, Wait, find_method
from sqlprov.plan.write.transitions import list_transitions
from sqlprov.records import dataclass

_GONE = "missing"
_MAX_STATES = 20
Prediction = tuple[list[Request], list[str], Refusal | None]


def simulate(write: RowWrite, now: Snapshot | None) -> Prediction:
    """The steps of a write if every call is accepted and nobody else writes.

    If a state can lead to several others, the first from which the write succeeds is taken.

    Returns:
        (calls, states, refusal): the states in their order, the described one first; the last may have the
        form `Created or Running`. The refusal is `None` if the write succeeds.
    """
    state = now.get_state(write.table) if now else ""
    return _simulate_steps(write, _SimulatedRow(now, (), (state,) if state else ()))


@dataclass(frozen=True)
class _SimulatedRow:
    """The predicted row.

    Attributes:
        now, done: arguments of `next_step`.
        path: the states so far.
        next_state: the state after the last one, if a call caused it.
    """

    now: Snapshot | None
    done: tuple[Request, ...]
    path: tuple[str, ...]
    next_state: str = ""

    def enter(self, table: Table, state: str, next_state: str = "") -> _SimulatedRow:
        """The row in another state."""
        now = None if state == _GONE else self.now
        if now and table.state.column:
            now = replace(now, described=_replace(now.described, table.paths[table.state.column], state))
        return replace(self, now=now, path=(*self.path, state), next_state=next_state)


def _simulate_steps(write: RowWrite, row: _SimulatedRow) -> Prediction:
    table = write.table
    step = next_step(write, row.now, row.done)
    if isinstance(step, Request):
        return _simulate_steps(write, _apply(write, replace(row, done=(*row.done, step)), step))
    if isinstance(step, Wait) and row.now and len(row.path) < _MAX_STATES:
        ends = (row.next_state,) if row.next_state else _list_next_states(table, row.path[-1])
        predictions = [_simulate_steps(write, row.enter(table, end)) for end in ends]
        return next((each for each in predictions if each[2] is None), predictions[0])
    path = (*row.path, row.next_state) if row.next_state else row.path
    return list(row.done), list(path), step if isinstance(step, Refusal) else None


def _apply(write: RowWrite, row: _SimulatedRow, request: Request) -> _SimulatedRow:
    """The row after a call."""
    table = write.table
    method = find_method(write, request)
    if method is None or not (method.until and (table.state.column or method.until == (_GONE,))):
        return row
    state = " or ".join(method.until)
    if request.purpose == "update" and row.path and row.path[-1] in method.until:
        state = row.path[-1]
    for transition in list_transitions(table):
        if transition.method == method.name and request.parameters.get(transition.desired) in method.until:
            state = request.parameters[transition.desired]
    return row.enter(table, method.via, state) if method.via else row.enter(table, state)


def _list_next_states(table: Table, state: str) -> tuple[str, ...]:
    """The states after a busy one; if the model does not say, the states in which an update or a create ends."""
    ends = [
        table.by_method[name].until
        for name in ("update_resource", "create_resource")
        if name in table.by_method
    ]
    return table.next_states.get(state) or next((end for end in ends if end), (_GONE,))


def _replace(described: Any, path: tuple[str, ...], value: str) -> dict[str, Any]:
    """A copy of the row with another value at `path`."""
    inner = _replace(described.get(path[0]) or {}, path[1:], value) if len(path) > 1 else value
    return {**described, path[0]: inner}

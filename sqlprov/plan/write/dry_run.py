"""A write and the row as described in; the calls it would make and the states on the way out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlprov.catalog.table import Method, Table
from sqlprov.plan.write.next_step import next_step
from sqlprov.plan.write.steps import Refusal, Request, RowWrite, Snapshot, Wait
from sqlprov.plan.write.transitions import list_transitions

_GONE = "missing"


def simulate(write: RowWrite, now: Snapshot | None) -> tuple[list[Request], list[str], Refusal | None]:
    """The steps of a write if every call is accepted and nobody else writes.

    A state that may pass to several is followed to the first from which the write goes through.

    Returns:
        (calls, states, refusal): states in their order, beginning with the one described; the last may be of the
        form `Created or Running`. `None` if nothing is refused.
    """
    state = now.state(write.table) if now else ""
    return _walk(write, _Scene(now, (), (state,) if state else ()))


@dataclass(frozen=True)
class _Scene:
    """The row as it would be.

    Attributes:
        now, done: as `next_step` takes them.
        path: the states so far.
        then: where the last state leads, if a call brought it about.
    """

    now: Snapshot | None
    done: tuple[Request, ...]
    path: tuple[str, ...]
    then: str = ""

    def passed(self, table: Table, state: str, then: str = "") -> _Scene:
        """The scene with the row in another state."""
        now = None if state == _GONE else self.now
        if now and table.state.column:
            now = replace(now, described=_put(now.described, table.by_name[table.state.column].path, state))
        return replace(self, now=now, path=(*self.path, state), then=then)


def _walk(write: RowWrite, scene: _Scene) -> tuple[list[Request], list[str], Refusal | None]:
    table = write.table
    step = next_step(write, scene.now, scene.done)
    if isinstance(step, Request):
        return _walk(write, _called(write, replace(scene, done=(*scene.done, step)), step))
    if isinstance(step, Wait) and scene.now and len(scene.path) < 20:
        ends = (scene.then,) if scene.then else _leads(table, scene.path[-1])
        tried = [_walk(write, scene.passed(table, end)) for end in ends]
        return next((one for one in tried if one[2] is None), tried[0])
    path = (*scene.path, scene.then) if scene.then else scene.path
    return list(scene.done), list(path), step if isinstance(step, Refusal) else None


def _called(write: RowWrite, scene: _Scene, request: Request) -> _Scene:
    """The scene after a call."""
    table = write.table
    method = _method(write, request)
    if method is None or not (method.until and (table.state.column or method.until == (_GONE,))):
        return scene
    then = " or ".join(method.until)
    if request.purpose == "update" and scene.path and scene.path[-1] in method.until:
        then = scene.path[-1]
    for move in list_transitions(table):
        if move.method == method.name and request.parameters.get(move.desired) in method.until:
            then = request.parameters[move.desired]
    return scene.passed(table, method.via, then) if method.via else scene.passed(table, then)


def _method(write: RowWrite, request: Request) -> Method | None:
    """The method that makes a call; tags have none."""
    if write.called and request.purpose in ("create", "update", "delete", "exec"):
        return write.called
    return write.table.by_method.get(request.purpose)


def _leads(table: Table, state: str) -> tuple[str, ...]:
    """Where a state leads; one that no call brings about ends where an update would, or a create."""
    ends = [
        table.by_method[name].until
        for name in ("update_resource", "create_resource")
        if name in table.by_method
    ]
    return table.next_states.get(state) or next((end for end in ends if end), (_GONE,))


def _put(described: Any, path: tuple[str, ...], value: str) -> dict[str, Any]:
    """A copy of the row with another value at `path`."""
    inside = _put(described.get(path[0]) or {}, path[1:], value) if len(path) > 1 else value
    return {**described, path[0]: inside}

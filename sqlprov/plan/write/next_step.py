"""One row's write and the row as last described in, its next step out; whoever made the call asks again.

`update` decides on UPDATE, `rehearse` shows the steps without making them, `verdict` tells what a call did whose
answer was lost.
"""

from __future__ import annotations

from sqlprov.plan.write.steps import (
    Refusal,
    Request,
    RowWrite,
    Snapshot,
    Step,
    Success,
    Wait,
    WriteKind,
    build_key_parameters,
)
from sqlprov.plan.write.transitions import build_transition, has_transition, list_transitions
from sqlprov.plan.write.update import next_update_step


def next_step(write: RowWrite, now: Snapshot | None, done: tuple[Request, ...]) -> Step:
    """What happens to the row next.

    Args:
        write: what the statement asks of the row.
        now: the row as last described; `None` if it does not exist. EXEC needs none, INSERT none but to refuse early.
        done: the calls of this row that the service acknowledged, in their order.
    """
    if write.kind is WriteKind.UPDATE:
        return next_update_step(write, now, done)
    method = write.called
    if method is None:
        return Refusal(f"{write.table.full_name} has no {write.method or write.kind.value}")
    if any(request.operation == method.call for request in done):
        return Success("; ".join(_notes(write)))
    if write.kind is WriteKind.DELETE:
        return _delete(write, now, done)
    if write.kind is WriteKind.EXEC:
        return Request(method.call, write.region, dict(write.values), "exec")
    if now is not None:
        return Refusal(f"{write.shown} exists already")
    ignored = write.table.write.insert.ignored
    parameters = {name: value for name, value in write.values.items() if name not in ignored}
    return Request(method.call, write.region, parameters, "create")


def _notes(write: RowWrite) -> tuple[str, ...]:
    """What to tell of a write that went well: what INSERT left out, and what the service does without it."""
    if write.kind is not WriteKind.INSERT:
        return write.notes
    rule = write.table.write.insert
    left_out = [name for name in rule.ignored if write.values.get(name) is not None]
    told = (
        f"{' and '.join(left_out)} {'is' if len(left_out) == 1 else 'are'} not sent by INSERT; UPDATE does it"
    )
    absent = [note for name, note in rule.notes.items() if write.values.get(name) is None]
    return (*write.notes, *([told] if left_out else []), *absent)


def _delete(write: RowWrite, now: Snapshot | None, done: tuple[Request, ...]) -> Step:
    table = write.table
    if now is None:
        return Success("" if done else "it was gone already")
    state, before = now.state(table), table.write.delete.before
    if has_transition(table, done) and (state in before or state in table.state.busy):
        # A read may be older than the call: the state it stopped in does not mean that it did not stop.
        return Wait((*before, *table.state.busy))
    if state in table.state.busy:
        return Wait(table.state.busy)
    if state in before:
        move = next(move for move in list_transitions(table) if move.method == before[state])
        return build_transition(write, now, move, table.by_method[move.method].until[0])
    method = table.by_method["delete_resource"]
    return Request(method.call, write.region, build_key_parameters(write, method), "delete")

"""Decides the next step of a row's write from the latest snapshot of the row."""

from __future__ import annotations

from collections.abc import Iterator

from sqlprov.catalog.method import Method
from sqlprov.catalog.methods import ATTRIBUTE_VALUE
from sqlprov.plan.write.diff import is_empty
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
    """The next step of a write.

    Args:
        write: the requested write of the row.
        now: the row as last described; `None` if it does not exist. EXEC ignores it; INSERT fails early on it.
        done: the acknowledged calls for this row, in order.
    """
    if write.kind is WriteKind.UPDATE:
        return next_update_step(write, now, done)
    method = write.api_method
    if method is None:
        return Refusal(f"{write.table.full_name} has no {write.method or write.kind.value}")
    if any(request.operation == method.call for request in done):
        return next(_list_attributes(write, method, done), Success("; ".join(_list_notes(write))))
    if write.kind is WriteKind.DELETE:
        return _next_delete_step(write, now, done)
    if write.kind is WriteKind.EXEC:
        return Request(method.call, write.region, dict(write.values), "exec")
    if now is not None:
        state, delete = now.get_state(write.table), write.table.by_method.get("delete_resource")
        if state and delete and state == delete.via:
            return Refusal(f"{write.label} is {state}; DELETE with /*+ AWAIT */ waits until a row is gone")
        if write.skips_existing:
            return Success("it already exists")
        return Refusal(f"{write.label} already exists{f'; it is {state}' if state else ''}")
    later = {*write.table.write.insert.ignored, *method.attributes}
    parameters = {name: value for name, value in write.values.items() if name not in later}
    return Request(method.call, write.region, parameters, "create")


def _list_attributes(write: RowWrite, create: Method, done: tuple[Request, ...]) -> Iterator[Request]:
    """The calls that set what the create does not take, a parameter each."""
    for name, setter in create.attributes.items():
        if name in write.values:
            members = setter.input_shape.members[name].members
            value = (
                {ATTRIBUTE_VALUE: write.values[name]} if ATTRIBUTE_VALUE in members else write.values[name]
            )
            request = Request(
                setter.call, write.region, {**build_key_parameters(write, setter), name: value}, "attribute"
            )
            if request not in done:
                yield request


def _list_notes(write: RowWrite) -> tuple[str, ...]:
    """Remarks on a successful write: values that INSERT does not send, and the service's defaults for missing
    ones."""
    if write.kind is not WriteKind.INSERT:
        return write.notes
    rule = write.table.write.insert
    ignored = [name for name in rule.ignored if write.values.get(name) is not None]
    them = "it" if len(ignored) == 1 else "them"
    note = f"INSERT does not send {' and '.join(ignored)}; UPDATE sets {them}"
    absent = [note for name, note in rule.notes.items() if write.values.get(name) is None]
    return (*write.notes, *([note] if ignored else []), *absent)


def _next_delete_step(write: RowWrite, now: Snapshot | None, done: tuple[Request, ...]) -> Step:
    table = write.table
    if now is None:
        return Success("" if done else "it was already gone")
    state, before = now.get_state(table), table.write.delete.before
    if state in table.by_method["delete_resource"].until:
        return Success("" if done else f"it was already {state}")
    if has_transition(table, done) and (state in before or state in table.state.busy):
        # A read may be older than the stop: the old state does not mean that the stop had no effect.
        return Wait((*before, *table.state.busy))
    if state in table.state.busy:
        return Wait(table.state.busy)
    if state in before:
        transition = next(each for each in list_transitions(table) if each.method == before[state])
        return build_transition(write, now, transition, table.by_method[transition.method].until[0])
    method = table.by_method["delete_resource"]
    parameters = build_key_parameters(write, method)
    for part in method.parameters:
        value = now.get_column(table, part.column)
        # With a nesting, the service compares the whole row.
        is_sent = method.nesting or part.required or part.name in method.arguments
        if is_sent and part.name not in parameters and not is_empty(value):
            parameters[part.name] = value
    return Request(method.call, write.region, parameters, "delete")

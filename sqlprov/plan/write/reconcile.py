"""A call whose answer was lost, and the row before and after it, in; whether it happened out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from sqlprov.catalog.table import Method, Table
from sqlprov.catalog.write_rules import Transition
from sqlprov.plan.write.diff import diff_parameters, drop_reserved, parse_tags, parse_time
from sqlprov.plan.write.steps import Request, Snapshot
from sqlprov.plan.write.transitions import list_transitions


class CallEffect(Enum):
    """What is known of the call.

    After a create that DID_NOT, a row that is there is somebody else's, and none means that it may be tried again.
    """

    APPLIED = "happened"
    NOT_APPLIED = "did not"
    UNKNOWN = "unknown"
    PENDING = "wait"  # the row is in a state that passes: judge again when it has


def reconcile(
    table: Table, request: Request, before: Snapshot | None, after: Snapshot | None, began: datetime
) -> CallEffect:
    """Whether a call took effect.

    Args:
        table: the table.
        request: the call.
        before: the row before it; `None` if there was none or nobody looked.
        after: the row now; `None` if there is none.
        began: when the statement certainly had not begun, by the service's clock; what is older is not ours.
    """
    if request.purpose == "create":
        return _created(table, request, after, began)
    if request.purpose == "delete":
        return _deleted(table, before, after)
    if after is None or (before and _replaced(table, before, after)):
        return CallEffect.UNKNOWN
    if request.purpose in ("tag", "untag"):
        return _tagged(table, request, after)
    if request.purpose == "update":
        return _updated(table, request, before, after)
    for move in list_transitions(table):
        if table.by_method[move.method].call == request.operation:
            return _moved(table, move, request, before, after)
    return CallEffect.UNKNOWN


def _created(table: Table, request: Request, after: Snapshot | None, began: datetime) -> CallEffect:
    if after is None:
        return CallEffect.NOT_APPLIED
    create = table.by_method["create_resource"]
    born = after.value(table, "creation_time") if "creation_time" in table.by_name else None
    if born is not None and parse_time(born) < began:
        return CallEffect.NOT_APPLIED
    paths = diff_parameters(table, create, request.parameters, after)
    if not paths:
        return CallEffect.APPLIED if born is not None else CallEffect.UNKNOWN
    # An optional member may come back in another form (a key's id as its ARN): it proves nothing.
    fixed = {name for name in table.create_only if name in create.input_shape.required}
    return (
        CallEffect.NOT_APPLIED
        if any(path.partition(".")[0] in fixed for path in paths)
        else CallEffect.UNKNOWN
    )


def _deleted(table: Table, before: Snapshot | None, after: Snapshot | None) -> CallEffect:
    if after is None or (before and _replaced(table, before, after)):
        return CallEffect.APPLIED
    if table.next_states.get(after.state(table)) == ("missing",):
        return CallEffect.APPLIED
    return CallEffect.NOT_APPLIED if before else CallEffect.UNKNOWN


def _updated(table: Table, request: Request, before: Snapshot | None, after: Snapshot) -> CallEffect:
    update = table.by_method["update_resource"]
    sent = request.parameters
    if before is None:
        return CallEffect.UNKNOWN if diff_parameters(table, update, sent, after) else CallEffect.APPLIED
    changed = {path.partition(".")[0] for path in diff_parameters(table, update, sent, before)}
    unseen = not changed and any(part.name in sent and not part.column for part in update.parameters)
    changed = changed or set(sent)  # only a member inside a structure was left out
    as_before = all(
        not diff_parameters(table, update, _sendable(table, update, changed, one), other)
        for one, other in ((before, after), (after, before))
    )
    if not as_before:
        return CallEffect.UNKNOWN if diff_parameters(table, update, sent, after) else CallEffect.APPLIED
    if after.state(table) in table.state.busy:
        return CallEffect.PENDING
    return CallEffect.UNKNOWN if unseen else CallEffect.NOT_APPLIED


def _moved(
    table: Table, move: Transition, request: Request, before: Snapshot | None, after: Snapshot
) -> CallEffect:
    method, state = table.by_method[move.method], after.state(table)
    if before and before.state(table) not in move.from_:
        return CallEffect.UNKNOWN
    wanted = request.parameters.get(move.desired) if move.desired else None
    if state == method.via:
        return CallEffect.APPLIED if len(method.until) == 1 else CallEffect.PENDING
    if state in method.until:
        return CallEffect.APPLIED if wanted in (None, state) else CallEffect.NOT_APPLIED
    if state in move.from_:
        return CallEffect.NOT_APPLIED
    return CallEffect.PENDING if state in table.state.busy else CallEffect.UNKNOWN


def _tagged(table: Table, request: Request, after: Snapshot) -> CallEffect:
    """A part that is missing means that the rest is to be sent: the next step sends no more than that."""
    call = table.tags
    if call is None or after.tags is None:
        return CallEffect.UNKNOWN
    if request.purpose == "untag":
        there = any(key in after.tags for key in request.parameters[call.keys])
        return CallEffect.NOT_APPLIED if there else CallEffect.APPLIED
    sent = drop_reserved(parse_tags(request.parameters[call.items]))
    return CallEffect.APPLIED if sent.items() <= after.tags.items() else CallEffect.NOT_APPLIED


def _replaced(table: Table, before: Snapshot, after: Snapshot) -> bool:
    """Whether the row is another one of the same name."""
    if "creation_time" not in table.by_name:
        return False
    first, second = before.value(table, "creation_time"), after.value(table, "creation_time")
    return (
        None not in (first, second) and abs((parse_time(first) - parse_time(second)).total_seconds()) >= 0.001
    )


def _sendable(table: Table, method: Method, members: set[str], found: Snapshot) -> Mapping[str, Any]:
    """The described values of members as a call would take them."""
    return {part.name: found.value(table, part.column) for part in method.parameters if part.name in members}

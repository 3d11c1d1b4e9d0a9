"""A call whose answer was lost, and the row before and after it, in; whether it happened out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from sqlprov.catalog.rules import Move
from sqlprov.catalog.table import Method, Table
from sqlprov.plan.write.diff import differing, moment, own, tag_map
from sqlprov.plan.write.steps import Found, Request
from sqlprov.plan.write.transitions import moves


class Verdict(Enum):
    """What is known of the call.

    After a create that DID_NOT, a row that is there is somebody else's, and none means that it may be tried again.
    """

    HAPPENED = "happened"
    DID_NOT = "did not"
    UNKNOWN = "unknown"
    WAIT = "wait"  # the row is in a state that passes: judge again when it has


def verdict(
    table: Table, request: Request, before: Found | None, after: Found | None, began: datetime
) -> Verdict:
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
        return Verdict.UNKNOWN
    if request.purpose in ("tag", "untag"):
        return _tagged(table, request, after)
    if request.purpose == "update":
        return _updated(table, request, before, after)
    for move in moves(table):
        if table.by_method[move.method].call == request.operation:
            return _moved(table, move, request, before, after)
    return Verdict.UNKNOWN


def _created(table: Table, request: Request, after: Found | None, began: datetime) -> Verdict:
    if after is None:
        return Verdict.DID_NOT
    create = table.by_method["create_resource"]
    born = after.value(table, "creation_time") if "creation_time" in table.by_name else None
    if born is not None and moment(born) < began:
        return Verdict.DID_NOT
    paths = differing(table, create, request.parameters, after)
    if not paths:
        return Verdict.HAPPENED if born is not None else Verdict.UNKNOWN
    # An optional member may come back in another form (a key's id as its ARN): it proves nothing.
    fixed = {name for name in table.create_only if name in create.input.required}
    return Verdict.DID_NOT if any(path.partition(".")[0] in fixed for path in paths) else Verdict.UNKNOWN


def _deleted(table: Table, before: Found | None, after: Found | None) -> Verdict:
    if after is None or (before and _replaced(table, before, after)):
        return Verdict.HAPPENED
    if table.leads.get(after.state(table)) == ("missing",):
        return Verdict.HAPPENED
    return Verdict.DID_NOT if before else Verdict.UNKNOWN


def _updated(table: Table, request: Request, before: Found | None, after: Found) -> Verdict:
    update = table.by_method["update_resource"]
    sent = request.parameters
    if before is None:
        return Verdict.UNKNOWN if differing(table, update, sent, after) else Verdict.HAPPENED
    changed = {path.partition(".")[0] for path in differing(table, update, sent, before)}
    unseen = not changed and any(part.name in sent and not part.column for part in update.inputs)
    changed = changed or set(sent)  # only a member inside a structure was left out
    as_before = all(
        not differing(table, update, _sendable(table, update, changed, one), other)
        for one, other in ((before, after), (after, before))
    )
    if not as_before:
        return Verdict.UNKNOWN if differing(table, update, sent, after) else Verdict.HAPPENED
    if after.state(table) in table.busy:
        return Verdict.WAIT
    return Verdict.UNKNOWN if unseen else Verdict.DID_NOT


def _moved(table: Table, move: Move, request: Request, before: Found | None, after: Found) -> Verdict:
    method, state = table.by_method[move.method], after.state(table)
    if before and before.state(table) not in move.from_:
        return Verdict.UNKNOWN
    wanted = request.parameters.get(move.desired) if move.desired else None
    if state == method.via:
        return Verdict.HAPPENED if len(method.until) == 1 else Verdict.WAIT
    if state in method.until:
        return Verdict.HAPPENED if wanted in (None, state) else Verdict.DID_NOT
    if state in move.from_:
        return Verdict.DID_NOT
    return Verdict.WAIT if state in table.busy else Verdict.UNKNOWN


def _tagged(table: Table, request: Request, after: Found) -> Verdict:
    """A part that is missing means that the rest is to be sent: the next step sends no more than that."""
    call = table.tags
    if call is None or after.tags is None:
        return Verdict.UNKNOWN
    if request.purpose == "untag":
        there = any(key in after.tags for key in request.parameters[call.keys])
        return Verdict.DID_NOT if there else Verdict.HAPPENED
    sent = own(tag_map(request.parameters[call.items]))
    return Verdict.HAPPENED if sent.items() <= after.tags.items() else Verdict.DID_NOT


def _replaced(table: Table, before: Found, after: Found) -> bool:
    """Whether the row is another one of the same name."""
    if "creation_time" not in table.by_name:
        return False
    first, second = before.value(table, "creation_time"), after.value(table, "creation_time")
    return None not in (first, second) and abs((moment(first) - moment(second)).total_seconds()) >= 0.001


def _sendable(table: Table, method: Method, members: set[str], found: Found) -> Mapping[str, Any]:
    """The described values of members as a call would take them."""
    return {part.name: found.value(table, part.column) for part in method.inputs if part.name in members}

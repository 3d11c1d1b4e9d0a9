"""Decides whether a call with a lost response took effect, from the row before and after it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from sqlprov.catalog.columns import TAGS
from sqlprov.catalog.method import Method
from sqlprov.catalog.methods import MISSING
from sqlprov.catalog.table import Table
from sqlprov.catalog.write_rules import Transition
from sqlprov.plan.write.diff import diff_parameters, drop_reserved, parse_tags, select_readable
from sqlprov.plan.write.steps import Request, Snapshot
from sqlprov.plan.write.transitions import list_transitions


class CallEffect(Enum):
    """The known effect of a call.

    After a create that was NOT_APPLIED, an existing row is somebody else's; without a row, the create may be retried.
    """

    APPLIED = "applied"
    NOT_APPLIED = "not applied"
    UNKNOWN = "unknown"
    PENDING = "pending"  # the row is in a transient state: decide again when it has passed


def reconcile(
    table: Table,
    request: Request,
    before: Snapshot | None,
    after: Snapshot | None,
    began: datetime,
    is_ours: bool | None = None,
) -> CallEffect:
    """Whether a call took effect.

    Args:
        table: the table.
        request: the call.
        before: the row before the call; `None` if it did not exist or was not read.
        after: the row now; `None` if it does not exist.
        began: a time before the statement began, on the service's clock; older rows are not ours.
        is_ours: of a create, whether the row has the tag of the request; `None` if none was sent.
    """
    if request.purpose == "create":
        return _reconcile_create(table, request, after, began, is_ours)
    if request.purpose == "delete":
        return _reconcile_delete(table, before, after)
    if after is None or (before and _is_replaced(table, before, after)):
        return CallEffect.UNKNOWN
    if request.purpose == "attribute":
        return CallEffect.NOT_APPLIED  # set once more, it is as it was
    if request.purpose in ("tag", "untag"):
        return _reconcile_tags(table, request, after)
    if request.purpose == "update":
        return _reconcile_update(table, request, before, after)
    for transition in list_transitions(table):
        if table.by_method[transition.method].call == request.operation:
            return _reconcile_transition(table, transition, request, before, after)
    return CallEffect.UNKNOWN


def _reconcile_create(
    table: Table, request: Request, after: Snapshot | None, began: datetime, is_ours: bool | None
) -> CallEffect:
    if after is None:
        return CallEffect.NOT_APPLIED
    create = table.by_method["create_resource"]
    created = after.get_created(table)
    if created is not None and created < began:
        return CallEffect.NOT_APPLIED
    if is_ours is not None:
        return CallEffect.APPLIED if is_ours else CallEffect.UNKNOWN
    sent = dict(request.parameters)
    for part in create.parameters:
        column = table.by_name.get(part.column)
        if part.name in sent and column and column.name != TAGS:
            sent[part.name] = select_readable(sent[part.name], column.type)
    # Without a time of creation, the row was read as missing before the call.
    is_dated = created is not None or not table.created
    if is_dated and not diff_parameters(table, create, sent, after):
        return CallEffect.APPLIED
    # A row with other members may be somebody else's, made before the call, or in place of the one that it made.
    return CallEffect.UNKNOWN


def _reconcile_delete(table: Table, before: Snapshot | None, after: Snapshot | None) -> CallEffect:
    if after is None or (before and _is_replaced(table, before, after)):
        return CallEffect.APPLIED
    delete = table.by_method["delete_resource"]
    if after.get_state(table) in (delete.via or MISSING, *delete.until):
        return CallEffect.APPLIED
    return CallEffect.NOT_APPLIED if before else CallEffect.UNKNOWN


def _reconcile_update(table: Table, request: Request, before: Snapshot | None, after: Snapshot) -> CallEffect:
    update = table.by_method["update_resource"]
    sent = request.parameters
    if before is None:
        return CallEffect.UNKNOWN if diff_parameters(table, update, sent, after) else CallEffect.APPLIED
    changed = {path.partition(".")[0] for path in diff_parameters(table, update, sent, before)}
    has_unseen = not changed and any(part.name in sent and not part.column for part in update.parameters)
    changed = changed or set(sent)  # only a member inside a structure was left out
    is_unchanged = all(
        not diff_parameters(table, update, _collect_values(table, update, changed, one), other)
        for one, other in ((before, after), (after, before))
    )
    if not is_unchanged:
        return CallEffect.UNKNOWN if diff_parameters(table, update, sent, after) else CallEffect.APPLIED
    if after.get_state(table) in table.state.busy:
        return CallEffect.PENDING
    return CallEffect.UNKNOWN if has_unseen else CallEffect.NOT_APPLIED


def _reconcile_transition(
    table: Table, transition: Transition, request: Request, before: Snapshot | None, after: Snapshot
) -> CallEffect:
    method, state = table.by_method[transition.method], after.get_state(table)
    if before and before.get_state(table) not in transition.from_:
        return CallEffect.UNKNOWN
    desired = request.parameters.get(transition.desired) if transition.desired else None
    if state == method.via:
        return CallEffect.APPLIED if len(method.until) == 1 else CallEffect.PENDING
    if state in method.until:
        return CallEffect.APPLIED if desired in (None, state) else CallEffect.NOT_APPLIED
    if state in transition.from_:
        return CallEffect.NOT_APPLIED
    return CallEffect.PENDING if state in table.state.busy else CallEffect.UNKNOWN


def _reconcile_tags(table: Table, request: Request, after: Snapshot) -> CallEffect:
    """If only a part is there, the call counts as not applied: the next step sends the rest."""
    call = table.tagging
    if call is None or after.tags is None:
        return CallEffect.UNKNOWN
    if request.purpose == "untag":
        is_applied = not any(key in after.tags for key in call.read_keys(request.parameters))
    else:
        sent = drop_reserved(parse_tags(request.parameters[call.added], call.spelling))
        is_applied = sent.items() <= after.tags.items()
    return CallEffect.APPLIED if is_applied else CallEffect.NOT_APPLIED


def _is_replaced(table: Table, before: Snapshot, after: Snapshot) -> bool:
    """Whether the row is another one with the same name."""
    old, new = before.get_created(table), after.get_created(table)
    return old is not None and new is not None and abs((old - new).total_seconds()) >= 0.001


def _collect_values(table: Table, method: Method, members: set[str], row: Snapshot) -> Mapping[str, Any]:
    """The described values of members, by parameter."""
    return {
        part.name: row.get_column(table, part.column) for part in method.parameters if part.name in members
    }

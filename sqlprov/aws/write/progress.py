"""Follows a call of Cloud Control, which accepts a request and carries it out later, to its end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from sqlprov.aws.transport.calls import call
from sqlprov.aws.transport.errors import classify, is_match
from sqlprov.aws.write import row_watcher
from sqlprov.aws.write.row_watcher import EffectUnknown, RowWatcher
from sqlprov.catalog.packing import PATCH_DOCUMENT, Packing
from sqlprov.catalog.table import Table
from sqlprov.errors import Cancelled, OperationalError
from sqlprov.plan.write.steps import Request, Snapshot

SUCCESS = "SUCCESS"
ENDS = (SUCCESS, "FAILED", "CANCEL_COMPLETE")
"""The states in which a request ends."""
REFUSALS = frozenset(
    {"AlreadyExists", "InvalidRequest", "AccessDenied", "InvalidCredentials", "UnauthorizedTaggingOperation"}
    | {"ServiceLimitExceeded", "Throttling", "NotUpdatable", "NotFound"}
)
"""Codes of a request that failed before it created anything, if it names no resource."""
Event = Mapping[str, Any]
"""What Cloud Control reports of a request: OperationStatus, RequestToken, Identifier, ErrorCode, StatusMessage, …"""


def follow(watcher: RowWatcher, packing: Packing, request: Request, reply: Mapping[str, Any]) -> Event:
    """The last event of an accepted request.

    Args:
        watcher: of the row.
        packing: of the method.
        request, reply: the call.

    Raises:
        EffectUnknown: its end could not be seen, within `sqlprov_await_timeout` or at all.
    """
    run, event, delay = watcher.run, reply.get(packing.event) or {}, row_watcher.FIRST_DELAY
    limit = run.settings.await_timeout
    times_out = time.monotonic() + limit
    watcher.cloud.guard.reads |= {(watcher.table.client, packing.progress)}
    with run.log.track_wait(request.region, "|".join(watcher.write.key)) as report_state:
        while (status := event.get("OperationStatus")) not in ENDS:
            label = f"{request.operation} in {request.region} was accepted"
            token = event.get("RequestToken")
            if not token:
                raise EffectUnknown(f"{label}, but the reply has no request token that shows how it goes on.")
            if time.monotonic() > times_out:
                raise EffectUnknown(f"{label}; after {limit:g} s, request {token} is still {status}.")
            report_state(str(status))
            if run.cancellation.sleep(max(delay, _find_delay(event))):
                raise EffectUnknown(f"{label}; interrupted while request {token} was {status}.")
            delay = min(delay * 1.5, row_watcher.LONGEST_DELAY)
            try:
                event = _read_event(watcher, packing, request, token)
            except (OperationalError, Cancelled) as error:
                raise EffectUnknown(f"{label}; the state of request {token} is not known: {error}") from None
    return event


def make_error(watcher: RowWatcher, request: Request, event: Event) -> OperationalError:
    """The error of a request that did not succeed, of the class that its code has in a reply."""
    code = event.get("ErrorCode") or event.get("OperationStatus")
    error = {"Code": code, "Message": event.get("StatusMessage") or ""}
    details: Any = {"Error": error, "ResponseMetadata": {"RequestId": event.get("RequestToken") or ""}}
    raised = ClientError(details, request.operation)
    return classify(raised, request.operation, request.region, watcher.table.iam).error


def has_taken_effect(
    watcher: RowWatcher, request: Request, before: Snapshot | None, event: Event, error: OperationalError
) -> bool:
    """Whether a request changed the row although it did not succeed: Cloud Control undoes nothing.

    Args:
        watcher, request: of the row.
        before: the row before the call.
        event, error: the end of the request.

    Raises:
        EffectUnknown: it cannot be determined.
    """
    table, is_create = watcher.table, request.purpose == "create"
    if is_match(table.errors.exists if is_create else table.errors.missing, error):
        return False
    if is_create:
        watcher.note_key(event)
        if watcher.write.lacking and error.code in REFUSALS:
            return False
        if watcher.write.lacking:
            raise EffectUnknown(f"{error} It does not say whether it created a row.")
    try:
        after = watcher.read(tags=True)
    except OperationalError as problem:
        raise EffectUnknown(f"{error} The row could not be read back: {problem}") from None
    if request.purpose != "update":
        return (after is not None) == is_create
    return before is not None and after is not None and _has_changed(table, request, before, after, error)


def _has_changed(
    table: Table, request: Request, before: Snapshot, after: Snapshot, error: OperationalError
) -> bool:
    """Whether an update changed a column that it sends; with a patch document, any column."""
    update = table.by_method["update_resource"]
    sent = [part.column for part in update.parameters if part.name in request.parameters]
    names = list(table.paths) if PATCH_DOCUMENT in request.parameters else sent
    if any(before.get_column(table, name) != after.get_column(table, name) for name in names):
        return True
    if "" in sent:
        raise EffectUnknown(f"{error} The row does not show all that the call sent.")
    return False


def _read_event(watcher: RowWatcher, packing: Packing, request: Request, token: str) -> Event:
    table, parameters = watcher.table, {"RequestToken": token}
    names = table.client, table.iam, packing.progress, request.region
    event: Event = call(watcher.run, watcher.cloud, *names, parameters, (packing.event,))[packing.event]
    return event


def _find_delay(event: Event) -> float:
    """The seconds that the service asks to wait, by its own clock; at most LONGEST_DELAY."""
    now, then = event.get("EventTime"), event.get("RetryAfter")
    if not isinstance(now, int | float) or not isinstance(then, int | float):
        return 0.0
    return min(then - now, row_watcher.LONGEST_DELAY)

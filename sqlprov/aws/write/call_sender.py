"""Makes the calls that write a row, and finds out whether a call with a lost response took effect.

Each attempt is one HTTP request. After an ambiguous one, `plan.write.reconcile` decides from another read of the row
whether the call took effect.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlprov.aws.read.list_replies import list_failures
from sqlprov.aws.transport.call_log import CallRecord
from sqlprov.aws.transport.calls import AttemptFailed, attempt, pause, record_call
from sqlprov.aws.transport.errors import Failure, Next, is_match
from sqlprov.aws.transport.run import Run
from sqlprov.aws.write import row_watcher
from sqlprov.aws.write.progress import SUCCESS, Event, follow, has_taken_effect, make_error
from sqlprov.aws.write.row_watcher import EffectUnknown, RowFailed, RowWatcher
from sqlprov.catalog.table import Table
from sqlprov.errors import Cancelled, OperationalError
from sqlprov.plan.write.diff import parse_tags, spell_tags
from sqlprov.plan.write.next_step import next_step
from sqlprov.plan.write.reconcile import CallEffect, reconcile
from sqlprov.plan.write.redaction import hide_parameters
from sqlprov.plan.write.steps import (
    Refusal,
    Request,
    RowWrite,
    Snapshot,
    Success,
    WriteKind,
    build_parameters,
    find_method,
)
from sqlprov.plan.write.transitions import list_transitions
from sqlprov.records import dataclass

CLOCK_SLACK = timedelta(seconds=2)
"""Allowed difference, in seconds, between the service's clocks; a row older than that is not ours."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CONFLICTS = frozenset(
    {"ConflictException", "ConcurrentModificationException", "ConcurrentOperationException"}
)
REQUEST_TAG = "sqlprov:request"
"""Key of the tag that `sqlprov_request_tag` adds to created rows."""


@dataclass
class CallSender:
    """Makes the calls of one row.

    Attributes:
        watcher: reads the row.
        done: the calls that took effect, in their order.
        notes: remarks for the outcome.
    """

    watcher: RowWatcher
    done: list[Request] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def run(self) -> Run:
        return self.watcher.run

    @property
    def write(self) -> RowWrite:
        return self.watcher.write

    @property
    def table(self) -> Table:
        return self.write.table

    @property
    def _is_tagged(self) -> bool:
        """Whether a create sends the request's tag, and a read of the row returns it."""
        return self.run.settings.request_tag and bool(self.table.tags_parameter and self.table.holds_tags)

    def send(self, request: Request) -> Failure | None:
        """Make a call until its effect is known.

        Returns:
            A conflict, after which the next step must be decided again; otherwise `None`.

        Raises:
            RowFailed: it failed without an effect.
            EffectUnknown: it cannot be determined whether it had one.
        """
        parameters, account = self._build_parameters(request), self.write.account
        record = CallRecord(request.operation, request.region, parameters, account=account)
        with record_call(self.run, record):
            try:
                end = self._attempt(request, record)
            finally:
                hidden = hide_parameters(self.write, request)
                if hidden != request:
                    record.parameters = {**record.parameters, **build_parameters(self.write, hidden)}
        if end is None or isinstance(end, Failure):
            return end
        self._accept(request, end)
        return None

    def _accept(self, request: Request, reply: Mapping[str, Any]) -> None:
        """Note the effect of a call that the service accepted; a call of Cloud Control takes effect later."""
        method = find_method(self.write, request)
        if method and method.packing:
            before = self.watcher.snapshot
            reply = follow(self.watcher, method.packing, request, reply)
            if reply["OperationStatus"] != SUCCESS:
                self._note_failure(request, before, reply)
                return
        if request.purpose == "create":
            self.watcher.note_key(reply)
        self._check_reply(request, reply)
        self.done.append(request)
        if request.purpose == "create" and (lacking := self.write.lacking):
            self.notes.append(f"the reply has no {lacking}, so the row cannot be read back")

    def _note_failure(self, request: Request, before: Snapshot | None, event: Event) -> None:
        """Raise RowFailed for a request that did not succeed, unless it deleted the row."""
        error = make_error(self.watcher, request, event)
        if not has_taken_effect(self.watcher, request, before, event, error):
            self._fail(request, Failure(error, Next.GIVE_UP))
            return
        self.done.append(request)
        if request.purpose != "delete":
            raise RowFailed(f"{error} It had an effect nevertheless.")
        self.notes.append(f"the row is gone, although the call failed: {error}")

    def _attempt(self, request: Request, record: CallRecord) -> Failure | Mapping[str, Any] | None:
        """Attempt a call until its effect is known; the reply if one arrived, otherwise see `send`."""
        is_ambiguous, before, lost = False, self.watcher.snapshot, 0
        is_safe = bool(self._find_tokens(request))  # whether the service knows another attempt
        while True:
            try:
                reply = attempt(self.run, self.watcher.cloud, self.table.client, self.table.iam, record)
            except AttemptFailed as failed:
                failure = failed.failure
            except Cancelled:
                if is_ambiguous and request.purpose == "create":
                    text = "interrupted before it was clear whether the create took effect"
                    raise EffectUnknown(text) from None
                raise
            else:
                if request.purpose == "create" and is_ambiguous and is_safe:
                    self.notes.append("a response was lost; the same token was sent again")
                return reply
            record.error = failure.error.code or type(failure.error).__name__
            is_last = record.attempts >= self.watcher.cloud.find_max_attempts(self.run)
            if failure.harmless and not is_ambiguous:
                if _is_conflict(failure) and self.write.kind in (WriteKind.UPDATE, WriteKind.DELETE):
                    return failure
                if failure.next is Next.GIVE_UP or is_last:
                    self._fail(request, failure)
                    return None
                pause(self.run, failure, record.attempts)
                continue
            is_ambiguous = True
            is_repeated = failure.next is Next.SLOW_DOWN or (is_safe and failure.next is Next.RETRY)
            if is_repeated and not is_last:
                pause(self.run, failure, record.attempts)
                continue
            if self._has_taken_effect(request, before, failure):
                record.error = ""
                self.done.append(request)
                return None
            if self.write.skips_existing and self.watcher.snapshot is not None:
                return None  # an older row
            lost += 1
            self._check_retry(request, failure, lost, is_last)
            pause_for_retry(self.run, failure, record.attempts)

    def _check_reply(self, request: Request, reply: Mapping[str, Any]) -> None:
        """Raise RowFailed if a call that takes several rows says that it failed for this one.

        A create that returns the key has taken effect.
        """
        if request.purpose == "create" and not self.write.lacking:
            return
        for text in list_failures(self.table, reply):
            raise RowFailed(f"{request.operation} in {request.region}: {text}.")

    def _check_retry(self, request: Request, failure: Failure, lost: int, is_last: bool) -> None:
        """Raise if a call without effect cannot be retried."""
        if request.purpose == "create" and (lost > 1 or is_last):
            raise EffectUnknown(
                f"{failure.error} The response to an earlier attempt was lost; the row was not found afterwards."
            )
        is_conflict = _is_conflict(failure)
        if is_last and is_conflict and self._is_possible(request):
            raise EffectUnknown(
                f"{failure.error} The response to the first attempt was lost, and the row's state allows the call."
            )
        if is_last or (failure.next is Next.GIVE_UP and not is_conflict):
            raise RowFailed(str(failure.error))

    def _is_possible(self, request: Request) -> bool:
        """Whether the row's last described state allows a transition."""
        row = self.watcher.snapshot
        state = row.get_state(self.table) if row else ""
        return any(
            self.table.by_method[each.method].call == request.operation and state in each.from_
            for each in list_transitions(self.table)
        )

    def _fail(self, request: Request, failure: Failure) -> None:
        """Raise RowFailed for a call that certainly failed, unless it deletes a row that does not exist."""
        if request.purpose == "delete" and is_match(self.table.errors.missing, failure.error):
            self.watcher.snapshot = None
            return
        if request.purpose == "create" and is_match(self.table.errors.exists, failure.error):
            step = next_step(self.write, self._read_existing(), ())
            if isinstance(step, Success):
                return
            text = step.reason if isinstance(step, Refusal) else f"{self.write.label} already exists"
            raise RowFailed(f"{text}. {failure.error}") from failure.error
        raise RowFailed(str(failure.error)) from failure.error

    def _read_existing(self) -> Snapshot | None:
        """The row that the service says exists; `None` if it cannot be read, or nothing depends on it."""
        try:
            is_read = self.write.skips_existing or self.table.state.column
            return self.watcher.read() if is_read else None
        except OperationalError:
            return None

    def _has_taken_effect(self, request: Request, before: Snapshot | None, failure: Failure) -> bool:
        """Whether a call with a lost response took effect; `False`: certainly not, and it may be retried.

        Raises:
            RowFailed: it did not, and somebody else's row exists.
            EffectUnknown: it cannot be determined.
        """
        run, is_create = self.run, request.purpose == "create"
        if (lacking := self.write.lacking) and not self.table.write.insert.name:
            raise EffectUnknown(
                f"{failure.error} The service sets {lacking}, so the row cannot be read back."
            )
        needs_tags = is_create and (self._is_tagged or self.table.tags_parameter in request.parameters)
        needs_clock = is_create and self.table.created and not self._is_tagged
        if needs_clock and run.log.service_time is None:
            raise EffectUnknown(
                f"{failure.error} No earlier reply showed the service's clock, "
                "so it cannot be determined whether the row is ours."
            )
        began = (run.log.service_time or EPOCH) - CLOCK_SLACK
        now = time.monotonic()
        settles, times_out = now + run.settings.settle, now + run.settings.await_timeout
        delay = row_watcher.FIRST_DELAY
        with run.log.track_wait(self.write.region, "|".join(self.write.key)) as report_state:
            while True:
                try:
                    after = self.watcher.read(tags=needs_tags)
                except OperationalError as error:
                    raise EffectUnknown(f"{failure.error} The row could not be read back: {error}") from None
                effect = self._reconcile(request, before, after, began)
                if effect is CallEffect.APPLIED:
                    note = f"the response to {request.operation} was lost"
                    if is_create and not self._is_tagged:
                        note += "; an equivalent row was created since then"
                    self.notes.append(note)
                    return True
                if effect is CallEffect.UNKNOWN:
                    text = "The row read back does not show whether the call took effect."
                    if is_create and after is not None:
                        text = "The row that exists may be somebody else's, in place of the one that the call made."
                    raise EffectUnknown(f"{failure.error} {text}")
                if effect is CallEffect.NOT_APPLIED and after is not None and self.write.skips_existing:
                    return False
                if effect is CallEffect.NOT_APPLIED and after is not None and is_create:
                    raise RowFailed(
                        f"{self.write.label} already exists; somebody else created it. {failure.error}"
                    )
                if effect is CallEffect.PENDING and time.monotonic() > times_out:
                    state = self.watcher.describe_state().capitalize()
                    raise EffectUnknown(
                        f"{failure.error} {state}, which does not show the call's effect yet."
                    )
                if effect is CallEffect.NOT_APPLIED and (not is_create or time.monotonic() > settles):
                    return False
                report_state(after.get_state(self.table) if after else "")
                if run.cancellation.sleep(delay):
                    text = "Interrupted before it was clear whether the call took effect."
                    raise EffectUnknown(f"{failure.error} {text}")
                delay = min(delay * 1.5, row_watcher.LONGEST_DELAY)

    def _reconcile(
        self, request: Request, before: Snapshot | None, after: Snapshot | None, began: datetime
    ) -> CallEffect:
        is_ours = None
        if self._is_tagged and after is not None:
            is_ours = (after.tags or {}).get(REQUEST_TAG) == self.run.request_tag
        if request.purpose == "exec" and before is None:
            return CallEffect.UNKNOWN  # its current state may still be the one before the call
        effect = reconcile(self.table, request, before, after, began, is_ours)
        method = find_method(self.write, request)
        if method and method.packing and request.purpose != "create" and effect is CallEffect.NOT_APPLIED:
            return CallEffect.UNKNOWN  # the request may have been accepted, and take effect later
        return effect

    def _find_tokens(self, request: Request) -> tuple[str, ...]:
        """The parameters of a call that identify it among its attempts."""
        method = find_method(self.write, request)
        return method.tokens if method else ()

    def _build_parameters(self, request: Request) -> Mapping[str, Any]:
        """The parameters with a token, the same for every attempt, and the request's tag."""
        table = self.table
        tokens = dict.fromkeys(self._find_tokens(request), str(uuid4()))
        name, spelling = table.tags_parameter, table.tag_spelling
        if request.purpose == "create" and self._is_tagged:
            tags = parse_tags(request.parameters.get(name), spelling) | {REQUEST_TAG: self.run.request_tag}
            parameters = {**request.parameters, name: spell_tags(tags, spelling)}
            request = replace(request, parameters=parameters)
        return {**tokens, **build_parameters(self.write, request)}


def _is_conflict(failure: Failure) -> bool:
    return failure.error.code in CONFLICTS


def pause_for_retry(run: Run, failure: Failure, attempts: int) -> None:
    """Pause before another attempt, which may succeed although the service refused this one."""
    pause(run, replace(failure, next=Next.RETRY), attempts)

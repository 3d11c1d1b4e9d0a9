"""Writes in, Outcomes out: the calls of each row, one HTTP request an attempt, what is ambiguous read back.

What a row needs next is decided by `plan.write.next_step` from the row as last described; here the call is made,
and where its answer is lost, `plan.verdict` tells from another look whether it happened.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from typing import Any

from sqlprov.aws.run import LET_END, CallRecord, Run
from sqlprov.aws.transport.calls import AttemptFailed, attempt, pause, record_call
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.errors import Failure, Next, is_match
from sqlprov.aws.write.waiting import FIRST_LOOK, LONGEST_LOOK, RowFailed, Watch
from sqlprov.catalog.table import Table
from sqlprov.errors import Cancelled, Error, OperationalError
from sqlprov.plan.write.next_step import next_step
from sqlprov.plan.write.reconcile import CallEffect, reconcile
from sqlprov.plan.write.steps import Refusal, Request, RowWrite, Snapshot, Success, Wait, WriteKind
from sqlprov.plan.write.transitions import find_transition, list_transitions

log = logging.getLogger("sqlprov")

CLOCK_SLACK = timedelta(seconds=2)
"""What the service's clocks may differ by; something older than this before we began is not ours."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CONFLICTS = frozenset({"ConflictException", "ConcurrentModificationException"})


class OutcomeStatus(Enum):
    """What is known of a row at the end."""

    OK = "ok"
    FAILED = "failed"  # nothing took effect
    PARTIAL = "partial"  # some calls did, they are listed
    UNKNOWN = "unknown"  # nobody can tell


@dataclass(frozen=True)
class Outcome:
    """How the write of one row ended.

    Attributes:
        row: number in the statement, from 1.
        table, region, key: the row; parts of the key are joined by `|`.
        status: the ending.
        operations: API operations that took effect, in their order.
        reason: why it is not ok, or what is worth knowing although it is.
        found: the row as read last, of DELETE as it was; `None` if it was not read, or does not exist.
    """

    row: int
    table: str
    region: str
    key: str
    status: OutcomeStatus
    operations: tuple[str, ...] = ()
    reason: str = ""
    found: Snapshot | None = None


class EffectUnknown(Exception):
    """What became of a call cannot be told."""


@dataclass
class RowWriter:
    """One row under way.

    Attributes:
        write: what is asked of it.
        row: its number, from 1.
        run, cloud: the statement and the clients.
        check: raises Stopped if the row, as described just before its first call, is not the one that was read.
        made: the write as it is once the row has been described; of a patch document it is not known before.
        clocked: set once a create has learnt the service's clock.
        wait: whether to wait for the state that the YAML names under `until`.
        reading: whether the row is read back at the end, for RETURNING.
        tagged: whether `check` compares the tags.
        shown: operations of the calls that were confirmed, no other is made; `None` if nobody was asked.
        left: what is done after the last call that writes; empty before.
    """

    write: RowWrite
    row: int
    run: Run
    cloud: Cloud
    check: Callable[[Snapshot | None], None] = lambda found: None
    made: Callable[[Snapshot | None], RowWrite] | None = None
    clocked: threading.Event = field(default_factory=threading.Event)
    wait: bool = False
    reading: bool = False
    tagged: bool = False
    shown: frozenset[str] | None = None
    done: list[Request] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    was: Snapshot | None = None
    begun: bool = False
    left: str = ""

    def __post_init__(self) -> None:
        self.watch = Watch(self.write, self.run, self.cloud)

    @property
    def table(self) -> Table:
        """The table of the row."""
        return self.write.table

    @property
    def found(self) -> Snapshot | None:
        """The row as read last; `None` if it was not read, or does not exist."""
        return self.watch.found

    def outcome(self) -> Outcome:
        """Do it all; nothing that goes wrong is raised."""
        try:
            self._steps()
            return self.ended(OutcomeStatus.OK, "; ".join(self.notes))
        except RowFailed as stopped:
            return self.ended(OutcomeStatus.PARTIAL if self.done else OutcomeStatus.FAILED, str(stopped))
        except EffectUnknown as lost:
            return self.ended(OutcomeStatus.UNKNOWN, str(lost))
        except Cancelled:
            when = f"after its last call, while {self.left}" if self.left else "before its next call"
            return self.ended(
                OutcomeStatus.PARTIAL if self.done else OutcomeStatus.FAILED, f"interrupted {when}"
            )
        except Error as error:
            when = f"after its last call, while {self.left}: " if self.left and self.done else ""
            return self.ended(OutcomeStatus.PARTIAL if self.done else OutcomeStatus.FAILED, f"{when}{error}")
        except Exception as error:
            log.exception("a row could not be written")
            return self.ended(
                OutcomeStatus.UNKNOWN, f"{type(error).__name__}: {error}; this is a fault of sqlprov"
            )

    def interrupted(self) -> Outcome:
        """The outcome of a row whose calls did not end in time after an interruption."""
        if not self.begun:
            return self.ended(OutcomeStatus.FAILED, "interrupted before its first call")
        return self.ended(OutcomeStatus.UNKNOWN, "interrupted while a call was under way")

    def ended(self, status: OutcomeStatus, reason: str) -> Outcome:
        operations = tuple(request.operation for request in self.done)
        key = "|".join(self.write.key)
        found = self.was if self.write.kind is WriteKind.DELETE else self.found
        return Outcome(
            self.row, self.table.full_name, self.write.region, key, status, operations, reason, found
        )

    # Steps

    def _steps(self) -> None:
        self.begun = True
        write, deadline = self.write, time.monotonic() + self.run.settings.await_timeout
        if write.kind in (WriteKind.UPDATE, WriteKind.DELETE):
            # A patch document may be about tags: that is not known before.
            self.look(tags=True if self.made or self.reading or self.tagged else None)
            self.check(self.found)
            self.was = self.found
            if self.made:
                write = self.write = self.watch.write = self.made(self.found)
        elif write.kind is WriteKind.EXEC and any(
            move.method == write.method for move in list_transitions(self.table)
        ):
            # It is called in any state; but from which it was called tells whether a lost answer was a yes.
            self.look()
        elif write.kind is WriteKind.INSERT:
            # A look before the first create tells the service's clock, against which "ours" is judged.
            try:
                if self.run.served is None:
                    self.look()
            finally:
                self.clocked.set()
        conflicts = 0
        while True:
            step = next_step(write, self.found, tuple(self.done))
            if isinstance(step, Success):
                self.notes += [step.note] if step.note else []
                break
            if isinstance(step, Refusal):
                raise RowFailed(step.reason)
            if isinstance(step, Wait):
                self.watch.leave(step.states, deadline)
                continue
            if self.shown is not None and step.operation not in self.shown:
                raise RowFailed(
                    f"{write.shown} has changed since its calls were shown: {step.operation} was not among "
                    f"them; {self.watch.told()}"
                )
            conflict = self._make(step)
            if conflict:
                conflicts += 1
                if time.monotonic() > deadline:
                    raise RowFailed(str(conflict.error))
                pause(self.run, _again(conflict), conflicts)
            if conflict or (write.kind in (WriteKind.UPDATE, WriteKind.DELETE) and step.purpose != "delete"):
                self.look()
        self.left = "it was waited for"
        if self.wait:
            self._await(deadline)
        self.left = "it was read back"
        if self.reading and write.kind is not WriteKind.DELETE:
            self.watch.read_back(created=any(request.purpose == "create" for request in self.done))
            if self.found is None:
                self.notes.append("it was not there when it was read back")

    def _make(self, request: Request) -> Failure | None:
        """Make a call and see that it is known what came of it; a fault is a conflict, to be decided anew.

        Raises:
            Stopped: it failed without an effect.
            Lost: it cannot be told whether it had one.
        """
        doubted, before, again = False, self.found, 0
        record = CallRecord(request.operation, request.region, self._parameters(request))
        with record_call(self.run, record):
            while True:
                try:
                    attempt(self.run, self.cloud, self.table.client, self.table.iam, record)
                except AttemptFailed as failed:
                    met = failed.failure
                except Cancelled:
                    if doubted and request.purpose == "create":
                        raise EffectUnknown(
                            "interrupted before it was known what came of its create"
                        ) from None
                    raise
                else:
                    self.done.append(request)
                    return None
                record.error = met.error.code or type(met.error).__name__
                if met.harmless and not doubted:
                    if met.error.code in CONFLICTS and self.write.kind in (
                        WriteKind.UPDATE,
                        WriteKind.DELETE,
                    ):
                        return met
                    if met.next is Next.GIVE_UP or record.attempts >= self.run.settings.max_attempts:
                        self._refused(request, met)
                        return None
                    pause(self.run, met, record.attempts)
                    continue
                doubted = True
                if met.next is Next.SLOW_DOWN and record.attempts < self.run.settings.max_attempts:
                    pause(self.run, met, record.attempts)
                    continue
                if self._happened(request, before, met):
                    record.error = ""
                    self.done.append(request)
                    return None
                again += 1
                last = record.attempts >= self.run.settings.max_attempts
                if request.purpose == "create" and (again > 1 or last):
                    raise EffectUnknown(
                        f"{met.error} The answer of an earlier attempt was lost; it is not to be seen."
                    )
                conflict = met.error.code in CONFLICTS
                if last and conflict and self._could(request):
                    raise EffectUnknown(
                        f"{met.error} Its first answer was lost, and the row reads as if it were possible."
                    )
                if last or (met.next is Next.GIVE_UP and not conflict):
                    raise RowFailed(str(met.error))
                pause(self.run, _again(met), record.attempts)

    def _could(self, request: Request) -> bool:
        """Whether the row, as last described, is in a state in which a move is possible."""
        state = self.found.state(self.table) if self.found else ""
        return any(
            self.table.by_method[move.method].call == request.operation and state in move.from_
            for move in list_transitions(self.table)
        )

    def _refused(self, request: Request, met: Failure) -> None:
        """A certain failure; for a delete of what is gone it is none."""
        if request.purpose == "delete" and is_match(self.table.errors.missing, met.error):
            self.watch.found = None
            return
        if request.purpose == "create" and is_match(self.table.errors.exists, met.error):
            raise RowFailed(f"{self.write.shown} exists already. {met.error}") from met.error
        raise RowFailed(str(met.error)) from met.error

    def _happened(self, request: Request, before: Snapshot | None, met: Failure) -> bool:
        """Whether a call with a lost answer took effect; `False` if it surely did not and may be made again.

        Raises:
            Stopped: it did not, and somebody else's is there.
            Lost: it cannot be told.
        """
        if self.run.served is None and request.purpose == "create" and not self.run.settings.request_tag:
            raise EffectUnknown(
                f"{met.error} No reply before it told the service's clock, so that it cannot be judged."
            )
        began = (self.run.served or EPOCH) - CLOCK_SLACK
        now = time.monotonic()
        settled, awaited = now + self.run.settings.settle, now + self.run.settings.await_timeout
        between = FIRST_LOOK
        with self.run.waits(self.write.region, "|".join(self.write.key)) as seen:
            while True:
                try:
                    after = self.look(tags=True)
                except OperationalError as error:
                    raise EffectUnknown(f"{met.error} It could not be read back: {error}") from None
                judged = self._judged(request, before, after, began)
                if judged is CallEffect.APPLIED:
                    told = f"the answer of {request.operation} was lost"
                    if request.purpose == "create" and not self.run.settings.request_tag:
                        told += "; a row equivalent to it, created since, is there"
                    self.notes.append(told)
                    return True
                if judged is CallEffect.UNKNOWN:
                    raise EffectUnknown(
                        f"{met.error} The row read back does not tell whether it took effect."
                    )
                if judged is CallEffect.NOT_APPLIED and after is not None and request.purpose == "create":
                    raise RowFailed(f"{self.write.shown} exists already, made by somebody else. {met.error}")
                if judged is CallEffect.PENDING and time.monotonic() > awaited:
                    raise EffectUnknown(
                        f"{met.error} {self.watch.told().capitalize()}, which does not tell yet."
                    )
                if judged is CallEffect.NOT_APPLIED and (
                    request.purpose != "create" or time.monotonic() > settled
                ):
                    return False
                seen(after.state(self.table) if after else "")
                if self.run.cancelled.wait(between):
                    raise EffectUnknown(
                        f"{met.error} Interrupted before it could be told whether it took effect."
                    )
                between = min(between * 1.5, LONGEST_LOOK)

    def _judged(
        self, request: Request, before: Snapshot | None, after: Snapshot | None, began: datetime
    ) -> CallEffect:
        if request.purpose == "create" and self.run.settings.request_tag and after is not None:
            ours = (after.tags or {}).get(REQUEST_TAG) == self.run.request
            return CallEffect.APPLIED if ours else CallEffect.NOT_APPLIED
        if request.purpose == "exec" and before is None:
            return CallEffect.UNKNOWN  # the state it is in may be the one it was in
        return reconcile(self.table, request, before, after, began)

    def _parameters(self, request: Request) -> Mapping[str, Any]:
        tags = self.table.tags
        if request.purpose != "create" or not self.run.settings.request_tag or tags is None:
            return request.parameters
        own = {"Key": REQUEST_TAG, "Value": self.run.request}
        return {**request.parameters, tags.items: [*request.parameters.get(tags.items, ()), own]}

    # Looks

    def look(self, tags: bool | None = None) -> Snapshot | None:
        """The row now; `None` if it does not exist. Tags are read if the write is about them, or if asked."""
        return self.watch.look(self.write.tags is not None if tags is None else tags)

    def _await(self, deadline: float) -> None:
        """Wait for the state that the method of the last call names under `until`."""
        for request in reversed(self.done):
            for method in self.table.methods:
                if method.call == request.operation and method.verb != "SELECT":
                    self.watch.reach(method, deadline)
                    return
        move = find_transition(self.table, self.write.desired) if self.write.desired else None
        leads = self.table.by_method[move.method] if move else None
        if leads and self.found and self.found.state(self.table) == leads.via:
            self.watch.reach(leads, deadline)  # on its way there already


REQUEST_TAG = "sqlprov:request"
"""Key of the tag that `sqlprov_request_tag` adds to what INSERT creates."""


def _again(met: Failure) -> Failure:
    """A conflict, which another attempt may help after the row was looked at."""
    return replace(met, next=Next.RETRY)


def write_rows(writers: list[RowWriter], run: Run) -> list[Outcome]:
    """Write all rows, `sqlprov_concurrency` at once; an outcome for each, in their order.

    A failed row does not keep the others from being written, unless `sqlprov_on_error` is 'stop'. After
    `run.cancel()` no call starts; those under way are waited for, almost up to LET_END.
    """
    outcomes: dict[int, Outcome] = {}
    changed = threading.Condition()
    halted = threading.Event()

    def task(writer: RowWriter) -> None:
        if writer is not writers[0] and writer.write.kind is WriteKind.INSERT:
            writers[0].clocked.wait()  # one look before all creates is enough
        if halted.is_set():
            outcome = writer.ended(
                OutcomeStatus.FAILED, "not begun: an earlier row was not ok (sqlprov_on_error = 'stop')"
            )
        else:
            outcome = writer.outcome()
        if outcome.status is not OutcomeStatus.OK and run.settings.on_error == "stop":
            halted.set()
        with changed:
            outcomes[writer.row] = outcome
            changed.notify_all()

    def woken() -> None:
        with changed:
            changed.notify_all()

    run.on_cancel(woken)
    pool = run.pool
    for writer in writers:
        pool.submit(partial(task, writer))
    with changed:
        changed.wait_for(lambda: len(outcomes) == len(writers) or run.cancelled.is_set())
        begun = [writer for writer in writers if writer.begun]
        changed.wait_for(lambda: all(writer.row in outcomes for writer in begun), timeout=LET_END - 1)
        return [outcomes.get(writer.row) or writer.interrupted() for writer in writers]

"""Writes rows: the steps of each, and several rows at once.

`plan.write.next_step` decides what a row needs next from its latest snapshot; the calls are made here.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import field
from functools import partial

from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.run import LET_END, Run
from sqlprov.aws.write.call_sender import CallSender, pause_for_retry
from sqlprov.aws.write.outcome import Outcome, OutcomeStatus
from sqlprov.aws.write.row_watcher import EffectUnknown, RowFailed, RowWatcher
from sqlprov.aws.write.target_row import TargetRow
from sqlprov.errors import Cancelled, Error
from sqlprov.plan.write.next_step import next_step
from sqlprov.plan.write.steps import Refusal, RowWrite, Snapshot, Success, Wait, WriteKind, find_method
from sqlprov.plan.write.transitions import find_transition, list_transitions
from sqlprov.records import dataclass

log = logging.getLogger("sqlprov")


@dataclass
class RowWriter:
    """Writes one row.

    Attributes:
        target: the row and its write.
        row: number of the row, from 1.
        run, cloud: the statement and the clients.
        clock_known: set once a row of an INSERT has seen the service's clock.
        wait: whether to wait for the state that the YAML names under `until`.
        reads_back: whether to read the row at the end, for RETURNING.
        original: the row before its first call; `None` if it was not read.
        started: whether its steps have begun.
        phase: the work after the last call, in words; empty before.
    """

    target: TargetRow
    row: int
    run: Run
    cloud: Cloud
    clock_known: threading.Event = field(default_factory=threading.Event)
    wait: bool = False
    reads_back: bool = False
    original: Snapshot | None = None
    started: bool = False
    phase: str = ""

    def __post_init__(self) -> None:
        self.table = self.target.write.table
        self.watcher = RowWatcher(self.target.write, self.run, self.cloud)
        self.sender = CallSender(self.watcher)
        self.done = self.sender.done

    @property
    def write(self) -> RowWrite:
        """The write; a create adds the key that the service sets."""
        return self.watcher.write

    @property
    def snapshot(self) -> Snapshot | None:
        """The row as last read; `None` if it was not read, or does not exist."""
        return self.watcher.snapshot

    @property
    def is_skipped(self) -> bool:
        """Whether an INSERT leaves the row as it is, because it exists."""
        return self.write.skips_existing and not self.done

    def execute(self) -> Outcome:
        """Write the row; errors become part of the outcome and are not raised."""
        try:
            self._take_steps()
            return self.build_outcome(OutcomeStatus.OK, "; ".join(self.sender.notes))
        except EffectUnknown as unknown:
            return self.build_outcome(OutcomeStatus.UNKNOWN, str(unknown))
        except RowFailed as failure:
            reason = str(failure)
        except Cancelled:
            reason = f"interrupted {self._format_phase() or 'before its next call'}"
        except Error as error:
            when = self._format_phase() if self.done else ""
            reason = f"{when}: {error}" if when else str(error)
        except Exception as error:
            log.exception("a row could not be written")
            text = f"{type(error).__name__}: {error}; this is a bug in sqlprov"
            return self.build_outcome(OutcomeStatus.UNKNOWN, text)
        return self.build_outcome(OutcomeStatus.PARTIAL if self.done else OutcomeStatus.FAILED, reason)

    def _format_phase(self) -> str:
        return f"after its last call, while {self.phase}" if self.phase else ""

    def build_interrupted(self) -> Outcome:
        """The outcome of a row whose calls did not end in time after an interruption."""
        if not self.started:
            return self.build_outcome(OutcomeStatus.FAILED, "interrupted before its first call")
        return self.build_outcome(OutcomeStatus.UNKNOWN, "interrupted while a call was under way")

    def build_outcome(self, status: OutcomeStatus, reason: str) -> Outcome:
        """The outcome with the calls so far."""
        operations = tuple(request.operation for request in self.done)
        key = "|".join(self.write.key)
        snapshot = self.original if self.write.kind is WriteKind.DELETE else self.snapshot
        snapshot = None if self.is_skipped else snapshot  # RETURNING has the inserted rows
        table, write = self.table.full_name, self.write
        return Outcome(
            self.row, table, write.region, key, status, operations, reason, snapshot, write.account
        )

    def _take_steps(self) -> None:
        self.started = True
        deadline = time.monotonic() + self.run.settings.await_timeout
        self._prepare()
        self._make_calls(deadline)
        if self.is_skipped:
            return
        self.phase = "waiting for it"
        if self.wait:
            self._await(deadline)
        self.phase = "reading it back"
        if self.reads_back and self.write.kind is not WriteKind.DELETE:
            self.watcher.read_back(created=any(request.purpose == "create" for request in self.done))
            if self.snapshot is None:
                self.sender.notes.append("it was not found afterwards")

    def _prepare(self) -> None:
        """Read the row before its first call, if that can change anything."""
        write = self.write
        if write.kind in (WriteKind.UPDATE, WriteKind.DELETE):
            self.watcher.read(tags=self.reads_back or self.target.checks_tags)
            self.target.check(self.snapshot)
            self.original = self.snapshot
            self.watcher.write = self.target.complete(self.snapshot)
        elif write.kind is WriteKind.EXEC:
            # EXEC makes its call in any state, but the state before it shows whether a lost response was a success.
            if any(each.method == write.method for each in list_transitions(self.table)):
                self.watcher.read()
        else:
            # A read before the first create shows the service's clock, which is needed to tell whether a row is ours.
            # Without a time of creation, only a read before each create can tell.
            try:
                replaces = self.table.write.insert.replaces
                is_read = write.skips_existing or replaces or not self.table.created
                if is_read or self.run.log.service_time is None:
                    self.watcher.read()
            finally:
                self.clock_known.set()

    def _make_calls(self, deadline: float) -> None:
        conflicts = 0
        while True:
            write = self.write
            step = next_step(write, self.snapshot, tuple(self.done))
            if isinstance(step, Success):
                self.sender.notes += [step.note] if step.note else []
                return
            if isinstance(step, Refusal):
                raise RowFailed(step.reason)
            if isinstance(step, Wait):
                self.watcher.wait_while(step.states, deadline)
                continue
            if self.target.confirmed is not None and step.operation not in self.target.confirmed:
                raise RowFailed(
                    f"{write.label} has changed since its calls were confirmed: {step.operation} was not among "
                    f"them; {self.watcher.describe_state()}"
                )
            if step.purpose == "attribute" and self.snapshot is None and self.write.api_method:
                self.watcher.wait_for(
                    self.write.api_method, deadline
                )  # until then, the service may not know the row
            conflict = self.sender.send(step)
            if conflict:
                conflicts += 1
                if time.monotonic() > deadline:
                    raise RowFailed(str(conflict.error))
                pause_for_retry(self.run, conflict, conflicts)
            if conflict or (write.kind in (WriteKind.UPDATE, WriteKind.DELETE) and step.purpose != "delete"):
                self.watcher.read()

    def _await(self, deadline: float) -> None:
        """Wait for the state that the method of the last call names under `until`."""
        for request in reversed(self.done):
            if method := find_method(self.write, request):
                self.watcher.wait_for(method, deadline)
                return
        transition = find_transition(self.table, self.write.desired) if self.write.desired else None
        leads = self.table.by_method[transition.method] if transition else None
        if leads and self.snapshot and self.snapshot.get_state(self.table) == leads.via:
            self.watcher.wait_for(leads, deadline)  # somebody else has made the call


def write_rows(writers: list[RowWriter], run: Run) -> list[Outcome]:
    """Write all rows, `sqlprov_concurrency` at once; an outcome for each, in their order.

    A failed row does not stop the others, unless `sqlprov_on_error` is 'stop'. After `run.cancel()` no call starts;
    calls under way get almost LET_END seconds to end.
    """
    outcomes: dict[int, Outcome] = {}
    changed = threading.Condition()
    halted = threading.Event()

    def write_row(writer: RowWriter) -> None:
        if writer is not writers[0] and writer.write.kind is WriteKind.INSERT:
            writers[0].clock_known.wait()  # one read before all creates is enough
        if halted.is_set():
            text = "not started: an earlier row was not ok (sqlprov_on_error = 'stop')"
            outcome = writer.build_outcome(OutcomeStatus.FAILED, text)
        else:
            outcome = writer.execute()
        if outcome.status is not OutcomeStatus.OK and run.settings.on_error == "stop":
            halted.set()
        with changed:
            outcomes[writer.row] = outcome
            changed.notify_all()

    def wake() -> None:
        with changed:
            changed.notify_all()

    run.cancellation.on_cancel(wake)
    run.cancellation.check()
    for writer in writers:
        run.pool.submit(partial(write_row, writer))
    with changed:
        changed.wait_for(lambda: len(outcomes) == len(writers) or run.cancellation.is_cancelled)
        started = [writer for writer in writers if writer.started]
        changed.wait_for(lambda: all(writer.row in outcomes for writer in started), timeout=LET_END - 1)
        return [outcomes.get(writer.row) or writer.build_interrupted() for writer in writers]

"""The context of one statement: its settings, hints, results, calls and cancellation."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING, Any

from sqlprov.aws.transport.call_log import CallLog
from sqlprov.aws.transport.cancellation import Cancellation
from sqlprov.aws.transport.pool import Pool
from sqlprov.errors import BudgetExceeded, format_count
from sqlprov.records import dataclass
from sqlprov.settings import Settings

if TYPE_CHECKING:
    from sqlprov.aws.transport.engine import ScanEngine
    from sqlprov.plan.read.hints import Hints
    from sqlprov.plan.read.scope import Scope

LET_END = 10.0
"""Seconds that a write may take after an interruption. Its calls get a second less, to leave time for their
outcome."""
_REMEDY = "Narrow it, or raise the setting; EXPLAIN shows the calls and which conditions save some."
_numbers = itertools.count(1)


@dataclass
class Run:
    """The context of one statement.

    Attributes:
        settings: the settings when it began.
        id: string that its scans find in their filter.
        previous: the last run before it that made calls or was a write, for sqlprov.errors and sqlprov.outcomes.
        request_tag: value of the tag that `sqlprov_request_tag` adds to the resources that it creates.
        hints: hints for its scans, from its text; `None` if there are none.
        scopes: table and scope of each scan planned so far.
        within: (account, region) of the only places that its scans may read; `None` for no limit. It is a part of a
            statement whose other parts read the others.
        engine: runs its scans; `None` for this process.
        bound_variables: variables of the caller that DuckDB sees as relations while it runs.
        is_write: whether it writes to the cloud, or tried to.
        outcomes: the outcome of each row that it wrote.
        warnings: doubts that did not stop the statement.
        error: the first error in a scan; DuckDB keeps only its text.
        log: its calls.
        cancellation: stops them.
        pool: their threads.
        keys: account -> the credentials of its last call, if a program makes them.
        accounts: the accounts that it reads, once they are chosen.
    """

    settings: Settings
    id: str = field(default_factory=lambda: f"q{next(_numbers)}")
    previous: Run | None = None
    request_tag: str = field(default_factory=lambda: uuid.uuid4().hex)
    hints: Hints | None = None
    scopes: list[tuple[str, Scope]] = field(default_factory=list)
    within: frozenset[tuple[str, str]] | None = None
    engine: ScanEngine | None = None
    bound_variables: list[str] = field(default_factory=list)
    is_write: bool = False
    outcomes: list[Any] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    error: BaseException | None = None
    log: CallLog = field(default_factory=CallLog)
    cancellation: Cancellation = field(default_factory=Cancellation)
    keys: dict[str, Any] = field(default_factory=dict, repr=False)
    accounts: Any = field(default=None, repr=False)  # an import of Accounts would be circular
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _started: int = 0
    _expected: int = 0

    def __post_init__(self) -> None:
        self.pool = Pool(self.settings.concurrency)

    @property
    def is_tolerant(self) -> bool:
        """Whether rows that cannot be read are left out with a warning."""
        return self.settings.on_error == "warn"

    def submit(self, task: Callable[[], None]) -> None:
        """Run `task`, which must not raise, in the pool.

        Raises:
            Cancelled: the statement was cancelled, or has ended.
        """
        self.cancellation.check()
        self.pool.submit(task)

    def expect_calls(self, calls: int) -> None:
        """Note a scan that makes at least this many calls, before the first of them.

        Raises:
            BudgetExceeded: the statement's scans would make too many.
        """
        with self._lock:
            self._expected += calls
            expected = self._expected
        self.check_budget(expected)

    def check_budget(self, calls: int) -> None:
        """Check that the statement may make this many calls, before the first of them.

        Raises:
            BudgetExceeded: it may not.
        """
        most = self.settings.max_calls
        if most and calls > most and not self.is_write:
            raise BudgetExceeded(
                f"The statement needs at least {format_count(calls, 'call')}, and sqlprov_max_calls allows "
                f"{most:,}. {_REMEDY}"
            )

    @property
    def counted(self) -> int:
        """The calls that have been counted."""
        return self._started

    def count_call(self, calls: int = 1) -> None:
        """Count a call that is about to start, or those that a worker has made.

        Raises:
            BudgetExceeded: it would be one too many.
        """
        most = self.settings.max_calls
        with self._lock:
            if most and self._started + calls > most and not self.is_write:
                raise BudgetExceeded(
                    f"The statement needs more than {format_count(most, 'call')} (sqlprov_max_calls). {_REMEDY}"
                )
            self._started += calls

    def warn(self, text: str) -> None:
        """Add a warning, once."""
        with self._lock:
            if text not in self.warnings:
                self.warnings.append(text)

    def cancel(self) -> None:
        """Stop: no further call starts, and those in flight are cut off unless they write."""
        self.cancellation.cancel()
        self.finish()

    def finish(self) -> None:
        """End the statement: no further call or attempt starts."""
        self.cancellation.finish()
        self.log.finish()
        # A call that hangs keeps the run alive; the traceback would keep DuckDB beyond the end of the program.
        self.error = None
        self.pool.close()

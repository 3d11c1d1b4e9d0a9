"""What one statement's calls share: settings, the record of calls, what went wrong, and the way to stop them."""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from sqlprov.aws.transport.cancellable_connections import CancellableCall
from sqlprov.aws.transport.pool import Pool
from sqlprov.errors import Cancelled, OperationalError, format_count
from sqlprov.settings import Settings

if TYPE_CHECKING:
    from sqlprov.plan.read.hints import Hints
    from sqlprov.plan.read.scope import Scope

LET_END = 10.0
"""Seconds that a write gets to end after an interruption; its calls a second less, so that it can still tell
what became of its rows."""
CANCELLED = "The statement was cancelled."
WAITING_SHOWN = 3
"""Rows that a line of progress names."""
WIDTH, WIDEST = 16, 64
"""Calls in flight at once under `sqlprov_concurrency = auto`: at first, and when many have succeeded."""
_numbers = itertools.count(1)


@dataclass
class CallRecord:
    """One API call as it was made.

    Attributes:
        operation, region: what was called, and where; region is empty for a global call.
        parameters: as sent, page token included; never a credential.
        rows: rows in the reply.
        attempts: HTTP requests it took.
        throttles: how many of them the service refused because there were too many.
        milliseconds: from the first attempt to the end of the last.
        error: the error code it ended with; empty if it succeeded.
    """

    operation: str
    region: str
    parameters: Mapping[str, Any]
    rows: int = 0
    attempts: int = 0
    throttles: int = 0
    milliseconds: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class MissingRows:
    """What an incomplete result lacks: rows of `table` in `region`, because of `error`."""

    table: str
    region: str
    error: OperationalError


@dataclass(frozen=True)
class Waiting:
    """A row that a write waits for.

    Attributes:
        region, key: the row; parts of the key are joined by `|`.
        state: as last seen; empty if the row was not to be seen.
        seconds: since the wait began.
    """

    region: str
    key: str
    state: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.key} is {self.state}" if self.state else f"{self.key} is not to be seen"


@dataclass(frozen=True)
class Progress:
    """How far a statement is.

    Attributes:
        calls: API calls that have ended.
        rows, pages: what they brought of the tables.
        regions_done, regions: regions read to their end, and all that are read.
        throttles: attempts that the service refused because there were too many.
        seconds: since the statement began; of one that has ended, until then.
        waiting: the rows that are waited for, the longest first.
    """

    calls: int
    rows: int
    pages: int
    regions_done: int
    regions: int
    throttles: int
    seconds: float
    waiting: tuple[Waiting, ...] = ()

    @property
    def waited(self) -> str:
        """What is waited for, such as `exp-1 is Creating, 12 s`; empty if nothing is."""
        if not self.waiting:
            return ""
        shown, more = self.waiting[:WAITING_SHOWN], len(self.waiting) - WAITING_SHOWN
        told = [*map(str, shown), *([f"{more:,} more"] if more > 0 else [])]
        return f"{', '.join(told)}, {self.waiting[0].seconds:.0f} s"

    def __str__(self) -> str:
        waited = f"waiting: {self.waited}" if self.waiting else ""
        regions = f"{self.regions_done} of {format_count(self.regions, 'region')}" if self.regions > 1 else ""
        throttles = format_count(self.throttles, "throttle") if self.throttles else ""
        read = (
            format_count(self.rows, "row"),
            format_count(self.pages, "page"),
            format_count(self.calls, "call"),
        )
        return ", ".join(
            part for part in (*read, regions, throttles, f"{self.seconds:.1f} s", waited) if part
        )


@dataclass
class Run:
    """One statement under way.

    Attributes:
        settings: the settings it began with.
        id: text that its demands carry in their filter.
        scopes: table and scope of each scan planned so far.
        calls: the calls made so far, in the order they ended.
        missing: what could not be read, under `sqlprov_on_error = 'warn'`.
        outcomes: what became of each row that it wrote.
        warnings: what is worth a second look although it was done.
        writes: whether it writes the cloud, or was to: it may have been refused.
        writing: whether calls that write may be under way.
        error: the first error raised inside a scan, which DuckDB would hand on as text.
        before: the last run before it that made calls or was to write, for sqlprov.errors and sqlprov.outcomes.
        request: value of the tag that `sqlprov_request_tag` adds to what the statement creates.
        served: the service's clock at the first reply; `None` before it.
        adopted: variables of the caller that serve as relations while it runs.
        hints: what its text tells about its reads; `None` if nothing.
        began, ended: monotonic seconds; `ended` is `None` while it runs.
        throttles: attempts that the service refused because there were too many.
    """

    settings: Settings
    scopes: list[tuple[str, Scope]] = field(default_factory=list)
    calls: list[CallRecord] = field(default_factory=list)
    missing: list[MissingRows] = field(default_factory=list)
    outcomes: list[Any] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    writes: bool = False
    writing: bool = False
    error: BaseException | None = None
    before: Run | None = None
    served: datetime | None = None
    adopted: list[str] = field(default_factory=list)
    hints: Hints | None = None
    id: str = field(default_factory=lambda: f"q{next(_numbers)}")
    request: str = field(default_factory=lambda: uuid.uuid4().hex)
    cancelled: threading.Event = field(default_factory=threading.Event)
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None
    throttles: int = 0
    _rows: int = 0
    _pages: int = 0
    # Region -> reads of it that have not ended; what was read to its end stays with 0.
    _regions: Counter[str] = field(default_factory=Counter)
    # Region and key of a row that is waited for -> its state, and since when.
    _waits: dict[tuple[str, str], tuple[str, float]] = field(default_factory=dict)
    _wake: list[Callable[[], None]] = field(default_factory=list)
    _in_flight: set[CancellableCall] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pool: Pool | None = None
    _width: int = WIDTH

    @property
    def width(self) -> int:
        """Calls that may be in flight now."""
        return self.settings.concurrency or self._width

    def reach(self, regions: int) -> None:
        """So many regions are read: a call to each may be in flight, for each has a pace of its own."""
        self._width = max(self._width, min(regions, WIDEST))

    def note_success(self) -> None:
        """A call succeeded: one more may be in flight."""
        self._width = min(self._width + 1, WIDEST)

    def wait(self, seconds: float) -> None:
        """Wait; a cancelled statement does not.

        Raises:
            Cancelled: it was cancelled.
        """
        if seconds > 0:
            self.cancelled.wait(seconds)
            self.check()

    @property
    def pool(self) -> Pool:
        """The threads of this statement's calls, `width` at most."""
        self.check()
        with self._lock:
            if self._pool is None:
                self._pool = Pool(lambda: self.width)
            return self._pool

    @property
    def progress(self) -> Progress:
        """How far it is; may be asked by any thread."""
        with self._lock:
            done = sum(not left for left in self._regions.values())
            now = time.monotonic()
            waits = (Waiting(*row, state, now - since) for row, (state, since) in self._waits.items())
            return Progress(
                calls=len(self.calls),
                rows=self._rows,
                pages=self._pages,
                regions_done=done,
                regions=len(self._regions),
                throttles=self.throttles,
                seconds=(self.ended or now) - self.began,
                waiting=tuple(sorted(waits, key=lambda wait: -wait.seconds)),
            )

    def note_read(self, *, rows: int = 0, pages: int = 0) -> None:
        """Count what was read of a table."""
        with self._lock:
            self._rows += rows
            self._pages += pages

    def note_region(self, region: str, reads: int) -> None:
        """So many more reads of a region are under way; less than 0: have ended."""
        with self._lock:
            self._regions[region] += reads

    @contextmanager
    def waits(self, region: str, key: str) -> Iterator[Callable[[str], None]]:
        """A row is waited for; what is handed out tells each state in which it is seen."""
        since = time.monotonic()

        def seen(state: str) -> None:
            with self._lock:
                self._waits[region, key] = state, since

        try:
            yield seen
        finally:
            with self._lock:
                self._waits.pop((region, key), None)

    def note_throttle(self, record: CallRecord) -> None:
        """Count an attempt that was refused because there were too many."""
        with self._lock:
            self.throttles += 1
            record.throttles += 1
            self._width = WIDTH

    @property
    def tolerant(self) -> bool:
        """Whether rows that cannot be read are left out with a warning."""
        return self.settings.on_error == "warn"

    def note_date(self, answer: Any) -> None:
        """Remember the service's clock, as the first reply of this statement tells it."""
        headers = (answer or {}).get("ResponseMetadata", {}).get("HTTPHeaders", {})
        if self.served is None and headers.get("date"):
            with suppress(ValueError):
                self.served = parsedate_to_datetime(headers["date"])

    def check(self) -> None:
        """Raises Cancelled once the statement has been cancelled."""
        if self.cancelled.is_set():
            raise Cancelled(CANCELLED)

    def on_cancel(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when the statement is cancelled, at once if it already is."""
        with self._lock:
            self._wake.append(wake)
        if self.cancelled.is_set():
            wake()

    @contextmanager
    def track_call(self) -> Iterator[CancellableCall]:
        """What is sent within is broken off when the statement is cancelled."""
        call = CancellableCall()
        with self._lock:
            self._in_flight.add(call)
        try:
            with call.activate():
                yield call
        finally:
            with self._lock:
                self._in_flight.discard(call)

    def cancel(self) -> None:
        """Stop: no further call starts, those under way are broken off, and whoever waits for one is woken.

        Calls under way of a statement that writes are let come to their end, so that it can be told what they did.
        """
        self.cancelled.set()
        with self._lock:
            wake = list(self._wake)
            calls = [] if self.writing else list(self._in_flight)
        for call in calls:
            call.cancel()
        for each in wake:
            each()
        self.finish()

    def finish(self) -> None:
        """The statement is over: let the threads go; no further call starts, nor a further attempt of one."""
        self.cancelled.set()
        with self._lock:
            self.ended = self.ended or time.monotonic()
            pool, self._pool = self._pool, None
            wake, self._wake = self._wake, []
        for each in wake:
            each()
        # A call that hangs keeps the run; the traceback would keep DuckDB beyond the end of the program.
        self.error = None
        if pool:
            pool.close()

    def warn(self, text: str) -> None:
        """Note what is worth a second look, once."""
        with self._lock:
            if text not in self.warnings:
                self.warnings.append(text)

    def note_missing(self, table: str, region: str, error: OperationalError) -> None:
        """Note rows that could not be read; the same error of the same region is noted once."""
        with self._lock:
            noted = {(gap.table, gap.region, gap.error.operation, gap.error.code) for gap in self.missing}
            if (table, region, error.operation, error.code) not in noted:
                self.missing.append(MissingRows(table, region, error))

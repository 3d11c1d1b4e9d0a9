"""Records the calls and the progress of a statement."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from sqlprov.errors import OperationalError, format_count
from sqlprov.records import dataclass

WAITS_SHOWN = 3
"""Rows that a progress line names."""


@dataclass
class CallRecord:
    """One API call.

    Attributes:
        operation, region: the operation and its region, which is empty for a global call.
        parameters: as sent, page token included; never a credential.
        rows: rows in the reply.
        attempts: number of HTTP requests.
        throttles: number of throttled requests.
        milliseconds: from the start of the first attempt to the end of the last.
        error: the error code of the last attempt; empty if it succeeded.
        account: the name of the account that was called.
    """

    operation: str
    region: str
    parameters: Mapping[str, Any]
    rows: int = 0
    attempts: int = 0
    throttles: int = 0
    milliseconds: float = 0.0
    error: str = ""
    account: str = ""


@dataclass(frozen=True)
class MissingRows:
    """Rows that an incomplete result lacks: of `table` in `region` of `account`, because of `error`."""

    table: str
    account: str
    region: str
    error: OperationalError


@dataclass(frozen=True)
class Waiting:
    """A row that a write waits for.

    Attributes:
        region, key: the row; parts of the key are joined by `|`.
        state: the latest state; empty if the row was not found.
        seconds: since the wait began.
    """

    region: str
    key: str
    state: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.key} is {self.state}" if self.state else f"{self.key} is not found"


@dataclass(frozen=True)
class Progress:
    """The progress of a statement.

    Attributes:
        calls: API calls that have ended.
        rows, pages: rows and pages read.
        regions_done, regions: regions read to their end, and all regions.
        throttles: attempts that were throttled.
        seconds: since the statement began, until now or its end.
        waiting: the rows that a write waits for, the longest wait first.
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
    def waiting_text(self) -> str:
        """The rows that a write waits for, such as `exp-1 is Creating, 12 s`; empty if there are none."""
        if not self.waiting:
            return ""
        shown, more = self.waiting[:WAITS_SHOWN], len(self.waiting) - WAITS_SHOWN
        states = [*map(str, shown), *([f"{more:,} more"] if more > 0 else [])]
        return f"{', '.join(states)}, {self.waiting[0].seconds:.0f} s"

    def __str__(self) -> str:
        parts = [
            format_count(self.rows, "row"),
            format_count(self.pages, "page"),
            format_count(self.calls, "call"),
            f"{self.regions_done} of {format_count(self.regions, 'region')}" if self.regions > 1 else "",
            format_count(self.throttles, "throttle") if self.throttles else "",
            f"{self.seconds:.1f} s",
            f"waiting: {self.waiting_text}" if self.waiting else "",
        ]
        return ", ".join(filter(None, parts))


class CallLog:
    """The calls of one statement; any thread may use it.

    Attributes:
        calls: the calls so far, in the order they ended.
        missing: rows that could not be read, under `sqlprov_on_error = 'warn'`.
        service_time: the service's clock at the first reply; `None` before it.
        age: seconds since the oldest reply was read that `sqlprov_cache` kept; `None` if all are the statement's own.
        start_time, end_time: monotonic seconds; `end_time` is `None` while the statement runs.
    """

    def __init__(self) -> None:
        self.calls: list[CallRecord] = []
        self.missing: list[MissingRows] = []
        self.service_time: datetime | None = None
        self.age: float | None = None
        self.start_time = time.monotonic()
        self.end_time: float | None = None
        self._throttles = self._rows = self._pages = 0
        # Account and region -> reads in progress; 0 for one read to its end.
        self._regions: Counter[tuple[str, str]] = Counter()
        # Region and key of a row that a write waits for -> its state, and the start of the wait.
        self._waits: dict[tuple[str, str], tuple[str, float]] = {}
        self._lock = threading.Lock()

    @property
    def progress(self) -> Progress:
        """The progress of the statement."""
        with self._lock:
            now = time.monotonic()
            waits = (Waiting(*row, state, now - since) for row, (state, since) in self._waits.items())
            return Progress(
                calls=len(self.calls),
                rows=self._rows,
                pages=self._pages,
                regions_done=sum(not reads for reads in self._regions.values()),
                regions=len(self._regions),
                throttles=self._throttles,
                seconds=(self.end_time or now) - self.start_time,
                waiting=tuple(sorted(waits, key=lambda wait: -wait.seconds)),
            )

    def note_read(self, *, rows: int = 0, pages: int = 0) -> None:
        """Count rows and pages of a table."""
        with self._lock:
            self._rows += rows
            self._pages += pages

    def note_region(self, account: str, region: str, reads: int) -> None:
        """Count reads of an account's region that have started; below 0, reads that have ended."""
        with self._lock:
            self._regions[account, region] += reads

    def note_throttle(self, record: CallRecord) -> None:
        """Count an attempt that was throttled."""
        with self._lock:
            self._throttles += 1
            record.throttles += 1

    def note_calls(self, calls: Sequence[CallRecord]) -> None:
        """Record calls that a worker has made."""
        with self._lock:
            self.calls += calls
            self._throttles += sum(each.throttles for each in calls)

    def note_date(self, reply: Any) -> None:
        """Record the service's clock at the first reply."""
        headers = (reply or {}).get("ResponseMetadata", {}).get("HTTPHeaders", {})
        if self.service_time is None and headers.get("date"):
            with suppress(ValueError):
                self.service_time = parsedate_to_datetime(headers["date"])

    def note_age(self, seconds: float) -> None:
        """Record the age of a reply of an earlier call."""
        with self._lock:
            self.age = max(self.age or 0.0, seconds)

    def note_missing(self, table: str, account: str, region: str, error: OperationalError) -> None:
        """Record rows that could not be read; the same error in a region only once."""
        with self._lock:
            place = table, account, region
            known = {
                (gap.error.operation, gap.error.code)
                for gap in self.missing
                if (gap.table, gap.account, gap.region) == place
            }
            if (error.operation, error.code) not in known:
                self.missing.append(MissingRows(*place, error))

    @contextmanager
    def track_wait(self, region: str, key: str) -> Iterator[Callable[[str], None]]:
        """Report a row as waited for; yields a function that records its latest state."""
        since = time.monotonic()

        def note_state(state: str) -> None:
            with self._lock:
                self._waits[region, key] = state, since

        try:
            yield note_state
        finally:
            with self._lock:
                self._waits.pop((region, key), None)

    def finish(self) -> None:
        """Stop the clock: the statement has ended."""
        self.end_time = self.end_time or time.monotonic()

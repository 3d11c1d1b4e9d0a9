"""ReadPlan in, record batches out: pages, look-ups and per-row calls, concurrent, a few ahead of who reads them.

Whoever pulls the batches drives the work, in its own thread: calls run in the statement's pool and report to a
queue; each report is handled here, and decides what is called next. The first page of every region is fetched at
once, the second only when a second batch is asked for, so that LIMIT 5 costs one page. A list that proves long, and
is waited for, is cut into windows that are read side by side. Rows that need calls of their own are handed on in
batches that begin small and double.
"""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial

import pyarrow as pa

from sqlprov.aws.read.details import Details, account_id
from sqlprov.aws.read.list_windows import LONG, LONG_LIMITED, WHOLE, ListWindow, WindowSplitter
from sqlprov.aws.read.pagination import FetchedPages, ListPage, PageReader
from sqlprov.aws.read.rows import BatchBuilder, PartialRow
from sqlprov.aws.read.top_n import TopN
from sqlprov.aws.run import WIDTH, Run
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.errors import is_match
from sqlprov.catalog.table import ColumnSource
from sqlprov.errors import BrokenReply, OperationalError
from sqlprov.plan.read import Account, KeyRead, ListRead, ReadPlan

FIRST_ROWS = 4
"""Rows described before the first batch of a list is handed on."""
TOGETHER = 8
"""Pages of a list that are handed on together, at most: each hand-over takes as much work as a page."""
RAMP = 8
"""Pages after which one more is handed on together: DuckDB takes a handful of batches before anyone reads a row."""

RowFilter = Callable[[pa.RecordBatch], list[int]]
"""Which rows of a batch meet the demand's filter."""


class TableScan:
    """The rows of one demand under way."""

    def __init__(self, plan: ReadPlan, run: Run, cloud: Cloud, kept: RowFilter | None = None) -> None:
        self.plan, self.run, self.cloud, self.table = plan, run, cloud, plan.table
        self.batcher, self.details = BatchBuilder(plan), Details(plan, run, cloud)
        self.kept = kept
        self.best = TopN(plan.top) if plan.top and kept else None
        long = LONG_LIMITED if run.hints and run.hints.limited else LONG
        self.cutter = WindowSplitter(plan.windows, long) if plan.windows else None
        # Whether a page's rows are whole as they come, and all of them wanted.
        self._list_alone = not (self.best or plan.describe or plan.tags)
        self.pager = PageReader(plan, run, cloud, self.batcher, self._list_alone, lambda: self.closed)
        # Region -> pages of its list so far, over all its chains.
        self.pages: dict[str, int] = {}
        self.reports: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self.in_flight = 0
        self.rows_in_flight = 0
        self.chains: list[ListWindow] = []
        self.pending: deque[PartialRow] = deque()
        self.read: list[PartialRow] = []
        self.ready: deque[pa.RecordBatch] = deque()
        self.window = self.budget = FIRST_ROWS
        self.together = 1
        self.asked_again = self.closed = False
        run.on_cancel(lambda: self.reports.put(None))

    def start(self) -> None:
        """Send the first call of every step and wait for the first answer, so that its error is told at once."""
        try:
            self._start()
        except BaseException:
            self.closed = True
            raise

    def _start(self) -> None:
        self.run.reach(len({step.region for step in self.plan.steps}))
        if self.plan.account is Account.KNOWN:
            self.batcher.account = self.cloud.account_id or ""
        if self.plan.account is Account.STS and self.plan.steps:
            self._send(self._ask_account)
            self._handle()
        for step in self.plan.steps:
            if isinstance(step, KeyRead):
                self._later([PartialRow(step.region, key) for key in step.keys])
                self.budget = self.window = max(self.window, len(self.pending))
            else:
                self._begin(ListWindow(step))
        self._send_rows()
        if self.in_flight:
            self._handle()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, with every column of the plan; rows that the filter refuses may be among them.

        Raises:
            Cancelled: the statement was cancelled.
            OperationalError: a call failed; under 'warn' it is noted in the run instead.
        """
        try:
            while True:
                self.run.check()
                while self.ready:
                    yield self.ready.popleft()
                    self._ask_again()
                self._send_rows()
                if self._rows_wait():
                    self._emit_rows()
                elif self.in_flight:
                    self._spread()
                    self._handle()
                elif self.pending:
                    self._widen()
                elif not self._resume_chains() and not self._choose():
                    return
        finally:
            self.closed = True

    def _ask_again(self) -> None:
        """Whoever reads wants more: read ahead."""
        self.asked_again = True
        self._resume_chains()
        self._send_rows()

    def _handle(self) -> None:
        """Wait for one report and act on it."""
        waits = self.reports.empty()
        report = self.reports.get()
        self.run.check()
        if report is None:
            return
        self.in_flight -= 1
        self.together = min(self.together * 2, TOGETHER) if waits else max(self.together // 2, 1)
        report()

    def _send(self, work: Callable[[], Callable[[], None]]) -> None:
        """Have `work` run in the pool; what it returns is run here."""
        self.in_flight += 1

        def task() -> None:
            if self.closed:
                return  # DuckDB has had enough rows, or another call has failed
            try:
                report = work()
            except BaseException as error:
                report = _raiser(error)
            self.reports.put(report)

        self.run.pool.submit(task)

    def _ask_account(self) -> Callable[[], None]:
        """In the pool, so that waiting for it can be cancelled."""
        account = account_id(self.run, self.cloud)

        def report() -> None:
            self.batcher.account = account

        return report

    # Pages

    def _begin(self, chain: ListWindow) -> None:
        self.chains.append(chain)
        self.run.note_region(chain.read.region, 1)
        self._fetch(chain)

    def _fetch(self, chain: ListWindow) -> None:
        """Send for the next page of a chain, or for several where they come faster than they are asked for."""
        chain.waiting = False
        limited = self.run.hints is not None and self.run.hints.limited
        many = min(self.together, 1 + sum(self.pages.values()) // RAMP)
        most = many if self._list_alone and not limited else 1
        self._send(lambda: partial(self._arrived, chain, self.pager.fetch(chain, most)))

    def _arrived(self, chain: ListWindow, fetched: FetchedPages) -> None:
        if chain not in self.chains:
            return  # a page before these was broken
        busy, region, error = time.thread_time(), chain.read.region, fetched.error
        chain.pages += len(fetched.pages)
        self.pages[region] = self.pages.get(region, 0) + len(fetched.pages)
        self.run.note_read(pages=len(fetched.pages))
        # The next pages are under way, then, while these are gone through.
        early = fetched.token and not error and self.asked_again and self._list_alone
        early = early and (chain.low, chain.high) == WHOLE
        if early:
            self._go_on(chain, fetched.token)
        error = self._take(chain, fetched.pages) or error
        if self.cutter:
            busy = time.thread_time() - busy
            self.cutter.note_cost(fetched.busy + busy, fetched.waited + busy)
        if error:
            self._end(chain, error)
        elif not early:
            self._go_on(chain, fetched.token)

    def _take(self, chain: ListWindow, pages: list[ListPage]) -> BrokenReply | None:
        """Go on with the rows of some pages, batches all at once; those before a broken one, and its error."""
        parts: list[pa.StructArray] = []
        for page in pages:
            self.pager.make(chain, page)
            chain.note(page.times)
            try:
                rows = self._taken(chain, page)
            except BrokenReply as error:
                return self._hand_on(chain, parts) or error
            if isinstance(rows, pa.StructArray):
                parts.append(rows)
            elif rows is not None:
                if (broken := self._hand_on(chain, parts)) is not None:
                    return broken
                self._ready(rows)
        return self._hand_on(chain, parts)

    def _hand_on(self, chain: ListWindow, parts: list[pa.StructArray]) -> BrokenReply | None:
        """Make `parts` one batch, and none of them is left; if they are broken, those before the first that is."""
        try:
            if parts:
                self._ready(self.batcher.pages(chain.read.region, parts))
        except BrokenReply as error:
            if len(parts) == 1:
                return error
            return next(filter(None, (self._hand_on(chain, [part]) for part in parts)), None)
        finally:
            parts.clear()
        return None

    def _ready(self, batch: pa.RecordBatch) -> None:
        if batch.num_rows:
            self.ready.append(batch)
            self.run.note_read(rows=batch.num_rows)

    def _taken(self, chain: ListWindow, page: ListPage) -> pa.StructArray | pa.RecordBatch | None:
        """Go on with those rows of a page that are the chain's own; they themselves, if they need no further call.

        Raises:
            BrokenReply: one is not what the model says, or does not tell its time.
        """
        region, whole = chain.read.region, (chain.low, chain.high) == WHOLE
        if page.broken:
            raise page.broken
        if page.times is None and not whole:
            raise BrokenReply(
                f"{self.table.full_name}: a row without its time.", operation=self.table.list.call
            )
        own = [] if whole else [chain.keeps(at) for at in page.times or ()]
        if page.rows is not None:
            return page.rows if whole else page.rows.filter(pa.array(own, pa.bool_()))
        items = page.items if whole else [item for item, kept in zip(page.items, own, strict=True) if kept]
        rows = [PartialRow(region, listed=item) for item in items]
        if not (self.best and self.kept):
            self._later(self.batcher.worth_a_call(rows))
            return None
        if rows:
            batch = self.batcher.batch(rows, ColumnSource.LIST, ColumnSource.REGION, ColumnSource.KEY)
            rows = [rows[at] for at in self.kept(batch)]
        times = self.pager.times([row.listed or {} for row in rows])
        if times is None:  # it is in none of the orders there are: DuckDB sorts
            self._too_few(self.best)
            self._later(rows)
        else:
            self.best.add(rows, times)
        return None

    def _go_on(self, chain: ListWindow, token: str | None) -> None:
        """Fetch the next page, or leave that until more rows are asked for."""
        chain.token = token
        if not token or chain.passed or (self.best and self.best.settled(chain)):
            self._end(chain, whole=not token)
            return
        chain.waiting = True
        if self.asked_again or not (self.ready or self.pending or self.read):
            self._resume_chains()

    def _end(self, chain: ListWindow, error: OperationalError | None = None, *, whole: bool = False) -> None:
        region = chain.read.region
        self.chains.remove(chain)
        self.run.note_region(region, -1)
        if error:
            self.pages.pop(region, None)
            self._miss(region, error)
        elif self.best:
            if not whole:
                self.best.stopped.append(chain)
        elif whole and not self._filtered(region) and all(c.read.region != region for c in self.chains):
            known = self.cloud.pages
            if region in self.pages:
                self.cloud.pages = {**known, (self.table.full_name, region): self.pages[region]}

    def _resume_chains(self) -> bool:
        """Fetch the next page of each list that waits, unless enough rows are waiting; whether any was."""
        if len(self.pending) > self.run.width:
            return False
        waiting = [chain for chain in self.chains if chain.waiting]
        for chain in waiting:
            self._fetch(chain)
        return bool(waiting)

    # Long lists, and first rows

    def _spread(self) -> None:
        """Nothing is ready and the network is waited for: cut the longest chain, if there is a long one."""
        cutter = self.cutter
        if cutter is None or self.pending or self.rows_in_flight:
            return
        if (chain := cutter.unknown(self.chains)) is not None:
            self._ask_newest(cutter, chain)
        while (idle := min(self.run.width, cutter.useful) - self.in_flight) > 0:
            chain = cutter.longest(self.chains)
            pieces = cutter.cut(chain, idle) if chain else []
            if not pieces:
                return
            for piece in pieces:
                self._begin(piece)

    def _ask_newest(self, cutter: WindowSplitter, chain: ListWindow) -> None:
        """Learn the time of the newest row of a region's list, which tells how far it is to its end."""
        region, listing = chain.read.region, self.table.list
        cutter.newest[region] = None
        parameters = cutter.newest_first(chain, listing.page_size_parameter)

        def work() -> Callable[[], None]:
            try:
                reply = self.pager.call_list(region, parameters, lambda page: 0)
                times = self.pager.times(reply[listing.items])
            except OperationalError:
                times = None  # only the speed depends on it
            # A page may be empty without being the last: then it is the service's clock that bounds all rows.
            now = self.run.served.timestamp() if self.run.served else None
            return lambda: cutter.newest.update({region: max(times, default=now) if times else now})

        self._send(work)

    def _choose(self) -> bool:
        """Every list has come far enough: go on with the first rows; whether there are any."""
        rows = self.best.chosen() if self.best else []
        if self.plan.describe or self.plan.tags:
            self._later(rows)
        else:
            self.read.extend(rows)
            self.run.note_read(rows=len(rows))
        return bool(rows)

    def _later(self, rows: list[PartialRow]) -> None:
        """Rows that need calls of their own."""
        self.pending.extend(rows)
        for row in rows:
            self.run.note_region(row.region, 1)

    def _too_few(self, best: TopN) -> None:
        """One of the first rows is gone: any of the others may be among the first now."""
        self.best = None
        self._later(best.rest())
        for chain in best.stopped:
            chain.waiting = True
            self.chains.append(chain)
            self.run.note_region(chain.read.region, 1)

    def _filtered(self, region: str) -> bool:
        """Whether the list of a region leaves rows out."""
        listing = self.table.list
        sort = {listing.sort.by, listing.sort.direction} if listing.sort else set()
        harmless = {listing.page_size_parameter, *sort}
        return any(
            step.region == region and isinstance(step, ListRead) and step.parameters.keys() - harmless
            for step in self.plan.steps
        )

    def _send_rows(self) -> None:
        while self.pending and self.budget and self.rows_in_flight < self.run.width:
            row = self.pending.popleft()
            self.budget -= 1
            self.rows_in_flight += 1
            self._send(partial(self._complete, row))

    def _rows_wait(self) -> bool:
        """Whether the rows whose calls are done should be handed on now."""
        if self.rows_in_flight and len(self.read) < self.run.width:
            return False
        return bool(self.read) and not (self.pending and self.budget and not self.rows_in_flight)

    def _complete(self, row: PartialRow) -> Callable[[], None]:
        """In the pool: make the calls of one row."""
        try:
            return partial(self._done, row.region, self.details.of(row))
        except OperationalError as error:
            if is_match(self.table.errors.missing, error):
                return partial(self._done, row.region, None)
            return partial(self._lost, row, error)

    def _done(self, region: str, row: PartialRow | None) -> None:
        self.rows_in_flight -= 1
        self.run.note_region(region, -1)
        if row is not None:
            self.read.append(row)
            self.run.note_read(rows=1)
        elif self.best:
            self._too_few(self.best)

    def _lost(self, row: PartialRow, error: OperationalError) -> None:
        self.rows_in_flight -= 1
        self.run.note_region(row.region, -1)
        self._miss(row.region, error)

    def _emit_rows(self) -> None:
        rows, self.read = self.read, []
        by_region: dict[str, list[PartialRow]] = {}
        for row in rows:
            by_region.setdefault(row.region, []).append(row)
        for region, group in by_region.items():
            try:
                self.ready.append(self.batcher.batch(group))
            except BrokenReply as error:
                self._miss(region, error)
        self._widen()

    def _widen(self) -> None:
        """Allow calls for twice as many rows before the next batch."""
        self.window = self.budget = min(self.window * 2, max(2 * self.run.width, 4 * WIDTH, self.window))

    def _miss(self, region: str, error: OperationalError) -> None:
        if not self.run.tolerant:
            raise error
        self.run.miss(self.table.full_name, region, error)


def _raiser(error: BaseException) -> Callable[[], None]:
    def report() -> None:
        raise error

    return report

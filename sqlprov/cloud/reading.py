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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from sqlprov.catalog.table import Source
from sqlprov.cloud.batches import dig, joined, seconds
from sqlprov.cloud.best import Best
from sqlprov.cloud.calls import call
from sqlprov.cloud.chains import LONG, LONG_LIMITED, WHOLE, Chain, Cutter
from sqlprov.cloud.clients import Cloud
from sqlprov.cloud.details import Details, account_id, counter
from sqlprov.cloud.faults import matches
from sqlprov.cloud.rows import Batcher, Row
from sqlprov.cloud.run import WIDTH, Run
from sqlprov.errors import BrokenReply, OperationalError
from sqlprov.plan import Account, KeyRead, ListRead, ReadPlan

FIRST_ROWS = 4
"""Rows described before the first batch of a list is handed on."""
TOGETHER = 8
"""Pages of a list that are handed on together, at most: each hand-over takes as much work as a page."""
RAMP = 8
"""Pages after which one more is handed on together: DuckDB takes a handful of batches before anyone reads a row."""
PATIENCE = 0.01
"""Seconds after which pages are handed on, however few they are."""

Kept = Callable[[pa.RecordBatch], list[int]]
"""Which rows of a batch meet the demand's filter."""


@dataclass
class Page:
    """One page of a chain.

    Attributes:
        items: its rows as they came; none once they are a batch.
        made: whether what follows has been made of them.
        times: of its rows, where the chain is sorted by one that matters; `None` if they cannot be read.
        batch: its rows, where none of them needs a further call.
        broken: a row is not what the model says.
    """

    items: list[Mapping[str, Any]]
    made: bool = False
    times: list[float] | None = None
    batch: pa.RecordBatch | None = None
    broken: BrokenReply | None = None


@dataclass(frozen=True)
class Fetched:
    """Pages of a chain, fetched one after another.

    Attributes:
        pages: those that came whole.
        token: leads to the page after them.
        error: what ended them.
        busy, waited: seconds of this process's work, and in all.
    """

    pages: list[Page]
    token: str | None
    error: OperationalError | None
    busy: float
    waited: float


class Reading:
    """The rows of one demand under way."""

    def __init__(self, plan: ReadPlan, run: Run, cloud: Cloud, kept: Kept | None = None) -> None:
        self.plan, self.run, self.cloud, self.table = plan, run, cloud, plan.table
        self.batcher, self.details = Batcher(plan), Details(plan, run, cloud)
        self.kept = kept
        self.best = Best(plan.top) if plan.top and kept else None
        long = LONG_LIMITED if run.hints and run.hints.limited else LONG
        self.cutter = Cutter(plan.windows, long) if plan.windows else None
        # Region -> pages of its list so far, over all its chains.
        self.pages: dict[str, int] = {}
        self.reports: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self.in_flight = 0
        self.rows_in_flight = 0
        self.chains: list[Chain] = []
        self.pending: deque[Row] = deque()
        self.read: list[Row] = []
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
        if self.plan.account is Account.KNOWN:
            self.batcher.account = self.cloud.account_id or ""
        if self.plan.account is Account.STS and self.plan.steps:
            self._send(self._ask_account)
            self._handle()
        for step in self.plan.steps:
            if isinstance(step, KeyRead):
                self._later([Row(step.region, key) for key in step.keys])
                self.budget = self.window = max(self.window, len(self.pending))
            else:
                self._begin(Chain(step))
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

    def _begin(self, chain: Chain) -> None:
        self.chains.append(chain)
        self.run.note_region(chain.read.region, 1)
        self._fetch(chain)

    def _list(
        self,
        region: str,
        parameters: Mapping[str, Any],
        rows: Callable[[dict[str, Any]], int],
        meanwhile: Callable[[], None] | None = None,
    ) -> dict[str, Any]:
        table = self.table
        items = (table.list.items,)
        return call(
            self.run,
            self.cloud,
            table.client,
            table.signing,
            table.list.call,
            region,
            parameters,
            items,
            rows,
            meanwhile,
        )

    def _fetch(self, chain: Chain) -> None:
        """Send for the next page of a chain, or for several where they come faster than they are asked for."""
        chain.waiting = False
        listing, region, end = self.table.list, chain.read.region, chain.high
        most = min(self.together, 1 + chain.pages // RAMP)
        many = self._listed and not self._limited and (chain.low, end) == WHOLE

        def work() -> Callable[[], None]:
            began, busy = time.perf_counter(), time.thread_time()
            pages: list[Page] = []
            token, error = chain.token, None
            try:
                while True:
                    parameters = dict(chain.read.parameters)
                    if token is not None:
                        parameters[listing.token_in] = token
                        chain.seen.add(token)
                    count = counter(listing.items, listing.token_out, chain.seen)
                    # While the next page is waited for, the one before it is made Arrow.
                    before = _bound(self._make, region, pages[-1]) if pages else None
                    reply = self._list(region, parameters, count, before)
                    pages.append(Page(reply[listing.items]))
                    token = (reply.get(listing.token_out) if listing.token_out else None) or None
                    late = time.perf_counter() - began > PATIENCE
                    if (
                        token is None
                        or not many
                        or len(pages) >= most
                        or late
                        or self.closed
                        or chain.high != end
                    ):
                        break
            except OperationalError as met:
                error = met
            cost = time.thread_time() - busy, time.perf_counter() - began
            return _bound(self._arrived, chain, Fetched(pages, token, error, *cost))

        self._send(work)

    @property
    def _listed(self) -> bool:
        """Whether a page's rows are whole as they come, and all of them wanted."""
        return not (self.best or self.plan.describe or self.plan.tags)

    @property
    def _limited(self) -> bool:
        """Whether a LIMIT may end the reading."""
        return self.run.hints is not None and self.run.hints.limited

    def _times(self, items: Sequence[Mapping[str, Any]]) -> list[float] | None:
        """When each item was, the earlier the nearer to the list's begin; `None` if that cannot be read."""
        order = self.best or (self.cutter and self.cutter.windows)
        if not order:
            return []
        path = self.table.by_name[order.column].path
        found: list[Any] = [item.get(path[0]) for item in items]
        if len(path) > 1:
            found = [dig(value, path[1:]) for value in found]
        if not set(map(type, found)) <= {float}:
            try:
                found = [seconds(at) for at in found]
            except (TypeError, ValueError):
                return None
        return [-at for at in found] if self.best and self.best.top.descending else found

    def _make(self, region: str, page: Page) -> None:
        """Make of a page what is needed of it; once."""
        if page.made:
            return
        page.made, page.times = True, self._times(page.items)
        if self._listed:
            try:
                page.batch, page.items = self.batcher.page(region, page.items), []
            except BrokenReply as error:
                page.broken = error

    def _arrived(self, chain: Chain, fetched: Fetched) -> None:
        if chain not in self.chains:
            return  # a page before these was broken
        busy, region, error = time.thread_time(), chain.read.region, fetched.error
        chain.pages += len(fetched.pages)
        self.pages[region] = self.pages.get(region, 0) + len(fetched.pages)
        self.run.note_read(pages=len(fetched.pages))
        # The next pages are under way, then, while these are gone through.
        early = fetched.token and not error and self.asked_again and self._listed
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

    def _take(self, chain: Chain, pages: list[Page]) -> BrokenReply | None:
        """Go on with the rows of some pages, batches all at once; those before a broken one, and its error."""
        batches: list[pa.RecordBatch] = []
        broken = None
        for page in pages:
            self._make(chain.read.region, page)
            chain.note(page.times)
            try:
                batches.extend(self._taken(chain, page))
            except BrokenReply as error:
                broken = error
                break
        if batches:
            batch = joined(batches)
            self.ready.append(batch)
            self.run.note_read(rows=batch.num_rows)
        return broken

    def _taken(self, chain: Chain, page: Page) -> list[pa.RecordBatch]:
        """Go on with those rows of a page that are the chain's own; as a batch, if they are one.

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
        own = [chain.keeps(at) for at in page.times or ()]
        if page.batch is not None:
            batch = page.batch if whole else page.batch.filter(pa.array(own, pa.bool_()))
            return [batch] if batch.num_rows else []
        items = page.items if whole else [item for item, kept in zip(page.items, own, strict=True) if kept]
        rows = [Row(region, listed=item) for item in items]
        if not (self.best and self.kept):
            self._later(self.batcher.worth_a_call(rows))
            return []
        if rows:
            batch = self.batcher.batch(rows, Source.LIST, Source.REGION, Source.KEY)
            rows = [rows[at] for at in self.kept(batch)]
        times = self._times([row.listed or {} for row in rows])
        if times is None:  # it is in none of the orders there are: DuckDB sorts
            self._too_few(self.best)
            self._later(rows)
        else:
            self.best.add(rows, times)
        return []

    def _go_on(self, chain: Chain, token: str | None) -> None:
        """Fetch the next page, or leave that until more rows are asked for."""
        chain.token = token
        if not token or chain.passed or (self.best and self.best.settled(chain)):
            self._end(chain, whole=not token)
            return
        chain.waiting = True
        if self.asked_again or not (self.ready or self.pending or self.read):
            self._resume_chains()

    def _end(self, chain: Chain, error: OperationalError | None = None, *, whole: bool = False) -> None:
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

    def _ask_newest(self, cutter: Cutter, chain: Chain) -> None:
        """Learn the time of the newest row of a region's list, which tells how far it is to its end."""
        region, listing = chain.read.region, self.table.list
        cutter.newest[region] = None
        parameters = cutter.newest_first(chain, listing.page_size_parameter)

        def work() -> Callable[[], None]:
            try:
                reply = self._list(region, parameters, lambda page: 0)
                times = self._times(reply[listing.items])
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

    def _later(self, rows: list[Row]) -> None:
        """Rows that need calls of their own."""
        self.pending.extend(rows)
        for row in rows:
            self.run.note_region(row.region, 1)

    def _too_few(self, best: Best) -> None:
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
            self._send(_bound(self._complete, row))

    def _rows_wait(self) -> bool:
        """Whether the rows whose calls are done should be handed on now."""
        if self.rows_in_flight and len(self.read) < self.run.width:
            return False
        return bool(self.read) and not (self.pending and self.budget and not self.rows_in_flight)

    def _complete(self, row: Row) -> Callable[[], None]:
        """In the pool: make the calls of one row."""
        try:
            return _bound(self._done, row.region, self.details.of(row))
        except OperationalError as error:
            if matches(self.table.missing, error):
                return _bound(self._done, row.region, None)
            return _bound(self._lost, row, error)

    def _done(self, region: str, row: Row | None) -> None:
        self.rows_in_flight -= 1
        self.run.note_region(region, -1)
        if row is not None:
            self.read.append(row)
            self.run.note_read(rows=1)
        elif self.best:
            self._too_few(self.best)

    def _lost(self, row: Row, error: OperationalError) -> None:
        self.rows_in_flight -= 1
        self.run.note_region(row.region, -1)
        self._miss(row.region, error)

    def _emit_rows(self) -> None:
        rows, self.read = self.read, []
        by_region: dict[str, list[Row]] = {}
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


def _bound(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    return lambda: function(*arguments)


def _raiser(error: BaseException) -> Callable[[], None]:
    def report() -> None:
        raise error

    return report

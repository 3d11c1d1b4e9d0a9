"""Reads a table: pages, lookups and per-row calls, concurrently and a little ahead of the reader.

The thread that pulls the batches drives the work. Calls run in the statement's pool and put reports into a
queue; each report is handled here, and may start further calls. The first page of every region is fetched at once,
the second only when a second batch is requested: LIMIT 5 costs one page. A long list that the reader waits for is
split into windows that are read in parallel. Rows that need calls of their own come in batches that start small and
double.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pyarrow as pa

from sqlprov.aws.read.details import DetailReader
from sqlprov.aws.read.fan_out import ReadShared, check_fan_out, complete_lists
from sqlprov.aws.read.gone_rows import GoneRows
from sqlprov.aws.read.list_replies import find_rows
from sqlprov.aws.read.list_windows import LONG, LONG_LIMITED, ListWindow, WindowSplitter
from sqlprov.aws.read.pagination import FetchedPages, ListPage, PageReader
from sqlprov.aws.read.partial_row import PartialRow
from sqlprov.aws.read.report_queue import Report, ReportQueue
from sqlprov.aws.read.row_queue import RowQueue
from sqlprov.aws.read.rows import BatchBuilder
from sqlprov.aws.read.top_n import TopN
from sqlprov.aws.transport.accounts import Accounts
from sqlprov.aws.transport.calls import read_account_id
from sqlprov.aws.transport.errors import MalformedReply, is_match
from sqlprov.aws.transport.pool import WIDEST
from sqlprov.aws.transport.run import Run
from sqlprov.errors import BrokenReply, OperationalError
from sqlprov.plan.read import AccountId, KeyRead, ListRead, ReadPlan, check_required, count_least_calls
from sqlprov.plan.read.steps import ACCOUNT, REGION, Place

FIRST_LISTS = 4
"""Lists that are begun at first for a statement with a LIMIT, if parents say which lists there are."""
RAMP = 8
"""Pages after which a task fetches one more: DuckDB takes a handful of batches before anyone reads a row."""

RowFilter = Callable[[pa.RecordBatch], list[int]]
"""Returns the positions of the rows in a batch that pass the scan's filter."""


class TableScan:
    """A scan of a table."""

    def __init__(
        self,
        plan: ReadPlan,
        run: Run,
        accounts: Accounts,
        filter_rows: RowFilter | None = None,
        read_shared: ReadShared | None = None,
    ) -> None:
        self.plan, self.run, self.accounts, self.table = plan, run, accounts, plan.table
        accounts.guard.allow_reads(self.table)
        self.reports = ReportQueue(run)
        warn = None if run.is_write else run.warn  # what cannot be read must not decide what is written
        self.builder = BatchBuilder(plan, self._find_account_id, warn)
        self.details = DetailReader(plan, run, accounts)
        self.filter_rows, self.read_shared = filter_rows, read_shared
        self.top_n = TopN(plan.top) if plan.top and filter_rows else None
        self.is_limited = run.hints is not None and run.hints.limited
        long = LONG_LIMITED if self.is_limited else LONG
        self.splitter = WindowSplitter(plan.windows, long) if plan.windows else None
        # Whether all rows are returned without further calls.
        self.list_alone = not (self.top_n or plan.describe or plan.tags or plan.extras)
        self.pages = PageReader(
            plan, run, accounts, self.builder, self.list_alone, lambda: self.reports.closed
        )
        self.pages_read = 0
        # The steps that have not begun, and how many there are in all, have begun, and had no parent.
        self.steps: Iterator[ListRead | KeyRead] = iter(())
        self.count = self.begun = self.refused = 0
        self.windows: list[ListWindow] = []
        self.rows = RowQueue(self.details, run, self.reports.submit, self._note_missing, self._note_gone)
        self.gone = GoneRows(plan, self.pages)
        self.ready: deque[pa.RecordBatch] = deque()
        self.reads_ahead = False

    def start(self) -> None:
        """Start the first call of every step, wait for the first reply, and raise its error.

        Raises:
            BudgetExceeded: the statement may not make as many calls as the scan needs at least; it makes none.
            ProgrammingError: the plan lacks a value for which the table is listed.
        """
        check_required(self.plan)
        try:
            if not self.run.settings.cache:
                self.run.expect_calls(count_least_calls(self.plan, is_limited=self.is_limited))
            self.run.pool.allow(len(self.plan.steps.places))
            if self.plan.account_id is AccountId.STS and self.plan.steps:
                self.reports.submit(self._read_account_id)
                self.reports.handle()
            self._find_steps()
            self._begin_steps()
            self.rows.send()
            if self.reports.in_flight:
                self.reports.handle()
        except BaseException:
            self.reports.closed = True
            raise

    def _read_account_id(self) -> Report:
        self._find_account_id(self.plan.steps.places[0])
        return lambda: None

    def _find_account_id(self, place: Place) -> str:
        return read_account_id(self.run, self.accounts.find_cloud(place))

    def _find_steps(self) -> None:
        """Find the lists and lookups to begin; lists may follow from parents, which are read first."""
        steps = self.plan.steps
        if self.table.list.parents and any(isinstance(step, ListRead) for step in steps.each):
            lists = complete_lists(self.plan, self._find_account_id, self._read_parent)
            if self.plan.parents and not self.is_limited:
                check_fan_out(self.table, len(lists), self.run.settings.fan_out)
            self.steps, self.count = iter(lists), len(lists)
        else:
            self.steps, self.count = iter(steps), len(steps)

    def _read_parent(self, plan: ReadPlan) -> Iterator[pa.RecordBatch]:
        if self.read_shared and (batches := self.read_shared(plan)) is not None:
            return batches
        scan = TableScan(plan, self.run, self.accounts, read_shared=self.read_shared)
        scan.start()
        return scan.read_batches()

    def _begin_steps(self) -> None:
        """Begin lists and lookups, as many as are useful at once."""
        most = WIDEST
        if self.table.list.parents:
            most = self.run.pool.width if self.reads_ahead or not self.is_limited else FIRST_LISTS
        while (
            self.begun < self.count and len(self.windows) < most and len(self.rows.pending) <= self.rows.width
        ):
            if self.plan.parents and self.begun >= self.run.settings.fan_out:
                return  # the rows of these lists may be enough
            self.begun += 1
            step = next(self.steps)
            if isinstance(step, KeyRead):
                self.rows.add_keys([PartialRow(step.place, key) for key in step.keys])
            else:
                self._begin(ListWindow(step))

    def read_batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, with every column of the plan; some may fail the filter.

        Raises:
            Cancelled: the statement was cancelled.
            OperationalError: a call failed; under 'warn' the run records it instead.
        """
        try:
            while True:
                self.run.cancellation.check()
                while self.ready:
                    yield self.ready.popleft()
                    self.reads_ahead = True  # DuckDB has requested a second batch
                    self._resume_windows()
                    self.rows.send()
                self.rows.send()
                self._begin_steps()
                if self.rows.is_ready:
                    self._emit_rows()
                elif self.reports.in_flight:
                    self._split_long_list()
                    self.reports.handle()
                elif self.rows.pending:
                    self.rows.raise_budget()
                elif not self._resume_windows() and not self._emit_top_n():
                    if self.begun < self.count:
                        check_fan_out(self.table, self.count, self.begun)
                    self._check_gone()
                    self._check_parents()
                    return
        finally:
            self.reports.closed = True

    def abandon(self) -> None:
        """End it: no further call starts."""
        self.reports.closed = True
        for window in list(self.windows):
            self._end(window)

    # Pages

    def _begin(self, window: ListWindow) -> None:
        self.windows.append(window)
        self.run.log.note_region(*window.read.account_region, 1)
        self._fetch(window)

    def _fetch(self, window: ListWindow) -> None:
        """Fetch the next page of a window, or several if the reader is slower than the service."""
        window.waiting = False
        many = min(self.reports.pages_per_task, 1 + self.pages_read // RAMP)
        most = many if self.list_alone and not self.is_limited else 1
        self.reports.submit(lambda: partial(self._handle_pages, window, self.pages.fetch(window, most)))

    def _handle_pages(self, window: ListWindow, fetched: FetchedPages) -> None:
        if window not in self.windows:
            return  # an earlier page was broken
        busy, error = time.thread_time(), fetched.error
        window.pages += len(fetched.pages)
        self.pages_read += len(fetched.pages)
        self.run.log.note_read(pages=len(fetched.pages))
        # If possible, fetch the next pages while these are handled.
        early = fetched.token and not error and self.reads_ahead and self.list_alone
        if early := early and window.is_whole_list:
            self._continue(window, fetched.token)
        error = self._add_pages(window, fetched.pages) or error
        if self.splitter:
            busy = time.thread_time() - busy
            self.splitter.note_cost(fetched.busy + busy, fetched.waited + busy)
        if error:
            self._end(window, error)
        elif not early:
            self._continue(window, fetched.token)

    def _add_pages(self, window: ListWindow, pages: list[ListPage]) -> BrokenReply | None:
        """Handle the rows of pages, up to a broken one; return its error."""
        parts: list[pa.StructArray] = []
        for page in pages:
            self.pages.decode(window, page)
            window.note_times(page.times)
            try:
                rows = self._add_page(window, page)
            except BrokenReply as error:
                return self._emit_pages(window, parts) or error
            if isinstance(rows, pa.StructArray):
                parts.append(rows)
            elif rows is not None:
                if (broken := self._emit_pages(window, parts)) is not None:
                    return broken
                self._emit(rows)
        return self._emit_pages(window, parts)

    def _emit_pages(self, window: ListWindow, parts: list[pa.StructArray]) -> BrokenReply | None:
        """Emit `parts` as one batch and clear them; if one is broken, emit the parts before it and return its
        error."""
        try:
            if parts:
                self._emit(self.builder.build_pages(window.read.place, parts))
        except BrokenReply as error:
            if len(parts) == 1:
                return error
            return next(filter(None, (self._emit_pages(window, [part]) for part in parts)), None)
        finally:
            parts.clear()
        return None

    def _emit(self, batch: pa.RecordBatch) -> None:
        if batch.num_rows:
            self.ready.append(batch)
            self.run.log.note_read(rows=batch.num_rows)

    def _add_page(self, window: ListWindow, page: ListPage) -> pa.StructArray | pa.RecordBatch | None:
        """Handle the rows of a page that are in the window; return them if they need no other call.

        Raises:
            BrokenReply: a row does not fit the model, or has no time.
        """
        whole = window.is_whole_list
        if page.broken:
            raise page.broken
        if page.times is None and not whole:
            raise BrokenReply(f"{self.table.full_name}: a row has no time.", operation=self.table.list.call)
        inside = [] if whole else [window.has_time(at) for at in page.times or ()]
        if page.rows is not None:
            return page.rows if whole else page.rows.filter(pa.array(inside, pa.bool_()))
        items = page.items if whole else [item for item, kept in zip(page.items, inside, strict=True) if kept]
        rows = self.builder.make_rows(window.read.place, items)
        if not (self.top_n and self.filter_rows):
            self.rows.add(self.builder.filter_rows(rows))
            return None
        if not rows:
            return None
        top, batch = self.top_n.top, self.builder.build_known(rows)
        kept = self.filter_rows(batch)
        rows = [rows[at] for at in kept]
        if top.ends:
            values: Sequence[Any] | None = self.pages.read_times([row.listed or {} for row in rows])
        else:
            values = batch.column(top.column).take(pa.array(kept, pa.int64())).to_pylist()
        if values is None or None in values:  # DuckDB has to sort all rows
            self._abandon_top_n(self.top_n)
            self.rows.add(rows)
        else:
            self.top_n.add(rows, values)
        return None

    def _continue(self, window: ListWindow, token: dict[str, Any] | None) -> None:
        """Fetch the next page now, or when more rows are requested."""
        window.token = token
        if not token or window.is_past_end or (self.top_n and self.top_n.is_done_with(window)):
            self._end(window, is_complete=not token)
            return
        window.waiting = True
        if self.reads_ahead or not (self.ready or self.rows.pending or self.rows.read):
            self._resume_windows()

    def _end(
        self, window: ListWindow, error: OperationalError | None = None, *, is_complete: bool = False
    ) -> None:
        self.windows.remove(window)
        self.run.log.note_region(*window.read.account_region, -1)
        if error:
            # A parent that is gone, or a resource that the account does not have, is not a row.
            listing = self.table.list
            may_be_absent = listing.parents or listing.single or not listing.rows
            if may_be_absent and is_match(self.table.errors.missing, error):
                self.refused += 1
            else:
                self._note_missing(window.read.place, error)
        elif self.top_n and not is_complete:
            self.top_n.stopped.append(window)

    def _resume_windows(self) -> bool:
        """Fetch the next page of each waiting window, unless enough rows are pending; return whether any was
        fetched."""
        if len(self.rows.pending) > self.rows.width:
            return False
        waiting = [window for window in self.windows if window.waiting]
        for window in waiting:
            self._fetch(window)
        return bool(waiting)

    # Windows and top N

    def _split_long_list(self) -> None:
        """Split the longest list, if there is a long one: nothing is ready, and calls are in flight."""
        splitter = self.splitter
        if splitter is None or self.rows.pending or self.rows.in_flight:
            return
        if (window := splitter.find_unbounded(self.windows)) is not None:
            self._read_newest(splitter, window)
        while (idle := min(self.run.pool.width, splitter.useful_calls) - self.reports.in_flight) > 0:
            longest = splitter.find_longest(self.windows)
            new = splitter.split(longest, idle) if longest else []
            if not new:
                return
            for each in new:
                self._begin(each)

    def _read_newest(self, splitter: WindowSplitter, window: ListWindow) -> None:
        """Read the time of the newest row of a region's list, which shows how long the list is."""
        read, listing = window.read, self.table.list
        splitter.newest[read.account_region] = None
        parameters = splitter.make_newest_row_parameters(window, listing.page_size_parameter)

        def work() -> Report:
            try:
                reply = self.pages.call_list(read.place, parameters, lambda page: 0)
                times = self.pages.read_times(find_rows(listing, reply))
            except (OperationalError, MalformedReply):
                times = None  # the list is not split
            # A page may be empty without being the last; in this case the service's clock bounds all rows.
            now = self.run.log.service_time.timestamp() if self.run.log.service_time else None
            return lambda: splitter.newest.update(
                {read.account_region: max(times, default=now) if times else now}
            )

        self.reports.submit(work)

    def _emit_top_n(self) -> bool:
        """Handle the first rows once every list has been read far enough; return whether there are any."""
        rows = self.top_n.take_first() if self.top_n else []
        if self.plan.describe or self.plan.tags or self.plan.extras:
            self.rows.add(rows)
        else:
            self.rows.read.extend(rows)
            self.run.log.note_read(rows=len(rows))
        return bool(rows)

    def _abandon_top_n(self, top_n: TopN) -> None:
        """Handle all rows, because one of the first was deleted and another may take its place."""
        self.top_n = None
        self.rows.add(top_n.take_rest())
        for window in top_n.stopped:
            window.waiting = True
            self.windows.append(window)
            self.run.log.note_region(*window.read.account_region, 1)

    def _note_gone(self, rows: list[PartialRow]) -> None:
        self.gone.note(rows)
        if self.top_n:
            self._abandon_top_n(self.top_n)

    def _check_gone(self) -> None:
        try:
            self.gone.check()
        except OperationalError as error:
            self._note_missing({**self.gone.place, REGION: error.region}, error)

    def _check_parents(self) -> None:
        """Warn if a list of several parents says of each that it does not exist: the call may need another name."""
        if self.plan.parents and not self.table.list.single and self.refused == self.begun > 1:
            names = " and ".join(parent.plan.table.full_name for parent in self.plan.parents)
            self.run.warn(
                f"{self.table.full_name}: {self.table.list.call} reports that none of the {self.begun} rows of "
                f"{names} exists."
            )

    def _emit_rows(self) -> None:
        rows = self.rows.take()
        self.gone.clear()
        groups: dict[tuple[str, str], list[PartialRow]] = {}
        for row in rows:
            groups.setdefault((row.account, row.region), []).append(row)
        for group in groups.values():
            try:
                self.ready.append(self.builder.build_batch(group))
            except BrokenReply as error:
                self._note_missing(group[0].place, error)
        self.rows.raise_budget()

    def _note_missing(self, place: Place, error: OperationalError) -> None:
        self.accounts.find_cloud(place).name_account(error)
        if not error.code:
            self.accounts.replies.clear()  # a kept reply may be the cause
        if not self.run.is_tolerant:
            raise error
        self.run.log.note_missing(self.table.full_name, str(place[ACCOUNT]), str(place[REGION]), error)

"""ReadPlan in, record batches out: pages, look-ups and per-row calls, concurrent, a few ahead of who reads them.

Whoever pulls the batches drives the work, in its own thread: calls run in the statement's pool and report to a
queue; each report is handled here, and decides what is called next. The first page of every region is fetched at
once, the second only when a second batch is asked for, so that LIMIT 5 costs one page. Rows that need calls of
their own are handed on in batches that begin small and double.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from sqlprov.catalog.table import Source, Table
from sqlprov.cloud.batches import array, arrays, dig
from sqlprov.cloud.calls import call
from sqlprov.cloud.clients import Cloud
from sqlprov.cloud.conditions import expression
from sqlprov.cloud.faults import MalformedReply, matches
from sqlprov.cloud.run import Run
from sqlprov.errors import BrokenReply, OperationalError
from sqlprov.plan import Account, KeyRead, ListRead, ReadPlan
from sqlprov.plan.predicate import TRUE

FIRST_ROWS = 4
"""Rows described before the first batch of a list is handed on."""
LONGEST_ASKING = 2.0
"""Seconds to wait for the account that another thread has asked for, before asking too."""


@dataclass(eq=False)
class Chain:
    """One list, page after page."""

    read: ListRead
    token: str | None = None
    seen: set[str] = field(default_factory=set)
    pages: int = 0
    waiting: bool = False


@dataclass(frozen=True)
class Row:
    """One row under way: what each call has returned of it, as decoded JSON."""

    region: str
    key: tuple[str, ...] | None = None
    listed: Mapping[str, Any] | None = None
    described: Mapping[str, Any] | None = None
    tags: list[Any] | None = None


def account_id(run: Run, cloud: Cloud) -> str:
    """The account of the credentials; one STS call for each session.

    Raises:
        OperationalError: the call failed.
    """
    # Whoever asks may hang, for a statement that was cancelled long ago.
    first = cloud.asking_account.acquire(timeout=LONGEST_ASKING)
    try:
        if cloud.account_id is None:
            region = cloud.region() or "us-east-1"
            reply = call(run, cloud, "sts", "sts", "GetCallerIdentity", region, {}, ("Account",))
            cloud.account_id = str(reply["Account"])
        return cloud.account_id
    finally:
        if first:
            cloud.asking_account.release()


def read_tags(run: Run, cloud: Cloud, table: Table, region: str, arn: str) -> list[Any]:
    """The tags of one row, {Key, Value} each, of every page.

    Raises:
        OperationalError: a call failed.
    """
    calling = table.tags
    assert calling is not None, "tags are asked only of tables that have them"
    parameters: dict[str, Any] = {calling.argument: arn}
    found: list[Any] = []
    seen: set[str] = set()
    while True:
        count = _counter(calling.items, calling.token_out, seen)
        operation, client, signing = calling.call, table.client, table.signing
        reply = call(run, cloud, client, signing, operation, region, parameters, (calling.items,), count)
        found.extend(reply[calling.items])
        token = reply.get(calling.token_out) if calling.token_out else None
        if not token:
            return found
        seen.add(token)
        parameters = {**parameters, calling.token_in: token}


class Reading:
    """The rows of one demand under way."""

    def __init__(self, plan: ReadPlan, run: Run, cloud: Cloud) -> None:
        self.plan, self.run, self.cloud, self.table = plan, run, cloud, plan.table
        self.reports: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self.in_flight = 0
        self.rows_in_flight = 0
        self.chains: list[Chain] = []
        self.pending: deque[Row] = deque()
        self.read: list[Row] = []
        self.ready: deque[pa.RecordBatch] = deque()
        self.window = self.budget = FIRST_ROWS
        self.asked_again = False
        self.closed = False
        self.account = ""
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
            self.account = self.cloud.account_id or ""
        if self.plan.account is Account.STS and self.plan.steps:
            self._send(self._ask_account)
            self._handle()
        for step in self.plan.steps:
            if isinstance(step, KeyRead):
                self.pending.extend(Row(step.region, key) for key in step.keys)
                self.run.note_region(step.region, len(step.keys))
                self.budget = self.window = max(self.window, len(self.pending))
            else:
                chain = Chain(step)
                self.chains.append(chain)
                self.run.note_region(step.region, 1)
                self._fetch_page(chain)
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
                    self._handle()
                elif self.pending:
                    self._widen()
                elif not self._resume_chains():
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
        report = self.reports.get()
        self.run.check()
        if report is None:
            return
        self.in_flight -= 1
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
            self.account = account

        return report

    # Pages

    def _fetch_page(self, chain: Chain) -> None:
        chain.waiting = False
        listing = self.table.list
        parameters = dict(chain.read.parameters)
        if chain.token is not None:
            parameters[listing.token_in] = chain.token
        region = chain.read.region

        def work() -> Callable[[], None]:
            try:
                reply = call(
                    self.run,
                    self.cloud,
                    self.table.client,
                    self.table.signing,
                    listing.call,
                    region,
                    parameters,
                    (listing.items,),
                    _counter(listing.items, listing.token_out, chain.seen),
                )
                items = reply[listing.items]
                if self.plan.describe or self.plan.tags:
                    page = self._worth_a_call(region, items)
                    return lambda: self._page_of_rows(chain, reply, page)
                batch = self._batch([Row(region, listed=item) for item in items])
                return lambda: self._page(chain, reply, batch)
            except OperationalError as error:
                return _bound(self._end, chain, error)

        self._send(work)

    def _page(self, chain: Chain, reply: dict[str, Any], batch: pa.RecordBatch) -> None:
        if batch.num_rows:
            self.ready.append(batch)
            self.run.note_read(rows=batch.num_rows)
        self._go_on(chain, reply)

    def _page_of_rows(self, chain: Chain, reply: dict[str, Any], rows: list[Row]) -> None:
        self.pending.extend(rows)
        self.run.note_region(chain.read.region, len(rows))
        self._go_on(chain, reply)

    def _go_on(self, chain: Chain, reply: dict[str, Any]) -> None:
        """Fetch the next page, or leave that until more rows are asked for."""
        chain.pages += 1
        self.run.note_read(pages=1)
        token = reply.get(self.table.list.token_out) if self.table.list.token_out else None
        if not token:
            self._end(chain)
            if not chain.read.parameters.keys() - self._unfiltered():
                known = self.cloud.pages
                self.cloud.pages = {**known, (self.table.full_name, chain.read.region): chain.pages}
            return
        chain.seen.add(token)
        chain.token = token
        chain.waiting = True
        if self.asked_again or not (self.ready or self.pending or self.read):
            self._resume_chains()

    def _end(self, chain: Chain, error: OperationalError | None = None) -> None:
        self.chains.remove(chain)
        self.run.note_region(chain.read.region, -1)
        if error:
            self._miss(chain.read.region, error)

    def _resume_chains(self) -> bool:
        """Fetch the next page of each list that waits, unless enough rows are waiting; whether any was."""
        if len(self.pending) > self.run.settings.concurrency:
            return False
        waiting = [chain for chain in self.chains if chain.waiting]
        for chain in waiting:
            self._fetch_page(chain)
        return bool(waiting)

    def _unfiltered(self) -> set[str]:
        listing = self.table.list
        sort = {listing.sort.by, listing.sort.direction} if listing.sort else set()
        return {listing.page_size_parameter, *sort}

    # Rows with calls of their own

    def _worth_a_call(self, region: str, items: list[Mapping[str, Any]]) -> list[Row]:
        """The listed rows that meet what can be decided without a further call."""
        rows = [Row(region, listed=item) for item in items]
        if self.plan.row_filter == TRUE or not rows:
            return rows
        try:
            condition = expression(self.plan.row_filter, self.table.by_name)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            return rows  # a literal that is not of the column's type: the filter proper will decide
        batch = self._batch(rows, Source.LIST, Source.REGION, Source.KEY)
        numbered = pa.Table.from_batches([batch]).append_column("__row", pa.array(range(len(rows))))
        kept = numbered.filter(condition)
        return [rows[at] for at in kept.column("__row").to_pylist()]

    def _send_rows(self) -> None:
        while self.pending and self.budget and self.rows_in_flight < self.run.settings.concurrency:
            row = self.pending.popleft()
            self.budget -= 1
            self.rows_in_flight += 1
            self._send(_bound(self._complete, row))

    def _rows_wait(self) -> bool:
        """Whether the rows whose calls are done should be handed on now."""
        if self.rows_in_flight and len(self.read) < self.run.settings.concurrency:
            return False
        return bool(self.read) and not (self.pending and self.budget and not self.rows_in_flight)

    def _complete(self, row: Row) -> Callable[[], None]:
        """In the pool: make the calls of one row."""
        try:
            described = self._describe(row) if self.plan.describe or row.key else None
            whole = Row(row.region, row.key, row.listed, described)
            tags = self._tags(whole) if self.plan.tags else None
            whole = Row(row.region, row.key, row.listed, described, tags)
            return lambda: self._done(row.region, whole)
        except OperationalError as error:
            if matches(self.table.missing, error):
                return lambda: self._done(row.region, None)
            return _bound(self._lost, row, error)

    def _describe(self, row: Row) -> Mapping[str, Any]:
        describe = self.table.describe
        assert describe is not None, "the plan describes only tables that can"
        key = row.key or tuple(
            str(dig(row.listed, self.table.by_name[column].path)) for column in self.table.key
        )
        arguments = dict(zip(describe.arguments, key, strict=True))
        reply = self._call(describe.call, row.region, arguments, describe.required)
        found: Mapping[str, Any] = dig(reply, describe.item)
        return found

    def _tags(self, row: Row) -> list[Any]:
        return read_tags(self.run, self.cloud, self.table, row.region, self._member(row, self.table.arn))

    def _call(
        self,
        operation: str,
        region: str,
        parameters: Mapping[str, Any],
        members: tuple[str, ...],
        rows: Callable[[dict[str, Any]], int] = lambda _: 1,
    ) -> dict[str, Any]:
        client, signing = self.table.client, self.table.signing
        return call(self.run, self.cloud, client, signing, operation, region, parameters, members, rows)

    def _done(self, region: str, row: Row | None) -> None:
        self.rows_in_flight -= 1
        self.run.note_region(region, -1)
        if row is not None:
            self.read.append(row)
            self.run.note_read(rows=1)

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
                self.ready.append(self._batch(group))
            except BrokenReply as error:
                self._miss(region, error)
        self._widen()

    def _widen(self) -> None:
        """Allow calls for twice as many rows before the next batch."""
        self.window = self.budget = min(self.window * 2, max(4 * self.run.settings.concurrency, self.window))

    # Values

    def _batch(self, rows: list[Row], *sources: Source) -> pa.RecordBatch:
        """`rows` of one region as a batch of the plan's columns, or of those from `sources` only."""
        by_name = self.table.by_name
        names = [name for name in self.plan.columns if not sources or by_name[name].source in sources]
        try:
            found: dict[str, pa.Array] = {}
            listed = [row.listed for row in rows if row.listed is not None]
            if len(listed) == len(rows):
                found = arrays(
                    [by_name[name] for name in names if by_name[name].source is Source.LIST], listed
                )
            columns = [
                found[name] if name in found else array(by_name[name], self._values(rows, name))
                for name in names
            ]
        except MalformedReply as error:
            region = rows[0].region
            text = f"{self.table.full_name} in {region}: {error}."
            raise BrokenReply(text, operation=self.table.list.call, region=region) from None
        schema = pa.schema([(name, by_name[name].type) for name in names])
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    def _values(self, rows: list[Row], name: str) -> list[Any]:
        """The values of one column, as the service's JSON has them."""
        column = self.table.by_name[name]
        match column.source:
            case Source.REGION:
                return [row.region for row in rows]
            case Source.ACCOUNT:
                return [self._account(row) for row in rows]
            case Source.TAGS:
                return [row.tags for row in rows]
            case Source.KEY:
                parts = [self._values(rows, part) for part in self.table.key]
                return ["|".join(map(str, key)) for key in zip(*parts, strict=True)]
        return [self._member(row, name) for row in rows]

    def _member(self, row: Row, name: str) -> Any:
        """A value that a call has returned: the list's where the row was listed, else Describe's."""
        column = self.table.by_name[name]
        if column.source is Source.LIST and row.listed is not None:
            return dig(row.listed, column.path)
        assert self.table.describe is not None, "only a table that can be described has such a column or row"
        return dig(row.described, self.table.describe.paths[name])

    def _account(self, row: Row) -> str:
        if self.plan.account is Account.ARN and (arn := self._member(row, self.table.arn)):
            return str(arn).split(":")[4]
        return self.account

    def _miss(self, region: str, error: OperationalError) -> None:
        if not self.run.tolerant:
            raise error
        self.run.miss(self.table.full_name, region, error)


def _counter(items: str, token: str, seen: set[str]) -> Callable[[dict[str, Any]], int]:
    """Counts the rows of a page; refuses one that holds no rows, or that leads back to a page before it."""

    def count(page: dict[str, Any]) -> int:
        rows = page[items]
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise MalformedReply(f"the reply's {items} is no list of structures")
        if token and page.get(token) in seen:
            raise MalformedReply("the reply repeats the page token of an earlier page")
        return len(rows)

    return count


def _bound(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    return lambda: function(*arguments)


def _raiser(error: BaseException) -> Callable[[], None]:
    def report() -> None:
        raise error

    return report

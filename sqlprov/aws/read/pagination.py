"""A chain of pages in, its next pages out, as Arrow where no row needs a further call; work for the pool."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from sqlprov.aws.read.batches import get_path, to_epoch_seconds
from sqlprov.aws.read.details import make_counter
from sqlprov.aws.read.list_windows import SLACK, WHOLE, ListWindow
from sqlprov.aws.read.rows import BatchBuilder
from sqlprov.aws.run import Run
from sqlprov.aws.transport.calls import call
from sqlprov.aws.transport.clients import Cloud
from sqlprov.errors import BrokenReply, OperationalError
from sqlprov.plan.read import ReadPlan

PATIENCE = 0.01
"""Seconds after which pages are handed on, however few they are."""


@dataclass
class ListPage:
    """One page of a chain.

    Attributes:
        items: its rows as they came; none once they are Arrow.
        made: whether what follows has been made of them.
        times: of its rows, where the chain is sorted by one that matters; `None` if they cannot be read.
        rows: as Arrow, where none of them needs a further call.
        broken: a row is not what the model says.
    """

    items: list[Mapping[str, Any]]
    made: bool = False
    times: list[float] | None = None
    rows: pa.StructArray | pa.RecordBatch | None = None
    broken: BrokenReply | None = None


@dataclass(frozen=True)
class FetchedPages:
    """Pages of a chain, fetched one after another.

    Attributes:
        pages: those that came whole.
        token: leads to the page after them; `None` after the last.
        error: what ended them.
        busy, waited: seconds of this process's work, and in all.
    """

    pages: list[ListPage]
    token: str | None
    error: OperationalError | None
    busy: float
    waited: float


class PageReader:
    """Fetches pages for one plan.

    Args:
        list_alone: whether the rows need nothing but the list, and all of them are wanted.
        closed: tells that nobody wants any more.
    """

    def __init__(
        self,
        plan: ReadPlan,
        run: Run,
        cloud: Cloud,
        batcher: BatchBuilder,
        list_alone: bool,
        closed: Callable[[], bool],
    ) -> None:
        self._table, self._run, self._cloud, self._batcher = plan.table, run, cloud, batcher
        self._list_alone, self._closed = list_alone, closed
        order = plan.top or plan.windows
        self._path = plan.table.by_name[order.column].path if order else ()
        self._descending = plan.top is not None and plan.top.descending

    def fetch(self, chain: ListWindow, most: int) -> FetchedPages:
        """The next pages of `chain`, `most` at most: fewer if they take long or the chain ends, or is cut, before."""
        began, busy = time.perf_counter(), time.thread_time()
        listing, end = self._table.list, chain.high
        pages: list[ListPage] = []
        token, error = chain.token, None
        try:
            while True:
                parameters = dict(chain.read.parameters)
                if token is not None:
                    parameters[listing.token_in] = token
                    chain.seen.add(token)
                # While the next page is waited for, the one before it is made Arrow.
                meanwhile = partial(self.make, chain, pages[-1]) if pages else None
                count = make_counter(listing.items, listing.token_out, chain.seen)
                reply = self.call_list(chain.read.region, parameters, count, meanwhile)
                pages.append(ListPage(reply[listing.items]))
                token = (reply.get(listing.token_out) if listing.token_out else None) or None
                enough = token is None or len(pages) >= most or chain.high != end or self._closed()
                if enough or time.perf_counter() - began > PATIENCE or self._beyond(chain, pages[-1]):
                    break
        except OperationalError as met:
            error = met
        return FetchedPages(pages, token, error, time.thread_time() - busy, time.perf_counter() - began)

    def call_list(
        self,
        region: str,
        parameters: Mapping[str, Any],
        rows: Callable[[dict[str, Any]], int],
        meanwhile: Callable[[], None] | None = None,
    ) -> dict[str, Any]:
        """One call of the list; the arguments are those of `call`."""
        table = self._table
        service, operation, items = table.client, table.list.call, (table.list.items,)
        return call(
            self._run,
            self._cloud,
            service,
            table.iam,
            operation,
            region,
            parameters,
            items,
            rows,
            meanwhile,
        )

    def make(self, chain: ListWindow, page: ListPage) -> None:
        """Make of a page's items what is needed of them; once."""
        if page.made:
            return
        page.made, page.times = True, self.times(page.items)
        if self._list_alone:
            try:
                page.rows, page.items = self._batcher.page(chain.read.region, page.items), []
            except BrokenReply as error:
                page.broken = error

    def times(self, items: Sequence[Mapping[str, Any]]) -> list[float] | None:
        """When each item was, the earlier the nearer to the list's begin; `None` if that cannot be read."""
        if not self._path:
            return []
        first, *rest = self._path
        found: list[Any] = [item.get(first) for item in items]
        if rest:
            found = [get_path(value, rest) for value in found]
        if not set(map(type, found)) <= {float}:
            try:
                found = [to_epoch_seconds(at) for at in found]
            except (TypeError, ValueError):
                return None
        return [-at for at in found] if self._descending else found

    def _beyond(self, chain: ListWindow, page: ListPage) -> bool:
        """Whether a page seems to be the last one that a piece of a list needs."""
        if (chain.low, chain.high) == WHOLE:
            return False
        self.make(chain, page)
        return not page.times or page.times[-1] > chain.high + 2 * SLACK

"""Fetches pages of a list, and decodes them if no row needs another call; runs in the pool."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pyarrow as pa

from sqlprov.aws.read.list_replies import check_failures, find_rows, find_token, freeze, make_row_counter
from sqlprov.aws.read.list_windows import SLACK, ListWindow
from sqlprov.aws.read.rows import BatchBuilder
from sqlprov.aws.transport.accounts import Accounts
from sqlprov.aws.transport.calls import call
from sqlprov.aws.transport.reply_cache import ListingReader
from sqlprov.aws.transport.run import Run
from sqlprov.catalog.column import get_path
from sqlprov.catalog.texts import to_epoch_seconds
from sqlprov.errors import BrokenReply, OperationalError, ServiceError
from sqlprov.plan.read import ListRead, ReadPlan
from sqlprov.plan.read.steps import REGION, Place
from sqlprov.records import dataclass

LONGEST_FETCH = 0.01
"""Seconds after which the pages so far are returned, however few they are."""


@dataclass
class ListPage:
    """One page of a list.

    Attributes:
        items: the rows as decoded JSON; empty once they are in `rows`.
        is_decoded: whether the other attributes are set.
        times: of the rows, if the list is sorted by a time that matters; `None` if they cannot be read.
        rows: for Arrow, if no row needs another call.
        broken: the error, if a row does not fit the model.
    """

    items: list[Mapping[str, Any]]
    is_decoded: bool = False
    times: list[float] | None = None
    rows: pa.StructArray | pa.RecordBatch | None = None
    broken: BrokenReply | None = None


@dataclass(frozen=True)
class FetchedPages:
    """Pages of a list, fetched one after another.

    Attributes:
        pages: the complete ones.
        token: parameters that request the next page; `None` after the last.
        error: why fetching stopped.
        busy, waited: CPU seconds of this process, and total seconds.
    """

    pages: list[ListPage]
    token: dict[str, Any] | None
    error: OperationalError | None
    busy: float
    waited: float


@dataclass
class PageReader:
    """Fetches pages for one plan.

    Attributes:
        list_alone: whether all rows are returned, and need nothing but the list.
        is_closed: returns whether the scan has ended.
    """

    plan: ReadPlan
    run: Run
    accounts: Accounts
    builder: BatchBuilder
    list_alone: bool
    is_closed: Callable[[], bool]

    def __post_init__(self) -> None:
        self._table = self.plan.table
        top = self.plan.top if self.plan.top and self.plan.top.ends else None
        order = top or self.plan.windows
        time = self._table.by_name[order.column] if order else None
        self._time_path, self._per_second = (time.path, time.per_second) if time else ((), 1)
        self._descending = top is not None and top.descending

    def fetch(self, window: ListWindow, most: int) -> FetchedPages:
        """Up to `most` next pages of `window`: fewer if they take long, or the window ends or is split."""
        began, busy = time.perf_counter(), time.thread_time()
        method, end = self._table.list, window.high
        pages: list[ListPage] = []
        token, error = window.token, None
        try:
            while True:
                parameters = dict(window.read.parameters)
                if token is not None:
                    parameters |= token
                    window.seen.add(freeze(token))
                # A page is decoded while waiting for the next one.
                while_waiting = partial(self.decode, window, pages[-1]) if pages else None
                count = make_row_counter(method, window.seen, self._table.listed_key)
                try:
                    reply = self.call_list(window.read.place, parameters, count, while_waiting, window.reader)
                except ServiceError as refusal:
                    whole = None if token else self._leave_filters_out(window, refusal)
                    if whole is None:
                        raise
                    window.read, window.reader = whole, ListingReader()
                    continue
                pages.append(ListPage(find_rows(method, reply)))
                token = find_token(method, reply)
                if token is None:
                    window.reader.end()
                enough = token is None or len(pages) >= most or window.high != end or self.is_closed()
                took_long = time.perf_counter() - began > LONGEST_FETCH
                if enough or took_long or self._is_past_end(window, pages[-1]):
                    break
        except OperationalError as met:
            error = met
        return FetchedPages(pages, token, error, time.thread_time() - busy, time.perf_counter() - began)

    def call_list(
        self,
        place: Place,
        parameters: Mapping[str, Any],
        rows: Callable[[dict[str, Any]], int],
        while_waiting: Callable[[], None] | None = None,
        reader: ListingReader | None = None,
    ) -> dict[str, Any]:
        """Make one call of the list; the arguments are those of `call`."""
        table, method = self._table, self._table.list
        cloud, region = self.accounts.find_cloud(place), str(place[REGION])
        names = table.client, table.iam, method.call, region
        whole = {**method.send, **parameters}
        reply = call(self.run, cloud, *names, whole, (), rows, while_waiting, reader)
        check_failures(table, method.call, method.rows, region, reply)
        return reply

    def _leave_filters_out(self, window: ListWindow, error: ServiceError) -> ListRead | None:
        """The list without its filters, if the first page fails, perhaps because of them; the rows then decide.

        Documentation may name a filter, or a value of it, that the service does not take. Some services report that
        no row passes a filter as an error.
        """
        filters = {each.parameter for each in self._table.list.filters}
        rest = {name: value for name, value in window.read.parameters.items() if name not in filters}
        if not window.is_whole_list or rest == window.read.parameters:
            return None
        return replace(window.read, parameters=rest)

    def decode(self, window: ListWindow, page: ListPage) -> None:
        """Decode a page once, into its attributes."""
        if page.is_decoded:
            return
        page.is_decoded, page.times = True, self.read_times(page.items)
        if self.list_alone:
            try:
                page.rows, page.items = self.builder.build_page(window.read.place, page.items), []
            except BrokenReply as error:
                page.broken = error

    def read_times(self, items: Sequence[Mapping[str, Any]]) -> list[float] | None:
        """The time of each item; `None` if they cannot be read."""
        if not self._time_path:
            return []
        first, *rest = self._time_path
        times: list[Any] = [item.get(first) for item in items]
        if rest:
            times = [get_path(value, rest) for value in times]
        if self._per_second != 1 or not set(map(type, times)) <= {float}:
            try:
                times = [to_epoch_seconds(at, self._per_second) for at in times]
            except (TypeError, ValueError):
                return None
        return [-at for at in times] if self._descending else times

    def _is_past_end(self, window: ListWindow, page: ListPage) -> bool:
        """Whether `page` seems to be the last one of a window."""
        if window.is_whole_list:
            return False
        self.decode(window, page)
        return not page.times or page.times[-1] > window.high + 2 * SLACK

"""Keeps replies of reads for `sqlprov_cache`; statements that need the same reply at the same time share one call.

A list is kept as a whole: a page follows only the page whose token requested it, so the pages of one reader come from
one listing. Any write drops everything.
"""

from __future__ import annotations

import math
import pickle
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import field
from typing import Any

from sqlprov.aws.transport.run import Run
from sqlprov.errors import Cancelled
from sqlprov.records import dataclass

MOST_BYTES = 64_000_000
"""Bytes of replies that are kept; the oldest are dropped first."""
TOKEN_LIFE = 30.0
"""Seconds that a list is kept after its latest page if it was not read to its end: services let page tokens expire."""

Reply = dict[str, Any]


@dataclass(eq=False)
class CachedList:
    """The pages of a list so far; for another call, its only reply.

    Attributes:
        key: the caller's identity and the first call.
        began: monotonic seconds before the first call.
        latest: monotonic seconds of the latest reply.
        replies: pickled, so that their size is known and no reader changes them.
        is_whole: whether there are no further pages.
        is_dropped: whether it is no longer kept; its readers make further calls themselves.
        pending: the call for the next reply.
    """

    key: Hashable
    began: float
    latest: float = math.inf
    replies: list[bytes] = field(default_factory=list)
    is_whole: bool = False
    is_dropped: bool = False
    pending: Future[None] | None = None


@dataclass(eq=False)
class ListingReader:
    """One reader's progress in a list, page after page.

    Attributes:
        listing: the kept pages; `None` before the first page.
        number: pages read.
    """

    listing: CachedList | None = None
    number: int = 0

    def end(self) -> None:
        """Note that there are no further pages."""
        if self.listing is not None and self.number == len(self.listing.replies):
            self.listing.is_whole = True


class ReplyCache:
    """The replies of one connection and its cursors; any thread may use it."""

    def __init__(self) -> None:
        self._listings: dict[Hashable, CachedList] = {}  # in the order they began
        self._size = 0
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Forget all replies, also those of calls in flight."""
        with self._lock:
            while self._listings:
                self._drop(self._get_oldest())

    def read(
        self,
        run: Run,
        key: Hashable,
        reader: ListingReader,
        fits: Callable[[Reply], bool],
        call: Callable[[], Reply],
    ) -> Reply:
        """The reader's next reply: a kept one, that of the same call in flight, or that of `call`.

        Args:
            run: the statement; it records the age of a kept reply.
            key: the caller's identity and the first call of the list.
            reader: its progress.
            fits: whether the caller can use a kept reply.
            call: makes the call.

        Raises:
            Cancelled: the statement was cancelled.
            Error: `call` raised it.
        """
        listing = reader.listing = reader.listing or self._find(key, run.settings.cache.total_seconds())
        number, reader.number = reader.number, reader.number + 1
        while True:
            with self._lock:
                kept = listing.replies[number] if number < len(listing.replies) else None
                pending = listing.pending
                is_free = kept is None and pending is None and not listing.is_dropped
                if is_free:
                    listing.pending = Future()
            if kept is not None:
                reply: Reply = pickle.loads(kept)
                if fits(reply):
                    run.log.note_age(time.monotonic() - listing.began)
                    return reply
            elif is_free:
                return self._call(listing, call)
            elif pending is not None and _wait(run, pending):
                continue
            # Another statement's call failed or hangs, the listing was dropped, or its page is not usable.
            reader.listing = CachedList(key, listing.began, is_dropped=True)
            return call()

    def _call(self, listing: CachedList, call: Callable[[], Reply]) -> Reply:
        """Make the pending call, and keep its reply."""
        kept, failed = None, False
        try:
            reply = call()
            kept = pickle.dumps(reply)
            return reply
        except BaseException as error:
            failed = not isinstance(error, Cancelled)  # after a cancelled statement, another makes the call
            raise
        finally:
            with self._lock:
                if kept is not None and not listing.is_dropped:
                    listing.replies.append(kept)
                    listing.latest = time.monotonic()
                    self._size += len(kept)
                if failed and not listing.is_dropped:
                    self._drop(listing)
                while self._size > MOST_BYTES:
                    self._drop(self._get_oldest())
                pending, listing.pending = listing.pending, None
            assert pending is not None, "only one reader calls at a time"
            pending.set_result(None)

    def _find(self, key: Hashable, seconds: float) -> CachedList:
        """The listing to read: the kept one, if it is younger than `seconds`, or a new one."""
        now = time.monotonic()
        with self._lock:
            while self._listings and now - self._get_oldest().began >= seconds:
                self._drop(self._get_oldest())
            listing = self._listings.get(key)
            if listing and not listing.is_whole and now - listing.latest >= TOKEN_LIFE:
                self._drop(listing)
            return self._listings.setdefault(key, CachedList(key, now))

    def _get_oldest(self) -> CachedList:
        return next(iter(self._listings.values()))

    def _drop(self, listing: CachedList) -> None:
        del self._listings[listing.key]
        listing.is_dropped = True
        self._size -= sum(map(len, listing.replies))


def _wait(run: Run, call: Future[None]) -> bool:
    """Wait for another statement's call, no longer than for a reply; return whether it has ended."""
    woken = threading.Event()
    call.add_done_callback(lambda _: woken.set())
    run.cancellation.on_cancel(woken.set)
    woken.wait(run.settings.timeout)
    run.cancellation.check()
    return call.done()

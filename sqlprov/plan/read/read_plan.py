"""The plan of a read: lists, lookups by key, the parents that are read before them, and what each row needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

from sqlprov.catalog.cloud_control import PACKED
from sqlprov.catalog.table import ListCall, Table
from sqlprov.plan.read.hints import Contained, Top
from sqlprov.plan.read.predicate import TRUE, Predicate
from sqlprov.plan.read.scope import Scope
from sqlprov.records import dataclass

FEWEST_TAGGED, MOST_TAGGED = 20, 100
"""Rows whose tags are worth a call of the Resource Groups Tagging API, and those that one call can take."""
Place = Mapping[str, Any]
"""Where a call reads: the region, and the column of each parent whose value is known."""


@dataclass(frozen=True)
class ScanRequest:
    """DuckDB's request to a table.

    Attributes:
        table: the table.
        columns: names of the requested columns.
        where: the filter to apply.
        pushdown: whether the filter and the hints may narrow the calls.
        contained, top: hints.
        split: whether a long list may be cut into windows of time.
        bulk_tags: whether the tags of many rows may be read in one call.
    """

    table: Table
    columns: tuple[str, ...]
    where: Predicate = TRUE
    pushdown: bool = True
    contained: tuple[Contained, ...] = ()
    top: Top | None = None
    split: bool = True
    bulk_tags: bool = False


@dataclass(frozen=True)
class ListRead:
    """One list: every page of the List call with `parameters` in `place`, such as {"region": "us-east-1"}.

    If the plan has parents to read, each of their rows completes it.
    """

    place: Place
    parameters: Mapping[str, Any]

    @property
    def region(self) -> str:
        """The region of the calls."""
        return str(self.place["region"])

    def move(self, listing: ListCall, place: Place) -> ListRead:
        """The same list in another place."""
        return ListRead(place, {**self.parameters, **fill_parents(listing, place)})


@dataclass(frozen=True)
class KeyRead:
    """Lookups of `keys` in `place`; a key has one value for each key column.

    Attributes:
        through_list: whether the List call looks them up, instead of Describe.
    """

    place: Place
    keys: tuple[tuple[Any, ...], ...]
    through_list: bool = False

    @property
    def region(self) -> str:
        """The region of the calls."""
        return str(self.place["region"])


@dataclass(frozen=True)
class ParentRead:
    """A parent table that is read first.

    Attributes:
        plan: reads it.
        columns: its column -> the column of the child's place that gets the value.
        is_shared: whether another scan of the statement reads it.
    """

    plan: ReadPlan
    columns: Mapping[str, str]
    is_shared: bool = False


@dataclass(frozen=True)
class Windows:
    """How a list, which is sorted by a time, is cut into windows of that time.

    Attributes:
        column: the time.
        after, before: parameters that bound it.
        direction, descending: parameter and value that reverse the order, to learn the newest row's time.
    """

    column: str
    after: str
    before: str
    direction: str
    descending: str


class Account(Enum):
    """Where account_id comes from."""

    UNUSED = "unused"
    ARN = "arn"
    STS = "sts"  # one call for each session
    KNOWN = "known"  # the account is known


@dataclass(frozen=True)
class ReadPlan:
    """The calls that answer a request.

    Attributes:
        request: what is answered; parents that others share may be read with more columns.
        table: the table.
        columns: columns of every batch: those requested and those the filter reads.
        steps: lists and lookups.
        parents: the parents that are read first; each combination of their rows completes the lists in `steps`.
        place_filter: the condition on a place that the parents give.
        own_account: parents' columns whose value is the caller's account.
        scopes: where it reads, and why: one for each scope column.
        describe, tags, extras: the calls that each listed row needs.
        bulk_tags: whether the Resource Groups Tagging API may be asked for the tags of many rows first.
        account: where account_id comes from.
        row_filter, contained: conditions on a listed row before calls are made for it.
        empty: why there is nothing to fetch; empty text if there is.
        top: the rows after which a list may end; `None` to read it all.
        windows: how a long list may be cut; `None` if it may not.
    """

    request: ScanRequest
    table: Table
    columns: tuple[str, ...]
    steps: tuple[ListRead | KeyRead, ...]
    describe: bool
    tags: bool
    account: Account
    row_filter: Predicate = TRUE
    contained: tuple[Contained, ...] = ()
    empty: str = ""
    top: Top | None = None
    windows: Windows | None = None
    scopes: tuple[Scope, ...] = ()
    extras: tuple[str, ...] = ()
    parents: tuple[ParentRead, ...] = ()
    place_filter: Predicate = TRUE
    own_account: tuple[str, ...] = ()
    bulk_tags: bool = False

    def serves(self, other: ReadPlan) -> bool:
        """Whether this plan reads the rows of `other`, with at least its columns."""
        same = self.table is other.table and self.steps == other.steps and self.row_filter == other.row_filter
        same = same and self.place_filter == other.place_filter and len(self.parents) == len(other.parents)
        pairs = zip(self.parents, other.parents, strict=False)
        same = same and all(
            one.columns == two.columns and one.plan.serves(two.plan) and two.plan.serves(one.plan)
            for one, two in pairs
        )
        same_call = {Account.STS, Account.KNOWN}  # the call may have been made in between
        account = self.account is other.account or {self.account, other.account} == same_call
        more = self.describe >= other.describe and self.tags >= other.tags and account
        more = more and set(self.extras) >= set(other.extras)
        return same and more and self.top == other.top and set(self.columns) >= set(other.columns)


def fill_parents(listing: ListCall, place: Place) -> dict[str, Any]:
    """The parameters of a list in `place`, as far as it names the parents."""
    known = (parent for parent in listing.parents if parent.column in place)
    values = {parent.parameter: place[parent.column] for parent in known}
    return {PACKED: json.dumps(values)} if listing.opens and values else values

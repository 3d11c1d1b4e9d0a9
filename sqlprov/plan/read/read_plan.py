"""The plan of a read: lists, lookups by key, the parents that are read before them, and what each row needs."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from sqlprov.catalog.table import Table
from sqlprov.plan.read.hints import Contained, Top
from sqlprov.plan.read.predicate import TRUE, Predicate
from sqlprov.plan.read.scope import Scope
from sqlprov.plan.read.steps import Steps
from sqlprov.records import dataclass

FEWEST_TAGGED, MOST_TAGGED = 20, 100
"""Rows whose tags are worth a call of the Resource Groups Tagging API, and those that one call can take."""


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
        several_accounts: whether the statement may read several accounts: account_id is that of the account that is
            read, although a row's ARN may name another one that shares it.
    """

    table: Table
    columns: tuple[str, ...]
    where: Predicate = TRUE
    pushdown: bool = True
    contained: tuple[Contained, ...] = ()
    top: Top | None = None
    split: bool = True
    bulk_tags: bool = False
    several_accounts: bool = False


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


class AccountId(Enum):
    """Where account_id comes from."""

    UNUSED = "unused"
    ARN = "arn"
    STS = "sts"  # one call for each session
    KNOWN = "known"  # every account is known


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
        lacking: parents' columns that a condition has to say, and does not: the rows of a join may.
        scopes: where it reads, and why: one for each scope column.
        describe, tags, extras: the calls that each listed row needs.
        bulk_tags: whether the Resource Groups Tagging API may be asked for the tags of many rows first.
        account_id: where account_id comes from.
        row_filter, contained: conditions on a listed row before calls are made for it.
        empty: why there is nothing to fetch; empty text if there is.
        top: the rows after which a list may end; `None` to read it all.
        windows: how a long list may be cut; `None` if it may not.
    """

    request: ScanRequest
    table: Table
    columns: tuple[str, ...]
    steps: Steps
    describe: bool
    tags: bool
    account_id: AccountId
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
    lacking: tuple[str, ...] = ()
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
        same_call = {AccountId.STS, AccountId.KNOWN}  # the call may have been made in between
        sources = {self.account_id, other.account_id}
        account = len(sources) == 1 or sources == same_call
        more = self.describe >= other.describe and self.tags >= other.tags and account
        more = more and set(self.extras) >= set(other.extras)
        return same and more and self.top == other.top and set(self.columns) >= set(other.columns)

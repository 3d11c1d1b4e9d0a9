"""Plans the calls that fetch the rows of a scan."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pyarrow as pa

from sqlprov.catalog.table import ColumnSource, FilterOperator, Table
from sqlprov.errors import format_count
from sqlprov.plan.read.domain import find_domain, list_columns, restrict
from sqlprov.plan.read.hints import Contained, Top
from sqlprov.plan.read.narrow import build_list_parameters
from sqlprov.plan.read.predicate import FALSE, TRUE, Predicate
from sqlprov.plan.read.scope import Scope

KEYS_BEFORE_LIST = 20
"""Number of lookups by key that are always preferred to a list, whose pages are not known beforehand."""


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
    """

    table: Table
    columns: tuple[str, ...]
    where: Predicate = TRUE
    pushdown: bool = True
    contained: tuple[Contained, ...] = ()
    top: Top | None = None
    split: bool = True


class Account(Enum):
    """Where account_id comes from."""

    UNUSED = "unused"
    ARN = "arn"
    STS = "sts"  # one call for each session
    KNOWN = "known"  # the account is known


@dataclass(frozen=True)
class ListRead:
    """One list: every page of the List call with `parameters` in `place`, such as {"region": "us-east-1"}."""

    place: Mapping[str, str]
    parameters: Mapping[str, Any]

    @property
    def region(self) -> str:
        """The region of the calls."""
        return self.place["region"]


@dataclass(frozen=True)
class KeyRead:
    """One Describe for each of `keys` in `place`; a key has one value for each key column."""

    place: Mapping[str, str]
    keys: tuple[tuple[str, ...], ...]

    @property
    def region(self) -> str:
        """The region of the calls."""
        return self.place["region"]


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


@dataclass(frozen=True)
class PlannedCall:
    """A call that the plan makes.

    Attributes:
        table: full name of the table.
        operation, region, parameters: the call; parameters without page tokens and values from rows.
        times: `once`, `each page`, `each row`, or `until 10 rows` for pages until as many rows meet the conditions.
        columns: the columns that need it, because it fills them or returns their ARN.
        permissions: the IAM actions it needs.
    """

    table: str
    operation: str
    region: str
    parameters: Mapping[str, Any]
    times: str
    columns: tuple[str, ...]
    permissions: tuple[str, ...]


@dataclass(frozen=True)
class ReadPlan:
    """The calls that answer a request.

    Attributes:
        table: the table.
        columns: columns of every batch: those requested and those the filter reads.
        steps: lists and lookups, at most one for each scope.
        scopes: where it reads, and why: one for each scope column.
        describe, tags: whether each listed row needs that call. A lookup is a Describe.
        account: where account_id comes from.
        row_filter, contained: conditions on a listed row before calls are made for it.
        empty: why there is nothing to fetch; empty text if there is.
        top: the rows after which a list may end; `None` to read it all.
        windows: how a long list may be cut; `None` if it may not.
    """

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

    def serves(self, other: ReadPlan) -> bool:
        """Whether this plan reads the rows of `other`, with at least its columns."""
        same = self.table is other.table and self.steps == other.steps and self.row_filter == other.row_filter
        same_call = {Account.STS, Account.KNOWN}  # the call may have been made in between
        account = self.account is other.account or {self.account, other.account} == same_call
        more = self.describe >= other.describe and self.tags >= other.tags and account
        return same and more and self.top == other.top and set(self.columns) >= set(other.columns)

    def calls(self) -> tuple[PlannedCall, ...]:
        """The calls in the order they are made, without the effects of a LIMIT, an error or a retry."""
        planned = [call for step in self.steps for call in self._plan_step(step)]
        if any(scope.is_estimate for scope in self.scopes):
            permissions = ("account:ListRegions",)
            planned.insert(0, PlannedCall("", "ListRegions", "", {}, "once", (), permissions))
        if self.account is Account.STS and self.steps:
            operation, columns = "GetCallerIdentity", ("account_id",)
            permissions = ("sts:GetCallerIdentity",)
            planned.append(PlannedCall(self.table.full_name, operation, "", {}, "once", columns, permissions))
        return tuple(planned)

    def _list_filled(self, *sources: ColumnSource) -> tuple[str, ...]:
        """The columns that need a call of these sources."""
        by_name = self.table.by_name
        given = set(sources)
        if self.table.arn and by_name[self.table.arn].source in sources:
            # The ARN, requested or not, leads to the tags and names the account.
            given |= {ColumnSource.TAGS}
            given |= {ColumnSource.ACCOUNT} if self.account is Account.ARN else set()
        return tuple(name for name in self.columns if by_name[name].source in given)

    def _plan_step(self, step: ListRead | KeyRead) -> list[PlannedCall]:
        table, calls = self.table, []

        def planned(
            operation: str, parameters: Mapping[str, Any], times: str, *sources: ColumnSource
        ) -> PlannedCall:
            columns = self._list_filled(*sources)
            permission = f"{table.iam}:{operation}"
            return PlannedCall(
                table.full_name, operation, step.region, parameters, times, columns, (permission,)
            )

        if isinstance(step, ListRead):
            pages = f"until {format_count(self.top.rows, 'row')}" if self.top else "each page"
            calls.append(
                planned(table.list.call, step.parameters, pages, ColumnSource.LIST, ColumnSource.KEY)
            )
            if self.describe and table.describe:
                calls.append(planned(table.describe.call, {}, "each row", ColumnSource.DESCRIBE))
        elif table.describe:
            for key in step.keys:
                arguments = dict(zip(table.describe.arguments, key, strict=True))
                sources = (ColumnSource.LIST, ColumnSource.DESCRIBE, ColumnSource.KEY)
                calls.append(planned(table.describe.call, arguments, "once", *sources))
        if self.tags and table.tags:
            calls.append(planned(table.tags.call, {}, "each row", ColumnSource.TAGS))
        return calls


def plan_read(
    request: ScanRequest,
    scopes: Sequence[Scope],
    pages: Mapping[str, int] | None = None,
    account_known: bool = False,
) -> ReadPlan:
    """The cheapest calls that fetch at least the rows of `request`.

    Args:
        request: what DuckDB asks.
        scopes: where to read, one for each scope column.
        pages: region -> number of pages of this table's whole list, as seen in this session.
        account_known: whether the session knows its account.
    """
    table = request.table
    needed = _list_needed(request)
    sources = {table.by_name[name].source for name in needed}
    where = request.where if request.pushdown else TRUE
    steps, empty = _plan_steps(request, where, scopes, pages or {})
    top = _find_top(request, sources)
    if top is not None:
        steps = tuple(_turn(step, table, top) for step in steps)
    listing = any(isinstance(step, ListRead) for step in steps)
    arn_from_list = bool(table.arn) and table.by_name[table.arn].source is ColumnSource.LIST
    describe = ColumnSource.DESCRIBE in sources or (ColumnSource.TAGS in sources and not arn_from_list)
    account = Account.UNUSED
    if ColumnSource.ACCOUNT in sources:
        has_arn = bool(table.arn) and (arn_from_list or describe or not listing)
        account = Account.ARN if has_arn else Account.KNOWN if account_known else Account.STS
    listed = [
        column.name
        for column in table.columns
        if column.source in (ColumnSource.LIST, ColumnSource.REGION, ColumnSource.KEY)
    ]
    return ReadPlan(
        table=table,
        columns=needed,
        steps=steps,
        describe=describe,
        tags=ColumnSource.TAGS in sources,
        account=account,
        row_filter=restrict(where, listed),
        contained=_select_contained(request),
        empty=empty,
        top=top,
        windows=_find_windows(request) if top is None else None,
        scopes=tuple(scopes),
    )


def _select_contained(request: ScanRequest) -> tuple[Contained, ...]:
    """The hints that a list's rows can check; only for texts, because `contains` of a LIST means elements."""
    listed = {
        column.name
        for column in request.table.columns
        if column.source is ColumnSource.LIST and pa.types.is_string(column.type)
    }
    return tuple(hint for hint in request.contained if request.pushdown and hint.column in listed)


def _find_top(request: ScanRequest, sources: set[ColumnSource]) -> Top | None:
    """The hint, if the service sorts by its column and the listed columns decide the filter."""
    sort, top = request.table.list.sort, request.top
    if top is None or sort is None or top.column not in sort.always or not request.pushdown:
        return None
    filtered = {request.table.by_name[name].source for name in list_columns(request.where)}
    return top if filtered <= {ColumnSource.LIST, ColumnSource.REGION, ColumnSource.KEY} else None


def _turn(step: ListRead | KeyRead, table: Table, top: Top) -> ListRead | KeyRead:
    """A list in the order that `top` requires."""
    sort = table.list.sort
    assert sort is not None, "only a list that can be sorted has first rows"
    if isinstance(step, KeyRead):
        return step
    direction = sort.descending if top.descending else sort.ascending
    order = {sort.by: sort.columns[top.column], sort.direction: direction}
    return ListRead(step.place, {**step.parameters, **order})


def _find_windows(request: ScanRequest) -> Windows | None:
    """How the table's list may be cut; `None` if its file or the session's settings do not allow it."""
    sort = request.table.list.sort
    if sort is None or not request.split or not request.pushdown:
        return None
    column = next(iter(sort.columns))
    bounds = {rule.op: rule.parameter for rule in request.table.list.filters if rule.column == column}
    if column not in sort.always or FilterOperator.AFTER not in bounds or FilterOperator.BEFORE not in bounds:
        return None
    return Windows(
        column, bounds[FilterOperator.AFTER], bounds[FilterOperator.BEFORE], sort.direction, sort.descending
    )


def _list_needed(request: ScanRequest) -> tuple[str, ...]:
    names = {*request.columns, *list_columns(request.where)}
    return tuple(column.name for column in request.table.columns if column.name in names)


def _plan_steps(
    request: ScanRequest, where: Predicate, scopes: Sequence[Scope], pages: Mapping[str, int]
) -> tuple[tuple[ListRead | KeyRead, ...], str]:
    for scope in scopes:
        if request.where == FALSE or not scope.values:
            return (), f"no {scope.column} meets the conditions"
    keys = _find_keys(request.table, where)
    if keys == ():
        return (), "no key can meet the conditions"
    parameters, refused = build_list_parameters(
        request.table, where, request.contained if request.pushdown else ()
    )
    if refused:
        return (), refused
    steps: list[ListRead | KeyRead] = []
    columns = [scope.column for scope in scopes]
    for values in itertools.product(*(scope.values for scope in scopes)):
        place = dict(zip(columns, values, strict=True))
        if keys is not None and len(keys) <= max(KEYS_BEFORE_LIST, pages.get(place["region"], 0)):
            steps.append(KeyRead(place, keys))
        else:
            steps.append(ListRead(place, parameters))
    return tuple(steps), ""


def _find_keys(table: Table, where: Predicate) -> tuple[tuple[str, ...], ...] | None:
    """The only keys that `where` allows and the service would accept, sorted; `None` if it allows any."""
    if table.describe is None:
        return None
    identifiers = find_domain(where, "data__Identifier").values
    parts = [find_domain(where, column).values for column in table.key]
    if identifiers is not None:
        split = (tuple(str(value).split("|")) for value in identifiers)
        candidates = {key for key in split if len(key) == len(table.key)}
    elif all(values is not None for values in parts):
        candidates = set(itertools.product(*(values or () for values in parts)))
    else:
        return None
    constraints = [table.by_name[column].constraint for column in table.key]
    return tuple(
        sorted(
            key
            for key in candidates
            if all(
                (allowed is None or value in allowed) and constraint.accepts(value)
                for value, allowed, constraint in zip(key, parts, constraints, strict=True)
            )
        )
    )

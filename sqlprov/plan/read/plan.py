"""Plans the calls that fetch the rows of a scan."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import pyarrow as pa

from sqlprov.catalog.column import ColumnSource
from sqlprov.catalog.read_calls import FilterOperator
from sqlprov.catalog.table import Table
from sqlprov.errors import InternalError, ProgrammingError
from sqlprov.plan.read.domain import list_columns, restrict
from sqlprov.plan.read.hints import Contained, Top
from sqlprov.plan.read.lookup import Lookup, choose_lookup, count_calls, find_keys, get_batch, has_key_filter
from sqlprov.plan.read.narrow import build_list_parameters
from sqlprov.plan.read.needs import LISTED, Needs, find_needs, list_known
from sqlprov.plan.read.parents import plan_parents
from sqlprov.plan.read.predicate import FALSE, TRUE, And, Predicate
from sqlprov.plan.read.read_plan import FEWEST_TAGGED, AccountId, ReadPlan, ScanRequest, Windows
from sqlprov.plan.read.scope import ENABLED_REGIONS, IDENTITY, Rule, Scope, asks_organization
from sqlprov.plan.read.steps import (
    REGION,
    KeyRead,
    ListRead,
    Place,
    Places,
    Step,
    Steps,
    fill_parents,
)

MOST_LOOKUPS = 20
"""Lookups by key that are preferred to a list, whose number of pages is not known beforehand."""
_SORTABLE = (pa.types.is_string, pa.types.is_integer, pa.types.is_boolean, pa.types.is_timestamp)
"""Types whose values Python orders as DuckDB does."""
DEEPEST = 8
"""Parents of parents at most; more would be a table that is its own parent."""


def plan_read(
    request: ScanRequest,
    scopes: Sequence[Scope],
    places: Places,
    account_known: bool = False,
    depth: int = 0,
) -> ReadPlan:
    """The cheapest calls that fetch at least the rows of `request`.

    Args:
        request: the columns and the filter that DuckDB requests.
        scopes: where to read and why, one for each scope column.
        places: the places of the scopes.
        account_known: whether the id of every account is known.
        depth: the number of children that are planned around it.
    """
    table = request.table
    if depth > DEEPEST:
        raise InternalError(f"{table.full_name} is its own parent ({table.file}).")
    columns = _list_needed(request)
    needs = find_needs(table, columns)
    where = request.where if request.pushdown else TRUE

    def plan_parent(parent: Table, names: tuple[str, ...], condition: Predicate) -> ReadPlan:
        inner = ScanRequest(parent, names, condition, pushdown=request.pushdown, split=request.split)
        inner = replace(inner, several_accounts=request.several_accounts)
        return plan_read(inner, scopes, places, account_known, depth + 1)

    known_parents, parents = plan_parents(table, where, plan_parent, request.where)
    each, empty = _plan_steps(request, where, needs, scopes, known_parents)
    empty = empty or next((parent.plan.empty for parent in parents), "")
    listing = any(isinstance(step, ListRead) for step in each)
    parents = parents if listing and not empty else ()
    known = list_known(table)
    top = _find_top(request, known, needs)
    if top is not None and top.ends:
        each = [_turn(step, table, top) for step in each]
    steps = Steps() if empty else Steps(_find_home_places(table, scopes, places), tuple(each))
    lacking = _list_lacking(table, known_parents) if listing and not empty else ()
    own_account = tuple(each.column for each in table.list.parents if each.is_account) if listing else ()
    account_id = _find_account_id(request, needs, steps, account_known)
    if own_account and account_id in (AccountId.UNUSED, AccountId.ARN):
        account_id = AccountId.KNOWN if account_known else AccountId.STS
    return ReadPlan(
        request=request,
        table=table,
        columns=columns,
        steps=steps,
        describe=needs.describe,
        tags=needs.tags,
        account_id=account_id,
        row_filter=restrict(where, known),
        contained=_select_contained(request),
        empty=empty,
        top=top,
        windows=None if top is not None and top.ends else _find_windows(request),
        scopes=tuple(scopes),
        extras=needs.extras,
        parents=parents,
        place_filter=restrict(where, [REGION, *(each.column for each in table.list.parents)]),
        own_account=own_account,
        lacking=lacking,
        bulk_tags=request.bulk_tags and needs.tags and _can_read_many_tags(table, steps),
    )


def limit_plan(plan: ReadPlan, condition: Predicate) -> ReadPlan:
    """The calls for those rows of a plan that also meet `condition`, which is over its columns."""
    where = FALSE if condition == FALSE else And((plan.request.where, condition))
    places, account_known = plan.steps.places, plan.account_id is AccountId.KNOWN
    limited = plan_read(replace(plan.request, where=where), plan.scopes, places, account_known)
    calls = len(places) * sum(_count_step_calls(step, plan.table) for step in limited.steps.each)
    # Each value takes a call in each place, whichever has the row: lists, some of whose rows are left out, take fewer.
    has_few_calls = len(places) == 1 or calls <= max(MOST_LOOKUPS, len(plan.steps))
    # A parent that is read for another scan costs nothing here.
    if plan.lacking or (has_few_calls and not any(parent.is_shared for parent in plan.parents)):
        return limited
    known = restrict(condition, list_known(plan.table))
    return replace(
        plan,
        row_filter=And((plan.row_filter, known)),
        place_filter=And((plan.place_filter, condition)),
    )


def count_useful_values(plan: ReadPlan, fan_out: int) -> int:
    """The number of values of a key, or of a parent, up to which they may save calls.

    Args:
        plan: a read of rows with any value.
        fan_out: the most lists that parents may lead to.
    """
    lists = len(plan.steps.places) * sum(isinstance(step, ListRead) for step in plan.steps.each)
    if not lists:
        return 0
    if plan.lacking or plan.parents or plan.describe or plan.tags or plan.extras:
        return fan_out  # each value that is missing saves a call
    lookup = choose_lookup(plan.table, plan.columns)
    # A list is one call of a place, a lookup is one of each place.
    return MOST_LOOKUPS * get_batch(plan.table, lookup) // lists if lookup else 0


def count_least_calls(plan: ReadPlan, *, is_limited: bool) -> int:
    """Calls that reading the table itself takes, however few rows it has; its parents' are left out.

    Args:
        is_limited: whether the statement may have enough rows before all lists have begun.
    """
    if plan.parents or plan.lacking:
        return 0  # they, or the table that says the values, may have no rows
    calls = _count_least_places(plan) * sum(_count_step_calls(step, plan.table) for step in plan.steps.each)
    return min(calls, 1) if is_limited else calls


def _count_least_places(plan: ReadPlan) -> int:
    """The places that are read, whatever the accounts answer to the questions that EXPLAIN does not ask.

    An account without an id may be another's second name or not be meant; of all regions, each has one at least.
    """
    asks = {action: frozenset(names) for scope in plan.scopes for action, names in scope.asks}
    if not asks:
        return len(plan.steps.places)
    if asks_organization(plan.scopes):
        return 0
    without_id, without_regions = asks.get(IDENTITY, frozenset()), asks.get(ENABLED_REGIONS, frozenset())
    least = int(any(scope.column == REGION and scope.rule.is_session for scope in plan.scopes))
    return sum(
        least if account in without_regions else len(regions)
        for accounts, regions in plan.steps.places.groups
        for account in accounts
        if account not in without_id
    )


def _count_step_calls(step: Step, table: Table) -> int:
    """The number of calls of a step; a list has one, as far as known."""
    if isinstance(step, ListRead):
        return 1
    return count_calls(table, Lookup.LIST if step.through_list else Lookup.DESCRIBE, len(step.keys))


def _can_read_many_tags(table: Table, steps: Steps) -> bool:
    """Whether the ARNs of many rows may be known before a call is made for each row."""
    if table.tags is None:
        return False
    if all(isinstance(step, KeyRead) and len(step.keys) < FEWEST_TAGGED for step in steps.each):
        return False
    known = list_known(table)
    sources = {table.by_name[name].source for name in table.tags.list_columns(table.arn) if name not in known}
    is_described_together = table.describe is not None and table.describe.batch > 1
    return sources <= {ColumnSource.ACCOUNT_ID} | (
        {ColumnSource.DESCRIBE} if is_described_together else set()
    )


def _find_account_id(request: ScanRequest, needs: Needs, steps: Steps, account_known: bool) -> AccountId:
    table = request.table
    if all(table.by_name[name].source is not ColumnSource.ACCOUNT_ID for name in needs.columns):
        return AccountId.UNUSED
    if (
        table.arn
        and not request.several_accounts
        and all(_has_arn(table, needs, step) for step in steps.each)
    ):
        return AccountId.ARN
    return AccountId.KNOWN if account_known else AccountId.STS


def _has_arn(table: Table, needs: Needs, step: Step) -> bool:
    """Whether the rows of a step have the ARN without a call for it alone."""
    source = table.by_name[table.arn].source
    if isinstance(step, KeyRead) and not step.through_list:
        return table.describe is not None and table.arn in table.describe.paths
    return source is ColumnSource.LIST or (source is ColumnSource.DESCRIBE and needs.describe)


def _select_contained(request: ScanRequest) -> tuple[Contained, ...]:
    """The hints that a list's rows can check; only for strings, because `contains` of a LIST means elements."""
    list_columns = {
        column.name
        for column in request.table.columns
        if column.source in LISTED and pa.types.is_string(column.type) and not column.is_json
    }
    return tuple(hint for hint in request.contained if request.pushdown and hint.column in list_columns)


def _find_top(request: ScanRequest, known: frozenset[str], needs: Needs) -> Top | None:
    """The hint, if the listed columns decide the order and the filter, and it saves calls."""
    sort, top = request.table.list.sort, request.top
    if top is None or not request.pushdown:
        return None
    if not list_columns(request.where) | top.checked <= known:
        return None
    if sort is not None and top.column in sort.always:
        return replace(top, ends=True)
    column = request.table.by_name.get(top.column)
    is_sortable = column is not None and any(is_type(column.type) for is_type in _SORTABLE)
    saves = needs.describe or needs.tags or needs.extras
    return top if saves and is_sortable and top.column in known else None


def _turn(step: Step, table: Table, top: Top) -> Step:
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
    if sort is None or not request.split or not request.pushdown or request.table.list.parents:
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
    request: ScanRequest,
    where: Predicate,
    needs: Needs,
    scopes: Sequence[Scope],
    parents: Sequence[Place],
) -> tuple[list[Step], str]:
    """The lists and lookups of one place, or why there are none."""
    table = request.table
    unmet = [scope.column for scope in scopes if request.where == FALSE or not scope.values]
    if unmet:
        return [], f"no {REGION if request.where == FALSE else unmet[0]} meets the conditions"
    lookup = choose_lookup(table, needs.columns)
    keys = find_keys(table, where) if lookup else None
    if keys == ():
        return [], "no key can meet the conditions"
    parameters, refused = build_list_parameters(table, where, request.contained if request.pushdown else ())
    if refused:
        return [], refused
    if not parents:
        columns = ", ".join(parent.column for parent in table.list.parents)
        return [], f"no {columns} meets the conditions"
    is_filtered = lookup is Lookup.LIST and has_key_filter(table) and len(keys or ()) > 1
    if (
        lookup
        and keys is not None
        and not is_filtered
        and count_calls(table, lookup, len(keys)) <= MOST_LOOKUPS
    ):
        return [KeyRead({}, keys, lookup is Lookup.LIST)], ""
    return [ListRead(each, {**parameters, **fill_parents(table.list, each)}) for each in parents], ""


def _list_lacking(table: Table, places: Sequence[Place]) -> tuple[str, ...]:
    required = (each.column for each in table.list.parents if each.is_required)
    return tuple(column for column in required if any(column not in place for place in places))


def check_required(plan: ReadPlan, joined: Collection[str] = ()) -> None:
    """Raise if a condition had to say for what the table is listed, and does not.

    Args:
        plan: the plan.
        joined: columns whose values come from the tables that it is joined with.

    Raises:
        ProgrammingError: it does not.
    """
    if lacking := [column for column in plan.lacking if column not in joined]:
        conditions = " AND ".join(f"{column} = '…'" for column in lacking)
        raise ProgrammingError(
            f"{plan.table.full_name} is listed for one {' and '.join(lacking)} at a time, and no table holds the "
            f"values; expected WHERE {conditions}, or IN; a SELECT may join it with a table of {plan.table.provider} "
            "that has few."
        )


def _find_home_places(table: Table, scopes: Sequence[Scope], places: Places) -> Places:
    """The places of a table; a global parent of a regional table has one region in each account."""
    if not table.home or any(scope.rule is Rule.HOME for scope in scopes):
        return places
    return Places((accounts, (table.home,)) for accounts, _ in places.groups)

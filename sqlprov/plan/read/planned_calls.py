"""Lists the calls of a plan, for EXPLAIN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlprov.catalog.column import ColumnSource
from sqlprov.catalog.policy import ASSUME_ROLE
from sqlprov.errors import format_count
from sqlprov.plan.read.lookup import Lookup, build_arguments, get_batch, takes_list
from sqlprov.plan.read.read_plan import (
    FEWEST_TAGGED,
    MOST_TAGGED,
    AccountId,
    ReadPlan,
)
from sqlprov.plan.read.scope import ENABLED_REGIONS, IDENTITY
from sqlprov.plan.read.steps import KeyRead, ListRead, Places, Step
from sqlprov.records import dataclass

_MOST_ASKED = {ENABLED_REGIONS: 2, ASSUME_ROLE: 1}
"""The action of a question -> the calls that it takes of an account; EC2 is asked for regions if ListRegions is denied.
The accounts of an organization take several pages."""


@dataclass(frozen=True)
class PlannedCall:
    """A call that the plan makes in each of some places.

    Attributes:
        table: full name of the table; empty if the call serves every table.
        operation, parameters: the call; parameters without page tokens and values from rows.
        places: the accounts and regions; the region is empty for a call that belongs to an account, and the account for
            one that belongs to the session.
        times: `once`, `each page`, `each row`, `in batches of 100`, or `until 10 rows` for pages until as many rows
            meet the conditions; then for which parents, such as `for each of aws.ecs.clusters`.
        columns: the columns that need it, because it fills them or leads to them.
        permissions: the IAM actions it needs.
        most: how often it is made at most in all places, without retries; `None` if that depends on replies.
    """

    table: str
    operation: str
    places: Places
    parameters: Mapping[str, Any]
    times: str
    columns: tuple[str, ...]
    permissions: tuple[str, ...]
    most: int | None = None


def list_calls(plan: ReadPlan) -> tuple[PlannedCall, ...]:
    """The calls of `plan` in the order they are made, without the effects of a LIMIT, an error or a retry."""
    asks = [ask for scope in plan.scopes for ask in scope.asks]
    calls = [_plan_ask(*ask) for ask in asks if ask[0] != IDENTITY]
    calls += _CallLister(plan).list_calls()
    accounts = [name for action, names in asks if action == IDENTITY for name in names]
    needs_id = plan.account_id is AccountId.STS
    if needs_id and not accounts:
        accounts = list(plan.steps.places.accounts)
    if accounts:
        tags = plan.table.tags.list_columns(plan.table.arn) if plan.tags and plan.table.tags else ()
        needed = ("account_id", *plan.own_account, *(("tags",) if "account_id" in tags else ()))
        columns = tuple(name for name in needed if needs_id and name in plan.columns)
        places = Places.of_accounts(accounts)
        call = PlannedCall(
            plan.table.full_name, "GetCallerIdentity", places, {}, "once", columns, (IDENTITY,)
        )
        calls.append(replace(call, most=len(places)))
    return tuple(calls)


def _plan_ask(action: str, accounts: tuple[str, ...]) -> PlannedCall:
    places, most = Places.of_accounts(accounts), _MOST_ASKED.get(action)
    times = "each page" if most is None else "once"
    most = None if most is None else most * len(places)
    return PlannedCall("", action.partition(":")[2], places, {}, times, (), (action,), most)


class _CallLister:
    """Lists the calls of one plan's tables."""

    def __init__(self, plan: ReadPlan) -> None:
        self.plan, self.table = plan, plan.table

    def list_calls(self) -> list[PlannedCall]:
        """The calls of the parents that no other scan reads, then those of the table."""
        plan = self.plan
        own = [parent.plan for parent in plan.parents if not parent.is_shared]
        calls = [call for parent in own for call in _CallLister(parent).list_calls()]
        for step in plan.steps.each if plan.steps else ():
            calls += self._plan_list(step) if isinstance(step, ListRead) else self._plan_lookups(step)
            calls += self._plan_details(step)
        return calls

    def _plan_list(self, step: ListRead) -> list[PlannedCall]:
        plan = self.plan
        times = f"until {format_count(plan.top.rows, 'row')}" if plan.top and plan.top.ends else "each page"
        if plan.parents:
            times += f", for each of {' and '.join(parent.plan.table.full_name for parent in plan.parents)}"
        parameters = {**self.table.list.send, **step.parameters}
        sources = ColumnSource.LIST, ColumnSource.PARENT, ColumnSource.KEY
        return [self._plan_call(self.table.list.call, parameters, times, *sources)]

    def _plan_lookups(self, step: KeyRead) -> list[PlannedCall]:
        lookup = Lookup.LIST if step.through_list else Lookup.DESCRIBE
        call = self.table.list if step.through_list else self.table.describe
        assert call is not None, "a key is looked up by one of them"
        sources = [ColumnSource.LIST, ColumnSource.PARENT, ColumnSource.KEY]
        sources += [] if step.through_list else [ColumnSource.DESCRIBE]
        plan, batch, calls = self.plan, get_batch(self.table, lookup), []
        for at in range(0, len(step.keys), batch):
            rows = [dict(zip(self.table.key, key, strict=True)) for key in step.keys[at : at + batch]]
            parameters = {
                **call.send,
                **build_arguments(call.arguments, rows, takes_list(self.table, lookup)),
            }
            planned = self._plan_call(call.call, parameters, "once", *sources)
            calls.append(replace(planned, most=None if step.through_list else len(plan.steps.places)))
        return calls

    def _plan_details(self, step: Step) -> list[PlannedCall]:
        """The calls for each row."""
        plan, table, calls = self.plan, self.table, []
        if plan.describe and table.describe and (isinstance(step, ListRead) or step.through_list):
            batch = table.describe.batch
            times = f"in batches of {batch}" if batch > 1 else "each row"
            parameters = dict(table.describe.send)
            source = ColumnSource.DESCRIBE
            calls.append(self._plan_call(table.describe.call, parameters, times, source))
        for name in plan.extras:
            extra = table.extras[name]
            columns = tuple(column for column in plan.columns if table.by_name[column].extra == name)
            call = self._plan_call(extra.call, extra.send, "each row")
            calls.append(replace(call, columns=columns))
        if plan.tags and table.tags:
            times = "each row"
            if plan.bulk_tags:
                times = "each row that GetResources does not return"
                batches = f"in batches of {FEWEST_TAGGED} to {MOST_TAGGED}"
                many = self._plan_call("GetResources", {}, batches, ColumnSource.TAGS)
                calls.append(replace(many, permissions=("tag:GetResources",)))
            calls.append(self._plan_call(table.tags.call, {}, times, ColumnSource.TAGS))
        most = None
        if isinstance(step, KeyRead) and not step.through_list:
            most = len(step.keys) * len(plan.steps.places)
        return [replace(call, most=most) for call in calls]

    def _plan_call(
        self, operation: str, parameters: Mapping[str, Any], times: str, *sources: ColumnSource
    ) -> PlannedCall:
        name, permissions = self.table.full_name, (self.table.iam.find(operation),)
        places, columns = self.plan.steps.places, self._list_filled(*sources)
        return PlannedCall(name, operation, places, parameters, times, columns, permissions)

    def _list_filled(self, *sources: ColumnSource) -> tuple[str, ...]:
        """The columns that need a call of these sources."""
        by_name, table = self.table.by_name, self.table
        given = set(sources)
        leads = {*(table.tags.list_columns(table.arn) if table.tags else ()), table.arn} - {""}
        if any(by_name[name].source in sources for name in leads):
            # The ARN, requested or not, leads to the tags and names the account.
            given |= {ColumnSource.TAGS}
            given |= {ColumnSource.ACCOUNT_ID} if self.plan.account_id is AccountId.ARN else set()
        return tuple(name for name in self.plan.columns if by_name[name].source in given)

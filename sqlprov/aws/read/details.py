"""Makes the calls that single rows need: lookups, Describe, further calls and tags."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from sqlprov.aws.read.decoder import to_tags
from sqlprov.aws.read.describe import describe_keys, describe_rows, look_up_rows
from sqlprov.aws.read.partial_row import PartialRow, move
from sqlprov.aws.read.tagging_api import LONGEST_ARN, read_many_tags
from sqlprov.aws.transport.accounts import Accounts
from sqlprov.aws.transport.calls import call, read_account_id
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.errors import MalformedReply, is_match
from sqlprov.aws.transport.replies import IN_JSON, check_omission
from sqlprov.aws.transport.reply_cache import ListingReader
from sqlprov.aws.transport.run import Run
from sqlprov.catalog.column import ColumnSource, get_path
from sqlprov.catalog.read_calls import PLACEHOLDER, TagsCall
from sqlprov.catalog.regions import find_partition
from sqlprov.catalog.table import Table
from sqlprov.errors import AccessDenied, Cancelled, OperationalError
from sqlprov.plan.read import ReadPlan
from sqlprov.plan.read.lookup import Lookup, get_batch
from sqlprov.plan.read.read_plan import FEWEST_TAGGED, MOST_TAGGED


def read_row_tags(run: Run, cloud: Cloud, table: Table, row: PartialRow) -> list[Any]:
    """The tags of a row, {Key, Value} each; none if it lacks a column that the call needs.

    Raises:
        OperationalError: a call failed.
    """
    assert table.tags is not None, "only rows of tables with tags have some"
    resource = find_tagged(run, cloud, table, table.tags, row)
    return [] if resource is None else read_tags(run, cloud, table, row.region, resource)


def find_tagged(run: Run, cloud: Cloud, table: Table, method: TagsCall, row: PartialRow) -> str | None:
    """What the tag calls of a row take, such as its ARN; `None` if it lacks a column that the call needs.

    Raises:
        OperationalError: the account could not be read.
    """

    def get_value(name: str) -> Any:
        is_account = table.by_name[name].source is ColumnSource.ACCOUNT_ID
        return read_account_id(run, cloud) if is_account else row.get_value(table, name)

    value = method.fill(table.arn, get_value)
    if value is None:
        return None
    # An ARN made of columns is written as in the partition `aws`.
    return _move_arn(value, row.region) if PLACEHOLDER.search(method.column) else str(value)


def read_tags(run: Run, cloud: Cloud, table: Table, region: str, arn: str) -> list[Any]:
    """The tags of one resource, {Key, Value} each, from every page.

    Raises:
        OperationalError: a call failed.
    """
    method = table.tags
    assert method is not None, "only tables that have tags are read"
    parameters = method.build_parameters(arn)
    path, tags = method.items.split("."), list[Any]()
    seen, reader = set[str](), ListingReader()

    def count(page: dict[str, Any]) -> int:
        items = _find_tags(page, path)
        if items is None:
            check_omission(page, method.items, IN_JSON)
        token = page.get(method.token_out) if method.token_out else None
        if token is not None and not isinstance(token, str):
            raise MalformedReply(f"the reply's {method.token_out} is {token!r}, not a text")
        if token in seen:
            raise MalformedReply("the reply repeats the page token of an earlier page")
        return len(to_tags(items, method.spelling) or ())

    while True:
        reply = call(
            run, cloud, table.client, table.iam, method.call, region, parameters, (), count, reader=reader
        )
        tags += to_tags(_find_tags(reply, path), method.spelling) or []
        token = reply.get(method.token_out) if method.token_out else None
        if not token:
            reader.end()
            return tags
        seen.add(token)
        parameters = {**parameters, method.token_in: token}


def _find_tags(reply: Any, path: Sequence[str]) -> Any:
    """What `path` leads to; a list on the way has one element, for the one resource."""
    for member in path:
        if isinstance(reply, list):
            reply = reply[0] if reply else None
        reply = get_path(reply, (member,))
    return reply


def _move_arn(arn: str, region: str) -> str:
    """`arn` in the partition of a region."""
    return arn.replace("arn:aws:", f"arn:{find_partition(region) or 'aws'}:", 1)


class DetailReader:
    """Makes the calls that the rows of a plan need."""

    def __init__(self, plan: ReadPlan, run: Run, accounts: Accounts) -> None:
        self._plan, self._run, self._accounts, self._table = plan, run, accounts, plan.table
        through_list = any(getattr(step, "through_list", False) for step in plan.steps.each)
        self._lookup = Lookup.LIST if through_list else Lookup.DESCRIBE
        region = self._table.by_name.get(self._table.region_column)
        self._region_column = region if region and region.source is not ColumnSource.LIST else None
        self._asks_together = plan.bulk_tags

    @property
    def largest_batch(self) -> int:
        """The most rows that one call reads."""
        table = self._table
        return max(get_batch(table, each) for each in (self._lookup, Lookup.DESCRIBE))

    def can_join(self, first: PartialRow, row: PartialRow, size: int) -> bool:
        """Whether a call for `size` rows, of which `first` is one, may read `row` too."""
        table, lookup = self._table, self._choose_call(first)
        if lookup is None or size >= get_batch(table, lookup) or self._choose_call(row) is not lookup:
            return False
        call_ = table.list if lookup is Lookup.LIST else table.describe
        others = tuple(call_.arguments.values())[1:] if call_ else ()
        if lookup is Lookup.LIST:
            others += tuple(parent.column for parent in table.list.parents)
        return first.place == row.place and first.get_values(table, others) == row.get_values(table, others)

    def count_tagged_together(self, rows: deque[PartialRow]) -> int:
        """How many of `rows`, from the first one on, have their tags read in one call; 0 if that is not worth it."""
        place, count = (rows[0].account, rows[0].region), 0
        for row in islice(rows, MOST_TAGGED if self._asks_together else 0):
            if row.is_asked or row.is_tagged or (row.account, row.region) != place or not self._find_arn(row):
                break
            count += 1
        return count if count >= FEWEST_TAGGED else 0

    def _find_arn(self, row: PartialRow) -> str | None:
        assert self._table.tags is not None, "only rows of tables with tags have some"
        cloud = self._accounts.find_cloud(row.place)
        arn = find_tagged(self._run, cloud, self._table, self._table.tags, row)
        return arn if arn and arn.startswith("arn:") and len(arn) <= LONGEST_ARN else None

    def read_tags_together(self, rows: Sequence[PartialRow]) -> list[PartialRow]:
        """`rows`, which share an account and a region, with their tags, as far as the Resource Groups Tagging API
        returns them.

        Raises:
            Cancelled: the statement was cancelled.
        """
        arns = [self._find_arn(row) or "" for row in rows]
        tags: dict[str, list[Any]] = {}
        try:
            cloud = self._accounts.find_cloud(rows[0].place)
            tags = read_many_tags(self._run, cloud, rows[0].region, list(dict.fromkeys(arns)))
        except Cancelled:
            raise
        except OperationalError as error:
            if isinstance(error, AccessDenied):
                self._run.warn(
                    f"{self._table.full_name}: tags were read with one call for each row, because tag:GetResources is "
                    "denied. SET sqlprov_bulk_tags = off tries it no more."
                )
        self._asks_together = self._asks_together and not tags.keys().isdisjoint(arns)
        return [
            replace(row, tags=tags.get(arn), is_tagged=arn in tags, is_asked=True)
            for row, arn in zip(rows, arns, strict=True)
        ]

    def read(self, rows: Sequence[PartialRow]) -> list[PartialRow]:
        """`rows` with the details that the plan needs, without those that are gone.

        They may need further calls, if several were put together (`can_join`) or looked up: see `is_whole`.

        Raises:
            OperationalError: a call failed.
        """
        cloud = self._accounts.find_cloud(rows[0].place)
        match self._choose_call(rows[0]):
            case Lookup.LIST:
                return look_up_rows(self._run, cloud, self._table, rows)
            case Lookup.DESCRIBE:
                describe = describe_keys if rows[0].key is not None else describe_rows
                rows = describe(self._run, cloud, self._table, rows)
                rows = [self._move(row, ColumnSource.DESCRIBE) for row in rows]
        return self._read_further(rows[0]) if len(rows) == 1 else list(rows)

    def is_whole(self, row: PartialRow) -> bool:
        """Whether `row` needs no further call."""
        if self._choose_call(row):
            return False
        has_extras = row.extras is not None or not self._plan.extras
        return has_extras and (row.is_tagged or not self._plan.tags)

    def _choose_call(self, row: PartialRow) -> Lookup | None:
        """The call that a row needs before any other; `None` if it has had it."""
        if row.key is not None and row.listed is None and self._lookup is Lookup.LIST:
            return Lookup.LIST
        is_described = self._plan.describe or row.key is not None
        return Lookup.DESCRIBE if is_described and row.described is None else None

    def _read_further(self, row: PartialRow) -> list[PartialRow]:
        """The row with its further calls and tags; none if it is gone."""
        try:
            for name in self._plan.extras:
                row = self._read_extra(row, name)
            if self._plan.tags and not row.is_tagged:
                cloud = self._accounts.find_cloud(row.place)
                tags = read_row_tags(self._run, cloud, self._table, row)
                row = replace(row, tags=tags, is_tagged=True)
        except OperationalError as error:
            table, run = self._table, self._run
            if not is_match((*table.errors.missing, *(table.tags.missing if table.tags else ())), error):
                raise
            # Only the call that returns the row can say that it is gone.
            if self._is_gone(row):
                return []
            # A condition on tags must not choose the rows of a write.
            if not table.tags or error.operation != table.tags.call or run.is_write:
                raise
            run.warn(
                f"{table.full_name}: {error.operation} does not know a row that exists; its tags are NULL."
            )
            row = replace(row, is_tagged=True)
        return [row]

    def _read_extra(self, row: PartialRow, name: str) -> PartialRow:
        table, extra = self._table, self._table.extras[name]
        arguments = {parameter: row.get_value(table, column) for parameter, column in extra.arguments.items()}
        reply: Mapping[str, Any] = {}
        if None not in arguments.values():
            lists = {parameter: [arguments[parameter]] for parameter in extra.lists}
            parameters = {**extra.send, **arguments, **lists}
            cloud = self._accounts.find_cloud(row.place)
            try:
                reply = call(self._run, cloud, table.client, table.iam, extra.call, row.region, parameters)
            except OperationalError as error:
                if not is_match(extra.absent, error):
                    raise
        row = replace(row, extras={**(row.extras or {}), name: reply})
        return self._move(row, ColumnSource.EXTRA, name)

    def _move(self, row: PartialRow, source: ColumnSource, extra: str = "") -> PartialRow:
        """`row` in its own region, if this call has returned it."""
        column = self._region_column
        if column is None or column.source is not source or column.extra != extra:
            return row
        region = row.get_value(self._table, column.name)
        return replace(row, place=move(row.place, region))

    def _is_gone(self, row: PartialRow) -> bool:
        """Whether the call that returns the row says that it does not exist."""
        table, cloud = self._table, self._accounts.find_cloud(row.place)
        cloud.replies.clear()  # kept ones disagree
        if table.describe is not None:
            return not describe_rows(self._run, cloud, table, [row])
        if table.list.arguments:
            key = row.get_values(table, table.key)
            return not look_up_rows(self._run, cloud, table, [replace(row, key=key)])
        return False

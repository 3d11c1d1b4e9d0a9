"""A row or a list in, what its own calls tell out: the account, the tags of a row, everything that Describe returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlprov.aws.read.batches import get_path
from sqlprov.aws.read.rows import PartialRow
from sqlprov.aws.run import Run
from sqlprov.aws.transport.calls import call
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.errors import MalformedReply
from sqlprov.catalog.table import Table
from sqlprov.plan.read import ReadPlan

LONGEST_ASKING = 2.0
"""Seconds to wait for the account that another thread has asked for, before asking too."""


def account_id(run: Run, cloud: Cloud) -> str:
    """The account of the credentials; one STS call for each session.

    Raises:
        OperationalError: the call failed.
    """
    # Whoever asks may hang, for a statement that was cancelled long ago.
    first = cloud.account_lock.acquire(timeout=LONGEST_ASKING)
    try:
        if cloud.account_id is None:
            region = cloud.find_region() or "us-east-1"
            reply = call(run, cloud, "sts", "sts", "GetCallerIdentity", region, {}, ("Account",))
            cloud.account_id = str(reply["Account"])
        return cloud.account_id
    finally:
        if first:
            cloud.account_lock.release()


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
        count = make_counter(calling.items, calling.token_out, seen)
        operation, client, signing = calling.call, table.client, table.iam
        reply = call(run, cloud, client, signing, operation, region, parameters, (calling.items,), count)
        found.extend(reply[calling.items])
        token = reply.get(calling.token_out) if calling.token_out else None
        if not token:
            return found
        seen.add(token)
        parameters = {**parameters, calling.token_in: token}


def make_counter(items: str, token: str, seen: set[str]) -> Callable[[dict[str, Any]], int]:
    """Counts the rows of a page; refuses one that holds no rows, or that leads back to a page before it."""

    def count(page: dict[str, Any]) -> int:
        rows = page[items]
        if not isinstance(rows, list) or not set(map(type, rows)) <= {dict}:
            raise MalformedReply(f"the reply's {items} is no list of structures")
        if token and page.get(token) in seen:
            raise MalformedReply("the reply repeats the page token of an earlier page")
        return len(rows)

    return count


class Details:
    """The calls of single rows of one plan."""

    def __init__(self, plan: ReadPlan, run: Run, cloud: Cloud) -> None:
        self._plan, self._run, self._cloud, self._table = plan, run, cloud, plan.table

    def of(self, row: PartialRow) -> PartialRow:
        """The same row with what the plan wants of it.

        Raises:
            OperationalError: a call failed.
        """
        described = self._described(row) if self._plan.describe or row.key else None
        whole = PartialRow(row.region, row.key, row.listed, described)
        if not self._plan.tags:
            return whole
        arn = whole.member(self._table, self._table.arn)
        tags = read_tags(self._run, self._cloud, self._table, row.region, arn)
        return PartialRow(row.region, row.key, row.listed, described, tags)

    def _described(self, row: PartialRow) -> Mapping[str, Any]:
        describe, table = self._table.describe, self._table
        assert describe is not None, "the plan describes only tables that can"
        key = row.key or tuple(str(row.member(table, column)) for column in table.key)
        arguments = dict(zip(describe.arguments, key, strict=True))
        run, cloud, required = self._run, self._cloud, describe.required
        reply = call(run, cloud, table.client, table.iam, describe.call, row.region, arguments, required)
        found: Mapping[str, Any] = get_path(reply, describe.item)
        return found

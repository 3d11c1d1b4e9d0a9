"""Reads the details of single rows, Describe and tags, and the account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sqlprov.aws.read.decoder import get_path
from sqlprov.aws.read.rows import PartialRow
from sqlprov.aws.transport.calls import call
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.errors import MalformedReply
from sqlprov.aws.transport.run import Run
from sqlprov.catalog.table import Table
from sqlprov.plan.read import ReadPlan

LONGEST_WAIT = 2.0
"""Seconds to wait for another thread's GetCallerIdentity before calling it too."""


def get_account_id(run: Run, cloud: Cloud) -> str:
    """The account of the credentials, from one STS call per session.

    Raises:
        OperationalError: the call failed.
    """
    # The other thread's call may hang, even if its statement was cancelled long ago.
    is_locked = cloud.account_lock.acquire(timeout=LONGEST_WAIT)
    try:
        if cloud.account_id is None:
            region = cloud.find_region() or "us-east-1"
            reply = call(run, cloud, "sts", "sts", "GetCallerIdentity", region, {}, ("Account",))
            cloud.account_id = str(reply["Account"])
        return cloud.account_id
    finally:
        if is_locked:
            cloud.account_lock.release()


def read_tags(run: Run, cloud: Cloud, table: Table, region: str, arn: str) -> list[Any]:
    """The tags of one row, {Key, Value} each, from every page.

    Raises:
        OperationalError: a call failed.
    """
    method = table.tags
    assert method is not None, "only tables that have tags are read"
    parameters: dict[str, Any] = {method.argument: arn}
    tags: list[Any] = []
    seen: set[str] = set()
    while True:
        count = _make_tag_counter(method.items, method.token_out, seen)
        members = (method.items,)
        reply = call(run, cloud, table.client, table.iam, method.call, region, parameters, members, count)
        tags.extend(reply[method.items])
        token = reply.get(method.token_out) if method.token_out else None
        if not token:
            return tags
        seen.add(token)
        parameters = {**parameters, method.token_in: token}


def _make_tag_counter(items: str, token: str, seen: set[str]) -> Callable[[dict[str, Any]], int]:
    """Return a function that counts the tags of a page, as `make_row_counter` counts rows."""

    def count(page: dict[str, Any]) -> int:
        tags = page[items]
        if not isinstance(tags, dict) and not (isinstance(tags, list) and set(map(type, tags)) <= {dict}):
            raise MalformedReply(f"the reply's {items} is not a list of structures")
        if token and page.get(token) in seen:
            raise MalformedReply("the reply repeats the page token of an earlier page")
        return len(tags)

    return count


def describe_row(
    run: Run, cloud: Cloud, table: Table, region: str, arguments: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The resource that Describe returns for `arguments`.

    Raises:
        OperationalError: the call failed, or its reply lacks the resource or its key.
    """
    describe = table.describe
    assert describe is not None, "only tables that can be described have such calls"
    paths = [path for path in map(describe.paths.get, table.key) if path]

    def check(reply: dict[str, Any]) -> int:
        item = get_path(reply, describe.item)
        if absent := [".".join((*describe.item, *path)) for path in paths if get_path(item, path) is None]:
            raise MalformedReply(f"the reply lacks {', '.join(absent)}")
        return 1

    reply = call(
        run, cloud, table.client, table.iam, describe.call, region, {**describe.send, **arguments}, (), check
    )
    described: Mapping[str, Any] = get_path(reply, describe.item)
    return described


class DetailReader:
    """Makes the calls that single rows of a plan need."""

    def __init__(self, plan: ReadPlan, run: Run, cloud: Cloud) -> None:
        self._plan, self._run, self._cloud, self._table = plan, run, cloud, plan.table

    def read(self, row: PartialRow) -> PartialRow:
        """`row` with the details that the plan needs.

        Raises:
            OperationalError: a call failed.
        """
        described = self._describe(row) if self._plan.describe or row.key else None
        whole = replace(row, described=described)
        if not self._plan.tags:
            return whole
        arn = whole.get_value(self._table, self._table.arn)
        return replace(whole, tags=read_tags(self._run, self._cloud, self._table, row.region, arn))

    def _describe(self, row: PartialRow) -> Mapping[str, Any]:
        describe, table = self._table.describe, self._table
        assert describe is not None, "only tables that can be described have such plans"
        key = row.key or tuple(str(row.get_value(table, column)) for column in table.key)
        arguments = dict(zip(describe.arguments, key, strict=True))
        return describe_row(self._run, self._cloud, table, row.region, arguments)

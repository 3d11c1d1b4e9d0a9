"""Writes the IAM policy that the statements of some tables need."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from sqlprov.catalog.column import ColumnSource
from sqlprov.catalog.table import Table
from sqlprov.settings import ACCOUNT_NUMBER, UNIT, is_organization

ACCOUNT_ACTIONS = ("account:ListRegions", "ec2:DescribeRegions", "sts:GetCallerIdentity")
"""Actions of calls that belong to no table: the account's regions, and `account_id`."""
ASSUME_ROLE = "sts:AssumeRole"
LIST_ACCOUNTS = "organizations:ListAccounts"
LIST_UNIT = ("organizations:ListAccountsForParent", "organizations:ListOrganizationalUnitsForParent")
"""Actions that list the accounts of an organizational unit and of those below it."""
WRITE_VERBS = ("INSERT", "UPDATE", "DELETE", "EXEC")
BULK_TAGS = "tag:GetResources"
PASS_ROLE = "iam:PassRole"
LONGEST = 6144
"""Most characters of a managed policy, not counting blanks (documented)."""


def build_policy(
    tables: Iterable[Table], verbs: Collection[str], accounts: Sequence[str] = (), role: str = ""
) -> dict[str, Any]:
    """The policy that allows reading `tables`, which every write does, too, and writing them.

    Args:
        tables: the tables.
        verbs: of WRITE_VERBS.
        accounts: the accounts, as the words of `sqlprov_accounts`; the policy allows the session's own identity to list
            them and to assume their role.
        role: the name of that role.
    """
    reads, writes = {*ACCOUNT_ACTIONS}, set[str]()
    for table in tables:
        reads.update(_list_read_actions(table))
        writes.update(list_write_actions(table, verbs))
    roles = (reads | writes) & {PASS_ROLE}
    blocks = {"Read": reads - roles, "Write": writes - reads - roles, "PassRole": roles}
    choices = [word.partition(":")[2] for word in accounts if is_organization(word)]
    blocks["ListAccounts"] = {action for choice in choices for action in list_member_actions(choice)}
    statements = [
        {"Sid": name, "Effect": "Allow", "Action": sorted(actions), "Resource": "*"}
        for name, actions in blocks.items()
        if actions
    ]
    if ids := ["*"] if choices else list(filter(ACCOUNT_NUMBER.fullmatch, accounts)):
        resources = [f"arn:*:iam::{id_}:role/{role}" for id_ in ids]
        assume = {"Sid": "AssumeRole", "Effect": "Allow", "Action": [ASSUME_ROLE]}
        statements.append({**assume, "Resource": resources})
    return {"Version": "2012-10-17", "Statement": statements}


def list_member_actions(choice: str) -> tuple[str, ...]:
    """The actions that list the accounts of the organization: of a unit, or all, of which a pattern may choose."""
    return LIST_UNIT if UNIT.fullmatch(choice) else (LIST_ACCOUNTS,)


def list_write_actions(table: Table, verbs: Collection[str]) -> tuple[str, ...]:
    """The IAM actions of the methods that write with one of `verbs`."""
    writes = [method for method in table.methods if method.verb in verbs]
    return tuple(dict.fromkeys(action for method in writes for action in _narrow(method.permissions)))


def _list_read_actions(table: Table) -> Iterator[str]:
    calls = (table.list, table.describe, table.tags, *table.extras.values())
    yield from (table.iam.find(call.call) for call in calls if call)
    if table.tags and table.arn:
        yield BULK_TAGS
    # Cloud Control's handlers call services for the caller.
    for method in table.methods:
        yield from _narrow(method.permissions) if method.verb == "SELECT" else ()
    for parent in table.list.parents:
        if parent.load:
            other = parent.load()
            yield from _list_key_actions(other, parent.table_column)


def _list_key_actions(table: Table, column: str) -> Iterator[str]:
    """The actions that read one column of a parent."""
    yield table.iam.find(table.list.call)
    if table.describe and table.by_name[column].source is ColumnSource.DESCRIBE:
        yield table.iam.find(table.describe.call)
    for parent in table.list.parents:
        if parent.load:
            yield from _list_key_actions(parent.load(), parent.table_column)


def _narrow(actions: Iterable[str]) -> Iterator[str]:
    """Only actions of one call: a handler of CloudFormation's may ask for `events:*`, or for what is not an action."""
    return (action for action in actions if ":" in action and not action.endswith(":*"))

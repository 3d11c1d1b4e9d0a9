"""Random writes in the accounts of moto, through a proxy that loses, cuts and changes replies.

After each statement, boto3 reads every account with a role: the rows that the statement means are as its outcomes say,
and no other row of any account has changed.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest
from fault_proxy import FaultProxy, run_fault_proxy
from moto_organization import REGIONS, MotoOrganization, start_organization

import sqlprov
from sqlprov.aws.write.outcome import OutcomeStatus
from sqlprov.errors import OperationalError, WriteError

STATEMENTS = int(os.environ.get("FAULTS", "24"))
"""Statements that must meet a fault."""
ACCOUNTS = ("master", "prod-a", "stage")
NAMES = ("a", "b", "c")
T = "aws.ssm.parameters"

Key = tuple[str, str, str]
State = dict[Key, str]
"""Account, region and name -> value."""
Targets = dict[Key, str | None]
"""Account, region and name -> the value after the statement; `None` if it deletes the row."""


@pytest.fixture(scope="module")
def organization() -> Iterator[MotoOrganization]:
    with start_organization(*ACCOUNTS[1:]) as made:
        yield made


@pytest.fixture(scope="module")
def proxy(organization: MotoOrganization) -> Iterator[FaultProxy]:
    with run_fault_proxy(organization.url, seed=5) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def con(proxy: FaultProxy) -> Iterator[sqlprov.Connection]:
    settings = {"accounts": "organization", "timeout": "2", "settle": "0.05", "await_timeout": "30"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        with sqlprov.connect(endpoint_url=proxy.url, region=REGIONS, settings=settings) as con:
            yield con


def read_state(organization: MotoOrganization) -> State:
    """Every row, as boto3 reads it past the proxy."""
    return {
        (account, region, each["Name"]): each["Value"]
        for account in ACCOUNTS
        for region in REGIONS
        for each in organization.open_client("ssm", region, organization.ids[account]).get_parameters(
            Names=NAMES
        )["Parameters"]
    }


def write_statement(state: State, dice: random.Random, ids: dict[str, str]) -> tuple[str, Targets]:
    """A statement, and the rows that it means."""
    value = f"v{dice.randrange(10**6)}"
    regions = dice.sample(REGIONS, dice.randint(1, 2))
    accounts = dice.sample(ACCOUNTS, dice.randint(1, 2))
    in_regions = f"region IN ({', '.join(map(repr, regions))})"
    column, words = dice.choice([("account", accounts), ("account_id", [ids[name] for name in accounts])])
    in_accounts = f"{column} IN ({', '.join(map(repr, words))})"
    kind = dice.choice(("insert", "insert", "copy", "update", "delete"))
    if kind == "insert":
        free = [(a, r, n) for a in ACCOUNTS for r in REGIONS for n in NAMES if (a, r, n) not in state]
        rows = dice.sample(free, min(len(free), dice.randint(1, 4)))
        values = ", ".join(f"('{a}', '{r}', '{n}', 'String', '{value}')" for a, r, n in rows)
        return f"INSERT INTO {T} (account, region, name, type, value) VALUES {values}", dict.fromkeys(
            rows, value
        )
    if kind == "copy":
        source, other = dice.sample(ACCOUNTS, 2)
        copied = {
            (other, region, name): value
            for (account, region, name), value in state.items()
            if account == source and region in regions and (other, region, name) not in state
        }
        names = {name for _, _, name in copied}
        if len(names) == 1:
            (name,) = names
            target: Targets = {key: each for key, each in copied.items() if key[2] == name}
            of_regions = ", ".join(repr(region) for _, region, _ in target)
            return (
                f"INSERT INTO {T} (region, name, type, value, account) SELECT region, name, type, value, '{other}' "
                f"FROM {T} WHERE account = '{source}' AND region IN ({of_regions}) AND name = '{name}'"
            ), target
        kind = "update"
    name = dice.choice(NAMES)
    meant = [key for key in state if key[0] in accounts and key[1] in regions and key[2] == name]
    where = f"WHERE {in_accounts} AND {in_regions} AND name = '{name}'"
    if kind == "update":
        return f"UPDATE {T} SET value = '{value}' {where}", dict.fromkeys(meant, value)
    return f"DELETE FROM {T} {where}", dict.fromkeys(meant)


def test_a_write_changes_the_rows_of_its_accounts_only_whatever_is_lost(
    organization: MotoOrganization, proxy: FaultProxy, con: sqlprov.Connection
) -> None:
    dice, met, statuses = random.Random(17), 0, set[OutcomeStatus]()
    con.sql(f"SELECT count(*) FROM {T}").fetchall()
    while met < STATEMENTS:
        before = read_state(organization)
        sql, targets = write_statement(before, dice, organization.ids)
        if not targets:
            continue
        organization.forget_requests()
        proxy.hits.clear()
        proxy.share = 0.15
        try:
            con.sql(sql)
        except (OperationalError, WriteError):
            outcomes = con.outcomes
        else:
            outcomes = con.outcomes
            assert {each.status for each in outcomes} == {OutcomeStatus.OK}, sql
            assert len(outcomes) == len(targets), sql
        proxy.share = 0.0
        met += bool(proxy.hits)
        places = {(organization.ids[account], region) for account, region, _ in targets}
        assert {(account, region) for account, region, _ in organization.list_writes()} <= places, sql
        after = read_state(organization)
        allowed = {key: {before.get(key)} for key in before.keys() | after.keys() | targets.keys()}
        for each in outcomes:
            key = each.account, each.region, each.key
            statuses.add(each.status)
            if each.status is OutcomeStatus.OK:
                allowed[key] = {targets[key]}
            elif each.status is not OutcomeStatus.FAILED:
                allowed[key] = {before.get(key), targets[key]}
        wrong = {key: after.get(key) for key, values in allowed.items() if after.get(key) not in values}
        assert not wrong, (sql, proxy.hits, outcomes)
    assert OutcomeStatus.OK in statuses

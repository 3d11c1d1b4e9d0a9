"""Checks credentials, region, endpoint, identity, clock, and the permissions to read and write."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from enum import Enum
from functools import partial
from typing import Any

from sqlprov.aws.read.list_replies import find_rows, make_row_counter
from sqlprov.aws.read.report_queue import run_all
from sqlprov.aws.transport.accounts import Account, AccountFinder
from sqlprov.aws.transport.calls import call
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.run import Run
from sqlprov.catalog.column import get_path
from sqlprov.catalog.policy import WRITE_VERBS, list_write_actions
from sqlprov.catalog.table import IamActions, ListCall, Table
from sqlprov.errors import (
    AccessDenied,
    CredentialsError,
    Error,
    InterfaceError,
    OperationalError,
    RegionError,
    UnknownName,
    Unreachable,
    format_count,
)
from sqlprov.records import dataclass

MAX_SKEW = 300
"""Seconds by which the clocks may differ before AWS refuses a signature."""
ACTIONS_PER_CALL = 100
SHOWN = 10
"""Accounts that are named one by one."""
_WITHOUT = "To read the others, set sqlprov_on_error = 'warn', or leave it out of sqlprov_accounts."
_LOG_IN = "Log in (`aws sso login`), or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."


class CheckStatus(Enum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    DENIED = "denied"  # this may be intentional
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes:
        name: credentials, region, endpoint, identity, clock, accounts, read or write.
        status: how it ended.
        message: the result, in words.
        remedy: how to fix it; empty if there is nothing to fix.
    """

    name: str
    status: CheckStatus
    message: str
    remedy: str = ""


def diagnose(
    run: Run, finder: AccountFinder, region: str | None, tables: Iterable[Table], problem: str = "none"
) -> Iterator[Check]:
    """Run the checks one after another; those that cannot succeed after an earlier failure are skipped.

    Args:
        run: records the calls.
        finder: finds the session's accounts; tables are checked in its own.
        region: the region to check; `None` if there is none.
        tables: the tables to check.
        problem: why there is no region.
    """
    cloud = finder.own
    last = [*(["accounts"] if run.settings.account_words() else []), "read", "write"]
    credentials = _check_credentials(cloud, region)
    yield credentials
    yield _check_region(region, problem)
    if credentials.status is CheckStatus.FAILED or region is None:
        missing = "credentials" if credentials.status is CheckStatus.FAILED else "a region"
        yield from _skip(f"needs {missing}", "endpoint", "identity", "clock", *last)
        return
    began = time.time()
    arn, error = _get_identity(run, cloud, region)
    skew = _measure_skew(run, began)
    yield _check_endpoint(run, cloud, region, error)
    if error is None:
        yield Check("identity", CheckStatus.OK, arn)
    elif isinstance(error, AccessDenied):
        yield Check("identity", CheckStatus.DENIED, str(error))
    else:
        yield Check("identity", CheckStatus.FAILED, str(error), _suggest_remedy(error, skew))
    yield _check_clock(skew)
    if isinstance(error, CredentialsError | Unreachable | InterfaceError):
        yield from _skip("no call gets through", *last)
        return
    if "accounts" in last:
        yield from _check_accounts(run, finder, region)
    tables = list(tables)
    if not tables:
        yield from _skip("no table to check; name some, such as %.models", "read", "write")
    for table in tables:
        cloud.guard.allow_reads(table)
    if tables:
        yield from _check_reads(run, cloud, region, tables)
        yield from _check_writes(run, cloud, region, tables, arn)


def _skip(message: str, *names: str) -> Iterator[Check]:
    return (Check(name, CheckStatus.SKIPPED, message) for name in names)


def _check_credentials(cloud: Cloud, region: str | None) -> Check:
    try:
        chosen = cloud.get_credentials(region)
        profile = cloud.get_session().get_config_variable("profile")
    except CredentialsError as error:
        return Check("credentials", CheckStatus.FAILED, str(error))
    except RegionError as error:
        return Check("credentials", CheckStatus.SKIPPED, str(error))
    if chosen is None:
        return Check("credentials", CheckStatus.FAILED, "none found", _LOG_IN)
    lifetime = "temporary" if chosen.get_frozen_credentials().token else "long-lived"
    source = f"{chosen.method}, profile {profile}" if profile else chosen.method
    return Check("credentials", CheckStatus.OK, f"{lifetime}, from {source}")


def _check_region(region: str | None, problem: str) -> Check:
    if region:
        return Check("region", CheckStatus.OK, region)
    remedy = "Pass --region, or set AWS_REGION or the profile's `region`."
    return Check("region", CheckStatus.FAILED, problem, remedy)


def _get_identity(run: Run, cloud: Cloud, region: str) -> tuple[str, Error | None]:
    try:
        reply = call(run, cloud, "sts", IamActions("sts"), "GetCallerIdentity", region, {}, ("Arn",))
        return str(reply["Arn"]), None
    except (OperationalError, InterfaceError) as error:
        return "", error


def _measure_skew(run: Run, began: float) -> float | None:
    """Seconds by which the service's clock is ahead of ours, to the second; `None` if it did not answer."""
    if run.log.service_time is None:
        return None
    middle = datetime.fromtimestamp((began + time.time()) / 2, UTC)
    return (run.log.service_time - middle).total_seconds()


def _check_clock(skew: float | None) -> Check:
    if skew is None:
        return Check("clock", CheckStatus.SKIPPED, "the service did not answer")
    off = max(abs(skew) - 1, 0)  # the header has whole seconds
    if off < 1:
        return Check("clock", CheckStatus.OK, "matches the service's")
    message = f"{off:.0f} s {'behind' if skew > 0 else 'ahead of'} the service's"
    if off >= MAX_SKEW:
        remedy = "Set this machine's clock (`timedatectl set-ntp true`)."
        return Check("clock", CheckStatus.FAILED, message, remedy)
    return Check("clock", CheckStatus.OK, f"{message}; AWS accepts up to {MAX_SKEW} s")


def _check_endpoint(run: Run, cloud: Cloud, region: str, error: Error | None) -> Check:
    if isinstance(error, InterfaceError):
        return Check("endpoint", CheckStatus.FAILED, str(error))
    own = cloud.get_client("sts", region, run.settings.timeout).meta.endpoint_url
    others = sorted(cloud.list_endpoints().items())
    endpoints = ", ".join([own, *(f"{name} at {url}" for name, url in others if name not in ("", "sts"))])
    if isinstance(error, Unreachable):
        return Check("endpoint", CheckStatus.FAILED, f"{endpoints}: {error}")
    return Check("endpoint", CheckStatus.OK, endpoints)


def _suggest_remedy(error: Error, skew: float | None = None) -> str:
    if isinstance(error, CredentialsError):
        if skew is not None and abs(skew) > MAX_SKEW:
            return "The clock is wrong, and AWS refuses the signatures: see below."
        return f"Renew the credentials. {_LOG_IN}"
    if isinstance(error, AccessDenied):
        return f"Allow {error.permission} in the identity's policy."
    return ""


# Accounts


def _check_accounts(run: Run, finder: AccountFinder, region: str) -> Iterator[Check]:
    """Check whether each account can be read: get its credentials, and ask whose they are."""
    try:
        accounts = list(finder.choose(run))
    except (OperationalError, UnknownName) as error:
        yield Check("accounts", CheckStatus.FAILED, str(error), _suggest_remedy(error))
        return
    errors: dict[str, Error] = {}

    def ask(account: Account) -> None:
        try:
            _, problem = _get_identity(run, account.cloud, account.cloud.find_region() or region)
        except (CredentialsError, RegionError) as error:  # of its configuration
            problem = error
        if problem is not None:
            errors[account.name] = problem

    run_all(run, [partial(ask, account) for account in accounts])
    if names := [account.name for account in accounts if account.name not in errors]:
        shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
        yield Check("accounts", CheckStatus.OK, f"{format_count(len(names), 'account')}: {shown}")
    for account in accounts:
        if problem := errors.get(account.name):
            text = str(problem)
            text = text if text.startswith(account.name) else f"{account.name}: {text}"
            yield Check("accounts", CheckStatus.FAILED, text, _WITHOUT)


# Tables


def _check_reads(run: Run, cloud: Cloud, region: str, tables: list[Table]) -> Iterator[Check]:
    """Check whether each table can be read: list one row, and make the other calls that its columns need."""

    def settle(check: Future[Check], table: Table) -> None:
        try:
            check.set_result(_check_read(run, cloud, region, table))
        except BaseException as error:
            check.set_exception(error)

    checks: list[Future[Check]] = [Future() for _ in tables]
    for check, table in zip(checks, tables, strict=True):
        run.submit(partial(settle, check, table))
    for check in checks:
        yield check.result()


def _check_read(run: Run, cloud: Cloud, region: str, table: Table) -> Check:
    if table.list.parents:
        needed = " and ".join(parent.column for parent in table.list.parents)
        return Check("read", CheckStatus.SKIPPED, f"{table.full_name}: {table.list.call} needs {needed}")
    try:
        operations = _read_one_row(run, cloud, table.home or region, table)
    except OperationalError as error:
        return Check("read", CheckStatus.FAILED, f"{table.full_name}: {error}", _suggest_remedy(error))
    return Check("read", CheckStatus.OK, f"{table.full_name}: {', '.join(operations)}")


def _read_one_row(run: Run, cloud: Cloud, region: str, table: Table) -> list[str]:
    """The operations called to read one row, if there is one."""
    operations: list[str] = []

    def read(operation: str, parameters: dict[str, Any], members: tuple[str, ...] = ()) -> dict[str, Any]:
        operations.append(operation)
        return call(run, cloud, table.client, table.iam, operation, region, parameters, members)

    listing, describe = table.list, table.describe
    size: dict[str, Any] = {listing.page_size_parameter: 1} if listing.page_size_parameter else {}
    rows = find_rows(listing, read(listing.call, {**listing.send, **size}))
    if not rows or describe is None:
        return operations
    values = {
        name: get_path(rows[0], table.by_name[column].path) for name, column in describe.arguments.items()
    }
    if describe.batch:
        first = next(iter(values))
        values[first] = [values[first]]
    try:
        reply = read(describe.call, {**describe.send, **values})
        if table.tags and table.arn and not describe.batch:
            row = get_path(reply, describe.item)
            read(table.tags.call, table.tags.build_parameters(get_path(row, describe.paths[table.arn])))
    except AccessDenied:
        raise
    except OperationalError:
        operations.pop()  # the row is gone, or the service cannot describe it: no permission is missing
    return operations


def _check_writes(run: Run, cloud: Cloud, region: str, tables: list[Table], arn: str) -> Iterator[Check]:
    """Check whether IAM's policy simulator allows the writes of each table; nothing is written."""
    needed = {table.full_name: list_write_actions(table, WRITE_VERBS) for table in tables}
    actions = sorted({action for wanted in needed.values() for action in wanted})
    principal = _find_principal(arn)
    if not principal or not actions:
        message = "the identity is neither a user nor a role" if actions else "no table can be written"
        yield Check("write", CheckStatus.SKIPPED, message)
        return
    try:
        allowed = _simulate(run, cloud, region, principal, actions)
    except OperationalError as error:
        yield Check("write", CheckStatus.SKIPPED, f"needs iam:SimulatePrincipalPolicy. {error}")
        return
    for name, wanted in needed.items():
        missing = [action for action in wanted if action not in allowed]
        if missing:
            yield Check("write", CheckStatus.DENIED, f"{name}: {', '.join(missing)}")
        elif wanted:
            yield Check("write", CheckStatus.OK, f"{name}: {len(wanted)} actions allowed")


def _find_principal(arn: str) -> str:
    """The user or role whose policies apply to an identity; empty for any other identity."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return ""
    kind, _, rest = parts[5].partition("/")
    if kind == "assumed-role":
        return f"arn:{parts[1]}:iam::{parts[4]}:role/{rest.partition('/')[0]}"
    return arn if kind in ("user", "role") else ""


def _simulate(run: Run, cloud: Cloud, region: str, principal: str, actions: list[str]) -> set[str]:
    """The allowed ones among `actions`.

    Raises:
        OperationalError: the simulator did not answer.
    """
    allowed: set[str] = set()
    operation, items = "SimulatePrincipalPolicy", "EvaluationResults"
    count = make_row_counter(ListCall(operation, (items,)), set())
    for start in range(0, len(actions), ACTIONS_PER_CALL):
        some = actions[start : start + ACTIONS_PER_CALL]
        parameters: dict[str, Any] = {"PolicySourceArn": principal, "ActionNames": some}
        while True:
            reply = call(run, cloud, "iam", IamActions("iam"), operation, region, parameters, (), count)
            allowed |= {one["EvalActionName"] for one in reply[items] if one["EvalDecision"] == "allowed"}
            if not reply.get("IsTruncated") or not reply.get("Marker"):
                break
            parameters["Marker"] = reply["Marker"]
    return allowed

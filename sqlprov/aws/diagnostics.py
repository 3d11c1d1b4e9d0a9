"""The account of a connection in; findings out: what works, what does not, and how it is mended."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import partial
from typing import Any

from sqlprov.aws.read.batches import get_path
from sqlprov.aws.run import Run
from sqlprov.aws.transport.calls import call
from sqlprov.aws.transport.clients import Cloud
from sqlprov.catalog.table import Table
from sqlprov.errors import AccessDenied, CredentialsError, Error, OperationalError, Unreachable

MOST_SKEW = 300
"""Seconds that the clocks may differ before AWS refuses what is signed."""
ACTIONS_AT_ONCE = 100
_LOG_IN = "Log in (`aws sso login`), or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."


class Health(Enum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    REFUSED = "no"  # not allowed, which may be meant
    SKIPPED = "-"


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: credentials, region, endpoint, identity, clock, read or write.
        health: how it ended.
        told: what was found.
        mend: what to do about it; empty if nothing is to be done.
    """

    check: str
    health: Health
    told: str
    mend: str = ""


def checkup(
    run: Run,
    cloud: Cloud,
    region: str | None,
    tables: Iterable[Table],
    endpoint: str,
    instead: str | None = None,
) -> Iterator[Finding]:
    """One check after another; what cannot be checked because of one before it is skipped.

    Args:
        run: the calls made are noted in it.
        cloud: the account.
        region: where tables are read; `None` if there is none.
        tables: those whose permissions are checked.
        endpoint: what calls are sent to, for the reader.
        instead: where tables are read if there is no region.
    """
    found = _credentials(cloud)
    yield found
    yield _region(region, instead)
    region = region or instead
    if found.health is Health.FAILED or region is None:
        missing = "credentials" if found.health is Health.FAILED else "a region"
        for check in ("endpoint", "identity", "clock", "read", "write"):
            yield Finding(check, Health.SKIPPED, f"not checked without {missing}")
        return
    began = time.time()
    arn, met = _identity(run, cloud, region)
    skew = _skew(run, began)
    yield _endpoint(endpoint, met)
    if arn:
        yield Finding("identity", Health.OK, arn)
    elif isinstance(met, AccessDenied):
        yield Finding("identity", Health.REFUSED, str(met))
    else:
        yield Finding("identity", Health.FAILED, str(met), _remedy(met, skew))
    yield _clock(skew)
    if isinstance(met, CredentialsError | Unreachable):
        yield Finding("read", Health.SKIPPED, "not checked: no call gets through")
        yield Finding("write", Health.SKIPPED, "not checked: no call gets through")
        return
    listed = list(tables)
    for table in listed:
        cloud.allow_reads(table)
    yield from _reads(run, cloud, region, listed)
    yield from _writes(run, cloud, region, listed, arn)


def _credentials(cloud: Cloud) -> Finding:
    try:
        chosen = cloud.session().get_credentials()
        frozen = chosen.get_frozen_credentials() if chosen else None
    except (
        Exception
    ) as error:  # whatever a provider of credentials raises, such as an SSO session that has ended
        kind = "" if isinstance(error, Error) else f"{type(error).__name__}: "
        return Finding("credentials", Health.FAILED, f"{kind}{error}", _LOG_IN)
    if chosen is None or frozen is None or not frozen.access_key:
        return Finding("credentials", Health.FAILED, "none were found", _LOG_IN)
    profile = f", profile {cloud.profile}" if cloud.profile else ""
    kind = "temporary" if frozen.token else "of long life"
    return Finding("credentials", Health.OK, f"found by {chosen.method}{profile}, {kind}")


def _region(region: str | None, instead: str | None) -> Finding:
    if region:
        return Finding("region", Health.OK, region)
    if instead:
        told = f"none, so that a statement must name one, or --region; {instead} is checked"
        return Finding("region", Health.SKIPPED, told)
    return Finding(
        "region", Health.FAILED, "none", "Give --region, set AWS_REGION, or `region` in the profile."
    )


def _identity(run: Run, cloud: Cloud, region: str) -> tuple[str, OperationalError | None]:
    try:
        reply = call(run, cloud, "sts", "sts", "GetCallerIdentity", region, {}, ("Arn",))
        return str(reply["Arn"]), None
    except OperationalError as error:
        return "", error


def _skew(run: Run, began: float) -> float | None:
    """Seconds that the service's clock is ahead of ours, to the second; `None` if it was not heard."""
    if run.served is None:
        return None
    middle = datetime.fromtimestamp((began + time.time()) / 2, UTC)
    return (run.served - middle).total_seconds()


def _clock(skew: float | None) -> Finding:
    if skew is None:
        return Finding("clock", Health.SKIPPED, "not checked: the service did not answer")
    # The header tells whole seconds.
    away = max(abs(skew) - 1, 0)
    if away < 1:
        return Finding("clock", Health.OK, "as the service's")
    side = "behind" if skew > 0 else "ahead of"
    told = f"{away:.0f} s {side} the service's"
    if away >= MOST_SKEW:
        return Finding("clock", Health.FAILED, told, "Set this machine's clock (`timedatectl set-ntp true`).")
    return Finding("clock", Health.OK, f"{told}; up to {MOST_SKEW} s are accepted")


def _endpoint(endpoint: str, met: OperationalError | None) -> Finding:
    if isinstance(met, Unreachable):
        mend = "Check the network, HTTPS_PROXY, --endpoint-url and AWS_ENDPOINT_URL."
        return Finding("endpoint", Health.FAILED, f"{endpoint}: {met}", mend)
    return Finding("endpoint", Health.OK, endpoint)


def _remedy(met: Error | None, skew: float | None) -> str:
    if isinstance(met, CredentialsError):
        if skew is not None and abs(skew) > MOST_SKEW:
            return "The clock is wrong, so that signatures are refused: see below."
        return f"Renew the credentials. {_LOG_IN}"
    if isinstance(met, AccessDenied):
        return f"Allow {met.permission} in the policy of the identity."
    return ""


# Tables


def _reads(run: Run, cloud: Cloud, region: str, tables: list[Table]) -> Iterator[Finding]:
    """Whether each table can be read: a list of one row, and what else its columns need, for that row."""
    waiting: list[tuple[Table, Future[Finding]]] = []
    for table in tables:
        future: Future[Finding] = Future()
        waiting.append((table, future))
        run.pool.submit(partial(_settle, future, run, cloud, region, table))
    for _, future in waiting:
        yield future.result()


def _settle(future: Future[Finding], run: Run, cloud: Cloud, region: str, table: Table) -> None:
    try:
        future.set_result(_read(run, cloud, region, table))
    except BaseException as error:
        future.set_exception(error)


def _read(run: Run, cloud: Cloud, region: str, table: Table) -> Finding:
    try:
        calls = _read_one(run, cloud, region, table)
    except AccessDenied as error:
        mend = f"Allow {error.permission} in the policy of the identity."
        return Finding("read", Health.FAILED, f"{table.full_name}: {error}", mend)
    except OperationalError as error:
        return Finding("read", Health.FAILED, f"{table.full_name}: {error}", _remedy(error, None))
    return Finding("read", Health.OK, f"{table.full_name}: {', '.join(calls)}")


def _read_one(run: Run, cloud: Cloud, region: str, table: Table) -> list[str]:
    """Read one row, if there is one; the operations called."""

    def called(operation: str, parameters: dict[str, Any], members: tuple[str, ...] = ()) -> dict[str, Any]:
        made.append(operation)
        return call(run, cloud, table.client, table.iam, operation, region, parameters, members)

    made: list[str] = []
    listing, describe = table.list, table.describe
    size: dict[str, Any] = {listing.page_size_parameter: 1} if listing.page_size_parameter else {}
    rows = called(listing.call, size, (listing.items,))[listing.items]
    if not rows or describe is None:
        return made
    keys = [get_path(rows[0], table.by_name[name].path) for name in table.key]
    try:
        described = get_path(
            called(describe.call, dict(zip(describe.arguments, keys, strict=True))), describe.item
        )
        if table.tags and table.arn:
            called(table.tags.call, {table.tags.argument: get_path(described, describe.paths[table.arn])})
    except AccessDenied:
        raise
    except OperationalError:
        made.pop()  # the row has gone, or is one that the service does not describe: that is no matter of permission
    return made


def _writes(run: Run, cloud: Cloud, region: str, tables: list[Table], arn: str) -> Iterator[Finding]:
    """Whether each table may be written, as IAM's simulator tells; nothing is tried."""
    needed = [(table.full_name, _actions(table)) for table in tables]
    actions = sorted({action for _, wanted in needed for action in wanted})
    source = _principal(arn)
    if not source or not actions:
        told = "not checked: the identity is no user or role" if actions else "no table is written"
        yield Finding("write", Health.SKIPPED, told)
        return
    try:
        allowed = _simulated(run, cloud, region, source, actions)
    except OperationalError as error:
        yield Finding(
            "write", Health.SKIPPED, f"not checked: iam:SimulatePrincipalPolicy does not answer. {error}"
        )
        return
    for name, wanted in needed:
        missing = [action for action in wanted if action not in allowed]
        if missing:
            yield Finding("write", Health.REFUSED, f"{name}: not allowed: {', '.join(missing)}")
        elif wanted:
            yield Finding("write", Health.OK, f"{name}: {len(wanted)} actions are allowed")


def _actions(table: Table) -> tuple[str, ...]:
    """The IAM actions of the methods that write."""
    return tuple(
        dict.fromkeys(
            action for method in table.methods if method.verb != "SELECT" for action in method.permissions
        )
    )


def _principal(arn: str) -> str:
    """The user or role whose policies hold for an identity; empty if that cannot be told."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return ""
    kind, _, rest = parts[5].partition("/")
    if kind == "assumed-role":
        return f"arn:{parts[1]}:iam::{parts[4]}:role/{rest.partition('/')[0]}"
    return arn if kind in ("user", "role") else ""


def _simulated(run: Run, cloud: Cloud, region: str, source: str, actions: list[str]) -> set[str]:
    """The actions that are allowed.

    Raises:
        OperationalError: the simulator did not answer.
    """
    allowed: set[str] = set()
    for start in range(0, len(actions), ACTIONS_AT_ONCE):
        asked: dict[str, Any] = {
            "PolicySourceArn": source,
            "ActionNames": actions[start : start + ACTIONS_AT_ONCE],
        }
        while True:
            reply = call(
                run,
                cloud,
                "iam",
                "iam",
                "SimulatePrincipalPolicy",
                region,
                asked,
                ("EvaluationResults",),
                lambda page: len(page["EvaluationResults"]),
            )
            results = reply["EvaluationResults"]
            allowed |= {one["EvalActionName"] for one in results if one["EvalDecision"] == "allowed"}
            if not reply.get("IsTruncated") or not reply.get("Marker"):
                break
            asked["Marker"] = reply["Marker"]
    return allowed

"""Checks credentials, region, endpoint, identity and clock."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from sqlprov.aws.transport.calls import call
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.run import Run
from sqlprov.catalog.table import IamActions
from sqlprov.errors import AccessDenied, CredentialsError, Error, OperationalError, Unreachable

MAX_SKEW = 300
"""Seconds by which the clocks may differ before AWS refuses a signature."""
_LOG_IN = "Log in (`aws sso login`), or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."


class CheckStatus(Enum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes:
        name: credentials, region, endpoint, identity or clock.
        status: how it ended.
        message: the result, in words.
        remedy: how to fix it; empty if there is nothing to fix.
    """

    name: str
    status: CheckStatus
    message: str
    remedy: str = ""


def diagnose(run: Run, cloud: Cloud, region: str | None) -> Iterator[Check]:
    """Run the checks one after another; those that cannot succeed after an earlier failure are skipped.

    Args:
        run: records the calls.
        cloud: the account.
        region: the region to check; `None` if there is none.
    """
    credentials = _check_credentials(cloud)
    yield credentials
    yield _check_region(region)
    if credentials.status is CheckStatus.FAILED or region is None:
        missing = "credentials" if credentials.status is CheckStatus.FAILED else "a region"
        for name in ("endpoint", "identity", "clock"):
            yield Check(name, CheckStatus.SKIPPED, f"needs {missing}")
        return
    began = time.time()
    arn, error = _get_identity(run, cloud, region)
    skew = _measure_skew(run, began)
    yield _check_endpoint(cloud, error)
    if error is None:
        yield Check("identity", CheckStatus.OK, arn)
    else:
        yield Check("identity", CheckStatus.FAILED, str(error), _suggest_remedy(error, skew))
    yield _check_clock(skew)


def _check_credentials(cloud: Cloud) -> Check:
    try:
        chosen = cloud.get_session().get_credentials()
        keys = chosen.get_frozen_credentials() if chosen else None
    except Exception as error:  # a provider may raise anything, such as for an SSO session that has ended
        kind = "" if isinstance(error, Error) else f"{type(error).__name__}: "
        return Check("credentials", CheckStatus.FAILED, f"{kind}{error}", _LOG_IN)
    if chosen is None or keys is None or not keys.access_key:
        return Check("credentials", CheckStatus.FAILED, "none found", _LOG_IN)
    profile = f", profile {cloud.profile}" if cloud.profile else ""
    lifetime = "temporary" if keys.token else "long-lived"
    return Check("credentials", CheckStatus.OK, f"{lifetime}, from {chosen.method}{profile}")


def _check_region(region: str | None) -> Check:
    if region:
        return Check("region", CheckStatus.OK, region)
    remedy = "Pass --region, or set AWS_REGION or the profile's `region`."
    return Check("region", CheckStatus.FAILED, "none", remedy)


def _get_identity(run: Run, cloud: Cloud, region: str) -> tuple[str, OperationalError | None]:
    try:
        reply = call(run, cloud, "sts", IamActions("sts"), "GetCallerIdentity", region, {}, ("Arn",))
        return str(reply["Arn"]), None
    except OperationalError as error:
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


def _check_endpoint(cloud: Cloud, error: OperationalError | None) -> Check:
    endpoint = cloud.endpoint_url or os.environ.get("AWS_ENDPOINT_URL") or "AWS"
    if isinstance(error, Unreachable):
        remedy = "Check the network, HTTPS_PROXY, --endpoint-url and AWS_ENDPOINT_URL."
        return Check("endpoint", CheckStatus.FAILED, f"{endpoint}: {error}", remedy)
    return Check("endpoint", CheckStatus.OK, endpoint)


def _suggest_remedy(error: OperationalError, skew: float | None) -> str:
    if isinstance(error, CredentialsError):
        if skew is not None and abs(skew) > MAX_SKEW:
            return "The clock is wrong, and AWS refuses the signatures: see below."
        return f"Renew the credentials. {_LOG_IN}"
    if isinstance(error, AccessDenied):
        return f"Allow {error.permission} in the identity's policy."
    return ""

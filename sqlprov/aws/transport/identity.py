"""Reads the id of an account once a session."""

from __future__ import annotations

from sqlprov.aws.transport.calls import call
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.run import Run
from sqlprov.catalog.table import IamActions

LONGEST_WAIT = 2.0
"""Seconds to wait for another thread's GetCallerIdentity before calling it too."""


def read_account_id(run: Run, cloud: Cloud) -> str:
    """The id of the account of the credentials, from one STS call per session.

    Raises:
        OperationalError: the call failed.
    """
    # The other thread's call may hang, even if its statement was cancelled long ago.
    is_locked = cloud.account_lock.acquire(timeout=LONGEST_WAIT)
    try:
        if cloud.account_id is None:
            region = cloud.find_region() or "us-east-1"
            reply = call(run, cloud, "sts", IamActions("sts"), "GetCallerIdentity", region, {}, ("Account",))
            cloud.account_id = str(reply["Account"])
        return cloud.account_id
    finally:
        if is_locked:
            cloud.account_lock.release()

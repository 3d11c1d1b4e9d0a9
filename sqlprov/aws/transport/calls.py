"""Makes calls, with retries and back-off, and records and logs each call."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import orjson

from sqlprov.aws.transport.call_log import CallRecord
from sqlprov.aws.transport.cancellation import CANCELLED, hold
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.errors import Failure, MalformedReply, Next, classify, is_parse_failure
from sqlprov.aws.transport.fast_path import PUBLIC_ERRORS, choose_sender
from sqlprov.aws.transport.replies import check_reply
from sqlprov.aws.transport.reply_cache import ListingReader
from sqlprov.aws.transport.run import Run
from sqlprov.catalog.table import IamActions
from sqlprov.errors import (
    WARNING_HEADER,
    Cancelled,
    CredentialsError,
    Error,
    InternalError,
    format_count,
)

log = logging.getLogger("sqlprov")

ID_WAIT = 2.0
"""Seconds to wait for another thread's GetCallerIdentity before calling it, too."""
FIRST_PAUSE = {Next.RETRY: 0.1, Next.SLOW_DOWN: 0.5}
"""Seconds before the second attempt, at most; doubled for each further one, minus a random part."""
LONGEST_PAUSE = 20.0


def call(
    run: Run,
    cloud: Cloud,
    service: str,
    iam: IamActions,
    operation: str,
    region: str,
    parameters: Mapping[str, Any],
    members: tuple[str, ...] = (),
    rows: Callable[[dict[str, Any]], int] = lambda _: 1,
    while_waiting: Callable[[], None] | None = None,
    reader: ListingReader | None = None,
    *,
    is_login: bool = False,
    keys: Any = None,
) -> dict[str, Any]:
    """Call `operation` in up to `sqlprov_max_attempts` attempts and return its decoded reply.

    With `sqlprov_cache`, a kept reply, or that of another statement's call in flight, is returned instead.

    Args:
        run: the statement.
        cloud: the clients.
        service: botocore's service name.
        iam: names of the IAM actions.
        operation, region, parameters: the call.
        members: output members that every complete reply has.
        rows: counts the rows of a reply for the record; if it raises MalformedReply, the call is retried.
        while_waiting: work to do until the reply arrives, if possible; it raises nothing, and may run again.
        reader: the progress in a list of several pages.
        is_login: whether it gets credentials: the reply is not kept.
        keys: the credentials to sign it with instead of the account's current ones; the reply is not kept.

    Raises:
        BudgetExceeded: the statement may make no further call.
        Cancelled: the statement was cancelled before or between attempts.
        OperationalError: the error of the last attempt, one of its subclasses.
        InterfaceError: the endpoint is not a URL.
        InternalError: a bug in sqlprov.
    """

    def make_call() -> dict[str, Any]:
        run.count_call()
        record = CallRecord(operation, region, parameters, account=cloud.name)
        with record_call(run, record):
            while True:
                try:
                    return attempt(run, cloud, service, iam, record, members, rows, while_waiting, keys)
                except AttemptFailed as failed:
                    if failed.failure.next is Next.GIVE_UP or record.attempts >= cloud.find_max_attempts(run):
                        error = failed.failure.error
                        if record.attempts > 1:
                            text = str(error).rstrip()
                            text += "" if text.endswith((".", ")")) else "."
                            error.args = (f"{text} After {record.attempts} attempts.",)
                        break
                    paced = cloud.get_limiter(service, region).rate is not None
                    if not (paced and failed.failure.next is Next.SLOW_DOWN):
                        pause(run, failed.failure, record.attempts)
            raise error  # outside of the handler: botocore's error may quote a credential

    def fits(reply: dict[str, Any]) -> bool:
        try:
            check_reply(reply, members, rows)
        except MalformedReply:
            return False
        return True

    if is_login or keys or not run.settings.cache:
        return make_call()
    only = ListingReader()
    request = orjson.dumps(parameters, default=str, option=orjson.OPT_SORT_KEYS)
    key = cloud.name, cloud.find_identity(), service, operation, region, request
    reply = cloud.replies.read(run, key, reader or only, fits, make_call)
    if reader is None:
        only.end()
    return reply


class AttemptFailed(Exception):
    """An attempt failed; `failure` says how."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure.error))
        self.failure = failure


def attempt(
    run: Run,
    cloud: Cloud,
    service: str,
    iam: IamActions,
    record: CallRecord,
    members: tuple[str, ...] = (),
    rows: Callable[[dict[str, Any]], int] = lambda _: 1,
    while_waiting: Callable[[], None] | None = None,
    keys: Any = None,
) -> dict[str, Any]:
    """Make one attempt of the call in `record`; the other arguments are the same as those of `call`.

    Raises:
        AttemptFailed: no complete reply arrived.
        Cancelled: the statement was cancelled before the attempt, or during it if the call does not write.
        InterfaceError: the endpoint is not a URL.
        InternalError: a read met a bug in sqlprov.
    """
    run.cancellation.check()
    limiter = cloud.get_limiter(service, record.region)
    run.cancellation.sleep(limiter.reserve())
    run.cancellation.check()
    record.attempts += 1
    in_flight, is_read = None, (service, record.operation) in cloud.guard.reads
    try:
        cloud.log_in(run, record.region)
        client = cloud.get_client(service, record.region, run.settings.timeout)
        send = choose_sender(client, record.operation, is_read)
        keys = keys or _choose_keys(run, cloud)
        with cloud.sign(keys), run.cancellation.track_call() as in_flight:
            run.cancellation.check()  # creating the first client takes a third of a second
            raw = send(record.parameters, while_waiting)
        limiter.note_accepted()
        cloud.has_accepted = True
        _note_headers(run, raw)
        reply, record.rows = check_reply(raw, members, rows)
        run.pool.widen()
        return reply
    except CredentialsError as error:
        record.attempts -= 1  # nothing was sent
        located = locate(error, record)
        cloud.name_account(located)
        raise AttemptFailed(Failure(located, Next.GIVE_UP, unsent=True)) from None
    except Error:
        raise
    except Exception as exception:
        if in_flight is not None and in_flight.is_cancelled:
            raise Cancelled(CANCELLED) from None
        if is_parse_failure(exception):
            text = f"the reply does not fit the model ({type(exception).__name__}: {exception})"
            exception = MalformedReply(text)
        is_expected = isinstance(exception, (*PUBLIC_ERRORS, OSError))
        if is_read and not is_expected:  # after a write, the row is read back first
            where = f"{record.operation} in {record.region}: {type(exception).__name__}"
            raise InternalError(f"{where}: {exception}. This is a bug in sqlprov.") from exception
        _note_headers(run, getattr(exception, "response", None))
        failure = classify(exception, record.operation, record.region, iam)
        cloud.note_failure(failure.error)
        if is_read and cloud.replace_expired(failure.error):
            failure = replace(failure, next=Next.RETRY)
        if failure.next is Next.SLOW_DOWN:
            limiter.note_throttled()
            run.log.note_throttle(record)
            run.pool.narrow()
        raise AttemptFailed(failure) from exception
    finally:
        if not is_read:
            cloud.replies.clear()


def read_account_id(run: Run, cloud: Cloud, keys: Any = None) -> str:
    """The id of the account of the credentials, from one STS call per session.

    Args:
        run, cloud: as for `call`.
        keys: the credentials whose account is meant; those of the statement's last call, unless they are given.

    Raises:
        OperationalError: the call failed.
        CredentialsError: the credentials are of another account than before.
    """
    keys = keys or run.keys.get(cloud.name) or cloud.freeze()
    with hold(cloud.account_lock, ID_WAIT):
        if cloud.account_id is None or (keys and keys.access_key != cloud.id_key):
            region = cloud.find_region() or "us-east-1"
            names = "sts", IamActions("sts"), "GetCallerIdentity"
            account = str(call(run, cloud, *names, region, {}, ("Account",), keys=keys)["Account"])
            if cloud.account_id not in (None, account):
                raise _make_changed_error(cloud, str(cloud.account_id), account)
            cloud.account_id, cloud.id_key = account, keys.access_key if keys else ""
        return cloud.account_id


def _choose_keys(run: Run, cloud: Cloud) -> Any:
    """The credentials to sign a call with, if a program makes them.

    Raises:
        CredentialsError: they are of another account than those of the statement's last call.
    """
    keys = cloud.freeze()
    if keys is None:
        return None
    last = run.keys.setdefault(cloud.name, keys)
    if last.access_key != keys.access_key or cloud.id_key not in ("", keys.access_key):
        before, now = (read_account_id(run, cloud, each) for each in (last, keys))
        if before != now:
            raise _make_changed_error(cloud, before, now)
        run.keys[cloud.name] = keys
    return keys


def _make_changed_error(cloud: Cloud, before: str, now: str) -> CredentialsError:
    return CredentialsError(
        f"the credentials of {cloud.name!r} are of the account {now} now, not of {before}. Run the statement again."
    )


def locate(error: CredentialsError, record: CallRecord) -> CredentialsError:
    """The same error, with the call that could not be made."""
    text = f"{record.operation} in {record.region}: {error}"
    why = {"code": error.code, "request_id": error.request_id, "permission": error.permission}
    place = {"operation": record.operation, "region": record.region}
    return CredentialsError(text, mfa_serial=error.mfa_serial, **place, **why)


def _note_headers(run: Run, reply: Any) -> None:
    """Record the service's clock, and its warning if it sends one."""
    run.log.note_date(reply)
    if warning := (reply or {}).get("ResponseMetadata", {}).get("HTTPHeaders", {}).get(WARNING_HEADER):
        run.warn(warning)


@contextmanager
def record_call(run: Run, record: CallRecord) -> Iterator[None]:
    """Record and log the attempts of the block as one call."""
    began = time.perf_counter()
    try:
        yield
    except Error as error:
        record.error = getattr(error, "code", "") or type(error).__name__
        raise
    finally:
        if record.attempts:
            record.milliseconds = (time.perf_counter() - began) * 1000
            run.log.calls.append(record)
            _log(record)


def pause(run: Run, failure: Failure, attempts: int) -> None:
    """Wait before the next attempt, longer each time, unless the statement is cancelled."""
    longest = min(FIRST_PAUSE[failure.next] * 2 ** (attempts - 1), LONGEST_PAUSE)
    run.cancellation.sleep(random.uniform(longest / 2, longest))


def _log(record: CallRecord) -> None:
    if log.isEnabledFor(logging.INFO):
        log.info(
            "%s %s %s: %s, %s, %.0f ms%s",
            record.operation,
            record.region,
            orjson.dumps(record.parameters, default=str).decode(),
            format_count(record.rows, "row"),
            format_count(record.attempts, "attempt"),
            record.milliseconds,
            f", {record.error}" if record.error else "",
        )

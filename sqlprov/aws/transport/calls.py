"""One operation in, its decoded reply out: attempts, back-off, the record and the log line of every call."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson

from sqlprov.aws.run import CANCELLED, CallRecord, Run
from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.errors import Failure, Next, classify
from sqlprov.aws.transport.fast_path import choose_sender
from sqlprov.aws.transport.replies import check_reply
from sqlprov.errors import Cancelled, Error, format_count

log = logging.getLogger("sqlprov")

FIRST_PAUSE = {Next.RETRY: 0.1, Next.SLOW_DOWN: 0.5}
"""Seconds before the second attempt, at most; doubled for each further one, and drawn at random below that."""
LONGEST_PAUSE = 20.0


def call(
    run: Run,
    cloud: Cloud,
    service: str,
    signing: str,
    operation: str,
    region: str,
    parameters: Mapping[str, Any],
    members: tuple[str, ...] = (),
    rows: Callable[[dict[str, Any]], int] = lambda _: 1,
    meanwhile: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """The reply of `operation`, tried up to `sqlprov_max_attempts` times.

    Args:
        run: the statement it is made for.
        cloud: the clients.
        service: botocore's service name.
        signing: service prefix of IAM actions.
        operation, region, parameters: the call.
        members: output members that a whole reply holds.
        rows: counts the rows of a reply, for the record; a MalformedReply of it is met by another attempt.
        meanwhile: run while the reply is waited for, where that can be; it raises nothing, and may run again.

    Raises:
        Cancelled: the statement was cancelled before or between attempts.
        OperationalError: what the last attempt met; a leaf of it says what.
        InterfaceError: the endpoint's URL is none.
    """
    record = CallRecord(operation, region, parameters)
    with record_call(run, record):
        while True:
            try:
                return attempt(run, cloud, service, signing, record, members, rows, meanwhile)
            except AttemptFailed as failed:
                if failed.failure.next is Next.GIVE_UP or record.attempts >= run.settings.max_attempts:
                    raise _final_error(failed.failure, record.attempts) from failed.__cause__
                if failed.failure.next is not Next.SLOW_DOWN or cloud.limiter(service, region).rate is None:
                    pause(run, failed.failure, record.attempts)


class AttemptFailed(Exception):
    """One attempt failed; `failure` says how."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure.error))
        self.failure = failure


def attempt(
    run: Run,
    cloud: Cloud,
    service: str,
    signing: str,
    record: CallRecord,
    members: tuple[str, ...] = (),
    rows: Callable[[dict[str, Any]], int] = lambda _: 1,
    meanwhile: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """The reply of one HTTP request; the arguments are those of `call`, with the call in `record`.

    Raises:
        Failed: there is no whole reply.
        Cancelled: the statement was cancelled before, or meanwhile and writes nothing.
        InterfaceError: the endpoint's URL is none.
    """
    run.check()
    limiter = cloud.limiter(service, record.region)
    run.wait(limiter.reserve())
    record.attempts += 1
    in_flight = None
    try:
        client = cloud.client(service, record.region, run.settings.timeout)
        send = choose_sender(client, record.operation, record.operation in cloud.reads)
        with run.track_call() as in_flight:
            run.check()  # the first client takes a third of a second
            answer = send(record.parameters, meanwhile)
        limiter.note_accepted()
        run.note_date(answer)
        reply, record.rows = check_reply(answer, members, rows)
        run.note_success()
        return reply
    except Error:
        raise
    except Exception as exception:
        if in_flight is not None and in_flight.is_cancelled:
            raise Cancelled(CANCELLED) from None
        run.note_date(getattr(exception, "response", None))
        met = classify(exception, record.operation, record.region, signing)
        if met.next is Next.SLOW_DOWN:
            limiter.note_throttled()
            run.note_throttle(record)
        raise AttemptFailed(met) from exception


@contextmanager
def record_call(run: Run, record: CallRecord) -> Iterator[None]:
    """Times what is done within as the call of `record`, and notes it in the run and the log."""
    began = time.perf_counter()
    try:
        yield
    except Error as error:
        record.error = getattr(error, "code", "") or type(error).__name__
        raise
    finally:
        if record.attempts:
            record.milliseconds = (time.perf_counter() - began) * 1000
            run.calls.append(record)
            _log(record)


def _final_error(met: Failure, attempts: int) -> Exception:
    if attempts > 1:
        met.error.args = (f"{met.error} After {attempts} attempts.",)
    return met.error


def pause(run: Run, met: Failure, attempts: int) -> None:
    """Wait before the next attempt, longer each time; a cancelled statement does not wait."""
    longest = min(FIRST_PAUSE[met.next] * 2 ** (attempts - 1), LONGEST_PAUSE)
    run.cancelled.wait(random.uniform(longest / 2, longest))


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

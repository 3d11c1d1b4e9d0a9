from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from emulator_calls import EXPERIMENTS, add_experiment, wait_until_idle
from slices import SWEEP

import sqlprov
from sqlprov.emulator import FAULTS, Emulator, Fault
from sqlprov.errors import (
    AccessDenied,
    BrokenReply,
    CredentialsError,
    OperationalError,
    ServiceError,
    Throttled,
    Unreachable,
)

REGIONS = ("ap-south-1", "eu-north-1", "us-west-2")
QUERIES = {
    "pages": f"SELECT name, status FROM {EXPERIMENTS} WHERE region = 'us-east-1'",
    "rows": f"SELECT name, endpoint_name, tags FROM {EXPERIMENTS} WHERE region = 'eu-west-1'",
    "join": f"""
        SELECT e.region, e.name, p.endpoint_status FROM {EXPERIMENTS} e
        JOIN aws.sagemaker.endpoints p ON p.endpoint_name = e.name AND p.region = e.region
        WHERE e.region IN {REGIONS}""",
    # Half of six lookups find no row: a fault must not look like a missing name.
    "keys": f"SELECT region, name, kms_key FROM {EXPERIMENTS} WHERE name IN ('trial', 'none') AND region IN {REGIONS}",
}
CALLS = {"pages": 3, "rows": 5, "join": 6, "keys": 6}

# Kind -> class of the error when no attempt succeeds, and its code.
MEANS: dict[str, tuple[type[OperationalError], str]] = {
    "error500": (ServiceError, "InternalFailure"),
    "error500_after": (ServiceError, "InternalFailure"),
    "error503": (ServiceError, "ServiceUnavailable"),
    "throttle": (Throttled, "ThrottlingException"),
    "timeout_before": (Unreachable, ""),
    "timeout_after": (Unreachable, ""),
    "reset": (Unreachable, ""),
    "reset_after": (Unreachable, ""),
    "truncated": (BrokenReply, ""),
    "truncated_clean": (BrokenReply, ""),
    "html": (BrokenReply, ""),
    "empty": (BrokenReply, ""),
    "missing_member": (BrokenReply, ""),
    "repeated_token": (BrokenReply, ""),
    "redirect_after": (ServiceError, "307"),
    "other_row": (BrokenReply, ""),
    "missing_key": (BrokenReply, ""),
    "number_token": (BrokenReply, ""),
    "expired_credentials": (CredentialsError, "ExpiredTokenException"),
    "access_denied": (AccessDenied, "AccessDeniedException"),
}
FINAL = ("expired_credentials", "access_denied")
SOME = ("repeated_token", "other_row", "missing_key", "number_token")
"""Kinds that only the reply of a List, or of a Describe, can have."""


def may_be_absent(kind: str, query: str) -> bool:
    """Whether a call may end as usual: a missing name is refused before the 500 that would follow the commit."""
    return kind in SOME or (query, kind) == ("keys", "error500_after")


AtEveryCall = Callable[..., "Iterator[tuple[str, int, QueryOutcome]]"]
HEALED = tuple(kind for kind in FAULTS if kind not in (*FINAL, "repeated_token"))


@dataclass
class QueryOutcome:
    """The outcome of one statement with a fault."""

    rows: list[Any] = field(default_factory=list)
    error: sqlprov.Error | None = None
    complete: bool = True
    attempts: list[int] = field(default_factory=list)
    missing: list[tuple[Any, ...]] = field(default_factory=list)


class FaultRunner:
    """An emulator and a connection to it, used for one statement after another."""

    def __init__(self) -> None:
        self.em = Emulator().start()
        self.em.fill(250)
        for number in range(2):
            add_experiment(
                self.em, f"tagged-{number}", "eu-west-1", Tags={"n": str(number)}, EndpointName=f"e-{number}"
            )
        for region in REGIONS:
            add_experiment(self.em, "trial", region)
            self.em.add("Endpoint", region, {"EndpointName": "trial"})
        self.con = sqlprov.connect(endpoint_url=self.em.url)
        self.con.sql(QUERIES["join"]).fetchall()  # the first statement also lists the account's regions

    def close(self) -> None:
        self.con.close()
        self.em.stop()

    def run(self, query: str, fault: Fault | None = None, **settings: object) -> QueryOutcome:
        """Run `query` with `fault`, which counts from its first call."""
        for name, value in settings.items():
            if getattr(self.con.settings, name) != value:
                self.con.sql(f"SET sqlprov_{name} = {value!r}")
        self.em.reset_calls()
        if fault:
            self.em.inject(fault)
        outcome = QueryOutcome()
        try:
            with self.con.sql(query) as result:
                outcome.rows = sorted(map(str, result.fetchall()))
                outcome.attempts = [call.attempts for call in result.calls]
                outcome.complete = result.complete
            if not outcome.complete:
                outcome.missing = self.con.sql("SELECT * FROM sqlprov.errors").fetchall()
        except sqlprov.Error as error:
            outcome.error = error
        if fault:
            wait_until_idle(self.em)
            self.em.clear_faults()
        return outcome


@pytest.fixture(scope="module")
def runners(aws: object) -> Iterator[list[FaultRunner]]:
    # A statement with a fault mostly waits: eight run at once.
    made = [FaultRunner() for _ in range(8)]
    yield made
    for runner in made:
        runner.close()


@pytest.fixture(scope="module")
def at_every_call(runners: list[FaultRunner]) -> AtEveryCall:
    """The outcomes of a query with each kind of fault at its first call, at its second, …"""
    free: queue.SimpleQueue[FaultRunner] = queue.SimpleQueue()
    for runner in runners:
        free.put(runner)

    def outcomes(
        query: str, kinds: Iterable[str], times: int | None, on_error: str = "fail", max_attempts: int = 2
    ) -> Iterator[tuple[str, int, QueryOutcome]]:
        def one(case: tuple[str, int]) -> QueryOutcome:
            kind, at = case
            runner = free.get()
            # A call that hangs has a short timeout, and only one attempt if every call hangs.
            hangs = kind.startswith("timeout")
            attempts = 1 if hangs and times is None else max_attempts
            try:
                return runner.run(
                    QUERIES[query],
                    Fault(kind, at=at, times=times),
                    on_error=on_error,
                    max_attempts=attempts,
                    timeout=0.3 if hangs else 10.0,
                )
            finally:
                free.put(runner)

        last = CALLS[query]
        places = range(1, last + 1) if SWEEP else (1, last // 2 + 1, last)
        cases = [(kind, at) for kind in kinds for at in places]
        with ThreadPoolExecutor(len(runners)) as threads:
            for (kind, at), outcome in zip(cases, threads.map(one, cases), strict=True):
                print(kind, at, outcome.error)
                yield kind, at, outcome

    return outcomes


@pytest.fixture(scope="module")
def right(runners: list[FaultRunner]) -> dict[str, list[str]]:
    """The rows of each query when nothing fails."""
    rows_by_query = {}
    for name, query in QUERIES.items():
        outcome = runners[0].run(query)
        assert outcome.error is None and len(runners[0].em.calls) == CALLS[name]
        rows_by_query[name] = outcome.rows
    assert {name: len(rows) for name, rows in rows_by_query.items()} == {
        "pages": 250,
        "rows": 2,
        "join": 3,
        "keys": 3,
    }
    return rows_by_query


def assert_names_the_call(error: sqlprov.Error | None, kind: str) -> None:
    expected, code = MEANS[kind]
    assert type(error) is expected
    assert error.operation and error.operation in str(error)
    assert error.region and error.region in str(error)
    assert error.code == code
    assert bool(error.request_id) == (expected is not Unreachable)
    if kind == "access_denied":
        assert error.permission == f"sagemaker:{error.operation}"
        assert error.permission in str(error)


@pytest.mark.parametrize("query", QUERIES)
def test_a_second_attempt_recovers_from_one_fault_at_any_call(
    at_every_call: AtEveryCall, right: dict[str, list[str]], query: str
) -> None:
    for kind, _, outcome in at_every_call(query, HEALED, times=1, max_attempts=3):
        assert outcome.error is None
        assert outcome.rows == right[query]
        assert outcome.complete
        if may_be_absent(kind, query) and max(outcome.attempts) == 1:
            continue
        if kind.startswith("timeout"):  # a slow machine may let a further call wait in vain
            assert len(outcome.attempts) == CALLS[query] and max(outcome.attempts) > 1
        else:
            assert sorted(outcome.attempts) == [1] * (CALLS[query] - 1) + [2]


@pytest.mark.parametrize("query", QUERIES)
def test_a_second_attempt_recovers_from_one_repeated_token_except_on_the_first_page(
    at_every_call: AtEveryCall, right: dict[str, list[str]], query: str
) -> None:
    for kind, at, outcome in at_every_call(query, ["repeated_token"], times=1):
        if outcome.error is None:
            assert outcome.rows == right[query]
        else:
            assert at == 1 or query != "pages"
            assert_names_the_call(outcome.error, kind)
            assert "token" in str(outcome.error)


@pytest.mark.parametrize("query", QUERIES)
def test_a_lasting_fault_is_an_error_that_names_the_call(
    at_every_call: AtEveryCall, right: dict[str, list[str]], query: str
) -> None:
    for kind, _, outcome in at_every_call(query, FAULTS, times=None):
        if may_be_absent(kind, query) and outcome.error is None:
            assert query != "pages" or kind == "other_row"
            assert outcome.rows == right[query]
            continue
        assert_names_the_call(outcome.error, kind)
        tried_again = kind not in FINAL and not kind.startswith("timeout")
        assert ("After 2 attempts." in str(outcome.error)) == tried_again


@pytest.mark.parametrize("query", QUERIES)
def test_a_lasting_fault_under_warn_reports_the_missing_rows(
    at_every_call: AtEveryCall, right: dict[str, list[str]], query: str
) -> None:
    for kind, _, outcome in at_every_call(query, FAULTS, times=None, on_error="warn"):
        assert outcome.error is None
        assert set(outcome.rows) <= set(right[query])
        assert len(set(outcome.rows)) == len(outcome.rows)
        if may_be_absent(kind, query) and outcome.complete:
            assert query != "pages" or kind == "other_row"
            assert outcome.rows == right[query]
            continue
        assert not outcome.complete
        assert outcome.missing
        expected, its_code = MEANS[kind]
        for table, account, region, operation, code, message, request_id, permission in outcome.missing:
            assert (table.startswith("aws.sagemaker."), account) == (True, "default")
            assert region in message and operation in message
            assert code == its_code
            assert bool(request_id) == (expected is not Unreachable)
            assert permission == (f"sagemaker:{operation}" if kind == "access_denied" else "")

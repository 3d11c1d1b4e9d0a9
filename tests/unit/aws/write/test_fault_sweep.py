from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from slices import SWEEP
from write_session import CREATE, DELETE, FAILED, MEMBERS, OK, PARTIAL, STOP, TABLE, UNKNOWN, insert

import sqlprov
from sqlprov.aws.write.outcome import Outcome
from sqlprov.emulator import FAULTS, Call, Emulator, Fault
from sqlprov.errors import OperationalError, WriteError

# A region for each call index, so that the faults of one do not meet the calls of another.
REGIONS = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1", "eu-west-2", "eu-west-3"),
    *("eu-central-1", "eu-north-1", "ap-south-1", "ap-northeast-1", "ap-southeast-1"),
)
INSERT_CALLS, DELETE_CALLS = 10, 6
"""Calls of the statement without a fault: as many as there are rows look for themselves first, at most."""
CERTAIN = ("throttle", "expired_credentials", "access_denied")
"""Kinds that say that nothing happened: they leave no doubt; only the first is worth another attempt."""
CUT = ("truncated", "truncated_clean")
"""Of an error's reply they leave the status alone, so that the look before an INSERT is refused for good."""

CASES = [
    (kind, times)
    for number, kind in enumerate(FAULTS)
    for place, times in enumerate((1, None))
    if SWEEP or number % 2 == place
]
"""Kinds, and how often they strike; `make test` runs half of them."""


@dataclass
class Ended:
    """One statement that met a fault."""

    outcomes: tuple[Outcome, ...]
    calls: list[Call]
    refused: bool  # before its first call that writes

    @property
    def committed(self) -> list[str]:
        return [call.operation for call in self.calls if call.committed]


@pytest.fixture(autouse=True)
def quick(session: sqlprov.Connection, request: pytest.FixtureRequest) -> None:
    kind, times = (request.node.callspec.params[name] for name in ("kind", "times"))
    # A reply that comes too late on a busy machine would be a second fault. If every call hangs, it does not matter.
    timeout = 60.0 if not kind.startswith("timeout") else 1.0 if times is None else 4.0
    quickly = {"timeout": timeout, "settle": 0.05, "max_attempts": 2, "await_timeout": 60}
    for name, value in quickly.items():
        session.sql(f"SET sqlprov_{name} = {value}")


@pytest.fixture
def each_index(emulator: Emulator, session: sqlprov.Connection) -> Iterator[ThreadPoolExecutor]:
    emulator.clear_faults()
    emulator.reset_calls()
    with ThreadPoolExecutor(len(REGIONS)) as pool:
        yield pool
    emulator.clear_faults()


def run(emulator: Emulator, session: sqlprov.Connection, sql: str, region: str, fault: Fault) -> Ended:
    emulator.inject(fault)
    refused = False
    with session.cursor() as con:
        try:
            con.sql(sql)
            outcomes = con.outcomes
        except WriteError as error:
            outcomes = error.outcomes
        except OperationalError:
            outcomes, refused = (), True
    return Ended(outcomes, [call for call in emulator.calls if call.region == region], refused)


@pytest.mark.parametrize(("kind", "times"), CASES)
def test_the_outcome_of_each_of_five_inserted_rows_is_right_whichever_call_fails(
    emulator: Emulator,
    session: sqlprov.Connection,
    each_index: ThreadPoolExecutor,
    kind: str,
    times: int | None,
) -> None:
    names = [f"swept-{kind.replace('_', '-')}-{times}-{number}" for number in range(5)]

    def sweep(at: int) -> Ended:
        region = REGIONS[at - 1]
        fault = Fault(kind, at=at, region=region, times=times)
        return run(emulator, session, insert(*names, region=region), region, fault)

    for at, ended in enumerate(each_index.map(sweep, range(1, INSERT_CALLS + 1)), start=1):
        assert [outcome.key for outcome in ended.outcomes] == names
        for outcome in ended.outcomes:
            detail = f"{kind} at call {at}: {outcome}"
            record = emulator.get("InferenceExperiment", REGIONS[at - 1], outcome.key)
            creates = [
                call
                for call in ended.calls
                if call.operation == CREATE and call.parameters["Name"] == outcome.key and call.committed
            ]
            assert len(creates) <= 1, detail
            if outcome.status is OK:
                assert record is not None and outcome.operations == (CREATE,), detail
                assert {member: record[member] for member in ("Description", "RoleArn", "Schedule")} == {
                    member: MEMBERS[member] for member in ("Description", "RoleArn", "Schedule")
                }, detail
            elif outcome.status is FAILED:
                assert record is None and outcome.operations == (), detail
            else:
                assert outcome.status is UNKNOWN, detail
                assert times is None and kind not in CERTAIN, detail
        if times == 1 and kind not in (*CERTAIN[1:], *CUT):
            assert {outcome.status for outcome in ended.outcomes} == {OK}, f"{kind} at call {at}"


@pytest.mark.parametrize(("kind", "times"), CASES)
def test_the_outcome_of_deleting_a_running_row_is_right_whichever_call_fails(
    emulator: Emulator,
    session: sqlprov.Connection,
    each_index: ThreadPoolExecutor,
    kind: str,
    times: int | None,
) -> None:
    name = f"gone-{kind.replace('_', '-')}-{times}"
    regions = REGIONS[:DELETE_CALLS]
    for region in regions:
        emulator.add("InferenceExperiment", region, {"Name": name, **MEMBERS, "Status": "Running"})

    def sweep(at: int) -> Ended:
        region = regions[at - 1]
        fault = Fault(kind, at=at, region=region, times=times)
        sql = f"DELETE FROM {TABLE} WHERE name = '{name}' AND region = '{region}'"
        return run(emulator, session, sql, region, fault)

    for at, ended in enumerate(each_index.map(sweep, range(1, DELETE_CALLS + 1)), start=1):
        record = emulator.get("InferenceExperiment", regions[at - 1], name)
        if ended.refused:
            assert ended.committed == [] and record is not None, f"{kind} at call {at}"
            continue
        (outcome,) = ended.outcomes
        detail = f"{kind} at call {at}: {outcome}, {ended.committed}"
        operations = list(outcome.operations)
        assert len(set(ended.committed)) == len(ended.committed), detail
        if outcome.status is OK:
            assert record is None and operations == ended.committed == [STOP, DELETE], detail
        elif outcome.status is FAILED:
            assert record is not None and record["Status"] == "Running", detail
            assert operations == ended.committed == [], detail
        elif outcome.status is PARTIAL:
            assert operations == ended.committed == [STOP], detail
            assert record is not None and record["Status"] == "Completed", detail
        else:
            assert times is None and kind not in CERTAIN, detail
            assert operations == ended.committed[: len(operations)], detail
        if times == 1 and kind not in CERTAIN[1:]:
            assert outcome.status is OK, detail

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from write_session import (
    CREATE,
    DELETE,
    DESCRIBE,
    FAILED,
    HELD,
    MEMBERS,
    OK,
    PARTIAL,
    REGION,
    RETAIN,
    ROLE,
    START,
    STOP,
    TABLE,
    UNKNOWN,
    UPDATE,
    WriteSession,
    by_name,
    insert,
    literal,
)

import sqlprov
from sqlprov.aws.transport import calls
from sqlprov.aws.transport.call_log import CallLog
from sqlprov.aws.transport.replies import check_reply
from sqlprov.aws.write import call_sender
from sqlprov.aws.write.call_sender import REQUEST_TAG
from sqlprov.aws.write.outcome import Outcome, OutcomeStatus
from sqlprov.emulator import Emulator, Fault
from sqlprov.errors import WriteError

LOST_AFTER = (
    *("error500_after", "timeout_after", "reset_after", "redirect_after"),
    *("truncated", "truncated_clean", "html", "empty"),
)
"""The call has its effect, and its response is lost."""
LOST_BEFORE = ("error500", "error503", "timeout_before", "reset")
"""The call has no effect, and its response does not show that."""
REFUSED = ("expired_credentials", "access_denied")
"""The response says that the call had no effect, and another attempt will not help."""
OTHER_ROLE = ROLE + "Other"


@pytest.fixture(autouse=True)
def quick_settings(db: WriteSession, request: pytest.FixtureRequest) -> None:
    db.set(settle=0.3, timeout=0.3 if "timeout" in request.node.name else 60, max_attempts=3)


@pytest.fixture
def name(db: WriteSession) -> Iterator[str]:
    yield f"made-{time.monotonic_ns()}"


def attempts(db: WriteSession, operation: str) -> int:
    return db.operations.count(operation)


# INSERT


@pytest.mark.parametrize("kind", LOST_BEFORE)
def test_a_create_that_is_lost_twice_is_unknown(db: WriteSession, name: str, kind: str) -> None:
    db.em.inject(Fault(kind, operation=CREATE, times=None))
    outcome = db.write_one(insert(name))
    assert (outcome.status, outcome.operations) == (UNKNOWN, ())
    assert (attempts(db, CREATE), db.committed) == (2, [])


@pytest.mark.parametrize("kind", REFUSED)
def test_a_create_that_is_lost_and_then_refused_is_unknown(db: WriteSession, name: str, kind: str) -> None:
    db.em.inject(Fault("error500", operation=CREATE))
    db.em.inject(Fault(kind, operation=CREATE, at=2))
    assert db.write_one(insert(name)).status is UNKNOWN
    assert (attempts(db, CREATE), db.committed) == (2, [])


def test_a_create_that_may_not_be_retried_is_unknown_if_its_reply_is_lost(
    db: WriteSession, name: str
) -> None:
    db.set(max_attempts=1, settle=0, timeout=0.3)
    db.em.inject(Fault("timeout_before", operation=CREATE))
    assert db.write_one(insert(name)).status is UNKNOWN
    assert attempts(db, CREATE) == 1


def test_a_throttled_create_is_retried_without_a_read(db: WriteSession, name: str) -> None:
    db.em.inject(Fault("throttle", operation=CREATE, times=2))
    outcome = db.write_one(insert(name))
    assert (outcome.status, outcome.reason) == (OK, "")
    assert [call.operation for call in db.em.calls] == [DESCRIBE, CREATE, CREATE, CREATE]


def test_a_create_that_never_reached_the_service_fails(db: WriteSession, name: str) -> None:
    db.em.inject(Fault("reset", operation=DESCRIBE, times=None))
    outcome = db.write_one(insert(name))
    assert (outcome.status, db.calls, db.exists(name)) == (FAILED, [], False)


def test_an_empty_object_for_an_answer_is_an_answer(db: WriteSession, name: str) -> None:
    db.em.inject(Fault("missing_member", operation=CREATE))
    assert db.write_one(insert(name)).status is OK
    assert db.exists(name)


# Somebody else creates the same name in the meantime


def theirs(db: WriteSession, name: str, **members: Any) -> Callable[[], None]:
    return lambda: db.em.add("InferenceExperiment", REGION, {"Name": name, **MEMBERS, **members})


WHOSE: dict[str, tuple[dict[str, Any], OutcomeStatus]] = {
    "older": ({"CreationTime": time.time() - 3600}, FAILED),
    "another role": ({"RoleArn": OTHER_ROLE}, UNKNOWN),  # it may have replaced the row that we created
    "another endpoint": ({"EndpointName": "another"}, UNKNOWN),
    "another description": ({"Description": "theirs"}, UNKNOWN),
    "other tags": ({"Tags": {"theirs": "yes"}}, UNKNOWN),
    "the same": ({}, OK),
}
TAGGED = {"Tags": {"team": "core"}}


# Their row appears before our attempt, which the service then refuses, or while the attempt is lost.
@pytest.mark.parametrize(
    ("kind", "when"),
    [
        *((kind, CREATE) for kind in LOST_BEFORE),
        *((kind, DESCRIBE) for kind in ("error500", "timeout_after", "reset_after", "html")),
    ],
)
@pytest.mark.parametrize("whose", WHOSE)
def test_a_row_that_somebody_else_created_is_distinguished_from_ours(
    db: WriteSession, name: str, kind: str, whose: str, when: str
) -> None:
    members, expected = WHOSE[whose]
    db.em.inject(Fault(kind, operation=CREATE, times=None))
    with db.interfere(when, theirs(db, name, **TAGGED | members)):
        outcome = db.write_one(insert(name, **TAGGED))
    assert outcome.status is expected, outcome.reason
    assert db.committed == []
    assert attempts(db, CREATE) == 1
    stands = db.record(name)
    assert {member: stands[member] for member in members if member not in ("Tags", "EndpointName")} == {
        member: value for member, value in members.items() if member not in ("Tags", "EndpointName")
    }
    assert ("equivalent" in outcome.reason) == (expected is OK)
    assert ("somebody else" in outcome.reason) == (expected is not OK)


def test_a_name_taken_before_our_create_fails_when_the_service_says_so(db: WriteSession, name: str) -> None:
    with db.interfere(DESCRIBE, theirs(db, name)):
        outcome = db.write_one(insert(name))
    assert (outcome.status, outcome.operations, attempts(db, CREATE)) == (FAILED, (), 1)
    assert "ResourceInUse" in outcome.reason


def test_a_throttled_create_fails_if_the_name_is_taken_before_the_retry(db: WriteSession, name: str) -> None:
    db.em.inject(Fault("throttle", operation=CREATE))
    with db.interfere(CREATE, theirs(db, name)):
        outcome = db.write_one(insert(name))
    assert (outcome.status, db.committed) == (FAILED, [])


def test_a_second_attempt_that_meets_its_own_create_is_ok(db: WriteSession, name: str) -> None:
    db.em.inject(Fault("error500", operation=CREATE))
    db.em.inject(Fault("error500_after", operation=CREATE, at=2))
    outcome = db.write_one(insert(name))
    assert (outcome.status, outcome.operations, db.committed) == (OK, (CREATE,), [CREATE])


@pytest.mark.parametrize("kind", ["error500", "timeout_before", "html", "access_denied"])
def test_a_create_that_cannot_be_read_back_is_unknown(db: WriteSession, name: str, kind: str) -> None:
    db.em.inject(Fault("error500_after", operation=CREATE))
    db.em.inject(Fault(kind, operation=DESCRIBE, at=2, times=None))
    outcome = db.write_one(insert(name))
    assert (outcome.status, db.committed) == (UNKNOWN, [CREATE])
    assert "could not be read back" in outcome.reason


# sqlprov_request_tag


def tag_of(db: WriteSession, name: str) -> list[str]:
    return [tag["Value"] for tag in db.record(name)["Tags"] if tag["Key"] == REQUEST_TAG]


@pytest.mark.parametrize("kind", LOST_AFTER)
def test_a_request_tag_makes_certain_that_a_create_is_ours(db: WriteSession, name: str, kind: str) -> None:
    db.set(request_tag="on")
    db.em.inject(Fault(kind, operation=CREATE, times=None))
    outcome = db.write_one(insert(name, **TAGGED))
    assert (outcome.status, db.committed) == (OK, [CREATE])
    assert "equivalent" not in outcome.reason
    assert len(tag_of(db, name)) == 1
    assert {"Key": "team", "Value": "core"} in db.record(name)["Tags"]


@pytest.mark.parametrize("whose", WHOSE)
@pytest.mark.parametrize("kind", ["error500", "timeout_before"])
def test_a_request_tag_shows_that_a_row_is_not_the_one_that_the_create_made(
    db: WriteSession, name: str, kind: str, whose: str
) -> None:
    db.set(request_tag="on")
    db.em.inject(Fault(kind, operation=CREATE, times=None))
    with db.interfere(CREATE, theirs(db, name, **TAGGED | WHOSE[whose][0])):
        outcome = db.write_one(insert(name, **TAGGED))
    assert (outcome.status, db.committed) == (FAILED if whose == "older" else UNKNOWN, [])
    assert "somebody else" in outcome.reason


def test_a_request_tag_is_another_for_each_statement_and_none_by_default(db: WriteSession, name: str) -> None:
    db.write_one(insert(name))
    assert db.record(name)["Tags"] == []
    assert "Tags" not in db.sent[0][1]
    db.set(request_tag="on")
    db.write_one(insert(f"{name}-2"))
    db.write_one(insert(f"{name}-3"))
    assert tag_of(db, f"{name}-2") != tag_of(db, f"{name}-3")


# Every call


def update(assignments: str) -> str:
    return f"UPDATE {TABLE} SET {assignments} WHERE {by_name('{name}')}"


def execute(method: str, **parameters: Any) -> str:
    given = {"Name": "{name}", **parameters, "region": REGION}
    return (
        f"EXEC {TABLE}.{method} {', '.join(f'@{name} = {literal(value)}' for name, value in given.items())}"
    )


Record = dict[str, Any]
NEW_STORAGE = {"Destination": "s3://b/new"}


def has_tags(record: Record, *keys: str) -> bool:
    return {tag["Key"] for tag in record["Tags"]} == set(keys)


def is_started(record: Record) -> bool:
    return record["Status"] in ("Starting", "Running")


def is_stopped(record: Record) -> bool:
    return record["Status"] in ("Stopping", "Cancelled")


CALLS: dict[str, tuple[str, str, str, Callable[[Any], bool]]] = {
    # name: (state of the row before, operation, statement, whether the record shows its effect)
    "create": ("", CREATE, insert("{name}"), lambda record: record["Description"] == "old"),
    "update": ("Created", UPDATE, update(f"description = 'new', data_storage_config = {literal(NEW_STORAGE)}"),
               lambda record: (record["Description"], record["DataStorageConfig"]) == ("new", NEW_STORAGE)),
    "delete": ("Completed", DELETE, f"DELETE FROM {TABLE} WHERE {by_name('{name}')}", lambda record: record is None),
    "start": ("Created", START, update("desired_state = 'Running'"), is_started),
    "stop": ("Running", STOP, update("desired_state = 'Cancelled', status_reason = 'why'"), is_stopped),
    "tag": ("Created", "AddTags", update("tags = MAP {'team': 'core', 'a': 'b'}"), lambda r: has_tags(r, "team", "a")),
    "untag": ("Created", "DeleteTags", update("tags = MAP {}"), has_tags),
    "exec start": ("Created", START, execute("start"), is_started),
    "exec stop": ("Running", STOP, execute("stop", ModelVariantActions=RETAIN, DesiredState="Cancelled"), is_stopped),
}  # fmt: skip
every_call = pytest.mark.parametrize("what", CALLS)


def prepare(db: WriteSession, what: str, lasting: float = 0.0) -> tuple[str, str]:
    """(name of a row in the state that the call needs, operation)"""
    state, operation, *_ = CALLS[what]
    return (db.experiment(state, lasting) if state else f"made-{time.monotonic_ns()}"), operation


def write(db: WriteSession, what: str, name: str) -> Outcome:
    return db.write_one(CALLS[what][2].replace("{name}", name))


def has_effect(db: WriteSession, what: str, name: str) -> bool:
    return CALLS[what][3](db.em.get("InferenceExperiment", REGION, name))


@pytest.mark.parametrize("kind", LOST_AFTER)
@every_call
def test_a_call_that_happened_is_ok_and_not_made_again(db: WriteSession, what: str, kind: str) -> None:
    name, operation = prepare(db, what, lasting=0.1)
    db.em.inject(Fault(kind, operation=operation, times=None))
    outcome = write(db, what, name)
    assert (outcome.status, outcome.operations) == (OK, (operation,)), outcome.reason
    assert db.committed == db.operations == [operation]
    assert has_effect(db, what, name)
    assert ("equivalent" in outcome.reason) == (what == "create")


@every_call
def test_a_call_whose_response_cannot_be_processed_is_reconciled_with_the_row(
    db: WriteSession, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, operation = prepare(db, what, lasting=0.1)

    def stumble(answer: Any, *rest: Any) -> Any:
        if any(call.operation == operation for call in db.em.calls) and not stumbled:
            stumbled.append(answer)
            raise ValueError("a slip of ours")
        return check_reply(answer, *rest)

    stumbled: list[Any] = []
    monkeypatch.setattr(calls, "check_reply", stumble)
    outcome = write(db, what, name)
    assert stumbled
    assert (outcome.status, outcome.operations) == (OK, (operation,)), outcome.reason
    assert db.committed == db.operations == [operation]


@pytest.mark.parametrize("kind", [*LOST_BEFORE, "throttle"])
@every_call
def test_a_call_that_did_not_happen_is_made_again(db: WriteSession, what: str, kind: str) -> None:
    name, operation = prepare(db, what)
    db.em.inject(Fault(kind, operation=operation))
    began = time.monotonic()
    outcome = write(db, what, name)
    assert (outcome.status, outcome.operations) == (OK, (operation,)), outcome.reason
    assert (db.operations, db.committed) == ([operation, operation], [operation])
    assert has_effect(db, what, name)
    if what == "create" and kind != "throttle":  # the row may appear late
        assert time.monotonic() - began > 0.3


@pytest.mark.parametrize("kind", ["error500", "timeout_before", "throttle", *REFUSED])
@every_call
def test_a_call_that_never_happens_fails(db: WriteSession, what: str, kind: str) -> None:
    db.set(max_attempts=2)
    name, operation = prepare(db, what)
    before = db.em.get("InferenceExperiment", REGION, name)
    db.em.inject(Fault(kind, operation=operation, times=None))
    outcome = write(db, what, name)
    status = UNKNOWN if what == "create" and kind in LOST_BEFORE else FAILED
    assert (outcome.status, outcome.operations, db.committed) == (status, (), []), outcome.reason
    assert db.operations == [operation] * (1 if kind in REFUSED else 2)
    assert db.em.get("InferenceExperiment", REGION, name) == before


def recreate(db: WriteSession, name: str) -> None:
    db.em.add("InferenceExperiment", REGION, {"Name": name, **MEMBERS, "CreationTime": time.time() + 1})


def remove(db: WriteSession, name: str) -> None:
    db.em.remove("InferenceExperiment", REGION, name)


def change(**members: Any) -> Callable[[WriteSession, str], None]:
    return lambda db, name: db.change(name, **members)


BY_OTHERS: dict[str, tuple[str, Callable[[WriteSession, str], None], OutcomeStatus]] = {
    "deleted": ("delete", remove, OK),
    "deleted and created again": ("delete", recreate, OK),
    "update of a row created again": ("update", recreate, UNKNOWN),
    "update of a row deleted": ("update", remove, UNKNOWN),
    "half updated": ("update", change(Description="new"), UNKNOWN),
    "updated to another value": ("update", change(Description="third"), UNKNOWN),
    "updated to the same": ("update", change(Description="new", DataStorageConfig=NEW_STORAGE), OK),
    "started": ("start", change(Status="Running"), OK),
    "stopped to the same end": ("stop", change(Status="Cancelled"), OK),
    "stopped to another end": ("stop", change(Status="Completed"), FAILED),
    "tagged": ("tag", change(Tags={"team": "core", "a": "b"}), OK),
    "untagged": ("untag", change(Tags={}), OK),
}


@pytest.mark.parametrize("kind", ["error500", "timeout_before", "reset"])
@pytest.mark.parametrize("how", BY_OTHERS)
def test_a_change_by_somebody_else_is_distinguished_from_ours(db: WriteSession, how: str, kind: str) -> None:
    what, act, expected = BY_OTHERS[how]
    name, operation = prepare(db, what)
    db.em.inject(Fault(kind, operation=operation))
    with db.interfere(operation, lambda: act(db, name)):
        outcome = write(db, what, name)
    assert (outcome.status, db.committed) == (expected, []), outcome.reason
    if how == "deleted and created again":
        assert (db.exists(name), attempts(db, DELETE)) == (True, 1)


@pytest.mark.parametrize("by", ["UPDATE", "EXEC"])
@pytest.mark.parametrize("stale", [2, 50])
def test_a_stop_with_a_lost_answer_and_stale_reads_is_never_said_to_have_failed(
    db: WriteSession, by: str, stale: int
) -> None:
    name = db.experiment("Running", lasting=0.1)
    db.em.options.stale_describe = stale
    db.em.inject(Fault("error500_after", operation=STOP))
    outcome = write(db, "stop" if by == "UPDATE" else "exec stop", name)
    assert outcome.status is (OK if stale == 2 else UNKNOWN), outcome.reason
    assert db.committed == [STOP]


def test_a_lost_stop_that_takes_longer_than_the_wait_is_unknown(db: WriteSession) -> None:
    name = db.experiment("Running", HELD)
    db.set(await_timeout=0.3)
    db.em.inject(Fault("error500_after", operation=STOP))
    outcome = write(db, "stop", name)
    assert (outcome.status, db.operations, db.committed) == (UNKNOWN, [STOP], [STOP])


def test_a_stop_that_worked_and_a_delete_that_is_refused_are_partial(db: WriteSession) -> None:
    name = db.experiment("Running")
    db.em.inject(Fault("access_denied", operation=DELETE))
    outcome = db.delete(name)
    assert (outcome.status, outcome.operations) == (PARTIAL, (STOP,))
    assert "DeleteInferenceExperiment" in outcome.reason
    assert db.record(name)["Status"] == "Completed"


@pytest.mark.parametrize("kind", ["error500_after", "reset_after", "truncated", "html"])
def test_every_call_of_one_row_may_lose_its_response(db: WriteSession, kind: str) -> None:
    name = db.experiment("Created", lasting=0.1)
    operations = (UPDATE, "AddTags", "DeleteTags", START)
    for operation in operations:
        db.em.inject(Fault(kind, operation=operation))
    assignments = "description = 'new', tags = MAP {'a': 'b'}, desired_state = 'Running'"
    sql = f"UPDATE {TABLE} SET {assignments} WHERE {by_name(name)} RETURNING status, description, tags"
    rows = db.con.sql(f"/*+ AWAIT */ {sql}").fetchall()
    assert rows == [("Running", "new", [{"Key": "a", "Value": "b"}])]
    (outcome,) = db.con.outcomes
    assert (outcome.operations, tuple(db.committed)) == (operations, operations)
    assert outcome.reason == "; ".join(f"the response to {operation} was lost" for operation in operations)


def test_a_clock_that_is_wrong_here_does_not_matter(
    db: WriteSession, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Tomorrow(call_sender.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return super().now(tz) + call_sender.timedelta(days=1)

    monkeypatch.setattr(call_sender, "datetime", Tomorrow)
    db.em.inject(Fault("error500_after", operation=CREATE))
    assert db.write_one(insert(name)).status is OK


@pytest.fixture
def dateless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replies as they come through a proxy that takes their Date away."""
    monkeypatch.setattr(CallLog, "note_date", lambda log, reply: None)


def test_a_lost_create_is_unknown_if_no_reply_showed_the_services_clock(
    db: WriteSession, name: str, dateless: None
) -> None:
    db.em.inject(Fault("error500_after", operation=CREATE))
    outcome = db.write_one(insert(name))
    assert (outcome.status, "showed the service's clock" in outcome.reason) == (UNKNOWN, True)
    assert attempts(db, CREATE) == 1


def test_a_request_tag_needs_no_clock(db: WriteSession, name: str, dateless: None) -> None:
    db.set(request_tag="on")
    db.em.inject(Fault("error500_after", operation=CREATE))
    assert db.write_one(insert(name)).status is OK


@pytest.mark.parametrize("what", [what for what in CALLS if what != "create"])
def test_a_call_that_is_not_a_create_needs_no_clock(db: WriteSession, what: str, dateless: None) -> None:
    name, operation = prepare(db, what, lasting=0.1)
    db.em.inject(Fault("error500_after", operation=operation))
    outcome = write(db, what, name)
    assert (outcome.status, outcome.operations) == (OK, (operation,)), outcome.reason


def test_an_endpoint_that_is_not_there_fails_without_a_doubt(name: str) -> None:
    with Emulator() as short:
        url = short.url
    once = {"max_attempts": "1"}
    with (
        sqlprov.connect(endpoint_url=url, region=REGION, settings=once) as con,
        pytest.raises(WriteError) as caught,
    ):
        con.sql(insert(name))
    assert [outcome.status for outcome in caught.value.outcomes] == [FAILED]

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from desk import (
    CREATE,
    DELETE,
    DESCRIBE,
    MEMBERS,
    REGION,
    RETAIN,
    ROLE,
    START,
    STOP,
    TABLE,
    UPDATE,
    Desk,
    insert,
    literal,
    of,
)

import sqlprov
from sqlprov.aws.run import Run
from sqlprov.aws.transport import calls
from sqlprov.aws.transport.replies import check_reply
from sqlprov.aws.write import call_sender
from sqlprov.aws.write.call_sender import REQUEST_TAG
from sqlprov.aws.write.outcome import Outcome, OutcomeStatus
from sqlprov.emulator import Emulator, Fault, Options
from sqlprov.errors import WriteError

LOST_AFTER = (
    "error500_after",
    "timeout_after",
    "reset_after",
    "truncated",
    "truncated_clean",
    "html",
    "empty",
)
"""The call has its effect, and its answer is lost."""
LOST_BEFORE = ("error500", "error503", "timeout_before", "reset")
"""The call has no effect, and its answer does not tell so."""
REFUSED = ("expired_credentials", "access_denied")
"""The answer says that it had none, and another attempt will not help."""
OTHER_ROLE = ROLE + "Other"
LATENCY = 0.08


@pytest.fixture(autouse=True)
def quick(desk: Desk) -> Iterator[None]:
    desk.set(settle=0.3, timeout=0.3, max_attempts=3)
    yield


@pytest.fixture
def name(desk: Desk) -> Iterator[str]:
    yield f"made-{time.monotonic_ns()}"


def attempts(desk: Desk, operation: str) -> int:
    return desk.operations.count(operation)


# INSERT


@pytest.mark.parametrize("kind", LOST_AFTER)
def test_a_create_that_happened_is_ok_although_its_answer_is_lost(desk: Desk, name: str, kind: str) -> None:
    desk.em.inject(Fault(kind, operation=CREATE, times=None))
    outcome = desk.one(insert(name))
    assert (outcome.status, outcome.operations) == (OutcomeStatus.OK, (CREATE,))
    assert "equivalent" in outcome.reason
    assert desk.committed == desk.operations == [CREATE]
    assert desk.record(name)["Description"] == "old"


@pytest.mark.parametrize("kind", LOST_BEFORE)
def test_a_create_that_is_not_to_be_seen_is_tried_once_more(desk: Desk, name: str, kind: str) -> None:
    desk.em.inject(Fault(kind, operation=CREATE))
    began = time.monotonic()
    outcome = desk.one(insert(name))
    assert time.monotonic() - began > 0.3
    assert (outcome.status, outcome.operations) == (OutcomeStatus.OK, (CREATE,))
    assert (desk.operations, desk.committed) == ([CREATE, CREATE], [CREATE])
    assert desk.exists(name)


@pytest.mark.parametrize("kind", LOST_BEFORE)
def test_a_create_that_is_lost_twice_is_unknown(desk: Desk, name: str, kind: str) -> None:
    desk.em.inject(Fault(kind, operation=CREATE, times=None))
    outcome = desk.one(insert(name))
    assert (outcome.status, outcome.operations) == (OutcomeStatus.UNKNOWN, ())
    assert (attempts(desk, CREATE), desk.committed) == (2, [])


@pytest.mark.parametrize("kind", REFUSED)
def test_a_create_that_is_lost_and_then_refused_is_unknown(desk: Desk, name: str, kind: str) -> None:
    desk.em.inject(Fault("error500", operation=CREATE))
    desk.em.inject(Fault(kind, operation=CREATE, at=2))
    assert desk.one(insert(name)).status is OutcomeStatus.UNKNOWN
    assert (attempts(desk, CREATE), desk.committed) == (2, [])


def test_a_create_that_may_be_tried_but_once_is_unknown_when_its_answer_is_lost(
    desk: Desk, name: str
) -> None:
    desk.set(max_attempts=1, settle=0)
    desk.em.inject(Fault("timeout_before", operation=CREATE))
    assert desk.one(insert(name)).status is OutcomeStatus.UNKNOWN
    assert attempts(desk, CREATE) == 1


@pytest.mark.parametrize("kind", REFUSED)
def test_a_create_that_is_refused_at_first_fails_and_is_not_tried_again(
    desk: Desk, name: str, kind: str
) -> None:
    desk.em.inject(Fault(kind, operation=CREATE))
    outcome = desk.one(insert(name))
    assert (outcome.status, outcome.operations) == (OutcomeStatus.FAILED, ())
    assert (desk.operations, desk.exists(name)) == ([CREATE], False)


def test_a_create_that_is_throttled_is_tried_again_without_a_look(desk: Desk, name: str) -> None:
    desk.em.inject(Fault("throttle", operation=CREATE, times=2))
    outcome = desk.one(insert(name))
    assert (outcome.status, outcome.reason) == (OutcomeStatus.OK, "")
    assert [call.operation for call in desk.em.calls] == [DESCRIBE, CREATE, CREATE, CREATE]


def test_a_create_that_stays_throttled_fails(desk: Desk, name: str) -> None:
    desk.em.inject(Fault("throttle", operation=CREATE, times=None))
    outcome = desk.one(insert(name))
    assert outcome.status is OutcomeStatus.FAILED
    assert (attempts(desk, CREATE), desk.exists(name)) == (3, False)


def test_a_create_that_never_reached_the_service_fails(desk: Desk, name: str) -> None:
    desk.em.inject(Fault("reset", operation=DESCRIBE, times=None))
    outcome = desk.one(insert(name))
    assert (outcome.status, desk.calls, desk.exists(name)) == (OutcomeStatus.FAILED, [], False)


def test_an_empty_object_for_an_answer_is_an_answer(desk: Desk, name: str) -> None:
    desk.em.inject(Fault("missing_member", operation=CREATE))
    assert desk.one(insert(name)).status is OutcomeStatus.OK
    assert desk.exists(name)


# Somebody else creates the same name meanwhile


def theirs(desk: Desk, name: str, **members: Any) -> Callable[[], None]:
    return lambda: desk.em.add("InferenceExperiment", REGION, {"Name": name, **MEMBERS, **members})


WHOSE: dict[str, tuple[dict[str, Any], OutcomeStatus]] = {
    "older": ({"CreationTime": time.time() - 3600}, OutcomeStatus.FAILED),
    "another role": ({"RoleArn": OTHER_ROLE}, OutcomeStatus.FAILED),
    "another endpoint": ({"EndpointName": "another"}, OutcomeStatus.FAILED),
    "another description": ({"Description": "theirs"}, OutcomeStatus.UNKNOWN),
    "other tags": ({"Tags": {"theirs": "yes"}}, OutcomeStatus.UNKNOWN),
    "the same": ({}, OutcomeStatus.OK),
}
TAGGED = {"Tags": {"team": "core"}}


@pytest.mark.parametrize(
    ("kind", "when"), [*((kind, CREATE) for kind in LOST_BEFORE), ("error500", DESCRIBE)]
)
@pytest.mark.parametrize("whose", WHOSE)
def test_what_somebody_else_created_is_told_from_ours(
    desk: Desk, name: str, kind: str, whose: str, when: str
) -> None:
    members, expected = WHOSE[whose]
    desk.em.options = Options(latency=LATENCY)
    desk.em.inject(Fault(kind, operation=CREATE, times=None))
    with desk.meanwhile(when, theirs(desk, name, **TAGGED | members)):
        outcome = desk.one(insert(name, **TAGGED))
    assert outcome.status is expected, outcome.reason
    assert desk.committed == []
    assert attempts(desk, CREATE) == 1
    stands = desk.record(name)
    assert {member: stands[member] for member in members if member not in ("Tags", "EndpointName")} == {
        member: value for member, value in members.items() if member not in ("Tags", "EndpointName")
    }
    assert ("equivalent" in outcome.reason) == (expected is OutcomeStatus.OK)
    assert ("somebody else" in outcome.reason) == (expected is OutcomeStatus.FAILED)


@pytest.mark.parametrize("kind", ["timeout_after", "reset_after", "html"])
@pytest.mark.parametrize("whose", WHOSE)
def test_a_name_taken_before_our_create_is_not_ours_although_its_answer_is_lost(
    desk: Desk, name: str, kind: str, whose: str
) -> None:
    members, expected = WHOSE[whose]
    desk.em.options = Options(latency=LATENCY)
    desk.em.inject(Fault(kind, operation=CREATE))
    with desk.meanwhile(DESCRIBE, theirs(desk, name, **TAGGED | members)):
        outcome = desk.one(insert(name, **TAGGED))
    assert (outcome.status, desk.committed) == (expected, [])


def test_a_name_taken_before_our_create_fails_when_the_service_says_so(desk: Desk, name: str) -> None:
    desk.em.options = Options(latency=LATENCY)
    with desk.meanwhile(DESCRIBE, theirs(desk, name)):
        outcome = desk.one(insert(name))
    assert (outcome.status, outcome.operations, attempts(desk, CREATE)) == (OutcomeStatus.FAILED, (), 1)
    assert "ResourceInUse" in outcome.reason


def test_a_throttled_create_of_a_name_taken_meanwhile_fails(desk: Desk, name: str) -> None:
    desk.em.options = Options(latency=LATENCY)
    desk.em.inject(Fault("throttle", operation=CREATE))
    with desk.meanwhile(CREATE, theirs(desk, name)):
        outcome = desk.one(insert(name))
    assert (outcome.status, desk.committed) == (OutcomeStatus.FAILED, [])


def test_a_second_attempt_that_meets_its_own_create_is_ok(desk: Desk, name: str) -> None:
    desk.em.inject(Fault("error500", operation=CREATE))
    desk.em.inject(Fault("error500_after", operation=CREATE, at=2))
    outcome = desk.one(insert(name))
    assert (outcome.status, outcome.operations, desk.committed) == (OutcomeStatus.OK, (CREATE,), [CREATE])


@pytest.mark.parametrize("kind", ["error500", "timeout_before", "html", "access_denied"])
def test_a_create_that_cannot_be_read_back_is_unknown(desk: Desk, name: str, kind: str) -> None:
    desk.em.inject(Fault("error500_after", operation=CREATE))
    desk.em.inject(Fault(kind, operation=DESCRIBE, at=2, times=None))
    outcome = desk.one(insert(name))
    assert (outcome.status, desk.committed) == (OutcomeStatus.UNKNOWN, [CREATE])
    assert "could not be read back" in outcome.reason


# sqlprov_request_tag


def tag_of(desk: Desk, name: str) -> list[str]:
    return [tag["Value"] for tag in desk.record(name)["Tags"] if tag["Key"] == REQUEST_TAG]


@pytest.mark.parametrize("kind", LOST_AFTER)
def test_a_request_tag_makes_certain_that_a_create_is_ours(desk: Desk, name: str, kind: str) -> None:
    desk.set(request_tag="on")
    desk.em.inject(Fault(kind, operation=CREATE, times=None))
    outcome = desk.one(insert(name, **TAGGED))
    assert (outcome.status, desk.committed) == (OutcomeStatus.OK, [CREATE])
    assert "equivalent" not in outcome.reason
    assert len(tag_of(desk, name)) == 1
    assert {"Key": "team", "Value": "core"} in desk.record(name)["Tags"]


@pytest.mark.parametrize("whose", WHOSE)
@pytest.mark.parametrize("kind", ["error500", "timeout_before"])
def test_a_request_tag_makes_certain_that_a_create_is_not_ours(
    desk: Desk, name: str, kind: str, whose: str
) -> None:
    desk.set(request_tag="on")
    desk.em.options = Options(latency=LATENCY)
    desk.em.inject(Fault(kind, operation=CREATE, times=None))
    with desk.meanwhile(CREATE, theirs(desk, name, **TAGGED | WHOSE[whose][0])):
        outcome = desk.one(insert(name, **TAGGED))
    assert (outcome.status, desk.committed) == (OutcomeStatus.FAILED, [])


def test_a_request_tag_is_another_for_each_statement_and_none_by_default(desk: Desk, name: str) -> None:
    desk.one(insert(name))
    assert desk.record(name)["Tags"] == []
    assert "Tags" not in desk.made[0][1]
    desk.set(request_tag="on")
    desk.one(insert(f"{name}-2"))
    desk.one(insert(f"{name}-3"))
    assert tag_of(desk, f"{name}-2") != tag_of(desk, f"{name}-3")


# DELETE, UPDATE, start, stop and tags

ASKED: dict[str, tuple[str, str, str]] = {
    "delete": ("Completed", DELETE, f"DELETE FROM {TABLE} WHERE name = '{{name}}' AND region = '{REGION}'"),
    "start": ("Created", START, "desired_state = 'Running'"),
    "stop": ("Running", STOP, "desired_state = 'Cancelled', status_reason = 'why'"),
    "tag": ("Created", "AddTags", "tags = MAP {'team': 'core', 'a': 'b'}"),
    "untag": ("Created", "DeleteTags", "tags = MAP {}"),
    "exec start": ("Created", START, f"EXEC {TABLE}.start @Name = '{{name}}', @region = '{REGION}'"),
    "exec stop": (
        "Running",
        STOP,
        f"EXEC {TABLE}.stop @Name = '{{name}}', @ModelVariantActions = {literal(RETAIN)}, "
        f"@DesiredState = 'Cancelled', @region = '{REGION}'",
    ),
}
ASKED["update"] = (
    "Created",
    UPDATE,
    "description = 'new', data_storage_config = {'Destination': 's3://b/new'}",
)


def stands(desk: Desk, what: str, name: str) -> bool:
    """Whether what was asked is so."""
    if what == "delete":
        return not desk.exists(name)
    record = desk.record(name)
    tags = {tag["Key"] for tag in record["Tags"]}
    return bool(
        {
            "update": record["Description"] == "new"
            and record["DataStorageConfig"]["Destination"] == "s3://b/new",
            "start": record["Status"] in ("Starting", "Running"),
            "stop": record["Status"] in ("Stopping", "Cancelled"),
            "tag": tags == {"team", "a"},
            "untag": tags == set(),
        }[what.removeprefix("exec ")]
    )


def ask(desk: Desk, what: str, name: str) -> Outcome:
    text = ASKED[what][2].replace("{name}", name)
    return desk.one(text) if text.startswith(("DELETE", "EXEC")) else desk.update(name, text)


@pytest.mark.parametrize("kind", LOST_AFTER)
@pytest.mark.parametrize("what", ASKED)
def test_a_call_that_happened_is_ok_and_not_made_again(desk: Desk, what: str, kind: str) -> None:
    state, operation, _ = ASKED[what]
    name = desk.experiment(state, lasting=0.1)
    desk.em.inject(Fault(kind, operation=operation, times=None))
    outcome = ask(desk, what, name)
    assert (outcome.status, outcome.operations) == (OutcomeStatus.OK, (operation,)), outcome.reason
    assert desk.committed == desk.operations == [operation]
    assert stands(desk, what, name)


@pytest.mark.parametrize("what", ["create", *ASKED])
def test_a_call_whose_answer_we_stumble_over_is_judged_by_the_row(
    desk: Desk, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, operation, _ = ASKED.get(what, ("Created", CREATE, ""))
    name = desk.experiment(state, lasting=0.1)

    def stumble(answer: Any, *rest: Any) -> Any:
        if any(call.operation == operation for call in desk.em.calls) and not stumbled:
            stumbled.append(answer)
            raise ValueError("a slip of ours")
        return check_reply(answer, *rest)

    stumbled: list[Any] = []
    monkeypatch.setattr(calls, "check_reply", stumble)
    outcome = ask(desk, what, name) if what in ASKED else desk.one(insert(f"{name}-new"))
    assert stumbled
    assert (outcome.status, outcome.operations) == (OutcomeStatus.OK, (operation,)), outcome.reason
    assert desk.committed == desk.operations == [operation]


@pytest.mark.parametrize("kind", [*LOST_BEFORE, "throttle"])
@pytest.mark.parametrize("what", ASKED)
def test_a_call_that_did_not_happen_is_made_again(desk: Desk, what: str, kind: str) -> None:
    state, operation, _ = ASKED[what]
    name = desk.experiment(state)
    desk.em.inject(Fault(kind, operation=operation))
    outcome = ask(desk, what, name)
    assert (outcome.status, outcome.operations) == (OutcomeStatus.OK, (operation,)), outcome.reason
    assert (desk.operations, desk.committed) == ([operation, operation], [operation])
    assert stands(desk, what, name)


@pytest.mark.parametrize("kind", ["error500", "timeout_before", "access_denied", "throttle"])
@pytest.mark.parametrize("what", ASKED)
def test_a_call_that_never_happens_fails(desk: Desk, what: str, kind: str) -> None:
    desk.set(max_attempts=2)
    state, operation, _ = ASKED[what]
    name = desk.experiment(state)
    before = desk.record(name)
    desk.em.inject(Fault(kind, operation=operation, times=None))
    outcome = ask(desk, what, name)
    assert (outcome.status, outcome.operations, desk.committed) == (OutcomeStatus.FAILED, (), []), (
        outcome.reason
    )
    assert attempts(desk, operation) == (1 if kind in REFUSED else 2)
    assert desk.record(name) == before


def recreate(desk: Desk, name: str) -> None:
    desk.em.add("InferenceExperiment", REGION, {"Name": name, **MEMBERS, "CreationTime": time.time() + 1})


def add(desk: Desk, name: str, **members: Any) -> None:
    """Somebody changes the row; it stays the one it was."""
    born = desk.record(name)["CreationTime"]
    given = {"Name": name, **MEMBERS, "Tags": {"team": "core"}, "CreationTime": born, **members}
    desk.em.add("InferenceExperiment", REGION, given)


def finish(desk: Desk, name: str, state: str) -> None:
    add(desk, name, Status=state)


MEANWHILE: dict[str, tuple[str, Callable[[Desk, str], None], OutcomeStatus]] = {
    "deleted by somebody": (
        "delete",
        lambda desk, name: desk.em.remove("InferenceExperiment", REGION, name),
        OutcomeStatus.OK,
    ),
    "deleted and created anew": ("delete", recreate, OutcomeStatus.OK),
    "update of a row created anew": ("update", recreate, OutcomeStatus.UNKNOWN),
    "update of a row deleted": (
        "update",
        lambda desk, name: desk.em.remove("InferenceExperiment", REGION, name),
        OutcomeStatus.UNKNOWN,
    ),
    "updated half by somebody": (
        "update",
        lambda desk, name: add(desk, name, Description="new"),
        OutcomeStatus.UNKNOWN,
    ),
    "updated otherwise by somebody": (
        "update",
        lambda desk, name: add(desk, name, Description="third"),
        OutcomeStatus.UNKNOWN,
    ),
    "updated to the same by somebody": (
        "update",
        lambda desk, name: add(
            desk, name, Description="new", DataStorageConfig={"Destination": "s3://b/new"}
        ),
        OutcomeStatus.OK,
    ),
    "started by somebody": ("start", lambda desk, name: finish(desk, name, "Running"), OutcomeStatus.OK),
    "stopped to the same end by somebody": (
        "stop",
        lambda desk, name: finish(desk, name, "Cancelled"),
        OutcomeStatus.OK,
    ),
    "stopped to another end by somebody": (
        "stop",
        lambda desk, name: finish(desk, name, "Completed"),
        OutcomeStatus.FAILED,
    ),
    "tagged by somebody": (
        "tag",
        lambda desk, name: add(desk, name, Tags={"team": "core", "a": "b"}),
        OutcomeStatus.OK,
    ),
    "untagged by somebody": ("untag", lambda desk, name: add(desk, name, Tags={}), OutcomeStatus.OK),
}


@pytest.mark.parametrize("kind", ["error500", "timeout_before", "reset"])
@pytest.mark.parametrize("how", MEANWHILE)
def test_what_somebody_else_did_meanwhile_is_told_from_ours(desk: Desk, how: str, kind: str) -> None:
    what, act, expected = MEANWHILE[how]
    state, operation, _ = ASKED[what]
    name = desk.experiment(state)
    desk.em.options = Options(latency=LATENCY)
    desk.em.inject(Fault(kind, operation=operation))
    with desk.meanwhile(operation, lambda: act(desk, name)):
        outcome = ask(desk, what, name)
    assert (outcome.status, desk.committed) == (expected, []), outcome.reason
    if how == "deleted and created anew":
        assert (desk.exists(name), attempts(desk, DELETE)) == (True, 1)


@pytest.mark.parametrize("by", ["UPDATE", "EXEC"])
@pytest.mark.parametrize("stale", [2, 50])
def test_a_stop_with_a_lost_answer_and_stale_reads_is_never_said_to_have_failed(
    desk: Desk, by: str, stale: int
) -> None:
    name = desk.experiment("Running", lasting=0.1)
    desk.em.options.stale_describe = stale
    desk.em.inject(Fault("error500_after", operation=STOP))
    outcome = ask(desk, "stop" if by == "UPDATE" else "exec stop", name)
    assert outcome.status is (OutcomeStatus.OK if stale == 2 else OutcomeStatus.UNKNOWN), outcome.reason
    assert desk.committed == [STOP]


def test_a_lost_stop_that_takes_longer_than_the_wait_is_unknown(desk: Desk) -> None:
    name = desk.experiment("Running", lasting=30)
    desk.set(await_timeout=0.3)
    desk.em.inject(Fault("error500_after", operation=STOP))
    outcome = ask(desk, "stop", name)
    assert (outcome.status, desk.operations, desk.committed) == (OutcomeStatus.UNKNOWN, [STOP], [STOP])


def test_a_stop_that_worked_and_a_delete_that_is_refused_are_partial(desk: Desk) -> None:
    name = desk.experiment("Running")
    desk.em.inject(Fault("access_denied", operation=DELETE))
    outcome = desk.delete(name)
    assert (outcome.status, outcome.operations) == (OutcomeStatus.PARTIAL, (STOP,))
    assert "DeleteInferenceExperiment" in outcome.reason
    assert desk.record(name)["Status"] == "Completed"


def test_every_call_of_one_row_may_lose_its_answer(desk: Desk) -> None:
    name = desk.experiment("Created", lasting=0.1)
    for operation in (UPDATE, "AddTags", "DeleteTags", START):
        desk.em.inject(Fault("reset_after", operation=operation))
    outcome = desk.update(name, "description = 'new', tags = MAP {'a': 'b'}, desired_state = 'Running'")
    assert (outcome.status, outcome.operations) == (
        OutcomeStatus.OK,
        (UPDATE, "AddTags", "DeleteTags", START),
    )
    assert desk.committed == [UPDATE, "AddTags", "DeleteTags", START]
    assert [tag["Key"] for tag in desk.record(name)["Tags"]] == ["a"]
    lost = [f"the response to {operation} was lost" for operation in outcome.operations]
    assert outcome.reason == "; ".join(lost)


@pytest.mark.parametrize("kind", ["error500_after", "reset_after", "truncated", "html"])
def test_a_row_whose_answers_are_lost_is_waited_for_and_returned(desk: Desk, kind: str) -> None:
    name = desk.experiment("Created", lasting=0.1)
    for operation in (UPDATE, START):
        desk.em.inject(Fault(kind, operation=operation))
    rows = desk.con.sql(
        f"/*+ AWAIT */ UPDATE {TABLE} SET description = 'new', desired_state = 'Running' WHERE {of(name)} "
        "RETURNING status, description"
    ).fetchall()
    assert (rows, desk.committed) == ([("Running", "new")], [UPDATE, START])


def test_a_clock_that_is_wrong_here_does_not_matter(
    desk: Desk, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Tomorrow(call_sender.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return super().now(tz) + call_sender.timedelta(days=1)

    monkeypatch.setattr(call_sender, "datetime", Tomorrow)
    desk.em.inject(Fault("error500_after", operation=CREATE))
    assert desk.one(insert(name)).status is OutcomeStatus.OK


@pytest.fixture
def dateless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replies as they come through a proxy that takes their Date away."""
    monkeypatch.setattr(Run, "note_date", lambda run, answer: None)


def test_a_lost_create_is_unknown_if_nothing_told_the_services_clock(
    desk: Desk, name: str, dateless: None
) -> None:
    desk.em.inject(Fault("error500_after", operation=CREATE))
    outcome = desk.one(insert(name))
    assert (outcome.status, "showed the service's clock" in outcome.reason) == (OutcomeStatus.UNKNOWN, True)
    assert attempts(desk, CREATE) == 1


def test_a_request_tag_needs_no_clock(desk: Desk, name: str, dateless: None) -> None:
    desk.set(request_tag="on")
    desk.em.inject(Fault("error500_after", operation=CREATE))
    assert desk.one(insert(name)).status is OutcomeStatus.OK


@pytest.mark.parametrize("what", ASKED)
def test_what_is_no_create_needs_no_clock(desk: Desk, what: str, dateless: None) -> None:
    state, operation, _ = ASKED[what]
    name = desk.experiment(state, lasting=0.1)
    desk.em.inject(Fault("error500_after", operation=operation))
    outcome = ask(desk, what, name)
    assert (outcome.status, outcome.operations) == (OutcomeStatus.OK, (operation,)), outcome.reason


# Several rows


def test_a_failed_row_does_not_keep_the_others_and_one_error_holds_all(desk: Desk, name: str) -> None:
    names = [f"{name}-{number}" for number in range(4)]
    theirs(desk, names[1])()
    with pytest.raises(WriteError) as caught:
        desk.con.sql(insert(*names))
    endings = [outcome.status for outcome in caught.value.outcomes]
    assert endings == [OutcomeStatus.OK, OutcomeStatus.FAILED, OutcomeStatus.OK, OutcomeStatus.OK]
    assert [outcome.key for outcome in caught.value.outcomes] == names
    assert "1 row of 4 is not ok" in str(caught.value)
    assert desk.con.outcomes == caught.value.outcomes


def test_an_endpoint_that_is_not_there_fails_without_a_doubt(name: str) -> None:
    with Emulator() as short:
        url = short.url
    once = {"max_attempts": "1"}
    with (
        sqlprov.connect(endpoint_url=url, region=REGION, settings=once) as con,
        pytest.raises(WriteError) as caught,
    ):
        con.sql(insert(name))
    assert [outcome.status for outcome in caught.value.outcomes] == [OutcomeStatus.FAILED]

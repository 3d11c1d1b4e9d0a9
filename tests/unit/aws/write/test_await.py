from __future__ import annotations

import re
import threading
import time

import pytest
from write_session import (
    CREATE,
    FAILED,
    HELD,
    LASTING,
    OK,
    PARTIAL,
    REGION,
    RETAIN,
    START,
    TABLE,
    WriteSession,
    by_name,
    insert,
    literal,
)

from sqlprov.emulator import Options

AWAITED = {
    "insert": (insert("awaited-{n}"), "", "Created"),
    "update": (f"UPDATE {TABLE} SET description = 'new' WHERE {{of}}", "Running", "Running"),
    "start": (f"UPDATE {TABLE} SET desired_state = 'Running' WHERE {{of}}", "Created", "Running"),
    "stop": (f"UPDATE {TABLE} SET desired_state = 'Cancelled' WHERE {{of}}", "Running", "Cancelled"),
    "delete": (f"DELETE FROM {TABLE} WHERE {{of}}", "Running", None),
    "exec start": (f"EXEC {TABLE}.start @Name = '{{name}}', @region = '{REGION}'", "Created", "Running"),
    "exec stop": (
        f"EXEC {TABLE}.stop @Name = '{{name}}', @ModelVariantActions = {literal(RETAIN)}, @region = '{REGION}'",
        "Running",
        "Completed",
    ),
}
BUSY_AFTER = {"insert": "Creating", "update": "Updating", "start": "Starting", "stop": "Stopping"}


def await_state(db: WriteSession, what: str) -> tuple[str, str, str | None]:
    sql, state, ends = AWAITED[what]
    if not state:
        name = f"awaited-{time.monotonic_ns()}"
        db.em.options.transition = LASTING
        return insert(name), name, ends
    name = db.experiment(state, LASTING)
    return sql.replace("{of}", by_name(name)).replace("{name}", name), name, ends


@pytest.mark.parametrize("stale", [0, 2])
@pytest.mark.parametrize("by", ["hint", "setting"])
@pytest.mark.parametrize("what", AWAITED)
def test_await_returns_when_the_row_is_in_the_state_it_was_to_reach(
    db: WriteSession, what: str, by: str, stale: int
) -> None:
    sql, name, ends = await_state(db, what)
    db.em.options.stale_describe = stale
    if by == "setting":
        db.set(**{"await": "on"})
    else:
        sql = f"/*+ AWAIT */ {sql}"
    outcome = db.write_one(sql)
    assert outcome.status is OK, outcome.reason
    assert (db.record(name)["Status"] if db.exists(name) else None) == ends


@pytest.mark.parametrize("what", [what for what in AWAITED if what != "delete"])
def test_without_await_a_statement_returns_when_its_last_call_is_accepted(
    db: WriteSession, what: str
) -> None:
    sql, name, _ = await_state(db, what)
    db.em.options.transition = HELD
    assert db.write_one(sql).status is OK
    assert db.record(name)["Status"] == BUSY_AFTER[what.removeprefix("exec ")]


@pytest.mark.parametrize("what", AWAITED)
def test_an_await_that_takes_too_long_says_the_last_state(db: WriteSession, what: str) -> None:
    sql, name, _ = await_state(db, what)
    db.em.options.transition = HELD
    db.set(await_timeout=0.5)
    outcome = db.write_one(f"/*+ await */ {sql}")
    assert (outcome.status, list(outcome.operations)) == (PARTIAL, db.committed)
    assert "waited 0.5 s for " in outcome.reason
    assert f"its last state is {db.record(name)['Status']}" in outcome.reason


@pytest.mark.parametrize("state", ["Creating", "Updating", "Starting"])
def test_a_busy_state_that_does_not_pass_fails_after_the_timeout(db: WriteSession, state: str) -> None:
    name = db.experiment(state, HELD)
    db.set(await_timeout=0.3)
    outcome = db.update(name, "description = 'new'")
    assert (outcome.status, db.sent) == (FAILED, [])
    assert f"its last state is {state}" in outcome.reason


def test_await_of_a_state_that_is_not_reached_says_the_state_and_its_reason(db: WriteSession) -> None:
    name = db.experiment("Created", HELD)
    with db.interfere(START, lambda: db.change(name, Status="Cancelled", StatusReason="no capacity")):
        outcome = db.write_one(f"/*+ AWAIT */ EXEC {TABLE}.start @Name = '{name}', @region = '{REGION}'")
    assert (outcome.status, outcome.operations) == (PARTIAL, (START,))
    assert "did not reach Running: its last state is Cancelled (no capacity)" in outcome.reason


def test_await_of_a_failed_endpoint_says_why(db: WriteSession) -> None:
    endpoint = {"EndpointName": "fails", "EndpointConfigName": "config", "EndpointStatus": "InService"}
    db.em.add("EndpointConfig", REGION, {"EndpointConfigName": "config-2"})
    db.em.add("Endpoint", REGION, endpoint)
    db.em.options = Options(transition=HELD)
    failed = endpoint | {"EndpointStatus": "Failed", "FailureReason": "image not found"}
    with db.interfere("UpdateEndpoint", lambda: db.em.add("Endpoint", REGION, failed)):
        outcome = db.write_one(
            "/*+ AWAIT */ UPDATE aws.sagemaker.endpoints SET endpoint_config_name = 'config-2' "
            f"WHERE endpoint_name = 'fails' AND region = '{REGION}'"
        )
    assert outcome.status is PARTIAL
    assert "its last state is Failed (image not found)" in outcome.reason


def test_other_threads_see_the_rows_waited_for_with_their_states(db: WriteSession) -> None:
    db.em.options.transition = HELD
    names = [f"waiting-{number}-{time.monotonic_ns()}" for number in range(5)]
    thread = threading.Thread(target=lambda: db.write(f"/*+ AWAIT */ {insert(*names)}"))
    thread.start()
    while not ((progress := db.con.progress) and len(progress.waiting) == 5):
        time.sleep(0.001)
    db.em.options = Options()
    db.con.cancel()
    thread.join()
    assert {(row.region, row.state) for row in progress.waiting} == {(REGION, "Creating")}
    assert {row.key for row in progress.waiting} == set(names)
    assert re.fullmatch(r"(waiting-\S+ is Creating, ){3}2 more, \d s", progress.waiting_text)
    assert str(progress).endswith(f"waiting: {progress.waiting_text}")
    assert db.con.progress is None


def test_a_row_no_longer_waited_for_is_not_listed(db: WriteSession) -> None:
    name = db.experiment("Created", lasting=0.1)
    result = db.con.sql(f"/*+ AWAIT */ UPDATE {TABLE} SET desired_state = 'Running' WHERE {by_name(name)}")
    assert (result.progress.waiting, result.progress.waiting_text) == ((), "")
    assert "waiting" not in str(result.progress)


@pytest.mark.parametrize("others", ["", ", tags = MAP {'team': 'search'}"])
def test_await_waits_for_a_state_that_is_already_on_its_way(db: WriteSession, others: str) -> None:
    name = db.experiment("Starting", LASTING)
    outcome = db.write_one(
        f"/*+ AWAIT */ UPDATE {TABLE} SET desired_state = 'Running'{others} WHERE {by_name(name)}"
    )
    assert (outcome.status, db.record(name)["Status"]) == (OK, "Running")
    assert START not in outcome.operations


@pytest.mark.parametrize("wait", ["", "/*+ AWAIT */ "])
def test_what_is_created_and_seen_late_is_returned_and_waited_for(db: WriteSession, wait: str) -> None:
    db.em.options = Options(late_describe=3)
    names = [f"late-{number}-{time.monotonic_ns()}" for number in range(2)]
    rows = db.con.sql(f"{wait}{insert(*names)} RETURNING name, arn IS NOT NULL").fetchall()
    assert sorted(rows) == [(name, True) for name in names]
    endpoint = f"late-{time.monotonic_ns()}"
    db.em.add("EndpointConfig", REGION, {"EndpointConfigName": endpoint})
    columns = "endpoint_name, endpoint_config_name, region"
    sql = f"INSERT INTO aws.sagemaker.endpoints ({columns}) VALUES ('{endpoint}', '{endpoint}', '{REGION}')"
    assert db.con.sql(f"{wait}{sql} RETURNING endpoint_status").fetchall() == [("InService",)]


def test_a_created_row_that_never_appears_is_reported(db: WriteSession) -> None:
    db.em.options = Options(late_describe=10_000)
    db.set(settle=0.3)
    name = f"unseen-{time.monotonic_ns()}"
    assert db.con.sql(f"{insert(name)} RETURNING name").fetchall() == []
    assert db.con.outcomes[0].reason == "it was not found afterwards"
    outcome = db.write_one(f"/*+ AWAIT */ {insert(f'{name}-2')}")
    assert outcome.status is PARTIAL
    assert outcome.reason.endswith("no longer exists; expected it to reach Created or Running")


def test_a_row_that_cannot_be_read_back_says_that_its_calls_were_made(db: WriteSession) -> None:
    db.em.options = Options(denied_actions={"ListTags"})
    outcome = db.write_one(f"{insert(f'unread-{time.monotonic_ns()}')} RETURNING tags")
    assert (outcome.status, outcome.operations) == (PARTIAL, (CREATE,))
    assert outcome.reason.startswith(
        "after its last call, while reading it back: ListTags in us-east-1: access"
    )


def test_a_wait_that_is_interrupted_says_that_its_calls_were_made(db: WriteSession) -> None:
    name = db.experiment("Created", HELD)

    def cancel() -> None:
        while not (db.con.progress and db.con.progress.waiting):
            time.sleep(0.001)
        db.con.cancel()

    with db.interfere(START, threading.Thread(target=cancel).start):
        outcome = db.write_one(
            f"/*+ AWAIT */ UPDATE {TABLE} SET desired_state = 'Running' WHERE {by_name(name)}"
        )
    assert (outcome.status, outcome.operations) == (PARTIAL, (START,))
    assert outcome.reason == "interrupted after its last call, while waiting for it"

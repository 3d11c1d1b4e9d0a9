from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from write_session import CREATE, DESCRIBE, FAILED, MEMBERS, OK, REGION, STOP, TABLE, WriteSession, insert

import sqlprov
from sqlprov.aws.transport.run import LET_END
from sqlprov.emulator import Emulator, Fault, Options
from sqlprov.errors import Cancelled, Error, WriteError

NAMES = [f"row-{number:02}" for number in range(20)]
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGQUIT, 131)]
ENDINGS = {130: "Cancelled.", 143: "Terminated.", 129: "Hung up.", 131: "Quit."}


@pytest.fixture
def fresh() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


def exec_(emulator: Emulator, sql: str, **settings: object) -> subprocess.Popen[str]:
    """`sqlprov exec` in a process of its own."""
    command = [sys.executable, "-m", "sqlprov", "exec", "--endpoint-url", emulator.url, "--region", REGION]
    for name, value in settings.items():
        command += ["--set", f"{name}={value}"]
    return subprocess.Popen(
        [*command, sql],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(sqlprov.__file__).parent.parent)},
    )


def until(condition: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def creates(emulator: Emulator) -> list[str]:
    return [call.parameters["Name"] for call in emulator.calls if call.operation == CREATE]


def detail(stderr: str) -> dict[str, str]:
    """Key -> status of the outcomes on stderr."""
    words = [line.split() for line in stderr.splitlines()]
    return {line[1]: line[0] for line in words if len(line) > 1 and line[1] in NAMES}


@pytest.mark.parametrize(("sent", "code"), SIGNALS)
def test_a_signal_during_an_insert_starts_no_call_and_reports_the_known_outcomes(
    fresh: Emulator, sent: signal.Signals, code: int
) -> None:
    fresh.options = Options(latency=0.1)
    process = exec_(fresh, insert(*NAMES), concurrency=3)
    until(lambda: len(creates(fresh)) >= 8)
    fresh.options = Options(latency=3)  # longer than the signal takes to arrive
    until(lambda: len(creates(fresh)) >= 11 and sum(not call.finished for call in fresh.calls) == 3)
    begun = len(fresh.calls)
    process.send_signal(sent)
    stdout, stderr = process.communicate(timeout=600)
    assert process.returncode == code, stderr
    assert len(fresh.calls) == begun
    assert stdout == ""
    outcomes = detail(stderr)
    assert list(outcomes) == NAMES
    made = set(creates(fresh))
    for name, status in outcomes.items():
        exists = fresh.get("InferenceExperiment", REGION, name) is not None
        assert (status == "ok", status == "failed") == (exists, not exists), stderr
        assert exists == (name in made)
    assert "interrupted before its" in stderr
    assert stderr.rstrip().endswith(ENDINGS[code])


def test_a_call_that_hangs_holds_up_the_end_for_a_bounded_time_and_is_unknown(fresh: Emulator) -> None:
    fresh.inject(Fault("timeout_before", operation=CREATE, at=3, times=1, hold=900))
    process = exec_(fresh, insert(*NAMES[:6]), concurrency=2)
    until(lambda: len(creates(fresh)) >= 6)
    hanging = creates(fresh)[2]
    until(lambda: sum(not call.finished for call in fresh.calls) == 1)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=600)  # sooner than the fault lets go of the call
    assert time.monotonic() - began > LET_END - 2
    assert process.returncode == 130
    outcomes = detail(stderr)
    assert outcomes.pop(hanging) == "unknown", stderr
    assert set(outcomes.values()) == {"ok"} and len(outcomes) == 5


def test_a_lost_create_is_unknown_if_it_is_interrupted_while_the_row_is_read_back(fresh: Emulator) -> None:
    fresh.inject(Fault("error500", operation=CREATE, times=None))
    process = exec_(fresh, insert(NAMES[0]))
    until(lambda: [call.operation for call in fresh.calls].count(DESCRIBE) >= 3)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=600)
    assert (process.returncode, detail(stderr)) == (130, {NAMES[0]: "unknown"}), stderr


def test_a_delete_that_waits_is_partial_if_it_is_interrupted(fresh: Emulator) -> None:
    fresh.add("InferenceExperiment", REGION, {"Name": NAMES[0], **MEMBERS, "Status": "Running"})
    fresh.options = Options(transition=900)
    process = exec_(fresh, f"DELETE FROM {TABLE} WHERE name = '{NAMES[0]}' AND region = '{REGION}'")
    until(lambda: (STOP, DESCRIBE) in pairwise(call.operation for call in fresh.calls))
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=600)
    assert (process.returncode, detail(stderr)) == (143, {NAMES[0]: "partial"}), stderr
    assert f"({STOP})" in stderr


def test_outcomes_that_are_not_ok_are_on_stderr_and_the_exit_code_is_8(fresh: Emulator) -> None:
    fresh.add("InferenceExperiment", REGION, {"Name": NAMES[1]})
    process = exec_(fresh, insert(*NAMES[:3]))
    stdout, stderr = process.communicate(timeout=600)
    assert (process.returncode, stdout) == (8, "")
    assert detail(stderr) == {NAMES[0]: "ok", NAMES[1]: "failed", NAMES[2]: "ok"}
    assert "1 row of 3 is not ok." in stderr and "already exists" in stderr


def test_a_statement_cancelled_from_another_thread_keeps_its_outcomes(db: WriteSession) -> None:
    db.em.options = Options(latency=0.15)
    db.set(concurrency=2)
    names = [f"cancelled-{number}" for number in range(10)]
    cancel = threading.Thread(target=lambda: (until(lambda: len(creates(db.em)) >= 3), db.con.cancel()))
    cancel.start()
    with pytest.raises((WriteError, Cancelled)):
        db.con.sql(insert(*names))
    cancel.join()
    assert [outcome.key for outcome in db.con.outcomes] == names
    for outcome in db.con.outcomes:
        assert outcome.status is (OK if db.exists(outcome.key) else FAILED)
    assert not db.exists(names[-1])
    assert db.con.sql("SELECT 1").fetchall() == [(1,)]


# sqlprov_on_error and sqlprov.outcomes


def test_stop_begins_no_row_after_the_first_that_is_not_ok(db: WriteSession) -> None:
    names = [f"halted-{number}" for number in range(6)]
    db.em.add("InferenceExperiment", REGION, {"Name": names[2]})
    db.set(on_error="stop", concurrency=1)
    with pytest.raises(WriteError) as caught:
        db.con.sql(insert(*names))
    endings = [outcome.status for outcome in caught.value.outcomes]
    assert endings == [OK, OK, *[FAILED] * 4]
    assert creates(db.em) == names[:3]
    assert "not started: an earlier row was not ok" in caught.value.outcomes[3].reason
    assert [
        call.parameters.get("Name") for call in db.em.calls if call.parameters.get("Name") in names[3:]
    ] == []


@pytest.mark.parametrize("on_error", ["fail", "warn"])
def test_otherwise_the_others_go_on_and_one_error_holds_all_outcomes(db: WriteSession, on_error: str) -> None:
    names = [f"{on_error}-{number}" for number in range(6)]
    for name in (names[0], names[4]):
        db.em.add("InferenceExperiment", REGION, {"Name": name})
    db.set(on_error=on_error, concurrency=2)
    with pytest.raises(WriteError, match="2 rows of 6 are not ok") as caught:
        db.con.sql(insert(*names))
    assert [outcome.row for outcome in caught.value.outcomes] == [1, 2, 3, 4, 5, 6]
    assert all(db.exists(name) for name in names)


def test_the_table_of_outcomes_shows_the_last_statement_that_wrote(db: WriteSession) -> None:
    names = [f"shown-{number}" for number in range(3)]
    db.em.add("InferenceExperiment", REGION, {"Name": names[1]})
    outcomes = db.write(insert(*names))
    query = "SELECT row, table, region, key, status, operations FROM sqlprov.outcomes ORDER BY row"
    shown = db.con.sql(query.replace(" table,", ' "table",')).fetchall()
    assert shown == [
        (one.row, TABLE, REGION, one.key, one.status.value, list(one.operations)) for one in outcomes
    ]
    assert [row[4] for row in shown] == ["ok", "failed", "ok"]
    reason = db.con.sql("SELECT reason FROM sqlprov.outcomes WHERE status = 'failed'").fetchall()[0][0]
    assert "already exists" in reason


def test_a_write_that_fails_reports_its_warnings_too(fresh: Emulator) -> None:
    _, stderr = exec_(fresh, insert(NAMES[0], Type="shadowmode")).communicate(timeout=600)
    assert (
        "Warning: row 1, Type: 'shadowmode'; expected one of ShadowMode. Did you mean 'ShadowMode'?" in stderr
    )
    with sqlprov.connect(endpoint_url=fresh.url, region=REGION) as con, pytest.raises(WriteError) as caught:
        con.sql(insert(NAMES[0], Type="shadowmode"))
    assert len(caught.value.warnings) == 1
    assert str(caught.value).endswith(f"  Warning: {caught.value.warnings[0]}")


REFUSED = [
    insert("refused", Type="", region="nowhere"),
    f"INSERT INTO {TABLE} (name, region) VALUES ('refused', '{REGION}')",
    f"DELETE FROM {TABLE}",
    f"UPDATE {TABLE} SET arn = 'x' WHERE name = 'refused'",
    f"EXEC {TABLE}.start @Nam = 'refused'",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_a_refused_statement_does_not_show_the_outcomes_of_the_one_before(db: WriteSession, sql: str) -> None:
    db.write(insert(f"before-{time.monotonic_ns()}"))
    db.con.sql("SET sqlprov_concurrency = 3")
    assert len(db.con.sql("SELECT 1 FROM sqlprov.outcomes").fetchall()) == len(db.con.outcomes) == 1
    with pytest.raises(Error):
        db.con.sql(sql)
    assert (db.con.outcomes, db.con.sql("SELECT 1 FROM sqlprov.outcomes").fetchall()) == ((), [])


def test_rows_are_written_side_by_side_as_many_as_the_setting_says(db: WriteSession) -> None:
    db.em.options = Options(latency=0.2)
    db.set(concurrency=4)
    names = [f"beside-{number}" for number in range(12)]
    assert {outcome.status for outcome in db.write(insert(*names))} == {OK}
    edges = sorted(edge for call in db.em.calls for edge in ((call.started, 1), (call.finished - 0.001, -1)))
    under_way = [sum(step for _, step in edges[: index + 1]) for index in range(len(edges))]
    assert max(under_way) == 4

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from desk import DELETE, REGION, RETAIN, STOP, TABLE, UPDATE, Desk, insert, of

from sqlprov.errors import Cancelled, WriteError


def asked(desk: Desk, sql: str, answer: bool = True) -> list[Any]:
    """What was proposed, while nothing had been written."""
    found: list[Any] = []

    def confirm(proposal: Any) -> bool:
        assert desk.calls == []
        assert threading.current_thread() is threading.main_thread()
        found.append(proposal)
        return answer

    list(desk.con.run(sql, confirm=confirm))
    return found


def both(*names: str) -> str:
    return f"name IN {names} AND region = '{REGION}'"


def test_a_delete_is_proposed_with_its_rows_and_what_it_stops(desk: Desk) -> None:
    running, created = desk.experiment("Running"), desk.experiment("Created")
    sql = f"DELETE FROM {TABLE} WHERE {both(running, created)}"
    shown = [
        {name: row[name] for name in ("key", "operation", "states")}
        for row in desk.con.sql(f"EXPLAIN {sql}").arrow().to_pylist()
    ]
    (proposal,) = asked(desk, sql)
    assert (proposal.verb, proposal.table, proposal.rows, proposal.stopped) == ("DELETE", TABLE, 2, 1)
    assert proposal.text == sql
    rows = proposal.calls.select(["key", "operation", "states"]).to_pylist()
    assert rows == shown
    assert [row["operation"] for row in rows if row["key"] == running] == [STOP, DELETE]
    assert sorted(desk.operations) == sorted([STOP, DELETE, DELETE])
    assert not desk.exists(running)
    assert not desk.exists(created)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE {table} SET description = 'new' WHERE {row}",
        "DELETE FROM {table} WHERE {row}",
        "DELETE FROM {table} WHERE {row} RETURNING name",
        "EXEC {table}.stop @Name = '{name}', @region = 'us-east-1', @ModelVariantActions = '{retain}'",
    ],
)
def test_what_is_not_confirmed_is_not_written(desk: Desk, sql: str) -> None:
    name = desk.experiment("Running")
    with pytest.raises(Cancelled, match=r"(?i)not confirmed[;:] nothing was written"):
        asked(desk, sql.format(table=TABLE, row=of(name), name=name, retain=json.dumps(RETAIN)), answer=False)
    assert desk.calls == []
    assert desk.con.progress is None
    assert desk.con.sql("SELECT 1").fetchall() == [(1,)]


def test_an_exec_that_stops_says_so(desk: Desk) -> None:
    name = desk.experiment("Running")
    actions = json.dumps(RETAIN)
    sql = f"EXEC {TABLE}.stop @Name = '{name}', @region = '{REGION}', @ModelVariantActions = '{actions}'"
    (proposal,) = asked(desk, sql)
    assert (proposal.verb, proposal.rows, proposal.stopped) == ("EXEC", 1, 1)
    assert desk.operations == [STOP]


def test_a_script_asks_for_each_statement_in_turn(desk: Desk) -> None:
    one, two = desk.experiment(), desk.experiment()
    update = f"UPDATE {TABLE} SET description = 'new' WHERE {of(one)}"
    verbs: list[str] = []

    def confirm(proposal: Any) -> bool:
        verbs.append(proposal.verb)
        return proposal.verb == "UPDATE"

    results = desk.con.run(f"{update}; DELETE FROM {TABLE} WHERE {of(two)}; {update}", confirm=confirm)
    assert next(results).rowcount == 1
    with pytest.raises(Cancelled):
        next(results)
    assert verbs == ["UPDATE", "DELETE"]
    assert desk.operations == [UPDATE]


def test_no_row_an_insert_a_local_table_and_a_dry_run_ask_for_nothing(desk: Desk) -> None:
    name = desk.experiment()
    assert asked(desk, f"DELETE FROM {TABLE} WHERE {of('nobody')}") == []
    assert asked(desk, "CREATE TEMP TABLE t AS SELECT 1 AS a; DELETE FROM t; DROP TABLE t") == []
    list(desk.con.run(f"DELETE FROM {TABLE} WHERE {of(name)}", dry_run=True, confirm=lambda _: False))
    assert desk.exists(name)
    assert asked(desk, insert(f"{name}-new")) == []
    assert desk.exists(f"{name}-new")


def test_ctrl_c_at_the_question_writes_nothing(desk: Desk) -> None:
    name = desk.experiment()

    def confirm(proposal: Any) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(desk.con.run(f"DELETE FROM {TABLE} WHERE {of(name)}", confirm=confirm))
    assert desk.calls == []
    assert desk.con.sql("SELECT 1").fetchall() == [(1,)]


def test_a_call_that_was_not_shown_is_not_made(desk: Desk) -> None:
    name = desk.experiment("Created")

    def confirm(proposal: Any) -> bool:
        assert proposal.stopped == 0
        desk.somebody.start_inference_experiment(Name=name)
        return True

    with pytest.raises(WriteError, match=f"{STOP} was not among them; its last state is Running"):
        list(desk.con.run(f"DELETE FROM {TABLE} WHERE {of(name)}", confirm=confirm))
    assert STOP not in desk.operations
    assert desk.record(name)["Status"] == "Running"


def test_a_row_that_came_after_the_question_is_left_alone(desk: Desk) -> None:
    prefix = desk.experiment()
    later = f"{prefix}-later"

    def confirm(proposal: Any) -> bool:
        assert proposal.rows == 1
        members = {key: value for key, value in desk.record(prefix).items() if key not in ("Arn", "Tags")}
        desk.em.add("InferenceExperiment", REGION, {**members, "Name": later})
        return True

    sql = f"DELETE FROM {TABLE} WHERE name LIKE '{prefix}%' AND region = '{REGION}'"
    list(desk.con.run(sql, confirm=confirm))
    assert not desk.exists(prefix)
    assert desk.exists(later)


def test_the_time_to_answer_is_not_counted(desk: Desk) -> None:
    name = desk.experiment()
    waited = threading.Event()
    (result,) = desk.con.run(f"DELETE FROM {TABLE} WHERE {of(name)}", confirm=lambda _: not waited.wait(1.5))
    assert result.progress.seconds < 1.5
    assert result.summary.startswith("1 row changed, ")

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from write_session import DELETE, REGION, RETAIN, STOP, TABLE, UPDATE, WriteSession, by_name, insert

from sqlprov.errors import Cancelled, WriteError


def confirm_with(db: WriteSession, sql: str, answer: bool = True) -> list[Any]:
    """What was proposed, while nothing had been written."""
    previews: list[Any] = []

    def confirm(preview: Any) -> bool:
        assert db.calls == []
        assert threading.current_thread() is threading.main_thread()
        previews.append(preview)
        return answer

    list(db.con.run(sql, confirm=confirm))
    return previews


def both(*names: str) -> str:
    return f"name IN {names} AND region = '{REGION}'"


def test_a_delete_is_proposed_with_its_rows_and_the_rows_it_stops(db: WriteSession) -> None:
    running, created = db.experiment("Running"), db.experiment("Created")
    sql = f"DELETE FROM {TABLE} WHERE {both(running, created)}"
    shown = [
        {name: row[name] for name in ("key", "operation", "states")}
        for row in db.con.sql(f"EXPLAIN {sql}").arrow().to_pylist()
    ]
    (preview,) = confirm_with(db, sql)
    assert (preview.verb, preview.table, preview.rows, preview.stopped) == ("DELETE", TABLE, 2, 1)
    assert preview.text == sql
    rows = preview.calls.select(["key", "operation", "states"]).to_pylist()
    assert rows == shown
    assert [row["operation"] for row in rows if row["key"] == running] == [STOP, DELETE]
    assert sorted(db.operations) == sorted([STOP, DELETE, DELETE])
    assert not db.exists(running)
    assert not db.exists(created)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE {table} SET description = 'new' WHERE {row}",
        "DELETE FROM {table} WHERE {row}",
        "DELETE FROM {table} WHERE {row} RETURNING name",
        "EXEC {table}.stop @Name = '{name}', @region = 'us-east-1', @ModelVariantActions = '{retain}'",
    ],
)
def test_what_is_not_confirmed_is_not_written(db: WriteSession, sql: str) -> None:
    name = db.experiment("Running")
    with pytest.raises(Cancelled, match=r"(?i)not confirmed[;:] nothing was written"):
        confirm_with(
            db, sql.format(table=TABLE, row=by_name(name), name=name, retain=json.dumps(RETAIN)), answer=False
        )
    assert db.calls == []
    assert db.con.progress is None
    assert db.con.sql("SELECT 1").fetchall() == [(1,)]


def test_an_exec_that_stops_says_so(db: WriteSession) -> None:
    name = db.experiment("Running")
    actions = json.dumps(RETAIN)
    sql = f"EXEC {TABLE}.stop @Name = '{name}', @region = '{REGION}', @ModelVariantActions = '{actions}'"
    (preview,) = confirm_with(db, sql)
    assert (preview.verb, preview.rows, preview.stopped) == ("EXEC", 1, 1)
    assert db.operations == [STOP]


def test_a_script_asks_for_each_statement_in_turn(db: WriteSession) -> None:
    one, two = db.experiment(), db.experiment()
    update = f"UPDATE {TABLE} SET description = 'new' WHERE {by_name(one)}"
    verbs: list[str] = []

    def confirm(preview: Any) -> bool:
        verbs.append(preview.verb)
        return preview.verb == "UPDATE"

    results = db.con.run(f"{update}; DELETE FROM {TABLE} WHERE {by_name(two)}; {update}", confirm=confirm)
    assert next(results).rowcount == 1
    with pytest.raises(Cancelled):
        next(results)
    assert verbs == ["UPDATE", "DELETE"]
    assert db.operations == [UPDATE]


def test_no_row_an_insert_a_local_table_and_a_dry_run_ask_for_nothing(db: WriteSession) -> None:
    name = db.experiment()
    assert confirm_with(db, f"DELETE FROM {TABLE} WHERE {by_name('nobody')}") == []
    assert confirm_with(db, "CREATE TEMP TABLE t AS SELECT 1 AS a; DELETE FROM t; DROP TABLE t") == []
    list(db.con.run(f"DELETE FROM {TABLE} WHERE {by_name(name)}", dry_run=True, confirm=lambda _: False))
    assert db.exists(name)
    assert confirm_with(db, insert(f"{name}-new")) == []
    assert db.exists(f"{name}-new")


def test_ctrl_c_at_the_question_writes_nothing(db: WriteSession) -> None:
    name = db.experiment()

    def confirm(preview: Any) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(db.con.run(f"DELETE FROM {TABLE} WHERE {by_name(name)}", confirm=confirm))
    assert db.calls == []
    assert db.con.sql("SELECT 1").fetchall() == [(1,)]


def test_a_call_that_was_not_shown_is_not_made(db: WriteSession) -> None:
    name = db.experiment("Created")

    def confirm(preview: Any) -> bool:
        assert preview.stopped == 0
        db.other_client.start_inference_experiment(Name=name)
        return True

    with pytest.raises(WriteError, match=f"{STOP} was not among them; its last state is Running"):
        list(db.con.run(f"DELETE FROM {TABLE} WHERE {by_name(name)}", confirm=confirm))
    assert STOP not in db.operations
    assert db.record(name)["Status"] == "Running"


def test_a_row_that_came_after_the_question_is_left_alone(db: WriteSession) -> None:
    prefix = db.experiment()
    later = f"{prefix}-later"

    def confirm(preview: Any) -> bool:
        assert preview.rows == 1
        members = {key: value for key, value in db.record(prefix).items() if key not in ("Arn", "Tags")}
        db.em.add("InferenceExperiment", REGION, {**members, "Name": later})
        return True

    sql = f"DELETE FROM {TABLE} WHERE name LIKE '{prefix}%' AND region = '{REGION}'"
    list(db.con.run(sql, confirm=confirm))
    assert not db.exists(prefix)
    assert db.exists(later)


def test_the_time_to_answer_is_not_counted(db: WriteSession) -> None:
    name = db.experiment()
    waited = threading.Event()
    (previews,) = db.con.run(
        f"DELETE FROM {TABLE} WHERE {by_name(name)}", confirm=lambda _: not waited.wait(1.5)
    )
    assert previews.progress.seconds < 1.5
    assert previews.summary.startswith("1 row changed, ")

from __future__ import annotations

from pathlib import Path

from desk import (
    REGION,
    TABLE,
    Desk,
    of,
)

from sqlprov.aws.write.outcome import OutcomeStatus
from sqlprov.emulator import Options


def test_a_local_table_of_the_same_name_is_never_mistaken_for_a_live_one(desk: Desk) -> None:
    name = desk.experiment()
    desk.con.sql(
        "CREATE OR REPLACE TABLE inference_experiments AS SELECT 'mine' AS name, 'old' AS description"
    )
    desk.con.sql("INSERT INTO inference_experiments VALUES ('second', 'old')")
    assert desk.con.sql("UPDATE inference_experiments SET description = 'new'").rowcount == 2
    assert desk.con.sql("DELETE FROM memory.main.inference_experiments WHERE name = 'second'").rowcount == 1
    assert desk.con.sql("FROM memory.inference_experiments").fetchall() == [("mine", "new")]
    assert desk.em.calls == []
    assert desk.update(name, "description = 'live'").status is OutcomeStatus.OK
    assert desk.con.sql("FROM inference_experiments").fetchall() == [("mine", "new")]
    desk.con.sql("USE aws.sagemaker")
    try:
        outcome = desk.one(f"UPDATE inference_experiments SET description = 'again' WHERE {of(name)}")
        assert (outcome.status, desk.record(name)["Description"]) == (OutcomeStatus.OK, "again")
    finally:
        desk.con.sql("USE memory.main")
    desk.con.sql("DROP TABLE inference_experiments")


def test_a_temporary_table_of_the_same_name_is_duckdbs_even_after_use(desk: Desk) -> None:
    name = desk.experiment()
    desk.con.sql("CREATE TEMP TABLE inference_experiments AS SELECT 'mine' AS name")
    desk.con.sql("USE aws.sagemaker")
    try:
        assert desk.con.sql("DELETE FROM inference_experiments WHERE name = 'mine'").rowcount == 1
        assert desk.em.calls == []
        assert desk.delete(name).status is OutcomeStatus.OK
    finally:
        desk.con.sql("USE memory.main")
        desk.con.sql("DROP TABLE temp.inference_experiments")


def test_live_rows_can_be_inserted_into_local_tables_in_a_transaction(desk: Desk) -> None:
    name = desk.experiment("Completed")
    desk.con.sql("CREATE OR REPLACE TABLE history (name VARCHAR PRIMARY KEY, status VARCHAR)")
    query = f"SELECT name, status FROM {TABLE} WHERE {of(name)}"
    desk.con.sql("BEGIN")
    assert desk.con.sql(f"INSERT INTO history {query}").rowcount == 1
    desk.con.sql("ROLLBACK")
    assert desk.con.sql("FROM history").fetchall() == []
    desk.con.sql("BEGIN")
    desk.con.sql(f"INSERT INTO history {query}")
    desk.con.sql("COMMIT")
    assert desk.con.sql("FROM history").fetchall() == [(name, "Completed")]
    desk.con.sql(f"INSERT INTO history {query} ON CONFLICT DO UPDATE SET status = 'again'")
    assert desk.con.sql("FROM history").fetchall() == [(name, "again")]
    found = f"FROM {TABLE} t WHERE t.name = history.name AND t.region = '{REGION}'"
    desk.con.sql(f"UPDATE history SET status = t.status {found}")
    assert desk.con.sql("FROM history").fetchall() == [(name, "Completed")]
    sub_query = f"SELECT name FROM {TABLE} WHERE region = '{REGION}'"
    assert desk.con.sql(f"DELETE FROM history WHERE name IN ({sub_query})").rowcount == 1
    assert desk.calls == []
    desk.con.sql("DROP TABLE history")


def test_a_write_takes_its_rows_from_local_tables_and_parameters(desk: Desk) -> None:
    names = [desk.experiment() for _ in range(2)]
    desk.con.sql(
        f"CREATE OR REPLACE TABLE wanted AS FROM (VALUES ('{names[0]}', 'a'), ('{names[1]}', 'b')) v(n, d)"
    )
    sql = f"UPDATE {TABLE} AS t SET description = w.d || $end FROM wanted w WHERE t.name = w.n AND t.region = $region"
    desk.con.sql(sql, {"end": "!", "region": REGION})
    assert [desk.record(name)["Description"] for name in names] == ["a!", "b!"]
    desk.con.sql(f"DELETE FROM {TABLE} WHERE name IN (SELECT n FROM wanted) AND region = ?", [REGION])
    assert [desk.exists(name) for name in names] == [False, False]
    desk.con.sql("DROP TABLE wanted")


def test_a_select_that_reads_a_file_is_not_a_write(desk: Desk, tmp_path: Path) -> None:
    name = desk.experiment()
    path = tmp_path / "rows.csv"
    desk.con.sql(f"COPY (SELECT name, description FROM {TABLE} WHERE {of(name)}) TO '{path}'")
    assert path.read_text() == f"name,description\n{name},old\n"
    assert desk.calls == []
    assert desk.em.options == Options()

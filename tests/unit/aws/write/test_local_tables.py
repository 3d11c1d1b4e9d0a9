from __future__ import annotations

from pathlib import Path

from write_session import OK, REGION, TABLE, WriteSession, by_name

from sqlprov.emulator import Options


def test_a_local_table_of_the_same_name_is_never_mistaken_for_a_live_one(db: WriteSession) -> None:
    name = db.experiment()
    db.con.sql("CREATE OR REPLACE TABLE inference_experiments AS SELECT 'mine' AS name, 'old' AS description")
    db.con.sql("INSERT INTO inference_experiments VALUES ('second', 'old')")
    assert db.con.sql("UPDATE inference_experiments SET description = 'new'").rowcount == 2
    assert db.con.sql("DELETE FROM memory.main.inference_experiments WHERE name = 'second'").rowcount == 1
    assert db.con.sql("FROM memory.inference_experiments").fetchall() == [("mine", "new")]
    assert db.em.calls == []
    assert db.update(name, "description = 'live'").status is OK
    assert db.con.sql("FROM inference_experiments").fetchall() == [("mine", "new")]
    db.con.sql("USE aws.sagemaker")
    try:
        outcome = db.write_one(
            f"UPDATE inference_experiments SET description = 'again' WHERE {by_name(name)}"
        )
        assert (outcome.status, db.record(name)["Description"]) == (OK, "again")
    finally:
        db.con.sql("USE memory.main")
    db.con.sql("DROP TABLE inference_experiments")


def test_a_temporary_table_of_the_same_name_is_duckdbs_even_after_use(db: WriteSession) -> None:
    name = db.experiment()
    db.con.sql("CREATE TEMP TABLE inference_experiments AS SELECT 'mine' AS name")
    db.con.sql("USE aws.sagemaker")
    try:
        assert db.con.sql("DELETE FROM inference_experiments WHERE name = 'mine'").rowcount == 1
        assert db.em.calls == []
        assert db.delete(name).status is OK
    finally:
        db.con.sql("USE memory.main")
        db.con.sql("DROP TABLE temp.inference_experiments")


def test_live_rows_can_be_inserted_into_local_tables_in_a_transaction(db: WriteSession) -> None:
    name = db.experiment("Completed")
    db.con.sql("CREATE OR REPLACE TABLE history (name VARCHAR PRIMARY KEY, status VARCHAR)")
    query = f"SELECT name, status FROM {TABLE} WHERE {by_name(name)}"
    db.con.sql("BEGIN")
    assert db.con.sql(f"INSERT INTO history {query}").rowcount == 1
    db.con.sql("ROLLBACK")
    assert db.con.sql("FROM history").fetchall() == []
    db.con.sql("BEGIN")
    db.con.sql(f"INSERT INTO history {query}")
    db.con.sql("COMMIT")
    assert db.con.sql("FROM history").fetchall() == [(name, "Completed")]
    db.con.sql(f"INSERT INTO history {query} ON CONFLICT DO UPDATE SET status = 'again'")
    assert db.con.sql("FROM history").fetchall() == [(name, "again")]
    record = f"FROM {TABLE} t WHERE t.name = history.name AND t.region = '{REGION}'"
    db.con.sql(f"UPDATE history SET status = t.status {record}")
    assert db.con.sql("FROM history").fetchall() == [(name, "Completed")]
    sub_query = f"SELECT name FROM {TABLE} WHERE region = '{REGION}'"
    assert db.con.sql(f"DELETE FROM history WHERE name IN ({sub_query})").rowcount == 1
    assert db.calls == []
    db.con.sql("DROP TABLE history")


def test_a_write_takes_its_rows_from_local_tables_and_parameters(db: WriteSession) -> None:
    names = [db.experiment() for _ in range(2)]
    db.con.sql(
        f"CREATE OR REPLACE TABLE wanted AS FROM (VALUES ('{names[0]}', 'a'), ('{names[1]}', 'b')) v(n, d)"
    )
    sql = f"UPDATE {TABLE} AS t SET description = w.d || $end FROM wanted w WHERE t.name = w.n AND t.region = $region"
    db.con.sql(sql, {"end": "!", "region": REGION})
    assert [db.record(name)["Description"] for name in names] == ["a!", "b!"]
    db.con.sql(f"DELETE FROM {TABLE} WHERE name IN (SELECT n FROM wanted) AND region = ?", [REGION])
    assert [db.exists(name) for name in names] == [False, False]
    db.con.sql("DROP TABLE wanted")


def test_a_select_that_reads_a_file_is_not_a_write(db: WriteSession, tmp_path: Path) -> None:
    name = db.experiment()
    path = tmp_path / "rows.csv"
    db.con.sql(f"COPY (SELECT name, description FROM {TABLE} WHERE {by_name(name)}) TO '{path}'")
    assert path.read_text() == f"name,description\n{name},old\n"
    assert db.calls == []
    assert db.em.options == Options()

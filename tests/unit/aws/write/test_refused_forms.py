from __future__ import annotations

import pytest
from write_session import OK, REGION, TABLE, WriteSession, by_name, insert

from sqlprov.errors import NotSupportedError, ProgrammingError

REFUSED = [
    (f"CREATE OR REPLACE VIEW {TABLE} AS SELECT 1", "CREATE"),
    ("CREATE TABLE aws.sagemaker.mine (a INT)", "CREATE"),
    ("CREATE SCHEMA aws.mine", "CREATE"),
    ("CREATE SCHEMA aws", "CREATE aws would .* Choose another name, such as my_aws"),
    ("ATTACH OR REPLACE ':memory:' AS aws", "ATTACH aws would .* Choose another name, such as my_aws"),
    ("attach or replace database '/tmp/none.db' as \"AWS\" (TYPE duckdb)", "ATTACH AWS"),
    ("ATTACH OR REPLACE '/tmp/aws.duckdb'", "ATTACH aws"),
    ("COPY FROM DATABASE memory TO aws", "COPY aws"),
    ("DETACH aws", "DETACH aws would change the catalog 'aws', which holds live tables only.\n"),
    ("ALTER DATABASE aws RENAME TO theirs", "ALTER aws"),
    (f"DROP VIEW {TABLE}", "DROP"),
    ("DROP SCHEMA aws.sagemaker CASCADE", "DROP"),
    (f"ALTER VIEW {TABLE} RENAME TO mine", "ALTER"),
    (f"COMMENT ON VIEW {TABLE} IS 'mine'", "COMMENT"),
    (f"COPY {TABLE} FROM '/tmp/none.csv'", "COPY"),
    (f"MERGE INTO {TABLE} USING (SELECT 1 AS a) s ON name = 'x' WHEN MATCHED THEN DELETE", "MERGE"),
    (f"TRUNCATE {TABLE}", "TRUNCATE"),
    (f"INSERT INTO {TABLE} (name) VALUES ('x') ON CONFLICT DO UPDATE SET description = 'y'", "ON CONFLICT"),
    (f"INSERT OR REPLACE INTO {TABLE} (name) VALUES ('x')", "INSERT OR REPLACE"),
    (f"INSERT INTO {TABLE} DEFAULT VALUES", "DEFAULT VALUES"),
    (f"INSERT INTO {TABLE} (name, type) VALUES ('x', DEFAULT)", "DEFAULT"),
    (f"PREPARE p AS DELETE FROM {TABLE} WHERE name = 'x'", "PREPARE of DELETE"),
    (f"PREPARE p AS INSERT INTO {TABLE} (name) VALUES ($1)", "PREPARE of INSERT"),
    (f"PREPARE p AS UPDATE {TABLE} SET description = 'x' WHERE name = 'x'", "PREPARE of UPDATE"),
    (f"EXPLAIN ANALYZE DELETE FROM {TABLE} WHERE name = 'x'", "EXPLAIN ANALYZE"),
    (f"EXPLAIN ANALYZE INSERT INTO {TABLE} (name) VALUES ('x')", "EXPLAIN ANALYZE"),
    (f"EXPLAIN ANALYZE UPDATE {TABLE} SET description = 'x' WHERE name = 'x'", "EXPLAIN ANALYZE"),
    (f"EXPLAIN ANALYZE EXEC {TABLE}.start @Name = 'x'", "EXPLAIN ANALYZE EXEC"),
    (f"WITH d AS (DELETE FROM {TABLE} WHERE name = 'x' RETURNING name) SELECT * FROM d", "DELETE within"),
    (
        f"WITH d AS (UPDATE {TABLE} SET description = 'x' WHERE name = 'x' RETURNING 1) SELECT * FROM d",
        "UPDATE within",
    ),
    (f"WITH d AS (INSERT INTO {TABLE} (name) VALUES ('x') RETURNING 1) SELECT * FROM d", "INSERT within"),
    (f"UPDATE {TABLE} SET description = 'x'", "UPDATE without WHERE"),
    (f"DELETE FROM {TABLE}", "DELETE without WHERE"),
    (f"UPDATE {TABLE} SET name = 'y' WHERE name = 'x'", "name"),
    (f"UPDATE {TABLE} SET role_arn = 'y' WHERE name = 'x'", "role_arn"),
    (f"UPDATE {TABLE} SET kms_key = 'y' WHERE name = 'x'", "kms_key"),
    (f"UPDATE {TABLE} SET arn = 'y' WHERE name = 'x'", "arn"),
    (f"UPDATE {TABLE} SET status = 'y' WHERE name = 'x'", "status"),
    (f"INSERT INTO {TABLE} (name, arn) VALUES ('x', 'y')", "arn"),
    (f"EXEC {TABLE}.delete_resource @Name = 'x'", "DELETE"),
    # Tables that can only be read, with a Describe and without.
    (
        "DELETE FROM aws.rds.certificates WHERE certificate_arn = 'x'",
        "rds.certificates can only be read",
    ),
    ("DELETE FROM aws.ec2.prefix_lists WHERE prefix_list_id = 'x'", "ec2.prefix_lists can only be read"),
    (
        "EXPLAIN DELETE FROM aws.ec2.prefix_lists WHERE prefix_list_id = 'x'",
        "ec2.prefix_lists can only be read",
    ),
    (
        "UPDATE aws.ecs.tasks SET tags = MAP {'a': 'b'} WHERE task_arn = 'x'",
        "ecs.tasks can only be read",
    ),
    ("INSERT INTO aws.ecs.tasks (task_arn) VALUES ('x')", "ecs.tasks can only be read"),
    ("UPDATE aws.sagemaker.models SET primary_container = '{}' WHERE model_name = 'x'", "primary_container"),
]


@pytest.mark.parametrize(("sql", "named"), REFUSED)
def test_a_form_that_live_tables_do_not_take_is_refused_by_name_without_a_call(
    db: WriteSession, sql: str, named: str
) -> None:
    with pytest.raises(NotSupportedError, match=named):
        db.con.sql(sql)
    assert db.em.calls == []


def test_another_database_may_be_replaced_and_detached_also_after_use(db: WriteSession) -> None:
    try:
        for before in ("USE memory.main", "USE aws.sagemaker"):
            db.con.sql(before)
            db.con.sql("ATTACH OR REPLACE ':memory:' AS mine")
            db.con.sql("ATTACH IF NOT EXISTS ':memory:' AS aws")  # it does nothing
            db.con.sql("DETACH mine")
        assert db.con.sql("SELECT count(*) FROM models WHERE region = 'us-east-1'").fetchall() == [(0,)]
    finally:
        db.con.sql("USE memory.main")


@pytest.mark.parametrize("sql", [sql for sql, _ in REFUSED if TABLE in sql and "EXEC" not in sql])
def test_the_form_is_refused_under_the_short_name_after_use(db: WriteSession, sql: str) -> None:
    db.con.sql("USE aws.sagemaker")
    try:
        with pytest.raises((NotSupportedError, ProgrammingError)):
            db.con.sql(
                sql.replace(f"{TABLE} ", "inference_experiments ").replace(TABLE, "inference_experiments")
            )
        assert db.em.calls == []
    finally:
        db.con.sql("USE memory.main")


@pytest.mark.parametrize("begin", ["BEGIN", "BEGIN TRANSACTION", "START TRANSACTION"])
@pytest.mark.parametrize(
    "sql",
    [
        insert("in-a-transaction"),
        f"UPDATE {TABLE} SET description = 'x' WHERE {{of}}",
        f"DELETE FROM {TABLE} WHERE {{of}}",
        f"EXEC {TABLE}.start @Name = '{{name}}', @region = '{REGION}'",
    ],
)
def test_a_write_inside_a_transaction_is_refused_with_the_reason(
    db: WriteSession, begin: str, sql: str
) -> None:
    name = db.experiment()
    sql = sql.replace("{of}", by_name(name)).replace("{name}", name)
    db.con.sql(begin)
    with pytest.raises(NotSupportedError, match="cannot be rolled back"):
        db.con.sql(sql)
    db.con.sql("ROLLBACK")
    assert db.em.calls == []
    assert db.write_one(sql).status is OK
    if sql.startswith("INSERT"):
        db.em.remove("InferenceExperiment", REGION, "in-a-transaction")


def test_explain_inside_a_transaction_writes_nothing_and_is_allowed(db: WriteSession) -> None:
    name = db.experiment()
    db.con.sql("BEGIN")
    assert len(db.con.sql(f"EXPLAIN DELETE FROM {TABLE} WHERE {by_name(name)}").fetchall()) == 1
    db.con.sql("COMMIT")
    assert db.calls == []


def test_a_placeholder_that_was_not_filled_in_is_refused(db: WriteSession) -> None:
    with pytest.raises(NotSupportedError, match="placeholder"):
        db.con.sql(f"DELETE FROM {TABLE} WHERE name = '{{{{ name }}}}'")
    assert db.em.calls == []

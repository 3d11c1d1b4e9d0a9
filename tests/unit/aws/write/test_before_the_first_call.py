from __future__ import annotations

import re
import time
from typing import Any

import pytest
from experiment_members import sampling, variant
from write_session import (
    DELETE,
    DESCRIBE,
    END,
    FAILED,
    LIST,
    MEMBERS,
    OK,
    REGION,
    ROLE,
    TABLE,
    UPDATE,
    WriteSession,
    by_name,
    insert,
    literal,
)

from sqlprov.emulator import Emulator, Fault
from sqlprov.errors import (
    DatabaseError,
    DataError,
    NotSupportedError,
    OperationalError,
    RegionError,
    UnknownName,
)

ELSEWHERE, CROWDED = "eu-west-1", "ap-south-1"
CROWD = [f"crowd-{number:03}" for number in range(101)]
CHANGES = (f"DELETE FROM {TABLE}", f"UPDATE {TABLE} SET description = 'x'")


@pytest.fixture(autouse=True)
def quick(db: WriteSession) -> None:
    db.set(max_attempts=1)


@pytest.fixture(scope="module")
def crowd(emulator: Emulator) -> None:
    """101 experiments in one region, which are two pages of the list."""
    for name in CROWD:
        emulator.add("InferenceExperiment", CROWDED, {"Name": name, "Status": "Completed"})


# A read that is not complete

DELETE_UNUSED = (
    f"DELETE FROM {TABLE} WHERE region = '{REGION}' AND name NOT IN "
    f"(SELECT model_name FROM aws.sagemaker.models WHERE region = '{ELSEWHERE}')"
)
COPY = (
    f"INSERT INTO {TABLE} SELECT * REPLACE (name || '-copy' AS name) FROM {TABLE} WHERE region = '{REGION}'"
)
SECOND_PAGE = Fault("error500", operation=LIST, at=2, times=None)
FAULTS = (
    *(
        "error500",
        "timeout_before",
        "reset",
        "truncated",
        "truncated_clean",
        "html",
        "empty",
        "access_denied",
    ),
    *("missing_member", "repeated_token"),
)
INCOMPLETE = [
    *((Fault(kind, operation="ListModels", times=None), DELETE_UNUSED) for kind in FAULTS),
    (SECOND_PAGE, f"UPDATE {TABLE} SET description = 'x' WHERE region = '{CROWDED}' AND name <> 'x'"),
    (SECOND_PAGE, f"DELETE FROM {TABLE} WHERE region = '{CROWDED}' AND name <> 'x'"),
    (Fault("access_denied", region=ELSEWHERE, times=None),
     f"DELETE FROM {TABLE} WHERE region IN ('{REGION}', '{ELSEWHERE}') AND name = 'kept'"),
    (Fault("error500", operation=LIST, times=None), COPY),
]  # fmt: skip


@pytest.mark.parametrize("on_error", ["fail", "warn", "stop"])
@pytest.mark.parametrize(("fault", "sql"), INCOMPLETE)
def test_a_statement_whose_rows_cannot_be_read_completely_writes_nothing(
    db: WriteSession, crowd: None, fault: Fault, sql: str, on_error: str
) -> None:
    db.em.add("InferenceExperiment", REGION, {"Name": "kept", "Status": "Completed"})
    db.em.add("Model", ELSEWHERE, {"ModelName": "kept"})
    db.set(on_error=on_error, timeout=0.2 if "timeout" in fault.kind else 60, max_writes=1000)
    db.em.inject(fault)
    with pytest.raises(OperationalError):
        db.con.sql(sql)
    assert db.exists("kept") and db.calls == []


def test_a_select_after_a_write_follows_the_on_error_setting_again(db: WriteSession) -> None:
    db.set(on_error="warn")
    db.delete(db.experiment())
    db.em.inject(Fault("error500", operation=LIST, times=None))
    result = db.con.sql(f"SELECT name FROM {TABLE} WHERE region = '{REGION}'")
    assert (result.fetchall(), result.complete) == ([], False)


# Changed between the read and the check


NEW = {"Description": "theirs"}
CHANGED: list[tuple[str, str, dict[str, Any], bool]] = [
    # (SET or DELETE, further condition, members that somebody changed, whether the row is refused)
    ("description = 'new'", "", NEW, True),
    ("description = 'new'", "", {"CreationTime": time.time() + 60}, True),
    ("description = 'new'", "", {"ShadowModeConfig": sampling(3)}, False),
    ("description = 'new'", "", {"Tags": {"theirs": "yes"}}, False),
    ("description = 'new'", "", {"Status": "Running"}, False),
    ("description = 'new'", "AND status = 'Created'", {"Status": "Running"}, True),
    ("description = 'new'", "AND schedule.StartTime IS NOT NULL", {"Schedule": {"EndTime": END + 5}}, True),
    ("Description = 'new'", "", NEW, True),
    ("data__Description = 'new'", "", NEW, True),
    (f"shadow_mode_config = {literal(sampling(20))}", "", {"ShadowModeConfig": sampling(3)}, True),
    (f"ShadowModeConfig = {literal(sampling(20))}", "", {"ShadowModeConfig": sampling(3)}, True),
    (f"ModelVariants = {literal([variant('production'), variant('shadow', 'x')])}", "",
     {"ModelVariants": [variant("production"), variant("shadow", "y")]}, True),
    ("description = role_arn", "", {"RoleArn": MEMBERS["RoleArn"] + "2"}, True),
    ("description = 'new'", "AND tags IS NOT NULL", {"Tags": {"team": "web"}}, True),
    ("tags = MAP {'a': 'b'}", "", {"Tags": {"team": "web"}}, True),
    ("tags = MAP {'a': 'b'}", "", NEW, False),
    ("desired_state = 'Running'", "", NEW, False),
    ("DELETE", "", {"CreationTime": time.time() + 60}, True),
    ("DELETE", "", NEW, False),
    ("DELETE", "AND description = 'old'", NEW, True),
    ("DELETE", "AND tags IS NOT NULL", {"Tags": {"team": "web"}}, True),
    ("DELETE", "AND len(model_variants) = 2", {"ModelVariants": [variant("production"), variant("z")]}, True),
    ("DELETE", "AND status = 'Completed'", {"StatusReason": "theirs"}, False),
]  # fmt: skip


@pytest.mark.parametrize(("change", "condition", "members", "refused"), CHANGED)
def test_a_row_whose_named_columns_changed_after_they_were_read_is_refused(
    db: WriteSession, change: str, condition: str, members: dict[str, Any], refused: bool
) -> None:
    name = db.experiment("Completed" if change == "DELETE" else "Created")
    statement = f"DELETE FROM {TABLE}" if change == "DELETE" else f"UPDATE {TABLE} SET {change}"
    reads = "ListTags" if "tags" in change + condition else DESCRIBE
    with db.interfere(reads, lambda: db.change(name, **members)):
        outcome = db.write_one(f"{statement} WHERE {by_name(name)} {condition}")
    assert outcome.status is (FAILED if refused else OK), outcome.reason
    assert (db.calls == []) == refused
    assert not refused or "has changed since it was read" in outcome.reason


def test_a_variant_whose_status_changes_is_not_a_change(db: WriteSession) -> None:
    name = db.experiment("Updating", lasting=0.1)
    db.em.options.latency = 0.15
    outcome = db.write_one(
        f"UPDATE {TABLE} SET description = 'new' WHERE {by_name(name)} AND len(model_variants) = 2 "
        "AND schedule IS NOT NULL AND shadow_mode_config IS NOT NULL AND data_storage_config IS NOT NULL"
    )
    assert outcome.status is OK, outcome.reason


def test_a_row_that_vanished_after_it_was_read_is_not_updated(db: WriteSession) -> None:
    name = db.experiment()
    with db.interfere(DESCRIBE, lambda: db.em.remove("InferenceExperiment", REGION, name)):
        outcome = db.update(name, "description = 'new'")
    assert (outcome.status, db.calls) == (FAILED, [])
    assert "no longer exists" in outcome.reason


# Caps


def list_names(count: int) -> str:
    return f"name IN ({', '.join(map(literal, CROWD[:count]))})"


NUMBERED = {f"n{at}": name for at, name in enumerate(CROWD[:25])}
BOUND: list[tuple[str, Any]] = [
    # conditions with keys as parameters
    (f"name IN ({', '.join('?' * 25)})", CROWD[:25]),
    (f"name IN ({', '.join(f'${name}' for name in NUMBERED)})", NUMBERED),
    ("name = ANY($names)", {"names": CROWD[:25]}),
    ("list_contains($names, name)", {"names": tuple(CROWD[:25])}),
]
CAPS = [
    # (condition, parameters, rows, cap)
    ("name LIKE 'crowd-00%'", None, 10, 10),
    ("name LIKE 'crowd-00%' OR name = 'crowd-010'", None, 11, 10),
    ("status = 'Completed'", None, 101, 10),
    (list_names(100), None, 100, 100),
    (list_names(101), None, 101, 100),
    ("name IN (" + ", ".join(f"'crowd-' || '{at:03}'" for at in range(11)) + ")", None, 11, 100),
    *((condition, bound, 25, 100) for condition, bound in BOUND),
    *((f"true OR {condition}", bound, 101, 10) for condition, bound in BOUND),
    ("status = $status", {"status": "Completed"}, 101, 10),
    ("status = $status AND name <> ALL($names)", {"status": "Completed", "names": ["x", "y"]}, 101, 10),
]


@pytest.mark.parametrize(("condition", "parameters", "rows", "cap"), CAPS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_condition_may_match_ten_rows_and_one_on_the_key_a_hundred(
    db: WriteSession, crowd: None, change: str, condition: str, parameters: Any, rows: int, cap: int
) -> None:
    sql = f"{change} WHERE ({condition}) AND region = '{CROWDED}'"
    if rows <= cap:
        assert len({row[1] for row in db.con.sql(f"EXPLAIN {sql}", parameters).fetchall()}) == rows
        return
    with pytest.raises(DataError, match=f"{rows} rows, more than {cap}; nothing was written"):
        db.con.sql(sql, parameters)
    assert db.calls == []


def test_an_insert_may_have_a_hundred_rows(db: WriteSession) -> None:
    with pytest.raises(DataError, match="101 rows, more than 100; nothing was written"):
        db.con.sql(insert(*(f"many-{number}" for number in range(101))))
    assert db.em.calls == []
    assert len(db.con.sql(f"EXPLAIN {insert(*(f'many-{n}' for n in range(100)))}").fetchall()) == 100


def test_the_cap_can_be_moved_both_ways(db: WriteSession, crowd: None) -> None:
    db.set(max_writes=101)
    sql = f"UPDATE {TABLE} SET tags = MAP {{'a': 'b'}} WHERE status = 'Completed' AND region = '{CROWDED}'"
    assert len(db.con.sql(f"EXPLAIN {sql}").fetchall()) == 101
    db.set(max_writes=2)
    with pytest.raises(DataError, match="3 rows, more than 2"):
        db.con.sql(f"DELETE FROM {TABLE} WHERE {list_names(3)} AND region = '{CROWDED}'")
    with pytest.raises(DataError, match="3 rows, more than 2"):
        db.con.sql(insert("a", "b", "c"))
    assert db.calls == []


# Regions


@pytest.fixture
def twice(db: WriteSession) -> None:
    """Experiments of one name in two regions."""
    for region in (REGION, ELSEWHERE):
        db.em.add("InferenceExperiment", region, {"Name": "twice"})


def test_rows_in_two_regions_need_a_condition_on_region(db: WriteSession, twice: None) -> None:
    db.set(regions=f"{REGION},{ELSEWHERE}")
    for change in CHANGES:
        with pytest.raises(NotSupportedError, match=r"The rows are in .+ and .+; name the regions in WHERE"):
            db.con.sql(f"{change} WHERE name = 'twice'")
    assert db.calls == []
    outcomes = db.write(f"DELETE FROM {TABLE} WHERE name = 'twice' AND region IN ('{REGION}', '{ELSEWHERE}')")
    assert [outcome.status for outcome in outcomes] == [OK, OK]
    assert {outcome.region for outcome in outcomes} == {REGION, ELSEWHERE}


@pytest.mark.parametrize(
    "condition",
    [
        "name = 'twice' AND name <> 'region'",
        "name IN (SELECT 'twice' WHERE 'region' = 'region')",
        "name IN (SELECT o.name FROM other AS o WHERE o.region = 'us-east-1')",
        "name IN (SELECT name FROM other WHERE region = 'us-east-1')",
    ],
)
def test_a_region_of_something_else_is_not_a_condition_on_the_rows(
    db: WriteSession, twice: None, condition: str
) -> None:
    db.con.sql("CREATE OR REPLACE TABLE other AS SELECT 'twice' AS name, 'us-east-1' AS region")
    with pytest.raises(NotSupportedError, match=r"The rows are in .+ and .+; name the regions in WHERE"):
        db.con.sql(f"DELETE FROM {TABLE} WHERE {condition}")
    db.em.remove("InferenceExperiment", REGION, "twice")
    with pytest.raises(NotSupportedError, match=f"The rows are in {ELSEWHERE}; name the regions in WHERE"):
        db.con.sql(f"DELETE FROM {TABLE} WHERE {condition}")


@pytest.mark.parametrize(
    "condition",
    [
        "(region, name) IN (SELECT region, name FROM doomed)",
        "EXISTS (SELECT 1 FROM doomed AS d WHERE d.region = e.region AND d.name = e.name)",
        "name = 'twice' AND (e.region LIKE 'us-%' OR region = 'eu-west-1')",
    ],
)
def test_a_condition_on_region_may_be_a_sub_query_or_a_pattern(
    db: WriteSession, twice: None, condition: str
) -> None:
    values = f"('{REGION}', 'twice'), ('{ELSEWHERE}', 'twice')"
    db.con.sql(f"CREATE OR REPLACE TABLE doomed AS FROM (VALUES {values}) AS d(region, name)")
    outcomes = db.write(f"DELETE FROM {TABLE} AS e WHERE {condition}")
    assert {outcome.region for outcome in outcomes if outcome.status is OK} == {REGION, ELSEWHERE}


EVERY_REGION = (
    *("region IS NOT NULL", "region <> ''", "region LIKE '%'", "lower(region) <> 'x'", "length(region) > 0"),
    *("e.region <> 'us-est-1'", "region IN (SELECT region FROM aws.regions)", "NOT (region IS NULL)"),
    *("(region = 'us-east-1' OR name = 'twice')", "region IN (SELECT e.region)", "region > ?"),
    "(region IS NOT NULL AND creation_time > TIMESTAMP '2000-01-01')",
)
"""Conditions that every region meets."""


@pytest.mark.parametrize("condition", EVERY_REGION)
def test_a_condition_that_every_region_meets_limits_nothing(
    db: WriteSession, twice: None, condition: str
) -> None:
    parameters = ["a"] if "?" in condition else None
    for change in (f"DELETE FROM {TABLE} AS e", f"UPDATE {TABLE} AS e SET description = 'x'"):
        with pytest.raises(NotSupportedError, match=r"The rows are in .+ and .+; name the regions in WHERE"):
            db.con.sql(f"{change} WHERE name = 'twice' AND {condition}", parameters)
    assert db.calls == []


@pytest.mark.parametrize(
    "condition",
    [
        "region <> 'ap-south-1' AND name = 'twice'",
        "(region LIKE 'eu-%' OR region = 'us-east-1') AND name = 'twice' AND tags IS NOT NULL",
        "((region BETWEEN 'eu' AND 'f' OR region = 'us-east-1') AND name = 'twice')",
        "name = 'twice' AND region >= 'eu' AND upper(region) < 'US-EAST-2'",
        "(region, data__Identifier) IN (SELECT region, name FROM doomed)",
        "(region = 'us-east-1' AND name = 'twice') OR (region = 'eu-west-1' AND name = 'twice')",
        "creation_time > '2000-01-01' AND name = ? AND regexp_matches(region, ?) AND 'x' <> ?",
    ],
)
def test_a_condition_that_one_region_does_not_meet_limits_the_rows(
    db: WriteSession, twice: None, condition: str
) -> None:
    values = f"('{REGION}', 'twice'), ('{ELSEWHERE}', 'twice')"
    db.con.sql(f"CREATE OR REPLACE TABLE doomed AS FROM (VALUES {values}) AS d(region, name)")
    parameters = ["new", "twice", "^(us-east-1|eu-west-1)$", "y"] if "?" in condition else None
    new = "?" if parameters else "'new'"
    outcomes = db.write(f"UPDATE {TABLE} SET description = {new} WHERE {condition}", parameters)
    assert {outcome.region for outcome in outcomes if outcome.status is OK} == {REGION, ELSEWHERE}


def test_a_join_with_the_regions_to_write_limits_the_rows(db: WriteSession, twice: None) -> None:
    values = f"('{REGION}', 'twice'), ('{ELSEWHERE}', 'twice')"
    db.con.sql(f"CREATE OR REPLACE TABLE doomed AS FROM (VALUES {values}) AS d(region, name)")
    outcomes = db.write(
        f"DELETE FROM {TABLE} AS e USING doomed AS d WHERE (e.region, e.name) = (d.region, d.name)"
    )
    assert {outcome.region for outcome in outcomes if outcome.status is OK} == {REGION, ELSEWHERE}


def test_rows_in_one_region_need_none(db: WriteSession) -> None:
    db.em.add("InferenceExperiment", ELSEWHERE, {"Name": "single"})
    db.set(regions=f"{REGION},{ELSEWHERE}")
    assert db.write_one(f"DELETE FROM {TABLE} WHERE name = 'single'").region == ELSEWHERE


def test_insert_and_exec_need_one_region_for_each_row(db: WriteSession) -> None:
    without = insert("nowhere").replace(", region)", ")").replace(f", '{REGION}')", ")")
    assert "region" not in without.lower().replace("regional", "")
    db.set(regions=f"{REGION},{ELSEWHERE}")
    with pytest.raises(DataError, match="needs region"):
        db.con.sql(without)
    with pytest.raises(DataError, match="lacks @region"):
        db.con.sql(f"EXEC {TABLE}.start @Name = 'nowhere'")
    with pytest.raises(DataError, match="row 1 has NULL for the required region"):
        db.con.sql(insert("nowhere").replace(f"'{REGION}')", "NULL)"))
    assert db.em.calls == []
    db.set(regions=ELSEWHERE)
    assert db.write_one(without).region == ELSEWHERE
    assert db.exists("nowhere", ELSEWHERE)


@pytest.mark.parametrize("region", ["us-esat-1", "", " us-east-1"])
def test_an_unknown_region_is_reported_before_any_call(db: WriteSession, region: str) -> None:
    for sql in (insert("x", region=region), f"EXEC {TABLE}.start @Name = 'x', @region = '{region}'"):
        with pytest.raises(RegionError, match=f"Unknown region '{region}' in row 1"):
            db.con.sql(sql)
    assert db.em.calls == []


def test_each_unknown_region_is_reported(db: WriteSession) -> None:
    with pytest.raises(RegionError, match=r"'us-esat-1' in row 1.* 'us-esat-1' in row 2.*SELECT region FROM"):
        db.con.sql(insert("x", "y", region="us-esat-1"))


# Values


def test_a_row_that_is_matched_twice_with_different_values_refuses_the_statement(db: WriteSession) -> None:
    name = db.experiment()
    sql = f"UPDATE {TABLE} AS t SET description = v.d FROM (VALUES ('a'), ('{{other}}')) v(d) WHERE {by_name(name)}"
    with pytest.raises(DataError, match="matched twice, with different values"):
        db.con.sql(sql.replace("{other}", "b"))
    assert db.calls == []
    assert db.write_one(sql.replace("{other}", "a")).status is OK
    assert db.operations == [UPDATE]


def test_a_row_that_using_matches_twice_is_deleted_once(db: WriteSession) -> None:
    name = db.experiment("Completed")
    sql = f"DELETE FROM {TABLE} AS t USING (VALUES ('a'), ('b')) v(d) WHERE {by_name(name)} AND v.d <> 'c'"
    assert db.write_one(sql).status is OK
    assert db.operations == [DELETE]


def test_two_patch_documents_for_one_row_refuse_the_statement(db: WriteSession) -> None:
    name = db.experiment()
    documents = [[{"op": "replace", "path": "/Description", "value": value}] for value in "ab"]
    values = ", ".join(f"({literal(document)})" for document in documents)
    with pytest.raises(DataError, match="matched twice"):
        db.con.sql(
            f"UPDATE {TABLE} SET data__PatchDocument = v.d FROM (VALUES {values}) v(d) WHERE {by_name(name)}"
        )
    assert db.calls == []


def test_two_rows_of_one_name_refuse_the_insert(db: WriteSession) -> None:
    with pytest.raises(DataError, match="row 3: 'same' in us-east-1 is also the key of row 1"):
        db.con.sql(insert("same", "other", "same"))
    assert db.em.calls == []
    elsewhere = insert("same", region=ELSEWHERE).partition("VALUES ")[2]
    assert {one.status for one in db.write(f"{insert('same')}, {elsewhere}")} == {OK}


PROBLEMS = [
    (insert("O'Brien", "fine", "x" * 200, Description="d" * 2000),
     ("Nothing was written: 5 values do not fit", "row 1, ", "row 3, ", "(3 rows)")),
    (insert("O'Brien").replace(f"'{ROLE}'", "NULL"),
     ("2 values do not fit", "row 1 has NULL for the required role_arn")),
    (f"UPDATE {TABLE} SET role_arn = 'x', arn = 'y', nmae = 'z' WHERE name = 'a'",
     ("olumn role_arn", "olumn arn", "olumn nmae")),
    (f"EXEC {TABLE}.stop @Nmae = 'x', @DesiredState = 'y', @Reason = '{'r' * 2000}'",
     ("no parameter @Nmae. Did you mean 'Name'?", "lacks @Name, @ModelVariantActions", "1 value does not fit",
      "row 1, Reason")),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "parts"), PROBLEMS)
def test_all_problems_of_a_statement_are_reported_at_once(
    db: WriteSession, sql: str, parts: tuple[str, ...]
) -> None:
    with pytest.raises(DatabaseError) as caught:
        db.con.sql(sql)
    assert [part for part in parts if part not in str(caught.value)] == []
    assert db.em.calls == []


def test_an_unknown_column_is_answered_with_the_name_that_select_uses(db: WriteSession) -> None:
    with pytest.raises(DatabaseError) as caught:
        db.con.sql("INSERT INTO aws.sagemaker.models (name) VALUES ('x')")
    assert str(caught.value).splitlines() == [
        "aws.sagemaker.models has no column name. Did you mean 'model_name'?",
        "INSERT INTO aws.sagemaker.models needs model_name.",
    ]


def test_a_value_that_fits_no_row_is_reported_once(db: WriteSession) -> None:
    names = [db.experiment("Running") for _ in range(3)]
    where = f"region = '{REGION}' AND name IN ({', '.join(map(literal, names))})"
    with pytest.raises(DataError) as caught:
        db.con.sql(f"UPDATE {TABLE} SET desired_state = 'Runing' WHERE {where}")
    (line,) = str(caught.value).splitlines()[1:]
    assert line.startswith("  desired_state: 'Runing'; expected")
    assert line.endswith("Did you mean 'Running'? (3 rows)")


def test_problems_of_columns_and_of_values_are_reported_together(db: WriteSession) -> None:
    columns = "Nmae, Arn, Description, Type, type, EndpointName"
    with pytest.raises(DatabaseError) as caught:
        db.con.sql(f"INSERT INTO {TABLE} ({columns}) VALUES ('a', 'b', '{'d' * 2000}', 'x', 'y', NULL)")
    detail = str(caught.value).splitlines()
    assert [line.partition(" '")[0] for line in detail] == [
        f"{TABLE} has no column Nmae. Did you mean",
        f"Column Arn of {TABLE} is read-only; INSERT cannot set it.",
        f"INSERT INTO {TABLE} sets Type twice.",
        f"INSERT INTO {TABLE} needs name, role_arn, model_variants, shadow_mode_config.",
        "Nothing was written: 2 values do not fit.",
        "  row 1, Description:",
        "  row 1 has NULL for the required endpoint_name",
    ]
    assert db.em.calls == []


@pytest.mark.parametrize("rows", ["VALUES ('x')", "SELECT 'x'"])
def test_values_without_a_list_of_columns_are_answered_with_the_list_to_write(
    db: WriteSession, rows: str
) -> None:
    table = "aws.sagemaker.endpoints"
    with pytest.raises(
        DatabaseError, match=r"Write INSERT INTO aws.sagemaker.endpoints \(endpoint_name, endp"
    ):
        db.con.sql(f"INSERT INTO {table} {rows}")
    assert db.em.calls == []


@pytest.mark.parametrize(
    "sql",
    [
        f"DELETE FROM {TABLE}\nWHERE region = 'x' AND nothing = 'a'",
        f"DELETE FROM {TABLE} WHERE name IN (SELECT\nnothing FROM range(1)) AND region = '{REGION}'",
        f"DELETE FROM {TABLE} WHERE name = 'nothing' AND region = '{REGION}'\nRETURNING name, nothing",
        f"UPDATE {TABLE}\nSET description = nothing || 'x' WHERE name = 'a' AND region = '{REGION}'",
        f"UPDATE {TABLE} SET description = 'a' WHERE name = 'a'\nRETURNING nothing",
        insert("fine") + "\nRETURNING upper(nothing)",
        f"INSERT INTO {TABLE} (name)\nSELECT nothing FROM {TABLE}",
        f"EXEC {TABLE}.start\n@Name = nothing, @region = '{REGION}'",
        f"WITH c AS (\nSELECT nothing) DELETE FROM {TABLE} WHERE name IN (FROM c)",
    ],
)
def test_an_error_in_a_part_of_a_write_points_at_it_in_the_statement_as_written(
    db: WriteSession, sql: str
) -> None:
    with pytest.raises(UnknownName, match='column "nothing"') as caught:
        db.con.sql(sql)
    line, mark = str(caught.value).split("\n")[-2:]
    head = "LINE 2: "
    assert line == head + sql.split("\n")[1]
    assert line[mark.index("^") :].startswith("nothing")
    assert not any(call.operation.startswith(("Create", "Update", "Delete", "Start")) for call in db.em.calls)


def test_a_member_of_cloud_controls_reply_is_no_column_of_returning(db: WriteSession) -> None:
    sql = f"DELETE FROM {TABLE} WHERE name = 'a' AND region = '{REGION}' RETURNING OperationStatus"
    with pytest.raises(UnknownName, match=r"FROM sqlprov\.outcomes shows what its calls came to") as caught:
        db.con.sql(sql)
    assert str(caught.value).endswith(f"LINE 1: {sql}\n{' ' * (8 + sql.index('OperationStatus'))}^")


@pytest.mark.parametrize(
    ("later", "problem"),
    [
        ("AND name = 'a'", "No statement begins with 'AND'. Does a ; before it end a statement too early?"),
        ("RETURNING name", "No statement begins with 'RETURNING'. Does a ; before it end"),
        ("SELECT 1 FROM", 'Syntax error at or near "FROM".'),
        ("SELECT (1", "'(' opens here and is never closed."),
        ("AUTH LOGIN aws", "AUTH LOGIN is not supported."),
        ("'open", "Unterminated string literal"),
    ],
)
@pytest.mark.parametrize("way", ["sql", "run", "cursor"])
def test_a_script_whose_later_part_is_no_statement_writes_nothing(
    db: WriteSession, way: str, later: str, problem: str
) -> None:
    script = f"DELETE FROM {TABLE} WHERE region = '{REGION}' AND name LIKE 'a%';\n{later}"
    ways = {
        "sql": db.con.sql,
        "run": lambda text: list(db.con.run(text)),
        "cursor": lambda text: db.con.cursor().execute(text),
    }
    with pytest.raises(DatabaseError, match=re.escape(problem)):
        ways[way](script)
    assert db.em.calls == []

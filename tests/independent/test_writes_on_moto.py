from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from local_sagemaker import REGION, ROLE, connection, insert
from moto_server import start_moto

from sqlprov.api.connection import Connection
from sqlprov.errors import DataError, NotSupportedError, WriteError

ACCOUNT = "123456789012"
IMAGE = {"Image": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/image:1"}
TAGS = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
NUMBERS = count()
KEYS = {"models": "model_name", "endpoint_configs": "endpoint_config_name", "endpoints": "endpoint_name"}
ARNS = {"models": "model", "endpoint_configs": "endpoint-config", "endpoints": "endpoint"}
TABLES = list(KEYS)


@pytest.fixture(scope="module")
def con() -> Iterator[Connection]:
    with start_moto() as url, connection(url, max_attempts=2) as create:
        yield create


def a_name(table: str) -> str:
    return f"{table.replace('_', '-')}-{next(NUMBERS)}"


def members(con: Connection, table: str, name: str) -> dict[str, Any]:
    """What a row of the table needs, and the rows that it names made before."""
    if table == "models":
        return {"ModelName": name, "ExecutionRoleArn": ROLE, "PrimaryContainer": IMAGE}
    if table == "endpoint_configs":
        model = create(con, "models")
        variant = {"VariantName": "all", "ModelName": model, "InstanceType": "ml.m5.large"}
        return {"EndpointConfigName": name, "ProductionVariants": [variant | {"InitialInstanceCount": "1"}]}
    return {"EndpointName": name, "EndpointConfigName": create(con, "endpoint_configs")}


def create(con: Connection, table: str, **more: Any) -> str:
    """The name of a new row."""
    name = a_name(table)
    con.sql(insert({**members(con, table, name), **more}, f"aws.sagemaker.{table}"))
    return name


def where(table: str, name: str) -> str:
    return f"WHERE region = '{REGION}' AND {KEYS[table]} = '{name}'"


def tags_of(con: Connection, table: str, name: str) -> dict[str, str]:
    ((tags,),) = con.sql(f"SELECT tags FROM aws.sagemaker.{table} {where(table, name)}").fetchall()
    return {tag["Key"]: tag["Value"] for tag in tags}


def exists(con: Connection, table: str, name: str) -> bool:
    return bool(con.sql(f"SELECT 1 FROM aws.sagemaker.{table} {where(table, name)}").fetchall())


def expect_refusal(con: Connection, sql: str) -> Any:
    """The one outcome of a statement that fails."""
    with pytest.raises(WriteError) as raised:
        con.sql(sql)
    (outcome,) = raised.value.outcomes
    return outcome


@pytest.mark.parametrize("table", TABLES)
def test_an_insert_returns_the_row_as_moto_has_it(con: Connection, table: str) -> None:
    name = a_name(table)
    given = insert({**members(con, table, name), "Tags": TAGS}, f"aws.sagemaker.{table}")
    returned = con.sql(
        f"{given} RETURNING {KEYS[table]}, {KEYS[table].removesuffix('name')}arn, tags, creation_time"
    )
    ((key, arn, tags, created),) = returned.fetchall()
    assert (key, tags) == (name, TAGS)
    assert arn == f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{ARNS[table]}/{name}"
    assert created is not None
    assert exists(con, table, name)


@pytest.mark.parametrize("table", TABLES)
def test_an_insert_of_a_name_that_is_there_fails_and_leaves_it_alone(con: Connection, table: str) -> None:
    name = create(con, table, Tags=TAGS)
    outcome = expect_refusal(con, insert(members(con, table, name), f"aws.sagemaker.{table}"))
    assert (outcome.status.value, outcome.operations) == ("failed", ())
    assert "exist" in outcome.reason
    assert tags_of(con, table, name) == {"a": "1", "b": "2"}


def test_of_several_rows_those_that_can_be_are_made(con: Connection) -> None:
    there, new = create(con, "models"), a_name("models")
    rows = [insert(members(con, "models", name), "aws.sagemaker.models") for name in (there, new)]
    with pytest.raises(WriteError) as raised:
        con.sql(f"{rows[0]}, {rows[1].partition('VALUES')[2]}")
    assert [one.status.value for one in raised.value.outcomes] == ["failed", "ok"]
    assert exists(con, "models", new)


def test_an_insert_that_waits_returns_an_endpoint_in_service(con: Connection) -> None:
    given = insert(members(con, "endpoints", a_name("endpoints")), "aws.sagemaker.endpoints")
    assert con.sql(f"/*+ AWAIT */ {given} RETURNING endpoint_status").fetchall() == [("InService",)]


@pytest.mark.parametrize(
    ("table", "given", "missing"),
    [
        ("endpoints", {"EndpointName": "e", "EndpointConfigName": "no-such"}, "endpoint configuration"),
        (
            "endpoint_configs",
            {
                "EndpointConfigName": "c",
                "ProductionVariants": [
                    {
                        "VariantName": "v",
                        "ModelName": "no-such",
                        "InstanceType": "ml.m5.large",
                        "InitialInstanceCount": 1,
                    }
                ],
            },
            "model",
        ),
    ],
)
def test_an_insert_that_names_a_missing_resource_fails_with_the_services_own_words(
    con: Connection, table: str, given: dict[str, Any], missing: str
) -> None:
    outcome = expect_refusal(con, insert(given, f"aws.sagemaker.{table}"))
    assert (outcome.status.value, outcome.operations) == ("failed", ())
    assert f"Could not find {missing}" in outcome.reason
    assert not exists(con, table, outcome.key)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("after", [{"a": "1", "c": "3"}, {"b": ""}, {}])
def test_an_update_of_tags_ends_with_exactly_these(
    con: Connection, table: str, after: dict[str, str]
) -> None:
    name = create(con, table, Tags=TAGS)
    result = con.sql(f"UPDATE aws.sagemaker.{table} SET tags = $tags {where(table, name)}", {"tags": after})
    assert result.rowcount == 1
    assert tags_of(con, table, name) == after


@pytest.mark.parametrize("table", TABLES)
def test_an_update_that_changes_nothing_makes_no_call_that_writes(con: Connection, table: str) -> None:
    name = create(con, table, Tags=TAGS)
    result = con.sql(f"UPDATE aws.sagemaker.{table} SET tags = tags {where(table, name)}")
    assert {call.operation.removeprefix("Describe") for call in result.calls} & {
        "AddTags",
        "DeleteTags",
    } == set()
    assert [one.operations for one in result.outcomes] == [()]


# moto 5.2.1 has no UpdateEndpoint: what an UPDATE of an endpoint does is proven against the emulator
# (tests/unit/plan/write/test_other_tables.py, tests/unit/aws/write/test_await.py), here only that it does not succeed.
def test_an_update_that_moto_does_not_support_is_not_a_success(con: Connection) -> None:
    name, other = create(con, "endpoints"), create(con, "endpoint_configs")
    change = f"UPDATE aws.sagemaker.endpoints SET endpoint_config_name = '{other}' {where('endpoints', name)}"
    ((planned, parameters),) = [(row[2], row[4]) for row in con.sql(f"EXPLAIN {change}").fetchall()]
    assert (planned, other in parameters) == ("UpdateEndpoint", True)
    outcome = expect_refusal(con, change)
    assert (outcome.status.value, outcome.operations) == ("failed", ())
    config = con.sql(
        f"SELECT endpoint_config_name FROM aws.sagemaker.endpoints {where('endpoints', name)}"
    ).fetchall()
    assert config != [(other,)]


def test_an_update_of_a_fixed_column_is_refused_by_name(con: Connection) -> None:
    name = create(con, "models")
    with pytest.raises(NotSupportedError, match="execution_role_arn"):
        con.sql(f"UPDATE aws.sagemaker.models SET execution_role_arn = '{ROLE}' {where('models', name)}")


@pytest.mark.parametrize("table", TABLES)
def test_an_update_or_delete_of_a_missing_row_writes_no_row(con: Connection, table: str) -> None:
    for statement in (
        "UPDATE aws.sagemaker.{0} SET tags = MAP {{}} {1}",
        "DELETE FROM aws.sagemaker.{0} {1}",
    ):
        assert con.sql(statement.format(table, where(table, "no-such"))).rowcount == 0


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("hint", ["", "/*+ AWAIT */ "])
def test_a_delete_returns_the_row_as_it_was_and_it_is_gone(con: Connection, table: str, hint: str) -> None:
    name = create(con, table, Tags=TAGS)
    deleted = con.sql(
        f"{hint}DELETE FROM aws.sagemaker.{table} {where(table, name)} RETURNING {KEYS[table]}, tags"
    )
    assert deleted.fetchall() == [(name, TAGS)]
    assert not exists(con, table, name)
    assert con.sql(f"DELETE FROM aws.sagemaker.{table} {where(table, name)}").rowcount == 0


def test_a_delete_by_a_subquery_deletes_only_its_rows(con: Connection) -> None:
    names = [create(con, "models") for _ in range(3)]
    con.sql("CREATE OR REPLACE TEMP TABLE chosen AS SELECT unnest($names) AS name", {"names": names[:2]})
    con.sql(f"DELETE FROM aws.sagemaker.models WHERE region = '{REGION}' AND model_name IN (FROM chosen)")
    assert [exists(con, "models", name) for name in names] == [False, False, True]


def test_a_value_that_does_not_fit_is_refused_before_any_call(con: Connection) -> None:
    given = {"ModelName": "a_b", "PrimaryContainer": {"Image": "x y"}, "EnableNetworkIsolation": "maybe"}
    with pytest.raises(DataError) as raised:
        con.sql(insert(given, "aws.sagemaker.models"))
    detail = [line.partition(":")[0].strip() for line in str(raised.value).splitlines()[1:]]
    assert detail == ["row 1, ModelName", "row 1, PrimaryContainer.Image", "row 1, EnableNetworkIsolation"]


def test_an_exec_on_a_missing_row_fails_with_the_services_own_words(con: Connection) -> None:
    outcome = expect_refusal(
        con,
        "EXEC aws.sagemaker.endpoints.update_weights_and_capacities @EndpointName = 'no-such', "
        """@DesiredWeightsAndCapacities = '[{"VariantName": "all", "DesiredWeight": 1}]'""",
    )
    assert outcome.status.value == "failed"
    assert "Could not find endpoint" in outcome.reason


def test_an_exec_changes_the_endpoint(con: Connection) -> None:
    name = create(con, "endpoints")
    weight = """'[{"VariantName": "all", "DesiredWeight": "0.25"}]'"""
    con.sql(
        f"/*+ AWAIT */ EXEC aws.sagemaker.endpoints.update_weights_and_capacities @EndpointName = '{name}', "
        f"@DesiredWeightsAndCapacities = {weight}"
    )
    ((variants,),) = con.sql(
        f"SELECT production_variants FROM aws.sagemaker.endpoints {where('endpoints', name)}"
    ).fetchall()
    assert variants[0]["DesiredWeight"] == 0.25


def test_an_insert_leaves_a_rule_that_exists_although_its_create_would_replace_it(con: Connection) -> None:
    def insert_rules(*rules: tuple[str, str]) -> str:
        rows = ", ".join(f"('default', '{name}', '{schedule}', '{REGION}')" for name, schedule in rules)
        return f"INSERT INTO aws.events.rules (EventBusName, Name, ScheduleExpression, region) VALUES {rows}"

    con.sql(insert_rules(("nightly", "rate(1 day)")))
    with pytest.raises(WriteError) as raised:
        con.sql(insert_rules(("hourly", "rate(1 hour)"), ("nightly", "rate(2 days)")))
    created, refused = raised.value.outcomes
    assert (created.status.value, refused.status.value, refused.operations) == ("ok", "failed", ())
    assert "already exists" in refused.reason
    query = f"SELECT name, schedule_expression FROM aws.events.rules WHERE region = '{REGION}' ORDER BY name"
    assert con.sql(query).fetchall() == [("hourly", "rate(1 hour)"), ("nightly", "rate(1 day)")]

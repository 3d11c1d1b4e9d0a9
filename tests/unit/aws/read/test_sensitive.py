"""Sensitive text is hidden in the rows themselves, unless `sqlprov_show_sensitive` is on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import duckdb
import pytest
from moto_server import start_moto

import sqlprov
from sqlprov.errors import NotSupportedError

TASKS = "aws.ecs.task_definitions"
CLIENTS = "aws.cognito_idp.user_pool_clients"
HIDDEN = "(sensitive)"


@pytest.fixture(scope="module")
def secrets(aws: object) -> Iterator[tuple[str, str]]:
    """The URL of moto with a task definition and an app client; the client's secret."""
    with start_moto() as url:
        options: dict[str, Any] = {"endpoint_url": url, "region_name": "us-east-1"}
        environment = [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "EMPTY", "value": ""}]
        boto3.client("ecs", **options).register_task_definition(
            family="web",
            containerDefinitions=[
                {"name": "app", "image": "nginx", "memory": 128, "environment": environment},
                {"name": "side", "image": "envoy", "memory": 128},
            ],
        )
        idp = boto3.client("cognito-idp", **options)
        pool = idp.create_user_pool(PoolName="people")["UserPool"]["Id"]
        client = idp.create_user_pool_client(UserPoolId=pool, ClientName="app", GenerateSecret=True)
        idp.create_user_pool_client(UserPoolId=pool, ClientName="public")
        yield url, client["UserPoolClient"]["ClientSecret"]


@pytest.fixture
def con(secrets: tuple[str, str]) -> Iterator[sqlprov.Connection]:
    with sqlprov.connect(endpoint_url=secrets[0], region="us-east-1") as con:
        yield con


def test_text_is_hidden_and_a_warning_names_it_and_the_setting(
    con: sqlprov.Connection, secrets: tuple[str, str]
) -> None:
    query = f"SELECT client_name, client_secret FROM {CLIENTS} ORDER BY ALL"
    result = con.sql(query)
    assert result.fetchall() == [("app", HIDDEN), ("public", None)]
    (warning,) = result.warnings
    assert warning.startswith("client_secret is sensitive")
    assert "SET sqlprov_show_sensitive = on" in warning
    con.sql("SET sqlprov_show_sensitive = on")
    result = con.sql(query)
    assert result.fetchall() == [("app", secrets[1]), ("public", None)]
    assert result.warnings == []


def test_only_the_sensitive_part_of_a_nested_value_is_hidden(con: sqlprov.Connection) -> None:
    ((containers,),) = con.sql(f"SELECT container_definitions FROM {TASKS}").fetchall()
    assert [each["image"] for each in containers] == ["nginx", "envoy"]
    expected = [{"name": "DB_PASSWORD", "value": HIDDEN}, {"name": "EMPTY", "value": ""}]
    assert containers[0]["environment"] == expected


def test_what_is_copied_to_a_local_table_is_hidden_too(con: sqlprov.Connection) -> None:
    con.sql(f"CREATE TABLE mine AS SELECT client_secret FROM {CLIENTS}")
    assert con.sql("SELECT DISTINCT client_secret FROM mine WHERE client_secret <> ''").fetchall() == [
        (HIDDEN,)
    ]


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT client_name FROM {CLIENTS} WHERE client_secret = 'x'",
        f"SELECT client_name FROM {CLIENTS} WHERE client_secret LIKE 'x%'",
        f"SELECT client_name FROM {CLIENTS} WHERE length(client_secret) > 3",
        f"SELECT a.client_name FROM {CLIENTS} a JOIN {CLIENTS} b USING (client_secret)",
        f"WITH c AS (SELECT * FROM {CLIENTS}) SELECT client_name FROM c WHERE client_secret < 'x'",
        f"SELECT client_name FROM {CLIENTS} GROUP BY ALL HAVING max(client_secret) = 'x'",
        f"SELECT family FROM {TASKS} WHERE container_definitions[1].environment[1].value = 'hunter2'",
        f"SELECT family FROM {TASKS} WHERE (to_json(container_definitions)->>'$[0].environment[0].value') = 'x'",
        f"EXPLAIN SELECT client_name FROM {CLIENTS} WHERE client_secret = 'x'",
    ],
)
def test_a_condition_on_hidden_text_is_refused_before_any_call(con: sqlprov.Connection, query: str) -> None:
    with pytest.raises(NotSupportedError, match=r"is sensitive.*SET sqlprov_show_sensitive = on"):
        con.sql(query).fetchall()
    assert con.calls == []
    con.sql("SET sqlprov_show_sensitive = on")
    con.sql(query).fetchall()


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (f"SELECT client_name FROM {CLIENTS} WHERE client_secret IS NOT NULL", [("app",)]),
        (f"SELECT client_name, client_secret FROM {CLIENTS} WHERE client_secret IS NULL", [("public", None)]),
        (f"SELECT client_secret FROM {CLIENTS} WHERE client_name = 'app'", [(HIDDEN,)]),
        (f"SELECT family FROM {TASKS} WHERE container_definitions[1].image = 'nginx'", [("web",)]),
        (f"SELECT 1 FROM {CLIENTS} WHERE client_name = 'client_secret'", []),
    ],
)
def test_other_conditions_see_what_they_need(con: sqlprov.Connection, query: str, rows: list[Any]) -> None:
    assert con.sql(query).fetchall() == rows


def test_a_view_hides_no_condition(con: sqlprov.Connection) -> None:
    con.sql(f"CREATE VIEW found AS SELECT client_name FROM {CLIENTS} WHERE client_secret ILIKE 'x%'")
    with pytest.raises(NotSupportedError, match="client_secret is sensitive"):
        con.sql("FROM found")


def test_a_write_uses_the_text_and_returns_it_hidden(
    con: sqlprov.Connection, secrets: tuple[str, str]
) -> None:
    sagemaker = boto3.client("sagemaker", endpoint_url=secrets[0], region_name="us-east-1")
    container = {
        "Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/m:1",
        "Environment": {"TOKEN": "hunter2"},
    }
    role = "arn:aws:iam::123456789012:role/m"
    sagemaker.create_model(ModelName="first", ExecutionRoleArn=role, PrimaryContainer=container)
    copy = (
        "INSERT INTO aws.sagemaker.models (ModelName, ExecutionRoleArn, PrimaryContainer) "
        "SELECT 'second', execution_role_arn, primary_container FROM aws.sagemaker.models "
        "WHERE model_name = 'first' AND primary_container.Environment['TOKEN'] = 'hunter2' "
        "RETURNING primary_container.Environment['TOKEN']"
    )
    planned = con.sql(f"EXPLAIN {copy}").arrow()["parameters"][0].as_py()
    assert '"Environment":{"TOKEN":"(sensitive)"}' in planned
    copied = con.sql(copy)
    assert copied.fetchall() == [(HIDDEN,)]
    assert "hunter2" not in repr(copied.calls)
    assert "hunter2" not in repr(copied.outcomes)
    assert any("primary_container.Environment is sensitive" in warning for warning in copied.warnings)
    assert sagemaker.describe_model(ModelName="second")["PrimaryContainer"]["Environment"] == {
        "TOKEN": "hunter2"
    }


def test_an_attached_table_hides_the_same(secrets: tuple[str, str]) -> None:
    con = duckdb.connect()
    options: dict[str, Any] = {"regions": "us-east-1", "endpoint_url": secrets[0]}
    sqlprov.attach(con, "cognito_idp.user_pool_clients", **options)
    query = f"SELECT client_secret FROM {CLIENTS} WHERE client_name = 'app'"
    assert con.sql(query).fetchall() == [(HIDDEN,)]
    with pytest.raises(duckdb.Error, match="client_secret is sensitive"):
        con.sql(f"SELECT 1 FROM {CLIENTS} WHERE client_secret = 'x'").fetchall()
    sqlprov.attach(con, "cognito_idp.user_pool_clients", **options, settings={"show_sensitive": "on"})
    assert con.sql(query).fetchall() == [(secrets[1],)]


def test_describe_extended_marks_the_members(con: sqlprov.Connection) -> None:
    rows = con.sql(f"DESCRIBE EXTENDED {TASKS}").arrow().to_pylist()
    marked = {row["name"]: row["sensitive"] for row in rows if row["sensitive"]}
    assert marked == {"container_definitions": "container_definitions.environment.value"}

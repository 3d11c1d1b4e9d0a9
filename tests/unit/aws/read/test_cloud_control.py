"""Types of CloudFormation as tables that Cloud Control reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from cloud_control import PagedResources
from json_service import ServiceFailure, run_json_service

import sqlprov
from sqlprov.api.connection import Connection
from sqlprov.errors import AccessDenied, BrokenReply, ProgrammingError

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/"
QUEUES = {
    f"{URL}{name}": {
        "QueueUrl": f"{URL}{name}",
        "QueueName": name,
        "DelaySeconds": delay,
        "FifoQueue": name == "c",
        "RedrivePolicy": {"maxReceiveCount": 3},
        "Tags": [{"Key": "team", "Value": "web"}],
    }
    for delay, name in enumerate("abc")
}
SERVICES = {
    f"{name}|production": {"ServiceArn": name, "Cluster": "production", "ServiceName": name} for name in "xy"
}
PERMISSIONS = {
    f"{function}|{id}": {"FunctionName": function, "Id": id, "Action": "lambda:InvokeFunction"}
    for function in ("api", "jobs", "site")
    for id in "12"
}


FUNCTIONS = {
    "api": {"FunctionName": "api", "Environment": {"Variables": {"PASSWORD": "hunter2"}}, "MemorySize": 128}
}


@pytest.fixture
def server() -> PagedResources:
    return PagedResources(
        {
            "AWS::SQS::Queue": QUEUES,
            "AWS::ECS::Service": SERVICES,
            "AWS::Lambda::Permission": PERMISSIONS,
            "AWS::Lambda::Function": FUNCTIONS,
        }
    )


@pytest.fixture
def con(server: PagedResources) -> Iterator[Connection]:
    with (
        run_json_service(server.operations) as url,
        sqlprov.connect(endpoint_url=url, region="us-east-1") as con,
    ):
        con.sql("SET sqlprov_max_attempts = 1")
        yield con


def count_calls(con: Connection, sql: str) -> tuple[list[tuple[object, ...]], Counter[str]]:
    result = con.sql(sql)
    return sorted(result.fetchall()), Counter(call.operation for call in result.calls)


def test_properties_are_columns_and_nested_ones_are_json(con: Connection) -> None:
    rows, calls = count_calls(
        con,
        "SELECT queue_name, delay_seconds, fifo_queue, redrive_policy ->> 'maxReceiveCount', tags[1].Value, "
        "data__Identifier FROM awscc.sqs.queues",
    )
    assert rows == [(n, d, n == "c", "3", "web", f"{URL}{n}") for d, n in enumerate("abc")]
    assert calls == {"ListResources": 2, "GetResource": 3}


def test_the_provider_exists_once_a_statement_names_it(con: Connection) -> None:
    assert [name for name, *_ in con.sql("SHOW PROVIDERS").fetchall()] == ["aws"]
    assert ("queues", "awscc.sqs.queues") in con.sql("SHOW RESOURCES IN awscc.sqs").fetchall()
    assert [name for name, *_ in con.sql("SHOW PROVIDERS").fetchall()] == ["aws", "awscc"]


def test_the_identifier_alone_needs_the_list_only(con: Connection) -> None:
    rows, calls = count_calls(con, "SELECT queue_url FROM awscc.sqs.queues")
    assert rows == [(each,) for each in QUEUES]
    assert calls == {"ListResources": 2}


def test_what_a_list_says_of_a_resource_is_not_believed_to_be_all(
    con: Connection, server: PagedResources
) -> None:
    server.listed = ("QueueUrl", "QueueName")
    rows, _ = count_calls(con, "SELECT queue_name, delay_seconds FROM awscc.sqs.queues")
    assert rows == [("a", 0), ("b", 1), ("c", 2)]


def test_sensitive_text_within_json_is_hidden(con: Connection) -> None:
    read = "SELECT environment FROM awscc.lambda.functions"
    assert con.sql(read).fetchall() == [('{"Variables":{"PASSWORD":"(sensitive)"}}',)]
    con.sql("SET sqlprov_show_sensitive = on")
    assert con.sql(read).fetchall() == [('{"Variables":{"PASSWORD":"hunter2"}}',)]


def test_a_key_is_looked_up(con: Connection) -> None:
    read = f"SELECT delay_seconds FROM awscc.sqs.queues WHERE queue_url = '{URL}%s'"
    assert count_calls(con, read % "b") == ([(1,)], {"GetResource": 1})
    assert count_calls(con, read % "z") == ([], {"GetResource": 1})


def test_a_primary_identifier_of_several_properties_is_one_column(con: Connection) -> None:
    rows, calls = count_calls(
        con,
        "SELECT primary_identifier, service_arn, cluster FROM awscc.ecs.services "
        "WHERE data__Identifier = 'y|production'",
    )
    assert rows == [("y|production", "y", "production")]
    assert calls == {"GetResource": 1}


LISTED = "SELECT function_name, id FROM awscc.lambda.permissions"


def test_a_type_that_is_listed_for_a_property_needs_a_condition(con: Connection) -> None:
    with pytest.raises(ProgrammingError) as caught:
        con.sql(LISTED).fetchall()
    assert str(caught.value) == (
        "awscc.lambda.permissions is listed for one function_name at a time, and no table holds the values; "
        "expected WHERE function_name = '…', or IN; a SELECT may join it with a table of awscc that has few."
    )
    with pytest.raises(ProgrammingError, match="expected WHERE function_name"):
        con.sql(f"{LISTED} WHERE function_name <> 'api'").fetchall()
    rows, calls = count_calls(con, f"{LISTED} WHERE data__Identifier = 'api|1'")
    assert (rows, calls) == ([("api", "1")], {"GetResource": 1})


@pytest.mark.parametrize("pushdown", ["on", "off"])
def test_a_condition_says_the_properties_for_which_a_type_is_listed(con: Connection, pushdown: str) -> None:
    con.sql(f"SET sqlprov_pushdown = {pushdown}")
    rows, calls = count_calls(con, f"{LISTED} WHERE function_name IN ('api', 'site', 'none')")
    assert rows == [(function, id) for function in ("api", "site") for id in "12"]
    assert calls["ListResources"] == 3
    ((_, explained), *_) = con.sql(f"EXPLAIN {LISTED} WHERE function_name = 'api'").fetchall()
    assert "ResourceModel" in explained
    assert "FunctionName" in explained


@pytest.mark.parametrize(
    "query",
    [
        "SELECT p.id FROM awscc.lambda.functions f JOIN awscc.lambda.permissions p USING (function_name)",
        "SELECT p.id FROM awscc.lambda.permissions p JOIN awscc.lambda.functions f USING (function_name) "
        "WHERE p.action LIKE 'lambda:%'",
        "SELECT id FROM awscc.lambda.permissions "
        "WHERE function_name IN (SELECT function_name FROM awscc.lambda.functions WHERE memory_size = 128)",
    ],
)
def test_a_joined_table_says_the_properties_for_which_a_type_is_listed(con: Connection, query: str) -> None:
    rows, calls = count_calls(con, f"{query} ORDER BY 1")
    assert rows == [("1",), ("2",)]
    assert calls["ListResources"] == 2
    ((_, explained), *_) = con.sql(f"EXPLAIN {query}").fetchall()
    assert "if function_name of awscc.lambda.functions has few values" in explained
    con.sql("SET sqlprov_sideways = off")
    for text in (query, f"EXPLAIN {query}"):
        with pytest.raises(ProgrammingError, match="expected WHERE function_name"):
            con.sql(text).fetchall()


def test_a_joined_table_without_rows_needs_no_list(con: Connection) -> None:
    query = (
        "SELECT count(*) FROM awscc.lambda.permissions JOIN awscc.lambda.functions USING (function_name) "
        "WHERE memory_size = 1"
    )
    rows, calls = count_calls(con, query)
    assert (rows, calls["ListResources"]) == ([(0,)], 1)


def test_properties_that_are_not_json_are_an_error(con: Connection, server: PagedResources) -> None:
    def list_resources(_: object) -> dict[str, object]:
        return {"ResourceDescriptions": [{"Identifier": "x", "Properties": "{"}]}

    server.operations["ListResources"] = list_resources
    with pytest.raises(BrokenReply, match="Properties is not a JSON object"):
        con.sql("SELECT queue_url FROM awscc.sqs.queues").fetchall()


def test_a_refusal_names_the_actions_of_the_handler(con: Connection, server: PagedResources) -> None:
    def list_resources(_: object) -> dict[str, object]:
        raise ServiceFailure("AccessDeniedException")

    server.operations["ListResources"] = list_resources
    with pytest.raises(AccessDenied, match="cloudformation:ListResources"):
        con.sql("SELECT queue_url FROM awscc.sqs.queues").fetchall()
    extended = con.sql("SHOW EXTENDED METHODS IN awscc.sqs.queues").arrow().to_pylist()
    permissions = {row["MethodName"]: row["permissions"] for row in extended if row["SQLVerb"] == "SELECT"}
    assert permissions == {
        "list_resources": "cloudformation:ListResources, sqs:ListQueues",
        "get_resource": "cloudformation:GetResource, sqs:GetQueueAttributes, sqs:ListQueueTags",
    }

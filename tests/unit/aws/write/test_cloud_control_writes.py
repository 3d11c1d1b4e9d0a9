"""Types of CloudFormation are written through Cloud Control, whose requests end later than their calls."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest
from cloud_control import PagedResources
from json_service import run_json_service
from local_sagemaker import plain_client
from write_session import FAILED, OK, PARTIAL, REGION, UNKNOWN

import sqlprov
from sqlprov.aws.write.outcome import Outcome
from sqlprov.emulator import Emulator, Fault, Options
from sqlprov.emulator.errors import ApiError
from sqlprov.emulator.options import ACCOUNT
from sqlprov.errors import DataError, Error, NotSupportedError, WriteError

CREATE, UPDATE, DELETE, STATUS, GET = (
    *("CreateResource", "UpdateResource", "DeleteResource"),
    *("GetResourceRequestStatus", "GetResource"),
)
GROUPS, QUEUES, INSTANCES = "awscc.logs.log_groups", "awscc.sqs.queues", "awscc.rds.db_instances"


@pytest.fixture
def em() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def con(em: Emulator) -> Iterator[sqlprov.Connection]:
    with sqlprov.connect(endpoint_url=em.url, region=REGION) as con:
        con.sql("SET sqlprov_settle = 0")
        yield con


def write(con: sqlprov.Connection, sql: str) -> Outcome:
    with suppress(WriteError):
        con.sql(sql).fetchall()
    (outcome,) = con.outcomes
    return outcome


def find_sent(em: Emulator, operation: str, parameter: str) -> Any:
    """The last value of a parameter that the server received, which is JSON text."""
    return json.loads([call.parameters[parameter] for call in em.calls if call.operation == operation][-1])


def insert(name: str = "a", days: int = 7) -> str:
    return f"INSERT INTO {GROUPS} (log_group_name, retention_in_days) VALUES ('{name}', {days})"


def update(days: int = 30) -> str:
    return f"UPDATE {GROUPS} SET retention_in_days = {days} WHERE log_group_name = 'a'"


def delete(name: str = "a") -> str:
    return f"DELETE FROM {GROUPS} WHERE log_group_name = '{name}'"


def list_groups(con: sqlprov.Connection) -> list[tuple[Any, ...]]:
    return sorted(con.sql(f"SELECT log_group_name, retention_in_days FROM {GROUPS}").fetchall())


def test_a_row_is_inserted_changed_and_deleted(con: sqlprov.Connection, em: Emulator) -> None:
    result = con.sql(
        f"INSERT INTO {QUEUES} (queue_name, delay_seconds, redrive_policy, tags, region) VALUES "
        f"('jobs', 5, {{maxReceiveCount: 3}}, MAP {{'team': 'web'}}, '{REGION}') RETURNING queue_url, delay_seconds"
    )
    ((url, delay),) = result.fetchall()
    assert ([call.operation for call in result.calls], delay) == ([CREATE, STATUS, GET], 5)
    assert find_sent(em, CREATE, "DesiredState") == {
        "QueueName": "jobs",
        "DelaySeconds": 5,
        "RedrivePolicy": {"maxReceiveCount": 3},
        "Tags": [{"Key": "team", "Value": "web"}],
    }
    where = f"WHERE queue_url = '{url}'"
    changed = con.sql(
        f"UPDATE {QUEUES} SET delay_seconds = 6, redrive_policy = NULL, tags = MAP {{'a': 'b'}} {where} "
        "RETURNING delay_seconds, redrive_policy, tags"
    ).fetchall()
    assert changed == [(6, None, [{"Key": "a", "Value": "b"}])]
    assert find_sent(em, UPDATE, "PatchDocument") == [
        {"op": "add", "path": "/DelaySeconds", "value": 6},
        {"op": "remove", "path": "/RedrivePolicy"},
        {"op": "add", "path": "/Tags", "value": [{"Key": "a", "Value": "b"}]},
    ]
    assert write(con, f"UPDATE {QUEUES} SET delay_seconds = 6 {where}").operations == ()
    assert write(con, f"DELETE FROM {QUEUES} {where}").operations == (DELETE,)
    assert con.sql(f"SELECT queue_url FROM {QUEUES}").fetchall() == []


def test_the_tags_of_aws_stay(con: sqlprov.Connection, em: Emulator) -> None:
    state = {"LogGroupName": "a", "Tags": [{"Key": "aws:x", "Value": "1"}, {"Key": "b", "Value": "2"}]}
    client = plain_client(em.url, service="cloudcontrol")
    client.create_resource(TypeName="AWS::Logs::LogGroup", DesiredState=json.dumps(state))
    assert write(con, f"UPDATE {GROUPS} SET tags = MAP {{'c': '3'}} WHERE log_group_name = 'a'").status is OK
    ((tags,),) = con.sql(f"SELECT tags FROM {GROUPS} WHERE log_group_name = 'a'").fetchall()
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"aws:x": "1", "c": "3"}


def test_a_row_is_written_as_documents(con: sqlprov.Connection, em: Emulator) -> None:
    state = {"LogGroupName": "a", "RetentionInDays": 7}
    outcome = write(con, f"INSERT INTO {GROUPS} (data__DesiredState) VALUES ('{json.dumps(state)}')")
    assert (outcome.status, outcome.key, find_sent(em, CREATE, "DesiredState")) == (OK, "a", state)
    patch = [{"op": "replace", "path": "/RetentionInDays", "value": 30}]
    where = "WHERE data__Identifier = 'a'"
    outcome = write(con, f"UPDATE {GROUPS} SET data__PatchDocument = '{json.dumps(patch)}' {where}")
    assert (outcome.status, find_sent(em, UPDATE, "PatchDocument")) == (OK, patch)
    assert list_groups(con) == [("a", 30)]


SECRET = (
    f"INSERT INTO {INSTANCES} (db_instance_identifier, master_user_password) VALUES ('a', 'hunter2')",
    f"INSERT INTO {INSTANCES} (data__DesiredState) VALUES "
    """('{"DBInstanceIdentifier": "a", "MasterUserPassword": "hunter2"}')""",
    "INSERT INTO awscc.lambda.functions (code, role, environment) VALUES "
    "({ZipFile: 'x'}, 'arn', {Variables: {A: 'hunter2'}})",
    f"UPDATE {INSTANCES} SET master_user_password = 'hunter2' WHERE db_instance_identifier = 'known'",
    f"UPDATE {INSTANCES} SET data__PatchDocument = "
    """'[{"op": "add", "path": "/MasterUserPassword", "value": "hunter2"}]' """
    "WHERE db_instance_identifier = 'known'",
)


@pytest.mark.parametrize("sql", SECRET)
def test_what_no_read_returns_is_sent_and_not_shown(
    con: sqlprov.Connection, em: Emulator, sql: str, caplog: pytest.LogCaptureFixture
) -> None:
    write(con, f"INSERT INTO {INSTANCES} (db_instance_identifier) VALUES ('known')")
    caplog.set_level("INFO", "sqlprov")
    shown = str(con.sql(f"EXPLAIN {sql}").fetchall())
    result = con.sql(sql)
    shown += str(result.fetchall()) + str([call.parameters for call in result.calls]) + caplog.text
    assert "hunter2" not in shown
    assert "(sensitive)" in shown
    (sent,) = [call for call in em.calls if "hunter2" in str(call.parameters)]
    assert sent.operation in (CREATE, UPDATE)


@pytest.mark.parametrize(
    ("sql", "error", "text"),
    [
        (f"INSERT INTO {QUEUES} (arn) VALUES ('x')", NotSupportedError, "read-only"),
        (f"UPDATE {QUEUES} SET queue_name = 'x' WHERE queue_url = 'a'", NotSupportedError, "is fixed"),
        (f"UPDATE {QUEUES} SET arn = 'x' WHERE queue_url = 'a'", NotSupportedError, "read-only"),
        (
            "INSERT INTO awscc.lambda.permissions (action) VALUES ('x')",
            DataError,
            "needs function_name, principal",
        ),
        (
            f"""INSERT INTO {GROUPS} (data__DesiredState, log_group_name) VALUES ('{{}}', 'a')""",
            DataError,
            "expected it without log_group_name",
        ),
        (f"INSERT INTO {GROUPS} (data__DesiredState) VALUES ('[1]')", DataError, "expected a JSON object"),
        (
            "UPDATE awscc.lambda.permissions SET action = 'x' WHERE data__Identifier = 'a|b'",
            NotSupportedError,
            "does not support UPDATE",
        ),
        (
            f"UPDATE {GROUPS} SET data__PatchDocument = '[{{\"op\": \"put\"}}]' WHERE log_group_name = 'a'",
            DataError,
            "unknown op 'put'",
        ),
    ],
)
def test_what_cannot_be_written_is_refused_before_any_call(
    con: sqlprov.Connection, em: Emulator, sql: str, error: type[Error], text: str
) -> None:
    write(con, insert())
    em.reset_calls()
    with pytest.raises(error, match=text):
        con.sql(sql)
    assert not [call for call in em.calls if call.operation in (CREATE, UPDATE, DELETE)]


def test_a_property_that_no_read_returns_cannot_be_unset(con: sqlprov.Connection) -> None:
    write(con, f"INSERT INTO {INSTANCES} (db_instance_identifier) VALUES ('a')")
    sql = f"UPDATE {INSTANCES} SET master_user_password = NULL WHERE db_instance_identifier = 'a'"
    outcome = write(con, sql)
    assert (outcome.status, "cannot be unset" in outcome.reason) == (FAILED, True)


LOST = ("reset", "reset_after", "error500", "error500_after", "truncated", "missing_member")


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("operation", [CREATE, STATUS, UPDATE, DELETE])
def test_a_lost_reply_is_asked_for_again(
    con: sqlprov.Connection, em: Emulator, operation: str, kind: str
) -> None:
    expected = {CREATE: [("a", 7)], STATUS: [("a", 7)], UPDATE: [("a", 30)], DELETE: []}[operation]
    if operation in (UPDATE, DELETE):
        write(con, insert())
    em.inject(Fault(kind, operation=operation))
    outcome = write(con, {UPDATE: update(), DELETE: delete()}.get(operation, insert()))
    if kind == "missing_member" and operation != STATUS:
        assert outcome.status is UNKNOWN  # an empty reply has no token, and is no failure
        return
    assert outcome.status is OK, outcome.reason
    assert list_groups(con) == expected
    tokens = {call.parameters["ClientToken"] for call in em.calls if call.operation == outcome.operations[0]}
    assert len(tokens) == 1


@pytest.mark.parametrize(("kind", "status"), [("reset", UNKNOWN), ("reset_after", OK)])
@pytest.mark.parametrize("operation", [CREATE, UPDATE, DELETE])
def test_a_call_without_any_reply_may_have_been_accepted(
    con: sqlprov.Connection, em: Emulator, operation: str, kind: str, status: object
) -> None:
    if operation != CREATE:
        write(con, insert())
    con.sql("SET sqlprov_max_attempts = 2")
    em.inject(Fault(kind, operation=operation, times=None))
    outcome = write(con, {CREATE: insert(), UPDATE: update(), DELETE: delete()}[operation])
    assert outcome.status is status, outcome.reason


@pytest.mark.parametrize("operation", [CREATE, UPDATE, DELETE])
def test_a_request_whose_end_cannot_be_seen_is_unknown(
    con: sqlprov.Connection, em: Emulator, operation: str
) -> None:
    if operation != CREATE:
        write(con, insert())
    con.sql("SET sqlprov_max_attempts = 2")
    em.inject(Fault("error500", operation=STATUS, times=None))
    outcome = write(con, {CREATE: insert(), UPDATE: update(), DELETE: delete()}[operation])
    assert (outcome.status, outcome.operations) == (UNKNOWN, ())
    assert f"{operation} in us-east-1 was accepted; the state of request" in outcome.reason


def test_a_request_that_does_not_end_in_time_is_unknown(con: sqlprov.Connection, em: Emulator) -> None:
    em.options = Options(transition=1000)
    con.sql("SET sqlprov_await_timeout = 0")
    outcome = write(con, insert())
    assert (outcome.status, "is still IN_PROGRESS" in outcome.reason) == (UNKNOWN, True)


def test_an_interrupted_request_is_unknown(con: sqlprov.Connection, em: Emulator) -> None:
    em.options = Options(transition=1000)
    seen = threading.Event()
    thread = threading.Thread(target=lambda: (seen.wait(60), con.cancel()))
    thread.start()
    answer = em._service.find_account(ACCOUNT, "us-east-1").cloud_control._operations[STATUS]

    def answer_and_tell(*given: Any) -> Any:
        seen.set()
        return answer(*given)

    em._service.find_account(ACCOUNT, "us-east-1").cloud_control._operations[STATUS] = answer_and_tell
    with pytest.raises(Error):
        con.sql(insert())
    thread.join()
    (outcome,) = con.outcomes
    assert (outcome.status, "interrupted" in outcome.reason) == (UNKNOWN, True)


def test_a_resource_that_another_request_changes_is_waited_for(con: sqlprov.Connection, em: Emulator) -> None:
    write(con, insert())
    control = em._service.find_account(ACCOUNT, "us-east-1").cloud_control
    accept, refusals = control._operations[UPDATE], iter([True])

    def refuse_once(*given: Any) -> Any:
        if next(refusals, False):
            raise ApiError("ConcurrentOperationException", "Another operation is in progress.")
        return accept(*given)

    control._operations[UPDATE] = refuse_once
    assert write(con, update()).status is OK
    assert list_groups(con) == [("a", 30)]


def test_a_row_that_exists_is_not_inserted_again(con: sqlprov.Connection, em: Emulator) -> None:
    write(con, insert())
    outcome = write(con, insert(days=30))
    assert (outcome.status, "already exists" in outcome.reason) == (FAILED, True)
    assert list_groups(con) == [("a", 7)]


def test_the_permissions_are_those_of_the_handlers(con: sqlprov.Connection) -> None:
    extended = con.sql(f"SHOW EXTENDED METHODS IN {QUEUES}").arrow().to_pylist()
    permissions = {row["MethodName"]: row["permissions"] for row in extended}
    assert permissions["delete_resource"] == (
        "cloudformation:DeleteResource, cloudformation:GetResource, cloudformation:GetResourceRequestStatus, "
        "sqs:DeleteQueue, sqs:GetQueueAttributes"
    )


ROW = {"LogGroupName": "a", "RetentionInDays": 7}
OTHER = {"LogGroupName": "a", "RetentionInDays": 30}
UNSEEN = f"UPDATE {INSTANCES} SET master_user_password = 'x' WHERE db_instance_identifier = 'a'"
ENDS: list[tuple[str, str, Mapping[str, Any] | None, Mapping[str, Any] | None, Any, tuple[str, ...]]] = [
    # statement, code, the row before, the row after; status, calls that took effect
    (insert(), "AlreadyExists", None, None, FAILED, ()),
    (insert(), "AccessDenied", None, None, FAILED, ()),
    (insert(), "NotStabilized", None, ROW, PARTIAL, (CREATE,)),
    (insert(), "InternalFailure", None, None, FAILED, ()),
    (f"INSERT INTO {QUEUES} (queue_name) VALUES ('a')", "InvalidRequest", None, None, FAILED, ()),
    (f"INSERT INTO {QUEUES} (queue_name) VALUES ('a')", "ServiceTimeout", None, None, UNKNOWN, ()),
    (update(), "NotUpdatable", ROW, ROW, FAILED, ()),
    (update(), "Throttling", ROW, OTHER, PARTIAL, (UPDATE,)),
    (update(), "NotFound", ROW, None, FAILED, ()),
    (UNSEEN, "InternalFailure", {"DBInstanceIdentifier": "a"}, {"DBInstanceIdentifier": "a"}, UNKNOWN, ()),
    (delete(), "ResourceConflict", ROW, ROW, FAILED, ()),
    (delete(), "NetworkFailure", ROW, None, OK, (DELETE,)),
    (delete(), "NotFound", ROW, None, OK, ()),
    (delete(), "", ROW, ROW, FAILED, ()),  # canceled
]


@pytest.mark.parametrize(
    ("sql", "code", "before", "after", "status", "operations"), ENDS, ids=[f"{e[0][:6]} {e[1]}" for e in ENDS]
)
def test_a_request_that_fails_says_what_it_did(
    sql: str,
    code: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    status: Any,
    operations: tuple[str, ...],
) -> None:
    rows = {"a": dict(before)} if before else {}
    server = PagedResources({"AWS::Logs::LogGroup": rows, "AWS::RDS::DBInstance": rows})

    def begin(_: Mapping[str, Any]) -> dict[str, Any]:
        rows.clear()
        rows.update({"a": dict(after)} if after else {})
        return {"ProgressEvent": {"OperationStatus": "PENDING", "RequestToken": "t"}}

    end = {"ErrorCode": code, "OperationStatus": "FAILED"} if code else {"OperationStatus": "CANCEL_COMPLETE"}
    server.operations |= dict.fromkeys((CREATE, UPDATE, DELETE), begin)
    server.operations[STATUS] = lambda _: {
        "ProgressEvent": {**end, "RequestToken": "t", "StatusMessage": "why"}
    }
    with (
        run_json_service(server.operations) as url,
        sqlprov.connect(endpoint_url=url, region=REGION) as con,
    ):
        outcome = write(con, sql)
    assert (outcome.status, outcome.operations) == (status, operations), outcome.reason
    assert status is OK or "why" in outcome.reason

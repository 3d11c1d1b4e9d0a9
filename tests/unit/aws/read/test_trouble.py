from __future__ import annotations

import os
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError
from emulator_calls import (
    DESCRIBE,
    EXPERIMENTS,
    LIST,
    TAGS,
    add_experiment,
    count_operations,
    wait_for_threads,
)
from raw_server import RawReply, build_reply, run_server

import sqlprov
from sqlprov.aws.read import details
from sqlprov.aws.transport import calls
from sqlprov.aws.transport.errors import classify
from sqlprov.catalog.table import IamActions
from sqlprov.emulator import Emulator, Fault
from sqlprov.errors import (
    AccessDenied,
    BrokenReply,
    CredentialsError,
    InterfaceError,
    InternalError,
    OperationalError,
    Unreachable,
)

NAMES = f"SELECT name FROM {EXPERIMENTS}"
REGIONS = ("eu-west-1", "us-east-1", "us-west-2")
EVERYWHERE = f"SELECT region, name FROM {EXPERIMENTS} WHERE region IN {REGIONS} ORDER BY ALL"


@pytest.fixture
def three(em: Emulator) -> Emulator:
    for region in REGIONS:
        add_experiment(em, f"in-{region}", region)
    return em


@pytest.fixture(scope="module")
def reply_with(aws: object) -> Iterator[Callable[[bytes], sqlprov.Connection]]:
    """Connections whose next call gets a reply with a given body."""
    settings = {"max_attempts": "1"}
    with (
        run_server() as server,
        sqlprov.connect(endpoint_url=server.url, region="us-east-1", settings=settings) as con,
    ):

        def reply_with(body: bytes) -> sqlprov.Connection:
            server.replies[:] = [RawReply([build_reply(body)])]
            return con

        yield reply_with


# Endpoints and credentials


def test_an_endpoint_where_nothing_listens_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    settings = {"max_attempts": "2"}
    with (
        sqlprov.connect(endpoint_url=url, region="us-east-1", settings=settings) as con,
        pytest.raises(
            Unreachable, match=f"{LIST} in us-east-1: endpoint not reachable.*{url}.*After 2 attempts"
        ),
    ):
        con.sql(NAMES)


def test_an_invalid_url_is_an_interface_error() -> None:
    with (
        sqlprov.connect(endpoint_url="nonsense", region="us-east-1") as con,
        pytest.raises(InterfaceError, match="endpoint_url = 'nonsense'"),
    ):
        con.sql(NAMES)


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER"])
def test_the_error_for_an_invalid_url_names_the_variable_that_sets_it(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "foo")
    with (
        sqlprov.connect(region="us-east-1") as con,
        pytest.raises(
            InterfaceError, match=f"^{variable} = 'foo': Invalid endpoint: foo; expected a URL such as http"
        ),
    ):
        con.sql(NAMES).fetchall()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://ana:Hunter2@127.0.0.1:1", "AWS takes keys, not a user name and password"),
        ("http://ana:Hunter2@127.0.0.1:x", "Port could not be cast"),
        ("htp://127.0.0.1:1", "it begins with htp://"),
    ],
)
def test_a_url_that_cannot_be_called_is_an_error_without_its_password(url: str, reason: str) -> None:
    with sqlprov.connect(endpoint_url=url, region="us-east-1") as con:
        with pytest.raises(InterfaceError, match=re.escape(reason)) as raised:
            con.sql(NAMES).fetchall()
        assert "Hunter2" not in str(raised.value) + con._session.accounts.own.describe()


@pytest.mark.parametrize("code", ["UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure"])
def test_a_region_that_is_not_enabled_refuses_valid_credentials(code: str) -> None:
    met = ClientError({"Error": {"Code": code, "Message": "The security token is invalid."}}, "ListModels")
    error = classify(met, "ListModels", "me-south-1", IamActions("sagemaker")).error
    assert isinstance(error, CredentialsError)
    assert "or me-south-1 is not enabled for the account" in str(error)


def test_without_credentials_no_call_is_made(
    em: Emulator, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(CredentialsError, match=r"no usable credentials.*AWS_PROFILE") as met:
        connect().sql(NAMES)
    assert (met.value.operation, met.value.region) == (LIST, "us-east-1")
    assert em.calls == []


def test_a_profile_that_does_not_exist_is_an_error_of_the_credentials(em: Emulator) -> None:
    with (
        sqlprov.connect(endpoint_url=em.url, region="us-east-1", profile="nobody") as con,
        pytest.raises(CredentialsError, match="nobody"),
    ):
        con.sql(NAMES)


def test_credentials_never_reach_an_error_or_a_record(em: Emulator, con: Any) -> None:
    em.inject(Fault("access_denied", operation=DESCRIBE))
    add_experiment(em, "a")
    con.sql("SET sqlprov_on_error = 'warn'")
    with con.sql(f"SELECT name, arn FROM {EXPERIMENTS}") as result:
        result.fetchall()
        said = repr(result.calls) + repr(result.errors)
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in said
    assert os.environ["AWS_ACCESS_KEY_ID"] not in said


# One region of three


def test_a_region_that_denies_access_fails_the_statement_and_names_the_permission(
    three: Emulator, con: Any
) -> None:
    three.options.denied_regions = {"us-west-2"}
    with pytest.raises(AccessDenied, match="us-west-2: access denied; the identity lacks sagemaker:") as met:
        con.sql(EVERYWHERE).fetchall()
    assert (met.value.region, met.value.permission) == ("us-west-2", f"sagemaker:{LIST}")
    assert (met.value.operation, met.value.code) == (LIST, "AccessDeniedException")
    assert met.value.request_id


def test_under_warn_the_other_regions_answer_and_the_errors_name_the_missing_one(
    three: Emulator, con: Any
) -> None:
    three.options.denied_regions = {"us-west-2"}
    con.sql("SET sqlprov_on_error = 'warn'")
    with con.sql(EVERYWHERE) as result:
        assert result.fetchall() == [("eu-west-1", "in-eu-west-1"), ("us-east-1", "in-us-east-1")]
        assert not result.complete
        assert [gap.region for gap in result.errors] == ["us-west-2"]
    errors = con.sql('SELECT "table", region, operation, code, permission FROM sqlprov.errors').fetchall()
    assert errors == [(EXPERIMENTS, "us-west-2", LIST, "AccessDeniedException", f"sagemaker:{LIST}")]


def test_the_errors_are_those_of_the_last_statement_that_made_calls(three: Emulator, con: Any) -> None:
    three.options.denied_regions = {"us-west-2"}
    con.sql("SET sqlprov_on_error = 'warn'")
    con.sql(EVERYWHERE).fetchall()
    count = "SELECT count(*) FROM sqlprov.errors"
    assert con.sql(count).fetchall() == con.sql(count).fetchall() == [(1,)]
    three.options.denied_regions = set()
    with con.sql(EVERYWHERE) as result:
        assert len(result.fetchall()) == 3 and result.complete
    assert con.sql(count).fetchall() == [(0,)]


def test_under_warn_a_row_that_cannot_be_described_is_left_out_alone(em: Emulator, con: Any) -> None:
    for name in ("a", "b", "c"):
        add_experiment(em, name)
    con.sql("SET sqlprov_on_error = 'warn'")
    em.inject(Fault("access_denied", at=2, operation=DESCRIBE))
    with con.sql(f"SELECT name, arn FROM {EXPERIMENTS}") as result:
        assert len(result.fetchall()) == 2
        assert [gap.error.permission for gap in result.errors] == [f"sagemaker:{DESCRIBE}"]


def test_under_warn_a_local_snapshot_of_an_incomplete_answer_is_flagged(three: Emulator, con: Any) -> None:
    three.options.denied_regions = {"us-west-2"}
    con.sql("SET sqlprov_on_error = 'warn'")
    result = con.sql(f"CREATE TABLE snapshot AS {EVERYWHERE}")
    assert not result.complete
    assert con.sql("SELECT region FROM sqlprov.errors").fetchall() == [("us-west-2",)]


def test_after_an_error_the_other_calls_of_the_statement_are_not_retried(three: Emulator, con: Any) -> None:
    three.inject(Fault("throttle", region="eu-west-1", times=None))
    three.inject(Fault("access_denied", region="us-west-2"))
    with pytest.raises(AccessDenied):
        con.sql(EVERYWHERE)
    wait_for_threads()  # the throttled call does not wait for its next attempt
    assert max(Counter(call.region for call in three.calls).values()) == 1


# Rows and pages that come and go


def delete_before(monkeypatch: pytest.MonkeyPatch, em: Emulator, owner: Any, name: str) -> None:
    """Delete the row "late" just before the first use of a function."""
    original, deleted = getattr(owner, name), threading.Event()
    lock = threading.Lock()

    def delete_first(*arguments: Any) -> Any:
        with lock:
            if not deleted.is_set():
                em.remove("InferenceExperiment", "us-east-1", "late")
                deleted.set()
        return original(*arguments)

    monkeypatch.setattr(owner, name, delete_first)


def test_a_row_deleted_between_list_and_describe_is_left_out(
    em: Emulator, con: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("early", "late"):
        add_experiment(em, name)
    delete_before(monkeypatch, em, details.DetailReader, "read")
    rows = con.sql(f"SELECT name, arn FROM {EXPERIMENTS}").fetchall()
    assert count_operations(em) == {LIST: 1, DESCRIBE: 2}
    assert [name for name, _ in rows] == ["early"]


def test_a_row_deleted_between_describe_and_its_tags_is_left_out(
    em: Emulator, con: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("early", "late"):
        add_experiment(em, name)
    both_described = threading.Barrier(2)
    describe, first_two = details.describe_rows, iter(range(2))

    def wait_for_both(*arguments: Any) -> Any:
        described = describe(*arguments)
        if next(first_two, None) is not None:
            both_described.wait(30)
        return described

    monkeypatch.setattr(details, "describe_rows", wait_for_both)
    delete_before(monkeypatch, em, details, "read_tags")
    rows = con.sql(f"SELECT name, tags FROM {EXPERIMENTS}").fetchall()
    # Its tags are missing; only Describe can say that the row is.
    assert count_operations(em) == {LIST: 1, DESCRIBE: 3, TAGS: 2}
    assert rows == [("early", [])]


@pytest.mark.parametrize("table", ["models", "endpoint_configs", "endpoints"])
def test_a_missing_key_returns_no_row_although_the_service_calls_it_invalid(
    em: Emulator, con: Any, table: str
) -> None:
    con.sql("SET sqlprov_on_error = 'warn'")
    with con.sql(f"SELECT * FROM aws.sagemaker.{table} WHERE data__Identifier = 'nobody'") as result:
        assert result.fetchall() == []
        assert result.complete
    assert len(em.calls) == 1


def test_an_empty_page_with_a_token_is_not_the_end(em: Emulator, con: Any) -> None:
    em.fill(250)
    right = sorted(con.sql(f"SELECT name, tags FROM {EXPERIMENTS} WHERE status = 'Created'").fetchall())
    assert len(right) > 20 and any(tags for _, tags in right)
    em.options.sparse_pages = True
    assert (
        sorted(con.sql(f"SELECT name, tags FROM {EXPERIMENTS} WHERE status = 'Created'").fetchall()) == right
    )
    em.reset_calls()
    assert con.sql(f"SELECT count(*) FROM {EXPERIMENTS}").fetchall() == [(250,)]
    assert count_operations(em) == {LIST: 6}
    em.reset_calls()
    assert len(con.sql(f"{NAMES} LIMIT 5").fetchall()) == 5
    assert count_operations(em) == {LIST: 2}


def test_tags_on_several_pages_are_complete(em: Emulator, con: Any) -> None:
    add_experiment(em, "a", Tags={f"k{number:02}": "v" for number in range(50)})
    em.options.sparse_pages = True
    ((tags,),) = con.sql(f"SELECT tags FROM {EXPERIMENTS} WHERE name = 'a'").fetchall()
    assert [tag["Key"] for tag in tags] == [f"k{number:02}" for number in range(50)]
    assert count_operations(em) == {DESCRIBE: 1, TAGS: 2}


# Too many calls


def test_throttling_is_waited_out(em: Emulator, con: Any) -> None:
    for number in range(45):
        add_experiment(em, f"e-{number}")
    em.options.throttle = 20
    with con.sql(f"SELECT name, arn FROM {EXPERIMENTS}") as result:
        assert len(result.fetchall()) == 45
        assert max(call.attempts for call in result.calls) > 1


# The account


def test_an_account_that_cannot_be_read_is_an_error_that_names_the_call(em: Emulator, con: Any) -> None:
    add_experiment(em, "a")
    em.inject(Fault("access_denied", operation="GetCallerIdentity"))
    with pytest.raises(AccessDenied, match="GetCallerIdentity") as met:
        con.sql(f"SELECT name, account_id FROM {EXPERIMENTS}")
    assert met.value.permission == "sts:GetCallerIdentity"
    assert con.sql(f"SELECT name, account_id FROM {EXPERIMENTS}").fetchall() == [("a", em.account_id)]


@pytest.mark.parametrize(
    "kind", ["error500", "throttle", "truncated", "truncated_clean", "html", "empty", "reset"]
)
def test_a_second_attempt_recovers_from_a_fault_of_the_account_call(
    em: Emulator, con: Any, kind: str
) -> None:
    add_experiment(em, "a")
    em.inject(Fault(kind, operation="GetCallerIdentity"))
    with con.sql(f"SELECT name, account_id FROM {EXPERIMENTS}") as result:
        assert result.fetchall() == [("a", em.account_id)]
        assert result.calls[0].attempts == 2


# Replies of another kind than the model says

ITEM = {
    "Name": "a",
    "Type": "ShadowMode",
    "Status": "Running",
    "CreationTime": 1.7e9,
    "LastModifiedTime": 1.7e9,
}


@pytest.mark.parametrize(
    "items",
    [
        None,
        {},
        "abc",
        5,
        [None],
        ["a"],
        [[ITEM]],
        [ITEM | {"CreationTime": "soon"}],
        [ITEM | {"CreationTime": 1e300}],
        [ITEM | {"CreationTime": [1]}],
        [ITEM | {"Schedule": "daily"}],
        [ITEM | {"Schedule": {"StartTime": "x"}}],
    ],
    ids=repr,
)
def test_an_unexpected_reply_is_an_error_instead_of_fewer_rows(reply_with: Any, items: object) -> None:
    con = reply_with(orjson.dumps({"InferenceExperiments": items}))
    with pytest.raises(BrokenReply) as met:
        con.sql(f"SELECT name, creation_time, schedule FROM {EXPERIMENTS} LIMIT 5").fetchall()
    assert met.value.operation == LIST
    assert met.value.region == "us-east-1"


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"text"', b"{", b"<html>", b"\xff\xfe", b"{}"])
def test_a_reply_that_is_not_an_object_is_an_error_with_its_request_id(reply_with: Any, body: bytes) -> None:
    with pytest.raises(BrokenReply) as met:
        reply_with(body).sql(NAMES)
    assert met.value.request_id == "request-7"


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("error503", r"ServiceUnavailable: The service is unavailable.*\(request .*After 2 attempts"),
        ("expired_credentials", "expired.*renew or log in again"),
        ("throttle", "is throttled.*Rate exceeded.*After 2 attempts"),
        ("truncated_clean", "not JSON.*After 2 attempts"),
    ],
)
def test_the_message_says_what_happened(em: Emulator, con: Any, kind: str, message: str) -> None:
    em.inject(Fault(kind, times=None))
    con.sql("SET sqlprov_max_attempts = 2")
    with pytest.raises(OperationalError, match=message):
        con.sql(NAMES)


def test_a_bug_is_not_reported_as_an_error_of_the_service(con: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "check_reply", lambda *_: 1 / 0)
    con.sql("SET sqlprov_on_error = 'warn'")
    with pytest.raises(InternalError, match=f"{LIST} in us-east-1: ZeroDivisionError: .* a bug in sqlprov"):
        con.sql(NAMES).fetchall()

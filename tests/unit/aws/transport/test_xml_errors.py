"""Replies in XML that are errors or cut off, as a client receives them, over a new and over an open connection."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from botocore import handlers
from raw_server import RawReply, RawServer, build_reply

from sqlprov.aws.transport.clients import Cloud
from sqlprov.aws.transport.errors import Next, classify
from sqlprov.aws.transport.fast_path import choose_sender
from sqlprov.aws.transport.replies import check_reply
from sqlprov.catalog.table import IamActions
from sqlprov.errors import BrokenReply, ServiceError, Throttled

EC2 = (
    b"<DescribeVpcsResponse><requestId>r</requestId><vpcSet><item><vpcId>a</vpcId></item></vpcSet>"
    b"</DescribeVpcsResponse>"
)
IAM = (
    b"<ListRolesResponse><ListRolesResult><Roles><member><RoleName>a</RoleName>"
    b"<AssumeRolePolicyDocument>%7B%22Version%22%3A%20%222012-10-17%22%7D</AssumeRolePolicyDocument>"
    b"</member></Roles></ListRolesResult></ListRolesResponse>"
)
S3 = b"<ListAllMyBucketsResult><Buckets><Bucket><Name>a</Name></Bucket></Buckets></ListAllMyBucketsResult>"
GOOD = {"ec2": ("DescribeVpcs", EC2), "iam": ("ListRoles", IAM), "s3": ("ListBuckets", S3)}
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>later</Message></Error>"
FAILURE = b"<Error><Code>InternalError</Code><Message>busy</Message></Error>"
ERRORS = {
    "ec2": b"<Response><Errors>%b</Errors></Response>",
    "iam": b"<ErrorResponse>%b</ErrorResponse>",
    "s3": b"%b",
}


def read_outcomes(server: RawServer, service: str, reply: RawReply) -> list[Any]:
    """What becomes of `reply`, as the first one of a connection and as a later one: a reply, or a failure."""
    operation, good = GOOD[service]
    outcomes = []
    for is_first in (True, False):
        with closing(Cloud(endpoint_url=server.url)) as cloud:
            send = choose_sender(cloud.get_client(service, "us-east-1", 10.0), operation, True)
            if not is_first:
                server.replies.append(RawReply([build_reply(good)]))
                send({}, None)
            server.replies.append(reply)
            try:
                outcomes.append(check_reply(send({}, None), (), len)[0])
            except Exception as error:
                outcomes.append(classify(error, operation, "us-east-1", IamActions(service)))
    return outcomes


@pytest.mark.parametrize("service", GOOD)
def test_a_reply_has_its_members(server: RawServer, service: str) -> None:
    first, second = read_outcomes(server, service, RawReply([build_reply(GOOD[service][1])]))
    assert first == second
    assert first.keys() & {"Vpcs", "Roles", "Buckets"}


def test_the_policies_of_iam_are_decoded(server: RawServer) -> None:
    for reply in read_outcomes(server, "iam", RawReply([build_reply(IAM)])):
        assert reply["Roles"][0]["AssumeRolePolicyDocument"] == {"Version": "2012-10-17"}


@pytest.mark.parametrize("service", GOOD)
@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "500 Error"])
def test_an_error_is_an_error_with_any_status(server: RawServer, service: str, status: str) -> None:
    body = ERRORS[service] % FAILURE
    for failure in read_outcomes(server, service, RawReply([build_reply(body, status=status)])):
        assert failure.next is Next.RETRY
        # Only S3 sends errors with a status of success.
        is_known = service == "s3" or not status.startswith("200")
        assert isinstance(failure.error, ServiceError if is_known else BrokenReply)


@pytest.mark.parametrize("start", [b"", b"\n \n", b'<?xml version="1.0" encoding="UTF-8"?>\n'])
@pytest.mark.parametrize("is_removed", [True, False], ids=["botocore as it is", "botocore changed"])
def test_s3_may_ask_to_slow_down_with_a_status_of_success(
    server: RawServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    start: bytes,
    is_removed: bool,
) -> None:
    caplog.set_level("INFO", "sqlprov")
    parsed: list[Any] = []
    parse = handlers._looks_like_special_case_error
    monkeypatch.setattr(
        handlers, "_looks_like_special_case_error", lambda *reply: parsed.append(reply) or parse(*reply)
    )
    if not is_removed:  # the handler has another name
        monkeypatch.delattr(handlers, "_handle_200_error")
    for failure in read_outcomes(server, "s3", RawReply([build_reply(start + SLOW_DOWN)])):
        assert failure.next is Next.SLOW_DOWN
        assert isinstance(failure.error, Throttled)
    assert bool(parsed) is ("parsed twice" in caplog.text) is not is_removed


@pytest.mark.parametrize("service", GOOD)
@pytest.mark.parametrize("body", [b"", b"<html><body>busy</body></html>", b"<html/>", b"busy", b"{}"])
def test_a_body_that_is_not_the_services_is_broken(server: RawServer, service: str, body: bytes) -> None:
    outcomes = read_outcomes(server, service, RawReply([build_reply(body)]))
    if service == "s3" and not body:
        assert all("no body" in str(outcome) for outcome in outcomes)
        return
    for failure in outcomes:
        assert failure.next is Next.RETRY
        assert isinstance(failure.error, BrokenReply)
        assert failure.error.request_id == "request-7"


@pytest.mark.parametrize("service", GOOD)
@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_reply_that_was_cut_off_is_retried(server: RawServer, service: str, end: str) -> None:
    cut = build_reply(GOOD[service][1])[:-30]
    for failure in read_outcomes(server, service, RawReply([cut], end)):
        assert failure.next is Next.RETRY

import http.client
import json
import time

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from sqlprov.emulator import FAULTS, Fault

MODEL = {"ModelName": "m", "PrimaryContainer": {"Image": "repo/image:1"}}


def committed(em):
    return em.get("Model", "us-east-1", "m") is not None


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("error500", 500, "InternalFailure"),
        ("error503", 503, "ServiceUnavailable"),
        ("throttle", 400, "ThrottlingException"),
        ("expired_credentials", 400, "ExpiredTokenException"),
        ("access_denied", 400, "AccessDeniedException"),
    ],
)
def test_an_error_before_the_commit_changes_nothing(em, wire, kind, status, code):
    em.inject(Fault(kind))
    reply = wire("CreateModel", MODEL)
    assert (reply[0], json.loads(reply[2])["__type"]) == (status, code)
    assert not committed(em) and not em.calls[-1].committed
    assert (em.calls[-1].status, em.calls[-1].error) == (status, code)
    assert wire("CreateModel", MODEL)[0] == 200


def test_an_error_after_the_commit_hides_a_success(em, sm):
    em.inject(Fault("error500_after"))
    with pytest.raises(ClientError, match="InternalFailure"):
        sm.create_model(**MODEL)
    assert committed(em) and em.calls[-1].committed and em.calls[-1].status == 500


@pytest.mark.parametrize(("kind", "commits"), [("timeout_before", False), ("timeout_after", True)])
def test_a_timeout_never_answers(em, wire, kind, commits):
    em.inject(Fault(kind))
    with pytest.raises(TimeoutError):
        wire("CreateModel", MODEL, timeout=0.1)
    assert committed(em) is commits
    assert (em.calls[-1].committed, em.calls[-1].status) == (commits, 0)


def test_a_timeout_reaches_boto3_as_one(em, sm):
    em.inject(Fault("timeout_before"))
    with pytest.raises(ReadTimeoutError):
        sm.list_models()


def test_a_held_connection_is_broken_in_the_end(em, sm):
    em.inject(Fault("timeout_before", hold=0.05))
    began = time.monotonic()
    with pytest.raises(ConnectionClosedError):
        sm.list_models()
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize(("kind", "commits"), [("reset", False), ("reset_after", True)])
def test_a_reset_breaks_the_connection(em, wire, kind, commits):
    em.inject(Fault(kind))
    with pytest.raises(ConnectionResetError):
        wire("CreateModel", MODEL)
    assert committed(em) is commits


def test_a_truncated_reply_is_shorter_than_it_says(em, wire):
    em.fill(20)
    em.inject(Fault("truncated"))
    with pytest.raises(http.client.IncompleteRead) as caught:
        wire("ListInferenceExperiments")
    assert caught.value.partial.startswith(b'{"InferenceExperiments":[') and caught.value.expected > 0


def test_a_cleanly_truncated_reply_is_as_long_as_it_says_and_no_json(em, wire):
    em.fill(20)
    em.inject(Fault("truncated_clean"))
    status, headers, body = wire("ListInferenceExperiments")
    assert (status, int(headers["Content-Length"])) == (200, len(body))
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


@pytest.mark.parametrize(
    ("kind", "body"),
    [("html", b"<html>"), ("empty", b""), ("missing_member", b"{}"), ("truncated_clean", b"{")],
)
def test_an_unreadable_reply_hides_a_success(em, wire, kind, body):
    em.inject(Fault(kind))
    status, _, reply = wire("CreateModel", MODEL)
    assert status == 200 and reply.startswith(body)
    assert not reply.endswith(b'model/m"}')
    assert committed(em)


def test_boto3_takes_an_unreadable_list_for_an_empty_one(em, sm):
    em.fill(5)
    for kind in ("html", "empty", "missing_member"):
        em.inject(Fault(kind))
        reply = sm.list_inference_experiments()
        assert not reply.get("InferenceExperiments")
        em.clear_faults()


def test_a_later_page_may_repeat_the_token_it_was_sent(em, sm):
    em.fill(30)
    first = sm.list_inference_experiments()
    em.inject(Fault("repeated_token"))
    second = sm.list_inference_experiments(NextToken=first["NextToken"])
    assert second["NextToken"] == first["NextToken"]
    assert second["InferenceExperiments"] != first["InferenceExperiments"]
    assert sm.list_inference_experiments(NextToken=first["NextToken"])["NextToken"] != first["NextToken"]


@pytest.mark.parametrize("count", [1, 30])
def test_a_first_page_may_give_a_token_that_then_repeats(em, sm, count):
    em.fill(count)
    em.inject(Fault("repeated_token"))
    token = sm.list_inference_experiments()["NextToken"]
    for _ in range(2):
        assert sm.list_inference_experiments(NextToken=token)["NextToken"] == token


def test_a_repeated_token_leaves_other_operations_alone(em, sm):
    em.add("Model", "us-east-1", {"ModelName": "m"})
    em.inject(Fault("repeated_token"))
    assert "NextToken" not in sm.describe_model(ModelName="m")


def statuses(wire, operations, region="us-east-1"):
    return [
        wire(operation, {"ModelName": "m"} if "Describe" in operation else {}, region)[0]
        for operation in operations
    ]


def test_a_fault_hits_the_call_it_counts_to(em, wire):
    em.add("Model", "us-east-1", {"ModelName": "m"})
    em.inject(Fault("error500", at=3, operation="DescribeModel"))
    calls = ["DescribeModel", "ListModels", "DescribeModel", "ListModels", "DescribeModel", "DescribeModel"]
    assert statuses(wire, calls) == [200, 200, 200, 200, 500, 200]


def test_a_fault_lasts_as_many_calls_as_it_says(em, wire):
    em.inject(Fault("error500", at=2, times=2))
    assert statuses(wire, ["ListModels"] * 5) == [200, 500, 500, 200, 200]
    em.inject(Fault("error503", at=2, times=None))
    assert statuses(wire, ["ListModels"] * 4) == [200, 503, 503, 503]
    em.clear_faults()
    assert statuses(wire, ["ListModels"]) == [200]


def test_a_fault_hits_one_region(em, wire):
    em.inject(Fault("error500", region="eu-west-1", times=None))
    assert statuses(wire, ["ListModels"]) == [200]
    assert statuses(wire, ["ListModels"], "eu-west-1") == [500]


def test_a_fault_reaches_sts(em, connect):
    em.inject(Fault("expired_credentials", operation="GetCallerIdentity"))
    with pytest.raises(ClientError, match="ExpiredTokenException"):
        connect(em, service="sts").get_caller_identity()


def test_an_unknown_fault_is_refused():
    with pytest.raises(ValueError, match="'explode' is not a kind of fault"):
        Fault("explode")


@pytest.mark.parametrize("kind", FAULTS)
def test_the_connection_after_a_fault_is_sound(em, sm, kind):
    em.fill(20)
    em.inject(Fault(kind, hold=0.02))
    try:
        sm.list_inference_experiments()
    except Exception as error:
        assert kind not in ("html", "empty", "missing_member", "repeated_token"), error
    em.clear_faults()
    reply = sm.list_inference_experiments(MaxResults=100)
    assert len(reply["InferenceExperiments"]) == 20

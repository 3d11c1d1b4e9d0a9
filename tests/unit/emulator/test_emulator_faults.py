import http.client
import json

import pytest
from botocore.exceptions import ConnectionClosedError

from sqlprov.emulator import Fault

MODEL = {"ModelName": "m", "PrimaryContainer": {"Image": "repo/image:1"}}


def is_committed(em):
    return em.get("Model", "us-east-1", "m") is not None


@pytest.mark.parametrize(
    ("kind", "status", "code", "commits"),
    [
        ("error500", 500, "InternalFailure", False),
        ("error503", 503, "ServiceUnavailable", False),
        ("throttle", 400, "ThrottlingException", False),
        ("expired_credentials", 400, "ExpiredTokenException", False),
        ("access_denied", 400, "AccessDeniedException", False),
        ("error500_after", 500, "InternalFailure", True),
    ],
)
def test_an_error_comes_before_or_after_the_commit(em, send, kind, status, code, commits):
    em.inject(Fault(kind))
    reply = send("CreateModel", MODEL)
    assert (reply[0], json.loads(reply[2])["__type"]) == (status, code)
    assert is_committed(em) is em.calls[-1].committed is commits
    assert (em.calls[-1].status, em.calls[-1].error) == (status, code)
    assert send("CreateModel", MODEL)[0] == (400 if commits else 200)


@pytest.mark.parametrize(
    ("kind", "error", "commits"),
    [
        ("timeout_before", TimeoutError, False),
        ("timeout_after", TimeoutError, True),
        ("reset", ConnectionResetError, False),
        ("reset_after", ConnectionResetError, True),
    ],
)
def test_a_silent_fault_never_answers(em, send, kind, error, commits):
    em.inject(Fault(kind))
    with pytest.raises(error):
        send("CreateModel", MODEL, timeout=0.1 if error is TimeoutError else 5)
    assert is_committed(em) is commits
    assert (em.calls[-1].committed, em.calls[-1].status) == (commits, 0)


def test_a_held_connection_is_closed_after_the_hold(em, connect):
    em.inject(Fault("timeout_before", hold=0.05))
    with pytest.raises(ConnectionClosedError):
        connect(em, read_timeout=60).list_models()


def test_a_truncated_reply_is_shorter_than_it_says(em, send):
    em.fill(20)
    em.inject(Fault("truncated"))
    with pytest.raises(http.client.IncompleteRead) as caught:
        send("ListInferenceExperiments")
    assert caught.value.partial.startswith(b'{"InferenceExperiments":[') and caught.value.expected > 0


@pytest.mark.parametrize(
    ("kind", "body"),
    [("html", b"<html>"), ("empty", b""), ("missing_member", b"{}"), ("truncated_clean", b"{")],
)
def test_an_unreadable_reply_hides_a_success(em, send, kind, body):
    em.inject(Fault(kind))
    status, _, reply = send("CreateModel", MODEL)
    assert status == 200 and reply.startswith(body)
    assert not reply.endswith(b'model/m"}')
    assert is_committed(em)


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


def send_all(send, operations, region="us-east-1"):
    """The HTTP status of each reply."""
    return [send(operation, {"ModelName": "m"}, region)[0] for operation in operations]


def test_a_fault_hits_the_call_it_counts_to(em, send):
    em.add("Model", "us-east-1", {"ModelName": "m"})
    em.inject(Fault("error500", at=3, operation="DescribeModel"))
    calls = ["DescribeModel", "ListModels", "DescribeModel", "ListModels", "DescribeModel", "DescribeModel"]
    assert send_all(send, calls) == [200, 200, 200, 200, 500, 200]


def test_a_fault_lasts_as_many_calls_as_it_says(em, send):
    em.inject(Fault("error500", at=2, times=2))
    assert send_all(send, ["ListModels"] * 5) == [200, 500, 500, 200, 200]
    em.inject(Fault("error503", at=2, times=None))
    assert send_all(send, ["ListModels"] * 4) == [200, 503, 503, 503]
    em.clear_faults()
    assert send_all(send, ["ListModels"]) == [200]


def test_a_fault_hits_one_region(em, send):
    em.inject(Fault("error500", region="eu-west-1", times=None))
    assert send_all(send, ["ListModels"]) == [200]
    assert send_all(send, ["ListModels"], "eu-west-1") == [500]


def test_an_unknown_fault_is_refused():
    with pytest.raises(ValueError, match="'explode' is not a kind of fault"):
        Fault("explode")

import re
import socket
import subprocess
import sys
import threading
import time
from email.utils import parsedate_to_datetime

import orjson
import pytest
from botocore.exceptions import ClientError

from sqlprov.emulator import Emulator, Options


def code(call, **parameters):
    try:
        call(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return ""


def test_sts_tells_the_account(em, connect):
    identity = connect(em, service="sts").get_caller_identity()
    assert identity["Account"] == em.account_id == "123456789012"
    assert identity["Arn"] == "arn:aws:iam::123456789012:user/local"
    assert em.calls[-1].operation == "GetCallerIdentity"


def test_an_unknown_operation_is_refused(em, sm, wire):
    assert code(sm.list_training_jobs) == "UnknownOperationException"
    assert b"UnknownOperationException" in wire("DropEverything")[2]


def test_every_reply_carries_a_request_id_and_a_date(em, wire):
    em.fill(1)
    replies = [
        wire("ListModels"),
        wire("ListInferenceExperiments"),
        wire("DescribeModel", {"ModelName": "x"}),
    ]
    ids = {headers["x-amzn-RequestId"] for _, headers, _ in replies}
    assert len(ids) == 3 and all(
        re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", each) for each in ids
    )
    for _, headers, _ in replies:
        assert abs(parsedate_to_datetime(headers["Date"]).timestamp() - time.time()) < 5
        assert headers["Content-Type"] == "application/x-amz-json-1.1"


def test_times_are_epoch_seconds_with_milliseconds(em, wire):
    em.add("InferenceExperiment", "us-east-1", {"Name": "x", "CreationTime": "2025-05-01T12:00:00.125Z"})
    assert b'"CreationTime":1746100800.125' in wire("ListInferenceExperiments")[2]


def test_calls_are_recorded_in_order_of_arrival(em, connect):
    sm = connect(em, "eu-west-1")
    sm.list_models(MaxResults=5)
    code(sm.describe_model, ModelName="x")
    sm.create_model(ModelName="x", PrimaryContainer={"Image": "i"})
    listed, described, created = em.calls
    assert (listed.operation, listed.region, listed.access_key) == ("ListModels", "eu-west-1", "AKIALOCAL")
    assert (listed.parameters, listed.status, listed.error) == ({"MaxResults": 5}, 200, "")
    assert (described.status, described.error, described.committed) == (400, "ValidationException", False)
    assert created.committed
    assert listed.started <= listed.finished <= described.started <= time.monotonic()
    em.reset_calls()
    assert em.calls == []


def test_latency_delays_each_reply_and_not_the_others(em, connect):
    em.options.latency = 0.1
    sm = connect(em)
    sm.list_models()
    threads = [threading.Thread(target=sm.list_models) for _ in range(5)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.1 <= time.monotonic() - began < 0.4
    assert all(call.finished - call.started >= 0.099 for call in em.calls)


def test_jitter_adds_to_the_latency(em, sm):
    em.options = Options(latency=0.01, jitter=0.05)
    for _ in range(6):
        sm.list_models()
    waits = [call.finished - call.started for call in em.calls]
    assert min(waits) >= 0.009 and max(waits) - min(waits) > 0.005


def test_a_region_is_throttled_above_its_rate(em, connect):
    em.options.throttle = 3
    sm, other = connect(em), connect(em, "eu-west-1")
    assert [code(sm.list_models) for _ in range(5)] == [
        "",
        "",
        "",
        "ThrottlingException",
        "ThrottlingException",
    ]
    assert code(other.list_models) == ""
    time.sleep(0.4)
    assert code(sm.list_models) == ""


def test_a_denied_region_is_refused_as_iam_words_it(em, connect):
    em.options.denied_regions.add("eu-west-1")
    with pytest.raises(ClientError) as caught:
        connect(em, "eu-west-1").list_inference_experiments()
    assert caught.value.response["Error"] == {
        "Code": "AccessDeniedException",
        "Message": "User: arn:aws:iam::123456789012:user/local is not authorized to perform: "
        "sagemaker:ListInferenceExperiments on resource: "
        "arn:aws:sagemaker:eu-west-1:123456789012:inference-experiment/* because no identity-based policy "
        "allows the sagemaker:ListInferenceExperiments action",
    }
    assert code(connect(em).list_inference_experiments) == ""
    assert code(connect(em, "eu-west-1", "sts").get_caller_identity) == ""


def test_a_denied_action_is_refused_everywhere_and_nothing_else(em, sm):
    em.add("EndpointConfig", "us-east-1", {"EndpointConfigName": "c"})
    em.options.denied_actions.update({"DescribeEndpointConfig", "ListTags"})
    with pytest.raises(
        ClientError, match=r"resource: arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/c "
    ):
        sm.describe_endpoint_config(EndpointConfigName="c")
    assert (
        code(sm.list_tags, ResourceArn="arn:aws:sagemaker:us-east-1:123456789012:model/x")
        == "AccessDeniedException"
    )
    assert code(sm.list_endpoint_configs) == ""


def test_a_request_without_signature_is_refused(em):
    with socket.create_connection(("127.0.0.1", int(em.url.rpartition(":")[2])), timeout=2) as raw:
        raw.sendall(b"POST / HTTP/1.1\r\nX-Amz-Target: SageMaker.ListModels\r\nContent-Length: 2\r\n\r\n{}")
        assert b"MissingAuthenticationTokenException" in raw.recv(4096)


def test_requests_may_arrive_in_pieces_and_in_one_piece(em):
    one = (
        b"POST / HTTP/1.1\r\nx-amz-target: SageMaker.ListModels\r\nAuthorization: AWS4-HMAC-SHA256 "
        b"Credential=A/20250101/us-east-1/sagemaker/aws4_request\r\nContent-Length: 2\r\n\r\n{}"
    )
    with socket.create_connection(("127.0.0.1", int(em.url.rpartition(":")[2])), timeout=2) as raw:
        for at in range(0, len(one), 40):
            raw.sendall(one[at : at + 40])
            time.sleep(0.002)
        assert raw.recv(4096).endswith(b'{"Models":[]}')
        raw.sendall(one + one + one.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        received = b""
        while data := raw.recv(4096):
            received += data
        assert received.count(b'{"Models":[]}') == 3


@pytest.mark.parametrize("request_", [b"GET / HTTP/1.1\r\n\r\n", b"nonsense\r\n\r\n"])
def test_what_is_no_api_request_is_refused_and_closed(em, request_):
    with socket.create_connection(("127.0.0.1", int(em.url.rpartition(":")[2])), timeout=2) as raw:
        raw.sendall(request_)
        assert raw.recv(4096).startswith(b"HTTP/1.1 400")
        assert raw.recv(4096) == b""


def test_it_stops_and_starts_again_with_what_it_held(connect):
    em = Emulator()
    em.add("Model", "us-east-1", {"ModelName": "m"})
    with pytest.raises(RuntimeError, match="not running"):
        _ = em.url
    for _ in range(2):
        em.start()
        assert connect(em).describe_model(ModelName="m")["ModelName"] == "m"
        em.stop()


def test_stopping_breaks_open_connections(em):
    raw = socket.create_connection(("127.0.0.1", int(em.url.rpartition(":")[2])), timeout=2)
    with raw:
        time.sleep(0.02)
        em.stop()
        assert raw.recv(1) == b""


SERVER = """
from sqlprov.emulator import Emulator
em = Emulator()
em.fill(100_000)
with em:
    print(em.url, flush=True)
    input()
status = open("/proc/self/status").read()
print(status.split("VmHWM:")[1].split()[0])
"""


def test_a_hundred_thousand_experiments_fit_in_500_megabytes_and_are_paged_quickly():
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline().rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
            rows, token, began = 0, "", time.monotonic()
            while rows == 0 or token:
                reply = orjson.loads(
                    exchange(raw, {"MaxResults": 100, "SortBy": "CreationTime", "NextToken": token})
                )
                rows += len(reply["InferenceExperiments"])
                token = reply.get("NextToken", "")
        seconds = time.monotonic() - began
        kilobytes, _ = server.communicate("\n", timeout=20)
    assert rows == 100_000
    assert int(kilobytes) < 500_000
    # Several times what it takes: the machine may be busy. It guards against work that grows with the rows.
    assert seconds < 10


def exchange(raw, parameters):
    """The body of the reply to one List request."""
    body = orjson.dumps(parameters)
    raw.sendall(
        b"POST / HTTP/1.1\r\nX-Amz-Target: SageMaker.ListInferenceExperiments\r\nAuthorization: AWS4-HMAC-SHA256 "
        b"Credential=A/20250101/us-east-1/sagemaker/aws4_request\r\nContent-Length: %d\r\n\r\n"
        % len(body)
        + body
    )
    reply = raw.recv(65536)
    end = reply.index(b"\r\n\r\n") + 4
    length = int(reply.split(b"Content-Length: ")[1].split(b"\r")[0])
    while len(reply) < end + length:
        reply += raw.recv(65536)
    return reply[end:]

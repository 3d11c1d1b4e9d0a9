import contextlib
import re
import subprocess
import sys
import threading
import time
from email.utils import parsedate_to_datetime

import pytest
from botocore.exceptions import ConnectionClosedError
from client_errors import code_of, error_of
from emulator_calls import wait_until
from local_sagemaker import plain_client

from sqlprov.emulator import Emulator, Options


def test_sts_returns_the_account(em, connect):
    identity = connect(em, service="sts").get_caller_identity()
    assert identity["Account"] == em.account_id == "123456789012"
    assert identity["Arn"] == "arn:aws:iam::123456789012:user/local"
    assert em.calls[-1].operation == "GetCallerIdentity"


def test_an_unknown_operation_is_refused(em, sm, send):
    assert code_of(sm.list_training_jobs) == "UnknownOperationException"
    assert b"UnknownOperationException" in send("DropEverything")[2]


def test_every_reply_carries_a_request_id_and_a_date(em, send):
    em.fill(1)
    replies = [
        send("ListModels"),
        send("ListInferenceExperiments"),
        send("DescribeModel", {"ModelName": "x"}),
    ]
    ids = {headers["x-amzn-RequestId"] for _, headers, _ in replies}
    assert len(ids) == 3 and all(
        re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", each) for each in ids
    )
    for _, headers, _ in replies:
        assert abs(parsedate_to_datetime(headers["Date"]).timestamp() - time.time()) < 5
        assert headers["Content-Type"] == "application/x-amz-json-1.1"


def test_times_are_epoch_seconds_with_milliseconds(em, send):
    em.add("InferenceExperiment", "us-east-1", {"Name": "x", "CreationTime": "2025-05-01T12:00:00.125Z"})
    assert b'"CreationTime":1746100800.125' in send("ListInferenceExperiments")[2]


def test_calls_are_recorded_in_order_of_arrival(em, connect):
    sm = connect(em, "eu-west-1")
    sm.list_models(MaxResults=5)
    code_of(sm.describe_model, ModelName="x")
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
    em.options.latency = 60
    sm = connect(em, read_timeout=60)

    def list_models():
        with contextlib.suppress(ConnectionClosedError):
            sm.list_models()

    threads = [threading.Thread(target=list_models) for _ in range(5)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(em.calls) == 5)
    assert not any(call.finished for call in em.calls)
    em.stop()
    for thread in threads:
        thread.join()


def test_a_reply_waits_for_the_latency_and_some_jitter(em, sm):
    em.options = Options(latency=0.01, jitter=0.05)
    for _ in range(6):
        sm.list_models()
    waits = [call.finished - call.started for call in em.calls]
    assert min(waits) >= 0.009 and max(waits) - min(waits) > 0.005


def test_a_region_is_throttled_above_its_rate(em, connect, clock):
    em.options.throttle = 3
    sm, other = connect(em), connect(em, "eu-west-1")
    assert [code_of(sm.list_models) for _ in range(5)] == ["", "", "", *["ThrottlingException"] * 2]
    assert code_of(other.list_models) == ""
    clock.advance(0.5)
    assert [code_of(sm.list_models) for _ in range(2)] == ["", "ThrottlingException"]


def test_a_denied_region_is_refused_in_the_words_of_iam(em, connect):
    em.options.denied_regions.add("eu-west-1")
    code, message, _ = error_of(connect(em, "eu-west-1").list_inference_experiments)
    assert code == "AccessDeniedException"
    assert message == (
        "User: arn:aws:iam::123456789012:user/local is not authorized to perform: "
        "sagemaker:ListInferenceExperiments on resource: "
        "arn:aws:sagemaker:eu-west-1:123456789012:inference-experiment/* because no identity-based policy "
        "allows the sagemaker:ListInferenceExperiments action"
    )
    assert code_of(connect(em).list_inference_experiments) == ""
    assert code_of(connect(em, "eu-west-1", "sts").get_caller_identity) == ""


def test_a_denied_action_is_refused_everywhere_and_nothing_else(em, sm):
    em.add("EndpointConfig", "us-east-1", {"EndpointConfigName": "c"})
    em.options.denied_actions.update({"DescribeEndpointConfig", "ListTags"})
    arn = "arn:aws:sagemaker:us-east-1:123456789012"
    _, message, _ = error_of(sm.describe_endpoint_config, EndpointConfigName="c")
    assert f"resource: {arn}:endpoint-config/c " in message
    assert code_of(sm.list_tags, ResourceArn=f"{arn}:model/x") == "AccessDeniedException"
    assert code_of(sm.list_endpoint_configs) == ""


def test_a_request_without_signature_is_refused(raw):
    raw.sendall(
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: SageMaker.ListModels\r\nContent-Length: 2\r\n\r\n{}"
    )
    assert b"MissingAuthenticationTokenException" in raw.recv(4096)


LIST_MODELS = (
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nx-amz-target: SageMaker.ListModels\r\nAuthorization: AWS4-HMAC-SHA256 "
    b"Credential=A/20250101/us-east-1/sagemaker/aws4_request\r\nContent-Length: 2\r\n\r\n{}"
)


def test_requests_may_arrive_in_pieces_and_in_one_piece(raw, sm):
    for at in range(0, len(LIST_MODELS), 40):
        raw.sendall(LIST_MODELS[at : at + 40])
        sm.list_models()  # the server reads in order of arrival: it has read the piece when this returns
    assert raw.recv(4096).endswith(b'{"Models":[]}')
    raw.sendall(LIST_MODELS * 2 + LIST_MODELS.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
    received = b""
    while data := raw.recv(4096):
        received += data
    assert received.count(b'{"Models":[]}') == 3


@pytest.mark.parametrize(
    "invalid",
    [
        b"TRACE / HTTP/1.1\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    ],
)
def test_an_invalid_request_is_refused_and_its_connection_closed(raw, invalid):
    raw.sendall(invalid)
    assert raw.recv(4096).startswith(b"HTTP/1.1 400")
    assert raw.recv(4096) == b""


def test_it_starts_again_with_its_resources(connect):
    em = Emulator()
    em.add("Model", "us-east-1", {"ModelName": "m"})
    with pytest.raises(RuntimeError, match="not running"):
        _ = em.url
    for _ in range(2):
        em.start()
        assert connect(em).describe_model(ModelName="m")["ModelName"] == "m"
        em.stop()


def test_stopping_closes_open_connections(em, raw):
    raw.sendall(LIST_MODELS)
    assert raw.recv(4096)
    em.stop()
    assert raw.recv(1) == b""


SERVER = """
import time
from sqlprov.emulator import Emulator
em = Emulator()
em.fill(20_000)
with em:
    print(em.url, flush=True)
    began = time.process_time()
    input()
    print(time.process_time() - began)
status = open("/proc/self/status").read()  # ru_maxrss would be that of the process that forked this one
print(status.split("VmHWM:")[1].split()[0])
"""


def test_experiments_take_little_memory_and_each_page_little_work():
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        sm = plain_client(url)
        pages = sm.get_paginator("list_inference_experiments").paginate(
            SortBy="CreationTime", PaginationConfig={"PageSize": 100}
        )
        rows = sum(len(page["InferenceExperiments"]) for page in pages)
        sm.close()
        seconds, kilobytes = server.communicate("\n", timeout=600)[0].split()
    assert rows == 20_000
    assert int(kilobytes) < 120_000, kilobytes  # dicts instead of JSON would add 70,000
    assert float(seconds) < 2, seconds  # of CPU: a page takes less than a millisecond

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from experiment_members import sampling, variant
from local_sagemaker import plain_client

from sqlprov.emulator import Emulator, Options

Client = Any


class Clock:
    """The service's clock, which stands still until a test advances it."""

    def __init__(self) -> None:
        self.now = float(int(time.time()))  # whole seconds add up exactly

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def em(clock: Clock) -> Iterator[Emulator]:
    with Emulator(Options(clock=clock)) as emulator:
        yield emulator


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    """Opens clients of any emulator, region and service, which are closed at the end."""
    clients: list[Client] = []

    def open_client(
        emulator: Emulator, region: str = "us-east-1", service: str = "sagemaker", **more: float
    ) -> Client:
        clients.append(plain_client(emulator.url, "AKIALOCAL", region, service, **more))
        return clients[-1]

    yield open_client
    for client in clients:
        client.close()


@pytest.fixture
def sm(em: Emulator, connect: Callable[..., Client]) -> Client:
    return connect(em)


@pytest.fixture
def send(em: Emulator) -> Iterator[Callable[..., Any]]:
    """Sends one request as plain HTTP; returns status, headers and body."""
    connections: list[http.client.HTTPConnection] = []

    def send_request(operation: str, body: Any = None, region: str = "us-east-1", timeout: float = 5) -> Any:
        connection = http.client.HTTPConnection(em.url.removeprefix("http://"), timeout=timeout)
        connections.append(connection)
        credential = f"AKIALOCAL/20250101/{region}/sagemaker/aws4_request"
        headers = {
            "X-Amz-Target": f"SageMaker.{operation}",
            "Content-Type": "application/x-amz-json-1.1",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0",
        }
        data = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        connection.request("POST", "/", data, headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()

    yield send_request
    for connection in connections:
        connection.close()


@pytest.fixture
def raw(em: Emulator) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", int(em.url.rpartition(":")[2])), timeout=5) as connection:
        yield connection


@pytest.fixture
def creatable() -> Callable[..., dict[str, Any]]:
    """Valid input of CreateInferenceExperiment."""

    def members(name: str = "trial", **more: Any) -> dict[str, Any]:
        return {
            "Name": name,
            "Type": "ShadowMode",
            "RoleArn": "arn:aws:iam::123456789012:role/Execution",
            "EndpointName": "search",
            "ModelVariants": [variant("production"), variant("shadow")],
            "ShadowModeConfig": sampling(10),
        } | more

    return members

import http.client
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sqlprov.emulator import Emulator

os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
SESSION = boto3.Session(aws_access_key_id="AKIALOCAL", aws_secret_access_key="local")
CONFIG = Config(retries={"total_max_attempts": 1}, parameter_validation=False, read_timeout=2)

Client = Any


@pytest.fixture
def em() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    """Clients of any emulator and region, closed at the end."""
    clients: list[Client] = []

    def client(emulator: Emulator, region: str = "us-east-1", service: str = "sagemaker") -> Client:
        made = SESSION.client(service, region_name=region, endpoint_url=emulator.url, config=CONFIG)
        clients.append(made)
        return made

    yield client
    for made in clients:
        made.close()


@pytest.fixture
def sm(em: Emulator, connect: Callable[..., Client]) -> Client:
    return connect(em)


@pytest.fixture
def wire(em: Emulator) -> Iterator[Callable[..., Any]]:
    """Send one request as raw HTTP; answers status, headers and body."""
    connections: list[http.client.HTTPConnection] = []

    def send(operation: str, body: Any = None, region: str = "us-east-1", timeout: float = 2) -> Any:
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

    yield send
    for connection in connections:
        connection.close()


@pytest.fixture
def creatable() -> Callable[..., dict[str, Any]]:
    """Valid input of CreateInferenceExperiment."""

    def members(name: str = "trial", **more: Any) -> dict[str, Any]:
        def variant(name: str, model: str) -> dict[str, Any]:
            real_time = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1}
            infrastructure = {"InfrastructureType": "RealTimeInference", "RealTimeInferenceConfig": real_time}
            return {"ModelName": model, "VariantName": name, "InfrastructureConfig": infrastructure}

        shadows = [{"ShadowModelVariantName": "shadow", "SamplingPercentage": 10}]
        return {
            "Name": name,
            "Type": "ShadowMode",
            "RoleArn": "arn:aws:iam::123456789012:role/Execution",
            "EndpointName": "search",
            "ModelVariants": [variant("production", "model-a"), variant("shadow", "model-b")],
            "ShadowModeConfig": {"SourceModelVariantName": "production", "ShadowModelVariants": shadows},
        } | more

    return members

"""Opens connections and clients to a local SageMaker and adds experiments."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import boto3
from botocore.config import Config
from experiment_members import VARIANTS, sampling

from sqlprov.api.connection import Connection
from sqlprov.aws.transport.accounts import AccountFinder
from sqlprov.aws.transport.clients import Cloud
from sqlprov.catalog import Catalog
from sqlprov.duck.database import open_database
from sqlprov.duck.session import Session
from sqlprov.settings import Settings

REGION = "us-east-1"
EXPERIMENTS = "aws.sagemaker.inference_experiments"
ROLE = "arn:aws:iam::123456789012:role/service"
KEY = "AKIAOURS"
"""Access key that marks our calls in the emulator's log."""
CATALOG = Catalog()


def connection(url: str, key: str = KEY, **settings: object) -> Connection:
    """A connection to the server at `url`, with the settings by name."""
    chosen = Settings(regions=REGION)
    for name, value in settings.items():
        chosen = chosen.with_value(name, str(value))
    cloud = Cloud(endpoint_url=url, credentials=(key, "secret"))
    return Connection(Session(CATALOG, AccountFinder(cloud), open_database()), chosen)


def plain_client(
    url: str,
    key: str = "AKIAOTHER",
    region: str = REGION,
    service: str = "sagemaker",
    read_timeout: float = 60,
) -> Any:
    """boto3 as it is, but for its own checks and retries."""
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=url,
        aws_access_key_id=key,
        aws_secret_access_key="secret",
        config=Config(
            parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=read_timeout
        ),
    )


def post(url: str, operation: str, parameters: dict[str, Any], key: str = "AKIAOTHER") -> tuple[int, str]:
    """Status and body of one request: what boto3 would send, without any check of its own."""
    scope = f"AWS4-HMAC-SHA256 Credential={key}/20350101/{REGION}/sagemaker/aws4_request, Signature=0"
    headers = {"X-Amz-Target": f"SageMaker.{operation}", "Authorization": scope}
    request = urllib.request.Request(url, json.dumps(parameters).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


LATER = {"StartTime": "2035-01-01T00:00:00Z", "EndTime": "2035-01-05T00:00:00Z"}
"""A schedule with which an experiment stays Created."""


def experiment(name: str, **members: Any) -> dict[str, Any]:
    """The members of Create, as JSON has them."""
    return {
        "Name": name,
        "Type": "ShadowMode",
        "RoleArn": ROLE,
        "EndpointName": "endpoint",
        "ModelVariants": VARIANTS,
        "ShadowModeConfig": sampling(20),
        **members,
    }


def text(value: Any) -> str:
    """A value as SQL text; what is nested as JSON."""
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "'" + written.replace("'", "''") + "'"


def insert(members: dict[str, Any], table: str = EXPERIMENTS, region: str = REGION) -> str:
    """INSERT of one row with every value as a string."""
    values = {**members, "region": region}
    return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(text(v) for v in values.values())})"

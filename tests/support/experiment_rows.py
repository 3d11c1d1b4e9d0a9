"""One inference experiment as Describe answers it, and writes to it."""

from __future__ import annotations

from typing import Any

from sqlprov.catalog import Catalog
from sqlprov.plan.write.steps import Done, Found, Kind, Refuse, Request, Step, Wait, Write
from sqlprov.plan.write.write import next_step

CATALOG = Catalog()
TABLE = CATALOG.table("aws", "sagemaker", "inference_experiments")
ARN = "arn:aws:sagemaker:us-east-1:123456789012:inference-experiment/trial"
BORN, START, END = 1735689600.0, 1735700000.5, 1736000000.0


def variant(name: str, **members: Any) -> dict[str, Any]:
    real_time = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1}
    infrastructure = {"InfrastructureType": "RealTimeInference", "RealTimeInferenceConfig": real_time}
    return {
        "ModelName": f"model-{name}",
        "VariantName": name,
        "InfrastructureConfig": infrastructure,
    } | members


VARIANTS = [variant("production"), variant("shadow")]


def sampling(percentage: int, shadow: str = "shadow") -> dict[str, Any]:
    shadows = [{"ShadowModelVariantName": shadow, "SamplingPercentage": percentage}]
    return {"SourceModelVariantName": "production", "ShadowModelVariants": shadows}


def found(state: str = "Created", tags: dict[str, str] | None = None, **members: Any) -> Found:
    described = {
        "Name": "trial",
        "Arn": ARN,
        "Type": "ShadowMode",
        "RoleArn": "arn:aws:iam::123456789012:role/Execution",
        "Status": state,
        "Description": "old",
        "CreationTime": BORN,
        "Schedule": {"StartTime": START, "EndTime": END},
        "EndpointMetadata": {"EndpointName": "search", "EndpointStatus": "InService"},
        "ModelVariants": [{**one, "Status": "InService"} for one in VARIANTS],
        "DataStorageConfig": {"Destination": "s3://b/p", "KmsKey": "k"},
        "ShadowModeConfig": sampling(10),
    }
    return Found({**described, **members}, {"team": "core"} if tags is None else tags)


def update(**what: Any) -> Write:
    values = {name: what.pop(name) for name in list(what) if name[0].isupper()}
    return Write(TABLE, Kind.UPDATE, "us-east-1", ("trial",), values, **what)


def delete() -> Write:
    return Write(TABLE, Kind.DELETE, "us-east-1", ("trial",), {})


def execute(method: str, **values: Any) -> Write:
    return Write(TABLE, Kind.EXEC, "us-east-1", ("trial",), values, method=method)


def insert(**values: Any) -> Write:
    return Write(TABLE, Kind.INSERT, "us-east-1", ("trial",), {"Name": "trial", **values})


def request(write: Write, now: Found | None, *done: Request) -> Request:
    step = next_step(write, now, done)
    assert isinstance(step, Request), step
    return step


def refusal(write: Write, now: Found | None, *done: Request) -> str:
    step = next_step(write, now, done)
    assert isinstance(step, Refuse), step
    return step.reason


def brief(step: Step) -> str:
    """A step in one word: the call without the noun, `wait`, `refuse` or `ok`."""
    words = {Wait: "wait", Refuse: "refuse", Done: "ok"}
    return (
        step.operation.removesuffix("InferenceExperiment") if isinstance(step, Request) else words[type(step)]
    )

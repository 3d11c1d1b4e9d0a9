"""A few members of a resource in, a complete record out; for data that no Create call made."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlprov.emulator.api_model import Kind, service_model
from sqlprov.emulator.context import ACCOUNT, Members
from sqlprov.emulator.store import Record

ROLE = f"arn:aws:iam::{ACCOUNT}:role/SageMakerExecution"
_IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/serving:1"


def complete(kind: Kind, region: str, given: Members, now: float) -> Record:
    """Raises ValueError for a member that neither Create nor Describe has."""
    created = service_model().operation_model(f"Create{kind.noun}").input_shape.members
    if unknown := set(given) - set(created) - set(kind.described):
        raise ValueError(f"{kind.noun} has no {', '.join(sorted(unknown))}")
    members: Members = {name: _plain(name, value) for name, value in given.items() if value is not None}
    tags = members.pop("Tags", {})
    if isinstance(tags, list):
        tags = {tag["Key"]: tag["Value"] for tag in tags}
    members.pop(kind.arn, None)
    members = _DEFAULTS[kind.noun](members[kind.key]) | {"CreationTime": now} | members
    if "LastModifiedTime" in kind.columns:
        changed = max(members["CreationTime"], members.get("CompletionTime", 0))
        members.setdefault("LastModifiedTime", changed)
    if members.get("Status") in ("Completed", "Cancelled"):
        members.setdefault("CompletionTime", members["LastModifiedTime"])
    return Record(kind, region, members, tags)


def variant(name: str, model: str, instance: str = "ml.m5.xlarge", count: int = 1) -> Members:
    """A model variant of an inference experiment."""
    config = {"InstanceType": instance, "InstanceCount": count}
    infrastructure = {"InfrastructureType": "RealTimeInference", "RealTimeInferenceConfig": config}
    return {"ModelName": model, "VariantName": name, "InfrastructureConfig": infrastructure}


def shadow_mode(source: str, shadow: str, percentage: int) -> Members:
    """The configuration of a shadow test."""
    shadows = [{"ShadowModelVariantName": shadow, "SamplingPercentage": percentage}]
    return {"SourceModelVariantName": source, "ShadowModelVariants": shadows}


def _experiment(name: str) -> Members:
    short = name[:50]
    return {
        "Name": name,
        "Type": "ShadowMode",
        "Status": "Created",
        "RoleArn": ROLE,
        "EndpointName": f"{short}-endpoint",
        "ModelVariants": [variant("production", f"{short}-a"), variant("shadow", f"{short}-b")],
        "ShadowModeConfig": shadow_mode("production", "shadow", 50),
    }


def _model(name: str) -> Members:
    data = f"s3://models/{name}/model.tar.gz"
    container = {"Image": _IMAGE, "Mode": "SingleModel", "ModelDataUrl": data, "Environment": {}}
    return {
        "ModelName": name,
        "PrimaryContainer": container,
        "ExecutionRoleArn": ROLE,
        "EnableNetworkIsolation": False,
    }


def _endpoint_config(name: str) -> Members:
    produced = {
        "VariantName": "production",
        "ModelName": name,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.xlarge",
        "InitialVariantWeight": 1.0,
    }
    return {"EndpointConfigName": name, "ProductionVariants": [produced], "EnableNetworkIsolation": False}


def _endpoint(name: str) -> Members:
    running = {
        "VariantName": "production",
        "DeployedImages": [{"SpecifiedImage": _IMAGE, "ResolvedImage": _IMAGE}],
        "CurrentWeight": 1.0,
        "DesiredWeight": 1.0,
        "CurrentInstanceCount": 1,
        "DesiredInstanceCount": 1,
    }
    return {
        "EndpointName": name,
        "EndpointConfigName": f"{name[:56]}-config",
        "ProductionVariants": [running],
        "EndpointStatus": "InService",
    }


_DEFAULTS = {
    "InferenceExperiment": _experiment,
    "Model": _model,
    "EndpointConfig": _endpoint_config,
    "Endpoint": _endpoint,
}


def _plain(name: str, value: Any) -> Any:
    """A value as JSON has it; times become epoch seconds to the millisecond."""
    if isinstance(value, dict):
        return {key: _plain(key, item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_plain("", item) for item in value]
    if isinstance(value, str) and name.endswith("Time"):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        zoned = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return round(zoned.timestamp(), 3)
    return value

"""Completes resources that no Create call made: adds defaults for the members that are not given."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlprov.emulator.api_model import load_model, load_resource_kinds
from sqlprov.emulator.context import Members
from sqlprov.emulator.options import ACCOUNT
from sqlprov.emulator.store import Record


def complete(noun: str, region: str, written: Members, now: float, account: str = ACCOUNT) -> Record:
    """Raises ValueError for a member that neither Create nor Describe has."""
    kind = load_resource_kinds()[noun]
    inputs = load_model().operation_model(f"Create{noun}").input_shape.members
    if unknown := set(written) - set(inputs) - set(kind.describe_members):
        raise ValueError(f"{noun} has no member {', '.join(sorted(unknown))}")
    members: Members = {name: _to_json(name, value) for name, value in written.items() if value is not None}
    tags = members.pop("Tags", {})
    if isinstance(tags, list):
        tags = {tag["Key"]: tag["Value"] for tag in tags}
    members.pop(kind.arn, None)
    members = (
        _make_defaults(noun, members[kind.key], build_role_arn(account)) | {"CreationTime": now} | members
    )
    if "LastModifiedTime" in kind.columns:
        changed = max(members["CreationTime"], members.get("CompletionTime", 0))
        members.setdefault("LastModifiedTime", changed)
    if members.get("Status") in ("Completed", "Cancelled"):
        members.setdefault("CompletionTime", members["LastModifiedTime"])
    return Record(noun, region, members, tags)


def make_model_variant(name: str, model: str, instance: str = "ml.m5.xlarge", count: int = 1) -> Members:
    """A variant of an inference experiment."""
    config = {"InstanceType": instance, "InstanceCount": count}
    infrastructure = {"InfrastructureType": "RealTimeInference", "RealTimeInferenceConfig": config}
    return {"ModelName": model, "VariantName": name, "InfrastructureConfig": infrastructure}


def make_shadow_mode(percentage: int) -> Members:
    """The configuration of a shadow test of the variants `production` and `shadow`."""
    shadows = [{"ShadowModelVariantName": "shadow", "SamplingPercentage": percentage}]
    return {"SourceModelVariantName": "production", "ShadowModelVariants": shadows}


def make_config_variant(model: str, instance: str = "ml.m5.xlarge", count: int = 1) -> Members:
    """A variant of an endpoint config."""
    return {
        "VariantName": "production",
        "ModelName": model,
        "InitialInstanceCount": count,
        "InstanceType": instance,
        "InitialVariantWeight": 1.0,
    }


def make_endpoint_variant(region: str = "us-east-1", count: int = 1, **resolved: str) -> Members:
    """A variant of an endpoint; `resolved` adds members to its deployed image."""
    image = build_image_uri(region)
    return {
        "VariantName": "production",
        "DeployedImages": [{"SpecifiedImage": image, "ResolvedImage": image} | resolved],
        "CurrentWeight": 1.0,
        "DesiredWeight": 1.0,
        "CurrentInstanceCount": count,
        "DesiredInstanceCount": count,
    }


def build_role_arn(account: str) -> str:
    return f"arn:aws:iam::{account}:role/SageMakerExecution"


def build_image_uri(region: str = "us-east-1") -> str:
    return f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com/serving:1"


def _make_defaults(noun: str, name: str, role: str) -> Members:
    match noun:
        case "InferenceExperiment":
            short = name[:50]
            return {
                "Type": "ShadowMode",
                "Status": "Created",
                "RoleArn": role,
                "EndpointName": f"{short}-endpoint",
                "ModelVariants": [
                    make_model_variant("production", f"{short}-a"),
                    make_model_variant("shadow", f"{short}-b"),
                ],
                "ShadowModeConfig": make_shadow_mode(50),
            }
        case "Model":
            container = {
                "Image": build_image_uri(),
                "Mode": "SingleModel",
                "ModelDataUrl": f"s3://models/{name}/model.tar.gz",
                "Environment": {},
            }
            return {"PrimaryContainer": container, "ExecutionRoleArn": role, "EnableNetworkIsolation": False}
        case "EndpointConfig":
            return {"ProductionVariants": [make_config_variant(name)], "EnableNetworkIsolation": False}
    return {
        "EndpointConfigName": f"{name[:56]}-config",
        "ProductionVariants": [make_endpoint_variant()],
        "EndpointStatus": "InService",
    }


def _to_json(name: str, value: Any) -> Any:
    """A value as JSON has it; times become epoch seconds to the millisecond."""
    if isinstance(value, dict):
        return {key: _to_json(key, item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_to_json("", item) for item in value]
    if isinstance(value, str) and name.endswith("Time"):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        zoned = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return round(zoned.timestamp(), 3)
    return value

"""The sample data of `--local`: one small company's shadow tests in three regions, with fixed times."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from sqlprov.emulator.context import Members
from sqlprov.emulator.defaults import (
    build_image_uri,
    make_config_variant,
    make_endpoint_variant,
    make_model_variant,
    make_shadow_mode,
)
from sqlprov.emulator.organization import Member

_BUSY = {"Creating", "Starting", "Updating", "Stopping"}


def load_resources() -> Iterator[tuple[str, str, Members]]:
    """Noun, region and members of every resource: 12 experiments, with their endpoints, configs and models."""
    experiments = _read("sample_experiments.csv")
    for row in experiments:
        yield "InferenceExperiment", row["region"], _make_experiment(row)
        yield "Model", row["region"], _make_model(row["region"], f"{row['name']}-v2", row["created"])
    for row in _read("sample_endpoints.csv"):
        region, name = row["region"], row["name"]
        shadow_tests = [each for each in experiments if (each["region"], each["endpoint"]) == (region, name)]
        yield "Model", region, _make_model(region, f"{name}-v1", row["created"])
        yield "EndpointConfig", region, _make_endpoint_config(row)
        yield "Endpoint", region, _make_endpoint(row, shadow_tests)


def load_accounts() -> Iterator[Member]:
    """The accounts of the organisation, the management account first."""
    for row in _read("sample_accounts.csv"):
        yield Member(row["id"], row["name"], unit=row["unit"], roles=None)


def _read(file: str) -> list[dict[str, str]]:
    with Path(__file__).with_name(file).open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def _make_experiment(row: dict[str, str]) -> Members:
    percentage = int(row["percentage"])
    members: Members = {
        "Name": row["name"],
        "Description": row["description"] or None,
        "Status": row["status"],
        "StatusReason": row["reason"] or None,
        "EndpointName": row["endpoint"],
        "CreationTime": row["created"],
        "LastModifiedTime": row["changed"],
        "ModelVariants": [
            make_model_variant("production", f"{row['endpoint']}-v1", row["instance"], 2),
            make_model_variant("shadow", f"{row['name']}-v2", row["instance"]),
        ],
        "ShadowModeConfig": make_shadow_mode(percentage),
        "Tags": {"team": row["team"], "stage": "test" if percentage < 50 else "prod"},
    }
    if row["start"]:
        members["Schedule"] = {"StartTime": row["start"], "EndTime": row["end"]}
    if percentage >= 40:
        members["DataStorageConfig"] = {
            "Destination": f"s3://experiments-{row['region']}/{row['name']}",
            "ContentType": {"JsonContentTypes": ["application/json"]},
        }
    if row["team"] == "payments":
        members["KmsKey"] = "alias/payments"
    return members


def _make_endpoint_config(row: dict[str, str]) -> Members:
    return {
        "EndpointConfigName": f"{row['name']}-config",
        "ProductionVariants": [make_config_variant(f"{row['name']}-v1", row["instance"], 2)],
        "CreationTime": row["created"],
        "Tags": {"team": row["team"]},
    }


def _make_endpoint(row: dict[str, str], shadow_tests: list[dict[str, str]]) -> Members:
    busy = any(test["status"] in _BUSY for test in shadow_tests)
    return {
        "EndpointName": row["name"],
        "EndpointConfigName": f"{row['name']}-config",
        "EndpointStatus": "Updating" if busy else "InService",
        "ProductionVariants": [make_endpoint_variant(row["region"], 2, ResolutionTime=row["created"])],
        "CreationTime": row["created"],
        "LastModifiedTime": max(test["changed"] for test in shadow_tests),
        "Tags": {"team": row["team"]},
    }


def _make_model(region: str, name: str, created: str) -> Members:
    container = {
        "Image": build_image_uri(region),
        "Mode": "SingleModel",
        "ModelDataUrl": f"s3://models-{region}/{name}/model.tar.gz",
        "Environment": {"LOG_LEVEL": "info"},
    }
    return {"ModelName": name, "PrimaryContainer": container, "CreationTime": created}

"""The data set of `--local`: one small company's shadow tests in three regions, with fixed times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlprov.emulator.context import ACCOUNT, Members
from sqlprov.emulator.defaults import ROLE, shadow_mode, variant


class _Test(NamedTuple):
    region: str
    name: str
    endpoint: str
    status: str
    instance: str
    percentage: int
    created: str
    changed: str
    team: str
    description: str | None = None
    reason: str | None = None
    schedule: tuple[str, str] | None = None


_EAST, _EU, _WEST = "us-east-1", "eu-west-1", "us-west-2"
_TESTS = (
    _Test(
        *(_EAST, "search-relevance", "search", "Running", "ml.g5.xlarge", 40),
        *("2025-05-26T08:30:00.125", "2025-05-26T08:41:12.480", "search"),
        *("BM25 hybrid against the two-tower model", None, ("2025-05-26T08:40:00", "2025-06-09T08:40:00")),
    ),
    _Test(
        *(_EAST, "fraud-xgboost-17", "payments-fraud", "Running", "ml.c5.2xlarge", 100),
        *("2025-05-28T13:05:44.902", "2025-05-28T13:17:03.350", "payments"),
        *("XGBoost 1.7 on all traffic", None, ("2025-05-28T13:15:00", "2025-06-04T13:15:00")),
    ),
    _Test(
        *(_EAST, "fraud-lightgbm", "payments-fraud", "Completed", "ml.c5.2xlarge", 50),
        *("2025-04-14T09:00:00.000", "2025-04-21T09:12:31.007", "payments"),
        *("LightGBM instead of XGBoost", None, ("2025-04-14T09:10:00", "2025-04-21T09:10:00")),
    ),
    _Test(
        *(_EAST, "churn-transformer", "churn", "Cancelled", "ml.g5.2xlarge", 10),
        *("2025-03-03T15:20:10.500", "2025-03-04T07:45:59.018", "growth"),
        *("Transformer against gradient boosting", "p99 latency of the shadow above 900 ms"),
    ),
    _Test(
        *(_EAST, "pricing-elasticity", "pricing", "Created", "ml.m5.xlarge", 25),
        *("2025-05-30T11:00:00.000", "2025-05-30T11:04:20.333", "pricing"),
        *(None, None, ("2035-01-08T06:00:00", "2035-01-22T06:00:00")),
    ),
    _Test(
        *(_EAST, "churn-monthly-refresh", "churn", "Creating", "ml.m5.2xlarge", 50),
        *("2025-05-31T22:15:37.640", "2025-05-31T22:15:37.640", "growth"),
    ),
    _Test(
        *(_EU, "search-relevance", "search", "Completed", "ml.g5.xlarge", 40),
        *("2025-05-05T07:30:00.125", "2025-05-12T07:43:21.910", "search"),
        *("BM25 hybrid against the two-tower model", None, ("2025-05-05T07:40:00", "2025-05-12T07:40:00")),
    ),
    _Test(
        *(_EU, "support-triage", "support", "Stopping", "ml.m5.xlarge", 75),
        *("2025-05-19T10:00:00.000", "2025-05-31T16:02:48.275", "support"),
        *("Routing of tickets, distilled model", "goal reached early"),
    ),
    _Test(
        *(_EU, "gdpr-redaction", "redaction", "Updating", "ml.c5.xlarge", 20),
        *("2025-05-27T12:12:12.120", "2025-05-31T18:30:05.551", "privacy"),
        *(None, None, ("2035-02-01T00:00:00", "2035-02-15T00:00:00")),
    ),
    _Test(
        *(_WEST, "search-relevance", "search", "Starting", "ml.g5.xlarge", 40),
        *("2025-05-31T23:50:00.125", "2025-05-31T23:58:40.004", "search"),
        *("BM25 hybrid against the two-tower model", None, ("2025-05-31T23:55:00", "2025-06-14T23:55:00")),
    ),
    _Test(
        *(_WEST, "image-moderation", "moderation", "Running", "ml.g5.4xlarge", 30),
        *("2025-05-22T17:45:30.770", "2025-05-22T17:59:09.200", "trust"),
        *("ViT-L against ConvNeXt",),
    ),
    _Test(
        *(_WEST, "demand-forecast", "forecast", "Completed", "ml.m5.4xlarge", 100),
        *("2025-02-10T06:00:00.000", "2025-02-17T06:11:54.662", "supply"),
        *("Weekly against daily features", None, ("2025-02-10T06:10:00", "2025-02-17T06:10:00")),
    ),
)
# Region, endpoint, its creation, instance type, team.
_ENDPOINTS = (
    (_EAST, "search", "2024-03-11T09:14:00.250", "ml.g5.xlarge", "search"),
    (_EAST, "payments-fraud", "2024-06-02T14:31:09.040", "ml.c5.2xlarge", "payments"),
    (_EAST, "churn", "2024-09-19T07:05:55.900", "ml.m5.2xlarge", "growth"),
    (_EAST, "pricing", "2025-01-15T16:48:27.311", "ml.m5.xlarge", "pricing"),
    (_EU, "search", "2024-03-12T10:02:41.660", "ml.g5.xlarge", "search"),
    (_EU, "support", "2024-11-05T12:20:00.005", "ml.m5.xlarge", "support"),
    (_EU, "redaction", "2025-02-20T08:33:18.470", "ml.c5.xlarge", "privacy"),
    (_WEST, "search", "2024-03-12T18:59:30.815", "ml.g5.xlarge", "search"),
    (_WEST, "moderation", "2024-07-23T21:11:47.128", "ml.g5.4xlarge", "trust"),
    (_WEST, "forecast", "2024-10-30T05:40:02.733", "ml.m5.4xlarge", "supply"),
)
_BUSY = {"Creating", "Starting", "Updating", "Stopping"}


def resources() -> Iterator[tuple[str, str, Members]]:
    """Type, region and members of every resource: 12 experiments, with their endpoints, configs and models."""
    for test in _TESTS:
        yield "InferenceExperiment", test.region, _experiment(test)
        yield "Model", test.region, _model(test.region, _shadow(test), test.created)
    for region, name, created, instance, team in _ENDPOINTS:
        yield "Model", region, _model(region, f"{name}-v1", created)
        yield "EndpointConfig", region, _config(name, created, instance, team)
        yield "Endpoint", region, _endpoint(region, name, created, team)


def _shadow(test: _Test) -> str:
    return f"{test.name}-v2"


def _experiment(test: _Test) -> Members:
    members: Members = {
        "Name": test.name,
        "Description": test.description,
        "Status": test.status,
        "StatusReason": test.reason,
        "RoleArn": ROLE,
        "EndpointName": test.endpoint,
        "CreationTime": test.created,
        "LastModifiedTime": test.changed,
        "ModelVariants": [
            variant("production", f"{test.endpoint}-v1", test.instance, 2),
            variant("shadow", _shadow(test), test.instance),
        ],
        "ShadowModeConfig": shadow_mode("production", "shadow", test.percentage),
        "Tags": {"team": test.team, "stage": "test" if test.percentage < 50 else "prod"},
    }
    if test.schedule is not None:
        members["Schedule"] = {"StartTime": test.schedule[0], "EndTime": test.schedule[1]}
    if test.percentage >= 40:
        members["DataStorageConfig"] = {
            "Destination": f"s3://experiments-{test.region}/{test.name}",
            "ContentType": {"JsonContentTypes": ["application/json"]},
        }
    if test.team == "payments":
        members["KmsKey"] = "alias/payments"
    return members


def _config(name: str, created: str, instance: str, team: str) -> Members:
    produced: dict[str, Any] = {
        "VariantName": "production",
        "ModelName": f"{name}-v1",
        "InitialInstanceCount": 2,
        "InstanceType": instance,
        "InitialVariantWeight": 1.0,
    }
    return {
        "EndpointConfigName": f"{name}-config",
        "ProductionVariants": [produced],
        "CreationTime": created,
        "Tags": {"team": team},
    }


def _endpoint(region: str, name: str, created: str, team: str) -> Members:
    image = _image(region)
    running: dict[str, Any] = {
        "VariantName": "production",
        "DeployedImages": [{"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": created}],
        "CurrentWeight": 1.0,
        "DesiredWeight": 1.0,
        "CurrentInstanceCount": 2,
        "DesiredInstanceCount": 2,
    }
    tests = [test for test in _TESTS if (test.region, test.endpoint) == (region, name)]
    return {
        "EndpointName": name,
        "EndpointConfigName": f"{name}-config",
        "EndpointStatus": "Updating" if any(test.status in _BUSY for test in tests) else "InService",
        "ProductionVariants": [running],
        "CreationTime": created,
        "LastModifiedTime": max(test.changed for test in tests),
        "Tags": {"team": team},
    }


def _model(region: str, name: str, created: str) -> Members:
    container = {
        "Image": _image(region),
        "Mode": "SingleModel",
        "ModelDataUrl": f"s3://models-{region}/{name}/model.tar.gz",
        "Environment": {"LOG_LEVEL": "info"},
    }
    return {
        "ModelName": name,
        "PrimaryContainer": container,
        "ExecutionRoleArn": ROLE,
        "CreationTime": created,
    }


def _image(region: str) -> str:
    return f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com/serving:1"

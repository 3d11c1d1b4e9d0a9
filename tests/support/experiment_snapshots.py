"""One inference experiment as Describe answers it, and writes to it."""

from __future__ import annotations

from typing import Any

from experiment_members import VARIANTS, sampling

from sqlprov.catalog import Catalog
from sqlprov.plan.write.next_step import next_step
from sqlprov.plan.write.steps import Refusal, Request, RowWrite, Snapshot, Step, Success, Wait, WriteKind

CATALOG = Catalog()
TABLE = CATALOG.get_table("aws", "sagemaker", "inference_experiments")
ARN = "arn:aws:sagemaker:us-east-1:123456789012:inference-experiment/trial"
BORN, START, END = 1735689600.0, 1735700000.5, 1736000000.0


def snapshot(state: str = "Created", tags: dict[str, str] | None = None, **members: Any) -> Snapshot:
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
    return Snapshot({**described, **members}, {"team": "core"} if tags is None else tags)


def update(**what: Any) -> RowWrite:
    values = {name: what.pop(name) for name in list(what) if name[0].isupper()}
    return RowWrite(TABLE, WriteKind.UPDATE, "us-east-1", ("trial",), values, **what)


def delete() -> RowWrite:
    return RowWrite(TABLE, WriteKind.DELETE, "us-east-1", ("trial",), {})


def execute(method: str, **values: Any) -> RowWrite:
    return RowWrite(TABLE, WriteKind.EXEC, "us-east-1", ("trial",), values, method=method)


def insert(**values: Any) -> RowWrite:
    return RowWrite(TABLE, WriteKind.INSERT, "us-east-1", ("trial",), {"Name": "trial", **values})


def request(write: RowWrite, now: Snapshot | None, *done: Request) -> Request:
    step = next_step(write, now, done)
    assert isinstance(step, Request), step
    return step


def refusal(write: RowWrite, now: Snapshot | None, *done: Request) -> str:
    step = next_step(write, now, done)
    assert isinstance(step, Refusal), step
    return step.reason


def brief(step: Step) -> str:
    """A step in one word: the call without the noun, `wait`, `refuse` or `ok`."""
    words = {Wait: "wait", Refusal: "refuse", Success: "ok"}
    return (
        step.operation.removesuffix("InferenceExperiment") if isinstance(step, Request) else words[type(step)]
    )

"""The steps taken against the local SageMaker: it accepts every call, and the row ends as was asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from experiment_members import VARIANTS, sampling, variant
from experiment_snapshots import TABLE, delete, update
from local_sagemaker import plain_client

from sqlprov.emulator import Emulator, Options
from sqlprov.plan.write.dry_run import simulate
from sqlprov.plan.write.next_step import next_step
from sqlprov.plan.write.steps import Refusal, Request, RowWrite, Snapshot, Success, Wait


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(Options(transition=0.02, stale_describe=2)) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def client(emulator: Emulator) -> Iterator[Any]:
    client = plain_client(emulator.url)
    yield client
    client.close()


def look(client: Any, emulator: Emulator) -> Snapshot | None:
    try:
        described = client.describe_inference_experiment(Name="trial")
    except client.exceptions.ResourceNotFound:
        return None
    tags = client.list_tags(ResourceArn=described["Arn"])["Tags"]
    return Snapshot(described, {tag["Key"]: tag["Value"] for tag in tags})


def carry_out(write: RowWrite, client: Any, emulator: Emulator) -> tuple[list[str], Refusal | None]:
    """Takes the steps; a Conflict is decided again."""
    done: list[Request] = []
    for _ in range(200):
        step = next_step(write, look(client, emulator), tuple(done))
        if isinstance(step, Wait):
            time.sleep(0.005)
        elif isinstance(step, Request):
            try:
                client._make_api_call(step.operation, dict(step.parameters))
            except client.exceptions.ConflictException:
                continue
            done.append(step)
        else:
            return [call.purpose for call in done], None if isinstance(step, Success) else step
    raise AssertionError("no end")


LATER = time.time() + 86400 * 3
CHANGES = [
    ("Created", update(Description="new", tags={"a": "1"}, desired="Running"), "update tag untag start"),
    ("Created", update(ModelVariants=[VARIANTS[0], variant("shadow", ModelName="m")]), "update"),
    ("Created", update(DataStorageConfig={"Destination": "s3://b/x"}, Description=None), "update"),
    ("Created", delete(), "delete"),
    ("Running", update(Schedule={"EndTime": LATER}, ShadowModeConfig=sampling(77)), "update"),
    ("Running", update(Description="new", desired="Cancelled", reason="why"), "update stop"),
    ("Running", update(tags={}, desired="Completed"), "untag stop"),
    ("Running", delete(), "stop delete"),
    ("Completed", delete(), "delete"),
    ("Completed", update(tags={"team": "edge"}), "tag"),
]


@pytest.mark.parametrize(("state", "write", "purposes"), CHANGES)
def test_the_service_accepts_every_step_and_the_dry_run_predicts_them(
    state: str, write: RowWrite, purposes: str, emulator: Emulator, client: Any
) -> None:
    put = {"Name": "trial", "Status": state, "ModelVariants": VARIANTS, "ShadowModeConfig": sampling(10)}
    times = {"StartTime": time.time() - 0.25, "EndTime": time.time() + 86400}
    storage = {"Destination": "s3://b/p", "KmsKey": "k"}
    more = {"Description": "old", "Schedule": times, "DataStorageConfig": storage, "Tags": {"team": "core"}}
    emulator.add("InferenceExperiment", "us-east-1", {**put, **more})

    calls, _, find_refusals = simulate(write, look(client, emulator))
    assert find_refusals is None
    assert [call.purpose for call in calls] == purposes.split()

    assert carry_out(write, client, emulator) == (purposes.split(), None)
    row = emulator.get("InferenceExperiment", "us-east-1", "trial")
    if "delete" in purposes:
        assert row is None
        return
    assert row is not None
    time.sleep(0.05)
    for _ in range(3):  # two reads after a Stop are older than it
        ended = look(client, emulator)
    assert ended is not None
    assert isinstance(next_step(write, ended, ()), Success)
    assert ended.get_state(TABLE) == (write.desired or state)
